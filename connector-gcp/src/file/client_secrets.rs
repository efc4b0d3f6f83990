//! The client secrets of a program, with which a person logs in to it.

use std::fmt;

use connector_core::{Error, Result, Secret};
use serde::Deserialize;

use super::raw::{Raw, needed_secret, needed_text};
use crate::names::ProjectId;

/// What the console gives for an OAuth client, often named `client_secrets.json`. It lets a person log in, and reaches
/// nothing by itself.
#[derive(Clone)]
pub struct ClientSecrets {
    pub(crate) kind: Kind,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) project: Option<ProjectId>,
    pub(crate) redirect_uris: Vec<String>,
}

/// Of which type the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A program on a person's machine: any port of this machine may be come back to.
    Installed,
    /// A web server: only the addresses that were registered may be come back to.
    Web,
}

/// As it stands in the file.
#[derive(Clone, Deserialize)]
pub(super) struct RawClient {
    client_id: Option<String>,
    client_secret: Option<Secret>,
    project_id: Option<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

impl fmt::Debug for ClientSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecrets").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl ClientSecrets {
    /// Reads a file: its JSON text, or that in base64.
    ///
    /// # Errors
    /// Invalid input that says what is missing or wrong, and quotes nothing.
    pub fn parse(text: &Secret) -> Result<Self> {
        let raw = Raw::parse(text)?;
        let (kind, client) = match (&raw.installed, &raw.web) {
            (Some(client), _) => (Kind::Installed, client),
            (None, Some(client)) => (Kind::Web, client),
            (None, None) => {
                return Err(match raw.kind() {
                    Ok(_) => raw.is_another("client secrets, with which a person can log in"),
                    Err(_) => {
                        Error::invalid("holds neither `installed` nor `web`: these are no client secrets")
                    }
                });
            }
        };
        let project = client.project_id.clone().filter(|it| !it.is_empty()).map(ProjectId::parse).transpose();
        Ok(Self {
            kind,
            client_id: needed_text("client_id", client.client_id.as_ref())?.to_owned(),
            client_secret: needed_secret("client_secret", client.client_secret.as_ref())?.clone(),
            project: project.map_err(|error| Error::invalid(format!("`project_id`: {}", error.message())))?,
            redirect_uris: client.redirect_uris.clone(),
        })
    }
}
