//! The token of elsewhere, which an external account exchanges: from a file, a URL, a program, or AWS.

mod aws;
mod program;

use connector_core::{Call, EndpointUrl, Error, ErrorKind, Request, Response, Result, Secret};
use serde_json::{Map, Value};

use crate::file::{ExternalAccount, Format, SubjectSource};
use crate::mint::Subject;
use crate::session::Place;
use crate::wire;

pub(crate) use aws::describe;

/// Reads the token anew: whoever writes it replaces it in time.
///
/// # Errors
/// A source that gives none.
pub(super) async fn read(cx: &Call<'_>, place: &Place, account: &ExternalAccount) -> Result<Subject> {
    let token = match &account.source {
        SubjectSource::File { path, format } => {
            let text = cx.read_text(path).map(Secret::new).map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    Error::not_found(format!("the token file {} is not there", path.display()))
                        .with_hint("check `credential_source.file`, and whatever writes it")
                }
                _ => error,
            })?;
            extract(format, &text, &format!("the token file {}", path.display()))
        }
        SubjectSource::Url { url, headers, format } => {
            let request = headers.iter().fold(Request::get(url.as_str()), |request, (name, value)| {
                request.with_header(name.to_lowercase(), value.expose())
            });
            let answer = ask(cx, place, url, request).await?;
            let text = String::from_utf8(answer.body().to_vec()).map(Secret::new);
            let text =
                text.map_err(|_| Error::unreachable("the token's URL answers something that is no text"))?;
            extract(format, &text, "the answer of the token's URL")
        }
        SubjectSource::Executable(program) => program::run(cx, account, program).await,
        SubjectSource::Aws(source) => aws::signed(cx, place, account, source).await,
    }?;
    Ok(Subject { token })
}

/// Asks a source's URL. A metadata service is the machine's own identity, which has to be switched on.
async fn ask(cx: &Call<'_>, place: &Place, url: &str, request: Request) -> Result<Response> {
    let metadata = is_metadata(url)?;
    if metadata {
        switched_on(cx, "this machine's metadata service")?;
    }
    let request = if metadata { request.to_metadata() } else { request };
    let answer = wire::send(cx, place, request).await;
    let answer = answer
        .map_err(|error| error.context("the source of the external account's token does not answer"))?;
    if answer.is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    Err(Error::refused(format!("the source of the external account's token answers with status {status}"))
        .with_hint("check `credential_source` in the external account"))
}

/// Refuses what is the machine's own identity, unless that is switched on.
fn switched_on(cx: &Call<'_>, what: &str) -> Result<()> {
    if cx.implicit() {
        return Ok(());
    }
    Err(Error::refused(format!("the external account takes its token from {what}")).with_hint(
        "set CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true on the host that issues, if that is meant",
    ))
}

/// The metadata services of Google, AWS (machines, containers), Azure and Alibaba, which answer over plain HTTP.
const METADATA: [&str; 8] = [
    "169.254.169.254",
    "metadata.google.internal",
    "metadata",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
];

/// Whether a URL is that of a metadata service.
///
/// # Errors
/// Plain HTTP to anywhere else, where the token would be read on its way, and hosts that nobody may ask.
fn is_metadata(url: &str) -> Result<bool> {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let Err(error) = EndpointUrl::parse(bare) else { return Ok(false) };
    let (_, rest) = bare.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    if METADATA.contains(&authority.strip_suffix(":80").unwrap_or(&authority)) {
        return Ok(true);
    }
    let with_tls = bare.strip_prefix("http://").map(|rest| EndpointUrl::parse(format!("https://{rest}")));
    match with_tls {
        Some(Ok(_)) => Err(Error::invalid(
            "`credential_source` has an http URL that is of no loopback or private address",
        )
        .with_hint("write https")),
        _ => Err(Error::invalid(format!("`credential_source` has a URL that is {}", error.message()))),
    }
}

fn extract(format: &Format, text: &Secret, place: &str) -> Result<Secret> {
    let token = match format {
        Format::Text => Some(Secret::new(text.expose().trim())),
        Format::Json(field) => {
            let object: Option<Map<String, Value>> = serde_json::from_str(text.expose()).ok();
            let object = object.ok_or_else(|| Error::invalid(format!("{place} is no JSON object")))?;
            let found = object.get(field).and_then(Value::as_str).map(Secret::new);
            return found.filter(|it| !it.is_empty()).ok_or_else(|| {
                Error::invalid(format!(
                    "{place} has no text in the field that `subject_token_field_name` names"
                ))
            });
        }
    };
    token.filter(|it| !it.is_empty()).ok_or_else(|| Error::invalid(format!("{place} is empty")))
}
