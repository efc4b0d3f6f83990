//! What is linked may be given on under our own licences.

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

    #[test]
    fn a_package_without_a_licence_is_named() {
        let package = serde_json::json!({ "name": "closed", "license": null });
        assert_eq!(not_free(&package).as_deref(), Some("closed (none)"));
    }
}
