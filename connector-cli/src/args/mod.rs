//! The command line: one struct per command. Doc comments here are what `--help` prints.

mod agent;
mod browse;
mod doctor;
mod export;
mod filter;
mod give;
mod grant;
mod login;
mod register;
mod upkeep;
mod words;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::time::Duration;

use connector_core::Secret;

use crate::settings;

pub(crate) use agent::AgentArgs;
pub(crate) use browse::{DescribeArgs, DescribeTypeArgs, ListArgs, ListTypesArgs, SchemaArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use export::{ComposeArgs, ExportAction, ExportArgs, Mode, MountMode, Target};
pub(crate) use filter::FilterArgs;
pub(crate) use give::{
    EnvArgs, EnvFormat, ExecArgs, ExplainArgs, HelperArgs, IssueArgs, ListResourcesArgs, ReadSecretArgs,
    VerifyArgs,
};
pub(crate) use grant::GrantArgs;
pub(crate) use login::{LoginArgs, LogoutArgs, UndoArgs};
pub(crate) use register::{DeleteArgs, NameArgs, RegisterArgs, RenameArgs, UpdateArgs};
pub(crate) use upkeep::{
    AuditAction, AuditArgs, CacheAction, CacheArgs, CompletionsArgs, RestoreArgs, RotateKeyArgs, StoreAction,
    StoreArgs,
};
pub(crate) use words::{Label, OrNone};

/// Short-lived, narrowed credentials for cloud services, from connectors that keep the long-lived ones.
#[derive(Debug, Parser)]
#[command(
    name = "connector",
    bin_name = "connector",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "First steps:\n  \
        connector list-types\n  \
        connector register prod --type aws --auto-configure\n  \
        connector issue prod --resource-type s3-bucket --resource-id s3://data\n\n\
        Connectors live in CONNECTOR_HOME (default: the platform's data directory). The master key is made\n\
        in a file there, or comes from CONNECTOR_MASTER_KEY, CONNECTOR_MASTER_KEY_FILE, CONNECTOR_PASSPHRASE\n\
        or the keyring; CONNECTOR_LOG says what is told, as `-v` does."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct GlobalArgs {
    /// The form of what is printed
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<OutputFormat>,
    /// Tell what is done and what is set up; twice: also of every call
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How long one call to a provider may take, such as 10s [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = settings::timeout)]
    pub(crate) timeout: Option<Duration>,
    /// The code of an MFA device, where one is needed; else it is asked for
    #[arg(long, global = true, value_name = "CODE", value_parser = secret)]
    pub(crate) mfa_code: Option<Secret>,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    // No doc comments on values: they would spread the help of every command over several screens.
    #[default]
    Table,
    Json,
    Yaml,
}

/// One command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // What there is to connect to.
    ListTypes(ListTypesArgs),
    DescribeType(DescribeTypeArgs),
    Schema(SchemaArgs),
    // Connectors.
    Register(Box<RegisterArgs>),
    List(ListArgs),
    Describe(DescribeArgs),
    Update(Box<UpdateArgs>),
    Rename(RenameArgs),
    /// Switch a connector on again
    Enable(NameArgs),
    /// Switch a connector off: it stays stored and issues nothing
    Disable(NameArgs),
    Delete(DeleteArgs),
    // What they reach and give.
    Verify(VerifyArgs),
    ListResources(ListResourcesArgs),
    Issue(IssueArgs),
    Login(LoginArgs),
    Logout(LogoutArgs),
    Undo(UndoArgs),
    Export(ExportArgs),
    Env(EnvArgs),
    Exec(ExecArgs),
    Agent(AgentArgs),
    Helper(HelperArgs),
    Explain(ExplainArgs),
    Doctor(DoctorArgs),
    ReadSecret(ReadSecretArgs),
    // Looking after it.
    Store(StoreArgs),
    Cache(CacheArgs),
    Audit(AuditArgs),
    Completions(CompletionsArgs),
}

impl Cli {
    /// Reads the command line of this process; also gives the name of the command.
    ///
    /// # Errors
    /// What is wrong with it, or help that was asked for.
    pub(crate) fn read() -> Result<(Self, String), clap::Error> {
        let matches = Self::command().try_get_matches()?;
        let name = matches.subcommand_name().unwrap_or_default().to_owned();
        Ok((Self::from_arg_matches(&matches)?, name))
    }
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_help_text_and_those_with_arguments_an_example() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let simple = ["enable", "disable"].contains(&command.get_name());
            assert!(simple || command.get_after_help().is_some(), "{}", command.get_name());
        }
    }

    /// Where nobody knows how wide a terminal is, longer ones are broken, and what comes after is not moved up.
    #[test]
    fn lines_of_help_fit() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let long: Vec<_> = help.lines().filter(|it| it.chars().count() > 100).collect();
            assert!(long.is_empty(), "{}: {long:?}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
