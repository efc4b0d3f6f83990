//! Whatever a file holds: edited and taken back it is the same, byte for byte, and edited it holds all that it
//! held.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        "[ -~]{0,8}",
        "\\PC{0,4}",
        Just("credHelpers".to_owned()),
        Just("name".to_owned())
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// A document with lists of named entries, as kubeconfig files have, beside anything else.
fn document() -> impl Strategy<Value = Value> {
    let entry = (prop_oneof![Just("ours".to_owned()), "[a-z]{1,4}"], value())
        .prop_map(|(name, it)| json!({ "name": name, "user": it }));
    let entries = prop::collection::vec(entry, 0..4);
    let lists =
        prop_oneof![Just(None), Just(Some(Value::Null)), entries.prop_map(|it| Some(Value::from(it)))];
    let helpers = prop_oneof![
        Just(None),
        Just(Some(json!({}))),
        Just(Some(json!({ "gcr.io": "gcloud" }))),
        Just(Some(json!({ "ours": "other", "b": "c" })))
    ];
    (prop::collection::vec((word(), value()), 0..5), lists, helpers).prop_map(|(pairs, list, helpers)| {
        let mut map: serde_json::Map<String, Value> = pairs.into_iter().collect();
        map.remove("credHelpers");
        list.map(|it| map.insert("users".into(), it));
        helpers.map(|it| map.insert("credHelpers".into(), it));
        Value::Object(map)
    })
}

/// How a document is set: in one line, in lines of some indentation, as JSON; as YAML in blocks.
fn text() -> impl Strategy<Value = (Format, String)> {
    (document(), 0..5_u8, any::<bool>(), "[ \n]{0,2}").prop_map(|(document, layout, crlf, end)| {
        let pretty = |unit: &str| {
            let mut out = Vec::new();
            let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
            let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
            serde::Serialize::serialize(&document, &mut serializer).expect("written");
            String::from_utf8(out).expect("text")
        };
        let (format, text) = match layout {
            0 => (Format::Json, document.to_string()),
            1 => (Format::Json, pretty("\t")),
            2 => (Format::Yaml, pretty("  ")),
            3 => (Format::Yaml, document.to_string()),
            _ => (Format::Yaml, serde_saphyr::to_string(&document).expect("written")),
        };
        let text = format!("{text}{end}");
        (format, if crlf { text.replace('\n', "\r\n") } else { text })
    })
}

proptest! {
    #[test]
    fn edited_and_taken_back_is_the_same((format, text) in text()) {
        let helper = [Step::Key("credHelpers".into()), Step::Key("ours".into())].to_vec();
        let user = [Step::Key("users".into()), Step::Named("ours".into())].to_vec();
        for (place, value) in [(helper, json!("connector")), (user, json!({ "name": "ours", "user": { "exec": { "args": ["a", "b"] } } }))] {
            let Ok(root) = format.parse(&text) else { continue };
            // What readers differ about is refused.
            let Ok(edited) = set(format, &text, &place, &value) else { continue };
            prop_assert_eq!(take_back(&edited.text, &edited.reverse), Some(text.clone()));
            let again = format.parse(&edited.text).expect("parses");
            prop_assert_eq!(root.rest(&text, std::slice::from_ref(&place)), again.rest(&edited.text, std::slice::from_ref(&place)));
            if edited.before.is_none() {
                let without = unset(format, &edited.text, &place, &edited.made);
                if let Ok(without) = without {
                    prop_assert_eq!(format.parse(&without.text).expect("parses").find(&place).expect("once").map(Node::value), None);
                }
            }
        }
    }

    /// Ordinary files are edited, not refused.
    #[test]
    fn ordinary_json_is_always_edited(document in document(), crlf in any::<bool>()) {
        let text = serde_json::to_string_pretty(&document).expect("written");
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let place = [Step::Key("credHelpers".into()), Step::Key("ours".into())].to_vec();
        let edited = set(Format::Json, &text, &place, &json!("connector"));
        prop_assert!(edited.is_ok(), "{:?}", edited.err());
        let value: Value = serde_json::from_str(&edited.expect("set").text).expect("JSON");
        prop_assert_eq!(&value["credHelpers"]["ours"], "connector");
    }

    #[test]
    fn ini_edited_and_taken_back_is_the_same(
        lines in prop::collection::vec(prop_oneof!["\\[(profile )?[a-z]{1,3}\\]", "[a-z]{1,3} ?[=:] ?[ -~]{0,5}", "[#;][ -~]{0,5}", Just(String::new()), "  [a-z]+"], 0..8),
        end in "[\n]{0,2}", crlf in any::<bool>()
    ) {
        let text = format!("{}{end}", lines.join("\n"));
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let place = [Step::Key("profile ours".into())].to_vec();
        if let Ok(edited) = set(Format::Ini, &text, &place, &json!({ "region": "x" })) {
            prop_assert_eq!(take_back(&edited.text, &edited.reverse), Some(text.clone()));
            let away = unset(Format::Ini, &edited.text, &place, &[]).expect("taken away");
            prop_assert_eq!(away.text.trim_end(), text.trim_end());
        }
    }

    /// C28: whatever somebody left there, it is read or refused.
    #[test]
    fn c28_garbage_is_refused(text in "[ -~\n\t\\PC]{0,40}") {
        for format in [Format::Json, Format::Yaml, Format::Ini, Format::Dotenv, Format::Text] {
            let _ = format.parse(&text);
            let _ = set(format, &text, &[Step::Key("a".into())], &json!({ "b": "c" }));
        }
    }
}
