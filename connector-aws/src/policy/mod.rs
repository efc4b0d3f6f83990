//! IAM policies: the smallest one for each resource, their size, and whether one is within another.
//!
//! A session policy only ever takes away, but policies sent in one call add up. So a generated policy is
//! sent alone, and only when [`is_subset`] shows that it stays within the connector's own one.

mod conditions;
mod evaluate;
mod generate;
mod model;
mod own;
mod pattern;
mod permissions;
mod read;
mod subset;

pub use evaluate::{Decision, Denial, Request};
pub use generate::Target;
pub use model::{
    Conditions, Effect, Policy, SESSION_POLICY_LIMIT, Selection, Statement, Version, check_size,
};
pub use own::{OwnPolicy, SessionPolicies};
pub use permissions::{Kind, Permission, permissions};
pub use subset::{Subset, is_subset};

#[cfg(test)]
mod tests;
