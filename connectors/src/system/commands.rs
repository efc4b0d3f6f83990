//! The running of programs: no shell, chosen environment, bounded time and output.

use std::process::Stdio;

use connector_core::{Command, Commands, Error, Output, Result, async_trait};
use tokio::io::AsyncReadExt;

/// Programs of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemCommands;

/// The most that a program may print, in bytes.
const MOST: u64 = 1 << 20;

/// What every program needs to find itself and its own files; everything else has to be named.
const PASSED: &[&str] = &["PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG"];

#[async_trait]
impl Commands for SystemCommands {
    #[expect(
        clippy::disallowed_methods,
        reason = "this port is where programs and their environment come in"
    )]
    async fn run(&self, command: Command) -> Result<Output> {
        let name = command.program().to_owned();
        let mut child = tokio::process::Command::new(command.program())
            .args(command.args())
            .env_clear()
            .envs(PASSED.iter().filter_map(|it| Some((*it, std::env::var_os(it)?))))
            .envs(command.env().iter().map(|(name, value)| (name, value.expose())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What it says to people goes to people; what it prints may be a secret and goes nowhere else.
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                Error::not_found(format!("cannot start `{name}`: {}", error.kind()))
                    .with_hint("name the program by its absolute path")
            })?;
        let stdout = child.stdout.take();
        let work = async {
            let mut printed = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(MOST + 1).read_to_end(&mut printed).await?;
            }
            if printed.len() as u64 > MOST {
                return Ok((None, Output::new(printed)));
            }
            Ok::<_, std::io::Error>((Some(child.wait().await?), Output::new(printed)))
        };
        let limit = command.timeout();
        let Ok(done) = tokio::time::timeout(limit, work).await else {
            let limit = connector_core::format_duration(limit);
            return Err(Error::unreachable(format!("`{name}` did not end within {limit}")));
        };
        match done
            .map_err(|error| Error::unexpected(format!("cannot read from `{name}`: {}", error.kind())))?
        {
            (Some(status), output) if status.success() => Ok(output),
            (Some(status), _) => Err(Error::refused(format!("`{name}` failed ({status})"))),
            (None, _) => Err(Error::invalid(format!("`{name}` printed more than 1 MiB"))),
        }
    }
}
