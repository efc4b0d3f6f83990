//! Tokens for programs on their own.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::identity::Caller;
use super::super::state::State;
use super::directory::{App, DEVELOPER};
use super::error::EntraError;
use super::{assertion, field, required, scope};
use crate::loopback::Call;

/// How long a token lives unless a test says otherwise.
pub(super) const LIFE: Duration = Duration::from_secs(3599);
/// From this life on a token is told when to be renewed.
const LONG: u64 = 7200;

pub(super) fn token(state: &mut State, call: &Call, tenant: &str) -> Result<Value, EntraError> {
    let client = required(call, "client_id")?;
    let tenant_id = state.tenant(tenant)?.id.clone();
    let app = state.app(&client, &tenant_id)?;
    let id = app.principals.get(&tenant_id).cloned().unwrap_or_default();
    if app.id == DEVELOPER {
        return Err(not_for_public(&client));
    }
    let strength = authenticate(state, call, &client, tenant)?;
    let audience = scope::of_program(&required(call, "scope")?, &tenant_id)?;
    let life = state.life(LIFE).as_secs();
    let ends = state.clock.after(Duration::from_secs(life));
    let caller = Caller { id, tenant: tenant_id, app: client, person: None, audience, ends };
    state.let_in(&caller)?;
    let token = state.mint(&caller, &json!({ "appidacr": strength }));
    let mut told = json!({
        "token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token,
    });
    if life >= LONG {
        told["refresh_in"] = (life / 2).into();
    }
    Ok(told)
}

/// Shows that the program is who it says: by a secret (`1`) or by a signature (`2`).
fn authenticate(
    state: &mut State,
    call: &Call,
    client: &str,
    tenant: &str,
) -> Result<&'static str, EntraError> {
    const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let (secret, shown) = (field(call, "client_secret"), field(call, "client_assertion"));
    match (secret, shown) {
        (Some(_), Some(_)) => Err(EntraError::request(
            9_002_326,
            "The request body must not contain both 'client_secret' and 'client_assertion'.",
        )),
        (Some(secret), None) => {
            check_secret(state, client, &secret)?;
            Ok("1")
        }
        (None, Some(shown)) => {
            if required(call, "client_assertion_type")? != KIND {
                return Err(EntraError::request(
                    70_002,
                    "The request body must contain a valid 'client_assertion_type'.",
                ));
            }
            assertion::check(state, client, tenant, &shown)?;
            Ok("2")
        }
        (None, None) => Err(EntraError::client(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )),
    }
}

fn check_secret(state: &State, client: &str, secret: &str) -> Result<(), EntraError> {
    let wrong = || {
        EntraError::client(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                 value, not the client secret ID, for a secret added to app '{client}'."
            ),
        )
    };
    let app = state.directory.apps.get(client);
    let known =
        app.and_then(|app| app.secrets.iter().find(|(known, _)| known == secret)).ok_or_else(wrong)?;
    match known.1.is_some_and(|ends| ends <= state.clock.now()) {
        false => Ok(()),
        true => Err(EntraError::client(
            7_000_222,
            format!(
                "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new \
                 keys for your app, or consider using certificate credentials for added security."
            ),
        )),
    }
}

/// The program of a call that acts for somebody. A public one has nothing to show, any other has to.
pub(super) fn client(state: &mut State, call: &Call, tenant: &str) -> Result<String, EntraError> {
    let client = required(call, "client_id")?;
    let home = match tenant {
        "common" | "organizations" => None,
        name => Some(state.tenant(name)?.id.clone()),
    };
    let app: &App = match &home {
        Some(home) => state.app(&client, home)?,
        None => match state.directory.apps.get(&client) {
            Some(app) => app,
            None => state.app(&client, tenant)?,
        },
    };
    if !app.is_public {
        authenticate(state, call, &client, tenant)?;
        return Ok(client);
    }
    match field(call, "client_secret").or_else(|| field(call, "client_assertion")) {
        None => Ok(client),
        Some(_) => Err(not_for_public(&client)),
    }
}

fn not_for_public(client: &str) -> EntraError {
    EntraError::client(
        700_025,
        format!(
            "Client is public so neither 'client_assertion' nor 'client_secret' should be presented. Client: {client}."
        ),
    )
}
