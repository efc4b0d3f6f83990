//! What keeps the rules passes.

use connector_conformance::{Kit, Rule, canary};
use connector_core::Registry;
use serde_json::json;

use crate::tiny::{Good, bare_kit, kit, registrations};

const IDS: [&str; 4] = ["type tiny", "method tiny/key", "resource tiny/box", "kind tiny-ticket"];

#[tokio::test]
async fn a_good_connector_passes_and_every_rule_was_checked() {
    let report = kit::<Good>().stable_ids(&IDS).run().await;
    assert!(report.is_clean(), "{report}");
    assert!(report.not_checked().is_empty(), "{report}");
}

/// Without a world nothing is issued, and the report says what it did not look at.
#[tokio::test]
async fn what_is_not_checked_is_told() {
    let registry = Registry::of(&registrations::<Good>()).expect("nothing is registered twice");
    let kit = Kit::with_registry(registry).method("tiny", "key", json!({ "key": canary("key") })).resource(
        "tiny",
        "box",
        &["box:one"],
    );
    let report = kit.run().await;
    assert!(report.is_clean(), "{report}");
    assert!(report.not_checked().contains(&Rule::IT_ISSUES));
    assert!(
        report.to_string().contains("not checked, for want of an example or a world: ids-stay"),
        "{report}"
    );
}

/// All failures are told together, each with its rule, its place, what was seen and how to mend it.
#[tokio::test]
async fn failures_are_told_together_and_can_be_excused() {
    let place = "method tiny/key";
    let report = bare_kit::<Good>().run().await;
    let told = report.to_string();
    assert!(
        told.contains("[examples-are-given] method tiny/key\n    seen: no example config was given"),
        "{told}"
    );
    assert!(told.contains("mend: give `Kit::method` a config"), "{told}");

    let excused = bare_kit::<Good>().except(Rule::EXAMPLES_ARE_GIVEN, place, "for this test").run().await;
    assert!(excused.is_clean(), "{excused}");
    assert_eq!(excused.excused().len(), 1);
    assert!(excused.to_string().contains("excused: [examples-are-given] method tiny/key: for this test"));
}

#[tokio::test]
#[should_panic(expected = "[examples-are-given] method tiny/key")]
async fn assert_panics_with_the_report() {
    bare_kit::<Good>().assert().await;
}
