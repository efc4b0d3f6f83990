//! One credential is issued, and what is true of it.

use connector_core::{Envelope, ErrorKind, Expiry, Result};

use super::secrets;
use crate::bench::{Bench, Case, Sample};
use crate::canary::secret_fields;
use crate::drive::caught;
use crate::report::Findings;
use crate::rule::Rule;
use crate::shown;

/// Issues from the first example id, and looks at what came; `None` when nothing did.
pub(super) async fn check(case: &mut Case<'_>, findings: &mut Findings) -> Option<Sample> {
    let place = case.place();
    // A config that does not open was told of before.
    let (mut bench, mut result) = case.issue(case.first()).await.ok()?;
    if result.as_ref().is_err_and(|it| it.kind() == ErrorKind::Refused) {
        // A secret that could only be handed out itself is refused unless that is allowed.
        secrets::check_passed(case, &bench, &place, findings).await;
        case.long_lived = true;
        match case.issue(case.first()).await {
            Ok((allowed, Ok(sample))) if sample.envelope.long_lived => {
                if let Ok(handle) = bench.handle(case.first()).await {
                    secrets::check_plan(case, &handle, false, &place, findings);
                }
                (bench, result) = (allowed, Ok(sample))
            }
            _ => case.long_lived = false,
        }
    }
    findings.checked(Rule::SECRETS_ARE_NOT_SHOWN);
    let sample = match result {
        Ok(sample) => sample,
        Err(error) => {
            findings.fail(Rule::IT_ISSUES, &place, shown::briefly(&error));
            if let Some(secret) = case.leak_in(&error) {
                findings.fail(Rule::SECRETS_ARE_NOT_SHOWN, &place, format!("{secret} in an error"));
            }
            return None;
        }
    };
    findings.checked(Rule::IT_ISSUES);
    if !case.long_lived {
        secrets::check_plan(case, &sample.handle, true, &place, findings);
    }
    check_end(case, &bench, &sample.envelope, &place, findings);
    secrets::check(case, &bench, &sample, &place, findings);
    check_surroundings(case, &bench, &place, findings);
    check_slow(case, &bench, &sample.envelope, &place, findings).await;
    check_listing(case, &place, findings).await;
    Some(sample)
}

fn check_end(case: &Case<'_>, bench: &Bench, envelope: &Envelope, place: &str, findings: &mut Findings) {
    let fault = match &envelope.expiry {
        Expiry::Never(_) if case.method.temporary => {
            Some("the method says `temporary()`, and what it issued never ends")
        }
        Expiry::Never(why) if why.trim().is_empty() => Some("it never ends, and does not say why"),
        _ => None,
    };
    findings.require(fault.is_none(), Rule::EXPIRY_IS_SAID, place, || fault.unwrap_or_default().to_owned());

    let ends = [("it", &envelope.expiry), ("the provider's end", &envelope.provider_expiry)];
    for (_, secret) in secret_fields(envelope) {
        let Some(real) = bench.world.provider_end(&secret) else { continue };
        findings.checked(Rule::NEVER_ADVERTISED_LONGER);
        for (what, said) in ends {
            let longer = said.at().is_none_or(|end| end > real);
            findings.require(!longer, Rule::NEVER_ADVERTISED_LONGER, place, || {
                let over = said.at().and_then(|end| end.duration_since(real).ok()).map(|it| it.as_secs());
                let over = over.map_or("for ever".to_owned(), |it| format!("{it} s longer"));
                format!("{what} is said to last {over} than the provider lets it")
            });
        }
    }
    let [(_, ours), (_, theirs)] = ends;
    if let (Some(ours), Some(theirs)) = (ours.at(), theirs.at()) {
        findings.require(ours <= theirs, Rule::NEVER_ADVERTISED_LONGER, place, || {
            "it is advertised for longer than the provider's end that it says itself".to_owned()
        });
    }
}

fn check_surroundings(case: &Case<'_>, bench: &Bench, place: &str, findings: &mut Findings) {
    let used = bench.world.take_variables();
    let _ = case.registry.identity(&bench.document, &bench.cx);
    let declared = bench.world.take_variables();
    let hidden: Vec<_> = used.difference(&declared).cloned().collect();
    findings.require(
        hidden.is_empty() || case.method.implicit,
        Rule::SURROUNDINGS_ARE_DECLARED,
        place,
        || format!("it asked the environment for {}", hidden.join(" ")),
    );
}

/// The last answer takes half a minute on its way back.
async fn check_slow(case: &Case<'_>, bench: &Bench, quick: &Envelope, place: &str, findings: &mut Findings) {
    const LATE: std::time::Duration = std::time::Duration::from_secs(30);
    let Some(last) = bench.calls().checked_sub(1) else { return };
    let Ok(slow) = case.bench() else { return };
    slow.world.wire().set(crate::wire::Mood::Slow(last, LATE));
    let Ok(Sample { envelope, .. }) = slow.sample(case.first()).await else { return };
    let (Some(quick), Some(late)) = (quick.expiry.at(), envelope.expiry.at()) else { return };
    findings.require(late <= quick, Rule::SLOW_ANSWERS_LENGTHEN_NOTHING, place, || {
        let by = late.duration_since(quick).unwrap_or_default().as_secs();
        format!("the answer came {} s later, and the credential ends {by} s later", LATE.as_secs())
    });
}

async fn check_listing(case: &Case<'_>, place: &str, findings: &mut Findings) {
    let Ok(bench) = case.bench() else { return };
    let listed: Result<_> = caught(bench.connector.list(&bench.cx, &case.resource.id)).await;
    let shown = match &listed {
        Ok(listing) => {
            let failures =
                listing.failures.iter().map(|it| format!("{} {}", it.place, shown::all_of(&it.error)));
            failures.chain(listing.notes.iter().cloned()).collect::<Vec<_>>().join("\n")
        }
        Err(error) => shown::all_of(error),
    };
    if let Some(secret) = case.secrets.find(&shown) {
        findings.fail(Rule::SECRETS_ARE_NOT_SHOWN, place, format!("{secret} in what listing says"));
    }
    for id in listed.iter().flat_map(|it| &it.ids) {
        let parsed = case.registry.parse(&case.example.connector_type, &case.resource.id, id);
        let canonical = parsed.as_ref().is_ok_and(|it| it.id == *id && !it.partial && it.within.is_none());
        findings.require(canonical, Rule::LISTED_IDS_ARE_CANONICAL, place, || match &parsed {
            Ok(parsed) => format!("`{id}` is listed, and is `{}`", parsed.id),
            Err(error) => format!("`{id}` is listed: {error}"),
        });
    }
}
