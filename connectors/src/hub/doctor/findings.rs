//! What can be found in a connector without any call: by its document, and by what its method says of its config.

use std::time::{Duration, SystemTime};

use connector_core::{
    Allow, Document, Identity, MethodAbout, Registry, Visibility, format_duration, format_time,
    parse_duration,
};
use serde_json::Value;

use super::{Finding, Probe, Severity, rule};

/// What is judged.
pub(super) struct Subject<'a> {
    pub(super) registry: &'a Registry,
    pub(super) document: &'a Document,
    /// What the method says of this config, where that could be parsed.
    pub(super) method: Option<Parsed>,
    /// Whether methods may use the identity of the machine.
    pub(super) implicit: bool,
    pub(super) now: SystemTime,
}

/// What a parsed connector says of itself.
pub(super) struct Parsed {
    pub(super) about: MethodAbout,
    /// When the credential ends that it holds.
    pub(super) ends: Option<SystemTime>,
    pub(super) hands_on_secret: bool,
    /// Whether its method narrows what is minted for the one resource that it is for, where there is one.
    pub(super) narrows: Option<bool>,
}

/// Everything that is found, in the order of the rules.
pub(super) fn judge(it: &Subject<'_>, probe: &Probe) -> Vec<Finding> {
    let mut found = allowed(it);
    let nothing = nothing(it);
    found.extend(implicit(it));
    // What is never issued needs no narrowing.
    found.extend(nothing.or_else(|| narrowing(it)));
    found.extend(lifetime(it, probe));
    found.extend(user_on_shared(it));
    found.extend(tls(it));
    found.extend(end(it, probe));
    found.extend(password(it));
    found.into_iter().map(|finding| finding.of(&*it.document.name)).collect()
}

fn allowed(it: &Subject<'_>) -> Vec<Finding> {
    let Document { name, allow, method, .. } = it.document;
    let mend = |what: Allow, first: &str| {
        let rest: Vec<String> =
            allow.iter().filter(|it| **it != what).map(|it| format!("--allow {it}")).collect();
        let rest = if rest.is_empty() { "--allow ''".to_owned() } else { rest.join(" ") };
        format!("{first}, and take the leave away: `connector update {name} {rest}`")
    };
    let mut found = Vec::new();
    if allow.contains(&Allow::LongLived) {
        let hands_on = it.method.as_ref().is_none_or(|it| it.hands_on_secret);
        let finding = Finding::new(
            &rule::LONG_LIVED,
            match hands_on {
                true => format!(
                    "method `{method}` has nothing to give but the stored secret, and the connector allows that it is handed out"
                ),
                false => format!(
                    "the connector allows that a long-lived secret is handed out, although method `{method}` issues what ends"
                ),
            },
        );
        found.push(match hands_on {
            true => finding.mended_by(mend(Allow::LongLived, "choose a method that issues what ends")),
            false => finding.weighing(Severity::Note).mended_by(mend(
                Allow::LongLived,
                "it is not needed for that: look whether anything else uses it",
            )),
        });
    }
    if allow.contains(&Allow::Admin) {
        found.push(
            Finding::new(
                &rule::ADMIN,
                "the connector allows that an administrator's credential is handed out",
            )
            .mended_by(mend(Allow::Admin, "give its identity the rights that it needs")),
        );
    }
    if allow.contains(&Allow::Exec) {
        found.push(
            Finding::new(&rule::EXEC, "the connector allows that programs of its configuration are run")
                .mended_by(mend(Allow::Exec, "choose a method that needs no program")),
        );
    }
    found
}

