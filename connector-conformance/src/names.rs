//! Checked texts: what is one, what is none, and that nothing is quoted.

use connector_core::Result;
use schemars::{JsonSchema, schema_for};
use serde_json::Value;

/// The schema of a text as it stands in a config, beside what the field says of itself.
#[must_use]
pub fn field_schema<T: JsonSchema>() -> Value {
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Config<T> {
        /// What the field says of itself.
        field: Option<T>,
    }
    schema_for!(Config<T>).to_value()["properties"]["field"].take()
}

/// Judges a [`checked!`](connector_core::checked) text by good and bad examples, each bad one with its reason: the check
/// and the pattern of the schema agree on all of them, and no refusal quotes what it refuses.
///
/// # Panics
/// When they differ, when something good is refused or something bad taken, and when an error quotes.
#[track_caller]
pub fn assert_names<T: JsonSchema>(parse: fn(String) -> Result<T>, good: &[&str], bad: &[(&str, &str)]) {
    let schema = field_schema::<T>();
    let pattern = schema["pattern"].as_str().expect("the pattern is inlined into the field");
    let bounds =
        [&schema["minLength"], &schema["maxLength"]].map(|it| it.as_u64().expect("a bound") as usize);
    let pattern = regex_lite::Regex::new(pattern).expect("a pattern");
    let by_schema = |text: &str| {
        (bounds[0]..=bounds[1]).contains(&text.chars().count())
            && pattern.is_match(text)
            && !text.contains('\n')
    };
    for text in good {
        assert!(parse((*text).to_owned()).is_ok(), "refused: {text}");
        assert!(by_schema(text), "the schema refuses: {text}");
    }
    for (text, why) in bad {
        let Err(error) = parse((*text).to_owned()) else { panic!("taken, and {why}: {text}") };
        assert!(!by_schema(text), "the schema takes what is refused, because {why}: {text}");
        assert!(text.len() < 3 || !error.to_string().contains(text), "quoted: {error}");
    }
}
