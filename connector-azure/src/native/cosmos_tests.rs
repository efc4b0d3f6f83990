//! Tests of Azure's client of Cosmos DB, which speaks to a server on loopback.

use std::convert::Infallible;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_data_cosmos::clients::ContainerClient;
use azure_data_cosmos::{CosmosClient, CosmosError};
use connector_conformance::CANARY;
use connector_core::{
    Allow, Connector, Context, EndpointUrl, Envelope, Error, ErrorKind, Expiry, Source, Terms, Trusted,
    VirtualClock,
};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::net::TcpListener;

use super::client;
use crate::AzureCredential;
use crate::native::tests::disabled;
use crate::resource::CosmosDb;
use crate::resource::testing::{connector, connector_at, place};
use crate::session::Place;

const HOUR: Duration = Duration::from_secs(3600);

/// Whoever is an account of Cosmos DB, and remembers who asked for what.
#[derive(Clone)]
struct Server {
    calls: Arc<Mutex<Vec<String>>>,
    url: String,
    /// The status of every answer.
    status: u16,
}

impl Server {
    async fn start(status: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { calls: Arc::default(), url, status };
        let answering = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = answering.clone();
                let service = service_fn(move |request| {
                    let answer = server.answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        server
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let said = request.headers().get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
        let said = percent_decode_str(said).decode_utf8_lossy();
        self.calls.lock().expect("no test panics with it").push(format!("{path} {said}"));
        let region = json!([{ "name": "here", "databaseAccountEndpoint": self.url }]);
        let body = match (self.status, path) {
            (200, "/") => json!({
                "_self": "", "id": "zen", "_rid": "zen", "writableLocations": region, "readableLocations": region,
                "userConsistencyPolicy": { "defaultConsistencyLevel": "Session" },
            }),
            // The list of parts is read on until there is no news.
            (200, path) if path.ends_with("/pkranges") => {
                if request.headers().contains_key("if-none-match") {
                    return Response::builder().status(304).body(Full::default()).expect("an answer");
                }
                json!({ "_rid": "pLJdAP1nTNM=", "_count": 1, "PartitionKeyRanges": [
                    { "id": "0", "_rid": "pLJdAP1nTNMCAAAAAAAAUA==", "minInclusive": "", "maxExclusive": "FF", "parents": [] },
                ] })
            }
            (200, _) => json!({
                "id": "things", "_rid": "pLJdAP1nTNM=", "_self": "dbs/pLJdAA==/colls/pLJdAP1nTNM=/", "_ts": 1,
                "partitionKey": { "paths": ["/kind"], "kind": "Hash", "version": 2 },
            }),
            _ => json!({ "code": "Forbidden", "message": CANARY }),
        };
        let answer = Response::builder()
            .status(self.status)
            .header("content-type", "application/json")
            .header("etag", "1");
        answer.body(Full::from(body.to_string())).expect("an answer")
    }

    /// What was asked, without what is asked again by itself.
    fn calls(&self) -> Vec<String> {
        let mut calls = self.calls.lock().expect("no test panics with it").clone();
        calls.dedup();
        calls
    }
}

/// A source of tokens for an account at this root, each for an hour, `hunter2-0`, `hunter2-1` and so on, and then the
/// error.
async fn handing_out(cx: &Context, root: &str, lives: usize, then: fn() -> Error) -> Source<AzureCredential> {
    let handle = connector(cx.clone()).resource::<CosmosDb>("zen").await.expect("a handle");
    let envelope = handle.envelope().await.expect("an envelope").to_json();
    let mut left: Vec<_> = (0..lives)
        .map(|life| {
            let json = envelope.expose().replace("https://zen.documents.azure.com\"", "\u{1}\"");
            // The audience stays what it is; the endpoint is the other one of the two.
            let json = json.replacen('\u{1}', "https://zen.documents.azure.com", 1).replace('\u{1}', root);
            let json = json.replace("hunter2-0", &format!("hunter2-{life}"));
            let mut envelope = Envelope::from_json(&json).expect("an envelope");
            envelope.expiry = Expiry::At(cx.now() + HOUR * u32::try_from(life + 1).expect("few"));
            envelope
        })
        .collect();
    left.reverse();
    let left = Arc::new(Mutex::new(left));
    Source::remote(cx.clone(), move || {
        let next = left.lock().expect("no test panics with it").pop();
        async move { next.ok_or_else(then) }
    })
}

async fn things(client: &CosmosClient) -> Result<ContainerClient, CosmosError> {
    client.database_client("db").container_client("things", None).await
}

/// All that an error and its sources say.
fn chain(error: &CosmosError) -> String {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        said.push(error.to_string());
        next = error.source();
    }
    said.join(": ")
}

/// S49, S32: Azure's own client is built with the account's endpoint and a token for it, and goes on with the next one
/// when that ends.
#[tokio::test(flavor = "multi_thread")]
async fn s49_the_client_of_cosmos_db_goes_on_across_an_expiry() {
    let clock = VirtualClock::default();
    let cx = Context::detached(clock.clone());
    let server = Server::start(200).await;
    let source = handing_out(&cx, &server.url, 2, disabled).await;
    let client = client(source).await.expect("a client");
    assert!(!format!("{client:?}").contains(CANARY));
    let things = things(&client).await.expect("a container");
    things.read(None).await.expect("a container");
    clock.advance(HOUR);
    things.read(None).await.expect("a container");
    let call = |path: &str, life: u8| format!("{path} type=aad&ver=1.0&sig=hunter2-{life}");
    let container = "/dbs/db/colls/things";
    let parts = format!("{container}/pkranges");
    assert_eq!(
        server.calls(),
        [call("/", 0), call(container, 0), call(&parts, 0), call(container, 0), call(container, 1)]
    );

    // S68: what the source refuses is what the client says, and nothing is sent.
    clock.advance(HOUR);
    let error = things.read(None).await.expect_err("disabled");
    assert!(chain(&error).contains("connector `data` is disabled"), "{}", chain(&error));
    assert!(!format!("{error:?}").contains(CANARY));
    assert_eq!(server.calls().len(), 5);
}

/// S27: an account that lets nobody in is told when the client is made; what it answered is not.
#[tokio::test(flavor = "multi_thread")]
async fn s27_a_client_that_is_not_let_in_is_not_made() {
    let cx = Context::detached(VirtualClock::default());
    let server = Server::start(403).await;
    let error = client(handing_out(&cx, &server.url, 1, disabled).await).await.expect_err("forbidden");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.message().contains("does not let it in"), "{error}");
    connector_conformance::assert_silent(&error);
    let error = client(handing_out(&cx, &server.url, 0, disabled).await).await.expect_err("nothing to give");
    assert_eq!(error.kind(), ErrorKind::Disabled);
}

