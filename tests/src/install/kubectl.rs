use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Unavailable, debian};
use crate::process;

/// The real `kubectl`.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    minor: u32,
}

/// The `kubectl` that this machine has, else Debian's.
pub fn kubectl() -> Result<Kubectl, Unavailable> {
    match Kubectl::of(PathBuf::from("kubectl")) {
        Ok(installed) => Ok(installed),
        Err(_) => debian_kubectl(),
    }
}

/// Debian's `kubectl`, which is years older than most servers.
pub fn debian_kubectl() -> Result<Kubectl, Unavailable> {
    Kubectl::of(debian("kubernetes-client")?.join("usr/bin/kubectl"))
}

impl Kubectl {
    fn of(program: PathBuf) -> Result<Self, Unavailable> {
        let home =
            tempfile::tempdir().map_err(|error| Unavailable::new(format!("no temporary folder: {error}")))?;
        let unusable = |why: &str| Unavailable::new(format!("`{}` {why}", program.display()));
        let mut command = process::isolated(&program, home.path());
        let told = command.args(["version", "--client", "-o", "json"]).output();
        let told = told.map_err(|error| unusable(&format!("cannot be started: {error}")))?;
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse();
        let minor = told["clientVersion"]["minor"].as_str().and_then(|minor| digits(minor).ok());
        let minor = minor.ok_or_else(|| unusable("does not tell its version"))?;
        Ok(Self { program, minor })
    }

    /// The 32 of version 1.32.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// The program in a clean environment with `home` and that kubeconfig.
    pub fn command(&self, home: &Path, kubeconfig: &Path) -> Command {
        let mut command = process::isolated(&self.program, home);
        command.env("KUBECONFIG", kubeconfig);
        command
    }
}
