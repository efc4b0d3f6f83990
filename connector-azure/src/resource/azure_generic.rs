//! `azure-generic`: everything that a connector may do in a service, for programs that need more than one resource.

use connector_core::{
    Access, Call, Clients, Error, Handle, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result,
    Wanted, candidates, in_id,
};

use super::common::{all_subscriptions, in_scope, of_token, subscription, subscriptions};
use crate::Azure;
use crate::credential::AzureCredential;
use crate::names::{Audience, Service, SubscriptionId};
use crate::narrowing::Narrowing;
use crate::native::AzureTokens;
use crate::session::Session;

/// A whole subscription, as far as the connector reaches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AzureGeneric {
    subscription: SubscriptionId,
}

impl AzureGeneric {
    /// The subscription.
    #[must_use]
    pub fn subscription(&self) -> &SubscriptionId {
        &self.subscription
    }
}

/// What shows that a token is good for a subscription.
const GET: &str = "Microsoft.Resources/subscriptions/read";

/// The longest name of a subscription.
const LONGEST_NAME: usize = 64;

impl ResourceType for AzureGeneric {
    const ID: &'static str = "azure-generic";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Azure subscription",
        "A token for Resource Manager, or for the one service that `within` names, such as https://vault.azure.net: all \
         that the connector's identity may do there. Where one container or one registry is enough, its own resource \
         type gives less away.",
    )
    .single()
    .forms(&[
        ("SUBSCRIPTION-ID", "the id of a subscription"),
        ("subscriptions/SUBSCRIPTION-ID", "the same, as Resource Manager writes it"),
        ("NAME", "the name of a subscription, which a call completes"),
    ])
    .within("the service that the token is for, by its URL or its id, such as `https://vault.azure.net`; Resource Manager when left out")
    .targets("whatever the connector's own roles are granted on; the permission shows that the token is good")
    .hands_on()
    .narrows("nothing beyond one service: it is all that the connector may do there");
    type Connector = Azure;
    type Credential = AzureCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let bare = text.strip_prefix('/').unwrap_or(text);
        let id = bare.strip_prefix("subscriptions/");
        if let Ok(subscription) = SubscriptionId::parse(id.unwrap_or(bare)) {
            // Azure does not tell upper from lower case here: one spelling is canonical.
            let subscription = SubscriptionId::parse(subscription.as_str().to_ascii_lowercase())?;
            return Ok(Parsed::exact(Self { subscription }));
        }
        let is_name = id.is_none()
            && (1..=LONGEST_NAME).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && !text.contains(['/', '<', '>', ';', '|']);
        match is_name {
            true => Ok(Parsed::partial(text)),
            false => in_id::<Self, _>(Err(Error::invalid("expected the id or the name of a subscription"))),
        }
    }

    fn id(&self) -> String {
        self.subscription.to_string()
    }

    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        let all = all_subscriptions(session, cx).await?;
        let fits: Vec<_> = all
            .iter()
            .filter(|it| partial.is_empty() || it.display_name.eq_ignore_ascii_case(partial))
            .collect();
        match fits.as_slice() {
            [one] => {
                let subscription = SubscriptionId::parse(one.subscription_id.to_ascii_lowercase())?;
                Ok(Self { subscription })
            }
            [] => Err(Error::not_found("the identity sees no subscription of this name")
                .with_hint("check the name, and grant the identity the role Reader on the subscription")),
            several => {
                let ids: Vec<_> = several.iter().map(|it| it.subscription_id.to_ascii_lowercase()).collect();
                Err(Error::field("resource_id", format!("fits several subscriptions: {}", candidates(&ids)))
                    .with_hint("name one by its id"))
            }
        }
    }

    fn permissions(_: Access) -> Vec<&'static str> {
        vec![GET]
    }

    fn only(scope: &str) -> Option<Self> {
        let subscription = SubscriptionId::parse(scope.to_ascii_lowercase()).ok()?;
        Some(Self { subscription })
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        in_scope(&self.subscription, scope)
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    /// The part is a service; without one it is Resource Manager, for which the connector's wide session is.
    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        let named = |text: &String| Audience::parse(text);
        let audience = wanted.within.as_ref().map(named).transpose();
        let audience = audience.map_err(|error| Error::field("within", error.message()))?;
        Ok(audience.map(Narrowing::to))
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let ids = subscriptions(session, cx).await?;
        // The one that the config names is there only where the identity sees it.
        if let Some(one) = &session.place.subscription {
            subscription(session, cx, one).await?;
        }
        Ok(Listing::of(ids.iter().map(|it| it.as_str().to_ascii_lowercase())))
    }

    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        if wanted.within.is_some() {
            // A service of its own: that its token was given is all that can be seen here.
            return Ok(());
        }
        let seen = subscription(session, cx, &self.subscription).await;
        seen.map(drop)
            .map_err(|error| error.context(format!("subscription {} is not reached", self.subscription)))
    }

    async fn issue(
        &self,
        wanted: &Wanted,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<Issued<AzureCredential>> {
        let audience = match &wanted.within {
            Some(service) => Audience::parse(service)?,
            None => session.place.resource_manager(),
        };
        let token = session.token(cx, &audience).await?;
        let mut credential = of_token(session, &audience, token.secret);
        credential.subscription_id = Some(self.subscription.to_string());
        if audience == session.place.resource_manager() {
            credential.endpoint = Some(session.place.url(Service::ResourceManager));
        }
        Ok(Issued::new(credential, token.expiry))
    }

    fn clients() -> Clients<Handle<Self>> {
        Clients::none().with::<AzureTokens>()
    }
}

#[cfg(test)]
#[path = "azure_generic_tests.rs"]
mod tests;
