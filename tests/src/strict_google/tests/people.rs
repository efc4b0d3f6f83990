use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of that verifier, as RFC 7636 has it.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:8085/";

struct Setting {
    server: StrictGoogle,
    client: Client,
}

impl Setting {
    fn new() -> Self {
        let server = StrictGoogle::start();
        server.add_user(ALICE);
        let client = server.add_client();
        Self { server, client }
    }

    /// The consent page with one parameter changed.
    fn consent(&self, name: &str, value: &str) -> Reply {
        let scope = format!("openid {EMAIL} {CLOUD}");
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", &self.client.id),
            ("redirect_uri", REDIRECT),
            ("scope", &scope),
            ("state", "a b/c"),
            ("access_type", "offline"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        fields.retain(|(other, _)| *other != name);
        fields.push((name, value));
        let query: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        ask(&self.server, &format!("GET /o/oauth2/auth?{}", query.join("&")), &[], "")
    }

    /// The code of a consent.
    #[track_caller]
    fn code(&self) -> String {
        let told = self.consent("prompt", "consent");
        let location = told.header("location").unwrap_or_else(|| panic!("no redirect: {told:?}"));
        let code = location.split("code=").nth(1).and_then(|rest| rest.split('&').next());
        decoded(code.unwrap_or_else(|| panic!("no code: {told:?}")))
    }

    /// The code's exchange with one field changed.
    fn redeem(&self, code: &str, name: &str, value: &str) -> Reply {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", &self.client.id),
            ("client_secret", &self.client.secret),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(other, _)| *other != name);
        fields.push((name, value));
        form(&self.server, "/token", &fields)
    }

    fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Reply {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", self.client.id.as_str()),
            ("client_secret", self.client.secret.as_str()),
        ];
        form(&self.server, "/token", &[&fields, more].concat())
    }
}

#[test]
fn a_consent_gives_a_code_to_this_machine_only() {
    let setting = Setting::new();
    let page = setting.consent("state", "s");
    assert!(page.status == 200 && page.body.contains("Sign in"), "{page:?}");
    setting.server.refuse_consent();
    let told = setting.consent("prompt", "consent");
    assert_eq!(told.status, 302);
    assert_eq!(told.header("location"), Some("http://localhost:8085/?state=a%20b%2Fc&error=access_denied"));

    setting.server.consent_as(ALICE);
    let told = setting.consent("prompt", "consent");
    let location = told.header("location").unwrap_or_default();
    assert!(location.starts_with("http://localhost:8085/?state=a%20b%2Fc&code=4%2F0A"), "{told:?}");
    for (name, value, code, words) in [
        ("client_id", "unknown", 401, "invalid_client"),
        ("response_type", "token", 400, "unsupported_response_type"),
        ("redirect_uri", "https://example.com/", 400, "redirect_uri_mismatch"),
        ("scope", "", 400, "Required parameter is missing: scope"),
        ("scope", "everything", 400, "invalid_scope"),
        ("code_challenge", "", 400, "code_challenge"),
        ("code_challenge", "short", 400, "code_challenge"),
        ("code_challenge_method", "plain", 400, "code_challenge_method"),
        ("code_challenge_method", "", 400, "code_challenge_method"),
    ] {
        let told = setting.consent(name, value);
        assert!(told.status == code && told.body.contains(words), "{name}={value}: {told:?}");
        assert_eq!(told.header("location"), None);
    }
    let limited = setting.server.add_limited_client();
    assert!(setting.consent("client_id", &limited.id).body.contains("Invalid client type"));
}

