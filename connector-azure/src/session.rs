//! The authenticated state of an Azure connector, on the issuing side only.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use connector_core::{Call, Context, EndpointUrl, Error, Expiry, Result, Trusted};

use crate::connection_string::ConnectionString;
use crate::credential::AzureCredential;
use crate::mint::{Mint, Token};
use crate::names::{
    Audience, Cloud, Endpoint, ResourceGroup, Service, StorageAccount, SubscriptionId, TenantId,
};

/// Where and how calls are made: the part of every method's config that is not about identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) cloud: Cloud,
    /// The directory of the identity.
    pub(crate) tenant: Option<TenantId>,
    /// The one subscription that is looked into.
    pub(crate) subscription: Option<SubscriptionId>,
    /// The one group that is looked into.
    pub(crate) group: Option<ResourceGroup>,
    /// The one storage account that is looked into.
    pub(crate) storage_account: Option<StorageAccount>,
    /// An authority in place of the cloud's own.
    pub(crate) authority_url: Option<EndpointUrl>,
    /// One server in place of all services.
    pub(crate) endpoint_url: Option<EndpointUrl>,
    /// Endpoints of single services.
    pub(crate) endpoints: BTreeMap<Service, Endpoint>,
    /// Certificates to trust in addition.
    pub(crate) trust: Option<Trusted>,
}

