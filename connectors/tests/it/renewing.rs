//! One credential for several processes: who renews it, and what the others do meanwhile and when that fails.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connector_core::{Clock, Document, Envelope, ErrorKind, Grant, VirtualClock};
use connector_store::{Digest, Lookup, fast};
use connectors::hub::{CacheState, Changes, Draft, Hub, Registration};
use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::Barrier;

use crate::acme::{cloud, hub, hub_of, register};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn one() -> Grant {
    Grant::new("acme-box", "box:one")
}

/// Two processes with one store, and a connector whose credentials live for an hour.
struct World {
    home: tempfile::TempDir,
    clock: VirtualClock,
    here: Hub,
    there: Hub,
    cloud: Arc<crate::acme::Cloud>,
}

impl World {
    async fn new(account: &str) -> Self {
        let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
        let (here, there) = (hub(home.path(), &clock).await, hub(home.path(), &clock).await);
        register(&here, "a", account).await;
        Self { home, clock, here, there, cloud: cloud(account) }
    }

    fn entries(&self) -> usize {
        std::fs::read_dir(self.home.path().join("cache/entries")).map_or(0, Iterator::count)
    }

    async fn tool(&self, hub: &Hub) -> connector_core::Result<String> {
        let target = Digest::of(["acme", "one"]);
        hub.tool("a", one(), "acme", &target).await.map(|it| it.expose().to_owned())
    }
}

fn end(envelope: &Envelope) -> SystemTime {
    envelope.expiry.at().expect("it ends")
}

/// What is sealed is renewed by the same rules as what is held: 50 to 80 % of its life, and all wait from 5 % before its
/// end.
#[tokio::test]
async fn s32_the_sealed_cache_has_the_windows_of_the_cell() {
    let world = World::new("windows").await;
    let mut seen = Vec::new();
    for life in [120, 900, 3600, 7200] {
        let grant = one().with_duration(Duration::from_secs(life));
        let began = world.clock.now();
        world.here.issue("a", grant.clone()).await.expect("issued");
        let explained = world.here.explain("a", grant).await.expect("explained");
        let CacheState::Held { refresh_at, expires_at, .. } = explained.cache else { panic!("it is cached") };
        let soft = refresh_at.duration_since(began).expect("later").as_secs();
        assert!((life / 2..=life * 4 / 5).contains(&soft), "{soft} of {life}");
        assert_eq!(expires_at, began + Duration::from_secs(life));
        seen.push(soft);
    }
    assert_eq!(world.cloud.logins(), 1 + seen.len());
}

#[tokio::test]
async fn s32_while_there_is_time_one_process_renews_and_the_others_go_on() {
    let world = World::new("soft").await;
    let first = end(&world.here.issue("a", one()).await.expect("issued"));
    world.clock.advance(49 * MINUTE);
    let barrier = Arc::new(Barrier::new(2));
    *world.cloud.barrier.lock().expect("not poisoned") = Some(Arc::clone(&barrier));
    let before = world.cloud.logins();
    let others = async {
        while world.cloud.logins() == before {
            tokio::task::yield_now().await;
        }
        // No clock moves, so whoever waited would wait for ever.
        for hub in [&world.there, &world.here, &world.there] {
            assert_eq!(end(&hub.issue("a", one()).await.expect("at once")), first);
        }
        barrier.wait().await;
    };
    let (renewed, ()) = tokio::join!(world.here.issue("a", one()), others);
    assert!(end(&renewed.expect("renewed")) > first);
    assert!(end(&world.there.issue("a", one()).await.expect("cached")) > first);
    assert_eq!(world.cloud.logins(), before + 1);
}

