//! Tests of `kubernetes-cluster`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_core::{
    Access, Credential, ErrorKind, Fields, Narrowed, Parsed, ResourceType, Response, Result, Wanted,
};
use connector_k8s::{KubernetesCredential, Login, Trust};
use serde_json::{Value, json};

use super::KubernetesCluster;
use crate::resource::testing::{answer, answering, call, sent, session};
use crate::testing::{World, assert_silent, json_answer, json_refusal};

const ARN: &str = "arn:aws:eks:eu-west-1:123456789012:cluster/demo";
const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn demo() -> KubernetesCluster {
    match KubernetesCluster::parse("demo") {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("no complete id: {other:?}"),
    }
}

fn wanted() -> Wanted {
    Wanted::new(Access::Read)
}

fn described(change: impl FnOnce(&mut Value)) -> Response {
    let mut cluster = json!({
        "name": "demo",
        "arn": ARN,
        "status": "ACTIVE",
        "endpoint": "https://ABC.gr7.eu-west-1.eks.amazonaws.com",
        "certificateAuthority": { "data": STANDARD.encode(PEM) },
        "id": "should-not-be-used",
    });
    change(&mut cluster);
    json_answer(200, &json!({ "cluster": cluster }))
}

#[test]
fn s17_accepted_forms() {
    check_accepted::<KubernetesCluster>(&[
        ("demo", exact("demo"), "canonical"),
        ("Demo_1-x", exact("Demo_1-x"), "letters of both cases"),
        (ARN, partial(ARN), "an ARN says more than the name: the session has to agree"),
        (
            "arn:aws-cn:eks:cn-north-1:123456789012:cluster/demo",
            partial("arn:aws-cn:eks:cn-north-1:123456789012:cluster/demo"),
            "another partition",
        ),
    ]);
}

