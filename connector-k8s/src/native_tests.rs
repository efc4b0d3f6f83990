//! A real `kube::Client` against a server on loopback that takes tokens for as long as they live on a clock of its
//! own.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use connector_core::{
    Connector, Context, Grant, Http, Request as PortRequest, Response as PortResponse, VirtualClock,
};
use connector_core::{async_trait, format_time};
use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{PostParams, WatchEvent, WatchParams};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::auth::Token;
use crate::connector::Kubernetes;
use crate::names::ServerUrl as Server;
use crate::resource::KubernetesCluster;
use crate::testing::method;

const LIFE: Duration = Duration::from_secs(600);

/// A cluster: its clock, the tokens that it made, and those that it takes back.
#[derive(Clone)]
struct Cluster(Arc<Inner>);

struct Inner {
    clock: VirtualClock,
    made: AtomicUsize,
    ends: Mutex<Vec<SystemTime>>,
    revoked: Mutex<HashSet<usize>>,
    /// What the server saw: method and path, and the number of the token that came with it.
    seen: Mutex<Vec<(String, Option<usize>, u16)>>,
}

/// TokenRequest, by the port.
#[async_trait]
impl Http for Cluster {
    async fn send(&self, _: PortRequest) -> Result<PortResponse> {
        let number = self.0.made.fetch_add(1, Ordering::SeqCst);
        let end = self.0.clock_now() + LIFE;
        self.0.ends.lock().expect("no panic").push(end);
        let status = json!({ "token": format!("hunter2-{number}"), "expirationTimestamp": format_time(end) });
        Ok(PortResponse::new(201, Vec::new(), json!({ "status": status }).to_string().into_bytes()))
    }
}

impl Inner {
    fn clock_now(&self) -> SystemTime {
        use connector_core::Clock;
        self.clock.now()
    }

