//! Kubeconfigs as they lie around.

use connector_core::{AuthMethod, Candidate, ErrorKind, Hints, Result};
use serde_json::{Value, json};

use super::detect;
use crate::auth::{InCluster, Kubeconfig, Password, Token};
use crate::testing::{CANARY, World, assert_silent, certificate};

fn home() -> World {
    World::new().var("HOME", "/home/alice")
}

/// A kubeconfig with one context, cluster and user of these names.
fn text(name: &str, server: &str, user: Value) -> String {
    json!({
        "current-context": name,
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "clusters": [{ "name": name, "cluster": { "server": server, "certificate-authority": "pki/ca.crt" } }],
        "users": [{ "name": name, "user": user }],
    })
    .to_string()
}

fn found(world: &World, hints: &Hints) -> Result<Candidate> {
    let found = detect(&world.context(), hints).inspect_err(assert_silent)?;
    assert!(!format!("{found:?}").contains(CANARY));
    Ok(found.into_iter().next().expect("a candidate"))
}

/// What was found is a config that its method takes.
fn check(candidate: &Candidate) {
    fn faults<M: AuthMethod>(config: &Value) -> Vec<connector_core::Problem> {
        serde_json::from_value::<M>(config.clone()).expect("its config").check()
    }
    let config = Value::Object(candidate.config.clone());
    let faults = match candidate.method {
        "token" => faults::<Token>(&config),
        "password" => faults::<Password>(&config),
        "kubeconfig" => faults::<Kubeconfig>(&config),
        _ => faults::<InCluster>(&config),
    };
    assert_eq!(faults, []);
}

/// S39: files are lifted, relative ones from where their kubeconfig is.
#[test]
fn s39_the_safest_method_for_what_is_there() {
    let (pem, key) = certificate();
    let exec = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "args": ["x"] } });
    for (user, method, fields) in [
        (
            json!({ "token": CANARY }),
            "token",
            vec!["certificate_authority", "cluster_name", "server", "token"],
        ),
        (
            json!({ "tokenFile": "token" }),
            "token",
            vec!["certificate_authority", "cluster_name", "server", "token"],
        ),
        (
            json!({ "client-certificate": "a.crt", "client-key": "/keys/a.key" }),
            "token",
            vec!["certificate_authority", "client_certificate", "client_key", "cluster_name", "server"],
        ),
        (
            json!({ "username": "a", "password": CANARY }),
            "password",
            vec!["certificate_authority", "cluster_name", "password", "server", "username"],
        ),
        (exec, "kubeconfig", vec!["kubeconfig"]),
    ] {
        let world = home()
            .file("/home/alice/.kube/config", &text("demo", "https://demo", user.clone()))
            .file("/home/alice/.kube/pki/ca.crt", &pem)
            .file("/home/alice/.kube/a.crt", &pem)
            .file("/home/alice/.kube/token", "hunter2-of-file\n")
            .file("/keys/a.key", &key);
        let candidate = found(&world, &Hints::default()).expect("found");
        let mut names: Vec<_> = candidate.config.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!((candidate.method, names), (method, fields), "{user}");
        assert!(
            candidate.found.contains("context `demo` of /home/alice/.kube/config"),
            "{}",
            candidate.found
        );
        check(&candidate);
        if method == "kubeconfig" {
            let text = candidate.config["kubeconfig"].as_str().expect("text");
            assert!(text.contains("/home/alice/.kube/./plugin") && !text.contains("pki/ca.crt"), "{text}");
            assert!(candidate.notes[0].contains("--allow exec"));
        }
        assert_eq!(candidate.expires_at.is_some(), user.get("client-certificate").is_some());
    }
}

/// The first file wins, name by name; a missing one is passed over; a context is chosen by option.
#[test]
fn lists_of_kubeconfigs() {
    let token = |name: &str| json!({ "token": format!("hunter2-{name}") });
    let world = home()
        .var("KUBECONFIG", "/a:/missing:/sub/b")
        .file("/pki/ca.crt", &certificate().0)
        .file("/sub/pki/ca.crt", &certificate().0)
        .file("/a", &text("one", "https://one", token("one")))
        .file("/sub/b", &text("two", "https://two", token("two")))
        .file("/home/alice/.kube/config", "hunter2: [");
    let mut hints = Hints::default();
    assert_eq!(found(&world, &hints).expect("found").config["server"], "https://one");
    hints.context = Some("two".into());
    let two = found(&world, &hints).expect("found");
    assert_eq!(
        (two.config["server"].as_str(), two.config["cluster_name"].as_str()),
        (Some("https://two"), Some("two"))
    );
    let world = world.file("/sub/b", &text("one", "https://other", token("other")));
    hints.context = None;
    assert_eq!(found(&world, &hints).expect("found").config["server"], "https://one");
    hints.context = Some("three".into());
    let error = found(&world, &hints).expect_err("missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().is_some_and(|it| it.contains("one")), "{error:?}");
    hints.context = None;
    hints.method = Some("kubeconfig".into());
    check(&found(&world, &hints).expect("found"));
    hints.method = Some("password".into());
    assert_eq!(found(&world, &hints).expect_err("no password").kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_broken_names_file_and_line() {
    let world = home().file("/home/alice/.kube/config", "users:\n  - name: a\n    user: {token: hunter2\n");
    let error = found(&world, &Hints::default()).expect_err("broken").to_string();
    assert!(error.contains("/home/alice/.kube/config, line "), "{error}");
    let world =
        home().file("/home/alice/.kube/config", &text("demo", "https://demo", json!({ "token": "t" })));
    let error = found(&world, &Hints::default()).expect_err("no certificate").to_string();
    assert!(error.contains("pki/ca.crt"), "{error}");
}

/// S40: the pod is looked at under the switch only.
#[test]
fn s40_a_pod() {
    let pod = home()
        .var("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        .file("/var/run/secrets/kubernetes.io/serviceaccount/token", CANARY);
    let mut hints = Hints::default();
    assert_eq!(detect(&pod.context(), &hints).expect("looked").len(), 0);
    assert_eq!(detect(&home().context().with_implicit(true), &hints).expect("looked").len(), 0);
    let on = pod.context().with_implicit(true);
    assert_eq!(detect(&on, &hints).expect("looked")[0].method, "in-cluster");
    hints.context = Some("demo".into());
    assert_eq!(detect(&on, &hints).expect_err("no such context").kind(), ErrorKind::NotFound);
    hints.context = None;
    hints.method = Some("in-cluster".into());
    assert_eq!(detect(&pod.context(), &hints).expect_err("off").kind(), ErrorKind::Refused);
}
