//! How one authenticates: one file per method.

mod client_credentials;
mod common;
mod refresh_token;
mod token;

pub use client_credentials::ClientCredentials;
pub use common::{AccessScopes, ClientAuth};
pub use refresh_token::RefreshToken;
pub use token::Token;
