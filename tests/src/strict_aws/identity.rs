use std::time::Duration;

use super::error::AwsError;
use super::sigv4::{self, Fault, Signature};
use super::state::State;
use super::{ACCOUNT, role::Role};
use crate::keys::Keys;
use crate::loopback::Call;
use crate::random;

/// Who stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Principal {
    Root,
    User(String),
    Role { name: String, session: String },
    Federated(String),
}

impl Principal {
    /// The ARN that GetCallerIdentity tells.
    pub(super) fn arn(&self) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{ACCOUNT}:root"),
            Self::User(name) => format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
            Self::Role { name, session } => format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"),
            Self::Federated(name) => format!("arn:aws:sts::{ACCOUNT}:federated-user/{name}"),
        }
    }

    /// The ARN that a trust policy names.
    pub(super) fn trusted_as(&self) -> String {
        match self {
            Self::Role { name, .. } => Role::arn_of(name),
            other => other.arn(),
        }
    }

    /// `AIDA…`, `AROA…:session`, the account, or `account:name`.
    pub(super) fn unique_id(&self) -> String {
        let made_of = |prefix: &str, name: &str| {
            let letters = name.bytes().cycle().filter(u8::is_ascii_alphanumeric).take(17);
            format!("{prefix}{}", String::from_utf8_lossy(&letters.collect::<Vec<_>>()).to_uppercase())
        };
        match self {
            Self::Root => ACCOUNT.to_owned(),
            Self::User(name) => made_of("AIDA", name),
            Self::Role { name, session } => format!("{}:{session}", made_of("AROA", name)),
            Self::Federated(name) => format!("{ACCOUNT}:{name}"),
        }
    }
}

/// What is known of a temporary credential, for tests to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The caller's ARN as GetCallerIdentity tells it.
    pub arn: String,
    /// The session policy as sent.
    pub policy: Option<String>,
    /// The managed policies sent beside it.
    pub policy_arns: Vec<String>,
    /// The session tags, transitive ones of earlier sessions included.
    pub tags: Vec<(String, String)>,
    /// The source identity, inherited by chained sessions.
    pub source_identity: Option<String>,
    /// The seconds of life asked for, or the default.
    pub asked_seconds: u64,
    /// Whether a one-time code was shown on the way.
    pub mfa: bool,
}

/// A key that the server knows.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) keys: Keys,
    pub(super) principal: Principal,
    /// Seconds since the epoch; `None` for a long-lived key.
    pub(super) expires: Option<i64>,
    pub(super) session: Session,
}

impl Identity {
    pub(super) fn is_temporary(&self) -> bool {
        self.expires.is_some()
    }
}

/// Why a call's identity is not accepted; each service has its own words for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Unsigned,
    UnknownKey,
    WrongToken,
    Expired,
    WrongService(String),
    Skewed(String),
    Mismatch,
}

impl State {
    /// A new long-lived key.
    pub(super) fn add_long_lived(&mut self, principal: Principal) -> Keys {
        let keys = Keys::new(format!("AKIA{}", random::id(16)), random::secret(40));
        let session = Session { arn: principal.arn(), ..Session::default() };
        self.identities.push(Identity { keys: keys.clone(), principal, expires: None, session });
        keys
    }

    /// A new temporary key, with its end. It lives as long as asked, or shorter under a test's limit.
    pub(super) fn mint(&mut self, principal: Principal, life: Duration, session: Session) -> Identity {
        let life = self.longest_life.map_or(life, |limit| life.min(limit));
        let keys = Keys {
            access_key_id: format!("ASIA{}", random::id(16)),
            secret_access_key: random::secret(40),
            session_token: Some(format!("IQoJ{}", random::secret(180))),
        };
        let session = Session { arn: principal.arn(), ..session };
        let identity = Identity { keys, principal, expires: Some(self.clock.after(life)), session };
        self.identities.push(identity.clone());
        identity
    }

    /// Who signed a call, checked as `service` checks it.
    pub(super) fn authenticate(&self, call: &Call, service: &str) -> Result<(Identity, Signature), Refusal> {
        let signature = sigv4::of(call).ok_or(Refusal::Unsigned)?;
        let mut known = self.identities.iter();
        let identity = known.find(|known| known.keys.access_key_id == signature.access_key_id);
        let identity = identity.ok_or(Refusal::UnknownKey)?;
        if identity.keys.session_token != signature.session_token {
            return Err(Refusal::WrongToken);
        }
        if signature.service != service {
            return Err(Refusal::WrongService(service.to_owned()));
        }
        // S3 is more patient with clocks than the others.
        let tolerance = if service == "s3" { 15 * 60 } else { 5 * 60 };
        let tolerance = self.checks_skew.then_some(tolerance);
        let now = self.clock.now();
        signature.verify(call, &identity.keys.secret_access_key, now, tolerance).map_err(
            |fault| match fault {
                Fault::Skewed(text) => Refusal::Skewed(text),
                Fault::Mismatch => Refusal::Mismatch,
            },
        )?;
        if identity.expires.is_some_and(|expires| expires <= now) {
            return Err(Refusal::Expired);
        }
        Ok((identity.clone(), signature))
    }

    /// Refuses an action that the test has forbidden.
    pub(super) fn permit(&self, identity: &Identity, action: &str) -> Result<(), AwsError> {
        match self.denied.contains(action) {
            false => Ok(()),
            true => Err(AwsError::access_denied(format!(
                "User: {} is not authorized to perform: {action} because no identity-based policy allows the \
                 {action} action",
                identity.principal.arn()
            ))),
        }
    }
}
