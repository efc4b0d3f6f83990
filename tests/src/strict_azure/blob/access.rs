//! By what a call comes in, and what that lets it do.

use super::super::audience::Service;
use super::super::identity::{Caller, Refusal};
use super::super::roles::Plane;
use super::super::state::State;
use super::error::StorageError;
use super::sas::{self, Sas, Scope, Signer};
use super::{Asked, account, shared_key};
use crate::loopback::Call;

/// The first version that knows tokens.
const BEARER: &str = "2017-11-09";

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op<'a> {
    ListContainers,
    CreateContainer,
    DeleteContainer,
    ContainerProperties,
    /// Blobs whose names begin so.
    ListBlobs(&'a str),
    ReadBlob(&'a str),
    WriteBlob {
        name: &'a str,
        is_new: bool,
    },
    DeleteBlob(&'a str),
    DelegationKey,
}

/// How a call came in.
pub(super) enum Access {
    Bearer(Caller),
    Sas(Sas),
    SharedKey,
}

/// Finds out how a call comes in.
pub(super) fn of(state: &State, call: &Call, asked: &Asked<'_>) -> Result<Access, StorageError> {
    let scheme = call.header("authorization").and_then(|value| value.split(' ').next());
    match scheme {
        Some("SharedKey") => {
            shared_key::verify(account(state, asked), call, state.clock.now()).map(|()| Access::SharedKey)
        }
        Some(scheme) if scheme.eq_ignore_ascii_case("bearer") => {
            let is_known = call.header("x-ms-version").is_some_and(|version| version >= BEARER);
            if !is_known {
                let words = "Authentication scheme Bearer is not supported in this version.";
                return Err(StorageError::authentication(words));
            }
            bearer(state, call, asked).map(Access::Bearer)
        }
        Some(_) => Err(StorageError::authentication("Authentication scheme is not supported.")),
        None if sas::is_one(call) => sas::verify(state, call, asked).map(Access::Sas),
        None => bearer(state, call, asked).map(Access::Bearer),
    }
}

fn bearer(state: &State, call: &Call, asked: &Asked<'_>) -> Result<Caller, StorageError> {
    let own = account(state, asked);
    let authority = format!("{}/{}", state.base, own.tenant);
    let refuse = |refusal: &Refusal| StorageError::bearer(refusal, &authority);
    let caller = state.bearer(call, Service::Storage).map_err(|refusal| refuse(&refusal))?;
    // A token for one account is good for that one.
    let host = caller.audience.trim_start_matches("https://");
    let is_for_other =
        host.contains(".blob.") && !host.starts_with(&format!("{}.", own.place.name.to_lowercase()));
    if is_for_other {
        return Err(refuse(&Refusal::Audience(caller.audience)));
    }
    match caller.tenant == own.tenant {
        true => Ok(caller),
        false => Err(refuse(&Refusal::Invalid)),
    }
}

/// Whether a call that came in so may do this.
pub(super) fn permit(
    state: &State,
    asked: &Asked<'_>,
    access: &Access,
    op: Op<'_>,
) -> Result<(), StorageError> {
    match access {
        Access::SharedKey if op == Op::DelegationKey => Err(StorageError::authentication(
            "Only authentication scheme Bearer is supported for this operation.",
        )),
        Access::SharedKey => Ok(()),
        Access::Bearer(caller) => by_role(state, asked, &caller.id, op),
        Access::Sas(sas) => {
            by_letters(sas, op)?;
            match &sas.signer {
                Signer::Key => Ok(()),
                // No more than the one who signed may do itself.
                Signer::Principal(id) => by_role(state, asked, id, op),
            }
        }
    }
}

fn by_role(state: &State, asked: &Asked<'_>, principal: &str, op: Op<'_>) -> Result<(), StorageError> {
    const SERVICES: &str = "Microsoft.Storage/storageAccounts/blobServices";
    let own = account(state, asked);
    let container = asked.container.map(|name| own.scope(name));
    let scope = container.unwrap_or_else(|| own.place.id.clone());
    let may = |plane, action: &str| state.may(principal, plane, &format!("{SERVICES}/{action}"), &scope);
    let data = |verb: &str| may(Plane::Data, &format!("containers/blobs/{verb}"));
    let is_allowed = match op {
        Op::ListContainers | Op::ContainerProperties => may(Plane::Control, "containers/read"),
        Op::CreateContainer => may(Plane::Control, "containers/write"),
        Op::DeleteContainer => may(Plane::Control, "containers/delete"),
        Op::DelegationKey => may(Plane::Control, "generateUserDelegationKey/action"),
        Op::ListBlobs(_) | Op::ReadBlob(_) => data("read"),
        Op::WriteBlob { is_new, .. } => data("write") || (is_new && data("add/action")),
        Op::DeleteBlob(_) => data("delete"),
    };
    if is_allowed { Ok(()) } else { Err(StorageError::permission()) }
}

fn by_letters(sas: &Sas, op: Op<'_>) -> Result<(), StorageError> {
    let has = |letter: char| sas.permissions.contains(letter);
    let (kind, is_allowed) = match op {
        Op::ListContainers => ('s', has('l')),
        Op::CreateContainer => ('c', has('c') || has('w')),
        Op::DeleteContainer => ('c', has('d')),
        Op::ContainerProperties => ('c', has('r')),
        Op::ListBlobs(_) => ('c', has('l')),
        Op::ReadBlob(_) => ('o', has('r')),
        Op::WriteBlob { is_new, .. } => ('o', has('w') || (is_new && has('c'))),
        Op::DeleteBlob(_) => ('o', has('d')),
        Op::DelegationKey => return Err(StorageError::authorization()),
    };
    match &sas.scope {
        Scope::Account { kinds } if !kinds.contains(kind) => {
            let message =
                "This request is not authorized to perform this operation using this resource type.";
            return Err(StorageError::new(403, "AuthorizationResourceTypeMismatch", message));
        }
        Scope::Account { .. } => {}
        // What is signed for one container or less never is about the container itself.
        _ if matches!(
            op,
            Op::ListContainers | Op::CreateContainer | Op::DeleteContainer | Op::ContainerProperties
        ) =>
        {
            return Err(StorageError::authorization());
        }
        Scope::Blob if matches!(op, Op::ListBlobs(_)) => return Err(StorageError::authorization()),
        Scope::Container | Scope::Blob => {}
        Scope::Directory(folder) => {
            let name = match op {
                Op::ListBlobs(name) | Op::ReadBlob(name) | Op::DeleteBlob(name) => name,
                Op::WriteBlob { name, .. } => name,
                _ => return Err(StorageError::authorization()),
            };
            let is_within =
                folder.is_empty() || name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            if !is_within {
                return Err(StorageError::authorization());
            }
        }
    }
    if is_allowed { Ok(()) } else { Err(StorageError::permission()) }
}
