use std::collections::BTreeMap;

use super::Seen;
use super::authority::Authority;
use super::identity::User;
use super::objects::Objects;
use super::rbac::Rule;
use super::token::Token;
use super::webhook::EksWebhook;
use crate::clock::Clock;
use crate::strict_aws::Issuer;
use crate::strict_azure::AksWebhook;
use crate::strict_google::GkeWebhook;

/// All that the server knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) authority: Authority,
    /// Signs the tokens of service accounts.
    pub(super) issuer: Issuer,
    /// Users by the DER form of their certificate.
    pub(super) certificates: BTreeMap<Vec<u8>, User>,
    pub(super) tokens: BTreeMap<String, Token>,
    /// Passwords and users by name, on a server before 1.19.
    pub(super) passwords: BTreeMap<String, (String, User)>,
    pub(super) webhook: Option<EksWebhook>,
    /// Knows the access tokens of a Google Cloud.
    pub(super) google: Option<GkeWebhook>,
    /// Knows the access tokens of an Azure.
    pub(super) azure: Option<AksWebhook>,
    pub(super) takes_anonymous: bool,
    /// Whether it is a server of these years, which knows reviews of the caller.
    pub(super) is_modern: bool,
    pub(super) rules: Vec<Rule>,
    pub(super) objects: Objects,
    /// A test's limit on the seconds for which issued tokens live, whatever is asked.
    pub(super) longest_life: Option<i64>,
    pub(super) closes_watches: bool,
    pub(super) seen: Vec<Seen>,
}
