//! The doctor: the first hop that fails is named, later ones are not reached, and nothing is changed.

use std::sync::Arc;
use std::time::Duration;

use connector_core::{Clock, ErrorKind, Grant, Secret, VirtualClock};
use connector_store::audit::Filter;
use connectors::Hub;
use connectors::hub::doctor::{Chain, Diagnosis, HopState, Link, Probe};
use connectors::hub::{Changes, Options, Registration};
use serde_json::json;
use tokio::sync::Barrier;

use crate::acme::{cloud, draft, draft_with, hub, register};

struct World {
    home: tempfile::TempDir,
    clock: VirtualClock,
    hub: Hub,
}

async fn world() -> World {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    World { home, clock, hub }
}

async fn diagnosed(hub: &Hub, name: &str) -> Diagnosis {
    hub.diagnose(name, &Probe::default()).await
}

/// The first hop that failed, and by what kind of error; every hop after it was not reached, and every one before it
/// is good.
#[track_caller]
fn failure(chain: &Chain) -> Option<(Link, ErrorKind)> {
    assert_eq!(chain.hops.iter().map(|it| it.link).collect::<Vec<_>>(), Link::ALL);
    let failed = chain.hops.iter().position(|it| it.state == HopState::Failed);
    for (at, hop) in chain.hops.iter().enumerate() {
        let expected: &[HopState] = match failed {
            Some(failed) if at == failed => &[HopState::Failed],
            Some(failed) if at > failed => &[HopState::NotReached],
            _ => &[HopState::Good, HopState::NotNeeded],
        };
        assert!(expected.contains(&hop.state), "{hop:?} in {chain:?}");
        assert_eq!(hop.error.is_some(), hop.state == HopState::Failed, "{hop:?}");
    }
    let (link, error) = chain.failure()?;
    assert!(error.hint().is_some(), "each failure has a fix: {error:?}");
    Some((link, error.kind()))
}