/// A provider that fails costs one attempt per pause, whoever asks, and everybody is told; until the real end.
#[tokio::test]
async fn s32_a_renewal_that_fails_is_paused_for_all_processes_and_told() {
    let world = World::new("paused").await;
    let first = end(&world.here.issue("a", one()).await.expect("issued"));
    world.cloud.refuse(true);
    world.clock.advance(49 * MINUTE);
    let before = world.cloud.logins();
    for (wait, tries) in [(0, 1), (14, 1), (1, 2), (29, 2), (1, 3), (30, 3)] {
        world.clock.advance(Duration::from_secs(wait));
        // A process that has just begun knows it from the cache alone.
        let fresh = hub(world.home.path(), &world.clock).await;
        for hub in [&world.there, &world.here, &fresh] {
            assert_eq!(end(&hub.issue("a", one()).await.expect("good still")), first);
            let notices = hub.notices();
            assert_eq!(notices.len(), 1, "{notices:?}");
            let is_first = wait == 0 || std::ptr::eq(hub, &fresh);
            assert_eq!(hub.news().len(), usize::from(is_first), "each process tells it once, {wait} s later");
            let text = notices[0].to_string();
            assert!(
                text.contains("connector `a`: the credential ends at") && text.contains("the key is wrong"),
                "{text}"
            );
        }
        assert_eq!(world.cloud.logins() - before, tries, "{wait} s later");
    }
    world.cloud.refuse(false);
    world.clock.advance(5 * MINUTE);
    let second = end(&world.there.issue("a", one()).await.expect("renewed"));
    assert!(second > first && world.there.notices().is_empty());
    assert!(end(&world.here.issue("a", one()).await.expect("cached")) > first);
    assert!(world.here.notices().is_empty(), "over, also for who did not renew it");

    // The next one is another story, of which a host that waits for it hears.
    while world.here.noticed().now_or_never().is_some() {}
    world.cloud.refuse(true);
    world.clock.advance(49 * MINUTE);
    world.here.issue("a", one()).await.expect("good still");
    assert!(world.here.noticed().now_or_never().is_some());
    assert_eq!((world.here.news().len(), world.here.news().len()), (1, 0));
}

/// What an id means that says it in part is asked once for each credential, by whichever process; while its provider does
/// not answer, what is good is handed on all the same, with a notice, and the failed attempts are apart.
#[tokio::test]
async fn s32_c26_what_a_partial_id_meant_is_remembered_with_its_credential() {
    let world = World::new("partial").await;
    let partial = || Grant::new("acme-box", "#1");
    let lookups = || world.cloud.lookups.load(std::sync::atomic::Ordering::SeqCst);
    let first = world.here.issue("a", partial()).await.expect("issued");
    assert_eq!((first.resource_id.as_str(), lookups()), ("box:one", 1));
    for hub in [&world.there, &world.here] {
        assert_eq!(end(&hub.issue("a", partial()).await.expect("cached")), end(&first));
    }
    assert_eq!(end(&world.there.issue("a", one()).await.expect("the same box")), end(&first));
    assert_eq!(lookups(), 1);

    world.cloud.go_down(true);
    world.clock.advance(49 * MINUTE);
    let target = Digest::of(["acme", "#1"]);
    let calls = world.cloud.logins();
    for hub in [&world.there, &world.here, &world.there] {
        hub.tool("a", partial(), "acme", &target).await.expect("good still");
        assert_eq!(end(&hub.issue("a", partial()).await.expect("good still")), end(&first));
        assert_eq!(hub.notices().len(), 1, "it is told");
    }
    assert_eq!(world.cloud.logins() - calls, 1, "attempts");
    world.clock.advance(11 * MINUTE);
    for hub in [&world.there, &world.here] {
        assert_eq!(hub.issue("a", partial()).await.expect_err("it has ended").kind(), ErrorKind::Unreachable);
    }

    world.cloud.go_down(false);
    world.clock.advance(MINUTE);
    let before = lookups();
    assert!(end(&world.there.issue("a", partial()).await.expect("issued")) > end(&first));
    assert_eq!(lookups(), before + 1);
    // Another version asks again: it may be of another account.
    let mut changes = Changes::default();
    changes.description = Some("other".into());
    world.here.update("a", changes, false, false).await.expect("changed");
    world.there.issue("a", partial()).await.expect("issued");
    assert_eq!(lookups(), before + 2);
}

/// Up to the last second it is served, and not beyond; then the error says what ended, to who held it and to who did not.
#[tokio::test]
async fn s32_c26_after_the_end_the_error_says_that_and_why() {
    let world = World::new("ended").await;
    world.here.issue("a", one()).await.expect("issued");
    world.cloud.refuse(true);
    world.clock.advance(HOUR - Duration::from_secs(1));
    for hub in [&world.here, &world.there] {
        hub.issue("a", one()).await.expect("a second is left");
    }
    world.clock.advance(Duration::from_secs(1));
    for hub in [&world.there, &world.here] {
        let error = hub.issue("a", one()).await.expect_err("it has ended");
        assert_eq!(error.kind(), ErrorKind::Refused);
        let text = error.to_string();
        assert!(
            text.starts_with("the credential ended at 2026-01-01T01:00:00Z, and there is no next one: "),
            "{text}"
        );
        assert!(text.ends_with("the key is wrong"), "{text}");
    }
}

