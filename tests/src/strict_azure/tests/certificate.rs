//! What a program signs with the key of its certificate.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::random;

/// A program with a certificate that signs.
struct Signer {
    server: StrictAzure,
    key: RsaKeyPair,
    der: Vec<u8>,
}

fn content(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    STANDARD.decode(lines).expect("base64")
}

impl Signer {
    fn new(made: &Certificate, server: StrictAzure) -> Self {
        let key = RsaKeyPair::from_pkcs8(&content(&made.key)).expect("an RSA key");
        Self { server, key, der: content(&made.certificate) }
    }

    fn header(&self, algorithm: &str) -> Value {
        match algorithm {
            "PS256" => json!({ "alg": "PS256", "typ": "JWT",
                "x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.der)) }),
            _ => json!({ "alg": algorithm, "typ": "JWT",
                "x5t": URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.der)) }),
        }
    }

    fn claims(&self, more: Value) -> Value {
        let now = self.server.now();
        let mut claims = json!({
            "aud": format!("{}/{TENANT}/oauth2/v2.0/token", self.server.url()), "iss": ROBOT, "sub": ROBOT,
            "jti": random::token(20), "iat": now, "nbf": now, "exp": now + 600,
        });
        for (name, value) in more.as_object().cloned().unwrap_or_default() {
            claims[name] = value;
        }
        claims
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(header), encode(claims));
        let padding: &'static dyn RsaEncoding =
            if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        let mut signature = vec![0; self.key.public_modulus_len()];
        let signed = self.key.sign(padding, &SystemRandom::new(), text.as_bytes(), &mut signature);
        signed.expect("an RSA key signs");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn show(&self, assertion: &str) -> Reply {
        token(
            &self.server,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", ROBOT),
                ("scope", "https://management.azure.com/.default"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion),
            ],
        )
    }

    fn with(&self, more: Value) -> Reply {
        self.show(&self.sign(&self.header("PS256"), &self.claims(more)))
    }
}

#[test]
fn a_certificate_signs_in_both_ways_and_every_claim_counts() {
    let server = StrictAzure::start();
    server.add_app(TENANT, ROBOT);
    let made = server.add_certificate(ROBOT);
    assert!(!format!("{made:?}").contains("BEGIN"));
    let signer = Signer::new(&made, server);
    for algorithm in ["RS256", "PS256"] {
        let good = signer.sign(&signer.header(algorithm), &signer.claims(Value::Null));
        let told = signer.show(&good);
        assert_eq!(
            super::super::jwt::Jwt::read(&told.text("access_token")).expect("a token").claim("appidacr"),
            "2"
        );
        signer.show(&good).refused(401, "invalid_client", 50_027);
    }
    let server = &signer.server;
    for audience in [
        format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"),
        format!("{}/{DOMAIN}/oauth2/v2.0/token", server.url()),
        format!("{}/{TENANT}/v2.0", server.url()),
    ] {
        signer.with(json!({ "aud": audience })).good();
    }
    signer.with(json!({ "aud": "https://example.com" })).refused(401, "invalid_client", 700_023);
    signer.with(json!({ "sub": "other" })).refused(401, "invalid_client", 700_021);
    signer.with(json!({ "jti": null })).refused(401, "invalid_client", 50_027);
    let now = server.now();
    for times in [
        json!({ "exp": now - 301 }),
        json!({ "nbf": now + 301 }),
        json!({ "exp": now + 25 * 3600 }),
        json!({ "exp": null }),
    ] {
        signer.with(times).refused(401, "invalid_client", 700_024);
    }
    // Some minutes are forgiven.
    signer.with(json!({ "nbf": now + 250, "iat": now + 250 })).good();

    let (header, claims) = (signer.header("PS256"), signer.claims(Value::Null));
    let unsigned = signer.sign(&header, &claims);
    let (text, _) = unsigned.rsplit_once('.').expect("a signature");
    signer.show(&format!("{text}.AAAA")).refused(401, "invalid_client", 700_027);
    let other = json!({ "alg": "RS256", "x5t": URL_SAFE_NO_PAD.encode([7; 20]) });
    signer.show(&signer.sign(&other, &claims)).refused(401, "invalid_client", 700_027);
    let mut both = header.clone();
    both["x5t"] = URL_SAFE_NO_PAD.encode([7; 20]).into();
    signer.show(&signer.sign(&both, &claims)).refused(401, "invalid_client", 700_027);
    signer.show(&signer.sign(&json!({ "alg": "RS256" }), &claims)).refused(401, "invalid_client", 50_027);
    let mut none = header;
    none["alg"] = "none".into();
    signer.show(&signer.sign(&none, &claims)).refused(401, "invalid_client", 700_027);
}

#[test]
fn a_certificate_is_good_in_its_own_time() {
    let server = StrictAzure::start();
    server.add_app(TENANT, ROBOT);
    let made = server.add_certificate_for(ROBOT, Duration::from_secs(3600));
    let signer = Signer::new(&made, server);
    signer.with(Value::Null).good();
    signer.server.advance(Duration::from_secs(3601));
    signer.with(Value::Null).refused(401, "invalid_client", 700_027);
    signer.server.set_back(Duration::from_secs(2 * 3600));
    signer.with(Value::Null).refused(401, "invalid_client", 700_027);
}
