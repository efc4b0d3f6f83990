//! Machines elsewhere that Azure Arc knows. Who asks shows that he may read a file which only administrators and the
//! group of the agent can (protocol: Azure Arc managed identity, version 2020-06-01).

use std::path::PathBuf;

use connector_core::{Call, Context, Error, ErrorKind, Patience, Response, Result, Secret};

use super::{Chosen, Failure, local, may_pass, read, refused};
use crate::error;
use crate::mint::{Token, is_token};
use crate::names::Audience;

const CALL: &str = "arc:token";
const VERSION: &str = "2020-06-01";
/// What the agent writes is shorter than this.
const LARGEST: usize = 4096;

pub(super) async fn token(
    cx: &Call<'_>,
    url: &str,
    chosen: &Chosen,
    audience: &Audience,
) -> Result<Token, Failure> {
    if *chosen != Chosen::Own {
        return Err(Failure::Other(
            Error::refused("machines of Azure Arc have no identity but their own")
                .with_hint("leave `client_id` and `identity_resource_id` out, and unset AZURE_CLIENT_ID"),
        ));
    }
    let request = local(url, &[("api-version", VERSION), ("resource", audience.as_str())]).to_metadata();
    let gone = |error: Error| {
        error.context("the agent of Azure Arc does not answer").with_hint("is it running? azcmagent show")
    };
    let patience = Patience::default().with_passing(may_pass);
    let asked = cx.send_patiently(request.clone(), patience).await.map_err(gone)?;
    if asked.status() != 401 {
        return Err(match asked.is_success() {
            // Whoever gives it without a proof is not the agent.
            true => error::garbage(CALL).into(),
            false => refused(cx, CALL, chosen, &asked),
        });
    }
    let key = read_key(cx, &challenge(cx, &asked)?)?;
    let proof = Secret::new(format!("Basic {}", key.expose()));
    // Good for one try.
    let answer = cx.send(request.with_header("authorization", proof.expose())).await.map_err(gone)?;
    match answer.status() {
        200 => read(cx, CALL, &answer).map_err(Failure::Other),
        401 | 403 => Err(Failure::Other(
            Error::refused(format!("{CALL}: the agent does not take the key that it named"))
                .with_hint("try again; start the agent anew when that does not help"),
        )),
        _ => Err(refused(cx, CALL, chosen, &answer)),
    }
}

/// The folder of the keys, which is fixed: an endpoint that could name any file could have any file sent to it.
fn folder(cx: &Context) -> PathBuf {
    match cfg!(windows) {
        true => {
            let data = cx.var("ProgramData").unwrap_or_else(|| r"C:\ProgramData".to_owned());
            PathBuf::from(data).join("AzureConnectedMachineAgent").join("Tokens")
        }
        false => PathBuf::from("/var/opt/azcmagent/tokens"),
    }
}

/// The file that the challenge names.
fn challenge(cx: &Context, answer: &Response) -> Result<PathBuf> {
    let named = answer.header("www-authenticate").and_then(|it| it.strip_prefix("Basic realm="));
    let named = named.map(|it| it.trim().trim_matches('"')).ok_or_else(|| error::garbage(CALL))?;
    let folder = folder(cx);
    let prefix = format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR);
    let name = named.strip_prefix(&prefix).filter(|it| {
        let stem = it.strip_suffix(".key").unwrap_or_default();
        (1..=255).contains(&stem.len())
            && stem.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'))
            && !stem.starts_with('.')
    });
    name.map(|it| folder.join(it)).ok_or_else(|| {
        Error::refused(format!("{CALL}: the endpoint asks for a file that is no key of the agent's"))
            .with_hint("what answers there is not the agent of Azure Arc: check IDENTITY_ENDPOINT")
    })
}

fn read_key(cx: &Context, path: &std::path::Path) -> Result<Secret> {
    let text = cx.read_text(path).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::NotFound => "try again; start the agent anew when that does not help",
            _ => "add the user to the group himds, or to the administrators",
        };
        Error::refused("the key of the Azure Arc agent cannot be read")
            .with_cause(error.message())
            .with_hint(hint)
    })?;
    let text = Secret::new(text);
    let key = Secret::new(text.expose().trim());
    match text.expose().len() <= LARGEST && is_token(&key) {
        true => Ok(key),
        false => Err(Error::refused("the key file of the Azure Arc agent holds no key")
            .with_hint("what answers there is not the agent of Azure Arc: check IDENTITY_ENDPOINT")),
    }
}
