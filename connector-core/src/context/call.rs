//! One call to a provider: the context, how long is asked for, and when it began.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use super::Context;
use crate::Expiry;
use crate::time::later;

/// What an author is given for one attempt. Opaque, so that it can grow.
pub struct Call<'a> {
    cx: &'a Context,
    began: SystemTime,
    duration: Option<Duration>,
}

impl<'a> Call<'a> {
    /// A call that begins now.
    #[must_use]
    pub fn new(cx: &'a Context, duration: Option<Duration>) -> Self {
        Self { cx, began: cx.now(), duration }
    }

    /// The life to ask the provider for: asked, else the connector's, else the method's default. `None`
    /// where the method has no say in it.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// When the call began, before anything was sent.
    #[must_use]
    pub fn began(&self) -> SystemTime {
        self.began
    }

    /// The end of something that the provider says lives for `life`: counted from before the request was
    /// sent, so that a clock that is constantly wrong cancels out, and the answer's way counts against it.
    #[must_use]
    pub fn expires_in(&self, life: Duration) -> Expiry {
        Expiry::At(later(self.began, life))
    }

    /// The end of something that ends at `end` by the provider's clock, which said `provider_now` (from
    /// its answer's `Date`, say) when it answered.
    #[must_use]
    pub fn expires_at(&self, end: SystemTime, provider_now: SystemTime) -> Expiry {
        self.expires_in(end.duration_since(provider_now).unwrap_or_default())
    }
}

impl Deref for Call<'_> {
    type Target = Context;

    fn deref(&self) -> &Context {
        self.cx
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("began", &self.began)
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}
