//! Tests of what Azure's libraries take.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::headers::{AUTHORIZATION, Headers};
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, Context as Trip, Method, Request, StatusCode};
use connector_conformance::{CANARY, Scripted};
use connector_core::{
    Builds, Context, Credential, Envelope, Error, ErrorKind, Expiry, Grant, Source, VirtualClock,
};

use super::{A_WHILE, AzureTokens, FromSource, a_while};
use crate::AzureCredential;
use crate::names::Cloud;
use crate::resource::testing::{connector, connector_at, place};
use crate::resource::{AzureGeneric, StoredSecret};
use crate::session::Place;
use crate::testing::SUBSCRIPTION;

const SECRET: &str = "https://zen.vault.azure.net/secrets/db-password";
const VAULT: &[&str] = &["https://vault.azure.net/.default"];
const ARM: &[&str] = &["https://management.azure.com/.default"];
const HOUR: Duration = Duration::from_secs(3600);

type Tokens = Arc<dyn TokenCredential>;

async fn of_secret(cx: &Context) -> Tokens {
    let handle = connector(cx.clone()).resource::<StoredSecret>(SECRET).await.expect("a handle");
    handle.client::<Tokens>().await.expect("a credential")
}

async fn of_everything(cx: &Context) -> AzureTokens {
    let handle = connector(cx.clone()).resource::<AzureGeneric>(SUBSCRIPTION).await.expect("a handle");
    handle.client::<AzureTokens>().await.expect("a credential")
}

/// The token that a client is given for these scopes.
async fn token(tokens: &dyn TokenCredential, scopes: &[&str]) -> azure_core::Result<String> {
    tokens.get_token(scopes, None).await.map(|it| it.token.secret().to_owned())
}

/// S49: the token is for one service. A client that asks for another's gets an error, and no token.
#[tokio::test]
async fn s49_a_credential_is_for_its_own_service() {
    let world = Scripted::new();
    let tokens = of_secret(&world.context()).await;
    assert_eq!(token(&*tokens, VAULT).await.expect("a token"), "hunter2-0");
    assert_eq!(token(&*tokens, &["https://vault.azure.net//.default"]).await.expect("the same"), "hunter2-0");
    assert_eq!(token(&*tokens, &[VAULT[0], VAULT[0]]).await.expect("the same"), "hunter2-0");
    for (scopes, says) in [
        (
            ARM,
            "the token is for https://vault.azure.net, and this needs one for https://management.azure.com",
        ),
        (&["https://vault.azure.cn/.default"][..], "needs one for https://vault.azure.cn"),
        (&["https://zen.vault.azure.net/.default"][..], "needs one for"),
        (&["https://vault.azure.net.evil.example/.default"][..], "needs one for"),
        (&["https://vault.azure.net"][..], "a part of a service"),
        (&["https://vault.azure.net/user_impersonation"][..], "a part of a service"),
        (&["/.default"][..], "the URL or the id of a service"),
        (&[][..], "no scope"),
        (&[VAULT[0], ARM[0]][..], "several services"),
    ] {
        let error = token(&*tokens, scopes).await.expect_err(says);
        assert!(chain(&error).contains(says), "{}", chain(&error));
        assert!(!format!("{error:?}{error}").contains(CANARY));
    }
    assert!(!format!("{tokens:?}").contains(CANARY));
    let given = tokens.get_token(VAULT, None).await.expect("a token");
    assert!(!format!("{given:?}").contains(CANARY));
    assert!(world.sent().is_empty());
}

/// S32, S49: the same token is handed out until it ends; after its end there is a new one, without a new client.
#[tokio::test]
async fn s32_a_credential_goes_on_across_an_expiry() {
    let world = Scripted::new();
    let tokens = of_secret(&world.context()).await;
    for expected in ["hunter2-0", "hunter2-1", "hunter2-2"] {
        for _ in 0..3 {
            assert_eq!(token(&*tokens, VAULT).await.expect("a token"), expected);
        }
        world.advance(HOUR);
    }
}

