//! Signing in: with the browser, with a device, and again with a refresh token.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::jwt::Jwt;
use super::*;

const PROGRAM: &str = "77777777-8888-4777-8666-555555555555";
const SCOPE: &str = "https://management.azure.com/.default offline_access openid profile";
const VERIFIER: &str = "0123456789012345678901234567890123456789abc";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn with_alice() -> (StrictAzure, String) {
    let server = StrictAzure::start();
    let oid = server.add_person(TENANT, ALICE);
    server.add_public_app(TENANT, PROGRAM);
    (server, oid)
}

#[test]
fn a_device_waits_until_somebody_decides() {
    let (server, oid) = with_alice();
    let start = || {
        let path = format!("/{TENANT}/oauth2/v2.0/devicecode");
        form(&server, &path, &[("client_id", PROGRAM), ("scope", SCOPE)])
    };
    let poll =
        |code: &str| token(&server, &[("grant_type", DEVICE), ("client_id", PROGRAM), ("device_code", code)]);
    let told = start();
    let body = told.good();
    assert_eq!((&body["expires_in"], &body["interval"]), (&json!(900), &json!(5)));
    let (code, shown) = (told.text("device_code"), told.text("user_code"));
    assert!(told.text("message").contains(&shown));
    poll(&code).refused(400, "authorization_pending", 70_016);
    server.slow_down(1);
    poll(&code).refused(400, "slow_down", 70_017);
    assert_eq!(server.approve_devices(Some("OTHER"), ALICE), 0);
    assert_eq!(server.approve_devices(Some(&shown), ALICE), 1);
    let token = poll(&code).text("access_token");
    let jwt = Jwt::read(&token).expect("a token");
    assert_eq!((jwt.claim("oid"), jwt.claim("upn"), jwt.claim("scp")), (&*oid, ALICE, "user_impersonation"));
    poll(&code).refused(400, "bad_verification_code", 70_018);
    let code = start().text("device_code");
    server.decline_devices();
    poll(&code).refused(400, "authorization_declined", 70_019);
    let code = start().text("device_code");
    server.advance(Duration::from_secs(900));
    poll(&code).refused(400, "expired_token", 70_020);
    // A program that has a secret has to show it here as well.
    server.add_app(TENANT, ROBOT);
    let path = format!("/{TENANT}/oauth2/v2.0/devicecode");
    form(&server, &path, &[("client_id", ROBOT), ("scope", SCOPE)]).refused(401, "invalid_client", 7_000_218);
}

