//! Clients that outlive the hub, follow their connector's name, and keep nothing alive.

use std::sync::{Arc, Weak};

use connector_core::{
    AnyConnector, AuthMethod, Authenticated, Call, Connector, Document, Error, ErrorKind, Grant, Handle,
    Identity, Life, MethodAbout, Registration, Registry, Result, Source,
};
use serde_json::json;

use crate::acme::{self, Acme, Bucket, Client, Keys, Policy, Session, World, json, poll_once};

/// A stored connector that takes a role.
fn document() -> Document {
    let config = json!({"region": "moon-1", "key_secret": "{{.key}}", "role": "reader"});
    Document { id: "7".into(), ..Document::draft("it", "acme", "role", json(config)) }
}

/// One version of it, opened.
fn version(world: &World, version: u64) -> Result<AnyConnector> {
    world.open(&Document { version, ..document() })
}

/// A client of the stored connector `it`, after which nobody holds the hub's value.
async fn client(world: &World) -> Result<Client> {
    let connector = version(world, 1)?;
    world.hub.put("it", Ok(connector.clone()));
    connector.resource(&world.cx, Grant::new("bucket", "acme://data")).await?.client::<Client>().await
}

fn disabled() -> Error {
    Error::new(ErrorKind::Disabled, "connector `it` is disabled")
}

#[tokio::test]
async fn s32_s51_a_client_goes_on_across_expiries_when_everything_else_is_dropped() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    let World { cloud, clock, .. } = world;
    for calls in 1..=3 {
        client.0.issue().await?;
        assert_eq!(cloud.calls().len(), calls);
        clock.advance(std::time::Duration::from_secs(3600));
    }
    Ok(())
}

#[tokio::test]
async fn s78_a_client_follows_a_changed_connector() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    let before = client.0.issue().await?;
    world.hub.put("it", version(&world, 2));
    assert!(client.0.cached().is_none());
    let after = client.0.issue().await?;
    assert_ne!(before.credential.token.expose(), after.credential.token.expose());
    // And stays with it: what the new version has cached is found at once.
    assert!(client.0.cached().is_some());
    Ok(())
}

#[tokio::test]
async fn s68_c14_a_disabled_or_deleted_connector_is_that_error_at_once_and_comes_back() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    client.0.issue().await?;
    for gone in [disabled(), Error::not_found("no connector `it`")] {
        world.hub.put("it", Err(gone.clone()));
        // What was cached is not used, however good it still is.
        assert!(client.0.cached().is_none());
        let error = client.0.issue().await.expect_err("it is gone");
        assert_eq!((error.kind(), error.message()), (gone.kind(), gone.message()));
    }
    world.hub.put("it", version(&world, 3));
    client.0.issue().await?;
    Ok(())
}

#[tokio::test]
async fn c14_what_another_process_disables_ends_within_a_second() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    client.0.issue().await?;
    world.clock.advance(std::time::Duration::from_secs(1));
    // A store that cannot be read just now says nothing about the connector.
    world.hub.put_elsewhere("it", Err(Error::store("the database is locked")));
    client.0.issue().await?;
    assert_eq!(world.cloud.calls().len(), 1);
    world.hub.put_elsewhere("it", Err(disabled()));
    assert!(client.0.cached().is_none());
    assert_eq!(client.0.issue().await.expect_err("it is disabled").kind(), ErrorKind::Disabled);
    // What was seen once stays seen.
    world.hub.put_elsewhere("it", Err(Error::store("the database is locked")));
    assert_eq!(client.0.issue().await.expect_err("it is disabled").kind(), ErrorKind::Store);
    Ok(())
}

#[tokio::test]
async fn the_store_is_asked_once_a_second_at_most_for_all_sources_of_a_connector() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    for second in 1..=3 {
        for _ in 0..100 {
            client.0.issue().await?;
            client.0.clone().issue().await?;
        }
        assert_eq!(world.hub.opened(), second);
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    Ok(())
}

#[tokio::test]
async fn c14_the_flag_is_read_again_after_a_fetch() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    world.cloud.hold();
    let mut issuing = Box::pin(client.0.issue());
    assert!(poll_once(&mut issuing).is_none());
    // Disabled while the provider answers: the late answer is not released.
    world.hub.put("it", Err(disabled()));
    world.cloud.release();
    assert_eq!(issuing.await.expect_err("it is disabled").kind(), ErrorKind::Disabled);
    assert!(client.0.cached().is_none());
    Ok(())
}

