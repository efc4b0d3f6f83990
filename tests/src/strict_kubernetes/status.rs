use serde_json::{Value, json};

use crate::loopback::Answer;

/// A refusal as Kubernetes tells it: an object of kind `Status`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) details: Option<Value>,
}

impl Status {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// `what` is the thing by kind and name, `pods "a"`, or the kind alone, `pods`.
    pub(super) fn forbidden(what: Option<(&str, &str, &str)>, message: &str) -> Self {
        let Some((group, resource, name)) = what else {
            return Self::new(403, "Forbidden", format!("forbidden: {message}")).with_details(json!({}));
        };
        let qualified = qualified(group, resource);
        let text = match name {
            "" => format!("{qualified} is forbidden: {message}"),
            name => format!("{qualified} {name:?} is forbidden: {message}"),
        };
        Self::new(403, "Forbidden", text).with_details(details(group, resource, name))
    }

    pub(super) fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let text = format!("{} {name:?} not found", qualified(group, resource));
        Self::new(404, "NotFound", text).with_details(details(group, resource, name))
    }

    pub(super) fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let text = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(409, "Conflict", text).with_details(details("", resource, name))
    }

    /// One field of a posted object breaks a rule.
    pub(super) fn invalid(group: &str, kind: &str, field: &str, value: &str, rule: &str) -> Self {
        let fault = format!("Invalid value: {value}: {rule}");
        let text = format!("{kind}.{group} \"\" is invalid: {field}: {fault}");
        Self::new(422, "Invalid", text).with_details(json!({
            "group": group, "kind": kind,
            "causes": [{ "reason": "FieldValueInvalid", "message": fault, "field": field }],
        }))
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn method_not_allowed() -> Self {
        let text = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", text).with_details(json!({}))
    }

    pub(super) fn unsupported_media_type() -> Self {
        let text = "the body of the request was in an unknown format - accepted media types include: \
                    application/json, application/vnd.kubernetes.protobuf";
        Self::new(415, "UnsupportedMediaType", text)
    }

    /// A watch asks for what is no longer kept.
    pub(super) fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    pub(super) fn as_object(&self) -> Value {
        let mut object = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(details) = &self.details {
            object["details"] = details.clone();
        }
        object
    }

    pub(super) fn as_answer(&self) -> Answer {
        Answer::json(self.code, &self.as_object())
    }
}

/// `pods`, or `deployments.apps` outside the core group.
fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

fn details(group: &str, resource: &str, name: &str) -> Value {
    let mut details = json!({ "kind": resource });
    for (field, value) in [("group", group), ("name", name)] {
        if !value.is_empty() {
            details[field] = value.into();
        }
    }
    details
}
