use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Unavailable, install_with, once};
use crate::{paths, process};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// A virtual environment with MiniStack, the `aws` program, boto3, Google's and Azure's libraries and fake-gcs-server.
#[derive(Debug, Clone)]
pub struct Python {
    folder: PathBuf,
}

/// The virtual environment, installed on first use (about half a minute and 250 MB).
pub fn python() -> Result<Python, Unavailable> {
    let folder = paths::tools().join("venv");
    // A virtual environment knows its own path: one that was moved is built again.
    let stamp = format!("{}\n{REQUIREMENTS}", folder.display());
    once(&folder, &stamp, || {
        let hint = "the tests and the demo need Python 3.9 or newer with its `venv` module \
                    (Debian: apt-get install python3-venv)";
        install_with(Command::new(interpreter()).args(["-m", "venv"]).arg(&folder), hint)?;
        let list = folder.join("requirements.txt");
        std::fs::write(&list, REQUIREMENTS).map_err(|error| super::cannot_write(&folder, &error))?;
        let mut pip = Command::new(program(&folder, "python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        install_with(pip.arg("--requirement").arg(list), "the Python package index must be reachable once")
    })?;
    Ok(Python { folder })
}

impl Python {
    /// The path of a program of the environment: `aws`, `python`.
    pub fn program(&self, name: &str) -> PathBuf {
        program(&self.folder, name)
    }

    /// The environment's folder of programs.
    pub fn bin(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" })
    }

    /// The real `aws` program in a clean environment with `home`, kept from any metadata service. It knows no
    /// endpoint and no credentials yet.
    pub fn aws(&self, home: &Path) -> Command {
        // Started through the interpreter: the script's first line has a limit on its length.
        let mut command = self.python(home);
        command.arg(program(&self.folder, "aws"));
        command
    }

    /// Python in the same clean environment, with boto3 and Google's and Azure's libraries at hand.
    pub fn python(&self, home: &Path) -> Command {
        let mut command = process::isolated(self.program("python"), home);
        command.envs([
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_PAGER", ""),
            ("AWS_DEFAULT_OUTPUT", "json"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ]);
        command
    }
}

fn program(folder: &Path, name: impl AsRef<OsStr>) -> PathBuf {
    let name = Path::new(name.as_ref());
    match cfg!(windows) {
        true => folder.join("Scripts").join(name).with_extension("exe"),
        false => folder.join("bin").join(name),
    }
}

fn interpreter() -> &'static str {
    if cfg!(windows) { "python" } else { "python3" }
}