#[tokio::test]
async fn s78_a_failure_of_the_old_version_is_not_the_answer_when_it_changed_meanwhile() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    // The old key was revoked; while the provider says so, the connector gets a new one.
    world.cloud.hold();
    world.cloud.break_down(true);
    let mut issuing = Box::pin(client.0.issue());
    assert!(poll_once(&mut issuing).is_none());
    world.hub.put("it", version(&world, 2));
    world.cloud.break_down(false);
    world.cloud.release();
    issuing.await?;
    assert_eq!(world.cloud.calls().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_followed_connector_that_became_narrower_is_not_followed_beyond_its_scope() -> Result<()> {
    let world = World::default();
    let client = client(&world).await?;
    client.0.issue().await?;
    let (resource_type, resource_id) = (Some("bucket".into()), Some("acme://logs".into()));
    world.hub.put("it", world.open(&Document { resource_type, resource_id, ..document() }));
    let error = client.0.issue().await.expect_err("it is for another bucket now");
    assert_eq!(error.message(), "resource_id: the connector serves `acme://logs` only");
    Ok(())
}

#[tokio::test]
async fn a_connector_that_is_not_stored_ends_for_good() -> Result<()> {
    let world = World::default();
    let connector = world.open(&Document { name: String::new(), ..document() })?;
    let handle = connector.resource(&world.cx, Grant::new("bucket", "acme://data")).await?;
    handle.envelope().await?;
    connector.end();
    assert_eq!(handle.envelope().await.expect_err("it has ended").kind(), ErrorKind::Disabled);
    Ok(())
}

#[tokio::test]
async fn a_remote_source_is_answered_from_elsewhere_and_cannot_be_told_apart() -> Result<()> {
    let world = World::default();
    let handle: Handle<Bucket> = world.connector(acme::Login::new()).resource("acme://data").await?;
    let json = handle.envelope().await?.to_json();
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let fetch = {
        let calls = Arc::clone(&calls);
        move || {
            calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let json = json.clone();
            async move { connector_core::Envelope::from_json(json.expose()) }
        }
    };
    let source = Source::<Keys>::remote(world.cx.clone(), fetch.clone());
    let far = source.issue().await?;
    let near = handle.issue().await?;
    assert_eq!(far.credential.token.expose(), near.credential.token.expose());
    assert_eq!((&far.expiry, far.narrowing()), (&near.expiry, near.narrowing()));
    source.issue().await?;
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
    // By name it needs the kind alone: no provider.
    let kinds = Registry::of(&[Registration::credential::<Keys>()])?;
    let client: Client = kinds.remote(world.cx.clone(), "acme-keys", fetch)?.client().await?;
    assert_eq!(client.0.issue().await?.credential.user, "ada");
    Ok(())
}

/// Knows whether it is still alive, and so do its sessions.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Probe {
    #[serde(skip)]
    #[expect(dead_code, reason = "it is held, and nobody looks at it")]
    alive: Arc<()>,
}

impl AuthMethod for Probe {
    const ID: &'static str = "probe";
    const ABOUT: MethodAbout = MethodAbout::new("Probe", "", Life::None, Identity::User);
    type Connector = Acme;

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Policy>) -> Result<Authenticated<Session>> {
        let ends = cx.expires_in(std::time::Duration::from_secs(600));
        Ok(Authenticated::new(Session { token: "t".into(), ends: ends.clone(), long_lived: false }, ends))
    }
}

#[tokio::test]
async fn nothing_leaks_once_handles_and_clients_are_dropped() -> Result<()> {
    let world = World::default();
    let alive = Arc::new(());
    let probe: Weak<()> = Arc::downgrade(&alive);
    let connector: Connector<Acme> = world.connector(Probe { alive });
    let handles =
        [connector.resource::<Bucket>("acme://data").await?, connector.resource("acme://logs").await?];
    let mut clients: Vec<Client> = Vec::new();
    for handle in &handles {
        handle.issue().await?;
        clients.push(handle.client().await?);
    }
    drop((connector, handles));
    assert!(probe.upgrade().is_some(), "a client keeps what it needs");
    clients[0].0.issue().await?;
    drop(clients);
    assert!(probe.upgrade().is_none(), "and nothing else does");
    Ok(())
}

#[tokio::test]
async fn cells_that_nobody_holds_are_bounded_and_those_that_are_held_stay() -> Result<()> {
    let world = World::default();
    let connector = world.connector(acme::Role::with_key());
    let held: Handle<Bucket> = connector.resource("acme://held").await?;
    held.issue().await?;
    connector.resource::<Bucket>("acme://0").await?.issue().await?;
    for number in 1..=2000 {
        connector.resource::<Bucket>(Grant::from(format!("acme://{number}"))).await?;
    }
    held.issue().await?;
    assert_eq!(world.cloud.calls().len(), 2);
    // Given back long ago, so fetched again.
    connector.resource::<Bucket>("acme://0").await?.issue().await?;
    assert_eq!(world.cloud.calls().len(), 3);
    Ok(())
}
