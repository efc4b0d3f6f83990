//! What is checked, one file per group of rules.

mod answers;
mod catalogue;
mod config;
mod envelope;
mod ids;
mod issuing;
mod lifetime;
mod many;
mod narrowing;
mod parts;
mod protocols;
mod renewing;
mod schema;
mod secrets;

use connector_core::Registry;

use crate::bench::Case;
use crate::kit::Kit;
use crate::report::Findings;

/// Everything: first what needs nothing, then what needs examples, then what needs a world.
pub(crate) async fn all(kit: &Kit, registry: &Registry, findings: &mut Findings) {
    catalogue::check(kit, registry, findings);
    schema::check(registry, findings);
    config::check(kit, registry, findings);
    ids::check(kit, registry, findings);
    parts::check(kit, registry, findings).await;
    let Some(make) = &kit.world else { return };
    for example in &kit.examples {
        for ids in kit.ids.iter().filter(|it| it.connector_type == example.connector_type) {
            let Ok(case) = Case::new(kit, registry, make, example, ids) else { continue };
            if !ids.texts.is_empty() && case.resource.auth_methods.contains(&example.method) {
                in_a_world(case, findings).await;
            }
        }
    }
}

async fn in_a_world(mut case: Case<'_>, findings: &mut Findings) {
    let Some(sample) = issuing::check(&mut case, findings).await else { return };
    lifetime::check(&case, findings).await;
    narrowing::check(&case, findings).await;
    envelope::check(&case, &sample.envelope, findings);
    protocols::check(&case, &sample.envelope, &sample.handle.grant(), findings);
    renewing::check(&case, findings).await;
    many::check(&case, &sample.handle.grant(), findings).await;
    answers::check(&case, findings).await;
}

/// `a-z`, `0-9` and single dashes, from a letter on, at most 63.
pub(crate) fn is_kebab(id: &str) -> bool {
    let word = |it: &str| {
        !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    id.len() <= 63 && id.starts_with(|it: char| it.is_ascii_lowercase()) && id.split('-').all(word)
}

/// Letters, digits and underscores, not from a digit on.
pub(crate) fn is_variable(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(fits) && !name.starts_with(|it: char| it.is_ascii_digit())
}
