//! Clusters: our own requests and a real `kube::Client`, against a strict API server with real TLS.

use std::time::{Duration, SystemTime};

use connector_core::{Connector, Context, Grant, Http, Request, Response, Result, VirtualClock, async_trait};
use connector_tests::strict_aws::Role;
use connector_tests::strict_kubernetes::{EksWebhook, Rule, ServerCertificate, StrictKubernetes};
use connectors::k8s::Login;
use connectors::k8s::auth::{Kubeconfig, Password, Token};
use connectors::k8s::kube::{self, Client};
use connectors::k8s::resource::KubernetesCluster;
use connectors::system::{SystemClock, SystemHttp, Timeouts};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use crate::stage::strict;

/// Where tokens of the service account are asked for.
const TOKENS: &str = "/api/v1/namespaces/apps/serviceaccounts/reader/token";

/// A cluster with a service account that may read pods, and a login that may create its tokens.
fn cluster() -> (StrictKubernetes, String) {
    let server = StrictKubernetes::start();
    server.add_namespace("apps");
    server.add_service_account("apps", "reader");
    server.add_pod("apps", "web");
    server.allow(
        Rule::for_service_account("apps", "reader")
            .in_namespace("apps")
            .may(&["get", "list", "watch"], &["pods"]),
    );
    let create = Rule::for_user("broker").in_namespace("apps").may(&["create"], &["serviceaccounts/token"]);
    server.allow(create.named(&["reader"]));
    let token = server.add_token("broker", &[]);
    (server, token)
}

fn config(server: &StrictKubernetes, token: &str, more: Value) -> Value {
    let mut config = json!({
        "server": server.url(), "cluster_name": "demo", "token": token, "certificate_authority": server.ca(),
        "service_account": "reader", "namespace": "apps",
    });
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        match value {
            Value::Null => drop(config.as_object_mut().map(|it| it.remove(&key))),
            value => config[key] = value,
        }
    }
    config
}

fn network(clock: &VirtualClock) -> Context {
    Context::detached(clock.clone()).with_http(SystemHttp::new(Timeouts::default()))
}

fn clock() -> VirtualClock {
    VirtualClock::at(SystemTime::now())
}

async fn reach(config: Value) -> Result<()> {
    let method: Token = serde_json::from_value(config).expect("a config");
    // The machine's clock: what does not answer is waited for, and asked again.
    let cx = Context::detached(SystemClock).with_http(SystemHttp::new(Timeouts::default()));
    let connector = Connector::new(cx, method);
    connector.resource::<KubernetesCluster>(Grant::default()).await?.reach().await
}

/// C17: the server's certificate is checked against the connector's authority and no other, under the name that
/// counts; each failure has its own words, and `insecure` really checks nothing.
#[tokio::test(flavor = "multi_thread")]
async fn c17_whom_to_trust() {
    let (server, token) = cluster();
    let (other, _) = cluster();
    let says = async |more: Value| match reach(config(&server, &token, more)).await {
        Ok(()) => "reached".to_owned(),
        Err(error) => error.to_string(),
    };
    let insecure = || json!({ "certificate_authority": null, "insecure": true });
    assert_eq!(says(json!({})).await, "reached");
    assert!(says(json!({ "certificate_authority": other.ca() })).await.contains("nobody who is trusted"));
    assert!(says(json!({ "certificate_authority": null })).await.contains("nobody who is trusted"));
    assert!(says(json!({ "tls_server_name": "kubernetes" })).await.contains("another name"));

    for (shown, words) in [
        (ServerCertificate::Expired, "has expired"),
        (ServerCertificate::Foreign, "nobody who is trusted"),
        (ServerCertificate::For("kubernetes".into()), "another name"),
    ] {
        // A connection that is open stays so, and is used again.
        let (server, token) = cluster();
        server.present(&shown);
        let error = reach(config(&server, &token, json!({}))).await.expect_err("not trusted").to_string();
        assert!(error.contains("failed the TLS check") && error.contains(words), "{shown:?}: {error}");
        reach(config(&server, &token, insecure())).await.expect("nothing is checked");
        let named = reach(config(&server, &token, json!({ "tls_server_name": "kubernetes" }))).await;
        assert_eq!(named.is_ok(), matches!(shown, ServerCertificate::For(_)), "{shown:?}: {named:?}");
    }
}

