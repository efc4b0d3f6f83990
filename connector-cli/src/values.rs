//! `KEY=VALUE`: where the value comes from, and which JSON it stands for.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use connector_core::{Error, Field, Problem, Registry, Result, SecretRef};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The most that is read for one value, in bytes.
const LARGEST: u64 = 1 << 20;

/// Hidden like a secret, but none to its provider: on a command line it does no harm.
const IDENTIFIERS: &[&str] = &["aws_access_key_id"];

/// The values of a command line.
#[derive(Default)]
pub(crate) struct Given {
    /// New values by key; `None` where the value is empty.
    pub(crate) values: BTreeMap<String, Option<Value>>,
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
            return registry.fields(connector_type, method).map(Self);
        }
        let mut fields = Vec::new();
        for method in registry.describe(connector_type)?.auth_methods {
            fields.extend(registry.fields(connector_type, &method.id)?);
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
/// # Errors
/// All words that are no `KEY=VALUE` or name a source that does not give a value; a missing file is
/// [`NotFound`](connector_core::ErrorKind::NotFound).
pub(crate) fn read(words: &[String], shapes: &Shapes) -> Result<Given> {
    let mut given = Given::default();
    let mut problems = Vec::new();
    let mut stdin_taken = false;
    for (at, word) in words.iter().enumerate() {
        let Some((key, text)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            // The word may be a secret that lost its key: it is not quoted.
            problems.push(Problem::new("", format!("argument {} is not KEY=VALUE", at + 1)));
            continue;
        };
        let source = Source::of(text);
        if matches!(source, Source::Literal(_)) && is_exposed(key, text, shapes) {
            given.exposed.push(key.to_owned());
        }
        if matches!(source, Source::Stdin) && std::mem::replace(&mut stdin_taken, true) {
            problems.push(Problem::new(key, "standard input was taken for another key already"));
            continue;
        }
        let text = match source.read(key) {
            Ok(text) => text,
            Err(error) if error.field_problems().is_empty() => return Err(error),
            Err(error) => {
                problems.extend(error.field_problems().iter().cloned());
                continue;
            }
        };
        if let Err(problem) = given.put(key, &text, shapes) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(given) } else { Err(Error::problems("the arguments do not fit", problems)) }
}

impl Given {
    fn put(&mut self, key: &str, text: &str, shapes: &Shapes) -> Result<(), Problem> {
        let twice = || Problem::new(key, "given twice");
        // One entry of a map: only where the key as a whole is none.
        if let (None, Some((map, inner))) = (shapes.find(key), key.split_once('.'))
            && shapes.find(map).is_some_and(|field| allows(field, "object"))
        {
            let slot = self.values.entry(map.to_owned()).or_insert_with(|| Some(Value::Object(Map::new())));
            let Some(Value::Object(entries)) = slot else { return Err(twice()) };
            return match entries.insert(inner.to_owned(), text.into()) {
                None => Ok(()),
                Some(_) => Err(twice()),
            };
        }
        let value = match text {
            "" => None,
            text => Some(shapes.find(key).map_or_else(|| text.into(), |field| typed(text, field))),
        };
        match self.values.insert(key.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(twice()),
        }
    }

    /// The values as a config: an empty one is as good as none.
    pub(crate) fn into_config(self) -> Map<String, Value> {
        self.values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// Where a value comes from.
enum Source<'a> {
    Literal(&'a str),
    File(&'a str),
    Variable(&'a str),
    Stdin,
}

impl<'a> Source<'a> {
    fn of(text: &'a str) -> Self {
        if text == "-" {
            Self::Stdin
        } else if let Some(path) = text.strip_prefix('@') {
            Self::File(path)
        } else if let Some(name) = text.strip_prefix("env:") {
            Self::Variable(name)
        } else {
            Self::Literal(text)
        }
    }

    fn read(self, key: &str) -> Result<Zeroizing<String>> {
        match self {
            Self::Literal(text) => Ok(Zeroizing::new(text.to_owned())),
            Self::File(path) => read_file(Path::new(path)).map(without_line_end),
            Self::Variable(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
                Error::field(key, format!("the environment variable `{name}` is not set, or no text"))
            }),
            Self::Stdin => read_all(std::io::stdin().lock(), "standard input").map(without_line_end),
        }
    }
}

/// Reads a file of text, at most 1 MiB.
///
/// # Errors
/// [`NotFound`](connector_core::ErrorKind::NotFound) when there is none. No content is quoted.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<String>> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("no file {}", path.display())),
        kind => Error::invalid(format!("cannot read {}: {kind}", path.display())),
    })?;
    read_all(file, &path.display().to_string())
}

/// Reads text to its end, at most 1 MiB.
///
/// # Errors
/// What is larger, or no text. No content is quoted.
pub(crate) fn read_all(from: impl Read, name: &str) -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::invalid(format!("cannot read {name}: {}", error.kind())))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::invalid(format!("{name} is larger than 1 MiB")));
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Error::invalid(format!("{name} is not UTF-8 text")))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The line, from 1, in which the byte at this offset stands.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Editors end files with a line end that is no part of the value.
fn without_line_end(mut text: Zeroizing<String>) -> Zeroizing<String> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
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
mod tests {
    use serde_json::json;

