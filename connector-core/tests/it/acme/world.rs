//! What surrounds the connectors: the cloud's endpoint, the audit, the person, the other connectors.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use connector_core::{
    AnyConnector, Connector, Connectors, Context, Document, Error, Http, Ledger, Mint, Person, Registry,
    Request, Response, Result, Secret, Terms, VirtualClock, async_trait, format_duration, resolve_secrets,
};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{Acme, CANARY};

/// Something that can be held up and can fail.
#[derive(Clone)]
struct Gate {
    open: Arc<watch::Sender<bool>>,
    broken: Arc<AtomicBool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { open: Arc::new(watch::Sender::new(true)), broken: Arc::default() }
    }
}

impl Gate {
    async fn pass(&self, broken: Error) -> Result<()> {
        // Whoever finds it broken fails, also when it is mended while he waits.
        let fails = self.broken.load(Ordering::SeqCst);
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        if fails { Err(broken) } else { Ok(()) }
    }
}

/// The cloud's endpoint: answers every call with the next token, and remembers what was asked.
#[derive(Clone, Default)]
pub struct Cloud {
    gate: Gate,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Cloud {
    /// What was asked so far.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("no test panics with it").clone()
    }

    pub fn hold(&self) {
        self.gate.open.send_replace(false);
    }

    pub fn release(&self) {
        self.gate.open.send_replace(true);
    }

    pub fn break_down(&self, down: bool) {
        self.gate.broken.store(down, Ordering::SeqCst);
    }
}

#[async_trait]
impl Http for Cloud {
    async fn send(&self, request: Request) -> Result<Response> {
        let number = {
            let mut calls = self.calls.lock().expect("no test panics with it");
            calls.push(request.url().trim_start_matches("https://acme.test/").to_owned());
            calls.len()
        };
        self.gate.pass(Error::unreachable("acme.test: connection refused")).await?;
        Ok(Response::new(200, Vec::new(), format!("{CANARY}-token-{number}").into_bytes()))
    }
}

/// The audit, one line per mint.
#[derive(Clone, Default)]
pub struct Journal {
    gate: Gate,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Journal {
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no test panics with it").clone()
    }

    pub fn hold(&self) {
        self.gate.open.send_replace(false);
    }

    pub fn release(&self) {
        self.gate.open.send_replace(true);
    }

    pub fn break_down(&self, down: bool) {
        self.gate.broken.store(down, Ordering::SeqCst);
    }
}

#[async_trait]
impl Ledger for Journal {
    async fn record(&self, cx: &Context, mint: &Mint<'_>) -> Result<()> {
        let left = mint.expiry.left(cx.now()).map_or("never".into(), format_duration);
        let line = format!(
            "{} {} {} {} {} {left} narrowed={} ({}) long_lived={}",
            cx.caller(),
            mint.kind,
            mint.resource_id,
            mint.within.unwrap_or("-"),
            mint.access,
            mint.narrowed.is_narrowed(),
            mint.narrowed.reason(),
            mint.long_lived,
        );
        self.gate.pass(Error::store("the audit cannot be written")).await?;
        self.lines.lock().expect("no test panics with it").push(line.trim_start().to_owned());
        Ok(())
    }
}

/// A person who answers every question in the same way.
pub struct Someone;

#[async_trait]
impl Person for Someone {
    async fn ask(&self, question: &str) -> Result<Secret> {
        Ok(Secret::new(format!("{}-{CANARY}", question.len())))
    }

    async fn tell(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// Connectors by name, as a hub would hold them.
#[derive(Clone, Default)]
pub struct Hub {
    stored: Arc<Mutex<HashMap<String, Result<AnyConnector>>>>,
    opened: Arc<AtomicUsize>,
}

impl Hub {
    /// Stores a version: the one before it ends.
    pub fn put(&self, name: &str, connector: Result<AnyConnector>) {
        if let Some(Ok(old)) = self.put_elsewhere(name, connector) {
            old.end();
        }
    }

    /// Stores a version as another process does: nobody here is told.
    pub fn put_elsewhere(&self, name: &str, connector: Result<AnyConnector>) -> Option<Result<AnyConnector>> {
        self.stored.lock().expect("no test panics with it").insert(name.into(), connector)
    }

    /// How often a connector was looked up.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Connectors for Hub {
    async fn open(&self, _: &Context, name: &str) -> Result<AnyConnector> {
        let none = || Err(Error::not_found(format!("no connector `{name}`")));
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.stored.lock().expect("no test panics with it").get(name).cloned().unwrap_or_else(none)
    }
}

/// A world with all of it.
pub struct World {
    pub cloud: Cloud,
    pub clock: VirtualClock,
    pub journal: Journal,
    pub hub: Hub,
    pub cx: Context,
    pub registry: Registry,
}

impl Default for World {
    fn default() -> Self {
        let (cloud, clock) = (Cloud::default(), VirtualClock::default());
        let (journal, hub) = (Journal::default(), Hub::default());
        let cx = Context::detached(clock.clone())
            .with_http(cloud.clone())
            .with_ledger(journal.clone())
            .with_connectors(hub.clone());
        let registry = Registry::of(super::REGISTRATIONS).expect("nothing is registered twice");
        Self { cloud, clock, journal, hub, cx, registry }
    }
}

impl World {
    /// A connector that is not stored.
    pub fn connector(&self, method: impl connector_core::AuthMethod<Connector = Acme>) -> Connector<Acme> {
        Connector::new(self.cx.clone(), method)
    }

    /// The same with terms.
    pub fn with_terms(
        &self,
        method: impl connector_core::AuthMethod<Connector = Acme>,
        terms: Terms,
    ) -> Connector<Acme> {
        Connector::with_terms(self.cx.clone(), method, terms)
    }

    /// Opens a document; every reference resolves to a secret.
    pub fn open(&self, document: &Document) -> Result<AnyConnector> {
        let config = resolve_secrets(&document.config, &mut |it| Some(format!("{}-{CANARY}", it.field)))?;
        self.registry.open(document, config)
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A JSON object.
pub fn json(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Looks once whether a future is ready; no runtime.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match std::pin::Pin::new(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
