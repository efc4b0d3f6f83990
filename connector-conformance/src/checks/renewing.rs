//! How a credential lives on, on a clock that only the kit moves.

use std::time::{Duration, SystemTime};

use connector_core::{Envelope, Error, ErrorKind, Result};

use crate::bench::{Bench, Case, Sample};
use crate::canary::secret_fields;
use crate::drive::{caught, is_panic, patient};
use crate::report::Findings;
use crate::rule::Rule;
use crate::shown;
use crate::wire::Mood;

pub(super) async fn check(case: &Case<'_>, findings: &mut Findings) {
    let place = case.place();
    check_renewal(case, &place, findings).await;
    check_outage(case, &place, findings).await;
}

/// A trial with its first credential; `None` when that does not end.
async fn begin(case: &Case<'_>) -> Option<(Bench, Sample, SystemTime)> {
    let (bench, sample) = case.issue(case.first()).await.ok()?;
    let sample = sample.ok()?;
    let end = sample.envelope.expiry.at()?;
    Some((bench, sample, end))
}

/// Whether the config itself says that nothing comes after `end`.
fn is_last(bench: &Bench, end: SystemTime) -> bool {
    bench.source_ends().is_some_and(|it| it <= end)
}

async fn check_renewal(case: &Case<'_>, place: &str, findings: &mut Findings) {
    let Some((bench, Sample { handle, envelope: first }, end)) = begin(case).await else { return };
    let Some(windows) = handle.windows() else { return };
    if is_last(&bench, end) {
        return;
    }
    bench.world.clock().set(windows.hard);
    let second = caught(handle.envelope()).await;
    let later = second.as_ref().is_ok_and(|it| it.expiry.at().is_none_or(|it| it > end));
    findings.require(later, Rule::IT_RENEWS, place, || match second {
        Err(error) => format!("renewing failed: {error}"),
        Ok(_) => {
            let left = end.duration_since(windows.hard).unwrap_or_default().as_secs();
            let life = windows.end.duration_since(bench.began).unwrap_or_default().as_secs();
            format!(
                "{left} s before the end of {life} s, what is issued anew ends no later ({})",
                same(&first, &second)
            )
        }
    });
}

/// Whether two answers are one credential, in words.
fn same(first: &Envelope, second: &Result<Envelope>) -> &'static str {
    match second {
        Ok(second) if secret_fields(first) == secret_fields(second) => "it is the same credential",
        _ => "it is another credential",
    }
}

async fn check_outage(case: &Case<'_>, place: &str, findings: &mut Findings) {
    let Some((bench, Sample { handle, envelope: first }, end)) = begin(case).await else { return };
    let Some(windows) = handle.windows() else { return };
    let clock = bench.world.clock();
    bench.world.wire().set(Mood::Down);

    let left = end.duration_since(windows.hard).unwrap_or_default();
    clock.set(windows.hard);
    let kept = patient(&bench.world, handle.envelope()).await;
    findings.require(kept.is_ok(), Rule::LAST_GOOD_IS_KEPT, place, || {
        let error = kept.err().map(|it| it.to_string()).unwrap_or_default();
        format!("with {} s left, and the provider down: {error}", left.as_secs())
    });

    clock.set(end.max(bench.cx.now()) + Duration::from_secs(1));
    let (before, now) = (bench.calls(), bench.cx.now());
    let past = patient(&bench.world, handle.envelope()).await;
    findings.checked(Rule::NEVER_PAST_THE_END);
    match past {
        Ok(past) => {
            // The surroundings may hold a thing whose end they do not say: it is read again.
            let read_again = case.method.implicit && bench.calls() == 0;
            let again = !read_again
                && secret_fields(&past) == secret_fields(&first)
                && !secret_fields(&first).is_empty();
            let ended = past.expiry.is_past(now);
            findings.require(!again && !ended, Rule::NEVER_PAST_THE_END, place, || {
                "the provider is down, and what ended a second ago is handed out again".to_owned()
            });
        }
        Err(error) => {
            let secrets = case.secrets.with_envelope(&first);
            if let Some(secret) = secrets.find(&shown::all_of(&error)) {
                findings.fail(
                    Rule::SECRETS_ARE_NOT_SHOWN,
                    place,
                    format!("{secret} in the error of an outage"),
                );
            }
            if bench.calls() > before {
                let fault = fault_of_outage(&error);
                findings.require(fault.is_none(), Rule::OUTAGES_PASS, place, || fault.unwrap_or_default());
            }
        }
    }
    if is_last(&bench, end) {
        return;
    }
    bench.world.wire().set(Mood::Honest);
    let back = patient(&bench.world, handle.envelope()).await;
    findings.require(back.is_ok(), Rule::IT_RENEWS, place, || {
        format!("after an outage: {}", back.err().map(|it| it.to_string()).unwrap_or_default())
    });
}

fn fault_of_outage(error: &Error) -> Option<String> {
    let ends = matches!(
        error.kind(),
        ErrorKind::NotConfigured
            | ErrorKind::NotFound
            | ErrorKind::Expired
            | ErrorKind::Disabled
            | ErrorKind::InvalidInput
    );
    if is_panic(error) {
        Some(error.to_string())
    } else if ends || !error.is_transient() {
        let lasting = if error.is_transient() { "transient" } else { "not transient" };
        Some(format!("an outage is `{}`, {lasting}: {error}", error.kind()))
    } else {
        shown::fault(error)
    }
}
