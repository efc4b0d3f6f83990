use bollard::auth::DockerCredentials;
use connector_core::{Allow, Terms};
use serde_json::json;

use super::engine::{credentials, is_readable};
use super::*;
use crate::resource::DockerRegistry;
use crate::testing::World;

/// S49, S51: what `bollard` is given, and which fields say what.
#[tokio::test]
async fn s49_s51_bollard_gets_the_login_as_an_engine_reads_it() {
    let config = json!({ "username": "me", "password": "pw", "registry": "https://index.docker.io/v1/" });
    let lent = Terms::default().with_allow(Allow::LongLived);
    let handle =
        World::default().with_terms("password", config.clone(), lent).resource::<DockerRegistry>("").await;
    let login: DockerCredentials = handle.expect("the only one").client().await.expect("allowed");
    assert_eq!(login.username.as_deref(), Some("me"));
    assert_eq!(login.password.as_deref(), Some("pw"));
    assert_eq!(login.serveraddress.as_deref(), Some("https://index.docker.io/v1/"));

    // Invariant 1: a client is another way out than docker's helper.
    let handle = World::default().connector("password", config).resource::<DockerRegistry>("").await;
    let refused = handle.expect("the only one").client::<DockerCredentials>().await;
    assert_eq!(refused.expect_err("not allowed").kind(), connector_core::ErrorKind::Refused);

    let handle = World::default().connector("anonymous", json!({})).resource::<DockerRegistry>("").await;
    let nobody: DockerCredentials = handle.expect("the only one").client().await.expect("nothing is lent");
    assert_eq!((nobody.username, nobody.password, nobody.identitytoken), (None, None, None));
}

/// An engine that cannot read a login goes on without one and says nothing, so it is refused before.
#[test]
fn a_login_that_would_reach_the_engine_garbled_is_told() {
    let login = |password: &str| {
        credentials(&DockerCredential {
            registry: "a.org".into(),
            login: crate::Login::Password { username: "me".into(), password: password.into() },
        })
    };
    assert!(is_readable(&login("dckr_pat_abc-DEF0123456789+/=")));
    let garbled = ["???", ">>>", "~~~"];
    assert!(garbled.iter().all(|it| !is_readable(&login(it))));
}
