use serde_json::{Value, json};

use super::Met;
use crate::loopback::Answer;

/// A refusal as a registry tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegistryError {
    status: u16,
    code: &'static str,
    message: String,
    detail: Value,
    challenge: Option<String>,
}

impl RegistryError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: Value::Null, challenge: None }
    }

    pub(super) fn unauthorized() -> Self {
        let message = "authentication required, visit https://aka.ms/acr/authorization for more information.";
        Self::new(401, "UNAUTHORIZED", message)
    }

    /// The same, with where a token is had and what it has to be for.
    pub(super) fn challenge(met: &Met<'_>, scope: &str, error: Option<&str>) -> Self {
        let Met { root, service, .. } = met;
        let mut challenge = format!("Bearer realm=\"{root}/oauth2/token\",service=\"{service}\"");
        if !scope.is_empty() {
            challenge += &format!(",scope=\"{scope}\"");
        }
        if let Some(error) = error {
            challenge += &format!(",error=\"{error}\"");
        }
        let mut parts = scope.splitn(2, ':');
        let kind = parts.next().unwrap_or_default();
        let (name, actions) = parts.next().and_then(|rest| rest.rsplit_once(':')).unwrap_or_default();
        let detail = match scope {
            "" => Value::Null,
            _ => actions
                .split(',')
                .map(|action| json!({ "Type": kind, "Name": name, "Action": action }))
                .collect(),
        };
        Self { challenge: Some(challenge), detail, ..Self::unauthorized() }
    }

    pub(super) fn as_answer(&self) -> Answer {
        let error = json!({ "code": self.code, "message": self.message, "detail": self.detail });
        let answer = Answer::json(self.status, &json!({ "errors": [error] }));
        match &self.challenge {
            Some(challenge) => answer.with_header("www-authenticate", challenge.clone()),
            None => answer,
        }
    }
}
