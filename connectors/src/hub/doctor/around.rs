//! The world while a connector is looked at: calls are bounded and counted, nobody is asked, nothing new is kept,
//! and no session that is open already stands in.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use connector_core::{
    AnyConnector, Clock, Connectors, Context, Error, Http, Kept, Person, Request, Response, Result, Secret,
    async_trait, format_duration,
};

use super::super::open::{Opened, check_usable};

/// From here on two clocks are said to differ: an answer's date has no fractions, and is on its way for a while.
const APART: Duration = Duration::from_secs(60);

/// How far a provider's clock is from ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Skew {
    pub(super) apart: Duration,
    /// Whether ours is ahead.
    pub(super) ahead: bool,
    /// Who answered.
    pub(super) origin: String,
}

/// What the calls for one connector showed, and what is left for them.
pub(super) struct Seen {
    clock: Arc<dyn Clock>,
    calls: AtomicUsize,
    metadata_left: Mutex<Duration>,
    skew: Mutex<Option<Skew>>,
}

impl Seen {
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn skew(&self) -> Option<Skew> {
        lock(&self.skew).clone()
    }

    fn note(&self, answer: &Response, origin: &str, sent: SystemTime) {
        // What a cache kept is of another time.
        if let Some(theirs) = answer.date().filter(|_| answer.header("age").is_none())
            && let Some(found) = skew(theirs, sent, self.clock.now(), origin)
        {
            let mut skew = lock(&self.skew);
            if skew.as_ref().is_none_or(|it| it.apart < found.apart) {
                *skew = Some(found);
            }
        }
    }
}

/// How far `theirs` is from the time between sending and being answered, where that is worth telling.
fn skew(theirs: SystemTime, sent: SystemTime, answered: SystemTime, origin: &str) -> Option<Skew> {
    let (apart, ahead) = match sent.duration_since(theirs) {
        Ok(apart) if !apart.is_zero() => (apart, true),
        _ => (theirs.duration_since(answered).unwrap_or_default(), false),
    };
    (apart > APART).then(|| Skew { apart, ahead, origin: origin.to_owned() })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// HTTP with a limit for every call, and one for all calls of a connector to metadata services together: where there
/// is none, nobody answers.
pub(super) struct Bounded {
    inner: Arc<dyn Http>,
    call: Duration,
    metadata: Duration,
    seen: Arc<Seen>,
}

impl Bounded {
    pub(super) fn new(cx: &Context, call: Duration, metadata: Duration) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen {
            clock: cx.clock(),
            calls: AtomicUsize::new(0),
            metadata_left: Mutex::new(metadata),
            skew: Mutex::default(),
        });
        (Self { inner: cx.http(), call, metadata, seen: Arc::clone(&seen) }, seen)
    }
}

#[async_trait]
impl Http for Bounded {
    async fn send(&self, request: Request) -> Result<Response> {
        let left = match request.is_to_metadata() {
            true => *lock(&self.seen.metadata_left),
            false => self.call,
        };
        let origin = request.origin().to_owned();
        if left.is_zero() {
            return Err(Error::unreachable(format!(
                "{origin} is not asked: metadata services have used up the {} that they are given here",
                format_duration(self.metadata)
            ))
            .with_hint("is this machine where the connector's method works?")
            // Asking again would only take longer.
            .transient(false));
        }
        let (limit, to_metadata) =
            (request.timeout().map_or(left, |own| own.min(left)), request.is_to_metadata());
        let sent = self.seen.clock.now();
        self.seen.calls.fetch_add(1, Ordering::Relaxed);
        let outcome = self.inner.send(request.with_timeout(limit)).await;
        if to_metadata {
            let took = self.seen.clock.now().duration_since(sent).unwrap_or_default();
            let mut left = lock(&self.seen.metadata_left);
            *left = left.saturating_sub(took);
            // As it is: whether nobody is there, and a chain goes on, is for the method to say.
            return outcome;
        }
        if let Ok(answer) = &outcome {
            self.seen.note(answer, &origin, sent);
        }
        outcome
    }
}

