//! Tests of what Google's libraries take.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_core::{
    Builds, Context, Credential, Envelope, Error, ErrorKind, Expiry, Result, Source, VirtualClock,
};
use google_cloud_auth::credentials::{AccessTokenCredentials, CacheableResource, Credentials, EntityTag};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap};

use crate::GcpCredential;
use crate::resource::testing::{Said, connector_at};
use crate::resource::{GcpGeneric, GcsBucket};

/// A context, and the clock that moves it.
fn world() -> (VirtualClock, Context) {
    let clock = VirtualClock::default();
    let cx = Context::detached(clock.clone());
    (clock, cx)
}

async fn credentials(cx: &Context, said: Said) -> Result<Credentials> {
    connector_at(cx.clone(), said).resource::<GcsBucket>("gs://zenfiles").await?.client::<Credentials>().await
}

/// The headers that a request is sent with, and their tag.
async fn headers(credentials: &Credentials) -> Result<(EntityTag, HeaderMap), CredentialsError> {
    match credentials.headers(Extensions::new()).await? {
        CacheableResource::New { entity_tag, data } => Ok((entity_tag, data)),
        CacheableResource::NotModified => panic!("nobody has them yet"),
    }
}

/// What a client that has the headers of `tag` is told.
async fn again(credentials: &Credentials, tag: &EntityTag) -> CacheableResource<HeaderMap> {
    let mut extensions = Extensions::new();
    extensions.insert(tag.clone());
    credentials.headers(extensions).await.expect("headers")
}

fn bearer(headers: &HeaderMap) -> &str {
    headers["authorization"].to_str().expect("text")
}

/// S49: the token is a header that no log shows, with the project that calls are counted for.
#[tokio::test]
async fn s49_headers_are_complete_and_sensitive() {
    let (_, cx) = world();
    let plain = credentials(&cx, Said::default()).await.expect("credentials");
    let (_, sent) = headers(&plain).await.expect("headers");
    assert_eq!((sent.len(), bearer(&sent)), (1, "Bearer hunter2-0"));
    assert!(sent["authorization"].is_sensitive());
    assert_eq!(plain.universe_domain().await.as_deref(), Some("googleapis.com"));

    let said = Said { quota: Some("their-project"), universe: Some("example.cloud"), ..Said::default() };
    let counted = credentials(&cx, said).await.expect("credentials");
    let (_, sent) = headers(&counted).await.expect("headers");
    assert_eq!((sent.len(), bearer(&sent)), (2, "Bearer hunter2-0"));
    assert_eq!(sent["x-goog-user-project"], "their-project");
    assert_eq!(counted.universe_domain().await.as_deref(), Some("example.cloud"));
    assert!(!format!("{plain:?} {counted:?} {sent:?}").contains("hunter2"));
}

/// S32, S51: the same credential is told to be the same; after its end there is a new one, without a new client.
#[tokio::test]
async fn s32_credentials_go_on_across_an_expiry() {
    let (clock, cx) = world();
    let credentials = credentials(&cx, Said::default()).await.expect("credentials");
    let (first, sent) = headers(&credentials).await.expect("headers");
    assert_eq!(bearer(&sent), "Bearer hunter2-0");
    assert!(matches!(again(&credentials, &first).await, CacheableResource::NotModified));
    assert_eq!(
        headers(&credentials).await.expect("headers").0,
        first,
        "whoever asks without a tag gets the same"
    );

    clock.advance(Duration::from_secs(3600));
    let CacheableResource::New { entity_tag: second, data } = again(&credentials, &first).await else {
        panic!("the credential of that tag has ended");
    };
    assert_eq!(bearer(&data), "Bearer hunter2-1");
    assert_ne!(second, first);
    assert!(matches!(again(&credentials, &second).await, CacheableResource::NotModified));
    let CacheableResource::New { data, .. } = again(&credentials, &EntityTag::new()).await else {
        panic!("a tag of somebody else");
    };
    assert_eq!(bearer(&data), "Bearer hunter2-1");
}

/// S32: what wants the token itself gets the one of now.
#[tokio::test]
async fn s32_the_token_itself_goes_on_across_an_expiry() {
    let (clock, cx) = world();
    let handle =
        connector_at(cx, Said::default()).resource::<GcpGeneric>("my-project").await.expect("a handle");
    let credentials = handle.client::<AccessTokenCredentials>().await.expect("credentials");
    assert!(!format!("{credentials:?}").contains("hunter2"));
    for expected in ["hunter2-0", "hunter2-1", "hunter2-2"] {
        for _ in 0..2 {
            let token = credentials.access_token().await.expect("a token");
            assert_eq!(token.token, expected);
            assert!(!format!("{token:?}").contains("hunter2"));
        }
        clock.advance(Duration::from_secs(3600));
    }
}

