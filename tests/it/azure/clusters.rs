//! Clusters of AKS: a strict Azure that gives kubeconfigs, and a strict Kubernetes behind them.

use std::time::Duration;

use connector_core::{Access, Allow, ErrorKind, Grant, Result};
use connector_tests::strict_azure::{Cluster, SUBSCRIPTION, TENANT};
use connector_tests::strict_kubernetes::{Login, Rule, StrictKubernetes};
use connectors::Connector;
use connectors::azure::Azure;
use connectors::azure::resource::KubernetesCluster;
use connectors::k8s::kube;
use hyper::http::Request;
use serde_json::json;

use super::lab::Lab;

const USER_ROLE: &str = "Azure Kubernetes Service Cluster User Role";
const ADMIN_ROLE: &str = "Azure Kubernetes Service Cluster Admin Role";
const HOUR: Duration = Duration::from_secs(3600);
const BOTH: [Allow; 2] = [Allow::Admin, Allow::LongLived];

/// A cluster in which the application may look at pods.
fn kubernetes(lab: &Lab) -> StrictKubernetes {
    let cluster = StrictKubernetes::start();
    cluster.accept_aks(lab.azure.webhook());
    cluster.add_namespace("apps");
    cluster.add_pod("apps", "web");
    cluster.allow(Rule::for_user(&lab.robot).in_namespace("apps").may(&["get", "list"], &["pods"]));
    cluster
}

async fn pods(client: &kube::Client) -> Result<String, kube::Error> {
    let request = Request::get("/api/v1/namespaces/apps/pods").body(Vec::new()).expect("a request");
    client.request_text(request).await
}

/// A `kube::Client` goes on across the ends of tokens, known in the cluster by its object id; each life costs two tokens
/// and one call.
#[tokio::test(flavor = "multi_thread")]
async fn s32_s51_an_aks_cluster_is_reached_by_a_kube_client() {
    let lab = Lab::new();
    let kubernetes = kubernetes(&lab);
    let one = || Cluster::of(&kubernetes);
    let other = lab.azure.add_group(SUBSCRIPTION, "other");
    lab.azure.add_cluster(&lab.group, "Demo", one());
    lab.azure.add_cluster(&other, "demo", one());
    lab.azure.add_cluster(&other, "Lone", one());
    lab.azure.limit_pages(Some(1));
    lab.grant(USER_ROLE, &format!("/subscriptions/{SUBSCRIPTION}"));
    let connector = lab.connector();

    let demo = format!("{SUBSCRIPTION}/my-lab/demo");
    let theirs = format!("{SUBSCRIPTION}/other/demo");
    let error = connector.resource::<KubernetesCluster>("demo").await.expect_err("two have that name");
    assert!(error.hint().is_some_and(|it| it.contains(&format!("{demo}, {theirs}"))), "{error:?}");
    for (text, id) in [("LONE", format!("{SUBSCRIPTION}/other/lone")), ("my-lab/DEMO", demo.clone())] {
        let handle = connector.resource::<KubernetesCluster>(text).await.expect(text);
        assert_eq!(handle.grant().resource_id, Some(id));
    }
    let listed = connector.list::<KubernetesCluster>().await.expect("a list");
    assert_eq!(listed.ids, [demo.clone(), theirs, format!("{SUBSCRIPTION}/other/lone")]);

    // As Resource Manager itself names it: a complete id, for which nobody is asked.
    lab.calls();
    let text =
        format!("{}/providers/microsoft.containerservice/managedclusters/DEMO", lab.group.to_uppercase());
    let handle = connector.resource::<KubernetesCluster>(text).await.expect("its id");
    assert_eq!((handle.grant().resource_id.as_deref(), lab.calls().len()), (Some(&*demo), 0));
    handle.reach().await.expect("reached");
    lab.advance(2 * HOUR);
    lab.calls();
    let client: kube::Client = handle.client().await.expect("a client");
    for _ in 0..3 {
        for _ in 0..2 {
            assert!(pods(&client).await.expect("the token is good").contains("web"));
        }
        let [first, call, second] = &lab.calls()[..] else { panic!("two tokens and one call") };
        assert_eq!((first.as_str(), second.as_str()), ("token", "token"));
        assert!(call.starts_with("POST ") && call.ends_with("/my-lab/providers/Microsoft.ContainerService/managedClusters/demo/listClusterUserCredential"), "{call}");
        lab.advance(HOUR);
    }
    let seen = kubernetes.count("GET", "/api/v1/namespaces/apps/pods", Some(&lab.robot));
    assert_eq!(seen, 6, "by the object id");
}

