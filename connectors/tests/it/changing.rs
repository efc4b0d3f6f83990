//! Changes bite at once: on what is cached, and on native clients that were made before.

use std::sync::Arc;
use std::time::Duration;

use connector_core::{Clock, ErrorKind, Grant, VirtualClock};
use connectors::hub::{Changes, Registration};
use serde_json::json;
use tokio::sync::Barrier;

use crate::acme::{Acme, Box, Client, KEY, cloud, draft_with, hub, register};

fn one() -> Grant {
    Grant::new("acme-box", "box:one")
}

fn with_key(key: &str) -> Changes {
    let mut changes = Changes::default();
    changes.config.insert("key".into(), Some(json!(key)));
    changes
}

#[tokio::test]
async fn s78_a_client_follows_a_rotated_key_and_outlives_the_hub() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "rotated").await;
    let client: Client = hub.client("a", one()).await.expect("built");
    let old = client.call().await.expect("issued");
    let changes = with_key("another-longer-key-canary");
    let (document, _, _) = hub.update("a", changes, true, false).await.expect("it verifies");
    assert_eq!(document.version, 2);
    let new = client.call().await.expect("the new version answers");
    assert_ne!(old, new);
    drop(hub);
    clock.advance(Duration::from_secs(7200));
    client.call().await.expect("a client needs no hub value");
}

#[tokio::test]
async fn s68_c14_disabling_and_deleting_bite_on_clients_and_caches() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "bites").await;
    let client: Client = hub.client("a", one()).await.expect("built");
    client.call().await.expect("issued");
    hub.issue("a", one()).await.expect("cached");
    hub.set_enabled("a", false).await.expect("disabled");
    assert_eq!(client.call().await.expect_err("disabled").kind(), ErrorKind::Disabled);
    assert_eq!(hub.issue("a", one()).await.expect_err("disabled").kind(), ErrorKind::Disabled);
    hub.set_enabled("a", true).await.expect("enabled");
    client.call().await.expect("the same client goes on");
    hub.delete("a", false).await.expect("deleted");
    assert_eq!(client.call().await.expect_err("deleted").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn another_process_that_disables_is_noticed_before_a_release() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let (here, there) = (hub(home.path(), &clock).await, hub(home.path(), &clock).await);
    register(&here, "a", "elsewhere").await;
    let client: Client = here.client("a", one()).await.expect("built");
    client.call().await.expect("issued");
    there.set_enabled("a", false).await.expect("disabled");
    clock.advance(Duration::from_secs(3599));
    assert_eq!(client.call().await.expect_err("disabled").kind(), ErrorKind::Disabled);
    assert_eq!(here.issue("a", one()).await.expect_err("disabled").kind(), ErrorKind::Disabled);
}

#[tokio::test]
async fn a_changed_source_is_followed_by_those_who_take_their_identity_from_it() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "base", "family").await;
    let derived = draft_with("derived", json!({ "account": "family", "source": "base" }));
    hub.register(derived, Registration::Verified).await.expect("stored");
    hub.issue("derived", one()).await.expect("cached");
    let client: Client = hub.client("derived", one()).await.expect("built");
    client.call().await.expect("issued");
    let error = hub.delete("base", false).await.expect_err("it is referred to");
    assert!(error.message().contains("derived"), "{error}");
    hub.set_enabled("base", false).await.expect("disabled");
    for error in [hub.issue("derived", one()).await.map(|_| ()), client.call().await.map(|_| ())] {
        assert_eq!(error.expect_err("its source is disabled").kind(), ErrorKind::Disabled);
    }
}

#[tokio::test]
async fn an_update_that_breaks_verifying_changes_nothing_unless_forced() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "breaks").await;
    cloud("breaks").refuse(true);
    let error = hub.update("a", with_key("bad-key"), true, false).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(hub.get("a").await.expect("there").version, 1, "the old version stays usable");
    let (document, _, warnings) = hub.update("a", with_key("bad-key"), true, true).await.expect("forced");
    assert_eq!((document.version, warnings.is_empty()), (2, false));
}

