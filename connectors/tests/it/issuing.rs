//! Issuing: cached in memory and between processes, recorded before release.

use std::time::Duration;

use connector_core::{Access, ErrorKind, Grant, VirtualClock};
use connector_store::{Digest, Lookup, audit, fast};

use crate::acme::{Box, Client, KEY, cloud, hub, register};

fn one() -> Grant {
    Grant::new("acme-box", "box:one")
}

#[tokio::test]
async fn a_credential_is_shared_between_processes_until_it_is_time_for_a_new_one() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let first = hub(home.path(), &clock).await;
    register(&first, "a", "shared").await;
    let before = cloud("shared").logins();
    let issued = first.issue("a", one()).await.expect("issued");
    assert!(issued.narrowed.is_narrowed() && !issued.long_lived);
    let second = hub(home.path(), &clock).await;
    second.issue("a", Grant::new("acme-box", "one")).await.expect("another spelling, the same thing");
    assert_eq!(cloud("shared").logins(), before + 1);
    second.issue("a", one().with_access(Access::Write)).await.expect("issued");
    assert_eq!(cloud("shared").logins(), before + 2, "more access is another credential");
    clock.advance(Duration::from_secs(3500));
    let next = second.issue("a", one()).await.expect("issued");
    assert_eq!(cloud("shared").logins(), before + 3);
    assert!(next.expiry.left(clock.now_here()).expect("it ends") > Duration::from_secs(3000));
}

#[tokio::test]
async fn many_callers_cause_one_call_and_its_failure_answers_them_all() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "many").await;
    for refuses in [true, false] {
        cloud("many").refuse(refuses);
        let before = cloud("many").logins();
        let answers = futures_util::future::join_all((0..1000).map(|_| hub.issue("a", one()))).await;
        assert_eq!(cloud("many").logins(), before + 1);
        assert!(answers.iter().all(|it| it.is_err() == refuses));
        // A refusal answers for a moment longer.
        clock.advance(Duration::from_secs(15));
    }
}

#[tokio::test]
async fn a_failed_renewal_keeps_what_is_good_until_its_real_end() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "renewal").await;
    hub.issue("a", one()).await.expect("issued");
    cloud("renewal").refuse(true);
    clock.advance(Duration::from_secs(3590));
    hub.issue("a", one()).await.expect("ten seconds are left");
    clock.advance(Duration::from_secs(11));
    assert_eq!(hub.issue("a", one()).await.expect_err("it has ended").kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn every_mint_is_in_the_audit_and_cache_hits_are_not() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "audit").await;
    hub.issue("a", one().with_within("drawer")).await.expect("issued");
    hub.issue("a", one().with_within("drawer")).await.expect("from the cache");
    let mints = audit::Filter { action: Some(audit::Action::Mint), ..audit::Filter::default() };
    let mints = hub.store().audit_list(&mints, 10).await.expect("readable");
    let [mint] = mints.as_slice() else { panic!("one mint, not {}", mints.len()) };
    assert_eq!((mint.caller.as_str(), mint.connector.as_deref()), ("ann", Some("a")));
    assert_eq!((mint.resource_id.as_deref(), mint.within.as_deref()), (Some("box:one"), Some("drawer")));
    assert_eq!((mint.narrowed, mint.long_lived), (Some(true), false));
    assert!(!format!("{mints:?}").contains(KEY));
}

#[tokio::test]
async fn a_helper_is_answered_from_files_once_it_was_answered_before() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "fast").await;
    let target = Digest::of(["acme", "--resource-id", "one"]);
    let look = || fast::lookup(home.path(), "a", &target, clock.now_here());
    assert!(matches!(look(), Lookup::Miss));
    let text = hub.tool("a", one(), "acme", &target).await.expect("issued");
    let Lookup::Hit(entry) = look() else { panic!("the fast path answers") };
    assert_eq!(entry.body.expose(), text.expose());
    hub.set_enabled("a", false).await.expect("disabled");
    assert!(matches!(look(), Lookup::Miss), "disabling bites at once");
    hub.set_enabled("a", true).await.expect("enabled");
    assert!(matches!(look(), Lookup::Miss), "a new version has a new credential");
    let error = hub.tool("a", one(), "kubectl", &target).await.expect_err("no such form");
    assert!(error.message().contains("possible: acme"), "{error}");
}

#[tokio::test]
async fn clients_are_made_by_name_and_a_wrong_type_lists_the_possible_ones() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "clients").await;
    let client: Client = hub.client("a", one()).await.expect("built");
    assert!(client.call().await.expect("issued").ends_with("one::read"));
    let error = hub.client::<String>("a", one()).await.expect_err("no such client");
    assert!(error.message().contains("Client"), "{error}");
    let typed = hub.resource::<Box>("a", "box:two").await.expect("a handle");
    let client: Client = typed.client().await.expect("built");
    assert!(client.call().await.expect("issued").ends_with("two::read"));
}

#[tokio::test]
async fn explain_says_what_bounds_the_life_and_what_is_cached() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "a", "explain").await;
    let before = cloud("explain").logins();
    let explained = hub.explain("a", one().with_duration(Duration::from_secs(120))).await.expect("explained");
    assert_eq!(cloud("explain").logins(), before, "nothing is minted");
    let decisive: Vec<_> = explained.lifetime.iter().filter(|it| it.decides).map(|it| it.by).collect();
    assert_eq!(decisive, ["asked"]);
    let error = hub.explain("a", one().with_duration(Duration::from_secs(1))).await.expect_err("too short");
    assert_eq!(error.field_problems()[0].field, "duration");
}

/// The clock's time without the trait in every test's imports.
trait Here {
    fn now_here(&self) -> std::time::SystemTime;
}

impl Here for VirtualClock {
    fn now_here(&self) -> std::time::SystemTime {
        connector_core::Clock::now(self)
    }
}
