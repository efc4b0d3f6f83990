use serde_json::json;

use super::super::identity::uuid;
use crate::clock::formatted;
use crate::loopback::Answer;

/// A refusal of Entra's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct EntraError {
    status: u16,
    error: &'static str,
    code: u32,
    message: String,
    suberror: Option<&'static str>,
    has_claims: bool,
}

impl EntraError {
    pub(super) fn new(status: u16, error: &'static str, code: u32, message: impl Into<String>) -> Self {
        Self { status, error, code, message: message.into(), suberror: None, has_claims: false }
    }

    pub(super) fn client(code: u32, message: impl Into<String>) -> Self {
        Self::new(401, "invalid_client", code, message)
    }

    pub(super) fn request(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", code, message)
    }

    pub(super) fn grant(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_grant", code, message)
    }

    pub(super) fn scope(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_scope", code, message)
    }

    pub(super) fn with_suberror(mut self, suberror: &'static str) -> Self {
        self.suberror = Some(suberror);
        self
    }

    /// With what the next sign-in has to show.
    pub(super) fn with_claims(mut self) -> Self {
        self.has_claims = true;
        self
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::request(900_144, format!("The request body must contain the following parameter: '{name}'."))
    }

    /// As it is told, at a time.
    pub(in super::super) fn as_answer(&self, now: i64) -> Answer {
        let (code, trace, correlation) = (self.code, uuid(), uuid());
        let time = formatted(now, "%Y-%m-%d %H:%M:%SZ");
        let message = &self.message;
        let mut body = json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
            ),
            "error_codes": [code], "timestamp": time, "trace_id": trace, "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        if let Some(suberror) = self.suberror {
            body["suberror"] = suberror.into();
        }
        if self.has_claims {
            let policies = json!({ "essential": true, "values": [uuid()] });
            body["claims"] = json!({ "access_token": { "capolids": policies } }).to_string().into();
        }
        Answer::json(self.status, &body)
    }
}
