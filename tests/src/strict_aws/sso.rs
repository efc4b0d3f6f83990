//! IAM Identity Center: the OIDC service (register, device authorization, tokens) and the portal (accounts, roles,
//! role credentials).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::AwsError;
use super::identity::{Principal, Session};
use super::state::State;
use crate::loopback::{Answer, Call};
use crate::random;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How long a client's registration is good for.
const REGISTRATION: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long a user has to approve a device.
const APPROVAL: Duration = Duration::from_secs(600);

/// What the directory knows.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) start_url: String,
    /// Account, account name and role, as the user may choose them.
    pub(super) assignments: Vec<(String, String, String)>,
    pub(super) token_life: Duration,
    pub(super) role_life: Duration,
    pub(super) poll_interval: u64,
    pub(super) approves_at_once: bool,
    /// How many of the next polls are told to slow down.
    pub(super) slow_downs: usize,
    /// Client secrets by client id, with their end.
    clients: BTreeMap<String, (String, i64)>,
    devices: BTreeMap<String, Device>,
    /// Access tokens with their end.
    access_tokens: BTreeMap<String, i64>,
    /// Refresh tokens that have not been used, with their client.
    refresh_tokens: BTreeMap<String, String>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            start_url: "https://corp.awsapps.com/start".to_owned(),
            assignments: Vec::new(),
            token_life: Duration::from_secs(8 * 3600),
            role_life: Duration::from_secs(3600),
            poll_interval: 1,
            approves_at_once: false,
            slow_downs: 0,
            clients: BTreeMap::new(),
            devices: BTreeMap::new(),
            access_tokens: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
        }
    }
}

#[derive(Debug)]
struct Device {
    client: String,
    user_code: String,
    expires: i64,
    decision: Decision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Waiting,
    Approved,
    Denied,
}

impl Directory {
    /// Decides for every device that waits, or the one with that user code. Answers with how many.
    pub(super) fn decide(&mut self, user_code: Option<&str>, decision: Decision) -> usize {
        let waiting = self.devices.values_mut().filter(|device| device.decision == Decision::Waiting);
        let meant = waiting.filter(|device| user_code.is_none_or(|code| code == device.user_code));
        meant.map(|device| device.decision = decision).count()
    }

    /// An access token as if a login had been made.
    pub(super) fn log_in(&mut self, now: i64) -> String {
        let token = random::token(64);
        self.access_tokens.insert(token.clone(), now + seconds(self.token_life));
        token
    }

    /// Ends every access and refresh token.
    pub(super) fn log_out(&mut self) {
        self.access_tokens.clear();
        self.refresh_tokens.clear();
    }
}

pub(super) fn is_for(call: &Call) -> bool {
    matches!(
        (call.method.as_str(), call.path.as_str()),
        ("POST", "/client/register" | "/device_authorization" | "/token" | "/logout")
            | ("GET", "/federation/credentials" | "/assignment/accounts" | "/assignment/roles")
    )
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let answered = match call.path.as_str() {
        "/client/register" => register(state, &call.json()),
        "/device_authorization" => authorize_device(state, &call.json()),
        "/token" => token(state, &call.json()),
        _ => portal(state, call),
    };
    match answered {
        Ok(body) => Answer::json(200, &body),
        Err(error) => error.as_json(),
    }
}

fn refused(code: &'static str, message: &str) -> AwsError {
    let status = if matches!(code, "InvalidClientException" | "UnauthorizedException") { 401 } else { 400 };
    AwsError::new(status, code, message)
}

fn register(state: &mut State, body: &Value) -> Result<Value, AwsError> {
    if body["clientType"] != "public" || !body["clientName"].is_string() {
        return Err(refused("InvalidClientMetadataException", "Invalid client metadata"));
    }
    let (id, secret, now) = (random::token(22), random::token(120), state.clock.now());
    let ends = now + seconds(REGISTRATION);
    state.directory.clients.insert(id.clone(), (secret.clone(), ends));
    Ok(json!({
        "clientId": id, "clientSecret": secret, "clientIdIssuedAt": now, "clientSecretExpiresAt": ends,
    }))
}

fn authorize_device(state: &mut State, body: &Value) -> Result<Value, AwsError> {
    let client = known_client(state, body)?;
    let directory = &mut state.directory;
    if body["startUrl"] != directory.start_url.as_str() {
        return Err(refused("InvalidRequestException", "Invalid startUrl provided"));
    }
    let (device_code, user_code) = (random::token(43), format!("{}-{}", random::id(4), random::id(4)));
    let decision = if directory.approves_at_once { Decision::Approved } else { Decision::Waiting };
    let expires = state.clock.now() + seconds(APPROVAL);
    let device = Device { client, user_code: user_code.clone(), expires, decision };
    directory.devices.insert(device_code.clone(), device);
    let page = directory.start_url.replace("/start", "/start/#/device");
    Ok(json!({
        "deviceCode": device_code,
        "userCode": user_code,
        "verificationUri": page,
        "verificationUriComplete": format!("{page}?user_code={user_code}"),
        "expiresIn": APPROVAL.as_secs(),
        "interval": directory.poll_interval,
    }))
}

