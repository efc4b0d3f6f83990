use connector_core::{
    AnyConnector, AuthMethod, Connectors, Context, Document, Error, ErrorKind, Expiry, Narrowed, Registry,
    Response, format_time,
};
use serde_json::{Value, json};

use super::bucket;
use crate::auth::Impersonation;
use crate::testing::{
    CANARY, EMAIL, GENERATE_URL, PROJECT, STS_URL, TARGET, TOKEN_URL, USUAL, WHOLE, World, api_refusal,
    assert_silent, authenticate, body, call, field, form, generated, header, key_file, method, object, token,
    verified, with,
};

pub(super) fn by_key(more: Value) -> Impersonation {
    let config = json!({ "service_account_json": key_file().to_string(), "target_principal": TARGET });
    method(with(config, more))
}

fn given(name: &str) -> Response {
    generated(name, World::start(), 3600)
}

/// S35, S2: two calls with a key: a token that can do nothing but this, and generateAccessToken for the target,
/// which asks for what the connector says. `explain` tells the same.
#[tokio::test]
async fn s35_two_calls_with_a_key() {
    let world = World::new().answers(token("base", 3599)).answers(given("ya29.target"));
    let cx = world.named("prod");
    let first = "first@other-project.iam.gserviceaccount.com";
    let account = by_key(json!({ "delegates": [first, EMAIL], "scopes": ["openid"] }));
    let out = authenticate(&account, &cx, Some(7200), None).await.expect("a session");
    assert_eq!(world.lines(), [format!("POST {TOKEN_URL}"), format!("POST {GENERATE_URL}")]);
    let form = form(&world, 0);
    let (_, claims) = verified(field(&form, "assertion").expect("an assertion"));
    assert_eq!((&claims["iss"], &claims["scope"]), (&json!(EMAIL), &json!(WHOLE)));
    let sent = &world.sent()[1];
    assert_eq!(header(sent, "authorization"), Some("Bearer base"));
    let expected = json!({
        "scope": ["openid"], "lifetime": "7200s",
        "delegates": [format!("projects/-/serviceAccounts/{first}"), format!("projects/-/serviceAccounts/{EMAIL}")],
    });
    assert_eq!(body(sent), expected);
    let issued = out.session.credential();
    assert_eq!(issued.access_token.expose(), "ya29.target");
    assert_eq!((issued.account.as_deref(), issued.project_id.as_deref()), (Some(TARGET), Some(PROJECT)));
    assert_eq!(out.expiry, Expiry::At(World::after(3600)));

    let steps = account.plan(&call(&account, &cx, Some(7200)), None).expect("a plan");
    assert_eq!(steps.len(), 2);
    let parameter = |at: usize, name: &str| field(&steps[at].parameters, name).map(str::to_owned);
    assert_eq!((steps[0].call, parameter(0, "iss").as_deref()), ("oauth2:token", Some(EMAIL)));
    assert_eq!(parameter(0, "scope").as_deref(), Some(WHOLE));
    assert_eq!(steps[1].call, "iamcredentials:generateAccessToken");
    let told: Value = serde_json::from_str(&parameter(1, "body").expect("a body")).expect("JSON");
    assert_eq!(told, body(sent));
    assert_eq!(parameter(1, "name"), Some(format!("projects/-/serviceAccounts/{TARGET}")));
}

/// Without delegates none are sent, and the usual scopes are asked for. Narrowing is one call more, of the target's
/// token.
#[tokio::test]
async fn c24_narrowing_is_one_call_more() {
    let world =
        World::new().answers(token("base", 3599)).answers(given("wide")).answers(token("narrow", 3000));
    let cx = world.context();
    let account = by_key(json!({}));
    let out = authenticate(&account, &cx, None, Some(&bucket())).await.expect("a session");
    let scopes: Vec<_> = USUAL.split(' ').collect();
    assert_eq!(body(&world.sent()[1]), json!({ "scope": scopes, "lifetime": "3600s" }));
    assert_eq!(world.lines()[2], format!("POST {STS_URL}"));
    assert_eq!(field(&form(&world, 2), "subject_token"), Some("wide"));
    assert!(matches!(out.narrowed, Some(Narrowed::By(_))));
    assert_eq!(account.plan(&call(&account, &cx, None), Some(&bucket())).expect("a plan").len(), 3);
}

/// Connectors that others take their identity from.
struct Others(Registry);

