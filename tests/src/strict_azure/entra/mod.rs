//! Entra: tokens for programs and for people, the page on which people sign in, and what is told of all that.

mod assertion;
mod authorize;
mod device;
mod directory;
mod error;
mod program;
mod scope;
mod user;

use serde_json::{Value, json};

use super::jwt;
use super::state::State;
use crate::loopback::{Answer, Call};

pub(super) use authorize::encoded;
pub(super) use device::Decision;
pub use directory::Block;
pub(super) use directory::{App, Browser, DEVELOPER, Directory, Federated, Person, Tenant};
pub(super) use error::EntraError;
pub(super) use scope::unknown_resource;
pub(super) use user::{Refresh, RefreshFault};

/// Answers a call below `/TENANT`.
pub(super) fn answer(state: &mut State, call: &Call, tenant: &str, rest: &[&str]) -> Answer {
    let answered = match (call.method.as_str(), rest) {
        ("GET", ["discovery", "instance"]) if tenant == "common" => Ok(instances(state)),
        ("GET", ["v2.0", ".well-known", "openid-configuration"]) => configuration(state, tenant),
        ("GET", ["discovery", "v2.0", "keys"]) => Ok(jwt::key_set()),
        ("GET", ["oauth2", "v2.0", "authorize"]) => return authorize::answer(state, call, tenant),
        ("POST", ["oauth2", "v2.0", "devicecode"]) => device::start(state, call, tenant),
        ("POST", ["oauth2", "v2.0", "token"]) => token(state, call, tenant),
        _ => return Answer::new(404, "text/html; charset=utf-8", "<html><body>Not Found</body></html>"),
    };
    match answered {
        Ok(body) => Answer::json(200, &body).with_header("cache-control", "no-store, no-cache"),
        Err(error) => error.as_answer(state.clock.now()),
    }
}

fn token(state: &mut State, call: &Call, tenant: &str) -> Result<Value, EntraError> {
    match required(call, "grant_type")?.as_str() {
        "client_credentials" => program::token(state, call, tenant),
        "authorization_code" => user::redeem(state, call, tenant),
        "refresh_token" => user::refresh(state, call, tenant),
        device::GRANT => device::poll(state, call, tenant),
        other => Err(EntraError::new(
            400,
            "unsupported_grant_type",
            70_003,
            format!("The app requested an unsupported grant type '{other}'."),
        )),
    }
}

/// What clients ask of a tenant before anything else.
fn configuration(state: &State, tenant: &str) -> Result<Value, EntraError> {
    let (base, id) = (
        &state.base,
        match tenant {
            "common" | "organizations" => tenant,
            name => &state.tenant(name)?.id,
        },
    );
    Ok(json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "issuer": format!("{base}/{id}/v2.0"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_modes_supported": ["query", "form_post"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "tenant_region_scope": null, "cloud_instance_name": "microsoftonline.com",
    }))
}

/// The hosts that stand for this cloud: this one.
fn instances(state: &State) -> Value {
    let host = state.base.trim_start_matches("https://");
    json!({
        "tenant_discovery_endpoint": format!("{}/common/v2.0/.well-known/openid-configuration", state.base),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    })
}

/// A field of the form in the body. What stands in the query does not count: it would be logged on the way.
fn field(call: &Call, name: &str) -> Option<String> {
    let value = call.form().into_iter().find(|(other, _)| other == name).map(|(_, value)| value);
    value.filter(|value| !value.is_empty())
}

fn required(call: &Call, name: &str) -> Result<String, EntraError> {
    field(call, name).ok_or_else(|| EntraError::missing(name))
}

/// The refusal of who asks too often.
pub(super) fn throttled(now: i64) -> Answer {
    let words = "The server is currently too busy. Retry after the time in 'Retry-After'.";
    EntraError::new(429, "temporarily_unavailable", 90_055, words).as_answer(now)
}
