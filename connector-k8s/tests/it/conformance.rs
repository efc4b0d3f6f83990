//! The kit, on a cluster in memory that issues to whoever shows a known login, for as long as is asked.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connector_conformance::{Kit, Rule, World, canary};
use connector_core::{
    Clock, Command, Commands, Context, Http, Output, Request, Response, Result, async_trait, format_time,
};
use connector_k8s::KubernetesCredential;
use serde_json::{Value, json};

/// What documents out there hold: a change here is a decision.
const IDS: &[&str] = &[
    "type kubernetes",
    "method kubernetes/in-cluster",
    "method kubernetes/kubeconfig",
    "method kubernetes/password",
    "method kubernetes/token",
    "resource kubernetes/kubernetes-cluster",
    "kind kubernetes",
];

struct Cluster {
    world: World,
    made: AtomicUsize,
}

#[async_trait]
impl Http for Cluster {
    async fn send(&self, request: Request) -> Result<Response> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let is_known = request.headers().iter().any(|(name, _)| name == "authorization");
        let (status, answer) = match request.url() {
            _ if !is_known => (401, json!({ "kind": "Status", "reason": "Unauthorized", "code": 401 })),
            url if url.ends_with("/version") => (200, json!({ "gitVersion": "v1.37.0" })),
            url if url.ends_with("/selfsubjectreviews") => {
                (201, json!({ "status": { "userInfo": { "username": "alice" } } }))
            }
            url if url.ends_with("/selfsubjectaccessreviews") => {
                (201, json!({ "status": { "allowed": true } }))
            }
            url if url.ends_with("/token") => {
                let life = Duration::from_secs(body["spec"]["expirationSeconds"].as_u64().unwrap_or(3600));
                let token = canary(&format!("issued-{}", self.made.fetch_add(1, Ordering::SeqCst)));
                self.world.issued(&token, life);
                let end = format_time(self.world.clock().now() + life);
                (201, json!({ "status": { "token": token, "expirationTimestamp": end } }))
            }
            _ => (404, json!({ "kind": "Status", "reason": "NotFound", "code": 404 })),
        };
        Ok(Response::new(status, Vec::new(), answer.to_string().into_bytes()))
    }
}

/// A plugin that is never run: the examples have none.
struct NoPrograms;

#[async_trait]
impl Commands for NoPrograms {
    async fn run(&self, _: Command) -> Result<Output> {
        Err(connector_core::Error::refused("no program here"))
    }
}

/// A pod in the cluster.
fn context(world: &World) -> Context {
    let mounted = |name: &str| PathBuf::from(format!("/var/run/secrets/kubernetes.io/serviceaccount/{name}"));
    let variables = [("KUBERNETES_SERVICE_HOST", "10.96.0.1"), ("KUBERNETES_SERVICE_PORT", "443")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let files = HashMap::from([
        (mounted("token"), canary("pod-token").into_bytes()),
        (mounted("namespace"), b"apps".to_vec()),
        (mounted("ca.crt"), AUTHORITY.into()),
    ]);
    world
        .context()
        .with_implicit(true)
        .with_environment(world.environment(HashMap::from(variables)))
        .with_files(files)
        .with_commands(NoPrograms)
        .with_http(Cluster { world: world.clone(), made: AtomicUsize::new(0) })
}

/// In the form of one: nobody here makes a TLS connection.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn kubeconfig(user: Value) -> String {
    json!({
        "current-context": "work",
        "contexts": [{ "name": "work", "context": { "cluster": "in-cluster", "user": "u", "namespace": "apps" } }],
        "clusters": [{ "name": "in-cluster", "cluster": { "server": "https://demo.example.org:6443" } }],
        "users": [{ "name": "u", "user": user }],
    })
    .to_string()
}

fn kit() -> Kit {
    Kit::of(connector_k8s::REGISTRATIONS)
        .stable_ids(IDS)
        .method(
            "kubernetes",
            "token",
            json!({
                "server": "https://demo.example.org:6443", "cluster_name": "in-cluster", "token": canary("token"),
                "service_account": "deployer", "namespace": "apps", "audiences": ["https://vault"],
                "certificate_authority": AUTHORITY, "tls_server_name": "kubernetes",
            }),
        )
        .method(
            "kubernetes",
            "token",
            json!({
                "server": "https://demo.example.org:6443", "cluster_name": "in-cluster", "insecure": true, "service_account": "deployer", "namespace": "apps",
                "token": canary("token"),
            }),
        )
        .method(
            "kubernetes",
            "password",
            json!({
                "server": "https://demo.example.org:6443", "cluster_name": "in-cluster", "username": "alice",
                "password": canary("password"),
            }),
        )
        .method(
            "kubernetes",
            "kubeconfig",
            json!({
                "kubeconfig": kubeconfig(json!({ "token": canary("kubeconfig") })), "context": "work",
                "service_account": "deployer", "namespace": "apps", "audiences": ["a"],
            }),
        )
        .method("kubernetes", "in-cluster", json!({ "service_account": "deployer", "audiences": ["a"] }))
        .resource("kubernetes", "kubernetes-cluster", &["in-cluster", "https://demo.example.org:6443"])
}

/// S2, S7, S10, S17, C28: what the methods say of themselves, and how they read what they are given.
#[tokio::test]
async fn s7_s10_s17_c28_kubernetes_conforms() {
    kit().assert().await;
}

/// S21, S31, S34, C18, C25, C26: what they issue, renew and survive, on a clock of its own.
#[tokio::test]
async fn s21_s31_s34_c18_c25_c26_kubernetes_issues_as_it_should() {
    let mut kit = kit().kind::<KubernetesCredential>().world(context);
    let fixed = "the service account is the connector's, and what it may do is said in the cluster: all grants are narrowed to it alike";
    for method in ["in-cluster", "kubeconfig", "token"] {
        let place = format!("method kubernetes/{method}, resource type kubernetes-cluster");
        kit = kit.except(Rule::NARROWING_IS_TOLD, &place, fixed);
    }
    let place = "kind kubernetes, method kubernetes/password, resource type kubernetes-cluster";
    kit = kit.except(
        Rule::FORMS_ARE_SOUND,
        place,
        "kubectl's plugins carry tokens and certificates, and no password",
    );
    kit.assert().await;
}
