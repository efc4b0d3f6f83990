//! What a machine tells its programs: instance metadata (version 2 only), and the container endpoint of ECS and
//! EKS Pod Identity.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::ACCOUNT;
use super::clock::iso;
use super::identity::{Identity, Principal, Session};
use super::role::Role;
use super::state::State;
use crate::loopback::{Answer, Call};
use crate::random;

const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const ROLES_PATH: &str = "/latest/meta-data/iam/security-credentials/";

/// What the two endpoints serve.
#[derive(Debug)]
pub(super) struct Metadata {
    /// The role of the instance; without one its path answers 404.
    pub(super) instance_role: Option<String>,
    /// The role of the container, and the token that a program must show.
    pub(super) container: Option<(String, String)>,
    pub(super) region: String,
    pub(super) life: Duration,
    /// Session tokens with their end.
    tokens: BTreeMap<String, i64>,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            instance_role: None,
            container: None,
            region: "us-east-1".to_owned(),
            life: Duration::from_secs(6 * 3600),
            tokens: BTreeMap::new(),
        }
    }
}

pub(super) fn is_for(call: &Call) -> bool {
    call.path.starts_with("/latest/")
        || matches!(call.path.as_str(), "/container/credentials" | "/v1/credentials")
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    match (call.method.as_str(), call.path.as_str()) {
        ("PUT", "/latest/api/token") => session(state, call),
        ("GET", "/container/credentials" | "/v1/credentials") => container(state, call),
        ("GET", _) => instance(state, call),
        _ => Answer::empty(405),
    }
}

fn session(state: &mut State, call: &Call) -> Answer {
    if call.header("x-forwarded-for").is_some() {
        return Answer::empty(403);
    }
    match call.header(TTL_HEADER).and_then(|text| text.parse::<i64>().ok()) {
        Some(ttl @ 1..=21_600) => {
            let token = random::token(56);
            state.metadata.tokens.insert(token.clone(), state.clock.now() + ttl);
            Answer::new(200, "text/plain", token).with_header(TTL_HEADER, ttl.to_string())
        }
        _ => Answer::empty(400),
    }
}

fn instance(state: &mut State, call: &Call) -> Answer {
    let token = call.header(TOKEN_HEADER).unwrap_or_default();
    if state.metadata.tokens.get(token).is_none_or(|ends| *ends <= state.clock.now()) {
        return Answer::empty(401);
    }
    let text = |text: String| Answer::new(200, "text/plain", text);
    let region = state.metadata.region.clone();
    match call.path.as_str() {
        "/latest/meta-data/placement/region" => text(region),
        "/latest/meta-data/placement/availability-zone"
        | "/latest/meta-data/placement/availability-zone/" => text(format!("{region}a")),
        "/latest/dynamic/instance-identity/document" => Answer::json(
            200,
            &json!({ "accountId": ACCOUNT, "region": region, "instanceId": "i-0123456789" }),
        ),
        path => {
            let Some(role) = state.metadata.instance_role.clone() else { return Answer::empty(404) };
            match path.strip_prefix(ROLES_PATH) {
                Some("") => text(role),
                Some(asked) if asked == role => {
                    let issued = issue(state, &role);
                    let mut body = document(&issued);
                    body["Code"] = "Success".into();
                    body["Type"] = "AWS-HMAC".into();
                    body["LastUpdated"] = iso(state.clock.now()).into();
                    // The service sends JSON under the name of plain text.
                    Answer::new(200, "text/plain", body.to_string())
                }
                _ => Answer::empty(404),
            }
        }
    }
}

fn container(state: &mut State, call: &Call) -> Answer {
    let refuse =
        |status, message: &str| Answer::json(status, &json!({ "code": "Refused", "message": message }));
    let Some((role, token)) = state.metadata.container.clone() else {
        return refuse(404, "no role is set for this container");
    };
    if call.header("authorization") != Some(token.as_str()) {
        return refuse(401, "the authorization token is missing or wrong");
    }
    let issued = issue(state, &role);
    let mut body = document(&issued);
    body["RoleArn"] = Role::arn_of(&role).into();
    body["AccountId"] = ACCOUNT.into();
    Answer::json(200, &body)
}

fn issue(state: &mut State, role: &str) -> Identity {
    let life = state.metadata.life;
    let principal = Principal::Role { name: role.to_owned(), session: "i-0123456789".to_owned() };
    state.mint(principal, life, Session { asked_seconds: life.as_secs(), ..Session::default() })
}

fn document(identity: &Identity) -> serde_json::Value {
    json!({
        "AccessKeyId": identity.keys.access_key_id,
        "SecretAccessKey": identity.keys.secret_access_key,
        "Token": identity.keys.session_token,
        "Expiration": iso(identity.expires.unwrap_or_default()),
    })
}
