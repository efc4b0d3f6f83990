//! What comes back: a session, a credential, and what is true of them.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use crate::{Error, Expiry, Result};

/// Whether a credential can do less than its connector, and by what or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrowed {
    /// It can, by this means.
    By(Cow<'static, str>),
    /// It can not, for this reason.
    No(Cow<'static, str>),
}

impl Narrowed {
    /// Whether it can do less.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        matches!(self, Self::By(_))
    }

    /// By what, or why not.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::By(reason) | Self::No(reason) => reason,
        }
    }
}

/// A session, when it ends, and what it was narrowed to. Silence about narrowing means: not at all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated<S> {
    /// The session.
    pub session: S,
    /// When it ends.
    pub expiry: Expiry,
    /// What the method narrowed.
    pub narrowed: Option<Narrowed>,
}

impl<S> Authenticated<S> {
    /// A session that ends at `expiry`.
    pub fn new(session: S, expiry: Expiry) -> Self {
        Self { session, expiry, narrowed: None }
    }

    /// It was narrowed, by this means.
    #[must_use]
    pub fn narrowed(mut self, by: impl Into<Cow<'static, str>>) -> Self {
        self.narrowed = Some(Narrowed::By(by.into()));
        self
    }

    /// It was not narrowed, for this reason.
    #[must_use]
    pub fn not_narrowed(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.narrowed = Some(Narrowed::No(why.into()));
        self
    }
}

/// An issued credential and what is true of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issued<C> {
    /// The credential.
    pub credential: C,
    /// When it ends, as advertised: never later than asked, allowed, or left in its source.
    pub expiry: Expiry,
    /// When the provider ends it, where it could not be made shorter.
    pub provider_expiry: Expiry,
    /// What the resource type says of narrowing; before release, what the method said fills the silence.
    pub narrowed: Option<Narrowed>,
    /// It is a secret that does not end by itself, so the connector has to allow it.
    pub long_lived: bool,
    /// What undoing it needs, not secret; `None` when it ends by itself.
    pub undo: Option<Value>,
}

impl<C> Issued<C> {
    /// A credential that the provider ends at `expiry`.
    pub fn new(credential: C, expiry: Expiry) -> Self {
        Self {
            credential,
            provider_expiry: expiry.clone(),
            expiry,
            narrowed: None,
            long_lived: false,
            undo: None,
        }
    }

    /// It was narrowed, by this means.
    #[must_use]
    pub fn narrowed(mut self, by: impl Into<Cow<'static, str>>) -> Self {
        self.narrowed = Some(Narrowed::By(by.into()));
        self
    }

    /// It was not narrowed, for this reason.
    #[must_use]
    pub fn not_narrowed(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.narrowed = Some(Narrowed::No(why.into()));
        self
    }

    /// It is a long-lived secret itself.
    #[must_use]
    pub fn long_lived(mut self) -> Self {
        self.long_lived = true;
        self
    }

    /// What undoing it needs.
    #[must_use]
    pub fn with_undo(mut self, undo: Value) -> Self {
        self.undo = Some(undo);
        self
    }

    /// Narrowing as it is told to the receiver; never silent.
    #[must_use]
    pub fn narrowing(&self) -> Narrowed {
        self.narrowed
            .clone()
            .unwrap_or(Narrowed::No(Cow::Borrowed("neither the auth method nor the resource type narrows")))
    }
}

/// One thing that a listing could not look into.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// Which part: a region, an account, a call.
    pub place: String,
    /// What went wrong there; its kind tells "not allowed" from "failed".
    pub error: Error,
}

/// What a session can reach of one resource type.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Canonical ids, sorted.
    pub ids: Vec<String>,
    /// Parts that could not be looked into; with some, an empty list does not mean "none there".
    pub failures: Vec<Failure>,
    /// What the provider's answers showed and whoever chooses the credential should know.
    pub notes: Vec<String>,
}

impl Listing {
    /// What was found, sorted and without doubles.
    pub fn of(ids: impl IntoIterator<Item = String>) -> Self {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort();
        ids.dedup();
        Self { ids, failures: Vec::new(), notes: Vec::new() }
    }

    /// The provider's answers showed something that whoever chooses the credential should know.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A part could not be looked into.
    #[must_use]
    pub fn with_failure(mut self, place: impl Into<String>, error: Error) -> Self {
        self.failures.push(Failure { place: place.into(), error });
        self
    }
}

/// Chooses the life to ask for, and refuses what is out of bounds before anything is called.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) that names the bounds.
pub(crate) fn choose_duration(
    asked: Option<Duration>,
    lifetime: Option<crate::Lifetime>,
    method: &str,
) -> Result<Option<Duration>> {
    if asked.is_some_and(|asked| asked.is_zero()) {
        return Err(Error::field("duration", "a credential that lives for no time is of no use"));
    }
    let (Some(asked), Some(bounds)) = (asked, lifetime) else {
        return Ok(asked.or(lifetime.map(|it| it.default)));
    };
    if asked < bounds.min || asked > bounds.max {
        return Err(Error::field(
            "duration",
            format!(
                "{} is out of bounds: method `{method}` issues for {} to {}",
                crate::format_duration(asked),
                crate::format_duration(bounds.min),
                crate::format_duration(bounds.max)
            ),
        ));
    }
    Ok(Some(asked))
}
