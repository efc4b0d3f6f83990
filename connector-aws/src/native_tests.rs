//! Tests of the native clients, and of the tool forms that come from the same source.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use connector_core::{
    AuthMethod, Authenticated, Builds, Call, Connector, Context, Envelope, Error, ErrorKind, Identity, Life,
    Lifetime, MethodAbout, Result, Secret, Source, VirtualClock,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::proxy;
use crate::resource::testing::{answering, bodies, session, session_at};
use crate::resource::{S3Bucket, SecretReader, StoredSecret};
use crate::testing::json_answer;
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
    let error = reader.read_id("prod/bytes").await.expect_err("no text");
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
