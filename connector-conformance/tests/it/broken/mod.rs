//! Connectors with one fault each, and the rules that catch it.

mod answers;
mod catalogue;
mod config;
mod ids;
mod issuing;
mod time;
mod travel;

use std::collections::BTreeSet;

use connector_conformance::{Kit, Rule};

use crate::tiny::{Nature, kit};

/// A fault, and the rules that it breaks: these and no others.
pub(crate) struct Case {
    name: &'static str,
    kit: Kit,
    breaks: Vec<Rule>,
}

/// A connector that is broken by its nature.
pub(crate) fn case<N: Nature>(breaks: &[Rule]) -> Case {
    with_kit(std::any::type_name::<N>(), kit::<N>(), breaks)
}

/// A kit that is called in a wrong way.
pub(crate) fn with_kit(name: &'static str, kit: Kit, breaks: &[Rule]) -> Case {
    Case { name, kit, breaks: breaks.to_vec() }
}

/// Declares a connector that is the good one but for the given items.
macro_rules! broken {
    ($($(#[$doc:meta])* $name:ident { $($item:item)* })+) => {$(
        $(#[$doc])*
        struct $name;
        impl $crate::tiny::Nature for $name { $($item)* }
    )+};
}
pub(crate) use broken;

/// Each fault breaks its rules and no others.
async fn catches(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for case in cases {
        let report = case.kit.run().await;
        let ids = |rules: &mut dyn Iterator<Item = Rule>| rules.map(Rule::id).collect::<BTreeSet<_>>();
        let seen = ids(&mut report.failures().iter().map(|it| it.rule));
        let expected = ids(&mut case.breaks.iter().copied());
        if seen != expected {
            wrong.push(format!("{}: expected {expected:?}, got\n{report}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

#[tokio::test]
async fn what_is_said_wrong_is_caught() {
    catches(catalogue::cases()).await;
}

#[tokio::test]
async fn s7_s10_configs_that_fail_badly_are_caught() {
    catches(config::cases()).await;
}

#[tokio::test]
async fn s17_c28_ids_that_are_read_badly_are_caught() {
    catches(ids::cases()).await;
}

#[tokio::test]
async fn s21_s31_s34_c24_c25_what_is_issued_wrong_is_caught() {
    catches(issuing::cases()).await;
}

#[tokio::test]
async fn what_does_not_travel_is_caught() {
    catches(travel::cases()).await;
}

#[tokio::test]
async fn s32_c26_what_does_not_live_on_is_caught() {
    catches(time::cases()).await;
}

#[tokio::test]
async fn c18_c28_what_a_bad_answer_breaks_is_caught() {
    catches(answers::cases()).await;
}

/// A rule that nothing breaks would be worth nothing.
#[test]
fn every_rule_has_a_connector_that_breaks_it() {
    let all = [
        catalogue::cases(),
        config::cases(),
        ids::cases(),
        issuing::cases(),
        travel::cases(),
        time::cases(),
        answers::cases(),
    ];
    let broken: BTreeSet<_> = all.iter().flatten().flat_map(|it| &it.breaks).map(|it| it.id()).collect();
    let missing: Vec<_> = Rule::ALL.iter().filter(|it| !broken.contains(it.id())).collect();
    assert!(missing.is_empty(), "nothing breaks {missing:?}");
}
