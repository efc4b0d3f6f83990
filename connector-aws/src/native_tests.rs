//! Tests of the native clients, and of the tool forms that come from the same source.

use std::collections::HashMap;
use std::error::Error as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use connector_core::{
    AuthMethod, Authenticated, Builds, Call, Connector, Context, Envelope, Error, ErrorKind, Expiry,
    Identity, Life, Lifetime, MethodAbout, Result, Secret, SecretReader, Source, VirtualClock,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{proxy, tls_context};
use crate::auth::StsToken;
use crate::resource::testing::{answering, bodies, session, session_at};
use crate::resource::{S3Bucket, StoredSecret};
use crate::testing::{World, json_answer, method, start};
use crate::{Aws, AwsCredential, Narrowing, Session};

/// A method that makes a new key whenever it is asked, for an hour each.
#[derive(Deserialize, JsonSchema)]
struct Counting {
    #[serde(skip)]
    made: AtomicUsize,
    endpoint: Option<String>,
}

impl AuthMethod for Counting {
    const ID: &'static str = "counting";
    const ABOUT: MethodAbout = MethodAbout::new("Counting", "For tests.", Life::Long, Identity::Service)
        .temporary()
        .lifetime(Lifetime::seconds(900, 3600, 43_200));
    type Connector = Aws;

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let mut session = self.endpoint.as_deref().map_or_else(session, session_at);
        session.keys.access_key_id = Secret::new(format!("ASIA{}", self.made.fetch_add(1, Ordering::SeqCst)));
        Ok(Authenticated::new(session, cx.expires_in(Duration::from_secs(3600))))
    }
}

fn connector(cx: Context, endpoint: Option<&str>) -> Connector<Aws> {
    Connector::new(cx, Counting { made: AtomicUsize::new(0), endpoint: endpoint.map(str::to_owned) })
}

/// Takes whatever the SDK sends, and remembers by which key it was signed and where it went.
#[derive(Clone, Debug, Default)]
struct Signed(Arc<Mutex<Vec<String>>>);

impl HttpClient for Signed {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Signed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let authorization = request.headers().get("authorization").unwrap_or_default();
        let key = authorization.split(['=', '/']).nth(1).unwrap_or_default();
        self.0.lock().expect("no test panics with it").push(format!("{key} {}", request.uri()));
        let status = 200.try_into().expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from("<ListBucketResult/>"))))
    }
}

impl Signed {
    fn sent(&self) -> Vec<String> {
        self.0.lock().expect("no test panics with it").clone()
    }
}

/// The client that was handed out, sending to a test instead of to the network.
fn sending_to(signed: &Signed, client: &aws_sdk_s3::Client) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(client.config().to_builder().http_client(signed.clone()).build())
}

/// S32, S51: one client goes on over the end of a credential, with the next one and without being rebuilt.
#[tokio::test]
async fn s32_a_client_goes_on_across_an_expiry() {
    let clock = VirtualClock::default();
    let connector = connector(Context::detached(clock.clone()), None);
    let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
    let (signed, client) =
        (Signed::default(), handle.client::<aws_sdk_s3::Client>().await.expect("a client"));
    let client = sending_to(&signed, &client);
    let ask = || client.list_objects_v2().bucket("zenfiles").send();
    ask().await.expect("an answer");
    ask().await.expect("an answer");
    clock.advance(Duration::from_secs(3 * 3600));
    ask().await.expect("an answer");
    let url = "https://zenfiles.s3.eu-west-1.amazonaws.com/?list-type=2";
    assert_eq!(signed.sent(), [format!("ASIA0 {url}"), format!("ASIA0 {url}"), format!("ASIA1 {url}")]);
}

