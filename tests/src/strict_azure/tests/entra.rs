//! Tokens for programs.

use super::super::jwt::Jwt;
use super::*;
use crate::strict_aws::Issuer;

const SCOPE: &str = "https://management.azure.com/.default";

/// A call by a program with this beside its id and its scope.
fn by(server: &StrictAzure, more: &[(&str, &str)]) -> Reply {
    let usual = [("grant_type", "client_credentials"), ("client_id", ROBOT), ("scope", SCOPE)];
    token(server, &[&usual, more].concat())
}

#[test]
fn a_secret_is_the_programs_own_and_ends() {
    let server = StrictAzure::start();
    by(&server, &[("client_secret", "x")]).refused(400, "unauthorized_client", 700_016);
    let oid = server.add_app(TENANT, ROBOT);
    let secret = server.add_secret(ROBOT);
    let told = by(&server, &[("client_secret", &secret)]);
    let body = told.good();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3599)));
    let jwt = Jwt::read(body["access_token"].as_str().unwrap_or_default()).expect("a token");
    assert!(jwt.is_of_entra());
    for (claim, expected) in
        [("aud", ARM), ("oid", &*oid), ("tid", TENANT), ("appid", ROBOT), ("appidacr", "1")]
    {
        assert_eq!(jwt.claim(claim), expected, "{claim}");
    }
    assert_eq!(jwt.time("exp"), Some(server.now() + 3599));
    server.set_life(Some(Duration::from_secs(28 * 3600)));
    let long = by(&server, &[("client_secret", &secret)]).good();
    assert_eq!((&long["expires_in"], &long["refresh_in"]), (&json!(100_800), &json!(50_400)));

    by(&server, &[("client_secret", "wrong")]).refused(401, "invalid_client", 7_000_215);
    by(&server, &[]).refused(401, "invalid_client", 7_000_218);
    let short = server.add_secret_for(ROBOT, Duration::from_secs(60));
    by(&server, &[("client_secret", &short)]).good();
    server.advance(Duration::from_secs(60));
    by(&server, &[("client_secret", &short)]).refused(401, "invalid_client", 7_000_222);
    // What stands in the query does not count.
    let path = format!("/{TENANT}/oauth2/v2.0/token?client_secret={}", encoded(&secret));
    let usual = [("grant_type", "client_credentials"), ("client_id", ROBOT), ("scope", SCOPE)];
    form(&server, &path, &usual).refused(401, "invalid_client", 7_000_218);
    server.remove_credentials(ROBOT);
    by(&server, &[("client_secret", &secret)]).refused(401, "invalid_client", 7_000_215);
}

#[test]
fn tenants_scopes_and_policies_are_looked_at() {
    let server = StrictAzure::start();
    let oid = server.add_app(TENANT, ROBOT);
    let secret = server.add_secret(ROBOT);
    let shown = ("client_secret", &*secret);
    let of = |tenant: &str| {
        let fields = [("grant_type", "client_credentials"), ("client_id", ROBOT), ("scope", SCOPE), shown];
        form(&server, &format!("/{tenant}/oauth2/v2.0/token"), &fields)
    };
    of(DOMAIN).good();
    of("22222222-2222-4333-8444-555555555555").refused(400, "invalid_request", 90_002);
    of("example.com").refused(400, "invalid_request", 90_002);
    of("common_").refused(400, "invalid_request", 900_023);
    server.add_tenant("22222222-2222-4333-8444-555555555555", "other.onmicrosoft.com");
    of("other.onmicrosoft.com").refused(400, "unauthorized_client", 700_016);

    let scope = |scope: &str| {
        token(&server, &[("grant_type", "client_credentials"), ("client_id", ROBOT), shown, ("scope", scope)])
    };
    scope("").refused(400, "invalid_request", 900_144);
    scope("https://management.azure.com/user_impersonation").refused(400, "invalid_scope", 1_002_012);
    scope("https://management.azure.com/.default https://storage.azure.com/.default").refused(
        400,
        "invalid_scope",
        70_011,
    );
    scope("https://example.com/.default").refused(400, "invalid_resource", 500_011);
    let told = scope("https://management.core.windows.net//.default").text("access_token");
    assert_eq!(Jwt::read(&told).expect("a token").claim("aud"), "https://management.core.windows.net/");
    token(&server, &[]).refused(400, "invalid_request", 900_144);
    token(&server, &[("grant_type", "password")]).refused(400, "unsupported_grant_type", 70_003);

    for (block, status, error, code) in [
        (Block::ConditionalAccess, 400, "invalid_grant", 53_003),
        (Block::Disabled, 400, "unauthorized_client", 7_000_112),
    ] {
        server.block(&oid, block);
        by(&server, &[shown]).refused(status, error, code);
    }
    server.unblock(&oid);
    server.throttle_tokens(1, 7);
    let busy = by(&server, &[shown]);
    busy.refused(429, "temporarily_unavailable", 90_055);
    assert_eq!(busy.header("retry-after"), Some("7"));
    by(&server, &[shown]).good();
    server.delete(&oid);
    by(&server, &[shown]).refused(400, "unauthorized_client", 700_016);
}

