//! Any text and any JSON: an answer, never a panic, and no value in an error (C28, C11).

use std::time::{Duration, SystemTime};

use connector_core::{
    Document, Envelope, Grant, SecretRef, check_name, format_time, parse_duration, parse_time,
    resolve_secrets,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};

use crate::acme::{CANARY, World, json};

/// Always the same cases.
fn cases(count: u32) -> TestRunner {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// JSON of every shape, with keys that mean something among them.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from(CANARY)),
        Just(Value::from("{{.key_secret}}")),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "\\PC{0,6}",
        proptest::sample::select(
            &["region", "key_id", "key_secret", "role", "tags", "source", "version"][..]
        )
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from);
        let map = proptest::collection::btree_map(key.clone(), inner, 0..6);
        prop_oneof![list, map.prop_map(|it| Value::Object(it.into_iter().collect()))]
    })
}

#[test]
fn c28_any_text_is_answered_and_canonical_forms_read_as_themselves() {
    let text = prop_oneof![
        "\\PC*",
        "[0-9smhdTZ:.+-]{0,32}",
        "\\{\\{[a-z. {}]{0,16}\\}\\}",
        "[{}\\[\\]\":,a-z0-9]{0,64}"
    ];
    cases(4000)
        .run(&text, |text| {
            let _ = (check_name(&text), Envelope::from_json(&text), serde_json::from_str::<Document>(&text));
            if let Some(reference) = SecretRef::parse(&text) {
                prop_assert_eq!(SecretRef::parse(&reference.to_string()), Some(reference));
            }
            if let Ok(duration) = parse_duration(&text) {
                prop_assert_eq!(parse_duration(&duration.as_secs().to_string()).ok(), Some(duration));
            }
            if let Ok(time) = parse_time(&text) {
                let told = format_time(time);
                prop_assert_eq!(parse_time(&told).map(format_time).ok(), Some(told));
            }
            Ok(())
        })
        .expect("an answer, whatever it is");
}

/// C28: a provider's figures may be of any size; what is told of them reads again, in whole seconds.
#[test]
fn c28_any_time_is_told_in_whole_seconds() {
    cases(2000)
        .run(&(any::<u64>(), any::<bool>()), |(seconds, before)| {
            let by = Duration::new(seconds >> 1, 999_999_999);
            let start = SystemTime::UNIX_EPOCH;
            let time = if before { start.checked_sub(by) } else { start.checked_add(by) };
            let Some(time) = time else { return Ok(()) };
            let told = format_time(time);
            prop_assert!(!told.contains('.'), "{}", told);
            prop_assert_eq!(parse_time(&told).map(format_time).ok(), Some(told));
            Ok(())
        })
        .expect("a time");
}

/// C28, C11: any config gets faults by field, and none of its values is in them.
#[test]
fn c28_any_config_is_checked_and_no_value_is_quoted() {
    let world = World::default();
    cases(2000)
        .run(&any_json(), |value| {
            let config =
                value.as_object().cloned().unwrap_or_else(|| Map::from_iter([("region".into(), value)]));
            for method in ["key", "role"] {
                let document = Document::draft("it", "acme", method, config.clone());
                let faults = [
                    world.registry.check(&document, &world.cx).err(),
                    world.registry.references(&document).err(),
                    resolve_secrets(&config, &mut |_| None).err(),
                    world.registry.open(&document, config.clone()).err(),
                ];
                for error in faults.into_iter().flatten() {
                    prop_assert!(!format!("{:?}", error).contains(CANARY), "{:?}", error);
                }
            }
            let text = Value::Object(config).to_string();
            let _ = (serde_json::from_str::<Grant>(&text), Envelope::from_json(&text));
            Ok(())
        })
        .expect("faults by field");
}

/// C28: what a message shows of a hostile config has a bound, and so has the work for it.
#[test]
fn c28_a_long_key_is_neither_shown_nor_copied_for_each_value_beneath_it() {
    const LONG: usize = 512 * 1024;
    let world = World::default();
    let long = "k".repeat(LONG);
    let values = Value::from(vec![Value::from("x"); LONG / 4]);
    let config = json(Value::Object(Map::from_iter([(long, values)])));
    let resolved = resolve_secrets(&config, &mut |_| None).expect("no reference is in it");
    assert_eq!(resolved, config);
    let document = Document::draft("it", "acme", "key", config);
    let error = world.registry.check(&document, &world.cx).expect_err("an unknown key");
    assert!(format!("{error:?}").len() < 8 * 1024);
    let document = Document::draft("it", "t".repeat(LONG), "key", Map::new());
    let error = world.registry.check(&document, &world.cx).expect_err("an unknown type");
    assert!(format!("{error:?}").len() < 8 * 1024);
}
