//! Commands that set up the user's own programs.

use clap::Args;

use super::GrantArgs;

/// Set up kubectl, docker, aws, gcloud or az with this program's credentials
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector login prod --resource-type kubernetes-cluster --resource-id demo\n  \
    connector login prod --resource-type docker-registry --resource-id \\\n      \
        123456789012.dkr.ecr.eu-west-1.amazonaws.com\n  \
    connector login prod --resource-type s3-bucket --resource-id s3://data\n  \
    connector login lab --resource-type gcs-bucket --resource-id gs://data/reports/\n  \
    connector login team --resource-type blob-container --resource-id az://mystorage/data\n\n\
    What is asked for decides which program: a cluster kubectl, a registry docker (and podman,\n\
    where REGISTRY_AUTH_FILE is set), all else of AWS the aws program and the SDKs. No credential\n\
    is in their files: they call this program, which issues a fresh one when it is time.\n\
    All else of Google Cloud is for gcloud, which calls nobody: it gets a configuration of its own,\n\
    and a file with a token that ends. All else of Azure is for az, which calls nobody either: it\n\
    gets a folder of settings of its own, which AZURE_CONFIG_DIR names to it, and to Azure's SDKs.\n\
    KUBECONFIG, DOCKER_CONFIG, REGISTRY_AUTH_FILE, AWS_CONFIG_FILE and CLOUDSDK_CONFIG are honoured.")]
pub(crate) struct LoginArgs {
    /// The connector
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Write the short-lived credential itself, for hosts that do not have this program; it ends
    #[arg(long)]
    pub(crate) r#static: bool,
}

/// Take back everything that a connector's logins wrote
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  connector logout prod\n\n\
    What was there before comes back. What somebody changed since is left, and named.")]
pub(crate) struct LogoutArgs {
    /// The connector; it need not exist any more
    pub(crate) name: String,
}

/// Take back the last login; can be repeated
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  connector undo\n\n\
    Takes back one login, the last that is still there, whichever connector it is of.")]
pub(crate) struct UndoArgs {}
