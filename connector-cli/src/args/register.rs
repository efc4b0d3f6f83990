//! Commands that make and change connectors.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use connector_core::{Allow, Error, Result, parse_duration, parse_time};

use super::words::given;
use super::{Label, OrNone};
use crate::faults::Checked;

/// Register a connector: check, authenticate, list, store
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector register prod --type aws --auto-configure\n  \
    connector register prod --type aws --auth-method iam-role region=eu-west-1 \\\n      \
        aws_access_key_id=AKIA… aws_secret_access_key=@key.txt \\\n      \
        role_arn=arn:aws:iam::123456789012:role/reader\n  \
    connector register data --type aws --auto-configure \\\n      \
        --resource-type s3-bucket --resource-id s3://data\n  \
    connector register team --type azure --auto-configure --project my-subscription\n  \
    connector register prod --from-file prod.yaml --dry-run\n  \
    connector register -i\n\n\
    A value may be given as KEY=@FILE, KEY=env:NAME or KEY=- (standard input), so that\n\
    a secret is not in the process list. `{{name.key}}` refers to another connector's\n\
    secret. Lists and maps are JSON, or KEY=a,b and KEY.inner=value.\n\
    When anything fails, nothing is stored.")]
pub(crate) struct RegisterArgs {
    /// What to call it: a-z, 0-9, '.', '_' and '-'
    #[arg(required_unless_present_any = ["interactive", "from_file"])]
    pub(crate) name: Option<String>,
    /// The config of the auth method; `describe-type TYPE --auth-method METHOD` lists the keys
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) values: Vec<String>,
    /// The connector type, such as aws
    #[arg(long = "type", value_name = "TYPE", required_unless_present_any = ["interactive", "from_file"])]
    pub(crate) connector_type: Option<String>,
    /// The auth method, such as iam-role
    #[arg(long, value_name = "METHOD", value_parser = given)]
    pub(crate) auth_method: Option<String>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Read a config, a whole connector, or what `az ad sp create-for-rbac` printed, in JSON, YAML or TOML; `-` is standard
    /// input
    #[arg(long, value_name = "FILE", help_heading = "Where the config comes from")]
    pub(crate) from_file: Option<PathBuf>,
    /// Take over what this machine is set up with, by the safest method that works
    #[arg(long, help_heading = "Where the config comes from")]
    pub(crate) auto_configure: bool,
    /// The profile, configuration of gcloud, or subscription of az to take over
    #[arg(
        long,
        value_name = "NAME",
        value_parser = given,
        requires = "auto_configure",
        help_heading = "Where the config comes from"
    )]
    pub(crate) profile: Option<String>,
    /// The region to use
    #[arg(
        long,
        value_name = "NAME",
        value_parser = given,
        requires = "auto_configure",
        help_heading = "Where the config comes from"
    )]
    pub(crate) region: Option<String>,
    /// The kubeconfig context to take over
    #[arg(
        long,
        value_name = "NAME",
        value_parser = given,
        requires = "auto_configure",
        help_heading = "Where the config comes from"
    )]
    pub(crate) context: Option<String>,
    /// The project, or the subscription by its name or id, to use
    #[arg(
        long,
        value_name = "NAME",
        value_parser = given,
        requires = "auto_configure",
        help_heading = "Where the config comes from"
    )]
    pub(crate) project: Option<String>,
    /// Ask for everything that is not given, step by step
    #[arg(short, long, help_heading = "Where the config comes from")]
    pub(crate) interactive: bool,
    /// The life of what it issues, such as 1h, in place of the method's default
    #[arg(long, value_name = "DURATION", value_parser = checked_duration)]
    pub(crate) duration: Option<Checked<Duration>>,
    /// When it stops issuing, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = checked_time)]
    pub(crate) expires_at: Option<Checked<SystemTime>>,
    /// Allow what is refused by default: long-lived, admin or exec; repeatable
    #[arg(long, value_name = "WHAT")]
    pub(crate) allow: Vec<Checked<Allow>>,
    /// A label to filter by; repeatable; `KEY=` takes one away that the file has
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<Checked<Label>>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) visibility: VisibilityArgs,
    /// Store it without any call to the provider
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Store nothing: show the connector as it would be stored
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a connector is for.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ScopeArgs {
    /// Serve only this resource type
    #[arg(long, value_name = "TYPE")]
    pub(crate) resource_type: Option<String>,
    /// Serve only this resource, in any form that `describe-type` lists
    #[arg(long, value_name = "ID")]
    pub(crate) resource_id: Option<String>,
}

