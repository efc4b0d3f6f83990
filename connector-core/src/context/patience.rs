//! When a request is sent again: after a request to slow down, trouble on the other side, or no answer.

use std::time::{Duration, SystemTime};

use super::{Context, Request, Response};
use crate::{Error, ErrorKind, Result};

/// How often a request is sent at most.
const TRIES: u32 = 3;
/// The first pause, unless the other side says; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What is special about sending one request again; the default is nothing.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    passing: fn(&Result<Response>) -> bool,
    began: Option<SystemTime>,
    good_for: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { passing: Self::may_pass, began: None, good_for: Duration::MAX }
    }
}

impl Patience {
    /// Whether the same request may have another outcome a moment later, unless who sends it knows better: the
    /// other side asks to slow down (429) or is in trouble (500, 502, 503, 504), or there was no answer and this
    /// recovers without a human.
    #[must_use]
    pub fn may_pass(outcome: &Result<Response>) -> bool {
        match outcome {
            Ok(answer) => matches!(answer.status(), 429 | 500 | 502 | 503 | 504),
            Err(error) => error.kind() == ErrorKind::Unreachable && error.is_transient(),
        }
    }

    /// Sends again after the outcomes of which this function says so, in place of [`Patience::may_pass`].
    #[must_use]
    pub fn with_passing(self, passing: fn(&Result<Response>) -> bool) -> Self {
        Self { passing, ..self }
    }

    /// Counts the limit for the call from `began`: for a request that is one call together with what was sent
    /// before it.
    #[must_use]
    pub fn with_began(self, began: SystemTime) -> Self {
        Self { began: Some(began), ..self }
    }

    /// Sends nothing again later than so long after the call began: a signature, say, is good for no longer.
    #[must_use]
    pub fn with_good_for(self, good_for: Duration) -> Self {
        Self { good_for, ..self }
    }
}

impl Context {
    /// Sends a request that does no harm when it arrives twice, and again where that may help: three times at
    /// most, and all of it within the [limit for one call](Context::call_limit). Redirects are not followed.
    ///
    /// A pause that the other side asks for ([`Response::asked_pause`]) is kept to the second; else it is half a
    /// second, and twice as long each time. Where a pause would not end within the limit, the answer that asks for
    /// it is the outcome at once. Each try has what is left of the limit, or the request's own
    /// [timeout](Request::with_timeout) where that is less.
    ///
    /// # Errors
    /// Those of the last try; [`Unreachable`](ErrorKind::Unreachable) when no time is left for the first one. Any
    /// status is an answer.
    pub async fn send_patiently(&self, request: Request, patience: Patience) -> Result<Response> {
        let began = patience.began.unwrap_or_else(|| self.now());
        let left =
            |limit: Duration| limit.saturating_sub(self.now().duration_since(began).unwrap_or_default());
        let limit = self.call_limit();
        // A request with a limit of zero might be taken for one that has none.
        if left(limit).is_zero() {
            return Err(Error::unreachable(format!(
                "no time is left to call {}: the limit for one call is over",
                request.origin()
            )));
        }
        let own = request.timeout().unwrap_or(Duration::MAX);
        let mut pause = FIRST_PAUSE;
        let mut tried = 0;
        loop {
            tried += 1;
            let outcome = self.send(request.clone().with_timeout(own.min(left(limit)))).await;
            if tried == TRIES || !(patience.passing)(&outcome) {
                return outcome;
            }
            let asked = outcome.as_ref().ok().and_then(|answer| answer.asked_pause(self.now()));
            let pause_now = asked.unwrap_or(pause);
            // What the try took counts too: no other one is begun that could not end.
            if pause_now >= left(limit.min(patience.good_for)) {
                return outcome;
            }
            self.clock().sleep(pause_now).await;
            // A clock may sleep longer than it was told.
            if left(limit.min(patience.good_for)).is_zero() {
                return outcome;
            }
            pause *= 2;
        }
    }
}

#[cfg(test)]
#[path = "patience_tests.rs"]
mod tests;
