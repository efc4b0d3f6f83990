//! Tests of `kubernetes-cluster`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::{
    Access, Context, Credential, ErrorKind, Fields, Narrowed, Parsed, ResourceType, Response, Result,
    VirtualClock, Wanted,
};
use connector_k8s::{KubernetesCredential, Login, Trust};
use serde_json::{Value, json};

use super::KubernetesCluster;
use crate::resource::testing::{call, connector, forbidden, refusal, session, session_of};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const FULL: &str = "projects/my-project/locations/europe-west1/clusters/demo";

fn demo() -> KubernetesCluster {
    match KubernetesCluster::parse("europe-west1/demo") {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("no complete id: {other:?}"),
    }
}

fn wanted() -> Wanted {
    Wanted::new(Access::Read)
}

/// S17: what names a project, or no location, is left to the session.
#[test]
fn s17_accepted_forms() {
    let longest = "a".repeat(40);
    check_accepted::<KubernetesCluster>(&[
        ("europe-west1/demo", exact("europe-west1/demo"), "canonical"),
        ("europe-west1-b/demo-1", exact("europe-west1-b/demo-1"), "in a zone"),
        (&format!("us/{longest}"), exact(&format!("us/{longest}")), "40 characters"),
        ("demo", partial("demo"), "the name alone"),
        (FULL, partial(FULL), "its full name says a project: the session has to agree"),
        (
            "projects/my-project/zones/europe-west1-b/clusters/demo",
            partial("projects/my-project/zones/europe-west1-b/clusters/demo"),
            "as links of older clusters write it",
        ),
        (
            "projects/example.com:zenfiles/locations/europe-west1/clusters/demo",
            partial("projects/example.com:zenfiles/locations/europe-west1/clusters/demo"),
            "a project of an organization",
        ),
        (
            &format!("//container.googleapis.com/{FULL}"),
            partial(&format!("//container.googleapis.com/{FULL}")),
            "IAM's name",
        ),
        (
            "gke_my-project_europe-west1_demo",
            partial("gke_my-project_europe-west1_demo"),
            "the name of gcloud's context",
        ),
    ]);
}

