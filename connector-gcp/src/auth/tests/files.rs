//! C18: a credential file names no host for its own secrets, and no universe, but those that somebody else vouches for.

use connector_core::{AuthMethod, Problem};
use serde_json::{Value, json};

use super::external_account::file as external;
use super::implicit::{implicit, on};
use crate::auth::{ExternalAccount, Impersonation, ServiceAccount, UserAccount};
use crate::connector::Gcp;
use crate::testing::{
    GENERATE_URL, PROJECT, TARGET, World, assert_silent, authenticate, impersonated_file, key_file,
    login_file, with,
};

const ELSEWHERE: &str = "https://hunter2.example";
const OWN: &str = "apis.example.goog";

fn at(host: &str, path: &str) -> String {
    format!("{host}/{path}")
}

fn workforce() -> Value {
    with(
        login_file(),
        json!({ "type": "external_account_authorized_user", "token_url": "https://sts.googleapis.com/v1/oauthtoken" }),
    )
}

/// The field and the service of a URL in a file.
type Url = (&'static str, &'static str);

/// Each file, the field of its config, and its URLs.
fn files() -> Vec<(&'static str, Value, Vec<Url>)> {
    let external = with(
        external(json!({ "file": "/run/token" })),
        json!({ "service_account_impersonation_url": GENERATE_URL }),
    );
    vec![
        ("service_account_json", key_file(), vec![("token_uri", "oauth2")]),
        ("user_account_json", login_file(), vec![("token_uri", "oauth2")]),
        ("user_account_json", workforce(), vec![("token_url", "sts")]),
        (
            "external_account_json",
            external,
            vec![("token_url", "sts"), ("service_account_impersonation_url", "iamcredentials")],
        ),
    ]
}

fn url(field: &str, host: &str) -> Value {
    match field {
        "service_account_impersonation_url" => {
            json!({ field: at(host, &format!("v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken")) })
        }
        _ => json!({ field: at(host, "token") }),
    }
}

/// What is wrong with the config that holds this file, and what authenticating with it says before it asks anybody.
async fn told(field: &str, file: &Value, more: &Value) -> (Vec<Problem>, String) {
    let config = with(json!({ "project_id": PROJECT, field: file.to_string() }), more.clone());
    match field {
        "service_account_json" => of(serde_json::from_value::<ServiceAccount>(config)).await,
        "user_account_json" => of(serde_json::from_value::<UserAccount>(config)).await,
        _ => of(serde_json::from_value::<ExternalAccount>(config)).await,
    }
}

async fn of<M: AuthMethod<Connector = Gcp>>(method: serde_json::Result<M>) -> (Vec<Problem>, String) {
    let method = method.expect("a config");
    let world = World::new().file("/run/token", "jwt");
    let error = authenticate(&method, &world.context(), None, None).await.err();
    let problems = method.check();
    let Some(error) = error else {
        // In a universe of its own a key signs the token itself, and nothing is sent.
        return (problems, String::new());
    };
    assert_silent(&error);
    assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
    let sent = world.lines();
    assert!(problems.is_empty() || sent.is_empty(), "{sent:?}");
    (problems, format!("{error:?}"))
}

/// A host that only the file names is refused, with the field of the file and the way to mean it; the same host in the
/// connector's own config is taken, as are Google's and this machine's.
#[tokio::test]
async fn c18_a_host_that_only_the_file_names_gets_no_secret() {
    for (field, file, urls) in files() {
        for (name, service) in urls {
            let strange = with(file.clone(), url(name, ELSEWHERE));
            let (problems, error) = told(field, &strange, &json!({})).await;
            assert_eq!((problems.len(), problems[0].field.as_str()), (1, field), "{problems:?}");
            let fix = format!("set endpoints.{service} or endpoint_url");
            for says in [format!("`{name}` in the file"), fix] {
                assert!(problems[0].message.contains(&says) && error.contains(&says), "{problems:?} {error}");
            }
            for more in [
                json!({ "endpoints": { service: "https://corp.example" } }),
                json!({ "endpoint_url": "https://corp.example" }),
            ] {
                assert_eq!(told(field, &strange, &more).await.0, [], "{field} {name}");
            }
            let other = if service == "storage" { "sts" } else { "storage" };
            let more = json!({ "endpoints": { other: "https://corp.example" } });
            assert_eq!(told(field, &strange, &more).await.0.len(), 1, "{field} {name}");
            for host in ["https://sts.googleapis.com", "http://127.0.0.1:7", "https://localhost"] {
                let good = with(file.clone(), url(name, host));
                assert_eq!(told(field, &good, &json!({})).await.0, [], "{field} {name}");
            }
            // Plain HTTP is read on its way, also where the network is private.
            let plain = with(file.clone(), url(name, "http://10.1.2.3"));
            assert_eq!(told(field, &plain, &json!({})).await.0.len(), 1);
        }
    }
}

