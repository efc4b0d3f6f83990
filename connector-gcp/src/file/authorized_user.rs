//! The login of a person.

use std::fmt;

use connector_core::{Error, Result, Secret};

use super::FileUrl;
use super::raw::{Kind, Raw, needed_secret, needed_text, url};
use crate::names::{EndpointUrl, ProjectId, Service, UniverseDomain};

/// The login of a person, with a Google account or through a workforce pool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UserFile {
    /// With a Google account.
    Google(AuthorizedUser),
    /// Through a workforce pool.
    Workforce(ExternalUser),
}

/// What `gcloud auth application-default login` writes (`"type": "authorized_user"`).
#[derive(Clone)]
pub struct AuthorizedUser {
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) refresh_token: Secret,
    pub(crate) account: Option<String>,
    pub(crate) quota_project: Option<ProjectId>,
    pub(crate) token_uri: Option<EndpointUrl>,
    pub(crate) universe: Option<UniverseDomain>,
}

/// What `gcloud auth login` keeps for a workforce pool (`"type": "external_account_authorized_user"`).
#[derive(Clone)]
pub struct ExternalUser {
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) refresh_token: Secret,
    pub(crate) quota_project: Option<ProjectId>,
    pub(crate) token_url: EndpointUrl,
    pub(crate) universe: Option<UniverseDomain>,
}

impl fmt::Debug for AuthorizedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedUser").field("account", &self.account).finish_non_exhaustive()
    }
}

impl fmt::Debug for ExternalUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalUser").finish_non_exhaustive()
    }
}

impl UserFile {
    /// Reads the file of a login: its JSON text, or that in base64.
    ///
    /// # Errors
    /// Invalid input that says what is missing or wrong, and quotes nothing.
    pub fn parse(text: &Secret) -> Result<Self> {
        Self::of(&Raw::parse(text)?)
    }

    pub(super) fn of<Within>(raw: &Raw<Within>) -> Result<Self> {
        let kind = raw.only(&[Kind::AuthorizedUser, Kind::ExternalUser], "the login of a person")?;
        let client_id = needed_text("client_id", raw.client_id.as_ref())?.to_owned();
        let client_secret = needed_secret("client_secret", raw.client_secret.as_ref())?.clone();
        let refresh_token = needed_secret("refresh_token", raw.refresh_token.as_ref())?.clone();
        let (quota_project, universe) = (raw.quota_project()?, raw.universe()?);
        if kind == Kind::ExternalUser {
            let token_url = url("token_url", raw.token_url.as_deref())?;
            let token_url = token_url.ok_or_else(|| Error::invalid("lacks `token_url`"))?;
            let user =
                ExternalUser { client_id, client_secret, refresh_token, quota_project, token_url, universe };
            return Ok(Self::Workforce(user));
        }
        let account = raw.account.clone().filter(|it| !it.is_empty());
        let token_uri = url("token_uri", raw.token_uri.as_deref())?;
        let user = AuthorizedUser {
            client_id,
            client_secret,
            refresh_token,
            account,
            quota_project,
            token_uri,
            universe,
        };
        Ok(Self::Google(user))
    }

    /// Where its refresh token goes.
    pub(crate) fn urls(&self) -> Vec<FileUrl<'_>> {
        let url = match self {
            Self::Google(user) => {
                let url = user.token_uri.as_ref();
                url.map(|url| FileUrl { field: "token_uri", service: Service::Oauth, url })
            }
            Self::Workforce(user) => {
                Some(FileUrl { field: "token_url", service: Service::Sts, url: &user.token_url })
            }
        };
        url.into_iter().collect()
    }

    pub(crate) fn universe(&self) -> Option<&UniverseDomain> {
        match self {
            Self::Google(user) => user.universe.as_ref(),
            Self::Workforce(user) => user.universe.as_ref(),
        }
    }

    pub(crate) fn quota_project(&self) -> Option<&ProjectId> {
        match self {
            Self::Google(user) => user.quota_project.as_ref(),
            Self::Workforce(user) => user.quota_project.as_ref(),
        }
    }
}
