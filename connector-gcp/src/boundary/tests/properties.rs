//! Hostile parts: whatever a key can hold, a condition means the part and nothing else (C24).

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

const FAMOUS: [&str; 20] = [
    "a",
    "ab",
    "a/b",
    "'",
    "\\",
    "\\'",
    "\"",
    "') || ('a' == 'a",
    "' || resource.name.startsWith('",
    "\\' || true || \\'",
    "//",
    "a//b",
    "%27",
    "*",
    "**",
    "${x}",
    "日本",
    "\u{feff}a",
    "a\u{2028}b",
    "e\u{301}",
];

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        select(&FAMOUS[..]).prop_map(str::to_owned),
        "[a'\"\\\\/|(). é😀]{1,12}",
        "\\PC{1,24}",
        // Control characters, which no part takes.
        "[a\\n\\r\\x00\\x7f/]{1,6}",
    ]
}

/// Pairs of which the second is often next to the first.
fn neighbours() -> impl Strategy<Value = (String, String)> {
    (names(), names(), 0..8).prop_map(|(name, other, how)| {
        let other = match how {
            0 => name.clone(),
            1 => format!("{name}2"),
            2 => format!("{name}/x"),
            3 => name.chars().skip(1).collect(),
            4 => name.replace(['\\', '\''], ""),
            5 => name.replace('\\', "\\\\").replace('\'', "\\'"),
            6 => name.to_uppercase(),
            _ => other,
        };
        (name, other)
    })
}

#[test]
fn c24_hostile_parts_mean_themselves() {
    let (taken, refused, ours_seen) = (Cell::new(0), Cell::new(0), Cell::new(0));
    runner(1000)
        .run(&(neighbours(), prop::bool::ANY), |((name, other), slash)| {
            let within = if slash { format!("{name}/") } else { name };
            let Ok(part) = KeyPrefix::parse(&within) else {
                refused.set(refused.get() + 1);
                return Ok(());
            };
            taken.set(taken.get() + 1);
            prop_assert!(!within.chars().any(char::is_control));
            // Said here once more, apart from `KeyPrefix`.
            let folder = if within.ends_with('/') { within.clone() } else { format!("{within}/") };
            let keys = [
                within.clone(),
                folder.clone(),
                format!("{folder}x"),
                format!("{within}2"),
                other.clone(),
                format!("{other}/x"),
            ];
            for access in Access::ALL {
                let boundary = Boundary::new(bucket("zen"), Some(part.clone()), access);
                for key in &keys {
                    let ours = key.starts_with(&folder) || (!within.ends_with('/') && *key == within);
                    for (bucket, expected) in [("zen", ours), ("zen2", false)] {
                        let asked = Request { bucket, ..object("storage.objects.get", key) };
                        let allowed = boundary.allows(asked);
                        prop_assert_eq!(
                            allowed.ok(),
                            Some(expected),
                            "{:?} by {}",
                            asked,
                            boundary.to_json()
                        );
                    }
                    let listed = boundary.allows(list(key)).ok();
                    prop_assert_eq!(
                        listed,
                        Some(key.starts_with(&folder)),
                        "{} by {}",
                        key,
                        boundary.to_json()
                    );
                    ours_seen.set(ours_seen.get() + usize::from(ours));
                }
            }
            Ok(())
        })
        .expect("parts stay parts");
    assert!(
        taken.get() > 500 && refused.get() > 100 && ours_seen.get() > 3000,
        "{taken:?} {refused:?} {ours_seen:?}"
    );
}

/// The condition is read here apart from the evaluator: quotes and backslashes come in pairs, and outside of quotes
/// stands nothing but the words that are ours.
#[test]
fn c24_nothing_of_a_part_stands_outside_of_quotes() {
    let outside = |expression: &str| {
        let (mut out, mut within, mut characters) = (String::new(), false, expression.chars());
        while let Some(character) = characters.next() {
            match character {
                '\'' => within = !within,
                '\\' if within => drop(characters.next()),
                _ if within => {}
                other => out.push(other),
            }
        }
        assert!(!within, "a quote is open: {expression}");
        out
    };
    let folder = "resource.name.startsWith() || api.getAttribute(, ).startsWith()";
    let both = format!("resource.name ==  || {folder}");
    let seen = Cell::new(0);
    runner(4000)
        .run(&(names(), prop::bool::ANY), |(name, slash)| {
            let within = if slash { format!("{name}/") } else { name };
            let Ok(part) = KeyPrefix::parse(&within) else { return Ok(()) };
            let json = Boundary::new(bucket("zen"), Some(part), Access::Read).to_json();
            let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            let rule = &value["accessBoundary"]["accessBoundaryRules"][0];
            let expression = rule["availabilityCondition"]["expression"].as_str().expect("a condition");
            let expected = if within.ends_with('/') { folder } else { &both };
            prop_assert_eq!(outside(expression), expected, "{}", expression);
            seen.set(seen.get() + 1);
            Ok(())
        })
        .expect("parts stay in their quotes");
    assert!(seen.get() > 1000, "{seen:?}");
}

/// A name of a bucket has no character that means something in a condition or a name of a resource.
#[test]
fn c24_hostile_buckets_are_none() {
    let (taken, refused) = (Cell::new(0), Cell::new(0));
    runner(3000)
        .run(&prop_oneof![names(), "[a-z0-9._'/\\\\-]{3,12}", "[a-z0-9.]{3,12}"], |name| {
            let Ok(bucket) = BucketName::parse(&*name) else {
                refused.set(refused.get() + 1);
                return Ok(());
            };
            taken.set(taken.get() + 1);
            prop_assert!(
                name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it)),
                "{}",
                name
            );
            let boundary = Boundary::new(bucket, None, Access::Read);
            for (asked, expected) in
                [(name.clone(), true), (format!("{name}2"), false), ("zen".into(), name == "zen")]
            {
                let request = Request { bucket: &asked, ..object("storage.objects.get", "x") };
                prop_assert_eq!(boundary.allows(request).ok(), Some(expected));
            }
            Ok(())
        })
        .expect("names stay names");
    assert!(taken.get() > 300 && refused.get() > 300, "{taken:?} {refused:?}");
}