#[connector_core::async_trait]
impl Connectors for Others {
    async fn open(&self, _: &Context, name: &str) -> connector_core::Result<AnyConnector> {
        let (method, config) = match name {
            "key" => ("service-account", json!({ "service_account_json": key_file().to_string() })),
            "token" => {
                let end = format_time(World::after(600));
                ("oauth2-token", json!({ "project_id": "of-source", "token": CANARY, "expires_at": end }))
            }
            "placed" => {
                let end = format_time(World::after(600));
                let place = json!({
                    "universe_domain": "apis.example.goog", "endpoint_url": "https://corp.example",
                    "endpoints": { "storage": "https://storage.corp.example" }, "ca_bundle": "/etc/ca.pem",
                });
                let token = json!({ "project_id": "of-source", "token": CANARY, "expires_at": end });
                ("oauth2-token", with(token, place))
            }
            _ => return Err(Error::not_found(format!("no connector `{name}`"))),
        };
        let document = Document::draft(name, "gcp", method, object(config));
        self.0.open(&document, document.config.clone())
    }
}

fn by_source(name: &str, more: Value) -> Impersonation {
    method(with(json!({ "source": name, "target_principal": TARGET }), more))
}

fn among_others(world: &World) -> Context {
    world.named("prod").with_connectors(Others(Registry::of(crate::REGISTRATIONS).expect("a registry")))
}

/// The identity of another connector stands in: its token is used for nothing but one generateAccessToken, what is
/// issued ends with it, and its project is taken where none is said.
#[tokio::test]
async fn c25_the_identity_of_another_connector() {
    let world = World::new().answers(given("ya29.target"));
    let out = authenticate(&by_source("token", json!({})), &among_others(&world), None, None).await;
    let out = out.expect("a session");
    assert_eq!(world.lines(), [format!("POST {GENERATE_URL}")]);
    assert_eq!(header(&world.sent()[0], "authorization"), Some("Bearer hunter2"));
    assert_eq!(body(&world.sent()[0])["lifetime"], "600s", "no longer than the source has");
    assert_eq!(out.expiry, Expiry::At(World::after(600)), "the source ends earlier");
    let issued = out.session.credential();
    assert_eq!((issued.account.as_deref(), issued.project_id.as_deref()), (Some(TARGET), Some("of-source")));

    // One session of the source is asked for, whatever is taken of it.
    let world = World::new().answers(token("base", 3599)).answers(given("ya29.target"));
    let account = by_source("key", json!({ "project_id": "own-project" }));
    let out = authenticate(&account, &among_others(&world), None, None).await.expect("a session");
    assert_eq!(world.lines().len(), 2);
    assert_eq!(out.session.credential().project_id.as_deref(), Some("own-project"));
    let world = World::new().answers(token("base", 3599)).answers(given("ya29.target"));
    let out = authenticate(&by_source("key", json!({})), &among_others(&world), None, None).await;
    assert_eq!(out.expect("a session").session.credential().project_id.as_deref(), Some(PROJECT));
    assert_eq!(world.lines().len(), 2);

    let cx = among_others(&world);
    let steps = account.plan(&call(&account, &cx, None), None).expect("a plan");
    assert_eq!(steps.iter().map(|it| it.call).collect::<Vec<_>>(), ["iamcredentials:generateAccessToken"]);

    let error = authenticate(&by_source("gone", json!({})), &cx, None, None).await.expect_err("no source");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("source connector `gone`"), "{error}");
}

/// The source's token goes where the source's calls go: its universe, endpoints and certificates are used where none are
/// said, and others are refused before anything is sent.
#[tokio::test]
async fn c18_a_sources_token_goes_nowhere_else() {
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
    let world = World::new().file("/etc/ca.pem", pem).answers(given("ya29.target"));
    let same = json!({ "endpoints": { "storage": "https://storage.corp.example" } });
    let out = authenticate(&by_source("placed", same), &among_others(&world), None, None).await;
    let sent = &world.sent()[0];
    assert_eq!(sent.origin(), "https://corp.example");
    assert_eq!(sent.trust().map(|it| it.to_vec()), Some(pem.into()));
    let issued = out.expect("a session").session.credential();
    assert_eq!(issued.universe_domain, "apis.example.goog");
    assert_eq!(issued.endpoint_url.as_deref(), Some("https://corp.example"));
    assert_eq!(issued.endpoints["storage"], "https://storage.corp.example");
    assert_eq!(issued.ca_bundle.as_deref(), Some("/etc/ca.pem"));

    for (more, field, ours, theirs) in [
        (json!({ "universe_domain": "other.goog" }), "universe_domain", "other.goog", "apis.example.goog"),
        (
            json!({ "endpoint_url": "https://evil.example" }),
            "endpoint_url",
            "https://evil.example",
            "https://corp.example",
        ),
        (
            json!({ "endpoints": { "iamcredentials": "https://evil.example" } }),
            "endpoints.iamcredentials",
            "https://evil.example",
            "https://corp.example",
        ),
    ] {
        let world = World::new().file("/etc/ca.pem", pem);
        let error = authenticate(&by_source("placed", more), &among_others(&world), None, None).await;
        let error = error.expect_err("elsewhere");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        let problem = &error.field_problems()[0];
        assert_eq!(problem.field, field);
        assert!(problem.message.contains(ours) && problem.message.contains(theirs), "{error:?}");
        assert_eq!(world.sent().len(), 0);
        assert_silent(&error);
    }
}

