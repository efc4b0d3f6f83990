//! `cargo xtask gen`: reference pages and schemas, from what the program says of itself.

mod canonical;
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use connector_tests::paths;
use serde_json::Value;

use crate::shell::{self, Result};

/// The folders that belong to the generator: what else lies in them is stale.
const FOLDERS: [&str; 2] = ["docs/reference", "docs/schema"];

/// Writes the pages and schemas, and removes those of what is gone.
pub(crate) fn write() -> Result {
    let files = generated(&built_program()?)?;
    let root = paths::workspace();
    for path in stale(&root, &files) {
        let full = root.join(&path);
        match files.get(&path) {
            None => fs::remove_file(&full).map_err(|error| format!("{path}: {error}"))?,
            Some(text) => {
                let folder = full.parent().ok_or_else(|| format!("{path} has no folder"))?;
                fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
                fs::write(&full, text).map_err(|error| format!("{path}: {error}"))?;
            }
        }
        println!("written: {path}");
    }
    println!("{} files are current", files.len());
    Ok(())
}

/// Fails when a file differs from what the program says; `program` answers with the program to ask.
pub(crate) fn check(program: &dyn Fn() -> Result<PathBuf>) -> Result {
    let files = generated(&program()?)?;
    let stale: Vec<_> = stale(&paths::workspace(), &files).into_iter().collect();
    if stale.is_empty() {
        println!("{} files are current", files.len());
        return Ok(());
    }
    Err(format!("stale: {}\nhint: run `cargo xtask gen` and commit what it writes", stale.join(", ")))
}

/// Builds the program and answers with its path; `CONNECTOR_BIN` names one that is built already.
pub(crate) fn built_program() -> Result<PathBuf> {
    if std::env::var_os("CONNECTOR_BIN").is_some() {
        return Ok(paths::connector());
    }
    shell::run(&mut shell::cargo(&["build", "--quiet", "--package", "connector-cli"]))?;
    let program = paths::target().join("debug").join("connector");
    Ok(program.with_extension(std::env::consts::EXE_EXTENSION))
}

/// Every generated file by its path below the workspace.
fn generated(program: &Path) -> Result<BTreeMap<String, String>> {
    let home = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(program);
        // The catalogue is the same whatever this machine is set to.
        command.env_clear().env("CONNECTOR_HOME", home.path()).env("HOME", home.path()).env("NO_COLOR", "1");
        shell::read(command.args(arguments))
    };
    let ask_json = |arguments: &[&str]| -> Result<Value> {
        serde_json::from_str(&ask(arguments)?).map_err(|error| format!("`{}`: {error}", arguments.join(" ")))
    };
    let mut files = BTreeMap::new();
    let types = type_ids(&ask_json(&["list-types", "-o", "json"])?)?;
    let mut described = Vec::new();
    for id in types {
        let value = ask_json(&["describe-type", &id, "-o", "json"])?;
        let text = ask(&["describe-type", &id])?;
        let methods = ids(&value, "auth_methods", "method");
        for known in methods.iter().chain(&ids(&value, "resource_types", "resource_type")) {
            if !text.contains(known) {
                return Err(format!("`describe-type {id}` as text does not name `{known}`, as JSON it does"));
            }
        }
        for method in &methods {
            let schema = ask_json(&["schema", &id, method])?;
            files.insert(format!("docs/schema/{id}/{method}.json"), canonical::text(&schema));
        }
        files.insert(format!("docs/reference/{id}.md"), page::of_type(&value));
        described.push(value);
    }
    files.insert("docs/reference/README.md".to_owned(), page::index(&described));
    Ok(files)
}

/// The type ids in a list of ids or of objects, bare or as the one list in an object.
fn type_ids(value: &Value) -> Result<Vec<String>> {
    let list = value.as_array().or_else(|| value.as_object()?.values().find_map(Value::as_array));
    let id = |entry: &Value| entry.as_str().or_else(|| entry["type"].as_str()).map(str::to_owned);
    // What is only known by name has nothing to describe.
    let here = |entry: &&Value| entry["available"]["local"] != false;
    let ids: Option<Vec<_>> = list.and_then(|list| list.iter().filter(here).map(id).collect());
    ids.filter(|ids| !ids.is_empty()).ok_or_else(|| "`list-types -o json` lists no types".to_owned())
}

fn ids(value: &Value, list: &str, key: &str) -> Vec<String> {
    let entries = value[list].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry[key].as_str()).map(str::to_owned).collect()
}

/// The paths whose file is missing, differs, or is not generated any more.
fn stale(root: &Path, files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let differs = |path: &&String| fs::read_to_string(root.join(path)).ok().as_ref() != files.get(*path);
    let mut stale: BTreeSet<_> = files.keys().filter(differs).cloned().collect();
    let mut folders: Vec<_> = FOLDERS.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if !files.contains_key(&relative) {
                stale.insert(relative);
            }
        }
    }
    stale
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_found_in_every_shape() {
        let expected = Ok(vec!["aws".to_owned(), "docker".to_owned()]);
        assert_eq!(type_ids(&json!([{ "type": "aws" }, { "type": "docker" }])), expected);
        assert_eq!(type_ids(&json!({ "types": ["aws", "docker"] })), expected);
        assert!(type_ids(&json!({})).is_err());
        assert!(type_ids(&json!([])).is_err());
    }

    #[test]
    fn stale_files_are_named() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("docs/reference/aws.md", "same");
        write("docs/reference/docker.md", "old");
        write("docs/schema/gone/method.json", "{}");
        write("docs/guide.md", "somebody's own");
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = BTreeMap::from([
            file("docs/reference/aws.md", "same"),
            file("docs/reference/docker.md", "new"),
            file("docs/schema/aws/sso.json", "{}"),
        ]);
        let expected =
            ["docs/reference/docker.md", "docs/schema/aws/sso.json", "docs/schema/gone/method.json"];
        assert_eq!(stale(root.path(), &files), expected.map(str::to_owned).into());
    }
}
