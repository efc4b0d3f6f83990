//! kubectl through `connector login`: from an AWS role to a cluster that asks STS who calls.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::install;
use connector_tests::loopback::{Answer, Call, Loopback};
use connector_tests::process::{self, Finished};
use connector_tests::skip::skip;
use connector_tests::strict_aws::Role;
use connector_tests::strict_kubernetes::{EksWebhook, Rule, StrictKubernetes};
use serde_json::json;

use crate::stage::{register, strict};

const CLUSTER: [&str; 4] = ["--resource-type", "kubernetes-cluster", "--resource-id", "demo"];
const PODS: &str = "/api/v1/namespaces/default/pods";

/// As much of EKS as knows where one cluster is.
fn eks(server: &StrictKubernetes) -> Loopback {
    let (url, ca) = (server.url().to_owned(), STANDARD.encode(server.ca()));
    Loopback::start(move |call: &Call| match call.action().as_str() {
        "GET /clusters/demo" => {
            let cluster = json!({ "name": "demo", "status": "ACTIVE", "endpoint": url, "certificateAuthority": { "data": ca } });
            Answer::json(200, &json!({ "cluster": cluster }))
        }
        _ => Answer::json(404, &json!({ "__type": "ResourceNotFoundException" })),
    })
}

/// S52, S53: no secret in the file, one credential for many calls, and disabling bites at once.
#[test]
fn s52_kubectl_works_with_what_login_wrote() {
    let kubectl = match install::kubectl() {
        Ok(kubectl) => kubectl,
        Err(why) => return skip("s52_kubectl_works_with_what_login_wrote", why),
    };
    let cluster = StrictKubernetes::start();
    let (aws, alice, cli) = strict();
    let role = aws.add_role(Role::named("reader").trusting_user("alice"));
    cluster.accept_eks(EksWebhook::new("demo", &aws.url()).mapping(&role, "reader", &["readers"]));
    cluster.allow(Rule::for_group("readers").may(&["list"], &["pods"]));
    let eks = eks(&cluster);
    let (role, sts) = (format!("role_arn={role}"), format!("sts_endpoint_url={}", aws.url()));
    register(&cli, "prod", "iam-role", &eks.url(), &alice, &[&role, &sts, "--no-verify"]);

    let file = cli.home().join(".kube/config");
    let get_pods = || -> Finished {
        let mut command = kubectl.command(&cli.home(), Path::new(&file));
        cli.keep(process::run(command.args(["get", "pods"])))
    };
    cli.ok(&[&["login", "prod"][..], &CLUSTER].concat());
    let text = std::fs::read_to_string(&file).expect("written");
    assert!(!text.contains("k8s-aws-v1") && text.contains("connector"), "{text}");
    let before = (eks.calls().count(), aws.calls().of("AssumeRole").len());
    for _ in 0..3 {
        get_pods().expect_success();
    }
    assert_eq!(cluster.count("GET", PODS, Some("reader")), 3);
    assert_eq!(
        (eks.calls().count(), aws.calls().of("AssumeRole").len()),
        before,
        "the login's own token is used"
    );

    cli.ok(&["disable", "prod"]);
    let refused = get_pods();
    assert!(
        !refused.success() && refused.stderr_text().contains("connector `prod` is disabled"),
        "{refused:?}"
    );
    cli.ok(&["enable", "prod"]);
    get_pods().expect_success();

    // The token itself, for hosts without this program.
    cli.ok(&[&["login", "prod"][..], &CLUSTER, &["--static"]].concat());
    let text = std::fs::read_to_string(&file).expect("written");
    assert!(text.contains("token: k8s-aws-v1.") && !text.contains("exec"), "{text}");
    get_pods().expect_success();
    cli.ok(&["logout", "prod"]);
    assert!(!file.exists());
}