/// Nobody is there to be asked: many connectors are looked at at once.
pub(super) struct Nobody;

#[async_trait]
impl Person for Nobody {
    async fn ask(&self, question: &str) -> Result<Secret> {
        Err(Error::refused(format!("it needs a person for the {question}, and the doctor asks nobody"))
            .with_hint("`connector verify NAME` asks for it"))
    }

    async fn tell(&self, _: &str) -> Result<()> {
        Err(Error::refused("it needs a person to log in, and the doctor asks nobody")
            .with_hint("`connector verify NAME` lets you log in"))
    }
}

/// What connectors keep: read as it is. What one would keep anew is forgotten afterwards; what the provider renewed in
/// place of what is kept is kept for good, as the old one may have ended with that.
pub(super) struct Renewals {
    stored: Arc<dyn Kept>,
    anew: Mutex<BTreeMap<(String, String), Secret>>,
}

impl Renewals {
    pub(super) fn new(stored: impl Kept + 'static) -> Self {
        Self { stored: Arc::new(stored), anew: Mutex::default() }
    }
}

#[async_trait]
impl Kept for Renewals {
    async fn kept(&self, connector_id: &str, key: &str) -> Result<Option<Secret>> {
        let anew = lock(&self.anew).get(&(connector_id.to_owned(), key.to_owned())).cloned();
        match anew {
            Some(value) => Ok(Some(value)),
            None => self.stored.kept(connector_id, key).await,
        }
    }

    async fn keep(&self, connector_id: &str, key: &str, value: Secret) -> Result<()> {
        if self.stored.kept(connector_id, key).await?.is_some() {
            return self.stored.keep(connector_id, key, value).await;
        }
        lock(&self.anew).insert((connector_id.to_owned(), key.to_owned()), value);
        Ok(())
    }

    async fn keep_login(&self, cx: &Context, key: &str, value: Secret) -> Result<()> {
        // Nobody was asked, so nobody logged in for good.
        lock(&self.anew).insert((cx.terms().id.clone(), key.to_owned()), value);
        Ok(())
    }
}

/// The other connectors, parsed anew: an open session proves nothing about the stored secret. All that are looked at
/// together share what is opened here.
#[derive(Clone)]
pub(super) struct Anew {
    opened: Arc<Opened>,
    connectors: Arc<tokio::sync::Mutex<HashMap<String, AnyConnector>>>,
}

impl Anew {
    pub(super) fn new(opened: &Arc<Opened>) -> Self {
        Self { opened: Arc::clone(opened), connectors: Arc::default() }
    }
}

#[async_trait]
impl Connectors for Anew {
    async fn open(&self, cx: &Context, name: &str) -> Result<AnyConnector> {
        let mut connectors = self.connectors.lock().await;
        if let Some(open) = connectors.get(name) {
            return Ok(open.clone());
        }
        let document = self.opened.document(name).await?;
        for member in self.opened.family(&document).await? {
            check_usable(&member, cx.now())?;
        }
        let own = self.opened.store.secrets(&document).await?;
        let connector = self.opened.parse(&document, own).await?;
        connector.confirm(cx.now());
        connectors.insert(name.to_owned(), connector.clone());
        Ok(connector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_when_the_answer_s_date_lies_outside_of_the_call() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let told = |theirs, sent, answered| {
            skew(at(theirs), at(sent), at(answered), "https://x").map(|it| (it.apart.as_secs(), it.ahead))
        };
        assert_eq!(told(1000, 1000, 1000), None);
        assert_eq!(told(1000, 1059, 1060), None, "under a minute");
        assert_eq!(told(1040, 1000, 1300), None, "a slow call is no wrong clock");
        assert_eq!(told(1000, 1061, 1061), Some((61, true)));
        assert_eq!(told(2000, 1000, 1001), Some((999, false)));
    }
}
