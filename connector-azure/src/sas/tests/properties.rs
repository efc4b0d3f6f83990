//! Hostile paths: whatever the name of a blob can hold, a signature is for that name and no other (C24).

use std::cell::Cell;

use connector_core::Access;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

const FAMOUS: [&str; 18] = [
    "a",
    "ab",
    "a/b",
    "?",
    "&sp=racwd",
    "%2F",
    "%2e%2e",
    "+",
    " ",
    "#",
    "'",
    "\\",
    "日本",
    "\u{feff}a",
    "a\u{2028}b",
    "e\u{301}",
    "a=b",
    "\u{85}",
];

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        select(&FAMOUS[..]).prop_map(str::to_owned),
        "[ab/&=%?+ é😀]{1,12}",
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
            4 => name.replace('/', "%2F"),
            5 => format!("x/{name}"),
            6 => name.to_uppercase(),
            _ => other,
        };
        (name, other)
    })
}

#[test]
fn c24_hostile_parts_mean_themselves() {
    let (taken, refused, ours_seen) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let (account, container, key) = (account("acct"), container("cont"), delegation_key());
    runner(2000)
        .run(&neighbours(), |(name, other)| {
            let directory = KeyPrefix::parse(&name).and_then(|it| Part::directory(&it));
            let blob = KeyPrefix::parse(&name).and_then(|it| Part::blob(&it));
            let (Ok(directory), Ok(blob)) = (directory, blob) else {
                refused.set(refused.get() + 1);
                return Ok(());
            };
            taken.set(taken.get() + 1);
            let keys =
                [name.clone(), format!("{name}/x"), format!("{name}2"), other.clone(), format!("{other}/x")];
            for part in [directory, blob] {
                let is_directory = part.kind() == Kind::Directory;
                let permissions = Permissions::of(part.kind(), Access::Read);
                let terms = Terms { permissions, ..terms(&account, &container, part, "r") };
                let sas = key.sign(&terms).expect("a signature");
                // A query of plain names, whatever the path holds.
                prop_assert!(
                    sas.expose().bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~%=&".contains(&it))
                );
                prop_assert_eq!(sas.expose().matches("sp=").count(), 1);
                for tried in &keys {
                    // Said here once more, apart from `Part`.
                    let ours = *tried == name || (is_directory && tried.starts_with(&format!("{name}/")));
                    let asked = request('r', "cont", Some(tried));
                    let allowed = allows(sas.expose(), Key::Delegated(&key), &asked);
                    prop_assert_eq!(allowed.ok(), Some(ours), "{:?}", asked);
                    ours_seen.set(ours_seen.get() + usize::from(ours));
                }
            }
            Ok(())
        })
        .expect("parts stay parts");
    assert!(
        taken.get() > 800 && refused.get() > 200 && ours_seen.get() > 3000,
        "{taken:?} {refused:?} {ours_seen:?}"
    );
}

/// One letter more, a later end, another container: what is changed is no longer signed.
#[test]
fn c24_nothing_of_a_signature_can_be_changed() {
    let (account, container, key) = (account("acct"), container("cont"), delegation_key());
    let start = Some(at("2026-01-01T00:00:00Z"));
    let terms = Terms { start, ..terms(&account, &container, Part::Whole, "rl") };
    let sas = key.sign(&terms).expect("a signature").expose().to_owned();
    let asked = request('r', "cont", Some("x"));
    assert_eq!(allows(&sas, Key::Delegated(&key), &asked).ok(), Some(true));
    let changed = Cell::new(0);
    runner(4000)
        .run(&(0..sas.len(), any::<u8>()), |(place, byte)| {
            let mut bytes = sas.clone().into_bytes();
            bytes[place] = byte;
            let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
            // Hexadecimal digits of an encoding are the same in both cases.
            if text.eq_ignore_ascii_case(&sas) {
                return Ok(());
            }
            changed.set(changed.get() + 1);
            prop_assert_ne!(allows(&text, Key::Delegated(&key), &asked).ok(), Some(true), "{}", text);
            Ok(())
        })
        .expect("a changed signature is none");
    assert!(changed.get() > 1500, "{changed:?}");
}
