//! The flow for devices: a code to type in elsewhere, and polling until that has been done.

use serde_json::{Value, json};

use super::super::error::OauthError;
use super::super::state::State;
use super::{Directory, Kind, Refresh, client, required, scopes, user};
use crate::loopback::Call;
use crate::random;

pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

const LIFE: i64 = 1800;

/// What a device may ask for: not the cloud.
const ALLOWED: [&str; 6] = [
    "openid",
    "email",
    "profile",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/drive.file",
    "https://www.googleapis.com/auth/drive.appdata",
];

/// A device that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Device {
    client: String,
    user_code: String,
    scopes: Vec<String>,
    ends: i64,
    decision: Decision,
}

/// What somebody has said of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Decision {
    Waiting,
    Approved(String),
    Denied,
}

impl Directory {
    /// Decides for every device that waits, or the one with that user code. Answers with how many.
    pub(in super::super) fn decide(&mut self, user_code: Option<&str>, decision: &Decision) -> usize {
        let waiting = self.devices.values_mut().filter(|device| device.decision == Decision::Waiting);
        let meant = waiting.filter(|device| user_code.is_none_or(|code| code == device.user_code));
        meant.map(|device| device.decision = decision.clone()).count()
    }
}

pub(super) fn start(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    let client = required(call, "client_id")?;
    match state.directory.clients.get(&client) {
        Some(known) if known.kind == Kind::LimitedInput => {}
        Some(_) => return Err(OauthError::client("Invalid client type.")),
        None => return Err(OauthError::client("The OAuth client was not found.")),
    }
    let scopes = scopes(&required(call, "scope")?)?;
    if let Some(refused) = scopes.iter().find(|scope| !ALLOWED.contains(&scope.as_str())) {
        let words = format!("Invalid device flow scope: {refused}");
        return Err(OauthError::new(400, "invalid_scope", words));
    }
    let code = format!("AH-{}", random::token(90));
    let user_code = format!("{}-{}-{}", random::id(3), random::id(3), random::id(3));
    let ends = state.clock.now() + LIFE;
    let decision = Decision::Waiting;
    let device = Device { client, user_code: user_code.clone(), scopes, ends, decision };
    state.directory.devices.insert(code.clone(), device);
    Ok(json!({
        "device_code": code, "user_code": user_code, "expires_in": LIFE, "interval": 5,
        "verification_url": "https://www.google.com/device",
    }))
}

pub(super) fn poll(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    let (id, _) = client(state, call)?;
    let code = required(call, "device_code")?;
    let device = state.directory.devices.get(&code).filter(|device| device.client == id).cloned();
    let device = device.ok_or_else(|| OauthError::grant("Malformed device code."))?;
    if device.ends <= state.clock.now() {
        return Err(OauthError::new(400, "expired_token", "The device code has expired."));
    }
    if state.directory.slow_downs > 0 {
        state.directory.slow_downs -= 1;
        return Err(OauthError::new(403, "slow_down", "Forbidden"));
    }
    match device.decision {
        Decision::Waiting => Err(OauthError::new(428, "authorization_pending", "Precondition Required")),
        Decision::Denied => {
            state.directory.devices.remove(&code);
            Err(OauthError::new(403, "access_denied", "Forbidden"))
        }
        Decision::Approved(user) => {
            // A code is good for one login.
            state.directory.devices.remove(&code);
            let (client, scopes) = (id.clone(), device.scopes.clone());
            let refresh = Refresh { client, user: user.clone(), scopes };
            let refresh = state.directory.add_refresh_token(refresh);
            let mut told = user::issue(state, &id, &user, device.scopes, Some(&refresh));
            told["refresh_token"] = refresh.into();
            Ok(told)
        }
    }
}
