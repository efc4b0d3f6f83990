//! From what a person gives to a document that can be stored: checked whole, secrets apart, id canonical.

use std::collections::BTreeMap;

use connector_core::{
    AnyConnector, Document, Error, Identity, MethodAbout, Problem, Registry, Result, Secret, SecretRef,
    Visibility,
};
use serde_json::Value;

use super::Hub;

/// A connector as a person gives it: the config still holds secrets in clear.
#[derive(Clone)]
pub struct Draft {
    /// The document; its config may hold secrets, references, and `authentication_secret`.
    pub document: Document,
}

impl Draft {
    /// A draft with a config that may hold secrets.
    #[must_use]
    pub fn new(document: Document) -> Self {
        Self { document }
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The config is left out: it may hold secrets in clear.
        f.debug_struct("Draft")
            .field("name", &self.document.name)
            .field("type", &self.document.connector_type)
            .field("method", &self.document.method)
            .finish_non_exhaustive()
    }
}

/// The key by which a config takes over all fields of another connector's secret.
const WHOLE_SECRET: &str = "authentication_secret";

/// A draft that passed every check which needs no call.
pub(super) struct Prepared {
    pub(super) document: Document,
    /// The connector's own secrets, as they will be stored.
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) connector: AnyConnector,
    pub(super) warnings: Vec<String>,
}

impl Hub {
    /// Checks a draft without any call to a provider. `own` are the secrets that are stored for it already.
    pub(super) async fn prepare(&self, draft: Draft, mut own: BTreeMap<String, Secret>) -> Result<Prepared> {
        let mut document = draft.document;
        let registry = self.registry();
        self.expand_whole_secret(&mut document).await?;
        registry.check(&document, &self.cx)?;
        canonical_id(registry, &mut document)?;
        own.extend(registry.split_secrets(
            &document.connector_type,
            &document.method,
            &mut document.config,
        )?);
        // What is not in the config any more is not kept either.
        own.retain(|field, _| document.config.contains_key(field));
        let connector = self.opened.parse(&document, own.clone()).await?;
        self.check_references(&document).await?;
        let (_, method, _) = connector.method(&self.cx);
        let warnings = warnings(&method, &document);
        Ok(Prepared { document, secrets: own, connector, warnings })
    }

    /// `authentication_secret=NAME` stands for one reference per field of that connector's secret.
    async fn expand_whole_secret(&self, document: &mut Document) -> Result<()> {
        let Some(name) = document.config.remove(WHOLE_SECRET) else { return Ok(()) };
        let wrong =
            |message: String| Error::problems(message.clone(), vec![Problem::new(WHOLE_SECRET, message)]);
        let name = name.as_str().ok_or_else(|| wrong("expected the name of a connector".into()))?.to_owned();
        let other = self.opened.store.get(&name).await?;
        let other = other.ok_or_else(|| wrong(format!("there is no connector `{name}`")))?;
        let stored = self.opened.store.secrets(&other).await?;
        let fields = self.registry().fields(&document.connector_type, &document.method)?;
        let mut some = false;
        for field in fields.iter().filter(|field| stored.contains_key(&field.name)) {
            some = true;
            let reference = SecretRef { connector: Some(name.clone()), field: field.name.clone() };
            document.config.entry(&field.name).or_insert_with(|| Value::String(reference.to_string()));
        }
        if some {
            return Ok(());
        }
        Err(wrong(format!("the secret of `{name}` has no field that method `{}` takes", document.method)))
    }

    /// Everyone referred to exists, is of the right type, and does not refer back.
    pub(super) async fn check_references(&self, document: &Document) -> Result<()> {
        for field in self.registry().fields(&document.connector_type, &document.method)? {
            let name = document.config.get(&field.name).and_then(Value::as_str);
            let (Some(wanted), Some(name)) = (&field.connector, name) else { continue };
            let other = self
                .opened
                .document(name)
                .await
                .map_err(|_| Error::field(&field.name, format!("there is no connector `{name}`")))?;
            if other.connector_type != *wanted {
                let message = format!("`{name}` is of type `{}`, not `{wanted}`", other.connector_type);
                return Err(Error::field(&field.name, message));
            }
        }
        for name in self.registry().references(document)? {
            let other = self.opened.document(&name).await?;
            let family = self.opened.family(&other).await?;
            if name == document.name || family.iter().any(|it| it.name == document.name) {
                return Err(Error::invalid(format!(
                    "`{}` and `{name}` would each need the other to authenticate",
                    document.name
                ))
                .with_hint("a connector cannot take its identity from itself, directly or not"));
            }
        }
        Ok(())
    }
}

fn canonical_id(registry: &Registry, document: &mut Document) -> Result<()> {
    let (Some(resource_type), Some(id)) = (&document.resource_type, &document.resource_id) else {
        return Ok(());
    };
    let parsed = registry.parse(&document.connector_type, resource_type, id)?;
    if let Some(part) = parsed.within {
        return Err(Error::field(
            "resource_id",
            format!("names the part `{}` of a resource, and a connector is for a whole one", shown(&part)),
        )
        .with_hint("leave the part out here, and ask for it with `--within` when issuing"));
    }
    document.partial = parsed.partial;
    document.resource_id = Some(parsed.id);
    Ok(())
}

/// A part of an id in a message: bounded, and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(80).map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}

/// What to tell a person who chooses this.
fn warnings(method: &MethodAbout, document: &Document) -> Vec<String> {
    let says_itself = method.warning.is_some();
    let mut warnings: Vec<String> = method.warning.map(str::to_owned).into_iter().collect();
    if method.identity == Identity::User && document.visibility == Visibility::Shared {
        warnings.push(format!(
            "method `{}` carries a person's identity, and a shared connector lends it to everybody in the workspace; prefer a service identity",
            document.method
        ));
    }
    if method.implicit && !says_itself {
        warnings.push(
            "the identity is that of this machine: elsewhere, and in containers, the same connector is somebody else or nobody".into(),
        );
    }
    if document.config.get("insecure") == Some(&Value::Bool(true)) {
        warnings.push(
            "TLS certificates are not verified: whoever is on the way can read and change everything".into(),
        );
    }
    warnings
}