/// A renewal that takes until after the end, and fails.
#[tokio::test]
async fn c26_what_ended_while_it_was_renewed_is_not_handed_out() {
    let world = World::new("slow").await;
    world.here.issue("a", one()).await.expect("issued");
    world.clock.advance(HOUR - Duration::from_secs(10));
    world.cloud.refuse(true);
    let barrier = Arc::new(Barrier::new(2));
    *world.cloud.barrier.lock().expect("not poisoned") = Some(Arc::clone(&barrier));
    let before = world.cloud.logins();
    let time = async {
        while world.cloud.logins() == before {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(10));
        barrier.wait().await;
    };
    let (answer, ()) = tokio::join!(world.there.issue("a", one()), time);
    assert_eq!(answer.expect_err("it has ended").kind(), ErrorKind::Refused);
}

/// A wrong permission does not hammer its provider: tools are told at once for a moment. A person who asks is not, and
/// neither is anybody once the connector was changed.
#[tokio::test]
async fn a_refusal_is_remembered_for_tools_and_for_nobody_else() {
    let world = World::new("denied").await;
    world.cloud.refuse(true);
    let before = world.cloud.logins();
    for round in 0..10 {
        let fresh = hub(world.home.path(), &world.clock).await;
        for hub in [&world.here, &world.there, &fresh] {
            let error = world.tool(hub).await.expect_err("refused");
            assert_eq!((error.kind(), error.connector()), (ErrorKind::Refused, Some("a")), "{round}");
            assert!(error.message().contains("the key is wrong"), "{error}");
        }
    }
    assert_eq!(world.cloud.logins() - before, 1, "for thirty tools in three processes");
    let fresh = async || hub(world.home.path(), &world.clock).await;
    fresh().await.issue("a", one()).await.expect_err("it is tried");
    fresh().await.environment("a", one()).await.expect_err("it is tried");
    fresh().await.verify("a", one()).await.expect_err("it is tried");
    assert_eq!(world.cloud.logins() - before, 4);
    world.clock.advance(Duration::from_secs(15));
    world.tool(&fresh().await).await.expect_err("it is tried again");
    assert_eq!(world.cloud.logins() - before, 5);
    // A change ends it.
    let mut changes = Changes::default();
    changes.description = Some("mended".into());
    world.here.update("a", changes, false, false).await.expect("changed");
    world.tool(&fresh().await).await.expect_err("another version");
    assert_eq!(world.cloud.logins() - before, 6);
    // And so does a success of somebody else.
    world.cloud.refuse(false);
    world.tool(&fresh().await).await.expect_err("not yet");
    fresh().await.issue("a", one()).await.expect("mended");
    world.tool(&fresh().await).await.expect("cached");
    assert_eq!(world.cloud.logins() - before, 7);
}

#[tokio::test]
async fn c26_a_clock_that_jumps_an_hour_back_or_a_day_forward_leaves_nothing_that_lives_on() {
    let world = World::new("jumps").await;
    let fresh = async || hub(world.home.path(), &world.clock).await;
    let issue = async || end(&fresh().await.issue("a", one()).await.expect("issued"));
    world.clock.advance(24 * HOUR);
    issue().await;
    let before = world.cloud.logins();
    for (by, jump) in [("an hour back", -3600_i64), ("a day forward", 86_400), ("a day back", -86_400)] {
        let now = world.clock.now();
        let far = Duration::from_secs(jump.unsigned_abs());
        world.clock.set(if jump < 0 { now - far } else { now + far });
        let left = issue().await.duration_since(world.clock.now()).expect("it lives");
        assert!(left <= HOUR, "{by}: {left:?}");
        issue().await;
    }
    assert_eq!(world.cloud.logins() - before, 3, "one each");
    // What failed before a jump is not left alone for longer.
    world.clock.advance(50 * MINUTE);
    world.cloud.refuse(true);
    issue().await;
    world.cloud.refuse(false);
    world.clock.set(world.clock.now() - MINUTE / 2);
    let tries = world.cloud.logins();
    issue().await;
    assert_eq!(world.cloud.logins(), tries + 1);
}