#[test]
fn a_code_is_good_once_for_its_client_and_verifier() {
    let setting = Setting::new();
    setting.server.consent_as(ALICE);
    let told = setting.redeem(&setting.code(), "", "").good();
    assert!(told["refresh_token"].as_str().is_some_and(|it| it.starts_with("1//0")), "{told}");
    assert_eq!(told["scope"], format!("openid {EMAIL} {CLOUD}"));
    let identity = jwt::Jwt::read(told["id_token"].as_str().unwrap_or_default()).expect("an identity token");
    assert_eq!((identity.claim("email"), identity.claim("aud")), (ALICE, setting.client.id.as_str()));

    let code = setting.code();
    setting.redeem(&code, "", "").good();
    setting.redeem(&code, "", "").refused(400, "invalid_grant", "Malformed auth code");
    setting.redeem("4/0Aunknown", "", "").refused(400, "invalid_grant", "Malformed auth code");
    let other = "http://localhost:8086/";
    setting.redeem(&setting.code(), "redirect_uri", other).refused(400, "redirect_uri_mismatch", "");
    let missing = setting.redeem(&setting.code(), "code_verifier", "");
    missing.refused(400, "invalid_grant", "Missing code verifier");
    let wrong = "x".repeat(43);
    let wrong = setting.redeem(&setting.code(), "code_verifier", &wrong);
    wrong.refused(400, "invalid_grant", "Invalid code verifier");
    let short = setting.redeem(&setting.code(), "code_verifier", "short");
    short.refused(400, "invalid_grant", "Invalid code verifier");
    let secret = setting.redeem(&setting.code(), "client_secret", "wrong");
    secret.refused(401, "invalid_client", "client secret is invalid");
    setting.redeem(&setting.code(), "client_id", "unknown").refused(401, "invalid_client", "was not found");
    let code = setting.code();
    let stranger = setting.server.add_client();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("client_id", &stranger.id),
        ("client_secret", &stranger.secret),
        ("code_verifier", VERIFIER),
    ];
    form(&setting.server, "/token", &fields).refused(400, "invalid_grant", "Malformed auth code");
    let limited = setting.server.add_limited_client();
    let fields = [("grant_type", "authorization_code"), ("code", "x"), ("client_id", &limited.id)];
    let told =
        form(&setting.server, "/token", &[&fields[..], &[("client_secret", &limited.secret)]].concat());
    told.refused(401, "unauthorized_client", "Unauthorized");
    let code = setting.code();
    setting.server.advance(Duration::from_secs(600));
    setting.redeem(&code, "", "").refused(400, "invalid_grant", "Bad Request");

    // A second consent gives no refresh token, unless the page was shown again.
    let told = setting.consent("prompt", "none");
    let location = told.header("location").unwrap_or_default().to_owned();
    let code = location.split("code=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
    let told = setting.redeem(&decoded(code), "", "").good();
    assert!(told["refresh_token"].is_null() && told["access_token"].is_string(), "{told}");
}

