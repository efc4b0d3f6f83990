//! The JSON that all credential files are, before it is known which one it is.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use connector_core::{Error, Result, Secret};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use zeroize::Zeroizing;

use super::client_secrets::RawClient;
use super::source::RawSource;
use crate::names::{EndpointUrl, ProjectId, UniverseDomain};

/// Every field of every form. What else stands in a file is passed over, as Google's libraries do. A credential may
/// hold one other and no more, so the depth of a file is bounded before it is read.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Raw<Within = Box<Raw<IgnoredAny>>> {
    #[serde(rename = "type")]
    type_: Option<String>,
    pub(super) project_id: Option<String>,
    pub(super) quota_project_id: Option<String>,
    pub(super) universe_domain: Option<String>,
    pub(super) token_uri: Option<String>,
    pub(super) private_key_id: Option<String>,
    pub(super) private_key: Option<Secret>,
    pub(super) client_email: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Secret>,
    pub(super) refresh_token: Option<Secret>,
    pub(super) account: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) subject_token_type: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) service_account_impersonation_url: Option<String>,
    pub(super) service_account_impersonation: Option<RawLifetime>,
    pub(super) workforce_pool_user_project: Option<String>,
    pub(super) credential_source: Option<RawSource>,
    pub(super) source_credentials: Option<Within>,
    pub(super) delegates: Option<Vec<String>>,
    pub(super) installed: Option<RawClient>,
    pub(super) web: Option<RawClient>,
}

#[derive(Clone, Deserialize)]
pub(super) struct RawLifetime {
    pub(super) token_lifetime_seconds: Option<u64>,
}

/// The forms that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ServiceAccount,
    AuthorizedUser,
    External,
    ExternalUser,
    Impersonated,
    ClientSecrets,
}

impl Kind {
    /// What it is, and what takes it.
    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::ServiceAccount => {
                ("the key of a service account", "use method `service-account` with `service_account_json`")
            }
            Self::AuthorizedUser | Self::ExternalUser => {
                ("the login of a person", "use method `user-account` with `user_account_json`")
            }
            Self::External => {
                ("an external account", "use method `external-account` with `external_account_json`")
            }
            Self::Impersonated => (
                "an impersonated service account",
                "use method `impersonation` with `target_principal`, and the key or connector that stands behind it",
            ),
            Self::ClientSecrets => (
                "the client secrets of a program, with which a person can log in",
                "use method `user-account` with `client_secrets_json`",
            ),
        }
    }
}

impl Raw {
    /// Reads JSON, or JSON in base64.
    pub(super) fn parse(text: &Secret) -> Result<Self> {
        parsed(text)
    }
}

fn parsed<T: DeserializeOwned>(text: &Secret) -> Result<T> {
    let json = unpacked(text)?;
    serde_json::from_str(json.expose()).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::invalid(if error.is_eof() {
            "the JSON ends too early: the file was cut off".to_owned()
        } else if error.is_data() {
            format!("a field holds something of another type (line {line}, column {column})")
        } else {
            format!("not JSON (line {line}, column {column})")
        })
    })
}

/// What a file says of its form, and nothing of what it holds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Form<Within = Option<Form<IgnoredAny>>> {
    #[serde(rename = "type")]
    type_: Option<String>,
    source_credentials: Within,
}

/// Whether a file is an external account, or an impersonation by one. Neither keys nor URLs are looked at.
///
/// # Errors
/// Invalid input: no JSON.
pub(super) fn is_external(text: &Secret) -> Result<bool> {
    let form = parsed::<Form>(text)?;
    let types = [form.type_, form.source_credentials.and_then(|it| it.type_)];
    Ok(types.iter().flatten().any(|it| it == EXTERNAL))
}

const EXTERNAL: &str = "external_account";

impl<Within> Raw<Within> {
    pub(super) fn kind(&self) -> Result<Kind> {
        let known = match self.type_.as_deref() {
            Some("service_account") => Kind::ServiceAccount,
            Some("authorized_user") => Kind::AuthorizedUser,
            Some(EXTERNAL) => Kind::External,
            Some("external_account_authorized_user") => Kind::ExternalUser,
            Some("impersonated_service_account") => Kind::Impersonated,
            Some("gdch_service_account") => {
                return Err(Error::invalid(
                    "keys of Google Distributed Cloud (gdch_service_account) are not taken",
                ));
            }
            None if self.installed.is_some() || self.web.is_some() => Kind::ClientSecrets,
            Some(_) => {
                return Err(Error::invalid("`type` names no credential of Google Cloud that is known"));
            }
            None => {
                return Err(Error::invalid(
                    "JSON without `type`: this is no credential file of Google Cloud",
                ));
            }
        };
        Ok(known)
    }

