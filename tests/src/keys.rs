//! Credentials as AWS clients take them.

use std::process::Command;

use serde_json::Value;

/// Credentials as a client is given them.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// `AKIA…` when long-lived, `ASIA…` when temporary.
    pub access_key_id: String,
    /// The secret that signs.
    pub secret_access_key: String,
    /// Present for temporary credentials.
    pub session_token: Option<String>,
}

/// Only the key's id.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Keys {
    /// A pair without a session token.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
        }
    }

    /// Reads an object that names its fields as AWS does (`AccessKeyId`, `SecretAccessKey`, `SessionToken`).
    #[track_caller]
    pub fn from_json(object: &Value) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            access_key_id: text("AccessKeyId").expect("the object has an AccessKeyId"),
            secret_access_key: text("SecretAccessKey").expect("the object has a SecretAccessKey"),
            session_token: text("SessionToken"),
        }
    }

    /// Gives them to `command` by its environment.
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("AWS_ACCESS_KEY_ID", &self.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", &self.secret_access_key);
        match &self.session_token {
            Some(token) => command.env("AWS_SESSION_TOKEN", token),
            None => command.env_remove("AWS_SESSION_TOKEN"),
        }
    }
}
