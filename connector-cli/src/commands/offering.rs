//! Which connector types offer a resource type.

use connector_core::{Error, Registry, Result};

/// The connector types that offer a resource type.
///
/// # Errors
/// One that none offers; it lists the known ones.
pub(super) fn offering(registry: &Registry, resource_type: &str) -> Result<Vec<&'static str>> {
    let types: Vec<_> = registry.overview().filter(|it| it.resource_types.contains(&resource_type)).collect();
    if types.is_empty() {
        let mut known: Vec<_> = registry.overview().flat_map(|it| it.resource_types).collect();
        known.sort_unstable();
        known.dedup();
        return Err(Error::field(
            "resource_type",
            format!("no connector type offers `{resource_type}`; known: {}", known.join(" ")),
        ));
    }
    Ok(types.into_iter().map(|it| it.id).collect())
}
