use std::collections::BTreeSet;

use connector_core::Document;
use proptest::prelude::{ProptestConfig as Config, *};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::*;

struct World {
    directory: tempfile::TempDir,
    cache: Cache,
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn document(name: &str, version: u64) -> Document {
    let mut document = Document::draft(name, "aws", "iam-role", serde_json::Map::new());
    document.id = format!("id-of-{name}");
    document.version = version;
    document
}

fn target() -> Digest {
    Digest::of(["helper aws", "one"])
}

fn entry_key() -> Digest {
    Digest::of(["all that shaped it"])
}

/// For which all wait ten seconds before it ends.
fn entry(body: &str, refresh_at: u64, expires_at: u64) -> Entry {
    Entry {
        body: body.into(),
        origin: entry_key(),
        born: at(0),
        refresh_at: at(refresh_at),
        wait_at: at(expires_at - 10),
        expires_at: at(expires_at),
    }
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { cache: Cache::new(directory.path()).with_wait(Duration::from_millis(20)), directory }
    }

    /// Two connectors, one of which takes its identity from the other, and a credential that ends at 100.
    fn filled() -> Self {
        let world = Self::new();
        world.index(&document("one", 3));
        world.index(&document("base", 7));
        world.put(&[("one", 3), ("base", 7)]);
        assert!(world.cache.link(&dependency("one", 3), &target(), &entry_key()).expect("linked"));
        world
    }

    fn index(&self, document: &Document) {
        Index::of(document).write(self.cache.directory()).expect("written");
    }

    /// Writes a new line of the index and keeps the targets of the old one.
    fn reindex(&self, document: &Document) {
        let mut index = Index::of(document);
        index.targets = Index::read(self.cache.directory(), &document.name).expect("there").targets;
        index.write(self.cache.directory()).expect("written");
    }

    fn put(&self, dependencies: &[(&str, u64)]) {
        let dependencies: Vec<_> = dependencies.iter().map(|it| dependency(it.0, it.1)).collect();
        let entry = entry("{\"canary\":1}", 50, 100);
        self.cache.put(&entry_key(), &dependencies, &entry, at(0)).expect("put");
    }

    fn found(&self, now: u64) -> &'static str {
        match lookup(self.directory.path(), "one", &target(), at(now)) {
            Lookup::Hit(entry) if entry.body.expose() == "{\"canary\":1}" => "hit",
            Lookup::Stale(entry) if entry.expires_at == at(100) => "stale",
            Lookup::Miss => "miss",
            other => panic!("{other:?}"),
        }
    }

    fn found_any(&self, now: u64) -> bool {
        lookup(self.directory.path(), "one", &target(), at(now)).usable().is_some()
    }

    fn entry_path(&self) -> std::path::PathBuf {
        entry::path(self.cache.directory(), entry_key().as_str())
    }
}

fn dependency(name: &str, version: u64) -> Dependency {
    Dependency::from(&document(name, version))
}

#[test]
fn c26_an_entry_is_fresh_then_stale_then_gone() {
    let world = World::filled();
    let found: Vec<_> = [0, 49, 50, 99, 100, 1000].map(|now| world.found(now)).into();
    assert_eq!(found, ["hit", "hit", "stale", "stale", "miss", "miss"]);
    assert!(matches!(lookup(world.directory.path(), "two", &target(), at(0)), Lookup::Miss));
    assert!(matches!(lookup(world.directory.path(), "one", &entry_key(), at(0)), Lookup::Miss));
}

#[test]
fn c14_every_change_of_a_connector_or_of_what_it_depends_on_bites() {
    type Change = fn(&World);
    let changes: [(&str, Change); 9] = [
        ("disabled", |it| it.reindex(&Document { enabled: false, ..document("one", 3) })),
        ("past its end", |it| it.reindex(&Document { expires_at: Some(at(0)), ..document("one", 3) })),
        ("another version", |it| it.reindex(&document("one", 4))),
        ("another connector of that name", |it| {
            it.reindex(&Document { id: "x".into(), ..document("one", 3) })
        }),
        ("deleted", |it| Index::remove(it.cache.directory(), "one").expect("removed")),
        ("base disabled", |it| it.reindex(&Document { enabled: false, ..document("base", 7) })),
        ("base past its end", |it| it.reindex(&Document { expires_at: Some(at(1)), ..document("base", 7) })),
        ("base changed", |it| it.reindex(&document("base", 8))),
        ("base deleted", |it| Index::remove(it.cache.directory(), "base").expect("removed")),
    ];
    for (why, change) in changes {
        let world = World::filled();
        assert_eq!(world.found(1), "hit");
        change(&world);
        assert_eq!(world.found(1), "miss", "{why}");
    }
}

