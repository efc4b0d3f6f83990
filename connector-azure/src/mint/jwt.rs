//! JSON Web Tokens: those that prove a certificate, and what others tell of themselves.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Call, Error, Result, Secret};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// What a proof lives: ten minutes, as Entra ID asks for at most.
const LIFE: Duration = Duration::from_secs(600);

/// How much earlier it says it was made, so that a clock a little ahead is borne.
const EARLIER: Duration = Duration::from_secs(60);

/// A certificate and its key, which sign proofs of an application.
pub(crate) struct Signer {
    key: KeyPair,
    /// The certificate in DER.
    certificate: Vec<u8>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

impl Signer {
    pub(crate) fn new(key: KeyPair, certificate: Vec<u8>) -> Self {
        Self { key, certificate }
    }

    /// A proof that the application holds the key, for one token endpoint and once.
    ///
    /// Signed with RSA-PSS over SHA-256; both thumbprints of the certificate are told, since older clouds look for
    /// the one and newer for the other (protocol: Microsoft identity platform, certificate credentials).
    ///
    /// # Errors
    /// No randomness, or a key that cannot sign.
    pub(crate) fn proof(&self, cx: &Call<'_>, client_id: &str, audience: &str) -> Result<Secret> {
        let thumb = |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, &self.certificate));
        let header = json!({
            "alg": "PS256", "typ": "JWT",
            "x5t": thumb(&SHA1_FOR_LEGACY_USE_ONLY), "x5t#S256": thumb(&SHA256),
        });
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| Error::unexpected("the machine gives no randomness"))?;
        let made = cx.now().checked_sub(EARLIER).unwrap_or(SystemTime::UNIX_EPOCH);
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": URL_SAFE_NO_PAD.encode(id),
            "nbf": seconds(made), "iat": seconds(made), "exp": seconds(made + LIFE),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| Error::unexpected("the key of the certificate cannot sign"))?;
        Ok(Secret::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// What a token says of itself. Nobody checked it: it is used for what its holder may know anyway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    /// For whom it is. Kubernetes writes a list, of one.
    #[serde(deserialize_with = "one")]
    pub(crate) aud: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) exp: Option<u64>,
    pub(crate) tid: Option<String>,
    pub(crate) oid: Option<String>,
}

/// A text, or the only one of a list; what is neither says nothing.
fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Array(list) => match list.as_slice() {
            [Value::String(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    })
}

impl Claims {
    /// When it ends.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.exp?))
    }
}

/// What a token says of itself; `None` where it is opaque.
pub(crate) fn claims(token: &Secret) -> Option<Claims> {
    claims_as(token)
}

/// The same for tokens that say other things.
pub(crate) fn claims_as<T: DeserializeOwned>(token: &Secret) -> Option<T> {
    let mut parts = token.expose().split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&claims).ok()
}
