use connector_conformance::assert_silent;
use connector_core::ErrorKind;
use serde_json::json;

use super::*;
use crate::names::Audience;
use crate::narrowing::Narrowing;

/// S49: one call for a token, with what Entra ID asks for and no more.
#[tokio::test]
async fn s49_a_secret_gets_a_token_in_one_call() {
    let world = World::new().answers(token("eyJ.token.1", 3599));
    let method: ServicePrincipal = method(with_secret());
    let made = authenticate(&method, &world.context(), None).await.expect("a session");
    assert_eq!(world.sent().len(), 1);
    assert_eq!(world.sent()[0].url(), TOKEN_URL);
    assert_eq!(
        public(&form(&world, 0), &["client_secret"]),
        [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("scope", "https://management.azure.com/.default"),
            ("client_secret", "[HIDDEN]"),
        ]
    );
    assert_eq!(field(&form(&world, 0), "client_secret"), Some("hunter2-secret"));
    assert!(made.expiry.at().is_some());
    assert!(!made.narrowed.expect("it is said").is_narrowed());
}

/// A grant for another service asks for a token for that one, and for no other.
#[tokio::test]
async fn a_narrowed_session_is_for_one_service() {
    let world = World::new().answers(token("eyJ.token.1", 3599));
    let method: ServicePrincipal = method(with_secret());
    let narrowing = Narrowing::to(Audience::storage());
    authenticate(&method, &world.context(), Some(&narrowing)).await.expect("a session");
    assert_eq!(field(&form(&world, 0), "scope"), Some("https://storage.azure.com/.default"));
}

/// C9: what is sent in place of the key is a proof of its own, for one endpoint and ten minutes.
#[tokio::test]
async fn c9_a_certificate_proves_itself() {
    let (certificate, key) = certificate_and_key();
    let world = World::new().answers(token("eyJ.token.1", 3599));
    let config = json!({
        "tenant_id": TENANT, "client_id": CLIENT, "client_certificate": format!("{certificate}{key}"),
    });
    let method: ServicePrincipal = method(config);
    authenticate(&method, &world.context(), None).await.expect("a session");
    let sent = form(&world, 0);
    assert_eq!(
        field(&sent, "client_assertion_type"),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    let (header, claims) = verified(field(&sent, "client_assertion").expect("a proof"));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("PS256"), &json!("JWT")));
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!(CLIENT), &json!(CLIENT), &json!(TOKEN_URL))
    );
    let life = claims["exp"].as_u64().expect("an end") - claims["nbf"].as_u64().expect("a begin");
    assert_eq!(life, 600);
    assert!(claims["jti"].as_str().is_some_and(|it| it.len() >= 16));
    let der = certificate_der();
    let thumb = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    use base64::Engine as _;
    assert_eq!(header["x5t#S256"], json!(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(thumb)));
}

/// Each cloud has its own authority and services, and so may anybody: what is sent goes there, and is for there.
#[tokio::test]
async fn sovereign_clouds_are_asked_at_their_own_hosts() {
    let (certificate, key) = certificate_and_key();
    let proof = json!({ "tenant_id": TENANT, "client_id": CLIENT, "client_certificate": format!("{certificate}{key}") });
    for (more, authority, services) in [
        (
            json!({ "cloud": "government" }),
            "https://login.microsoftonline.us",
            "https://management.usgovcloudapi.net",
        ),
        (
            json!({ "cloud": "china" }),
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn",
        ),
        (
            json!({ "cloud": "china", "authority_url": "https://login.corp.example/" }),
            "https://login.corp.example",
            "https://management.chinacloudapi.cn",
        ),
        (json!({ "endpoint_url": "https://127.0.0.1:9" }), "https://127.0.0.1:9", ARM),
    ] {
        let world = World::new().answers(token("eyJ.token.1", 3599));
        let method: ServicePrincipal = method(with(proof.clone(), more));
        authenticate(&method, &world.context(), None).await.expect("a session");
        let url = format!("{authority}/{TENANT}/oauth2/v2.0/token");
        assert_eq!(world.lines(), [format!("POST {url}")]);
        let sent = form(&world, 0);
        assert_eq!(field(&sent, "scope"), Some(&*format!("{services}/.default")));
        let (_, claims) = verified(field(&sent, "client_assertion").expect("a proof"));
        assert_eq!(claims["aud"], json!(url), "it is good nowhere else");
    }
}

