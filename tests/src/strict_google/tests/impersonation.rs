//! Taking on a service account, and coming from elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::strict_aws::Issuer;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const CREATOR: &str = "roles/iam.serviceAccountTokenCreator";

fn generate(server: &StrictGoogle, token: &str, email: &str, method: &str, body: &Value) -> Reply {
    call(server, &format!("POST /v1/projects/-/serviceAccounts/{email}:{method}"), token, body)
}

fn account(email: &str) -> String {
    format!("projects/-/serviceAccounts/{email}")
}

#[test]
fn an_account_is_taken_on_by_whom_it_lets() {
    let (server, token) = with_alice();
    let robot = server.add_service_account("robot");
    let ask = |body: &Value| generate(&server, &token, &robot, "generateAccessToken", body);
    let plain = json!({ "scope": [CLOUD] });
    let needed = "iam.serviceAccounts.getAccessToken";
    ask(&plain).denied(403, "PERMISSION_DENIED", needed);
    // Who owns the project owns its accounts, but is none of them.
    server.grant(ALICE, "roles/owner", WHOLE);
    ask(&plain).denied(403, "PERMISSION_DENIED", needed);
    server.grant(ALICE, CREATOR, &account(&robot));
    let told = ask(&plain).good();
    let taken = told["accessToken"].as_str().expect("a token");
    assert_eq!(server.owner(taken), Some((robot.clone(), vec![CLOUD.to_owned()])));
    let ends = clock::iso(server.now() + 3600);
    assert_eq!(told["expireTime"].as_str().map(|it| &it[..15]), Some(&ends[..15]));

    let lasting = |life: &str| ask(&json!({ "scope": [CLOUD], "lifetime": life }));
    lasting("600s").good();
    for life in ["3601s", "0s", "-1s", "600", "an hour"] {
        lasting(life).denied(400, "INVALID_ARGUMENT", "lifetime");
    }
    server.allow_long_lives(&robot);
    lasting("43200s").good();
    lasting("43201s").denied(400, "INVALID_ARGUMENT", "allowServiceAccountCredentialLifetimeExtension");
    ask(&json!({})).denied(400, "INVALID_ARGUMENT", "Scope required");
    ask(&json!({ "scope": ["everything"] })).denied(400, "INVALID_ARGUMENT", "Invalid scope");
    let named = format!("POST /v1/projects/{PROJECT}/serviceAccounts/{robot}:generateAccessToken");
    call(&server, &named, &token, &plain).denied(400, "INVALID_ARGUMENT", "the project must be '-'");
    let narrow = server.token_for(ALICE, &[EMAIL]);
    let told = generate(&server, &narrow, &robot, "generateAccessToken", &plain);
    told.denied(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT");

    let tested = generate(&server, &token, &robot, "testIamPermissions", &json!({ "permissions": [needed] }));
    assert_eq!(tested.good()["permissions"], json!([needed]));
    server.disable(&robot);
    ask(&plain).denied(400, "FAILED_PRECONDITION", "disabled");
    server.delete(&robot);
    ask(&plain).denied(404, "NOT_FOUND", "Gaia id not found for email");
}

#[test]
fn a_chain_of_delegates_holds_link_by_link() {
    let (server, token) = with_alice();
    let [first, second, last] = ["first", "second", "last"].map(|name| server.add_service_account(name));
    let ask = |delegates: Value| {
        let body = json!({ "scope": [CLOUD], "delegates": delegates });
        generate(&server, &token, &last, "generateAccessToken", &body)
    };
    let chain = json!([account(&first), account(&second)]);
    server.grant(ALICE, CREATOR, &account(&first));
    server.grant(&second, CREATOR, &account(&last));
    ask(chain.clone()).denied(403, "PERMISSION_DENIED", "iam.serviceAccounts.implicitDelegation");
    server.grant(&first, CREATOR, &account(&second));
    ask(chain.clone()).good();
    ask(json!([])).denied(403, "PERMISSION_DENIED", "iam.serviceAccounts.getAccessToken");
    ask(json!([account(&second), account(&first)])).denied(403, "PERMISSION_DENIED", "implicitDelegation");
    ask(json!([first])).denied(400, "INVALID_ARGUMENT", "projects/-/serviceAccounts/EMAIL");
    ask(json!([format!("projects/{PROJECT}/serviceAccounts/{first}")])).denied(
        400,
        "INVALID_ARGUMENT",
        "delegate",
    );
    ask(json!("first")).denied(400, "INVALID_ARGUMENT", "delegates");
    server.disable(&second);
    ask(chain.clone()).denied(403, "PERMISSION_DENIED", "getAccessToken");
    server.enable(&second);
    server.take_back(&second, CREATOR, &account(&last));
    ask(chain).denied(403, "PERMISSION_DENIED", "getAccessToken");
}

#[test]
fn an_account_signs_and_identifies_for_whom_it_lets() {
    let (server, token) = with_alice();
    let robot = server.add_service_account("robot");
    let ask = |method: &str, body: &Value| generate(&server, &token, &robot, method, body);
    let (audience, payload) =
        (json!({ "audience": "https://a.test" }), json!({ "payload": STANDARD.encode("text") }));
    for (method, body, needed) in [
        ("generateIdToken", &audience, "getOpenIdToken"),
        ("signBlob", &payload, "signBlob"),
        ("signJwt", &json!({ "payload": "{}" }), "signJwt"),
    ] {
        ask(method, body).denied(403, "PERMISSION_DENIED", needed);
    }
    server.grant(ALICE, CREATOR, &account(&robot));
    let identity =
        jwt::Jwt::read(&ask("generateIdToken", &audience).text("token")).expect("an identity token");
    assert_eq!((identity.claim("aud"), identity.claim("email")), ("https://a.test", robot.as_str()));
    assert!(identity.is_signed_by(&jwt::GOOGLE));
    ask("generateIdToken", &json!({})).denied(400, "INVALID_ARGUMENT", "");
    let signed = STANDARD.decode(ask("signBlob", &payload).text("signedBlob")).expect("base64");
    assert_eq!(signed, jwt::GOOGLE.signature(b"text"));
    ask("signBlob", &json!({ "payload": "?" })).denied(400, "INVALID_ARGUMENT", "");
    let claims = |ends: i64| json!({ "payload": json!({ "exp": ends }).to_string() });
    ask("signJwt", &claims(server.now() + 12 * 3600)).good();
    ask("signJwt", &claims(server.now() + 12 * 3600 + 60)).denied(400, "INVALID_ARGUMENT", "12 hours");
    ask("signJwt", &json!({ "payload": "[]" })).denied(400, "INVALID_ARGUMENT", "no JSON object");
    ask("generateAnything", &json!({})).denied(404, "NOT_FOUND", "Method not found");
}

/// A server that trusts an issuer, and the fields of a good exchange.
fn federated() -> (StrictGoogle, Issuer, String) {
    let server = StrictGoogle::start();
    let issuer = Issuer::rs256("https://issuer.test");
    let audience = server.add_provider("pool", "oidc", &issuer);
    (server, issuer, audience)
}

fn exchange(server: &StrictGoogle, audience: &str, token: &str, change: (&str, &str)) -> Reply {
    let mut fields = vec![
        ("grant_type", GRANT),
        ("audience", audience),
        ("scope", CLOUD),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", token),
        ("subject_token_type", JWT),
    ];
    fields.retain(|(name, _)| *name != change.0);
    fields.push(change);
    form(server, "/v1/token", &fields)
}

#[test]
fn an_identity_from_elsewhere_is_verified_and_may_take_on_an_account() {
    let (server, issuer, audience) = federated();
    let hour = Duration::from_secs(3600);
    let token = server.token_of(&issuer, "system:serviceaccount:ns:app", &audience, hour);
    let told = exchange(&server, &audience, &token, ("", "")).good();
    assert_eq!((told["expires_in"].as_u64(), told["token_type"].as_str()), (Some(3599), Some("Bearer")));
    let own = told["access_token"].as_str().expect("a token");
    let pool =
        format!("iam.googleapis.com/projects/{PROJECT_NUMBER}/locations/global/workloadIdentityPools/pool");
    let me = format!("principal://{pool}/subject/system:serviceaccount:ns:app");
    assert_eq!(server.owner(own), Some((me.clone(), vec![CLOUD.to_owned()])));
    let told = form(&server, "/v1/introspect", &[("token", own)]).good();
    assert_eq!((told["active"].as_bool(), told["username"].as_str()), (Some(true), Some(me.as_str())));
    assert_eq!(form(&server, "/v1/introspect", &[("token", "x")]).good()["active"], false);
    form(&server, "/v1/introspect", &[]).refused(400, "invalid_request", "token");
    // The endpoint for Google's own tokens knows nothing of this one.
    let about = ask(&server, &format!("GET /tokeninfo?access_token={own}"), &[], "");
    about.refused(400, "invalid_token", "Invalid Value");

    let robot = server.add_service_account("robot");
    let taken = || generate(&server, own, &robot, "generateAccessToken", &json!({ "scope": [CLOUD] }));
    taken().denied(403, "PERMISSION_DENIED", "getAccessToken");
    server.grant(&format!("principalSet://{pool}-2/*"), "roles/iam.workloadIdentityUser", &account(&robot));
    taken().denied(403, "PERMISSION_DENIED", "getAccessToken");
    server.grant(&format!("principalSet://{pool}/*"), "roles/iam.workloadIdentityUser", &account(&robot));
    taken().good();
    server.add_secret("mine", "value");
    let secret = || get(&server, "/v1/projects/strict-project/secrets/mine/versions/latest:access", own);
    secret().denied(403, "PERMISSION_DENIED", "secretmanager.versions.access");
    server.grant(&me, "roles/secretmanager.secretAccessor", "projects/strict-project/secrets/mine");
    secret().good();
}

/// C16: issuer, audience, time and signature of a token of elsewhere are looked at, each by itself.
#[test]
fn c16_what_is_wrong_with_an_identity_from_elsewhere_is_told() {
    let (server, issuer, audience) = federated();
    let hour = Duration::from_secs(3600);
    let token = server.token_of(&issuer, "me", &audience, hour);
    let changed = |name: &str, value: &str| exchange(&server, &audience, &token, (name, value));
    let shown = |token: &str| exchange(&server, &audience, token, ("", ""));
    changed("grant_type", "password").refused(400, "unsupported_grant_type", "");
    changed("requested_token_type", JWT).refused(400, "invalid_request", "requested_token_type");
    changed("subject_token_type", "urn:x").refused(400, "invalid_request", "subject_token_type");
    changed("scope", "").refused(400, "invalid_request", "scope");
    changed("scope", "everything").refused(400, "invalid_scope", "scope");
    changed("audience", "").refused(400, "invalid_request", "audience");
    changed("audience", "pool").refused(
        400,
        "invalid_request",
        "full resource name of the Identity Provider",
    );
    changed("audience", &audience.replace("/pool/", "/other/")).refused(400, "invalid_target", "audience");
    changed("options", r#"{"userProject":"strict-project"}"#).good();
    changed("options", r#"{"userProject":"unknown"}"#).refused(400, "invalid_request", "options");
    changed("options", r#"{"accessBoundary":{}}"#).refused(400, "invalid_request", "options");

    shown("no token").refused(400, "invalid_request", "Unable to parse the ID Token");
    let forged = Issuer::rs256(issuer.url()).token("me", &format!("https:{audience}"), server.now() + 60);
    shown(&forged).refused(400, "invalid_grant", "signature");
    let foreign =
        Issuer::es256("https://foreign.test").token("me", &format!("https:{audience}"), server.now() + 60);
    shown(&foreign).refused(400, "invalid_grant", "issuer");
    let other = issuer.token("me", "https://example.com", server.now() + 60);
    shown(&other).refused(400, "invalid_grant", "audience");
    server.advance(hour);
    shown(&token).refused(400, "invalid_grant", "stale");
    server.set_back(hour);

    // A client that shows itself must be the one that it says.
    let client = server.add_client();
    let by = |secret: &str| {
        let header = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", client.id)));
        let fields = [
            ("grant_type", GRANT),
            ("audience", audience.as_str()),
            ("scope", CLOUD),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token", token.as_str()),
            ("subject_token_type", JWT),
        ];
        form_with(&server, "/v1/token", &[("authorization", &header)], &fields)
    };
    by(&client.secret).good();
    by("wrong").refused(401, "invalid_client", "");
    assert_eq!(ask(&server, "GET /v1/token", &[], "").status, 405);
}

#[test]
fn a_signed_request_of_aws_names_its_role() {
    let server = StrictGoogle::start();
    let role = "arn:aws:sts::123456789012:assumed-role/app/i-1";
    let audience = server.add_aws_provider("pool", "aws", &[("ASIAKNOWN", role)]);
    let request = |key: &str, target: &str| {
        let signed = "host;x-amz-date;x-goog-cloud-target-resource";
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261122/us-east-1/sts/aws4_request, SignedHeaders={signed}, \
             Signature=00"
        );
        let header = |key: &str, value: &str| json!({ "key": key, "value": value });
        let request = json!({
            "url": "https://sts.us-east-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
            "method": "POST",
            "headers": [
                header("host", "sts.us-east-1.amazonaws.com"),
                header("x-amz-date", "20261122T033646Z"),
                header("Authorization", &authorization),
                header("x-goog-cloud-target-resource", target),
            ],
        });
        let fields = [
            ("grant_type", GRANT),
            ("audience", audience.as_str()),
            ("scope", CLOUD),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token", &encoded(&request.to_string())),
            ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request"),
        ];
        form(&server, "/v1/token", &fields)
    };
    let token = request("ASIAKNOWN", &audience).text("access_token");
    assert!(server.owner(&token).is_some_and(|(who, _)| who.ends_with(&format!("/subject/{role}"))));
    request("ASIAOTHER", &audience).refused(400, "invalid_grant", "security token");
    request("ASIAKNOWN", "//iam.googleapis.com/other").refused(400, "invalid_grant", "security token");
    exchange(&server, &audience, "a.b.c", ("", "")).refused(400, "invalid_request", "subject_token_type");
}
