use connector_core::ErrorKind;
use connector_store::{Dependency, Digest, Entry};
use connector_store::{Filter, Lookup, Page, audit, fast};

use super::*;

async fn restore(directory: &Path, backup: &Path) -> connector_core::Result<Store> {
    Store::restore(options(directory), backup, &note()).await
}

fn note() -> audit::Record {
    audit::Record::new(at(3), audit::Action::Restore, "restored")
}

async fn names(store: &Store) -> Vec<String> {
    let found = store.list(&Filter::default(), &Page::all()).await.expect("listed");
    found.into_iter().map(|it| it.name).collect()
}

#[tokio::test]
async fn a_copy_brings_everything_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let copy = dir.path().join("copy.db");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    store.keep(&one.id, "token", &"kept".into()).await.expect("kept");
    let same = put(&store, "same").await;
    store.audit(&audit::Record::new(at(1), audit::Action::Mint, "before")).await.expect("written");
    store.backup(&copy).await.expect("copied");
    let error = store.backup(&copy).await.expect_err("it exists");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    store.audit(&audit::Record::new(at(2), audit::Action::Mint, "after")).await.expect("written");
    let changed = store.update(one.clone(), Some(secrets("changed")), at(2_000)).await.expect("updated");
    put(&store, "later").await;
    let (own, target, key) = (Dependency::from(&changed), Digest::of(["t"]), Digest::of(["k"]));
    let entry = Entry {
        body: "x".into(),
        origin: key.clone(),
        born: at(0),
        refresh_at: at(50),
        wait_at: at(90),
        expires_at: at(100),
    };
    store.cache().put(&key, std::slice::from_ref(&own), &entry, at(0)).expect("cached");
    assert!(store.link(&own, std::slice::from_ref(&own), &target, &key).await.expect("linked"));
    let found = || fast::lookup(dir.path(), "one", &target, at(0));
    assert!(matches!(found(), Lookup::Hit(_)));

    let restored = restore(dir.path(), &copy).await.expect("restored");
    assert!(matches!(found(), Lookup::Miss), "nothing cached before is used");
    for store in [&restored, &store] {
        assert_eq!(names(store).await, ["one", "same"], "an open store sees it too");
        let back = store.get("one").await.expect("read").expect("there");
        assert_eq!((&back.id, &back.config), (&one.id, &one.config));
        assert!(back.version > changed.version, "no version means two things: {}", back.version);
        assert_eq!(read(store, &back).await.expect("opens"), CANARY);
        assert_eq!(store.kept(&one.id, "token").await.expect("opens").expect("there").expose(), "kept");
        assert_eq!(store.get("same").await.expect("read").as_ref(), Some(&same), "what did not change stays");
        let audit = store.audit_list(&audit::Filter::default(), 10).await.expect("listed");
        let callers: Vec<_> = audit.iter().map(|it| &*it.caller).collect();
        assert_eq!(callers, ["restored", "after", "before"], "the audit loses nothing");
    }
    put(&restored, "next").await;
    drop((store, restored));

    // What was replaced lies beside it, and can be brought back the same way.
    let aside = dir.path().join("store.db.before-restore");
    let store = restore(dir.path(), &aside).await.expect("restored");
    assert_eq!(names(&store).await, ["later", "one", "same"]);
    let back = store.get("one").await.expect("read").expect("there");
    assert_eq!(read(&store, &back).await.expect("opens"), "changed");
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).expect("listed").map(|it| it.expect("a file").file_name()).collect();
    assert!(!left.iter().any(|it| it.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[tokio::test]
async fn a_copy_opens_in_an_empty_directory_with_its_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    let copy = dir.path().join("copy.db");
    store.backup(&copy).await.expect("copied");
    let other = tempfile::tempdir().expect("a directory");
    let directory = other.path().join("new");
    let error = restore(&directory, &copy).await.expect_err("the key is not there");
    assert!(
        error.kind() == ErrorKind::Store && error.causes().iter().any(|it| it.contains("missing")),
        "{error:?}"
    );
    std::fs::copy(dir.path().join("master.key"), directory.join("master.key")).expect("copied");
    let store = restore(&directory, &copy).await.expect("restored");
    assert_eq!(read(&store, &one).await.expect("opens"), CANARY);
    assert!(!directory.join("store.db.before-restore").exists(), "there was nothing before");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str| dir.path().join(name);
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    store.backup(&file("good")).await.expect("copied");
    let good = std::fs::read(file("good")).expect("read");

    std::fs::write(file("garbage"), "no database".repeat(1000)).expect("written");
    std::fs::write(file("empty"), "").expect("written");
    std::fs::write(file("cut"), &good[..good.len() / 2]).expect("written");
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&9_u32.to_be_bytes());
    std::fs::write(file("newer"), newer).expect("written");
    let mut foreign = good.clone();
    foreign[68..72].fill(0);
    std::fs::write(file("foreign"), foreign).expect("written");
    // One flipped byte inside a sealed value.
    let sealed: Vec<u8> = {
        let mut connection = raw(dir.path()).await;
        sqlx::query_scalar("SELECT sealed FROM secrets").fetch_one(&mut connection).await.expect("read")
    };
    let mut flipped = good.clone();
    let position = good.windows(sealed.len()).position(|it| it == sealed).expect("it is in the file");
    flipped[position + 15] ^= 1;
    std::fs::write(file("flipped"), flipped).expect("written");

    let before = std::fs::read(file("store.db")).expect("read");
    for (name, kind) in [
        ("missing", ErrorKind::NotFound),
        ("garbage", ErrorKind::Store),
        ("empty", ErrorKind::Store),
        ("cut", ErrorKind::Store),
        ("newer", ErrorKind::Store),
        ("foreign", ErrorKind::Store),
        ("flipped", ErrorKind::Store),
    ] {
        let error = restore(dir.path(), &file(name)).await.expect_err(name);
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        assert!(name == "missing" || error.hint().is_some(), "{name}: {error:?}");
    }
    let options = options(dir.path()).with_key(literal(9));
    let error = Store::restore(options, &file("good"), &note()).await.expect_err("another key");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(std::fs::read(file("store.db")).expect("read"), before);
    assert!(!file("store.db.before-restore").exists());
    assert_eq!(read(&store, &one).await.expect("opens"), CANARY);
}

