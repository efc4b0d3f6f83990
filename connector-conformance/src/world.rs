//! The surroundings that an author's provider is put into.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use connector_core::{Context, Environment, Kept, Result, Secret, VirtualClock, async_trait};

use crate::wire::{Watched, Wire};

/// Fresh surroundings, with a clock that only the kit moves. The kit makes one for every trial, hands it to the
/// function given to [`Kit::world`](crate::Kit::world), and works in the [`Context`] that comes back.
///
/// A clone is the same world: a fake provider may hold one.
#[derive(Clone)]
pub struct World {
    clock: VirtualClock,
    wire: Wire,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    variables: BTreeSet<String>,
    issued: Vec<(String, SystemTime)>,
    kept: BTreeMap<(String, String), Secret>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { clock: VirtualClock::default(), wire: Wire::default(), seen: Arc::default() }
    }

    /// A context on this world's clock that keeps what connectors keep, has an empty environment that is
    /// watched, and refuses the rest: plug the provider in with
    /// [`with_http`](Context::with_http).
    #[must_use]
    pub fn context(&self) -> Context {
        Context::detached(self.clock.clone())
            .with_environment(self.environment(HashMap::new()))
            .with_kept(Keeper(Arc::clone(&self.seen)))
    }

    /// The clock, for a provider that tells times. Leave the moving to the kit.
    #[must_use]
    pub fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    /// Environment variables that are watched, for [`Context::with_environment`].
    #[must_use]
    pub fn environment(&self, variables: HashMap<String, String>) -> impl Environment + use<> {
        Variables { variables, seen: Arc::clone(&self.seen) }
    }

    /// A provider that is not asked over HTTP calls this once for each call that it gets, so that the kit can
    /// count and fail them.
    ///
    /// # Errors
    /// When the kit has switched the provider off: the call has to fail with this.
    pub async fn upstream(&self, call: &str) -> Result<()> {
        self.wire.call(call).await
    }

    /// A provider says what it issued and how long it lives, so that the kit can tell when a connector
    /// advertises more. `secret` is the token or key itself.
    pub fn issued(&self, secret: &str, life: Duration) {
        let ends = connector_core::Clock::now(&self.clock) + life;
        self.seen().issued.push((secret.to_owned(), ends));
    }

    /// The author's context with its HTTP watched.
    pub(crate) fn watch(&self, cx: &Context) -> Context {
        let inner = cx.http();
        cx.with_http(Watched { wire: self.wire.clone(), clock: self.clock.clone(), inner })
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The environment variables that were asked for, since this was asked last.
    pub(crate) fn take_variables(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.seen().variables)
    }

    /// When the provider ends what stands in this secret, if it said so.
    pub(crate) fn provider_end(&self, secret: &str) -> Option<SystemTime> {
        self.seen().issued.iter().filter(|(it, _)| secret.contains(it.as_str())).map(|(_, end)| *end).min()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("clock", &self.clock).finish_non_exhaustive()
    }
}

struct Variables {
    variables: HashMap<String, String>,
    seen: Arc<Mutex<Seen>>,
}

impl Environment for Variables {
    fn var(&self, name: &str) -> Option<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).variables.insert(name.to_owned());
        self.variables.get(name).cloned()
    }
}

/// Keeps in memory.
struct Keeper(Arc<Mutex<Seen>>);

#[async_trait]
impl Kept for Keeper {
    async fn kept(&self, connector_id: &str, key: &str) -> Result<Option<Secret>> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(seen.kept.get(&(connector_id.to_owned(), key.to_owned())).cloned())
    }

    async fn keep(&self, connector_id: &str, key: &str, value: Secret) -> Result<()> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.kept.insert((connector_id.to_owned(), key.to_owned()), value);
        Ok(())
    }
}
