//! What a token is asked for.

use super::super::audience::Service;
use super::error::EntraError;

/// What somebody asked for: one resource, and what comes with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The audience of the token, as it was named.
    pub(super) resource: String,
    pub(super) has_refresh: bool,
    pub(super) has_identity: bool,
    pub(super) nonce: Option<String>,
    /// The scopes in Entra's words.
    pub(super) granted: String,
}

/// Reads the scope of a program on its own: exactly one resource with `/.default`.
pub(super) fn of_program(text: &str, tenant: &str) -> Result<String, EntraError> {
    let parts: Vec<&str> = text.split(' ').filter(|part| !part.is_empty()).collect();
    let [scope] = parts.as_slice() else { return Err(invalid(text)) };
    let Some(resource) = scope.strip_suffix("/.default").filter(|resource| !resource.is_empty()) else {
        return Err(EntraError::scope(
            1_002_012,
            format!(
                "The provided value for scope {text} is not valid. Client credential flows must have a scope value with \
                 /.default suffixed to the resource identifier (application ID URI)."
            ),
        ));
    };
    known(resource, tenant)
}

/// Reads the scope of a program that acts for somebody.
pub(super) fn of_person(text: &str, tenant: &str) -> Result<Asked, EntraError> {
    let mut asked = Asked::default();
    let mut granted = Vec::new();
    for scope in text.split(' ').filter(|part| !part.is_empty()) {
        match scope {
            "openid" | "profile" | "email" => asked.has_identity = true,
            "offline_access" => asked.has_refresh = true,
            _ => {
                let (resource, permission) = scope.rsplit_once('/').ok_or_else(|| invalid(text))?;
                if !matches!(permission, ".default" | "user_impersonation") {
                    return Err(invalid(text));
                }
                if !asked.resource.is_empty() && asked.resource != resource {
                    return Err(EntraError::new(
                        400,
                        "invalid_request",
                        28_000,
                        format!(
                            "Provided value for the input parameter scope is not valid because it contains more than \
                             one resource. Scope {text} is not valid."
                        ),
                    ));
                }
                asked.resource = known(resource, tenant)?;
                granted.push(format!("{resource}/user_impersonation {resource}/.default"));
            }
        }
    }
    // Without a resource it would be Graph, which nobody here is for.
    match asked.resource.is_empty() {
        true => Err(invalid(text)),
        false => Ok(Asked { granted: granted.join(" "), ..asked }),
    }
}

fn known(resource: &str, tenant: &str) -> Result<String, EntraError> {
    match Service::of(resource) {
        Some(_) => Ok(resource.to_owned()),
        None => Err(unknown_resource(resource, tenant)),
    }
}

/// The refusal of a resource that is not in the tenant.
pub(in super::super) fn unknown_resource(resource: &str, tenant: &str) -> EntraError {
    EntraError::new(
        400,
        "invalid_resource",
        500_011,
        format!(
            "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in the \
             tenant. You might have sent your authentication request to the wrong tenant."
        ),
    )
}

fn invalid(text: &str) -> EntraError {
    EntraError::scope(
        70_011,
        format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
             'scope' is not valid. The scope {text} is not valid."
        ),
    )
}
