//! Verifying: is the server one, does it take the login, and may the login do what is asked.

use connector_core::{Access, Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Api;
use crate::credential::Login;
use crate::session::ServiceAccount;
use crate::token_request;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

#[derive(Deserialize)]
struct Review<T> {
    status: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct Allowed {
    allowed: bool,
}

/// Checks that the server answers as an API server, and that it takes the login.
pub(crate) async fn login(api: &Api<'_>) -> Result<()> {
    match api.get::<Version>("get /version", "/version").await {
        Ok(version) if version.value.git_version.is_empty() => {
            return Err(crate::error::garbage(api, "get /version", 200));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(crate::error::garbage(api, "get /version", 404));
        }
        // Some clusters show their version to nobody; the reviews tell whether the login is taken.
        Err(error) if is_forbidden(&error) => {}
        Err(error) => return Err(error),
    }
    match who(api).await? {
        Some(user) if user == "system:anonymous" => Err(taken_for_nobody(api)),
        Some(_) => Ok(()),
        // Answered to everybody who is logged in, and to nobody else.
        None => {
            let review = json!({ "nonResourceAttributes": { "path": "/version", "verb": "get" } });
            match allowed(api, review).await {
                Ok(_) => Ok(()),
                Err(error) if is_forbidden(&error) => Err(taken_for_nobody(api)),
                Err(error) => Err(error),
            }
        }
    }
}

/// What a server does with a way to log in that it does not know: it passes over it.
fn taken_for_nobody(api: &Api<'_>) -> Error {
    if matches!(api.login, Login::Password(_)) {
        return crate::error::no_password(api);
    }
    let cluster = &api.cluster.name;
    Error::refused(format!("cluster `{cluster}` takes the login for nobody's (system:anonymous)"))
        .with_hint("the server does not know this way to log in: use another method")
}

/// Checks that the login may do what issuing for `access` needs.
pub(crate) async fn access(api: &Api<'_>, account: Option<&ServiceAccount>, access: Access) -> Result<()> {
    if let Some(account) = account {
        let create = json!({
            "namespace": account.namespace.as_str(), "verb": "create", "group": "", "version": "v1",
            "resource": "serviceaccounts", "subresource": "token", "name": account.name.as_str(),
        });
        if !allowed(api, json!({ "resourceAttributes": create })).await? {
            return Err(Error::refused(format!(
                "the login is taken by cluster `{}`, and may not create tokens of service account `{}/{}`",
                api.cluster.name, account.namespace, account.name
            ))
            .with_hint(token_request::grant_hint(account)));
        }
    } else if access == Access::Admin {
        let all = json!({ "verb": "*", "group": "*", "resource": "*" });
        if !allowed(api, json!({ "resourceAttributes": all })).await? {
            return Err(Error::refused(format!(
                "the login is taken by cluster `{}`, and is no administrator there",
                api.cluster.name
            )));
        }
    }
    Ok(())
}

fn is_forbidden(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused && error.causes().iter().any(|it| it.ends_with("status 403"))
}

/// Who the server says that we are; `None` where it has no SelfSubjectReview (before 1.27), or does not say. One
/// that has none tells that to administrators alone (404): all others may not create what it does not know (403).
async fn who(api: &Api<'_>) -> Result<Option<String>> {
    for version in ["v1", "v1beta1", "v1alpha1"] {
        let group = format!("authentication.k8s.io/{version}");
        let body = json!({ "apiVersion": group, "kind": "SelfSubjectReview" });
        let path = format!("/apis/{group}/selfsubjectreviews");
        match api.create::<Review<Who>>("create selfsubjectreviews", &path, &body).await {
            Ok(review) => return Ok(Some(review.value.status.user_info.username)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if is_forbidden(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether the server says that the login may do this.
async fn allowed(api: &Api<'_>, spec: Value) -> Result<bool> {
    let body =
        json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = api.create::<Review<Allowed>>("create selfsubjectaccessreviews", path, &body).await?;
    Ok(review.value.status.allowed)
}
