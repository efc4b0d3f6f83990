use serde_json::json;

use super::super::identity::Refusal;
use crate::loopback::Answer;

/// A refusal of the resource manager's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ArmError {
    status: u16,
    code: &'static str,
    message: String,
    /// What a 401 says of where to sign in.
    challenge: Option<String>,
}

impl ArmError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), challenge: None }
    }

    /// A token that is not taken. `authority` is where a good one is had.
    pub(super) fn unauthenticated(refusal: &Refusal, authority: &str) -> Self {
        let (code, message) = match refusal {
            Refusal::Missing => (
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.".to_owned(),
            ),
            Refusal::Invalid => ("InvalidAuthenticationToken", "The access token is invalid.".to_owned()),
            Refusal::Expired => (
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than current UTC time.".to_owned(),
            ),
            Refusal::Audience(audience) => (
                "InvalidAuthenticationTokenAudience",
                format!(
                    "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly \
                     match with one of the allowed audiences 'https://management.core.windows.net/',\
                     'https://management.core.windows.net','https://management.azure.com/',\
                     'https://management.azure.com'."
                ),
            ),
        };
        Self::new(401, code, message).with_challenge(authority)
    }

    pub(super) fn wrong_tenant(shown: &str, own: &str, authority: &str) -> Self {
        let message = format!(
            "The access token is from the wrong issuer 'https://sts.windows.net/{shown}/'. It must match the tenant \
             'https://sts.windows.net/{own}/' associated with this subscription. Please use the authority (URL) \
             'https://login.windows.net/{own}' to get the token."
        );
        Self::new(401, "InvalidAuthenticationTokenTenant", message).with_challenge(authority)
    }

    fn with_challenge(mut self, authority: &str) -> Self {
        let message = &self.message;
        self.challenge = Some(format!(
            "Bearer authorization_uri=\"{authority}\", error=\"invalid_token\", error_description=\"{message}\""
        ));
        self
    }

    pub(super) fn denied(app: &str, id: &str, action: &str, scope: &str) -> Self {
        Self::new(
            403,
            "AuthorizationFailed",
            format!(
                "The client '{app}' with object id '{id}' does not have authorization to perform action '{action}' over \
                 scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your \
                 credentials."
            ),
        )
    }

    pub(super) fn no_subscription(id: &str) -> Self {
        Self::new(404, "SubscriptionNotFound", format!("The subscription '{id}' could not be found."))
    }

    pub(super) fn no_group(name: &str) -> Self {
        Self::new(404, "ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
    }

    pub(super) fn no_resource(what: &str, group: &str) -> Self {
        Self::new(
            404,
            "ResourceNotFound",
            format!(
                "The Resource '{what}' under resource group '{group}' was not found. For more details please go to \
                 https://aka.ms/ARMResourceNotFoundFix"
            ),
        )
    }

    pub(super) fn no_type(path: &str) -> Self {
        Self::new(404, "InvalidResourceType", format!("The resource type could not be found at '{path}'."))
    }

    pub(super) fn too_many(message: &str) -> Self {
        Self::new(429, "TooManyRequests", message)
    }

    pub(in super::super) fn as_answer(&self) -> Answer {
        let answer =
            Answer::json(self.status, &json!({ "error": { "code": self.code, "message": self.message } }));
        match &self.challenge {
            Some(challenge) => answer.with_header("www-authenticate", challenge.clone()),
            None => answer,
        }
    }
}
