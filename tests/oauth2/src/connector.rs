//! The connector type, its sessions, and its language for "less than everything".

use connector_core::{Access, ConnectorAbout, ConnectorType, Expiry, Secret};

/// The connector type `oauth2`.
#[derive(Debug)]
pub struct OAuth2;

impl ConnectorType for OAuth2 {
    const ID: &'static str = "oauth2";
    const ABOUT: ConnectorAbout = ConnectorAbout::new(
        "OAuth 2.0",
        "Access tokens for HTTP APIs, from any authorization server that speaks RFC 6749.",
    )
    .with_prerequisites(&["a client that is registered with the authorization server, or a token of it"]);
    type Session = Session;
    type Narrowing = Level;
}

/// An access token and what is known of it.
#[derive(Debug)]
pub struct Session {
    pub(crate) token: Secret,
    /// The scopes that it carries, where that is known.
    pub(crate) scope: Option<String>,
    pub(crate) ends: Expiry,
}

/// No more than this access level. Which scopes that is, the connector's config says.
#[derive(Clone, Copy, Debug)]
pub struct Level(pub(crate) Access);
