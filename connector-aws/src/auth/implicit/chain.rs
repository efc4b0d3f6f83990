//! The order in which the surroundings are asked. Only what is not set up is passed over.

use std::future::Future;
use std::pin::Pin;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_sts::operation::assume_role_with_web_identity::builders::AssumeRoleWithWebIdentityInputBuilder;
use connector_core::{
    Authenticated, Context, Error, Expiry, Origin, OriginState, Result, Secret, format_time,
};

use super::{container, instance, profiles};
use crate::auth::common::session_name;
use crate::auth::sts::Sts;
use crate::auth::web_identity::read_token;
use crate::names::{RoleArn, SessionName};
use crate::session::{Keys, Place, Session};
use crate::surroundings::{EnvironmentKeys, EnvironmentToken, Files};

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Authenticated<Session>>> + Send + 'a>>;

/// One source of the chain.
struct Source {
    name: &'static str,
    /// What is set up here, without asking anybody; nothing where it is passed over.
    look: fn(&Context) -> Result<Option<Found>>,
    /// What to set up, where nothing is.
    absent: &'static str,
    fetch: for<'a> fn(&'a Context, &'a Place) -> Attempt<'a>,
}

/// What a look at a source shows.
pub(super) struct Found {
    /// What tells this identity from another one: part of the cache key.
    pub(super) identity: String,
    /// The same for people.
    pub(super) shown: String,
    /// Whether it takes a call to know.
    pub(super) asked: bool,
}

impl Found {
    pub(super) fn new(identity: impl Into<String>, shown: impl Into<String>) -> Self {
        Self { identity: identity.into(), shown: shown.into(), asked: false }
    }
}

/// All sources, in the order in which they are asked.
const CHAIN: [Source; 5] = [
    Source {
        name: "the environment",
        look: look_at_environment,
        absent: "AWS_ACCESS_KEY_ID is not set",
        fetch: |cx, place| Box::pin(environment(cx, place)),
    },
    Source {
        name: "the files of the aws program",
        look: profiles::look,
        absent: "AWS_PROFILE is not set, and there is no profile `default`",
        fetch: |cx, place| Box::pin(profiles::chosen(cx, place)),
    },
    Source {
        name: "the web identity in the environment",
        look: look_at_web_identity,
        absent: "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
        fetch: |cx, place| Box::pin(web_identity(cx, place)),
    },
    Source {
        name: "the container's endpoint",
        look: |cx| Ok(container::look(cx)),
        absent: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set",
        fetch: |cx, place| Box::pin(container::fetch(cx, place)),
    },
    Source {
        name: "the instance's metadata",
        look: |cx| Ok(instance::look(cx)),
        absent: "AWS_EC2_METADATA_DISABLED switches it off",
        fetch: |cx, place| Box::pin(instance::fetch(cx, place)),
    },
];

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
    let mut passed = Error::not_configured("nothing here says who this machine is at AWS");
    for Source { name, fetch, .. } in CHAIN {
        match fetch(cx, place).await {
            Err(error) if error.is_not_configured() => passed = passed.with_cause(format!("{name}: {error}")),
            Err(error) => {
                return Err(error.context(format!("{name} cannot be used, and nothing else is tried")));
            }
            found => return found,
        }
    }
    Err(passed.with_hint("set up one of these, or choose a method that holds its own credentials"))
}

/// What the surroundings say of the identity, without asking anybody: part of the cache key.
pub(super) fn describe(cx: &Context, profile: Option<&str>) -> Result<String> {
    if let Some(name) = profile {
        return Ok(profiles::look_at(cx, &Files::read(cx)?, name)?.identity);
    }
    for source in CHAIN {
        if let Some(found) = (source.look)(cx)? {
            return Ok(found.identity);
        }
    }
    Ok("nothing".to_owned())
}

/// The same for people: which source is used, which ones it hides, and why the others are passed over.
pub(super) fn origins(cx: &Context, profile: Option<&str>) -> Vec<Origin> {
    if let Some(name) = profile {
        let look = Files::read(cx).and_then(|files| profiles::look_at(cx, &files, name));
        let (state, detail) = match look {
            Ok(found) => (OriginState::Used, found.shown),
            Err(error) => (OriginState::Broken, error.to_string()),
        };
        return vec![Origin::new("the profile that the connector names", state, detail)];
    }
    let mut decided = false;
    let origin = |source: Source| {
        let (state, detail) = match (source.look)(cx) {
            Ok(None) => (OriginState::Absent, source.absent.to_owned()),
            Ok(Some(found)) if decided => (OriginState::Hidden, found.shown),
            Err(error) if decided => (OriginState::Hidden, format!("cannot be used: {error}")),
            Ok(Some(found)) if found.asked => (OriginState::Asked, found.shown),
            Ok(Some(found)) => (OriginState::Used, found.shown),
            Err(error) => (OriginState::Broken, error.to_string()),
        };
        decided |= matches!(state, OriginState::Used | OriginState::Broken);
        Origin::new(source.name, state, detail)
    };
    CHAIN.into_iter().map(origin).collect()
}

fn look_at_environment(cx: &Context) -> Result<Option<Found>> {
    let found = EnvironmentKeys::read(cx)?;
    Ok(found.map(|found| Found::new(describe_environment(&found), show_environment(&found))))
}

fn look_at_web_identity(cx: &Context) -> Result<Option<Found>> {
    let found = EnvironmentToken::read(cx)?;
    Ok(found.map(|EnvironmentToken { role_arn, token_file, .. }| {
        let shown = format!("role {role_arn} by the token in {token_file}");
        Found::new(format!("web identity {role_arn} {token_file}"), shown)
    }))
}

/// The environment's keys for people.
pub(super) fn show_environment(found: &EnvironmentKeys) -> String {
    match (&found.keys.session_token, found.expires_at) {
        (None, _) => "the long-lived key in AWS_ACCESS_KEY_ID".to_owned(),
        (Some(_), None) => "the temporary key in AWS_ACCESS_KEY_ID; nothing says when it ends".to_owned(),
        (Some(_), Some(end)) => {
            format!("the temporary key in AWS_ACCESS_KEY_ID, which ends at {}", format_time(end))
        }
    }
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
