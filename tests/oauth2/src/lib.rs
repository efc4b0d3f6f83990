#![doc = include_str!("../README.md")]

// What is said: URLs, scopes.
pub mod names;

// What is held and issued.
mod connector;
mod credential;

// How one authenticates, and what is reached.
pub mod auth;
pub mod resource;

// What is made of a credential.
mod native;
mod tool;

// How servers are talked to.
mod error;

pub use connector::{Level, OAuth2, Session};
pub use credential::BearerToken;
pub use native::ApiClient;

connector_core::register! {
    connector OAuth2,
    method auth::ClientCredentials,
    method auth::RefreshToken,
    method auth::Token,
    resource resource::OAuth2Api,
}
