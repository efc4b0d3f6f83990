//! What is asked for.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How much a credential may do with its resource. Each level includes the ones before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// List and get. The default.
    #[default]
    Read,
    /// Also put and delete.
    Write,
    /// Also change the resource itself.
    Admin,
}

impl Access {
    /// All levels, from least to most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The level as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Access {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| Error::field("access", "not an access level: expected read, write or admin"))
    }
}

/// What is asked for: one resource, perhaps a part of it, an access level and a life.
///
/// Type and id may be left out where the connector fixes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Grant {
    /// The resource type, such as `s3-bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// The resource id in any form that the resource type accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// A part of the resource: a prefix of a bucket, a repository of a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// How much may be done; what the connector or the resource type fixes when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// How long, in seconds where written; the connector's or the method's default when left out.
    #[serde(skip_serializing_if = "Option::is_none", with = "seconds")]
    pub duration: Option<Duration>,
}

impl Grant {
    /// Asks for a resource of `resource_type` by `resource_id`.
    pub fn new(resource_type: impl Into<String>, resource_id: impl Into<String>) -> Self {
        Self {
            resource_type: Some(resource_type.into()),
            resource_id: Some(resource_id.into()),
            ..Self::default()
        }
    }

    /// Asks for the one resource of a type that has no instances.
    pub fn of_type(resource_type: impl Into<String>) -> Self {
        Self { resource_type: Some(resource_type.into()), ..Self::default() }
    }

    /// Sets the resource type.
    #[must_use]
    pub fn with_type(mut self, resource_type: impl Into<String>) -> Self {
        self.resource_type = Some(resource_type.into());
        self
    }

    /// Sets the resource id.
    #[must_use]
    pub fn with_id(mut self, resource_id: impl Into<String>) -> Self {
        self.resource_id = Some(resource_id.into());
        self
    }

    /// Asks for a part of the resource only.
    #[must_use]
    pub fn with_within(mut self, within: impl Into<String>) -> Self {
        self.within = Some(within.into());
        self
    }

    /// Asks for an access level.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Asks for a life.
    #[must_use]
    pub fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }
}

/// A resource id alone: the type is known from elsewhere.
impl From<&str> for Grant {
    fn from(resource_id: &str) -> Self {
        Self::default().with_id(resource_id)
    }
}

impl From<String> for Grant {
    fn from(resource_id: String) -> Self {
        Self::default().with_id(resource_id)
    }
}

/// The part of a grant that a resource type needs beside the id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Wanted {
    /// A part of the resource.
    pub within: Option<String>,
    /// How much may be done.
    pub access: Access,
}

impl Wanted {
    /// A whole resource at `access`.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { within: None, access }
    }

    /// Only a part of the resource.
    #[must_use]
    pub fn with_within(mut self, within: impl Into<String>) -> Self {
        self.within = Some(within.into());
        self
    }
}

/// Whole seconds in documents.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
        value.map(|it| it.as_secs()).serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_secs))
    }
}
