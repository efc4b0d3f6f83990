//! One trial: a fresh world, and a connector opened in it from an example.

use std::time::{Duration, SystemTime};

use connector_core::{
    Allow, AnyConnector, AnyHandle, Context, Document, Envelope, Error, Grant, MethodEntry, Registry,
    ResourceEntry, Result, VirtualClock, resolve_secrets,
};
use serde_json::{Map, Value};

use crate::canary::Secrets;
use crate::drive::{caught, survive};
use crate::kit::{Example, Ids, Kit, MakeWorld};
use crate::shown;
use crate::world::World;

/// An example as it is stored: references where its secrets were.
pub(crate) fn document(registry: &Registry, example: &Example) -> Result<Document> {
    let mut config = example.config.clone();
    registry.split_secrets(&example.connector_type, &example.method, &mut config)?;
    Ok(Document::draft("conformance", &*example.connector_type, &*example.method, config))
}

/// Surroundings without anything, for what calls nobody.
pub(crate) fn nowhere() -> Context {
    Context::detached(VirtualClock::default()).with_implicit(true)
}

/// Opens a document with the secrets of an example in place of its references.
pub(crate) fn open(registry: &Registry, document: &Document, example: &Example) -> Result<AnyConnector> {
    let config = resolve_secrets(&document.config, &mut |it| {
        example.config.get(&it.field).and_then(Value::as_str).map(str::to_owned)
    })?;
    survive(|| registry.open(document, config))
}

/// The secrets of an example config: all of them.
pub(crate) fn secrets_of(registry: &Registry, example: &Example) -> Vec<(String, String)> {
    let fields = registry.fields(&example.connector_type, &example.method).unwrap_or_default();
    let secret = fields.into_iter().filter(|it| it.secret);
    secret
        .filter_map(|it| Some((it.name.clone(), example.config.get(&it.name)?.as_str()?.to_owned())))
        .collect()
}

/// One example config with one resource type.
#[derive(Clone)]
pub(crate) struct Case<'a> {
    pub(crate) kit: &'a Kit,
    pub(crate) registry: &'a Registry,
    pub(crate) example: &'a Example,
    pub(crate) method: MethodEntry,
    pub(crate) resource: ResourceEntry,
    pub(crate) ids: &'a Ids,
    /// The secrets of the config.
    pub(crate) secrets: Secrets,
    /// The connector's owner allows long-lived credentials.
    pub(crate) long_lived: bool,
    make: &'a MakeWorld,
}

impl<'a> Case<'a> {
    pub(crate) fn new(
        kit: &'a Kit,
        registry: &'a Registry,
        make: &'a MakeWorld,
        example: &'a Example,
        ids: &'a Ids,
    ) -> Result<Self> {
        let method = registry.describe_method(&example.connector_type, &example.method)?;
        let resource = registry.describe_resource(&example.connector_type, &ids.resource_type)?;
        let mut secrets = Secrets::default();
        for (name, secret) in secrets_of(registry, example) {
            secrets.add(format!("the config's `{name}`"), &secret);
        }
        Ok(Self { kit, registry, example, method, resource, ids, secrets, long_lived: false, make })
    }

    /// The place where it is reported.
    pub(crate) fn place(&self) -> String {
        format!("{}, resource type {}", self.example.place(), self.resource.id)
    }

    /// A grant for an example id.
    pub(crate) fn grant(&self, id: &str) -> Grant {
        Grant::new(&*self.resource.id, id)
    }

    /// A grant for the first example id.
    pub(crate) fn first(&self) -> Grant {
        self.grant(self.ids.texts.first().map_or("", String::as_str))
    }

    /// A trial.
    pub(crate) fn bench(&self) -> Result<Bench> {
        let world = World::new();
        let cx = world.watch(&(self.make)(&world));
        let mut document = document(self.registry, self.example)?;
        if self.long_lived {
            document.allow.insert(Allow::LongLived);
        }
        let connector = open(self.registry, &document, self.example)?;
        let began = cx.now();
        Ok(Bench { world, cx, connector, document, began })
    }

    /// A trial in which one credential is issued.
    pub(crate) async fn issue(&self, grant: Grant) -> Result<(Bench, Result<Sample>)> {
        let bench = self.bench()?;
        let sample = bench.sample(grant).await;
        Ok((bench, sample))
    }

    /// The secret that an error shows, if it shows one.
    pub(crate) fn leak_in(&self, error: &Error) -> Option<String> {
        self.secrets.find(&shown::all_of(error))
    }
}

/// A connector in a world of its own.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) cx: Context,
    pub(crate) connector: AnyConnector,
    pub(crate) document: Document,
    pub(crate) began: SystemTime,
}

/// What was issued, and from where.
pub(crate) struct Sample {
    pub(crate) handle: AnyHandle,
    pub(crate) envelope: Envelope,
}

impl Bench {
    /// A handle. Panics become errors.
    pub(crate) async fn handle(&self, grant: Grant) -> Result<AnyHandle> {
        caught(self.connector.resource(&self.cx, grant)).await
    }

    /// A handle and a credential. Panics become errors.
    pub(crate) async fn sample(&self, grant: Grant) -> Result<Sample> {
        let handle = self.handle(grant).await?;
        let envelope = caught(handle.envelope()).await?;
        Ok(Sample { handle, envelope })
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.world.wire().count()
    }

    /// How long ago it began.
    pub(crate) fn after(&self, seconds: u64) -> SystemTime {
        self.began + Duration::from_secs(seconds)
    }

    /// When the config itself ends what it gives, if it does.
    pub(crate) fn source_ends(&self) -> Option<SystemTime> {
        self.connector.method(&self.cx).2
    }
}

/// A config without its values, to put others in.
pub(crate) fn with(config: &Map<String, Value>, field: &str, value: Value) -> Map<String, Value> {
    let mut config = config.clone();
    config.insert(field.to_owned(), value);
    config
}
