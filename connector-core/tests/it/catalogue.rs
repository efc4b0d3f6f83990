//! The catalogue as data: text, JSON and reference pages are all made from this.

use connector_core::{ConnectorType, Field, Result};
use serde_json::{Value, json};

use crate::acme::{Acme, World};

#[test]
fn s7_every_field_of_a_schema_is_an_attribute_with_the_same_marks() -> Result<()> {
    let registry = World::default().registry;
    for overview in registry.overview() {
        for method in overview.auth_methods {
            let schema = registry.schema(overview.id, method)?;
            let schema = schema.as_value();
            let entry = registry.describe_method(overview.id, method)?;
            let properties = schema["properties"].as_object().expect("a config is an object");
            let names: Vec<_> = entry.attributes.iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names.len(), properties.len(), "{method}");
            for attribute in &entry.attributes {
                let property = &properties[&attribute.name];
                let required =
                    schema["required"].as_array().is_some_and(|it| it.contains(&json!(attribute.name)));
                assert_eq!(attribute.required, required, "{method} {}", attribute.name);
                assert_eq!(attribute.secret, property["x-secret"] == true, "{method} {}", attribute.name);
                assert_eq!(attribute.secret, property["writeOnly"] == true, "{method} {}", attribute.name);
                assert_eq!(attribute.connector.as_deref(), property["x-connector"].as_str(), "{method}");
                assert!(!attribute.description.is_empty(), "{method} {}", attribute.name);
            }
        }
    }
    Ok(())
}

#[test]
fn s6_attributes_say_kind_secrecy_and_need() -> Result<()> {
    let registry = World::default().registry;
    let shown = |it: &Field| {
        let mut marks = vec![it.kind.clone()];
        marks.extend(it.secret.then(|| "secret".into()));
        marks.extend(it.connector.as_ref().map(|of| format!("a connector of {of}")));
        marks.push(if it.required { "required" } else { "optional" }.into());
        format!("{} {{{}}}: {}", it.name, marks.join(", "), it.description)
    };
    assert_eq!(
        registry.fields("acme", "role")?.iter().map(shown).collect::<Vec<_>>(),
        [
            "region {string, required}: Where to work.",
            "role {string or array of string, required}: The role, or the roles on the way to it.",
            "endpoint {string, optional}: Another endpoint.",
            "key_id {string, secret, optional}: The key's id.",
            "key_secret {string, secret, optional}: The key.",
            "mfa_serial {string, optional}: The device that shows codes.",
            "mode {string, optional}: How thorough to be.",
            "source {string, a connector of acme, optional}: The connector whose session takes the role, in place of a key.",
            "tags {object, optional}: Labels for the session.",
            "tries {integer, optional}: How many times to try.",
        ]
    );
    Ok(())
}

#[test]
fn s8_the_json_and_the_data_behind_the_text_are_one() -> Result<()> {
    let registry = World::default().registry;
    let catalogue = serde_json::to_value(registry.catalogue()).expect("it is plain data");
    let acme = serde_json::to_value(registry.describe("acme")?).expect("it is plain data");
    assert_eq!(catalogue, json!({ "connector_types": [acme] }));
    for (list, key, one) in [
        ("auth_methods", "login", serde_json::to_value(registry.describe_method("acme", "login")?)),
        ("resource_types", "bucket", serde_json::to_value(registry.describe_resource("acme", "bucket")?)),
    ] {
        let one = one.expect("it is plain data");
        let rows = acme[list].as_array().expect("a list");
        assert!(rows.contains(&one), "{key}");
    }
    Ok(())
}

#[test]
fn s4_s5_s6_an_entry_says_what_its_author_said() -> Result<()> {
    let registry = World::default().registry;
    let acme = registry.describe("acme")?;
    assert_eq!(
        (acme.name.as_str(), acme.auto_configures, acme.available.local),
        (Acme::ABOUT.name, false, true)
    );
    let bucket =
        serde_json::to_value(registry.describe_resource("acme", "bucket")?).expect("it is plain data");
    assert_eq!(bucket["auth_methods"], json!(["ambient", "key", "login", "role"]));
    assert_eq!(bucket["without"], json!([["passed", "its tokens do not reach buckets"]]));
    assert_eq!(bucket["permissions"]["write"], json!(["get", "put"]));
    assert_eq!((&bucket["instances"], &bucket["credential"]), (&json!(true), &json!("acme-keys")));
    let login = serde_json::to_value(registry.describe_method("acme", "login")?).expect("it is plain data");
    let lifetime =
        json!({"min": 900, "default": 43_200, "max": 129_600, "note": "one hour for the first user"});
    assert_eq!(login["lifetime"], lifetime);
    assert_eq!(login["warning"], "carries all that the user may do");
    assert_eq!((&login["identity"], &login["life"]), (&json!("user"), &json!("long-lived")));
    assert_eq!(login["narrows"], Value::Null);
    Ok(())
}

#[test]
fn s1_an_overview_needs_no_schema() {
    let rows: Vec<_> = World::default().registry.overview().collect();
    let rows = serde_json::to_value(rows).expect("it is plain data");
    let row = json!({
        "type": "acme", "name": "Acme", "resource_types": ["bucket", "database"],
        "auth_methods": ["ambient", "key", "login", "passed", "role"],
        "available": {"local": true, "remote": true},
    });
    assert_eq!(rows, json!([row]));
}
