//! The files in which Google's programs and libraries keep credentials, as their documents tell: read, and checked for
//! what is missing, before anything is called.
//!
//! They hold secrets, so no error quotes anything of them but the names of fields.

mod authorized_user;
mod client_secrets;
mod external_account;
mod hosts;
mod impersonated;
mod raw;
mod service_account;
mod source;

pub use authorized_user::{AuthorizedUser, ExternalUser, UserFile};
pub use client_secrets::ClientSecrets;
pub use external_account::ExternalAccount;
pub use service_account::ServiceAccountKey;

pub(crate) use client_secrets::Kind as ClientKind;
pub(crate) use hosts::{FileUrl, STRANGE};
pub(crate) use impersonated::Impersonated;
pub(crate) use raw::unpacked;
pub(crate) use source::{AwsSource, Executable, Format, SubjectSource};

use connector_core::{Error, Result, Secret};

use crate::names::{ProjectId, UniverseDomain};

use raw::{Kind, Raw};

/// Any credential file, told by its `type`.
#[derive(Clone, Debug)]
pub(crate) enum CredentialFile {
    ServiceAccount(ServiceAccountKey),
    User(UserFile),
    External(Box<ExternalAccount>),
    Impersonated(Box<Impersonated>),
}

impl CredentialFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Invalid input: no JSON, of a type that is not known, or with something missing.
    pub(crate) fn parse(text: &Secret) -> Result<Self> {
        Self::of(&Raw::parse(text)?)
    }

    /// Whether a file is an external account, or an impersonation by one, without reading what it holds.
    ///
    /// # Errors
    /// Invalid input: no JSON.
    pub(crate) fn is_external(text: &Secret) -> Result<bool> {
        raw::is_external(text)
    }

    fn of(raw: &Raw) -> Result<Self> {
        match raw.kind()? {
            Kind::Impersonated => Ok(Self::Impersonated(Box::new(Impersonated::of(raw)?))),
            _ => Self::with_nothing_within(raw),
        }
    }

    /// A credential that holds no other.
    fn with_nothing_within<Within>(raw: &Raw<Within>) -> Result<Self> {
        Ok(match raw.kind()? {
            Kind::ServiceAccount => Self::ServiceAccount(ServiceAccountKey::of(raw)?),
            Kind::AuthorizedUser | Kind::ExternalUser => Self::User(UserFile::of(raw)?),
            Kind::External => Self::External(Box::new(ExternalAccount::of(raw)?)),
            Kind::Impersonated => {
                return Err(Error::invalid("one impersonation within another is not taken"));
            }
            Kind::ClientSecrets => return Err(raw.is_another("a credential")),
        })
    }

    /// The URLs to which its secrets go.
    pub(crate) fn urls(&self) -> Vec<FileUrl<'_>> {
        match self {
            Self::ServiceAccount(key) => key.urls(),
            Self::User(user) => user.urls(),
            Self::External(account) => account.urls(),
            Self::Impersonated(file) => file.urls(),
        }
    }

    /// Its project, where it has one.
    pub(crate) fn project(&self) -> Option<&ProjectId> {
        match self {
            Self::ServiceAccount(key) => key.project.as_ref(),
            _ => None,
        }
    }

    /// The project that calls are counted for.
    pub(crate) fn quota_project(&self) -> Option<&ProjectId> {
        match self {
            Self::ServiceAccount(key) => key.quota_project.as_ref(),
            Self::User(user) => user.quota_project(),
            Self::External(account) => account.quota_project.as_ref(),
            Self::Impersonated(file) => file.quota_project.as_ref(),
        }
    }

    /// The universe that it says it is of.
    pub(crate) fn universe(&self) -> Option<&UniverseDomain> {
        match self {
            Self::ServiceAccount(key) => key.universe.as_ref(),
            Self::User(user) => user.universe(),
            Self::External(account) => account.universe.as_ref(),
            Self::Impersonated(file) => file.universe.as_ref().or(file.source.universe()),
        }
    }

    /// What it is, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::ServiceAccount(_) => "the key of a service account",
            Self::User(_) => "the login of a person",
            Self::External(_) => "an external account",
            Self::Impersonated(_) => "an impersonated service account",
        }
    }
}

#[cfg(test)]
mod tests;
