//! Kinds of credentials that programs take in one way only: by asking a helper that `login` sets up.

use connector_core::{Error, Grant, Result};
use connectors::Hub;

/// What else is asked of a credential.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// To be set as environment variables.
    Variables,
    /// To be given by an endpoint of this machine.
    Endpoint,
}

/// Refuses what has no such form, before anything is issued.
///
/// # Errors
/// [`InvalidInput`](connector_core::ErrorKind::InvalidInput), with what there is instead; an unknown connector.
pub(super) async fn refuse(hub: &Hub, name: &str, grant: &Grant, form: Form) -> Result<()> {
    let Some(kind) = kind(hub, name, grant).await? else { return Ok(()) };
    let Some(programs) = programs(&kind) else { return Ok(()) };
    let lacks = match form {
        Form::Variables => "form as environment variables",
        Form::Endpoint => "protocol in which programs ask an endpoint",
    };
    let hint = format!(
        "`connector login {name}` with the same words sets up {programs}: a fresh one whenever it is needed"
    );
    Err(Error::invalid(format!("a credential of kind `{kind}` has no {lacks}"))
        .with_hint(hint)
        .with_connector(name))
}

/// The programs that ask a helper for a kind, and have no other way.
fn programs(kind: &str) -> Option<&'static str> {
    match kind {
        "kubernetes" => Some("kubectl, and whatever else reads a kubeconfig"),
        "docker" => Some("docker and podman"),
        _ => None,
    }
}

/// The kind of what is asked for, where that can be told: what is left out or wrong is said when it is issued.
async fn kind(hub: &Hub, name: &str, grant: &Grant) -> Result<Option<String>> {
    let document = hub.get(name).await?;
    let types = hub.registry().describe(&document.connector_type)?.resource_types;
    let wanted = grant.resource_type.as_ref().or(document.resource_type.as_ref());
    let found = match wanted {
        Some(wanted) => types.into_iter().find(|it| it.id == *wanted),
        None if types.len() == 1 => types.into_iter().next(),
        None => None,
    };
    Ok(found.map(|it| it.credential))
}
