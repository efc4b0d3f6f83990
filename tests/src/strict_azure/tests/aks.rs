//! A cluster takes the access tokens of this server.

use super::*;
use crate::process;
use crate::strict_kubernetes::{Login, Rule, StrictKubernetes};
use crate::{install, skip};

const KUBERNETES: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

#[test]
fn a_cluster_knows_people_by_name_and_programs_by_object_id() {
    let what = "a_cluster_knows_people_by_name_and_programs_by_object_id";
    let kubectl = match install::kubectl() {
        Ok(kubectl) => kubectl,
        Err(reason) => return skip::skip(what, reason),
    };
    let server = StrictAzure::start();
    let (alice, robot) = (server.add_person(TENANT, ALICE), server.add_app(TENANT, ROBOT));
    let kubernetes = StrictKubernetes::start();
    kubernetes.accept_aks(server.webhook());
    for name in [ALICE, &*robot] {
        kubernetes.allow(Rule::for_user(name).may(&["list"], &["pods"]));
    }
    kubernetes.add_pod("default", "app");
    let home = tempfile::tempdir().expect("a temporary folder");
    let pods = |token: &str| {
        let file = home.path().join("kubeconfig");
        std::fs::write(&file, kubernetes.kubeconfig(&Login::Token(token.to_owned()))).expect("a file");
        process::run(kubectl.command(home.path(), &file).args(["get", "pods", "-o", "name"]))
    };
    for principal in [&alice, &robot] {
        let told = pods(&server.token_for(principal, KUBERNETES)).expect_success();
        assert_eq!(told.stdout_text(), "pod/app\n");
    }
    let token = server.token_for(&robot, KUBERNETES);
    let refused = |token: &str| {
        let told = pods(token);
        assert!(!told.success() && told.stderr_text().contains("Unauthorized"), "{told:?}");
    };
    refused(&server.token_for(&robot, ARM));
    refused(&server.token_in("22222222-2222-4333-8444-555555555555", &robot, KUBERNETES));
    server.revoke(&token);
    refused(&token);
    let token = server.token_for(&alice, KUBERNETES);
    server.advance(Duration::from_secs(3599));
    refused(&token);
}
