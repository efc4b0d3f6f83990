//! What Azure's libraries for Rust take: a credential that comes from a source, and clients made with it. They follow the
//! source for as long as they live.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use connector_core::{Builds, Error, Expiry, Issued, Result, Source};

use crate::credential::AzureCredential;
use crate::error;
use crate::names::{Audience, Cloud};

#[cfg(feature = "cosmos")]
mod cosmos;
#[cfg(feature = "storage")]
mod storage;
mod tokens;

pub use tokens::AzureTokens;

/// For the one service that the credential is for, such as Key Vault for a secret. Nothing is read from the
/// surroundings. A client that keeps tokens asks for the next one every few minutes, so that it hears soon of a
/// connector that was changed or disabled.
impl Builds<Arc<dyn TokenCredential>> for AzureCredential {
    async fn build(source: Source<Self>) -> Result<Arc<dyn TokenCredential>> {
        Ok(Arc::new(FromSource::for_anybody(source).await?))
    }
}

/// A source as Azure's credential, for the one service that its tokens are for. Its errors are the source's, text and
/// all.
#[derive(Debug)]
pub(crate) struct FromSource {
    source: Source<AzureCredential>,
    /// Where the client was built to go: tokens for another place are not for it.
    place: PlaceOfUse,
    place_of: fn(&AzureCredential) -> PlaceOfUse,
    end_of: fn(&Expiry, SystemTime) -> OffsetDateTime,
}

/// Where a credential is used, as far as a client goes by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlaceOfUse {
    pub(crate) cloud: Cloud,
    pub(crate) endpoint: Option<String>,
    pub(crate) ca_bundle: Option<String>,
}

impl PlaceOfUse {
    /// In the cloud. Whoever builds clients with these credentials says the endpoint.
    fn anywhere(credential: &AzureCredential) -> Self {
        Self { cloud: credential.cloud(), endpoint: None, ca_bundle: None }
    }

    /// At the endpoint of the account.
    #[cfg(any(feature = "cosmos", test))]
    fn of_account(credential: &AzureCredential) -> Self {
        Self {
            endpoint: credential.endpoint.clone(),
            ca_bundle: credential.ca_bundle.clone(),
            ..Self::anywhere(credential)
        }
    }
}

impl FromSource {
    /// For whoever makes clients with it. Issues once, so that a connector that gives nothing is told here and not at
    /// the first request.
    async fn for_anybody(source: Source<AzureCredential>) -> Result<Self> {
        Self::new(source, PlaceOfUse::anywhere, a_while).await
    }

    /// For a client that is made here: it goes to the account's endpoint, and asks for a token with every request.
    #[cfg(any(feature = "cosmos", test))]
    pub(crate) async fn for_client(source: Source<AzureCredential>) -> Result<Self> {
        Self::new(source, PlaceOfUse::of_account, each_time).await
    }

    async fn new(
        source: Source<AzureCredential>,
        place_of: fn(&AzureCredential) -> PlaceOfUse,
        end_of: fn(&Expiry, SystemTime) -> OffsetDateTime,
    ) -> Result<Self> {
        let issued = source.issue().await?;
        issued.credential.token()?;
        let place = place_of(&issued.credential);
        Ok(Self { source, place, place_of, end_of })
    }

    /// Where a client has to go.
    #[cfg(feature = "cosmos")]
    pub(crate) fn place(&self) -> &PlaceOfUse {
        &self.place
    }

    async fn token(&self, scopes: &[&str]) -> Result<AccessToken> {
        let issued = self.source.issue().await?;
        if (self.place_of)(&issued.credential) != self.place {
            return Err(Error::refused(
                "the connector was changed to another cloud, endpoint or `ca_bundle`",
            )
            .with_hint("make a new client: this one still goes to the old place"));
        }
        let wanted = one_service(scopes)?;
        let (_, ours) = issued.credential.token()?;
        let ours = Audience::parse(ours)?;
        if !ours.covers(&wanted, self.place.cloud) {
            return Err(error::other_audience(&ours, &wanted));
        }
        self.told(&issued)
    }

    fn told(&self, issued: &Issued<AzureCredential>) -> Result<AccessToken> {
        let (token, _) = issued.credential.token()?;
        let end = (self.end_of)(&issued.expiry, self.source.context().now());
        Ok(AccessToken::new(token.expose().to_owned(), end))
    }
}

#[async_trait]
impl TokenCredential for FromSource {
    /// The options are about requests that are sent for a token, and none is sent here.
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.token(scopes).await.map_err(told)
    }
}

/// The service that scopes are of. Entra ID gives a token for all that was granted in one service.
fn one_service(scopes: &[&str]) -> Result<Audience> {
    const DEFAULT: &str = "/.default";
    let wrong = |why: &str| Error::invalid(why).with_hint("ask for one scope, SERVICE/.default");
    let (first, others) = scopes.split_first().ok_or_else(|| wrong("a token of no scope is asked for"))?;
    if scopes.iter().any(|it| !it.ends_with(DEFAULT)) {
        return Err(wrong("a token for a part of a service is asked for"));
    }
    let service = Audience::parse(first)?;
    for other in others {
        if Audience::parse(other)? != service {
            return Err(wrong("a token for several services is asked for"));
        }
    }
    Ok(service)
}

/// How long a client may go on with a token that it keeps: more than the five to six minutes before an end in which
/// Azure's libraries ask for the next one, so that none of them asks without a pause, and no more than that needs, since
/// a client that keeps a token does not hear that its connector was disabled.
const A_WHILE: Duration = Duration::from_secs(10 * 60);

/// The end as it is told to clients that keep tokens: that of the token, and no later than in a while.
fn a_while(expiry: &Expiry, now: SystemTime) -> OffsetDateTime {
    let soon = now + A_WHILE;
    OffsetDateTime::from(expiry.at().map_or(soon, |end| end.min(soon)))
}

/// A time that is past by every clock: clients that keep tokens take the one that they get, and ask for the next one
/// with the next request. The source is the cache, and it is the one that hears of a connector that was changed.
#[cfg(any(feature = "cosmos", test))]
fn each_time(_: &Expiry, _: SystemTime) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

/// An error as Azure's libraries have it. Its text is the source's.
pub(crate) fn told(error: Error) -> azure_core::Error {
    azure_core::Error::new(azure_core::error::ErrorKind::Credential, error)
}

#[cfg(test)]
#[path = "native_tests.rs"]
mod tests;
