//! One error for the whole family: a kind that says what the caller can do, a message that names the
//! thing, and everything that was tried on the way.

use std::fmt;
use std::sync::Arc;

/// The result of everything in this family.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the receiver of an [`Error`] can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is wrong: unknown type, method or key, bad id, bounds, ambiguous id, name taken. Mend it.
    InvalidInput,
    /// The connector, resource, profile or file does not exist.
    NotFound,
    /// This source of credentials is not set up here. The only kind that lets a chain go on.
    NotConfigured,
    /// The provider, a policy or a switch says no.
    Refused,
    /// The credential or the connector has passed its end date.
    Expired,
    /// The connector is switched off.
    Disabled,
    /// The other side could not be reached, did not answer in time, throttled, or answered garbage.
    Unreachable,
    /// The store is locked, damaged, from a newer version, or cannot be written.
    Store,
    /// A defect of this program, or something nobody foresaw.
    Unexpected,
}

impl ErrorKind {
    /// The kind as it appears in JSON: kebab-case, stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::NotFound => "not-found",
            Self::NotConfigured => "not-configured",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::Unreachable => "unreachable",
            Self::Store => "store",
            Self::Unexpected => "unexpected",
        }
    }

    /// The kind that appears as this in JSON; `None` for one of a later version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        use ErrorKind::{
            Disabled, Expired, InvalidInput, NotConfigured, NotFound, Refused, Store, Unexpected, Unreachable,
        };
        [InvalidInput, NotFound, NotConfigured, Refused, Expired, Disabled, Unreachable, Store, Unexpected]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One fault of one field of an input. Holds no value, so it is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where: a dotted path such as `session_tags.team`, or empty for the whole document.
    pub field: String,
    /// What is wrong and what would be right, in lower case without a full stop.
    pub message: String,
}

impl Problem {
    /// A fault at `field`. The message must not quote the value: it may be a secret.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

/// The error of the whole family. Opaque and cheap to clone: all who waited for one failed call get it.
///
/// Neither message, hint, problems nor causes ever hold a secret, the body of a provider's answer, or
/// the output of a command; constructors are given text that names things, not values.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    connector: Option<String>,
    problems: Vec<Problem>,
    causes: Vec<String>,
    transient: bool,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`. The message is lower case, without a full stop, and names the thing.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            connector: None,
            problems: Vec::new(),
            causes: Vec::new(),
            transient: kind == ErrorKind::Unreachable,
            source: None,
        }))
    }

    /// Wrong input; see [`ErrorKind::InvalidInput`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// Wrong input with a list of faults, all reported together.
    pub fn problems(message: impl Into<String>, problems: Vec<Problem>) -> Self {
        let mut error = Self::invalid(message);
        error.inner().problems = problems;
        error
    }

    /// Wrong input in one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let problem = Problem::new(field, message);
        Self::problems(problem.to_string(), vec![problem])
    }

    /// See [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// See [`ErrorKind::NotConfigured`].
    pub fn not_configured(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotConfigured, message)
    }

    /// See [`ErrorKind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// See [`ErrorKind::Expired`].
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Expired, message)
    }

    /// See [`ErrorKind::Unreachable`]. Transient: it may pass without anybody's help.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unreachable, message)
    }

    /// See [`ErrorKind::Store`].
    pub fn store(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, message)
    }

    /// See [`ErrorKind::Unexpected`].
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// Adds what to do about it, a sentence that starts with a verb.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner().hint = Some(hint.into());
        self
    }

    /// Adds the hint unless there is one already; the place nearest to the fault knows best.
    #[must_use]
    pub fn or_hint(mut self, hint: impl Into<String>) -> Self {
        if self.0.hint.is_none() {
            self.inner().hint = Some(hint.into());
        }
        self
    }

    /// Names the connector that this is about; the innermost one stays.
    #[must_use]
    pub fn with_connector(mut self, name: impl Into<String>) -> Self {
        if self.0.connector.is_none() {
            self.inner().connector = Some(name.into());
        }
        self
    }

    /// Puts a new message in front; the old one becomes the first cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = self.inner();
        let old = std::mem::replace(&mut inner.message, message.into());
        inner.causes.insert(0, old);
        self
    }

    /// Adds something else that was tried, or that lies beneath. Must not hold a secret.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.inner().causes.push(cause.into());
        self
    }

    /// Keeps the error that lies beneath, for [`std::error::Error::source`]. It is not shown by
    /// [`Display`](fmt::Display), and neither by the program: foreign errors may quote answers.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.inner().source = Some(Arc::new(source));
        self
    }

    /// Says whether this passes without a human.
    #[must_use]
    pub fn transient(mut self, transient: bool) -> Self {
        self.inner().transient = transient;
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message alone, without its causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The name of the connector that this is about.
    #[must_use]
    pub fn connector(&self) -> Option<&str> {
        self.0.connector.as_deref()
    }

    /// The faults of an input, all of them.
    #[must_use]
    pub fn field_problems(&self) -> &[Problem] {
        &self.0.problems
    }

    /// What lies beneath, outermost first; all attempts of a chain are kept.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// Whether this recovers without a human: broken transport does, a wrong key does not.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }

    /// Whether a chain of sources may go on to the next one.
    #[must_use]
    pub fn is_not_configured(&self) -> bool {
        self.0.kind == ErrorKind::NotConfigured
    }

    /// Whether it says that nothing of its connector may be used any more, however good it still is.
    #[must_use]
    pub fn ends_connector(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Disabled | ErrorKind::NotFound | ErrorKind::Expired)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for cause in &self.0.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut out = f.debug_struct("Error");
        out.field("kind", &inner.kind).field("message", &inner.message);
        if let Some(hint) = &inner.hint {
            out.field("hint", hint);
        }
        if let Some(connector) = &inner.connector {
            out.field("connector", connector);
        }
        if !inner.problems.is_empty() {
            out.field("problems", &inner.problems);
        }
        if !inner.causes.is_empty() {
            out.field("causes", &inner.causes);
        }
        // The source is a foreign error: it may quote an answer, so it is not printed.
        out.finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
