//! JSON Web Tokens, signed with a service account's key.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Call, Result, Secret};
use serde_json::{Value, json};

use super::{HOUR, Token};
use crate::file::ServiceAccountKey;
use crate::names::Scope;

/// Whom an assertion is for: Google's token endpoint, wherever it is sent to.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

/// How much earlier an assertion says it was made, so that a clock a little ahead is borne.
const EARLIER: Duration = Duration::from_secs(10);

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn signed(key: &ServiceAccountKey, claims: &Value) -> Result<Secret> {
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = &key.key_id {
        header["kid"] = json!(id);
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())?);
    Ok(Secret::new(format!("{message}.{signature}")))
}

/// An assertion that is exchanged for an access token.
pub(super) fn assertion(cx: &Call<'_>, key: &ServiceAccountKey, scopes: &str) -> Result<Secret> {
    let made = cx.now().checked_sub(EARLIER).unwrap_or(SystemTime::UNIX_EPOCH);
    let claims = json!({
        "iss": key.email.as_str(),
        "aud": AUDIENCE,
        "scope": scopes,
        "iat": seconds(made),
        "exp": seconds(made + HOUR),
    });
    signed(key, &claims)
}

/// A token that services take as it is, without an exchange: all that there is in universes of their own.
pub(crate) fn bearer(cx: &Call<'_>, key: &ServiceAccountKey, scopes: &[Scope]) -> Result<Token> {
    let made = cx.now().checked_sub(EARLIER).unwrap_or(SystemTime::UNIX_EPOCH);
    let scopes: Vec<_> = scopes.iter().map(Scope::as_str).collect();
    let claims = json!({
        "iss": key.email.as_str(),
        "sub": key.email.as_str(),
        "scope": scopes.join(" "),
        "iat": seconds(made),
        "exp": seconds(made + HOUR),
    });
    Ok(Token { secret: signed(key, &claims)?, expiry: cx.expires_in(HOUR - EARLIER) })
}
