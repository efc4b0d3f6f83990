//! The kinds of resources that are known, and how each is shown.

use serde_json::{Value, json};

use super::super::state::State;
use super::Place;

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cluster,
    Registry,
    StorageAccount,
    Vault,
    Cosmos,
}

const ALL: [Kind; 5] = [Kind::Cluster, Kind::Registry, Kind::StorageAccount, Kind::Vault, Kind::Cosmos];

impl Kind {
    /// The kind of that provider and type, in whatever case.
    pub(super) fn of(provider: &str, kind: &str) -> Option<Self> {
        let name = format!("{provider}/{kind}");
        ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(&name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cluster => "Microsoft.ContainerService/managedClusters",
            Self::Registry => "Microsoft.ContainerRegistry/registries",
            Self::StorageAccount => "Microsoft.Storage/storageAccounts",
            Self::Vault => "Microsoft.KeyVault/vaults",
            Self::Cosmos => "Microsoft.DocumentDB/databaseAccounts",
        }
    }

    /// All resources of the kind, in the order of their ids.
    pub(super) fn all(self, state: &State) -> Vec<(String, Value)> {
        let entry = |place: &Place, more: Value| (place.id.to_lowercase(), self.shown(place, more));
        let mut all: Vec<_> = match self {
            Self::Cluster => {
                let all = state.manager.clusters.values();
                all.map(|it| entry(&it.place, it.cluster.shown(state, &it.place))).collect()
            }
            Self::StorageAccount => {
                state.storage.accounts.values().map(|it| entry(&it.place, it.shown())).collect()
            }
            Self::Registry => state.registries.values().map(|it| entry(&it.place, it.shown())).collect(),
            Self::Vault => state.vaults.values().map(|it| entry(&it.place, it.shown())).collect(),
            Self::Cosmos => state.cosmos.values().map(|it| entry(&it.place, it.shown())).collect(),
        };
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    fn shown(self, place: &Place, more: Value) -> Value {
        let mut told = json!({
            "id": place.id, "name": place.name, "type": self.name(), "location": place.location, "tags": {},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            told[name] = value.clone();
        }
        told
    }
}