    use super::*;

    fn field(name: &str, kind: &str, secret: bool) -> Field {
        // Built through serde-free means: the struct may grow.
        connectors::registry()
            .ok()
            .and_then(|registry| registry.fields("aws", "iam-role").ok())
            .and_then(|mut fields| fields.pop())
            .map(|mut it| {
                (it.name, it.kind, it.secret) = (name.to_owned(), kind.to_owned(), secret);
                it
            })
            .expect("the AWS provider is compiled in for tests")
    }

    fn shapes() -> Shapes {
        Shapes(vec![
            field("region", "string", false),
            field("key", "string", true),
            field("arns", "array of string", false),
            field("chain", "string or array of string", false),
            field("tags", "object", false),
            field("insecure", "boolean", false),
            field("count", "integer", false),
        ])
    }

    fn read_words(words: &[&str]) -> Result<Given> {
        read(&words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(), &shapes())
    }

    #[test]
    fn values_take_the_type_of_their_key() {
        let given = read_words(&[
            "region=eu-west-1",
            "arns=a, b",
            "chain=[\"x\",\"y\"]",
            "tags.team=data",
            "tags.a.b=1",
            "insecure=true",
            "count=7",
            "bogus=[1]",
        ])
        .expect("all fit");
        assert_eq!(
            Value::Object(given.into_config()),
            json!({"region": "eu-west-1", "arns": ["a", "b"], "chain": ["x", "y"],
                "tags": {"team": "data", "a.b": "1"}, "insecure": true, "count": 7, "bogus": "[1]"})
        );
    }

    #[test]
    fn what_does_not_fit_stays_text_for_the_check_to_report() {
        let given = read_words(&["insecure=maybe", "tags={broken", "chain=one"]).expect("read");
        assert_eq!(
            Value::Object(given.into_config()),
            json!({"insecure": "maybe", "tags": "{broken", "chain": "one"})
        );
    }

    #[test]
    fn empty_values_take_away() {
        let given = read_words(&["region=", "key="]).expect("read");
        assert_eq!(given.values["region"], None);
        assert!(given.exposed.is_empty() && given.into_config().is_empty());
    }

    #[test]
    fn secrets_in_clear_are_noticed_and_references_are_none() {
        let given = read_words(&["key=hunter2", "region=eu-west-1"]).expect("read");
        assert_eq!(given.exposed, ["key"]);
        assert!(read_words(&["key={{vault.key}}"]).expect("read").exposed.is_empty());
    }

    #[test]
    fn faults_are_reported_together_and_quote_no_value() {
        let error =
            read_words(&["hunter2", "region=a", "region=hunter2", "key=env:CONNECTOR_TEST_UNSET_VARIABLE"])
                .err()
                .expect("three faults");
        let fields: Vec<_> = error.field_problems().iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["", "region", "key"]);
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_line_end() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "line one\nline two\r\n").expect("written");
        let given = read_words(&[&format!("key=@{}", file.path().display())]).expect("read");
        assert!(given.exposed.is_empty());
        assert_eq!(given.into_config()["key"], "line one\nline two");
        let missing = read_words(&["key=@/nonexistent/file"]).err().expect("missing");
        assert_eq!(missing.kind(), connector_core::ErrorKind::NotFound);
    }
}
