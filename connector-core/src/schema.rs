//! JSON Schemas of configs, and the check of a config against its schema: all faults at once, no values.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use crate::{Problem, SECRET_MARK, SecretRef};

/// The key that marks, in a schema, the name of another connector; its value is the connector type.
pub const CONNECTOR_MARK: &str = "x-connector";

/// The schema of a config, draft 2020-12.
pub(crate) fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// One field of a config, as its schema tells it: what `describe-type` prints and registration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its key.
    pub name: String,
    /// The JSON type, such as `string` or `array of string`.
    pub kind: String,
    /// Whether it is a secret.
    pub secret: bool,
    /// Whether it has to be given.
    pub required: bool,
    /// The connector type whose connector it names, if it does.
    pub connector: Option<String>,
    /// What it is.
    pub description: String,
}

/// The fields of a config: required ones first, then by name. What a flattened enum brings is among them.
pub(crate) fn fields(schema: &Schema) -> Vec<Field> {
    let root = schema.as_value();
    let required: BTreeSet<&str> = strings(root.get("required")).collect();
    let mut fields: Vec<_> = Node { root, value: root }
        .properties()
        .into_iter()
        .map(|(name, property)| Field {
            name: name.to_owned(),
            kind: property.kind(),
            secret: property.is_secret(),
            required: required.contains(name),
            connector: property.text(CONNECTOR_MARK),
            description: property.text("description").unwrap_or_default(),
        })
        .collect();
    fields.sort_by(|a, b| b.required.cmp(&a.required).then_with(|| a.name.cmp(&b.name)));
    fields
}

/// Checks a config. A secret may be a reference wherever the schema says text, so a stored config needs no
/// secret to be checked.
pub(crate) fn check(schema: &Schema, config: &Map<String, Value>) -> Vec<Problem> {
    let root = schema.as_value();
    let mut problems = Vec::new();
    let object = Value::Object(config.clone());
    Node { root, value: root }.check(&object, "", &mut problems);
    if let Some(more) = problems.len().checked_sub(MOST).filter(|more| *more > 0) {
        problems.truncate(MOST);
        problems.push(Problem::new("", format!("and {more} more faults")));
    }
    problems
}

/// How many faults are told; a hostile config has as many as it has bytes.
const MOST: usize = 50;

/// A schema and the root that its `$ref`s point into.
#[derive(Clone, Copy)]
struct Node<'a> {
    root: &'a Value,
    value: &'a Value,
}

impl<'a> Node<'a> {
    fn at(self, value: &'a Value) -> Self {
        Node { root: self.root, value }
    }

