//! Logging in to ECR: the token, whose registry it is for, and when it ends.

use std::time::SystemTime;

use aws_types::region::Region as SdkRegion;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Call, Error, Expiry, Result, Secret};
use connector_docker::Login;

use super::docker_registry::{DockerRegistry, read_host};
use crate::error;
use crate::names::{AccountId, RepositoryName};
use crate::policy::Kind;
use crate::session::Session;
use crate::wire::{self, Observed};

/// A login to ECR.
#[derive(Debug)]
pub(super) struct EcrLogin {
    pub(super) login: Login,
    pub(super) expiry: Expiry,
    /// Whose registry it is, where the answer's address is one of AWS's.
    pub(super) account: Option<AccountId>,
}

/// Where the public registry's API is.
const PUBLIC_REGION: &str = "us-east-1";

fn call(kind: Kind) -> &'static str {
    match kind {
        Kind::PublicRegistry => "ecr-public:GetAuthorizationToken",
        _ => "ecr:GetAuthorizationToken",
    }
}

/// The answer to a call for a login lacks what it has to hold.
pub(super) fn incomplete(kind: Kind) -> Error {
    error::incomplete(call(kind))
}

/// A login to the private registries in the session's region.
pub(super) async fn private(session: &Session, cx: &Call<'_>) -> Result<EcrLogin> {
    let kind = Kind::Registry;
    let region = SdkRegion::new(session.place.region.to_string());
    let (config, observed) = wire::observed(cx, &session.place, Some(&session.keys), region);
    let answer = aws_sdk_ecr::Client::new(&config).get_authorization_token().send().await;
    let answer = answer.map_err(|error| error::from_sdk(cx, call(kind), error))?;
    let data = answer.authorization_data().first().ok_or_else(|| incomplete(kind))?;
    let host = data.proxy_endpoint().and_then(|it| it.strip_prefix("https://"));
    let account = match host.map(read_host) {
        Some(Ok(DockerRegistry::Private { account, .. })) => Some(account),
        _ => None,
    };
    let (login, expiry) = read(kind, data.authorization_token(), data.expires_at(), &observed, cx)?;
    Ok(EcrLogin { login, expiry, account })
}

/// A login to `public.ecr.aws`.
pub(super) async fn public(session: &Session, cx: &Call<'_>) -> Result<EcrLogin> {
    let kind = Kind::PublicRegistry;
    let region = SdkRegion::from_static(PUBLIC_REGION);
    let (config, observed) = wire::observed(cx, &session.place, Some(&session.keys), region);
    let answer = aws_sdk_ecrpublic::Client::new(&config).get_authorization_token().send().await;
    let answer = answer.map_err(|error| error::from_sdk(cx, call(kind), error))?;
    let data = answer.authorization_data().ok_or_else(|| incomplete(kind))?;
    let (login, expiry) = read(kind, data.authorization_token(), data.expires_at(), &observed, cx)?;
    Ok(EcrLogin { login, expiry, account: None })
}

/// Looks at a repository in the session's region, by a call that names one repository: so a policy for that
/// one is enough.
pub(super) async fn find_private(
    account: &AccountId,
    repository: &RepositoryName,
    session: &Session,
    cx: &Call<'_>,
) -> Result<()> {
    let client = aws_sdk_ecr::Client::new(&session.sdk_config(cx));
    let call = client
        .list_images()
        .registry_id(account.as_str())
        .repository_name(repository.as_str())
        .max_results(1);
    let answer = call.send().await.map_err(|error| error::from_sdk(cx, "ecr:ListImages", error));
    answer.map(|_| ()).map_err(|error| error.context(format!("repository `{repository}` is not reached")))
}

/// Looks at a repository in the caller's public registry.
pub(super) async fn find_public(repository: &RepositoryName, session: &Session, cx: &Call<'_>) -> Result<()> {
    let client = aws_sdk_ecrpublic::Client::new(&session.sdk_config_in(cx, PUBLIC_REGION));
    let call = client.describe_images().repository_name(repository.as_str()).max_results(1);
    let answer = call.send().await.map_err(|error| error::from_sdk(cx, "ecr-public:DescribeImages", error));
    answer
        .map(|_| ())
        .map_err(|error| error.context(format!("public repository `{repository}` is not reached")))
}

/// Takes an answer apart: base64 of `user:password`, where the password may hold more colons.
fn read(
    kind: Kind,
    token: Option<&str>,
    end: Option<&aws_smithy_types::DateTime>,
    observed: &Observed,
    cx: &Call<'_>,
) -> Result<(Login, Expiry)> {
    let login = token.and_then(split).ok_or_else(|| incomplete(kind))?;
    let end = end.and_then(|it| SystemTime::try_from(*it).ok()).ok_or_else(|| incomplete(kind))?;
    // The end is given by the clock of AWS: what counts is how far it is from the answer's own time.
    let answered = observed.provider_now().unwrap_or_else(|| cx.began());
    Ok((login, cx.expires_at(end, answered)))
}

fn split(token: &str) -> Option<Login> {
    let text = Secret::new(String::from_utf8(STANDARD.decode(token).ok()?).ok()?);
    let (username, password) = text.expose().split_once(':')?;
    let good = !username.is_empty() && !password.is_empty();
    good.then(|| Login::Password { username: username.to_owned(), password: Secret::new(password) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S51: what ECR gives is split at the first colon.
    #[test]
    fn s51_a_token_is_split_at_the_first_colon() {
        let token = |text: &str| split(&STANDARD.encode(text));
        let Some(Login::Password { username, password }) = token("AWS:eyJ:a:b==") else { panic!("no login") };
        assert_eq!((username.as_str(), password.expose()), ("AWS", "eyJ:a:b=="));
        for text in ["", "AWS", "AWS:", ":password"] {
            assert!(token(text).is_none(), "{text}");
        }
        assert!(split("no base64!").is_none());
        assert!(split(&STANDARD.encode([0xff, b':', 0xfe])).is_none());
    }
}
