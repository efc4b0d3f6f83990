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
        check(TenantId::parse(text), text),
        check(ClientId::parse(text), text),
        check(IdentityId::parse(text), text),
        check(SubscriptionId::parse(text), text),
        check(ResourceGroup::parse(text), text),
        check(StorageAccount::parse(text), text),
        check(ContainerName::parse(text), text),
        check(ClusterName::parse(text), text),
        check(RegistryName::parse(text), text),
        check(CosmosAccount::parse(text), text),
        check(VaultName::parse(text), text),
        check(SecretName::parse(text), text),
    ];
    taken.into_iter().filter(|it| *it).count()
}

#[test]
fn c28_any_text_is_answered() {
    let config = Config { cases: 4000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let text = prop_oneof![
        "\\PC*",
        "[a-z0-9-]{1,70}",
        "[A-Za-z0-9_().-]{0,92}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11,13}",
        "hunter2[^a-z]{1,16}",
    ];
    let (taken, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    TestRunner::new_with_rng(config, rng)
        .run(&text, |text| {
            let count = check_all(&text);
            taken.set(taken.get() + count);
            refused.set(refused.get() + 12 - count);
            // What stands in a host or a path has nothing that ends it there.
            if count > 0 {
                prop_assert!(!text.contains(['/', '?', '#', '%', '\\', ' ', '@', ':']), "{}", text);
            }
            if let Ok(audience) = Audience::parse(&text) {
                prop_assert!(!audience.as_str().contains([' ', '?', '#', '&', '\n']), "{}", text);
            }
            Ok(())
        })
        .expect("an answer, whatever it is");
    assert!(taken.get() > 1000 && refused.get() > 10_000, "{taken:?} {refused:?}");
}

#[test]
fn c28_64_kib_are_answered() {
    for piece in ["a", ":", "/", "-", ".", "[", "%", "1.", "a-", "a.", "(", "é", "$", "@", "\\", "_"] {
        let run = piece.repeat(65_536 / piece.len());
        for head in ["", "a", "$root", "https://"] {
            assert_eq!(check_all(&format!("{head}{run}")), 0, "{head}{piece}…");
            let _ = Audience::parse(&format!("{head}{run}"));
        }
    }
}
