//! Commands that hand connectors on to other programs, in files of their form.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::GrantArgs;
use super::words::given;

/// Hand a connector on to containers, in the files of their project
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  \
    connector export compose prod --resource-type s3-bucket --resource-id s3://data \\\n      \
        --service scheduler --service webserver")]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    pub(crate) action: ExportAction,
}

/// To whom.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ExportAction {
    Compose(Box<ComposeArgs>),
}

/// Let the services of a compose project use a connector, or your own logins
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector export compose prod --resource-type s3-bucket --resource-id s3://data \\\n      \
        --service scheduler --service webserver\n  \
    connector export compose --mode files --type aws --service scheduler --container-home /home/astro\n  \
    connector export compose prod --service web --dry-run\n\n\
    It writes an override file, which compose reads beside the project's own file, and the same\n\
    variables into `.env`. Run in the project's folder.\n\n\
    `--mode agent` (Linux): the services ask `connector agent` on this machine, over a network whose\n\
    gateway is the one address, 169.254.170.2, at which AWS's SDKs ask over http. They get short-lived\n\
    credentials, renewed for as long as the agent runs, and no secret stands in a file of the project.\n\
    The commands that make the network and start the agent are printed, and stand in the override.\n\
    What is asked and answered there is in clear: let only services join it that you trust.\n\n\
    `--mode files`: your own files are mounted: ~/.aws, gcloud's application default file, ~/.azure,\n\
    ~/.kube/config, ~/.docker/config.json, or where AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE,\n\
    GOOGLE_APPLICATION_CREDENTIALS, CLOUDSDK_CONFIG, AZURE_CONFIG_DIR, KUBECONFIG and DOCKER_CONFIG say.\n\
    That hands your whole login into the containers, for as long as it lives.\n\n\
    What stands in the files already stays as it is; what is in the way is named, and `--force` puts\n\
    ours in its place. A second run changes nothing, another one replaces what the last one wrote,\n\
    and `connector undo` takes it back.")]
pub(crate) struct ComposeArgs {
    /// The connector; `--mode files` may have `--type` instead
    #[arg(required_unless_present = "type", conflicts_with = "type")]
    pub(crate) name: Option<String>,
    /// A service of the project that is to use it; may be repeated
    #[arg(long = "service", value_name = "SERVICE", required = true, value_parser = service)]
    pub(crate) services: Vec<String>,
    /// What the services use
    #[arg(long, value_name = "MODE", default_value = "agent")]
    pub(crate) mode: Mode,
    /// The connector type whose files of yours are mounted
    #[arg(long, value_name = "TYPE", value_parser = given)]
    pub(crate) r#type: Option<String>,
    /// Whether services may change the files that are mounted: ro or rw [default: ro]
    #[arg(long, value_name = "MODE")]
    pub(crate) mount: Option<MountMode>,
    /// The system that runs compose [default: this one]
    #[arg(long, value_name = "SYSTEM")]
    pub(crate) target: Option<Target>,
    /// The home of the services' user, where files are mounted [default: /home/astro beside `.astro`, else /root]
    #[arg(long, value_name = "PATH", value_parser = given)]
    pub(crate) container_home: Option<String>,
    /// The port of the agent [default: the first from 4711 on that no other connector was given]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// The override file [default: the one that is there, else docker-compose.override.yml]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The file for variables [default: `.env` beside the override file]
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Print what the files would hold, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take the place of what somebody else wrote there; `connector undo` brings it back
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
}

/// What services use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    Agent,
    Files,
}

/// Whether services may change what is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MountMode {
    #[default]
    Ro,
    Rw,
}

/// A system on which compose runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Linux,
    Macos,
    Windows,
}

impl Target {
    /// This one.
    pub(crate) fn here() -> Self {
        match () {
            () if cfg!(windows) => Self::Windows,
            () if cfg!(target_os = "macos") => Self::Macos,
            () => Self::Linux,
        }
    }
}

/// The name of a service, as compose takes it.
fn service(text: &str) -> Result<String, &'static str> {
    let is_name =
        !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("not a service's name: it has letters, digits, `.`, `_` and `-`")
    }
}