    /// Takes a file of one of these kinds only.
    pub(super) fn only(&self, wanted: &[Kind], what: &str) -> Result<Kind> {
        let kind = self.kind()?;
        if wanted.contains(&kind) { Ok(kind) } else { Err(self.is_another(what)) }
    }

    /// The refusal of a good file in the wrong place.
    pub(super) fn is_another(&self, what: &str) -> Error {
        match self.kind().map(Kind::told) {
            Ok((is, hint)) => Error::invalid(format!("expected {what}, and this is {is}")).with_hint(hint),
            Err(error) => error,
        }
    }

    pub(super) fn project(&self) -> Result<Option<ProjectId>> {
        read("project_id", self.project_id.as_deref(), ProjectId::parse)
    }

    pub(super) fn quota_project(&self) -> Result<Option<ProjectId>> {
        read("quota_project_id", self.quota_project_id.as_deref(), ProjectId::parse)
    }

    pub(super) fn universe(&self) -> Result<Option<UniverseDomain>> {
        read("universe_domain", self.universe_domain.as_deref(), UniverseDomain::parse)
    }
}

/// A URL that tokens are asked for at.
pub(super) fn url(field: &str, text: Option<&str>) -> Result<Option<EndpointUrl>> {
    read(field, text, EndpointUrl::parse)
}

/// A field that has to be there.
pub(super) fn needed<'a, T>(field: &str, value: Option<&'a T>) -> Result<&'a T> {
    value.ok_or_else(|| Error::invalid(format!("lacks `{field}`")))
}

/// A text that has to be there, and not empty.
pub(super) fn needed_text<'a>(field: &str, value: Option<&'a String>) -> Result<&'a str> {
    match needed(field, value)?.as_str() {
        "" => Err(Error::invalid(format!("`{field}` is empty"))),
        text if text.chars().any(char::is_control) => {
            Err(Error::invalid(format!("`{field}` holds control characters")))
        }
        text => Ok(text),
    }
}

/// A secret that has to be there, and not empty.
pub(super) fn needed_secret<'a>(field: &str, value: Option<&'a Secret>) -> Result<&'a Secret> {
    let secret = needed(field, value)?;
    if secret.is_empty() { Err(Error::invalid(format!("`{field}` is empty"))) } else { Ok(secret) }
}

/// Reads a field that may be there.
pub(super) fn read<T>(
    field: &str,
    text: Option<&str>,
    parse: impl FnOnce(String) -> Result<T>,
) -> Result<Option<T>> {
    let text = text.filter(|it| !it.is_empty()).map(str::to_owned);
    let read = text.map(parse).transpose();
    read.map_err(|error| Error::invalid(format!("`{field}`: {}", error.message())))
}

/// The JSON itself, whether it is given as it is or in base64, which is how secrets of CI systems often hold it.
pub(crate) fn unpacked(text: &Secret) -> Result<Secret> {
    let trimmed = text.expose().trim_start_matches('\u{feff}').trim();
    if trimmed.starts_with('{') {
        return Ok(Secret::new(trimmed));
    }
    let packed = Secret::new(trimmed.split_ascii_whitespace().collect::<String>());
    let packed_bytes = packed.expose().trim_end_matches('=').as_bytes();
    let decoded = [&STANDARD, &URL_SAFE].into_iter().find_map(|engine| {
        let padded =
            Secret::new(format!("{}{}", String::from_utf8_lossy(packed_bytes), padding(packed_bytes.len())));
        let bytes = Zeroizing::new(engine.decode(padded.expose()).ok()?);
        let json = std::str::from_utf8(&bytes).ok()?.trim_start_matches('\u{feff}').trim();
        json.starts_with('{').then(|| Secret::new(json))
    });
    decoded.ok_or_else(|| {
        Error::invalid("expected the JSON text of a credential file, or that text in base64")
            .with_hint("give the file itself, as in KEY=@FILE")
    })
}

fn padding(length: usize) -> &'static str {
    ["", "===", "==", "="][length % 4]
}
