//! How long is asked for.

use std::time::Duration;

use connector_core::ErrorKind;

use crate::bench::{Bench, Case, Sample};
use crate::report::Findings;
use crate::rule::Rule;

pub(super) async fn check(case: &Case<'_>, findings: &mut Findings) {
    let Some(life) = &case.method.lifetime else { return };
    // A config of a method that has a say may have none: then what is asked for is only advertised.
    let Ok(bench) = case.bench() else { return };
    if bench.connector.method(&bench.cx).1.lifetime.is_none() {
        return;
    }
    let place = case.place();
    for wrong in [life.min.saturating_sub(1), life.max.saturating_add(1)] {
        check_refused(case, wrong, &place, findings).await;
    }
    if life.min == life.max {
        return;
    }
    let shortest = issue_for(case, life.min).await;
    let longest = issue_for(case, life.max).await;
    // What a config cannot ask for is refused, which is fine.
    let (Some((short_bench, short)), Some((long_bench, _))) = (shortest, longest) else { return };
    let asked =
        short_bench.calls() > 0 && short_bench.world.wire().trace() == long_bench.world.wire().trace();
    let overlong = short.envelope.provider_expiry.at().is_none_or(|end| end > short_bench.after(life.min));
    let untold = if short_bench.calls() > 0 { asked } else { overlong };
    findings.require(!untold, Rule::ASKED_LIFE_IS_TOLD, &place, || {
        format!("{} s and {} s are asked for by the same calls", life.min, life.max)
    });
}

async fn check_refused(case: &Case<'_>, seconds: u64, place: &str, findings: &mut Findings) {
    let grant = case.first().with_duration(Duration::from_secs(seconds));
    let Ok((bench, result)) = case.issue(grant).await else { return };
    let fault = match result {
        Ok(_) => Some("it is issued".to_owned()),
        Err(_) if bench.calls() > 0 => {
            Some(format!("{} calls were made before it was refused", bench.calls()))
        }
        Err(error) => {
            let named = error.field_problems().iter().any(|it| it.field == "duration");
            (error.kind() != ErrorKind::InvalidInput || !named)
                .then(|| format!("it is refused without naming `duration`: {error}"))
        }
    };
    findings.require(fault.is_none(), Rule::LIFETIME_BOUNDS_HOLD, place, || {
        format!("{seconds} s, which is out of bounds: {}", fault.unwrap_or_default())
    });
}

async fn issue_for(case: &Case<'_>, seconds: u64) -> Option<(Bench, Sample)> {
    let (bench, result) = case.issue(case.first().with_duration(Duration::from_secs(seconds))).await.ok()?;
    Some((bench, result.ok()?))
}
