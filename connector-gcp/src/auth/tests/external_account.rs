use connector_core::{AuthMethod, ErrorKind, Expiry};
use serde_json::{Value, json};

use super::bucket;
use crate::auth::ExternalAccount;
use crate::testing::{
    CANARY, GENERATE_URL, PROJECT, STS_URL, TARGET, USUAL, World, answer_at, assert_silent, authenticate,
    body, call, field, form, generated, header, method, oauth_refusal, public, token, with,
};

pub(super) const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x";
pub(super) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What the token that has another one made may do, and no more.
const IAM: &str = "https://www.googleapis.com/auth/iam";

pub(super) fn file(source: Value) -> Value {
    json!({
        "type": "external_account", "audience": AUDIENCE, "subject_token_type": JWT,
        "token_url": STS_URL, "credential_source": source,
    })
}

pub(super) fn external(file: &Value, more: Value) -> ExternalAccount {
    method(with(json!({ "project_id": PROJECT, "external_account_json": file.to_string() }), more))
}

/// The same of a workforce's pool.
fn of_workforce() -> Value {
    let audience = "//iam.googleapis.com/locations/global/workforcePools/pool/providers/okta";
    with(of_file(), json!({ "audience": audience }))
}

fn of_file() -> Value {
    file(json!({ "file": "/run/token" }))
}

/// What answers with text.
fn text(status: u16, text: &str) -> connector_core::Response {
    connector_core::Response::new(status, Vec::new(), text.as_bytes().to_vec())
}

/// S35: one exchange, which says who trusts whom; the token's file is read each time, because somebody else replaces it.
#[tokio::test]
async fn s35_one_exchange_with_a_token_that_is_read_anew() {
    let world = World::new().answers(token("ya29.one", 3599)).answers(token("ya29.two", 3599));
    let cx = world.named("ci");
    let account = external(&of_file(), json!({}));
    for (at, subject) in ["hunter2-first", "hunter2-second"].into_iter().enumerate() {
        let world = world.clone().file("/run/token", &format!("{subject}\n"));
        let out = authenticate(&account, &cx, None, None).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(World::after(3599)));
        let form = form(&world, at);
        let expected = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", AUDIENCE),
            ("scope", USUAL),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject),
            ("subject_token_type", JWT),
        ];
        assert_eq!(public(&form, &[]), expected);
        let steps = account.plan(&call(&account, &cx, None), None).expect("a plan");
        let told: Vec<_> =
            steps[0].parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((steps.len(), told), (1, public(&form, &["subject_token"])));
    }
    assert_eq!(world.lines(), vec![format!("POST {STS_URL}"); 2]);
    assert_eq!(header(&world.sent()[0], "authorization"), None);
}

/// Through a service account: the exchange is for that alone, its token lives as the file or the grant says, and
/// narrowing is one call more.
#[tokio::test]
async fn c24_through_a_service_account() {
    let with_target = with(
        of_file(),
        json!({
            "service_account_impersonation_url": GENERATE_URL,
            "service_account_impersonation": { "token_lifetime_seconds": 1800 },
        }),
    );
    let account = external(&with_target, json!({}));
    for (asked, life) in [(None, 1800), (Some(7200), 7200)] {
        let world = World::new()
            .file("/run/token", "jwt")
            .answers(token("base", 3599))
            .answers(generated("wide", World::start(), life))
            .answers(token("narrow", 600));
        let cx = world.context();
        let out = authenticate(&account, &cx, asked, Some(&bucket())).await.expect("a session");
        let expected = [STS_URL, GENERATE_URL, STS_URL].map(|url| format!("POST {url}"));
        assert_eq!(world.lines(), expected);
        assert_eq!(field(&form(&world, 0), "scope"), Some(IAM));
        assert_eq!(header(&world.sent()[1], "authorization"), Some("Bearer base"));
        let scopes: Vec<_> = USUAL.split(' ').collect();
        assert_eq!(body(&world.sent()[1]), json!({ "scope": scopes, "lifetime": format!("{life}s") }));
        assert_eq!(field(&form(&world, 2), "subject_token"), Some("wide"));
        assert_eq!(out.session.credential().account.as_deref(), Some(TARGET));
        let steps = account.plan(&call(&account, &cx, asked), Some(&bucket())).expect("a plan");
        assert_eq!(steps.len(), 3);
        assert_eq!(field(&steps[0].parameters, "scope"), Some(IAM));
        let told: Value =
            serde_json::from_str(field(&steps[1].parameters, "body").expect("it")).expect("JSON");
        assert_eq!(told, body(&world.sent()[1]));
    }
}

/// What the file says of its place: where its service account's tokens are made, and whom calls are counted for.
#[tokio::test]
async fn the_file_says_where_and_for_whom() {
    let more = json!({
        "quota_project_id": "counted-here",
        "service_account_impersonation_url":
            format!("http://127.0.0.1:9/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"),
    });
    let world = World::new().file("/run/token", "jwt").answers(token("base", 3599));
    let world = world.answers(generated("t", World::start(), 3600));
    let account = external(&with(of_file(), more), json!({}));
    let out = authenticate(&account, &world.context(), None, None).await.expect("a session");
    assert_eq!(world.sent()[1].origin(), "http://127.0.0.1:9");
    assert_eq!(out.session.credential().quota_project_id.as_deref(), Some("counted-here"));
}

