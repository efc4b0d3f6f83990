//! What is asked for of a connector, as every command takes it.

use std::time::Duration;

use clap::Args;
use connector_core::{Access, Grant, parse_duration};

use super::words::given;

/// What to ask for of a connector. Type and id may be left out where the connector fixes them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What to ask for")]
pub(crate) struct GrantArgs {
    /// The resource type, such as s3-bucket
    #[arg(long, value_name = "TYPE", value_parser = given)]
    pub(crate) resource_type: Option<String>,
    /// The resource, in any form that `describe-type` lists
    #[arg(long, value_name = "ID", value_parser = given)]
    pub(crate) resource_id: Option<String>,
    /// Only this part of it: a prefix of a bucket, a repository of a registry
    #[arg(long, value_name = "PART", value_parser = given)]
    pub(crate) within: Option<String>,
    /// How much may be done: read, write or admin [default: read]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) access: Option<Access>,
    /// How long it lives, such as 15m or 1h [default: the connector's]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
}

impl GrantArgs {
    /// Whether anything is asked for at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.grant() == Grant::default()
    }

    /// The grant.
    pub(crate) fn grant(&self) -> Grant {
        let mut grant = Grant::default();
        grant.resource_type.clone_from(&self.resource_type);
        grant.resource_id.clone_from(&self.resource_id);
        grant.within.clone_from(&self.within);
        grant.access = self.access;
        grant.duration = self.duration;
        grant
    }
}
