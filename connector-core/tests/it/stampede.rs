//! Many callers, one credential.

use std::sync::Arc;

use connector_core::{Access, Connector, Grant, Result};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::acme::{Bucket, Role, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_tasks_over_three_expiries_make_three_calls_and_none_gets_an_expired_one() -> Result<()>
{
    let world = World::default();
    let connector = world.connector(Role::with_key());
    let (before, after) = (Arc::new(Barrier::new(10_001)), Arc::new(Barrier::new(10_001)));
    let mut tasks = JoinSet::new();
    for _ in 0..10_000 {
        let (connector, before, after) = (connector.clone(), Arc::clone(&before), Arc::clone(&after));
        tasks.spawn(async move {
            for _ in 0..3 {
                before.wait().await;
                let handle = connector.resource::<Bucket>("acme://data").await?;
                let issued = handle.issue().await?;
                assert!(!issued.expiry.is_past(handle.source().context().now()));
                after.wait().await;
            }
            Ok(())
        });
    }
    for calls in 1..=3 {
        before.wait().await;
        after.wait().await;
        assert_eq!((world.cloud.calls().len(), world.journal.lines().len()), (calls, calls));
        world.pass(3600);
    }
    tasks.join_all().await.into_iter().collect()
}

#[tokio::test]
async fn a_thousand_who_wait_for_a_failing_provider_make_one_call() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Role::with_key());
    world.cloud.hold();
    world.cloud.break_down(true);
    let waiting: JoinSet<_> = (0..1000)
        .map(|_| {
            let connector = connector.clone();
            async move { connector.resource::<Bucket>("acme://data").await?.issue().await }
        })
        .collect();
    tokio::task::yield_now().await;
    world.cloud.release();
    for result in waiting.join_all().await {
        assert_eq!(result.expect_err("acme is down").message(), "acme.test: connection refused");
    }
    assert_eq!(world.cloud.calls().len(), 1);
    world.cloud.break_down(false);
    connector.resource::<Bucket>("acme://data").await?.issue().await?;
    assert_eq!(world.cloud.calls().len(), 2);
    Ok(())
}

#[tokio::test]
async fn c27_everything_that_shapes_a_credential_tells_them_apart() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Role::with_key());
    let hour = std::time::Duration::from_secs(3600);
    let data = || Grant::from("acme://data");
    let grants = [
        data(),
        // The default, asked for: only this one is cut.
        data().with_duration(hour),
        data().with_duration(hour * 2),
        data().with_access(Access::Write),
        data().with_within("in"),
        Grant::from("acme://logs"),
    ];
    let mut calls = 0;
    for grant in &grants {
        for expected in [calls + 1, calls + 1] {
            connector.resource::<Bucket>(grant.clone()).await?.issue().await?;
            assert_eq!(world.cloud.calls().len(), expected, "{grant:?}");
        }
        calls += 1;
    }
    // The same thing in another form is the same thing.
    connector.resource::<Bucket>("acme://data/in").await?.issue().await?;
    connector.resource::<Bucket>(data().with_access(Access::Read)).await?.issue().await?;
    assert_eq!(world.cloud.calls().len(), calls);
    Ok(())
}

#[tokio::test]
async fn c27_two_callers_never_share() -> Result<()> {
    let world = World::default();
    let document = connector_core::Document::draft(
        "it",
        "acme",
        "role",
        crate::acme::json(
            serde_json::json!({"region": "moon-1", "key_secret": "{{.key}}", "role": "reader"}),
        ),
    );
    let open = world.open(&document)?;
    let mut seen = Vec::new();
    for caller in ["ada", "grace", "ada"] {
        let connector: Connector<crate::acme::Acme> = open.typed(&world.cx.with_caller(caller))?;
        let issued = connector.resource::<Bucket>("acme://data").await?.issue().await?;
        seen.push(issued.credential.token.expose().to_owned());
    }
    assert!(seen[0] != seen[1] && seen[0] == seen[2]);
    // Nor the wide session: a provider may have been told for whom it is.
    for (caller, calls) in [("ada", 3), ("grace", 4), ("ada", 4)] {
        open.authenticate(&world.cx.with_caller(caller)).await?;
        assert_eq!(world.cloud.calls().len(), calls);
    }
    Ok(())
}
