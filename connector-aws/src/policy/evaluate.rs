//! Whether a policy allows a request.

use super::conditions;
use super::model::{Effect, Policy, Selection, Statement, Version};
use super::pattern::{Pattern, Resource, Truth};

/// One call, as IAM sees it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The action, such as `s3:GetObject`; it has no case.
    pub action: &'a str,
    /// The ARN of what it is done to, or `*` where the action knows no resources.
    pub resource: &'a str,
    /// What the conditions may ask about: keys and values. What is left out is taken as absent, but
    /// keys of `aws:` as not known.
    pub context: &'a [(&'a str, &'a str)],
}

impl<'a> Request<'a> {
    /// A request without context.
    #[must_use]
    pub fn new(action: &'a str, resource: &'a str) -> Self {
        Self { action, resource, context: &[] }
    }

    /// Adds what conditions may ask about.
    #[must_use]
    pub fn with_context(mut self, context: &'a [(&'a str, &'a str)]) -> Self {
        self.context = context;
        self
    }
}

/// What a policy says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// It may not be done.
    Denied(Denial),
    /// It depends on something that this program does not understand or was not told.
    Unknown,
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A statement denies it.
    Explicit,
    /// No statement allows it.
    Implicit,
}

impl Policy {
    /// What this policy, taken alone, says to a request.
    pub fn allows(&self, request: &Request<'_>) -> Decision {
        let strongest = |effect| {
            let statements = self.statements.iter().filter(|it| it.effect == effect);
            statements.map(|it| it.applies(request, self.version)).fold(Truth::No, Truth::or)
        };
        match (strongest(Effect::Deny), strongest(Effect::Allow)) {
            (Truth::Yes, _) => Decision::Denied(Denial::Explicit),
            (_, Truth::No) => Decision::Denied(Denial::Implicit),
            (Truth::No, Truth::Yes) => Decision::Allowed,
            _ => Decision::Unknown,
        }
    }
}

impl Statement {
    fn applies(&self, request: &Request<'_>, version: Version) -> Truth {
        let action = request.action.to_ascii_lowercase();
        let applies = self
            .actions
            .selects(|it| Pattern::action(it, version).matches(&action))
            .and(self.resources.selects(|it| Resource::new(it, version).matches(request.resource)))
            .and(conditions::hold(&self.conditions, version, request.context));
        if self.opaque { applies.and(Truth::Maybe) } else { applies }
    }
}

impl Selection {
    fn selects(&self, matches: impl Fn(&str) -> Truth) -> Truth {
        let any = self.patterns().iter().map(|it| matches(it)).fold(Truth::No, Truth::or);
        match self {
            Self::Only(_) => any,
            Self::AllBut(_) => any.not(),
        }
    }
}
