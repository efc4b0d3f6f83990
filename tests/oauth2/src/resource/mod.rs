//! What is reached.

mod oauth2_api;

pub use oauth2_api::OAuth2Api;