#[tokio::test]
async fn a_damaged_store_is_replaced_and_kept_beside() {
    for damage in ["all of it", "a part"] {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path()).await;
        let one = put(&store, "one").await;
        let copy = dir.path().join("copy.db");
        store.backup(&copy).await.expect("copied");
        store.close().await;
        drop(store);
        let path = dir.path().join("store.db");
        let mut broken = std::fs::read(&path).expect("read");
        let from = if damage == "a part" { 4096 } else { 0 };
        broken[from..].fill(0x55);
        std::fs::write(&path, &broken).expect("written");
        let store = restore(dir.path(), &copy).await.expect(damage);
        assert_eq!(read(&store, &one).await.expect("opens"), CANARY);
        assert_eq!(std::fs::read(dir.path().join("store.db.before-restore")).expect("kept"), broken);
        put(&store, "two").await;
    }
}

#[tokio::test]
async fn what_is_no_copy_is_named_as_it_was_given() {
    let dir = tempfile::tempdir().expect("a directory");
    let junk = dir.path().join("junk");
    std::fs::write(&junk, b"no database at all, and long enough to be looked at".repeat(200))
        .expect("written");
    for (backup, kind) in [
        (dir.path().to_owned(), ErrorKind::InvalidInput),
        (junk, ErrorKind::Store),
        (dir.path().join("nosuch"), ErrorKind::NotFound),
    ] {
        let error = restore(dir.path(), &backup).await.expect_err("no copy");
        assert_eq!(error.kind(), kind, "{error:?}");
        let text = format!("{error:?}");
        assert!(text.contains(&*backup.display().to_string()) && !text.contains(".store.db."), "{text}");
    }
}

#[tokio::test]
async fn a_copy_under_a_replaced_key_opens_with_the_kept_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let (copy, kept) = (dir.path().join("copy.db"), dir.path().join("kept.key"));
    let store = open(dir.path()).await;
    assert_eq!(store.keep_key(&kept).await.expect_err("no key yet").kind(), ErrorKind::NotFound);
    let one = put(&store, "one").await;
    store.backup(&copy).await.expect("copied");
    store.keep_key(&kept).await.expect("kept");
    assert_eq!(store.keep_key(&kept).await.expect_err("it exists").kind(), ErrorKind::InvalidInput);
    store.rotate_key(options(dir.path()).key, at(9)).await.expect("rotated");
    drop(store);
    let error = restore(dir.path(), &copy).await.expect_err("another key");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("another master key"), "{error:?}");
    assert!(error.hint().is_some_and(|it| it.contains("CONNECTOR_MASTER_KEY_FILE")), "{error:?}");
    let with_kept = options(dir.path()).with_key(KeySource::File(kept));
    let store = Store::restore(with_kept, &copy, &note()).await.expect("the key of its time");
    assert_eq!(read(&store, &one).await.expect("opens"), CANARY);
}
