//! The JSON Schemas of configs.

use std::collections::BTreeSet;

use connector_core::{Registry, SECRET_MARK};
use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::report::Findings;
use crate::rule::Rule;

pub(super) fn check(registry: &Registry, findings: &mut Findings) {
    for entry in registry.catalogue().connector_types {
        for method in &entry.auth_methods {
            let place = format!("method {}/{}", entry.id, method.id);
            let Ok(schema) = registry.schema(&entry.id, &method.id) else { continue };
            let mut walk = Walk { root: schema.as_value(), place: &place, findings };
            walk.whole();
            for field in &method.attributes {
                let place = format!("{place}, field `{}`", field.name);
                findings.require(field.kind != "any", Rule::SCHEMA_IS_COMPLETE, &place, || {
                    "no type, so that every value fits".to_owned()
                });
                let hides = field.secret || field.connector.is_some() || !field.kind.contains("string");
                findings.require(
                    hides || !sounds_secret(&field.name),
                    Rule::SECRETS_ARE_MARKED,
                    &place,
                    || "its name says that it holds a secret, and it is not marked as one".to_owned(),
                );
            }
        }
    }
}

/// Whether a field of this name is likely to hold a secret.
fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let last = name.rsplit('_').next().unwrap_or_default();
    matches!(
        last,
        "password" | "passwd" | "passphrase" | "passcode" | "secret" | "token" | "pat" | "pin" | "jwt"
    ) || matches!(&*name, "key" | "apikey")
        || ["api_key", "private_key", "secret_key", "access_key", "signing_key", "connection_string"]
            .iter()
            .any(|it| name.ends_with(it))
}

struct Walk<'a> {
    root: &'a Value,
    place: &'a str,
    findings: &'a mut Findings,
}

/// What the value of a keyword has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Any,
    Text,
    Truth,
    Count,
    Number,
    Names,
    List,
    Types,
    Schema,
    Schemas,
    NamedSchemas,
    Pattern,
    Reference,
}

/// The keywords of draft 2020-12, and what their values are.
fn form_of(keyword: &str) -> Option<Form> {
    Some(match keyword {
        "const" | "default" => Form::Any,
        "$schema" | "$id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$comment" | "title"
        | "description" | "format" | "contentEncoding" | "contentMediaType" => Form::Text,
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => Form::Truth,
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        | "minContains" | "maxContains" => Form::Count,
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => Form::Number,
        "required" => Form::Names,
        "enum" | "examples" => Form::List,
        "type" => Form::Types,
        "items"
        | "contains"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "unevaluatedItems"
        | "propertyNames"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contentSchema" => Form::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Form::Schemas,
        "properties" | "patternProperties" | "$defs" | "dependentSchemas" => Form::NamedSchemas,
        "dependentRequired" | "$vocabulary" => Form::Any,
        "pattern" => Form::Pattern,
        "$ref" => Form::Reference,
        _ => return None,
    })
}

const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

