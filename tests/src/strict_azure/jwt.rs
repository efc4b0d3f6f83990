//! Signed tokens: those that the twin signs, and those that it is shown.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::der;

/// The key that Entra signs with.
static ENTRA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made"));

/// A token with exactly these claims.
pub(super) fn sign(claims: &Value) -> String {
    let id = key_id();
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": id, "kid": id });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(&header), encode(claims));
    let mut signature = vec![0; ENTRA.public_modulus_len()];
    let signed = ENTRA.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
    signed.expect("an RSA key signs");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The public key, as the issuer shows it.
pub(super) fn key_set() -> Value {
    let (modulus, exponent) =
        der::rsa_numbers(ENTRA.public_key().as_ref()).expect("a public key has its numbers");
    let (modulus, exponent) = (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
    json!({ "keys": [{ "kty": "RSA", "use": "sig", "kid": key_id(), "n": modulus, "e": exponent }] })
}

fn key_id() -> String {
    URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, ENTRA.public_key().as_ref()).as_ref()[..20])
}

/// A token that was read; nothing about it is verified.
#[derive(Debug)]
pub(super) struct Jwt {
    pub(super) header: Value,
    pub(super) claims: Value,
    text: String,
    signature: Vec<u8>,
}

impl Jwt {
    pub(super) fn read(token: &str) -> Option<Self> {
        let (text, signature) = token.rsplit_once('.')?;
        let (header, claims) = text.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
        let object = |part: &str| -> Option<Value> { serde_json::from_slice(&decode(part)?).ok() };
        let (header, claims) = (object(header)?, object(claims)?);
        Some(Self { header, claims, text: text.to_owned(), signature: decode(signature)? })
    }

    pub(super) fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    /// Seconds since the epoch. Some write fractions of them.
    pub(super) fn time(&self, name: &str) -> Option<i64> {
        let claim = &self.claims[name];
        claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds.floor() as i64))
    }

    /// The claim `aud`, which may be a list.
    pub(super) fn audiences(&self) -> Vec<&str> {
        match &self.claims["aud"] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        }
    }

    /// Whether Entra has signed it.
    pub(super) fn is_of_entra(&self) -> bool {
        self.header["alg"] == "RS256" && self.is_signed_by(ENTRA.public_key().as_ref())
    }

    /// Whether it was signed by this RSA key, with the algorithm that its header names.
    pub(super) fn is_signed_by(&self, public_key: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.header["alg"].as_str() {
            Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
            Some("PS256") => &RSA_PSS_2048_8192_SHA256,
            _ => return false,
        };
        let public = UnparsedPublicKey::new(algorithm, public_key);
        public.verify(self.text.as_bytes(), &self.signature).is_ok()
    }
}
