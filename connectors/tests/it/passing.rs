//! A stored login on its way to docker: to its helper, and to nothing else.

use std::path::Path;

use connector_core::{Allow, Clock as _, Context, Document, ErrorKind, Grant, Registry, VirtualClock};
use connector_store::{Digest, Lookup, audit, fast};
use connectors::docker::REGISTRATIONS;
use connectors::hub::{Draft, Options, Registration};
use connectors::{Hub, docker};
use serde_json::json;

const PASSWORD: &str = "hunter2-hunter2";

async fn hub(home: &Path, clock: &VirtualClock) -> Hub {
    let registry = Registry::of(REGISTRATIONS).expect("one of each");
    let context = Context::detached(clock.clone());
    Hub::with_registry(Options::new(home).with_context(context), registry).await.expect("a fresh store opens")
}

async fn register(hub: &Hub, name: &str, allow: &[Allow]) {
    let config = json!({ "username": "me", "password": PASSWORD, "registry": "registry.example.org" });
    let config = config.as_object().cloned().expect("a config is an object");
    let mut document = Document::draft(name, "docker", "password", config);
    document.allow.extend(allow);
    hub.register(Draft::new(document), Registration::Unverified).await.expect("stored");
}

/// S31, invariant 1, C27: the helper gets the stored login without leave, every time is in the audit as what it is,
/// and it lies in no cache where another way out, or the fast path, could find it.
#[tokio::test]
async fn s31_c27_a_stored_login_is_handed_to_dockers_helper_and_lies_in_no_cache() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "closed", &[]).await;
    register(&hub, "lent", &[Allow::LongLived]).await;
    let target = Digest::of(["docker"]);
    for name in ["closed", "lent"] {
        for _ in 0..2 {
            let answer = hub.tool(name, Grant::default(), "docker", &target).await.expect("its own helper");
            assert!(answer.expose().contains(PASSWORD));
        }
        assert!(matches!(fast::lookup(home.path(), name, &target, clock.now()), Lookup::Miss), "{name}");
        let error = hub.tool(name, Grant::default(), "kubectl", &target).await.expect_err("no such form");
        let expected = if name == "lent" { ErrorKind::InvalidInput } else { ErrorKind::Refused };
        assert_eq!(error.kind(), expected, "{error}");
    }
    let grant = || Grant::new("docker-registry", "registry.example.org");
    for refused in [
        hub.issue("closed", grant()).await.map(|_| ()),
        hub.environment("closed", grant()).await.map(|_| ()),
        // Before any engine is looked for.
        hub.client::<docker::Engine>("closed", grant()).await.map(|_| ()),
    ] {
        assert_eq!(refused.expect_err("it is not lent").kind(), ErrorKind::Refused);
    }
    assert!(hub.issue("lent", grant()).await.expect("it is lent").long_lived);

    let mints = audit::Filter { action: Some(audit::Action::Mint), ..audit::Filter::default() };
    let mints = hub.store().audit_list(&mints, 20).await.expect("readable");
    assert!(mints.iter().all(|it| it.long_lived && it.narrowed == Some(false)));
    assert_eq!(mints.iter().filter(|it| it.connector.as_deref() == Some("closed")).count(), 2);
    assert!(!format!("{mints:?}").contains(PASSWORD));

    hub.set_enabled("closed", false).await.expect("disabled");
    let error = hub.tool("closed", Grant::default(), "docker", &target).await.expect_err("disabled");
    assert_eq!(error.kind(), ErrorKind::Disabled);
}
