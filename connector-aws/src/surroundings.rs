//! What the surroundings say, read through the ports only: the `AWS_*` variables and the files of the
//! `aws` program. Shared by the method that uses them and by auto-configuration, which lifts from them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use connector_core::{Context, Error, ErrorKind, Result, Secret, parse_time};

use crate::profile::Profiles;
use crate::session::Keys;

/// Keys in the environment.
#[derive(Debug)]
pub(crate) struct EnvironmentKeys {
    pub(crate) keys: Keys,
    /// When they end, where `AWS_CREDENTIAL_EXPIRATION` says so.
    pub(crate) expires_at: Option<SystemTime>,
}

impl EnvironmentKeys {
    /// The keys in the environment; `None` when there are none.
    ///
    /// # Errors
    /// Invalid input when only half of them is there, or their end cannot be read.
    pub(crate) fn read(cx: &Context) -> Result<Option<Self>> {
        let var = |name: &str| cx.var(name).map(Secret::new);
        let missing = |name: &str| {
            Error::invalid(format!("{name} is not set, but its other half is"))
                .with_hint("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
        };
        let (access_key_id, secret_access_key) =
            match (var("AWS_ACCESS_KEY_ID"), var("AWS_SECRET_ACCESS_KEY")) {
                (None, None) => return Ok(None),
                (Some(_), None) => return Err(missing("AWS_SECRET_ACCESS_KEY")),
                (None, Some(_)) => return Err(missing("AWS_ACCESS_KEY_ID")),
                (Some(id), Some(secret)) => (id, secret),
            };
        let session_token = var("AWS_SESSION_TOKEN").or_else(|| var("AWS_SECURITY_TOKEN"));
        let expires_at = cx.var("AWS_CREDENTIAL_EXPIRATION").filter(|_| session_token.is_some());
        let expires_at = expires_at.map(|text| parse_time(&text)).transpose();
        let expires_at =
            expires_at.map_err(|error| error.context("AWS_CREDENTIAL_EXPIRATION cannot be read"))?;
        let keys = Keys { access_key_id, secret_access_key, session_token };
        Ok(Some(Self { keys, expires_at }))
    }
}

/// A role for a token in the environment, as EKS sets it up (IRSA).
#[derive(Debug)]
pub(crate) struct EnvironmentToken {
    pub(crate) role_arn: String,
    pub(crate) token_file: String,
    pub(crate) session_name: Option<String>,
}

impl EnvironmentToken {
    /// What the environment says; `None` when it names no token file.
    ///
    /// # Errors
    /// Invalid input when it names no role.
    pub(crate) fn read(cx: &Context) -> Result<Option<Self>> {
        let Some(token_file) = cx.var("AWS_WEB_IDENTITY_TOKEN_FILE") else { return Ok(None) };
        let role_arn = cx.var("AWS_ROLE_ARN");
        let role_arn = role_arn
            .ok_or_else(|| Error::invalid("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not"))?;
        Ok(Some(Self { role_arn, token_file, session_name: cx.var("AWS_ROLE_SESSION_NAME") }))
    }
}

/// The files of the `aws` program, and which of their profiles is meant.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) profiles: Profiles,
    pub(crate) config: Option<PathBuf>,
    pub(crate) credentials: Option<PathBuf>,
}

impl Files {
    /// Reads the files where `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` say, else in `.aws` below
    /// the home directory. A file that is not there is an empty one.
    ///
    /// # Errors
    /// Those of [`Profiles::parse`], naming file and line, and files that cannot be read.
    pub(crate) fn read(cx: &Context) -> Result<Self> {
        let path = |variable: &str, name: &str| {
            let own = cx.var(variable).map(|text| expand_home(cx, &text));
            own.or_else(|| Some(cx.home()?.join(".aws").join(name)))
        };
        let config = path("AWS_CONFIG_FILE", "config");
        let credentials = path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let texts = (read_if_there(cx, config.as_deref())?, read_if_there(cx, credentials.as_deref())?);
        let profiles = Profiles::parse(
            config.as_deref().zip(texts.0.as_ref().map(Secret::expose)),
            credentials.as_deref().zip(texts.1.as_ref().map(Secret::expose)),
        )?;
        Ok(Self { profiles, config, credentials })
    }

    /// The files, for messages.
    pub(crate) fn places(&self) -> String {
        let places = [&self.config, &self.credentials].into_iter().flatten();
        let places: Vec<_> = places.map(|path| path.display().to_string()).collect();
        if places.is_empty() { "no home directory".into() } else { places.join(" and ") }
    }
}

/// The profile that the environment chooses.
pub(crate) fn chosen_profile(cx: &Context) -> Option<String> {
    cx.var("AWS_PROFILE").or_else(|| cx.var("AWS_DEFAULT_PROFILE"))
}

/// The profile of those who choose none.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// Both files may hold keys.
fn read_if_there(cx: &Context, path: Option<&Path>) -> Result<Option<Secret>> {
    match path.map(|path| cx.read_text(path)) {
        None => Ok(None),
        Some(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        Some(read) => read.map(|text| Some(Secret::new(text))),
    }
}

fn expand_home(cx: &Context, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), cx.home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}
