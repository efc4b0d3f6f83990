//! What Azure's libraries for Rust take: a credential that comes from a source, and clients made with it. They follow the
//! source for as long as they live.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use connector_core::{Builds, Error, Expiry, Result, Source};

use crate::credential::AzureCredential;
use crate::names::Audience;

/// The token is asked for anew with every request; nothing is read from the surroundings.
impl Builds<Arc<dyn TokenCredential>> for AzureCredential {
    /// Issues once, so that a connector that gives nothing is told here and not at the first request.
    async fn build(source: Source<Self>) -> Result<Arc<dyn TokenCredential>> {
        source.issue().await?.credential.token()?;
        Ok(Arc::new(FromSource(source)))
    }
}

/// A source as Azure's credential, for the one service that its tokens are for.
#[derive(Debug)]
struct FromSource(Source<AzureCredential>);

#[async_trait]
impl TokenCredential for FromSource {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let issued = self.0.issue().await.map_err(told)?;
        let (token, audience) = issued.credential.token().map_err(told)?;
        let ours = Audience::parse(audience).map_err(told)?;
        for scope in scopes {
            let wanted = Audience::parse(scope).map_err(told)?;
            if !is_within(&ours, &wanted) {
                return Err(told(crate::error::other_audience(&ours, &wanted)));
            }
        }
        Ok(AccessToken::new(token.expose().to_owned(), end_of(&issued.expiry)))
    }
}

/// Whether a token for `ours` is what a client asks for that says `wanted`. Clients of storage name the account.
fn is_within(ours: &Audience, wanted: &Audience) -> bool {
    ours == wanted
}

/// The end as Azure's libraries have it. They ask again when it comes near.
pub(crate) fn end_of(expiry: &Expiry) -> OffsetDateTime {
    match expiry.at() {
        Some(end) => OffsetDateTime::from(end),
        // Nobody said: an hour from now it is asked for again.
        None => OffsetDateTime::from(SystemTime::UNIX_EPOCH),
    }
}

/// An error as Azure's libraries have it. Its text is the source's.
pub(crate) fn told(error: Error) -> azure_core::Error {
    azure_core::Error::new(azure_core::error::ErrorKind::Credential, error)
}
