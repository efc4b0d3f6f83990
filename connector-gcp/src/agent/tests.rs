use std::collections::BTreeMap;
use std::time::Duration;

use connector_conformance::CANARY;
use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp};
use connector_core::{Expiry, parse_time};
use serde_json::{Value, json};

use super::*;

const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const ROBOT: &str = "robot@my-project.iam.gserviceaccount.com";

fn time(text: &str) -> SystemTime {
    parse_time(text).expect("a time")
}

fn now() -> SystemTime {
    time("2026-11-22T04:00:00Z")
}

fn least() -> Issued<GcpCredential> {
    let credential = GcpCredential {
        access_token: CANARY.into(),
        project_id: None,
        quota_project_id: None,
        account: None,
        universe_domain: "googleapis.com".into(),
        endpoint_url: None,
        endpoints: BTreeMap::new(),
        ca_bundle: None,
    };
    Issued::new(credential, Expiry::At(time("2026-11-22T04:36:43.9Z")))
}

fn full() -> Issued<GcpCredential> {
    let mut issued = least();
    issued.credential.project_id = Some("my-project".into());
    issued.credential.quota_project_id = Some("paying-project".into());
    issued.credential.account = Some(ROBOT.into());
    issued.credential.universe_domain = "apis.example.goog".into();
    issued
}

fn endless() -> Issued<GcpCredential> {
    let credential = least().credential;
    Issued::new(credential, Expiry::Never("nobody said when this token ends".into()))
}

fn site() -> Site {
    Site::new("127.0.0.1:4711", "/run/agent", "session".into())
}

fn protocols() -> [&'static dyn Protocol<GcpCredential>; 2] {
    [&ExternalAccount, &Metadata]
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers().iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_str())
}

fn post(path: &str) -> Asked {
    Asked::new("POST", path).with_body("grant_type=x&subject_token=session")
}

fn exchange(path: &str, issued: &Issued<GcpCredential>) -> Answer {
    assert!(ExternalAccount.claims(path), "{path}");
    ExternalAccount.answer(&post(path), issued, now())
}

fn get(target: &str, issued: &Issued<GcpCredential>) -> Answer {
    let asked = Asked::new("GET", target);
    assert!(Metadata.claims(asked.path()), "{target}");
    let answer = Metadata.answer(&asked, issued, now());
    assert_eq!(header(&answer, "metadata-flavor"), Some("Google"), "{target}");
    answer
}

/// The status and the body of what is at a path below the version's.
fn at(path: &str) -> (u16, String) {
    let answer = get(&format!("/computeMetadata/v1/{path}"), &full());
    (answer.status(), answer.body().expose().to_owned())
}

fn file(set_up: &SetUp, name: &str) -> Value {
    let (_, content) = set_up.files.iter().find(|(it, _)| *it == name).expect("there is such a file");
    serde_json::from_str(content.expose()).expect("JSON")
}

fn names(form: &EnvironmentForm) -> Vec<&str> {
    form.set.iter().map(|(name, _)| name.as_str()).collect()
}

fn value<'a>(form: &'a EnvironmentForm, name: &str) -> Option<&'a str> {
    form.set.iter().find(|(it, _)| it == name).map(|(_, value)| value.expose())
}

#[test]
fn a_token_is_exchanged_as_libraries_read_it() {
    assert_eq!(
        exchange("/v1/token", &full()).body().expose(),
        format!(
            r#"{{"access_token":"{CANARY}","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":2203}}"#
        )
    );
}