/// What stands in the way of a cluster, by what the server really refuses.
#[tokio::test(flavor = "multi_thread")]
async fn s20_what_a_cluster_lacks_is_named() {
    let lab = Lab::new();
    let kubernetes = kubernetes(&lab);
    let local = || Login::Token(kubernetes.add_token("masterclient", &["system:masters"]));
    let scope = lab.azure.add_cluster(&lab.group, "demo", Cluster::of(&kubernetes).without_local_accounts());
    lab.azure.add_cluster(&lab.group, "plain", Cluster::of(&kubernetes).without_entra(local()));
    let reach = async |connector: &Connector<Azure>, name: &str, access: Access| {
        let grant =
            Grant::new("kubernetes-cluster", format!("{SUBSCRIPTION}/my-lab/{name}")).with_access(access);
        connector.resource::<KubernetesCluster>(grant).await.expect("an id").reach().await
    };
    let plain = lab.connector();
    let error = reach(&plain, "demo", Access::Read).await.expect_err("no role");
    assert_eq!(error.kind(), ErrorKind::Refused);
    let hint = error.hint().expect("what to grant");
    assert!(hint.contains("listClusterUserCredential/action") && hint.contains(USER_ROLE), "{hint}");
    lab.grant(USER_ROLE, &scope);
    reach(&plain, "demo", Access::Write).await.expect("reached");

    let error = reach(&plain, "demo", Access::Admin).await.expect_err("not allowed");
    assert!(error.hint().is_some_and(|it| it.contains("--allow admin --allow long-lived")), "{error:?}");
    let allowing = lab.allowing(&BOTH);
    lab.azure.add_cluster(&lab.group, "other", Cluster::of(&kubernetes));
    let error = reach(&allowing, "other", Access::Admin).await.expect_err("no role");
    assert!(error.hint().is_some_and(|it| it.contains(ADMIN_ROLE)), "{error:?}");
    lab.grant(ADMIN_ROLE, &lab.group);
    let error = reach(&allowing, "demo", Access::Admin).await.expect_err("there is none");
    assert!(error.message().contains("disableLocalAccounts"), "{error}");

    lab.grant(USER_ROLE, &lab.group);
    let error = reach(&plain, "plain", Access::Read).await.expect_err("without Entra ID");
    assert!(error.message().contains("does not log in with Entra ID"), "{error}");
    reach(&allowing, "plain", Access::Read).await.expect("allowed");
    let error = reach(&plain, "gone", Access::Read).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("no cluster `gone` in resource group `my-lab`"), "{error}");

    let elsewhere = lab.with(json!({ "resource_group": "other" }), &[]);
    let error = reach(&elsewhere, "demo", Access::Read).await.expect_err("another group");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// An administrator's certificate, and that of a cluster without Entra ID, work where they are allowed, and are marked.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_soon_is_allowed_and_marked() {
    let lab = Lab::new();
    let kubernetes = StrictKubernetes::start();
    kubernetes.add_namespace("apps");
    kubernetes.add_pod("apps", "web");
    kubernetes.allow(Rule::for_user("masterclient").may(&["list"], &["pods"]));
    let master = || {
        let years = Duration::from_secs(2 * 365 * 24 * 3600);
        Login::Certificate(kubernetes.add_certificate("masterclient", Some("system:masters"), years))
    };
    lab.azure.add_cluster(&lab.group, "demo", Cluster::of(&kubernetes).with_admin(master()));
    lab.azure.add_cluster(&lab.group, "plain", Cluster::of(&kubernetes).without_entra(master()));
    lab.grant(USER_ROLE, &lab.group);
    lab.grant(ADMIN_ROLE, &lab.group);
    let connector = lab.allowing(&BOTH);
    for (name, access) in [("demo", Access::Admin), ("plain", Access::Read), ("plain", Access::Admin)] {
        // The administrator's kubeconfig of the second one holds nothing.
        let is_empty = name == "plain" && access == Access::Admin;
        let grant =
            Grant::new("kubernetes-cluster", format!("{SUBSCRIPTION}/my-lab/{name}")).with_access(access);
        let handle = connector.resource::<KubernetesCluster>(grant).await.expect("an id");
        let issued = match handle.issue().await {
            Ok(issued) => issued,
            Err(error) => {
                assert!(is_empty && error.kind() == ErrorKind::Unreachable, "{name} {access}: {error}");
                continue;
            }
        };
        assert!(issued.long_lived && !issued.narrowing().is_narrowed(), "{name}");
        let client: kube::Client = handle.client().await.expect("a client");
        assert!(pods(&client).await.expect("the certificate is good").contains("web"), "{name}");
    }
}

/// Sixteen subscriptions are asked side by side, one that is closed hides none of the others, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn s15_subscriptions_are_asked_side_by_side() {
    let lab = Lab::new();
    let kubernetes = kubernetes(&lab);
    let id = |number: usize| format!("bbbbbbbb-bbbb-4ccc-8ddd-{number:012}");
    for number in 1..16 {
        let scope = lab.azure.add_subscription(TENANT, &id(number), &format!("team {number}"));
        let group = lab.azure.add_group(&id(number), "lab");
        lab.azure.add_cluster(&group, "demo", Cluster::of(&kubernetes));
        lab.grant(USER_ROLE, &scope);
    }
    lab.grant(USER_ROLE, &lab.group);
    lab.azure.close_subscription(&id(7));
    // Who asks one after the other is never answered.
    lab.azure.answer_together(16, "/managedClusters");
    let listed = lab.connector().list::<KubernetesCluster>().await.expect("a list");
    let expected: Vec<_> = (1..16).filter(|it| *it != 7).map(|it| format!("{}/lab/demo", id(it))).collect();
    assert_eq!(listed.ids, expected);
    let failed: Vec<_> = listed.failures.iter().map(|it| (it.place.clone(), it.error.kind())).collect();
    assert!(failed.contains(&(id(7), ErrorKind::Refused)), "{failed:?}");
}
