//! Registering, verifying, listing.

use std::sync::Arc;

use connector_core::{ErrorKind, Grant, VirtualClock};
use connector_store::Filter;
use connectors::hub::{Registration, Requirement};
use serde_json::json;
use tokio::sync::Barrier;

use crate::acme::{KEY, cloud, draft, draft_with, hub, register};

#[tokio::test]
async fn s10_all_faults_are_told_together_and_nothing_is_stored() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    let mut wrong = draft_with("Bad Name", json!({ "acount": "x", "key": 7 }));
    wrong.document.duration = Some(std::time::Duration::from_secs(1));
    let error = hub.register(wrong, Registration::Verified).await.expect_err("everything is wrong");
    let fields: Vec<&str> = error.field_problems().iter().map(|it| it.field.as_str()).collect();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    for field in ["name", "duration", "acount", "account", "key"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
    assert!(hub.list(&Filter::default()).await.expect("a list").is_empty());
}

#[tokio::test]
async fn s15_s20_registering_authenticates_lists_and_then_stores() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    let registered = register(&hub, "a", "s15").await;
    let ids = &registered.reached[0].listing.as_ref().expect("a list").ids;
    assert_eq!(ids, &["box:one", "box:two"]);
    assert_eq!(hub.get("a").await.expect("stored").version, 1);

    cloud("s15").refuse(true);
    let error = hub.register(draft("b", "s15"), Registration::Verified).await.expect_err("the cloud refuses");
    assert_eq!((error.kind(), error.connector()), (ErrorKind::Refused, Some("b")));
    assert!(error.to_string().contains("acme:LogIn"), "the failing call is named: {error}");
    assert_eq!(hub.get("b").await.expect_err("not stored").kind(), ErrorKind::NotFound);
    hub.register(draft("b", "s15"), Registration::Unverified).await.expect("nothing is called");
}

#[tokio::test]
async fn a_dry_run_shows_the_document_and_stores_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    let mut draft = draft("a", "dry");
    draft.document.resource_type = Some("acme-box".into());
    draft.document.resource_id = Some("one".into());
    let registered = hub.register(draft, Registration::DryRun).await.expect("it would work");
    assert_eq!(registered.document.resource_id.as_deref(), Some("box:one"), "canonical");
    assert_eq!(registered.document.config["key"], "{{.key}}", "a reference in place of the secret");
    assert!(!format!("{registered:?}").contains(KEY));
    assert!(hub.list(&Filter::default()).await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_taken_name_and_a_part_of_a_resource_are_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    register(&hub, "a", "taken").await;
    let before = cloud("taken").logins();
    let error = hub.register(draft("a", "taken"), Registration::Verified).await.expect_err("taken");
    assert_eq!(error.field_problems()[0].field, "name");
    assert_eq!(cloud("taken").logins(), before, "refused before any call");

    let mut part = draft("b", "taken");
    part.document.resource_type = Some("acme-box".into());
    part.document.resource_id = Some("box:one/drawer".into());
    let error = hub.register(part, Registration::Verified).await.expect_err("a part is no connector's");
    assert_eq!(error.field_problems()[0].field, "resource_id");
}

#[tokio::test]
async fn what_a_method_keeps_while_registering_belongs_to_the_stored_connector() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    let document = register(&hub, "a", "kept").await.document;
    let kept = hub.store().kept(&document.id, "login").await.expect("readable");
    assert!(kept.expect("kept").expose().starts_with("kept-canary-5d1f"));
}

#[tokio::test]
async fn what_a_source_keeps_stays_with_the_source() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    let base = draft_with("base", json!({ "account": "kept-base", "key": KEY }));
    let base = hub.register(base, Registration::Unverified).await.expect("stored").document;
    let derived = draft_with("derived", json!({ "account": "kept-derived", "source": "base" }));
    hub.register(derived, Registration::Verified).await.expect("both authenticate");
    let kept = hub.store().kept(&base.id, "login").await.expect("readable");
    assert!(kept.is_some(), "authenticating for the draft, the source kept its own");
}

