//! Lists of one type of resource over all subscriptions, side by side.

use connector_core::{Call, Error, ErrorKind, Result};
use futures_util::StreamExt;
use futures_util::stream;
use serde::de::DeserializeOwned;

use super::common::subscriptions;
use crate::names::SubscriptionId;
use crate::session::Session;
use crate::wire::{Api, part};

/// How many subscriptions are asked at the same time.
const SIDE_BY_SIDE: usize = 16;

/// What was found, and which subscriptions could not be looked into.
#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) all: Vec<T>,
    /// Sorted by the subscriptions' ids.
    pub(crate) failures: Vec<(SubscriptionId, Error)>,
}

/// All resources of a type, such as `Microsoft.ContainerService/managedClusters`, as Resource Manager describes them:
/// of the subscription and the group that the connector names, else of all that the identity sees. One subscription
/// that fails hides none of the others. `call` is for errors.
///
/// # Errors
/// What Resource Manager refuses, where there is nothing but the one subscription or the list of them; a resource
/// group that is in none of them.
pub(crate) async fn resources<T: DeserializeOwned>(
    session: &Session,
    cx: &Call<'_>,
    call: &'static str,
    kind: &str,
    version: &str,
) -> Result<Found<T>> {
    let api = Api::new(cx, session);
    let group = session.place.group.as_ref();
    let path = |subscription: &SubscriptionId| match group {
        Some(group) => {
            let group = part(group.as_str());
            format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}")
        }
        None => format!("/subscriptions/{subscription}/providers/{kind}"),
    };
    if let Some(only) = &session.place.subscription {
        let all = api.arm_list(call, &path(only), version).await?;
        return Ok(Found { all, failures: Vec::new() });
    }
    let asked = subscriptions(session, cx).await?.into_iter().map(|subscription| {
        let path = path(&subscription);
        async move { (subscription, api.arm_list::<T>(call, &path, version).await) }
    });
    let mut answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE).collect().await;
    answers.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    let mut found = Found { all: Vec::new(), failures: Vec::new() };
    let mut has_group = answers.is_empty();
    for (subscription, answer) in answers {
        // A group is in one of the subscriptions as a rule, and not in the others.
        has_group |= !matches!(&answer, Err(error) if error.kind() == ErrorKind::NotFound);
        match answer {
            Ok(some) => found.all.extend(some),
            Err(error) if group.is_some() && error.kind() == ErrorKind::NotFound => {}
            Err(error) => found.failures.push((subscription, error)),
        }
    }
    match group {
        Some(group) if !has_group => Err(Error::not_found(format!(
            "no subscription that the identity sees has a resource group `{group}`"
        ))
        .with_hint("check `resource_group`")),
        _ => Ok(found),
    }
}
