//! Runs the programs of the demo: each command is printed before its output.

use std::path::{Path, PathBuf};
use std::process::Command;

use connector_tests::canary::{Canary, Sighting};
use connector_tests::cli::Cli;
use connector_tests::ministack::{MiniStack, World};
use connector_tests::process::{self, Finished};
use serde_json::Value;

use crate::shell::{Result, quoted};

/// One run of the demo: our program with a fresh home, and the server it talks to.
pub(super) struct Stage<'a> {
    cli: Cli,
    server: &'a MiniStack,
    canary: Canary,
}

/// A command that was run, to be checked against what was told.
#[must_use]
pub(super) struct Told {
    line: String,
    finished: Finished,
}

impl<'a> Stage<'a> {
    pub(super) fn new(program: &Path, world: &'a World) -> Result<Self> {
        let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
        let cli = Cli::of(program);
        let aws = cli.home().join(".aws");
        std::fs::create_dir_all(&aws).map_err(|error| format!("{}: {error}", aws.display()))?;
        let cli = cli
            .with_env("AWS_CONFIG_FILE", aws.join("config"))
            .with_env("AWS_SHARED_CREDENTIALS_FILE", aws.join("credentials"));
        let canary = Canary::of("alice's secret access key", &world.alice.secret_access_key);
        Ok(Self { cli, server: world.server(), canary })
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.cli.home().join(".aws").join("config")
    }

    pub(super) fn credentials_file(&self) -> PathBuf {
        self.cli.home().join(".aws").join("credentials")
    }

    /// Lines of explanation.
    pub(super) fn says(&self, text: &str) {
        println!();
        for line in text.lines() {
            println!("# {line}");
        }
    }

    /// A command and its output.
    pub(super) fn shows(&self, line: &str, output: &str) {
        println!("\n$ {line}");
        for line in output.trim_end().lines() {
            println!("  {line}");
        }
    }

    pub(super) fn connector(&self, arguments: &[&str]) -> Result<Told> {
        let finished = self.cli.run(arguments);
        Ok(self.told(typed("connector", arguments), finished))
    }

    /// Runs our program, which must succeed, and leaves it to the caller what to show.
    pub(super) fn connector_quietly(&self, arguments: &[&str]) -> Result<Finished> {
        let finished = self.cli.run(arguments);
        match finished.success() {
            true => Ok(finished),
            false => Err(format!(
                "`{}` failed: {}",
                typed("connector", arguments),
                finished.stderr_text().trim_end()
            )),
        }
    }

    pub(super) fn aws(&self, arguments: &[&str]) -> Result<Told> {
        let mut command = self.server.tools().aws(&self.cli.home());
        let finished = self.foreign(command.args(arguments));
        Ok(self.told(typed("aws", arguments), finished))
    }

    pub(super) fn python(&self, script: &str) -> Result<Told> {
        let mut command = self.server.tools().python(&self.cli.home());
        let finished = self.foreign(command.args(["-c", script]));
        let line = format!("python3 <<'EOF'\n{script}\nEOF");
        Ok(self.told(line, finished))
    }

    /// The line for `credential_process`: an absolute path, and words that need no quoting by a shell.
    pub(super) fn helper(&self, arguments: &[&str]) -> String {
        format!("\"{}\" {}", self.cli.binary().display(), arguments.join(" "))
    }

    /// Where the long-lived key shows. Nothing but our program's own home is left at the time of asking.
    pub(super) fn occurrences(&self) -> Vec<Sighting> {
        self.cli.sightings(std::slice::from_ref(&self.canary))
    }

    pub(super) fn outputs(&self) -> usize {
        self.cli.transcript().len()
    }

    pub(super) fn files(&self) -> usize {
        count_files(&self.cli.connector_home()) + count_files(&self.cli.home())
    }

    fn foreign(&self, command: &mut Command) -> Finished {
        // The helper that they start needs to know where our program keeps its state.
        let command = command
            .env("CONNECTOR_HOME", self.cli.connector_home())
            .env("AWS_CONFIG_FILE", self.config_file())
            .env("AWS_SHARED_CREDENTIALS_FILE", self.credentials_file())
            .env("AWS_ENDPOINT_URL", self.server.url());
        self.cli.keep(process::run(command))
    }

    fn told(&self, line: String, finished: Finished) -> Told {
        self.shows(&line, &finished.text());
        Told { line, finished }
    }
}

impl Told {
    /// The command succeeded, and its output holds `words`.
    pub(super) fn holds(self, words: &str) -> Result {
        if !self.finished.success() {
            return Err(format!("`{}` failed with exit code {:?}", self.line, self.finished.code));
        }
        match self.finished.text().contains(words) {
            true => Ok(()),
            false => Err(format!("the output of `{}` does not hold `{words}`", self.line)),
        }
    }

    /// The command failed, and said `words`.
    pub(super) fn refused_with(self, words: &str) -> Result {
        match !self.finished.success() && self.finished.text().contains(words) {
            true => Ok(()),
            false => Err(format!("`{}` was not refused with `{words}`", self.line)),
        }
    }
}

/// The command line as a person would type it.
pub(super) fn typed(program: &str, arguments: &[&str]) -> String {
    std::iter::once(program).chain(arguments.iter().copied()).map(quoted).collect::<Vec<_>>().join(" ")
}

/// The envelope of a credential with its secret fields named and not shown.
pub(super) fn without_secrets(envelope: &Value) -> Value {
    let Value::Object(fields) = envelope else { return Value::Null };
    let hidden = |(key, value): (&String, &Value)| {
        let is_secret = key.contains("secret");
        (key.clone(), if is_secret { masked(value) } else { value.clone() })
    };
    Value::Object(fields.iter().map(hidden).collect())
}

fn masked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), masked(value))).collect())
        }
        Value::Null => Value::Null,
        _ => "…".into(),
    }
}

fn count_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { count_files(&entry.path()) } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secret_fields_are_named_and_not_shown() {
        let envelope = json!({
            "version": 1, "kind": "aws", "narrowed": true,
            "public": { "access_key_id": "ASIA1" },
            "secret": { "secret_access_key": "hunter2", "session_token": "hunter3" },
        });
        let shown = without_secrets(&envelope);
        assert_eq!(shown["public"]["access_key_id"], "ASIA1");
        assert_eq!(shown["secret"], json!({ "secret_access_key": "…", "session_token": "…" }));
        assert!(!shown.to_string().contains("hunter"), "{shown}");
    }

    #[test]
    fn commands_are_shown_as_typed() {
        assert_eq!(typed("aws", &["s3", "cp", "s3://b/k", "-"]), "aws s3 cp s3://b/k -");
        assert_eq!(typed("connector", &["x", "a b"]), "connector x 'a b'");
    }
}
