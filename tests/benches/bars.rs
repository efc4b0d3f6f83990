//! What a program that links the library pays, in one process. `cargo xtask bench` runs this and puts its lines
//! into BENCHMARKS.md: one measurement a line, tab-separated: what, value, unit, bar. Nothing here passes or fails,
//! except what is counted.
#![allow(clippy::disallowed_methods, reason = "a benchmark is where the clock and the machine are asked")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use connector_core::{Clock, Document, Grant, Http, Request, Response, Source, VirtualClock};
use connector_store::{Filter, Options as StoreOptions, Page, Store};
use connector_tests::keys::Keys;
use connector_tests::loopback::Call;
use connector_tests::strict_aws::{Role, StrictAws};
use connector_tests::strict_azure::{SUBSCRIPTION, StrictAzure, TENANT};
use connector_tests::strict_google::{PROJECT, StrictGoogle};
use connectors::Context;
use connectors::agent::{self, Agent};
use connectors::aws::AwsCredential;
use connectors::hub::{Draft, Hub, Options, Registration};
use connectors::system::{self, Timeouts};
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Runs of what makes a call.
const CALLS: usize = 200;
/// Stored connectors in a large store.
const MANY: usize = 100_000;

#[tokio::main]
async fn main() {
    let stage = Stage::new().await;
    stage.cached().await;
    stage.uncached().await;
    stage.agent().await;
    google().await;
    azure().await;
    side_by_side().await;
    stampede().await;
    large_store().await;
}

fn tell(what: &str, value: f64, unit: &str, bar: &str) {
    println!("{what}\t{value:.3}\t{unit}\t{bar}");
}

fn p50(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A server on loopback, and a hub with the connector `data`, which assumes a role there.
struct Stage {
    server: StrictAws,
    alice: Keys,
    role: String,
    hub: Hub,
    home: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::with(system::context()).await
    }

    async fn with(context: Context) -> Self {
        let server = StrictAws::start();
        server.tolerate_skew();
        let alice = server.add_user("alice");
        let role = server.add_role(Role::named("reader").trusting_user("alice"));
        let home = tempfile::tempdir().expect("a directory");
        let hub = Hub::open(Options::new(home.path()).with_context(context)).await.expect("a new store");
        let stage = Self { server, alice, role, hub, home };
        stage.register("data").await;
        stage
    }

    async fn register(&self, name: &str) {
        let config = json!({
            "region": "us-east-1",
            "endpoint_url": self.server.url(),
            "role_arn": self.role,
            "aws_access_key_id": self.alice.access_key_id,
            "aws_secret_access_key": self.alice.secret_access_key,
        });
        let config = config.as_object().cloned().expect("an object");
        let draft = Draft::new(Document::draft(name, "aws", "iam-role", config));
        self.hub.register(draft, Registration::Unverified).await.expect("stored");
    }

    /// A cached credential, by a handle that is held.
    async fn cached(&self) {
        const ROUNDS: u32 = 2_000_000;
        let handle = self.hub.connector::<connectors::aws::Aws>("data").await.expect("open");
        let handle =
            handle.resource::<connectors::aws::resource::S3Bucket>("s3://data").await.expect("a complete id");
        let source: &Source<AwsCredential> = handle.source();
        source.issue().await.expect("issued");
        let start = Instant::now();
        let mut held = 0u32;
        for _ in 0..ROUNDS {
            match black_box(source.cached()) {
                Some(_) => held += 1,
                // Once a second the store is asked whether the connector is still the same.
                None => drop(source.issue().await.expect("issued")),
            }
        }
        let nanos = start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS);
        assert!(held > ROUNDS / 2, "it was cached");
        tell("cached issue, by handle", nanos / 1e3, "µs", "0.1");
    }

    /// What the hub adds to the one call that a credential costs: beside the very same request, sent again as
    /// it is.
    async fn uncached(&self) {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        let http = system::SystemHttp::new(Timeouts::default());
        self.server.calls().take();
        for number in 0..CALLS {
            let grant = Grant::new("s3-bucket", "s3://data").with_within(format!("run-{number}/"));
            let start = Instant::now();
            self.hub.issue("data", grant).await.expect("issued");
            ours.push(start.elapsed());
            let sent = self.server.calls().take();
            assert_eq!(sent.len(), 1, "one call");
            bare.push(again(&http, &self.server.url(), sent, None).await);
            self.server.calls().take();
        }
        let (ours, bare) = (p50(ours), p50(bare));
        tell("uncached issue by the hub, one AssumeRole", millis(ours), "ms", "");
        tell("the same request, sent again as it is", millis(bare), "ms", "");
        tell(
            "uncached issue above the provider's own round trip",
            millis(ours.saturating_sub(bare)),
            "ms",
            "2",
        );
    }

    /// What a program waits for that asks an endpoint: a connection, a request, and an answer from the cache.
    async fn agent(&self) {
        const ASKED: usize = 2_000;
        let binding = "data=s3-bucket:s3://data".parse().expect("a binding");
        let options = agent::Options::new(self.home.path().join("agent"));
        let agent = Agent::start(&self.hub, vec![binding], options).await.expect("it starts");
        let served = &agent.served()[0];
        let address = served.authority().to_owned();
        let token = std::fs::read_to_string(served.directory().join("token")).expect("it was written");
        let request =
            format!("GET /credentials HTTP/1.1\r\nhost: {address}\r\nauthorization: {token}\r\n\r\n");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(agent.run(async { drop(stopped.await) }));
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let start = Instant::now();
            let mut stream = TcpStream::connect(&address).await.expect("it listens");
            stream.write_all(request.as_bytes()).await.expect("sent");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("answered");
            times.push(start.elapsed());
            assert!(answer.starts_with(b"HTTP/1.1 200 "), "it was let in");
        }
        drop(stop);
        running.await.expect("it ran").expect("it stopped");
        tell("an agent's answer from cache, with a connection of its own", millis(p50(times)), "ms", "");
    }
}

