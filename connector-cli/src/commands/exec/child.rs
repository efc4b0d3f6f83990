//! A program that is waited for, in the place of which this one stands for whoever started it.

use std::process::{Command, ExitCode};

use super::{FAILED, cannot_start};

/// Runs the program to its end, with the streams, the terminal and the group of this one, and gives its exit code; 128 and
/// the number of the signal where one ended it, as shells do.
///
/// Whatever is sent to this process is for the program, and it alone decides what comes of it. So this one does not end
/// before the program does, however often it is told to; only what nobody can catch ends it.
#[cfg(unix)]
pub(super) async fn run(command: Command) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;

    use rustix::process::{Pid, Signal, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    use crate::signals::{self, Signals};

    /// What ends or wakes a process by default, and is sent by others than its own doing.
    const PASSED_ON: [Signal; 8] = [
        Signal::INT,
        Signal::QUIT,
        Signal::TERM,
        Signal::HUP,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::CONT,
    ];

    // Caught before the program is there: none is lost, and none ends this process alone. Were the death of children
    // ignored, nobody could be told how they ended.
    let caught = Signals::catch(&PASSED_ON).and_then(|it| Ok((it, signal(SignalKind::child())?)));
    let (mut caught, _children) = match caught {
        Ok(caught) => caught,
        Err(error) => return cannot_start(&command, error.kind()),
    };
    let mut child = match spawn(command) {
        Ok(child) => child,
        Err(code) => return code,
    };
    loop {
        tokio::select! {
            status = child.wait() => {
                let code = status.ok().and_then(|it| it.code().or_else(|| it.signal().map(|it| 128 + it)));
                return ExitCode::from(code.and_then(|it| u8::try_from(it).ok()).unwrap_or(FAILED));
            }
            signal = caught.next() => {
                // The terminal has told everybody in front of it already; twice means "at once" to many a program.
                let was_told = matches!(signal, Signal::INT | Signal::QUIT) && signals::has_terminal();
                let id = child.id().and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw);
                if let Some(id) = id.filter(|_| !was_told) {
                    // It has just ended, or become somebody else, who takes no signals from us.
                    let _ = kill_process(id, signal);
                }
            }
        }
    }
}

/// Runs the program to its end, and gives its exit code. Console signals reach both, and the program alone decides what
/// they mean.
#[cfg(not(unix))]
pub(super) async fn run(command: Command) -> ExitCode {
    let mut child = match spawn(command) {
        Ok(child) => child,
        Err(code) => return code,
    };
    loop {
        tokio::select! {
            status = child.wait() => {
                let code = status.ok().and_then(|it| it.code()).and_then(|it| u8::try_from(it).ok());
                return ExitCode::from(code.unwrap_or(FAILED));
            }
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

/// Starts the program, or says why it cannot be.
fn spawn(command: Command) -> Result<tokio::process::Child, ExitCode> {
    let mut command = tokio::process::Command::from(command);
    command.spawn().map_err(|error| cannot_start(command.as_std(), error.kind()))
}
