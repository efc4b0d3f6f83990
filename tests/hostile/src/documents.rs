//! Documents: their JSON, the check against the schema, references to secrets, the config's own type.

use connector_core::{Context, Document, Grant, SecretRef, VirtualClock, resolve_secrets};
use serde_json::Value;

use crate::{CANARY, judge, registry, text};

/// Any JSON as a document, and as a grant.
pub fn documents(input: &[u8]) {
    let Some(text) = text(input) else { return };
    if let Ok(grant) = serde_json::from_str::<Grant>(text) {
        let json = serde_json::to_string(&grant).expect("a grant is JSON");
        assert_eq!(serde_json::from_str::<Grant>(&json).ok(), Some(grant));
    }
    let Ok(document) = serde_json::from_str::<Document>(text) else { return };
    let json = serde_json::to_string(&document).expect("a document is JSON");
    let again = serde_json::from_str::<Document>(&json).expect("what was written reads");
    assert_eq!(serde_json::to_string(&again).ok().as_ref(), Some(&json));
    check(&document);
    // The same, with every value of the config a secret.
    let mut spoiled = document;
    spoiled.config.values_mut().for_each(plant);
    let (errors, _) = check(&spoiled);
    if !keys(&Value::Object(spoiled.config.clone())).contains(CANARY) {
        errors.iter().for_each(judge);
    }
}

/// Everything that a host does with a document before any call.
fn check(document: &Document) -> (Vec<connector_core::Error>, usize) {
    let cx = Context::detached(VirtualClock::default()).with_implicit(true);
    let registry = registry();
    let mut errors = Vec::new();
    errors.extend(registry.check(document, &cx).err());
    errors.extend(registry.references(document).err());
    // May name the profile that it looked for, which is no secret.
    let _ = registry.identity(document, &cx);
    let known = |_: &SecretRef| Some(CANARY.to_owned());
    errors.extend(resolve_secrets(&document.config, &mut |_| None).err());
    match resolve_secrets(&document.config, &mut { known }) {
        Ok(config) => errors.extend(registry.open(document, config).err()),
        Err(error) => errors.push(error),
    }
    let mut config = document.config.clone();
    let split = registry.split_secrets(&document.connector_type, &document.method, &mut config);
    // Once the secrets are out, there are none left to take out.
    let rest = registry.split_secrets(&document.connector_type, &document.method, &mut config);
    if let (Ok(split), Ok(rest)) = (&split, rest) {
        assert!(rest.is_empty(), "secrets are left after {} were taken out", split.len());
    }
    let count = split.map(|it| it.len()).unwrap_or_default();
    (errors, count)
}

fn plant(value: &mut Value) {
    match value {
        Value::String(text) => *text = CANARY.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(plant),
        Value::Object(map) => map.values_mut().for_each(plant),
        _ => {}
    }
}

/// Keys are no secrets: an unknown one is named.
fn keys(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(keys).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| format!("{key}\n{}", keys(value))).collect(),
        _ => String::new(),
    }
}
