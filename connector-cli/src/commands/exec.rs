//! `connector exec`: runs a program with a credential in its environment, or with an endpoint that it asks for them.

mod child;

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode};

use connector_core::{EnvironmentForm, Error, Result};
use connectors::agent::{Agent, Binding, Options};

use crate::app::App;
use crate::args::ExecArgs;
use crate::commands::agent::proxies::{self, Proxies};
use crate::commands::helped::{self, Form};
use crate::commands::{agent, env};
use crate::failure;

/// The exit codes of `env`, `nohup` and the shells: what is not the program's own doing is told apart.
const FAILED: u8 = 125;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// What opens the store is not for programs that are given a credential.
const KEPT_BACK: [&str; 4] =
    ["CONNECTOR_MASTER_KEY", "CONNECTOR_PASSPHRASE", "CONNECTOR_NEW_PASSPHRASE", "CONNECTOR_TOKEN"];

pub(crate) fn run(app: &App, args: &ExecArgs) -> Result<ExitCode> {
    let done = if args.agent { beside_an_agent(app, args) } else { with_values(app, args) };
    Ok(done.unwrap_or_else(|error| {
        failure::report(&error, app.output.format);
        ExitCode::from(FAILED)
    }))
}

/// Gives the program a credential, and lets it go.
fn with_values(app: &App, args: &ExecArgs) -> Result<ExitCode> {
    let progress = app.output.progress("issuing");
    let (_, form) = app.with_hub(async |hub| env::issue(hub, &args.name, args.grant.grant()).await)?;
    drop(progress);
    if goes_on_as_another(&args.command, &form) {
        let error = Error::refused("az takes no token from variables, and would go on with its own login");
        let hint = format!(
            "`connector exec --agent` with the same words lets az ask an endpoint; `connector login {}` gives it a folder \
             of its own",
            args.name
        );
        return Err(error.with_hint(hint).with_connector(&*args.name));
    }
    Ok(start(command(&args.command, &form)))
}

/// Gives the program an endpoint that lives as long as it does: in this process, so that none is left when this one is
/// gone.
fn beside_an_agent(app: &App, args: &ExecArgs) -> Result<ExitCode> {
    let binding = Binding { connector: args.name.clone(), grant: args.grant.grant() };
    let mut options = Options::new(agent::directory(app));
    options.protocols.clone_from(&args.protocol);
    if let Some(listen) = args.listen {
        options.listen = listen;
    }
    app.with_hub_while_asked(async |hub, person| {
        let progress = app.output.progress("issuing");
        helped::refuse(hub, &binding.connector, &binding.grant, Form::Endpoint).await?;
        let agent = Agent::start(hub, vec![binding], options).await?;
        drop(progress);
        // The terminal is the program's from now on.
        person.leave();
        let served = agent.served().first().ok_or_else(|| Error::unexpected("the agent serves nothing"))?;
        agent::warn_of_open(app, served);
        let mut command = command(&args.command, served.set_up());
        let variable = |name: &str| std::env::var(name).ok();
        command.envs(Proxies::of(&variable).exempting(proxies::host(served.authority())));
        let (ended, until) = tokio::sync::oneshot::channel();
        let served = async {
            let until = async { until.await.unwrap_or_default() };
            if let Err(error) = agent.run(until).await {
                failure::report(&error, app.output.format);
            }
        };
        let program = async {
            let code = child::run(command).await;
            let _ = ended.send(());
            code
        };
        Ok(tokio::join!(program, served).0)
    })
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

/// Waits for the program.
#[cfg(not(unix))]
fn start(command: Command) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(child::run(command)),
        Err(error) => cannot_start(&command, error.kind()),
    }
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
        let endpoint = EnvironmentForm::default().set("IDENTITY_ENDPOINT", "http://127.0.0.1:4711/msi/token");
        let words = |program: &str| vec![OsString::from(program), "group".into(), "list".into()];
        for program in ["az", "/usr/bin/az", "az.cmd"] {
            assert!(goes_on_as_another(&words(program), &token), "{program}");
            assert!(!goes_on_as_another(&words(program), &signature), "{program}");
            assert!(!goes_on_as_another(&words(program), &endpoint), "{program}");
        }
        assert!(!goes_on_as_another(&words("azcopy"), &token));
    }
}
