//! One value that ends and is renewed by whoever needs it: no task, no daemon, one call for many callers.

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use crate::{Authenticated, Context, Credential, Error, Expiry, Issued, Result};

/// Something that ends.
pub trait Expires {
    /// When it ends.
    fn expiry(&self) -> &Expiry;

    /// How long before its end its users already want the next one.
    fn early(&self) -> Duration {
        Duration::from_secs(60)
    }
}

impl<S> Expires for Authenticated<S> {
    fn expiry(&self) -> &Expiry {
        &self.expiry
    }
}

impl<C: Credential> Expires for Issued<C> {
    fn expiry(&self) -> &Expiry {
        &self.expiry
    }

    fn early(&self) -> Duration {
        C::EARLY
    }
}

/// How long a failed early renewal is not tried again.
const PAUSE: Duration = Duration::from_secs(15);

/// How long what was refused is not refused again: a provider that takes nothing must not cost a call each time.
const REFUSALS_APART: Duration = Duration::from_secs(15);

/// How far a clock may be set back before what was counted with it is renewed.
const SET_BACK: Duration = Duration::from_secs(60);

/// When a value that is good from `born` until `end` is renewed.
///
/// Before `soft` everybody takes it. From `soft` on one caller renews it while the others go on. From
/// `hard` on all wait for the next one. Both windows are capped by a share of the life, so that a value
/// of a minute is not born stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// From here on one caller renews.
    pub soft: SystemTime,
    /// From here on all wait.
    pub hard: SystemTime,
    /// Never used from here on.
    pub end: SystemTime,
}

impl Windows {
    /// The windows of a life. `early` is how long before the end users want the next one; `jitter`, from
    /// 0 to 1, spreads the renewals of many values that began together.
    #[must_use]
    pub fn new(born: SystemTime, end: SystemTime, early: Duration, jitter: f64) -> Self {
        let born = born.min(end);
        let life = end.duration_since(born).unwrap_or_default();
        let jitter = if (0.0..=1.0).contains(&jitter) { jitter } else { 0.5 };
        let share = life.mul_f64(0.5 + 0.3 * jitter);
        let soft = share.min(life.saturating_sub(early)).max(life / 2);
        let margin = Duration::from_secs(60).max(life / 20).min(life / 4);
        Self { soft: born + soft, hard: (end - margin).max(born + soft), end }
    }
}

struct Held<T> {
    value: Arc<T>,
    born: SystemTime,
    windows: Option<Windows>,
    /// Which landing brought it; tells waiters whether something landed since they came.
    landing: u64,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), born: self.born, windows: self.windows, landing: self.landing }
    }
}

#[derive(PartialEq, Eq)]
enum State {
    /// Everybody takes it.
    Fresh,
    /// One caller renews it, the others take it.
    Soft,
    /// Everybody waits for the next one; it is good if that fails.
    Hard,
    /// Nobody takes it.
    Past,
}

impl<T> Held<T> {
    /// Where `now` lies in its life, for a caller who wants it to last for `need`.
    fn state(&self, need: Duration, now: SystemTime) -> State {
        let Some(windows) = self.windows else { return State::Fresh };
        let left = windows.end.duration_since(now).unwrap_or_default();
        if left.is_zero() {
            return State::Past;
        }
        // A clock that was set back would make it last longer than its provider says.
        let set_back = self.born.duration_since(now).is_ok_and(|by| by > SET_BACK);
        if left < need || set_back || now >= windows.hard {
            State::Hard
        } else if now >= windows.soft {
            State::Soft
        } else {
            State::Fresh
        }
    }

    fn is_past(&self, now: SystemTime) -> bool {
        self.state(Duration::ZERO, now) == State::Past
    }
}

struct Failed {
    error: Error,
    landing: u64,
    at: SystemTime,
}

/// A cell for one value that is renewed on use.
///
/// It holds no context and no way to fetch: both come with the call, so that what is cached keeps nothing
/// alive. The flight is an async mutex: a caller that is cancelled lets the next one in.
pub struct Refreshing<T> {
    held: RwLock<Option<Held<T>>>,
    failed: RwLock<Option<Failed>>,
    refused_at: RwLock<Option<SystemTime>>,
    landings: AtomicU64,
    flight: Mutex<()>,
}

impl<T> Default for Refreshing<T> {
    fn default() -> Self {
        Self {
            held: RwLock::new(None),
            failed: RwLock::new(None),
            refused_at: RwLock::new(None),
            landings: AtomicU64::new(0),
            flight: Mutex::new(()),
        }
    }
}

impl<T> fmt::Debug for Refreshing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshing").field("windows", &self.windows()).finish_non_exhaustive()
    }
}

impl<T> Refreshing<T> {
    /// The windows of what is held; `None` when nothing is, or it does not end.
    #[must_use]
    pub fn windows(&self) -> Option<Windows> {
        self.held().and_then(|held| held.windows)
    }

