//! What holds for the config of every method.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_core::{Document, ErrorKind, Registry};
use serde_json::{Value, json};

use super::{browser, external_account};
use crate::auth::{ExternalAccount, ServiceAccount, UserAccount};
use crate::testing::{
    CANARY, PROJECT, TARGET, World, authenticate, key_file, login_file, method, object, token, with,
};

fn registry() -> Registry {
    Registry::of(crate::REGISTRATIONS).expect("a registry")
}

const METHODS: [&str; 6] =
    ["implicit", "user-account", "service-account", "external-account", "oauth2-token", "impersonation"];

/// S7: every field says what it is, and the place is said the same way everywhere.
#[test]
fn s7_every_field_is_described() {
    for method in METHODS {
        let fields = registry().fields("gcp", method).expect(method);
        for field in &fields {
            assert!(field.description.len() > 10, "{method}.{} has no description", field.name);
            assert_ne!(field.kind, "any", "{method}.{}", field.name);
        }
        let shared =
            ["project_id", "quota_project_id", "universe_domain", "endpoint_url", "endpoints", "ca_bundle"];
        for name in shared {
            assert!(fields.iter().any(|it| it.name == name && !it.required && !it.secret), "{method}.{name}");
        }
    }
}

/// The marks of secrets, and what is required, are those of the catalogue.
#[test]
fn s6_secrets_and_requirements() {
    for (method, secrets, required) in [
        ("implicit", vec![], vec![]),
        ("user-account", vec!["client_secrets_json", "user_account_json"], vec![]),
        ("service-account", vec!["service_account_json"], vec!["service_account_json"]),
        ("external-account", vec!["external_account_json"], vec!["external_account_json"]),
        ("oauth2-token", vec!["token"], vec!["token"]),
        ("impersonation", vec!["service_account_json"], vec!["target_principal"]),
    ] {
        let fields = registry().fields("gcp", method).expect(method);
        let names = |which: fn(&connector_core::Field) -> bool| {
            let mut names: Vec<_> = fields.iter().filter(|it| which(it)).map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!((names(|it| it.secret), names(|it| it.required)), (secrets, required), "{method}");
    }
    let fields = registry().fields("gcp", "impersonation").expect("fields");
    let source = fields.iter().find(|it| it.name == "source").expect("a source");
    assert_eq!(source.connector.as_deref(), Some("gcp"));
}

/// S10: all faults of a config are told together, each with its field, and no value of a secret is quoted.
#[test]
fn s10_faults_are_told_with_their_fields() {
    let key = key_file().to_string();
    for (method, config, fields) in [
        ("service-account", json!({}), vec!["service_account_json"]),
        ("service-account", json!({ "service_account_json": key, "other": 1 }), vec!["other"]),
        ("service-account", json!({ "service_account_json": 1 }), vec!["service_account_json"]),
        ("service-account", json!({ "service_account_json": CANARY }), vec!["service_account_json"]),
        (
            "service-account",
            json!({ "service_account_json": login_file().to_string() }),
            vec!["service_account_json"],
        ),
        (
            "service-account",
            json!({ "service_account_json": key, "project_id": "hunter2 X", "endpoint_url": "hunter2" }),
            vec!["endpoint_url", "project_id"],
        ),
        (
            "service-account",
            json!({ "service_account_json": key, "endpoints": { "hunter2": "https://x.example" } }),
            vec!["endpoints"],
        ),
        (
            "service-account",
            json!({ "service_account_json": key, "scopes": ["hunter2 x"] }),
            vec!["scopes[0]"],
        ),
        (
            "impersonation",
            json!({ "service_account_json": key, "target_principal": CANARY }),
            vec!["target_principal"],
        ),
        ("oauth2-token", json!({ "token": "hunter2" }), vec!["project_id"]),
        (
            "oauth2-token",
            json!({ "project_id": PROJECT, "token": "hunter2", "expires_at": CANARY }),
            vec!["expires_at"],
        ),
        (
            "user-account",
            json!({ "project_id": PROJECT, "user_account_json": login_file().to_string(), "flow": CANARY }),
            vec!["flow"],
        ),
        (
            "external-account",
            json!({ "external_account_json": external_account::file(json!({ "file": "/t" })).to_string() }),
            vec!["project_id"],
        ),
    ] {
        let document = Document::draft("test", "gcp", method, object(config));
        let checked = registry().check(&document, &World::new().context());
        let opened = checked.and_then(|()| registry().open(&document, document.config.clone()));
        let error = opened.map(drop).expect_err(method);
        let mut found: Vec<_> = error.field_problems().iter().map(|it| it.field.as_str()).collect();
        found.sort_unstable();
        assert_eq!((error.kind(), found), (ErrorKind::InvalidInput, fields), "{error:?}");
        assert!(!format!("{error:?} {error}").contains(CANARY), "{error:?}");
    }
}

/// A good file in the wrong field is told with the method that takes it.
#[test]
fn a_file_in_the_wrong_field_is_told_where_it_belongs() {
    let stands_in = crate::testing::impersonated_file(&key_file());
    let external = external_account::file(json!({ "file": "/t" }));
    for (file, belongs) in [
        (login_file(), "`user-account`"),
        (external, "`external-account`"),
        (stands_in, "`impersonation`"),
        (browser::client(&json!({})), "`client_secrets_json`"),
    ] {
        let config = json!({ "service_account_json": file.to_string() });
        let problems = connector_core::AuthMethod::check(
            &serde_json::from_value::<ServiceAccount>(config).expect("a config"),
        );
        assert!(problems.len() == 1 && problems[0].message.contains(belongs), "{problems:?}");
    }
}

/// Files are taken as they are and in base64, with and without padding and line ends, as secrets of CI systems hold them.
#[tokio::test]
async fn files_are_taken_in_base64_too() {
    let text = key_file().to_string();
    let usual = STANDARD.encode(&text);
    let lines: Vec<_> = usual.as_bytes().chunks(76).map(|it| String::from_utf8_lossy(it)).collect();
    for form in [
        format!("\u{feff}  {text}\n"),
        usual.clone(),
        lines.join("\n"),
        URL_SAFE_NO_PAD.encode(&text),
        text.replace("\\n", "\\\\n"),
    ] {
        let world = World::new().answers(token("t", 3599));
        let account: ServiceAccount = method(json!({ "service_account_json": form }));
        authenticate(&account, &world.context(), None, None).await.expect("a session");
    }
}

/// S31: what is held is not shown.
#[test]
fn s31_debug_shows_no_secret() {
    let project = json!({ "project_id": PROJECT });
    let source = json!({ "url": "https://x.example", "headers": { "Authorization": CANARY } });
    let external = external_account::file(source).to_string();
    let client = browser::client(&json!({})).to_string();
    let config = |more: Value| with(project.clone(), more);
    let key = json!({ "service_account_json": key_file().to_string() });
    let shown = [
        format!("{:?}", method::<ServiceAccount>(key.clone())),
        format!(
            "{:?}",
            method::<crate::auth::Impersonation>(with(key, json!({ "target_principal": TARGET })))
        ),
        format!(
            "{:?}",
            method::<UserAccount>(config(json!({ "user_account_json": login_file().to_string() })))
        ),
        format!("{:?}", method::<UserAccount>(config(json!({ "client_secrets_json": client })))),
        format!("{:?}", method::<ExternalAccount>(config(json!({ "external_account_json": external })))),
        format!("{:?}", method::<crate::auth::Oauth2Token>(config(json!({ "token": CANARY })))),
    ];
    for text in shown {
        assert!(!text.contains(CANARY) && !text.contains("PRIVATE KEY"), "{text}");
    }
}
