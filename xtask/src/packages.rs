//! What the workspace's manifests say, as cargo reads them.

use serde_json::Value;

use crate::shell::{self, Result};

/// The features of a package without `default`, in alphabetical order.
pub(crate) fn features(package: &str) -> Result<Vec<String>> {
    let text = shell::read(&mut shell::cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = packages.iter().find(|entry| entry["name"] == package);
    let features = found.and_then(|entry| entry["features"].as_object());
    let features = features.ok_or_else(|| format!("the workspace has no package `{package}`"))?;
    let mut names: Vec<_> = features.keys().filter(|name| *name != "default").cloned().collect();
    names.sort();
    Ok(names)
}
