//! Azure's client of Cosmos DB, for one account.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_data_cosmos::{
    AccountEndpoint, AccountReference, CosmosClient, CosmosClientBuilder, CosmosError, RoutingStrategy,
};
use connector_core::{Error, Handle, Offers, Result, Source};

use super::{FromSource, PlaceOfUse};
use crate::credential::{AzureCredential, Shown};
use crate::resource::CosmosDb;

/// The endpoint is that of the credential that is issued now; the token is asked for anew with every request. The client
/// speaks by itself: it trusts the system's certificates, takes proxies from the process's variables, and sends again by
/// its own rules; it asks the account for its regions when it is made, and tries them in the account's own order.
///
/// # Errors
/// Those of issuing, and what stands between here and the account; refused for a connector with a `ca_bundle`, which
/// this client cannot be told, for one whose endpoint is a part of a server, since it goes to the root of a host, and
/// for one with a connection string.
impl Offers<CosmosClient> for CosmosDb {
    async fn offer(handle: Handle<Self>) -> Result<CosmosClient> {
        client(handle.into_source()).await
    }
}

async fn client(source: Source<AzureCredential>) -> Result<CosmosClient> {
    if let Shown::ConnectionString(_) = source.issue().await?.credential.shown {
        // It asks nobody for a key anew, so it would outlive a connector that is disabled.
        return Err(Error::refused("Azure's client of Cosmos DB would keep the account's key for good")
            .with_hint(
                "use a connector with a method of Entra ID; `connector env` hands the connection string on",
            ));
    }
    let from = FromSource::for_client(source).await?;
    let endpoint = endpoint(from.place())?;
    let credential: Arc<dyn TokenCredential> = Arc::new(from);
    built(AccountReference::with_credential(endpoint, credential)).await
}

async fn built(account: AccountReference) -> Result<CosmosClient> {
    // No preference of ours: the account has an order.
    let regions = RoutingStrategy::PreferredRegions(Vec::new());
    CosmosClientBuilder::new().build(account, regions).await.map_err(|error| unbuilt(&error))
}

/// Where the client goes, if it can be told.
fn endpoint(place: &PlaceOfUse) -> Result<AccountEndpoint> {
    if place.ca_bundle.is_some() {
        return Err(Error::refused("Azure's client of Cosmos DB cannot be told to trust a `ca_bundle`")
            .with_hint("let the system trust these certificates, or use a connector without `ca_bundle`"));
    }
    let said = place.endpoint.as_deref();
    let said = said.ok_or_else(|| Error::unexpected("the credential does not say where its account is"))?;
    let endpoint: AccountEndpoint =
        said.parse().map_err(|_| Error::invalid("the credential does not say a URL where its account is"))?;
    // Its paths are set, not added: it would ask the server for something else than the account.
    match endpoint.url().path() {
        "" | "/" => Ok(endpoint),
        _ => Err(Error::refused(
            "Azure's client of Cosmos DB goes to the root of a host, and the endpoint has a path",
        )
        .with_hint("give the account a host: endpoints.cosmos=https://{name}.HOST")),
    }
}

/// Why there is no client. What the account answered is not told.
fn unbuilt(error: &CosmosError) -> Error {
    const WHAT: &str = "Azure's client of Cosmos DB cannot be made";
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        // What the source says is the reason, and its own words.
        if let Some(ours) = cause.downcast_ref::<Error>() {
            return ours.clone().context(WHAT);
        }
        next = cause.source();
    }
    let status = error.status();
    let answered = format!("status {}", u16::from(status.status_code()));
    match status.is_unauthorized() || status.is_forbidden() {
        true => Error::refused(format!("{WHAT}: the account does not let it in"))
            .with_hint("verify the connector for this account: it says what is missing"),
        false => Error::unreachable(format!("{WHAT}: the account is not reached")).with_hint(
            "check the account's name and network, and that its certificate is one that the system trusts",
        ),
    }
    .with_cause(answered)
}

#[cfg(test)]
#[path = "cosmos_tests.rs"]
mod tests;
