//! The pod's own service account.

use std::time::Duration;

use connector_core::{AuthMethod, Connector, Grant, Terms};
use serde_json::{Map, json};

use super::super::InCluster;
use crate::credential::Login;
use crate::resource::KubernetesCluster;
use crate::testing::{CANARY, World, after, assert_silent, certificate, given_at, issue, method, start};

const MOUNTED: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn token(end: u64) -> String {
    crate::jwt::example(&json!({ "exp": 1_767_225_600 + end, "sub": "system:serviceaccount:apps:pod" }))
}

fn pod() -> World {
    World::new()
        .var("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        .var("KUBERNETES_SERVICE_PORT", "443")
        .file(&format!("{MOUNTED}/ca.crt"), &certificate().0)
        .file(&format!("{MOUNTED}/namespace"), "apps\n")
        .file(&format!("{MOUNTED}/token"), &format!("{}\n", token(3000)))
}

fn grant() -> Grant {
    Grant::new("kubernetes-cluster", "in-cluster")
}

/// S40: nothing is looked at unless it is switched on.
#[tokio::test]
async fn s40_c19_off_unless_switched_on() {
    let world = pod();
    let cx = world.context();
    assert_eq!(InCluster::identity(&Map::new(), &cx).expect("nothing"), "");
    let connector = Connector::new(cx, InCluster::default());
    let handle = connector.resource::<KubernetesCluster>(grant()).await.expect("a handle");
    let error = handle.issue().await.expect_err("switched off");
    assert!(error.hint().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")));
    let identity =
        InCluster::identity(&Map::new(), &world.context().with_implicit(true)).expect("an identity");
    for part in ["in-cluster https://10.96.0.1 -----BEGIN", " apps ", " system:serviceaccount:apps:pod"] {
        assert!(identity.contains(part), "{part} in {identity}");
    }
    // C27: another cluster may have the same address and the same names; its authority is another one.
    let other = pod().file(&format!("{MOUNTED}/ca.crt"), "another authority");
    let other = InCluster::identity(&Map::new(), &other.context().with_implicit(true)).expect("an identity");
    assert_ne!(identity, other);
}

/// The pod's token ends by itself and is handed on with its end; it is read again each time, since it rotates.
#[tokio::test]
async fn the_pods_token_and_its_successor() {
    let world = pod();
    let connector = Connector::new(world.context().with_implicit(true), InCluster::default());
    let handle = connector.resource::<KubernetesCluster>(grant()).await.expect("a handle");
    let first = handle.issue().await.expect("a token");
    assert_eq!((first.expiry.at(), first.long_lived), (Some(after(3000)), false));
    assert!(!first.narrowing().is_narrowed());
    world.advance(Duration::from_secs(2900));
    let world = world.file(&format!("{MOUNTED}/token"), &token(6000));
    let second = handle.issue().await.expect("the next token");
    assert_eq!(second.expiry.at(), Some(after(6000)));
    assert!(matches!(&second.credential.login, Login::Token(it) if it.expose() == token(6000)));
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn tokens_of_another_account() {
    let world = pod().answers(given_at(start(), 3600));
    let config = json!({ "service_account": "deployer" });
    let issued =
        issue(&world, method::<InCluster>(config), Terms::default(), grant()).await.expect("a token");
    // The pod's own token has 3000 seconds left.
    assert_eq!(issued.expiry.at(), Some(after(3000)));
    assert_eq!(
        world.lines(),
        ["POST https://10.96.0.1/api/v1/namespaces/apps/serviceaccounts/deployer/token"]
    );
}

#[tokio::test]
async fn what_a_pod_may_lack() {
    let without_end = pod().file(&format!("{MOUNTED}/token"), CANARY);
    for (world, says) in [
        (World::new(), "not a pod"),
        (pod().var("KUBERNETES_SERVICE_PORT", "hunter2"), "name no server"),
        (pod().file(&format!("{MOUNTED}/ca.crt"), "hunter2"), "holds no PEM certificate"),
        (pod().file(&format!("{MOUNTED}/token"), " \n"), "holds no token"),
        (pod().file(&format!("{MOUNTED}/token"), "hunter2 x"), "holds no token"),
        // A token that does not say that it ends is a long-lived one.
        (without_end, "long-lived"),
    ] {
        let error = issue(&world, InCluster::default(), Terms::default(), grant()).await.expect_err(says);
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_silent(&error);
    }
}