#[test]
fn c14_an_entry_of_an_older_version_is_not_used_however_late_it_was_written() {
    let world = World::filled();
    world.index(&document("one", 4));
    // A process that fetched for version 3 comes late.
    world.put(&[("one", 3), ("base", 7)]);
    assert!(!world.cache.link(&dependency("one", 3), &target(), &entry_key()).expect("asked"), "refused");
    assert_eq!(world.found(1), "miss");
    // Even when the index points at it.
    assert!(world.cache.link(&dependency("one", 4), &target(), &entry_key()).expect("linked"));
    assert_eq!(world.found(1), "miss");
    // And an entry that does not say that it depends on its own connector is nobody's.
    world.put(&[("base", 7)]);
    assert_eq!(world.found(1), "miss");
    world.put(&[("base", 7), ("one", 4)]);
    assert_eq!(world.found(1), "hit");
}

#[test]
fn c2_a_damaged_file_is_a_miss_and_never_a_panic() {
    let world = World::filled();
    for path in [world.entry_path(), entry::key_path(world.cache.directory())] {
        let whole = std::fs::read(&path).expect("read");
        for index in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[index] ^= 0x41;
            std::fs::write(&path, flipped).expect("written");
            assert_eq!(world.found(1), "miss", "{} byte {index}", path.display());
            std::fs::write(&path, &whole[..index]).expect("written");
            assert_eq!(world.found(1), "miss", "{} cut at {index}", path.display());
        }
        std::fs::write(&path, &whole).expect("written");
        assert_eq!(world.found(1), "hit");
    }
    for garbage in ["", "{", "[]", "null", "{\"format\":2}"] {
        let world = World::filled();
        for file in std::fs::read_dir(index::directory(world.cache.directory())).expect("listed") {
            std::fs::write(file.expect("a file").path(), garbage).expect("written");
        }
        assert_eq!(world.found(1), "miss", "{garbage}");
    }
}

#[test]
fn entries_are_sealed_and_bound_to_their_key() {
    let world = World::filled();
    let content = std::fs::read(world.entry_path()).expect("read");
    assert!(!content.windows(6).any(|it| it == b"canary"));
    let other = Digest::of(["another"]);
    std::fs::rename(world.entry_path(), entry::path(world.cache.directory(), other.as_str())).expect("moved");
    assert!(world.cache.link(&dependency("one", 3), &target(), &other).expect("linked"));
    assert_eq!(world.found(1), "miss");
}

#[test]
fn get_wants_the_very_dependencies() {
    let world = World::filled();
    let get = |of: &[Dependency]| world.cache.get(&entry_key(), of, at(1)).usable().is_some();
    assert!(get(&[dependency("one", 3), dependency("base", 7)]));
    assert!(!get(&[dependency("one", 3)]));
    assert!(!get(&[dependency("one", 3), dependency("base", 8)]));
}

#[test]
fn clearing_makes_old_entries_unreadable_and_drop_forgets_one_connector() {
    let world = World::filled();
    let kept = std::fs::read(world.entry_path()).expect("read");
    world.cache.clear().expect("cleared");
    assert_eq!(world.found(1), "miss");
    world.index(&document("one", 3));
    world.index(&document("base", 7));
    world.put(&[("one", 3), ("base", 7)]);
    world.cache.link(&dependency("one", 3), &target(), &entry_key()).expect("linked");
    assert_eq!(world.found(1), "hit");
    std::fs::write(world.entry_path(), kept).expect("put back");
    assert_eq!(world.found(1), "miss", "there is a new key");

    let world = World::filled();
    world.cache.drop_connector("base").expect("dropped");
    assert!(!world.entry_path().exists(), "what depended on it is gone");
    assert_eq!(world.found(1), "miss");
}

