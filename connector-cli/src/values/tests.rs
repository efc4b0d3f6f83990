use proptest::prelude::{ProptestConfig as Config, *};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use super::*;

fn field(name: &str, kind: &str, secret: bool) -> Field {
    // Built through serde-free means: the struct may grow.
    connectors::registry()
        .ok()
        .and_then(|registry| registry.fields("aws", "iam-role").ok())
        .and_then(|fields| fields.last().cloned())
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
    let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
    let mut faults = Faults::default();
    let given = read(&words, &shapes(), &mut faults);
    faults.check().map(|()| given)
}

fn config(given: Given) -> Value {
    let mut config = Map::new();
    given.apply(&mut config);
    Value::Object(config)
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
        config(given),
        json!({"region": "eu-west-1", "arns": ["a", "b"], "chain": ["x", "y"],
            "tags": {"team": "data", "a.b": "1"}, "insecure": true, "count": 7, "bogus": "[1]"})
    );
}

#[test]
fn what_does_not_fit_stays_text_for_the_check_to_report() {
    let given = read_words(&["insecure=maybe", "tags={broken", "chain=one"]).expect("read");
    assert_eq!(config(given), json!({"insecure": "maybe", "tags": "{broken", "chain": "one"}));
}

#[test]
fn empty_values_take_away() {
    let given = read_words(&["region=", "key="]).expect("read");
    assert_eq!(given.values["region"], None);
    assert!(given.exposed.is_empty() && config(given) == json!({}));
}

#[test]
fn entries_of_a_map_change_and_the_others_stay() {
    let stored = json!({"tags": {"team": "x", "env": "y"}});
    let changed = |words: &[&str]| {
        let mut config = stored.as_object().cloned().expect("an object");
        read_words(words).expect("read").apply(&mut config);
        Value::Object(config)
    };
    assert_eq!(changed(&["tags.env="]), json!({"tags": {"team": "x"}}));
    assert_eq!(changed(&["tags.new=z"]), json!({"tags": {"team": "x", "env": "y", "new": "z"}}));
    assert_eq!(changed(&["tags.env=", "tags.team="]), json!({}));
    assert_eq!(changed(&["tags={\"a\":\"b\"}", "tags.c=d"]), json!({"tags": {"a": "b", "c": "d"}}));
    assert_eq!(changed(&["tags="]), json!({}));
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
    assert_eq!(config(given)["key"], "line one\nline two");
    let missing = read_words(&["key=@/nonexistent/file"]).err().expect("missing");
    assert_eq!(missing.kind(), connector_core::ErrorKind::NotFound);
    assert_eq!(missing.message(), "key: no file /nonexistent/file", "the field is named");
}

/// C28, C11: any words are values or faults, and no fault quotes a value.
#[test]
fn c28_any_words_are_answered() {
    let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let value = prop_oneof![
        "\\PC{0,20}".prop_filter("no files, variables or standard input", |it| {
            !it.starts_with(['@', '-']) && !it.starts_with("env:")
        }),
        "[\\[\\]{}\":,0-9a-z]{0,40}",
        Just("hunter2".to_owned()),
    ];
    let key = prop_oneof![
        "[a-z.]{0,6}",
        proptest::sample::select(
            &["region", "key", "arns", "chain", "tags.a", "tags", "insecure", "count"][..]
        )
        .prop_map(str::to_owned),
    ];
    let words =
        proptest::collection::vec((key, value).prop_map(|(key, value)| format!("{key}={value}")), 0..8);
    let shapes = shapes();
    TestRunner::new_with_rng(config, rng)
        .run(&words, |words| {
            let mut faults = Faults::default();
            let given = read(&words, &shapes, &mut faults);
            let mut config = Map::new();
            given.apply(&mut config);
            prop_assert!(config.len() <= words.len());
            if let Err(error) = faults.check() {
                prop_assert!(!format!("{:?}", error).contains("hunter2"), "{:?}", error);
            }
            Ok(())
        })
        .expect("an answer, whatever it is");
}

/// C28: the longest and the deepest value of each shape.
#[test]
fn c28_long_and_deep_values_are_answered() {
    for piece in ["a", ",", "[", "{\"a\":", "\"", "\\", "1", "\u{200d}", "{{"] {
        let run = piece.repeat((1 << 20) / piece.len());
        for field in shapes().0 {
            let value = typed(&run, &field);
            assert!(value.as_array().is_none_or(|it| it.len() <= run.len() + 1), "{piece}");
        }
    }
    assert_eq!(line_at(&"\n".repeat(1 << 20), 1 << 20), (1 << 20) + 1);
}
