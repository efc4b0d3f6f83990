//! How long: min(asked, connector, method, what the source has left), and refused rather than stretched.

use std::time::{Duration, SystemTime};

use connector_core::{Allow, Error, ErrorKind, Expiry, Grant, Issued, Result, Terms, format_time};

use crate::acme::{Bucket, Chain, Database, Key, Keys, Login, Passed, Role, World, shown};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn left(world: &World, issued: &Issued<Keys>) -> Option<Duration> {
    issued.expiry.left(world.cx.now())
}

fn ends_in(world: &World, life: Duration) -> SystemTime {
    world.cx.now() + life
}

fn passed(world: &World, life: Duration) -> Passed {
    Passed { token: crate::acme::CANARY.into(), expires_at: format_time(ends_in(world, life)) }
}

fn asked(duration: Duration) -> Grant {
    Grant::from("acme://data").with_duration(duration)
}

#[tokio::test]
async fn s21_out_of_bounds_is_refused_before_any_call() {
    let world = World::default();
    let login = world.connector(Login::new());
    let chain = Role { role: Chain::Many(vec!["a".into(), "b".into()]), ..Role::with_key() };
    let chain = world.connector(chain);
    for (connector, seconds, bounds) in [
        (&login, 600, "10m is out of bounds: method `login` issues for 15m to 36h"),
        (&login, 37 * 3600, "37h is out of bounds: method `login` issues for 15m to 36h"),
        (&chain, 7200, "2h is out of bounds: method `role` issues for 15m to 1h"),
        (&login, 0, "a credential that lives for no time is of no use"),
    ] {
        let error =
            connector.resource::<Bucket>(asked(Duration::from_secs(seconds))).await.expect_err(bounds);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.field_problems()[0].to_string(), format!("duration: {bounds}"));
    }
    let stored = world.with_terms(Login::new(), Terms::default().with_duration(10 * MINUTE));
    assert!(stored.session().await.is_err());
    assert_eq!(world.cloud.calls(), [""; 0]);
}

#[tokio::test]
async fn s39_the_life_is_what_is_asked_within_the_connectors_or_the_methods_default() -> Result<()> {
    let world = World::default();
    let stored = Terms::default().with_duration(2 * HOUR);
    for (terms, grant, seconds) in [
        (Terms::default(), Grant::from("acme://data"), 3600),
        (stored.clone(), Grant::from("acme://data"), 7200),
        (stored.clone(), asked(15 * MINUTE), 900),
        // The connector's own life is a limit, too.
        (stored, asked(6 * HOUR), 7200),
    ] {
        let issued =
            world.with_terms(Role::with_key(), terms).resource::<Bucket>(grant).await?.issue().await?;
        assert_eq!(left(&world, &issued), Some(Duration::from_secs(seconds)));
        assert!(world.cloud.calls().last().is_some_and(|call| call.ends_with(&format!("seconds={seconds}"))));
    }
    Ok(())
}

#[tokio::test]
async fn c25_what_is_asked_cuts_what_the_provider_cannot_shorten_and_both_are_told() -> Result<()> {
    let world = World::default();
    // The token has an hour left, whatever is asked for.
    let connector = world.connector(passed(&world, HOUR));
    let issued =
        connector.resource::<Database>(Grant::from("db").with_duration(MINUTE)).await?.issue().await?;
    assert_eq!(left(&world, &issued), Some(MINUTE));
    assert_eq!(issued.provider_expiry, Expiry::At(ends_in(&world, HOUR)));
    Ok(())
}

#[tokio::test]
async fn c25_what_is_issued_never_outlives_its_session() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Login::new());
    connector.session().await?;
    world.pass(5 * 3600);
    let issued = connector.resource::<Database>("db").await?.issue().await?;
    assert_eq!(left(&world, &issued), Some(7 * HOUR));
    // Who asks for a life is not served by a session with less than half of that left.
    let issued =
        connector.resource::<Database>(Grant::from("db").with_duration(12 * HOUR)).await?.issue().await?;
    assert_eq!(left(&world, &issued), Some(12 * HOUR));
    assert_eq!(world.cloud.calls().len(), 2);
    Ok(())
}

#[tokio::test]
async fn s37_a_token_from_elsewhere_counts_down_and_then_refuses() -> Result<()> {
    let world = World::default();
    let handle = world.connector(passed(&world, HOUR)).resource::<Database>("db").await?;
    assert_eq!(left(&world, &*handle.issue().await?), Some(HOUR));
    world.pass(3599);
    assert_eq!(left(&world, &*handle.issue().await?), Some(Duration::from_secs(1)));
    world.pass(1);
    let error = handle.issue().await.expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(shown(&error).starts_with("the stored credential ended at 2026-01-01T01:00:00Z"), "{error}");
    Ok(())
}