/// However many live for long: what has ended among them is found by and by, and so is what a process left behind that
/// died while it wrote.
#[test]
fn what_has_ended_is_swept_from_between_what_has_not() {
    let world = World::new();
    world.index(&document("one", 3));
    let keys =
        (0..).map(|it| Digest::of([it.to_string().as_str()])).filter(|it| it.as_str().starts_with('a'));
    let keys: Vec<Digest> = keys.take(50).collect();
    let put = |key: &Digest, expires_at, now| {
        let depends = [dependency("one", 3)];
        world.cache.put(key, &depends, &entry("a canary", 20, expires_at), at(now)).expect("written");
    };
    for (place, key) in keys.iter().enumerate() {
        put(key, if place % 2 == 0 { 100 } else { 1_000_000 }, 0);
    }
    let directory = world.cache.directory().join("entries");
    let staged = |name: &str, changed| {
        let file = std::fs::File::create(directory.join(name)).expect("made");
        file.set_modified(at(changed)).expect("set");
    };
    staged(".left.tmp", 0);
    staged(".just-now.tmp", 7000);
    for now in 7200..7210 {
        put(&keys[1], 1_000_000, now);
    }
    let left: BTreeSet<String> = std::fs::read_dir(&directory)
        .expect("there")
        .flatten()
        .map(|it| it.file_name().into_string().expect("text"))
        .collect();
    let live = keys.iter().skip(1).step_by(2).map(ToString::to_string);
    assert_eq!(left, live.chain([".just-now.tmp".to_owned()]).collect());
}

#[test]
fn what_is_too_large_is_left_out_and_what_has_ended_is_swept() {
    let world = World::filled();
    let large = entry(&"x".repeat(65 * 1024), 50, 100);
    let key = Digest::of(["large"]);
    world.cache.put(&key, &[dependency("one", 3)], &large, at(0)).expect("no error");
    assert!(world.cache.get(&key, &[dependency("one", 3)], at(0)).usable().is_none());
    assert!(world.entry_path().exists());
    // Any entry with the same first digit sweeps it once it has ended.
    let small = entry("y", 500, 600);
    let first = &entry_key().as_str()[..1].to_owned();
    let neighbour = (0..).map(|it| Digest::of([&*it.to_string()])).find(|it| it.as_str().starts_with(first));
    world.cache.put(&neighbour.expect("one of sixteen"), &[], &small, at(100)).expect("put");
    assert!(!world.entry_path().exists());
}

#[test]
fn targets_of_one_connector_are_bounded() {
    let world = World::filled();
    for number in 0..300 {
        let target = Digest::of(["target", &number.to_string()]);
        assert!(world.cache.link(&dependency("one", 3), &target, &entry_key()).expect("linked"));
    }
    let index = Index::read(world.cache.directory(), "one").expect("still readable");
    assert_eq!(index.targets.len(), 256);
}

#[test]
fn one_flight_at_a_time_and_none_outlives_its_holder() {
    let world = World::new();
    let flight = world.cache.flight(&entry_key()).expect("no fault").expect("free");
    assert!(world.cache.flight(&entry_key()).expect("no fault").is_none());
    assert!(world.cache.flight(&target()).expect("no fault").is_some(), "another credential flies by itself");
    drop(flight);
    assert!(world.cache.flight(&entry_key()).expect("no fault").is_some());
}

#[test]
fn flights_never_overlap() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let world = World::new();
    let (flying, most, flown) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let flight = loop {
                        match world.cache.flight(&entry_key()).expect("no fault") {
                            Some(flight) => break flight,
                            None => std::thread::yield_now(),
                        }
                    };
                    most.fetch_max(flying.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    flying.fetch_sub(1, Ordering::SeqCst);
                    flown.fetch_add(1, Ordering::SeqCst);
                    drop(flight);
                }
            });
        }
    });
    assert_eq!((most.into_inner(), flown.into_inner()), (1, 200));
}

#[test]
fn the_index_waits_for_the_lock_and_gives_up() {
    let world = World::filled();
    let _held = crate::lock::Lock::try_new(&crate::lock_path(world.directory.path())).expect("no fault");
    let error = world.cache.clear().expect_err("locked");
    assert!(error.message().contains("locked") && error.is_transient(), "{error:?}");
    assert_eq!(world.found(1), "hit", "reading needs no lock");
}

/// C26: what was counted with a clock that was set back, or is one of the future's, is nobody's, and is replaced.
#[test]
fn c26_an_entry_of_a_clock_that_was_set_back_is_not_used() {
    let world = World::new();
    world.index(&document("one", 3));
    let own = [dependency("one", 3)];
    let put = |born: u64| {
        let entry = Entry { born: at(born), ..entry("{\"canary\":1}", born + 50, born + 100) };
        world.cache.put(&entry_key(), &own, &entry, at(born)).expect("put");
        world.cache.link(&own[0], &target(), &entry_key()).expect("linked");
    };
    put(1000);
    let found: Vec<_> = [0, 939, 940, 999, 1000].map(|now| world.found_any(now)).into();
    assert_eq!(found, [false, false, true, true, true]);
    // A day ahead, and back: it does not live for a day.
    put(86_400 + 1000);
    assert!(!world.found_any(1000));
    put(1000);
    assert!(world.found_any(1000) && !world.found_any(1100));
}