#[test]
fn s17_refused_forms() {
    check_refused::<KubernetesCluster>(&[
        ("", "cluster name", "nothing"),
        ("-demo", "cluster name", "begins with a hyphen"),
        ("a/b", "cluster name", "a slash would change the URL"),
        ("demo?x=1", "cluster name", "so would a question mark"),
        ("..", "cluster name", "so would dots"),
        ("https://demo.eks.amazonaws.com", "cluster name", "the endpoint tells no name"),
        ("arn:aws:eks:eu-west-1:123456789012:cluster/", "cluster name", "an ARN of nothing"),
        ("arn:aws:eks:eu-west-1:123456789012:cluster/a/b", "cluster name", "a name with a slash"),
        ("arn:aws:eks:eu-west-1:123456789012:nodegroup/a", "something else", "a node group"),
        ("arn:aws:ecs:eu-west-1:123456789012:cluster/demo", "something else", "a cluster of ECS"),
        ("arn:aws:eks::123456789012:cluster/demo", "region", "no region"),
        ("arn:aws:eks:eu-west-1::cluster/demo", "account", "no account"),
        ("arn:aws:eks:eu-west-1:aws:cluster/demo", "account", "AWS's own account"),
        ("arn:aws-cn:eks:eu-west-1:123456789012:cluster/demo", "partition", "a region of another partition"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<KubernetesCluster>(&["demo", ARN]);
}

async fn resolve(text: &str, account: Option<&str>, world: &World) -> Result<String> {
    let mut session = session();
    session.account_id = account.map(str::to_owned);
    let cx = world.context();
    KubernetesCluster::resolve(text, &session, &call(&cx)).await.map(|it| it.id())
}

/// S19: an ARN is compared with the session, by a call only where the session does not know its account.
#[tokio::test]
async fn s19_an_arn_has_to_be_of_the_connectors_region_and_account() {
    let silent = answering([]);
    assert_eq!(resolve(ARN, Some("123456789012"), &silent).await.expect("its own"), "demo");
    for (text, says) in [
        (
            "arn:aws:eks:us-east-1:123456789012:cluster/demo",
            "in region us-east-1, the connector is for eu-west-1",
        ),
        (
            "arn:aws:eks:eu-west-1:999999999999:cluster/demo",
            "of account 999999999999, the connector's is 123456789012",
        ),
        ("arn:aws-cn:eks:cn-north-1:123456789012:cluster/demo", "of partition aws-cn"),
    ] {
        let error = resolve(text, Some("123456789012"), &silent).await.expect_err(text);
        assert!(error.message().contains(says), "{error}");
    }
    assert_eq!(sent(&silent), [""; 0]);

    let asked = answering([described(|_| {}), described(|_| {})]);
    assert_eq!(resolve(ARN, None, &asked).await.expect("its own"), "demo");
    let theirs = "arn:aws:eks:eu-west-1:999999999999:cluster/demo";
    assert!(resolve(theirs, None, &asked).await.is_err());
    assert_eq!(sent(&asked)[0], "GET https://eks.eu-west-1.amazonaws.com/clusters/demo");
}

/// S15: listing goes on to the last page.
#[tokio::test]
async fn s15_listing_pages_to_the_end() {
    let world = answering([
        json_answer(200, &json!({ "clusters": ["b"], "nextToken": "t/1" })),
        json_answer(200, &json!({ "clusters": ["a", "not a name"] })),
    ]);
    let cx = world.context();
    let listing = KubernetesCluster::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, ["a", "b"]);
    assert!(sent(&world)[1].contains("nextToken=t%2F1"), "{:?}", sent(&world));
}

/// C28: a list that never comes to an end is given up.
#[tokio::test]
async fn c28_an_endless_list_is_given_up() {
    let pages =
        (0..=5000).map(|at| json_answer(200, &json!({ "clusters": [], "nextToken": format!("{at}") })));
    let world = answering(pages);
    let cx = world.context();
    let error = KubernetesCluster::list(&session(), &call(&cx)).await.expect_err("no end");
    assert!(error.message().contains("does not come to an end"), "{error}");
    assert!(!error.is_transient());
    assert_eq!(sent(&world).len(), 5001);
}

/// S51: one call, and a credential of the shared kind that says how wide it is and when it ends.
#[tokio::test]
async fn s51_issuing_is_one_call_and_a_signature() {
    let world = answering([described(|_| {})]);
    let cx = world.context();
    let issued = demo().issue(&wanted(), &session(), &call(&cx)).await.expect("a credential");
    assert_eq!(sent(&world).len(), 1);
    assert_eq!(issued.credential.server, "https://ABC.gr7.eu-west-1.eks.amazonaws.com");
    assert_eq!(issued.credential.trust, Trust::Authority(PEM.into()));
    assert_eq!(issued.expiry.left(cx.now()).map(|it| it.as_secs()), Some(14 * 60));
    assert!(matches!(issued.narrowing(), Narrowed::No(why) if why.contains("session policies")));
    let Login::Token(token) = &issued.credential.login else { panic!("another login") };
    assert!(token.expose().starts_with("k8s-aws-v1."));
    assert!(!format!("{issued:?}").contains(token.expose()));

    let mut fields = Fields::default();
    issued.credential.export(&mut fields);
    assert!(KubernetesCredential::import(&fields).is_ok(), "it travels");
}

/// A server that speaks the language of EKS and names no authority has to be known to the system.
#[tokio::test]
async fn s51_without_an_authority_the_system_judges() {
    let cx = answering([described(|cluster| cluster["certificateAuthority"]["data"] = "".into())]).context();
    let issued = demo().issue(&wanted(), &session(), &call(&cx)).await.expect("a credential");
    assert_eq!(issued.credential.trust, Trust::System);
}

/// A local cluster on an Outpost is known to its authenticator by its id.
#[tokio::test]
async fn s51_a_local_cluster_goes_by_its_id() {
    let of = |change: fn(&mut Value)| async move {
        let cx = answering([described(change)]).context();
        let issued = demo().issue(&wanted(), &session(), &call(&cx)).await.expect("a credential");
        let Login::Token(token) = issued.credential.login else { panic!("another login") };
        token.expose().to_owned()
    };
    let usual = of(|_| {}).await;
    assert_eq!(
        usual,
        of(|cluster| cluster["id"] = "another-id".into()).await,
        "the id of a usual cluster has no say"
    );
    let outpost = of(|cluster| {
        cluster["outpostConfig"] = json!({ "outpostArns": [], "controlPlaneInstanceType": "m5" })
    });
    assert_ne!(usual, outpost.await);
}

/// S20: a cluster that gives no access says why.
#[tokio::test]
async fn s20_a_cluster_without_access_says_why() {
    let remove = |key: &'static str| {
        move |cluster: &mut Value| {
            cluster.as_object_mut().expect("an object").remove(key);
        }
    };
    for (response, kind, says) in [
        (described(|it| it["status"] = "CREATING".into()), ErrorKind::Refused, "is still being created"),
        (described(|it| it["status"] = "hunter2".into()), ErrorKind::Refused, "not known"),
        (described(remove("endpoint")), ErrorKind::Refused, "no API server"),
        (
            described(|it| it["endpoint"] = "http://hunter2".into()),
            ErrorKind::Unreachable,
            "eks:DescribeCluster",
        ),
        (
            described(|it| it["certificateAuthority"]["data"] = "hunter2!".into()),
            ErrorKind::Unreachable,
            "eks:DescribeCluster",
        ),
        (json_answer(200, &json!({})), ErrorKind::Unreachable, "eks:DescribeCluster"),
        (answer(200, &[], "<html>hunter2"), ErrorKind::Unreachable, "eks:DescribeCluster"),
        (json_refusal(404, "ResourceNotFoundException"), ErrorKind::NotFound, "cluster `demo` in eu-west-1"),
        (json_refusal(403, "AccessDeniedException"), ErrorKind::Refused, "eks:DescribeCluster"),
    ] {
        let cx = answering([response]).context();
        let error = demo().reach(&wanted(), &session(), &call(&cx)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_silent(&error);
    }
}

/// A federated user's ARN cannot be mapped: refused before any call, and said in the catalogue.
#[tokio::test]
async fn a_federation_token_is_refused() {
    let world = answering([]);
    let cx = world.context();
    let mut session = session();
    session.federated = true;
    let error = demo().issue(&wanted(), &session, &call(&cx)).await.expect_err("federated");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(demo().reach(&wanted(), &session, &call(&cx)).await.is_err());
    assert_eq!(sent(&world), [""; 0]);
    assert_eq!(KubernetesCluster::ABOUT.without[0].0, "federation-token");
}

#[test]
fn a_cluster_has_no_parts_and_no_policy() {
    assert_eq!(demo().narrowing(&wanted()).expect("nothing to say"), None);
    assert!(demo().narrowing(&wanted().with_within("default")).is_err());
}
