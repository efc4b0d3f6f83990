//! Another person logs in through a connector: what was issued for the one before ends, wherever it lies.

use std::time::Duration;

use connector_core::{Clock, ErrorKind, Grant, VirtualClock};
use connector_store::{Digest, Lookup, audit, fast};
use connectors::hub::{Changes, Hub, Registration};
use serde_json::json;

use crate::acme::{Client, cloud, draft_with, hub, register};

fn at(name: &str) -> Grant {
    Grant::new("acme-box", name)
}

async fn issued(hub: &Hub, name: &str, id: &str) -> String {
    let envelope = hub.issue(name, at(id)).await.expect("issued").to_json();
    let json: serde_json::Value = serde_json::from_str(envelope.expose()).expect("JSON");
    json["secret"]["token"].as_str().expect("a token").to_owned()
}

/// Invariants 5 and 11: the sealed cache, the cells of this process and of another one, and the files that helpers are
/// answered from; the connectors that take their identity from this one are covered too.
#[tokio::test]
async fn c14_a_new_login_ends_what_the_one_before_was_given() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let (here, there) = (hub(home.path(), &clock).await, hub(home.path(), &clock).await);
    let cloud = cloud("persons");
    cloud.sit_down("alice-");
    register(&here, "a", "persons").await;
    let derived = draft_with("derived", json!({ "account": "derived-of-persons", "source": "a" }));
    here.register(derived, Registration::Verified).await.expect("stored");
    let target = Digest::of(["acme", "one"]);
    let look = || fast::lookup(home.path(), "a", &target, clock.now());
    here.tool("a", at("one"), "acme", &target).await.expect("issued");
    assert!(matches!(look(), Lookup::Hit(_)));
    for id in ["one", "two"] {
        assert!(issued(&here, "a", id).await.starts_with("alice-"));
    }
    let clients: [Client; 2] = [
        here.client("a", at("two")).await.expect("built"),
        there.client("a", at("two")).await.expect("built"),
    ];
    for client in &clients {
        assert!(client.call().await.expect("issued").starts_with("alice-"));
    }
    issued(&here, "derived", "one").await;
    let of_derived = crate::acme::cloud("derived-of-persons").logins();

    cloud.sit_down("bob-");
    here.verify("a", Grant::default()).await.expect("Bob is there");
    let document = here.get("a").await.expect("there");
    assert_eq!(document.version, 2, "one login is one new version");
    assert!(matches!(look(), Lookup::Miss), "no helper is answered with what Alice was given");
    clock.advance(Duration::from_secs(2));
    for client in &clients {
        assert!(client.call().await.expect("issued").starts_with("bob-"));
    }
    for hub in [&here, &there] {
        for id in ["one", "two"] {
            assert!(issued(hub, "a", id).await.starts_with("bob-"));
        }
    }
    issued(&there, "derived", "one").await;
    assert_eq!(crate::acme::cloud("derived-of-persons").logins(), of_derived + 1, "it was Alice's");
    here.tool("a", at("one"), "acme", &target).await.expect("issued");
    let Lookup::Hit(entry) = look() else { panic!("the fast path answers again") };
    assert!(entry.body.expose().starts_with("bob-"));
    // What renews by itself is no new login.
    let logins = audit::Filter { action: Some(audit::Action::Login), ..audit::Filter::default() };
    let logins = here.store().audit_list(&logins, 10).await.expect("readable");
    let [login] = logins.as_slice() else { panic!("one login, not {}", logins.len()) };
    assert_eq!((login.connector.as_deref(), login.version, &*login.caller), (Some("a"), Some(2), "ann"));
    assert_eq!(here.get("a").await.expect("there").version, 2);
}

/// A credential that is renewed early, and whose login is over just then, is not answered with the old one.
#[tokio::test]
async fn c14_a_login_in_the_middle_of_issuing_answers_with_the_new_person() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    let cloud = cloud("middle");
    cloud.sit_down("alice-");
    register(&hub, "a", "middle").await;
    let client: Client = hub.client("a", at("one")).await.expect("built");
    client.call().await.expect("issued");
    issued(&hub, "a", "one").await;
    clock.advance(Duration::from_secs(3500));
    cloud.sit_down("bob-");
    assert!(client.call().await.expect("issued").starts_with("bob-"));
    assert!(issued(&hub, "a", "one").await.starts_with("bob-"));

    // Bob logs in, and then nothing more comes: what Alice was given is good for a while, and not for him.
    clock.advance(Duration::from_secs(3500));
    cloud.sit_down("carol-");
    cloud.refuse(true);
    for error in [hub.issue("a", at("one")).await.map(drop), client.call().await.map(drop)] {
        assert_eq!(error.expect_err("the cloud refuses").kind(), ErrorKind::Refused);
    }
}

/// A login that is made while a draft is verified is the draft's: stored together with it, or dropped with it.
#[tokio::test]
async fn a_login_for_a_draft_goes_with_the_draft() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    let cloud = cloud("drafted");
    cloud.sit_down("alice-");
    let id = register(&hub, "a", "drafted").await.document.id;
    let kept = async || hub.store().kept(&id, "login").await.expect("readable").expect("a login");
    assert!(issued(&hub, "a", "one").await.starts_with("alice-"));

    cloud.sit_down("bob-");
    cloud.refuse(true);
    let mut key = Changes::default();
    key.config.insert("key".into(), Some(json!("other")));
    hub.update("a", key.clone(), true, false).await.expect_err("refused");
    assert!(kept().await.expose().starts_with("alice-"), "a change that is refused takes no login away");
    assert_eq!(hub.get("a").await.expect("there").version, 1);

    cloud.refuse(false);
    let (document, ..) = hub.update("a", Changes::default(), true, false).await.expect("Bob is there");
    assert_eq!(document.version, 2, "nothing was changed but who is logged in");
    assert!(kept().await.expose().starts_with("bob-"));
    assert!(issued(&hub, "a", "one").await.starts_with("bob-"));
    cloud.sit_down("carol-");
    let (document, ..) = hub.update("a", key, true, false).await.expect("Carol is there");
    assert_eq!(document.version, 3, "one change is one new version");
    assert!(issued(&hub, "a", "one").await.starts_with("carol-"));
}
