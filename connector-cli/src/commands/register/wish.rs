//! What a person wants registered, put together from the command line, a file, and answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use connector_core::{Allow, Document, Error, Problem, Registry, Result, Visibility};
use serde_json::{Map, Value};

use super::file;
use crate::args::RegisterArgs;
use crate::values::{self, Shapes};

/// A connector to be; what is missing is not said yet. The config may hold secrets in clear.
#[derive(Default)]
pub(crate) struct Wish {
    pub(crate) name: Option<String>,
    pub(crate) connector_type: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) config: Map<String, Value>,
    pub(crate) resource_type: Option<String>,
    pub(crate) resource_id: Option<String>,
    pub(super) duration: Option<Duration>,
    pub(super) expires_at: Option<SystemTime>,
    pub(super) allow: BTreeSet<Allow>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) description: Option<String>,
    pub(super) visibility: Option<Visibility>,
    /// `KEY=VALUE` words that are read once the type is known.
    words: Vec<String>,
    /// Keys of secrets that stood on the command line in clear.
    pub(crate) exposed: Vec<String>,
}

impl Wish {
    /// What the command line says, on top of what its file says.
    ///
    /// # Errors
    /// A file that cannot be read; values that do not fit.
    pub(crate) fn new(mut args: RegisterArgs, registry: &Registry) -> Result<Self> {
        // Where the name may be left out, a first KEY=VALUE is no name.
        if (args.interactive || args.from_file.is_some())
            && let Some(word) = args.name.take_if(|name| name.contains('='))
        {
            args.values.insert(0, word);
        }
        let mut wish = match &args.from_file {
            Some(path) => file::read(path)?,
            None => Self::default(),
        };
        wish.name = args.name.or(wish.name);
        wish.connector_type = args.connector_type.or(wish.connector_type);
        wish.method = args.auth_method.or(wish.method);
        wish.resource_type = args.scope.resource_type.or(wish.resource_type);
        wish.resource_id = args.scope.resource_id.or(wish.resource_id);
        wish.duration = args.duration.or(wish.duration);
        wish.expires_at = args.expires_at.or(wish.expires_at);
        wish.allow.extend(args.allow);
        wish.labels.extend(args.labels.into_iter().map(|it| (it.key, it.value)));
        wish.description = args.description.or(wish.description);
        wish.visibility = args.visibility.chosen().or(wish.visibility);
        wish.words = args.values;
        wish.read_words(registry)?;
        Ok(wish)
    }

    /// Reads the `KEY=VALUE` words, as soon as the type is known.
    ///
    /// # Errors
    /// Values that do not fit; an unknown type or method.
    pub(crate) fn read_words(&mut self, registry: &Registry) -> Result<()> {
        let Some(connector_type) = &self.connector_type else { return Ok(()) };
        let shapes = Shapes::of(registry, connector_type, self.method.as_deref())?;
        let given = values::read(&std::mem::take(&mut self.words), &shapes)?;
        self.exposed.extend(given.exposed.iter().cloned());
        self.config.extend(given.into_config());
        Ok(())
    }

    /// The wish as a draft of a document. The method may be left open only where it is going to be found.
    ///
    /// # Errors
    /// What is missing: a name, a type, a method.
    pub(crate) fn into_document(
        self,
        registry: &Registry,
        finds_method: bool,
        owner: String,
    ) -> Result<Document> {
        let missing = |field: &str, hint: &str| Error::field(field, "missing").with_hint(hint);
        let name = self.name.ok_or_else(|| missing("name", "`connector register NAME …`"))?;
        let connector_type = self.connector_type.ok_or_else(|| missing("type", "say which with `--type`"))?;
        let method = match self.method {
            Some(method) => method,
            None if finds_method => String::new(),
            None => only_method(registry, &connector_type)?,
        };
        check_placeholders(&self.config)?;
        let mut document = Document::draft(name, connector_type, method, self.config);
        document.resource_type = self.resource_type;
        document.resource_id = self.resource_id;
        document.duration = self.duration;
        document.expires_at = self.expires_at;
        document.allow = self.allow;
        document.labels = self.labels;
        document.description = self.description;
        document.visibility = self.visibility.unwrap_or_default();
        document.owner = owner;
        Ok(document)
    }
}

/// The auth method of a type that has just one.
fn only_method(registry: &Registry, connector_type: &str) -> Result<String> {
    let methods: Vec<String> =
        registry.describe(connector_type)?.auth_methods.into_iter().map(|it| it.id).collect();
    match methods.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(Error::field("method", format!("missing; possible: {}", methods.join(" "))).with_hint(
            "say which with `--auth-method`, or take over what this machine is set up with: `--auto-configure`",
        )),
    }
}

/// What was printed with its secrets hidden holds none, and must not be registered as if it did.
fn check_placeholders(config: &Map<String, Value>) -> Result<()> {
    let hidden = config.iter().filter(|(_, value)| *value == "[HIDDEN]");
    let problems: Vec<_> =
        hidden.map(|(key, _)| Problem::new(key, "`[HIDDEN]` stands for a secret and is none")).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::problems("the config was printed with its secrets hidden", problems)
        .with_hint("give the secrets again, each as KEY=@FILE, KEY=env:NAME or KEY=-"))
}
