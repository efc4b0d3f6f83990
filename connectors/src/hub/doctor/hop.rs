//! The hops of a chain, from the stored document to the resource.

use connector_core::{Error, ErrorKind, Origin};

use super::{Rule, Severity};

/// One kind of hop, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Link {
    /// The store opens.
    Store,
    /// The document is there, and fits what is compiled in.
    Document,
    /// Its secrets are there, and open with this master key.
    Secrets,
    /// It is switched on, and not past its end.
    State,
    /// A switch that its method needs is on.
    Switch,
    /// The connectors that it takes its identity or secrets from work.
    Source,
    /// There is an identity where the method looks for one.
    Identity,
    /// The provider takes it.
    Authenticate,
    /// What it is for is reached.
    Reach,
}

impl Link {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Store,
        Self::Document,
        Self::Secrets,
        Self::State,
        Self::Switch,
        Self::Source,
        Self::Identity,
        Self::Authenticate,
        Self::Reach,
    ];

    /// Its id: kebab-case, never changed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Document => "document",
            Self::Secrets => "secrets",
            Self::State => "state",
            Self::Switch => "switch",
            Self::Source => "source",
            Self::Identity => "identity",
            Self::Authenticate => "authenticate",
            Self::Reach => "reach",
        }
    }

    /// The rule that a failure of it breaks.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        &FAILED[self as usize]
    }
}

/// What a failure means, hop by hop.
static FAILED: [Rule; Link::ALL.len()] = [
    failed("failed-store", "The store does not open.", "see `connector store status`"),
    failed(
        "failed-document",
        "The document is not there, or does not fit what is compiled in.",
        "mend it with `connector update`",
    ),
    failed(
        "failed-secrets",
        "The secrets of the connector cannot be read with this master key.",
        "use the master key that the store was made with",
    ),
    failed(
        "failed-state",
        "The connector is disabled or past its end.",
        "`connector enable` switches it on; `connector update --expires-at` sets a later end",
    ),
    failed(
        "failed-switch",
        "The method of the connector is switched off here.",
        "switch it on, or choose another method",
    ),
    failed(
        "failed-source",
        "A connector that this one takes its identity or secrets from does not work.",
        "mend that one first",
    ),
    failed(
        "failed-identity",
        "There is no identity where the method looks for one.",
        "set one up, or register the connector with an identity of its own",
    ),
    failed("failed-authenticate", "The provider does not take the identity.", "see what the provider says"),
    failed("failed-reach", "What the connector is for is not reached.", "see what the provider says"),
];

const fn failed(id: &'static str, about: &'static str, fix: &'static str) -> Rule {
    Rule::new(id, Severity::Error, about, fix)
}

/// What came of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HopState {
    /// It is made.
    Good,
    /// There is nothing to do: the connector needs it not.
    NotNeeded,
    /// Here the chain ends.
    Failed,
    /// One before it failed.
    NotReached,
}

impl HopState {
    /// The word for it: kebab-case, stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NotNeeded => "not-needed",
            Self::Failed => "failed",
            Self::NotReached => "not-reached",
        }
    }
}

/// One hop and what came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hop {
    /// Which one.
    pub link: Link,
    /// What came of it.
    pub state: HopState,
    /// What was seen, without secrets.
    pub detail: String,
    /// The places that were looked at for an identity, in their order; of [`Link::Identity`] only.
    pub origins: Vec<Origin>,
    /// Why it failed, with the fix as its hint.
    pub error: Option<Error>,
}

impl Hop {
    pub(super) fn new(link: Link, state: HopState, detail: impl Into<String>) -> Self {
        Self { link, state, detail: detail.into(), origins: Vec::new(), error: None }
    }

    pub(super) fn failed(link: Link, error: Error) -> Self {
        Self { error: Some(error.or_hint(link.rule().fix)), ..Self::new(link, HopState::Failed, "") }
    }
}

/// The chain of one connector: every hop, in order, up to the first that failed and beyond.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Chain {
    /// The connector.
    pub connector: String,
    /// Its type and method, where its document could be read.
    pub kind: Option<(String, String)>,
    /// The hops.
    pub hops: Vec<Hop>,
}

impl Chain {
    pub(super) fn new(connector: &str, mut hops: Vec<Hop>) -> Self {
        let rest = Link::ALL.into_iter().skip(hops.len());
        let rest: Vec<Hop> = rest.map(|link| Hop::new(link, HopState::NotReached, "")).collect();
        hops.extend(rest);
        Self { connector: connector.to_owned(), kind: None, hops }
    }

    /// The chain of a connector whose store does not open.
    #[must_use]
    pub fn without_store(connector: &str, error: Error) -> Self {
        Self::new(connector, vec![Hop::failed(Link::Store, error)])
    }

    /// The first hop that failed, and why.
    #[must_use]
    pub fn failure(&self) -> Option<(Link, &Error)> {
        self.hops.iter().find_map(|hop| Some((hop.link, hop.error.as_ref()?)))
    }

    /// Whether it ends where its owner wants it to: at a connector that is disabled or past its own end.
    #[must_use]
    pub fn rests(&self) -> bool {
        let rests = |error: &Error| matches!(error.kind(), ErrorKind::Disabled | ErrorKind::Expired);
        self.failure().is_some_and(|(link, error)| link == Link::State && rests(error))
    }
}