/// C2: what a later version wrote, another cache, or another connector's entry in its place, is ignored and replaced.
#[test]
fn c2_foreign_and_future_entries_are_ignored_and_replaced() {
    let other = World::filled();
    let foreign = std::fs::read(other.entry_path()).expect("read");
    type Spoil = fn(&[u8]) -> Vec<u8>;
    let spoils: [(&str, Spoil); 4] = [
        ("of a later version", |it| replaced(it, "\"format\":2", "\"format\":3")),
        ("of the version before", |it| replaced(it, "\"format\":2", "\"format\":1")),
        ("with another end", |it| replaced(it, "\"expires_at\":100", "\"expires_at\":900")),
        ("with another version of its connector", |it| replaced(it, "\"version\":3", "\"version\":4")),
    ];
    for (why, spoil) in spoils {
        let world = World::filled();
        let spoiled = spoil(&std::fs::read(world.entry_path()).expect("read"));
        std::fs::write(world.entry_path(), spoiled).expect("written");
        assert_eq!(world.found(1), "miss", "{why}");
        let wanted = [dependency("one", 3), dependency("base", 7)];
        assert!(matches!(world.cache.get(&entry_key(), &wanted, at(1)), Lookup::Miss), "{why}");
        world.put(&[("one", 3), ("base", 7)]);
        assert_eq!(world.found(1), "hit", "{why}: replaced");
    }
    let world = World::filled();
    std::fs::write(world.entry_path(), foreign).expect("written");
    assert_eq!(world.found(1), "miss", "of another cache, with another key");
}

fn replaced(content: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = content.windows(from.len()).position(|it| it == from.as_bytes()).expect("it is in the header");
    [&content[..at], to.as_bytes(), &content[at + from.len()..]].concat()
}

#[test]
fn a_late_entry_of_a_connector_that_was_changed_is_not_left_on_the_disk() {
    let world = World::filled();
    world.reindex(&document("base", 8));
    world.cache.purge(&["id-of-base".to_owned()].into()).expect("purged");
    assert!(!world.entry_path().exists());
    world.put(&[("one", 3), ("base", 7)]);
    assert!(!world.entry_path().exists(), "fetched before the change, and written after it");
    world.put(&[("one", 3), ("base", 8)]);
    assert!(world.entry_path().exists());
    world.cache.purge(&["id-of-somebody".to_owned()].into()).expect("purged");
    assert!(world.entry_path().exists(), "somebody else's stays");
}

fn fault(seconds: u64, error: connector_core::Error) -> Fault {
    Fault::after(None, error, at(seconds), Duration::from_secs(1000))
}

#[test]
fn what_failed_is_told_to_other_processes_until_one_succeeds() {
    use connector_core::Error;
    let world = World::filled();
    let error = Error::refused("no").with_hint("ask").with_connector("one").with_cause("because");
    world.cache.note_fault(&entry_key(), &fault(60, error), at(60)).expect("noted");
    let read = world.cache.fault_of(&entry_key()).expect("there");
    assert_eq!((read.error.to_string(), read.error.hint()), ("no: because".to_owned(), Some("ask")));
    assert_eq!((read.error.connector(), read.error.is_transient(), read.failures), (Some("one"), false, 1));
    let paused: Vec<_> =
        [0, 59, 60, 74, 75].map(|now| (read.is_paused(at(now)), read.denies(at(now)))).into();
    let (no, yes) = ((false, false), (true, true));
    assert_eq!(paused, [no, no, yes, yes, no], "also on a clock that was set back");
    // Each failure in a row doubles the pause.
    let again = Fault::after(Some(read), Error::unreachable("down"), at(80), Duration::from_secs(1000));
    world.cache.note_fault(&entry_key(), &again, at(80)).expect("noted");
    let read = world.cache.fault_of(&entry_key()).expect("there");
    assert_eq!((read.failures, read.pause, read.denies(at(80))), (2, Duration::from_secs(30), false));
    assert!(read.is_paused(at(109)) && !read.is_paused(at(110)));

    world.cache.forget_fault(&entry_key());
    assert!(world.cache.fault_of(&entry_key()).is_none());
    // It is sealed, and bound to what it is about.
    world.cache.note_fault(&entry_key(), &again, at(80)).expect("noted");
    let path = fault::path(world.cache.directory(), entry_key().as_str());
    let sealed = std::fs::read(&path).expect("there");
    assert!(!sealed.windows(4).any(|it| it == b"down"));
    std::fs::copy(&path, fault::path(world.cache.directory(), target().as_str())).expect("copied");
    assert!(world.cache.fault_of(&target()).is_none());
    for cut in 0..sealed.len() {
        std::fs::write(&path, &sealed[..cut]).expect("written");
        assert!(world.cache.fault_of(&entry_key()).is_none());
    }
    std::fs::write(&path, &sealed).expect("written");
    assert!(world.cache.fault_of(&entry_key()).is_some());
    world.cache.clear().expect("cleared");
    assert!(!path.exists());
}

