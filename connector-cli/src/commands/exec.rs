//! `connector exec`: runs a program with a credential in its environment.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode};

use connector_core::{EnvironmentForm, Error, Result};

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
        Ok((_, form)) if goes_on_as_another(&args.command, &form) => {
            let error =
                Error::refused("az takes no token from variables, and would go on with its own login")
                    .with_hint(format!(
                        "`connector login {}` with the same words gives az a folder of its own",
                        args.name
                    ))
                    .with_connector(&*args.name);
            failure::report(&error, app.output.format);
            Ok(ExitCode::from(FAILED))
        }
        Ok((_, form)) => Ok(start(command(&args.command, &form))),
        Err(error) => {
            failure::report(&error, app.output.format);
            Ok(ExitCode::from(FAILED))
        }
    }
}

/// Whether the program would pass over what it is given, and be somebody else without a word.
fn goes_on_as_another(words: &[OsString], form: &EnvironmentForm) -> bool {
    let is_az = words.first().is_some_and(|it| Path::new(it).file_stem() == Some(OsStr::new("az")));
    is_az && form.set.iter().any(|(name, _)| name == "AZURE_ACCESS_TOKEN")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn az_is_not_run_with_a_token_that_it_does_not_take() {
        let token = EnvironmentForm::default().set("AZURE_ACCESS_TOKEN", "hunter2");
        let signature = EnvironmentForm::default().set("AZURE_STORAGE_SAS_TOKEN", "hunter2");
        let words = |program: &str| vec![OsString::from(program), "group".into(), "list".into()];
        for program in ["az", "/usr/bin/az", "az.cmd"] {
            assert!(goes_on_as_another(&words(program), &token), "{program}");
            assert!(!goes_on_as_another(&words(program), &signature), "{program}");
        }
        assert!(!goes_on_as_another(&words("azcopy"), &token));
    }
}
