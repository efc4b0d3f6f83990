use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use super::arm::Manager;
use super::blob::Storage;
use super::cosmos;
use super::entra::Directory;
use super::identity::Grant;
use super::managed::Managed;
use super::registry::Registry;
use super::vault::Vault;
use crate::clock::Clock;

/// All that the twin knows.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The twin's own URL.
    pub(super) base: String,
    pub(super) clock: Clock,
    /// How long access tokens live; the service's own lives when not set.
    pub(super) life: Option<Duration>,
    /// A test's limit on how much a page holds, whatever is asked.
    pub(super) largest_page: Option<usize>,
    /// The end of the paths of calls that are answered together, and what they wait at.
    pub(super) meeting: Option<(String, Arc<Barrier>)>,
    pub(super) directory: Directory,
    pub(super) grants: Vec<Grant>,
    /// Every token that was issued.
    pub(super) issued: Vec<String>,
    pub(super) revoked: BTreeSet<String>,
    /// Every user delegation key that was given out.
    pub(super) delegation_keys: Vec<String>,
    pub(super) managed: Managed,
    pub(super) manager: Manager,
    pub(super) storage: Storage,
    /// By name, as the next two.
    pub(super) registries: Named<Registry>,
    pub(super) vaults: Named<Vault>,
    pub(super) cosmos: Named<cosmos::Account>,
}

impl State {
    /// How long something lives that the service would let live so long.
    pub(super) fn life(&self, usual: Duration) -> Duration {
        self.life.unwrap_or(usual)
    }

    /// One page of `all`, which are in order of their keys, and where the next one begins: the key of its first entry.
    pub(super) fn page<T>(
        &self,
        all: impl IntoIterator<Item = (String, T)>,
        size: usize,
        start: Option<&str>,
    ) -> (Vec<T>, Option<String>) {
        let size = self.largest_page.map_or(size, |largest| size.min(largest)).max(1);
        let mut left = all.into_iter().filter(|(key, _)| start.is_none_or(|start| key.as_str() >= start));
        let page = left.by_ref().take(size).map(|(_, item)| item).collect();
        (page, left.next().map(|(key, _)| key))
    }
}

/// Entries by a name whose case means nothing.
#[derive(Debug, Clone)]
pub(super) struct Named<T>(BTreeMap<String, T>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Named<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.0.get(&name.to_lowercase())
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.0.get_mut(&name.to_lowercase())
    }

    pub(super) fn insert(&mut self, name: &str, value: T) {
        self.0.insert(name.to_lowercase(), value);
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }
}
