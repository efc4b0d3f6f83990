//! A connector as it is shown: its secrets hidden.

use std::time::{Duration, SystemTime};

use connector_core::{Document, Registry, SecretRef, Visibility, format_duration, format_time};
use serde_json::{Map, Value, json};

use super::text::expires_in;
use super::{Cell, Output, Table};

/// What stands for a secret.
const HIDDEN: &str = "[HIDDEN]";

/// A connector for programs: its document, with secrets hidden and what follows from it added.
pub(crate) fn document_value(document: &Document, registry: &Registry, now: SystemTime) -> Value {
    let mut value = serde_json::to_value(document).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("config".into(), Value::Object(hidden(&document.config)));
        map.insert("state".into(), state(document, now).into());
        if document.version == 0 {
            // Not stored: what the store gives is not there yet.
            for key in ["id", "created", "updated"] {
                map.insert(key.into(), Value::Null);
            }
        }
        map.insert("resource_types".into(), resource_types(document, registry).into());
        map.insert(
            "session_duration".into(),
            json!(session_duration(document, registry).map(|it| it.as_secs())),
        );
        let left = document.expires_at.map(|end| end.duration_since(now).unwrap_or_default().as_secs());
        map.insert("expires_in".into(), json!(left));
    }
    value
}

/// A connector for people: its properties, and its config below.
pub(crate) fn document_table(
    document: &Document,
    registry: &Registry,
    now: SystemTime,
    output: &Output,
) -> String {
    let shared = if document.visibility == Visibility::Shared { "shared" } else { "private" };
    let list = |items: Vec<String>| if items.is_empty() { Cell::from("-") } else { items.into() };
    let time = |time: SystemTime| {
        if time == SystemTime::UNIX_EPOCH { "-".to_owned() } else { format_time(time) }
    };
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let duration = match (document.duration, session_duration(document, registry)) {
        (Some(own), _) => format_duration(own),
        (None, Some(default)) => format!("{} (the method's default)", format_duration(default)),
        (None, None) => "-".to_owned(),
    };
    let expires = match document.expires_at {
        Some(end) => format!("{} ({})", expires_in(Some(end), now), format_time(end)),
        None => "never".to_owned(),
    };
    let mut table = Table::properties();
    table
        .property("ID", or_dash(&document.id))
        .property("NAME", document.name.as_str())
        .property("TYPE", document.connector_type.as_str())
        .property("AUTH METHOD", document.method.as_str())
        .property("RESOURCE TYPES", list(resource_types(document, registry)))
        .property("RESOURCE NAME", resource_name(document, registry))
        .property("SECRET ID", document.secret_id.as_deref().unwrap_or("-"))
        .property("SESSION DURATION", duration)
        .property("EXPIRES IN", expires)
        .property("ALLOWS", list(document.allow.iter().map(ToString::to_string).collect()))
        .property("LABELS", list(labels(document)))
        .property("DESCRIPTION", document.description.as_deref().unwrap_or("-"))
        .property("OWNER", or_dash(&document.owner))
        .property("WORKSPACE", document.workspace.as_str())
        .property("SHARED", shared)
        .property("STATE", state(document, now))
        .property("VERSION", document.version.to_string())
        .property("CREATED", time(document.created))
        .property("UPDATED", time(document.updated));
    let mut text = table.render(output);
    if !document.config.is_empty() {
        let mut config = Table::new(["CONFIG", "VALUE"]);
        for (key, value) in hidden(&document.config) {
            config.property(&key, plain(&value));
        }
        text.push_str("\n\n");
        text.push_str(&config.render(output));
    }
    text
}

/// `enabled`, `disabled`, or `expired` when its end date is past.
pub(crate) fn state(document: &Document, now: SystemTime) -> &'static str {
    match document.expires_at {
        _ if !document.enabled => "disabled",
        Some(end) if end <= now => "expired",
        _ => "enabled",
    }
}

/// The one resource, or `<multiple>`; `-` where there can be one only, and the config says which.
pub(crate) fn resource_name(document: &Document, registry: &Registry) -> String {
    match &document.resource_id {
        Some(id) if document.partial => format!("{id} (not completed yet)"),
        Some(id) => id.clone(),
        None if registry.is_single(&document.connector_type).unwrap_or(false) => "-".to_owned(),
        None => "<multiple>".to_owned(),
    }
}

/// The resource types that a connector serves.
pub(crate) fn resource_types(document: &Document, registry: &Registry) -> Vec<String> {
    if let Some(one) = &document.resource_type {
        return vec![one.clone()];
    }
    // A type that is not compiled in has none here.
    let all = registry.resource_types(&document.connector_type).unwrap_or_default();
    all.into_iter().filter(|it| registry.supports(document, it).is_ok()).map(str::to_owned).collect()
}

/// Labels as `key=value`.
pub(crate) fn labels(document: &Document) -> Vec<String> {
    document.labels.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// The life of what the connector issues: its own, else its method's default.
fn session_duration(document: &Document, registry: &Registry) -> Option<Duration> {
    document.duration.or_else(|| {
        let method = registry.describe_method(&document.connector_type, &document.method).ok()?;
        method.lifetime.map(|it| Duration::from_secs(it.default))
    })
}

/// A config in which the connector's own secrets are hidden. What refers to another connector's secret
/// says whose it is, and holds none.
fn hidden(config: &Map<String, Value>) -> Map<String, Value> {
    let mut config = config.clone();
    config.values_mut().for_each(hide);
    config
}

fn hide(value: &mut Value) {
    match value {
        Value::String(text) if SecretRef::parse(text).is_some_and(|it| it.connector.is_none()) => {
            *text = HIDDEN.to_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(map) => map.values_mut().for_each(hide),
        _ => {}
    }
}

/// A value of a config on one line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s25_own_secrets_are_hidden_wherever_they_stand() {
        let config =
            json!({"a": "{{.key}}", "b": ["{{.x}}", "plain"], "c": {"d": "{{.y}}"}, "e": "{{other.key}}"});
        let shown = Value::Object(hidden(config.as_object().expect("an object")));
        assert_eq!(
            shown,
            json!({"a": HIDDEN, "b": [HIDDEN, "plain"], "c": {"d": HIDDEN}, "e": "{{other.key}}"})
        );
    }
}
