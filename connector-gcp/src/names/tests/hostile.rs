//! Any text as a name: refused without a word of it, or taken as it is (C28).

use connector_core::Result;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::super::*;

/// Says what a reader makes of a text, and that an error does not quote it.
fn check<T: ToString>(name: Result<T>, text: &str) -> bool {
    match name {
        Ok(name) => {
            assert_eq!(name.to_string(), text, "it is taken as it is");
            assert!(text.len() <= 2048, "it has a bound");
            true
        }
        Err(error) => {
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
            false
        }
    }
}

/// How many readers take a text.
fn check_all(text: &str) -> usize {
    let taken = [
        check(ProjectId::parse(text), text),
        check(Email::parse(text), text),
        check(Scope::parse(text), text),
        check(UniverseDomain::parse(text), text),
        check(BucketName::parse(text), text),
        check(ClusterName::parse(text), text),
        check(Location::parse(text), text),
        check(RepositoryName::parse(text), text),
        check(SecretName::parse(text), text),
        check(EndpointUrl::parse(text), text),
        check(KeyPrefix::parse(text), text),
    ];
    taken.into_iter().filter(|it| *it).count()
}

#[test]
fn c28_any_text_is_answered() {
    let config = Config { cases: 4000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let text = prop_oneof![
        "\\PC*",
        "[a-z0-9./:_@*-]{0,80}",
        "([a-z.]{1,12}:)?[a-z][a-z0-9-]{3,32}",
        "[a-z+.']{0,12}@[a-z0-9.-]{0,32}",
        "https?://[a-z0-9.:\\[\\]@-]{0,32}(/[a-z?#]{0,8})?",
        "hunter2[^a-z]{1,16}",
    ];
    let (taken, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    TestRunner::new_with_rng(config, rng)
        .run(&text, |text| {
            let count = check_all(&text);
            taken.set(taken.get() + count);
            refused.set(refused.get() + 11 - count);
            // What stands in a host or a path has nothing that ends it there.
            if ProjectId::parse(&*text).is_ok()
                || UniverseDomain::parse(&*text).is_ok()
                || Email::parse(&*text).is_ok()
            {
                prop_assert!(!text.contains(['/', '?', '#', '%', '\\', ' ']), "{}", text);
            }
            Ok(())
        })
        .expect("an answer, whatever it is");
    assert!(taken.get() > 1000 && refused.get() > 10_000, "{taken:?} {refused:?}");
}

#[test]
fn c28_64_kib_are_answered() {
    for piece in ["a", ":", "/", "-", ".", "[", "%", "1.", "a/", "a.", "a:", "é", "::", "@", "a@", "\\", "_"]
    {
        let run = piece.repeat(65_536 / piece.len());
        for head in ["", "example.com:", "a@", "https://", "http://[", "goog"] {
            assert_eq!(check_all(&format!("{head}{run}")), 0, "{head}{piece}…");
        }
    }
}
