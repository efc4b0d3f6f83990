//! Contexts and exec plugins.

use std::time::Duration;

use connector_core::{Allow, ErrorKind, Terms};
use serde_json::{Value, json};

use super::super::Kubeconfig;
use crate::credential::{Login, Trust};
use crate::testing::{
    CANARY, World, after, assert_silent, certificate, given_at, grant, issue, method, start,
};

fn config(user: Value, more: Value) -> Value {
    let (pem, _) = certificate();
    use base64::Engine;
    let pem = base64::engine::general_purpose::STANDARD.encode(pem);
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "work",
        "contexts": [
            { "name": "work", "context": { "cluster": "demo", "user": "u", "namespace": "apps" } },
            { "name": "other", "context": { "cluster": "gone", "user": "u" } },
        ],
        "clusters": [{ "name": "demo", "cluster": {
            "server": "https://demo.example.org", "certificate-authority-data": pem, "tls-server-name": "kubernetes",
            "extensions": [{ "name": "client.authentication.k8s.io/exec", "extension": { "audience": "a" } }],
        } }],
        "users": [{ "name": "u", "user": user }],
    });
    let mut config = json!({ "kubeconfig": text.to_string() });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    config
}

fn plugin() -> Value {
    json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "plugin", "args": ["get", "token"],
        "env": [{ "name": "PROFILE", "value": "hunter2-env" }], "provideClusterInfo": true,
    } })
}

fn printed(status: Value) -> Value {
    json!({ "apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status })
}

fn exec_allowed() -> Terms {
    Terms::default().with_allow(Allow::Exec)
}

/// C20: a plugin runs when that is allowed, and not otherwise; what it gives ends when it says.
#[tokio::test]
async fn c20_an_exec_plugin() {
    let given = printed(json!({ "token": "hunter2-plugin", "expirationTimestamp": "2026-01-01T00:15:00Z" }));
    let world = World::new().prints(&given);
    let method = || method::<Kubeconfig>(config(plugin(), json!({})));
    let error = issue(&world, method(), Terms::default(), grant()).await.expect_err("not allowed");
    assert!(error.hint().is_some_and(|it| it.contains("--allow exec")) && world.commands().is_empty());
    assert_silent(&error);

    let issued = issue(&world, method(), exec_allowed(), grant()).await.expect("a token");
    assert_eq!((issued.expiry.at(), issued.long_lived), (Some(after(900)), false));
    assert!(matches!(&issued.credential.login, Login::Token(it) if it.expose() == "hunter2-plugin"));
    assert!(matches!(&issued.credential.trust, Trust::Authority(_)));
    let commands = world.commands();
    assert_eq!((commands[0].program(), commands[0].args().join(" ")), ("plugin", "get token".to_owned()));
    let env: Vec<_> = commands[0].env().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(env, ["PROFILE", "KUBERNETES_EXEC_INFO"]);
    let info: Value = serde_json::from_str(commands[0].env()[1].1.expose()).expect("JSON");
    assert_eq!(info["apiVersion"], "client.authentication.k8s.io/v1beta1");
    assert_eq!(info["spec"]["cluster"]["server"], "https://demo.example.org");
    assert_eq!(info["spec"]["cluster"]["tls-server-name"], "kubernetes");
    assert_eq!(info["spec"]["cluster"]["config"], json!({ "audience": "a" }));
    assert!(!format!("{commands:?}").contains(CANARY));
}

#[tokio::test]
async fn what_plugins_print() {
    let (pem, key) = certificate();
    let other =
        json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {} });
    for (text, says) in [
        ("hunter2".to_owned(), "something else"),
        (other.to_string(), "another version"),
        (printed(Value::Null).to_string(), "without a status"),
        (printed(json!({})).to_string(), "neither a token"),
        (printed(json!({ "clientKeyData": "hunter2" })).to_string(), "neither a token"),
        (printed(json!({ "token": "hunter2 x" })).to_string(), "no token has"),
        (printed(json!({ "token": "hunter2", "expirationTimestamp": "soon" })).to_string(), "no time"),
        (
            printed(json!({ "token": "hunter2", "expirationTimestamp": "2025-12-31T23:00:00Z" })).to_string(),
            "ended",
        ),
        // Nothing says that it ends.
        (printed(json!({ "token": "hunter2" })).to_string(), "long-lived"),
    ] {
        let world = World::new().prints(&text);
        let method = method::<Kubeconfig>(config(plugin(), json!({})));
        let error = issue(&world, method, exec_allowed(), grant()).await.expect_err(&text);
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_silent(&error);
    }
    let failed =
        issue(&World::new(), method::<Kubeconfig>(config(plugin(), json!({}))), exec_allowed(), grant())
            .await;
    let failed = failed.expect_err("the program failed");
    assert!(
        failed.kind() == ErrorKind::Refused && failed.to_string().contains("exec plugin `plugin`"),
        "{failed}"
    );

    let status = json!({ "clientCertificateData": pem, "clientKeyData": key });
    let world = World::new().prints(printed(status));
    let issued =
        issue(&world, method::<Kubeconfig>(config(plugin(), json!({}))), exec_allowed(), grant()).await;
    let issued = issued.expect("a certificate");
    // Its end is read from it.
    assert!(issued.expiry.at().is_some() && !issued.long_lived);
}

/// The plugin is asked again when what it gave ends, not for each credential.
#[tokio::test]
async fn a_service_account_by_way_of_a_plugin() {
    let given = printed(json!({ "token": "hunter2-plugin", "expirationTimestamp": "2026-01-01T02:00:00Z" }));
    let world = World::new().prints(&given).answers(given_at(start(), 600));
    let asked = grant().with_duration(Duration::from_secs(600));
    let method = method::<Kubeconfig>(config(plugin(), json!({ "service_account": "deployer" })));
    let issued = issue(&world, method, exec_allowed(), asked).await.expect("a token");
    assert_eq!(issued.expiry.at(), Some(after(600)));
    assert!(
        world.lines()[0].contains("/namespaces/apps/serviceaccounts/deployer/token"),
        "the context's namespace"
    );
    assert_eq!(world.sent()[0].tls().and_then(|it| it.server_name()), Some("kubernetes"));
}
