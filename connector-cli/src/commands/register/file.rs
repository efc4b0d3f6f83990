//! `--from-file`: a config, or a whole connector, in JSON, YAML or TOML.

use std::path::Path;

use connector_core::{Error, Problem, Result, Visibility, parse_duration, parse_time};
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::unique::Unique;
use super::{Wish, principal};
use crate::values;

/// What the store adds to a document: as good as not said.
const ADDED: &[&str] = &[
    "id",
    "secret_id",
    "partial",
    "owner",
    "workspace",
    "enabled",
    "version",
    "created",
    "updated",
    "state",
    "resource_types",
    "session_duration",
    "expires_in",
];

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// A missing file, or one that is none of the three forms (with the line). Keys that nobody knows, and what
/// does not fit its key, are faults of the wish. No value is quoted.
pub(super) fn read(path: &Path) -> Result<Wish> {
    let (text, name) = if path == Path::new("-") {
        (values::read_all(std::io::stdin().lock(), "standard input")?, "standard input".to_owned())
    } else {
        (values::read_file(path)?, path.display().to_string())
    };
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    match parse(&text, &name, extension)? {
        Value::Object(map) => Ok(principal::read(&map)?.unwrap_or_else(|| wish(map, &name))),
        _ => Err(Error::invalid(format!("{name} does not hold keys and values"))),
    }
}

fn parse(text: &str, name: &str, extension: &str) -> Result<Value> {
    let json = || {
        serde_json::from_str(text).map(|Unique(value)| value).map_err(|error| match error.classify() {
            // The one fault of data that is no fault of form: see `Unique`.
            Category::Data => Error::invalid(format!("{name}, line {}: a key is given twice", error.line())),
            _ => at(name, "JSON", Some(error.line())),
        })
    };
    let toml = || {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map(|span| values::line_at(text, span.start));
            at(name, "TOML", line)
        })
    };
    let yaml = || {
        serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().and_then(|it| usize::try_from(it.line()).ok());
            at(name, "YAML", line)
        })
    };
    match extension {
        "json" => json(),
        "toml" => toml(),
        "yaml" | "yml" => yaml(),
        // Almost everything is YAML, so it comes last.
        _ => match json() {
            Err(error) if text.trim_start().starts_with('{') => Err(error),
            read => read.or_else(|_| toml()).or_else(|_| yaml()),
        },
    }
}

/// The line alone: what stands there may be a secret.
fn at(name: &str, form: &str, line: Option<usize>) -> Error {
    match line {
        Some(line) => Error::invalid(format!("{name}, line {line}: not valid {form}")),
        None => Error::invalid(format!("{name} is not valid {form}")),
    }
}

/// A whole connector where its keys are there, else a config alone.
fn wish(map: Map<String, Value>, name: &str) -> Wish {
    let whole = ["type", "method", "auth_method", "config"].iter().any(|key| map.contains_key(*key));
    let mut wish = Wish::default();
    if !whole {
        wish.config = map;
        return wish;
    }
    for (key, value) in map {
        if value.is_null() || ADDED.contains(&key.as_str()) {
            continue;
        }
        if let Err(error) = take(&mut wish, &key, value) {
            let message = error.message();
            let message = message.strip_prefix(&format!("{key}: ")).unwrap_or(message);
            wish.add_fault(Problem::new(&key, format!("{message}, in {name}")));
        }
    }
    wish
}

fn take(wish: &mut Wish, key: &str, value: Value) -> Result<()> {
    match key {
        "name" => wish.name = Some(text(value)?),
        "type" => wish.connector_type = Some(text(value)?),
        "method" | "auth_method" => wish.method = Some(text(value)?),
        "config" => wish.config = object(value)?,
        "resource_type" => wish.resource_type = Some(text(value)?),
        "resource_id" => wish.resource_id = Some(text(value)?),
        "description" => wish.description = Some(text(value)?),
        "duration" => {
            wish.duration =
                Some(parse_duration(&value.as_u64().map_or_else(|| text(value), |it| Ok(it.to_string()))?)?);
        }
        "expires_at" => wish.expires_at = Some(parse_time(&text(value)?)?),
        "visibility" => {
            wish.visibility = Some(match text(value)?.as_str() {
                "private" => Visibility::Private,
                "shared" => Visibility::Shared,
                _ => return Err(Error::invalid("expected private or shared")),
            });
        }
        "allow" => {
            let Value::Array(words) = value else { return Err(Error::invalid("expected a list")) };
            for word in words {
                wish.allow.insert(text(word)?.parse()?);
            }
        }
        "labels" => {
            for (label, value) in object(value)? {
                wish.labels.insert(label, text(value)?);
            }
        }
        _ => {
            return Err(Error::invalid(
                "unknown key; known: name type method config resource_type resource_id duration expires_at allow \
                 labels description visibility",
            ));
        }
    }
    Ok(())
}

fn text(value: Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Error::invalid("expected text")),
    }
}

