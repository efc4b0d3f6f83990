//! What Google's libraries for Rust take: credentials that come from a source, and clients made with them. They follow
//! the source for as long as they live.

use std::sync::{Arc, Mutex, PoisonError};

use connector_core::{Builds, Error, Issued, Result, Source};
use google_cloud_auth::credentials::{
    AccessToken, AccessTokenCredentials, AccessTokenCredentialsProvider, CacheableResource, Credentials,
    CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::credential::GcpCredential;

#[cfg(feature = "storage")]
mod storage;

/// The project that calls are counted for, as a header.
const QUOTA: HeaderName = HeaderName::from_static("x-goog-user-project");

/// The token is asked for anew with every request; nothing is read from the surroundings.
impl Builds<Credentials> for GcpCredential {
    async fn build(source: Source<Self>) -> Result<Credentials> {
        Ok(Credentials::from(FromSource::new(source, PlaceOfUse::anywhere).await?))
    }
}

/// As [`Credentials`], for what wants the token itself.
impl Builds<AccessTokenCredentials> for GcpCredential {
    async fn build(source: Source<Self>) -> Result<AccessTokenCredentials> {
        Ok(AccessTokenCredentials::from(FromSource::new(source, PlaceOfUse::anywhere).await?))
    }
}

/// A source as Google's credentials. Its errors are the source's, text and all.
#[derive(Debug)]
struct FromSource {
    source: Source<GcpCredential>,
    /// The token that the tag stands for.
    tagged: Mutex<Option<(Arc<Issued<GcpCredential>>, EntityTag)>>,
    /// Where the client was built to go: tokens for another place are not for it.
    place: PlaceOfUse,
    place_of: fn(&GcpCredential) -> PlaceOfUse,
}

/// Where a credential is used, as far as a client goes by it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PlaceOfUse {
    universe: String,
    endpoint: Option<String>,
    ca_bundle: Option<String>,
}

impl PlaceOfUse {
    /// In the universe. Whoever builds clients with these credentials says the endpoint.
    fn anywhere(credential: &GcpCredential) -> Self {
        Self { universe: credential.universe_domain.clone(), endpoint: None, ca_bundle: None }
    }
}

impl FromSource {
    /// Issues once, so that a connector that gives nothing is told here and not at the first request.
    async fn new(source: Source<GcpCredential>, place_of: fn(&GcpCredential) -> PlaceOfUse) -> Result<Self> {
        let place = place_of(&source.issue().await?.credential);
        Ok(Self { source, tagged: Mutex::default(), place, place_of })
    }

    async fn issue(&self) -> Result<Arc<Issued<GcpCredential>>, CredentialsError> {
        let issued = self.source.issue().await.map_err(told)?;
        if (self.place_of)(&issued.credential) != self.place {
            return Err(told(
                Error::refused("the connector was changed to another universe, endpoint or `ca_bundle`")
                    .with_hint("make a new client: this one still goes to the old place"),
            ));
        }
        Ok(issued)
    }

    /// The tag of a credential: the same for the same one, and another for each other.
    fn tag(&self, issued: &Arc<Issued<GcpCredential>>) -> EntityTag {
        let mut tagged = self.tagged.lock().unwrap_or_else(PoisonError::into_inner);
        match &*tagged {
            Some((known, tag)) if Arc::ptr_eq(known, issued) => tag.clone(),
            _ => {
                let tag = EntityTag::new();
                *tagged = Some((Arc::clone(issued), tag.clone()));
                tag
            }
        }
    }
}

fn told(error: Error) -> CredentialsError {
    let transient = error.is_transient();
    CredentialsError::new(transient, error.to_string(), error)
}

fn headers(credential: &GcpCredential) -> Option<HeaderMap> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", credential.access_token.expose())).ok()?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    if let Some(project) = &credential.quota_project_id {
        headers.insert(QUOTA, HeaderValue::try_from(project).ok()?);
    }
    Some(headers)
}

impl CredentialsProvider for FromSource {
    async fn headers(
        &self,
        extensions: http::Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let issued = self.issue().await?;
        let tag = self.tag(&issued);
        if extensions.get::<EntityTag>() == Some(&tag) {
            return Ok(CacheableResource::NotModified);
        }
        let data = headers(&issued.credential)
            .ok_or_else(|| told(Error::unexpected("the token cannot stand in a header")))?;
        Ok(CacheableResource::New { entity_tag: tag, data })
    }

    async fn universe_domain(&self) -> Option<String> {
        Some(self.place.universe.clone())
    }
}

impl AccessTokenCredentialsProvider for FromSource {
    async fn access_token(&self) -> Result<AccessToken, CredentialsError> {
        let issued = self.issue().await?;
        Ok(AccessToken { token: issued.credential.access_token.expose().to_owned() })
    }
}

#[cfg(test)]
#[path = "native_tests.rs"]
mod tests;
