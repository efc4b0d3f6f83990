//! What `explain` shows: what a method would send and what that lets its credential do, what is kept back and
//! why, where the identity comes from, and whom a provider's owner has to trust.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

/// One request that a method would send, without its secrets: what `explain` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The operation, such as `sts:AssumeRole`.
    pub call: &'static str,
    /// Its parameters by their names on the wire, in the order of the wire, without secrets.
    pub parameters: Vec<(String, String)>,
    /// What these parameters let the credential do at most; empty when they say nothing of it.
    pub rights: Vec<Right>,
}

impl Step {
    /// An operation with its parameters.
    #[must_use]
    pub fn new(call: &'static str, parameters: Vec<(String, String)>) -> Self {
        Self { call, parameters, rights: Vec::new() }
    }

    /// Says what the parameters let the credential do at most.
    #[must_use]
    pub fn with_rights(mut self, rights: impl IntoIterator<Item = Right>) -> Self {
        self.rights.extend(rights);
        self
    }
}

/// Actions on resources that a request allows or denies, in the provider's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Right {
    /// They are taken away, whatever else allows them.
    pub denied: bool,
    /// The actions.
    pub actions: Vec<String>,
    /// What they may be done to.
    pub resources: Vec<String>,
    /// The conditions, each as a phrase; all of them have to hold.
    pub when: Vec<String>,
}

impl Right {
    /// Allows actions on resources.
    #[must_use]
    pub fn new(actions: Vec<String>, resources: Vec<String>) -> Self {
        Self { denied: false, actions, resources, when: Vec::new() }
    }

    /// Takes them away.
    #[must_use]
    pub fn denied(mut self) -> Self {
        self.denied = true;
        self
    }

    /// Under one more condition.
    #[must_use]
    pub fn when(mut self, condition: impl Into<String>) -> Self {
        self.when.push(condition.into());
        self
    }
}

/// Actions that a credential does not carry although they belong to its resource type, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Withheld {
    /// The actions, in the provider's words.
    pub actions: Vec<&'static str>,
    /// Why they are kept back.
    pub why: Cow<'static, str>,
}

impl Withheld {
    /// Actions, and why they are kept back.
    pub fn new(actions: Vec<&'static str>, why: impl Into<Cow<'static, str>>) -> Self {
        Self { actions, why: why.into() }
    }
}

/// One place that a method looks at for an identity. They stand in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Origin {
    /// The place.
    pub place: Cow<'static, str>,
    /// What it means for the identity.
    pub state: OriginState,
    /// What is there, or why nothing is; without secrets.
    pub detail: String,
}

/// What a place means for the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OriginState {
    /// The identity comes from here.
    Used,
    /// An identity is here too, and is not used: one before it is.
    Hidden,
    /// Nothing is set up here.
    Absent,
    /// It is set up and broken. When none before it is used, this ends the search: nothing else is tried.
    Broken,
    /// Only a call would tell, and it is made where none before it is used.
    Asked,
}

impl OriginState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Hidden => "hidden",
            Self::Absent => "absent",
            Self::Broken => "broken",
            Self::Asked => "asked",
        }
    }
}

impl Origin {
    /// A place, what it means, and what is there.
    pub fn new(place: impl Into<Cow<'static, str>>, state: OriginState, detail: impl Into<String>) -> Self {
        Self { place: place.into(), state, detail: detail.into() }
    }
}

/// Whom a provider's owner has to trust so that a connector works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trust {
    /// The identity, such as an ARN.
    pub identity: String,
    /// The policy to attach, ready to paste.
    pub policy: Value,
    /// Where to attach it.
    pub target: String,
}

impl Trust {
    /// An identity, the policy that trusts it, and where to attach that.
    pub fn new(identity: impl Into<String>, policy: Value, target: impl Into<String>) -> Self {
        Self { identity: identity.into(), policy, target: target.into() }
    }
}
