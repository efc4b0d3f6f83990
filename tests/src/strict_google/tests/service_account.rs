use serde_json::json;

use super::*;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

struct Setting {
    server: StrictGoogle,
    email: String,
}

impl Setting {
    fn new() -> Self {
        let server = StrictGoogle::start();
        let email = server.add_service_account("robot");
        server.add_key(&email);
        Self { server, email }
    }

    /// Claims as a client makes them, by the server's clock.
    fn claims(&self) -> Value {
        let now = self.server.now();
        json!({ "iss": self.email, "aud": AUDIENCE, "iat": now, "exp": now + 3600, "scope": CLOUD })
    }

    fn sign(&self, claims: &Value) -> String {
        self.server.state().accounts[&self.email].keys[0].sign(claims)
    }

    fn post(&self, assertion: &str) -> Reply {
        form(&self.server, "/token", &[("grant_type", GRANT), ("assertion", assertion)])
    }

    /// The claims with one of them changed.
    fn with(&self, name: &str, value: Value) -> Reply {
        let mut claims = self.claims();
        claims[name] = value;
        self.post(&self.sign(&claims))
    }
}

#[test]
fn what_an_account_has_signed_gives_a_token() {
    let setting = Setting::new();
    let (server, email) = (&setting.server, &setting.email);
    let told = setting.post(&setting.sign(&setting.claims())).good();
    assert_eq!((told["expires_in"].as_u64(), told["token_type"].as_str()), (Some(3599), Some("Bearer")));
    let token = told["access_token"].as_str().expect("a token");
    assert!(token.starts_with("ya29."));
    assert_eq!(server.owner(token), Some((email.clone(), vec![CLOUD.to_owned()])));
    assert!(server.issued().iter().any(|issued| issued == token));
    setting.with("aud", format!("{}/token", server.url()).into()).good();
    setting.with("sub", email.as_str().into()).good();

    let mut claims = setting.claims();
    claims["target_audience"] = "https://service.example.com".into();
    let identity = setting.post(&setting.sign(&claims)).text("id_token");
    assert!(server.issued().contains(&identity));
    let identity = jwt::Jwt::read(&identity).expect("an identity token");
    assert_eq!(identity.claim("aud"), "https://service.example.com");
    assert_eq!(identity.claim("email"), email);

    server.limit_life(Some(Duration::from_secs(60)));
    assert_eq!(setting.post(&setting.sign(&setting.claims())).good()["expires_in"], 60);
}

#[test]
fn what_is_wrong_with_an_assertion_is_told() {
    let setting = Setting::new();
    let (server, email) = (&setting.server, &setting.email);
    let now = server.now();
    let untimely = "Token must be a short-lived token (60 minutes) and in a reasonable timeframe";
    setting.with("aud", "https://example.com/token".into()).refused(
        400,
        "invalid_grant",
        "Failed audience check",
    );
    setting.with("exp", (now + 3700).into()).refused(400, "invalid_grant", untimely);
    setting.with("exp", Value::Null).refused(400, "invalid_grant", untimely);
    setting.with("scope", Value::Null).refused(400, "invalid_scope", "Invalid OAuth scope");
    setting.with("scope", "everything".into()).refused(400, "invalid_scope", "Invalid OAuth scope");
    setting.with("sub", ALICE.into()).refused(401, "unauthorized_client", "Client is unauthorized");
    setting.with("iss", "other@example.com".into()).refused(400, "invalid_grant", "account not found");
    setting.post("not.a.token").refused(400, "invalid_grant", "Bad Request");
    setting.post("").refused(400, "invalid_request", "assertion");

    // A key of another account, an unknown one, one that has been taken away, and a signature that is none.
    let other = jwt::Key::new().sign(&setting.claims());
    setting.post(&other).refused(400, "invalid_grant", "Invalid JWT Signature.");
    let good = setting.sign(&setting.claims());
    let (text, _) = good.rsplit_once('.').expect("three parts");
    setting.post(&format!("{text}.AAAA")).refused(400, "invalid_grant", "Invalid JWT Signature.");

    // Clocks may be five minutes apart, and no more.
    for (ahead, is_good) in [(290, true), (330, false), (-3600 - 280, true), (-3600 - 300, false)] {
        let mut claims = setting.claims();
        (claims["iat"], claims["exp"]) = ((now + ahead).into(), (now + ahead + 3600).into());
        let told = setting.post(&setting.sign(&claims));
        match is_good {
            true => drop(told.good()),
            false => told.refused(400, "invalid_grant", untimely),
        }
    }
    server.advance(Duration::from_secs(3600 + 300));
    setting.post(&good).refused(400, "invalid_grant", untimely);
    server.set_back(Duration::from_secs(3600 + 300));

    server.disable(email);
    setting.post(&good).refused(400, "invalid_grant", "Robot is disabled.");
    server.enable(email);
    server.remove_keys(email);
    setting.post(&good).refused(400, "invalid_grant", "Invalid JWT Signature.");
    server.delete(email);
    setting.post(&good).refused(400, "invalid_grant", "account not found");
}