/// A source that hands these out in order, each for an hour after the one before, and then the error.
pub(super) async fn handing_out(cx: &Context, all: Vec<Said>, then: fn() -> Error) -> Source<GcpCredential> {
    let mut left = Vec::new();
    for (said, hours) in all.into_iter().zip(1..) {
        let connector = connector_at(cx.clone(), said);
        let handle = connector.resource::<GcsBucket>("gs://zenfiles").await.expect("a handle");
        let mut envelope: Envelope = handle.envelope().await.expect("an envelope");
        envelope.expiry = Expiry::At(cx.now() + Duration::from_secs(hours * 3600));
        left.push(envelope);
    }
    left.reverse();
    let left = Arc::new(Mutex::new(left));
    Source::remote(cx.clone(), move || {
        let next = left.lock().expect("no test panics with it").pop();
        async move { next.ok_or_else(then) }
    })
}

pub(super) fn disabled() -> Error {
    Error::new(ErrorKind::Disabled, "connector `store` is disabled").with_hint("enable it")
}

fn away() -> Error {
    Error::unreachable("nobody answers")
}

/// All that an error and its sources say.
fn chain(error: &CredentialsError) -> String {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        said.push(error.to_string());
        next = error.source();
    }
    said.join(": ")
}

/// S68: what a source refuses is what the user of a client reads, and whether asking again may help.
#[tokio::test]
async fn s68_a_disabled_connector_is_what_the_client_says() {
    for (then, says, transient) in
        [(disabled as fn() -> Error, "connector `store` is disabled", false), (away, "nobody answers", true)]
    {
        let (clock, cx) = world();
        let source = handing_out(&cx, vec![Said::default()], then).await;
        let credentials =
            <GcpCredential as Builds<Credentials>>::build(source.clone()).await.expect("credentials");
        let tokens =
            <GcpCredential as Builds<AccessTokenCredentials>>::build(source).await.expect("credentials");
        headers(&credentials).await.expect("headers");
        clock.advance(Duration::from_secs(3600));
        for error in [
            headers(&credentials).await.map(|_| ()).expect_err("ended"),
            tokens.access_token().await.map(|_| ()).expect_err("ended"),
        ] {
            assert!(chain(&error).contains(says), "{}", chain(&error));
            assert_eq!(error.is_transient(), transient, "{says}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }
    let (_, cx) = world();
    let nothing = handing_out(&cx, vec![], disabled).await;
    let error = <GcpCredential as Builds<Credentials>>::build(nothing).await.expect_err("it is told at once");
    assert_eq!(error.kind(), ErrorKind::Disabled);
}

/// Credentials that were built for one universe give no token of another one away.
#[tokio::test]
async fn credentials_do_not_follow_to_another_universe() {
    let (clock, cx) = world();
    let elsewhere = Said { universe: Some("example.cloud"), ..Said::default() };
    let source = handing_out(&cx, vec![Said::default(), elsewhere], disabled).await;
    let credentials = <GcpCredential as Builds<Credentials>>::build(source).await.expect("credentials");
    headers(&credentials).await.expect("headers");
    clock.advance(Duration::from_secs(3600));
    let error = headers(&credentials).await.map(|_| ()).expect_err("another universe");
    assert!(chain(&error).contains("changed to another universe"), "{}", chain(&error));
    assert!(!error.is_transient());
}

/// Where clients go with these credentials is said by who builds them, so an endpoint that changes is nothing to them.
#[tokio::test]
async fn credentials_follow_to_another_endpoint() {
    let (clock, cx) = world();
    let moved = Said { endpoint: Some("http://127.0.0.1:9000".into()), ..Said::default() };
    let source = handing_out(&cx, vec![Said::default(), moved], disabled).await;
    let credentials = <GcpCredential as Builds<Credentials>>::build(source).await.expect("credentials");
    let (first, _) = headers(&credentials).await.expect("headers");
    clock.advance(Duration::from_secs(3600));
    assert!(matches!(again(&credentials, &first).await, CacheableResource::New { .. }));
}

/// An issued credential comes back from its envelope as it left.
#[tokio::test]
async fn the_kind_travels_in_an_envelope() {
    let (_, cx) = world();
    let said = Said {
        quota: Some("their-project"),
        universe: Some("example.cloud"),
        endpoint: Some("http://127.0.0.1:9000".into()),
        ca_bundle: Some(PEM),
    };
    let handle = connector_at(cx, said).resource::<GcsBucket>("gs://zenfiles").await.expect("a handle");
    let envelope = handle.envelope().await.expect("an envelope");
    assert!(!envelope.to_hidden().to_string().contains("hunter2"));
    let again = Envelope::from_json(envelope.to_json().expose()).expect("an envelope");
    assert!(again.provider_expiry.at().is_some(), "a token that is handed on ends with its session");
    assert_eq!(again.expiry, again.provider_expiry);
    let credential = again.open::<GcpCredential>().expect("of this kind").credential;
    assert_eq!(credential.access_token.expose(), "hunter2-0");
    assert_eq!(credential.project_id.as_deref(), Some("my-project"));
    assert_eq!(credential.quota_project_id.as_deref(), Some("their-project"));
    assert_eq!(credential.account.as_deref(), Some("me@my-project.iam.gserviceaccount.com"));
    assert_eq!(credential.universe_domain, "example.cloud");
    assert_eq!(credential.endpoint_url.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(credential.ca_bundle.as_deref(), Some(PEM));
    assert_eq!(GcpCredential::KIND, "gcp");
}

const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