/// Who may see and use a connector.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct VisibilityArgs {
    /// Only its owner may see and use it (the default)
    #[arg(long, conflicts_with = "shared")]
    pub(crate) private: bool,
    /// Everybody in the workspace may see and use it
    #[arg(long)]
    pub(crate) shared: bool,
}

impl VisibilityArgs {
    /// What was said, if anything.
    pub(crate) fn chosen(&self) -> Option<connector_core::Visibility> {
        match (self.private, self.shared) {
            (_, true) => Some(connector_core::Visibility::Shared),
            (true, false) => Some(connector_core::Visibility::Private),
            (false, false) => None,
        }
    }
}

/// Change a connector; what is left out stays
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector update prod aws_access_key_id=AKIA… aws_secret_access_key=@key.txt\n  \
    connector update prod endpoint_url= --duration 1h --label team=\n  \
    connector update prod session_tags.team=data session_tags.env=\n  \
    connector update prod --expires-at 2027-01-31T00:00:00Z\n\n\
    The change is verified first, and refused when it breaks the connector.")]
pub(crate) struct UpdateArgs {
    /// The connector
    pub(crate) name: String,
    /// Keys of the config; `KEY=` takes the key away, `KEY.inner=` one entry of a map
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) values: Vec<String>,
    /// Serve only this resource type; empty for all
    #[arg(long, value_name = "TYPE", value_parser = text_or_none)]
    pub(crate) resource_type: Option<OrNone<String>>,
    /// Serve only this resource; empty for all
    #[arg(long, value_name = "ID", value_parser = text_or_none)]
    pub(crate) resource_id: Option<OrNone<String>>,
    /// The life of what it issues; empty for the method's default
    #[arg(long, value_name = "DURATION", value_parser = duration_or_none)]
    pub(crate) duration: Option<Checked<OrNone<Duration>>>,
    /// When it ends; empty for never
    #[arg(long, value_name = "TIME", value_parser = time_or_none)]
    pub(crate) expires_at: Option<Checked<OrNone<SystemTime>>>,
    /// Allow this, in place of what was allowed: long-lived, admin or exec; empty for nothing
    #[arg(long, value_name = "WHAT", value_parser = allow_or_none)]
    pub(crate) allow: Vec<Checked<OrNone<Allow>>>,
    /// Set a label; `KEY=` takes it away
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<Checked<Label>>,
    /// What it is for; empty for nothing
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) visibility: VisibilityArgs,
    /// Store the change even if it does not verify
    #[arg(long)]
    pub(crate) force: bool,
    /// Store the change without any call to the provider
    #[arg(long)]
    pub(crate) no_verify: bool,
}

/// Give a connector another name
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  connector rename prod production")]
pub(crate) struct RenameArgs {
    /// The connector
    #[arg(value_name = "OLD")]
    pub(crate) name: String,
    /// Its new name
    #[arg(value_name = "NEW")]
    pub(crate) new_name: String,
}

/// The name of one connector.
#[derive(Clone, Debug, Args)]
pub(crate) struct NameArgs {
    /// The connector
    pub(crate) name: String,
}

/// Delete a connector and its secrets
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  connector delete prod")]
pub(crate) struct DeleteArgs {
    /// The connector
    pub(crate) name: String,
    /// Delete it even if other connectors refer to it: they will fail then
    #[arg(long)]
    pub(crate) force: bool,
}

/// What a word stands for; what is wrong with it is told together with all other faults.
type Told<T> = Result<Checked<T>, std::convert::Infallible>;

fn checked_duration(text: &str) -> Told<Duration> {
    Checked::read(text, parse_duration)
}

fn checked_time(text: &str) -> Told<SystemTime> {
    Checked::read(text, parse_time)
}

fn text_or_none(text: &str) -> Result<OrNone<String>> {
    OrNone::read(text, |text| Ok::<_, Error>(text.to_owned()))
}

fn duration_or_none(text: &str) -> Told<OrNone<Duration>> {
    Checked::read(text, |text| OrNone::read(text, parse_duration))
}

fn time_or_none(text: &str) -> Told<OrNone<SystemTime>> {
    Checked::read(text, |text| OrNone::read(text, parse_time))
}

fn allow_or_none(text: &str) -> Told<OrNone<Allow>> {
    Checked::read(text, |text| OrNone::read(text, str::parse))
}
