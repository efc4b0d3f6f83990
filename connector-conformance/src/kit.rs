//! What an author calls.

use std::fmt;
use std::sync::Arc;

use connector_core::{Context, Credential, Envelope, Fields, Registration, Registry, Result};
use serde_json::{Map, Value};

use crate::checks;
use crate::report::{Exception, Findings, Report};
use crate::rule::Rule;
use crate::world::World;

/// The examples that a connector is tried with, and the rules that it shall keep.
///
/// Build it from the registrations, add examples, and [`run`](Kit::run) it, or let
/// [`assert`](Kit::assert) fail the test. What needs no example is checked for everything that is registered.
pub struct Kit {
    pub(crate) registry: Result<Registry>,
    pub(crate) examples: Vec<Example>,
    pub(crate) ids: Vec<Ids>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) stable: Option<Vec<String>>,
    pub(crate) world: Option<MakeWorld>,
    exceptions: Vec<Exception>,
}

pub(crate) type MakeWorld = Arc<dyn Fn(&World) -> Context + Send + Sync>;

/// A config that works.
#[derive(Clone)]
pub(crate) struct Example {
    pub(crate) connector_type: String,
    pub(crate) method: String,
    pub(crate) config: Map<String, Value>,
}

/// Ids of one resource type.
pub(crate) struct Ids {
    pub(crate) connector_type: String,
    pub(crate) resource_type: String,
    pub(crate) texts: Vec<String>,
    pub(crate) parts: Vec<String>,
}

/// A kind, as far as the kit has to know it.
pub(crate) struct Kind {
    pub(crate) id: &'static str,
    pub(crate) import: fn(&Envelope) -> Result<Fields>,
}

impl Kit {
    /// A kit for what a crate registers.
    #[must_use]
    pub fn of(registrations: &[Registration]) -> Self {
        Self::with(Registry::of(registrations))
    }

    /// A kit for everything in a registry.
    #[must_use]
    pub fn with_registry(registry: Registry) -> Self {
        Self::with(Ok(registry))
    }

    fn with(registry: Result<Registry>) -> Self {
        Self {
            registry,
            examples: Vec::new(),
            ids: Vec::new(),
            kinds: Vec::new(),
            stable: None,
            world: None,
            exceptions: Vec::new(),
        }
    }

    /// An example of a method's config, secrets in clear: use [`canary`](crate::canary) for them. A method may
    /// have several.
    #[must_use]
    pub fn method(mut self, connector_type: &str, method: &str, config: Value) -> Self {
        let config = config.as_object().cloned().unwrap_or_default();
        let (connector_type, method) = (connector_type.to_owned(), method.to_owned());
        self.examples.push(Example { connector_type, method, config });
        self
    }

    /// Examples of a resource type's ids, in every accepted form. In a world, credentials are issued for the
    /// first two.
    #[must_use]
    pub fn resource(mut self, connector_type: &str, resource_type: &str, ids: &[&str]) -> Self {
        let texts = ids.iter().map(|it| (*it).to_owned());
        self.ids_of(connector_type, resource_type).texts.extend(texts);
        self
    }

    /// Examples of parts of a resource: what may stand in `within`.
    #[must_use]
    pub fn parts(mut self, connector_type: &str, resource_type: &str, parts: &[&str]) -> Self {
        let parts = parts.iter().map(|it| (*it).to_owned());
        self.ids_of(connector_type, resource_type).parts.extend(parts);
        self
    }

    fn ids_of(&mut self, connector_type: &str, resource_type: &str) -> &mut Ids {
        let is_it = |it: &Ids| it.connector_type == connector_type && it.resource_type == resource_type;
        let at = self.ids.iter().position(is_it).unwrap_or_else(|| {
            let (connector_type, resource_type) = (connector_type.to_owned(), resource_type.to_owned());
            self.ids.push(Ids { connector_type, resource_type, texts: Vec::new(), parts: Vec::new() });
            self.ids.len() - 1
        });
        &mut self.ids[at]
    }

    /// A kind of credential that is issued, for the rules about envelopes.
    #[must_use]
    pub fn kind<C: Credential>(mut self) -> Self {
        let import = |envelope: &Envelope| {
            let mut fields = Fields::default();
            envelope.open::<C>()?.credential.export(&mut fields);
            Ok(fields)
        };
        self.kinds.push(Kind { id: C::KIND, import });
        self
    }

    /// The ids that documents out there hold, for [`Rule::IDS_STAY`]: `type forge`, `method forge/personal-key`,
    /// `resource forge/repository`, `kind forge-ticket`. A wrong list is answered with the right one.
    #[must_use]
    pub fn stable_ids(mut self, ids: &[&str]) -> Self {
        self.stable = Some(ids.iter().map(|it| (*it).to_owned()).collect());
        self
    }

    /// The surroundings to issue in: a function that plugs the author's own provider into a fresh context. It is
    /// called for every trial, so that no trial knows of another.
    ///
    /// ```
    /// # use connector_conformance::Kit;
    /// # use connector_core::{Error, Http, Request, Response, Result, async_trait};
    /// struct Provider;
    /// #[async_trait]
    /// impl Http for Provider {
    ///     async fn send(&self, request: Request) -> Result<Response> {
    ///         Ok(Response::new(404, Vec::new(), Vec::new()))
    ///     }
    /// }
    /// let kit = Kit::of(&[]).world(|world| world.context().with_http(Provider));
    /// ```
    #[must_use]
    pub fn world(mut self, make: impl Fn(&World) -> Context + Send + Sync + 'static) -> Self {
        self.world = Some(Arc::new(make));
        self
    }

    /// Excuses one rule in one place, which is spelt as a failure spells it. The reason is told with the report;
    /// an exception that excuses nothing is itself a failure.
    #[must_use]
    pub fn except(mut self, rule: Rule, place: &str, why: &str) -> Self {
        self.exceptions.push(Exception { rule, place: place.to_owned(), why: why.to_owned() });
        self
    }

    /// Checks every rule, and reports all that was found together.
    pub async fn run(&self) -> Report {
        let mut findings = Findings::default();
        match &self.registry {
            Ok(registry) => checks::all(self, registry, &mut findings).await,
            Err(error) => {
                let place = "the registrations";
                findings.fail(Rule::EXAMPLES_ARE_GIVEN, place, format!("they make no registry: {error}"));
            }
        }
        findings.into_report(&self.exceptions)
    }

    /// As [`run`](Kit::run), for a test.
    ///
    /// # Panics
    /// With the whole report, when a rule does not hold.
    pub async fn assert(&self) {
        let report = self.run().await;
        assert!(report.is_clean(), "{report}");
    }

    pub(crate) fn example_ids(&self, connector_type: &str, resource_type: &str) -> Option<&Ids> {
        self.ids.iter().find(|it| it.connector_type == connector_type && it.resource_type == resource_type)
    }
}

impl Example {
    /// The place where it is reported.
    pub(crate) fn place(&self) -> String {
        format!("method {}/{}", self.connector_type, self.method)
    }
}

impl Kind {
    /// Imports and exports again.
    pub(crate) fn again(&self, envelope: &Envelope) -> Result<Fields> {
        crate::drive::survive(|| (self.import)(envelope))
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit")
            .field("registry", &self.registry)
            .field("examples", &self.examples.iter().map(Example::place).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