fn object(value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(Error::invalid("expected keys and values")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{ProptestConfig as Config, *};
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

    use super::*;

    fn of(text: &str, extension: &str) -> Result<Wish> {
        match parse(text, "prod", extension)? {
            Value::Object(map) => {
                let mut wish = wish(map, "prod");
                wish.check().map(|()| wish)
            }
            _ => panic!("no keys and values"),
        }
    }

    #[test]
    fn the_three_forms_say_the_same() {
        let forms = [
            (
                "json",
                r#"{"type": "aws", "method": "iam-role", "duration": 3600, "config": {"region": "eu-west-1"}}"#,
            ),
            ("toml", "type = 'aws'\nmethod = 'iam-role'\nduration = '1h'\n[config]\nregion = 'eu-west-1'\n"),
            ("yaml", "type: aws\nmethod: iam-role\nduration: 1h\nconfig:\n  region: eu-west-1\n"),
        ];
        for (form, text) in forms {
            for extension in [form, ""] {
                let wish = of(text, extension).unwrap_or_else(|error| panic!("{form}: {error}"));
                assert_eq!(wish.connector_type.as_deref(), Some("aws"), "{form}");
                assert_eq!(wish.duration, Some(Duration::from_secs(3600)), "{form}");
                assert_eq!(wish.config["region"], "eu-west-1", "{form}");
            }
        }
    }

    #[test]
    fn a_key_that_is_given_twice_is_refused_in_every_form() {
        for (extension, text) in [
            ("json", "{\"type\": \"aws\",\n\"config\": {\"region\": \"a\", \"region\": \"b\"}}"),
            ("", "{\"type\": \"aws\",\n\"config\": {\"region\": \"a\", \"region\": \"b\"}}"),
            ("toml", "type = 'aws'\ntype = 'gcp'\n"),
            ("yaml", "type: aws\ntype: gcp\n"),
        ] {
            let error = of(text, extension).err().unwrap_or_else(|| panic!("{extension}: accepted"));
            assert!(error.message().contains("line 2"), "{extension}: {error:?}");
        }
        assert!(of("{\"config\": {\"a\": [1, -2, 1.5, true, null, \"x\"]}}", "json").is_ok());
    }

    #[test]
    fn without_a_connectors_keys_it_is_a_config() {
        let wish = of("region: eu-west-1\nrole_arn: x\n", "yaml").expect("a config");
        assert_eq!(wish.config.len(), 2);
    }

    #[test]
    fn faults_are_named_together_and_quote_nothing() {
        let faults = r#"{"type": 7, "config": "hunter2", "duration": "hunter2", "bogus": "hunter2"}"#;
        let error = of(faults, "json").err().expect("faults");
        assert_eq!(error.field_problems().len(), 4, "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
        for (extension, text) in
            [("json", "{\"a\": hunter2}"), ("toml", "\na = hunter2"), ("yaml", "a: 'hunter2")]
        {
            let error = of(text, extension).err().unwrap_or_else(|| panic!("{extension} is broken"));
            assert!(
                !format!("{error:?}").contains("hunter2") && error.message().contains("prod"),
                "{error:?}"
            );
        }
    }

    /// C28: no text of any of the forms makes the reader panic, follow brackets without end, or unfold references to
    /// more than what was written. A hang is the failure.
    #[test]
    fn c28_hostile_files_are_answered() {
        const LARGE: usize = 1 << 17;
        let unfolding = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, at| {
            format!("{text}a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 9].join(", "))
        });
        let pieces = [
            "[", "{", "{a: ", "[a]\n", "a.", "- ", "? ", "a: ", "&a ", "*a ", "!!x ", "\"", "'", "\\", "|\n",
            "\t", "#", "\n", "--- ", "{\"a\":", "a = [", "\"\"\"", "0", "é", "<<: ", "%",
        ];
        for extension in ["json", "toml", "yaml", ""] {
            assert!(parse(&unfolding, "prod", extension).is_err(), "{extension}");
            for piece in pieces {
                let run = piece.repeat(LARGE / piece.len());
                for text in [run.clone(), format!("type: {run}"), format!("type = {run}")] {
                    if let Err(error) = parse(&text, "prod", extension) {
                        assert!(
                            error.message().len() < 200,
                            "{extension} {piece}: {}",
                            error.message().len()
                        );
                    }
                }
            }
        }
    }

    /// C28, C11: any short text, too, and nothing of it is quoted.
    #[test]
    fn c28_any_text_is_answered() {
        let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let text = prop_oneof![
            "\\PC{0,60}",
            "[\\[\\]{}\":,=&*!|>'#\n -]{0,40}",
            "(type|config|duration|allow|labels|name): [\\[{\"']?hunter2[\\]}\"']?",
            "(type|config|duration|allow|labels|name) = [\\[{\"']?hunter2[\\]}\"']?",
        ];
        let extension = proptest::sample::select(&["json", "toml", "yaml", ""][..]);
        TestRunner::new_with_rng(config, rng)
            .run(&(text, extension), |(text, extension)| {
                let value = match parse(&text, "prod", extension) {
                    Ok(value) => value,
                    Err(error) => {
                        prop_assert!(!format!("{:?}", error).contains("hunter2"), "{:?}", error);
                        return Ok(());
                    }
                };
                if let Value::Object(map) = value
                    && let Err(error) = wish(map, "prod").check()
                {
                    let quotes = error.field_problems().iter().any(|it| it.message.contains("hunter2"));
                    prop_assert!(!quotes, "{:?}", error);
                }
                Ok(())
            })
            .expect("an answer, whatever it is");
    }
}
