//! Tests of Google's client of Cloud Storage, which speaks to a server on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_core::{Context, ErrorKind, Result, VirtualClock};
use google_cloud_auth::credentials::Credentials;
use google_cloud_storage::client::Storage;

use super::{FromSource, PlaceOfUse};
use crate::native::tests::{disabled, handing_out};
use crate::resource::GcsBucket;
use crate::resource::testing::{Said, connector_at};

/// Whoever answers every request with an object, and remembers who asked for what.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<String>>>);

impl Server {
    fn start(&self) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = self.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // Those who go away end the connection here.
                let _ = server.answer(&mut stream);
            }
        });
        url
    }

    fn answer(&self, stream: &mut (impl Read + Write)) -> std::io::Result<()> {
        let (mut head, mut part) = (Vec::new(), [0; 4096]);
        while !head.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut part)?;
            if read == 0 {
                return Ok(());
            }
            head.extend_from_slice(&part[..read]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")));
            line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
        };
        let asked = head.split_whitespace().nth(1).unwrap_or_default();
        let path = asked.split('?').next().unwrap_or_default();
        let (bearer, project) = (header("authorization"), header("x-goog-user-project"));
        self.0.lock().expect("no test panics with it").push(format!("{path} {bearer} {project}"));
        let body = "the object";
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nx-goog-generation: 1\r\nx-goog-metageneration: 1\r\n\
             x-goog-storage-class: STANDARD\r\nx-goog-stored-content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )?;
        stream.flush()
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().expect("no test panics with it").clone()
    }
}

async fn client(cx: &Context, said: Said) -> Result<Storage> {
    connector_at(cx.clone(), said).resource::<GcsBucket>("gs://zenfiles").await?.client::<Storage>().await
}

async fn read(client: &Storage) -> Result<Vec<u8>, google_cloud_storage::Error> {
    let mut object = client.read_object("projects/_/buckets/zenfiles", "a/b").send().await?;
    let mut read = Vec::new();
    while let Some(part) = object.next().await {
        read.extend_from_slice(&part?);
    }
    Ok(read)
}

/// S32, S49: one client goes on over the end of a token, to the connector's endpoint and with its project.
#[tokio::test]
async fn s32_a_client_goes_on_across_an_expiry() {
    let (server, clock) = (Server::default(), VirtualClock::default());
    let cx = Context::detached(clock.clone());
    let url = server.start();
    let said = Said { endpoint: Some(url.clone()), quota: Some("their-project"), ..Said::default() };
    let client = client(&cx, said).await.expect("a client");
    let shown = format!("{client:?}");
    assert!(shown.contains(url.trim_start_matches("http://")) && !shown.contains("hunter2"), "{shown}");
    assert_eq!(read(&client).await.expect("the object"), b"the object");
    assert_eq!(read(&client).await.expect("the object"), b"the object");
    clock.advance(Duration::from_secs(3600));
    assert_eq!(read(&client).await.expect("the object"), b"the object");
    let path = "/storage/v1/b/zenfiles/o/a%2Fb";
    let asked = |token: &str| format!("{path} Bearer {token} their-project");
    assert_eq!(server.asked(), [asked("hunter2-0"), asked("hunter2-0"), asked("hunter2-1")]);
}

/// It trusts whom the system trusts, and cannot be told more: nobody is to find out by a failed handshake.
#[tokio::test]
async fn a_bundle_of_certificates_is_refused() {
    let cx = Context::detached(VirtualClock::default());
    let said = Said {
        ca_bundle: Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ..Said::default()
    };
    let error = client(&cx, said).await.expect_err("it cannot be told");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("`ca_bundle`"), "{error}");
}

/// Without an endpoint of its own, a client of another universe goes there and not to googleapis.com.
#[tokio::test]
async fn another_universe_has_an_endpoint_of_its_own() {
    let cx = Context::detached(VirtualClock::default());
    for (universe, host) in
        [(None, "storage.googleapis.com"), (Some("example.cloud"), "storage.example.cloud")]
    {
        let client = client(&cx, Said { universe, ..Said::default() }).await.expect("a client");
        let shown = format!("{client:?}");
        assert!(shown.contains(host), "{shown}");
        assert_eq!(shown.contains("googleapis.com"), universe.is_none(), "{shown}");
    }
}

/// A client that was built for one place gives no token for another one away.
#[tokio::test]
async fn a_client_does_not_follow_to_another_endpoint() {
    let (here, there, clock) = (Server::default(), Server::default(), VirtualClock::default());
    let cx = Context::detached(clock.clone());
    let at = |url: String| Said { endpoint: Some(url), ..Said::default() };
    let source = handing_out(&cx, vec![at(here.start()), at(there.start())], disabled).await;
    let from = FromSource::new(source, PlaceOfUse::of_storage).await.expect("credentials");
    let endpoint = from.place.endpoint.clone().expect("the first one");
    let client = Storage::builder().with_endpoint(endpoint).with_credentials(Credentials::from(from));
    let client = client.build().await.expect("a client");
    read(&client).await.expect("the object");
    clock.advance(Duration::from_secs(3600));
    let error = read(&client).await.expect_err("moved");
    let said = format!("{error:?}");
    assert!(said.contains("changed to another universe, endpoint") && !said.contains("hunter2"), "{said}");
    assert_eq!((here.asked().len(), there.asked().len()), (1, 0));
}
