//! The tokens of a login, in the one form in which the `aws` program, the store and the config hold them.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use connector_core::{Context, Error, ErrorKind, Result, Secret, format_time, parse_time};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::profile;

/// A login.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) start_url: Option<String>,
    pub(crate) access_token: Secret,
    pub(crate) expires_at: SystemTime,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) client: Option<Client>,
}

/// How this program is known to the portal.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: Secret,
    pub(crate) secret: Secret,
    pub(crate) expires_at: Option<SystemTime>,
}

/// The JSON of `~/.aws/sso/cache/*.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    start_url: Option<String>,
    access_token: Secret,
    expires_at: String,
    refresh_token: Option<Secret>,
    client_id: Option<Secret>,
    client_secret: Option<Secret>,
    registration_expires_at: Option<String>,
}

/// With less left a login is renewed.
const EARLY: Duration = Duration::from_secs(5 * 60);

impl Tokens {
    /// Reads a login.
    ///
    /// # Errors
    /// Invalid input that quotes nothing.
    pub(crate) fn parse(json: &Secret) -> Result<Self> {
        let wrong = || Error::invalid("not a login of IAM Identity Center");
        let wire: Wire = serde_json::from_str(json.expose()).map_err(|_| wrong())?;
        let client = wire.client_id.zip(wire.client_secret).map(|(id, secret)| Client {
            id,
            secret,
            expires_at: wire.registration_expires_at.as_deref().and_then(|it| parse_aws_time(it).ok()),
        });
        Ok(Self {
            start_url: wire.start_url,
            access_token: wire.access_token,
            expires_at: parse_aws_time(&wire.expires_at).map_err(|_| wrong())?,
            refresh_token: wire.refresh_token,
            client,
        })
    }

    pub(super) fn to_json(&self) -> Secret {
        let mut out = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            out.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        };
        put("startUrl", self.start_url.as_deref());
        put("accessToken", Some(self.access_token.expose()));
        put("expiresAt", Some(&format_time(self.expires_at)));
        put("refreshToken", self.refresh_token.as_ref().map(Secret::expose));
        if let Some(client) = &self.client {
            put("clientId", Some(client.id.expose()));
            put("clientSecret", Some(client.secret.expose()));
            put("registrationExpiresAt", client.expires_at.map(format_time).as_deref());
        }
        Secret::new(Value::Object(out).to_string())
    }

    /// Whether it is good for a while yet.
    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        self.expires_at > now + EARLY
    }

    /// Whether it is good now.
    pub(crate) fn is_valid(&self, now: SystemTime) -> bool {
        self.expires_at > now
    }

    /// Whether something can be made of it: it is good now, or can be renewed.
    pub(crate) fn is_usable(&self, now: SystemTime) -> bool {
        self.is_valid(now) || self.renewal(now).is_some()
    }

    /// Whether it is a login to that portal. One that does not say is taken at its word.
    pub(crate) fn is_for(&self, start_url: &str) -> bool {
        self.start_url.as_deref().is_none_or(|own| bare(own) == bare(start_url))
    }

    /// What renews it, while that is good itself.
    pub(super) fn renewal(&self, now: SystemTime) -> Option<(&Client, &Secret)> {
        let client = self.client.as_ref().filter(|it| it.is_valid(now))?;
        Some((client, self.refresh_token.as_ref()?))
    }
}

impl Client {
    pub(super) fn is_valid(&self, now: SystemTime) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}

/// A portal's URL without what people may leave out.
fn bare(url: &str) -> &str {
    url.trim_end_matches(['#', '/'])
}

/// Under which the login to one portal is kept. A connector that is changed to another portal keeps the
/// login to the old one, so that nothing is lost when the change is refused.
pub(super) fn kept_name(start_url: &str, sso_region: &str) -> String {
    let digest = digest(&SHA256, format!("{} {sso_region}", bare(start_url)).as_bytes());
    format!("sso-token-{}", hex(&digest.as_ref()[..16]))
}

/// Older programs wrote `2026-11-22T03:36:43UTC`.
fn parse_aws_time(text: &str) -> Result<SystemTime> {
    parse_time(&text.replace("UTC", "Z"))
}

/// The text of the login that the `aws` program keeps for a profile; `None` when there is none.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn text_kept_by_aws(cx: &Context, profile: &profile::Sso) -> Result<Option<Secret>> {
    let key = profile.session.as_deref().unwrap_or(&profile.start_url);
    let Some(home) = cx.home() else { return Ok(None) };
    match cx.read_text(&home.join(".aws").join("sso").join("cache").join(format!("{}.json", cache_name(key))))
    {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(|text| Some(Secret::new(text))),
    }
}

/// The login that the `aws` program keeps for a profile.
///
/// # Errors
/// A file that cannot be read, or is no login.
pub(crate) fn kept_by_aws(cx: &Context, profile: &profile::Sso) -> Result<Option<Tokens>> {
    text_kept_by_aws(cx, profile)?.map(|text| Tokens::parse(&text)).transpose()
}

/// The name of the file for a session's name, or for the start URL in the older form of profiles.
pub(crate) fn cache_name(session_or_url: &str) -> String {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, session_or_url.as_bytes());
    hex(digest.as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
