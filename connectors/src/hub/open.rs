//! What is open: parsed connectors by id and version, and the documents that shaped them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use connector_core::{
    AnyConnector, Context, Document, Error, ErrorKind, Grant, Registry, Result, Secret, format_time,
    resolve_secrets,
};
use connector_store::{Cache, Dependency, Store};
use serde_json::{Map, Value};

use super::flight::Flights;
use super::notice::Notices;
use super::sealed::Answer;

/// The state behind a hub. It holds no context, so that what is cached keeps nothing alive.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) registry: Registry,
    /// What is being issued just now.
    pub(super) flights: Flights<Answer>,
    /// What went wrong beside it.
    pub(super) notices: Notices,
    connectors: Mutex<HashMap<String, Version>>,
}

/// One parsed connector and all that it was made from: itself and everyone it takes its identity from.
#[derive(Clone, Debug)]
struct Version {
    made_from: Vec<Dependency>,
    /// What the surroundings said of each one's identity: when they change, so does who this is.
    identities: Vec<String>,
    connector: AnyConnector,
}

impl Opened {
    pub(super) fn new(store: Store, registry: Registry) -> Self {
        Self {
            store,
            registry,
            flights: Flights::default(),
            notices: Notices::default(),
            connectors: Mutex::default(),
        }
    }

    pub(super) fn cache(&self) -> &Cache {
        self.store.cache()
    }

    pub(super) async fn document(&self, name: &str) -> Result<Document> {
        self.store.get(name).await?.ok_or_else(|| {
            Error::not_found(format!("no connector `{name}`"))
                .with_hint("`connector list` shows the connectors there are")
                .with_connector(name)
        })
    }

    /// A document and, after it, every one that it refers to, directly or not.
    pub(super) async fn family(&self, document: &Document) -> Result<Vec<Document>> {
        let mut family = vec![document.clone()];
        let mut next = 0;
        while next < family.len() {
            for name in self.registry.references(&family[next])? {
                if family.iter().all(|it| it.name != name) {
                    let referred = self.document(&name).await.map_err(|error| {
                        error.context(format!("connector `{}` refers to `{name}`", family[next].name))
                    })?;
                    family.push(referred);
                }
            }
            next += 1;
        }
        Ok(family)
    }

    /// Opens a connector as it is now, or takes the open one if nothing changed.
    pub(super) async fn open(&self, cx: &Context, name: &str) -> Result<AnyConnector> {
        self.open_as(cx, &self.document(name).await?).await
    }

    /// As [`Opened::open`], with the document that was read just now.
    pub(super) async fn open_as(&self, cx: &Context, document: &Document) -> Result<AnyConnector> {
        let family = self.family(document).await?;
        for member in &family {
            check_usable(member, cx.now())?;
        }
        let made_from: Vec<Dependency> = family.iter().map(Dependency::from).collect();
        let identities =
            family.iter().map(|it| self.registry.identity(it, cx)).collect::<Result<Vec<_>>>()?;
        let open = self.connectors.lock().unwrap_or_else(PoisonError::into_inner).get(&document.id).cloned();
        if let Some(open) = open.filter(|it| it.made_from == made_from && it.identities == identities) {
            open.connector.confirm(cx.now());
            return Ok(open.connector);
        }
        let own = self.store.secrets(document).await?;
        let connector = self.parse(document, own).await?;
        connector.confirm(cx.now());
        let version = Version { made_from, identities, connector: connector.clone() };
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = connectors.insert(document.id.clone(), version) {
            old.connector.end();
        }
        Ok(connector)
    }

    /// Parses a document with its own secrets. Those of a stored one come from [`Store::secrets`], which also
    /// shows that the document is the one that was stored.
    pub(super) async fn parse(
        &self,
        document: &Document,
        own: BTreeMap<String, Secret>,
    ) -> Result<AnyConnector> {
        let config = self.resolve(document, own).await?;
        self.registry.open(document, config).map_err(|error| error.with_connector(&*document.name))
    }

    async fn resolve(
        &self,
        document: &Document,
        own: BTreeMap<String, Secret>,
    ) -> Result<Map<String, Value>> {
        let mut others: HashMap<String, BTreeMap<String, Secret>> = HashMap::new();
        for name in self.registry.references(document)? {
            if let Some(other) = self.store.get(&name).await? {
                let secrets = self.store.secrets(&other).await?;
                others.insert(name, secrets);
            }
        }
        resolve_secrets(&document.config, &mut |reference| {
            let secrets = match &reference.connector {
                None => &own,
                Some(name) => others.get(name)?,
            };
            secrets.get(&reference.field).map(|secret| secret.expose().to_owned())
        })
    }

