//! Planted secrets, and the search for them in what must not show them.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use connector_core::Envelope;
use serde_json::Value;

/// A text to put where a config wants a secret: long enough not to be found by chance, with characters that
/// change in URLs and in base64, and the same for the same name, so that a fake provider knows it.
///
/// ```
/// # use connector_conformance::canary;
/// assert_eq!(canary("client_secret"), canary("client_secret"));
/// assert_ne!(canary("client_secret"), canary("refresh_token"));
/// ```
#[must_use]
pub fn canary(name: &str) -> String {
    // FNV-1a: it has to differ between names, no more.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("c4n4ry+{hash:016x}/{name}=")
}

/// The shortest secret that is searched for: a shorter one would be found by chance.
pub(crate) const SHORTEST: usize = 8;

/// Secrets with the names under which they are reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Vec<(String, Vec<(&'static str, String)>)>);

impl Secrets {
    /// Watches for one more.
    pub(crate) fn add(&mut self, name: impl Into<String>, secret: &str) {
        if secret.len() >= SHORTEST {
            self.0.push((name.into(), needles(secret)));
        }
    }

    /// As these, and the secret fields of a credential.
    pub(crate) fn with_envelope(&self, envelope: &Envelope) -> Self {
        let mut all = self.clone();
        for (name, secret) in secret_fields(envelope) {
            all.add(format!("the credential's `{name}`"), &secret);
        }
        all
    }

    /// Which of them stands in the text, and in which form.
    pub(crate) fn find(&self, text: &str) -> Option<String> {
        self.0.iter().find_map(|(name, needles)| {
            let (form, _) = needles.iter().find(|(_, needle)| text.contains(needle.as_str()))?;
            Some(format!("{name} ({form})"))
        })
    }
}

/// The secret fields of a credential by name.
pub(crate) fn secret_fields(envelope: &Envelope) -> Vec<(String, String)> {
    let Ok(whole) = serde_json::from_str::<Value>(envelope.to_json().expose()) else { return Vec::new() };
    let secret = whole.get("secret").and_then(Value::as_object).into_iter().flatten();
    secret.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn needles(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let mut needles = vec![("in clear", secret.to_owned())];
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    needles.push(("in hex", hex.to_uppercase()));
    needles.push(("in hex", hex));
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        needles.extend((0..3).map(|offset| ("in base64", base64_inside(engine, bytes, offset))));
    }
    let encoded = |escape: fn(u8) -> String| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        bytes.iter().map(|byte| if plain(*byte) { char::from(*byte).into() } else { escape(*byte) }).collect()
    };
    needles.push(("URL-encoded", encoded(|byte| format!("%{byte:02X}"))));
    needles.push(("URL-encoded", encoded(|byte| format!("%{byte:02x}"))));
    let json = Value::from(secret).to_string();
    let json = json.trim_matches('"').to_owned();
    // A JSON text inside of a JSON text, as `Debug` of a string writes it too.
    needles.push(("JSON-escaped", Value::from(json.clone()).to_string().trim_matches('"').to_owned()));
    needles.push(("JSON-escaped", json));
    needles
}

/// The characters of the base64 text that depend on `secret` alone, when it starts `offset` bytes after a
/// boundary of three.
fn base64_inside(engine: &impl base64::Engine, secret: &[u8], offset: usize) -> String {
    let padded = [vec![0; offset], secret.to_vec()].concat();
    let encoded = engine.encode(&padded);
    encoded[(offset * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn every_form_is_found_and_nothing_else() {
        let secret = canary("key");
        let mut secrets = Secrets::default();
        secrets.add("the key", &secret);
        let url = secret.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
        for (form, text) in [
            ("in clear", format!("x={secret};")),
            ("in hex", hex),
            ("in base64", STANDARD.encode(format!("user:{secret}"))),
            ("in base64", URL_SAFE_NO_PAD.encode(format!("u:{secret}!"))),
            ("in base64", STANDARD.encode(format!("us:{secret}!"))),
            ("URL-encoded", format!("?key={url}&")),
            ("URL-encoded", format!("?key={}&", url.to_lowercase())),
        ] {
            assert_eq!(secrets.find(&text), Some(format!("the key ({form})")), "{text}");
        }
        assert_eq!(secrets.find(&canary("other")), None);
        let mut quoted = Secrets::default();
        quoted.add("it", "with\"quotes\"");
        assert!(quoted.find(&format!("{:?}", "with\"quotes\"")).is_some());
        quoted.add("short", "short");
        assert_eq!(quoted.find("short"), None);
    }
}
