//! Runs the programs of the demo: each command is printed before its output.

use std::path::{Path, PathBuf};
use std::process::Command;

use connector_tests::canary::{Canary, Sighting};
use connector_tests::cli::Cli;
use connector_tests::install::{self, Kubectl};
use connector_tests::ministack::{MiniStack, World};
use connector_tests::process::{self, Finished};
use serde_json::Value;

use crate::shell::{Result, quoted};

/// Where people keep their own programs.
const BIN: &str = ".local/bin";
/// The name by which docker looks for our program.
pub(super) const DOCKER_HELPER: &str = "docker-credential-connector";

/// Google's program, where it is installed.
pub(super) const GCLOUD: &str = "gcloud";

/// Azure's program, where it is installed.
pub(super) const AZ: &str = "az";

/// Whether a program is installed.
pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What the server told, which must be something: a search for nothing finds nothing.
pub(super) fn texts<'a>(told: &'a Value, field: &str) -> Result<Vec<&'a str>> {
    let texts: Vec<_> = told[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match texts.is_empty() {
        true => Err(format!("the server tells no `{field}`")),
        false => Ok(texts),
    }
}

/// The kubectl that the chapters need, or why there is none.
pub(super) fn kubectl() -> Result<Kubectl> {
    let kubectl = install::kubectl().map_err(|reason| reason.to_string())?;
    match kubectl.minor() {
        // What `login` writes is known since then.
        22.. => Ok(kubectl),
        minor => Err(format!("kubectl 1.{minor} is too old: 1.22 or newer takes credentials from a program")),
    }
}

/// One run of the demo: our program with a fresh home, and the server it talks to.
pub(super) struct Stage<'a> {
    cli: Cli,
    server: &'a MiniStack,
    secrets: Vec<Watched>,
}

