//! The form in which a credential travels.

use connector_core::{Envelope, Fields};
use serde_json::{Value, json};

use super::{is_kebab, is_variable};
use crate::bench::Case;
use crate::drive::{is_panic, survive};
use crate::kit::Kind;
use crate::report::Findings;
use crate::rule::Rule;
use crate::shown;

pub(super) fn check(case: &Case<'_>, envelope: &Envelope, findings: &mut Findings) {
    let place = format!("kind {}, {}", envelope.kind, case.place());
    check_passage(envelope, &place, findings);
    check_forms(case, envelope, &place, findings);
    let Some(kind) = case.kit.kinds.iter().find(|it| it.id == envelope.kind) else {
        let place = format!("kind {}", envelope.kind);
        findings.fail(Rule::ENVELOPES_ROUND_TRIP, &place, "it is issued, and the kit was not told of it");
        return;
    };
    check_round_trip(kind, envelope, &place, findings);
    check_growth(case, kind, envelope, &place, findings);
}

fn written(envelope: &Envelope) -> Value {
    serde_json::from_str(envelope.to_json().expose()).unwrap_or_default()
}

fn read(json: &Value) -> Option<Envelope> {
    Envelope::from_json(&json.to_string()).ok()
}

/// Through a program that does not know the kind.
fn check_passage(envelope: &Envelope, place: &str, findings: &mut Findings) {
    let mut json = written(envelope);
    json["kind"] = json!("zz-unknown");
    let passed = read(&json).map(|it| written(&it));
    findings.require(passed.as_ref() == Some(&json), Rule::ENVELOPES_ROUND_TRIP, place, || {
        "as an unknown kind it does not pass through JSON as it is".to_owned()
    });
}

fn check_round_trip(kind: &Kind, envelope: &Envelope, place: &str, findings: &mut Findings) {
    let again = read(&written(envelope)).map(|it| kind.again(&it));
    let fault = match again {
        None => Some("its own JSON is not read".to_owned()),
        Some(Err(error)) => Some(format!("what it exported is not imported: {error}")),
        Some(Ok(fields)) => difference(&envelope.fields, &fields),
    };
    findings.require(fault.is_none(), Rule::ENVELOPES_ROUND_TRIP, place, || fault.unwrap_or_default());
}

/// The first field that is not the same in both; no value is told.
fn difference(before: &Fields, after: &Fields) -> Option<String> {
    let names = |fields: &Fields| {
        let public = fields.public_fields().map(|(name, _)| name.to_owned());
        public.chain(fields.secret_names().map(str::to_owned)).collect::<Vec<_>>()
    };
    names(before).into_iter().chain(names(after)).find_map(|name| {
        let secret = |fields: &Fields| fields.secret_field(&name).map(|it| it.expose().to_owned());
        let same = before.value(&name) == after.value(&name) && secret(before) == secret(after);
        (!same).then(|| format!("`{name}` is another after a round trip"))
    })
}

fn check_growth(case: &Case<'_>, kind: &Kind, envelope: &Envelope, place: &str, findings: &mut Findings) {
    let whole = written(envelope);
    let mut grown = whole.clone();
    grown["public"]["zz_new"] = json!({ "of": ["a", "later", "version"] });
    grown["secret"]["zz_new"] = json!("of a later version");
    let grown = read(&grown).map(|it| kind.again(&it));
    findings.require(grown.as_ref().is_some_and(Result::is_ok), Rule::ENVELOPES_MAY_GROW, place, || {
        let error = grown.and_then(Result::err).map(|it| it.to_string());
        format!("fields of a later version are not ignored: {}", error.unwrap_or_default())
    });
    let secrets = case.secrets.with_envelope(envelope);
    for part in ["public", "secret"] {
        let names: Vec<String> =
            whole[part].as_object().into_iter().flatten().map(|(it, _)| it.clone()).collect();
        for name in names {
            let mut without = whole.clone();
            without[part].as_object_mut().map(|it| it.remove(&name));
            let mut changed = vec![without];
            if part == "public" {
                for value in [json!(17), json!(["x"]), json!({ "x": 1 }), json!(null), json!("\0")] {
                    let mut other = whole.clone();
                    other[part][&name] = value;
                    changed.push(other);
                }
            }
            for error in changed.iter().filter_map(read).filter_map(|it| kind.again(&it).err()) {
                let fault = match is_panic(&error) {
                    true => Some(error.to_string()),
                    false => shown::fault_of_refusal(&error),
                };
                findings.require(fault.is_none(), Rule::ENVELOPES_MAY_GROW, place, || {
                    format!("without a good `{name}`: {}", fault.unwrap_or_default())
                });
                if let Some(secret) = secrets.find(&shown::all_of(&error)) {
                    findings.fail(
                        Rule::SECRETS_ARE_NOT_SHOWN,
                        place,
                        format!("{secret} in an error of importing"),
                    );
                }
            }
        }
    }
}

fn check_forms(case: &Case<'_>, envelope: &Envelope, place: &str, findings: &mut Findings) {
    findings.checked(Rule::FORMS_ARE_SOUND);
    let tools = case.registry.tools(&envelope.kind).unwrap_or_default();
    for (at, tool) in tools.iter().enumerate() {
        findings.require(is_kebab(tool) && !tools[..at].contains(tool), Rule::FORMS_ARE_SOUND, place, || {
            format!("the form `{tool}` has no name of its own in kebab-case")
        });
        let form = survive(|| case.registry.tool(envelope, tool));
        let fault = match &form {
            Ok(form) if form.is_empty() => Some("it is empty".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        findings.require(fault.is_none(), Rule::FORMS_ARE_SOUND, place, || {
            format!("the form `{tool}`: {}", fault.unwrap_or_default())
        });
    }
    let form = survive(|| case.registry.environment(envelope));
    if let Err(error) = &form {
        findings
            .require(!is_panic(error), Rule::FORMS_ARE_SOUND, place, || format!("the environment: {error}"));
    }
    let form = form.unwrap_or_default();
    let names = form.set.iter().map(|(name, _)| name).chain(&form.unset);
    for name in names {
        findings.require(is_variable(name), Rule::FORMS_ARE_SOUND, place, || {
            format!("`{name}` is no name of an environment variable")
        });
    }
    for (name, value) in &form.set {
        findings.require(!value.expose().contains(['\0', '\n', '\r']), Rule::FORMS_ARE_SOUND, place, || {
            format!("the variable `{name}` holds a line end or NUL")
        });
    }
}