#[test]
fn refresh_tokens_are_checked_and_can_be_taken_back() {
    let setting = Setting::new();
    let (server, client) = (&setting.server, &setting.client);
    let token = server.add_refresh_token(client, ALICE, &["openid", EMAIL, CLOUD]);
    let told = setting.refresh(&token, &[]).good();
    assert_eq!(told["scope"], format!("openid {EMAIL} {CLOUD}"));
    assert!(told["id_token"].is_string() && told["refresh_token"].is_null(), "{told}");
    assert_eq!(setting.refresh(&token, &[("scope", EMAIL)]).text("scope"), EMAIL);
    let more = "https://www.googleapis.com/auth/drive.file";
    setting.refresh(&token, &[("scope", more)]).refused(400, "invalid_scope", "Bad Request");
    setting.refresh("1//0unknown", &[]).refused(400, "invalid_grant", "Token has been expired or revoked.");
    let stranger = server.add_client();
    let others = server.add_refresh_token(&stranger, ALICE, &[CLOUD]);
    setting.refresh(&others, &[]).refused(401, "unauthorized_client", "Unauthorized");

    server.demand_reauthentication(ALICE);
    let told = setting.refresh(&token, &[]);
    told.refused(400, "invalid_grant", "invalid_rapt");
    assert_eq!(told.json()["error_subtype"], "invalid_rapt");
    server.state().directory.must_reauthenticate.clear();

    // Revoking the access token ends the consent that it came from.
    let access = setting.refresh(&token, &[]).text("access_token");
    let about = |token: &str| ask(server, &format!("GET /tokeninfo?access_token={token}"), &[], "");
    let told = about(&access).good();
    assert_eq!((told["email"].as_str(), told["aud"].as_str()), (Some(ALICE), Some(client.id.as_str())));
    assert_eq!(told["access_type"], "offline");
    form(server, "/revoke", &[("token", &access)]).good();
    about(&access).refused(400, "invalid_token", "Invalid Value");
    setting.refresh(&token, &[]).refused(400, "invalid_grant", "Token has been expired or revoked.");
    form(server, "/revoke", &[("token", &access)]).refused(400, "invalid_token", "expired or revoked");
    about("ya29.unknown").refused(400, "invalid_token", "Invalid Value");
    ask(server, "GET /tokeninfo", &[], "").refused(400, "invalid_token", "Invalid Value");

    let token = server.add_refresh_token(client, ALICE, &[CLOUD]);
    let access = setting.refresh(&token, &[]).text("access_token");
    assert!(about(&access).good()["email"].is_null(), "nobody asked for the e-mail");
    server.revoke_consents(ALICE);
    setting.refresh(&token, &[]).refused(400, "invalid_grant", "Token has been expired or revoked.");
    let token = server.add_refresh_token(client, ALICE, &[CLOUD]);
    server.disable(ALICE);
    setting.refresh(&token, &[]).refused(400, "invalid_grant", "Account has been disabled");
    server.delete(ALICE);
    setting.refresh(&token, &[]).refused(400, "invalid_grant", "Account has been deleted");

    let robot = server.add_service_account("robot");
    let access = server.token_for(&robot, &[CLOUD]);
    form(server, "/revoke", &[("token", &access)]).refused(400, "invalid_request", "not revocable");
}

#[test]
fn devices_wait_slow_down_and_never_get_the_cloud() {
    let setting = Setting::new();
    let server = &setting.server;
    let limited = server.add_limited_client();
    let start =
        |client: &str, scope: &str| form(server, "/device/code", &[("client_id", client), ("scope", scope)]);
    start(&limited.id, CLOUD).refused(400, "invalid_scope", "Invalid device flow scope");
    start(&limited.id, "").refused(400, "invalid_request", "scope");
    start(&setting.client.id, EMAIL).refused(401, "invalid_client", "Invalid client type");
    start("unknown", EMAIL).refused(401, "invalid_client", "was not found");

    let poll = |device: &Value| {
        let code = device["device_code"].as_str().expect("a code");
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", code),
            ("client_id", limited.id.as_str()),
            ("client_secret", limited.secret.as_str()),
        ];
        form(server, "/token", &fields)
    };
    let device = start(&limited.id, EMAIL).good();
    assert_eq!((device["interval"].as_u64(), device["expires_in"].as_u64()), (Some(5), Some(1800)));
    poll(&device).refused(428, "authorization_pending", "");
    server.slow_down(1);
    poll(&device).refused(403, "slow_down", "");
    assert_eq!(server.approve_devices(Some("other"), ALICE), 0);
    assert_eq!(server.approve_devices(device["user_code"].as_str(), ALICE), 1);
    let told = poll(&device).good();
    assert!(told["refresh_token"].is_string() && told["scope"] == EMAIL, "{told}");
    poll(&device).refused(400, "invalid_grant", "Malformed device code");

    let device = start(&limited.id, EMAIL).good();
    assert_eq!(server.deny_devices(), 1);
    poll(&device).refused(403, "access_denied", "");
    let device = start(&limited.id, EMAIL).good();
    server.advance(Duration::from_secs(1800));
    poll(&device).refused(400, "expired_token", "");
}
