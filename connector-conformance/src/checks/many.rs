//! Many callers at once.

use connector_core::{Grant, Result};

use crate::bench::{Bench, Case};
use crate::drive::{all, is_panic, patient};
use crate::report::Findings;
use crate::rule::Rule;
use crate::wire::Mood;

const CALLERS: usize = 64;

/// `grant` has its canonical id: a short name is completed by a call for each caller.
pub(super) async fn check(case: &Case<'_>, grant: &Grant, findings: &mut Findings) {
    let (Ok(one), Ok(many)) = (case.bench(), case.bench()) else { return };
    let _ = one.sample(grant.clone()).await;
    let answered = ask_all(&many, grant).await.iter().filter(|it| it.is_ok()).count();
    // What calls nobody has nothing to share.
    if one.calls() == 0 {
        return;
    }
    findings.require(many.calls() <= one.calls(), Rule::ONE_CALL_FOR_MANY, &case.place(), || {
        let (one, many) = (one.calls(), many.calls());
        format!("one caller causes {one} calls, {CALLERS} at once cause {many}; {answered} were answered")
    });

    let (Ok(one), Ok(many)) = (case.bench(), case.bench()) else { return };
    one.world.wire().set(Mood::Down);
    many.world.wire().set(Mood::Down);
    let _ = patient(&one.world, one.sample(grant.clone())).await;
    let results = patient(&many.world, async { Ok(ask_all(&many, grant).await) }).await;
    // A call that panics answers nobody, and is told elsewhere.
    if results.iter().flatten().any(|it| it.as_ref().is_err_and(is_panic)) {
        return;
    }
    // Who sends again may do so once more or less.
    findings.require(many.calls() <= 2 * one.calls() + 1, Rule::ONE_CALL_FOR_MANY, &case.place(), || {
        format!("one call that fails is {} calls, for {CALLERS} callers it is {}", one.calls(), many.calls())
    });
}

async fn ask_all(bench: &Bench, grant: &Grant) -> Vec<Result<()>> {
    let ask = || -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async { bench.sample(grant.clone()).await.map(drop) })
    };
    all((0..CALLERS).map(|_| ask())).await
}