#[test]
fn who_comes_while_one_renews_or_after_it_failed_keeps_what_is_good() {
    let world = World::filled();
    let kept = |now: u64| {
        let Lookup::Stale(entry) = lookup(world.directory.path(), "one", &target(), at(now)) else {
            panic!("it is to be renewed")
        };
        match kept(world.directory.path(), &entry, at(now)) {
            Some(Kept::Renewing) => "renewing",
            Some(Kept::Failed(_)) => "failed",
            None => "mine",
        }
    };
    assert_eq!(kept(60), "mine");
    let flight = world.cache.flight(&entry_key()).expect("no fault").expect("free");
    assert_eq!([kept(60), kept(89), kept(90)], ["renewing", "renewing", "mine"], "at last all wait");
    drop(flight);
    assert_eq!(kept(60), "mine");
    // A process that died left its file, and nobody has the lock.
    let left = world.cache.directory().join("flights").join(entry_key().as_str());
    std::fs::write(left, "").expect("written");
    assert_eq!(kept(60), "mine");
    let down = connector_core::Error::unreachable("down");
    world.cache.note_fault(&entry_key(), &fault(60, down), at(60)).expect("noted");
    assert_eq!([kept(60), kept(74), kept(75), kept(95)], ["failed", "failed", "mine", "mine"]);
}

#[test]
fn digests_are_safe_names_and_tell_parts_apart() {
    assert_ne!(Digest::of(["ab", "c"]), Digest::of(["a", "bc"]));
    let digest = Digest::of(["x"]);
    assert_eq!(Digest::parse(digest.as_str()).as_ref(), Some(&digest));
    for text in ["", "../../etc/passwd", &"G".repeat(64), &"A".repeat(64), &"a".repeat(63)] {
        assert_eq!(Digest::parse(text), None, "{text}");
    }
}

/// C28: whatever stands in the index, in an entry or in the key's file, a lookup is answered from the one entry that
/// was put there, or not at all.
#[test]
fn c28_any_content_of_a_file_is_answered() {
    let world = World::filled();
    let cache = world.directory.path().join("cache");
    let file = |directory: &str| {
        let mut files =
            std::fs::read_dir(cache.join(directory)).expect("there").map(|it| it.expect("read").path());
        files.next().expect("one")
    };
    let (index, entry, key) = (file("index"), file("entries"), cache.join("key"));
    let good_body = lookup(world.directory.path(), "one", &target(), at(1)).usable().map(|it| it.body);
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[{}\\[\\]\":,a-z0-9]{0,120}".prop_map(String::into_bytes),
        // A header that says it is longer than the file.
        (any::<u32>(), "\\PC{0,40}")
            .prop_map(|(length, text)| [&length.to_le_bytes()[..], text.as_bytes()].concat()),
    ];
    TestRunner::new_with_rng(config, rng)
        .run(&(bytes, 0..3_usize, any::<proptest::sample::Index>()), |(bytes, which, cut)| {
            let path = [&index, &entry, &key][which];
            let good = std::fs::read(path).expect("read");
            for spoiled in [bytes.clone(), [&good[..cut.index(good.len())], &bytes].concat()] {
                std::fs::write(path, spoiled).expect("written");
                let found = lookup(world.directory.path(), "one", &target(), at(1)).usable();
                let body = found.as_ref().map(|it| it.body.expose());
                prop_assert!(body.is_none() || body == good_body.as_ref().map(Secret::expose));
            }
            std::fs::write(path, good).expect("written");
            Ok(())
        })
        .expect("an answer, whatever it is");
}

/// C28: a file beyond its limit is not read to its end.
#[test]
fn c28_a_huge_file_is_a_miss() {
    let world = World::filled();
    let cache = world.directory.path().join("cache");
    for directory in ["index", "entries"] {
        for file in std::fs::read_dir(cache.join(directory)).expect("there") {
            let file =
                std::fs::OpenOptions::new().write(true).open(file.expect("read").path()).expect("opened");
            file.set_len(1 << 40).expect("a file with a hole");
        }
        let found = lookup(world.directory.path(), "one", &target(), at(1));
        assert!(matches!(found, Lookup::Miss), "{found:?}");
    }
}