/// Verifying tells a bad token, a missing right and a missing name apart; an old server is understood.
#[tokio::test(flavor = "multi_thread")]
async fn what_verifying_says() {
    let (server, token) = cluster();
    let error = async |config: Value| reach(config).await.expect_err("refused").to_string();
    assert!(error(config(&server, "not-a-token", json!({}))).await.contains("does not take the token"));
    let other = config(&server, &token, json!({ "service_account": "other" }));
    assert!(error(other).await.contains("may not create tokens"));
    let nowhere = config(&server, &token, json!({ "server": "https://nowhere.invalid" }));
    assert!(error(nowhere).await.contains("does not resolve"));
    let certificate = server.add_certificate("broker", None, Duration::from_secs(3600));
    let by_certificate = json!({ "token": null, "client_certificate": certificate.certificate, "client_key": certificate.key });
    reach(config(&server, &token, by_certificate)).await.expect("by certificate");
    server.be_old();
    server.allow(Rule::for_user("broker").in_namespace("apps").may(&["create"], &["serviceaccounts/token"]));
    reach(config(&server, &token, json!({}))).await.expect("a server without SelfSubjectReview");
    let create = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answered = |user: &str| {
        let seen = server.seen();
        seen.iter().rfind(|it| it.path == create && it.user.as_deref() == Some(user)).map(|it| it.status)
    };
    // Who is no administrator is not told what is not there.
    assert_eq!(answered("broker"), Some(403));
    let admin = server.add_token("root", &["system:masters"]);
    reach(config(&server, &admin, json!({}))).await.expect("an administrator of such a server");
    assert_eq!(answered("root"), Some(404));
}

/// A password on a server of these years is nobody's, and the error says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_of_another_time() {
    let (server, _) = cluster();
    let config = json!({
        "server": server.url(), "cluster_name": "demo", "username": "alice", "password": "a-password",
        "certificate_authority": server.ca(),
    });
    let list = async || {
        let method: Password = serde_json::from_value(config.clone()).expect("a config");
        Connector::new(network(&clock()), method).list::<KubernetesCluster>().await
    };
    let paths = || server.seen().iter().map(|it| (it.path.clone(), it.status)).collect::<Vec<_>>();
    // With `system:anonymous`, the version is shown, and all else forbidden; without, all is refused.
    assert!(list().await.expect_err("refused").to_string().contains("1.19"));
    assert!(paths().contains(&("/version".to_owned(), 200)), "{:?}", paths());
    server.be_old();
    assert!(list().await.expect_err("refused, by a server of 1.20").to_string().contains("1.19"));
    server.refuse_anonymous();
    assert!(list().await.expect_err("refused").to_string().contains("1.19"));
    assert_eq!(paths().last(), Some(&("/version".to_owned(), 401)));
    server.add_password("alice", "a-password", &[]);
    assert_eq!(list().await.expect("an old server").ids, ["demo"]);
}

async fn pods(client: &Client) -> Result<usize, kube::Error> {
    let request = http_of("/api/v1/namespaces/apps/pods");
    let list: Value = client.request(request).await?;
    Ok(list["items"].as_array().map_or(0, Vec::len))
}

fn http_of(path: &str) -> hyper::Request<Vec<u8>> {
    hyper::Request::get(path).body(Vec::new()).expect("a request")
}

/// S49, S51: the client is built once, and works through three lives of its tokens and a revocation, while the
/// service account's rights are all that it has.
#[tokio::test(flavor = "multi_thread")]
async fn s49_s51_a_kube_client_outlives_its_tokens() {
    let (server, token) = cluster();
    let clock = clock();
    let method: Token = serde_json::from_value(config(&server, &token, json!({}))).expect("a config");
    let connector = Connector::new(network(&clock), method);
    let handle = connector.resource::<KubernetesCluster>(Grant::default()).await.expect("the one cluster");
    let client: Client = handle.client().await.expect("built");
    for life in 1..=3 {
        for _ in 0..3 {
            assert_eq!(pods(&client).await.expect("the token is good"), 1);
        }
        assert_eq!(server.issued().len(), life, "one token per life");
        clock.advance(Duration::from_secs(3600));
        server.advance(Duration::from_secs(3600));
    }
    pods(&client).await.expect("a fourth token");
    assert_eq!(server.count("POST", TOKENS, Some("broker")), 4);
    let issued = handle.issue().await.expect("the one that the client has");
    let Login::Token(token) = &issued.credential.login else { panic!("{issued:?}") };
    server.revoke(token.expose());
    assert_eq!(pods(&client).await.expect("a fresh one, at once"), 1);
    assert_eq!(server.count("POST", TOKENS, Some("broker")), 5);
    let denied = client.request::<Value>(http_of("/api/v1/namespaces")).await.expect_err("not its right");
    assert!(matches!(denied, kube::Error::Api(status) if status.code == 403));
}

