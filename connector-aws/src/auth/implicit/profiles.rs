//! From a profile of the `aws` program to a session.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use aws_sdk_sts::operation::assume_role::builders::AssumeRoleInputBuilder;
use connector_core::{Authenticated, Context, Error, ErrorKind, Result};

use super::chain::{
    Found, as_found, assume_with_token, describe_environment, describe_key, hash, of_environment,
    show_environment,
};
use super::{HOUR, container, instance, process};
use crate::auth::common::{mfa_code, session_name};
use crate::auth::sts::{self, Sts};
use crate::profile::{AssumedRole, Identity, RoleSource, Sso};
use crate::session::{Keys, Place, Session};
use crate::surroundings::{DEFAULT_PROFILE, EnvironmentKeys, Files, chosen_profile};

/// The session of a profile that was asked for by name: it has to be there.
pub(super) async fn named(cx: &Context, place: &Place, name: &str) -> Result<Authenticated<Session>> {
    let files = Files::read(cx)?;
    let resolved = files.profiles.resolve(name).map_err(|error| not_there(error, &files))?;
    session(cx, place, name, &resolved.identity).await
}

/// The session of the profile that the environment chooses, or of the default one.
pub(super) async fn chosen(cx: &Context, place: &Place) -> Result<Authenticated<Session>> {
    let files = Files::read(cx)?;
    let name = chosen_profile(cx);
    if name.is_none() && files.profiles.profile(DEFAULT_PROFILE).is_none() {
        return Err(Error::not_configured(format!("no profile `default` in {}", files.places())));
    }
    let name = name.as_deref().unwrap_or(DEFAULT_PROFILE);
    let resolved = files.profiles.resolve(name).map_err(|error| not_there(error, &files))?;
    session(cx, place, name, &resolved.identity).await
}

/// What the profile that the environment chooses, or the default one, says of the identity, without asking
/// anybody; nothing where none is chosen and there is no default one.
pub(super) fn look(cx: &Context) -> Result<Option<Found>> {
    let name = chosen_profile(cx);
    let files = Files::read(cx)?;
    if name.is_none() && files.profiles.profile(DEFAULT_PROFILE).is_none() {
        return Ok(None);
    }
    look_at(cx, &files, name.as_deref().unwrap_or(DEFAULT_PROFILE)).map(Some)
}

/// The same of one profile.
pub(super) fn look_at(cx: &Context, files: &Files, name: &str) -> Result<Found> {
    let resolved = files.profiles.resolve(name).map_err(|error| not_there(error, files))?;
    let Found { identity, shown, .. } = words(cx, &resolved.identity)?;
    Ok(Found::new(format!("profile {name}: {identity}"), format!("profile `{name}`: {shown}")))
}

fn not_there(error: Error, files: &Files) -> Error {
    match error.kind() {
        ErrorKind::NotFound => error.with_cause(format!("looked into {}", files.places())),
        _ => error,
    }
}

fn words(cx: &Context, identity: &Identity) -> Result<Found> {
    Ok(match identity {
        Identity::Static(keys) => {
            let shown = if keys.session_token.is_some() { "temporary keys" } else { "a long-lived key" };
            Found::new(
                format!("key {}", describe_key(&keys.access_key_id, keys.session_token.as_ref())),
                shown,
            )
        }
        Identity::Role(role) => {
            let source = source_of(cx, &role.source)?;
            let role = role.role_arn.as_str();
            Found::new(
                format!("role {role} by {}", source.identity),
                format!("role {role} by {}", source.shown),
            )
        }
        Identity::WebIdentity(it) => {
            let (role, file) = (it.role_arn.as_str(), &it.token_file);
            Found::new(format!("web identity {role} {file}"), format!("role {role} by the token in {file}"))
        }
        Identity::Sso(it) => {
            let (url, account, role) = (&it.start_url, it.account_id.as_str(), &it.role_name);
            Found::new(
                format!("sso {url} {account} {role}"),
                format!("role {role} in account {account} by the login at {url}"),
            )
        }
        Identity::Login(_) => Found::new("aws login", "`aws login`"),
        Identity::Process(command) => {
            Found::new(format!("process {}", hash(command)), "its credential_process")
        }
    })
}

/// Whose identity assumes a profile's role.
fn source_of(cx: &Context, source: &RoleSource) -> Result<Found> {
    Ok(match source {
        RoleSource::Profile { name, identity, .. } => {
            let Found { identity, shown, .. } = words(cx, identity)?;
            Found::new(identity, format!("profile `{name}`: {shown}"))
        }
        RoleSource::Environment => match EnvironmentKeys::read(cx)? {
            Some(found) => Found::new(describe_environment(&found), show_environment(&found)),
            None => Found::new("environment", "the environment, which has no keys"),
        },
        RoleSource::Ec2InstanceMetadata => Found::new("instance metadata", "the instance's role"),
        RoleSource::EcsContainer => {
            container::look(cx).unwrap_or_else(|| Found::new("container", "the container's endpoint"))
        }
    })
}