/// gcloud is given the session's token again, shows it as a bearer's, and has the connector's then.
#[test]
fn gcloud_comes_to_the_token_in_two_steps_which_both_show_the_sessions() {
    let first: Value =
        serde_json::from_str(exchange("/v1/gcloud/token", &full()).body().expose()).expect("JSON");
    assert_eq!((&first["access_token"], &first["expires_in"]), (&json!("session"), &json!(2203)));
    let path = format!("/v1/projects/-/serviceAccounts/{ROBOT}:generateAccessToken");
    assert_eq!(
        exchange(&path, &full()).body().expose(),
        format!(r#"{{"accessToken":"{CANARY}","expireTime":"2026-11-22T04:36:43Z"}}"#)
    );
    assert_eq!(ExternalAccount.proof(&path), Proof::Bearer);
    for path in ["/v1/token", "/v1/gcloud/token"] {
        assert_eq!(ExternalAccount.proof(path), Proof::Form("subject_token"), "{path}");
        assert_eq!(ExternalAccount.method(path), "POST", "{path}");
    }
    for other in ["/", "/v1/token/", "/v1/introspect", "/v1/projects/-/serviceAccounts/x:signJwt", "/v1"] {
        assert!(!ExternalAccount.claims(other), "{other}");
    }
}

#[test]
fn the_files_lead_to_the_endpoint_and_name_no_project() {
    let set_up = ExternalAccount.set_up(&site(), &least()).expect("a set-up");
    let audience = "//iam.googleapis.com/locations/global/workforcePools/connector/providers/agent";
    let mut expected = json!({
        "type": "external_account",
        "audience": audience,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "http://127.0.0.1:4711/v1/token",
        "credential_source": { "file": "/run/agent/token" },
    });
    assert_eq!(file(&set_up, "google.json"), expected);
    expected["token_url"] = "http://127.0.0.1:4711/v1/gcloud/token".into();
    let accounts = "http://127.0.0.1:4711/v1/projects/-/serviceAccounts";
    expected["service_account_impersonation_url"] =
        format!("{accounts}/somebody@connector.invalid:generateAccessToken").into();
    assert_eq!(file(&set_up, "gcloud.json"), expected);

    let set_up = ExternalAccount.set_up(&site(), &full()).expect("a set-up");
    let google = file(&set_up, "google.json");
    assert_eq!(
        (&google["quota_project_id"], &google["universe_domain"]),
        (&json!("paying-project"), &json!("apis.example.goog"))
    );
    let url = file(&set_up, "gcloud.json")["service_account_impersonation_url"].clone();
    assert_eq!(url, format!("{accounts}/{ROBOT}:generateAccessToken"));
}

/// An account that came from elsewhere becomes no path of its own.
#[test]
fn c18_an_account_that_is_no_address_is_nobodys() {
    for account in ["", "a/../b@x.org", "a@x.org\r\nx: y", "a b@x.org", "default", "x"] {
        let mut issued = full();
        issued.credential.account = Some(account.into());
        assert_eq!(super::account(&issued.credential), SOMEBODY, "{account}");
    }
}

/// C21, S59: whichever protocol, the environment leads to the endpoint, holds no token, and nothing is left of what a
/// library or gcloud would take before it, or keep one from asking.
#[test]
fn c21_s59_the_environment_leads_here_and_holds_no_token() {
    let own: [&[(&str, &str)]; 2] = [
        &[
            ("GOOGLE_APPLICATION_CREDENTIALS", "/run/agent/google.json"),
            ("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "/run/agent/gcloud.json"),
        ],
        &[
            ("GCE_METADATA_HOST", "127.0.0.1:4711"),
            ("GCE_METADATA_IP", "127.0.0.1:4711"),
            ("GCE_METADATA_ROOT", "127.0.0.1:4711"),
        ],
    ];
    for (protocol, own) in protocols().into_iter().zip(own) {
        for issued in [least(), full()] {
            let set_up = protocol.set_up(&site(), &issued).expect("a set-up");
            let form = &set_up.environment;
            for (name, expected) in own.iter().chain(&[("CLOUDSDK_CONFIG", "/run/agent/gcloud")]) {
                assert_eq!(value(form, name), Some(*expected), "{name}");
            }
            let project = issued.credential.project_id.as_deref();
            for name in ["GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"] {
                assert_eq!(value(form, name), project, "{name}");
            }
            let shadows = [
                "CLOUDSDK_AUTH_ACCESS_TOKEN",
                "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
                "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
                "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT",
                "CLOUDSDK_ACTIVE_CONFIG_NAME",
                "CLOUDSDK_CORE_ACCOUNT",
                "CONNECTOR_EXPIRES_AT",
                "GOOGLE_APPLICATION_CREDENTIALS",
                "GOOGLE_CREDENTIALS",
                "GOOGLE_OAUTH_ACCESS_TOKEN",
                "GOOGLE_CLOUD_PROJECT",
                "GCLOUD_PROJECT",
            ];
            for name in shadows {
                let times = form.unset.iter().filter(|it| *it == name).count()
                    + names(form).iter().filter(|it| **it == name).count();
                assert_eq!(times, 1, "{}: {name}", protocol.id());
            }
            let texts = form.set.iter().map(|(_, value)| value).chain(set_up.files.iter().map(|(_, it)| it));
            for text in texts {
                assert!(
                    !text.expose().contains(CANARY) && !text.expose().contains("session"),
                    "{}",
                    protocol.id()
                );
            }
        }
    }
    let metadata = Metadata.set_up(&site(), &full()).expect("a set-up").environment;
    for name in ["NO_GCE_CHECK", "GCE_METADATA_MTLS_MODE", "CLOUDSDK_CORE_CHECK_GCE_METADATA"] {
        assert!(metadata.unset.iter().any(|it| it == name), "{name}");
    }
}

#[test]
fn a_token_that_does_not_end_is_not_given() {
    for protocol in protocols() {
        let error = protocol.set_up(&site(), &endless()).expect_err("no end");
        assert_eq!(error.message(), "a token of which nobody knows the end cannot be given by an endpoint");
        assert!(error.hint().is_some_and(|it| it.contains("`expires_at`")), "{error:?}");
    }
    for answer in [exchange("/v1/token", &endless()), get(TOKEN, &endless())] {
        assert_eq!(answer.status(), 403);
        assert!(!answer.body().expose().contains(CANARY));
    }
}

/// C26: lives are told by what is left of them, in whole seconds, and of nothing nothing is given.
#[test]
fn c26_lives_are_told_by_what_is_left() {
    let end = time("2026-11-22T04:36:43.9Z");
    for (before, expected) in
        [(3600.0, Some(3600)), (300.5, Some(300)), (1.0, Some(1)), (0.9, None), (0.0, None)]
    {
        let now = end - Duration::from_secs_f64(before);
        let answers = [
            ExternalAccount.answer(&post("/v1/token"), &full(), now),
            ExternalAccount.answer(&post("/v1/gcloud/token"), &full(), now),
            Metadata.answer(&Asked::new("GET", TOKEN), &full(), now),
        ];
        for answer in answers {
            let body: Value = serde_json::from_str(answer.body().expose()).unwrap_or_default();
            assert_eq!(body["expires_in"].as_u64(), expected, "{before}");
            assert!(expected.is_some() || !answer.body().expose().contains(CANARY), "{before}");
        }
    }
    let after = end + Duration::from_secs(60);
    assert_eq!(Metadata.answer(&Asked::new("GET", TOKEN), &full(), after).status(), 403);
}

#[test]
fn no_is_said_as_each_protocol_says_it() {
    let refusal = Refusal::new(403, "disabled", "the connector `prod` is disabled; enable it");
    let answer = ExternalAccount.refuse(&refusal);
    assert_eq!((answer.status(), answer.content_type()), (403, "application/json"));
    assert_eq!(
        answer.body().expose(),
        r#"{"error":"disabled","error_description":"the connector `prod` is disabled; enable it"}"#
    );
    let answer = Metadata.refuse(&refusal);
    assert_eq!((answer.status(), answer.content_type()), (403, "application/text"));
    assert_eq!(answer.body().expose(), "the connector `prod` is disabled; enable it\n");
    assert_eq!(
        header(&answer, "metadata-flavor"),
        Some("Google"),
        "or libraries say that there is no server"
    );
}

/// C21: the header cannot be set by a page, and is no secret: so it is told.
#[test]
fn c21_the_metadata_server_asks_for_its_header() {
    for path in ["/", "/computeMetadata/v1/project/project-id", TOKEN] {
        assert_eq!(Metadata.proof(path), Proof::Fixed("metadata-flavor", "Google"), "{path}");
        assert_eq!(Metadata.method(path), "GET", "{path}");
    }
    for other in ["/v1/token", "/computeMetadataX", "/latest/meta-data"] {
        assert!(!Metadata.claims(other), "{other}");
    }
}

#[test]
fn the_metadata_server_answers_what_programs_ask() {
    let text = |text: &str| (200, text.to_owned());
    assert_eq!(get("/", &full()).status(), 200);
    assert_eq!(get("/", &full()).body().expose(), "computeMetadata/\n");
    for (path, expected) in [
        ("", "instance/\nproject/\nuniverse/\n"),
        ("project/project-id", "my-project"),
        ("project/numeric-project-id", "0"),
        ("universe/universe-domain", "apis.example.goog"),
        ("instance/service-accounts/default/email", ROBOT),
        ("instance/service-accounts/default/scopes", "https://www.googleapis.com/auth/cloud-platform\n"),
        ("instance/service-accounts/default/", "aliases\nemail\nidentity\nscopes\ntoken\n"),
        // Waiting for a change ends at once.
        ("project/project-id?wait_for_change=true&last_etag=0&timeout_sec=60", "my-project"),
        ("project/project-id?alt=json", "\"my-project\""),
        ("project/numeric-project-id?alt=json", "0"),
        ("project/?recursive=true", r#"{"numericProjectId":0,"projectId":"my-project"}"#),
        ("project/?recursive=true&alt=text", "numeric-project-id 0\nproject-id my-project\n"),
    ] {
        assert_eq!(at(path), text(expected), "{path}");
    }
    assert_eq!(at("instance/service-accounts/"), text(&format!("default/\n{ROBOT}/\n")));
    let identity = json!({
        "aliases": ["default"],
        "email": ROBOT,
        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    });
    for who in ["default", ROBOT, "robot%40my-project.iam.gserviceaccount.com"] {
        for slash in ["/", ""] {
            let (status, body) = at(&format!("instance/service-accounts/{who}{slash}?recursive=true"));
            assert_eq!((status, serde_json::from_str(&body).ok()), (200, Some(identity.clone())), "{who}");
        }
    }
    let (_, all) = at("instance/?recursive=true");
    let all: Value = serde_json::from_str(&all).expect("JSON");
    assert_eq!(all, json!({ "serviceAccounts": { "default": identity, ROBOT: identity } }));
    assert_eq!(get("/computeMetadata/v1/project/project-id", &full()).content_type(), "application/text");
}

#[test]
fn a_token_is_given_to_its_account_alone() {
    let expected = format!(r#"{{"access_token":"{CANARY}","expires_in":2203,"token_type":"Bearer"}}"#);
    for who in ["default", ROBOT] {
        for query in ["", "?scopes=https://www.googleapis.com/auth/devstorage.read_only", "?alt=text"] {
            let path = format!("/computeMetadata/v1/instance/service-accounts/{who}/token{query}");
            let answer = get(&path, &full());
            assert_eq!((answer.status(), answer.content_type()), (200, "application/json"), "{path}");
            assert_eq!(answer.body().expose(), expected, "{path}");
        }
    }
    // It is found by its own path alone.
    for path in ["", "?recursive=true", "project/", "instance/service-accounts/default/?recursive=true"] {
        assert!(!at(path).1.contains(CANARY), "{path}");
    }
    for path in
        ["other@my-project.iam.gserviceaccount.com/token", "default/token/", "/token", "default/tokens"]
    {
        let (status, body) = at(&format!("instance/service-accounts/{path}"));
        assert!(status == 404 && !body.contains(CANARY), "{path}");
    }
}

#[test]
fn what_a_machine_would_know_is_not_found() {
    for path in [
        "instance/id",
        "instance/name",
        "instance/zone",
        "instance/attributes/cluster-name",
        "project/project-id/",
        "instance/service-accounts/default/identity?audience=x",
        "%ff",
        "..",
    ] {
        let (status, body) = at(path);
        assert_eq!(status, 404, "{path}");
        assert!(!body.contains(CANARY), "{path}");
    }
    let (_, body) = at("instance/service-accounts/default/identity?audience=x&format=full");
    assert!(body.starts_with("identity tokens are not given here"), "{body}");
    // Without a project there is none, and nobody's address stands for the account.
    assert_eq!(get("/computeMetadata/v1/project/project-id", &least()).status(), 404);
    let list = get("/computeMetadata/v1/instance/service-accounts/", &least());
    assert_eq!(list.body().expose(), "default/\nsomebody@connector.invalid/\n");
}

#[test]
fn a_folder_without_a_slash_is_sent_on_to_itself() {
    for path in ["/computeMetadata", "/computeMetadata/v1/instance/service-accounts/default"] {
        let answer = get(path, &full());
        assert_eq!((answer.status(), header(&answer, "location")), (301, Some(format!("{path}/").as_str())));
    }
}

/// An etag is of the token's end, which is no secret, and changes with it.
#[test]
fn a_new_token_has_a_new_etag() {
    let tag = |issued: &Issued<GcpCredential>| header(&get(TOKEN, issued), "etag").map(str::to_owned);
    let mut later = full();
    later.expiry = Expiry::At(time("2026-11-22T05:36:43Z"));
    assert_eq!(tag(&full()), tag(&full()));
    assert_ne!(tag(&full()), tag(&later));
}