#[test]
fn s17_refused_forms() {
    let long = "a".repeat(41);
    check_refused::<KubernetesCluster>(&[
        ("", "1 to 40 characters", "nothing"),
        (&long, "1 to 40 characters", "41 characters"),
        ("Demo", "begins with a letter", "upper case"),
        ("-demo", "begins with a letter", "a hyphen in front"),
        ("demo-", "ends with none of the hyphens", "a hyphen behind"),
        ("1demo", "begins with a letter", "a digit in front"),
        ("demo_1", "lower-case letters, digits and hyphens", "an underscore"),
        ("demo?x=1", "lower-case letters, digits and hyphens", "a query"),
        ("..", "lower-case letters, digits and hyphens", "dots would change the URL"),
        ("europe-west1/..", "lower-case letters, digits and hyphens", "behind a location, too"),
        ("../demo", "a region, a zone", "in place of a location"),
        ("europe-west1/", "1 to 40 characters", "no name"),
        ("/demo", "a region, a zone", "no location"),
        ("europe_west1/demo", "a region, a zone", "no location has an underscore"),
        ("my-project/europe-west1/demo", "number of parts", "three parts"),
        ("https://34.1.2.3", "number of parts", "an address tells no name"),
        ("arn:aws:eks:eu-west-1:123456789012:cluster/demo", "a region, a zone", "another cloud"),
        ("gke_my-project_demo", "a project, a location and a cluster", "a context without a location"),
        ("gke_my-project_europe-west1_demo_1", "a project, a location and a cluster", "one part too many"),
        ("gke_P_europe-west1_demo", "a project id", "a project that is none"),
        ("gke_my-project_EU_demo", "a region, a zone", "a location that is none"),
        (
            "projects/my-project/locations/europe-west1/clusters/",
            "1 to 40 characters",
            "a full name of nothing",
        ),
        ("projects/my-project/locations/-/clusters/demo", "a region, a zone", "any location"),
        ("projects/12345/locations/us/clusters/demo", "a project id", "a project's number"),
        ("projects/my-project/locations/us/nodePools/demo", "number of parts", "no cluster"),
        (&format!("//compute.googleapis.com/{FULL}"), "number of parts", "another service"),
        ("//container.googleapis.com/demo", "number of parts", "a name alone is nothing of a service's"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<KubernetesCluster>(&[
        "europe-west1/demo",
        "demo",
        FULL,
        "gke_my-project_europe-west1_demo",
    ]);
}

async fn resolve(text: &str, world: &Scripted) -> Result<String> {
    let cx = world.context();
    KubernetesCluster::resolve(text, &session(), &call(&cx)).await.map(|it| it.id())
}

/// S19: what names a project is compared with the session, without a call.
#[tokio::test]
async fn s19_another_project_is_refused_without_a_call() {
    let silent = Scripted::new();
    for text in [
        FULL,
        "projects/my-project/zones/europe-west1/clusters/demo",
        "projects/my-project/regions/europe-west1/clusters/demo",
        "gke_my-project_europe-west1_demo",
    ] {
        assert_eq!(resolve(text, &silent).await.expect("its own"), "europe-west1/demo", "{text}");
        let cx = silent.context();
        let theirs = text.replace("my-project", "their-project");
        let error = KubernetesCluster::resolve(&theirs, &session(), &call(&cx)).await.expect_err("theirs");
        assert_eq!(error.field_problems()[0].field, "resource_id");
        let says = "of project their-project, the connector is for my-project";
        assert!(error.message().contains(says), "{error}");
        let error =
            KubernetesCluster::resolve(text, &session_of(None), &call(&cx)).await.expect_err("nobody's");
        assert_eq!(error.field_problems()[0].field, "project_id");
    }
    assert!(resolve("", &silent).await.is_err());
    assert!(silent.sent().is_empty());
}

fn clusters(all: &[(&str, &str)], missing: &[&str]) -> Response {
    let all: Vec<_> =
        all.iter().map(|(location, name)| json!({ "name": name, "location": location })).collect();
    json_answer(200, &json!({ "clusters": all, "missingZones": missing }))
}

/// S18: a name is completed when the project has one of it; several are listed, and none is said to be none.
#[tokio::test]
async fn s18_a_name_is_completed_or_its_candidates_are_listed() {
    let all =
        [("us-east1", "demo"), ("europe-west1", "other"), ("asia-east1-a", "twin"), ("us-east1", "twin")];
    let world = Scripted::answering([clusters(&all, &[]), clusters(&all, &[]), clusters(&all, &[])]);
    assert_eq!(resolve("demo", &world).await.expect("one"), "us-east1/demo");
    let error = resolve("twin", &world).await.expect_err("two");
    assert_eq!((error.kind(), &*error.field_problems()[0].field), (ErrorKind::InvalidInput, "resource_id"));
    assert!(error.message().contains("2 clusters are called `twin`"), "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("asia-east1-a/twin, us-east1/twin")), "{error:?}");
    let error = resolve("gone", &world).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("project my-project has no cluster `gone`"), "{error}");
    let url = "GET https://container.googleapis.com/v1/projects/my-project/locations/-/clusters";
    assert_eq!(world.lines(), [url; 3]);
}

/// S18: where a location did not answer, nobody knows that there is none.
#[tokio::test]
async fn s18_a_name_that_may_be_in_a_missing_zone_is_not_said_to_be_none() {
    let world = Scripted::answering([clusters(&[("us-east1", "demo")], &["us-west1-a", "hunter2 <b>"])]);
    let error = resolve("gone", &world).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().ends_with("these did not: us-west1-a"), "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("LOCATION/CLUSTER")));
    assert_silent(&error);
}

/// S15, S27: what cannot be asked for is left out, and what GKE did not reach is named.
#[tokio::test]
async fn s15_the_listing_names_missing_zones() {
    let all =
        [("us-east1", "b"), ("europe-west1", "a"), ("us-east1", "Not A Name"), ("hunter2?", "a"), ("", "")];
    let world = Scripted::answering([clusters(&all, &["us-west1-a", "us-west1-b", "hunter2 <b>"])]);
    let cx = world.context();
    let listing = KubernetesCluster::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, ["europe-west1/a", "us-east1/b"]);
    let places: Vec<_> = listing.failures.iter().map(|it| it.place.as_str()).collect();
    assert_eq!(places, ["us-west1-a", "us-west1-b"]);
    assert!(listing.failures.iter().all(|it| it.error.kind() == ErrorKind::Unreachable));
    assert_eq!(world.sent().len(), 1);

    let cx = Scripted::answering([json_answer(200, &json!({}))]).context();
    let listing = KubernetesCluster::list(&session(), &call(&cx)).await.expect("an empty project");
    assert!(listing.ids.is_empty() && listing.failures.is_empty());
    let cx = Scripted::answering([forbidden()]).context();
    let error = KubernetesCluster::list(&session(), &call(&cx)).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("container.clusters.list"), "{error}");
    assert_silent(&error);
}

/// As GKE describes a cluster that has both ways in.
fn described(change: impl FnOnce(&mut Value)) -> Response {
    let mut cluster = json!({
        "name": "demo",
        "location": "europe-west1",
        "status": "RUNNING",
        "endpoint": "34.1.2.3",
        "masterAuth": { "clusterCaCertificate": STANDARD.encode(PEM) },
        "controlPlaneEndpointsConfig": {
            "dnsEndpointConfig": { "endpoint": "gke-1234.europe-west1.gke.goog", "allowExternalTraffic": false },
            "ipEndpointsConfig": { "enabled": true },
        },
    });
    change(&mut cluster);
    json_answer(200, &cluster)
}

async fn issued(answer: Response) -> Result<KubernetesCredential> {
    let cx = Scripted::answering([answer]).context();
    demo().issue(&wanted(), &session(), &call(&cx)).await.map(|it| it.credential)
}

/// S51: by its address with its own authority, and by its DNS name only where that lets calls from outside in.
#[tokio::test]
async fn s51_the_address_is_one_that_can_be_called() {
    let dns = "https://gke-1234.europe-west1.gke.goog";
    let by_address = ("https://34.1.2.3", Trust::Authority(PEM.into()));
    let external = |it: &mut Value| {
        it["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["allowExternalTraffic"] = true.into();
    };
    let old = |it: &mut Value| {
        it.as_object_mut().expect("an object").remove("controlPlaneEndpointsConfig");
    };
    for (answer, (server, trust), why) in [
        (described(|_| {}), by_address.clone(), "the DNS endpoint is for the inside alone"),
        (described(external), (dns, Trust::System), "behind the DNS name is a certificate that all trust"),
        (described(old), by_address.clone(), "older clusters have no such settings"),
        (
            described(|it| {
                external(it);
                it["endpoint"] = "".into();
                it["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["enabled"] = false.into();
            }),
            (dns, Trust::System),
            "without an address",
        ),
        (described(|it| it["status"] = "RECONCILING".into()), by_address.clone(), "being changed"),
        (described(|it| it["status"] = "DEGRADED".into()), by_address, "needs attention, and answers"),
    ] {
        let credential = issued(answer).await.expect(why);
        assert_eq!((credential.server.as_str(), credential.trust), (server, trust), "{why}");
        assert_eq!(credential.cluster, "gke_my-project_europe-west1_demo", "{why}");
        assert_eq!(credential.tls_server_name, None);
        assert!(matches!(&credential.login, Login::Token(token) if token.expose() == "hunter2-token"));
    }
}

/// S20: a cluster that gives no access says why.
#[tokio::test]
async fn s20_a_cluster_without_access_says_why() {
    let inside = |it: &mut Value| {
        it["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["enabled"] = false.into();
    };
    let dns = |host: &'static str| {
        move |it: &mut Value| {
            it["controlPlaneEndpointsConfig"]["dnsEndpointConfig"] =
                json!({ "endpoint": host, "allowExternalTraffic": true });
        }
    };
    let get = "container.clusters.get";
    for (answer, kind, says) in [
        (described(|it| it["status"] = "PROVISIONING".into()), ErrorKind::Refused, "is still being created"),
        (described(|it| it["status"] = "STOPPING".into()), ErrorKind::Refused, "is being deleted"),
        (described(|it| it["status"] = "ERROR".into()), ErrorKind::Refused, "is broken"),
        (described(|it| it["status"] = "hunter2".into()), ErrorKind::Refused, "not known"),
        (described(inside), ErrorKind::Refused, "no endpoint that can be called from here"),
        (
            described(|it| it["endpoint"] = "".into()),
            ErrorKind::Refused,
            "no endpoint that can be called from here",
        ),
        (described(|it| it["endpoint"] = "hunter2/../x?".into()), ErrorKind::Unreachable, get),
        (described(dns("hunter2@evil.example")), ErrorKind::Unreachable, get),
        (
            described(|it| it["masterAuth"]["clusterCaCertificate"] = "hunter2!".into()),
            ErrorKind::Unreachable,
            get,
        ),
        (described(|it| it["masterAuth"] = json!({})), ErrorKind::Unreachable, get),
        (
            described(|it| it["masterAuth"]["clusterCaCertificate"] = STANDARD.encode("hunter2").into()),
            ErrorKind::Unreachable,
            get,
        ),
        (Response::new(200, vec![], b"<html>hunter2".to_vec()), ErrorKind::Unreachable, get),
        (refusal(404, "NOT_FOUND"), ErrorKind::NotFound, "no cluster `demo` in europe-west1"),
        (forbidden(), ErrorKind::Refused, get),
    ] {
        let world = Scripted::answering([answer]);
        let cx = world.context();
        let error = demo().reach(&wanted(), &session(), &call(&cx)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        if says.contains("no endpoint") {
            assert!(error.hint().is_some_and(|it| it.contains("--enable-dns-access")), "{error:?}");
        }
        assert_silent(&error);
        let url = "GET https://container.googleapis.com/v1/projects/my-project/locations/europe-west1/clusters/demo";
        assert_eq!(world.lines(), [url]);
    }
}

/// S20: the DNS endpoint lets in who may connect: what is missing is named, and where nobody tells, nothing is said.
#[tokio::test]
async fn s20_the_dns_endpoint_asks_for_a_permission() {
    let by_dns = || {
        described(|it| {
            it["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["allowExternalTraffic"] = true.into();
        })
    };
    let granted = json_answer(200, &json!({ "permissions": ["container.clusters.connect"] }));
    for (answer, reached) in [
        (granted, true),
        (json_answer(200, &json!({})), false),
        (forbidden(), true),
        (refusal(404, "NOT_FOUND"), true),
    ] {
        let world = Scripted::answering([by_dns(), answer]);
        let cx = world.context();
        let out = demo().reach(&wanted(), &session(), &call(&cx)).await;
        assert_eq!(out.is_ok(), reached, "{out:?}");
        let url =
            "POST https://cloudresourcemanager.googleapis.com/v3/projects/my-project:testIamPermissions";
        assert_eq!(world.lines()[1], url);
        if let Err(error) = out {
            assert!(error.to_string().contains("lacks container.clusters.connect"), "{error}");
            assert!(error.hint().is_some_and(|it| it.contains("roles/container.viewer")), "{error:?}");
        }
    }
    let named = KubernetesCluster::permissions(Access::Read);
    assert!(named.contains(&"container.clusters.connect"), "{named:?}");
}

/// A project of an organization has a colon in its id, which is a verb's in Google's URLs.
#[tokio::test]
async fn a_projects_colon_is_encoded() {
    let world = Scripted::answering([described(|_| {}), clusters(&[], &[])]);
    let cx = world.context();
    let session = session_of(Some("example.com:zenfiles"));
    demo().reach(&wanted(), &session, &call(&cx)).await.expect("reached");
    KubernetesCluster::list(&session, &call(&cx)).await.expect("a listing");
    assert!(
        world.lines().iter().all(|it| it.contains("/projects/example.com%3Azenfiles/")),
        "{:?}",
        world.lines()
    );
}

/// S51: one call; the credential says how wide it is, and ends with its session.
#[tokio::test]
async fn s51_the_login_ends_with_its_session_and_says_how_wide_it_is() {
    let world = Scripted::answering([described(|_| {})]);
    let cx = Context::detached(VirtualClock::default()).with_http(world.clone());
    let handle = connector(cx.clone()).resource::<KubernetesCluster>(FULL).await.expect("a handle");
    let issued = handle.issue().await.expect("a credential");
    assert_eq!(world.sent().len(), 1);
    assert_eq!(issued.expiry.left(cx.now()), Some(Duration::from_secs(3600)), "the session's own end");
    assert!(
        matches!(issued.narrowing(), Narrowed::No(why) if why.contains("access boundaries")),
        "{issued:?}"
    );
    assert!(!format!("{issued:?}").contains("hunter2"));
    let mut fields = Fields::default();
    issued.credential.export(&mut fields);
    assert!(KubernetesCredential::import(&fields).is_ok(), "it travels");
}

#[test]
fn a_cluster_has_no_parts_and_no_boundary() {
    assert_eq!(demo().narrowing(&wanted()).expect("nothing to say"), None);
    assert!(demo().narrowing(&wanted().with_within("default")).is_err());
    assert!(demo().carried(&wanted()).is_empty(), "what may be done is said by IAM");
    assert_eq!(demo().name().as_str(), "demo");
    assert_eq!(demo().location().as_str(), "europe-west1");
}
