//! Any text as a name: refused without a word of it, or taken as it is (C28).

use connector_core::Result;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// Says what a reader makes of a text, and that an error does not quote it.
fn check<T: ToString>(name: Result<T>, text: &str) {
    match name {
        Ok(name) => {
            assert_eq!(name.to_string(), text, "it is taken as it is");
            assert!(text.len() <= 2048, "it has a bound");
        }
        Err(error) => assert!(!format!("{error:?}").contains("hunter2"), "{error:?}"),
    }
}

fn check_all(text: &str) {
    check(Arn::parse(text), text);
    check(AccountId::parse(text), text);
    check(BucketName::parse(text), text);
    check(ClusterName::parse(text), text);
    check(EndpointUrl::parse(text), text);
    check(ExternalId::parse(text), text);
    check(KeyPrefix::parse(text), text);
    check(MfaSerial::parse(text), text);
    check(PolicyArn::parse(text), text);
    check(Region::parse(text), text);
    check(RepositoryName::parse(text), text);
    check(RoleArn::parse(text), text);
    check(SecretName::parse(text), text);
    check(SessionName::parse(text), text);
    check(SourceIdentity::parse(text), text);
}

#[test]
fn c28_any_text_is_answered() {
    let config = Config { cases: 4000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let text = prop_oneof![
        "\\PC*",
        "[a-z0-9./:_*-]{0,80}",
        "arn:aws(-cn)?:[a-z0-9]{0,8}:[a-z0-9-]{0,9}:([0-9]{12})?:[a-z0-9:/*-]{0,32}",
        "https?://[a-z0-9.:\\[\\]@-]{0,32}(/[a-z?#]{0,8})?",
        "hunter2[^a-z]{1,16}",
    ];
    TestRunner::new_with_rng(config, rng)
        .run(&text, |text| {
            check_all(&text);
            // What is told of a session is always a name.
            let lossy = SessionName::lossy(&text, 64);
            prop_assert!(SessionName::parse(lossy.as_str()).is_ok());
            Ok(())
        })
        .expect("an answer, whatever it is");
}

#[test]
fn c28_64_kib_are_answered() {
    for piece in ["a", ":", "/", "-", ".", "[", "%", "1.", "a/", "arn:", "é", "::", "@", "\\"] {
        let run = piece.repeat(65_536 / piece.len());
        for head in ["", "arn:aws:iam::123456789012:role/", "https://", "http://["] {
            check_all(&format!("{head}{run}"));
        }
    }
}
