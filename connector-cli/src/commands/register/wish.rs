//! What a person wants registered, put together from the command line, a file, and answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use connector_core::{Allow, Context, Document, Error, Problem, Registry, Result, Visibility};
use serde_json::{Map, Value};

use super::file;
use crate::args::RegisterArgs;
use crate::faults::Faults;
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
    /// What is wrong with all this; told at the end, together with what the check of the whole finds.
    faults: Faults,
}

impl Wish {
    /// What the command line says, on top of what its file says.
    ///
    /// # Errors
    /// A file that cannot be read. All other faults wait until [`Wish::into_document`].
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
        let mut faults = std::mem::take(&mut wish.faults);
        wish.name = args.name.or(wish.name);
        wish.connector_type = args.connector_type.or(wish.connector_type);
        wish.method = args.auth_method.or(wish.method);
        wish.resource_type = args.scope.resource_type.or(wish.resource_type);
        wish.resource_id = args.scope.resource_id.or(wish.resource_id);
        wish.duration = args.duration.and_then(|it| it.take("duration", &mut faults)).or(wish.duration);
        wish.expires_at =
            args.expires_at.and_then(|it| it.take("expires_at", &mut faults)).or(wish.expires_at);
        wish.allow.extend(args.allow.into_iter().filter_map(|it| it.take("allow", &mut faults)));
        for label in args.labels.into_iter().filter_map(|it| it.take("labels", &mut faults)) {
            // As everywhere: an empty value takes it away.
            match label.value.is_empty() {
                true => wish.labels.remove(&label.key),
                false => wish.labels.insert(label.key, label.value),
            };
        }
        wish.description = args.description.or(wish.description);
        wish.visibility = args.visibility.chosen().or(wish.visibility);
        wish.words = args.values;
        wish.faults = faults;
        wish.read_words(registry);
        Ok(wish)
    }

    /// Reads the `KEY=VALUE` words, as soon as the type is known.
    pub(crate) fn read_words(&mut self, registry: &Registry) {
        let Some(connector_type) = &self.connector_type else { return };
        let shapes = Shapes::of(registry, connector_type, self.method.as_deref());
        let Some(shapes) = self.faults.keep(shapes) else { return };
        let given = values::read(&std::mem::take(&mut self.words), &shapes, &mut self.faults);
        self.exposed.extend(given.exposed.iter().cloned());
        given.apply(&mut self.config);
    }

    /// Adds a fault that was found elsewhere.
    pub(super) fn add_fault(&mut self, problem: Problem) {
        self.faults.add(problem);
    }

    /// What is wrong so far.
    ///
    /// # Errors
    /// All faults, at once.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.faults.check()
    }

    /// The wish as a draft of a document. The method may be left open only where it is going to be found.
    ///
    /// # Errors
    /// What is missing, and every other fault: of the words, of the file, and, where there are such, of the
    /// document in the eyes of `cx`.
    pub(crate) fn into_document(
        mut self,
        registry: &Registry,
        finds_method: bool,
        cx: &Context,
    ) -> Result<Document> {
        let mut faults = std::mem::take(&mut self.faults);
        if self.name.is_none() {
            faults.add(Problem::new("name", "missing: `connector register NAME …`"));
        }
        if self.connector_type.is_none() {
            faults.add(Problem::new("type", "missing: say which with `--type`"));
        }
        let known = self.connector_type.as_deref().is_some_and(|it| registry.describe(it).is_ok());
        if known && self.method.is_none() && !finds_method {
            let only = only_method(registry, self.connector_type.as_deref().unwrap_or_default());
            self.method = faults.keep(only);
        }
        faults.keep(check_placeholders(&self.config));
        let document = self.draft(cx.caller());
        if !faults.is_empty() && known && !document.method.is_empty() {
            // Nothing will be registered: what else is wrong is to be known now.
            if let Err(error) = registry.check(&document, cx) {
                faults.add_check(&error);
            }
        }
        faults.check().map(|()| document)
    }

    /// The document that was wished for so far.
    pub(crate) fn draft(&self, owner: &str) -> Document {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let mut document = Document::draft(
            text(&self.name),
            text(&self.connector_type),
            text(&self.method),
            self.config.clone(),
        );
        document.resource_type.clone_from(&self.resource_type);
        document.resource_id.clone_from(&self.resource_id);
        document.duration = self.duration;
        document.expires_at = self.expires_at;
        document.allow.clone_from(&self.allow);
        document.labels.clone_from(&self.labels);
        document.description.clone_from(&self.description);
        document.visibility = self.visibility.unwrap_or_default();
        document.owner = owner.to_owned();
        document
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