#[tokio::test]
async fn an_update_to_what_it_is_already_is_no_new_version() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "same").await;
    for changes in [Changes::default(), with_key(KEY)] {
        let (document, reached, _) = hub.update("a", changes, true, false).await.expect("it verifies");
        assert_eq!((document.version, reached.len()), (1, 1));
    }
    let (document, _, _) = hub.update("a", with_key("another"), true, false).await.expect("it verifies");
    assert_eq!(document.version, 2);
}

#[tokio::test]
async fn what_a_refused_update_keeps_is_dropped_and_what_it_renews_stays_good() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    let draft = draft_with("a", json!({ "account": "pending", "key": KEY }));
    let id = hub.register(draft, Registration::Unverified).await.expect("stored").document.id;
    let kept = async || hub.store().kept(&id, "login").await.expect("readable").map(|it| it.expose().len());
    let change = async |works: bool| {
        cloud("pending").refuse(!works);
        let key = if works { "good" } else { "bad" };
        hub.update("a", with_key(key), true, false).await.is_ok()
    };
    assert!(!change(false).await);
    assert_eq!(kept().await, None, "a new login came with the draft, and goes with it");
    assert!(change(true).await);
    let first = kept().await.expect("stored together with the draft");
    assert!(!change(false).await);
    assert!(kept().await.expect("still there") > first, "the login before it works no more");
}

#[tokio::test]
async fn another_process_that_changes_the_source_is_noticed_before_a_release() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let (here, there) = (hub(home.path(), &clock).await, hub(home.path(), &clock).await);
    register(&here, "base", "source-elsewhere").await;
    let derived = draft_with("derived", json!({ "account": "source-elsewhere", "source": "base" }));
    here.register(derived, Registration::Verified).await.expect("stored");
    let typed = here.connector::<Acme>("derived").await.expect("open");
    let handle = typed.resource::<Box>("box:one").await.expect("a handle");
    // Its own version stays the same, but who it is has changed.
    let barrier = Arc::new(Barrier::new(2));
    *cloud("source-elsewhere").barrier.lock().expect("not poisoned") = Some(Arc::clone(&barrier));
    let before = cloud("source-elsewhere").logins();
    let minting = handle.issue();
    let changing = async {
        // It has taken its identity and logs in; then its source changes.
        while cloud("source-elsewhere").logins() == before {
            tokio::task::yield_now().await;
        }
        there.update("base", with_key("new"), false, false).await.expect("changed");
        for _ in 0..3 {
            barrier.wait().await;
        }
    };
    let (issued, ()) = tokio::join!(minting, changing);
    issued.expect("with the new identity");
    assert_eq!(cloud("source-elsewhere").logins() - before, 3, "then both logged in anew");
}

#[tokio::test]
async fn s38_after_its_end_a_connector_issues_nothing_and_before_it_nothing_longer() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "ends").await;
    let end = clock.now() + Duration::from_secs(600);
    let mut changes = Changes::default();
    changes.expires_at = Some(Some(end));
    hub.update("a", changes, true, false).await.expect("stored");
    assert_eq!(hub.issue("a", one()).await.expect("issued").expiry.at(), Some(end));
    let client: Client = hub.client("a", one()).await.expect("built");
    client.call().await.expect("issued");
    clock.advance(Duration::from_secs(600));
    assert_eq!(hub.issue("a", one()).await.expect_err("ended").kind(), ErrorKind::Expired);
    assert_eq!(client.call().await.expect_err("ended").kind(), ErrorKind::Expired);
}

#[tokio::test]
async fn renaming_keeps_the_connector_and_frees_the_name() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    let id = register(&hub, "a", "renamed").await.document.id;
    assert_eq!(hub.rename("a", "b").await.expect("renamed").id, id);
    hub.issue("b", one()).await.expect("issued");
    assert_eq!(hub.get("a").await.expect_err("free").kind(), ErrorKind::NotFound);
    register(&hub, "a", "renamed").await;
    assert_eq!(hub.rename("a", "b").await.expect_err("taken").field_problems()[0].field, "name");
}
