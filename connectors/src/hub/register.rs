//! Registering: check, authenticate, list what is reached, and only then store.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_core::{Candidate, Document, Error, Hints, Result, Secret};
use connector_store::Write;
use connector_store::audit::{Action, Record};
use serde_json::{Map, Value};

use super::draft::{Draft, Prepared};
use super::ports::{Pending, Port};
use super::{Hub, Reached};

/// How a draft becomes a stored connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registration {
    /// Authenticate, list what is reached, store.
    Verified,
    /// Store without any call.
    Unverified,
    /// Authenticate and list, store nothing.
    DryRun,
    /// Check only: no call, store nothing.
    UnverifiedDryRun,
}

impl Registration {
    fn verifies(self) -> bool {
        matches!(self, Self::Verified | Self::DryRun)
    }

    fn stores(self) -> bool {
        matches!(self, Self::Verified | Self::Unverified)
    }
}

/// What came of registering.
#[derive(Debug)]
#[non_exhaustive]
pub struct Registered {
    /// The document as it is stored, or would be.
    pub document: Document,
    /// What the credentials reach, by resource type; empty when nothing was called.
    pub reached: Vec<Reached>,
    /// What to know about the choice.
    pub warnings: Vec<String>,
}

impl Hub {
    /// Registers a connector. On failure nothing is stored.
    ///
    /// A connector for many types is stored when it authenticates; what it reaches of each is told. One for
    /// a single type or a single resource has to reach that.
    ///
    /// # Errors
    /// Every fault of the draft at once; those of authenticating and of the provider; a taken name.
    pub async fn register(&self, draft: Draft, how: Registration) -> Result<Registered> {
        let name = draft.document.name.clone();
        // What is no name may be something secret in the wrong place.
        let is_name = connector_core::check_name(&name).is_ok();
        let registered = self.register_unnamed(draft, how).await;
        registered.map_err(|error| if is_name { error.with_connector(name) } else { error })
    }

    async fn register_unnamed(&self, draft: Draft, how: Registration) -> Result<Registered> {
        if connector_core::check_name(&draft.document.name).is_ok() {
            self.check_free(&draft.document.name).await?;
        }
        let Prepared { mut document, secrets, connector, mut warnings } =
            self.prepare(draft, BTreeMap::new()).await?;
        let pending = self.pending("");
        let reached = if how.verifies() {
            let cx = self.cx.with_kept(pending.clone()).with_anew(true);
            self.reach_for_storing(&cx, &connector, &mut document).await?
        } else {
            Vec::new()
        };
        warnings.extend(notes(&reached));
        // What authenticating here gave belongs to the draft: the stored connector begins anew.
        connector.end();
        if document.expires_at.is_none() {
            document.expires_at = connector.method(&self.cx).2;
        }
        if how.stores() {
            document = self.store_new(document, secrets, pending).await?;
        }
        Ok(Registered { document, reached, warnings })
    }

    async fn store_new(
        &self,
        document: Document,
        secrets: BTreeMap<String, Secret>,
        pending: Pending,
    ) -> Result<Document> {
        let store = &self.opened.store;
        store.unlock().await?;
        let mut write = store.write().await?;
        // Again, now that nobody else can change what this one refers to.
        self.check_references(&document).await?;
        let stored = write.put_new(document, secrets, self.now()).await?;
        keep_all(&mut write, &stored, &pending).await?;
        write.audit(&self.note(Action::Register, &stored)).await?;
        write.commit().await?;
        Ok(stored)
    }

    /// What a draft for the connector with this id keeps meanwhile.
    pub(super) fn pending(&self, id: &str) -> Pending {
        Pending::new(id, Port::new(Arc::clone(&self.opened)))
    }

    /// An audit record of a change of a connector.
    pub(super) fn note(&self, action: Action, document: &Document) -> Record {
        Record::of(&self.cx, action).about(document)
    }

    async fn check_free(&self, name: &str) -> Result<()> {
        match self.opened.store.get(name).await? {
            None => Ok(()),
            Some(_) => Err(Error::field("name", format!("`{name}` is taken")).with_hint(format!(
                "choose another name, or change the one there is with `connector update {name}`"
            ))),
        }
    }

    /// Looks in the surroundings for ways to authenticate and chooses the best that works for `document`:
    /// its type, and its method if one is set. What the caller put into the config stays on top.
    ///
    /// # Errors
    /// What is there but broken; nothing found, with where was looked.
    pub async fn detect(&self, mut document: Document, hints: &Hints) -> Result<(Draft, Candidate)> {
        let candidates = self.registry().detect(&document.connector_type, &self.cx, hints).await?;
        let Some(best) = candidates.into_iter().next() else {
            let what = hints.method.as_deref().map(|it| format!(" for method `{it}`")).unwrap_or_default();
            return Err(Error::not_configured(format!(
                "found no way to authenticate to `{}`{what} in the surroundings",
                document.connector_type
            ))
            .with_hint(format!(
                "`connector register {} --type {} -i` asks for what is needed",
                document.name, document.connector_type
            )));
        };
        document.method = best.method.to_owned();
        let mut config: Map<String, Value> = best.config.clone();
        config.extend(std::mem::take(&mut document.config));
        document.config = config;
        document.expires_at = document.expires_at.or(best.expires_at);
        document.duration = document.duration.or(best.duration);
        Ok((Draft::new(document), best))
    }
}

/// What the provider's answers showed.
pub(super) fn notes(reached: &[Reached]) -> impl Iterator<Item = String> {
    let listings = reached.iter().filter_map(|row| row.listing.as_ref().ok());
    listings.flat_map(|listing| listing.notes.iter().cloned())
}

/// Stores what a draft kept, together with its document.
pub(super) async fn keep_all(write: &mut Write, stored: &Document, pending: &Pending) -> Result<()> {
    for (key, value) in pending.take() {
        write.keep(&stored.id, &key, Some(&value)).await?;
    }
    Ok(())
}
