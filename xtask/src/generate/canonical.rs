//! JSON with sorted keys: two builds of the program may order them differently.

use serde_json::Value;

/// The value on indented lines, keys sorted, with a line break at the end.
pub(super) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            let key = |text: &mut String, (key, value): &(&String, &Value)| {
                text.push_str(&format!("{}: ", Value::from(key.as_str())));
                write(text, value, depth + 1);
            };
            list(text, ('{', '}'), depth, &fields, key);
        }
        Value::Array(values) if !values.is_empty() => {
            list(text, ('[', ']'), depth, values, |text, value| write(text, value, depth + 1));
        }
        other => text.push_str(&other.to_string()),
    }
}

fn list<T>(
    text: &mut String,
    (open, close): (char, char),
    depth: usize,
    all: &[T],
    one: impl Fn(&mut String, &T),
) {
    text.push(open);
    for (index, entry) in all.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        one(text, entry);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_the_value_stays() {
        let value = json!({ "b": [1, { "d": null, "c": "\"" }], "a": {}, "e": [] });
        let printed = text(&value);
        assert_eq!(serde_json::from_str::<Value>(&printed).ok(), Some(value));
        assert!(
            printed.starts_with("{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"c\": "),
            "{printed}"
        );
        assert!(printed.ends_with("  \"e\": []\n}\n"), "{printed}");
    }
}
