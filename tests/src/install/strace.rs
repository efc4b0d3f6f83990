use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Unavailable, debian, install_with};

/// Watches the system calls of a program, and kills it at one of them.
#[derive(Debug, Clone)]
pub struct Strace {
    program: PathBuf,
    libraries: Option<PathBuf>,
}

/// The installed `strace`, else Debian's.
pub fn strace() -> Result<Strace, Unavailable> {
    let installed = Path::new("/usr/bin/strace");
    let strace = if installed.is_file() {
        Strace { program: installed.to_owned(), libraries: None }
    } else {
        let program = debian("strace")?.join("usr/bin/strace");
        let libraries = fs::read_dir(debian("libunwind8")?.join("usr/lib"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.is_dir());
        Strace { program, libraries }
    };
    // A container may forbid one process to watch another.
    let mut trial = strace.kill_at(&mut Command::new("/bin/true"), "execve", 1000);
    install_with(&mut trial, "this needs the right to trace one's own children")?;
    Ok(strace)
}

impl Strace {
    /// `command`, killed as if by `kill -9` when one of its threads makes one of these system calls (names with
    /// commas between them) for the `count`th time, before the call does anything.
    pub fn kill_at(&self, command: &mut Command, calls: &str, count: usize) -> Command {
        let mut out = Command::new(&self.program);
        out.args(["-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e"]).arg(format!("trace={calls}"));
        out.arg("-e").arg(format!("inject={calls}:signal=KILL:when={count}"));
        out.arg(command.get_program()).args(command.get_args()).env_clear();
        out.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        out.envs(self.libraries.iter().map(|folder| ("LD_LIBRARY_PATH", folder)));
        out.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
        out
    }
}
