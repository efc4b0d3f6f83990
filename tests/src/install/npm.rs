use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Unavailable, cannot_write, install_with, once};
use crate::{paths, process};

/// Azurite and all that it needs, by version and digest, so that every run sees the same. It names no registry: npm
/// takes the one that the machine is set up with.
const PACKAGES: &str = include_str!("azurite/package.json");
const LOCKED: &str = include_str!("azurite/package-lock.json");

/// What the locked packages run on.
const LEAST_NODE: u32 = 20;

const HINT: &str = "Azurite needs Node.js 20 or newer with npm, and the npm registry once";

/// Azurite's programs, run by Node.js.
#[derive(Debug, Clone)]
pub struct Azurite {
    folder: PathBuf,
}

/// Azurite, installed on first use (about a quarter of a minute and 190 MB).
pub fn azurite() -> Result<Azurite, Unavailable> {
    check_node()?;
    let folder = paths::tools().join("azurite");
    once(&folder, LOCKED, || {
        std::fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        for (name, text) in [("package.json", PACKAGES), ("package-lock.json", LOCKED)] {
            std::fs::write(folder.join(name), text).map_err(|error| cannot_write(&folder, &error))?;
        }
        let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
        // Nothing that comes with a package is run before it is asked to.
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
        install_with(npm.arg("--loglevel=error").current_dir(&folder), HINT)
    })?;
    Ok(Azurite { folder })
}

impl Azurite {
    /// Node.js in a clean environment with `home`, before it is told what to run.
    pub fn node(&self, home: &Path) -> Command {
        process::isolated("node", home)
    }

    /// The script that is Azurite's blob service.
    pub fn blob_service(&self) -> PathBuf {
        self.folder.join("node_modules/azurite/dist/src/blob/main.js")
    }
}

fn check_node() -> Result<(), Unavailable> {
    let told = Command::new("node").arg("--version").output();
    let told =
        told.map_err(|error| Unavailable::new(format!("`node` cannot be started: {error}\nhint: {HINT}")))?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    match major(&told) {
        Some(major) if major >= LEAST_NODE => Ok(()),
        _ => Err(Unavailable::new(format!("Node.js here is {}\nhint: {HINT}", told.trim()))),
    }
}

/// The 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_names_versions_and_digests_and_no_registry() {
        let locked: serde_json::Value = serde_json::from_str(LOCKED).expect("JSON");
        let packages = locked["packages"].as_object().expect("packages");
        assert!(packages.len() > 100, "all that Azurite needs, not Azurite alone");
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["version"].is_string() && package["integrity"].is_string(), "{name}");
            assert!(package.get("resolved").is_none(), "{name}");
        }
        assert!(!LOCKED.contains("://"), "no address of anything");
        let wanted: serde_json::Value = serde_json::from_str(PACKAGES).expect("JSON");
        let version = &packages["node_modules/azurite"]["version"];
        assert_eq!(wanted["dependencies"]["azurite"], *version, "it is pinned");
    }

    #[test]
    fn a_version_of_node_is_read() {
        for (told, expected) in [("v20.20.2\n", Some(20)), ("v8.0.0", Some(8)), ("", None), ("20.1", None)] {
            assert_eq!(major(told), expected, "{told}");
        }
    }
}
