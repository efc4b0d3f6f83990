//! Changing connectors: update, rename, enable, disable, delete.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use connector_core::{Allow, Document, Error, Result, Secret, Visibility};
use connector_store::Filter;
use connector_store::audit::Action;
use serde_json::{Map, Value};

use super::draft::{Draft, Prepared};
use super::ports::Pending;
use super::register::{keep_all, notes};
use super::{Hub, Reached};

/// What to change of a connector. What is left out stays.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Changes {
    /// Keys of the config: a new value, or `None` to take the key away.
    pub config: BTreeMap<String, Option<Value>>,
    /// Another resource type; `Some(None)` for many.
    pub resource_type: Option<Option<String>>,
    /// Another resource; `Some(None)` for many.
    pub resource_id: Option<Option<String>>,
    /// Another life of what is issued; `Some(None)` for the method's default.
    pub duration: Option<Option<Duration>>,
    /// Another end; `Some(None)` for none.
    pub expires_at: Option<Option<SystemTime>>,
    /// What is allowed, in place of what was.
    pub allow: Option<BTreeSet<Allow>>,
    /// Labels: a new value, or `None` to take the label away.
    pub labels: BTreeMap<String, Option<String>>,
    /// Another description; an empty one takes it away.
    pub description: Option<String>,
    /// Another visibility.
    pub visibility: Option<Visibility>,
}

impl Changes {
    /// A document with the changes made to it; nothing is checked, and nothing stored.
    #[must_use]
    pub fn applied_to(self, mut document: Document) -> Document {
        let mut config: Map<String, Value> = document.config;
        for (key, value) in self.config {
            match value {
                Some(value) => config.insert(key, value),
                None => config.remove(&key),
            };
        }
        document.config = config;
        for (label, value) in self.labels {
            match value {
                Some(value) => document.labels.insert(label, value),
                None => document.labels.remove(&label),
            };
        }
        if let Some(resource_type) = self.resource_type {
            document.resource_type = resource_type;
        }
        if let Some(resource_id) = self.resource_id {
            document.resource_id = resource_id;
        }
        if let Some(duration) = self.duration {
            document.duration = duration;
        }
        if let Some(expires_at) = self.expires_at {
            document.expires_at = expires_at;
        }
        if let Some(allow) = self.allow {
            document.allow = allow;
        }
        if let Some(description) = self.description {
            document.description = Some(description).filter(|it| !it.is_empty());
        }
        if let Some(visibility) = self.visibility {
            document.visibility = visibility;
        }
        document
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values of the config may be secrets.
        f.debug_struct("Changes").field("config", &self.config.keys()).finish_non_exhaustive()
    }
}

/// What was deleted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Deleted {
    /// The document as it was.
    pub document: Document,
    /// Connectors that referred to it and do not work any more.
    pub dependents: Vec<String>,
}

impl Hub {
    /// Changes a connector. A change that breaks verifying is refused unless `force`; with `verify` off
    /// nothing is called. The old version is used until the change is stored, and never after. What changes
    /// nothing stores nothing, unless somebody logged in anew.
    ///
    /// # Errors
    /// As [`Hub::register`]; a change by somebody else meanwhile.
    pub async fn update(
        &self,
        name: &str,
        changes: Changes,
        verify: bool,
        force: bool,
    ) -> Result<(Document, Vec<Reached>, Vec<String>)> {
        let updated = async {
            let old = self.get(name).await?;
            let own = self.opened.store.secrets(&old).await?;
            let Prepared { mut document, secrets, connector, warnings } =
                self.prepare(Draft::new(changes.applied_to(old.clone())), own.clone()).await?;
            let mut warnings = warnings;
            let mut reached = Vec::new();
            let pending = self.pending(&old.id);
            if verify && document.enabled {
                let cx = self.cx.with_kept(pending.clone()).with_anew(true);
                match self.reach_for_storing(&cx, &connector, &mut document).await {
                    Ok(rows) => {
                        warnings.extend(notes(&rows));
                        reached = rows;
                    }
                    Err(error) if force => {
                        warnings.push(format!("stored although it does not verify: {error}"))
                    }
                    Err(error) => {
                        return Err(error.or_hint("`--force` stores it all the same"));
                    }
                }
            }
            connector.end();
            if document == old && is_same(&secrets, &own) && !pending.has_login() {
                // Not a new version, for which all that is cached would be fetched again.
                for (key, value) in pending.take() {
                    self.opened.store.keep(&old.id, &key, &value).await?;
                }
                return Ok((old, reached, warnings));
            }
            let stored = self.store_change(&old, document, secrets, &pending).await?;
            Ok((stored, reached, warnings))
        };
        updated.await.map_err(|error: Error| error.with_connector(name))
    }

