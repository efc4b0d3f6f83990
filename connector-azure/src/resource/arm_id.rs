//! Ids of Resource Manager: `/subscriptions/S/resourceGroups/G/providers/P/T/N`.

use connector_core::{Error, Result};

use super::common::in_scope;
use crate::names::{ResourceGroup, SubscriptionId};
use crate::session::Place;
use crate::wire::part;

/// One resource in a group, of the type that is known where it is used.
///
/// Azure does not tell upper from lower case in any of the three, and its own answers spell one group now so, now
/// so. What is kept is in lower case, so that one resource has one id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ArmId {
    pub(crate) subscription: SubscriptionId,
    pub(crate) group: ResourceGroup,
    pub(crate) name: String,
}

impl ArmId {
    /// Whether a text means to be such an id, right or wrong.
    pub(crate) fn is_meant(text: &str) -> bool {
        const BEGIN: &str = "subscriptions/";
        let bare = text.strip_prefix('/').unwrap_or(text);
        bare.get(..BEGIN.len()).is_some_and(|it| it.eq_ignore_ascii_case(BEGIN))
    }

    /// Reads one of this type, such as `Microsoft.ContainerService/managedClusters`. The name is not checked.
    ///
    /// # Errors
    /// Invalid input that says what is expected.
    pub(crate) fn read(text: &str, kind: &str) -> Result<Self> {
        let other = || Error::invalid(format!("expected an id of Resource Manager of the type {kind}"));
        let bare = text.strip_prefix('/').unwrap_or(text);
        let parts: Vec<_> = bare.splitn(9, '/').collect();
        let [subscriptions, subscription, groups, group, providers, provider, of, name] = parts[..] else {
            return Err(other());
        };
        let is_said = |said: &str, word: &str| said.eq_ignore_ascii_case(word);
        let (ours, of_ours) = kind.split_once('/').unwrap_or((kind, ""));
        let words = is_said(subscriptions, "subscriptions")
            && is_said(groups, "resourceGroups")
            && is_said(providers, "providers")
            && is_said(provider, ours)
            && is_said(of, of_ours);
        match words {
            true => Self::of(subscription, group, name),
            false => Err(other()),
        }
    }

    /// One from its parts. The name is not checked.
    ///
    /// # Errors
    /// Invalid input that says which part is wrong.
    pub(crate) fn of(subscription: &str, group: &str, name: &str) -> Result<Self> {
        Ok(Self {
            subscription: SubscriptionId::parse(subscription.to_ascii_lowercase())?,
            group: ResourceGroup::parse(group.to_ascii_lowercase())?,
            name: name.to_ascii_lowercase(),
        })
    }

    /// Refuses a resource elsewhere than the connector reaches. `what` it is, is for the error.
    ///
    /// # Errors
    /// Invalid input that names both places.
    pub(crate) fn check_place(&self, what: &str, place: &Place) -> Result<()> {
        place.subscription.as_ref().map_or(Ok(()), |ours| in_scope(&self.subscription, ours.as_str()))?;
        match place.group.as_ref().filter(|ours| !ours.as_str().eq_ignore_ascii_case(self.group.as_str())) {
            None => Ok(()),
            Some(ours) => Err(Error::field(
                "resource_id",
                format!("{what} is in resource group {}, the connector is for {ours}", self.group),
            )
            .with_hint("use a connector of that group, or one without `resource_group`")),
        }
    }

    /// As a path of Resource Manager.
    pub(crate) fn path(&self, kind: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/{kind}/{}",
            self.subscription,
            part(self.group.as_str()),
            part(&self.name)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SUBSCRIPTION;

    const KIND: &str = "Microsoft.ContainerService/managedClusters";

    #[test]
    fn ids_are_read_in_any_case_and_kept_in_lower() {
        let text = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/my-(group)/providers/{KIND}/demo");
        for said in [text.clone(), text.to_uppercase(), text.to_lowercase(), text[1..].to_owned()] {
            assert!(ArmId::is_meant(&said), "{said}");
            let id = ArmId::read(&said, KIND).expect(&said);
            assert_eq!((id.group.as_str(), &*id.name), ("my-(group)", "demo"));
            let path =
                format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/my-%28group%29/providers/{KIND}/demo");
            assert_eq!(id.path(KIND), path);
        }
        for said in [
            "",
            "/",
            "subscriptions",
            &format!("{text}/"),
            &format!("{text}/agentPools/a"),
            &format!("/{text}"),
            &text.replace("managedClusters", "openShiftClusters"),
            &text.replace("resourceGroups", "groups"),
            &text.replace(SUBSCRIPTION, "mine"),
            &text.replace("my-(group)", "my group"),
        ] {
            assert!(ArmId::read(said, KIND).is_err(), "{said}");
        }
        assert!(!ArmId::is_meant("group/cluster") && !ArmId::is_meant("é/é") && !ArmId::is_meant(""));
    }
}