impl Walk<'_> {
    fn whole(&mut self) {
        let dialect = self.root.get("$schema").and_then(Value::as_str);
        self.findings.require(
            dialect.is_some_and(|it| it == DIALECT),
            Rule::SCHEMA_IS_VALID,
            self.place,
            || "`$schema` is not that of draft 2020-12".to_owned(),
        );
        let object = self.root.get("type").and_then(Value::as_str) == Some("object");
        self.findings.require(object, Rule::SCHEMA_IS_COMPLETE, self.place, || {
            "the config is not described as an object".to_owned()
        });
        let closes = |key: &str| self.root.get(key) == Some(&Value::Bool(false));
        let closed = closes("additionalProperties") || closes("unevaluatedProperties");
        self.findings.require(closed, Rule::SCHEMA_IS_COMPLETE, self.place, || {
            "neither `additionalProperties` nor `unevaluatedProperties` is false: unknown keys fit".to_owned()
        });
        self.findings.checked(Rule::SECRETS_ARE_MARKED);
        let known = self.known(self.root, 0);
        for name in strings(self.root.get("required")) {
            if !known.contains(name) {
                self.invalid("", &format!("`{name}` is required, and is not among the properties"));
            }
        }
        self.node(self.root, "", 0, 0);
    }

    fn invalid(&mut self, path: &str, seen: &str) {
        self.findings.fail(Rule::SCHEMA_IS_VALID, self.place, format!("at `{path}`: {seen}"));
    }

    /// The properties of an object, those of its alternatives and of what it refers to included.
    fn known(&self, node: &Value, depth: usize) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = node
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(it, _)| it.clone())
            .collect();
        if depth < DEEPEST {
            for part in parts(node).chain(self.target(node)) {
                names.extend(self.known(part, depth + 1));
            }
        }
        names
    }

    fn target<'a>(&'a self, node: &Value) -> Option<&'a Value> {
        self.root.pointer(node.get("$ref")?.as_str()?.strip_prefix('#')?)
    }

    /// One schema. `fields` counts the properties on the way to it: at 1 it is a field of the config.
    fn node(&mut self, node: &Value, path: &str, fields: usize, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let Value::Object(map) = node else {
            if !node.is_boolean() {
                self.invalid(path, "a schema is an object, true or false");
            }
            return;
        };
        self.secret(map, path, fields);
        for (keyword, value) in map {
            let path = format!("{path}/{keyword}");
            match form_of(keyword) {
                Some(form) => self.keyword(form, value, &path, fields, depth),
                None if keyword.starts_with("x-") => {}
                None => self.invalid(&path, "no keyword of draft 2020-12; our own begin with `x-`"),
            }
        }
        // A reference is followed for what depends on where it stands.
        if let Some(target) = self.target(node).cloned() {
            self.node(&target, &format!("{path}/$ref"), fields, depth + 4);
        }
    }

    fn keyword(&mut self, form: Form, value: &Value, path: &str, fields: usize, depth: usize) {
        let fits = match form {
            Form::Any => true,
            Form::Text => value.is_string(),
            Form::Truth => value.is_boolean(),
            Form::Count => value.as_u64().is_some(),
            Form::Number => value.is_number(),
            Form::Names => value.as_array().is_some_and(|it| it.iter().all(Value::is_string)),
            Form::List => value.as_array().is_some_and(|it| !it.is_empty()),
            Form::Types => match value {
                Value::String(one) => TYPES.contains(&one.as_str()),
                many => strings(Some(many)).count() > 0 && strings(Some(many)).all(|it| TYPES.contains(&it)),
            },
            Form::Pattern => value.as_str().is_some_and(|it| Regex::new(it).is_ok()),
            Form::Reference => self.target(&serde_json::json!({ "$ref": value })).is_some(),
            Form::Schema => {
                self.node(value, path, fields, depth + 1);
                true
            }
            Form::Schemas => match value.as_array().filter(|it| !it.is_empty()) {
                Some(list) => {
                    list.iter().for_each(|it| self.node(it, path, fields, depth + 1));
                    true
                }
                None => false,
            },
            Form::NamedSchemas => match value.as_object() {
                // Definitions are looked at where they are referred to.
                Some(_) if path.ends_with("/$defs") => true,
                Some(map) => {
                    self.named(map, path, fields, depth);
                    true
                }
                None => false,
            },
        };
        if !fits {
            self.invalid(path, "the value is not of the form that this keyword has");
        }
    }

    fn named(&mut self, map: &Map<String, Value>, path: &str, fields: usize, depth: usize) {
        for (name, schema) in map {
            let path = format!("{path}/{name}");
            self.node(schema, &path, fields + 1, depth + 1);
            let described = self.described(schema, 0);
            self.findings.require(described, Rule::EVERYTHING_IS_DOCUMENTED, self.place, || {
                format!("no description at `{path}`")
            });
        }
    }

    fn described(&self, node: &Value, depth: usize) -> bool {
        let own = node.get("description").and_then(Value::as_str).is_some_and(|it| !it.trim().is_empty());
        own || (depth < DEEPEST
            && parts(node).chain(self.target(node)).any(|part| self.described(part, depth + 1)))
    }

    /// The marks of a secret.
    fn secret(&mut self, map: &Map<String, Value>, path: &str, fields: usize) {
        if map.get(SECRET_MARK) != Some(&Value::Bool(true)) {
            return;
        }
        let fault = if fields != 1 || path.contains("/items") {
            Some("a secret that is not a field of the config itself cannot be stored apart")
        } else if map.get("writeOnly") != Some(&Value::Bool(true))
            || map.get("format").and_then(Value::as_str) != Some("password")
        {
            Some("a secret without `writeOnly` and `format: password`, by which forms know it")
        } else if ["default", "examples", "enum", "const"]
            .iter()
            .any(|it| map.get(*it).is_some_and(|value| !value.is_null()))
        {
            Some("a secret with a value in the schema")
        } else {
            None
        };
        if let Some(fault) = fault {
            self.findings.fail(Rule::SECRETS_ARE_MARKED, self.place, format!("at `{path}`: {fault}"));
        }
    }
}

/// A schema that is nested deeper refers to itself.
const DEEPEST: usize = 32;

fn parts(node: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| node.get(key)?.as_array());
    lists.flatten()
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
