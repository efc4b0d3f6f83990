//! The flow for devices: a code to type in elsewhere, and polling until that has been done.

use serde_json::{Value, json};

use super::super::state::State;
use super::directory::Person;
use super::error::EntraError;
use super::{program, required, scope, user};
use crate::loopback::Call;
use crate::random;

pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

const LIFE: i64 = 900;

/// A device that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Device {
    client: String,
    tenant: String,
    user_code: String,
    scope: String,
    ends: i64,
    decision: Decision,
}

/// What somebody has said of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Decision {
    Waiting,
    Approved(Person),
    Declined,
}

impl State {
    /// Decides for every device that waits, or the one with that user code. Answers with how many.
    pub(in super::super) fn decide(&mut self, user_code: Option<&str>, decision: &Decision) -> usize {
        let waiting = self.directory.devices.values_mut().filter(|it| it.decision == Decision::Waiting);
        let meant = waiting.filter(|device| user_code.is_none_or(|code| code == device.user_code));
        meant.map(|device| device.decision = decision.clone()).count()
    }
}

pub(super) fn start(state: &mut State, call: &Call, tenant: &str) -> Result<Value, EntraError> {
    let client = program::client(state, call, tenant)?;
    let scope = required(call, "scope")?;
    scope::of_person(&scope, tenant)?;
    let code = format!("{}AQABIQEAAAD", random::token(150));
    let user_code = random::text(9, b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789");
    let device = Device {
        client,
        tenant: tenant.to_owned(),
        user_code: user_code.clone(),
        scope,
        ends: state.clock.now() + LIFE,
        decision: Decision::Waiting,
    };
    state.directory.devices.insert(code.clone(), device);
    let page = "https://microsoft.com/devicelogin";
    Ok(json!({
        "user_code": user_code, "device_code": code, "verification_uri": page, "expires_in": LIFE, "interval": 5,
        "message": format!(
            "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
        ),
    }))
}

pub(super) fn poll(state: &mut State, call: &Call, tenant: &str) -> Result<Value, EntraError> {
    let client = program::client(state, call, tenant)?;
    let code = required(call, "device_code")?;
    let known = state.directory.devices.get(&code);
    let known = known.filter(|device| device.client == client && device.tenant == tenant).cloned();
    let told = |error, code, words: &str| Err(EntraError::new(400, error, code, words));
    let Some(device) = known else {
        return told("bad_verification_code", 70_018, "Bad verification code.");
    };
    if device.ends <= state.clock.now() {
        let words = "The provided value for the input parameter 'device_code' is not valid. This device code has expired.";
        return told("expired_token", 70_020, words);
    }
    if state.directory.slow_downs > 0 {
        state.directory.slow_downs -= 1;
        return told("slow_down", 70_017, "The client is polling too often. Slow down.");
    }
    match device.decision {
        Decision::Waiting => {
            let words = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
            told("authorization_pending", 70_016, words)
        }
        Decision::Declined => {
            state.directory.devices.remove(&code);
            told("authorization_declined", 70_019, "The end user has denied the authorization request.")
        }
        Decision::Approved(person) => {
            // A code is good for one login.
            state.directory.devices.remove(&code);
            let asked = scope::of_person(&device.scope, tenant)?;
            user::issue(state, call, &client, &person, &asked)
        }
    }
}
