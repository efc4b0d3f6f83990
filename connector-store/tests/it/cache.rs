use connector_store::{Dependency, Digest, Entry, Lookup, fast};

use super::*;

struct World {
    directory: tempfile::TempDir,
    store: Store,
    one: Document,
    base: Document,
}

fn target() -> Digest {
    Digest::of(["helper", "aws", "one"])
}

impl World {
    /// Two connectors and a cached credential that depends on both.
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(options(directory.path()).with_key(literal(1))).await.expect("opens");
        let (one, base) = (put(&store, "one").await, put(&store, "base").await);
        let world = Self { directory, store, one, base };
        assert!(world.link().await, "linked");
        assert!(world.hits());
        world
    }

    fn dependencies(&self) -> [Dependency; 2] {
        [Dependency::from(&self.one), Dependency::from(&self.base)]
    }

    /// What a process does that has fetched a credential for the documents it knows.
    async fn link(&self) -> bool {
        let key = Digest::of(["all that shaped it"]);
        let entry = Entry {
            body: "{}".into(),
            origin: key.clone(),
            born: at(0),
            refresh_at: at(50),
            wait_at: at(90),
            expires_at: at(100),
        };
        self.store.cache().put(&key, &self.dependencies(), &entry, at(0)).expect("put");
        let own = Dependency::from(&self.one);
        self.store.link(&own, &self.dependencies(), &target(), &key).await.expect("asked")
    }

    /// How many credentials lie on the disk.
    fn entries(&self) -> usize {
        std::fs::read_dir(self.directory.path().join("cache/entries")).map_or(0, Iterator::count)
    }

    fn hits(&self) -> bool {
        matches!(fast::lookup(self.directory.path(), "one", &target(), at(1)), Lookup::Hit(_))
    }
}

#[tokio::test]
async fn c14_a_change_bites_when_it_is_acknowledged_and_a_late_answer_is_not_used() {
    for change in ["disable", "disable base", "update", "update base", "rename", "delete", "delete base"] {
        let world = World::new().await;
        let disabled = |it: &Document| Document { enabled: false, ..it.clone() };
        let store = &world.store;
        match change {
            "disable" => drop(store.update(disabled(&world.one), None, at(9)).await.expect("done")),
            "disable base" => drop(store.update(disabled(&world.base), None, at(9)).await.expect("done")),
            "update" => drop(store.update(world.one.clone(), None, at(9)).await.expect("done")),
            "update base" => drop(store.update(world.base.clone(), None, at(9)).await.expect("done")),
            "rename" => drop(store.rename("base", "other", at(9)).await.expect("done")),
            "delete" => drop(store.delete("one").await.expect("done")),
            _ => drop(store.delete("base").await.expect("done")),
        }
        assert!(!world.hits(), "{change}");
        assert_eq!(world.entries(), 0, "{change}: it is gone from the disk");
        assert!(!world.link().await, "{change}: what was fetched for the old version is refused");
        assert!(!world.hits(), "{change}");
    }
}

/// The cache's own key is not made from the master key, so that helpers need no passphrase; what lies there goes with
/// the master key all the same, and with whatever else clears it.
#[tokio::test]
async fn c5_nothing_cached_outlives_the_master_key() {
    let world = World::new().await;
    let key = world.directory.path().join("cache/key");
    let before = std::fs::read(&key).expect("there");
    let entries = world.directory.path().join("cache/entries");
    let saved: Vec<_> = std::fs::read_dir(&entries)
        .expect("listed")
        .map(|it| it.expect("a file").path())
        .map(|path| (std::fs::read(&path).expect("read"), path))
        .collect();
    world.store.rotate_key(literal(2), at(9)).await.expect("replaced");
    assert!(!world.hits() && world.entries() == 0 && !key.exists());
    assert!(world.link().await && world.hits(), "and is filled again");
    assert_ne!(std::fs::read(&key).expect("there"), before);
    for (content, path) in saved {
        std::fs::write(path, content).expect("put back");
    }
    assert!(!world.hits(), "with another key, what is put back is noise");
}

/// S32: in place of the cache lies something else: connectors are changed all the same.
#[tokio::test]
async fn a_store_without_a_cache_directory_works() {
    let world = World::new().await;
    let cache = world.directory.path().join("cache");
    std::fs::remove_dir_all(&cache).expect("removed");
    std::fs::write(&cache, "no directory").expect("written");
    assert!(!world.hits());
    let changed = world.store.update(world.one.clone(), None, at(9)).await.expect("changed");
    assert_eq!(changed.version, world.one.version + 1);
    world.store.delete("base").await.expect("deleted");
}

#[tokio::test]
async fn a_change_that_is_not_committed_leaves_the_cache_alone() {
    let world = World::new().await;
    let mut write = world.store.write().await.expect("begun");
    write.update(world.one.clone(), None, at(9)).await.expect("in the making");
    assert!(world.hits(), "not yet");
    drop(write);
    assert!(world.hits());
}

#[tokio::test]
async fn what_a_method_keeps_does_not_touch_the_cache() {
    let world = World::new().await;
    world.store.keep(&world.one.id, "token", &"x".into()).await.expect("kept");
    assert!(world.hits());
}

/// C14: what was issued from one person's login is not used once another one has logged in, however late it comes.
#[tokio::test]
async fn c14_a_new_login_ends_what_is_cached() {
    for who in ["one", "base"] {
        let mut world = World::new().await;
        let (id, version) = match who {
            "one" => (&world.one.id, world.one.version),
            _ => (&world.base.id, world.base.version),
        };
        let mut write = world.store.write().await.expect("begun");
        let stored = write.keep_login(id, "login", &"second".into(), at(9)).await.expect("kept");
        assert!(world.hits(), "{who}: not yet");
        write.commit().await.expect("committed");
        assert_eq!(stored.version, version + 1);
        assert!(!world.hits(), "{who}");
        assert!(!world.link().await, "{who}: what was fetched with the login before is refused");
        let kept = world.store.kept(id, "login").await.expect("readable").expect("kept");
        assert_eq!(kept.expose(), "second");
        world.one = world.store.get("one").await.expect("read").expect("there");
        world.base = world.store.get("base").await.expect("read").expect("there");
        assert!(world.link().await && world.hits(), "{who}: what the new login gave is used");
    }
}

#[tokio::test]
async fn a_lost_index_is_written_again_from_the_database() {
    let mut world = World::new().await;
    std::fs::remove_dir_all(world.directory.path().join("cache")).expect("lost");
    assert!(!world.hits());
    assert!(world.link().await);
    assert!(world.hits());

    // An index that a crash left behind: it knows the version before.
    let index = world.directory.path().join("cache/index");
    let saved: Vec<_> = std::fs::read_dir(&index)
        .expect("listed")
        .map(|it| it.expect("a file").path())
        .map(|path| (std::fs::read(&path).expect("read"), path))
        .collect();
    world.one = world.store.update(world.one.clone(), None, at(9)).await.expect("updated");
    for (content, path) in saved {
        std::fs::write(path, content).expect("written");
    }
    assert!(world.link().await, "the database is what counts");
    assert!(world.hits());
}

#[tokio::test]
async fn a_new_name_after_a_deletion_is_another_connector() {
    let mut world = World::new().await;
    world.store.delete("one").await.expect("deleted");
    let again = put(&world.store, "one").await;
    assert_eq!(again.version, world.one.version);
    assert!(!world.link().await, "another id");
    assert!(!world.hits());
    world.one = again;
    assert!(world.link().await);
    assert!(world.hits());
}