/// S49: the configuration is what the SDK takes directly, with an end for whoever keeps its credentials.
#[tokio::test]
async fn s49_the_configuration_is_complete() {
    let clock = VirtualClock::default();
    let cx = Context::detached(clock.clone());
    let connector = connector(cx.clone(), Some("http://127.0.0.1:9000"));
    let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
    let config = handle.client::<SdkConfig>().await.expect("a configuration");
    assert_eq!(config.region().map(AsRef::as_ref), Some("eu-west-1"));
    assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:9000"));
    assert!(
        config.http_client().is_some() && config.time_source().is_some() && config.sleep_impl().is_some()
    );
    let provider = config.credentials_provider().expect("a provider");
    let mut keys = Vec::new();
    for _ in 0..3 {
        let credentials = provider.provide_credentials().await.expect("credentials");
        assert!(credentials.expiry().is_some_and(|end| end > cx.now()));
        keys.push(credentials.access_key_id().to_owned());
        clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(keys, ["ASIA0", "ASIA1", "ASIA2"]);
}

/// Buckets are no host names where there is one endpoint for everything.
#[tokio::test]
async fn s18_a_bucket_is_a_path_at_an_endpoint() {
    let connector = connector(Context::detached(VirtualClock::default()), Some("http://127.0.0.1:9000"));
    let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
    let (signed, client) =
        (Signed::default(), handle.client::<aws_sdk_s3::Client>().await.expect("a client"));
    sending_to(&signed, &client).list_objects_v2().bucket("zenfiles").send().await.expect("an answer");
    assert_eq!(signed.sent(), ["ASIA0 http://127.0.0.1:9000/zenfiles/?list-type=2"]);
}

/// An issued credential comes back from its envelope as it left.
#[tokio::test]
async fn the_kind_travels_in_an_envelope() {
    let connector = connector(Context::detached(VirtualClock::default()), Some("http://127.0.0.1:9000"));
    let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
    let envelope = handle.envelope().await.expect("an envelope");
    assert!(!envelope.to_hidden().to_string().contains("hunter2"));
    let again = Envelope::from_json(envelope.to_json().expose()).expect("an envelope");
    assert_eq!(again.expiry, again.provider_expiry);
    assert!(again.provider_expiry.at().is_some(), "keys that are handed on end with their session");
    let credential = again.open::<AwsCredential>().expect("of this kind").credential;
    assert_eq!(credential.access_key_id.expose(), "ASIA0");
    assert_eq!(credential.secret_access_key.expose(), "hunter2-key");
    assert_eq!(credential.session_token.as_ref().map(Secret::expose), Some("hunter2-token"));
    assert_eq!(credential.region, "eu-west-1");
    assert_eq!(credential.endpoint_url.as_deref(), Some("http://127.0.0.1:9000"));
}

/// S68: what a source refuses is what the user of a client reads.
#[tokio::test]
async fn s68_a_disabled_connector_is_what_the_client_says() {
    let clock = VirtualClock::default();
    let cx = Context::detached(clock.clone());
    let connector = connector(cx.clone(), None);
    let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
    let left = Mutex::new(Some(handle.envelope().await.expect("an envelope")));
    let source = Source::<AwsCredential>::remote(cx, move || {
        let envelope = left.lock().expect("no test panics with it").take();
        let disabled = Error::new(ErrorKind::Disabled, "connector `store` is disabled");
        async move { envelope.ok_or(disabled) }
    });
    let config = AwsCredential::build(source).await.expect("a configuration");
    let client = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&config).http_client(Signed::default()).build(),
    );
    let ask = || client.list_objects_v2().bucket("zenfiles").send();
    ask().await.expect("an answer");
    clock.advance(Duration::from_secs(3600));
    let error = ask().await.expect_err("disabled");
    let mut chain = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        chain.push(error.to_string());
        next = error.source();
    }
    assert!(chain.iter().any(|it| it.contains("connector `store` is disabled")), "{chain:?}");
}

