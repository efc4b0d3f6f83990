//! A cluster takes the access tokens of this server.

use super::*;
use crate::process;
use crate::strict_kubernetes::{Login, Rule, StrictKubernetes};
use crate::{install, skip};

#[test]
fn a_cluster_knows_an_account_by_its_e_mail_where_the_token_tells_it() {
    let what = "a_cluster_knows_an_account_by_its_e_mail_where_the_token_tells_it";
    let kubectl = match install::kubectl() {
        Ok(kubectl) => kubectl,
        Err(reason) => return skip::skip(what, reason),
    };
    let (server, token) = with_alice();
    let kubernetes = StrictKubernetes::start();
    kubernetes.accept_gke(server.webhook());
    kubernetes.allow(Rule::for_user(ALICE).may(&["list"], &["pods"]));
    kubernetes.add_pod("default", "app");
    let home = tempfile::tempdir().expect("a temporary folder");
    let pods = |token: &str| {
        let file = home.path().join("kubeconfig");
        std::fs::write(&file, kubernetes.kubeconfig(&Login::Token(token.to_owned()))).expect("a file");
        process::run(kubectl.command(home.path(), &file).args(["get", "pods", "-o", "name"]))
    };
    assert_eq!(pods(&token).expect_success().stdout_text(), "pod/app\n");
    // Without the e-mail's scope the account is a number, which has no rights here.
    let number = pods(&server.token_for(ALICE, &[CLOUD]));
    assert!(number.stderr_text().contains("Forbidden") && !number.text().contains(ALICE), "{number:?}");
    for refused in [server.token_for(ALICE, &[EMAIL]), "ya29.unknown".to_owned()] {
        let told = pods(&refused);
        assert!(!told.success() && told.stderr_text().contains("Unauthorized"), "{told:?}");
    }
    server.disable(ALICE);
    assert!(!pods(&token).success());
    server.enable(ALICE);
    server.advance(Duration::from_secs(3600));
    assert!(!pods(&token).success());
}
