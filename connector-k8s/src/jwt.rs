//! What a token says of itself. Not verified: that is for the server to do.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::Secret;
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    iat: Option<f64>,
    sub: Option<String>,
    iss: Option<String>,
}

fn claims(token: &Secret) -> Option<Claims> {
    let mut parts = token.expose().split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The longest life that is believed, in seconds: a hundred years.
const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;

/// When a token ends by the clock of who made it; `None` when it does not say, or is no JWT.
pub(crate) fn end(token: &Secret) -> Option<SystemTime> {
    let end = claims(token)?.exp?;
    (0.0..=3.0 * LONGEST).contains(&end).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(end))
}

/// For how long a token was made.
pub(crate) fn life(token: &Secret) -> Option<Duration> {
    let Claims { exp, iat, .. } = claims(token)?;
    let life = exp? - iat?;
    (0.0..=LONGEST).contains(&life).then(|| Duration::from_secs_f64(life))
}

/// Who a token says that it is of.
pub(crate) fn subject(token: &Secret) -> Option<String> {
    claims(token)?.sub
}

/// Who a token says that made it.
pub(crate) fn issuer(token: &Secret) -> Option<String> {
    claims(token)?.iss
}

#[cfg(test)]
pub(crate) fn example(claims: &serde_json::Value) -> String {
    format!("e30.{}.hunter2", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ends_and_lives() {
        let of = |claims| Secret::new(example(&claims));
        let token = of(json!({ "exp": 1_767_229_200, "iat": 1_767_225_600, "sub": "x" }));
        assert_eq!(end(&token), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_229_200)));
        assert_eq!(life(&token), Some(Duration::from_secs(3600)));
        for strange in [
            json!({}),
            json!({ "exp": -1 }),
            json!({ "exp": 1e300, "iat": 0 }),
            json!({ "exp": 5, "iat": 10 }),
            json!({ "exp": "soon" }),
            json!([]),
        ] {
            assert_eq!(life(&of(strange.clone())), None, "{strange}");
        }
        for no_jwt in ["", "a", "a.b.c", "..", "a.!.c"] {
            assert_eq!((end(&no_jwt.into()), life(&no_jwt.into())), (None, None), "{no_jwt}");
        }
    }
}
