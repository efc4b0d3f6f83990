#![allow(dead_code)] // The types are read by schemars only.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::Secret;

#[derive(Deserialize, JsonSchema)]
struct Shared {
    /// Where.
    #[schemars(extend("pattern" = "^[a-z]+$", "x-form" = "lower case"))]
    region: String,
    endpoint: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Way {
    Key(Secret),
    Source(String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(#[schemars(length(max = 2))] Vec<String>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Slow,
    /// Has a comment, so schemars writes an alternative of its own for it.
    Fast,
}

#[derive(Deserialize, JsonSchema)]
struct Inner {
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("pattern" = "^[0-9]{4}$"))]
struct Code(String);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(flatten)]
    shared: Shared,
    #[serde(flatten)]
    way: Way,
    roles: OneOrMany,
    code: Option<Code>,
    #[schemars(length(min = 2, max = 4))]
    short: Option<String>,
    #[schemars(range(min = 1, max = 9))]
    tries: Option<u8>,
    word: Option<Word>,
    inner: Option<Inner>,
    tags: Option<BTreeMap<String, String>>,
}

/// Checks a config that is right but for what `change` puts into it; gives the faults as text.
fn faults(change: Value) -> Vec<String> {
    let mut config = json!({"region": "moon", "key": "{{.key}}", "roles": "reader"});
    for (name, value) in change.as_object().expect("an object") {
        match value {
            Value::Null => config.as_object_mut().expect("an object").remove(name),
            value => config.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
        };
    }
    let config = config.as_object().expect("an object");
    check(&of::<Config>(), config).iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_right_has_no_faults() {
    for right in [
        json!({}),
        json!({"roles": ["a", "b"]}),
        json!({"endpoint": "http://x", "code": "1234", "tries": 9, "word": "fast", "tags": {"a": "b"}}),
        json!({"key": null, "source": "other"}),
        json!({"inner": {"name": "n", "more": 1}}),
    ] {
        assert_eq!(faults(right.clone()), [""; 0], "{right}");
    }
}

#[test]
fn s10_each_fault_names_the_field_and_what_would_be_right() {
    for (config, expected) in [
        (json!({"region": null}), "region: missing, and required"),
        (json!({"regoin": "moon"}), "regoin: unknown key; did you mean `region`?"),
        (json!({"region": 7}), "region: expected string, got number"),
        (json!({"region": "MOON"}), "region: expected lower case"),
        (json!({"code": "12"}), "code: expected text that matches ^[0-9]{4}$"),
        (json!({"short": "s"}), "short: expected 2 characters or more"),
        (json!({"short": "shorter"}), "short: expected 4 characters or less"),
        (json!({"tries": 0}), "tries: expected 1 or more"),
        (json!({"tries": 10}), "tries: expected 9 or less"),
        (json!({"tries": 1.5}), "tries: expected integer, got number"),
        (json!({"tries": "{{.n}}"}), "tries: expected integer, got string"),
        (json!({"word": "slowly"}), "word: expected one of: slow, fast"),
        (json!({"roles": true}), "roles: expected string or array of string, got boolean"),
        (json!({"roles": ["a", 1]}), "roles[1]: expected string, got number"),
        (json!({"roles": ["a", "b", "c"]}), "roles: expected 2 items or less"),
        (json!({"inner": {}}), "inner.name: missing, and required"),
        (json!({"inner": "n"}), "inner: expected object, got string"),
        (json!({"tags": {"a": 1}}), "tags.a: expected string, got number"),
    ] {
        assert_eq!(faults(config.clone()), [expected], "{config}");
    }
}

#[test]
fn an_unknown_key_that_resembles_nothing_lists_what_is_known() {
    let known = "code endpoint inner key region roles short source tags tries word";
    assert_eq!(
        faults(json!({"nothing_like_it": 1})),
        [format!("nothing_like_it: unknown key; known: {known}")]
    );
}

#[test]
fn faults_are_reported_together() {
    let faults = faults(json!({"region": null, "nope_nope": 1, "tries": 0, "inner": {}}));
    let fields: Vec<_> = faults.iter().filter_map(|it| it.split(':').next()).collect();
    assert_eq!(fields, ["region", "inner.name", "nope_nope", "tries"]);
}

#[test]
fn one_of_two_ways_has_to_be_given_and_not_both() {
    assert_eq!(faults(json!({"key": null})), ["expected one of: key, source"]);
    assert_eq!(faults(json!({"source": "other"})), ["expected only one of: key, source"]);
    assert_eq!(faults(json!({"key": 5})), ["key: expected string, got number"]);
}

#[test]
fn a_reference_stands_for_a_secret_and_for_nothing_that_is_shown() {
    assert_eq!(faults(json!({"key": "{{other.key}}"})), [""; 0]);
    let shown = faults(json!({"region": "{{x.region}}", "code": "{{.code}}", "roles": ["{{.a}}"]}));
    let fields: Vec<_> = shown.iter().filter_map(|it| it.split(':').next()).collect();
    assert_eq!(fields, ["code", "region", "roles[0]"]);
}

#[test]
fn fields_tell_kind_secrecy_and_need_whatever_the_schema_looks_like() {
    let fields: Vec<String> = fields(&of::<Config>())
        .into_iter()
        .map(|it| {
            format!("{} {{{}{}}} {}", it.name, it.kind, if it.secret { ", secret" } else { "" }, it.required)
        })
        .collect();
    assert_eq!(
        fields,
        [
            "region {string} true",
            "roles {string or array of string} true",
            "code {string} false",
            "endpoint {string} false",
            "inner {object} false",
            "key {string, secret} false",
            "short {string} false",
            "source {string} false",
            "tags {object} false",
            "tries {integer} false",
            "word {string} false",
        ]
    );
}

#[test]
fn a_secret_below_the_top_is_refused_since_it_could_not_be_stored_apart() {
    #[derive(Deserialize, JsonSchema)]
    struct Deep {
        keys: Vec<Secret>,
        by_name: BTreeMap<String, Secret>,
    }
    let config = json!({"keys": ["k"], "by_name": {"a": "{{.k}}"}});
    let faults = check(&of::<Deep>(), config.as_object().expect("an object"));
    let fields: Vec<_> = faults.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["by_name.a", "keys[0]"]);
    assert!(faults.iter().all(|it| it.message == "a secret here could not be stored apart"));
}

#[test]
fn c28_hostile_configs_of_64_kib_end_soon_with_a_bounded_answer() {
    let many: Map<String, Value> = (0..8192).map(|it| (format!("key{it}"), Value::Null)).collect();
    let problems = check(&of::<Config>(), &many);
    assert_eq!(problems.len(), MOST + 1);
    assert!(problems.last().is_some_and(|it| it.message.ends_with("more faults")));
    for hostile in [
        json!({"region": "a".repeat(65_536)}),
        json!({"roles": vec![1; 32_768]}),
        json!({"A".repeat(65_536): 1}),
        json!({"inner": (0..120).fold(json!(1), |it, _| json!([it]))}),
    ] {
        let size: usize = faults(hostile).iter().map(String::len).sum();
        assert!(size < 200_000, "{size}");
    }
}
