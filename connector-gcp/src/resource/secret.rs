//! `secret`: a secret of Secret Manager.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{
    Access, Call, Clients, Error, ErrorKind, Handle, Issued, Listing, Offers, Parsed, ResourceAbout,
    ResourceType, Result, Secret, SecretReader, Wanted, in_id, not_an_id,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::common::{in_scope, pass_on, project, same_project, test_permissions};
use crate::Gcp;
use crate::credential::GcpCredential;
use crate::error;
use crate::names::{ProjectId, SecretName, Service};
use crate::session::Session;
use crate::wire::{Api, part};

/// A secret of a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredSecret {
    project: ProjectId,
    name: SecretName,
}

const WIDE: &str =
    "nothing: access boundaries touch Cloud Storage alone, so the token may do all that the account may";

impl StoredSecret {
    /// Whose it is.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &SecretName {
        &self.name
    }

    fn path(&self) -> String {
        format!("/v1/projects/{}/secrets/{}", part(self.project.as_str()), self.name)
    }
}

impl ResourceType for StoredSecret {
    const ID: &'static str = "secret";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Secret Manager secret",
        "A secret in Google Secret Manager, in the connector's project. `connector read-secret` prints its value.",
    )
    .forms(&[
        ("projects/PROJECT/secrets/SECRET", "the canonical form; `/versions/latest` behind it says the same"),
        ("SECRET", "its name alone; completed with the connector's project"),
        (
            "projects/NUMBER/secrets/SECRET",
            "as the console and the API write it; the number is compared with that of the connector's project, which the \
             account has to be allowed to look at",
        ),
    ])
    .targets("the secret, or the project")
    .hands_on()
    .narrows(WIDE);
    type Connector = Gcp;
    type Credential = GcpCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let full =
            text.strip_prefix("//secretmanager.googleapis.com/").filter(|it| it.starts_with("projects/"));
        match full.unwrap_or(text).split('/').collect::<Vec<_>>()[..] {
            ["projects", of, "secrets", name] | ["projects", of, "secrets", name, "versions", "latest"] => {
                if is_number(of) {
                    let name = in_id::<Self, _>(SecretName::parse(name))?;
                    return Ok(Parsed::partial(format!("projects/{of}/secrets/{name}")));
                }
                let project = in_id::<Self, _>(ProjectId::parse(of))?;
                let name = in_id::<Self, _>(SecretName::parse(name))?;
                Ok(Parsed::exact(Self { project, name }))
            }
            // What is read is the latest one: another would be something else than was asked for.
            ["projects", _, "secrets", _, "versions", _] => {
                Err(not_an_id::<Self>("it names a version, and only the latest is read"))
            }
            [name] => in_id::<Self, _>(SecretName::parse(name)).map(|_| Parsed::partial(text)),
            _ => Err(not_an_id::<Self>("it has another number of parts")),
        }
    }

    fn id(&self) -> String {
        format!("projects/{}/secrets/{}", self.project, self.name)
    }

    /// Puts the session's project in front, which needs no call. Where a number stands there, one call tells whether it
    /// is that project's.
    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`secret` needs the name of a secret"));
        }
        let (number, name) = match partial.split('/').collect::<Vec<_>>()[..] {
            ["projects", number, "secrets", name] if is_number(number) => (Some(number), name),
            _ => (None, partial),
        };
        let name = in_id::<Self, _>(SecretName::parse(name))?;
        let project = project(session)?.clone();
        if let Some(number) = number {
            let own = number_of(&project, session, cx).await?;
            if own != number {
                return Err(error::elsewhere(number, &project));
            }
        }
        Ok(Self { project, name })
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        in_scope(&self.project, scope)
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        let mut all = vec!["secretmanager.secrets.list"];
        all.extend(needed(access));
        all
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            #[serde(default)]
            secrets: Vec<Named>,
            next_page_token: Option<String>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let project = project(session)?;
        let path = format!("/v1/projects/{}/secrets", part(project.as_str()));
        let found = Api::new(cx, session).pages(
            "secretmanager.secrets.list",
            Service::SecretManager,
            &path,
            &[("pageSize", "1000")],
            |page: Page| (page.secrets, page.next_page_token),
        );
        // Google answers with the project's number: what the connector calls the project is put in its place.
        let names =
            found.await?.into_iter().filter_map(|it| SecretName::parse(it.name.rsplit('/').next()?).ok());
        Ok(Listing::of(names.map(|name| Self { project: project.clone(), name }.id())))
    }

    /// One call: which permissions the token has on the secret.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        same_project(&self.project, session)?;
        const TEST: &str = "secretmanager.secrets.testIamPermissions";
        let path = format!("{}:testIamPermissions", self.path());
        let tested =
            test_permissions(session, cx, TEST, Service::SecretManager, &path, needed(wanted.access)).await;
        tested.map_err(|error| self.unreached(error))
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<GcpCredential>> {
        same_project(&self.project, session)?;
        Ok(pass_on(session).not_narrowed(WIDE))
    }

    fn clients() -> Clients<Handle<Self>> {
        Clients::none().with::<SecretReader>()
    }
}