/// The very same requests, one after the other, sent again as they are to a server that is known by its certificate or is
/// spoken to in clear: how long they take.
async fn again(http: &system::SystemHttp, url: &str, sent: Vec<Call>, ca: Option<&str>) -> Duration {
    let mut requests = Vec::new();
    for sent in sent {
        let query = if sent.query.is_empty() { String::new() } else { format!("?{}", sent.query) };
        let mut request = Request::new(&*sent.method, format!("{url}{}{query}", sent.path));
        if let Some(ca) = ca {
            request = request.with_trust(ca.as_bytes().into());
        }
        for (name, value) in sent.headers.iter().filter(|(name, _)| name != "host") {
            request = request.with_header(name, value);
        }
        requests.push(request.with_body(sent.body));
    }
    let start = Instant::now();
    for request in requests {
        let answer = http.send(request).await.expect("answered");
        assert!(answer.is_success(), "what signs it is good for some minutes");
    }
    start.elapsed()
}

/// What the hub adds to the calls of Google's that a service account's token costs: one, and one more where it is
/// narrowed to a part of a bucket. The signature on the request for a token is a part of it.
async fn google() {
    let google = StrictGoogle::start();
    let robot = google.add_service_account("robot");
    let home = tempfile::tempdir().expect("a directory");
    let hub = Hub::open(Options::new(home.path())).await.expect("a new store");
    let config = json!({ "endpoint_url": google.url(), "service_account_json": google.key_json(&robot) });
    let config = config.as_object().cloned().expect("an object");
    let draft = Draft::new(Document::draft("robot", "gcp", "service-account", config));
    hub.register(draft, Registration::Unverified).await.expect("stored");
    type Grants = fn(usize) -> Grant;
    // Another life is another session, and another part another token.
    let whole: Grants =
        |number| Grant::new("gcp-generic", PROJECT).with_duration(Duration::from_secs(900 + number as u64));
    let narrowed: Grants =
        |number| Grant::new("gcs-bucket", "gs://data").with_within(format!("run-{number}/"));
    for (what, calls, grant) in [("one call", 1, whole), ("narrowed, two calls", 2, narrowed)] {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        let http = system::SystemHttp::new(Timeouts::default());
        for number in 0..CALLS {
            let start = Instant::now();
            hub.issue("robot", grant(number)).await.expect("issued");
            ours.push(start.elapsed());
            let sent = google.calls().take();
            assert_eq!(sent.len(), calls, "{what}");
            bare.push(again(&http, &google.url(), sent, None).await);
            google.calls().take();
        }
        let (ours, bare) = (p50(ours), p50(bare));
        tell(&format!("uncached issue of a Google service account, {what}"), millis(ours), "ms", "");
        tell(&format!("the same requests, sent again as they are ({what})"), millis(bare), "ms", "");
        let above = format!("uncached issue above Google's own round trips, {what}");
        tell(&above, millis(ours.saturating_sub(bare)), "ms", "2");
    }
}

/// What the hub adds to the calls of Azure's that an application's secret costs: one, and one more where a signature is made
/// for a container. The signing, and TLS, are a part of it.
async fn azure() {
    const CLIENT: &str = "66666666-7777-4888-9999-000000000000";
    let azure = StrictAzure::start();
    let robot = azure.add_app(TENANT, CLIENT);
    let group = azure.add_group(SUBSCRIPTION, "things");
    let account = azure.add_storage_account(&group, "zenfiles");
    azure.add_container("zenfiles", "data");
    azure.grant(&robot, "Storage Blob Data Reader", &account);
    let home = tempfile::tempdir().expect("a directory");
    let hub = Hub::open(Options::new(home.path())).await.expect("a new store");
    let config = json!({
        "endpoint_url": azure.url(), "ca_bundle": azure.ca(), "tenant_id": TENANT, "subscription_id": SUBSCRIPTION,
        "client_id": CLIENT, "client_secret": azure.add_secret(CLIENT),
    });
    let config = config.as_object().cloned().expect("an object");
    let draft = Draft::new(Document::draft("robot", "azure", "service-principal", config));
    hub.register(draft, Registration::Unverified).await.expect("stored");
    type Grants = fn(usize) -> Grant;
    // Another life is another session.
    let token: Grants = |number| {
        let grant = Grant::new("azure-generic", SUBSCRIPTION);
        grant.with_duration(Duration::from_secs(900 + number as u64))
    };
    let signature: Grants = |number| {
        let grant = Grant::new("blob-container", "az://zenfiles/data");
        grant.with_duration(Duration::from_secs(900 + number as u64))
    };
    for (what, calls, grant) in [("one call", 1, token), ("signed, two calls", 2, signature)] {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        let http = system::SystemHttp::new(Timeouts::default());
        for number in 0..CALLS {
            let start = Instant::now();
            hub.issue("robot", grant(number)).await.expect("issued");
            ours.push(start.elapsed());
            let sent = azure.calls().take();
            assert_eq!(sent.len(), calls, "{what}");
            bare.push(again(&http, &azure.url(), sent, Some(azure.ca())).await);
            azure.calls().take();
        }
        let (ours, bare) = (p50(ours), p50(bare));
        tell(&format!("uncached issue of an Azure application, {what}"), millis(ours), "ms", "");
        tell(&format!("the same requests over TLS, sent again as they are ({what})"), millis(bare), "ms", "");
        let above = format!("uncached issue above Azure's own round trips, {what}");
        tell(&above, millis(ours.saturating_sub(bare)), "ms", "2");
    }
}