/// S49: one credential of a connector serves clients of every service, with a token for each that is asked for once per
/// life.
#[tokio::test]
async fn s49_one_credential_serves_every_service() {
    let world = Scripted::new();
    let tokens = of_everything(&world.context()).await;
    let again = tokens.clone();
    let asked: Tokens = tokens.clone().into();
    assert!(!format!("{tokens:?}").contains(CANARY));
    let storage: &[&str] = &["https://storage.azure.com/.default"];
    for (round, [one, two, three]) in
        [["hunter2-0", "hunter2-1", "hunter2-2"], ["hunter2-3", "hunter2-4", "hunter2-5"]]
            .into_iter()
            .enumerate()
    {
        for _ in 0..3 {
            assert_eq!(token(&*asked, storage).await.expect("a token"), one, "{round}");
            assert_eq!(token(&again, VAULT).await.expect("a token"), two, "{round}");
            assert_eq!(token(&*asked, ARM).await.expect("a token"), three, "{round}");
        }
        world.advance(HOUR);
    }
    for scopes in [&[][..], &["https://graph.microsoft.com/User.Read"][..], &[VAULT[0], ARM[0]][..]] {
        let error = token(&*asked, scopes).await.expect_err("no service, or a part of one");
        assert!(error.source().is_some_and(|it| it.downcast_ref::<Error>().is_some()), "{error:?}");
    }
}

/// S49, C24: what was asked for one service gives no token for another one.
#[tokio::test]
async fn s49_a_grant_for_one_service_stays_one() {
    let world = Scripted::new();
    let grant = Grant::new("azure-generic", SUBSCRIPTION).with_within(VAULT[0].trim_end_matches("/.default"));
    let handle = connector(world.context()).resource::<AzureGeneric>(grant).await.expect("a handle");
    let tokens = handle.client::<AzureTokens>().await.expect("a credential");
    assert_eq!(token(&tokens, VAULT).await.expect("a token"), "hunter2-0");
    let error = token(&tokens, ARM).await.expect_err("another service");
    assert!(chain(&error).contains("the token is for https://vault.azure.net"), "{}", chain(&error));
}

/// A source that hands these out in order, each for an hour after the one before, and then the error.
pub(super) async fn handing_out(
    cx: &Context,
    places: Vec<Place>,
    then: fn() -> Error,
) -> Source<AzureCredential> {
    let mut left = Vec::new();
    for (place, hours) in places.into_iter().zip(1..) {
        let cloud = place.cloud;
        let handle = connector_at(cx.clone(), place);
        let suffix = cloud.suffix(crate::names::Service::Vault).expect("a suffix");
        let id = format!("https://zen.{suffix}/secrets/a");
        let handle = handle.resource::<StoredSecret>(id).await.expect("a handle");
        let mut envelope: Envelope = handle.envelope().await.expect("an envelope");
        envelope.expiry = Expiry::At(cx.now() + HOUR * hours);
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
    Error::new(ErrorKind::Disabled, "connector `data` is disabled").with_hint("enable it")
}

/// All that an error and its sources say.
fn chain(error: &azure_core::Error) -> String {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        said.push(error.to_string());
        next = error.source();
    }
    said.join(": ")
}

/// S68: what a source refuses is what the user of a client reads.
#[tokio::test]
async fn s68_a_disabled_connector_is_what_the_client_says() {
    let world = Scripted::new();
    let cx = world.context();
    let source = handing_out(&cx, vec![place()], disabled).await;
    let tokens = <AzureCredential as Builds<Tokens>>::build(source).await.expect("a credential");
    token(&*tokens, VAULT).await.expect("a token");
    world.advance(HOUR);
    let error = token(&*tokens, VAULT).await.expect_err("disabled");
    assert!(chain(&error).contains("connector `data` is disabled"), "{}", chain(&error));
    assert!(!format!("{error:?}").contains(CANARY));
    let nothing = handing_out(&cx, vec![], disabled).await;
    let error = <AzureCredential as Builds<Tokens>>::build(nothing).await.expect_err("it is told at once");
    assert_eq!(error.kind(), ErrorKind::Disabled);
}

/// A credential that was built for one cloud gives no token of another one away.
#[tokio::test]
async fn a_credential_does_not_follow_to_another_cloud() {
    let world = Scripted::new();
    let china = Place { cloud: Cloud::China, ..place() };
    let source = handing_out(&world.context(), vec![place(), china], disabled).await;
    let tokens = <AzureCredential as Builds<Tokens>>::build(source).await.expect("a credential");
    token(&*tokens, VAULT).await.expect("a token");
    world.advance(HOUR);
    for scopes in [VAULT, &["https://vault.azure.cn/.default"]] {
        let error = token(&*tokens, scopes).await.expect_err("another cloud");
        assert!(chain(&error).contains("changed to another cloud"), "{}", chain(&error));
        assert!(!format!("{error:?}").contains(CANARY));
    }
}

