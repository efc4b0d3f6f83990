//! What is linked may be given on under our own licences, and is what a registry has checked in for good.

use serde_json::Value;

use crate::shell::{self, Result};

/// Licences that ask for no more than to be named.
const FREE: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks the licence of every package in the lock file, those for tests too.
pub(crate) fn check() -> Result {
    let text = shell::read(&mut shell::cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if packages.is_empty() {
        return Err("cargo metadata lists no packages".to_owned());
    }
    let elsewhere: Vec<&str> = packages.iter().filter_map(not_of_a_registry).collect();
    if !elsewhere.is_empty() {
        return Err(format!(
            "not from a registry, so without a checksum in Cargo.lock: {}\nhint: take a published version",
            elsewhere.join(", ")
        ));
    }
    let bound: Vec<String> = packages.iter().filter_map(not_free).collect();
    if bound.is_empty() {
        println!("{} packages", packages.len());
        return Ok(());
    }
    Err(format!(
        "not ours to give on: {}\nhint: take another crate, or add its licence to the list with a reason",
        bound.join(", ")
    ))
}

/// The name of a package that is neither ours nor of a registry: from a repository, say, whose content may change.
fn not_of_a_registry(package: &Value) -> Option<&str> {
    let source = package["source"].as_str();
    let known = source.is_none_or(|source| source.starts_with("registry+") || source.starts_with("sparse+"));
    (!known).then(|| package["name"].as_str().unwrap_or("?"))
}

/// `NAME (LICENCE)` of a package whose licence is not free, or is not said.
fn not_free(package: &Value) -> Option<String> {
    let licence = package["license"].as_str();
    let is_free = licence.is_some_and(is_free);
    (!is_free).then(|| format!("{} ({})", package["name"].as_str().unwrap_or("?"), licence.unwrap_or("none")))
}

/// Whether an SPDX expression leaves a choice that is free. Cargo's old `A/B` means `A OR B`.
fn is_free(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest) && rest.is_empty()
}

/// `A OR B`, which binds least.
fn any(words: &mut &[&str]) -> bool {
    let mut free = all(words);
    while take(words, "OR") {
        free |= all(words);
    }
    free
}

/// `A AND B`.
fn all(words: &mut &[&str]) -> bool {
    let mut free = one(words);
    while take(words, "AND") {
        free &= one(words);
    }
    free
}

/// A name, with an exception that only allows more, or a group.
fn one(words: &mut &[&str]) -> bool {
    if take(words, "(") {
        let free = any(words);
        return take(words, ")") && free;
    }
    let Some((name, rest)) = words.split_first() else { return false };
    *words = rest;
    if take(words, "WITH") {
        *words = words.get(1..).unwrap_or_default();
    }
    FREE.contains(name)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_free_when_a_choice_is() {
        for free in [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
            "MIT OR LGPL-2.1-or-later",
            "ISC AND (Apache-2.0 OR ISC)",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(is_free(free), "{free}");
        }
        for bound in ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "MIT AND (GPL-2.0 OR LGPL-2.1)", "MIT MIT"]
        {
            assert!(!is_free(bound), "{bound}");
        }
    }

    /// C32: what is linked comes from a registry, which never changes a version; its checksum is in the lock file.
    #[test]
    fn c32_a_package_from_elsewhere_is_named() {
        let of = |source: Value| serde_json::json!({ "name": "it", "source": source });
        assert_eq!(not_of_a_registry(&of(Value::Null)), None, "ours");
        assert_eq!(not_of_a_registry(&of("registry+https://index.test".into())), None);
        assert_eq!(not_of_a_registry(&of("git+https://example.test/it#1".into())), Some("it"));
    }

    /// C32: the workspace forbids `unsafe`, and each of its crates takes that over.
    #[test]
    fn c32_every_crate_forbids_unsafe() {
        let root = connector_tests::paths::workspace();
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("a manifest");
        assert!(read(root.join("Cargo.toml")).contains("\nunsafe_code = \"forbid\"\n"));
        let text = shell::read(&mut shell::cargo(&["metadata", "--no-deps", "--format-version", "1"]));
        let metadata: Value = serde_json::from_str(&text.expect("metadata")).expect("JSON");
        let packages = metadata["packages"].as_array().expect("packages");
        assert!(packages.len() > 10);
        for package in packages {
            let path = package["manifest_path"].as_str().expect("a path");
            assert!(read(path.into()).contains("[lints]\nworkspace = true\n"), "{}", package["name"]);
        }
    }

    #[test]
    fn a_package_without_a_licence_is_named() {
        let package = serde_json::json!({ "name": "closed", "license": null });
        assert_eq!(not_free(&package).as_deref(), Some("closed (none)"));
    }
}
