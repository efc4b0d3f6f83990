//! Configs that fail badly.

use connector_conformance::{Rule, canary};
use connector_core::Problem;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{Case, broken, case, with_kit};
use crate::tiny::{Config, Good, bare_kit, kit};

broken! {
    /// The parser demands what the schema does not.
    SecretlyRequired {
        fn schema(generator: &mut SchemaGenerator) -> Schema {
            let mut schema = Config::json_schema(generator);
            schema.remove("required");
            schema
        }
    }
    /// A rule across fields that names none.
    NamelessFault {
        fn check(config: &Config) -> Vec<Problem> {
            match config.place {
                None => vec![Problem::new("", "something is missing")],
                Some(_) => Vec::new(),
            }
        }
    }
    /// It says what it was given.
    Parrot {
        fn check(config: &Config) -> Vec<Problem> {
            match config.key.expose() {
                key if key.contains("misplaced") => vec![Problem::new("key", format!("`{key}` is no key"))],
                _ => Vec::new(),
            }
        }
    }
    /// It takes the first character for granted.
    Careless {
        fn check(config: &Config) -> Vec<Problem> {
            let first = config.key.expose().chars().next().expect("a key has a first character");
            assert!(!first.is_control());
            Vec::new()
        }
    }
    /// It passes control characters on.
    PassesOn {
        fn check(config: &Config) -> Vec<Problem> {
            let strange = config.key.expose().chars().find(|it| it.is_control());
            strange.map(|it| Problem::new("key", format!("{it} is not allowed"))).into_iter().collect()
        }
    }
    /// A check that depends on what is not there.
    Untold {
        fn read(config: Value) -> Result<Config, String> {
            config.get("place").ok_or("no place")?;
            serde_json::from_value(config).map_err(|error| error.to_string())
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let example =
        |config: Value| bare_kit::<Good>().method("tiny", "key", config).kind::<crate::tiny::Ticket<Good>>();
    let key = canary("key");
    vec![
        case::<SecretlyRequired>(&[Rule::CONFIG_FAULTS_NAME_FIELDS]),
        case::<NamelessFault>(&[Rule::CONFIG_FAULTS_NAME_FIELDS]),
        case::<Untold>(&[Rule::CONFIG_FAULTS_NAME_FIELDS]),
        case::<Parrot>(&[Rule::CONFIG_ERRORS_QUOTE_NOTHING]),
        case::<Careless>(&[Rule::CONFIG_PARSING_IS_TOTAL]),
        case::<PassesOn>(&[Rule::CONFIG_PARSING_IS_TOTAL]),
        with_kit("no example", bare_kit::<Good>(), &[Rule::EXAMPLES_ARE_GIVEN]),
        with_kit("an example that does not fit", example(json!({ "key": 1 })), &[Rule::EXAMPLES_ARE_GIVEN]),
        with_kit(
            "a secret too short to search for",
            example(json!({ "key": "k" })),
            &[Rule::EXAMPLES_ARE_GIVEN, Rule::IT_ISSUES],
        ),
        with_kit(
            "an id that is none",
            example(json!({ "key": key })).resource("tiny", "box", &["crate:one"]),
            &[Rule::EXAMPLES_ARE_GIVEN],
        ),
        with_kit(
            "an exception for nothing",
            kit::<Good>().except(Rule::IT_ISSUES, "method tiny/key", "why not"),
            &[Rule::EXCEPTIONS_ARE_NEEDED],
        ),
    ]
}
