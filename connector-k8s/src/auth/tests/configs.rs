//! Rules across fields: each fault is named by its field, and nothing is quoted.

use connector_core::AuthMethod;
use serde_json::{Value, json};

use super::super::{InCluster, Kubeconfig, Password, Token};
use crate::testing::{CANARY, certificate, token};

/// The fields that a config is refused for.
fn faults<M: AuthMethod>(config: Value) -> Vec<String> {
    let method: M =
        serde_json::from_value(config.clone()).unwrap_or_else(|error| panic!("{config}: {error}"));
    let problems = method.check();
    assert!(!format!("{problems:?}").contains(CANARY), "{problems:?}");
    problems.into_iter().map(|it| it.field).collect()
}

#[test]
fn c17_faults_of_a_token() {
    let (pem, key) = certificate();
    let without = |more: Value| {
        let mut config = token(more);
        config.as_object_mut().expect("an object").remove("token");
        config
    };
    for (config, fields) in [
        (token(json!({})), vec![]),
        (token(json!({ "server": "http://127.0.0.1:8001" })), vec![]),
        (token(json!({ "server": "http://demo" })), vec!["server"]),
        (token(json!({ "token": "" })), vec!["token"]),
        (token(json!({ "token": "hunter2 x" })), vec!["token"]),
        (token(json!({ "certificate_authority": pem })), vec![]),
        (token(json!({ "certificate_authority": "hunter2" })), vec!["certificate_authority"]),
        (token(json!({ "certificate_authority": pem, "insecure": true })), vec!["insecure"]),
        (token(json!({ "client_certificate": pem, "client_key": key })), vec!["token"]),
        (token(json!({ "service_account": "x" })), vec!["namespace"]),
        (token(json!({ "namespace": "x", "audiences": ["a"] })), vec!["namespace", "audiences"]),
        (without(json!({})), vec!["token"]),
        (without(json!({ "client_certificate": pem, "client_key": key })), vec![]),
        (without(json!({ "client_certificate": pem })), vec!["client_key"]),
        (without(json!({ "client_key": key })), vec!["client_certificate"]),
        (
            without(json!({ "client_certificate": "x", "client_key": "hunter2" })),
            vec!["client_certificate", "client_key"],
        ),
    ] {
        assert_eq!(faults::<Token>(config.clone()), fields, "{config}");
    }
}

#[test]
fn faults_of_a_password_and_of_a_pod() {
    let config = |more: Value| {
        let mut config =
            json!({ "server": "https://demo", "cluster_name": "demo", "username": "a", "password": "b" });
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        config
    };
    assert_eq!(faults::<Password>(config(json!({}))), [""; 0]);
    assert_eq!(
        faults::<Password>(config(json!({ "username": "a:b", "password": "" }))),
        ["username", "password"]
    );
    assert_eq!(faults::<Password>(config(json!({ "server": "http://demo" }))), ["server"]);
    assert_eq!(faults::<InCluster>(json!({})), [""; 0]);
    assert_eq!(faults::<InCluster>(json!({ "service_account": "x" })), [""; 0]);
    assert_eq!(faults::<InCluster>(json!({ "namespace": "x" })), ["namespace"]);
}

/// S51: a kubeconfig that cannot be used as it says is refused, with the line where it does not read.
#[test]
fn faults_of_a_kubeconfig() {
    let of = |user: Value, cluster: Value| {
        json!({
            "current-context": "c", "contexts": [{ "name": "c", "context": { "cluster": "demo", "user": "u" } }],
            "clusters": [{ "name": "demo", "cluster": cluster }], "users": [{ "name": "u", "user": user }],
        })
        .to_string()
    };
    let place = json!({ "server": "https://demo" });
    let user = json!({ "token": CANARY });
    let exec = |more: Value| {
        let mut exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "plugin" });
        exec.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        json!({ "exec": exec })
    };
    let data = json!({ "server": "https://d", "insecure-skip-tls-verify": true, "certificate-authority-data": "aHVudGVyMg==" });
    for (text, says) in [
        ("a: [\n  - b: {\nhunter2".to_owned(), "line "),
        ("clusters:\n  - name: hunter2\n    cluster: 7\n".to_owned(), "line "),
        ("just text".to_owned(), "not a kubeconfig"),
        (String::new(), "no current context"),
        (of(user.clone(), json!({})), "no `server`"),
        (of(user.clone(), json!({ "server": "http://demo" })), "in clear"),
        (of(user.clone(), json!({ "server": "https://demo", "proxy-url": "http://p" })), "proxy-url"),
        (of(user.clone(), json!({ "server": "https://demo", "certificate-authority": "/ca" })), "--flatten"),
        (of(user.clone(), json!({ "server": "https://demo", "certificate-authority-data": "!" })), "base64"),
        (of(user.clone(), data), "only one can be"),
        (of(json!({}), place.clone()), "no way to log in"),
        (of(json!({ "token": CANARY, "as": "admin" }), place.clone()), "acts as somebody else"),
        (of(json!({ "auth-provider": { "name": "gcp" } }), place.clone()), "1.26"),
        (of(json!({ "client-key-data": "aHVudGVyMg==" }), place.clone()), "without its certificate"),
        (of(json!({ "tokenFile": "/etc/shadow" }), place.clone()), "--flatten"),
        (of(json!({ "token": "hunter2 x" }), place.clone()), "no token has"),
        (of(exec(json!({ "command": "./plugin" })), place.clone()), "relative path"),
        (of(exec(json!({ "apiVersion": "v1alpha1" })), place.clone()), "apiVersion"),
        (of(exec(json!({ "interactiveMode": "Always" })), place.clone()), "terminal"),
    ] {
        let method: Kubeconfig = serde_json::from_value(json!({ "kubeconfig": text })).expect("a config");
        let problems = method.check();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].field, "kubeconfig");
        assert!(problems[0].message.contains(says), "{says}: {problems:?}");
        assert!(!format!("{problems:?} {method:?}").contains(CANARY), "{problems:?}");
    }
    let whole = of(user, place);
    assert_eq!(faults::<Kubeconfig>(json!({ "kubeconfig": whole })), [""; 0]);
    assert_eq!(faults::<Kubeconfig>(json!({ "kubeconfig": whole, "context": "other" })), ["kubeconfig"]);
    assert_eq!(faults::<Kubeconfig>(json!({ "kubeconfig": whole, "service_account": "x" })), ["namespace"]);
    let refused = serde_json::from_value::<Kubeconfig>(json!({ "kubeconfig": whole, "bogus": 1 }));
    assert!(refused.is_err(), "a field that is not known");
}
