//! What the tests share: answers of a cluster, in a world that is scripted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(crate) use connector_conformance::{CANARY, Scripted as World, assert_silent};
use connector_core::{AuthMethod, Connector, Grant, Issued, Response, Result, Step, Terms, format_time};
use serde_json::{Value, json};

use crate::connector::Kubernetes;
use crate::credential::KubernetesCredential;
use crate::resource::KubernetesCluster;

/// When each world begins.
pub(crate) fn start() -> SystemTime {
    World::start()
}

pub(crate) fn after(seconds: u64) -> SystemTime {
    World::after(seconds)
}

/// A method from its config, as the registry makes it: checked.
pub(crate) fn method<M: AuthMethod<Connector = Kubernetes>>(config: Value) -> M {
    let method: M = serde_json::from_value(config).expect("a config of the method");
    assert_eq!(method.check(), [], "the config is good");
    method
}

/// A config of `token`, and more.
pub(crate) fn token(more: Value) -> Value {
    let mut config = json!({
        "server": "https://demo.example.org:6443", "cluster_name": "demo", "token": format!("{CANARY}-token"),
    });
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// The same with a service account.
pub(crate) fn with_account(more: Value) -> Value {
    let mut config = token(json!({ "service_account": "deployer", "namespace": "apps" }));
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// Issues as core does, with terms of the connector's own.
pub(crate) async fn issue<M: AuthMethod<Connector = Kubernetes>>(
    world: &World,
    method: M,
    terms: Terms,
    grant: Grant,
) -> Result<Arc<Issued<KubernetesCredential>>> {
    let connector = Connector::with_terms(world.context().with_implicit(true), method, terms);
    connector.resource::<KubernetesCluster>(grant).await?.issue().await
}

/// What `explain` shows would be sent for the same.
pub(crate) async fn plan<M: AuthMethod<Connector = Kubernetes>>(
    world: &World,
    method: M,
    terms: Terms,
) -> Result<Vec<Step>> {
    let connector = Connector::with_terms(world.context().with_implicit(true), method, terms);
    connector.resource::<KubernetesCluster>(grant()).await?.plan()
}

pub(crate) fn grant() -> Grant {
    Grant::new("kubernetes-cluster", "demo")
}

/// An answer whose clock stands at `date`.
pub(crate) fn answer_at(date: SystemTime, status: u16, body: &Value) -> Response {
    let date = jiff::Timestamp::try_from(date).expect("a time");
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).expect("a date");
    Response::new(status, vec![("date".to_owned(), date)], body.to_string().into_bytes())
}

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    answer_at(start(), status, body)
}

/// A token for `seconds`, by a clock at `date`.
pub(crate) fn given_at(date: SystemTime, seconds: u64) -> Response {
    let end = format_time(date + Duration::from_secs(seconds));
    let status = json!({ "token": format!("{CANARY}-issued"), "expirationTimestamp": end });
    answer_at(
        date,
        201,
        &json!({ "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": status }),
    )
}

/// A refusal, whose message is a canary.
pub(crate) fn refusal(status: u16, reason: &str) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": CANARY,
        "reason": reason, "code": status,
    });
    answer(status, &body)
}

/// A certificate and its key, in PEM.
pub(crate) fn certificate() -> (String, String) {
    let mut params = rcgen::CertificateParams::new(vec!["alice".into()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2031, 6, 7);
    let key = rcgen::KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}
