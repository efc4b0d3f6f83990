//! The connector against a strict authorization server in memory.

mod api;
mod client_credentials;
mod conformance;
mod errors;
mod refresh_token;
mod server;
mod token;

use connector_core::{AnyConnector, Context, Document, Registry, Result, VirtualClock};
use serde_json::{Value, json};

use crate::server::{CLIENT, Server, TOKEN_URL};

/// A clock, a server on it, and a context with both.
fn world(quirk: server::Quirk) -> (VirtualClock, Server, Context) {
    let clock = VirtualClock::default();
    let server = Server::new(clock.clone()).with(quirk);
    let cx = Context::detached(clock.clone()).with_http(server.clone());
    (clock, server, cx)
}

/// A connector from a config, checked and opened as a host does.
fn open(method: &str, config: Value) -> Result<AnyConnector> {
    let registry = Registry::of(connector_oauth2::REGISTRATIONS)?;
    let config = config.as_object().cloned().unwrap_or_default();
    let document = Document::draft("ours", "oauth2", method, config.clone());
    registry.check(&document, &Context::detached(VirtualClock::default()))?;
    registry.open(&document, config)
}

/// A client's config, and more.
fn client(more: Value) -> Value {
    let mut config = json!({
        "token_url": TOKEN_URL,
        "client_id": CLIENT,
        "client_secret": connector_conformance::canary("client_secret"),
    });
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// The fields of a config that are refused.
fn refused_fields(method: &str, config: Value) -> Vec<String> {
    match open(method, config) {
        Ok(_) => Vec::new(),
        Err(error) => error.field_problems().iter().map(|it| it.field.clone()).collect(),
    }
}
