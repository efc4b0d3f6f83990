//! The real kubectl with an AKS cluster.

use std::fs;
use std::time::Duration;

use connector_tests::process::{self, Finished};
use connector_tests::strict_azure::{Cluster, SUBSCRIPTION};
use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};
use connector_tests::{install, skip};

use super::Stage;

const LIFE: i64 = 3600;
/// What kubectl had before us.
const OWN: &str = "# mine\napiVersion: v1\nkind: Config\ncurrent-context: old\n";

/// S28, S35, S52: one login, and then kubectl goes on across the ends of tokens, each of which is asked for once. No file
/// has one, and what was there comes back.
#[test]
fn s28_s35_s52_kubectl_goes_on_in_an_aks_cluster() {
    let test = "s28_s35_s52_kubectl_goes_on_in_an_aks_cluster";
    let (kubectl, faketime) = match (install::kubectl(), install::faketime()) {
        (Ok(kubectl), Ok(faketime)) => (kubectl, faketime),
        (Err(why), _) | (_, Err(why)) => return skip::skip(test, why),
    };
    if kubectl.minor() < 22 {
        return skip::skip(test, "kubectl is older than 1.22, and knows no plugins of version 1");
    }
    let stage = Stage::new();
    let azure = &stage.azure;
    let kubernetes = StrictKubernetes::start();
    kubernetes.accept_aks(azure.webhook());
    kubernetes.add_pod("default", "web");
    kubernetes.allow(Rule::for_user(&stage.robot).in_namespace("default").may(&["get", "list"], &["pods"]));
    azure.add_cluster(&stage.group, "demo", Cluster::of(&kubernetes).without_local_accounts());
    azure.grant(&stage.robot, "Azure Kubernetes Service Cluster User Role", &stage.group);

    let file = stage.write(".kube/config", OWN);
    let grant = ["--resource-type", "kubernetes-cluster", "--resource-id"];
    let missing = stage.cli.error(3, &[&["login", "prod"], &grant[..], &["things/other"]].concat());
    assert!(missing["message"].to_string().contains("other"), "{missing}");
    assert_eq!(fs::read_to_string(&file).expect("there"), OWN);
    stage.cli.ok(&["cache", "clear"]);
    stage.mints();

    let told = stage.cli.json(&[&["login", "prod"], &grant[..], &["demo"]].concat());
    let id = format!("{SUBSCRIPTION}/things/demo");
    assert_eq!((&told["kind"], &told["resource"]["id"]), (&"kubernetes".into(), &id.into()));
    let written = fs::read_to_string(&file).expect("there");
    assert!(written.starts_with("# mine") && !written.contains("eyJ"), "{written}");
    let get_pods = |ahead: i64| -> Finished {
        let mut command = kubectl.command(&stage.cli.home(), file.as_ref());
        faketime.shift(&mut command, ahead);
        stage.cli.keep(process::run(command.args(["get", "pods", "-o", "name"])))
    };
    for life in 0..3 {
        for _ in 0..2 {
            assert_eq!(get_pods(life * LIFE).expect_success().stdout_text(), "pod/web\n");
        }
        assert_eq!(stage.mints(), 2, "one for the cluster and one for Resource Manager per life");
        azure.advance(Duration::from_secs(LIFE.unsigned_abs()));
    }
    assert_eq!(fs::read_to_string(&file).expect("there"), written);

    azure.delete(&stage.robot);
    let refused = get_pods(3 * LIFE);
    assert!(!refused.success() && refused.stderr_text().contains("AADSTS"), "{refused:?}");
    stage.cli.ok(&["logout", "prod"]);
    assert_eq!(fs::read_to_string(&file).expect("there"), OWN);
    stage.assert_no_secret();
}
