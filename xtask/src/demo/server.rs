//! The servers that the tests bring as programs of their own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::shell::Result;

/// A running server; it ends with this value, whose standard input it reads.
pub(super) struct Server {
    name: String,
    child: Child,
    out: Option<BufReader<ChildStdout>>,
    about: Value,
}

impl Server {
    /// Starts it, and reads what it tells of itself: one line of JSON.
    pub(super) fn start(program: &Path) -> Result<Self> {
        let name = program.display().to_string();
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        let out = child.stdout.take().map(BufReader::new);
        let mut server = Self { name, child, out, about: Value::Null };
        server.about = server.line()?;
        Ok(server)
    }

    /// A field of what it told.
    pub(super) fn text(&self, field: &str) -> Result<&str> {
        self.about[field].as_str().ok_or_else(|| format!("{} does not tell its `{field}`", self.name))
    }

    /// Ends it; what it says then.
    pub(super) fn last_words(mut self) -> Result<Value> {
        drop(self.child.stdin.take());
        self.line()
    }

    fn line(&mut self) -> Result<Value> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", self.name);
        let mut line = String::new();
        if let Some(out) = &mut self.out {
            out.read_line(&mut line).map_err(|error| told(&error))?;
        }
        serde_json::from_str(&line).map_err(|error| told(&error))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