/// C16: what an assertion says of its own algorithm or key decides nothing: the account's key and RS256 do.
#[test]
fn c16_an_assertion_chooses_neither_algorithm_nor_key() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let setting = Setting::new();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = encode(&setting.claims());
    let own = jwt::Key::new();
    let kid = setting.server.state().accounts[&setting.email].keys[0].id.clone();
    let jwk = json!({ "kty": "RSA", "kid": own.id, "n": "AQAB", "e": "AQAB" });
    for header in [
        json!({ "alg": "none", "typ": "JWT" }),
        json!({ "alg": "HS256", "kid": kid, "typ": "JWT" }),
        json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }),
        json!({ "alg": "RS256", "kid": own.id, "jwk": jwk, "typ": "JWT" }),
        json!({ "alg": "RS256", "jku": "https://example.com/keys", "typ": "JWT" }),
        json!({ "alg": "RS256", "x5u": "https://example.com/keys", "typ": "JWT" }),
    ] {
        let text = format!("{}.{claims}", encode(&header));
        for signature in [own.signature(text.as_bytes()), b"HS256".to_vec(), Vec::new()] {
            let assertion = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature));
            setting.post(&assertion).refused(400, "invalid_grant", "Invalid JWT Signature.");
        }
    }
    setting.post(&setting.sign(&setting.claims())).good();
}

#[test]
fn the_token_endpoint_takes_bodies_and_known_grants() {
    let server = StrictGoogle::start();
    let token = |fields: &[(&str, &str)]| form(&server, "/token", fields);
    token(&[]).refused(400, "invalid_request", "grant_type");
    token(&[("grant_type", "password")]).refused(
        400,
        "unsupported_grant_type",
        "Invalid grant_type: password",
    );
    // JSON is as good as a form, but the query is neither.
    let body = json!({ "grant_type": "password" }).to_string();
    let told = ask(&server, "POST /token", &[("content-type", "application/json")], &body);
    told.refused(400, "unsupported_grant_type", "Invalid grant_type: password");
    ask(&server, "POST /token", &[], &body).refused(400, "invalid_request", "grant_type");
    ask(&server, "POST /token?grant_type=refresh_token", &[], "").refused(
        400,
        "invalid_request",
        "grant_type",
    );
    assert_eq!(ask(&server, "GET /token", &[], "").status, 405);
}

#[test]
fn a_self_signed_token_is_taken_by_the_service_that_it_names() {
    let setting = Setting::new();
    let server = &setting.server;
    server.grant(&setting.email, "roles/secretmanager.viewer", WHOLE);
    let ask = |claims: &Value| get(server, "/v1/projects/strict-project/secrets", &setting.sign(claims));
    let now = server.now();
    let email = &setting.email;
    let mut claims = json!({ "iss": email, "sub": email, "iat": now, "exp": now + 3600 });
    claims["aud"] = "https://secretmanager.googleapis.com/".into();
    ask(&claims).good();
    claims["aud"] = "https://storage.googleapis.com/".into();
    ask(&claims).denied(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    claims["scope"] = CLOUD.into();
    ask(&claims).good();
    claims["exp"] = (now + 3620).into();
    ask(&claims).good();
    claims["exp"] = (now + 3901).into();
    ask(&claims).denied(401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED");
    (claims["exp"], claims["sub"]) = ((now + 60).into(), ALICE.into());
    ask(&claims).denied(401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED");
    claims["sub"] = email.as_str().into();
    ask(&claims).good();
    let forged = jwt::Key::new().sign(&claims);
    let told = get(server, "/v1/projects/strict-project/secrets", &forged);
    told.denied(401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED");
    server.advance(Duration::from_secs(60));
    ask(&claims).denied(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED");
}
