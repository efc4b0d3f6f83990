//! The identities of a machine.

use super::identity::uuid;
use super::managed::{Arc, Identity};
use super::{StrictAzure, TENANT};
use crate::random;

/// An identity that a machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedIdentity {
    /// The client id.
    pub client_id: String,
    /// The object id, to which roles are granted.
    pub object_id: String,
    /// The id in the resource manager; empty for the machine's own.
    pub resource_id: String,
}

impl StrictAzure {
    /// An identity of its own for the machine, which is taken when none is named.
    pub fn set_system_identity(&self) -> ManagedIdentity {
        let made = self.add_identity("");
        self.state().managed.system = Some(made.object_id.clone());
        made
    }

    /// An identity that is assigned to the machine beside its own.
    pub fn assign_identity(&self, group: &str, name: &str) -> ManagedIdentity {
        self.add_identity(&format!(
            "{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        ))
    }

    fn add_identity(&self, resource: &str) -> ManagedIdentity {
        let (client, id, resource) = (uuid(), uuid(), resource.to_owned());
        let made = ManagedIdentity {
            client_id: client.clone(),
            object_id: id.clone(),
            resource_id: resource.clone(),
        };
        let identity = Identity { client, id, tenant: TENANT.to_owned(), resource };
        self.state().managed.identities.push(identity);
        made
    }

    /// Makes this an App Service: answers with `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    pub fn set_app_service(&self) -> (String, String) {
        let header = random::token(32);
        self.state().managed.header = Some(header.clone());
        (format!("{}/msi/token", self.identity.url()), header)
    }

    /// Makes this a machine that is not in Azure (Arc): who wants a token has to read the file at `path`, into which
    /// the server writes. Answers with `IDENTITY_ENDPOINT`.
    pub fn set_arc(&self, path: &str) -> String {
        self.state().managed.arc = Some(Arc::at(path));
        format!("{}/metadata/identity/oauth2/token", self.identity.url())
    }
}
