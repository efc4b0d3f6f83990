use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connector_core::{Access, Document};
use connector_store::{Dependency, Entry, Fault, Options, Store};

use super::*;

fn read(words: &str) -> Option<HelperCall> {
    HelperCall::read(words.split(' ').map(OsString::from))
}

#[test]
fn reads_the_exact_form_in_any_order_and_nothing_else() {
    let grant = Grant::new("s3-bucket", "s3://b").with_access(Access::Write);
    let grant = grant.with_duration(Duration::from_secs(900));
    let call = HelperCall { tool: "aws".into(), name: "prod".into(), grant };
    for words in [
        "helper aws prod --resource-type s3-bucket --resource-id s3://b --access write --duration 15m",
        "helper aws prod --duration=900 --access=write --resource-id=s3://b --resource-type=s3-bucket",
    ] {
        assert_eq!(read(words).as_ref(), Some(&call), "{words}");
    }
    assert_eq!(read("helper aws prod").map(|it| it.grant), Some(Grant::default()));
    for words in [
        "",
        "issue prod",
        "helper",
        "helper aws",
        "helper --help",
        "-v helper aws prod",
        "helper aws prod -o json",
        "helper aws prod extra",
        "helper aws prod --access",
        "helper aws prod --access some",
        "helper aws prod --duration soon",
        "helper aws prod --within",
        "helper aws prod --within=",
        "helper aws prod --within --access",
        "helper aws prod --within a --within b",
        "helper aws prod --other a",
    ] {
        assert_eq!(read(words), None, "{words}");
    }
}

/// Invariant 5: whatever shapes the answer is part of its name.
#[test]
fn targets_differ_by_everything_that_is_asked_and_by_whom() {
    let grant = || Grant::new("s3-bucket", "b");
    let targets = [
        target("aws", "ada", &Grant::default()),
        target("aws", "ada", &grant()),
        target("aws", "bob", &grant()),
        target("kubectl", "ada", &grant()),
        target("aws", "ada", &Grant::new("s3-bucket", "c")),
        target("aws", "ada", &Grant::new("secret", "b")),
        target("aws", "ada", &grant().with_within("logs/")),
        target("aws", "ada", &grant().with_within("")),
        target("aws", "ada", &grant().with_access(Access::Read)),
        target("aws", "ada", &grant().with_access(Access::Write)),
        target("aws", "ada", &grant().with_duration(Duration::from_secs(900))),
    ];
    assert_eq!(targets.iter().collect::<BTreeSet<_>>().len(), targets.len());
    assert_eq!(target("aws", "ada", &grant()), targets[1]);
}

const HOUR: Duration = Duration::from_secs(3600);

/// A store with one connector, and an answer for `helper aws prod` in its cache.
struct World {
    home: tempfile::TempDir,
    store: Store,
    now: SystemTime,
}

impl World {
    async fn new() -> (Self, Document) {
        let home = tempfile::tempdir().expect("a directory");
        let store = Store::open(Options::new(home.path())).await.expect("opened");
        let now = SystemTime::now();
        let draft = Document::draft("prod", "aws", "iam-role", serde_json::Map::new());
        let document = store.put_new(draft, BTreeMap::new(), now).await.expect("stored");
        let world = Self { home, store, now };
        world.cache(&document).await;
        (world, document)
    }

    /// Renewed from half an hour on, ended after an hour.
    async fn cache(&self, document: &Document) {
        let own = [Dependency::from(document)];
        let key = Digest::of(["entry", &document.version.to_string()]);
        let body = Secret::new(format!("answer {}", document.version));
        let entry = Entry {
            body,
            origin: key.clone(),
            born: self.now,
            refresh_at: self.now + HOUR / 2,
            wait_at: self.now + HOUR * 9 / 10,
            expires_at: self.now + HOUR,
        };
        self.store.cache().put(&key, &own, &entry, self.now).expect("cached");
        let target = target("aws", "ada", &Grant::default());
        assert!(self.store.link(&own[0], &own, &target, &key).await.expect("linked"));
    }

    fn answer(&self, caller: &str, after: Duration) -> Option<String> {
        let call = read("helper aws prod").expect("a helper call");
        let target = target(&call.tool, caller, &call.grant);
        from_cache(self.home.path(), &call.name, &target, self.now + after)
            .map(|form| form.expose().to_owned())
    }
}

#[tokio::test]
async fn answers_whom_it_is_for_until_it_should_be_renewed() {
    let (world, _) = World::new().await;
    assert_eq!(world.answer("ada", Duration::ZERO).as_deref(), Some("answer 1"));
    assert_eq!(world.answer("bob", Duration::ZERO), None);
    assert_eq!(world.answer("ada", HOUR / 2), None, "to be renewed");
    assert_eq!(world.answer("ada", HOUR), None, "ended");
}

/// While another process renews it, and after that failed, it is handed on: until its end and no longer.
#[tokio::test]
async fn answers_with_what_is_good_while_it_cannot_be_renewed() {
    let (world, document) = World::new().await;
    let origin = Digest::of(["entry", &document.version.to_string()]);
    let cache = world.store.cache();
    let flight = cache.flight(&origin).expect("no fault").expect("free");
    assert_eq!(world.answer("ada", HOUR / 2).as_deref(), Some("answer 1"), "another one renews it");
    assert_eq!(world.answer("ada", HOUR * 9 / 10), None, "all wait");
    drop(flight);
    let after = |minutes: u64| Duration::from_secs(minutes * 60);
    let now = world.now + after(40);
    let fault = Fault::after(None, connector_core::Error::unreachable("down"), now, after(20));
    cache.note_fault(&origin, &fault, now).expect("noted");
    assert_eq!(world.answer("ada", after(40)).as_deref(), Some("answer 1"));
    assert_eq!(world.answer("ada", after(41)), None, "the pause is over");
    let now = world.now + after(60) - Duration::from_secs(1);
    let fault =
        Fault::after(Some(fault), connector_core::Error::unreachable("down"), now, Duration::from_secs(1));
    cache.note_fault(&origin, &fault, now).expect("noted");
    assert_eq!(
        world.answer("ada", after(60) - Duration::from_secs(1)).as_deref(),
        Some("answer 1"),
        "a second is left"
    );
    assert_eq!(world.answer("ada", after(60)), None, "ended");
}

/// Invariant 11: a change bites at once.
#[tokio::test]
async fn a_changed_disabled_ended_or_deleted_connector_is_not_answered_for() {
    let (world, mut document) = World::new().await;
    document.description = Some("changed".into());
    let mut document = world.store.update(document, None, world.now).await.expect("changed");
    assert_eq!(world.answer("ada", Duration::ZERO), None, "changed");

    document.expires_at = Some(world.now + HOUR / 4);
    let mut document = world.store.update(document, None, world.now).await.expect("changed");
    world.cache(&document).await;
    assert_eq!(world.answer("ada", Duration::ZERO).as_deref(), Some("answer 3"));
    assert_eq!(world.answer("ada", HOUR / 4), None, "past the connector's own end");

    document.enabled = false;
    let mut document = world.store.update(document, None, world.now).await.expect("disabled");
    world.cache(&document).await;
    assert_eq!(
        world.answer("ada", Duration::ZERO),
        None,
        "disabled, though an entry for it was written late"
    );

    document.enabled = true;
    let document = world.store.update(document, None, world.now).await.expect("enabled");
    world.cache(&document).await;
    assert!(world.answer("ada", Duration::ZERO).is_some());
    world.store.delete("prod").await.expect("deleted");
    assert_eq!(world.answer("ada", Duration::ZERO), None, "deleted");
}