fn detail(chain: &Chain, link: Link) -> String {
    chain.hops.iter().find(|it| it.link == link).map(|it| it.detail.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_good_connector_is_walked_to_its_end() {
    let world = world().await;
    register(&world.hub, "a", "doctor-good").await;
    let Diagnosis { chain, findings, .. } = diagnosed(&world.hub, "a").await;
    assert_eq!(failure(&chain), None, "{chain:?}");
    assert_eq!(chain.kind, Some(("acme".into(), "key".into())));
    assert_eq!(detail(&chain, Link::Reach), "2 acme-box");
    assert_eq!(detail(&chain, Link::Secrets), "1 opens with the master key");
    assert_eq!(findings.iter().map(|it| it.rule.id).collect::<Vec<_>>(), ["any-resource"]);
}

/// S59: a connector that takes its identity from another says so.
#[tokio::test]
async fn s59_the_source_of_the_identity_is_named() {
    let world = world().await;
    register(&world.hub, "base", "doctor-source").await;
    let derived = draft_with("derived", json!({ "account": "doctor-source", "source": "base" }));
    world.hub.register(derived, Registration::Verified).await.expect("it verifies");
    let before = cloud("doctor-source").logins();
    let Diagnosis { chain, .. } = diagnosed(&world.hub, "derived").await;
    assert_eq!(failure(&chain), None, "{chain:?}");
    assert_eq!(detail(&chain, Link::Source), "`base` authenticates");
    assert_eq!(detail(&chain, Link::Identity), "connector `base`");
    assert_eq!(cloud("doctor-source").logins() - before, 2, "each of them once");

    world.hub.set_enabled("base", false).await.expect("disabled");
    let Diagnosis { chain, .. } = diagnosed(&world.hub, "derived").await;
    assert_eq!(failure(&chain), Some((Link::Source, ErrorKind::Disabled)));
    assert!(!chain.rests(), "its own state is fine");
    let (_, error) = chain.failure().expect("failed");
    assert_eq!(
        (error.connector(), error.hint()),
        (Some("base"), Some("`connector enable base` switches it on again"))
    );

    world.hub.delete("base", true).await.expect("deleted");
    let Diagnosis { chain, .. } = diagnosed(&world.hub, "derived").await;
    assert_eq!(failure(&chain).map(|it| it.0), Some(Link::Source), "{chain:?}");
}

#[tokio::test]
async fn the_first_hop_that_fails_is_named() {
    let world = world().await;
    let hub = &world.hub;
    register(hub, "a", "doctor-fails").await;
    assert_eq!(failure(&diagnosed(hub, "nosuch").await.chain), Some((Link::Document, ErrorKind::NotFound)));

    cloud("doctor-fails").refuse(true);
    let refused = diagnosed(hub, "a").await;
    assert_eq!(failure(&refused.chain), Some((Link::Authenticate, ErrorKind::Refused)));
    cloud("doctor-fails").refuse(false);

    let mut ends = Changes::default();
    ends.expires_at = Some(Some(world.clock.now() + Duration::from_secs(60)));
    hub.update("a", ends, false, false).await.expect("updated");
    assert_eq!(failure(&diagnosed(hub, "a").await.chain), None);
    world.clock.advance(Duration::from_secs(61));
    let ended = diagnosed(hub, "a").await;
    assert_eq!((failure(&ended.chain), ended.chain.rests()), (Some((Link::State, ErrorKind::Expired)), true));
    assert!(ended.findings.iter().any(|it| it.rule.id == "has-ended"));

    hub.set_enabled("a", false).await.expect("disabled");
    let disabled = diagnosed(hub, "a").await;
    assert_eq!(
        (failure(&disabled.chain), disabled.chain.rests()),
        (Some((Link::State, ErrorKind::Disabled)), true)
    );
}

/// An open session proves nothing: the stored secret is what is looked at, and by the master key that is set up.
#[tokio::test]
async fn another_master_key_fails_at_the_secrets() {
    let world = world().await;
    register(&world.hub, "a", "doctor-key").await;
    let other =
        connector_store::KeySource::Literal(Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
    let registry = connector_core::Registry::of(crate::acme::REGISTRATIONS).expect("one of each");
    let context = connector_core::Context::detached(world.clock.clone());
    let options = Options::new(world.home.path()).with_key(other).with_context(context);
    let wrong = Hub::with_registry(options, registry).await.expect("opens without the key");
    let logins = cloud("doctor-key").logins();
    assert_eq!(failure(&diagnosed(&wrong, "a").await.chain), Some((Link::Secrets, ErrorKind::Refused)));
    assert_eq!(cloud("doctor-key").logins(), logins, "nobody is called");
}

/// What is not compiled in is an error at the document, which names what is.
#[tokio::test]
async fn an_unknown_type_fails_at_the_document() {
    let world = world().await;
    register(&world.hub, "a", "doctor-unknown").await;
    let registry = connector_core::Registry::of(&[]).expect("none");
    let context = connector_core::Context::detached(world.clock.clone());
    let options = Options::new(world.home.path()).with_context(context);
    let without = Hub::with_registry(options, registry).await.expect("opens");
    let chain = diagnosed(&without, "a").await.chain;
    assert_eq!(failure(&chain), Some((Link::Document, ErrorKind::InvalidInput)));
    assert!(chain.kind.is_some_and(|it| it.0 == "acme"));
}

/// Nothing is minted, nothing is kept that was not kept, and no version is new.
#[tokio::test]
async fn nothing_is_changed() {
    let world = world().await;
    let hub = &world.hub;
    hub.register(draft("a", "doctor-still"), Registration::Unverified).await.expect("stored");
    let before = hub.get("a").await.expect("there");
    let records = hub.store().audit_list(&Filter::default(), 100).await.expect("an audit").len();
    let Diagnosis { chain, .. } = diagnosed(hub, "a").await;
    assert_eq!(failure(&chain), None, "{chain:?}");
    assert_eq!(hub.get("a").await.expect("there"), before);
    assert_eq!(hub.store().audit_list(&Filter::default(), 100).await.expect("an audit").len(), records);
    assert!(hub.store().kept(&before.id, "login").await.expect("read").is_none(), "nobody logged in");

    // What the provider renewed is kept, or the next one would be turned away.
    hub.issue("a", Grant::new("acme-box", "box:one")).await.expect("issued");
    let login = hub.store().kept(&before.id, "login").await.expect("read").expect("kept");
    diagnosed(hub, "a").await;
    let renewed = hub.store().kept(&before.id, "login").await.expect("read").expect("kept");
    assert!(renewed.expose().len() > login.expose().len());
}

#[tokio::test]
async fn all_are_looked_at_side_by_side() {
    let world = world().await;
    for name in ["a", "b", "c"] {
        register(&world.hub, name, "doctor-beside").await;
    }
    // Nobody passes before all three are there.
    *cloud("doctor-beside").barrier.lock().expect("held by nobody") = Some(Arc::new(Barrier::new(3)));
    let all = world.hub.diagnose_all(&Probe::default()).await.expect("listed");
    assert_eq!(all.iter().map(|it| &*it.chain.connector).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(all.iter().all(|it| failure(&it.chain).is_none()));
}

/// By the virtual clock: a provider that never answers is given up, and what comes after it is not reached.
#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let world = world().await;
    register(&world.hub, "a", "doctor-silent").await;
    *cloud("doctor-silent").barrier.lock().expect("held by nobody") = Some(Arc::new(Barrier::new(2)));
    let probe = Probe::default().with_call(Duration::from_secs(2));
    let began = world.clock.now();
    let waits = async {
        loop {
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_secs(1));
        }
    };
    let diagnosis =
        tokio::select! { it = world.hub.diagnose("a", &probe) => it, () = waits => unreachable!() };
    assert_eq!(failure(&diagnosis.chain), Some((Link::Authenticate, ErrorKind::Unreachable)));
    // Three calls' time, and what the clock ran while the store was read.
    assert!(world.clock.now().duration_since(began).is_ok_and(|it| it >= Duration::from_secs(6)));
}

#[tokio::test]
async fn no_secret_is_in_what_is_said() {
    let world = world().await;
    register(&world.hub, "a", "doctor-secret").await;
    let text = format!("{:?}", diagnosed(&world.hub, "a").await);
    assert!(!text.contains(crate::acme::KEY) && !text.contains("kept-canary"), "{text}");
}