/// C16: what the directory says of the application is told with its fix: a wrong directory, a policy, a certificate.
#[tokio::test]
async fn c16_refusals_are_told_with_their_fix() {
    for (number, says, fix) in [
        (90_002, "no such directory", "`tenant_id`"),
        (700_016, "no application of this id", "`tenant_id`"),
        (53_003, "conditional access", "administrator"),
        (700_027, "certificate", "upload"),
    ] {
        let world = World::new().answers(aadsts(400, "invalid_request", number));
        let error = authenticate(&method::<ServicePrincipal>(with_secret()), &world.context(), None).await;
        let error = error.expect_err("refused");
        assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Refused, 1));
        assert!(error.message().contains(says), "{error:?}");
        assert!(error.hint().is_some_and(|it| it.contains(fix)), "{error:?}");
        assert_silent(&error);
    }
}

/// A certificate that cannot prove anything is told by its field, with its fix and without a word of it.
#[test]
fn certificates_that_prove_nothing_are_refused_by_field() {
    let (certificate, key) = certificate_and_key();
    for (text, says, fix) in [
        (certificate.clone(), "no private key", "holds the key too"),
        (key.clone(), "no certificate", "cat cert.pem key.pem"),
        (format!("{certificate}{}", rsa_pair().0), "not that of its certificate", "made together"),
        (certificate.replacen("\nMII", "\n!!!!", 1) + &key, "cut short", "whole PEM file"),
        ("hunter2".to_owned(), "neither PEM", "whole PEM file"),
    ] {
        let config = json!({ "tenant_id": TENANT, "client_id": CLIENT, "client_certificate": text });
        let found = faults::<ServicePrincipal>(config);
        let [(at, why)] = &*found else { panic!("{found:?}") };
        assert!(at == "client_certificate" && why.contains(says) && why.contains(fix), "{why}");
        assert!(!why.contains("hunter2") && !why.contains("-----BEGIN"), "{why}");
    }
}

/// C16: an expired secret is named with its fix.
#[tokio::test]
async fn c16_an_expired_secret_is_told() {
    let world = World::new().answers(aadsts(401, "invalid_client", 7_000_222));
    let method: ServicePrincipal = method(with_secret());
    let error = authenticate(&method, &world.context(), None).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("expired"), "{error:?}");
    assert_silent(&error);
}

#[test]
fn configs_that_cannot_work_are_refused_by_field() {
    let only = |base: serde_json::Value| faults::<ServicePrincipal>(base);
    for (config, field, says) in [
        (json!({ "tenant_id": "common", "client_id": CLIENT, "client_secret": "x" }), "tenant_id", "many"),
        (json!({ "tenant_id": TENANT, "client_id": CLIENT }), "client_secret", "client_certificate"),
        (with(with_secret(), json!({ "client_secret": " " })), "client_secret", "empty"),
        (with(with_secret(), json!({ "cloud": "moon" })), "cloud", "government"),
        (with(with_secret(), json!({ "subscription_id": "prod" })), "subscription_id", "subscription"),
        (with(with_secret(), json!({ "authority_url": "http://127.0.0.1:1" })), "authority_url", "https"),
        (
            with(with_secret(), json!({ "endpoints": { "storage": "https://x.example.org" } })),
            "endpoints",
            "blob",
        ),
        (
            with(with_secret(), json!({ "endpoints": { "authority": "https://{name}.example.org" } })),
            "endpoints.authority",
            "one for all",
        ),
        // C17: in clear to this machine alone.
        (with(with_secret(), json!({ "endpoint_url": "http://10.0.0.1:9000" })), "endpoint_url", "https"),
        (
            with(with_secret(), json!({ "endpoints": { "authority": "http://login" } })),
            "endpoints.authority",
            "https",
        ),
        (
            with(with_secret(), json!({ "endpoints": { "vault": "http://{name}.internal" } })),
            "endpoints.vault",
            "https",
        ),
    ] {
        let found = only(config);
        assert!(found.iter().any(|(at, why)| at == field && why.contains(says)), "{field}: {found:?}");
    }
    for good in [
        json!({ "endpoint_url": "http://127.0.0.1:9000" }),
        json!({ "endpoints": { "authority": "http://localhost:1", "blob": "http://[::1]:10000" } }),
        json!({ "endpoints": { "identity": "http://10.0.0.1" } }),
        json!({ "endpoint_url": "https://10.0.0.1" }),
    ] {
        assert_eq!(only(with(with_secret(), good)), []);
    }
}