/// It authenticates, and everything that is asked of it is refused all the same.
fn nothing(it: &Subject<'_>) -> Option<Finding> {
    let Document { name, allow, connector_type, method, resource_type, .. } = it.document;
    if allow.contains(&Allow::LongLived) || !it.method.as_ref()?.hands_on_secret {
        return None;
    }
    let all = it.registry.resource_types(connector_type).ok()?;
    let served = match resource_type {
        Some(only) => vec![only.as_str()],
        None => all.into_iter().filter(|of| it.registry.supports(it.document, of).is_ok()).collect(),
    };
    let is_refused = |of: &&str| {
        it.registry.hands_on(connector_type, of).unwrap_or(false)
            && it.registry.passes_to(connector_type, of).is_ok_and(|tool| tool.is_none())
    };
    (!served.is_empty() && served.iter().all(is_refused)).then(|| {
        Finding::new(
            &rule::NOTHING,
            format!(
                "nothing is issued: with this config method `{method}` has nothing to give but the stored secret, which may not be handed out"
            ),
        )
        .mended_by(format!(
            "choose what issues temporary credentials (`connector describe-type {connector_type} --auth-method {method}` says how), or give the leave: `connector update {name} --allow long-lived`"
        ))
    })
}

fn implicit(it: &Subject<'_>) -> Option<Finding> {
    let about = &it.method.as_ref()?.about;
    (about.implicit && it.implicit).then(|| {
        Finding::new(
            &rule::IMPLICIT,
            format!(
                "method `{}` gives whoever may use the connector the identity of this machine; elsewhere it is somebody else or nobody",
                it.document.method
            ),
        )
    })
}

/// What is issued may do all that the identity may, although there is a way to less; or nobody says what it is for.
fn narrowing(it: &Subject<'_>) -> Option<Finding> {
    let Document { name, connector_type, method, resource_type, .. } = it.document;
    let parsed = it.method.as_ref()?;
    let methods = it.registry.describe(connector_type).ok()?.auth_methods;
    let narrowing: Vec<_> = methods.iter().filter(|it| it.narrows.is_some()).collect();
    let is_known_to = narrowing.iter().any(|it| it.id == *method);
    // Where nothing narrows there is nothing to choose.
    if narrowing.is_empty()
        || it.registry.is_single(connector_type).unwrap_or(false) && parsed.about.narrows.is_some()
    {
        return None;
    }
    if parsed.about.narrows.is_none() {
        let with = if is_known_to { "with this config " } else { "" };
        let finding = Finding::new(
            &rule::NOT_NARROWED,
            format!(
                "{with}method `{method}` narrows nothing: what is issued may do all that its identity may"
            ),
        );
        if is_known_to {
            return Some(finding.mended_by(format!(
                "see what it needs for that: `connector describe-type {connector_type} --auth-method {method}`"
            )));
        }
        // The machine's identity is no better choice.
        let others = narrowing.iter().filter(|it| !it.implicit).map(|it| it.id.as_str());
        let others: Vec<&str> = others.collect();
        return Some(finding.mended_by(format!("choose a method that narrows: {}", others.join(", "))));
    }
    match (resource_type, parsed.narrows) {
        (None, _) => Some(
            Finding::new(
                &rule::ANY_RESOURCE,
                "the connector is for no one type of resource: who may use it chooses among all that its identity reaches",
            )
            .mended_by(format!("fix what it is for: `connector update {name} --resource-type TYPE [--resource-id ID]`")),
        ),
        (Some(resource_type), Some(false)) => {
            let by = it.registry.describe_resource(connector_type, resource_type).map(|it| it.narrows).ok()?;
            Some(
                Finding::new(
                    &rule::NOT_NARROWED,
                    format!("what is issued for `{resource_type}` may do all that its identity may: narrowed by {by}"),
                )
                .weighing(Severity::Note)
                .mended_by("give the connector an identity that may do no more than this"),
            )
        }
        _ => None,
    }
}

