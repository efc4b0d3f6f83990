//! Tests of Azure's client of Blob Storage, which speaks to a server on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_storage_blob::BlobContainerClient;
use connector_core::{Connector, Context, Expiry, Result, VirtualClock};
use serde_json::json;

use super::*;
use crate::Azure;
use crate::auth::ConnectionString;
use crate::sas::{self, AccountKey, Key};
use crate::testing::method;

const KEY: &str = "aHVudGVyMi1rZXktb2YtYW4tYWNjb3VudA==";

/// Whoever answers every request with the properties of a container, and remembers what was asked.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<String>>>);

impl Server {
    fn start(&self, status: &'static str) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = self.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // Those who go away end the connection here.
                let _ = server.answer(&mut stream, status);
            }
        });
        url
    }

    fn answer(&self, stream: &mut (impl Read + Write), status: &str) -> std::io::Result<()> {
        let (mut head, mut part) = (Vec::new(), [0; 4096]);
        while !head.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut part)?;
            if read == 0 {
                return Ok(());
            }
            head.extend_from_slice(&part[..read]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        self.0.lock().expect("no test panics with it").push(head);
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: 0\r\netag: \"0x1\"\r\nconnection: close\r\n\r\n"
        )?;
        stream.flush()
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().expect("no test panics with it").clone()
    }

    /// The path, the query that is not the signature's, and the signature of the request at this place.
    fn parts(&self, at: usize) -> (String, String, String) {
        let head = self.asked().swap_remove(at);
        let target = head.split_whitespace().nth(1).expect("a target").to_owned();
        let (path, query) = target.split_once('?').expect("a query");
        let at = query.find("se=").expect("a signature");
        (path.to_owned(), query[..at].trim_end_matches('&').to_owned(), query[at..].to_owned())
    }
}

fn connector(cx: &Context, endpoint: &str) -> Connector<Azure> {
    let text = format!("AccountName=zenfiles;AccountKey={KEY};BlobEndpoint={endpoint}/zenfiles");
    Connector::new(cx.clone(), method::<ConnectionString>(json!({ "connection_string": text })))
}

async fn client(cx: &Context, endpoint: &str) -> Result<BlobContainerClient> {
    let handle = connector(cx, endpoint).resource::<BlobContainer>("az://zenfiles/data").await?;
    handle.client::<BlobContainerClient>().await
}

/// S32, S49: one client goes on over the end of a signature, each of its requests with the one of then.
#[tokio::test]
async fn s32_a_client_goes_on_across_an_expiry() {
    let (server, clock) = (Server::default(), VirtualClock::default());
    let cx = Context::detached(clock.clone());
    let client = client(&cx, &server.start("200 OK")).await.expect("a client");
    let shown = format!("{:?}", client.url());
    assert!(shown.contains("/zenfiles/data") && !shown.contains("sig"), "{shown}");
    let mut signatures = Vec::new();
    for life in 0..3 {
        for _ in 0..2 {
            client.get_properties(None).await.expect("an answer");
            let (path, query, signature) = server.parts(server.asked().len() - 1);
            assert_eq!((path.as_str(), query.as_str()), ("/zenfiles/data", "restype=container"));
            let request = sas::Request {
                account: "zenfiles",
                container: "data",
                path: Some("x"),
                permission: 'r',
                // In clear, as it is on loopback.
                https: false,
                at: cx.now(),
            };
            let key = AccountKey::parse(KEY.into()).expect("a key");
            assert_eq!(sas::allows(&signature, Key::Account(&key), &request).ok(), Some(true), "life {life}");
            signatures.push(signature);
        }
        clock.advance(Duration::from_secs(3600));
    }
    signatures.dedup();
    assert_eq!(signatures.len(), 3, "one for each life");
    assert!(server.asked().iter().all(|it| !it.contains("authorization")), "nothing but the signature");
}

/// C10: a server that is not there is told, and the signature is in no error.
#[tokio::test]
async fn c10_errors_name_no_signature() {
    let cx = Context::detached(VirtualClock::default());
    let closed = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let quiet = Quiet(http_client(&cx, None).expect("a client"));
    let url = format!("{closed}/zenfiles/data?sig=hunter2").parse().expect("a URL");
    let request = Request::new(url, azure_core::http::Method::Get);
    let error = quiet.execute_request(&request).await.expect_err("nobody is there");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("127.0.0.1 does not answer") && !shown.contains("hunter2"), "{shown}");
    assert_eq!(error.kind(), &ErrorKind::Connection);

    let server = Server::default();
    let client = client(&cx, &server.start("403 Forbidden")).await.expect("a client");
    let error = client.get_properties(None).await.expect_err("refused");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("sig=") && !shown.contains("se="), "{shown}");
}

/// C17: what is signed goes in clear to this machine alone.
#[tokio::test]
async fn c17_a_client_speaks_tls_with_others() {
    let cx = Context::detached(VirtualClock::default());
    let error = client(&cx, "http://10.0.0.1").await.err().expect("in clear");
    assert_eq!(error.kind(), connector_core::ErrorKind::Refused);
    assert!(error.hint().is_some_and(|it| it.contains("https")), "{error:?}");
    client(&cx, "https://10.0.0.1").await.expect("over TLS");
    let handle = connector(&cx, "https://10.0.0.1").resource::<BlobContainer>("az://zenfiles/data").await;
    let token = handle.expect("a handle").client::<Arc<dyn azure_core::credentials::TokenCredential>>().await;
    assert_eq!(token.expect_err("no token").kind(), connector_core::ErrorKind::Refused);
}

/// A client that was built for one place gives no signature for another one away.
#[tokio::test]
async fn a_client_does_not_follow_to_another_endpoint() {
    let (here, there, clock) = (Server::default(), Server::default(), VirtualClock::default());
    let cx = Context::detached(clock.clone());
    let mut left = Vec::new();
    for (server, hours) in [(&here, 1), (&there, 2)] {
        let connector = connector(&cx, &server.start("200 OK"));
        let handle = connector.resource::<BlobContainer>("az://zenfiles/data").await.expect("a handle");
        let mut envelope = handle.envelope().await.expect("an envelope");
        envelope.expiry = Expiry::At(cx.now() + Duration::from_secs(hours * 3600));
        left.insert(0, envelope);
    }
    let left = Mutex::new(left);
    let source = Source::remote(cx, move || {
        let next = left.lock().expect("no test panics with it").pop();
        async move {
            next.ok_or_else(|| {
                Error::new(connector_core::ErrorKind::Disabled, "connector `store` is disabled")
            })
        }
    });
    let client = super::client(source).await.expect("a client");
    client.get_properties(None).await.expect("an answer");
    let mut said = Vec::new();
    // The second place, and then nothing at all.
    for _ in 0..2 {
        clock.advance(Duration::from_secs(3600));
        let error = client.get_properties(None).await.expect_err("moved");
        said.push(format!("{error} {error:?}"));
    }
    assert!(said[0].contains("changed to another storage account, endpoint"), "{said:?}");
    assert!(said[1].contains("connector `store` is disabled"), "{said:?}");
    assert!(said.iter().all(|it| !it.contains("sig=")), "{said:?}");
    assert_eq!((here.asked().len(), there.asked().len()), (1, 0));
}
