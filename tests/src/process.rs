//! Running programs: a clean environment, all output kept, and an end to every wait.

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a program may run before it counts as hung.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A program that has ended.
#[derive(Clone)]
pub struct Finished {
    /// The program and its arguments.
    pub command: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Whether it ended with 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output and standard error, one after the other.
    pub fn text(&self) -> String {
        self.stdout_text() + &self.stderr_text()
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("standard output is not JSON ({error}):\n{self:?}"))
    }

    /// Itself, when it ended with `code`.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "unexpected exit code:\n{self:?}");
        self
    }

    /// Itself, when it ended with 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        self.expect_code(0)
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}\n[exit {:?}]", self.command, self.code)?;
        writeln!(f, "--- stdout\n{}", self.stdout_text())?;
        write!(f, "--- stderr\n{}", self.stderr_text())
    }
}

/// A command for `program` that inherits nothing but `PATH`, with `home` as home and temporary folder.
pub fn isolated(program: impl AsRef<std::ffi::OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("TMPDIR", home).env("LC_ALL", "C.UTF-8").current_dir(home);
    // `USERPROFILE` and `TEMP` mean the same on Windows, where nothing starts without `SystemRoot`.
    command.env("USERPROFILE", home).env("TEMP", home);
    for name in ["PATH", "SystemRoot"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs `command` to its end with no standard input.
pub fn run(command: &mut Command) -> Finished {
    run_with_input(command, &[])
}

/// Runs `command` to its end; it may read `input`.
///
/// # Panics
/// When the program cannot be started, or does not end within [`LIMIT`].
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Finished {
    let line = shown(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{line}` cannot be started: {error}"));
    // A program that does not read its input closes the pipe: not an error.
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = input.to_owned();
    thread::spawn(move || stdin.write_all(&input));
    let (sender, outputs) = mpsc::channel();
    collect(0, child.stdout.take(), sender.clone());
    collect(1, child.stderr.take(), sender);

    let mut streams = [Vec::new(), Vec::new()];
    let deadline = Instant::now() + LIMIT;
    for _ in 0..streams.len() {
        match outputs.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((index, bytes)) => streams[index] = bytes,
            Err(_) => end_hung(child, &line),
        }
    }
    let status: ExitStatus = child.wait().expect("a started child can be waited for");
    let [stdout, stderr] = streams;
    Finished { command: line, code: status.code(), stdout, stderr }
}

fn collect(index: usize, stream: Option<impl Read + Send + 'static>, sender: mpsc::Sender<(usize, Vec<u8>)>) {
    let mut stream = stream.expect("the output is piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth having.
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send((index, bytes));
    });
}

fn end_hung(mut child: Child, line: &str) -> ! {
    let _ = child.kill();
    panic!("`{line}` has not ended after {} s", LIMIT.as_secs());
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn output_code_and_input_are_kept_and_nothing_is_inherited() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = isolated("sh", home.path());
        let script = "cat; echo \"$HOME ${CARGO_MANIFEST_DIR-unset}\" >&2; exit 3";
        let finished = run_with_input(command.args(["-c", script]), b"typed").expect_code(3);
        assert_eq!(finished.stdout_text(), "typed");
        assert_eq!(finished.stderr_text(), format!("{} unset\n", home.path().display()));
    }
}