fn token(state: &mut State, body: &Value) -> Result<Value, AwsError> {
    let client = known_client(state, body)?;
    let now = state.clock.now();
    let directory = &mut state.directory;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    match text("grantType").as_str() {
        DEVICE_GRANT => {
            let code = text("deviceCode");
            check_device(directory, &code, &client, now)?;
            directory.devices.remove(&code);
        }
        "refresh_token" => {
            // A refresh token is good for one use.
            let owner = directory.refresh_tokens.remove(&text("refreshToken"));
            if owner.as_deref() != Some(client.as_str()) {
                return Err(refused("InvalidGrantException", "Invalid refresh token provided"));
            }
        }
        _ => return Err(refused("UnsupportedGrantTypeException", "Unsupported grant type")),
    }
    let access_token = directory.log_in(now);
    let refresh_token = random::token(64);
    directory.refresh_tokens.insert(refresh_token.clone(), client);
    Ok(json!({
        "accessToken": access_token,
        "tokenType": "Bearer",
        "expiresIn": directory.token_life.as_secs(),
        "refreshToken": refresh_token,
    }))
}

fn check_device(directory: &mut Directory, code: &str, client: &str, now: i64) -> Result<(), AwsError> {
    let device = directory.devices.get(code).filter(|device| device.client == client);
    let device = device.ok_or_else(|| refused("InvalidGrantException", "Invalid device code provided"))?;
    if device.expires <= now {
        return Err(refused("ExpiredTokenException", "Device code expired"));
    }
    if directory.slow_downs > 0 {
        directory.slow_downs -= 1;
        return Err(refused("SlowDownException", "Slow down"));
    }
    match device.decision {
        Decision::Approved => Ok(()),
        Decision::Waiting => Err(refused("AuthorizationPendingException", "Authorization pending")),
        Decision::Denied => Err(refused("AccessDeniedException", "Access denied")),
    }
}

fn known_client(state: &State, body: &Value) -> Result<String, AwsError> {
    let id = body["clientId"].as_str().unwrap_or_default();
    match state.directory.clients.get(id) {
        Some((secret, ends)) if body["clientSecret"] == secret.as_str() && *ends > state.clock.now() => {
            Ok(id.to_owned())
        }
        _ => Err(refused("InvalidClientException", "Invalid client provided")),
    }
}

fn portal(state: &mut State, call: &Call) -> Result<Value, AwsError> {
    let token = call.header("x-amz-sso_bearer_token").unwrap_or_default();
    let ends = state.directory.access_tokens.get(token);
    if ends.is_none_or(|ends| *ends <= state.clock.now()) {
        return Err(refused("UnauthorizedException", "Session token not found or invalid"));
    }
    let parameter = |name: &str| call.parameter(name).unwrap_or_default();
    let assignments = &state.directory.assignments;
    match call.path.as_str() {
        "/assignment/accounts" => {
            let mut accounts: Vec<_> = assignments.iter().map(|(id, name, _)| (id, name)).collect();
            accounts.sort();
            accounts.dedup();
            let entry = |(id, name): (&String, &String)| json!({ "accountId": id, "accountName": name, "emailAddress": format!("{name}@example.com") });
            Ok(json!({ "accountList": accounts.into_iter().map(entry).collect::<Vec<_>>() }))
        }
        "/assignment/roles" => {
            let account = parameter("account_id");
            let roles = assignments.iter().filter(|(id, _, _)| *id == account);
            let entry =
                |(id, _, role): &(String, String, String)| json!({ "accountId": id, "roleName": role });
            Ok(json!({ "roleList": roles.map(entry).collect::<Vec<_>>() }))
        }
        "/logout" => {
            let token = token.to_owned();
            state.directory.access_tokens.remove(&token);
            Ok(json!({}))
        }
        _ => role_credentials(state, &parameter("account_id"), &parameter("role_name")),
    }
}

fn role_credentials(state: &mut State, account: &str, role: &str) -> Result<Value, AwsError> {
    let mut assignments = state.directory.assignments.iter();
    if !assignments.any(|(id, _, name)| id == account && name == role) {
        return Err(AwsError::new(403, "ForbiddenException", "No access"));
    }
    let principal = Principal::Role {
        name: format!("AWSReservedSSO_{role}_0123456789abcdef"),
        session: "user@example.com".to_owned(),
    };
    let life = state.directory.role_life;
    let issued = state.mint(principal, life, Session { asked_seconds: life.as_secs(), ..Session::default() });
    Ok(json!({ "roleCredentials": {
        "accessKeyId": issued.keys.access_key_id,
        "secretAccessKey": issued.keys.secret_access_key,
        "sessionToken": issued.keys.session_token,
        "expiration": issued.expires.unwrap_or_default() * 1000,
    }}))
}

fn seconds(life: Duration) -> i64 {
    i64::try_from(life.as_secs()).expect("lives are shorter than ages")
}
