//! The places where an identity is looked for, in the order of Google's libraries.

use connector_core::{Call, Context, Error, Origin, OriginState, Result, Step};

use super::metadata;
use crate::auth::common::{Network, OfFile};
use crate::auth::subject;
use crate::auth::token::{self, Minted};
use crate::file::CredentialFile;
use crate::mint;
use crate::names::{ProjectId, Scope};
use crate::session::Place;
use crate::surroundings::{
    CREDENTIALS, FoundFile, Gcloud, default_file, metadata_host, named_file, named_project,
    named_quota_project,
};

/// A file and what it holds.
struct Read {
    found: FoundFile,
    file: CredentialFile,
}

/// The first file that there is, as it lies there.
fn first_found(cx: &Context) -> Result<Option<FoundFile>> {
    match named_file(cx)? {
        Some(found) => Ok(Some(found)),
        None => default_file(cx),
    }
}

/// The first file that there is.
fn first_file(cx: &Context) -> Result<Option<Read>> {
    first_found(cx)?.map(read).transpose()
}

fn read(found: FoundFile) -> Result<Read> {
    let file = CredentialFile::parse(&found.text).map_err(|error| not_taken(&found, error))?;
    Ok(Read { found, file })
}

fn not_taken(found: &FoundFile, error: Error) -> Error {
    error.context(format!("{} is no credential that is taken", found.path.display()))
}

/// A token of the machine's own identity, and where it is good.
pub(super) async fn find(cx: &Call<'_>, network: &Network, scopes: &[Scope]) -> Result<(Place, Minted)> {
    let Some(Read { file, .. }) = first_file(cx)? else {
        return metadata::token(cx, network, named_project(cx)?, scopes).await;
    };
    let place = place(cx, network, &file)?;
    let minted = token::of_file(cx, &place, &file, scopes).await?;
    Ok((place, minted))
}

/// The place of a file, whose project is that of the variables, else its own, else gcloud's.
fn place(cx: &Context, network: &Network, file: &CredentialFile) -> Result<Place> {
    let (named, of_gcloud, quota) = (named_project(cx)?, gcloud_project(cx), named_quota_project(cx)?);
    let of_file = OfFile {
        project: named.as_ref().or(file.project()).or(of_gcloud.as_ref()),
        quota_project: quota.as_ref().or(file.quota_project()),
        universe: file.universe(),
        urls: file.urls(),
        field: None,
    };
    network.place(cx, &of_file)
}

/// gcloud's own project: what people mean who logged in with it.
fn gcloud_project(cx: &Context) -> Option<ProjectId> {
    Gcloud::read(cx, None).ok().flatten()?.project
}

/// What decides whose identity it is, for the cache key.
pub(super) fn describe(cx: &Context) -> Result<String> {
    use aws_lc_rs::digest::{SHA256, digest};
    let (named, quota) = (named_project(cx)?, named_quota_project(cx)?);
    let text = |project: Option<ProjectId>| project.map(|it| it.to_string()).unwrap_or_default();
    let identity = match first_found(cx)? {
        Some(found) => {
            let project = text(named.or_else(|| gcloud_project(cx)));
            // What a file says is in the digest of its text: it is not read whole at each look into the cache. The keys of
            // AWS that an external account is used with are the machine's.
            let key = match CredentialFile::is_external(&found.text) {
                Ok(true) => subject::describe(cx),
                Ok(false) => String::new(),
                Err(error) => return Err(not_taken(&found, error)),
            };
            let print = digest(&SHA256, found.text.expose().as_bytes());
            let print: String = print.as_ref().iter().take(16).map(|it| format!("{it:02x}")).collect();
            format!("file:{}#{print}:{project}:{key}", found.path.display())
        }
        None => format!("metadata:{}:{}", metadata_host(cx), text(named)),
    };
    Ok(format!("{identity}:{}", text(quota)))
}

/// The requests, without sending them.
pub(super) fn explain(cx: &Call<'_>, network: &Network, scopes: &[Scope]) -> Result<(Place, Vec<Step>)> {
    Ok(match first_file(cx)? {
        Some(Read { file, .. }) => {
            let place = place(cx, network, &file)?;
            let life = cx.duration().unwrap_or(mint::HOUR);
            let steps = token::explain_file(&place, &file, scopes, life);
            (place, steps)
        }
        None => (network.place(cx, &OfFile::default())?, vec![metadata::explain(scopes)]),
    })
}

/// The places, with what is there now.
pub(super) fn origins(cx: &Context) -> Vec<Origin> {
    let mut decided = false;
    let mut out = Vec::new();
    for (place, found) in
        [(CREDENTIALS, named_file(cx)), ("application-default credentials of gcloud", default_file(cx))]
    {
        let (state, detail) = match found.and_then(|found| found.map(read).transpose()) {
            Ok(Some(Read { found, file })) => {
                let state = if decided { OriginState::Hidden } else { OriginState::Used };
                (state, format!("{}, {}", found.path.display(), file.what()))
            }
            Ok(None) => (OriginState::Absent, "nothing is there".to_owned()),
            Err(error) => (OriginState::Broken, error.message().to_owned()),
        };
        decided |= state != OriginState::Absent;
        out.push(Origin::new(place, state, detail));
    }
    let (state, detail) = match decided {
        true => (OriginState::Hidden, "not asked".to_owned()),
        false => (OriginState::Asked, metadata_host(cx)),
    };
    out.push(Origin::new("metadata service", state, detail));
    out
}