/// A file moves no connector to another universe: the config says the same one, or the file is refused.
#[tokio::test]
async fn c18_a_file_alone_moves_nobody_to_another_universe() {
    for (field, file, urls) in files() {
        let (name, _) = urls[0];
        let host = format!("https://sts.{OWN}");
        let moved = with(with(file, json!({ "universe_domain": OWN })), url(name, &host));
        for more in [json!({}), json!({ "universe_domain": "other.example.goog" })] {
            let (problems, error) = told(field, &moved, &more).await;
            let fields: Vec<_> = problems.iter().map(|it| it.field.as_str()).collect();
            assert_eq!(fields, ["universe_domain", field], "{problems:?}");
            let fix = format!("set universe_domain={OWN}");
            assert!(problems[0].message.contains(&fix) && error.contains(&fix), "{problems:?} {error}");
        }
        assert_eq!(told(field, &moved, &json!({ "universe_domain": OWN })).await.0, [], "{field}");
    }
    // A key that stands in for another account is held to the same.
    let moved = with(key_file(), json!({ "universe_domain": OWN, "token_uri": at(ELSEWHERE, "token") }));
    let config = json!({ "service_account_json": moved.to_string(), "target_principal": TARGET });
    let (problems, _) = of(serde_json::from_value::<Impersonation>(config)).await;
    assert_eq!(problems.len(), 2, "{problems:?}");
}

/// What this machine is set up with may be of any universe, and sends nothing out of it.
#[tokio::test]
async fn c18_a_file_of_the_machine_keeps_to_its_universe() {
    let named = |file: &Value| {
        World::new()
            .var("GOOGLE_APPLICATION_CREDENTIALS", "/run/cred.json")
            .file("/run/cred.json", &file.to_string())
            .file("/run/token", "jwt")
    };
    let mut all: Vec<_> = files().into_iter().map(|(_, file, urls)| (file, urls)).collect();
    all.push((
        impersonated_file(&login_file()),
        vec![("service_account_impersonation_url", "iamcredentials")],
    ));
    for (file, urls) in all {
        for (name, service) in urls {
            let own = with(
                with(file.clone(), json!({ "universe_domain": OWN })),
                url(name, &format!("https://x.{OWN}")),
            );
            let strange = with(own.clone(), url(name, ELSEWHERE));
            let world = named(&strange);
            let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err(name);
            assert!(error.message().contains(&format!("`{name}`")), "{error:?}");
            assert!(error.hint().is_some_and(|it| it.contains(&format!("endpoints.{service}"))), "{error:?}");
            assert_eq!(world.sent().len(), 0);
            assert_silent(&error);
            let world = named(&own);
            let out = authenticate(&implicit(json!({})), &on(&world), None, None).await;
            assert!(out.is_ok() || !world.sent().is_empty(), "{out:?}");
        }
    }
}

/// Outside the public cloud the key signs the tokens themselves, and services look for it by its id.
#[tokio::test]
async fn a_key_without_an_id_is_for_the_public_cloud_only() {
    let mut bare = key_file();
    bare.as_object_mut().expect("an object").remove("private_key_id");
    let elsewhere = json!({ "universe_domain": OWN });
    assert_eq!(told("service_account_json", &bare, &json!({})).await.0, []);
    let (problems, _) = told("service_account_json", &bare, &elsewhere).await;
    assert_eq!((problems.len(), problems[0].field.as_str()), (1, "service_account_json"));
    assert!(problems[0].message.contains("`private_key_id`"), "{problems:?}");
    assert_eq!(told("service_account_json", &key_file(), &elsewhere).await.0, []);
}
