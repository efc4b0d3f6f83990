//! What the methods say of themselves.

use connector_core::{AuthMethod, ConnectorType, Identity, Life, MethodAbout, Registry};

use crate::auth::{ExternalAccount, Impersonation, Implicit, Oauth2Token, ServiceAccount, UserAccount};
use crate::connector::Gcp;

fn methods() -> [(&'static str, MethodAbout); 6] {
    fn one<M: AuthMethod<Connector = Gcp>>() -> (&'static str, MethodAbout) {
        (M::ID, M::ABOUT)
    }
    [
        one::<Implicit>(),
        one::<UserAccount>(),
        one::<ServiceAccount>(),
        one::<ExternalAccount>(),
        one::<Oauth2Token>(),
        one::<Impersonation>(),
    ]
}

/// S2: the methods of the source documents, by their ids, and no others than are registered.
#[test]
fn s2_the_methods_by_their_ids() {
    let registry = Registry::of(crate::REGISTRATIONS).expect("a registry");
    let entry = registry.describe(Gcp::ID).expect("it is registered");
    let mut registered: Vec<_> = entry.auth_methods.into_iter().map(|it| it.id).collect();
    registered.sort_unstable();
    let ids = methods().map(|(id, _)| id);
    for id in ["implicit", "user-account", "service-account", "oauth2-token", "impersonation"] {
        assert!(ids.contains(&id), "{id}");
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    assert_eq!(registered, ids);
}

/// S35, S23: each method issues temporary tokens, narrows, and says whose they are and how long its own secret lives.
#[test]
fn s35_s23_all_methods_issue_temporary_tokens() {
    for (id, about) in methods() {
        assert!(about.temporary && about.narrows.is_some(), "{id}");
        let expected = match id {
            "user-account" => (Life::Long, Identity::User),
            "service-account" | "impersonation" => (Life::Long, Identity::Service),
            "oauth2-token" => (Life::Short, Identity::Service),
            _ => (Life::None, Identity::Workload),
        };
        assert_eq!((about.life, about.identity), expected, "{id}");
        assert_eq!(about.implicit, id == "implicit");
    }
}

/// S9: it is told how each file is come by, and that gcloud is not needed.
#[test]
fn s9_it_is_told_how_each_file_is_come_by() {
    let told = Gcp::ABOUT.prerequisites.join("\n");
    for part in [
        "gcloud need not be installed",
        "gcloud iam service-accounts keys create",
        "client_secrets.json",
        "OAuth client ID",
        "Download JSON",
        "CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true",
    ] {
        assert!(told.contains(part), "{part}");
    }
}