    /// Who of those that the open connector with this id was made from is not what he was: the id of one
    /// that changed, is new, or is gone. `None` when all are the same, or nothing is open.
    pub(super) fn changed_of(&self, id: &str, family: &[Document]) -> Option<String> {
        let connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let made_from = &connectors.get(id)?.made_from;
        let now: Vec<Dependency> = family.iter().map(Dependency::from).collect();
        let differs = made_from.iter().find(|it| !now.contains(it));
        differs.or_else(|| now.iter().find(|it| !made_from.contains(it))).map(|it| it.id.clone())
    }

    /// Nothing more is issued from what was open of this connector, or of those that depend on it.
    pub(super) fn end(&self, id: &str) {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        connectors.retain(|_, version| {
            let depends = version.made_from.iter().any(|it| it.id == id);
            if depends {
                version.connector.end();
            }
            !depends
        });
    }

    /// A grant with what the document fixes; both have to agree.
    pub(super) fn complete(&self, document: &Document, grant: Grant) -> Result<Grant> {
        let resource_type = match self.resource_type(document, grant.resource_type.as_deref())? {
            Some(resource_type) => resource_type,
            None => match self.registry.resource_types(&document.connector_type)?.as_slice() {
                [only] => {
                    self.registry.supports(document, only)?;
                    (*only).to_owned()
                }
                types => {
                    return Err(Error::field(
                        "resource_type",
                        format!("missing: connector `{}` serves {}", document.name, types.join(", ")),
                    )
                    .with_hint("say which with `--resource-type`"));
                }
            },
        };
        let id = self.complete_id(document, &resource_type, grant.resource_id.as_deref())?;
        let mut grant = grant.with_type(resource_type);
        grant.resource_id = id;
        Ok(grant)
    }

    /// The resource type that a document fixes or a caller asks for; both have to agree, and the method has
    /// to work for it.
    pub(super) fn resource_type(&self, document: &Document, asked: Option<&str>) -> Result<Option<String>> {
        let chosen = match (document.resource_type.as_deref(), asked) {
            (Some(fixed), Some(asked)) if fixed != asked => {
                let message = format!("connector `{}` serves `{fixed}` only", document.name);
                return Err(Error::field("resource_type", message));
            }
            (fixed, asked) => fixed.or(asked),
        };
        chosen.map_or(Ok(()), |it| self.registry.supports(document, it))?;
        Ok(chosen.map(str::to_owned))
    }

    fn complete_id(
        &self,
        document: &Document,
        resource_type: &str,
        asked: Option<&str>,
    ) -> Result<Option<String>> {
        let parse = |text: &str| self.registry.parse(&document.connector_type, resource_type, text);
        match (document.resource_id.as_deref(), asked) {
            (Some(fixed), Some(asked)) => {
                let parsed = parse(asked)?;
                if !parsed.partial && !document.partial && parsed.id != fixed {
                    return Err(Error::field(
                        "resource_id",
                        format!("connector `{}` serves `{fixed}` only", document.name),
                    ));
                }
                // As it was asked: it may name a part, or have to be completed and compared by a call.
                Ok(Some(asked.to_owned()))
            }
            (Some(fixed), None) => Ok(Some(fixed.to_owned())),
            (None, Some(asked)) => Ok(Some(asked.to_owned())),
            (None, None) if self.registry.has_instances(&document.connector_type, resource_type)? => {
                Err(Error::field("resource_id", format!("missing: connector `{}` reaches many", document.name))
                    .with_hint(format!(
                        "say which with `--resource-id`; `connector list-resources --connector {} --resource-type {resource_type}` shows them",
                        document.name
                    )))
            }
            (None, None) => Ok(None),
        }
    }
}

/// A connector issues nothing while it is disabled or after its end.
pub(super) fn check_usable(document: &Document, now: SystemTime) -> Result<()> {
    let name = &document.name;
    let error = if !document.enabled {
        Error::new(ErrorKind::Disabled, format!("connector `{name}` is disabled"))
            .with_hint(format!("`connector enable {name}` switches it on again"))
    } else if let Some(end) = document.expires_at.filter(|end| *end <= now) {
        Error::expired(format!("connector `{name}` ended at {}", format_time(end)))
            .with_hint(format!("`connector update {name} --expires-at TIME` sets a later end"))
    } else {
        return Ok(());
    };
    Err(error.with_connector(name))
}
