//! What is reached, one file per resource type. The parsed id is the resource.

mod common;

mod azure_generic;

pub use azure_generic::AzureGeneric;

#[cfg(test)]
pub(crate) mod testing;
