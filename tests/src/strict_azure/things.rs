//! What there is: subscriptions, groups, and what lies in them.

use super::arm::{Group, LOCATION, Place, Placed, Subscription};
use super::blob::{Account, Blob};
use super::registry::{self, Registry};
use super::vault::{Vault, Version};
use super::{AksWebhook, Cluster, StrictAzure, TENANT, cosmos};
use crate::random;

use serde_json::json;

impl StrictAzure {
    /// A subscription of a tenant. Answers with its scope.
    pub fn add_subscription(&self, tenant: &str, id: &str, name: &str) -> String {
        let subscription = Subscription {
            id: id.to_owned(),
            name: name.to_owned(),
            tenant: tenant.to_owned(),
            state: "Enabled".to_owned(),
        };
        self.state().manager.subscriptions.insert(id, subscription);
        format!("/subscriptions/{id}")
    }

    /// Another state than `Enabled` for a subscription (`Disabled`, `Warned`).
    pub fn set_subscription_state(&self, id: &str, name: &str) {
        if let Some(subscription) = self.state().manager.subscriptions.get_mut(id) {
            subscription.state = name.to_owned();
        }
    }

    /// Lets nobody do anything in a subscription, whatever their roles; it stays in lists.
    pub fn close_subscription(&self, id: &str) {
        self.state().manager.closed.insert(id.to_ascii_lowercase());
    }

    /// A resource group. Answers with its scope.
    pub fn add_group(&self, subscription: &str, name: &str) -> String {
        let id = format!("/subscriptions/{subscription}/resourceGroups/{name}");
        let group = Group { id: id.clone(), name: name.to_owned(), location: LOCATION.to_owned() };
        self.state().manager.groups.insert(&id, group);
        id
    }

    /// The place of something in a group, and the tenant that it is in.
    fn place(&self, group: &str, kind: &str, name: &str) -> (Place, String) {
        let state = self.state();
        let known = state.manager.groups.get(group).expect("the resource group is there");
        let subscription = known.id.split('/').nth(2).and_then(|id| state.manager.subscriptions.get(id));
        let tenant = subscription.map_or(TENANT, |subscription| &subscription.tenant);
        let id = format!("{}/providers/{kind}/{name}", known.id);
        (Place { id, name: name.to_owned(), location: known.location.clone() }, tenant.to_owned())
    }

    /// A cluster in a group, which is named by its scope. Answers with its own scope.
    ///
    /// # Panics
    /// When there is no such group; so do all that follow.
    pub fn add_cluster(&self, group: &str, name: &str, cluster: Cluster) -> String {
        let (place, tenant) = self.place(group, "Microsoft.ContainerService/managedClusters", name);
        let id = place.id.clone();
        self.state().manager.clusters.insert(&id, Placed { place, tenant, cluster });
        id
    }

    /// What tells a cluster of [`TENANT`] who calls.
    pub fn webhook(&self) -> AksWebhook {
        AksWebhook::new(&self.state, TENANT)
    }

    /// A storage account in a group. Answers with its scope.
    pub fn add_storage_account(&self, group: &str, name: &str) -> String {
        let (place, tenant) = self.place(group, "Microsoft.Storage/storageAccounts", name);
        let id = place.id.clone();
        self.state().storage.accounts.insert(name, Account::new(place, &tenant));
        id
    }

    fn with_account<T>(&self, name: &str, change: impl FnOnce(&mut Account) -> T) -> T {
        let mut state = self.state();
        change(state.storage.accounts.get_mut(name).expect("the storage account is there"))
    }

    /// Gives an account a hierarchical namespace.
    pub fn set_hierarchical(&self, account: &str) {
        self.with_account(account, |it| it.is_hierarchical = true);
    }

    /// Takes nothing that an account's keys have signed (`allowSharedKeyAccess: false`).
    pub fn refuse_shared_keys(&self, account: &str) {
        self.with_account(account, |it| it.refuses_keys = true);
    }

    /// The first key of an account, in base64.
    pub fn account_key(&self, account: &str) -> String {
        self.with_account(account, |it| it.keys[0].clone())
    }

    /// Makes every user delegation key of an account worth nothing.
    pub fn revoke_delegation_keys(&self, account: &str) {
        self.with_account(account, |it| it.delegation = random::token(32));
    }

    /// A container in a storage account. Answers with its scope.
    pub fn add_container(&self, account: &str, name: &str) -> String {
        let now = self.now();
        self.state().storage.add_container(account, name, now);
        self.with_account(account, |it| format!("{}/blobServices/default/containers/{name}", it.place.id))
    }

    /// A blob in a container.
    pub fn put_blob(&self, account: &str, container: &str, name: &str, content: impl AsRef<[u8]>) {
        let mut state = self.state();
        let now = state.clock.now();
        let blob = Blob::new(&mut state.storage, now, content.as_ref(), "application/octet-stream");
        let account = state.storage.accounts.get_mut(account).expect("the storage account is there");
        let container = account.containers.get_mut(container).expect("the container is there");
        container.blobs.insert(name.to_owned(), blob);
    }

