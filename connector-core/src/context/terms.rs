//! What a connector's document says about what may be issued from it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::{Allow, Document};

/// What holds for everything issued from one connector, apart from how it authenticates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The stored connector's id; empty when it is not stored.
    pub id: String,
    /// Its name; empty when it is not stored.
    pub name: String,
    /// Its version; 0 when it is not stored.
    pub version: u64,
    /// The one resource type that it serves; `None` when it serves all of its connector type.
    pub resource_type: Option<String>,
    /// The one resource that it serves, in any accepted form; `None` when it serves many.
    pub resource_id: Option<String>,
    /// What its owner allows beyond the default.
    pub allow: BTreeSet<Allow>,
    /// The life of what it issues, in place of the method's default.
    pub duration: Option<Duration>,
    /// After this time it issues nothing, and nothing it issued is advertised for longer.
    pub expires_at: Option<SystemTime>,
}

impl Terms {
    /// Serves one resource type only.
    #[must_use]
    pub fn with_resource_type(mut self, resource_type: impl Into<String>) -> Self {
        self.resource_type = Some(resource_type.into());
        self
    }

    /// Serves one resource only.
    #[must_use]
    pub fn with_resource_id(mut self, resource_id: impl Into<String>) -> Self {
        self.resource_id = Some(resource_id.into());
        self
    }

    /// Allows something that is refused by default.
    #[must_use]
    pub fn with_allow(mut self, allow: Allow) -> Self {
        self.allow.insert(allow);
        self
    }

    /// Sets the life of what is issued, in place of the method's default.
    #[must_use]
    pub fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Sets the end after which nothing is issued.
    #[must_use]
    pub fn with_end(mut self, end: SystemTime) -> Self {
        self.expires_at = Some(end);
        self
    }
}

impl From<&Document> for Terms {
    fn from(document: &Document) -> Self {
        Self {
            id: document.id.clone(),
            name: document.name.clone(),
            version: document.version,
            resource_type: document.resource_type.clone(),
            resource_id: document.resource_id.clone(),
            allow: document.allow.clone(),
            duration: document.duration,
            expires_at: document.expires_at,
        }
    }
}
