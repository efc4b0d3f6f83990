//! What a connector says about itself.

use std::collections::BTreeSet;

use connector_core::{ConnectorEntry, MethodEntry, Registry, ResourceEntry};

use super::is_kebab;
use crate::kit::Kit;
use crate::report::Findings;
use crate::rule::Rule;

pub(super) fn check(kit: &Kit, registry: &Registry, findings: &mut Findings) {
    let catalogue = registry.catalogue();
    for entry in &catalogue.connector_types {
        let place = format!("connector type {}", entry.id);
        check_id(&entry.id, &place, findings);
        check_words(&[("name", &entry.name, 1), ("description", &entry.description, 2)], &place, findings);
        for method in &entry.auth_methods {
            check_method(method, &format!("method {}/{}", entry.id, method.id), findings);
        }
        for resource in &entry.resource_types {
            let place = format!("resource type {}/{}", entry.id, resource.id);
            check_resource(entry, resource, &place, findings);
            let tools = registry.tools(&resource.credential).unwrap_or_default();
            let strange = resource.passes_to.as_deref().filter(|it| !tools.contains(it));
            findings.require(strange.is_none(), Rule::ABOUT_IS_CONSISTENT, &place, || {
                format!("`passes_to` names `{}`, and its kind has no such form", strange.unwrap_or_default())
            });
        }
    }
    for kind in registry.kinds() {
        check_id(kind, &format!("kind {kind}"), findings);
    }
    check_stable(kit, registry, &catalogue.connector_types, findings);
}

fn check_method(method: &MethodEntry, place: &str, findings: &mut Findings) {
    check_id(&method.id, place, findings);
    check_words(&[("name", &method.name, 1), ("description", &method.description, 2)], place, findings);
    for field in &method.attributes {
        let place = format!("{place}, field `{}`", field.name);
        check_words(&[("description", &field.description, 2)], &place, findings);
    }
    findings.checked(Rule::LIFETIMES_ARE_ORDERED);
    if let Some(life) = &method.lifetime {
        let ordered = 0 < life.min && life.min <= life.default && life.default <= life.max;
        findings.require(ordered, Rule::LIFETIMES_ARE_ORDERED, place, || {
            format!("min {} s, default {} s, max {} s", life.min, life.default, life.max)
        });
        findings.require(method.temporary, Rule::LIFETIMES_ARE_ORDERED, place, || {
            "a lifetime, and nothing temporary that would have it".to_owned()
        });
    }
    let holds = method.attributes.iter().any(|it| it.secret || it.connector.is_some());
    findings.require(
        holds || method.life != connector_core::Life::Long.as_str(),
        Rule::ABOUT_IS_CONSISTENT,
        place,
        || {
            "it says that it holds a long-lived secret, and no field is secret or names a connector"
                .to_owned()
        },
    );
    if method.life == connector_core::Life::None.as_str() {
        let demanded = method.attributes.iter().find(|it| it.secret && it.required);
        findings.require(demanded.is_none(), Rule::ABOUT_IS_CONSISTENT, place, || {
            let name = demanded.map(|it| it.name.as_str()).unwrap_or_default();
            format!("it says that it holds no secret, and demands `{name}`")
        });
    }
}

fn check_resource(entry: &ConnectorEntry, resource: &ResourceEntry, place: &str, findings: &mut Findings) {
    check_id(&resource.id, place, findings);
    check_words(&[("name", &resource.name, 1), ("description", &resource.description, 2)], place, findings);
    for (method, why) in &resource.without {
        let exists = entry.auth_methods.iter().any(|it| it.id == *method);
        findings.require(exists && !why.trim().is_empty(), Rule::ABOUT_IS_CONSISTENT, place, || {
            format!("`without` says `{method}: {why}`; there is no such method, or no reason")
        });
    }
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    let levels = [&resource.permissions.read, &resource.permissions.write, &resource.permissions.admin];
    for (less, more) in [(levels[0], levels[1]), (levels[1], levels[2])] {
        let (less, more) = (set(less), set(more));
        let lost: Vec<_> = less.difference(&more).cloned().collect();
        findings.require(lost.is_empty(), Rule::ACCESS_LEVELS_INCLUDE_EACH_OTHER, place, || {
            format!("the next level lacks {}", lost.join(" "))
        });
    }
}

fn check_id(id: &str, place: &str, findings: &mut Findings) {
    findings.require(is_kebab(id), Rule::IDS_ARE_KEBAB_CASE, place, || format!("the id `{id}`"));
}

/// Texts with the number of words that each needs to say something.
fn check_words(texts: &[(&str, &str, usize)], place: &str, findings: &mut Findings) {
    for (what, text, least) in texts {
        let enough = text.split_whitespace().count() >= *least && !text.contains("TODO");
        findings.require(enough, Rule::EVERYTHING_IS_DOCUMENTED, place, || {
            if text.trim().is_empty() {
                format!("no {what}")
            } else {
                format!("the {what} says no more than `{text}`")
            }
        });
    }
}

fn check_stable(kit: &Kit, registry: &Registry, types: &[ConnectorEntry], findings: &mut Findings) {
    let Some(stable) = &kit.stable else { return };
    findings.checked(Rule::IDS_STAY);
    let mut now = BTreeSet::new();
    for entry in types {
        now.insert(format!("type {}", entry.id));
        now.extend(entry.auth_methods.iter().map(|it| format!("method {}/{}", entry.id, it.id)));
        now.extend(entry.resource_types.iter().map(|it| format!("resource {}/{}", entry.id, it.id)));
    }
    now.extend(registry.kinds().map(|kind| format!("kind {kind}")));
    let stable: BTreeSet<_> = stable.iter().cloned().collect();
    for gone in stable.difference(&now) {
        findings.fail(Rule::IDS_STAY, gone, "it is listed as stable, and is not registered any more");
    }
    for new in now.difference(&stable) {
        findings.fail(Rule::IDS_STAY, new, "it is registered, and not listed as stable");
    }
}
