//! One file per command. Each takes the program and its arguments, and prints its own answer.

mod agent;
mod audit;
mod cache;
mod completions;
mod delete;
mod describe;
mod describe_type;
mod disable;
mod doctor;
mod enable;
mod env;
mod exec;
mod explain;
mod export;
mod helped;
mod helper;
mod interactive;
mod issue;
mod list;
mod list_resources;
mod list_types;
mod login;
mod logout;
mod offering;
mod read_secret;
mod register;
mod rename;
mod schema;
mod store;
mod update;
mod verify;

use std::process::ExitCode;

use connector_core::Result;

use crate::app::App;
use crate::args::Command;

/// Runs a command.
///
/// # Errors
/// Whatever stands in the way; the caller says so and chooses the exit code.
pub(crate) fn run(app: &App, command: Command) -> Result<ExitCode> {
    let done = match command {
        Command::ListTypes(args) => list_types::run(app, &args),
        Command::DescribeType(args) => describe_type::run(app, &args),
        Command::Schema(args) => schema::run(app, &args),
        Command::Register(args) => register::run(app, *args),
        Command::List(args) => list::run(app, &args),
        Command::Describe(args) => describe::run(app, &args),
        Command::Update(args) => update::run(app, *args),
        Command::Rename(args) => rename::run(app, &args),
        Command::Enable(args) => enable::run(app, &args),
        Command::Disable(args) => disable::run(app, &args),
        Command::Delete(args) => delete::run(app, &args),
        Command::Verify(args) => verify::run(app, &args),
        Command::ListResources(args) => list_resources::run(app, &args),
        Command::Issue(args) => issue::run(app, &args),
        Command::Login(args) => login::run(app, &args),
        Command::Logout(args) => logout::run(app, &args),
        Command::Undo(args) => logout::undo(app, &args),
        Command::Export(args) => export::run(app, args),
        Command::Env(args) => env::run(app, &args),
        Command::Exec(args) => return exec::run(app, &args),
        Command::Agent(args) => agent::run(app, &args),
        Command::Helper(args) => return helper::run(app, &args),
        Command::Explain(args) => explain::run(app, &args),
        Command::Doctor(args) => doctor::run(app, &args),
        Command::ReadSecret(args) => read_secret::run(app, &args),
        Command::Store(args) => store::run(app, &args),
        Command::Cache(args) => cache::run(app, &args),
        Command::Audit(args) => audit::run(app, &args),
        Command::Completions(args) => completions::run(app, &args),
    };
    done.map(|()| ExitCode::SUCCESS)
}
