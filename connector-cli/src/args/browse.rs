//! Commands that look: at what there is to connect to, and at the connectors there are.

use clap::Args;

use super::{GrantArgs, Label};

/// List what can be connected to
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector list-types\n  \
    connector list-types --resource-type s3-bucket -o json")]
pub(crate) struct ListTypesArgs {
    /// Only types that offer this resource type
    #[arg(long, value_name = "TYPE")]
    pub(crate) resource_type: Option<String>,
    /// Only types that offer this auth method
    #[arg(long, value_name = "METHOD")]
    pub(crate) auth_method: Option<String>,
}

/// Describe a connector type, a resource type or an auth method
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector describe-type aws\n  \
    connector describe-type aws --resource-type s3-bucket\n  \
    connector describe-type aws --auth-method session-token")]
pub(crate) struct DescribeTypeArgs {
    /// The connector type, such as aws
    #[arg(value_name = "TYPE")]
    pub(crate) connector_type: String,
    /// Describe this resource type of it
    #[arg(long, value_name = "TYPE", conflicts_with = "auth_method")]
    pub(crate) resource_type: Option<String>,
    /// Describe this auth method of it
    #[arg(long, value_name = "METHOD")]
    pub(crate) auth_method: Option<String>,
}

/// Print the JSON Schema of an auth method's config
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector schema aws iam-role\n  \
    connector schema aws              one schema per auth method")]
pub(crate) struct SchemaArgs {
    /// The connector type, such as aws
    #[arg(value_name = "TYPE")]
    pub(crate) connector_type: String,
    /// The auth method; all of them when left out
    pub(crate) method: Option<String>,
}

/// List the connectors
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector list\n  \
    connector list --type aws --label team=data -o json")]
pub(crate) struct ListArgs {
    /// Only those of this connector type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) connector_type: Option<String>,
    /// Only those that may serve this resource type
    #[arg(long, value_name = "TYPE")]
    pub(crate) resource_type: Option<String>,
    /// Only those with this label; repeatable
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<Label>,
    /// Only those of this owner
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// Only those in this workspace
    #[arg(long)]
    pub(crate) workspace: Option<String>,
}

impl ListArgs {
    /// Whether anything is filtered out.
    pub(crate) fn filters(&self) -> bool {
        let words = [&self.connector_type, &self.resource_type, &self.owner, &self.workspace];
        words.into_iter().any(Option::is_some) || !self.labels.is_empty()
    }
}

/// Describe a connector, or what a client of it would see
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector describe prod\n  \
    connector describe prod --resource-type s3-bucket --resource-id s3://data\n\n\
    With a resource a short-lived credential is issued, and shown as its client would see it.")]
pub(crate) struct DescribeArgs {
    /// The connector
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
}
