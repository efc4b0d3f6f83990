//! How one authenticates to a registry: one file per method.

mod anonymous;
mod identity_token;
mod password;

pub use anonymous::Anonymous;
pub use identity_token::IdentityToken;
pub use password::Password;

#[cfg(test)]
mod tests;