/// S64: a secret is read with a credential for it, and goes nowhere else.
#[tokio::test]
async fn s64_a_secret_is_read_by_its_own_credential() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCd12";
    let world = answering([
        json_answer(200, &serde_json::json!({ "ARN": arn, "SecretString": "hunter2" })),
        json_answer(200, &serde_json::json!({ "ARN": arn, "SecretBinary": "/w==" })),
    ]);
    let connector = connector(Context::detached(VirtualClock::default()).with_http(world.clone()), None);
    let handle = connector.resource::<StoredSecret>(arn).await.expect("a handle");
    let reader = handle.client::<SecretReader>().await.expect("a reader");
    let secret = reader.read().await.expect("the value");
    assert_eq!(secret.expose(), "hunter2");
    assert!(bodies(&world)[0].contains(arn));
    let error = reader.read().await.expect_err("no text");
    assert!(error.message().contains("no text"), "{error}");
    assert!(!format!("{reader:?}{secret:?}").contains("hunter2"));
}

/// Proxies come from the context's variables, and from nothing else.
#[test]
fn proxies_are_those_of_the_context() {
    let with = |variables: &[(&str, &str)]| {
        let variables: HashMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Context::detached(VirtualClock::default()).with_environment(variables)
    };
    let plain = Some("http://minio:9000");
    assert!(proxy(&with(&[]), None).expect("none").is_disabled());
    assert!(!proxy(&with(&[("https_proxy", "http://proxy:3128")]), None).expect("one").is_disabled());
    assert!(
        proxy(&with(&[("https_proxy", "http://proxy:3128")]), plain).expect("for https only").is_disabled()
    );
    assert!(
        proxy(&with(&[("HTTP_PROXY", "http://proxy:3128")]), plain).expect("set by a caller").is_disabled()
    );
    assert!(!proxy(&with(&[("ALL_PROXY", "http://proxy:3128")]), plain).expect("one").is_disabled());
    let error = proxy(&with(&[("HTTPS_PROXY", "http://user:hunter2@[")]), None).expect_err("no URL");
    assert!(
        error.message().contains("HTTPS_PROXY") && !format!("{error:?}").contains("hunter2"),
        "{error:?}"
    );
}

/// Whoever answers with a certificate of its own, once for each connection.
fn https_server() -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).expect("names").self_signed(&key);
    let certificate = certificate.expect("a certificate");
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private.into())
        .expect("a server");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
            // Those who do not trust it end the connection here.
            let _ = answer_once(&mut rustls::Stream::new(&mut tls, &mut tcp));
        }
    });
    (url, certificate.pem())
}

fn answer_once(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    let (mut head, mut part) = (Vec::new(), [0; 4096]);
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Ok(());
        }
        head.extend_from_slice(&part[..read]);
    }
    let body = "<ListBucketResult/>";
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")?;
    stream.flush()
}

/// A connector that trusts what is in a file, if it says so.
fn trusting(cx: Context, endpoint: &str, ca_bundle: Option<&str>) -> Connector<Aws> {
    let mut config = serde_json::json!({
        "region": "eu-west-1", "endpoint_url": endpoint, "expires_at": "2026-01-01T01:00:00Z",
        "aws_access_key_id": "ASIAEXAMPLE", "aws_secret_access_key": "s", "aws_session_token": "t",
    });
    if let Some(ca_bundle) = ca_bundle {
        config["ca_bundle"] = ca_bundle.into();
    }
    Connector::new(cx, method::<StsToken>(config))
}

/// Certificates that the connector trusts are trusted by its clients, as text and as a file, and by nobody
/// else's.
#[tokio::test]
async fn a_client_trusts_the_ca_bundle() {
    let (url, pem) = https_server();
    let world = World::new().file("/etc/ca.pem", &pem);
    for (ca_bundle, trusted) in [(Some("/etc/ca.pem"), true), (Some(pem.as_str()), true), (None, false)] {
        let connector = trusting(world.context(), &url, ca_bundle);
        let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
        let client = handle.client::<aws_sdk_s3::Client>().await.expect("a client");
        // The world's waiting is over at once, so nothing here may be bounded by it.
        let unbounded = client.config().to_builder().timeout_config(TimeoutConfig::disabled());
        let unbounded = unbounded.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let client = aws_sdk_s3::Client::from_conf(unbounded.retry_config(RetryConfig::disabled()).build());
        let answer = client.list_objects_v2().bucket("zenfiles").send().await;
        assert_eq!(answer.is_ok(), trusted, "{:?}", answer.err());
    }
}