#[tokio::test]
async fn s38_a_connectors_end_cuts_and_then_refuses_without_a_call() -> Result<()> {
    let world = World::default();
    let terms = Terms::default().with_end(ends_in(&world, HOUR));
    let connector = world.with_terms(Login::new(), terms);
    let handle = connector.resource::<Database>("db").await?;
    let issued = handle.issue().await?;
    assert_eq!(left(&world, &issued), Some(HOUR));
    assert_eq!(issued.provider_expiry, Expiry::At(ends_in(&world, 12 * HOUR)));
    // So is the session, which others may take their identity from.
    assert_eq!(connector.session().await?.expiry, Expiry::At(ends_in(&world, HOUR)));
    world.pass(3600);
    let other = connector.resource::<Database>("db").await?;
    let refusals: [Error; 4] = [
        handle.issue().await.expect_err("it has ended"),
        other.issue().await.expect_err("it has ended"),
        connector.session().await.expect_err("it has ended"),
        handle.reach().await.expect_err("it has ended"),
    ];
    for error in refusals {
        assert_eq!(error.kind(), ErrorKind::Expired);
        assert_eq!(error.message(), "the connector ended at 2026-01-01T01:00:00Z");
    }
    assert_eq!((world.cloud.calls().len(), world.journal.lines().len()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn s31_a_long_lived_secret_is_refused_unless_allowed_and_then_it_says_so() -> Result<()> {
    let world = World::default();
    let refused = world.connector(Key::new()).resource::<Bucket>("acme://data").await?;
    let error = refused.issue().await.expect_err("it is not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|hint| hint.contains("--allow long-lived")));
    shown(&error);
    assert_eq!(world.journal.lines(), [""; 0]);

    let allowed = world.with_terms(Key::new(), Terms::default().with_allow(Allow::LongLived));
    let handle = allowed.resource::<Bucket>(asked(HOUR)).await?;
    let shown = handle.envelope().await?.to_hidden();
    assert_eq!((&shown["long_lived"], &shown["narrowed"]), (&true.into(), &false.into()));
    // Advertised for what was asked, although the provider never ends it; and why.
    assert_eq!(shown["expires_at"], "2026-01-01T01:00:00Z");
    assert_eq!(shown["provider_expiry"], serde_json::Value::Null);
    assert_eq!(shown["never"], "a key is good until it is revoked");
    let line =
        "acme-keys acme://data - read 1h narrowed=false (auth method `key` narrows nothing) long_lived=true";
    assert_eq!(world.journal.lines(), [line]);
    Ok(())
}

/// S31, invariant 1: where a protocol has nothing shorter, the stored secret goes to its own tool form, is
/// recorded as what it is, and stays unreachable in every other way.
#[tokio::test]
async fn s31_a_stored_secret_is_passed_to_its_own_tool_and_to_nothing_else() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Key::new());
    let database = connector.resource::<Database>("db").await?;
    let text = database.tool("acmectl").await?;
    assert!(text.expose().contains(crate::acme::CANARY));
    let line = "acme-keys db - read never narrowed=false (auth method `key` narrows nothing) long_lived=true";
    assert_eq!(world.journal.lines(), [line]);

    // Nothing was kept that another way out could take.
    assert!(database.source().cached().is_none());
    for refused in [database.issue().await.map(|_| ()), database.envelope().await.map(|_| ())] {
        let error = refused.expect_err("only the tool gets it");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().is_some_and(|hint| hint.contains("acmectl") && hint.contains("--allow")));
        shown(&error);
    }
    let error = database.tool("other").await.expect_err("there is no such form");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let bucket = connector.resource::<Bucket>("acme://data").await?;
    let error = bucket.tool("acmectl").await.expect_err("a bucket passes nothing on");
    assert_eq!(error.kind(), ErrorKind::Refused);
    // Every time is a hand-over of its own.
    database.tool("acmectl").await?;
    assert_eq!(world.journal.lines().len(), 2);
    Ok(())
}

#[tokio::test]
async fn lives_beyond_counting_are_no_panic() -> Result<()> {
    let world = World::default();
    let allowed = world.with_terms(Key::new(), Terms::default().with_allow(Allow::LongLived));
    let forever = asked(Duration::from_secs(u64::MAX));
    let envelope = allowed.resource::<Bucket>(forever).await?.envelope().await?;
    assert_eq!(envelope.to_hidden()["expires_at"], "9999-12-30T22:00:00Z");
    Ok(())
}
