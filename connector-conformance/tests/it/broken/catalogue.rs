//! What is said wrong.

use connector_conformance::{Kit, Rule};
use connector_core::{Access, Identity, Life, Lifetime, MethodAbout, Registration, ResourceAbout};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Case, broken, case, with_kit};
use crate::tiny::{Config, Good, Key, METHOD, kit};

broken! {
    /// An id that has to be quoted.
    ShoutedId {
        const METHOD: &'static str = "API_Key";
    }
    /// A kind that has to be quoted.
    DottedKind {
        const KIND: &'static str = "tiny.ticket";
    }
    /// A method without words.
    Speechless {
        const METHOD_ABOUT: MethodAbout =
            MethodAbout::new("Key", "", Life::Long, Identity::Service).temporary().narrows("all of it");
    }
    /// A field without words.
    SpeechlessField {
        fn schema(generator: &mut SchemaGenerator) -> Schema {
            patched(generator, "/properties/place/description", Value::Null)
        }
    }
    /// The shortest life is longer than the longest.
    DisorderedLife {
        const METHOD_ABOUT: MethodAbout = METHOD.lifetime(Lifetime::seconds(900, 600, 900));
        fn lifetime() -> Option<Lifetime> {
            None
        }
    }
    /// A writer who may not read.
    LessWithMore {
        fn permissions(access: Access) -> Vec<&'static str> {
            match access {
                Access::Read => vec!["look"],
                Access::Write => vec!["put"],
                Access::Admin => vec!["put", "own"],
            }
        }
    }
    /// It says that it holds nothing, and demands a key.
    Denial {
        const METHOD_ABOUT: MethodAbout =
            MethodAbout::new("Key", "Holds nothing.", Life::None, Identity::Service)
                .temporary()
                .narrows("all of it")
                .lifetime(Lifetime::seconds(900, 3600, 43_200));
    }
    /// It names a method that is not there.
    WithoutNobody {
        const RESOURCE_ABOUT: ResourceAbout = ResourceAbout::new("Box", "Holds things.")
            .within("a shelf")
            .narrows("limits")
            .without(&[("kye", "a typing error")]);
    }
    /// A keyword that nobody knows.
    MisspeltKeyword {
        fn schema(generator: &mut SchemaGenerator) -> Schema {
            patched(generator, "/properties/place/max_length", json!(3))
        }
    }
    /// A pattern that is none.
    BadPattern {
        fn schema(generator: &mut SchemaGenerator) -> Schema {
            patched(generator, "/properties/key/pattern", json!("("))
        }
    }
    /// Unknown keys fit.
    Open {
        fn schema(generator: &mut SchemaGenerator) -> Schema {
            patched(generator, "/additionalProperties", json!(true))
        }
        fn read(mut config: Value) -> Result<Config, String> {
            if let Some(config) = config.as_object_mut() {
                config.retain(|key, _| key == "key" || key == "place");
            }
            serde_json::from_value(config).map_err(|error| error.to_string())
        }
    }
    /// A password in clear.
    Unmarked {
        fn schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "object",
                "description": "Swaps a key for tickets.",
                "required": ["key"],
                "additionalProperties": false,
                "properties": {
                    "key": { "type": "string", "description": "The key." , "minLength": 8},
                    "place": { "type": "string", "description": "The place to work in." },
                },
            })
        }
        const METHOD_ABOUT: MethodAbout =
            MethodAbout::new("Key", "Swaps a key for tickets.", Life::Short, Identity::Service)
                .temporary()
                .narrows("the box")
                .lifetime(Lifetime::seconds(900, 3600, 43_200));
    }
    /// A secret with an example in the schema.
    ShownSecret {
        fn schema(generator: &mut SchemaGenerator) -> Schema {
            patched(generator, "/properties/key/examples", json!(["hunter2"]))
        }
    }
}

/// The good schema with one value put into it, or taken out of it.
fn patched(generator: &mut SchemaGenerator, pointer: &str, value: Value) -> Schema {
    let mut schema = Config::json_schema(generator).to_value();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = schema.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is an object");
    match value {
        Value::Null => parent.remove(key),
        value => parent.insert(key.to_owned(), value),
    };
    Schema::try_from(schema).expect("an object")
}

pub(super) fn cases() -> Vec<Case> {
    let stale = kit::<Good>().stable_ids(&["type tiny", "method tiny/password", "resource tiny/box"]);
    let orphan = Kit::of(&[Registration::method::<Key<Good>>()]);
    vec![
        case::<ShoutedId>(&[Rule::IDS_ARE_KEBAB_CASE]),
        case::<DottedKind>(&[Rule::IDS_ARE_KEBAB_CASE]),
        with_kit("ids that changed", stale, &[Rule::IDS_STAY]),
        case::<Speechless>(&[Rule::EVERYTHING_IS_DOCUMENTED]),
        case::<SpeechlessField>(&[Rule::EVERYTHING_IS_DOCUMENTED]),
        case::<DisorderedLife>(&[Rule::LIFETIMES_ARE_ORDERED]),
        case::<LessWithMore>(&[Rule::ACCESS_LEVELS_INCLUDE_EACH_OTHER]),
        case::<Denial>(&[Rule::ABOUT_IS_CONSISTENT]),
        case::<WithoutNobody>(&[Rule::ABOUT_IS_CONSISTENT]),
        case::<MisspeltKeyword>(&[Rule::SCHEMA_IS_VALID]),
        case::<BadPattern>(&[Rule::SCHEMA_IS_VALID, Rule::EXAMPLES_ARE_GIVEN]),
        case::<Open>(&[Rule::SCHEMA_IS_COMPLETE]),
        case::<Unmarked>(&[Rule::SECRETS_ARE_MARKED]),
        case::<ShownSecret>(&[Rule::SECRETS_ARE_MARKED]),
        with_kit("a method without its type", orphan, &[Rule::EXAMPLES_ARE_GIVEN]),
    ]
}