    fn held(&self) -> Option<Held<T>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets `value`, which the provider takes no more although it has not ended: the next caller fetches.
    /// Does nothing when something else is held by now, or when something was refused a moment ago. Says
    /// whether it forgot.
    pub fn refused(&self, value: &Arc<T>, now: SystemTime) -> bool {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if !held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.value, value)) {
            return false;
        }
        let mut refused_at = self.refused_at.write().unwrap_or_else(PoisonError::into_inner);
        // Not "before a time to come": a clock that is set back would make it last.
        if refused_at.is_some_and(|at| now.duration_since(at).is_ok_and(|since| since < REFUSALS_APART)) {
            return false;
        }
        *refused_at = Some(now);
        *held = None;
        true
    }

    /// Forgets what is held: the next caller fetches.
    pub fn clear(&self) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<T: Expires> Refreshing<T> {
    /// What is held, if it needs no renewal yet. Neither waits nor allocates.
    #[must_use]
    pub fn peek(&self, cx: &Context) -> Option<Arc<T>> {
        self.peek_at(cx.now())
    }

    /// [`peek`](Self::peek) for who has looked at the clock already.
    pub(crate) fn peek_at(&self, now: SystemTime) -> Option<Arc<T>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = held.as_ref().filter(|held| held.state(Duration::ZERO, now) == State::Fresh)?;
        Some(Arc::clone(&fresh.value))
    }

    /// What is held, renewed where it is time to. See [`Windows`] for who waits.
    ///
    /// # Errors
    /// Those of `fetch`, when nothing that is still good is held. All who waited get the same error; who
    /// comes later tries again.
    pub async fn get<F>(&self, cx: &Context, fetch: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        self.get_lasting(cx, Duration::ZERO, fetch).await
    }

    /// As [`get`](Refreshing::get), and renews too what would not last for `need`.
    ///
    /// # Errors
    /// As [`get`](Refreshing::get).
    pub async fn get_lasting<F>(
        &self,
        cx: &Context,
        need: Duration,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let now = cx.now();
        let seen = self.landings.load(Ordering::Acquire);
        let held = self.held();
        if let Some(held) = &held {
            match held.state(need, now) {
                State::Fresh => return Ok(Arc::clone(&held.value)),
                // What failed a moment ago is left alone while there is something good.
                State::Soft | State::Hard if self.is_paused(now) => return Ok(Arc::clone(&held.value)),
                State::Soft => {
                    let Ok(_flight) = self.flight.try_lock() else { return Ok(Arc::clone(&held.value)) };
                    if self.landings.load(Ordering::Acquire) != seen {
                        return Ok(self.held().map_or_else(|| Arc::clone(&held.value), |held| held.value));
                    }
                    return self.land_or_keep(cx, Some(held), fetch).await;
                }
                State::Hard | State::Past => {}
            }
        }
        let _flight = self.flight.lock().await;
        match self.landed_since(seen, cx.now()) {
            Some(answer) => answer,
            None => self.land_or_keep(cx, held.as_ref(), fetch).await,
        }
    }

    fn is_paused(&self, now: SystemTime) -> bool {
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        // Not "before a time to come": a clock that is set back would make the pause endless.
        failed.as_ref().is_some_and(|failed| now.duration_since(failed.at).is_ok_and(|since| since < PAUSE))
    }

    /// What the flight brought that this caller waited for; `None` when it is this caller's turn.
    fn landed_since(&self, seen: u64, now: SystemTime) -> Option<Result<Arc<T>>> {
        if self.landings.load(Ordering::Acquire) == seen {
            return None;
        }
        let held = self.held().filter(|held| !held.is_past(now));
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        match (held, failed.as_ref()) {
            (Some(held), _) if held.landing > seen => Some(Ok(held.value)),
            (Some(held), Some(_)) => Some(Ok(held.value)),
            (None, Some(failed)) if failed.landing > seen => Some(Err(failed.error.clone())),
            _ => None,
        }
    }

    /// Fetches; what is held stays the answer to a failure until its real end. The caller holds the flight.
    async fn land_or_keep<F>(
        &self,
        cx: &Context,
        held: Option<&Held<T>>,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let result = self.land(cx, fetch).await;
        // The attempt may have taken until after that end.
        match held.filter(|held| result.is_err() && !held.is_past(cx.now())) {
            Some(held) => Ok(Arc::clone(&held.value)),
            None => result,
        }
    }

    /// Fetches and keeps. The caller holds the flight.
    async fn land<F>(&self, cx: &Context, fetch: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let born = cx.now();
        let result = within_deadline(cx, fetch()).await.and_then(|value| {
            if value.expiry().is_past(cx.now()) {
                return Err(Error::expired("the provider answered with a credential that has already ended")
                    .with_hint("check this machine's clock"));
            }
            Ok(value)
        });
        let landing = self.landings.load(Ordering::Acquire) + 1;
        let outcome = match result {
            Ok(value) => {
                let windows =
                    value.expiry().at().map(|end| Windows::new(born, end, value.early(), jitter(landing)));
                let value = Arc::new(value);
                let held = Held { value: Arc::clone(&value), born, windows, landing };
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
                *self.failed.write().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(value)
            }
            Err(error) => {
                let failed = Failed { error: error.clone(), landing, at: cx.now() };
                *self.failed.write().unwrap_or_else(PoisonError::into_inner) = Some(failed);
                Err(error)
            }
        };
        self.landings.store(landing, Ordering::Release);
        outcome
    }
}

/// Ends an attempt that takes longer than the context's deadline.
async fn within_deadline<T>(cx: &Context, attempt: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let limit = cx.deadline();
    let clock = cx.clock();
    let mut attempt = pin!(attempt);
    let mut timer = pin!(clock.sleep(limit));
    poll_fn(|task| {
        if let Poll::Ready(result) = attempt.as_mut().poll(task) {
            return Poll::Ready(result);
        }
        timer.as_mut().poll(task).map(|()| {
            Err(Error::unreachable(format!("no credential within {}", crate::format_duration(limit))))
        })
    })
    .await
}

/// A number from 0 to 1 that differs between cells and between landings.
fn jitter(landing: u64) -> f64 {
    let hash = RandomState::new().hash_one(landing);
    f64::from((hash >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
