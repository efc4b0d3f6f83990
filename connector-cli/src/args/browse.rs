//! Commands that look: at what there is to connect to, and at the connectors there are.

use clap::Args;

use super::words::given;
use super::{FilterArgs, GrantArgs};

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
    connector list --type aws --label team=data -o json\n  \
    connector list --resource-type kubernetes-cluster --updated-after 7d\n  \
    connector list --limit 100 --after prod")]
pub(crate) struct ListArgs {
    /// Only those of this connector type
    #[arg(long = "type", value_name = "TYPE", value_parser = given)]
    pub(crate) connector_type: Option<String>,
    /// Only those that can serve this resource type
    #[arg(long, value_name = "TYPE", value_parser = given)]
    pub(crate) resource_type: Option<String>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// At most this many, in the order of their names
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Begin behind this name: the last one of the page before
    #[arg(long, value_name = "NAME", value_parser = given)]
    pub(crate) after: Option<String>,
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
