//! What is a name, what is none, and that nothing is quoted.

mod config;
mod hostile;
mod resource;
mod service;

use connector_core::Result;
use schemars::JsonSchema;

fn schema_of<T: JsonSchema>() -> serde_json::Value {
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Config<T> {
        /// What the field says of itself.
        field: Option<T>,
    }
    schemars::schema_for!(Config<T>).to_value()["properties"]["field"].take()
}

/// One list of good and bad texts for each type, each bad one with its reason: the check and the schema's pattern
/// agree on all of them, and no refusal quotes what it refuses.
fn check<T: JsonSchema>(parse: fn(String) -> Result<T>, good: &[&str], bad: &[(&str, &str)]) {
    let schema = schema_of::<T>();
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
