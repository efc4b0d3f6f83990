//! The command that looks for what is wrong.

use std::time::Duration;

use clap::Args;
use connector_core::{Error, Result, parse_duration};

/// Find what keeps connectors from working, and what is set up less safely than it could be
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector doctor\n  \
    connector doctor prod\n  \
    connector doctor prod --timeout 20s -o json\n  \
    connector doctor --strict --max-lifetime 1h --sarif > doctor.sarif\n\n\
    Each connector is walked from the stored document to the resource: store, document, secrets,\n\
    state, switch, source, identity, authenticate, reach. The first hop that fails is named with\n\
    its fix, and ends the walk; its kind is the exit code. Without a name all connectors are looked\n\
    at, side by side; those that are disabled or past their end are no failures then.\n\n\
    Beside that there are findings on connectors, on this machine's files, on variables that shadow\n\
    what is handed out, and on logins of your programs. Findings change the exit code with `--strict`\n\
    only. Nothing is issued and nothing is changed; nobody is asked but for a passphrase. A call to a\n\
    provider has 5s, or `--timeout`; metadata services have 1s for all calls of a connector.")]
pub(crate) struct DoctorArgs {
    /// The connector; all of them when left out
    pub(crate) name: Option<String>,
    /// Print SARIF 2.1.0, for programs that annotate
    #[arg(long)]
    pub(crate) sarif: bool,
    /// End with code 1 when there is a warning or an error, and nothing failed
    #[arg(long)]
    pub(crate) strict: bool,
    /// The longest life that what is issued may have
    #[arg(long, value_name = "DURATION", default_value = "12h", value_parser = lifetime)]
    pub(crate) max_lifetime: Duration,
}

fn lifetime(text: &str) -> Result<Duration> {
    let lifetime = parse_duration(text)?;
    if lifetime.is_zero() {
        Err(Error::invalid("no time at all: expected 15m or more"))
    } else {
        Ok(lifetime)
    }
}
