//! What the resource types share: what is compared with the session, what is handed on, which permissions are missing.

use connector_core::{Call, Error, Expiry, Issued, Result};
use serde::Deserialize;
use serde_json::json;

use crate::credential::GcpCredential;
use crate::error;
use crate::names::{ProjectId, Service};
use crate::session::Session;
use crate::wire::Api;

/// The project of a session.
pub(super) fn project(session: &Session) -> Result<&ProjectId> {
    session.place.project.as_ref().ok_or_else(error::no_project)
}

/// Refuses a resource of another project than the session's. A session that knows none is left to Google's answer.
pub(super) fn same_project(theirs: &ProjectId, session: &Session) -> Result<()> {
    session.place.project.as_ref().map_or(Ok(()), |ours| in_project(theirs.as_str(), ours))
}

/// Refuses a resource that its id puts into another project than the connector's.
pub(super) fn in_project(theirs: &str, ours: &ProjectId) -> Result<()> {
    if theirs == ours.as_str() { Ok(()) } else { Err(error::elsewhere(theirs, ours)) }
}

/// Refuses a resource of another project than the scope of a method.
pub(super) fn in_scope(theirs: &ProjectId, scope: &str) -> Result<()> {
    ProjectId::parse(scope).map_or(Ok(()), |ours| in_project(theirs.as_str(), &ours))
}

/// Hands the session's token on as it is. Its end is the session's, which is put in place of "never" before it is
/// released.
pub(super) fn pass_on(session: &Session) -> Issued<GcpCredential> {
    Issued::new(session.credential(), Expiry::Never("nobody said when this token ends".into()))
}

/// Asks whether the session has all of these permissions on a resource, and names those that it lacks.
///
/// # Errors
/// Refused, naming what is missing.
pub(super) async fn test_permissions(
    session: &Session,
    cx: &Call<'_>,
    call: &'static str,
    service: Service,
    path: &str,
    wanted: &[&'static str],
) -> Result<()> {
    #[derive(Deserialize)]
    struct Granted {
        #[serde(default)]
        permissions: Vec<String>,
    }
    let body = json!({ "permissions": wanted });
    let granted: Granted = Api::new(cx, session).post(call, service, path, &body).await?;
    lacking(wanted, &granted.permissions)
}

/// Names the permissions that were not granted.
pub(super) fn lacking(wanted: &[&'static str], granted: &[String]) -> Result<()> {
    let missing: Vec<_> =
        wanted.iter().filter(|it| !granted.iter().any(|granted| granted == *it)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!("the account lacks {}", missing.join(", ")))
        .with_hint("grant a role that holds what is missing; new grants take some minutes"))
}
