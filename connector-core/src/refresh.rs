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

use crate::context::Moment;
use crate::{Authenticated, Context, Credential, Error, Expiry, Issued, Result};

mod failed;
mod windows;

pub use failed::Overdue;
pub use windows::Windows;

use failed::Failed;

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

/// How long what was refused is not refused again: a provider that takes nothing must not cost a call each time.
const REFUSALS_APART: Duration = Duration::from_secs(15);

/// How far a clock may be set back before what was counted with it is renewed.
const SET_BACK: Duration = Duration::from_secs(60);

struct Held<T> {
    value: Arc<T>,
    /// When it was asked for, and when it came: the clock may be set in between.
    born: Moment,
    landed: Moment,
    windows: Option<Windows>,
    /// Which landing brought it; tells waiters whether something landed since they came.
    landing: u64,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            born: self.born,
            landed: self.landed,
            windows: self.windows,
            landing: self.landing,
        }
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
    /// Where `at` lies in its life, for a caller who wants it to last for `need`.
    fn state(&self, need: Duration, at: Moment) -> State {
        let Some(windows) = self.windows else { return State::Fresh };
        // What the clock shows, or would show by now had nobody set it back.
        let now = at.since(self.born).max(at.since(self.landed));
        let left = windows.end.duration_since(now).unwrap_or_default();
        if left.is_zero() {
            return State::Past;
        }
        // Who is given it counts with that clock, and would take it for longer than its provider does.
        let set_back = now.duration_since(at.now).is_ok_and(|by| by > SET_BACK);
        if left < need || set_back || now >= windows.hard {
            State::Hard
        } else if now >= windows.soft {
            State::Soft
        } else {
            State::Fresh
        }
    }

    fn is_past(&self, at: Moment) -> bool {
        self.state(Duration::ZERO, at) == State::Past
    }
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
    /// The second, since 1970, in which what is held was last fresh also by how much time has passed.
    counted: AtomicU64,
    flight: Mutex<()>,
}

impl<T> Default for Refreshing<T> {
    fn default() -> Self {
        Self {
            held: RwLock::new(None),
            failed: RwLock::new(None),
            refused_at: RwLock::new(None),
            landings: AtomicU64::new(0),
            counted: AtomicU64::new(0),
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

    /// Forgets what is held, and what failed: the next caller fetches.
    pub fn clear(&self) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.failed.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The renewal that failed, while what is held is still good.
    #[must_use]
    pub fn overdue(&self, cx: &Context) -> Option<Overdue> {
        let held = self.held().filter(|held| !held.is_past(cx.moment()))?;
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        Some(failed.as_ref()?.overdue(held.windows?.end))
    }
}

impl<T: Expires> Refreshing<T> {
    /// What is held, if it needs no renewal yet. Neither waits nor allocates.
    #[must_use]
    pub fn peek(&self, cx: &Context) -> Option<Arc<T>> {
        self.peek_at(cx, cx.now())
    }

    /// [`peek`](Self::peek) for who has looked at the clock already.
    pub(crate) fn peek_at(&self, cx: &Context, now: SystemTime) -> Option<Arc<T>> {
        // How much time has passed is looked up once a second, while the answer is "fresh": it costs as much as all
        // the rest.
        let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let is_counted = self.counted.load(Ordering::Relaxed) == second;
        let at = if is_counted { Moment { now, passed: None } } else { cx.moment() };
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = held.as_ref().filter(|held| held.state(Duration::ZERO, at) == State::Fresh)?;
        if !is_counted {
            self.counted.store(second, Ordering::Relaxed);
        }
        Some(Arc::clone(&fresh.value))
    }

    /// What is held, renewed where it is time to. See [`Windows`] for who waits.
    ///
    /// # Errors
    /// Those of `fetch`, when nothing that is still good is held. All who waited get the same error; who
    /// comes later tries again. Only a refusal answers for 15 seconds, so that a wrong permission costs its
    /// provider one call and not one per caller; where a person [is there](Context::is_attended), who may just
    /// have mended it, that is tried again too.
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
        let at = cx.moment();
        let seen = self.landings.load(Ordering::Acquire);
        let held = self.held();
        let mut is_good = false;
        if let Some(held) = &held {
            let state = held.state(need, at);
            is_good = state != State::Past;
            match state {
                State::Fresh => return Ok(Arc::clone(&held.value)),
                // What failed a moment ago is left alone while there is something good.
                State::Soft | State::Hard if self.is_paused(at.now) => return Ok(Arc::clone(&held.value)),
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
        if let Some(denied) = self.denied(cx, at.now).filter(|_| !is_good) {
            return Err(denied);
        }
        let _flight = self.flight.lock().await;
        match self.landed_since(seen, cx.moment()) {
            Some(answer) => answer,
            None => self.land_or_keep(cx, held.as_ref(), fetch).await,
        }
    }

    fn is_paused(&self, now: SystemTime) -> bool {
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().is_some_and(|failed| failed.is_paused(now))
    }

    /// The refusal that answers also who comes later.
    fn denied(&self, cx: &Context, now: SystemTime) -> Option<Error> {
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().filter(|failed| failed.denies(cx, now)).map(|failed| failed.error.clone())
    }

    /// What the flight brought that this caller waited for; `None` when it is this caller's turn.
    fn landed_since(&self, seen: u64, at: Moment) -> Option<Result<Arc<T>>> {
        if self.landings.load(Ordering::Acquire) == seen {
            return None;
        }
        let held = self.held().filter(|held| !held.is_past(at));
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
        match held.filter(|held| result.is_err() && !held.is_past(cx.moment())) {
            Some(held) => Ok(Arc::clone(&held.value)),
            None => result,
        }
    }

    /// Fetches and keeps. The caller holds the flight.
    async fn land<F>(&self, cx: &Context, fetch: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let born = cx.moment();
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
                let windows = value
                    .expiry()
                    .at()
                    .map(|end| Windows::new(born.now, end, value.early(), jitter(landing)));
                let value = Arc::new(value);
                let held = Held { value: Arc::clone(&value), born, landed: cx.moment(), windows, landing };
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
                *self.failed.write().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(value)
            }
            Err(error) => {
                let end = self.held().and_then(|held| held.windows).map(|windows| windows.end);
                let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
                *failed = Some(Failed::after(failed.take(), error.clone(), landing, end, cx));
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
mod fuzz;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