/// A client of the pool is named by a header; without one, a workforce pool's calls are counted for a project.
#[tokio::test]
async fn clients_and_projects_of_pools() {
    let client = json!({ "client_id": "id", "client_secret": "secret" });
    let project = json!({ "workforce_pool_user_project": "counted-here" });
    let options = r#"{"userProject":"counted-here"}"#;
    for (more, authorization, expected) in [
        (client.clone(), Some("Basic aWQ6c2VjcmV0"), None),
        (project.clone(), None, Some(options)),
        (with(client, project), Some("Basic aWQ6c2VjcmV0"), None),
        (
            json!({ "workforce_pool_user_project": "123456789012" }),
            None,
            Some(r#"{"userProject":"123456789012"}"#),
        ),
    ] {
        let world = World::new().file("/run/token", "jwt").answers(token("t", 3599));
        let account = external(&with(of_workforce(), more), json!({}));
        authenticate(&account, &world.context(), None, None).await.expect("a session");
        assert_eq!(header(&world.sent()[0], "authorization"), authorization);
        assert_eq!(field(&form(&world, 0), "options"), expected);
    }
}

/// A token's file is text, or JSON with a field; what is neither says so and quotes nothing.
#[tokio::test]
async fn forms_of_a_tokens_file() {
    let of_json = json!({
        "file": "/run/token", "format": { "type": "json", "subject_token_field_name": "id_token" },
    });
    let of_text = json!({ "file": "/run/token", "format": { "type": "text" } });
    for (source, content, expected) in [
        (&of_text, "  hunter2-jwt \n", Ok("hunter2-jwt")),
        (&of_json, r#"{"id_token":"hunter2-jwt","x":1}"#, Ok("hunter2-jwt")),
        (&of_text, " \n", Err("is empty")),
        (&of_json, r#"{"id_token":""}"#, Err("no text in the field")),
        (&of_json, r#"{"id_token":{"hunter2":1}}"#, Err("no text in the field")),
        (&of_json, r#"{"other":"hunter2"}"#, Err("no text in the field")),
        (&of_json, "hunter2", Err("is no JSON object")),
    ] {
        let world = World::new().file("/run/token", content).answers(token("t", 3599));
        let out =
            authenticate(&external(&file(source.clone()), json!({})), &world.context(), None, None).await;
        match expected {
            Ok(subject) => {
                out.expect("a session");
                assert_eq!(field(&form(&world, 0), "subject_token"), Some(subject));
            }
            Err(says) => {
                let error = out.expect_err(says);
                assert_eq!((error.kind(), world.sent().len()), (ErrorKind::InvalidInput, 0));
                assert!(error.message().contains(says) && error.message().contains("/run/token"), "{error}");
                assert_silent(&error);
            }
        }
    }
    let world = World::new();
    let error = authenticate(&external(&of_file(), json!({})), &world.context(), None, None).await;
    let error = error.expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::NotFound, "not passed over");
    assert!(error.hint().unwrap_or_default().contains("credential_source.file"), "{error:?}");
}

/// A token's URL is asked with the headers of the file, each time.
#[tokio::test]
async fn a_tokens_url_is_asked_with_its_headers() {
    let source = json!({
        "url": "https://ci.example.org/token?audience=x", "headers": { "Authorization": "Bearer hunter2" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    let account = external(&file(source), json!({}));
    let given = |value: &str| answer_at(World::start(), 200, &json!({ "value": value }));
    let world = World::new()
        .answers(given("first"))
        .answers(token("t", 3599))
        .answers(given("second"))
        .answers(token("t", 3599));
    for (at, subject) in [(1, "first"), (3, "second")] {
        authenticate(&account, &world.context(), None, None).await.expect("a session");
        assert_eq!(field(&form(&world, at), "subject_token"), Some(subject));
    }
    let asked = &world.sent()[0];
    assert_eq!(world.lines()[0], "GET https://ci.example.org/token?audience=x");
    assert_eq!(header(asked, "authorization"), Some("Bearer hunter2"));
    assert!(!asked.is_to_metadata());
    assert_eq!(header(&world.sent()[1], "authorization"), None, "that header is for the source alone");

    for (answer, kind, says) in [
        (text(403, CANARY), ErrorKind::Refused, "status 403"),
        (text(200, CANARY), ErrorKind::InvalidInput, "no JSON object"),
        (connector_core::Response::new(200, Vec::new(), vec![0xff]), ErrorKind::Unreachable, "no text"),
    ] {
        let world = World::new().answers(answer);
        let error = authenticate(&account, &world.context(), None, None).await.expect_err(says);
        assert_eq!((error.kind(), world.sent().len()), (kind, 1), "{error:?}");
        assert!(error.message().contains(says), "{error:?}");
        assert_silent(&error);
    }
}

/// C18, C19: a metadata service is this machine's identity: it is asked only where that is switched on. Plain HTTP
/// to elsewhere is asked nowhere.
#[tokio::test]
async fn c18_c19_a_metadata_url_needs_the_switch() {
    for url in [
        "http://169.254.169.254/metadata/identity/oauth2/token?resource=x",
        "http://metadata.google.internal/x",
        "https://169.254.169.254/x",
        "http://[fd00:ec2::254]/x",
    ] {
        let account = external(&file(json!({ "url": url })), json!({}));
        let world = World::new().answers(text(200, "jwt")).answers(token("t", 3599));
        let error = authenticate(&account, &world.context(), None, None).await.expect_err("switched off");
        assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Refused, 0));
        assert!(error.hint().unwrap_or_default().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true"));
        authenticate(&account, &world.context().with_implicit(true), None, None).await.expect("a session");
        assert!(world.sent()[0].is_to_metadata() && !world.sent()[1].is_to_metadata());
    }
    // What is no metadata service that is known, and nothing else that may be asked, is asked by no switch.
    for url in [
        "http://169.254.1.1/x",
        "http://2852039166/x",
        "http://me@169.254.169.254/x",
        "http://169.254.169.254:8080/x",
        "http://[fe80::1]/x",
        "http://metadata.google.internal.evil.example@x/",
        "https://",
    ] {
        let account = external(&file(json!({ "url": url })), json!({}));
        let world = World::new();
        let error = authenticate(&account, &world.context().with_implicit(true), None, None).await;
        assert_eq!(error.expect_err(url).kind(), ErrorKind::InvalidInput, "{url}");
        assert_eq!(world.sent().len(), 0, "{url}");
    }
    let account = external(&file(json!({ "url": "http://ci.example.org/token" })), json!({}));
    let world = World::new();
    for implicit in [false, true] {
        let cx = world.context().with_implicit(implicit);
        let error = authenticate(&account, &cx, None, None).await.expect_err("in clear");
        assert_eq!((error.kind(), error.hint()), (ErrorKind::InvalidInput, Some("write https")));
    }
    assert_eq!(world.sent().len(), 0);
}

/// What the Security Token Service refuses, in words for those who set pools up.
#[tokio::test]
async fn refusals_of_the_exchange() {
    for (code, description, says, hint) in [
        (
            "invalid_grant",
            "ID Token issued at 1 is stale",
            "the token of elsewhere is not taken",
            "issuer or audience",
        ),
        (
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
            "attribute condition",
            "claims of the token",
        ),
        ("invalid_target", "The target service is invalid", "pool or its provider", "`audience`"),
        ("invalid_scope", "x", "scope is not known", "`scopes`"),
        ("invalid_request", "x", "not taken", "config"),
    ] {
        let world = World::new().file("/run/token", "hunter2").answers(oauth_refusal(400, code, description));
        let account = external(&of_file(), json!({}));
        let error = authenticate(&account, &world.context(), None, None).await.expect_err(code);
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Refused, false), "{error:?}");
        assert!(error.message().contains(says), "{error:?}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        assert!(error.causes().iter().any(|it| it.contains(code)), "{error:?}");
        assert_silent(&error);
    }
}

/// C27: where AWS is the source, the machine's own key decides whose token it is.
#[test]
fn c27_the_identity_follows_the_keys_of_aws() {
    let identity = |world: &World| {
        let cx = world.context().with_implicit(true);
        ExternalAccount::identity(&serde_json::Map::new(), &cx).expect("an identity")
    };
    let one = World::new().var("AWS_ACCESS_KEY_ID", "AKIAONE");
    let other = World::new().var("AWS_ACCESS_KEY_ID", "AKIAOTHER");
    assert_ne!(identity(&one), identity(&other));
    assert_eq!(identity(&World::new()), "", "nothing of the surroundings decides");
    // Switched off, nothing is looked at.
    let off = ExternalAccount::identity(&serde_json::Map::new(), &one.context()).expect("an identity");
    assert_eq!(off, "");
}

/// The plan is what is sent: with the project that pays, or with the client that stands for it.
#[tokio::test]
async fn the_plan_is_what_is_sent() {
    let project = json!({ "workforce_pool_user_project": "paying-project" });
    let client = json!({ "client_id": "own-client", "client_secret": CANARY });
    for more in [project.clone(), client.clone(), with(project, client)] {
        let account = external(&with(of_workforce(), more.clone()), json!({}));
        let world = World::new().file("/run/token", "hunter2").answers(token("t", 3599));
        let cx = world.context();
        authenticate(&account, &cx, None, None).await.expect("a session");
        let steps = account.plan(&call(&account, &cx, None), None).expect("a plan");
        let mut told: Vec<_> =
            steps[0].parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if more.get("client_id").is_some() {
            assert!(header(&world.sent()[0], "authorization").is_some());
            assert_eq!(told.pop(), Some(("authorization", "[HIDDEN]")));
        }
        assert_eq!(told, public(&form(&world, 0), &["subject_token"]), "{more}");
    }
}
