//! Native clients of one connector, across the ends of its tokens.

use std::time::Duration;

use connector_core::{Access, Grant};
use connector_tests::strict_google::{Cluster, PROJECT};
use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};
use connectors::gcp::google_cloud_auth::credentials::{
    AccessTokenCredentials, CacheableResource, Credentials,
};
use connectors::gcp::resource::{DockerRegistry, GcpGeneric, GcsBucket, KubernetesCluster, StoredSecret};
use connectors::k8s::kube;
use hyper::http::{Extensions, Request};

use super::{Setting, WHOLE};

/// S32, S49: Google's own credentials go on when a token has ended, one token per life.
#[tokio::test(flavor = "multi_thread")]
async fn s32_s49_google_credentials_outlive_their_tokens() {
    let setting = Setting::new();
    let handle = setting.connector().resource::<GcsBucket>("gs://data").await.expect("an id");
    let credentials: Credentials = handle.client().await.expect("credentials");
    let tokens: AccessTokenCredentials = handle.client().await.expect("credentials");
    let mut seen = Vec::new();
    for round in 1..=3 {
        for _ in 0..3 {
            let headers = credentials.headers(Extensions::new()).await.expect("headers");
            let CacheableResource::New { data, .. } = headers else { panic!("nothing was told before") };
            let bearer =
                data["authorization"].to_str().expect("text").trim_start_matches("Bearer ").to_owned();
            assert_eq!(tokens.access_token().await.expect("a token").token, bearer);
            assert!(setting.google.is_narrowed(&bearer), "narrowed, as any token for the bucket");
            seen.push(bearer);
        }
        assert_eq!(setting.mints().len(), 2, "one token per life, and its narrower one");
        seen.dedup();
        assert_eq!(seen.len(), round);
        setting.clock.advance(Duration::from_secs(3600));
        setting.google.advance(Duration::from_secs(3600));
    }
}

/// C29: whoever asks at the same moment waits for one call, in each life of a token, and all are given what it brought.
#[tokio::test(flavor = "multi_thread")]
async fn c29_many_callers_at_once_cause_one_call_per_life() {
    let setting = Setting::new();
    let connector = setting.connector();
    let handles = [
        connector.resource::<GcpGeneric>(PROJECT).await.expect("an id"),
        connector.resource::<GcpGeneric>(PROJECT).await.expect("an id"),
    ];
    for _ in 0..3 {
        let asking = (0..500).map(|number| {
            let handle = handles[number % 2].clone();
            tokio::spawn(
                async move { handle.issue().await.expect("a token").credential.access_token.clone() },
            )
        });
        let mut tokens = Vec::new();
        for asked in asking.collect::<Vec<_>>() {
            tokens.push(asked.await.expect("it ran").expose().to_owned());
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "all have the same");
        assert_eq!(setting.mints(), ["/token"]);
        setting.clock.advance(Duration::from_secs(3600));
        setting.google.advance(Duration::from_secs(3600));
    }
}

/// A GKE cluster is reached by a `kube::Client` that goes on, known there by the account's address.
#[tokio::test(flavor = "multi_thread")]
async fn a_gke_cluster_is_reached_by_a_kube_client() {
    let setting = Setting::new();
    let google = &setting.google;
    google.grant(&setting.robot, "roles/container.viewer", WHOLE);
    let cluster = StrictKubernetes::start();
    cluster.accept_gke(google.webhook());
    cluster.add_namespace("apps");
    cluster.add_pod("apps", "web");
    cluster.allow(Rule::for_user(&setting.robot).in_namespace("apps").may(&["get", "list"], &["pods"]));
    let one = || Cluster::of(&cluster);
    google.add_cluster("europe-west1", "demo", one());
    google.add_cluster("us-central1-a", "demo", one());
    google.add_cluster("us-central1-a", "other", one());
    let connector = setting.connector();
    let error = connector.resource::<KubernetesCluster>("demo").await.expect_err("two have that name");
    assert!(error.hint().is_some_and(|it| it.contains("europe-west1/demo, us-central1-a/demo")), "{error:?}");
    let handle = connector.resource::<KubernetesCluster>("other").await.expect("one has that name");
    assert_eq!(handle.grant().resource_id.as_deref(), Some("us-central1-a/other"));
    let id = format!("gke_{PROJECT}_europe-west1_demo");
    let handle = connector.resource::<KubernetesCluster>(id.as_str()).await.expect("gcloud's name for it");
    handle.reach().await.expect("reached");
    let client: kube::Client = handle.client().await.expect("a client");
    for _ in 0..3 {
        let request = Request::get("/api/v1/namespaces/apps/pods").body(Vec::new()).expect("a request");
        let text = client.request_text(request).await.expect("the token is good");
        assert!(text.contains("web"), "{text}");
        setting.clock.advance(Duration::from_secs(3600));
        google.advance(Duration::from_secs(3600));
    }
    let listed = connector.list::<KubernetesCluster>().await.expect("a list");
    assert_eq!(listed.ids, ["europe-west1/demo", "us-central1-a/demo", "us-central1-a/other"]);

    // Behind a DNS endpoint it takes the right to connect, which not every role has that shows the cluster.
    google.add_cluster("us-east1", "named", one().with_dns_endpoint("gke-1234.us-east1.gke.goog"));
    let named = connector.resource::<KubernetesCluster>("us-east1/named").await.expect("an id");
    named.reach().await.expect("a viewer connects");
    google.take_back(&setting.robot, "roles/container.viewer", WHOLE);
    google.grant(&setting.robot, "roles/container.clusterViewer", WHOLE);
    let error = named.reach().await.expect_err("it may not connect").to_string();
    assert!(error.contains("container.clusters.connect"), "{error}");
}

