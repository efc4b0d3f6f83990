//! What the resource types share: subscriptions that are looked into, what is handed on.

use connector_core::{Call, Error, Result};
use serde::Deserialize;

use crate::credential::{AzureCredential, Shown};
use crate::names::{Audience, Cloud, Service, SubscriptionId};
use crate::session::Session;
use crate::wire::Api;

/// The version of Resource Manager's own calls.
const VERSION: &str = "2022-12-01";

/// Why there is nothing but its account for a connection string.
#[cfg(any(feature = "aks", feature = "registry"))]
pub(crate) const NO_TOKENS: &str = "it holds the key of one account, and makes no tokens of Entra ID";

/// A subscription as Resource Manager lists it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    pub(crate) subscription_id: String,
    #[serde(default)]
    pub(crate) display_name: String,
    #[serde(default)]
    state: Option<String>,
}

impl Subscription {
    /// Whether anything in it can be used.
    fn is_usable(&self) -> bool {
        !matches!(self.state.as_deref(), Some("Disabled" | "Deleted"))
    }
}

/// The subscriptions that a session looks into: the one that the connector names, which takes no call, or all that the
/// identity sees, sorted.
///
/// # Errors
/// What Resource Manager refuses.
pub(crate) async fn subscriptions(session: &Session, cx: &Call<'_>) -> Result<Vec<SubscriptionId>> {
    if let Some(one) = &session.place.subscription {
        return Ok(vec![one.clone()]);
    }
    let all = all_subscriptions(session, cx).await?;
    all.iter().map(|it| SubscriptionId::parse(it.subscription_id.as_str())).collect()
}

/// All subscriptions that the identity sees and that can be used, sorted by their ids.
///
/// # Errors
/// What Resource Manager refuses.
pub(crate) async fn all_subscriptions(session: &Session, cx: &Call<'_>) -> Result<Vec<Subscription>> {
    let list: Vec<Subscription> =
        Api::new(cx, session).arm_list("subscriptions.list", "/subscriptions", VERSION).await?;
    let mut list: Vec<_> = list.into_iter().filter(Subscription::is_usable).collect();
    list.sort_by(|a, b| a.subscription_id.cmp(&b.subscription_id));
    Ok(list)
}

/// A subscription, where the identity may see it.
///
/// # Errors
/// What Resource Manager refuses.
pub(crate) async fn subscription(
    session: &Session,
    cx: &Call<'_>,
    id: &SubscriptionId,
) -> Result<Subscription> {
    Api::new(cx, session).arm("subscriptions.get", &format!("/subscriptions/{id}"), VERSION).await
}

/// Refuses a resource of another subscription than the connector's.
pub(crate) fn in_scope(theirs: &SubscriptionId, scope: &str) -> Result<()> {
    match theirs.as_str().eq_ignore_ascii_case(scope) {
        true => Ok(()),
        false => Err(Error::field(
            "resource_id",
            format!("the resource is of subscription {theirs}, the connector is for {scope}"),
        )
        .with_hint("use a connector of that subscription")),
    }
}

/// Refuses a resource that its id puts into another cloud than the connector's.
pub(crate) fn in_cloud(theirs: Cloud, session: &Session) -> Result<()> {
    let ours = session.place.cloud;
    match theirs == ours {
        true => Ok(()),
        false => Err(Error::field(
            "resource_id",
            format!(
                "the resource is in the cloud `{}`, the connector is for `{}`",
                theirs.name(),
                ours.name()
            ),
        )
        .with_hint("use a connector of that cloud, which its `cloud` says")),
    }
}

/// What a session's token is, as a credential of its kind: nobody's account yet.
pub(crate) fn of_token(
    session: &Session,
    audience: &Audience,
    token: connector_core::Secret,
) -> AzureCredential {
    let place = &session.place;
    let mut credential = AzureCredential::new(Shown::Token { token, audience: audience.as_str().to_owned() });
    credential.tenant_id = place.tenant.as_ref().map(ToString::to_string);
    credential.subscription_id = place.subscription.as_ref().map(ToString::to_string);
    credential.cloud = place.cloud.name().to_owned();
    credential.authority = Some(place.url(Service::Authority));
    credential.ca_bundle = place.trust.as_ref().map(|it| it.said.as_str().to_owned());
    credential
}