    async fn store_change(
        &self,
        old: &Document,
        document: Document,
        secrets: BTreeMap<String, Secret>,
        pending: &Pending,
    ) -> Result<Document> {
        let store = &self.opened.store;
        store.unlock().await?;
        let mut write = store.write().await?;
        self.check_references(&document).await?;
        let stored = write.update(document, Some(secrets), self.now()).await?;
        keep_all(&mut write, &stored, pending).await?;
        write.audit(&self.note(Action::Update, &stored)).await?;
        write.commit().await?;
        self.opened.end(&old.id);
        Ok(stored)
    }

    /// Gives a connector another name. What refers to it by the old one has to be changed first.
    ///
    /// # Errors
    /// A taken name, a name that is none, somebody who refers to it.
    pub async fn rename(&self, name: &str, new_name: &str) -> Result<Document> {
        let store = &self.opened.store;
        store.unlock().await?;
        let mut write = store.write().await?;
        // Under the lock: nobody can begin to refer to it any more.
        let document = self.get(name).await?;
        let dependents = self.dependents(&document).await?;
        if !dependents.is_empty() {
            return Err(referred_to(name, &dependents)
                .with_hint("update those to the new name after registering a copy, or delete them first"));
        }
        self.check_references(&Document { name: new_name.to_owned(), ..document }).await?;
        let stored = write.rename(name, new_name, self.now()).await?;
        write.audit(&self.note(Action::Rename, &stored)).await?;
        write.commit().await?;
        self.opened.end(&stored.id);
        Ok(stored)
    }

    /// Switches a connector on or off. It bites at once, also for what is cached and for native clients.
    ///
    /// # Errors
    /// [`NotFound`](connector_core::ErrorKind::NotFound); those of the store.
    pub async fn set_enabled(&self, name: &str, enabled: bool) -> Result<Document> {
        let document = self.get(name).await?;
        if document.enabled == enabled {
            return Ok(document);
        }
        let action = if enabled { Action::Enable } else { Action::Disable };
        let store = &self.opened.store;
        store.unlock().await?;
        let mut write = store.write().await?;
        let stored = write.update(Document { enabled, ..document }, None, self.now()).await?;
        write.audit(&self.note(action, &stored)).await?;
        write.commit().await?;
        self.opened.end(&stored.id);
        Ok(stored)
    }

    /// Deletes a connector and its secrets. Refused while others refer to it, unless `force`.
    ///
    /// # Errors
    /// [`NotFound`](connector_core::ErrorKind::NotFound); somebody who refers to it.
    pub async fn delete(&self, name: &str, force: bool) -> Result<Deleted> {
        let mut write = self.opened.store.write().await?;
        let document = self.get(name).await?;
        let dependents = self.dependents(&document).await?;
        if !dependents.is_empty() && !force {
            return Err(referred_to(name, &dependents)
                .with_hint("delete or update those first, or delete with `--force`: they will fail then"));
        }
        let document = write.delete(name).await?;
        write.audit(&self.note(Action::Delete, &document)).await?;
        write.commit().await?;
        self.opened.end(&document.id);
        Ok(Deleted { document, dependents })
    }

    /// The connectors that refer to this one.
    async fn dependents(&self, document: &Document) -> Result<Vec<String>> {
        let all = self.list(&Filter::default()).await?;
        let refers = |it: &&Document| {
            // A type that is not compiled in cannot be looked into; it cannot be used here either.
            it.id != document.id
                && self.registry().references(it).is_ok_and(|names| names.contains(&document.name))
        };
        Ok(all.iter().filter(refers).map(|it| it.name.clone()).collect())
    }
}

fn is_same(a: &BTreeMap<String, Secret>, b: &BTreeMap<String, Secret>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.expose() == b.1.expose())
}

fn referred_to(name: &str, dependents: &[String]) -> Error {
    Error::invalid(format!("connector `{name}` is referred to by {}", dependents.join(", ")))
        .with_connector(name)
}
