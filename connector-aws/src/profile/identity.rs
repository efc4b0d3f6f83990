//! What a profile says of who one is.

use std::time::Duration;

use connector_core::Secret;

use crate::names::{AccountId, ExternalId, MfaSerial, Region, RoleArn, SessionName};

/// A profile, understood.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolved {
    /// The name of the profile.
    pub profile: String,
    /// Who one is.
    pub identity: Identity,
    /// Where its calls go. Not taken from any other profile, `default` included.
    pub region: Option<Region>,
    /// The file of certificates that it trusts.
    pub ca_bundle: Option<String>,
}

/// Who one is, by the first of these that a profile is complete for, in the order of the `aws` program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// A role that another identity assumes.
    Role(Box<AssumedRole>),
    /// A role by a token of an OpenID Connect provider.
    WebIdentity(WebIdentity),
    /// A role of IAM Identity Center.
    Sso(Sso),
    /// Keys in the file.
    Static(StaticKeys),
    /// The session of `aws login` that this text names.
    Login(String),
    /// A program to run; see [`split_words`](super::split_words) for its arguments. Text of a user that
    /// may hold secrets.
    Process(Secret),
}

/// Keys as they stand in the file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StaticKeys {
    /// The access key id.
    pub access_key_id: Secret,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token. Without one the keys are most likely long-lived.
    pub session_token: Option<Secret>,
    /// Whose keys these are, where the profile says so.
    pub account_id: Option<AccountId>,
}

/// A role and who assumes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AssumedRole {
    /// The role.
    pub role_arn: RoleArn,
    /// Who assumes it.
    pub source: RoleSource,
    /// What the role's trust policy asks for.
    pub external_id: Option<ExternalId>,
    /// The device whose code is needed.
    pub mfa_serial: Option<MfaSerial>,
    /// The name of the session.
    pub session_name: Option<SessionName>,
    /// How long the session lasts.
    pub duration: Option<Duration>,
}

/// Who assumes a role.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RoleSource {
    /// Another profile, or the same one by its own keys.
    Profile {
        /// Its name.
        name: String,
        /// Who that is.
        identity: Identity,
        /// Its region.
        region: Option<Region>,
    },
    /// The keys in the environment.
    Environment,
    /// The instance's metadata service.
    Ec2InstanceMetadata,
    /// The container's credentials endpoint.
    EcsContainer,
}

/// A role by a token file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebIdentity {
    /// The role.
    pub role_arn: RoleArn,
    /// The file that holds the token. Read it for each call: it is replaced from time to time.
    pub token_file: String,
    /// The name of the session.
    pub session_name: Option<SessionName>,
    /// How long the session lasts.
    pub duration: Option<Duration>,
}

/// A role of IAM Identity Center.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sso {
    /// The `sso-session` section that it is from; none for a profile of the older form. It names the
    /// file of the cached token, and the start URL does where there is none.
    pub session: Option<String>,
    /// The start URL.
    pub start_url: String,
    /// The region of the Identity Center.
    pub region: Region,
    /// The account.
    pub account_id: AccountId,
    /// The role in the account.
    pub role_name: String,
    /// What the client asks for when it registers.
    pub registration_scopes: Vec<String>,
}
