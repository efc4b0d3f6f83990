//! An OpenID Connect issuer for tests, and the server's side that verifies its tokens.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An issuer with a key of its own.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl Issuer {
    /// An issuer that signs with RSA (`RS256`), as EKS does.
    pub fn rs256(url: &str) -> Self {
        let key = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("an RSA key can be made");
        Self { url: url.to_owned(), key: Key::Rsa(Box::new(key)) }
    }

    /// An issuer that signs with an elliptic curve (`ES256`).
    pub fn es256(url: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key can be made");
        Self { url: url.to_owned(), key: Key::Ecdsa(Box::new(key)) }
    }

    /// The issuer's URL, as in the claim `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A token that ends at `expires`, in seconds since the epoch.
    pub fn token(&self, subject: &str, audience: &str, expires: i64) -> String {
        let issued = expires - 3600;
        self.sign(&json!({
            "iss": self.url, "sub": subject, "aud": [audience], "iat": issued, "nbf": issued, "exp": expires,
        }))
    }

    /// A token with exactly these claims.
    ///
    /// # Panics
    /// Never, as long as the key was made here.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": "test" });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .expect("an RSA key signs");
                signature
            }
            Key::Ecdsa(key) => {
                let signature = key.sign(&random, text.as_bytes()).expect("a P-256 key signs");
                signature.as_ref().to_vec()
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn algorithm(&self) -> &'static str {
        match &self.key {
            Key::Rsa(_) => "RS256",
            Key::Ecdsa(_) => "ES256",
        }
    }

    pub(crate) fn verifier(&self, audience: &str) -> Verifier {
        let public_key = match &self.key {
            Key::Rsa(key) => key.public_key().as_ref().to_vec(),
            Key::Ecdsa(key) => key.public_key().as_ref().to_vec(),
        };
        Verifier {
            url: self.url.clone(),
            audience: audience.to_owned(),
            algorithm: self.algorithm(),
            public_key,
        }
    }
}

/// What the server knows of an issuer that it trusts.
#[derive(Debug, Clone)]
pub(crate) struct Verifier {
    url: String,
    audience: String,
    algorithm: &'static str,
    public_key: Vec<u8>,
}

/// The claims of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Malformed,
    UnknownIssuer(String),
    Signature,
    Audience,
    Expired(i64),
}

/// The claims of a token that one of `issuers` signed, for its audience, and that has not ended.
pub(crate) fn verify(issuers: &[Verifier], token: &str, now: i64) -> Result<Claims, TokenFault> {
    let (text, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
    let (header, claims) = text.split_once('.').ok_or(TokenFault::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Malformed);
    let object = |part: &str| -> Result<Value, TokenFault> {
        serde_json::from_slice(&decode(part)?).map_err(|_| TokenFault::Malformed)
    };
    let (header, claims, signature) = (object(header)?, object(claims)?, decode(signature)?);
    let claim = |name: &str| claims[name].as_str().map(str::to_owned).ok_or(TokenFault::Malformed);
    let (issuer, subject) = (claim("iss")?, claim("sub")?);
    let expires = claims["exp"].as_i64().ok_or(TokenFault::Malformed)?;

    let known = issuers.iter().find(|known| known.url == issuer);
    let known = known.ok_or_else(|| TokenFault::UnknownIssuer(issuer.clone()))?;
    let algorithm: &'static dyn VerificationAlgorithm = match known.algorithm {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        _ => &ECDSA_P256_SHA256_FIXED,
    };
    // The algorithm is the key's, never the token's choice.
    let signed = UnparsedPublicKey::new(algorithm, &known.public_key).verify(text.as_bytes(), &signature);
    if header["alg"] != known.algorithm || signed.is_err() {
        return Err(TokenFault::Signature);
    }
    let names_audience = match &claims["aud"] {
        Value::Array(all) => all.iter().any(|one| one == known.audience.as_str()),
        one => one == known.audience.as_str(),
    };
    if !names_audience {
        return Err(TokenFault::Audience);
    }
    if expires <= now {
        return Err(TokenFault::Expired(expires));
    }
    Ok(Claims { issuer, subject, audience: known.audience.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    #[test]
    fn tokens_of_both_kinds_verify_and_every_fault_is_told() {
        for issuer in [Issuer::rs256("https://issuer.test"), Issuer::es256("https://issuer.test")] {
            let verifiers = [issuer.verifier("sts.amazonaws.com")];
            let check = |token: &str| verify(&verifiers, token, NOW);
            let good = issuer.token("system:serviceaccount:a:b", "sts.amazonaws.com", NOW + 60);
            assert_eq!(check(&good).map(|claims| claims.subject).as_deref(), Ok("system:serviceaccount:a:b"));

            assert_eq!(check(&issuer.token("s", "other", NOW + 60)), Err(TokenFault::Audience));
            assert_eq!(check(&issuer.token("s", "sts.amazonaws.com", NOW)), Err(TokenFault::Expired(NOW)));
            assert_eq!(check("not a token"), Err(TokenFault::Malformed));
            let foreign = Issuer::es256("https://foreign.test").token("s", "sts.amazonaws.com", NOW + 60);
            let unknown = TokenFault::UnknownIssuer("https://foreign.test".to_owned());
            assert_eq!(check(&foreign), Err(unknown));
            let forged = Issuer::rs256("https://issuer.test").token("s", "sts.amazonaws.com", NOW + 60);
            assert_eq!(check(&forged), Err(TokenFault::Signature));
            let unsigned = json!({ "alg": "none" }).to_string();
            let (_, rest) = good.split_once('.').expect("a token has parts");
            let unsigned = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(unsigned));
            assert_eq!(check(&unsigned), Err(TokenFault::Signature));
        }
    }
}