/// What the owner of the target has to allow: the account that stands in, on the first of the delegates.
#[tokio::test]
async fn whom_the_target_has_to_trust() {
    let world = World::new();
    let cx = world.context();
    let account = by_key(json!({ "delegates": ["first@my-project.iam.gserviceaccount.com"] }));
    let trust = account.trust(&call(&account, &cx, None)).await.expect("no call").expect("somebody");
    let shown = format!("{trust:?}");
    assert!(shown.contains(&format!("serviceAccount:{EMAIL}")), "{shown}");
    assert!(shown.contains("roles/iam.serviceAccountTokenCreator"), "{shown}");
    assert!(shown.contains("service account first@"), "{shown}");
    assert_eq!(world.sent().len(), 0);
}

/// Each refusal of generateAccessToken says what to do about it, and quotes nothing.
#[tokio::test]
async fn refusals_say_what_to_do() {
    let denied = json!({ "reason": "IAM_PERMISSION_DENIED", "metadata": { "permission": "iam.serviceAccounts.getAccessToken" } });
    let disabled =
        json!({ "reason": "SERVICE_DISABLED", "metadata": { "service": "iamcredentials.googleapis.com" } });
    for (answer, seconds, kind, says, hint) in [
        (
            api_refusal(403, "PERMISSION_DENIED", &denied),
            None,
            ErrorKind::Refused,
            "the account lacks iam.serviceAccounts.getAccessToken",
            "gcloud iam service-accounts add-iam-policy-binding target@my-project.iam.gserviceaccount.com",
        ),
        (
            api_refusal(403, "PERMISSION_DENIED", &disabled),
            None,
            ErrorKind::Refused,
            "iamcredentials.googleapis.com is not switched on",
            "gcloud services enable iamcredentials.googleapis.com",
        ),
        (
            api_refusal(401, "UNAUTHENTICATED", &json!({ "reason": "ACCESS_TOKEN_EXPIRED" })),
            None,
            ErrorKind::Refused,
            "the token is not taken",
            "verify the connector",
        ),
        (
            api_refusal(404, "NOT_FOUND", &json!({})),
            None,
            ErrorKind::NotFound,
            "there is no service account target@",
            "`target_principal`",
        ),
        (
            api_refusal(400, "INVALID_ARGUMENT", &json!({})),
            Some(7200),
            ErrorKind::InvalidInput,
            "gives no tokens of 2h",
            "allowServiceAccountCredentialLifetimeExtension",
        ),
        (
            api_refusal(400, "INVALID_ARGUMENT", &json!({})),
            None,
            ErrorKind::InvalidInput,
            "no token of target@",
            "`scopes` and `delegates`",
        ),
    ] {
        let world = World::new().answers(token("base", 3599)).answers(answer);
        let error = authenticate(&by_key(json!({})), &world.context(), seconds, None).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(says), "{error:?}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        assert_silent(&error);
    }
}

/// One of key and source stands in, and delegates make sense.
#[test]
fn what_contradicts_itself_is_refused() {
    let key = key_file().to_string();
    let many = vec![EMAIL; 11];
    for (config, field) in [
        (json!({ "project_id": PROJECT }), "service_account_json"),
        (json!({ "service_account_json": key, "source": "other" }), "service_account_json"),
        (json!({ "service_account_json": key, "delegates": many }), "delegates"),
        (json!({ "service_account_json": key, "delegates": [TARGET] }), "delegates"),
    ] {
        let config = with(config, json!({ "target_principal": TARGET }));
        let problems = serde_json::from_value::<Impersonation>(config).expect("a config").check();
        assert_eq!((problems.len(), problems[0].field.as_str()), (1, field), "{problems:?}");
    }
}