/// Without a cache everything works, and a process says once that it has none.
#[tokio::test]
async fn s32_a_cache_that_cannot_be_written_is_told_once() {
    let world = World::new("unwritable").await;
    std::fs::remove_dir_all(world.home.path().join("cache")).expect("removed");
    std::fs::write(world.home.path().join("cache"), "no directory").expect("written");
    for box_name in ["box:one", "box:two", "box:three"] {
        for hub in [&world.here, &world.there] {
            hub.issue("a", Grant::new("acme-box", box_name)).await.expect("issued");
        }
    }
    world.tool(&world.here).await.expect("issued");
    assert_eq!(world.cloud.logins(), 1 + 6, "each process for itself");
    for hub in [&world.here, &world.there] {
        let notices = hub.notices();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(
            notices[0].message.starts_with("nothing is cached, so that every credential is fetched anew")
        );
        assert!(notices[0].hint.is_some());
    }
    // And changes bite.
    world.here.set_enabled("a", false).await.expect("disabled");
    assert_eq!(world.there.issue("a", one()).await.expect_err("disabled").kind(), ErrorKind::Disabled);
}

/// S38: nothing is left on the disk of a connector that was changed, disabled, deleted, or is past its end.
#[tokio::test]
async fn s38_what_is_cached_goes_with_its_connector() {
    for change in ["update", "disable", "delete", "end"] {
        let world = World::new(&format!("purged-{change}")).await;
        if change == "end" {
            let mut changes = Changes::default();
            changes.expires_at = Some(Some(world.clock.now() + 10 * MINUTE));
            world.here.update("a", changes, false, false).await.expect("stored");
        }
        world.here.issue("a", one()).await.expect("issued");
        world.tool(&world.here).await.expect("issued");
        assert_eq!(world.entries(), 2);
        match change {
            "update" => {
                let mut changes = Changes::default();
                changes.description = Some("new".into());
                world.there.update("a", changes, false, false).await.expect("stored");
            }
            "disable" => drop(world.there.set_enabled("a", false).await.expect("disabled")),
            "delete" => drop(world.there.delete("a", false).await.expect("deleted")),
            _ => {
                world.clock.advance(10 * MINUTE);
                assert_eq!(
                    world.there.issue("a", one()).await.expect_err("ended").kind(),
                    ErrorKind::Expired
                );
            }
        }
        assert_eq!(world.entries(), 0, "{change}");
    }
}

/// kubernetes/cloud-provider-gcp#1122: a plugin went on with the token of the account before, after its user had switched
/// to another one. Who it is comes from the surroundings, so that the fast path, which does not look there, never
/// answers.
#[tokio::test]
async fn c27_a_switch_of_account_is_followed_as_in_cloud_provider_gcp_1122() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let of = async |user: &'static str| hub_of(home.path(), &clock, "ann", &[("ACME_USER", user)]).await;
    let config = json!({ "account": "switched" }).as_object().cloned().expect("a config is an object");
    let draft = Draft::new(Document::draft("a", "acme", "ambient", config));
    of("alice").await.register(draft, Registration::Unverified).await.expect("stored");
    let target = Digest::of(["acme", "one"]);
    for (user, logins) in [("alice", 1), ("alice", 1), ("bob", 2), ("alice", 2), ("bob", 2)] {
        let hub = of(user).await;
        for _ in 0..2 {
            let token = hub.tool("a", one(), "acme", &target).await.expect("issued");
            assert_eq!(token.expose(), format!("token of {user}"));
        }
        assert!(matches!(fast::lookup(home.path(), "a", &target, clock.now()), Lookup::Miss));
        assert_eq!(cloud("switched").logins(), logins, "{user}");
    }
}

/// awslabs/amazon-ecr-credential-helper#269: its cache was keyed by an access key id that was another one in each
/// session, and never hit. A session that is renewed by itself is the same version of the connector, and hits; a key
/// that its owner replaces is another one, and does not.
#[tokio::test]
async fn c27_a_renewed_session_hits_as_not_in_ecr_credential_helper_269() {
    let world = World::new("renewed").await;
    world.here.issue("a", one()).await.expect("issued");
    // The login is kept anew with each session.
    for name in ["box:two", "box:three"] {
        world.there.issue("a", Grant::new("acme-box", name)).await.expect("issued");
    }
    let before = world.cloud.logins();
    hub(world.home.path(), &world.clock).await.issue("a", one()).await.expect("cached");
    assert_eq!(world.cloud.logins(), before, "a hit");
    let mut changes = Changes::default();
    changes.config.insert("key".into(), Some(json!("another key")));
    world.there.update("a", changes, false, false).await.expect("stored");
    world.here.issue("a", one()).await.expect("issued");
    assert_eq!(world.cloud.logins(), before + 1, "a new key is a new credential");
}
