//! The built `connector` program in a world of its own: fresh home, nothing inherited, every output kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use crate::canary::{Canary, Search, Sighting};
use crate::paths;
use crate::process::{self, Finished};

/// One installation of `connector`: its own `HOME` and `CONNECTOR_HOME`, and the transcript of all its runs.
///
/// May be shared by threads, to run several processes at once.
#[derive(Debug)]
pub struct Cli {
    binary: PathBuf,
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
    transcript: Mutex<Vec<Finished>>,
}

impl Default for Cli {
    fn default() -> Self {
        Self::new()
    }
}

impl Cli {
    /// A fresh installation of the program that [`paths::connector`] names.
    ///
    /// # Panics
    /// When the program has not been built.
    pub fn new() -> Self {
        Self::of(paths::connector())
    }

    /// A fresh installation of the program at `binary`.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn of(binary: PathBuf) -> Self {
        assert!(
            binary.is_file(),
            "no program at {}: run `cargo build -p connector-cli`, or name one with CONNECTOR_BIN",
            binary.display()
        );
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for part in ["home", "state"] {
            std::fs::create_dir(folder.path().join(part)).expect("a folder can be made in a new folder");
        }
        Self { binary, folder, variables: Vec::new(), transcript: Mutex::default() }
    }

    /// Sets an environment variable for all later runs.
    pub fn with_env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// `HOME` of the runs, which is also the folder they run in.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// `CONNECTOR_HOME` of the runs.
    pub fn connector_home(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The program's path, for files that name it.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The prepared command, for runs that need more than [`Cli::run`] gives. Its output is not in the transcript.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = process::isolated(&self.binary, &self.home());
        command.env("CONNECTOR_HOME", self.connector_home()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).args(arguments);
        command
    }

    /// Runs the program to its end, whatever its exit code.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_input(arguments, "")
    }

    /// Runs the program to its end; it may read `input`.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        self.keep(process::run_with_input(&mut self.command(arguments), input.as_bytes()))
    }

    /// Runs the program, which must succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Finished {
        self.run(arguments).expect_success()
    }

    /// Runs the program with `-o json`, which must succeed, and parses what it prints.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.ok(&[arguments, &["-o", "json"]].concat()).json()
    }

    /// Runs the program, which must fail with `code`.
    #[track_caller]
    pub fn fails(&self, code: i32, arguments: &[&str]) -> Finished {
        self.run(arguments).expect_code(code)
    }

    /// Runs the program with `-o json`, which must fail with `code`, and answers with the `error` object at the
    /// end of its standard error.
    #[track_caller]
    pub fn error(&self, code: i32, arguments: &[&str]) -> Value {
        let finished = self.fails(code, &[arguments, &["-o", "json"]].concat());
        let text = finished.stderr_text();
        let object = text.find('{').and_then(|start| serde_json::from_str::<Value>(&text[start..]).ok());
        match object.as_ref().and_then(|value| value.get("error")) {
            Some(error) => error.clone(),
            None => {
                panic!("standard error does not end with one JSON object that has `error`:\n{finished:?}")
            }
        }
    }

    /// Adds the output of a program run elsewhere, such as an `aws` that called this program.
    pub fn keep(&self, finished: Finished) -> Finished {
        self.lock().push(finished.clone());
        finished
    }

    /// All runs so far, oldest first.
    pub fn transcript(&self) -> Vec<Finished> {
        self.lock().clone()
    }

    /// Where the canaries show in any output of any run, in `CONNECTOR_HOME` or in `HOME`.
    pub fn sightings(&self, canaries: &[Canary]) -> Vec<Sighting> {
        let search = Search::new(canaries);
        let mut seen: Vec<_> = self
            .lock()
            .iter()
            .flat_map(|finished| {
                let place = |stream| format!("{stream} of `{}`", finished.command);
                let stdout = search.bytes(&place("standard output"), &finished.stdout);
                stdout.into_iter().chain(search.bytes(&place("standard error"), &finished.stderr))
            })
            .collect();
        seen.extend(search.tree(self.folder.path()));
        seen
    }

    /// Fails when a canary shows in any output of any run, in `CONNECTOR_HOME` or in `HOME`.
    #[track_caller]
    pub fn assert_no_canary(&self, canaries: &[Canary]) {
        let sightings = self.sightings(canaries);
        assert!(sightings.is_empty(), "secrets show: {sightings:#?}");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Finished>> {
        self.transcript.lock().expect("nothing panics while it holds the transcript")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn outputs_and_files_are_searched() {
        let canary = Canary::generate("planted");
        let cli = Cli::of("/bin/sh".into()).with_env("PLANTED", canary.secret());
        cli.ok(&["-c", "echo clean"]);
        cli.assert_no_canary(std::slice::from_ref(&canary));
        cli.fails(4, &["-c", "echo \"$PLANTED\" >&2; exit 4"]);
        cli.ok(&["-c", "echo \"$PLANTED\" > \"$CONNECTOR_HOME/file\""]);
        let places: Vec<_> = cli.sightings(&[canary]).into_iter().map(|sighting| sighting.place).collect();
        assert_eq!(places.len(), 2, "{places:?}");
        assert!(places[0].starts_with("standard error of `sh"), "{places:?}");
        assert!(places[1].ends_with("state/file"), "{places:?}");
    }
}
