//! The order in which the surroundings are asked. Only what is not set up is passed over.

use std::future::Future;
use std::pin::Pin;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_sts::operation::assume_role_with_web_identity::builders::AssumeRoleWithWebIdentityInputBuilder;
use connector_core::{Authenticated, Context, Error, Expiry, Result, Secret};

use super::{container, instance, profiles};
use crate::auth::common::session_name;
use crate::auth::sts::Sts;
use crate::auth::web_identity::read_token;
use crate::names::{RoleArn, SessionName};
use crate::session::{Keys, Place, Session};
use crate::surroundings::{DEFAULT_PROFILE, EnvironmentKeys, EnvironmentToken, Files, chosen_profile};

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Authenticated<Session>>> + Send + 'a>>;

/// Who this machine is. A profile that is named is the only thing that is looked at.
///
/// # Errors
/// The first source that is there but broken; when none is there, all of them as causes.
pub(super) async fn find(
    cx: &Context,
    place: &Place,
    profile: Option<&str>,
) -> Result<Authenticated<Session>> {
    if let Some(name) = profile {
        return profiles::named(cx, place, name).await;
    }
    let attempts: [(&str, Attempt<'_>); 5] = [
        ("the environment", Box::pin(environment(cx, place))),
        ("the files of the aws program", Box::pin(profiles::chosen(cx, place))),
        ("the web identity in the environment", Box::pin(web_identity(cx, place))),
        ("the container's endpoint", Box::pin(container::fetch(cx, place))),
        ("the instance's metadata", Box::pin(instance::fetch(cx, place))),
    ];
    let mut passed = Error::not_configured("nothing here says who this machine is at AWS");
    for (source, attempt) in attempts {
        match attempt.await {
            Err(error) if error.is_not_configured() => {
                passed = passed.with_cause(format!("{source}: {error}"))
            }
            Err(error) => {
                return Err(error.context(format!("{source} cannot be used, and nothing else is tried")));
            }
            found => return found,
        }
    }
    Err(passed.with_hint("set up one of these, or choose a method that holds its own credentials"))
}

/// What the surroundings say of the identity, without asking anybody: part of the cache key.
pub(super) fn describe(cx: &Context, profile: Option<&str>) -> Result<String> {
    if let Some(name) = profile {
        return profiles::describe(cx, &Files::read(cx)?, name);
    }
    if let Some(found) = EnvironmentKeys::read(cx)? {
        return Ok(describe_environment(&found));
    }
    let name = chosen_profile(cx);
    let files = Files::read(cx)?;
    match profiles::describe(cx, &files, name.as_deref().unwrap_or(DEFAULT_PROFILE)) {
        Err(error) if error.is_not_configured() => {}
        Err(_) if name.is_none() && files.profiles.profile(DEFAULT_PROFILE).is_none() => {}
        described => return described,
    }
    if let Some(token) = EnvironmentToken::read(cx)? {
        return Ok(format!("web identity {} {}", token.role_arn, token.token_file));
    }
    Ok(container::describe(cx).unwrap_or_else(|| "instance metadata".to_owned()))
}

/// What the environment's keys say of the identity.
pub(super) fn describe_environment(found: &EnvironmentKeys) -> String {
    let Keys { access_key_id, session_token, .. } = &found.keys;
    format!("environment {}", describe_key(access_key_id, session_token.as_ref()))
}

/// Which key it is, and of a temporary one which session.
pub(super) fn describe_key(access_key_id: &Secret, session_token: Option<&Secret>) -> String {
    let session = session_token.map(|token| format!(" {}", hash(token))).unwrap_or_default();
    format!("{}{session}", hash(access_key_id))
}

/// An access key id is no secret to AWS, but is hidden as such here.
pub(super) fn hash(text: &Secret) -> String {
    let digest = digest(&SHA256, text.expose().as_bytes());
    digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn environment(cx: &Context, place: &Place) -> Result<Authenticated<Session>> {
    let found = EnvironmentKeys::read(cx)?;
    let found = found.ok_or_else(|| Error::not_configured("AWS_ACCESS_KEY_ID is not set"))?;
    of_environment(cx, place, found)
}

/// The session of keys in the environment, while they are good.
pub(super) fn of_environment(
    cx: &Context,
    place: &Place,
    found: EnvironmentKeys,
) -> Result<Authenticated<Session>> {
    if found.expires_at.is_some_and(|end| end <= cx.now()) {
        return Err(Error::expired("the credentials in the environment have ended"));
    }
    Ok(as_found(found.keys, found.expires_at.map(Expiry::At), place))
}

async fn web_identity(cx: &Context, place: &Place) -> Result<Authenticated<Session>> {
    let found = EnvironmentToken::read(cx)?;
    let found = found.ok_or_else(|| Error::not_configured("AWS_WEB_IDENTITY_TOKEN_FILE is not set"))?;
    let role = RoleArn::parse(found.role_arn).map_err(|error| error.context("AWS_ROLE_ARN is wrong"))?;
    let name = found.session_name.as_deref().map(|name| SessionName::lossy(name, 64));
    assume_with_token(cx, place, &role, &found.token_file, name).await
}

/// Assumes a role with the token in a file.
pub(super) async fn assume_with_token(
    cx: &Context,
    place: &Place,
    role: &RoleArn,
    token_file: &str,
    name: Option<SessionName>,
) -> Result<Authenticated<Session>> {
    let token = read_token(cx, token_file)?;
    let name = name.unwrap_or_else(|| session_name(cx, 64));
    let request = AssumeRoleWithWebIdentityInputBuilder::default()
        .role_arn(role.as_str())
        .role_session_name(name.as_str())
        .web_identity_token(token.expose());
    Sts::new(cx, place, None).assume_role_with_web_identity(request).await
}

/// Keys that were found. Without a session token they do not end by themselves; with one they do, and where
/// nobody says when, whoever passes them on has to.
pub(super) fn as_found(keys: Keys, expiry: Option<Expiry>, place: &Place) -> Authenticated<Session> {
    let long_lived = keys.session_token.is_none();
    let expiry = expiry.unwrap_or_else(|| {
        Expiry::Never(match long_lived {
            true => "a user's access key lives until somebody deactivates it".into(),
            false => "what was found are temporary credentials, and nothing says when they end".into(),
        })
    });
    let mut session = Session::new(keys, place.clone());
    session.long_lived = long_lived;
    Authenticated::new(session, expiry)
}
