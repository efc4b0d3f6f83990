//! Credential Access Boundaries: Google's language for "less than everything", which Cloud Storage alone keeps.
//!
//! A boundary is generated for one bucket, or for a part of it, and sent to the Security Token Service, which gives a
//! token that may do what the account may *and* the boundary allows. Shapes, roles and limits are those of Google's
//! documentation on downscoping.

mod evaluate;
mod expression;
mod roles;

use connector_core::{Access, KeyPrefix, Right, Withheld};
use serde_json::{Value, json};

use crate::names::BucketName;

pub use evaluate::Request;

/// What a token for Cloud Storage may do at most: some roles on one bucket, or on a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary {
    bucket: BucketName,
    part: Option<KeyPrefix>,
    access: Access,
}

impl Boundary {
    /// Allows `access` to a bucket, or to a part of it.
    #[must_use]
    pub fn new(bucket: BucketName, part: Option<KeyPrefix>, access: Access) -> Self {
        Self { bucket, part, access }
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &BucketName {
        &self.bucket
    }

    /// The roles whose permissions it allows.
    #[must_use]
    pub fn roles(&self) -> &'static [&'static str] {
        roles::of(self.access, self.part.is_some())
    }

    /// The bucket in the words of IAM.
    fn resource(&self) -> String {
        format!("//storage.googleapis.com/projects/_/buckets/{}", self.bucket)
    }

    /// The condition that keeps it to a part: the objects of the part, and lists of them.
    fn condition(&self) -> Option<String> {
        let part = self.part.as_ref()?;
        let objects = format!("projects/_/buckets/{}/objects/", self.bucket);
        let below = expression::quoted(&format!("{objects}{}", part.folder()));
        let listed = expression::quoted(&part.folder());
        let object = part.object().map(|it| expression::quoted(&format!("{objects}{it}")));
        let object = object.map(|it| format!("resource.name == {it} || ")).unwrap_or_default();
        Some(format!(
            "{object}resource.name.startsWith({below}) || \
             api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith({listed})"
        ))
    }

    /// The `options` of the exchange.
    #[must_use]
    pub fn to_json(&self) -> String {
        let roles: Vec<_> = self.roles().iter().map(|role| format!("inRole:{role}")).collect();
        let mut rule = json!({ "availableResource": self.resource(), "availablePermissions": roles });
        if let Some(condition) = self.condition() {
            rule["availabilityCondition"] = json!({ "expression": condition });
        }
        let boundary: Value = json!({ "accessBoundary": { "accessBoundaryRules": [rule] } });
        boundary.to_string()
    }

    /// What it allows, for people.
    pub(crate) fn rights(&self) -> Right {
        let right =
            Right::new(self.carries().into_iter().map(str::to_owned).collect(), vec![self.resource()]);
        match self.condition() {
            Some(condition) => right.when(condition),
            None => right,
        }
    }

    /// The permissions of the resource type that it lets through.
    pub(crate) fn carries(&self) -> Vec<&'static str> {
        let mut all = roles::permissions(self.access);
        all.retain(|it| roles::hold(self.roles(), it) && !(self.part.is_some() && roles::is_of_bucket(it)));
        all
    }

    /// The permissions of the resource type that it does not let through, and why.
    pub(crate) fn withheld(&self) -> Vec<Withheld> {
        let carried = self.carries();
        let (listing, others): (Vec<_>, Vec<_>) = roles::permissions(self.access)
            .into_iter()
            .filter(|it| !carried.contains(it))
            .partition(|it| *it == roles::LIST_BUCKETS);
        let because = |actions: Vec<_>, why| (!actions.is_empty()).then(|| Withheld::new(actions, why));
        [
            because(listing, "it is for listing alone, and tells of every bucket of the project"),
            because(others, "it attaches to the whole bucket, and a part was asked for"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

pub(crate) use roles::permissions;

#[cfg(test)]
mod tests;
