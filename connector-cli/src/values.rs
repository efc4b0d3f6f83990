//! `KEY=VALUE`: where the value comes from, and which JSON it stands for.

mod source;

use std::collections::BTreeMap;

use connector_core::{Field, Problem, Registry, Result, SecretRef};
use serde_json::{Map, Value};

use crate::faults::Faults;
use source::Source;

pub(crate) use source::{read_all, read_file};

/// Hidden like a secret, but none to its provider: on a command line it does no harm.
const IDENTIFIERS: &[&str] = &["aws_access_key_id"];

/// The values of a command line.
#[derive(Default)]
pub(crate) struct Given {
    /// New values by key; `None` where the value is empty.
    values: BTreeMap<String, Option<Value>>,
    /// New entries of maps, by key and inner key.
    entries: BTreeMap<String, BTreeMap<String, Option<Value>>>,
    /// Keys of secrets that stood on the command line in clear.
    pub(crate) exposed: Vec<String>,
}

/// The shapes of the keys that a connector type takes.
pub(crate) struct Shapes(Vec<Field>);

impl Shapes {
    /// Of one method; of all of them while the method is not known.
    ///
    /// # Errors
    /// An unknown type or method; it lists the known ones.
    pub(crate) fn of(registry: &Registry, connector_type: &str, method: Option<&str>) -> Result<Self> {
        if let Some(method) = method {
            return Ok(Self(registry.fields(connector_type, method)?.to_vec()));
        }
        let mut fields = Vec::new();
        for method in registry.describe(connector_type)?.auth_methods {
            fields.extend(registry.fields(connector_type, &method.id)?.iter().cloned());
        }
        Ok(Self(fields))
    }

    fn find(&self, key: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == key)
    }

    /// Whether this key holds a secret.
    fn is_secret(&self, key: &str) -> bool {
        self.find(key).is_some_and(|field| field.secret)
    }
}

/// Reads `KEY=VALUE` words. A value may be `@FILE`, `env:NAME` or `-` for standard input; `KEY.inner=VALUE`
/// sets one entry of a map. What does not fit its key stays text: the check of the whole config says so,
/// together with every other fault.
///
/// Faults are words that are no `KEY=VALUE` or name a source that does not give a value; a missing file is
/// [`NotFound`](connector_core::ErrorKind::NotFound).
pub(crate) fn read(words: &[String], shapes: &Shapes, faults: &mut Faults) -> Given {
    let mut given = Given::default();
    let mut stdin_taken = false;
    for (at, word) in words.iter().enumerate() {
        let Some((key, text)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            // The word may be a secret that lost its key: it is not quoted.
            faults.add(Problem::new("", format!("argument {} is not KEY=VALUE", at + 1)));
            continue;
        };
        let source = Source::of(text);
        if matches!(source, Source::Literal(_)) && is_exposed(key, text, shapes) {
            given.exposed.push(key.to_owned());
        }
        if matches!(source, Source::Stdin) && std::mem::replace(&mut stdin_taken, true) {
            faults.add(Problem::new(key, "standard input was taken for another key already"));
            continue;
        }
        let Some(text) = faults.keep_at(key, source.read()) else { continue };
        if let Err(problem) = given.put(key, &text, shapes) {
            faults.add(problem);
        }
    }
    given
}

impl Given {
    fn put(&mut self, key: &str, text: &str, shapes: &Shapes) -> Result<(), Problem> {
        let twice = || Err(Problem::new(key, "given twice"));
        // One entry of a map: only where the key as a whole is none.
        if let (None, Some((map, inner))) = (shapes.find(key), key.split_once('.'))
            && shapes.find(map).is_some_and(|field| allows(field, "object"))
        {
            let value = Some(text).filter(|text| !text.is_empty()).map(Value::from);
            let entries = self.entries.entry(map.to_owned()).or_default();
            return if entries.insert(inner.to_owned(), value).is_none() { Ok(()) } else { twice() };
        }
        let value = match text {
            "" => None,
            text => Some(shapes.find(key).map_or_else(|| text.into(), |field| typed(text, field))),
        };
        if self.values.insert(key.to_owned(), value).is_none() { Ok(()) } else { twice() }
    }

    /// What changes of a config: a new value by key, or `None` where the key goes. Of a map only the entries
    /// change that were given; one without any entry left goes too.
    pub(crate) fn changes_of(self, config: &Map<String, Value>) -> BTreeMap<String, Option<Value>> {
        let mut changes = self.values;
        for (key, entries) in self.entries {
            let present = changes.get(&key).cloned().unwrap_or_else(|| config.get(&key).cloned());
            let mut map = match present {
                Some(Value::Object(map)) => map,
                _ => Map::new(),
            };
            for (inner, value) in entries {
                match value {
                    Some(value) => map.insert(inner, value),
                    None => map.remove(&inner),
                };
            }
            changes.insert(key, (!map.is_empty()).then_some(Value::Object(map)));
        }
        changes
    }

    /// Puts the values into a config, on top of what is there.
    pub(crate) fn apply(self, config: &mut Map<String, Value>) {
        for (key, value) in self.changes_of(config) {
            match value {
                Some(value) => config.insert(key, value),
                None => config.remove(&key),
            };
        }
    }
}

/// The line, from 1, in which the byte at this offset stands.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn is_exposed(key: &str, text: &str, shapes: &Shapes) -> bool {
    let secret = shapes.is_secret(key) && !IDENTIFIERS.contains(&key);
    secret && !text.is_empty() && SecretRef::parse(text).is_none()
}

/// What a text stands for where a field takes more than text.
fn typed(text: &str, field: &Field) -> Value {
    let text_is_fine = field.kind.split(" or ").any(|kind| kind == "string");
    let json = || serde_json::from_str::<Value>(text).ok();
    let begins = text.trim_start().chars().next();
    let structured = match begins {
        Some('[') if allows(field, "array") => json(),
        Some('{') if allows(field, "object") && !text_is_fine => json(),
        _ if text_is_fine => None,
        _ if allows(field, "array of string") => Some(text.split(',').map(str::trim).collect()),
        _ if ["boolean", "integer", "number"].iter().any(|kind| allows(field, kind)) => {
            json().filter(|it| it.is_boolean() || it.is_number())
        }
        _ => None,
    };
    structured.unwrap_or_else(|| text.into())
}

fn allows(field: &Field, kind: &str) -> bool {
    field.kind.split(" or ").any(|it| it == kind || it.starts_with(&format!("{kind} of ")))
}

#[cfg(all(test, feature = "aws"))]
mod tests;