/// Forty locations are asked side by side, one that is closed hides none of the others, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn forty_locations_are_asked_side_by_side() {
    let setting = Setting::new();
    let google = &setting.google;
    google.grant(&setting.robot, "roles/artifactregistry.writer", WHOLE);
    let locations: Vec<String> = (0..40).map(|it| format!("place-east{it:02}")).collect();
    google.set_locations(&locations.iter().map(String::as_str).collect::<Vec<_>>());
    google.add_repository("place-east03", "images");
    google.add_repository("place-east09", "images");
    google.close_location("place-east07");
    google.limit_pages(Some(15));
    // Who asks one after the other is never answered.
    google.answer_together(40, "/repositories");
    let listed = setting.connector().list::<DockerRegistry>().await.expect("a list");
    let id = |location: &str| format!("{location}-docker.pkg.dev/{PROJECT}/images");
    assert_eq!(listed.ids, [id("place-east03"), id("place-east09")]);
    assert_eq!(listed.failures.len(), 1, "{listed:?}");
    assert_eq!(listed.failures[0].place, "place-east07");
    assert_eq!(listed.failures[0].error.kind(), connectors::ErrorKind::Refused);
}

/// What the resource types say of access, by the permissions that the server really grants.
#[tokio::test(flavor = "multi_thread")]
async fn missing_permissions_are_named() {
    let setting = Setting::new();
    let google = &setting.google;
    let repository = google.add_repository("europe-west1", "images");
    let secret = google.add_secret("db", "s3cr3t");
    let connector = setting.connector();
    let registry = format!("europe-west1-docker.pkg.dev/{PROJECT}/images");
    // Without a role there the token is good all the same, and the list says what is not known.
    connector
        .resource::<GcpGeneric>(Grant::default())
        .await
        .expect("the project")
        .reach()
        .await
        .expect("good");
    let listed = connector.list::<GcpGeneric>().await.expect("a list");
    assert_eq!(listed.ids, [PROJECT]);
    assert!(listed.notes.iter().any(|it| it.contains("may not look at the project")), "{listed:?}");
    google.grant(&setting.robot, "roles/browser", WHOLE);
    connector
        .resource::<GcpGeneric>(Grant::default())
        .await
        .expect("the project")
        .reach()
        .await
        .expect("seen");

    google.grant(&setting.robot, "roles/artifactregistry.reader", &repository);
    let reach = async |access: Access| {
        let grant = Grant::new("docker-registry", registry.as_str()).with_access(access);
        connector.resource::<DockerRegistry>(grant).await.expect("an id").reach().await
    };
    reach(Access::Read).await.expect("may pull");
    let error = reach(Access::Write).await.expect_err("may not push");
    assert!(format!("{error} {:?}", error.causes()).contains("uploadArtifacts"), "{error:?}");

    let handle = connector.resource::<StoredSecret>("db").await.expect("completed");
    assert!(handle.reach().await.expect_err("no role").to_string().contains("secret"));
    google.grant(&setting.robot, "roles/secretmanager.secretAccessor", &secret);
    handle.reach().await.expect("may read");
    let reader: connector_core::SecretReader = handle.client().await.expect("a reader");
    assert_eq!(reader.read().await.expect("a value").expose(), "s3cr3t");
}
