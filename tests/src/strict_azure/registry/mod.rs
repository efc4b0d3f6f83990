//! Container registries: the exchange of Entra's tokens for a registry's own, and as much of a registry as pulling and
//! pushing takes.

mod content;
mod desk;
mod error;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::arm::Place;
use super::roles::Plane;
use super::state::State;
use crate::loopback::{Answer, Call, decoded};
use crate::random;

pub(super) use content::put;
use error::RegistryError;

/// The provider's name for what may be done with a registry.
const ACTIONS: &str = "Microsoft.ContainerRegistry/registries";

/// A registry.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry {
    pub(super) place: Place,
    pub(super) tenant: String,
    /// Passwords of the administrator, when there is one.
    pub(super) admin: Option<[String; 2]>,
    /// Whether tokens for the resource manager are not taken.
    pub(super) refuses_manager_tokens: bool,
    /// Hosts under which it is known beside its own name.
    pub(super) hosts: Vec<String>,
    pub(super) repositories: BTreeMap<String, Repository>,
    uploads: BTreeMap<String, Vec<u8>>,
}

/// What is in a repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Repository {
    /// Digests by tag.
    tags: BTreeMap<String, String>,
    /// Manifests with their media types, by digest.
    manifests: BTreeMap<String, (String, Vec<u8>)>,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Registry {
    pub(super) fn new(place: Place, tenant: &str) -> Self {
        Self { place, tenant: tenant.to_owned(), ..Self::default() }
    }

    pub(super) fn password() -> String {
        random::secret(52)
    }

    /// `NAME.azurecr.io`.
    fn login_server(&self) -> String {
        format!("{}.azurecr.io", self.place.name.to_lowercase())
    }

    /// Whether a token for this service is for here.
    fn is_named(&self, service: &str) -> bool {
        service == self.login_server() || self.hosts.iter().any(|host| host == service)
    }

    /// As the resource manager tells it.
    pub(super) fn shown(&self) -> Value {
        json!({
            "sku": { "name": "Premium", "tier": "Premium" },
            "properties": {
                "loginServer": self.login_server(), "adminUserEnabled": self.admin.is_some(),
                "provisioningState": "Succeeded", "anonymousPullEnabled": false, "publicNetworkAccess": "Enabled",
                "policies": { "azureADAuthenticationAsArmPolicy": {
                    "status": if self.refuses_manager_tokens { "disabled" } else { "enabled" },
                } },
            },
        })
    }

    pub(super) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }
}

impl Repository {
    pub(super) fn add_blob(&mut self, sum: &str, content: &[u8]) {
        self.blobs.insert(sum.to_owned(), content.to_vec());
    }
}

/// Where a registry is met: its name, and the URL at which its root is.
struct Met<'a> {
    name: &'a str,
    root: String,
    /// What it calls itself there.
    service: String,
}

impl Met<'_> {
    /// The path of its root, without a slash at its end: addresses in answers name no host.
    fn path(&self) -> &str {
        let host = self.root.trim_start_matches("https://");
        host.find('/').map_or("", |start| &host[start..])
    }
}

/// Answers a call to `/registry/NAME/…`.
pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let mut parts = call.path.trim_start_matches('/').splitn(3, '/').skip(1).map(decoded);
    let name = parts.next().unwrap_or_default();
    let rest = call.path.trim_start_matches('/').splitn(3, '/').nth(2).unwrap_or_default();
    let Some(registry) = state.registries.get(&name) else { return Answer::empty(404) };
    let met = Met {
        name: &name,
        root: format!("{}/registry/{name}", state.base),
        service: registry.login_server(),
    };
    respond(state, call, &met, rest)
}

/// Answers a call to a port of the registry's own.
pub(super) fn answer_at(state: &mut State, call: &Call, name: &str, host: &str) -> Answer {
    if state.registries.get(name).is_none() {
        return Answer::empty(404);
    }
    let met = Met { name, root: format!("https://{host}"), service: host.to_owned() };
    respond(state, call, &met, call.path.trim_start_matches('/'))
}

fn respond(state: &mut State, call: &Call, met: &Met<'_>, rest: &str) -> Answer {
    let segments: Vec<String> = rest.split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answered = match (call.method.as_str(), segments.as_slice()) {
        ("POST", ["oauth2", "exchange"]) => desk::exchange(state, call, met),
        ("GET" | "POST", ["oauth2", "token"]) => desk::token(state, call, met),
        _ => content::answer(state, call, met, &segments),
    };
    let answer = answered.unwrap_or_else(|error| error.as_answer());
    answer.with_header("docker-distribution-api-version", "registry/2.0")
}

fn registry<'a>(state: &'a State, met: &Met<'_>) -> &'a Registry {
    state.registries.get(met.name).expect("the call came in by this registry")
}

/// What somebody may do of what was asked for in a scope.
fn granted(state: &State, met: &Met<'_>, principal: &str, scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let place = &registry(state, met).place.id;
    let may = |action: &str| state.may(principal, Plane::Control, &format!("{ACTIONS}/{action}"), place);
    let allows = |action: &&str| match (kind, *action) {
        ("registry", "*") => name == "catalog" && (may("catalog/read") || may("pull/read")),
        ("repository", "pull" | "metadata_read") => may("pull/read"),
        ("repository", "push" | "metadata_write") => may("push/write"),
        ("repository", "delete") => may("artifacts/delete"),
        _ => false,
    };
    let actions: Vec<&str> = actions.split(',').filter(allows).collect();
    Some(json!({ "type": kind, "name": name, "actions": actions }))
}