/// A secret that is searched for at the end.
struct Watched {
    what: &'static str,
    /// Each of its parts.
    canaries: Vec<Canary>,
    /// The one command that may print it.
    sink: Option<String>,
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
        let bin = cli.home().join(BIN);
        std::fs::create_dir_all(&bin).map_err(|error| format!("{}: {error}", bin.display()))?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Python with Google's libraries and boto3 comes before the one of the machine.
        let first = [bin, world.server().tools().bin()];
        let path = std::env::join_paths(first.into_iter().chain(std::env::split_paths(&path)));
        let cli = cli
            .with_env("AWS_CONFIG_FILE", aws.join("config"))
            .with_env("AWS_SHARED_CREDENTIALS_FILE", aws.join("credentials"))
            .with_env("PATH", path.map_err(|error| format!("PATH: {error}"))?);
        let mut stage = Self { cli, server: world.server(), secrets: Vec::new() };
        stage.watch("alice's secret access key", &world.alice.secret_access_key, None);
        Ok(stage)
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.file(".aws/config")
    }

    pub(super) fn credentials_file(&self) -> PathBuf {
        self.file(".aws/credentials")
    }

    /// A file in the home of this run.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.cli.home().join(path)
    }

    /// A file of our program's own.
    pub(super) fn state(&self, path: &str) -> PathBuf {
        self.cli.connector_home().join(path)
    }

    /// Writes a file in the home of this run.
    pub(super) fn write(&self, path: &str, text: &str) -> Result {
        let path = self.file(path);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Shows a file as `cat` does, and answers with its text.
    pub(super) fn cat(&self, path: &str) -> Result<String> {
        let file = self.file(path);
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        self.shows(&format!("cat ~/{path}"), &text);
        Ok(text)
    }

    /// A secret to search for from now on; `sink` is the one command that may print it.
    pub(super) fn watch(&mut self, what: &'static str, secret: &str, sink: Option<&str>) {
        self.watch_all(what, &[secret], sink);
    }

    /// The same for many of a kind.
    pub(super) fn watch_all(&mut self, what: &'static str, secrets: &[&str], sink: Option<&str>) {
        self.secrets.push(Watched {
            what,
            canaries: secrets.iter().map(|secret| Canary::of(what, secret)).collect(),
            sink: sink.map(|command| format!("standard output of `{command}`")),
        });
    }

    /// The title of a part of the story.
    pub(super) fn chapter(&self, title: &str) {
        println!("\n\n━━━ {title} {}", "━".repeat(100_usize.saturating_sub(title.chars().count())));
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
            println!("  {}", shortened(line));
        }
    }

    pub(super) fn connector(&self, arguments: &[&str]) -> Result<Told> {
        self.connector_with(&[], arguments)
    }

    /// The same with variables of the environment.
    pub(super) fn connector_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Told> {
        let mut command = self.cli.command(arguments);
        command.envs(variables.iter().copied());
        let finished = self.cli.keep(process::run(&mut command));
        let set: String =
            variables.iter().map(|(name, value)| format!("{name}={} ", quoted(value))).collect();
        Ok(self.told(set + &typed("connector", arguments), finished))
    }

    /// Issues a credential, which must end and be narrowed, and shows it without its secrets.
    pub(super) fn issue(&self, arguments: &[&str]) -> Result {
        let arguments = [&["issue"], arguments, &["-o", "json"]].concat();
        let line = typed("connector", &arguments);
        let finished = self.cli.run(&arguments);
        if !finished.success() {
            return Err(format!("`{line}` failed: {}", finished.stderr_text().trim_end()));
        }
        let envelope: Value = serde_json::from_slice(&finished.stdout)
            .map_err(|error| format!("`{line}` prints no JSON: {error}"))?;
        let shown = serde_json::to_string_pretty(&without_secrets(&envelope));
        self.shows(&line, &shown.map_err(|error| error.to_string())?);
        if envelope["narrowed"] != true {
            return Err("the issued credential does not say `narrowed: true`".to_owned());
        }
        if envelope["expires_at"].is_null() {
            return Err("the issued credential has no end".to_owned());
        }
        Ok(())
    }

    pub(super) fn aws(&self, arguments: &[&str]) -> Result<Told> {
        let mut command = self.server.tools().aws(&self.cli.home());
        let finished = self.foreign(command.args(arguments));
        Ok(self.told(typed("aws", arguments), finished))
    }

    pub(super) fn kubectl(&self, kubectl: &Kubectl, arguments: &[&str]) -> Result<Told> {
        let mut command = kubectl.command(&self.cli.home(), &self.file(".kube/config"));
        let finished = self.foreign(command.args(arguments));
        Ok(self.told(typed("kubectl", arguments), finished))
    }

    /// gcloud, which asks nobody but the server.
    pub(super) fn gcloud(&self, arguments: &[&str]) -> Result<Told> {
        let mut command = process::isolated(GCLOUD, &self.cli.home());
        command.env("CLOUDSDK_CONFIG", self.file(".config/gcloud"));
        command.envs([
            ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1"),
            ("CLOUDSDK_CORE_DISABLE_FILE_LOGGING", "true"),
            ("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false"),
            ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true"),
            ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true"),
        ]);
        let finished = self.foreign(command.args(arguments));
        Ok(self.told(typed(GCLOUD, arguments), finished))
    }

    /// az in the folder of a login, trusting the authority in a file.
    pub(super) fn az(&self, login: &str, ca: &str, arguments: &[&str]) -> Result<Told> {
        let mut command = process::isolated(AZ, &self.cli.home());
        command.env("AZURE_CONFIG_DIR", self.state("az").join(login));
        command.env("REQUESTS_CA_BUNDLE", self.file(ca));
        let finished = self.foreign(command.args(arguments));
        Ok(self.told(format!("AZURE_CONFIG_DIR=… {}", typed(AZ, arguments)), finished))
    }

    /// Whether docker's helper is on `PATH` already.
    pub(super) fn has_docker_helper(&self) -> bool {
        self.file(BIN).join(DOCKER_HELPER).with_extension(std::env::consts::EXE_EXTENSION).exists()
    }

    /// Puts our program onto `PATH` under the name by which docker looks for its helper.
    pub(super) fn link_docker_helper(&self) -> Result {
        let (from, to) = (self.cli.binary(), self.file(BIN).join(DOCKER_HELPER));
        let to = to.with_extension(std::env::consts::EXE_EXTENSION);
        #[cfg(unix)]
        let linked = std::os::unix::fs::symlink(from, &to);
        #[cfg(not(unix))]
        let linked = std::fs::copy(from, &to).map(|_| ());
        linked.map_err(|error| format!("{}: {error}", to.display()))?;
        self.shows(&format!("ln -s \"$(command -v connector)\" ~/{BIN}/{DOCKER_HELPER}"), "");
        Ok(())
    }

    /// Docker's helper, asked as docker asks it; it is the caller's to choose what is shown.
    pub(super) fn docker_helper(&self, registry: &str) -> Finished {
        let program = self.file(BIN).join(DOCKER_HELPER).with_extension(std::env::consts::EXE_EXTENSION);
        let mut command = process::isolated(program, &self.cli.home());
        command.env("CONNECTOR_HOME", self.cli.connector_home()).arg("get");
        self.cli.keep(process::run_with_input(&mut command, registry.as_bytes()))
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

    /// What is searched for, and where it shows: in the first list where it may, in the second where it may not.
    /// Nothing but our program's own home is left at the time of asking.
    pub(super) fn occurrences(&self) -> Vec<(&'static str, Vec<Sighting>, Vec<Sighting>)> {
        let search = |it: &Watched| {
            let seen = self.cli.sightings(&it.canaries);
            let (told, leaked) = seen.into_iter().partition(|seen| Some(&seen.place) == it.sink.as_ref());
            (it.what, told, leaked)
        };
        self.secrets.iter().map(search).collect()
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
fn without_secrets(envelope: &Value) -> Value {
    let Value::Object(fields) = envelope else { return Value::Null };
    let hidden = |(key, value): (&String, &Value)| {
        let is_secret = key.contains("secret");
        (key.clone(), if is_secret { masked(value) } else { value.clone() })
    };
    Value::Object(fields.iter().map(hidden).collect())
}

/// A line with its certificates cut: words of base64 that nobody reads.
fn shortened(line: &str) -> String {
    let is_long = |word: &str| word.len() > 200 && word.is_ascii();
    let cut = |word: &str| if is_long(word) { format!("{}…", &word[..20]) } else { word.to_owned() };
    line.split(' ').map(cut).collect::<Vec<_>>().join(" ")
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
    fn long_words_are_cut() {
        let line = format!("  data: {} and", "QUJD".repeat(60));
        assert_eq!(shortened(&line), "  data: QUJDQUJDQUJDQUJDQUJD… and");
        assert_eq!(shortened("  a b"), "  a b");
    }

    #[test]
    fn commands_are_shown_as_typed() {
        assert_eq!(typed("aws", &["s3", "cp", "s3://b/k", "-"]), "aws s3 cp s3://b/k -");
        assert_eq!(typed("connector", &["x", "a b"]), "connector x 'a b'");
    }
}
