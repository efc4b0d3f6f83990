//! Endpoints that SDKs ask.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use connector_core::parse_duration;

use super::EnvFormat;
use super::words::{address, given};

/// Answer SDKs on an endpoint of this machine, with a fresh credential whenever they ask
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector agent prod=s3-bucket:s3://data\n  \
    connector agent --listen 127.0.0.1:4711 prod=s3-bucket:s3://data@write g=gcs-bucket:gs://data z\n  \
    connector agent prod --format fish > agent.fish\n\n\
    Prints what a program has to find in its environment, and answers until it is stopped (Ctrl-C,\n\
    SIGTERM). Every NAME is one identity on a port of its own: with `--listen` the first takes that\n\
    port, the others those that follow. Type and id may be left out where the connector fixes them.\n\n\
    aws is asked as the container endpoint of ECS, gcp by an application-default file that leads to it\n\
    (`--protocol gce-metadata`: as the metadata server of Google), azure as the managed identity of App\n\
    Service. kubectl and docker ask a helper: `connector login` sets them up.\n\
    `connector exec --agent` does the same for one program, and ends with it.\n\
    `connector export compose` leads containers to one, by `--directory` and the address 169.254.170.2.")]
pub(crate) struct AgentArgs {
    /// Whom to answer for, and for what
    #[arg(required = true, value_name = "NAME[=TYPE:ID[@ACCESS]]", value_parser = given)]
    pub(crate) bindings: Vec<String>,
    /// Where to listen, such as 127.0.0.1:4711 [default: free ports of 127.0.0.1]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the files of the session are, for programs that have to know it before: one NAME only
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// A protocol to be asked in [default: the one that most programs speak]
    #[arg(long, value_name = "ID", value_parser = given)]
    pub(crate) protocol: Vec<String>,
    /// How long each credential lives, such as 15m or 1h [default: the connector's]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// For which shell or file [default: sh, on Windows powershell]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<EnvFormat>,
}
