//! Keys of service accounts, and signed tokens.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::random;

/// A private key with the id that its owner's file names it by.
pub(super) struct Key {
    pub(super) id: String,
    pair: RsaKeyPair,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The key that Google itself signs with, for accounts and as an issuer of identity tokens.
pub(super) static GOOGLE: LazyLock<Key> = LazyLock::new(Key::new);

/// The issuer of identity tokens.
pub(super) const ISSUER: &str = "https://accounts.google.com";

impl Key {
    pub(super) fn new() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
        Self { id: random::text(40, b"0123456789abcdef"), pair }
    }

    /// The private key in PEM, as key files carry it.
    pub(super) fn pem(&self) -> String {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().expect("an RSA key can be written");
        let encoded = STANDARD.encode(der.as_ref());
        let lines = encoded.as_bytes().chunks(64).map(String::from_utf8_lossy);
        let body: String = lines.map(|line| format!("{line}\n")).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n")
    }

    /// A token with exactly these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "RS256", "kid": self.id, "typ": "JWT" });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(text.as_bytes()));
        format!("{text}.{signature}")
    }

    pub(super) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.expect("an RSA key signs");
        signature
    }
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

    /// Whether it was signed by this key, which it has to name when it names one.
    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        let names_key = self.header["kid"].as_str().is_none_or(|id| id == key.id);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.pair.public_key());
        let is_signed = || public.verify(self.text.as_bytes(), &self.signature).is_ok();
        self.header["alg"] == "RS256" && names_key && is_signed()
    }
}
