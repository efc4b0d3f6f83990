//! Bad input: all faults, by field, before anything is parsed or called, and no value in any of them.

use connector_core::{Document, ErrorKind, Result};
use serde_json::{Value, json};

use crate::acme::{CANARY, World, json, shown};

fn role(change: Value) -> Document {
    let mut config = json(json!({"region": "moon-1", "key_secret": "{{.key}}", "role": "reader"}));
    config.extend(json(change));
    Document::draft("it", "acme", "role", config)
}

/// The faults of a document, and that nothing was called and nothing shows.
fn faults(document: &Document) -> Vec<String> {
    let world = World::default();
    let Err(error) = world.registry.check(document, &world.cx) else { return Vec::new() };
    shown(&error);
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(world.cloud.calls(), [""; 0]);
    error.field_problems().iter().map(ToString::to_string).collect()
}

#[test]
fn s10_each_fault_is_named_and_no_value_is_quoted() {
    for (change, fault) in [
        (json!({"key_secrets": CANARY}), "key_secrets: unknown key; did you mean `key_secret`?"),
        (json!({"region": CANARY}), "region: expected a region such as moon-1"),
        (json!({"region": format!("{CANARY}{CANARY}{CANARY}")}), "region: expected 16 characters or less"),
        (json!({"key_secret": [CANARY]}), "key_secret: expected string, got array"),
        (json!({"key_secret": {"value": CANARY}}), "key_secret: expected string, got object"),
        (json!({"tries": CANARY}), "tries: expected integer, got string"),
        (json!({"mode": CANARY}), "mode: expected one of: quick, thorough"),
        (json!({"role": {"name": CANARY}}), "role: expected string or array of string, got object"),
        (json!({"role": ["reader", {"name": CANARY}]}), "role[1]: expected string, got object"),
        (json!({"tags": {"team": [CANARY]}}), "tags.team: expected string, got array"),
        (
            json!({"source": format!("{{{{{CANARY}.name}}}}")}),
            "source: expected the name of a connector, got a reference",
        ),
    ] {
        assert_eq!(faults(&role(change)), [fault]);
    }
}

#[test]
fn s10_a_missing_key_is_named() {
    let mut document = role(json!({}));
    document.config.remove("region");
    document.config.remove("role");
    assert_eq!(faults(&document), ["region: missing, and required", "role: missing, and required"]);
}

#[test]
fn all_faults_of_a_document_are_reported_together() {
    let mut document = role(json!({"regio": "x", "tries": "many"}));
    document.name = "Not A Name".into();
    document.duration = Some(std::time::Duration::from_secs(600));
    document.resource_type = Some("bucket".into());
    document.resource_id = Some("data".into());
    let faults = faults(&document);
    let fields: Vec<_> = faults.iter().filter_map(|it| it.split(':').next()).collect();
    assert_eq!(fields, ["name", "duration", "resource_id", "regio", "tries"]);
}

#[test]
fn s17_a_resource_id_is_checked_with_its_type() {
    for (resource_type, id, fault) in [
        (None, Some("acme://data"), "resource_id: an id without a resource type"),
        (
            Some("table"),
            None,
            "resource_type: `acme` has no resource type `table`; possible: bucket database",
        ),
        (Some("bucket"), Some("data"), "resource_id: no bucket: expected acme://NAME or NAME*"),
    ] {
        let mut document = role(json!({}));
        document.resource_type = resource_type.map(Into::into);
        document.resource_id = id.map(Into::into);
        assert_eq!(faults(&document), [fault]);
    }
    let config = json(json!({"token": "{{.token}}", "expires_at": "2027-01-01T00:00:00Z"}));
    let mut passed = Document::draft("it", "acme", "passed", config);
    passed.resource_type = Some("bucket".into());
    assert_eq!(
        faults(&passed),
        ["resource_type: method `passed` does not work for `bucket`: its tokens do not reach buckets"]
    );
}

#[test]
fn s75_a_stored_document_is_checked_without_its_secrets() {
    assert_eq!(faults(&role(json!({"key_secret": "{{other.key}}"}))), [""; 0]);
}

#[test]
fn s31_a_secret_is_not_referred_to_where_it_would_be_shown() {
    let fault = "refers to a stored secret, and is not kept secret itself";
    for (change, field) in [
        (json!({"region": "{{other.key}}"}), "region"),
        (json!({"role": ["reader", "{{.key}}"]}), "role[1]"),
        (json!({"tags": {"team": "{{other.key}}"}}), "tags.team"),
    ] {
        assert_eq!(faults(&role(change)), [format!("{field}: {fault}")]);
    }
}

#[test]
fn what_a_reference_brings_is_checked_when_it_is_resolved() {
    let world = World::default();
    let document = role(json!({"region": "{{other.region}}", "mode": "{{other.mode}}"}));
    let error = world.open(&document).expect_err("no region looks like that");
    let faults: Vec<_> = error.field_problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        ["mode: expected one of: quick, thorough", "region: expected a region such as moon-1"]
    );
    shown(&error);
}

#[test]
fn rules_across_fields_follow_when_each_field_is_right() {
    let mut document = role(json!({}));
    document.config.remove("key_secret");
    assert_eq!(faults(&document), [""; 0]);
    let world = World::default();
    let error = world.open(&document).expect_err("neither key nor source");
    assert_eq!(shown(&error).lines().next(), Some("the config does not fit method `role`"));
    assert_eq!(error.field_problems()[0].to_string(), "key_secret: missing: give a key or a source");
}

#[test]
fn s10_rules_across_fields_are_told_beside_a_key_that_nobody_knows() {
    let mut document = role(json!({"nonsense": 1}));
    document.config.remove("key_secret");
    let faults = faults(&document);
    let fields: Vec<_> = faults.iter().filter_map(|it| it.split(':').next()).collect();
    assert_eq!(fields, ["nonsense", "key_secret"]);
}

#[test]
fn s21_bounds_that_the_config_tightens_are_checked_when_it_is_opened() {
    let world = World::default();
    let mut document = role(json!({"role": ["first", "second"]}));
    document.duration = Some(std::time::Duration::from_secs(7200));
    assert_eq!(faults(&document), [""; 0]);
    let error = world.open(&document).expect_err("a chain lasts for an hour at most");
    assert_eq!(
        error.field_problems()[0].to_string(),
        "duration: 2h is out of bounds: method `role` issues for 15m to 1h"
    );
}

#[test]
fn s40_an_implicit_method_is_refused_and_the_switch_is_named() -> Result<()> {
    let world = World::default();
    let document = Document::draft("it", "acme", "ambient", json(json!({})));
    let error = world.registry.check(&document, &world.cx).expect_err("the switch is off");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|hint| hint.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true")));
    world.registry.check(&document, &world.cx.with_implicit(true))
}

#[test]
fn c28_oversized_input_ends_with_an_error_and_no_panic() {
    let world = World::default();
    for change in [
        json!({"region": "a".repeat(65_536)}),
        json!({"role": vec!["r"; 16_384], "tries": u64::MAX}),
        json!({"tags": {"a".repeat(65_536): 1}}),
        json!({"a".repeat(65_536): CANARY}),
    ] {
        let document = role(change);
        let _ = faults(&document);
        if let Err(error) = world.open(&document) {
            shown(&error);
        }
    }
}