/// Where clients go with a credential is said by who makes them, so an endpoint that changes is nothing to it; a client
/// that is made here goes to the endpoint of then.
#[tokio::test]
async fn a_credential_follows_to_another_endpoint_and_a_client_does_not() {
    let world = Scripted::new();
    let moved = || {
        let url = connector_core::EndpointUrl::parse("https://127.0.0.1:9000").expect("a URL");
        Place { endpoint_url: Some(url), ..place() }
    };
    let cx = world.context();
    let anybody = handing_out(&cx, vec![place(), moved()], disabled).await;
    let anybody = FromSource::for_anybody(anybody).await.expect("a credential");
    let client = handing_out(&cx, vec![place(), moved()], disabled).await;
    let client = FromSource::for_client(client).await.expect("a credential");
    token(&client, VAULT).await.expect("a token");
    world.advance(HOUR);
    token(&anybody, VAULT).await.expect("a token");
    let error = token(&client, VAULT).await.expect_err("moved");
    assert!(chain(&error).contains("endpoint"), "{}", chain(&error));
}

/// A client that keeps tokens asks again soon, whatever the token's end; one without an end is asked about all the same.
#[test]
fn ends_are_told_for_a_while() {
    let now = Scripted::start();
    let told = |expiry: &Expiry| SystemTime::from(a_while(expiry, now)).duration_since(now).expect("to come");
    assert_eq!(told(&Expiry::At(now + HOUR)), A_WHILE);
    assert_eq!(told(&Expiry::At(now + Duration::from_secs(60))), Duration::from_secs(60));
    assert_eq!(told(&Expiry::Never("a test's".into())), A_WHILE);
    // Who asks for the next one so long before an end does not do it without a pause (azure_core: five minutes;
    // azure_messaging_eventhubs: six).
    assert!(A_WHILE > Duration::from_secs(6 * 60));
}

/// Whoever answers every request, and remembers who asked.
#[derive(Debug, Default)]
struct Server(Mutex<Vec<String>>);

#[async_trait]
impl Policy for Server {
    async fn send(&self, _: &Trip, request: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
        let bearer = request.headers().get_str(&AUTHORIZATION).unwrap_or_default().to_owned();
        self.0.lock().expect("no test panics with it").push(bearer);
        Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), "done"))
    }
}

/// S68, C14: the pipeline of Azure's clients keeps tokens. In a client that is made here it asks with every request, so
/// that a connector that is disabled ends it at once.
#[tokio::test]
async fn s68_a_client_hears_at_once_that_its_connector_is_disabled() {
    let clock = VirtualClock::default();
    let cx = Context::detached(clock.clone());
    let source = handing_out(&cx, vec![place(), place()], disabled).await;
    let credential = Arc::new(FromSource::for_client(source).await.expect("a credential"));
    let policy = BearerTokenAuthorizationPolicy::new(credential, VAULT.iter().copied());
    let server = Arc::new(Server::default());
    let next: Vec<Arc<dyn Policy>> = vec![server.clone()];
    let ask = async || {
        let mut request = Request::new("https://zen.vault.azure.net/".parse().expect("a URL"), Method::Get);
        policy.send(&Trip::new(), &mut request, &next).await.map(drop)
    };
    ask().await.expect("answered");
    clock.advance(HOUR);
    ask().await.expect("answered");
    clock.advance(HOUR);
    let error = ask().await.expect_err("disabled");
    assert!(chain(&error).contains("is disabled"), "{}", chain(&error));
    assert_eq!(*server.0.lock().expect("no test panics with it"), ["Bearer hunter2-0", "Bearer hunter2-0"]);
}

/// An issued credential comes back from its envelope as it left.
#[tokio::test]
async fn the_kind_travels_in_an_envelope() {
    let world = Scripted::new();
    let handle = connector(world.context()).resource::<StoredSecret>(SECRET).await.expect("a handle");
    let envelope = handle.envelope().await.expect("an envelope");
    assert!(!envelope.to_hidden().to_string().contains(CANARY));
    let again = Envelope::from_json(envelope.to_json().expose()).expect("an envelope");
    assert_eq!(again.expiry, again.provider_expiry);
    let credential = again.open::<AzureCredential>().expect("of this kind").credential;
    assert_eq!(
        credential.token().map(|(token, audience)| (token.expose(), audience)).expect("a token"),
        ("hunter2-0", "https://vault.azure.net")
    );
    assert_eq!(credential.subscription_id.as_deref(), Some(SUBSCRIPTION));
    assert_eq!((credential.cloud(), credential.account.as_deref()), (Cloud::Public, Some("zen")));
    assert_eq!(credential.endpoint.as_deref(), Some("https://zen.vault.azure.net"));
    assert_eq!(AzureCredential::KIND, "azure");
}
