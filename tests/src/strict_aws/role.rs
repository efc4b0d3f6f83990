use std::time::Duration;

use super::ACCOUNT;
use super::identity::Principal;

/// A role and whom it trusts.
///
/// ```
/// use std::time::Duration;
/// use connector_tests::strict_aws::Role;
///
/// let role = Role::named("reader").trusting_user("alice").with_max_session(Duration::from_secs(7200));
/// ```
#[derive(Debug, Clone)]
pub struct Role {
    pub(super) name: String,
    pub(super) max_session: Duration,
    pub(super) external_id: Option<String>,
    pub(super) requires_mfa: bool,
    pub(super) allows_tags: bool,
    pub(super) allows_source_identity: bool,
    /// Issuer URL, and the subject when only one may come.
    pub(super) web_identities: Vec<(String, Option<String>)>,
    trusted: Vec<String>,
}

impl Role {
    /// A role that trusts nobody yet, with sessions of at most an hour.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            max_session: Duration::from_secs(3600),
            external_id: None,
            requires_mfa: false,
            allows_tags: false,
            allows_source_identity: false,
            web_identities: Vec::new(),
            trusted: Vec::new(),
        }
    }

    /// The ARN of the role of that name.
    pub fn arn_of(name: &str) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role/{name}")
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        Self::arn_of(&self.name)
    }

    /// Trusts a user.
    pub fn trusting_user(mut self, name: &str) -> Self {
        self.trusted.push(Principal::User(name.to_owned()).arn());
        self
    }

    /// Trusts sessions of another role.
    pub fn trusting_role(mut self, name: &str) -> Self {
        self.trusted.push(Self::arn_of(name));
        self
    }

    /// Trusts tokens of an issuer that the server knows: those of one subject, or all.
    pub fn trusting_issuer(mut self, url: &str, subject: Option<&str>) -> Self {
        self.web_identities.push((url.to_owned(), subject.map(str::to_owned)));
        self
    }

    /// Allows sessions of up to `life`, between one and twelve hours.
    pub fn with_max_session(mut self, life: Duration) -> Self {
        self.max_session = life;
        self
    }

    /// Requires this external id.
    pub fn with_external_id(mut self, id: &str) -> Self {
        self.external_id = Some(id.to_owned());
        self
    }

    /// Requires a one-time code, now or when the caller's own session was made.
    pub fn with_mfa(mut self) -> Self {
        self.requires_mfa = true;
        self
    }

    /// Allows session tags.
    pub fn with_tags(mut self) -> Self {
        self.allows_tags = true;
        self
    }

    /// Allows a source identity to be set.
    pub fn with_source_identity(mut self) -> Self {
        self.allows_source_identity = true;
        self
    }

    pub(super) fn trusts(&self, principal: &Principal) -> bool {
        self.trusted.contains(&principal.trusted_as())
    }
}
