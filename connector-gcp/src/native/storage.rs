//! Google's client of Cloud Storage, for one bucket.

use connector_core::{Error, Handle, Offers, Result};
use google_cloud_auth::credentials::Credentials;
use google_cloud_storage::client::Storage;

use super::{FromSource, PlaceOfUse};
use crate::credential::GcpCredential;
use crate::names::{Service, UniverseDomain};
use crate::resource::GcsBucket;

impl PlaceOfUse {
    /// In the universe, at the endpoint of Storage.
    fn of_storage(credential: &GcpCredential) -> Self {
        Self {
            endpoint: credential.endpoint(Service::Storage).map(str::to_owned),
            ca_bundle: credential.ca_bundle.clone(),
            ..Self::anywhere(credential)
        }
    }
}

/// Universe and endpoint are those of the credential that is issued now; the token is asked for anew with every
/// request. The client speaks by itself: it trusts the system's certificates, takes proxies from the process's
/// variables, and sends again by its own rules.
///
/// # Errors
/// Those of issuing; refused for a connector with a `ca_bundle`, which this client cannot be told.
impl Offers<Storage> for GcsBucket {
    async fn offer(handle: Handle<Self>) -> Result<Storage> {
        let from = FromSource::new(handle.into_source(), PlaceOfUse::of_storage).await?;
        let PlaceOfUse { universe, endpoint, ca_bundle } = from.place.clone();
        if ca_bundle.is_some() {
            return Err(Error::refused(
                "Google's client of Cloud Storage cannot be told to trust a `ca_bundle`",
            )
            .with_hint("let the system trust these certificates, or use a connector without `ca_bundle`"));
        }
        // Left to itself, the client goes to googleapis.com in every universe.
        let endpoint = match endpoint {
            Some(endpoint) => endpoint,
            None => Service::Storage.usual_url(&UniverseDomain::parse(universe.as_str())?),
        };
        let client = Storage::builder()
            .with_endpoint(endpoint)
            .with_universe_domain(universe)
            .with_credentials(Credentials::from(from));
        client
            .build()
            .await
            .map_err(|_| Error::unexpected("Google's client of Cloud Storage cannot be built"))
    }
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
