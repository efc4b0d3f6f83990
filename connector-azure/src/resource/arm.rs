//! What Resource Manager says of resources that have a service of their own: their ids, and lists of all of a kind.

use connector_core::{Call, Error, ErrorKind, Listing, Result};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::common::{in_scope, subscriptions};
use crate::names::{ResourceGroup, SubscriptionId};
use crate::session::Session;
use crate::wire::{Api, part};

/// How many places are asked at a time.
pub(crate) const SIDE_BY_SIDE: usize = 16;

/// `/subscriptions/{s}/resourceGroups/{g}/providers/{p}/{kind}/{name}` and, for parts of a resource, further pairs of
/// kind and name.
pub(crate) struct ArmId<'a> {
    pub(crate) subscription: SubscriptionId,
    pub(crate) group: ResourceGroup,
    provider: &'a str,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> ArmId<'a> {
    /// Reads an id of Resource Manager's; `None` where the text is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let bare = text.strip_prefix('/').unwrap_or(text);
        // An id has few parts: what is longer need not be read to its end.
        let mut parts = bare.splitn(16, '/');
        let mut next = |word: &str| {
            let is_it = parts.next()?.eq_ignore_ascii_case(word);
            parts.next().filter(|it| is_it && !it.is_empty())
        };
        let subscription = SubscriptionId::parse(next("subscriptions")?).ok()?;
        let group = ResourceGroup::parse(next("resourceGroups")?).ok()?;
        let provider = next("providers")?;
        let mut pairs = Vec::new();
        while let Some(kind) = parts.next() {
            pairs.push((kind, parts.next().filter(|it| !it.is_empty())?));
        }
        Some(Self { subscription, group, provider, pairs })
    }

    /// The names, where it is an id of just these kinds below this provider. Resource Manager does not tell upper from
    /// lower case here.
    pub(crate) fn names<const N: usize>(&self, provider: &str, kinds: [&str; N]) -> Option<[&'a str; N]> {
        let is_it = self.provider.eq_ignore_ascii_case(provider)
            && self.pairs.len() == N
            && self.pairs.iter().zip(kinds).all(|((kind, _), wanted)| kind.eq_ignore_ascii_case(wanted));
        is_it.then(|| std::array::from_fn(|at| self.pairs[at].1))
    }

    /// Refuses a resource outside of what the connector names.
    ///
    /// # Errors
    /// Invalid input that names both places.
    pub(crate) fn check(&self, session: &Session) -> Result<()> {
        in_place(&self.subscription, &self.group, session)
    }
}

/// Refuses a resource of another subscription or another group than the connector names.
///
/// # Errors
/// Invalid input that names both places.
pub(crate) fn in_place(
    subscription: &SubscriptionId,
    group: &ResourceGroup,
    session: &Session,
) -> Result<()> {
    let place = &session.place;
    if let Some(scope) = &place.subscription {
        in_scope(subscription, scope.as_str())?;
    }
    let other = place.group.as_ref().filter(|it| !it.as_str().eq_ignore_ascii_case(group.as_str()));
    match other {
        None => Ok(()),
        Some(ours) => Err(Error::field(
            "resource_id",
            format!("the resource is of group {group}, the connector is for {ours}"),
        )
        .with_hint("use a connector of that group, or one without `resource_group`")),
    }
}

/// The path of a resource of a kind, such as `Microsoft.KeyVault/vaults`.
#[cfg(any(feature = "aks", feature = "registry"))]
pub(crate) fn path(subscription: &SubscriptionId, group: &ResourceGroup, kind: &str, name: &str) -> String {
    let (group, name) = (part(group.as_str()), part(name));
    format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")
}

/// What was found of a kind.
#[derive(Debug)]
pub(crate) struct Found {
    /// The names, sorted and without doubles.
    pub(crate) names: Vec<String>,
    /// Subscriptions that could not be looked into.
    pub(crate) failures: Vec<(SubscriptionId, Error)>,
}

impl Found {
    /// The subscriptions that could not be looked into, beside what was found in the others.
    pub(crate) fn told_in(self, listing: Listing) -> Listing {
        told_in(self.failures, listing)
    }
}

/// The subscriptions that could not be looked into, beside what was found in the others.
pub(crate) fn told_in(failures: Vec<(SubscriptionId, Error)>, listing: Listing) -> Listing {
    failures
        .into_iter()
        .fold(listing, |listing, (subscription, error)| listing.with_failure(subscription.as_str(), error))
}

/// What keeps one that was found from being the one that is meant: a place that gave no answer just now may have
/// another of its name. A place that the identity may not look into has none that it could mean.
pub(crate) fn unanswered<P>(failures: &[(P, Error)]) -> Option<&(P, Error)> {
    failures.iter().find(|(_, error)| error.is_transient())
}