/// What may be asked for is longer than what the policy allows.
fn lifetime(it: &Subject<'_>, probe: &Probe) -> Option<Finding> {
    let Document { name, duration, resource_type, connector_type, .. } = it.document;
    let bounds = it.method.as_ref()?.about.lifetime;
    let of_resource = resource_type.as_deref().and_then(|resource_type| {
        let entry = it.registry.describe_resource(connector_type, resource_type).ok()?;
        entry.max_seconds.map(Duration::from_secs)
    });
    let cut = |life: Duration| of_resource.map_or(life, |longest| longest.min(life));
    let shown = |life: Duration| format_duration(life);
    let policy = probe.max_lifetime;
    let usual = cut((*duration).or(bounds.map(|it| it.default))?);
    let longest = cut((*duration).or(bounds.map(|it| it.max))?);
    let mend =
        || format!("give it a shorter life: `connector update {name} --duration {}`", as_option(policy));
    if usual > policy {
        let message =
            format!("what is issued lives for {}, and the policy allows {}", shown(usual), shown(policy));
        return Some(Finding::new(&rule::LIFETIME, message).mended_by(mend()));
    }
    (longest > policy).then(|| {
        let message = format!(
            "who asks gets a life of up to {}, and the policy allows {}",
            shown(longest),
            shown(policy)
        );
        Finding::new(&rule::LIFETIME, message).weighing(Severity::Note).mended_by(mend())
    })
}

/// A duration as people would type it, where that says it exactly.
fn as_option(duration: Duration) -> String {
    let text = format_duration(duration).replace(' ', "");
    match parse_duration(&text) {
        Ok(same) if same == duration => text,
        _ => format!("{}s", duration.as_secs()),
    }
}

fn user_on_shared(it: &Subject<'_>) -> Option<Finding> {
    let about = &it.method.as_ref()?.about;
    (about.identity == Identity::User && it.document.visibility == Visibility::Shared).then(|| {
        Finding::new(
            &rule::USER_ON_SHARED,
            format!(
                "method `{}` carries a person's identity, and a shared connector lends it to everybody in the workspace",
                it.document.method
            ),
        )
        .mended_by(format!(
            "choose a method with a service identity, or keep it to yourself: `connector update {} --private`",
            it.document.name
        ))
    })
}

fn tls(it: &Subject<'_>) -> Option<Finding> {
    let Document { name, config, .. } = it.document;
    (config.get("insecure") == Some(&Value::Bool(true))).then(|| {
        Finding::new(
            &rule::TLS_OFF,
            "the server's certificate is not verified: whoever is on the way can read and change everything",
        )
        .mended_by(format!(
            "name the server's authority instead: `connector update {name} insecure= certificate_authority=@FILE`"
        ))
    })
}

fn end(it: &Subject<'_>, probe: &Probe) -> Option<Finding> {
    let name = &it.document.name;
    let of_credential = it.method.as_ref().and_then(|it| it.ends);
    let of_credential = of_credential.map(|end| (end, "the credential that it holds"));
    let of_connector = it.document.expires_at.map(|end| (end, "the connector"));
    let (end, what) = of_credential.into_iter().chain(of_connector).min_by_key(|(end, _)| *end)?;
    let mend = match what {
        "the connector" => format!("`connector update {name} --expires-at TIME` sets a later end"),
        _ => format!("give it a new one: `connector update {name} KEY=VALUE …`"),
    };
    match end.duration_since(it.now) {
        Ok(left) if left.is_zero() => Some(ended(what, end, mend)),
        Err(_) => Some(ended(what, end, mend)),
        Ok(left) => (left <= probe.ends_within).then(|| {
            let message = format!("{what} ends in {}, at {}", format_duration(left), format_time(end));
            Finding::new(&rule::ENDS_SOON, message).mended_by(mend)
        }),
    }
}

fn ended(what: &str, end: SystemTime, mend: String) -> Finding {
    Finding::new(&rule::HAS_ENDED, format!("{what} ended at {}", format_time(end))).mended_by(mend)
}

/// S22: the method's own words on it, where it has some.
fn password(it: &Subject<'_>) -> Option<Finding> {
    let about = &it.method.as_ref()?.about;
    (it.document.method == "password").then(|| {
        let message =
            about.warning.unwrap_or("a password is stored where a token with fewer rights is usual");
        Finding::new(&rule::PASSWORD, message)
    })
}
