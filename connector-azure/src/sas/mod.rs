//! Shared access signatures: Azure Storage's language for "less than everything".
//!
//! A signature is a query that says what may be done with what and until when, and is signed: by a *user delegation
//! key*, which an identity of Entra is given for some days at most, or by the account's own key. Whoever holds the query
//! may do what it says, as far as the identity that stands behind the key may itself. Strings to sign, names and orders
//! are those of Microsoft's documentation on Storage; the tests compare them with Microsoft's own library.
//!
//! Everything here is pure: nothing is asked of anybody, and times are given.

mod delegated;
mod evaluate;
mod permissions;
mod query;
mod shared;
mod terms;

pub use delegated::DelegationKey;
pub use evaluate::{Key, Request, allows};
pub use permissions::{Kind, Permissions};
pub use shared::{AccountKey, AccountTerms};
pub use terms::{Part, Protocol, Terms, Version};

#[cfg(test)]
mod tests;