/// Whether a text is a project's number and not its id, which begins with a letter.
fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit())
}

/// The number of the connector's project: one call.
async fn number_of(project: &ProjectId, session: &Session, cx: &Call<'_>) -> Result<String> {
    #[derive(Deserialize)]
    struct Project {
        name: String,
    }
    let path = format!("/v3/projects/{}", part(project.as_str()));
    let found: Result<Project> =
        Api::new(cx, session).get("projects.get", Service::ResourceManager, &path, &[]).await;
    let found = found.map_err(|error| {
        error.context(format!("whether the number is that of project `{project}` is not seen")).with_hint(format!(
            "write `projects/{project}/secrets/…` or the secret's name alone, or let the account look at the project \
             (roles/browser)"
        ))
    })?;
    found.name.strip_prefix("projects/").map(str::to_owned).ok_or_else(|| error::garbage("projects.get"))
}

const fn needed(access: Access) -> &'static [&'static str] {
    match access {
        Access::Read => &["secretmanager.versions.access"],
        Access::Write => &["secretmanager.versions.access", "secretmanager.versions.add"],
        Access::Admin => &[
            "secretmanager.versions.access",
            "secretmanager.versions.add",
            "secretmanager.secrets.delete",
            "secretmanager.secrets.setIamPolicy",
        ],
    }
}

impl StoredSecret {
    fn unreached(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!("there is no secret `{}`", self.id())),
            ErrorKind::Refused => error
                .context(format!("secret `{}` is not reached", self.id()))
                .or_hint("grant the account roles/secretmanager.secretAccessor on it"),
            _ => error,
        }
    }
}

impl Offers<SecretReader> for StoredSecret {
    async fn offer(handle: Handle<Self>) -> Result<SecretReader> {
        Ok(SecretReader::new(move || read_latest(handle.clone())))
    }
}

/// The latest version of the secret.
async fn read_latest(handle: Handle<StoredSecret>) -> Result<Secret> {
    #[derive(Deserialize)]
    struct Accessed {
        payload: Payload,
    }
    #[derive(Deserialize)]
    struct Payload {
        data: Option<Secret>,
    }
    const ACCESS: &str = "secretmanager.versions.access";
    let issued = handle.issue().await?;
    let cx = handle.source().context();
    let session = Session::of(&issued.credential, &cx)?;
    let secret = handle.resource();
    let path = format!("{}/versions/latest:access", secret.path());
    let answer = Api::new(&cx, &session).get::<Accessed>(ACCESS, Service::SecretManager, &path, &[]).await;
    let answer = answer.map_err(|error| secret.unreached(error))?;
    let data = answer.payload.data.unwrap_or_else(|| Secret::new(""));
    let bytes = Zeroizing::new(STANDARD.decode(data.expose()).map_err(|_| error::garbage(ACCESS))?);
    let text = std::str::from_utf8(&bytes).map(Secret::new);
    text.map_err(|_| Error::refused(format!("secret `{}` is no text, and is not printed", secret.id())))
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