/// The names of all resources of a kind, such as `Microsoft.KeyVault/vaults`, that stand where the connector looks.
/// `is_it` is asked about each one's `kind`, which some have.
///
/// # Errors
/// As [`resources`].
pub(crate) async fn names_of(
    session: &Session,
    cx: &Call<'_>,
    call: &'static str,
    kind: &str,
    version: &str,
    is_it: fn(&str) -> bool,
) -> Result<Found> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
        #[serde(default)]
        kind: String,
    }
    let (found, failures) = resources::<Named>(session, cx, call, kind, version).await?;
    let mut names: Vec<_> = found.into_iter().filter(|it| is_it(&it.kind)).map(|it| it.name).collect();
    names.sort();
    names.dedup();
    Ok(Found { names, failures })
}

/// All resources of a kind, as they are described, that stand where the connector looks: in its group, its subscription,
/// or all that the identity sees, side by side. Beside them the subscriptions that could not be looked into, sorted: one
/// that fails hides none of the others.
///
/// # Errors
/// What Resource Manager refuses, where there is one place only; a resource group that is in no place.
pub(crate) async fn resources<T: DeserializeOwned>(
    session: &Session,
    cx: &Call<'_>,
    call: &'static str,
    kind: &str,
    version: &str,
) -> Result<(Vec<T>, Vec<(SubscriptionId, Error)>)> {
    let api = Api::new(cx, session);
    let group = session.place.group.as_ref();
    let below = match group {
        Some(group) => format!("resourceGroups/{}/providers/{kind}", part(group.as_str())),
        None => format!("providers/{kind}"),
    };
    let places = subscriptions(session, cx).await?;
    let is_one = places.len() == 1;
    let below = below.as_str();
    let asked = places.into_iter().map(|subscription| async move {
        let path = format!("/subscriptions/{subscription}/{below}");
        let found = api.arm_list::<T>(call, &path, version).await;
        (subscription, found)
    });
    let mut answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE).collect().await;
    answers.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    // A group is in one of the subscriptions, and not in the others.
    let mut without_group = 0;
    let places = answers.len();
    for (subscription, found) in answers {
        match found {
            Ok(found) => all.extend(found),
            Err(error) if is_one => return Err(error),
            Err(error) if group.is_some() && error.kind() == ErrorKind::NotFound => without_group += 1,
            Err(error) => failures.push((subscription, error)),
        }
    }
    match group {
        Some(group) if without_group > 0 && without_group == places => Err(Error::not_found(format!(
            "no subscription that the identity sees has a resource group `{group}`"
        ))
        .with_hint("check `resource_group`")),
        _ => Ok((all, failures)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{place, session_at};
    use super::*;
    use crate::session::Place;
    use crate::testing::SUBSCRIPTION;

    fn id() -> String {
        format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/zen/providers/Microsoft.KeyVault/vaults/v/secrets/s"
        )
    }

    #[test]
    fn ids_of_resource_manager_are_read_in_any_case() {
        for text in [id(), id()[1..].to_owned(), id().to_uppercase()] {
            let read = ArmId::parse(&text).expect("an id");
            let names = read.names("microsoft.keyvault", ["Vaults", "secrets"]).expect("of a secret");
            assert!(names[0].eq_ignore_ascii_case("v") && names[1].eq_ignore_ascii_case("s"));
            assert!(read.names("Microsoft.KeyVault", ["vaults"]).is_none(), "of another kind");
            assert!(
                read.names("Microsoft.DocumentDB", ["vaults", "secrets"]).is_none(),
                "another provider's"
            );
        }
    }

    #[test]
    fn what_is_no_id_of_resource_manager_is_none() {
        let id = id();
        for text in [
            "",
            "/",
            "//subscriptions",
            "/subscriptions/x/resourceGroups/zen/providers/p/vaults/v",
            id.trim_end_matches("/s"),
            &format!("{id}/"),
            &id.replace("resourceGroups", "resourceGroup"),
            &id.replace("/zen/", "//"),
            &id.replace("/zen/", "/../"),
            &id.replace("/v/", "//"),
            &format!("https:/{id}"),
        ] {
            assert!(ArmId::parse(text).is_none(), "{text}");
        }
        // However long it is: few parts are told apart, and names are checked by who takes them.
        let long = format!("{id}{}", "/a/b".repeat(100_000));
        assert!(ArmId::parse(&long).is_none_or(|it| it.pairs.len() < 8));
    }

    #[test]
    fn another_subscription_and_another_group_are_refused() {
        let id = id();
        let read = ArmId::parse(&id).expect("an id");
        let group = |name| Some(ResourceGroup::parse(name).expect("a group"));
        read.check(&session_at(Place { subscription: None, ..place() })).expect("no place is named");
        read.check(&session_at(Place { group: group("ZEN"), ..place() })).expect("the same");
        let error = read.check(&session_at(Place { group: group("other"), ..place() })).expect_err("another");
        assert!(error.message().contains("of group zen, the connector is for other"), "{error}");
        let other = SubscriptionId::parse("bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee").expect("an id");
        let error =
            read.check(&session_at(Place { subscription: Some(other), ..place() })).expect_err("another");
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
}