/// S49, S51: a watch that is taken up where it ended, as every watcher does it, goes on through three lives of its
/// tokens, at a server that ends watches with their tokens.
#[tokio::test(flavor = "multi_thread")]
async fn s49_s51_a_watch_outlasts_its_tokens() {
    let (server, token) = cluster();
    server.close_watches_at_token_end();
    let clock = clock();
    let method: Token = serde_json::from_value(config(&server, &token, json!({}))).expect("a config");
    let connector = Connector::new(network(&clock), method);
    let handle = connector.resource::<KubernetesCluster>(Grant::default()).await.expect("the one cluster");
    let client: Client = handle.client().await.expect("built");
    let list: Value = client.request(http_of("/api/v1/namespaces/apps/pods")).await.expect("listed");
    let mut revision = list["metadata"]["resourceVersion"].as_str().expect("a revision").to_owned();
    for life in 1..=4 {
        let path = format!("/api/v1/namespaces/apps/pods?watch=true&resourceVersion={revision}");
        let mut events = Box::pin(client.request_events::<Value>(http_of(&path)).await.expect("a watch"));
        server.add_pod("apps", &format!("of-life-{life}"));
        let event = events.try_next().await.expect("no error").expect("an event");
        let kube::api::WatchEvent::Added(pod) = event else { panic!("{event:?}") };
        assert_eq!(pod["metadata"]["name"], format!("of-life-{life}"));
        revision = pod["metadata"]["resourceVersion"].as_str().expect("a revision").to_owned();
        assert_eq!(server.count("POST", TOKENS, Some("broker")), life, "one token per life");
        // The last one ends before its time.
        if life == 3 {
            let issued = handle.issue().await.expect("the one that the client has");
            let Login::Token(token) = &issued.credential.login else { panic!("{issued:?}") };
            server.revoke(token.expose());
        } else {
            clock.advance(Duration::from_secs(3600));
            server.advance(Duration::from_secs(3600));
        }
        assert!(matches!(events.try_next().await, Ok(None) | Err(_)), "the server has ended it");
    }
    let watched = "/api/v1/namespaces/apps/pods";
    assert_eq!(server.count("GET", watched, None), 1, "the one that was revoked");
}

/// A kubeconfig with a client certificate, which the client shows too.
#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_with_a_certificate() {
    let (server, _) = cluster();
    server.allow(Rule::for_user("alice").in_namespace("apps").may(&["list"], &["pods"]));
    let certificate = server.add_certificate("alice", None, Duration::from_secs(3600));
    let text = server.kubeconfig(&connector_tests::strict_kubernetes::Login::Certificate(certificate));
    let method: Kubeconfig = serde_json::from_value(json!({ "kubeconfig": text })).expect("a config");
    let terms = connectors::Terms::default().with_allow(connector_core::Allow::LongLived);
    let connector = Connector::with_terms(network(&clock()), method, terms);
    let handle = connector.resource::<KubernetesCluster>(Grant::default()).await.expect("the one cluster");
    let issued = handle.issue().await.expect("allowed");
    assert!(issued.long_lived && issued.expiry.at().is_some(), "a certificate has an end");
    let client: Client = handle.client().await.expect("built");
    assert_eq!(pods(&client).await.expect("by certificate"), 1);
}

/// EKS's own API, and everything else over the network.
struct Eks {
    network: SystemHttp,
    cluster: Value,
}

#[async_trait]
impl Http for Eks {
    async fn send(&self, request: Request) -> Result<Response> {
        if request.url().contains("/clusters/demo") {
            return Ok(Response::new(200, Vec::new(), self.cluster.to_string().into_bytes()));
        }
        self.network.send(request).await
    }
}

/// S3, S30, S51: a cluster of EKS gives the same `kube::Client`, by name too, and its tokens are made anew.
#[tokio::test(flavor = "multi_thread")]
async fn s30_s51_an_eks_cluster_gives_the_same_client() {
    let (aws, alice, _) = strict();
    aws.tolerate_skew();
    let role = aws.add_role(Role::named("reader").trusting_user("alice"));
    let (server, _) = cluster();
    server.accept_eks(EksWebhook::new("demo", &aws.url()).mapping(&role, "eks-user", &[]));
    server.allow(Rule::for_user("eks-user").in_namespace("apps").may(&["list"], &["pods"]));
    let ca = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, server.ca());
    let described = json!({ "cluster": {
        "name": "demo", "status": "ACTIVE", "endpoint": server.url(), "certificateAuthority": { "data": ca },
    } });
    let clock = clock();
    let eks = Eks { network: SystemHttp::new(Timeouts::default()), cluster: described };
    let cx = Context::detached(clock.clone()).with_http(eks);
    let config = json!({
        "region": "us-east-1", "endpoint_url": aws.url(), "role_arn": role,
        "aws_access_key_id": alice.access_key_id, "aws_secret_access_key": alice.secret_access_key,
    });
    let document = connectors::Document::draft(
        "eks",
        "aws",
        "iam-role",
        config.as_object().cloned().unwrap_or_default(),
    );
    let registry = connectors::registry().expect("nothing is registered twice");
    let connector = registry.open(&document, document.config.clone()).expect("opened");
    let handle = connector.resource(&cx, Grant::new("kubernetes-cluster", "demo")).await.expect("a handle");
    let client: Client = handle.client().await.expect("declared once, with the kind");
    for _ in 0..3 {
        assert_eq!(pods(&client).await.map_err(shown).expect("the token is good"), 1);
        clock.advance(Duration::from_secs(14 * 60));
        server.advance(Duration::from_secs(14 * 60));
        aws.advance(Duration::from_secs(14 * 60));
    }
    // Another cluster's token is refused.
    server.accept_eks(EksWebhook::new("other", &aws.url()).mapping(&role, "eks-user", &[]));
    let refused = pods(&client).await.expect_err("a token for another cluster");
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 401));
}

fn shown(error: kube::Error) -> String {
    format!("{error:?}")
}