#[test]
fn an_identity_from_elsewhere_is_known_to_the_letter() {
    const KIND: (&str, &str) =
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    const AUDIENCE: &str = "api://AzureADTokenExchange";
    let server = StrictAzure::start();
    server.add_app(TENANT, ROBOT);
    let issuer = Issuer::rs256("https://issuer.test");
    let hour = Duration::from_secs(3600);
    let shown = |token: &str| by(&server, &[KIND, ("client_assertion", token)]);
    let good = server.token_of(&issuer, "repo:a/b:ref", AUDIENCE, hour);
    shown(&good).refused(401, "invalid_client", 70_025);
    server.add_federated(ROBOT, &issuer, "repo:a/b:ref", AUDIENCE);
    shown(&good).good();
    by(&server, &[("client_assertion", &good)]).refused(400, "invalid_request", 900_144);
    let case = server.token_of(&issuer, "repo:A/b:ref", AUDIENCE, hour);
    shown(&case).refused(401, "invalid_client", 700_213);
    let other = server.token_of(&issuer, "repo:a/b:ref", "api://other", hour);
    shown(&other).refused(401, "invalid_client", 700_212);
    let slash = Issuer::rs256("https://issuer.test/");
    shown(&server.token_of(&slash, "repo:a/b:ref", AUDIENCE, hour)).refused(401, "invalid_client", 700_211);
    let forged = Issuer::rs256("https://issuer.test");
    shown(&server.token_of(&forged, "repo:a/b:ref", AUDIENCE, hour)).refused(401, "invalid_client", 700_027);
    shown("no.token").refused(401, "invalid_client", 50_027);
    server.advance(hour + Duration::from_secs(300));
    shown(&good).refused(401, "invalid_client", 700_024);
}

#[test]
fn a_tenant_tells_where_its_endpoints_are() {
    let server = StrictAzure::start();
    let told = ask(&server, &format!("GET /{TENANT}/v2.0/.well-known/openid-configuration"), &[], "").good();
    assert_eq!(told["token_endpoint"], format!("{}/{TENANT}/oauth2/v2.0/token", server.url()));
    let unknown = ask(&server, "GET /example.com/v2.0/.well-known/openid-configuration", &[], "");
    unknown.refused(400, "invalid_request", 90_002);
    let keys = ask(&server, &format!("GET /{TENANT}/discovery/v2.0/keys"), &[], "").good();
    assert_eq!(keys["keys"][0]["e"], "AQAB");
    let hosts = ask(&server, "GET /common/discovery/instance?api-version=1.1", &[], "").good();
    assert_eq!(hosts["metadata"][0]["preferred_network"], server.address().to_string());
}
