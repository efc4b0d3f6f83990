//! Azure's credential for all services that a connector's identity reaches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use connector_core::{Handle, Offers, Result};

use super::{FromSource, one_service, told};
use crate::error;
use crate::names::Audience;
use crate::resource::AzureGeneric;

/// Azure's credential for every service: a client that asks for a token for its own gets one that is good there alone.
///
/// Clients of Storage, Key Vault and Cosmos DB can be made from one of these. Each service's token is asked for once,
/// and kept until it ends. A clone is the same credential.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use connector_azure::{AzureTokens, azure_core::credentials::TokenCredential, resource::AzureGeneric};
/// # async fn example(handle: connector_core::Handle<AzureGeneric>) -> connector_core::Result<()> {
/// let tokens: AzureTokens = handle.client().await?;
/// let credential: Arc<dyn TokenCredential> = tokens.into();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AzureTokens(Arc<Inner>);

struct Inner {
    handle: Handle<AzureGeneric>,
    /// What was asked for already, by its service.
    services: Mutex<BTreeMap<Audience, Arc<FromSource>>>,
}

impl fmt::Debug for AzureTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureTokens").field("handle", &self.0.handle).finish_non_exhaustive()
    }
}

impl From<AzureTokens> for Arc<dyn TokenCredential> {
    fn from(tokens: AzureTokens) -> Self {
        Arc::new(tokens)
    }
}

/// Issues nothing yet: which service it will be asked for is not known.
impl Offers<AzureTokens> for AzureGeneric {
    async fn offer(handle: Handle<Self>) -> Result<AzureTokens> {
        Ok(AzureTokens(Arc::new(Inner { handle, services: Mutex::default() })))
    }
}

impl AzureTokens {
    async fn token(&self, scopes: &[&str]) -> Result<AccessToken> {
        let wanted = one_service(scopes)?;
        let known = self.services().get(&wanted).cloned();
        let of_service = match known {
            Some(of_service) => of_service,
            None => self.open(&wanted).await?,
        };
        of_service.token(scopes).await
    }

    /// A source of tokens for a service, as if the connector had been asked for that alone.
    async fn open(&self, wanted: &Audience) -> Result<Arc<FromSource>> {
        let handle = &self.0.handle;
        let mut grant = handle.grant();
        if let Some(only) = &grant.within {
            let only = Audience::parse(only)?;
            if only != *wanted {
                return Err(error::other_audience(&only, wanted));
            }
        }
        grant.within = Some(wanted.as_str().to_owned());
        let source = handle.connector().resource::<AzureGeneric>(grant).await?.into_source();
        let opened = Arc::new(FromSource::for_anybody(source).await?);
        // Who was quicker meanwhile has the same tokens.
        Ok(Arc::clone(self.services().entry(wanted.clone()).or_insert(opened)))
    }

    fn services(&self) -> std::sync::MutexGuard<'_, BTreeMap<Audience, Arc<FromSource>>> {
        self.0.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenCredential for AzureTokens {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.token(scopes).await.map_err(told)
    }
}
