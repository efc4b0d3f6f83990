//! A service account that somebody else stands in for.

use connector_core::{Error, Result};

use super::raw::{Kind, Raw, needed, needed_text};
use super::{CredentialFile, FileUrl};
use crate::names::{Email, EndpointUrl, ProjectId, Service, UniverseDomain};

/// What `gcloud auth application-default login --impersonate-service-account` writes
/// (`"type": "impersonated_service_account"`).
#[derive(Clone, Debug)]
pub(crate) struct Impersonated {
    pub(crate) target: Target,
    pub(crate) delegates: Vec<Email>,
    pub(crate) quota_project: Option<ProjectId>,
    pub(crate) universe: Option<UniverseDomain>,
    pub(crate) source: CredentialFile,
}

/// The service account that is stood in for, and where its tokens are made.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) email: Email,
    pub(crate) endpoint: EndpointUrl,
}

impl Impersonated {
    /// Where the credential that stands behind it goes, and what is made of that.
    pub(crate) fn urls(&self) -> Vec<FileUrl<'_>> {
        self.source.urls().into_iter().chain([self.target.url()]).collect()
    }

    pub(super) fn of(raw: &Raw) -> Result<Self> {
        raw.only(&[Kind::Impersonated], "an impersonated service account")?;
        let url = needed_text(IMPERSONATION, raw.service_account_impersonation_url.as_ref())?;
        let source = needed("source_credentials", raw.source_credentials.as_deref())?;
        let source = CredentialFile::with_nothing_within(source);
        let source =
            source.map_err(|error| Error::invalid(format!("`source_credentials`: {}", error.message())))?;
        let delegates = raw.delegates.iter().flatten().map(|it| {
            // Google writes them `projects/-/serviceAccounts/{email}`.
            Email::parse(it.rsplit('/').next().unwrap_or_default())
        });
        let delegates = delegates.collect::<Result<_>>();
        Ok(Self {
            target: Target::parse(url)?,
            delegates: delegates
                .map_err(|error| Error::invalid(format!("`delegates`: {}", error.message())))?,
            quota_project: raw.quota_project()?,
            universe: raw.universe()?,
            source,
        })
    }
}

pub(super) const IMPERSONATION: &str = "service_account_impersonation_url";

impl Target {
    /// Where the token goes that makes this one's.
    pub(super) fn url(&self) -> FileUrl<'_> {
        FileUrl { field: IMPERSONATION, service: Service::IamCredentials, url: &self.endpoint }
    }

    /// Reads `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken`.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let wrong =
            || Error::invalid(format!("`{IMPERSONATION}` is not the URL of a service account's tokens"));
        let (endpoint, rest) = url.split_once("/v1/projects/-/serviceAccounts/").ok_or_else(wrong)?;
        let email = rest.strip_suffix(":generateAccessToken").ok_or_else(wrong)?;
        let endpoint = EndpointUrl::parse(endpoint)
            .map_err(|error| Error::invalid(format!("`{IMPERSONATION}`: {}", error.message())))?;
        Ok(Self { email: Email::parse(email).map_err(|_| wrong())?, endpoint })
    }
}