    /// The content of a blob.
    pub fn blob(&self, account: &str, container: &str, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let container = state.storage.accounts.get(account)?.containers.get(container)?;
        container.blobs.get(name).map(|blob| blob.content.clone())
    }

    /// Whether there is such a container.
    pub fn has_container(&self, account: &str, name: &str) -> bool {
        self.state().storage.accounts.get(account).is_some_and(|it| it.containers.contains_key(name))
    }

    /// A container registry in a group. Answers with its scope.
    pub fn add_registry(&self, group: &str, name: &str) -> String {
        let (place, tenant) = self.place(group, "Microsoft.ContainerRegistry/registries", name);
        let id = place.id.clone();
        self.state().registries.insert(name, Registry::new(place, &tenant));
        id
    }

    /// Lets a registry have an administrator. Answers with the password.
    pub fn set_registry_admin(&self, name: &str) -> String {
        let passwords = [Registry::password(), Registry::password()];
        let first = passwords[0].clone();
        if let Some(registry) = self.state().registries.get_mut(name) {
            registry.admin = Some(passwords);
        }
        first
    }

    /// Takes no tokens for the resource manager in a registry any more, only its own kind.
    pub fn refuse_manager_tokens(&self, name: &str) {
        if let Some(registry) = self.state().registries.get_mut(name) {
            registry.refuses_manager_tokens = true;
        }
    }

    /// An image without content in a registry. Answers with the digest of its manifest.
    pub fn add_image(&self, registry: &str, repository: &str, tag: &str) -> String {
        const KIND: &str = "application/vnd.oci.image.manifest.v1+json";
        let (empty, sum) = ("{}", "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        let config =
            json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sum, "size": 2 });
        let manifest = json!({ "schemaVersion": 2, "mediaType": KIND, "config": config, "layers": [],
            "annotations": { "org.opencontainers.image.ref.name": format!("{repository}:{tag}") } });
        let mut state = self.state();
        if let Some(registry) = state.registries.get_mut(registry) {
            registry.repository(repository).add_blob(sum, empty.as_bytes());
        }
        registry::put(&mut state, registry, repository, tag, KIND, manifest.to_string().as_bytes())
    }

    /// A key vault in a group. Answers with its scope.
    pub fn add_vault(&self, group: &str, name: &str) -> String {
        let (place, tenant) = self.place(group, "Microsoft.KeyVault/vaults", name);
        let id = place.id.clone();
        self.state().vaults.insert(name, Vault { place, tenant, ..Vault::default() });
        id
    }

    /// Another version of a secret in a vault. Answers with the id of the version.
    ///
    /// # Panics
    /// When there is no such vault.
    pub fn put_secret(&self, vault: &str, name: &str, value: &str) -> String {
        let mut state = self.state();
        let version = Version::new(value, state.clock.now());
        let id = version.id.clone();
        let vault = state.vaults.get_mut(vault).expect("the vault is there");
        vault.secrets.entry(name.to_owned()).or_default().push(version);
        id
    }

    /// Lets the newest version of a secret not be read.
    pub fn disable_secret(&self, vault: &str, name: &str) {
        let mut state = self.state();
        let versions = state.vaults.get_mut(vault).and_then(|vault| vault.secrets.get_mut(name));
        if let Some(newest) = versions.and_then(|versions| versions.last_mut()) {
            newest.is_enabled = false;
        }
    }

    /// The newest value of a secret.
    pub fn secret(&self, vault: &str, name: &str) -> Option<String> {
        let state = self.state();
        Some(state.vaults.get(vault)?.secrets.get(name)?.last()?.value.clone())
    }

    /// An account of Cosmos DB in a group. Answers with its scope.
    pub fn add_cosmos(&self, group: &str, name: &str) -> String {
        let (place, tenant) = self.place(group, "Microsoft.DocumentDB/databaseAccounts", name);
        let id = place.id.clone();
        self.state().cosmos.insert(name, cosmos::Account::new(place, &tenant));
        id
    }

    fn with_cosmos<T>(&self, name: &str, change: impl FnOnce(&mut cosmos::Account) -> T) -> T {
        let mut state = self.state();
        change(state.cosmos.get_mut(name).expect("the account is there"))
    }

    /// Takes no keys in an account of Cosmos DB (`disableLocalAuth`).
    pub fn refuse_cosmos_keys(&self, account: &str) {
        self.with_cosmos(account, |it| it.refuses_keys = true);
    }

    /// The first key of an account of Cosmos DB, and the first that may only read, in base64.
    pub fn cosmos_keys(&self, account: &str) -> (String, String) {
        self.with_cosmos(account, |it| (it.keys[0].clone(), it.readonly_keys[0].clone()))
    }

    /// A container in a database of Cosmos DB, which comes with it; items are divided by `partition` (`/id`).
    pub fn add_cosmos_container(&self, account: &str, database: &str, name: &str, partition: &str) {
        let container = cosmos::Container::divided_by(partition);
        self.with_cosmos(account, |it| {
            it.databases.entry(database.to_owned()).or_default().insert(name.to_owned(), container);
        });
    }
}