#[tokio::test]
async fn s77_secrets_of_another_connector_are_used_by_reference() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    register(&hub, "holder", "refs").await;
    let by_field = draft_with("by-field", json!({ "account": "refs", "key": "{{holder.key}}" }));
    hub.register(by_field, Registration::Verified).await.expect("it resolves");
    let whole = draft_with("whole", json!({ "account": "refs", "authentication_secret": "holder" }));
    let whole = hub.register(whole, Registration::Verified).await.expect("it resolves");
    assert_eq!(whole.document.config["key"], "{{holder.key}}");
    assert_eq!(whole.document.secret_id, None, "it has no secret of its own");

    let missing = draft_with("missing", json!({ "account": "refs", "key": "{{holder.nothing}}" }));
    let error = hub.register(missing, Registration::Verified).await.expect_err("no such field");
    assert_eq!(error.field_problems()[0].field, "key");
    let nobody = draft_with("nobody", json!({ "account": "refs", "authentication_secret": "nobody" }));
    assert!(hub.register(nobody, Registration::Verified).await.is_err());
}

#[tokio::test]
async fn connectors_that_need_each_other_are_refused_when_written() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    register(&hub, "a", "cycle").await;
    let b = draft_with("b", json!({ "account": "cycle", "source": "a" }));
    hub.register(b, Registration::Verified).await.expect("a chain is fine");
    let mut changes = connectors::hub::Changes::default();
    changes.config.insert("source".into(), Some(json!("b")));
    let error = hub.update("a", changes, true, false).await.expect_err("a ring is not");
    assert!(error.message().contains("each need the other"), "{error}");
    let nobody = draft_with("c", json!({ "account": "cycle", "source": "nobody" }));
    let error = hub.register(nobody, Registration::Verified).await.expect_err("nobody there");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn s27_many_connectors_are_asked_side_by_side() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    for index in 0..8 {
        hub.register(draft(&format!("c{index}"), "side"), Registration::Unverified).await.expect("stored");
    }
    // Nobody gets through before all eight are there: one after the other would wait for ever.
    *cloud("side").barrier.lock().expect("not poisoned") = Some(Arc::new(Barrier::new(8)));
    let verified = hub.verify_all().await.expect("verified");
    assert_eq!(verified.iter().filter(|(_, result)| result.is_ok()).count(), 8);
    let listed = hub.list_resources(Some("acme-box"), None, None).await.expect("listed");
    assert_eq!(listed.len(), 8);
}

#[tokio::test]
async fn s28_s29_s30_consumers_find_and_link_what_fits() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    register(&hub, "a", "fits").await;
    let fitting = hub.fitting(&Requirement::new("acme-box").with_id("one")).await.expect("asked");
    assert_eq!(fitting[0].connector, "a");
    assert!(hub.fitting(&Requirement::new("s3-bucket")).await.expect("asked").is_empty());
    let one = hub.link("a", &Requirement::new("acme-box").with_id("one")).await.expect("reached");
    let two = hub.link("a", &Requirement::new("acme-box").with_id("two")).await.expect("reached");
    assert_eq!((one.resource_id.as_deref(), two.resource_id.as_deref()), (Some("box:one"), Some("box:two")));
    let error = hub.link("a", &Requirement::new("acme-box").with_id("three")).await.expect_err("not reached");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let other = Requirement::new("acme-box").with_connector_type("aws");
    assert_eq!(hub.link("a", &other).await.expect_err("another type").kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn s16_verifying_stays_within_what_the_connector_is_for() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    let mut boxes = draft("boxes", "scope");
    boxes.document.resource_type = Some("acme-box".into());
    hub.register(boxes, Registration::Verified).await.expect("stored");
    let error = hub.verify("boxes", Grant::of_type("acme-shelf")).await.expect_err("it is for boxes");
    assert_eq!(
        error.field_problems()[0].to_string(),
        "resource_type: connector `boxes` serves `acme-box` only"
    );
    hub.verify("boxes", Grant::of_type("acme-box")).await.expect("its own");
}

#[tokio::test]
async fn s16_grants_have_to_agree_with_what_the_connector_fixes() {
    let home = tempfile::tempdir().expect("a directory");
    let hub = hub(home.path(), &VirtualClock::default()).await;
    let mut single = draft("single", "fixed");
    single.document.resource_type = Some("acme-box".into());
    single.document.resource_id = Some("one".into());
    hub.register(single, Registration::Verified).await.expect("reached");
    assert!(hub.issue("single", Grant::default()).await.is_ok(), "type and id are the connector's");
    assert!(hub.issue("single", Grant::from("box:one")).await.is_ok());
    let error = hub.issue("single", Grant::from("box:two")).await.expect_err("another box");
    assert_eq!((error.kind(), error.connector()), (ErrorKind::InvalidInput, Some("single")));
}
