//! Protocols for those who only know names: the typed ones over envelopes.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use crate::{Credential, Envelope, Grant, Result, Secret};

/// A protocol of any kind, as a host serves it; see [`Protocol`].
#[derive(Clone)]
pub struct AnyProtocol(Arc<dyn DynProtocol>);

trait DynProtocol: Send + Sync {
    fn id(&self) -> &'static str;
    fn about(&self) -> &'static str;
    fn proof(&self, path: &str) -> Proof;
    fn method(&self, path: &str) -> &'static str;
    fn claims(&self, path: &str) -> bool;
    fn set_up(&self, site: &Site, envelope: &Envelope) -> Result<SetUp>;
    fn wants(&self, asked: &Asked, grant: &Grant) -> Result<Grant, Answer>;
    fn answer(&self, asked: &Asked, envelope: &Envelope, now: SystemTime) -> Result<Answer>;
    fn refuse(&self, refusal: &Refusal) -> Answer;
}

struct Of<C: 'static>(&'static dyn Protocol<C>);

impl<C: Credential> DynProtocol for Of<C> {
    fn id(&self) -> &'static str {
        self.0.id()
    }

    fn about(&self) -> &'static str {
        self.0.about()
    }

    fn proof(&self, path: &str) -> Proof {
        self.0.proof(path)
    }

    fn method(&self, path: &str) -> &'static str {
        self.0.method(path)
    }

    fn claims(&self, path: &str) -> bool {
        self.0.claims(path)
    }

    fn set_up(&self, site: &Site, envelope: &Envelope) -> Result<SetUp> {
        self.0.set_up(site, &envelope.open::<C>()?)
    }

    fn wants(&self, asked: &Asked, grant: &Grant) -> Result<Grant, Answer> {
        self.0.wants(asked, grant)
    }

    fn answer(&self, asked: &Asked, envelope: &Envelope, now: SystemTime) -> Result<Answer> {
        Ok(self.0.answer(asked, &envelope.open::<C>()?, now))
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        self.0.refuse(refusal)
    }
}

impl AnyProtocol {
    pub(crate) fn new<C: Credential>(protocol: &'static dyn Protocol<C>) -> Self {
        Self(Arc::new(Of(protocol)))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.0.id()
    }

    /// Who speaks it, for people: one line.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.0.about()
    }

    /// How a request for `path` shows that it may ask.
    #[must_use]
    pub fn proof(&self, path: &str) -> Proof {
        self.0.proof(path)
    }

    /// The one method of requests for `path`.
    #[must_use]
    pub fn method(&self, path: &str) -> &'static str {
        self.0.method(path)
    }

    /// Whether requests for `path` are of this protocol.
    #[must_use]
    pub fn claims(&self, path: &str) -> bool {
        self.0.claims(path)
    }

    /// What a program needs to find the endpoint; see [`Protocol::set_up`].
    ///
    /// # Errors
    /// An envelope of another kind; a credential that cannot be given in this protocol.
    pub fn set_up(&self, site: &Site, envelope: &Envelope) -> Result<SetUp> {
        self.0.set_up(site, envelope)
    }

    /// Whether every request shows a secret of the session that a program sends which is set up so: to whatever paths of
    /// `site` its variables and files name, and to the root.
    #[must_use]
    pub fn shows_secret(&self, site: &Site, set_up: &SetUp) -> bool {
        let origin = site.url("");
        let values = set_up.environment.set.iter().map(|(_, value)| value);
        let texts = values.chain(set_up.files.iter().map(|(_, content)| content)).map(Secret::expose);
        let named = texts.flat_map(|text| text.split(origin.as_str()).skip(1));
        let paths = named.map(|rest| {
            let end = rest.find(|it: char| it.is_whitespace() || "\"'?#".contains(it)).unwrap_or(rest.len());
            &rest[..end]
        });
        let claimed = paths.filter(|path| self.claims(path));
        std::iter::once("/").chain(claimed).all(|path| self.proof(path).is_secret())
    }

    /// What a request asks for, of an endpoint that serves `grant`.
    ///
    /// # Errors
    /// The answer to who asks for something else.
    pub fn wants(&self, asked: &Asked, grant: &Grant) -> Result<Grant, Answer> {
        self.0.wants(asked, grant)
    }

    /// The answer, as of `now`.
    ///
    /// # Errors
    /// An envelope of another kind.
    pub fn answer(&self, asked: &Asked, envelope: &Envelope, now: SystemTime) -> Result<Answer> {
        self.0.answer(asked, envelope, now)
    }

    /// How the protocol says no.
    pub fn refuse(&self, refusal: &Refusal) -> Answer {
        self.0.refuse(refusal)
    }
}

impl fmt::Debug for AnyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyProtocol").field(&self.id()).finish()
    }
}
