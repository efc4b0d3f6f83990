//! What the tests of resource types share: sessions, connectors that make them, and answers of Azure's APIs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connector_conformance::CANARY;
use connector_core::{
    Allow, AuthMethod, Authenticated, Call, Connector, Context, Expiry, Identity, Life, MethodAbout, Result,
    Secret, Terms,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mint::{Mint, Token};
use crate::names::{Audience, SubscriptionId, TenantId};
use crate::session::{Place, Session};
use crate::testing::{SUBSCRIPTION, TENANT};
use crate::{Azure, Narrowing};

/// A place in one subscription.
pub(crate) fn place() -> Place {
    Place {
        tenant: Some(TenantId::parse(TENANT).expect("a tenant")),
        subscription: Some(SubscriptionId::parse(SUBSCRIPTION).expect("a subscription")),
        ..Place::default()
    }
}

/// A way to tokens that must not be seen, and that count themselves: `hunter2-0`, `hunter2-1` and so on. No call is made
/// for them, so that a scripted world sees those of the resource type alone.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicUsize);

#[async_trait]
impl Mint for Counting {
    async fn token(&self, cx: &Call<'_>, _: &Place, _: &Audience) -> Result<Token> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let secret = Secret::new(format!("{CANARY}-{number}"));
        Ok(Token { secret, expiry: cx.expires_in(Duration::from_secs(3600)) })
    }
}

/// A session in one subscription, whose first token is for Resource Manager.
pub(crate) fn session() -> Session {
    session_at(place())
}

/// The same in a place of its own.
pub(crate) fn session_at(place: Place) -> Session {
    let audience = place.resource_manager();
    session_for(place, audience)
}

/// The same with a first token for another service.
pub(crate) fn session_for(place: Place, audience: Audience) -> Session {
    let secret = Secret::new(format!("{CANARY}-first"));
    let token = Token { secret, expiry: Expiry::Never("a test's".into()) };
    Session::new(place, audience, token, Arc::new(Counting::default()))
}

pub(crate) fn call(cx: &Context) -> Call<'_> {
    Call::new(cx, None)
}

/// A method whose sessions are those of [`Counting`], for an hour each.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
struct Counted {
    #[serde(skip)]
    made: Arc<Counting>,
    #[serde(skip)]
    place: Place,
}

impl AuthMethod for Counted {
    const ID: &'static str = "counted";
    const ABOUT: MethodAbout = MethodAbout::new("Counted", "For tests.", Life::Long, Identity::Service)
        .temporary()
        .narrows("to one service");
    type Connector = Azure;

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let place = &self.place;
        let audience = narrowing.map_or_else(|| place.resource_manager(), |it| it.audience(place.cloud));
        let token = self.made.token(cx, &self.place, &audience).await?;
        let expiry = token.expiry.clone();
        let session = Session::new(self.place.clone(), audience, token, self.made.clone());
        Ok(Authenticated::new(session, expiry).not_narrowed("the token may do all"))
    }
}

/// A connector whose sessions are of an hour and count themselves.
pub(crate) fn connector(cx: Context) -> Connector<Azure> {
    connector_at(cx, place())
}

/// The same in a place of its own.
pub(crate) fn connector_at(cx: Context, place: Place) -> Connector<Azure> {
    Connector::new(cx, Counted { made: Arc::default(), place })
}

/// The same with what its owner allows.
pub(crate) fn connector_allowing(cx: Context, place: Place, allow: &[Allow]) -> Connector<Azure> {
    let terms = allow.iter().fold(Terms::default(), |terms, it| terms.with_allow(*it));
    Connector::with_terms(cx, Counted { made: Arc::default(), place }, terms)
}

/// What an owner may allow of admin and long-lived credentials.
pub(crate) const ALL: [&[Allow]; 4] =
    [&[], &[Allow::Admin], &[Allow::LongLived], &[Allow::Admin, Allow::LongLived]];
