//! The authenticated state of a Google connector, on the issuing side only.

use std::collections::BTreeMap;
use std::fmt;

use connector_core::{Context, Result, Secret, Trusted};

use crate::credential::GcpCredential;
use crate::names::{EndpointUrl, ProjectId, Service, UniverseDomain};

/// Where and how calls are made: the part of every method's config that is not about identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The project whose resources are reached.
    pub(crate) project: Option<ProjectId>,
    /// The project that calls are counted and paid for.
    pub(crate) quota_project: Option<ProjectId>,
    /// The domain below which the services are.
    pub(crate) universe: UniverseDomain,
    /// An endpoint for every service, in place of Google's own.
    pub(crate) endpoint_url: Option<EndpointUrl>,
    /// Endpoints of single services.
    pub(crate) endpoints: BTreeMap<Service, EndpointUrl>,
    /// Certificates to trust in addition.
    pub(crate) trust: Option<Trusted>,
}

impl Place {
    /// The endpoint that was said for a service.
    pub(crate) fn endpoint(&self, service: Service) -> Option<&EndpointUrl> {
        self.endpoints.get(&service).or(self.endpoint_url.as_ref())
    }

    /// The URL of a service, without a slash at the end.
    pub(crate) fn url(&self, service: Service) -> String {
        match self.endpoint(service) {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => service.usual_url(&self.universe),
        }
    }
}

/// What an auth method gives: a token, and where it is good.
pub struct Session {
    pub(crate) token: Secret,
    pub(crate) place: Place,
    /// The e-mail address of the account, where the method or an answer told it.
    pub(crate) account: Option<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.account)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The session that an issued credential stands for.
    ///
    /// # Errors
    /// A credential that says something impossible of its place.
    pub(crate) fn of(credential: &GcpCredential, cx: &Context) -> Result<Self> {
        let endpoints = credential.endpoints.iter().filter_map(|(name, url)| {
            let service = Service::ALL.into_iter().find(|it| it.name() == name)?;
            Some(EndpointUrl::parse(url.as_str()).map(|url| (service, url)))
        });
        let project = |text: &Option<String>| text.as_deref().map(ProjectId::parse).transpose();
        Ok(Self {
            token: credential.access_token.clone(),
            place: Place {
                project: project(&credential.project_id)?,
                quota_project: project(&credential.quota_project_id)?,
                universe: UniverseDomain::parse(credential.universe_domain.as_str())?,
                endpoint_url: credential.endpoint_url.as_deref().map(EndpointUrl::parse).transpose()?,
                endpoints: endpoints.collect::<Result<_>>()?,
                trust: Trusted::read(credential.ca_bundle.as_deref(), cx)?,
            },
            account: credential.account.clone(),
        })
    }

    /// The credential that stands for this session as it is.
    pub(crate) fn credential(&self) -> GcpCredential {
        let place = &self.place;
        let endpoints =
            place.endpoints.iter().map(|(service, url)| (service.name().to_owned(), url.to_string()));
        GcpCredential {
            access_token: self.token.clone(),
            project_id: place.project.as_ref().map(ToString::to_string),
            quota_project_id: place.quota_project.as_ref().map(ToString::to_string),
            account: self.account.clone(),
            universe_domain: place.universe.to_string(),
            endpoint_url: place.endpoint_url.as_ref().map(ToString::to_string),
            endpoints: endpoints.collect(),
            ca_bundle: place.trust.as_ref().map(|it| it.said.as_str().to_owned()),
        }
    }
}