/// What the client cannot be told is refused before anything is sent: certificates, and an endpoint with a path.
#[tokio::test]
async fn what_the_client_cannot_be_told_is_refused() {
    let offered = async |connector: Connector<crate::Azure>| {
        let handle = connector.resource::<CosmosDb>("zen").await.expect("a handle");
        handle.client::<CosmosClient>().await.expect_err("it cannot be told")
    };
    let cx = Context::detached(VirtualClock::default());
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let trust = Trusted::of(&pem.parse().expect("a bundle"), &cx).expect("certificates");
    let error = offered(connector_at(cx.clone(), Place { trust: Some(trust), ..place() })).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("`ca_bundle`"), "{error}");
    let url = EndpointUrl::parse("https://127.0.0.1:9000").expect("a URL");
    let error = offered(connector_at(cx, Place { endpoint_url: Some(url), ..place() })).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|it| it.contains("https://{name}.HOST")), "{error:?}");
    // S68: a key that it would keep for good.
    let text = "AccountEndpoint=https://zen.documents.azure.com:443/;AccountKey=aHVudGVyMg==;";
    let method =
        crate::testing::method::<crate::auth::ConnectionString>(json!({ "connection_string": text }));
    let terms = Terms::default().with_allow(Allow::LongLived);
    let cx = Context::detached(VirtualClock::default());
    let error = offered(Connector::with_terms(cx, method, terms)).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|it| it.contains("connector env")), "{error:?}");
}
