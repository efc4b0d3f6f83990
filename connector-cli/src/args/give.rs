//! Commands that ask a provider: what is reached, and credentials.

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use super::words::{address, given};
use super::{FilterArgs, GrantArgs};

/// Check that a connector works and reaches what it is for
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector verify prod\n  \
    connector verify prod --resource-type s3-bucket --resource-id s3://data\n  \
    connector verify --all\n\n\
    With `--all`, connectors that are disabled or past their end are skipped, and said to be.")]
pub(crate) struct VerifyArgs {
    /// The connector
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) name: Option<String>,
    /// Check every connector, side by side
    #[arg(long, conflicts_with_all = ["resource_type", "resource_id"])]
    pub(crate) all: bool,
    /// Check that it reaches this resource type
    #[arg(long, value_name = "TYPE", value_parser = given)]
    pub(crate) resource_type: Option<String>,
    /// Check that it reaches this resource
    #[arg(long, value_name = "ID", value_parser = given)]
    pub(crate) resource_id: Option<String>,
}

/// List what the connectors reach
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector list-resources\n  \
    connector list-resources --resource-type s3-bucket\n  \
    connector list-resources --connector prod -o json\n  \
    connector list-resources --resource-type s3-bucket --label team=data\n\n\
    What stands in the way of a connector is in its row. When there is no answer at all,\n\
    or the resource that was asked for is not there, an error says so.")]
pub(crate) struct ListResourcesArgs {
    /// Only resources of this type
    #[arg(long, value_name = "TYPE", value_parser = given)]
    pub(crate) resource_type: Option<String>,
    /// Only this resource: which connectors reach it?
    #[arg(long, value_name = "ID", value_parser = given, requires = "resource_type")]
    pub(crate) resource_id: Option<String>,
    /// Only what this connector reaches
    #[arg(long, value_name = "NAME", value_parser = given)]
    pub(crate) connector: Option<String>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

/// Issue a short-lived credential
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector issue prod --resource-type s3-bucket --resource-id s3://data\n  \
    connector issue prod --resource-type s3-bucket --resource-id data \\\n      \
        --within in/ --access write -o json\n\n\
    `-o json` prints the whole credential; it is itself a secret.")]
pub(crate) struct IssueArgs {
    /// The connector
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
}

/// Print a short-lived credential as environment variables
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    eval \"$(connector env prod --resource-type s3-bucket --resource-id s3://data)\"\n  \
    connector env prod --resource-type s3-bucket --resource-id s3://data --format dotenv\n\n\
    What is set ends, and CONNECTOR_EXPIRES_AT says when. What would shadow it is taken away.\n\
    `connector exec` gives the same to one program, and to nothing else; with `--agent`, or from\n\
    `connector agent`, a program gets a fresh credential whenever it needs one.")]
pub(crate) struct EnvArgs {
    /// The connector
    pub(crate) name: String,
    /// For which shell or file [default: sh, on Windows powershell]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<EnvFormat>,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
}

/// For whom environment variables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    Sh,
    Fish,
    Powershell,
    Dotenv,
    Json,
}

/// Run a program with a short-lived credential in its environment
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector exec prod --resource-type s3-bucket --resource-id s3://data -- \\\n      \
        aws s3 ls s3://data\n  \
    connector exec --agent prod --resource-type s3-bucket --resource-id s3://data -- python job.py\n\n\
    Ends with the exit code of the program; 125 when it was not started, 126 when it cannot be run,\n\
    127 when there is none. What would shadow what it is given, and what opens the store, is not in\n\
    its environment.\n\n\
    With `--agent` it finds an endpoint of this machine there, which its SDK asks for a fresh\n\
    credential whenever it needs one. `connector` stays beside it and passes signals on; it ends when\n\
    the program does (128 and the number of a signal that ended it), and not before, unless it is\n\
    killed: then the program goes on with what it holds, and finds nobody when it asks for the next\n\
    one. Nobody is asked anything while the program runs. Where a proxy is set, the endpoint is added\n\
    to NO_PROXY.")]
pub(crate) struct ExecArgs {
    /// The connector
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Give an endpoint that is asked for credentials, in place of one that ends
    #[arg(long)]
    pub(crate) agent: bool,
    /// The protocol in which it is asked [default: the one that most programs speak]
    #[arg(long, value_name = "ID", value_parser = given, requires = "agent")]
    pub(crate) protocol: Vec<String>,
    /// Where it listens, such as 127.0.0.1:4711 [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR", value_parser = address, requires = "agent")]
    pub(crate) listen: Option<SocketAddr>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Answer a program in its own protocol, such as aws' credential_process
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector helper aws prod --resource-type s3-bucket --resource-id s3://data\n\n  \
    In ~/.aws/config:\n    \
    [profile data]\n    \
    credential_process = connector helper aws prod --resource-type s3-bucket --resource-id s3://data\n\n\
    Answers from the cache while it can, and never asks anybody anything.")]
pub(crate) struct HelperArgs {
    /// The program to answer, such as aws
    pub(crate) tool: String,
    /// The connector
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
}

/// Explain why a credential is what it is
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector explain prod --resource-type s3-bucket --resource-id s3://data\n  \
    connector explain prod --trust-policy")]
pub(crate) struct ExplainArgs {
    /// The connector
    pub(crate) name: String,
    /// Print whom the provider's owner has to trust, and the policy that does so
    #[arg(long)]
    pub(crate) trust_policy: bool,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
}

/// Read a secret of the provider's secret manager
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  connector read-secret prod db/password")]
pub(crate) struct ReadSecretArgs {
    /// The connector
    pub(crate) name: String,
    /// The secret, by name or ARN
    pub(crate) id: String,
}
