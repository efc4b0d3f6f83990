//! `connector exec`: runs a program with a credential in its environment.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use connector_core::{EnvironmentForm, Result};

use crate::app::App;
use crate::args::ExecArgs;
use crate::failure;

/// The exit codes of `env`, `nohup` and the shells: what is not the program's own doing is told apart.
const FAILED: u8 = 125;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// What opens the store is not for programs that are given a credential.
const KEPT_BACK: [&str; 4] =
    ["CONNECTOR_MASTER_KEY", "CONNECTOR_PASSPHRASE", "CONNECTOR_NEW_PASSPHRASE", "CONNECTOR_TOKEN"];

pub(crate) fn run(app: &App, args: &ExecArgs) -> Result<ExitCode> {
    let issued = {
        let _progress = app.output.progress("issuing");
        app.with_hub(async |hub| hub.environment(&args.name, args.grant.grant()).await)
    };
    match issued {
        Ok((_, form)) => Ok(start(command(&args.command, &form))),
        Err(error) => {
            failure::report(&error, app.output.format);
            Ok(ExitCode::from(FAILED))
        }
    }
}

/// The program as it was named: no shell reads its arguments.
fn command(words: &[OsString], form: &EnvironmentForm) -> Command {
    let (program, arguments) = words.split_first().expect("the command line requires a program");
    let mut command = Command::new(program);
    command.args(arguments);
    for name in KEPT_BACK.into_iter().chain(form.unset.iter().map(String::as_str)) {
        command.env_remove(name);
    }
    for (name, value) in &form.set {
        command.env(name, value.expose());
    }
    command
}

/// Becomes the program: signals and exit codes are its own, and nobody is left who holds secrets.
#[cfg(unix)]
fn start(mut command: Command) -> ExitCode {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    cannot_start(&command, error.kind())
}

/// Waits for the program. Console signals reach both, and the program alone decides what they mean.
#[cfg(not(unix))]
fn start(command: Command) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cannot_start(&command, error.kind()),
    };
    runtime.block_on(async {
        let mut command = tokio::process::Command::from(command);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return cannot_start(command.as_std(), error.kind()),
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
    })
}

fn cannot_start(command: &Command, kind: ErrorKind) -> ExitCode {
    let name = crate::output::clean(&command.get_program().to_string_lossy());
    match kind {
        ErrorKind::NotFound if !name.contains(std::path::MAIN_SEPARATOR) => {
            eprintln!("error: no program `{name}` in PATH");
        }
        ErrorKind::NotFound => eprintln!("error: no program {name}"),
        kind => eprintln!("error: cannot run `{name}`: {kind}"),
    }
    ExitCode::from(if kind == ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN })
}