/// What the browser is sent back with.
fn visit(server: &StrictAzure, more: &[(&str, &str)]) -> Reply {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let usual = [
        ("client_id", PROGRAM),
        ("response_type", "code"),
        ("redirect_uri", "http://localhost:8400"),
        ("scope", SCOPE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", "xyz"),
    ];
    let fields = usual.iter().map(|field| more.iter().find(|(name, _)| *name == field.0).unwrap_or(field));
    let more = more.iter().filter(|(name, _)| usual.iter().all(|(other, _)| other != name));
    let query: Vec<_> =
        fields.chain(more).map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    ask(server, &format!("GET /{TENANT}/oauth2/v2.0/authorize?{}", query.join("&")), &[], "")
}

fn code_of(reply: &Reply) -> String {
    let location = reply.header("location").unwrap_or_else(|| panic!("no redirect: {reply:?}"));
    let (_, rest) = location.split_once("code=").unwrap_or_else(|| panic!("no code: {location}"));
    rest.split('&').next().unwrap_or_default().to_owned()
}

#[test]
fn somebody_signs_in_with_the_browser() {
    let (server, oid) = with_alice();
    assert!(visit(&server, &[]).body.contains("Sign in"));
    server.sign_in_as(ALICE);
    let redeem = |code: &str, more: &[(&str, &str)]| {
        let usual = [
            ("grant_type", "authorization_code"),
            ("client_id", PROGRAM),
            ("code", code),
            ("redirect_uri", "http://localhost:8400"),
            ("code_verifier", VERIFIER),
            ("client_info", "1"),
        ];
        let fields: Vec<_> = usual
            .iter()
            .map(|field| *more.iter().find(|(name, _)| *name == field.0).unwrap_or(field))
            .collect();
        token(&server, &fields)
    };
    let reply = visit(&server, &[]);
    assert!(reply.header("location").is_some_and(|it| it.starts_with("http://localhost:8400?code=")));
    assert!(reply.header("location").is_some_and(|it| it.ends_with("state=xyz")));
    let code = code_of(&reply);
    let told = redeem(&code, &[]);
    let body = told.good();
    assert!(body["refresh_token"].is_string() && body["id_token"].is_string());
    let info = URL_SAFE_NO_PAD.decode(told.text("client_info")).expect("base64");
    assert_eq!(serde_json::from_slice::<Value>(&info).expect("JSON")["uid"], oid);
    redeem(&code, &[]).refused(400, "invalid_grant", 54_005);
    let wrong = ("code_verifier", "9123456789012345678901234567890123456789abc");
    redeem(&code_of(&visit(&server, &[])), &[wrong]).refused(400, "invalid_grant", 501_481);
    let elsewhere = ("redirect_uri", "http://localhost:8401");
    redeem(&code_of(&visit(&server, &[])), &[elsewhere]).refused(400, "invalid_grant", 500_112);
    let late = code_of(&visit(&server, &[]));
    server.advance(Duration::from_secs(600));
    redeem(&late, &[]).refused(400, "invalid_grant", 70_008);
    redeem("unknown", &[]).refused(400, "invalid_grant", 9_002_313);

    let posted = visit(&server, &[("response_mode", "form_post")]);
    assert!(
        posted.body.contains("action=\"http://localhost:8400\"") && posted.body.contains("name=\"code\"")
    );
    for (name, value) in [("redirect_uri", "http://example.com"), ("client_id", "unknown")] {
        let page = visit(&server, &[(name, value)]);
        assert_eq!((page.status, page.header("location")), (400, None), "{page:?}");
    }
    for (name, value) in [("code_challenge_method", "plain"), ("response_type", "token"), ("scope", "x")] {
        let back = visit(&server, &[(name, value)]);
        assert!(back.header("location").is_some_and(|it| it.contains("error=invalid_request")), "{back:?}");
    }
    server.refuse_sign_in();
    assert!(visit(&server, &[]).header("location").is_some_and(|it| it.contains("error=access_denied")));
}

#[test]
fn refresh_tokens_are_for_any_resource_until_something_ends_them() {
    let (server, oid) = with_alice();
    let refresh = |token_text: &str, scope: &str| {
        token(
            &server,
            &[
                ("grant_type", "refresh_token"),
                ("client_id", PROGRAM),
                ("refresh_token", token_text),
                ("scope", scope),
            ],
        )
    };
    let storage = "https://storage.azure.com/.default offline_access";
    let first = server.add_refresh_token(PROGRAM, ALICE);
    let told = refresh(&first, storage);
    assert_eq!(Jwt::read(&told.text("access_token")).expect("a token").claim("aud"), STORAGE);
    let second = told.text("refresh_token");
    assert_ne!(first, second);
    // The older one stays good, unless the tenant is a strict one.
    refresh(&first, storage).good();
    server.spend_refresh_tokens();
    refresh(&first, storage).good();
    refresh(&first, storage).refused(400, "invalid_grant", 50_173);
    refresh(&second, "https://storage.azure.com/.default https://vault.azure.net/.default").refused(
        400,
        "invalid_request",
        28_000,
    );
    refresh("unknown", storage).refused(400, "invalid_grant", 9_002_313);
    for (block, error, code) in [
        (Block::MultiFactor, "invalid_grant", 50_076),
        (Block::ConditionalAccess, "invalid_grant", 53_003),
        (Block::Consent, "invalid_grant", 65_001),
        (Block::Disabled, "invalid_grant", 50_057),
    ] {
        server.block(&oid, block);
        let refused = refresh(&second, storage);
        refused.refused(400, error, code);
        let has_claims = matches!(block, Block::MultiFactor | Block::ConditionalAccess);
        assert_eq!(refused.json()["claims"].is_string(), has_claims, "{refused:?}");
    }
    server.unblock(&oid);
    server.demand_sign_in(ALICE);
    refresh(&second, storage).refused(400, "invalid_grant", 70_043);
    server.expire_refresh_tokens(ALICE);
    refresh(&second, storage).refused(400, "invalid_grant", 700_082);
    let idle = server.add_refresh_token(PROGRAM, ALICE);
    server.advance(Duration::from_secs(90 * 24 * 3600));
    refresh(&idle, storage).refused(400, "invalid_grant", 700_082);
    let third = server.add_refresh_token(PROGRAM, ALICE);
    server.delete(&oid);
    refresh(&third, storage).refused(400, "invalid_grant", 50_034);
}
