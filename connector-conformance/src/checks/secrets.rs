//! Secrets, and the places that they must not be in.

use connector_core::{AnyHandle, Envelope, Life, Secret};

use crate::bench::{Bench, Case, Sample};
use crate::drive::{caught, survive};
use crate::report::Findings;
use crate::rule::Rule;
use crate::shown;

pub(super) fn check(case: &Case<'_>, bench: &Bench, sample: &Sample, place: &str, findings: &mut Findings) {
    check_long_lived(case, &sample.envelope, place, findings);
    check_shown(case, bench, sample, place, findings);
    check_urls(case, bench, &sample.envelope, place, findings);
}

fn check_long_lived(case: &Case<'_>, envelope: &Envelope, place: &str, findings: &mut Findings) {
    findings.checked(Rule::LONG_LIVED_SECRETS_STAY);
    if case.method.life != Life::Long.as_str() || envelope.long_lived {
        return;
    }
    let mut texts = vec![("the envelope".to_owned(), envelope.to_json())];
    texts.extend(forms(case, envelope).into_iter().filter_map(|(what, form)| Some((what, form.ok()?))));
    for (what, text) in texts {
        if let Some(secret) = case.secrets.find(text.expose()) {
            findings.fail(Rule::LONG_LIVED_SECRETS_STAY, place, format!("{secret} stands in {what}"));
        }
    }
}

/// Without the owner's leave a stored secret stands in no form, but for the one that its resource type passes it to.
pub(super) async fn check_passed(case: &Case<'_>, bench: &Bench, place: &str, findings: &mut Findings) {
    findings.checked(Rule::LONG_LIVED_SECRETS_STAY);
    let Ok(handle) = bench.handle(case.first()).await else { return };
    for tool in case.registry.tools(&case.resource.credential).unwrap_or_default() {
        let passes = case.resource.passes_to.as_deref() == Some(tool);
        match caught(handle.tool(tool)).await {
            Ok(form) if !passes => {
                if let Some(secret) = case.secrets.find(form.expose()) {
                    let seen = format!("without leave {secret} stands in the form for `{tool}`");
                    findings.fail(Rule::LONG_LIVED_SECRETS_STAY, place, seen);
                }
            }
            Err(error) if passes => {
                let seen = format!("`passes_to` names the form for `{tool}`, which cannot be had: {error}");
                findings.fail(Rule::ABOUT_IS_CONSISTENT, place, seen);
            }
            _ => {}
        }
    }
}

/// What is planned without the owner's leave is what comes of issuing without it.
pub(super) fn check_plan(
    case: &Case<'_>,
    handle: &AnyHandle,
    is_issued: bool,
    place: &str,
    findings: &mut Findings,
) {
    // What is found in the surroundings is known only when it is asked for.
    if case.method.life != Life::Long.as_str() {
        return;
    }
    let fault = match survive(|| handle.plan()) {
        Err(error) if is_issued => Some(format!("it is issued, and the plan is refused: {error}")),
        Ok(_) if !is_issued && case.resource.passes_to.is_none() => {
            Some("the stored secret itself is refused without leave, and the plan is not".to_owned())
        }
        _ => None,
    };
    findings.require(fault.is_none(), Rule::PLANS_TELL_REFUSALS, place, || fault.unwrap_or_default());
}

/// The forms for tools and for the environment, or why there is none.
fn forms(case: &Case<'_>, envelope: &Envelope) -> Vec<(String, connector_core::Result<Secret>)> {
    let tools = case.registry.tools(&envelope.kind).unwrap_or_default();
    let tool = |name| (format!("the form for `{name}`"), survive(|| case.registry.tool(envelope, name)));
    let mut forms: Vec<_> = tools.into_iter().map(tool).collect();
    match survive(|| case.registry.environment(envelope)) {
        Ok(form) => {
            forms.extend(
                form.set.into_iter().map(|(name, value)| (format!("the variable {name}"), Ok(value))),
            );
        }
        Err(error) => forms.push(("the environment".to_owned(), Err(error))),
    }
    forms
}

/// Everything that may be printed.
fn check_shown(case: &Case<'_>, bench: &Bench, sample: &Sample, place: &str, findings: &mut Findings) {
    let Sample { handle, envelope } = sample;
    let secrets = case.secrets.with_envelope(envelope);
    let (connector_type, method) = (&case.example.connector_type, &case.example.method);
    let texts = [
        ("the public part of the envelope", envelope.to_hidden().to_string()),
        ("`Debug` of the envelope", format!("{envelope:?}{envelope:#?}{:?}", envelope.fields)),
        ("the reason of the narrowing", envelope.narrowed.reason().to_owned()),
        ("`Debug` of the connector", format!("{:?}{:#?}", bench.connector, bench.connector)),
        ("`Debug` of the handle", format!("{handle:?}{handle:#?}")),
        ("`Debug` of the context", format!("{:?}", bench.cx)),
        ("`Debug` of the document", format!("{:?}", bench.document)),
        ("the stored config", serde_json::Value::Object(bench.document.config.clone()).to_string()),
        ("the plan", format!("{:?}", survive(|| handle.plan()))),
        ("the catalogue", format!("{:?}{:?}", case.method, case.resource)),
        ("the schema", format!("{:?}", case.registry.schema(connector_type, method))),
    ];
    let refusals = forms(case, envelope).into_iter().filter_map(|(_, form)| form.err());
    let refusals = refusals.map(|error| ("an error of a form", shown::all_of(&error)));
    for (what, text) in texts.into_iter().chain(refusals) {
        if let Some(secret) = secrets.find(&text) {
            findings.fail(Rule::SECRETS_ARE_NOT_SHOWN, place, format!("{secret} stands in {what}"));
        }
    }
}

fn check_urls(case: &Case<'_>, bench: &Bench, envelope: &Envelope, place: &str, findings: &mut Findings) {
    let secrets = case.secrets.with_envelope(envelope);
    let urls = bench.world.wire().urls();
    findings.checked(Rule::SECRETS_ARE_NOT_IN_URLS);
    if let Some(secret) = urls.iter().find_map(|url| secrets.find(url)) {
        findings.fail(
            Rule::SECRETS_ARE_NOT_IN_URLS,
            place,
            format!("{secret} stands in a URL that was called"),
        );
    }
}