/// Goes through a chain of profiles, so it calls itself.
fn session<'a>(
    cx: &'a Context,
    place: &'a Place,
    profile: &'a str,
    identity: &'a Identity,
) -> Pin<Box<dyn Future<Output = Result<Authenticated<Session>>> + Send + 'a>> {
    Box::pin(async move {
        match identity {
            Identity::Static(found) => {
                let keys = Keys {
                    access_key_id: found.access_key_id.clone(),
                    secret_access_key: found.secret_access_key.clone(),
                    session_token: found.session_token.clone(),
                };
                let mut out = as_found(keys, None, place);
                out.session.account_id = found.account_id.as_ref().map(|id| id.as_str().to_owned());
                Ok(out)
            }
            Identity::Role(role) => assume(cx, place, profile, role).await,
            Identity::WebIdentity(it) => {
                assume_with_token(cx, place, &it.role_arn, &it.token_file, it.session_name.clone()).await
            }
            Identity::Sso(sso) => login(cx, place, profile, sso).await,
            Identity::Process(command) => process::run(cx, place, profile, command).await,
            Identity::Login(_) => Err(Error::invalid(format!(
                "profile {profile} is one of `aws login`, which cannot be used here"
            ))
            .with_hint("use `aws configure sso` or `aws configure export-credentials`")),
        }
    })
}

async fn assume(
    cx: &Context,
    place: &Place,
    profile: &str,
    role: &AssumedRole,
) -> Result<Authenticated<Session>> {
    let base = match &role.source {
        RoleSource::Profile { name, identity, .. } => session(cx, place, name, identity).await?,
        RoleSource::Environment => {
            let found = EnvironmentKeys::read(cx)?;
            let found = found.ok_or_else(|| {
                Error::invalid(format!(
                    "profile {profile} takes its source from the environment, which has no keys"
                ))
            })?;
            of_environment(cx, place, found)?
        }
        // Named by the profile, so that it is not set up is an error.
        RoleSource::EcsContainer => {
            container::fetch(cx, place).await.map_err(|error| missing(profile, error))?
        }
        RoleSource::Ec2InstanceMetadata => {
            instance::fetch(cx, place).await.map_err(|error| missing(profile, error))?
        }
    };
    let longest = if base.session.assumed_role { HOUR } else { Duration::MAX };
    let name = role.session_name.clone().unwrap_or_else(|| session_name(cx, 64));
    let mut request = AssumeRoleInputBuilder::default()
        .role_arn(role.role_arn.as_str())
        .role_session_name(name.as_str())
        .set_external_id(role.external_id.as_ref().map(ToString::to_string))
        .set_duration_seconds(sts::seconds(role.duration.map(|it| it.min(longest))));
    if let Some(serial) = &role.mfa_serial {
        let code = mfa_code(cx, serial.as_str(), "give the code with `--mfa-code`").await?;
        request = request.serial_number(serial.as_str()).token_code(code.expose());
    }
    let mut out = Sts::new(cx, place, Some(&base.session.keys)).assume_role(request).await?;
    out.expiry = out.expiry.min(base.expiry);
    Ok(out)
}

fn missing(profile: &str, error: Error) -> Error {
    match error.is_not_configured() {
        true => Error::invalid(format!("profile {profile} names a source that is not there"))
            .with_cause(error.to_string()),
        false => error,
    }
}

/// The login that the `aws` program keeps; read, never renewed, since renewing would take it from there.
#[cfg(feature = "sso")]
async fn login(cx: &Context, place: &Place, profile: &str, sso: &Sso) -> Result<Authenticated<Session>> {
    use crate::auth::sso::{kept_by_aws, with_login_of_aws};
    let hint = || format!("log in with `aws sso login --profile {profile}`");
    let tokens = kept_by_aws(cx, sso)?;
    let tokens =
        tokens.ok_or_else(|| Error::refused(format!("profile {profile} has no login")).with_hint(hint()))?;
    if !tokens.is_valid(cx.now()) {
        return Err(Error::expired(format!("the login of profile {profile} has ended")).with_hint(hint()));
    }
    with_login_of_aws(cx, place, sso, &tokens).await
}

#[cfg(not(feature = "sso"))]
async fn login(_: &Context, _: &Place, profile: &str, _: &Sso) -> Result<Authenticated<Session>> {
    Err(Error::invalid(format!("profile {profile} is one of IAM Identity Center"))
        .with_hint("build connector-aws with its feature `sso`"))
}