/// Many connectors side by side, beside one, where each call takes a tenth of a second.
async fn side_by_side() {
    let stage =
        Stage::with(system::context().with_http(Far(system::SystemHttp::new(Timeouts::default())))).await;
    let list = async || {
        let start = Instant::now();
        let rows = stage.hub.list_resources(Some("s3-bucket"), None, None).await.expect("listed");
        assert!(rows.iter().all(|row| row.listing.is_ok()));
        (rows.len(), start.elapsed())
    };
    let (_, one) = list().await;
    for number in 1..32 {
        stage.register(&format!("data-{number}")).await;
    }
    let (rows, all) = list().await;
    assert_eq!(rows, 32);
    let ratio = all.as_secs_f64() / one.as_secs_f64();
    tell("listing over 32 connectors of a provider 100 ms away, beside one", ratio, "×", "");
}

/// A provider that is a tenth of a second away.
struct Far(system::SystemHttp);

#[connector_core::async_trait]
impl Http for Far {
    async fn send(&self, request: Request) -> connector_core::Result<Response> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.0.send(request).await
    }
}

/// 10,000 callers at three expiries, on a clock that only we move.
async fn stampede() {
    const CALLERS: usize = 10_000;
    let clock = VirtualClock::at(SystemTime::now());
    let stage =
        Stage::with(Context::detached(clock.clone()).with_http(system::SystemHttp::new(Timeouts::default())))
            .await;
    let handle = stage.hub.connector::<connectors::aws::Aws>("data").await.expect("open");
    let handle =
        handle.resource::<connectors::aws::resource::S3Bucket>("s3://data").await.expect("a complete id");
    stage.server.calls().take();
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        let start = Instant::now();
        let answers = join_all((0..CALLERS).map(|_| handle.issue())).await;
        slowest = slowest.max(start.elapsed());
        let now = clock.now();
        let good = answers.iter().flatten().filter(|it| !it.expiry.is_past(now)).count();
        assert_eq!(good, CALLERS, "nobody is served what has ended");
        clock.advance(Duration::from_secs(3600));
        stage.server.advance(Duration::from_secs(3600));
    }
    let calls = stage.server.calls().of("AssumeRole").len();
    assert_eq!(calls, 3, "one call per expiry");
    tell("10,000 callers × 3 expiries: calls to the provider", 3.0, "calls", "3");
    tell("10,000 callers, one expired credential: until all are served", millis(slowest), "ms", "");
}

/// A store with 100,000 connectors.
async fn large_store() {
    let home = tempfile::tempdir().expect("a directory");
    let store = Store::open(StoreOptions::new(home.path())).await.expect("a new store");
    let config = json!({ "region": "us-east-1", "aws_access_key_id": "{{.aws_access_key_id}}" });
    let now = SystemTime::now();
    for batch in 0..MANY / 10_000 {
        let mut write = store.write().await.expect("the lock");
        for number in 0..10_000 {
            let name = format!("connector-{:06}", batch * 10_000 + number);
            let config = config.as_object().cloned().expect("an object");
            let document = Document::draft(&*name, "aws", "secret-key", config);
            write.put_new(document, BTreeMap::new(), now).await.expect("stored");
        }
        write.commit().await.expect("committed");
    }
    let mut times = Vec::new();
    for number in 0..1000 {
        let name = format!("connector-{:06}", number * 97 % MANY);
        let start = Instant::now();
        assert!(store.get(&name).await.expect("read").is_some());
        times.push(start.elapsed());
    }
    tell("100,000 stored connectors: get one", millis(p50(times)), "ms", "1");
    let mut times = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        let page =
            store.list(&Filter::default(), &Page { limit: Some(50), ..Page::all() }).await.expect("read");
        times.push(start.elapsed());
        assert_eq!(page.len(), 50);
    }
    tell("100,000 stored connectors: the first page of 50", millis(p50(times)), "ms", "20");
}
