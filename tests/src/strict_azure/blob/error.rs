use super::super::identity::{Refusal, uuid};
use super::xml;
use crate::loopback::Answer;

/// A refusal of Blob Storage's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StorageError {
    status: u16,
    code: &'static str,
    message: String,
    detail: Option<String>,
    challenge: Option<String>,
}

impl StorageError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: None, challenge: None }
    }

    /// A signature that does not hold, or a way in that is not taken; the detail says why.
    pub(super) fn authentication(detail: impl Into<String>) -> Self {
        let message = "Server failed to authenticate the request. Make sure the value of Authorization header is \
                       formed correctly including the signature.";
        Self { detail: Some(detail.into()), ..Self::new(403, "AuthenticationFailed", message) }
    }

    /// A token that is not taken.
    pub(super) fn bearer(refusal: &Refusal, authority: &str) -> Self {
        let challenge = format!(
            "Bearer authorization_uri={authority}/oauth2/authorize resource_id=https://storage.azure.com"
        );
        let (code, message, detail) = match refusal {
            Refusal::Missing => (
                "NoAuthenticationInformation",
                "Server failed to authenticate the request. Please refer to the information in the www-authenticate \
                 header.",
                None,
            ),
            other => {
                let detail = match other {
                    Refusal::Expired => "Lifetime validation failed. The token is expired.",
                    Refusal::Audience(_) => "Audience validation failed. Audience did not match.",
                    _ => "Signature validation failed.",
                };
                (
                    "InvalidAuthenticationInfo",
                    "Server failed to authenticate the request. Please refer to the information in the \
                     www-authenticate header.",
                    Some(detail.to_owned()),
                )
            }
        };
        Self { challenge: Some(challenge), detail, ..Self::new(401, code, message) }
    }

    /// It may do something here, but not this: by its role, or by the letters of its signature.
    pub(super) fn permission() -> Self {
        let message = "This request is not authorized to perform this operation using this permission.";
        Self::new(403, "AuthorizationPermissionMismatch", message)
    }

    pub(super) fn authorization() -> Self {
        Self::new(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
    }

    pub(super) fn no_keys() -> Self {
        let message = "Key based authentication is not permitted on this storage account.";
        Self::new(403, "KeyBasedAuthenticationNotPermitted", message)
    }

    pub(super) fn no_container() -> Self {
        Self::new(404, "ContainerNotFound", "The specified container does not exist.")
    }

    pub(super) fn no_blob() -> Self {
        Self::new(404, "BlobNotFound", "The specified blob does not exist.")
    }

    pub(super) fn header(name: &str) -> Self {
        Self {
            detail: Some(format!("HeaderName: {name}")),
            ..Self::new(
                400,
                "InvalidHeaderValue",
                "The value for one of the HTTP headers is not in the correct format.",
            )
        }
    }

    pub(super) fn query(name: &str) -> Self {
        Self {
            detail: Some(format!("QueryParameterName: {name}")),
            ..Self::new(
                400,
                "InvalidQueryParameterValue",
                "Value for one of the query parameters specified in the request URI is invalid.",
            )
        }
    }

    pub(super) fn as_answer(&self) -> Answer {
        let (message, request) = (xml::text(&self.message), uuid());
        let detail = self.detail.as_ref().map_or_else(String::new, |detail| {
            format!("<AuthenticationErrorDetail>{}</AuthenticationErrorDetail>", xml::text(detail))
        });
        let body = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{message}\nRequestId:{request}\
             </Message>{detail}</Error>",
            self.code,
        );
        let answer = Answer::new(self.status, "application/xml", body)
            .with_header("x-ms-error-code", self.code)
            .with_header("x-ms-request-id", request);
        match &self.challenge {
            Some(challenge) => answer.with_header("www-authenticate", challenge.clone()),
            None => answer,
        }
    }
}
