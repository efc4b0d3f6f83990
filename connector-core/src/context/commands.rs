//! Programs that a configuration names: no shell, fixed arguments, chosen environment.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::{Result, Secret};

/// The running of programs.
#[async_trait]
pub trait Commands: Send + Sync {
    /// Runs a program to its end, without a shell, with an environment of nothing but what the command
    /// and the host's fixed list name, and with bounded output.
    ///
    /// # Errors
    /// When it cannot be started, takes too long, prints too much, or fails. Its output is not quoted.
    async fn run(&self, command: Command) -> Result<Output>;
}

/// A program to run.
#[derive(Clone)]
pub struct Command {
    program: String,
    args: Vec<String>,
    env: Vec<(String, Secret)>,
    timeout: Duration,
}

impl Command {
    /// A program by path, or by a name to look up, with no arguments, for at most 60 seconds.
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new(), timeout: Duration::from_secs(60) }
    }

    /// Adds arguments.
    #[must_use]
    pub fn with_args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.env.push((name.into(), value));
        self
    }

    /// Sets the longest time it may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Its arguments.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// The environment variables that are added for it.
    #[must_use]
    pub fn env(&self) -> &[(String, Secret)] {
        &self.env
    }

    /// The longest time it may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("program", &self.program).finish_non_exhaustive()
    }
}

/// What a program printed on standard output. It may be a secret.
#[derive(Clone)]
pub struct Output(Zeroizing<Vec<u8>>);

impl Output {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(stdout: Vec<u8>) -> Self {
        Self(Zeroizing::new(stdout))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}
