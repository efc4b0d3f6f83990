//! Stored documents: what they refer to, and that they hold no secret.

use std::time::Duration;

use connector_core::{Allow, Document, Registry, Result, Visibility, parse_time};
use serde_json::json;

use crate::acme::{CANARY, World, assert_clean, json};

fn registry() -> Registry {
    World::default().registry
}

#[test]
fn references_are_found_by_the_mark_and_by_their_form() -> Result<()> {
    let config = json!({
        "region": "{{places.region}}", "key_secret": "{{.key_secret}}", "source": "base",
        "role": ["{{roles.first}}"], "tags": {"team": "{{my.labels.team}}", "source": "not-a-connector"},
    });
    let document = Document::draft("it", "acme", "role", json(config));
    assert_eq!(registry().references(&document)?, ["base", "my.labels", "places", "roles"]);
    Ok(())
}

#[test]
fn s75_secrets_are_taken_out_and_references_stay() -> Result<()> {
    let mut config = json(json!({
        "region": "moon-1", "key_id": format!("id-{CANARY}"), "key_secret": "{{vault.key}}", "role": "reader",
    }));
    let secrets = registry().split_secrets("acme", "role", &mut config)?;
    assert_eq!(secrets.keys().collect::<Vec<_>>(), ["key_id"]);
    assert_eq!(secrets["key_id"].expose(), format!("id-{CANARY}"));
    assert_eq!((&config["key_id"], &config["key_secret"]), (&json!("{{.key_id}}"), &json!("{{vault.key}}")));
    assert_clean(&json!(config).to_string());
    assert!(registry().split_secrets("acme", "role", &mut config)?.is_empty());
    Ok(())
}

#[test]
fn a_draft_that_still_holds_secrets_does_not_show_them() {
    let draft = Document::draft("it", "acme", "key", json(json!({"key": CANARY})));
    let text = format!("{draft:?} {draft:#?}");
    assert!(text.contains("\"key\""));
    assert_clean(&text);
}

#[test]
fn a_document_survives_json_and_refuses_what_it_does_not_know() -> Result<()> {
    let mut document = Document::draft("it", "acme", "key", json(json!({"key": "{{.key}}"})));
    document.id = "0193".into();
    document.resource_type = Some("bucket".into());
    document.resource_id = Some("acme://data".into());
    document.duration = Some(Duration::from_secs(900));
    document.expires_at = Some(parse_time("2027-01-01T00:00:00Z")?);
    document.allow = Allow::ALL.into();
    document.labels.insert("team".into(), "ours".into());
    document.visibility = Visibility::Shared;
    document.enabled = false;
    document.version = 3;
    document.updated = parse_time("2026-01-01T00:00:00Z")?;
    let mut value = serde_json::to_value(&document).expect("it is plain data");
    assert_eq!((&value["duration"], &value["allow"]), (&json!(900), &json!(["long-lived", "admin", "exec"])));
    assert_eq!(serde_json::from_value::<Document>(value.clone()).ok(), Some(document));
    value["colour"] = json!("red");
    assert!(serde_json::from_value::<Document>(value).is_err());
    Ok(())
}

#[test]
fn a_draft_by_hand_needs_only_name_type_and_method() {
    let value = json!({"name": "it", "type": "acme", "method": "ambient"});
    let document: Document = serde_json::from_value(value).expect("the rest has defaults");
    assert_eq!(document, Document::draft("it", "acme", "ambient", json(json!({}))));
    assert!(
        document.enabled && document.visibility == Visibility::Private && document.workspace == "default"
    );
}