    fn takes(&self, number: usize) -> bool {
        let end = self.ends.lock().expect("no panic").get(number).copied();
        end.is_some_and(|end| self.clock_now() < end)
            && !self.revoked.lock().expect("no panic").contains(&number)
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.windows(4).any(|it| it == b"\r\n\r\n") {
            let mut part = [0; 4096];
            match stream.read(&mut part).await? {
                0 => return Ok(()),
                count => head.extend_from_slice(&part[..count]),
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
        let header = head.lines().find_map(|it| it.strip_prefix("authorization: Bearer hunter2-"));
        let number = header.and_then(|it| it.trim().parse().ok());
        let (status, body) = match number.filter(|it| self.takes(*it)) {
            None => {
                (401, json!({ "kind": "Status", "status": "Failure", "reason": "Unauthorized", "code": 401 }))
            }
            Some(number) if line.contains("watch=true") => {
                let object =
                    json!({ "metadata": { "name": format!("seen-{number}"), "resourceVersion": "1" } });
                (200, json!({ "type": "ADDED", "object": object }))
            }
            Some(_) => (200, json!({ "metadata": { "name": "made" }, "data": {} })),
        };
        self.seen.lock().expect("no panic").push((line, number, status));
        let body = format!("{body}\n");
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await
    }

    fn statuses(&self) -> Vec<(Option<usize>, u16)> {
        self.seen.lock().expect("no panic").iter().map(|(_, number, status)| (*number, *status)).collect()
    }
}

/// A cluster on loopback and a client for it.
async fn cluster() -> (Cluster, Connector<Kubernetes>, Client) {
    let cluster = Cluster(Arc::new(Inner {
        clock: VirtualClock::default(),
        made: AtomicUsize::new(0),
        ends: Mutex::default(),
        revoked: Mutex::default(),
        seen: Mutex::default(),
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    assert!(Server::parse(&server).is_ok());
    let inner = Arc::clone(&cluster.0);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let inner = Arc::clone(&inner);
            tokio::spawn(async move { inner.serve(stream).await });
        }
    });
    let config = json!({
        "server": server, "cluster_name": "demo", "token": "hunter2-own", "service_account": "a", "namespace": "b",
    });
    let cx = Context::detached(cluster.0.clock.clone()).with_http(cluster.clone());
    let connector = Connector::new(cx, method::<Token>(config));
    let handle = connector.resource::<KubernetesCluster>(Grant::new("kubernetes-cluster", "demo")).await;
    let client = handle.expect("a handle").client::<Client>().await.expect("a client");
    (cluster, connector, client)
}

/// S49, S51: a watch that is taken up again, as every watcher does, outlasts its tokens.
#[tokio::test]
async fn s49_s51_a_watch_outlasts_three_tokens() {
    let (cluster, connector, client) = cluster().await;
    // The client needs neither of them.
    drop(connector);
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let mut names = Vec::new();
    for _ in 0..8 {
        let events = maps.watch(&WatchParams::default(), "0").await.expect("a watch");
        let events: Vec<_> = events.try_collect().await.expect("events");
        for event in events {
            let WatchEvent::Added(map) = event else { panic!("{event:?}") };
            names.push(map.metadata.name.unwrap_or_default());
        }
        cluster.0.clock.advance(LIFE / 2);
    }
    names.dedup();
    assert_eq!(names, ["seen-0", "seen-1", "seen-2", "seen-3"]);
    assert!(cluster.0.statuses().iter().all(|(_, status)| *status == 200), "no token was refused");
}

/// A token that is revoked early is replaced once, and the request sent again, body and all; a server that takes
/// nothing is not asked for a token each time.
#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let (cluster, _, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    cluster.0.revoked.lock().expect("no panic").insert(0);
    maps.create(&PostParams::default(), &ConfigMap::default()).await.expect("the second try");
    assert_eq!(cluster.0.statuses(), [(Some(0), 401), (Some(1), 200)]);

    cluster.0.revoked.lock().expect("no panic").extend(1..100);
    for _ in 0..3 {
        let error = maps.get("made").await.expect_err("nothing is taken");
        assert!(matches!(&error, kube::Error::Api(status) if status.code == 401), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    assert_eq!(cluster.0.made.load(Ordering::SeqCst), 2, "a moment after the last refusal");
    cluster.0.clock.advance(Duration::from_secs(60));
    maps.get("made").await.expect_err("nothing is taken");
    assert_eq!(cluster.0.made.load(Ordering::SeqCst), 3);
}

/// Many who hear the same refusal cause one call.
#[tokio::test]
async fn one_call_for_many_refusals() {
    let (cluster, _, client) = cluster().await;
    cluster.0.revoked.lock().expect("no panic").insert(0);
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let gets = (0..50).map(|_| maps.get("made"));
    futures_util::future::try_join_all(gets).await.expect("all of them");
    assert_eq!(cluster.0.made.load(Ordering::SeqCst), 2);
}

/// A config is of now: it holds the token as it is, where no log shows it.
#[tokio::test]
async fn a_config_as_of_now() {
    let (_, connector, _) = cluster().await;
    let handle = connector.resource::<KubernetesCluster>(Grant::new("kubernetes-cluster", "demo")).await;
    let config = handle.expect("a handle").client::<Config>().await.expect("a config");
    assert!(config.auth_info.token.is_some() && config.cluster_url.host() == Some("127.0.0.1"));
    assert!(!format!("{config:?}").contains("hunter2"));
}

/// What is no certificate is refused when the client is made, without showing it.
#[tokio::test]
async fn credentials_that_make_no_client() {
    let (pem, _) = crate::testing::certificate();
    let login = Login::Certificate(Certificate { certificate: pem, key: "hunter2".into() });
    let mut credential = KubernetesCredential {
        server: "https://127.0.0.1:1".into(),
        cluster: "demo".into(),
        trust: Trust::System,
        tls_server_name: None,
        login,
    };
    let made = |credential: &KubernetesCredential| {
        let never = connector_core::Expiry::Never("an example".into());
        Wire::new(Arc::new(Issued::new(credential.clone(), never))).map(|_| ())
    };
    let error = made(&credential).expect_err("no key");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    credential.login = Login::Token("t".into());
    made(&credential).expect("a client");
    credential.trust = Trust::Authority("nothing".into());
    assert_eq!(
        made(&credential).expect_err("no certificate").field_problems()[0].field,
        "certificate_authority"
    );
    credential.trust = Trust::System;
    credential.server = "http://demo".into();
    assert_eq!(made(&credential).expect_err("in clear").field_problems()[0].field, "server");
}
