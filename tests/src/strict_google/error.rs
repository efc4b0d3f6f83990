use serde_json::{Value, json};

use crate::loopback::Answer;

/// A refusal as Google's APIs tell it (`google.rpc.Status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    code: u16,
    status: &'static str,
    message: String,
    info: Option<Info>,
}

/// An `ErrorInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Info {
    reason: &'static str,
    domain: String,
    metadata: Vec<(&'static str, String)>,
}

impl ApiError {
    fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), info: None }
    }

    fn with_info(mut self, reason: &'static str, domain: &str, metadata: &[(&'static str, &str)]) -> Self {
        let metadata = metadata.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.info = Some(Info { reason, domain: domain.to_owned(), metadata });
        self
    }

    /// A token that is unknown, has ended, or whose account is out of use, by its `reason`.
    pub(super) fn unauthenticated(reason: &'static str, service: &str) -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie \
                       or other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        let error = Self::new(401, "UNAUTHENTICATED", message);
        error.with_info(reason, "googleapis.com", &[("service", service)])
    }

    pub(super) fn no_credentials(service: &str) -> Self {
        let message = "Request is missing required authentication credential. Expected OAuth 2 access token, login \
                       cookie or other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        let error = Self::new(401, "UNAUTHENTICATED", message);
        error.with_info("CREDENTIALS_MISSING", "googleapis.com", &[("service", service)])
    }

    pub(super) fn scopes(service: &str) -> Self {
        let error = Self::new(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.");
        error.with_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", &[("service", service)])
    }

    pub(super) fn user_project(project: &str) -> Self {
        let message = format!(
            "Caller does not have required permission to use project {project}. Grant the caller the \
             roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use \
             permission, by visiting https://console.developers.google.com/iam-admin/iam/project?project={project} \
             and then retry. Propagation of the new permission may take a few minutes."
        );
        let error = Self::new(403, "PERMISSION_DENIED", message);
        let consumer = format!("projects/{project}");
        error.with_info("USER_PROJECT_DENIED", "googleapis.com", &[("consumer", &consumer)])
    }

    /// A permission that the caller lacks.
    pub(super) fn denied(service: &str, permission: &str, resource: &str) -> Self {
        let message =
            format!("Permission '{permission}' denied on resource '{resource}' (or it may not exist).");
        let error = Self::new(403, "PERMISSION_DENIED", message);
        let metadata = [("permission", permission), ("resource", resource)];
        error.with_info("IAM_PERMISSION_DENIED", service, &metadata)
    }

    /// A permission on a service account, which is not named in the message.
    pub(super) fn denied_on_account(permission: &str) -> Self {
        let message = format!("Permission '{permission}' denied on resource (or it may not exist).");
        let error = Self::new(403, "PERMISSION_DENIED", message);
        error.with_info("IAM_PERMISSION_DENIED", "iam.googleapis.com", &[("permission", permission)])
    }

    /// Resource manager's words, which name nothing.
    pub(super) fn caller_lacks_permission() -> Self {
        Self::new(403, "PERMISSION_DENIED", "The caller does not have permission")
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "NOT_FOUND", message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(400, "FAILED_PRECONDITION", message)
    }

    pub(super) fn exhausted() -> Self {
        let message =
            "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service.";
        let error = Self::new(429, "RESOURCE_EXHAUSTED", message);
        error.with_info("RATE_LIMIT_EXCEEDED", "googleapis.com", &[])
    }

    pub(super) fn as_answer(&self) -> Answer {
        let mut error = json!({ "code": self.code, "message": self.message, "status": self.status });
        if let Some(Info { reason, domain, metadata }) = &self.info {
            let metadata: Value =
                metadata.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason, "domain": domain, "metadata": metadata,
            }]);
        }
        let answer = Answer::json(self.code, &json!({ "error": error }));
        match self.code {
            401 => challenged(answer),
            _ => answer,
        }
    }

    /// As Cloud Storage tells the same of a caller: its errors are of an older kind.
    pub(super) fn as_storage(&self) -> StorageError {
        match self.code {
            401 => StorageError { location: Some("Authorization"), ..StorageError::invalid_credentials() },
            code => StorageError::new(code, "forbidden", self.message.clone()),
        }
    }
}

fn challenged(answer: Answer) -> Answer {
    let challenge = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"";
    answer.with_header("www-authenticate", challenge)
}

/// A refusal as Cloud Storage's JSON API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StorageError {
    code: u16,
    reason: &'static str,
    message: String,
    location: Option<&'static str>,
}

impl StorageError {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), location: None }
    }

    fn invalid_credentials() -> Self {
        Self::new(401, "authError", "Invalid Credentials")
    }

    pub(super) fn denied(who: &str, permission: &str, what: &str) -> Self {
        Self::new(
            403,
            "forbidden",
            format!(
                "{who} does not have {permission} access to the Google Cloud Storage {what}. Permission \
                 '{permission}' denied on resource (or it may not exist)."
            ),
        )
    }

    pub(super) fn anonymous(permission: &str, what: &str) -> Self {
        let denied = Self::denied("Anonymous caller", permission, what);
        Self { code: 401, reason: "required", location: Some("Authorization"), ..denied }
    }

    pub(super) fn no_bucket() -> Self {
        Self::new(404, "notFound", "The specified bucket does not exist.")
    }

    pub(super) fn no_object(bucket: &str, name: &str) -> Self {
        Self::new(404, "notFound", format!("No such object: {bucket}/{name}"))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid", message)
    }

    pub(super) fn as_answer(&self) -> Answer {
        let mut one = json!({ "message": self.message, "domain": "global", "reason": self.reason });
        if let Some(location) = self.location {
            one["locationType"] = "header".into();
            one["location"] = location.into();
        }
        let error = json!({ "code": self.code, "message": self.message, "errors": [one] });
        let answer = Answer::json(self.code, &json!({ "error": error }));
        match self.code {
            401 => challenged(answer),
            _ => answer,
        }
    }
}

/// A refusal as the OAuth endpoints tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OauthError {
    code: u16,
    error: &'static str,
    description: String,
    subtype: Option<&'static str>,
}

impl OauthError {
    pub(super) fn new(code: u16, error: &'static str, description: impl Into<String>) -> Self {
        Self { code, error, description: description.into(), subtype: None }
    }

    pub(super) fn grant(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_grant", description)
    }

    pub(super) fn request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub(super) fn client(description: impl Into<String>) -> Self {
        Self::new(401, "invalid_client", description)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::request(format!("Missing required parameter: {parameter}"))
    }

    /// The user has to show again who she is.
    pub(super) fn reauthentication() -> Self {
        Self { subtype: Some("invalid_rapt"), ..Self::grant("reauth related error (invalid_rapt)") }
    }

    pub(super) fn as_answer(&self) -> Answer {
        let mut body = json!({ "error": self.error, "error_description": self.description });
        if let Some(subtype) = self.subtype {
            body["error_subtype"] = subtype.into();
        }
        Answer::json(self.code, &body)
    }
}
