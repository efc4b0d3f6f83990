//! What the methods say of themselves.

use connector_core::{AuthMethod, ConnectorType, Identity, Life, MethodAbout, Registry};

use super::*;
use crate::connector::Azure;

fn methods() -> [(&'static str, MethodAbout); 6] {
    fn one<M: AuthMethod<Connector = Azure>>() -> (&'static str, MethodAbout) {
        (M::ID, M::ABOUT)
    }
    [
        one::<Implicit>(),
        one::<UserAccount>(),
        one::<ServicePrincipal>(),
        one::<WorkloadIdentity>(),
        one::<ManagedIdentity>(),
        one::<AccessToken>(),
    ]
}

/// S2: each method is registered under its id.
#[test]
fn s2_the_methods_by_their_ids() {
    let registry = Registry::of(crate::REGISTRATIONS).expect("a registry");
    let entry = registry.describe(Azure::ID).expect("it is registered");
    let registered: Vec<_> = entry.auth_methods.into_iter().map(|it| it.id).collect();
    let ids = methods().map(|(id, _)| id);
    let expected = [
        "implicit",
        "user-account",
        "service-principal",
        "workload-identity",
        "managed-identity",
        "access-token",
    ];
    assert_eq!(ids, expected);
    for id in ids {
        assert!(registered.iter().any(|it| it == id), "{id}: {registered:?}");
    }
}

/// S35, S23, S40: each method issues temporary tokens, says whose they are, how long its own secret lives, what decides
/// their life, and whether it is behind the switch. A token that was made elsewhere narrows nothing.
#[test]
fn s35_s23_s40_all_methods_issue_temporary_tokens() {
    for (id, about) in methods() {
        assert!(about.temporary && about.lifetime_note.is_some() && about.lifetime.is_none(), "{id}");
        assert_eq!(about.narrows.is_none(), id == "access-token", "{id}");
        let expected = match id {
            "user-account" => (Life::Long, Identity::User),
            "service-principal" => (Life::Long, Identity::Service),
            "workload-identity" => (Life::Short, Identity::Workload),
            "access-token" => (Life::Short, Identity::Service),
            _ => (Life::None, Identity::Workload),
        };
        assert_eq!((about.life, about.identity), expected, "{id}");
        assert_eq!(about.implicit, ["implicit", "managed-identity"].contains(&id), "{id}");
    }
}

/// S9: it is told how each is come by, and that `az` is not needed.
#[test]
fn s9_it_is_told_how_each_is_come_by() {
    let told = Azure::ABOUT.prerequisites.join("\n");
    for part in [
        "az need not be installed",
        "az ad sp create-for-rbac",
        "federated credential",
        "AZURE_FEDERATED_TOKEN_FILE",
        "CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true",
    ] {
        assert!(told.contains(part), "{part}");
    }
}