/// The envelope carries what the connector trusts, so that a client elsewhere knows it too; a reader's own
/// calls send it along.
#[tokio::test]
async fn a_ca_bundle_travels_and_reaches_the_reader() {
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCd12";
    let value = serde_json::json!({ "ARN": arn, "SecretString": "hunter2" });
    let world = answering([json_answer(200, &value)]).file("/etc/ca.pem", pem);
    let connector = trusting(world.context(), "https://127.0.0.1:9000", Some("/etc/ca.pem"));
    let handle = connector.resource::<StoredSecret>(arn).await.expect("a handle");
    let envelope = handle.envelope().await.expect("an envelope");
    let again = Envelope::from_json(envelope.to_json().expose()).expect("an envelope");
    let credential = again.open::<AwsCredential>().expect("of this kind").credential;
    assert_eq!(credential.ca_bundle.as_deref(), Some("/etc/ca.pem"));
    handle.client::<SecretReader>().await.expect("a reader").read().await.expect("the value");
    assert_eq!(world.sent()[0].trust().map(|it| it.to_vec()), Some(pem.as_bytes().to_vec()));
}

/// The SDK would panic on these at its first request.
#[tokio::test]
async fn certificates_that_cannot_be_read_are_refused() {
    let wrapped = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let good = https_server().1;
    assert!(tls_context(good.as_bytes()).is_ok());
    for pem in
        [wrapped("?"), wrapped("AAAA"), "-----BEGIN CERTIFICATE-----".to_owned(), good + &wrapped("AAAA")]
    {
        let world = World::new().file("/etc/ca.pem", &pem);
        let connector = trusting(world.context(), "https://127.0.0.1:9000", Some("/etc/ca.pem"));
        let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
        let error = handle.client::<SdkConfig>().await.expect_err("no certificates");
        assert_eq!(error.field_problems()[0].field, "ca_bundle", "{error}");
    }
}

/// A client that was built to trust somebody is not given the keys of a connector that does so no more.
#[tokio::test]
async fn a_client_does_not_follow_to_other_certificates() {
    let world = World::new().file("/etc/ca.pem", &https_server().1);
    let mut left = Vec::new();
    for ca_bundle in [None, Some("/etc/ca.pem")] {
        let connector = trusting(world.context(), "https://127.0.0.1:9000", ca_bundle);
        let handle = connector.resource::<S3Bucket>("s3://zenfiles").await.expect("a handle");
        let mut envelope = handle.envelope().await.expect("an envelope");
        // The first one to be handed out is the last one in the list.
        let life = if ca_bundle.is_some() { 1800 } else { 3600 };
        envelope.expiry = Expiry::At(start() + Duration::from_secs(life));
        left.push(envelope);
    }
    let left = Mutex::new(left);
    let source = Source::<AwsCredential>::remote(world.context(), move || {
        let envelope = left.lock().expect("no test panics with it").pop();
        async move { envelope.ok_or_else(|| Error::unexpected("no more")) }
    });
    let config = AwsCredential::build(source).await.expect("a configuration");
    let provider = config.credentials_provider().expect("a provider");
    provider.provide_credentials().await.expect("credentials");
    world.advance(Duration::from_secs(1800));
    let error = provider.provide_credentials().await.expect_err("trusted no more");
    let source = error.source().expect("a source").to_string();
    assert!(source.contains("changed to another region, endpoint or `ca_bundle`"), "{source}");
}