impl Place {
    /// The URL of a service that is one for all, without a slash at the end.
    pub(crate) fn url(&self, service: Service) -> String {
        if let Some(url) = self.endpoints.get(&service) {
            return url.as_str().to_owned();
        }
        if let Some(url) = self.authority_url.as_ref().filter(|_| service == Service::Authority) {
            return url.as_str().trim_end_matches('/').to_owned();
        }
        match (&self.endpoint_url, service) {
            (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
            (None, Service::Authority) => self.cloud.authority().to_owned(),
            (None, Service::Identity) => crate::auth::IMDS.to_owned(),
            (None, _) => self.cloud.resource_manager().to_owned(),
        }
    }

    /// The URL of one account of a service that has a host for each, without a slash at the end.
    pub(crate) fn url_of(&self, service: Service, name: &str) -> String {
        match (self.endpoints.get(&service), &self.endpoint_url) {
            (Some(url), _) => url.of(name),
            (None, Some(url)) => {
                format!("{}/{}/{name}", url.as_str().trim_end_matches('/'), service.name())
            }
            (None, None) => format!("https://{name}.{}", self.cloud.suffix(service).unwrap_or_default()),
        }
    }

    /// Whether a service is somewhere else than the cloud has it.
    pub(crate) fn is_elsewhere(&self, service: Service) -> bool {
        self.endpoint_url.is_some() || self.endpoints.contains_key(&service)
    }

    /// The service that tokens for Resource Manager are for.
    pub(crate) fn resource_manager(&self) -> Audience {
        Audience::resource_manager(self.cloud)
    }
}

/// What an auth method gives: a token for one service, and the way to further ones for others.
pub struct Session {
    pub(crate) place: Place,
    /// What the session is for, and the token for it; none where a connection string stands in place of tokens.
    first: (Audience, Option<Token>),
    more: Option<Arc<dyn Mint>>,
    /// Tokens for other services, each asked for once: who comes meanwhile for the same one waits.
    others: Mutex<BTreeMap<Audience, Arc<Asked>>>,
    connection: Option<ConnectionString>,
}

/// A token that was asked for, or is just now.
#[derive(Default)]
struct Asked {
    last: futures_util::lock::Mutex<Last>,
    /// How often was asked, as far as that has come to an end.
    ended: AtomicU64,
}

/// What came of asking.
#[derive(Default)]
struct Last {
    token: Option<Token>,
    /// What failed since the token was made, and at which time of asking.
    failure: Option<(u64, Error)>,
}

impl Last {
    /// For who waited while it failed: a token that is soon to be renewed is good until its end.
    fn failed(&self, error: &Error, cx: &Context) -> Result<Token> {
        let left = self.token.as_ref().filter(|it| it.expiry.at().is_none_or(|end| end > cx.now()));
        left.cloned().ok_or_else(|| error.clone())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("place", &self.place)
            .field("audience", &self.first.0)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session with a token for one service, and `more` for others.
    pub(crate) fn new(place: Place, audience: Audience, token: Token, more: Arc<dyn Mint>) -> Self {
        Self { more: Some(more), ..Self::of_token(place, audience, token) }
    }

    /// A session that has this one token and no way to another.
    pub(crate) fn of_token(place: Place, audience: Audience, token: Token) -> Self {
        Self { place, first: (audience, Some(token)), more: None, others: Mutex::default(), connection: None }
    }

    /// A session that has no token, but the key or the signature of a connection string for a service.
    pub(crate) fn of_connection_string(
        place: Place,
        audience: Audience,
        connection: ConnectionString,
    ) -> Self {
        Self {
            place,
            first: (audience, None),
            more: None,
            others: Mutex::default(),
            connection: Some(connection),
        }
    }

    /// The connection string, where there is one in place of tokens.
    pub(crate) fn connection(&self) -> Option<&ConnectionString> {
        self.connection.as_ref()
    }

    /// A session of the token that was issued, where it was issued for.
    ///
    /// # Errors
    /// Refused, where it is something else than a token; a `ca_bundle` that cannot be read.
    pub(crate) fn of_issued(credential: &AzureCredential, expiry: &Expiry, cx: &Context) -> Result<Self> {
        let (token, audience) = credential.token()?;
        let trust = Trusted::read(credential.ca_bundle.as_deref(), cx)?;
        let place = Place { cloud: credential.cloud(), trust, ..Place::default() };
        let token = Token { secret: token.clone(), expiry: expiry.clone() };
        Ok(Self::of_token(place, Audience::parse(audience)?, token))
    }

    /// What its first token is for, or its connection string.
    #[cfg(test)]
    pub(crate) fn audience(&self) -> &Audience {
        &self.first.0
    }

    /// A token for a service: the first one, one that was asked for already, or a new one.
    ///
    /// # Errors
    /// Those of the authority, which are told to all who wait for the same one; refused, where there is one token only and it is for another service, and where there
    /// is a connection string in place of tokens.
    pub(crate) async fn token(&self, cx: &Call<'_>, audience: &Audience) -> Result<Token> {
        let (ours, Some(first)) = &self.first else { return Err(crate::error::no_tokens(audience)) };
        if ours == audience {
            return Ok(first.clone());
        }
        let Some(mint) = &self.more else {
            return match ours.covers(audience, self.place.cloud) {
                true => Ok(first.clone()),
                false => Err(crate::error::other_audience(ours, audience)),
            };
        };
        let asked = {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(others.entry(audience.clone()).or_default())
        };
        let ended = asked.ended.load(Ordering::SeqCst);
        let mut last = asked.last.lock().await;
        if let Some(token) = last.token.as_ref().filter(|it| it.is_good(cx.now())) {
            return Ok(token.clone());
        }
        // What failed meanwhile answers all who waited for it; who comes later tries again.
        if let Some((_, error)) = last.failure.as_ref().filter(|(number, _)| *number > ended) {
            return last.failed(error, cx);
        }
        let made = mint.token(cx, &self.place, audience).await;
        let number = asked.ended.fetch_add(1, Ordering::SeqCst) + 1;
        match made {
            Ok(token) => {
                *last = Last { token: Some(token.clone()), failure: None };
                Ok(token)
            }
            Err(error) => {
                last.failure = Some((number, error.clone()));
                last.failed(&error, cx)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::time::Duration;

    use async_trait::async_trait;
    use connector_conformance::Scripted;
    use connector_core::{ErrorKind, Secret};
    use futures_util::future::join_all;

    use super::*;

    /// Tokens that count themselves, each after a turn of the scheduler, so that others come meanwhile.
    #[derive(Default)]
    struct Slow(AtomicUsize, AtomicBool);

    #[async_trait]
    impl Mint for Slow {
        async fn token(&self, cx: &Call<'_>, _: &Place, _: &Audience) -> Result<Token> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if self.1.load(Ordering::SeqCst) {
                return Err(Error::unreachable("the authority is away"));
            }
            let secret = Secret::new(format!("token-{number}"));
            Ok(Token { secret, expiry: cx.expires_in(Duration::from_secs(3600)) })
        }
    }

    fn first(cx: &Call<'_>) -> Token {
        Token { secret: "first".into(), expiry: cx.expires_in(Duration::from_secs(3600)) }
    }

    /// C29: whoever needs a token of the same service waits for the one that was asked for.
    #[tokio::test]
    async fn c29_one_call_per_service_however_many_need_it() {
        let world = Scripted::new();
        let (cx, slow) = (world.context(), Arc::new(Slow::default()));
        let call = Call::new(&cx, None);
        let home = Audience::resource_manager(Cloud::Public);
        let session = Session::new(Place::default(), home.clone(), first(&call), slow.clone());
        let wanted = [Audience::storage(), Audience::aks(), home.clone()];
        let asked = join_all((0..30).map(|at| session.token(&call, &wanted[at % 3]))).await;
        for (at, token) in asked.into_iter().enumerate() {
            let token = token.expect("a token").secret;
            assert_eq!(token.expose() == "first", at % 3 == 2, "its own service's token is not asked for");
        }
        assert_eq!(slow.0.load(Ordering::SeqCst), 2);
        // One that is about to end is asked for anew.
        world.advance(Duration::from_secs(3550));
        session.token(&Call::new(&cx, None), &wanted[0]).await.expect("a token");
        assert_eq!(slow.0.load(Ordering::SeqCst), 3);
    }

    /// C29: what fails answers all who waited for it, by one call, and who comes later tries again. A token that was to
    /// be renewed early is good until its end.
    #[tokio::test]
    async fn c29_a_failure_answers_all_who_waited() {
        let world = Scripted::new();
        let (cx, slow) = (world.context(), Arc::new(Slow::default()));
        let call = Call::new(&cx, None);
        let home = Audience::resource_manager(Cloud::Public);
        let session = Session::new(Place::default(), home, first(&call), slow.clone());
        let storage = Audience::storage();
        let all = async |cx: &Call<'_>| join_all((0..30).map(|_| session.token(cx, &storage))).await;
        let calls = || slow.0.load(Ordering::SeqCst);

        slow.1.store(true, Ordering::SeqCst);
        assert!(all(&call).await.iter().all(Result::is_err));
        assert_eq!(calls(), 1);
        session.token(&call, &storage).await.expect_err("still away");
        assert_eq!(calls(), 2);
        slow.1.store(false, Ordering::SeqCst);
        assert!(all(&call).await.iter().all(Result::is_ok));
        assert_eq!(calls(), 3);

        slow.1.store(true, Ordering::SeqCst);
        world.advance(Duration::from_secs(3590));
        assert!(all(&Call::new(&cx, None)).await.iter().all(Result::is_ok), "it has ten seconds left");
        assert_eq!(calls(), 4);
        world.advance(Duration::from_secs(10));
        assert!(all(&Call::new(&cx, None)).await.iter().all(Result::is_err), "it has ended");
        assert_eq!(calls(), 5);
    }

    /// A token that somebody gave is for one service, and is sent to no other.
    #[tokio::test]
    async fn c19_a_single_token_goes_to_its_service_alone() {
        let world = Scripted::new();
        let cx = world.context();
        let call = Call::new(&cx, None);
        let session = Session::of_token(Place::default(), Audience::storage(), first(&call));
        session.token(&call, &Audience::storage()).await.expect("its own");
        let error = session.token(&call, &Audience::aks()).await.expect_err("another's");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("https://storage.azure.com"), "{error:?}");
        assert!(!format!("{session:?}").contains("first"));
    }
}
