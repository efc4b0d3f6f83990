//! What is said to be narrowed.

use connector_core::{Access, Grant};

use crate::bench::Case;
use crate::canary::secret_fields;
use crate::report::Findings;
use crate::rule::Rule;

/// What is seen of one narrowing: the calls that asked for it, or the credential where nobody was asked.
#[derive(PartialEq, Eq)]
enum Told {
    By(Vec<Vec<u8>>),
    In(Vec<(String, String)>),
}

pub(super) async fn check(case: &Case<'_>, findings: &mut Findings) {
    let place = case.place();
    let by_resource = !case.resource.narrows.trim_start().starts_with("nothing");
    let (mut told, mut claims) = (Vec::new(), 0);
    for grant in variants(case) {
        let Ok((bench, Ok(sample))) = case.issue(grant).await else { continue };
        let narrowed = &sample.envelope.narrowed;
        findings.require(!narrowed.reason().trim().is_empty(), Rule::NARROWING_IS_DECLARED, &place, || {
            "neither by what it is narrowed nor why not".to_owned()
        });
        claims += usize::from(narrowed.is_narrowed());
        let declared = by_resource || bench.connector.method(&bench.cx).1.narrows.is_some();
        findings.require(!narrowed.is_narrowed() || declared, Rule::NARROWING_IS_DECLARED, &place, || {
            format!("it is said to be narrowed by `{}`, and neither ABOUT says so", narrowed.reason())
        });
        told.push(match bench.calls() {
            0 => Told::In(secret_fields(&sample.envelope)),
            _ => Told::By(bench.world.wire().trace()),
        });
    }
    if claims > 1 {
        findings.require(told.iter().any(|it| *it != told[0]), Rule::NARROWING_IS_TOLD, &place, || {
            format!(
                "{} different grants are asked for in one way, and {claims} are said to be narrowed",
                told.len()
            )
        });
    }
}

/// Every access level, every example id, every example part.
fn variants(case: &Case<'_>) -> Vec<Grant> {
    let levels = Access::ALL.iter().map(|access| case.first().with_access(*access));
    let others = case.ids.texts.iter().skip(1).map(|id| case.grant(id));
    let parts = case.ids.parts.iter().map(|part| case.first().with_within(part));
    levels.chain(others).chain(parts).collect()
}
