//! Parts of resources: what may stand in `within`.

use connector_core::{AnyConnector, Error, Grant, Registry, Result};

use crate::bench;
use crate::drive::{caught, is_panic};
use crate::hostile;
use crate::kit::{Ids, Kit};
use crate::report::Findings;
use crate::rule::Rule;
use crate::shown;

pub(super) async fn check(kit: &Kit, registry: &Registry, findings: &mut Findings) {
    for ids in &kit.ids {
        let Ok(resource) = registry.describe_resource(&ids.connector_type, &ids.resource_type) else {
            continue;
        };
        let works = kit.examples.iter().filter(|it| it.connector_type == ids.connector_type);
        let mut works = works.filter(|it| resource.auth_methods.contains(&it.method));
        // The narrowing is the resource's and not the method's: one method is enough.
        let opened = works.find_map(|it| {
            let document = bench::document(registry, it).ok()?;
            bench::open(registry, &document, it).ok()
        });
        let (Some(connector), Some(id)) = (opened, exact(registry, ids)) else { continue };
        let place = format!("resource type {}/{}", ids.connector_type, ids.resource_type);
        let has_parts = resource.within.is_some();
        for part in hostile::hostile_texts().into_iter().filter(|it| !it.is_empty()) {
            let result = ask(&connector, ids, &id, &part).await;
            check_part(has_parts, &part, &result, &place, findings);
        }
        for part in &ids.parts {
            if let Err(error) = ask(&connector, ids, &id, part).await {
                findings.fail(
                    Rule::PARTS_ARE_CHECKED,
                    &place,
                    format!("the example `{part}` is refused: {error}"),
                );
            }
        }
    }
}

/// A canonical id, which needs no call.
fn exact(registry: &Registry, ids: &Ids) -> Option<String> {
    let parse = |text: &str| registry.parse(&ids.connector_type, &ids.resource_type, text).ok();
    let canonical = ids.texts.iter().filter_map(|text| parse(text)).filter(|it| !it.partial).map(|it| it.id);
    canonical.into_iter().find(|id| parse(id).is_some_and(|it| it.id == *id && it.within.is_none()))
}

async fn ask(connector: &AnyConnector, ids: &Ids, id: &str, part: &str) -> Result<()> {
    let grant = Grant::new(&*ids.resource_type, id).with_within(part);
    caught(connector.resource(&bench::nowhere(), grant)).await.map(drop)
}

fn check_part(has_parts: bool, part: &str, result: &Result<()>, place: &str, findings: &mut Findings) {
    findings.checked(Rule::PARTS_ARE_CHECKED);
    let fault = match result {
        Ok(()) if has_parts => None,
        Ok(()) => Some("it is taken, though ABOUT says that there are no parts".to_owned()),
        Err(error) => fault_of(error),
    };
    if let Some(fault) = fault {
        let part: String = part.chars().take(60).collect();
        findings.fail(Rule::PARTS_ARE_CHECKED, place, format!("the part `{part}`: {fault}"));
    }
}

fn fault_of(error: &Error) -> Option<String> {
    if is_panic(error) {
        return Some(error.to_string());
    }
    let elsewhere = || {
        let named = error.field_problems().iter().any(|it| it.field == "within");
        (!named).then(|| format!("refused without naming `within`: {error}"))
    };
    shown::fault_of_refusal(error).or_else(elsewhere).or_else(|| shown::fault(error))
}