    fn get(self, key: &str) -> Option<&'a Value> {
        self.value.get(key)
    }

    /// What a `$ref` points to; only into this document, which is the only place ours point to.
    fn target(self) -> Option<Self> {
        let pointer = self.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer).map(|value| self.at(value))
    }

    fn alternatives(self) -> impl Iterator<Item = Self> {
        let lists = ["anyOf", "oneOf"].into_iter().filter_map(move |key| self.get(key)?.as_array());
        lists.flatten().map(move |value| self.at(value))
    }

    /// A keyword of this schema, of what it refers to, or of one of its alternatives.
    fn text(self, key: &str) -> Option<String> {
        let own = self.get(key).and_then(Value::as_str).map(str::to_owned);
        own.or_else(|| self.target()?.text(key)).or_else(|| self.alternatives().find_map(|it| it.text(key)))
    }

    fn is_secret(self) -> bool {
        self.get(SECRET_MARK) == Some(&Value::Bool(true))
            || self.target().is_some_and(Self::is_secret)
            || self.alternatives().any(Self::is_secret)
    }

    fn types(self) -> Vec<&'a str> {
        match self.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => {
                let target = self.target().map(Self::types).unwrap_or_default();
                target.into_iter().chain(self.alternatives().flat_map(Self::types)).collect()
            }
        }
    }

    fn kind(self) -> String {
        let mut names: Vec<String> = Vec::new();
        for name in self.types().into_iter().filter(|name| *name != "null") {
            let name = match (name, self.items()) {
                ("array", Some(items)) => format!("array of {}", items.kind()),
                _ => name.to_owned(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() { "any".into() } else { names.join(" or ") }
    }

    fn items(self) -> Option<Self> {
        let own = self.get("items").map(|value| self.at(value));
        own.or_else(|| self.target()?.items()).or_else(|| self.alternatives().find_map(Self::items))
    }

    /// The fields of an object by name: its own, and those of what it refers to and of its alternatives,
    /// which is where a flattened enum puts them.
    fn properties(self) -> BTreeMap<&'a str, Self> {
        let mut all = BTreeMap::new();
        for part in self.target().into_iter().chain(self.alternatives()) {
            all.extend(part.properties());
        }
        let own = self.get("properties").and_then(Value::as_object).into_iter().flatten();
        all.extend(own.map(|(name, value)| (name.as_str(), self.at(value))));
        all
    }

    /// The fields that an alternative cannot do without.
    fn required(self) -> Vec<&'a str> {
        let of_target = self.target().map(Self::required).unwrap_or_default();
        strings(self.get("required")).chain(of_target).collect()
    }

    /// The fixed texts that it allows.
    fn words(self) -> Vec<&'a str> {
        let own = self.get("const").and_then(Value::as_str).into_iter().chain(strings(self.get("enum")));
        let of_target = self.target().map(Self::words).unwrap_or_default();
        own.chain(of_target).chain(self.alternatives().flat_map(Self::words)).collect()
    }

    fn check(self, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        if let Some(message) = self.misplaced(value, path) {
            problems.push(Problem::new(path, message));
            return;
        }
        if is_reference(value) && self.types().contains(&"string") {
            // A secret is checked again once it is resolved. Elsewhere it would be shown, and sent in clear.
            if !self.is_secret() {
                problems.push(Problem::new(path, "refers to a stored secret, and is not kept secret itself"));
            }
            return;
        }
        if let Some(target) = self.target() {
            target.check(value, path, problems);
        }
        let own: Vec<&str> = match self.get("type") {
            Some(_) => self.types(),
            None => Vec::new(),
        };
        if !own.is_empty() && !own.iter().any(|name| is_of(value, name)) {
            problems.push(self.of_wrong_type(value, path));
            return;
        }
        self.check_alternatives(value, path, problems);
        self.check_values(value, path, problems);
        match value {
            Value::Object(map) => self.check_object(map, path, problems),
            Value::Array(items) => self.check_array(items, path, problems),
            Value::String(text) => self.check_text(text, path, problems),
            Value::Number(number) => self.check_number(number.as_f64().unwrap_or(f64::NAN), path, problems),
            _ => {}
        }
    }

    /// Secrets and names of connectors are found by the marks of the config's own fields: deeper down they
    /// would be stored in clear, and followed by nobody.
    fn misplaced(self, value: &Value, path: &str) -> Option<&'static str> {
        let deep = path.contains(['.', '[']);
        let secret = self.get(SECRET_MARK) == Some(&Value::Bool(true));
        let connector = self.get(CONNECTOR_MARK).is_some();
        match value {
            Value::String(_) if deep && secret => Some("a secret here could not be stored apart"),
            Value::String(_) if deep && connector => Some("a connector named here would not be found"),
            _ if connector && is_reference(value) => {
                Some("expected the name of a connector, got a reference")
            }
            _ => None,
        }
    }

    fn of_wrong_type(self, value: &Value, path: &str) -> Problem {
        Problem::new(path, format!("expected {}, got {}", self.kind(), name_of(value)))
    }

    /// `anyOf` and `oneOf`.
    fn check_alternatives(self, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        for (key, one_only) in [("anyOf", false), ("oneOf", true)] {
            let Some(list) = self.get(key).and_then(Value::as_array) else { continue };
            let alternatives: Vec<(Self, Vec<Problem>)> = list
                .iter()
                .map(|alternative| {
                    let mut faults = Vec::new();
                    self.at(alternative).check(value, path, &mut faults);
                    (self.at(alternative), faults)
                })
                .collect();
            match alternatives.iter().filter(|(_, faults)| faults.is_empty()).count() {
                0 => problems.extend(self.closest(alternatives, value, path)),
                2.. if one_only => {
                    let names =
                        names_of(alternatives.iter().filter(|(_, it)| it.is_empty()).map(|(it, _)| *it));
                    problems.push(Problem::new(path, format!("expected only one of: {names}")));
                }
                _ => {}
            }
        }
    }

    /// The faults of the alternative that was meant.
    fn closest(self, mut alternatives: Vec<(Self, Vec<Problem>)>, value: &Value, path: &str) -> Vec<Problem> {
        alternatives.retain(|(it, _)| it.types().iter().any(|name| is_of(value, name)));
        let words: Vec<_> = alternatives.iter().flat_map(|(it, _)| it.words()).collect();
        if value.is_string() && !words.is_empty() {
            return vec![Problem::new(path, format!("expected one of: {}", words.join(", ")))];
        }
        let begun = |it: Self| it.required().iter().any(|name| value.get(name).is_some());
        match alternatives.iter().position(|(it, _)| begun(*it)) {
            _ if alternatives.is_empty() => vec![self.of_wrong_type(value, path)],
            Some(at) => alternatives.swap_remove(at).1,
            None if value.is_object() && alternatives.len() > 1 => {
                let names = names_of(alternatives.iter().map(|(it, _)| *it));
                vec![Problem::new(path, format!("expected one of: {names}"))]
            }
            None => alternatives.swap_remove(0).1,
        }
    }

    fn check_values(self, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        let allowed = self.get("enum").and_then(Value::as_array);
        let fits_enum = allowed.is_none_or(|allowed| allowed.contains(value));
        let fits_const = self.get("const").is_none_or(|wanted| wanted == value);
        if !(fits_enum && fits_const) {
            problems.push(Problem::new(path, format!("expected one of: {}", self.words().join(", "))));
        }
    }

    fn check_object(self, map: &Map<String, Value>, path: &str, problems: &mut Vec<Problem>) {
        for name in strings(self.get("required")) {
            if !map.contains_key(name) {
                problems.push(Problem::new(join(path, name), "missing, and required"));
            }
        }
        let own = self.get("properties");
        let rest = self.get("additionalProperties").or_else(|| self.get("unevaluatedProperties"));
        let known = self.properties();
        for (name, item) in map {
            let path = join(path, name);
            match (own.and_then(|own| own.get(name)), rest) {
                (Some(property), _) => self.at(property).check(item, &path, problems),
                // Checked where it is declared: in an alternative.
                (None, _) if known.contains_key(name.as_str()) => {}
                // Counted, and told while it will be read.
                (None, Some(Value::Bool(false))) => problems.push(match problems.len() < MOST {
                    true => Problem::new(shorter(&path), unknown_key(name, &known)),
                    false => Problem::new("", ""),
                }),
                (None, Some(schema @ Value::Object(_))) => self.at(schema).check(item, &path, problems),
                (None, _) => {}
            }
        }
    }

    fn check_array(self, items: &[Value], path: &str, problems: &mut Vec<Problem>) {
        let before = problems.len();
        self.check_size(items.len(), ("minItems", "maxItems"), "items", path, problems);
        // An oversized list is not looked into, as an oversized text is not.
        if let Some(schema) = self.get("items").filter(|_| problems.len() == before) {
            for (index, item) in items.iter().enumerate() {
                self.at(schema).check(item, &format!("{path}[{index}]"), problems);
            }
        }
    }

    fn check_text(self, text: &str, path: &str, problems: &mut Vec<Problem>) {
        let length = text.chars().count();
        let before = problems.len();
        self.check_size(length, ("minLength", "maxLength"), "characters", path, problems);
        // An oversized text is not searched: a pattern is for what could be right.
        let Some(pattern) = self.get("pattern").and_then(Value::as_str).filter(|_| problems.len() == before)
        else {
            return;
        };
        let fits = length <= LONGEST && Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
        if !fits {
            let what = self.get("x-form").and_then(Value::as_str);
            let what = match (what, self.such_as()) {
                (Some(what), example) => format!("{what}{example}"),
                (None, example) if example.is_empty() => format!("text that matches {pattern}"),
                (None, example) => format!("text of another form{example}"),
            };
            problems.push(Problem::new(path, format!("expected {what}")));
        }
    }

    fn check_number(self, number: f64, path: &str, problems: &mut Vec<Problem>) {
        let bound = |key: &str| self.get(key).and_then(Value::as_f64);
        if let Some(min) = bound("minimum").filter(|min| number < *min) {
            problems.push(Problem::new(path, format!("expected {min} or more")));
        }
        if let Some(max) = bound("maximum").filter(|max| number > *max) {
            problems.push(Problem::new(path, format!("expected {max} or less")));
        }
    }

    fn check_size(
        self,
        size: usize,
        keys: (&str, &str),
        unit: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) {
        let bound = |key: &str| self.get(key).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
        if let Some(min) = bound(keys.0).filter(|min| size < *min) {
            problems.push(Problem::new(path, format!("expected {min} {unit} or more{}", self.such_as())));
        }
        if let Some(max) = bound(keys.1).filter(|max| size > *max) {
            problems.push(Problem::new(path, format!("expected {max} {unit} or less{}", self.such_as())));
        }
    }

    /// The schema's first example, as the end of a sentence.
    fn such_as(self) -> String {
        let example = self.get("examples").and_then(Value::as_array).and_then(|them| them.first()?.as_str());
        example.map(|it| format!(", such as `{it}`")).unwrap_or_default()
    }
}

/// The longest text that a pattern is tried on, in characters.
const LONGEST: usize = 65_536;

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A path that has room in a message: a key that nobody knows may be as long as the config.
fn shorter(path: &str) -> String {
    const LONGEST: usize = 100;
    match path.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => name_of(value) == name,
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(crate) fn is_reference(value: &Value) -> bool {
    value.as_str().and_then(SecretRef::parse).is_some()
}

/// Alternatives by what each cannot do without.
fn names_of<'a>(alternatives: impl Iterator<Item = Node<'a>>) -> String {
    let names: Vec<String> = alternatives.map(|it| it.required().join(" and ")).collect();
    names.join(", ")
}

/// An unknown key, with the known one that it resembles or all of them.
fn unknown_key(name: &str, known: &BTreeMap<&str, Node<'_>>) -> String {
    match known.keys().map(|it| (distance(name, it), it)).min() {
        Some((distance, near)) if distance <= 2 && distance < name.len() => {
            format!("unknown key; did you mean `{near}`?")
        }
        _ => {
            let known: Vec<_> = known.keys().copied().collect();
            format!("unknown key; known: {}", known.join(" "))
        }
    }
}

/// The edits between two short words; long ones are simply far apart.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
