//! An identity of elsewhere that Google trusts: workload and workforce identity federation.

use std::fmt;
use std::time::Duration;

use connector_core::{Error, Result, Secret};

use super::FileUrl;
use super::impersonated::Target;
use super::raw::{Kind, Raw, needed, needed_text, read, url};
use super::source::SubjectSource;
use crate::names::{EndpointUrl, ProjectId, Service, UniverseDomain};

/// What `gcloud iam workload-identity-pools create-cred-config`, or that of `workforce-pools`, writes (`"type": "external_account"`).
#[derive(Clone)]
pub struct ExternalAccount {
    pub(crate) audience: String,
    pub(crate) subject_token_type: String,
    pub(crate) token_url: EndpointUrl,
    pub(crate) target: Option<Target>,
    pub(crate) target_life: Option<Duration>,
    /// Whom the calls of a workforce are counted for: the id of a project, or its number.
    pub(crate) user_project: Option<String>,
    pub(crate) client: Option<(String, Secret)>,
    pub(crate) quota_project: Option<ProjectId>,
    pub(crate) universe: Option<UniverseDomain>,
    pub(crate) source: SubjectSource,
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount").field("audience", &self.audience).finish_non_exhaustive()
    }
}

/// The kinds of tokens that the Security Token Service takes from others.
const TOKEN_TYPES: [&str; 4] = [
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:saml2",
    "urn:ietf:params:aws:token-type:aws4_request",
];

impl ExternalAccount {
    /// Reads the file of an external account: its JSON text, or that in base64.
    ///
    /// # Errors
    /// Invalid input that says what is missing or wrong, and quotes nothing.
    pub fn parse(text: &Secret) -> Result<Self> {
        Self::of(&Raw::parse(text)?)
    }

    /// Where the token of elsewhere, and what is made of it, go.
    pub(crate) fn urls(&self) -> Vec<FileUrl<'_>> {
        let first = FileUrl { field: "token_url", service: Service::Sts, url: &self.token_url };
        [first].into_iter().chain(self.target.as_ref().map(Target::url)).collect()
    }

    pub(super) fn of<Within>(raw: &Raw<Within>) -> Result<Self> {
        raw.only(&[Kind::External], "an external account")?;
        let audience = needed_text("audience", raw.audience.as_ref())?;
        if !audience.starts_with("//iam.") {
            return Err(Error::invalid(
                "`audience` names no provider of a pool: //iam.googleapis.com/projects/…",
            ));
        }
        let subject_token_type = needed_text("subject_token_type", raw.subject_token_type.as_ref())?;
        if !TOKEN_TYPES.contains(&subject_token_type) {
            return Err(Error::invalid(format!(
                "`subject_token_type`: expected one of {}",
                TOKEN_TYPES.join(", ")
            )));
        }
        let token_url = url("token_url", raw.token_url.as_deref())?;
        let life = raw.service_account_impersonation.as_ref().and_then(|it| it.token_lifetime_seconds);
        if life.is_some_and(|seconds| !(600..=43_200).contains(&seconds)) {
            return Err(Error::invalid(
                "`service_account_impersonation.token_lifetime_seconds`: expected 600 to 43200 seconds",
            ));
        }
        let target = raw.service_account_impersonation_url.as_deref().filter(|it| !it.is_empty());
        let client = match (&raw.client_id, &raw.client_secret) {
            (Some(id), Some(secret)) => Some((id.clone(), secret.clone())),
            (None, None) => None,
            (Some(_), None) => return Err(Error::invalid("has `client_id` and lacks `client_secret`")),
            (None, Some(_)) => return Err(Error::invalid("has `client_secret` and lacks `client_id`")),
        };
        let user_project =
            read("workforce_pool_user_project", raw.workforce_pool_user_project.as_deref(), id_or_number)?;
        if user_project.is_some() && !is_of_workforce(audience) {
            return Err(Error::invalid(
                "`workforce_pool_user_project` is for pools of a workforce, and `audience` names a pool of workloads",
            )
            .with_hint("take it out: a workload's calls are counted for its pool's project, or for `quota_project_id`"));
        }
        Ok(Self {
            audience: audience.to_owned(),
            subject_token_type: subject_token_type.to_owned(),
            token_url: token_url.ok_or_else(|| Error::invalid("lacks `token_url`"))?,
            target: target.map(Target::parse).transpose()?,
            target_life: life.map(Duration::from_secs),
            user_project,
            client,
            quota_project: raw.quota_project()?,
            universe: raw.universe()?,
            source: SubjectSource::of(needed("credential_source", raw.credential_source.as_ref())?)?,
        })
    }
}

/// `//iam.googleapis.com/locations/global/workforcePools/POOL/providers/PROVIDER`: people, whose pool is of no project.
fn is_of_workforce(audience: &str) -> bool {
    let path = audience.trim_start_matches('/').split_once('/').map(|(_, path)| path);
    let location = path.and_then(|path| path.strip_prefix("locations/")?.split_once('/'));
    location.is_some_and(|(_, rest)| rest.starts_with("workforcePools/"))
}

/// A project as gcloud writes it for the pools of a workforce: by its id or its number.
fn id_or_number(text: String) -> Result<String> {
    let is_number = (1..=20).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    if is_number { Ok(text) } else { ProjectId::parse(text).map(|id| id.to_string()) }
}
