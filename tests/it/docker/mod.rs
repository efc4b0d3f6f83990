//! The connector `docker` against a real registry and a real engine.

mod ecr;
mod engine;
mod program;
mod registry;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::docker::{Guard, PASSWORD, Registry, USER};
use connector_tests::skip::skip;
use connectors::core::{Http as _, Request};
use connectors::docker::Docker;
use connectors::docker::auth::Password;
use connectors::docker::names::RegistryHost;
use connectors::{Connector, Context, Secret, Terms, system};
use serde_json::json;

/// A registry, or a loud skip where it cannot be had.
fn registry(test: &str, guard: &Guard) -> Option<Registry> {
    match Registry::try_start(guard) {
        Ok(registry) => Some(registry),
        Err(why) => {
            skip(test, why);
            None
        }
    }
}

fn host(registry: &Registry) -> RegistryHost {
    registry.host().parse().expect("a loopback address and a port")
}

/// The real network, and nothing else of the machine.
fn context() -> Context {
    Context::detached(system::SystemClock).with_http(system::SystemHttp::new(system::Timeouts::default()))
}

fn login(registry: &Registry, username: &str, password: &str) -> Password {
    Password::new(username, Secret::new(password), host(registry))
}

fn connector(login: Password) -> Connector<Docker> {
    Connector::new(context(), login)
}

/// With the owner's leave to hand the login to native clients.
fn lent(login: Password) -> Connector<Docker> {
    Connector::with_terms(context(), login, Terms::default().with_allow(connectors::core::Allow::LongLived))
}

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

/// Puts an image without any layer into a repository, by the calls that a push makes.
async fn fill(registry: &Registry, repository: &str, authorization: &str) {
    let http = system::SystemHttp::new(system::Timeouts::default());
    let url = |path: &str| format!("http://{}/v2/{repository}{path}", registry.host());
    let send = async |method: &str, url: String, body: String, kind: &str, expected: u16| {
        let request = Request::new(method, url).with_header("authorization", authorization);
        let request = request.with_header("content-type", kind).with_body(body);
        let answer = http.send(request).await.expect("the registry answers");
        assert_eq!(answer.status(), expected, "{method}: {}", String::from_utf8_lossy(answer.body()));
        answer
    };
    let config = "{}";
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, config.as_bytes());
    let digest: String = digest.as_ref().iter().map(|it| format!("{it:02x}")).collect();
    let begun = send("POST", url("/blobs/uploads/"), String::new(), "text/plain", 202).await;
    let place = begun.header("location").expect("it says where").to_owned();
    let place = format!("{place}&digest=sha256%3A{digest}");
    send("PUT", place, config.to_owned(), "application/octet-stream", 201).await;
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind, "layers": [],
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": format!("sha256:{digest}") },
    });
    send("PUT", url("/manifests/latest"), manifest.to_string(), kind, 201).await;
}
