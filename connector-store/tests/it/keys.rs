use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use connector_core::{Error, ErrorKind};
use connector_store::{Filter, Page, Passphrase};

use super::*;

async fn open_with(directory: &Path, key: KeySource) -> Store {
    Store::open(options(directory).with_key(key)).await.expect("the store opens")
}

/// What is stored, byte for byte, as far as an error must not touch it.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = ["store.db", "master.key"].into_iter();
    names.filter_map(|it| Some((it.to_owned(), std::fs::read(directory.join(it)).ok()?))).collect()
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open_with(dir.path(), literal(1)).await;
    let one = put(&store, "one").await;
    store.close().await;
    let before = files(dir.path());

    std::fs::write(dir.path().join("other.key"), "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n")
        .expect("written");
    let missing = dir.path().join("new.key");
    let wrong = (ErrorKind::Refused, "wrong master key".to_owned());
    let gone = (ErrorKind::Store, format!("the master key file {} is missing", missing.display()));
    for (key, expected) in [
        (literal(2), &wrong),
        (KeySource::File(dir.path().join("other.key")), &wrong),
        (KeySource::File(missing.clone()), &gone),
    ] {
        let store = open_with(dir.path(), key).await;
        assert_eq!(store.get("one").await.expect("documents need no key").as_ref(), Some(&one));
        assert_eq!(store.list(&Filter::default(), &Page::all()).await.expect("nor does a list").len(), 1);
        for error in [
            store.unlock().await.expect_err("another key"),
            read(&store, &one).await.expect_err("another key"),
            store.put_new(draft("two"), secrets("x"), at(9)).await.expect_err("another key"),
            store.update(one.clone(), None, at(9)).await.expect_err("another key"),
            store.keep(&one.id, "x", &"y".into()).await.expect_err("another key"),
            store.rotate_key(literal(3), at(9)).await.expect_err("another key"),
        ] {
            assert_eq!((error.kind(), error.message()), (expected.0, &*expected.1));
            assert!(error.hint().is_some_and(|it| it.contains("CONNECTOR_MASTER_KEY")), "{error:?}");
        }
        store.close().await;
    }
    assert_eq!(files(dir.path()), before);
    assert!(!missing.exists(), "no key is made for a store that has one");
    assert_eq!(read(&open_with(dir.path(), literal(1)).await, &one).await.expect("opens"), CANARY);
}

#[tokio::test]
async fn a_text_that_is_no_key_is_said_to_be_none_without_being_shown() {
    for text in ["", "short", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg==", "c2VjcmV0"] {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open_with(dir.path(), KeySource::Literal(text.into())).await;
        let error = store.put_new(draft("one"), secrets("x"), at(0)).await.expect_err("no key");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(text.is_empty() || !format!("{error:?}").contains(text), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_key_file_is_not_made_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = put(&open(dir.path()).await, "one").await;
    let path = dir.path().join("master.key");
    let key = std::fs::read(&path).expect("made at first use");
    std::fs::remove_file(&path).expect("lost");
    let store = open(dir.path()).await;
    for error in [
        read(&store, &one).await.expect_err("no key"),
        store.put_new(draft("two"), secrets("x"), at(0)).await.expect_err("no key"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.message().contains("master.key is missing"), "{error:?}");
    }
    assert!(!path.exists());
    store.delete("one").await.expect("deleting needs no key");
    std::fs::write(&path, key).expect("found again");
    put(&store, "two").await;
}

#[tokio::test]
async fn a_key_file_that_is_there_is_used() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("mine");
    std::fs::write(&path, "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=").expect("written");
    let one = put(&open_with(dir.path(), KeySource::File(path.clone())).await, "one").await;
    assert_eq!(std::fs::read(&path).expect("read").len(), 44, "it is left as it was");
    assert_eq!(read(&open_with(dir.path(), literal(2)).await, &one).await.expect("the same key"), CANARY);
}

#[cfg(unix)]
#[tokio::test]
async fn c29_c30_files_are_private_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().expect("a directory");
    let directory = dir.path().join("deep/store");
    let store = open(&directory).await;
    put(&store, "one").await;
    let entry = connector_store::Entry {
        body: "x".into(),
        origin: connector_store::Digest::of(["x"]),
        born: at(0),
        refresh_at: at(50),
        wait_at: at(90),
        expires_at: at(100),
    };
    store.cache().put(&connector_store::Digest::of(["x"]), &[], &entry, at(0)).expect("cached");
    store.backup(&directory.join("copy.db")).await.expect("copied");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let mut seen = 0;
    let mut directories = vec![directory.clone()];
    while let Some(directory) = directories.pop() {
        assert_eq!(mode(&directory), 0o700, "{}", directory.display());
        for found in std::fs::read_dir(&directory).expect("listed") {
            let path = found.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "{seen}");
    drop(store);

    let elsewhere = dir.path().join("elsewhere");
    std::fs::rename(directory.join("master.key"), &elsewhere).expect("moved");
    symlink(&elsewhere, directory.join("master.key")).expect("linked");
    let error = open(&directory).await.unlock().await.expect_err("a link");
    assert_eq!(error.kind(), ErrorKind::Store);
    std::fs::rename(directory.join("store.db"), &elsewhere).expect("moved");
    symlink(&elsewhere, directory.join("store.db")).expect("linked");
    let error = Store::open(options(&directory)).await.expect_err("a link");
    assert!(error.kind() == ErrorKind::Store && error.message().contains("link"), "{error:?}");
}

#[tokio::test]
async fn c6_a_passphrase_is_asked_for_once_and_only_when_needed() {
    let dir = tempfile::tempdir().expect("a directory");
    let asked = Arc::new(AtomicUsize::new(0));
    let ask = |word: &'static str| {
        let asked = Arc::clone(&asked);
        KeySource::Passphrase(Passphrase::ask(move || {
            asked.fetch_add(1, Ordering::SeqCst);
            if word.is_empty() { Err(Error::refused("nobody answered")) } else { Ok(word.into()) }
        }))
    };
    let one = put(&open_with(dir.path(), ask("right")).await, "one").await;
    assert_eq!(asked.swap(0, Ordering::SeqCst), 1);

    let store = open_with(dir.path(), ask("right")).await;
    store.get("one").await.expect("read");
    store.status().await.expect("status");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "documents need none");
    let both = tokio::join!(read(&store, &one), read(&store, &one));
    assert_eq!((both.0.expect("opens"), both.1.expect("opens")), (CANARY.into(), CANARY.into()));
    assert_eq!(asked.swap(0, Ordering::SeqCst), 1, "two callers, one question");

    let error = read(&open_with(dir.path(), ask("wrong")).await, &one).await.expect_err("another one");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Refused, "wrong master key"));
    let error = read(&open_with(dir.path(), ask("")).await, &one).await.expect_err("none");
    assert_eq!(error.message(), "nobody answered");
    let error = read(&open(dir.path()).await, &one).await.expect_err("a key file in place of a passphrase");
    assert!(error.hint().is_some_and(|it| it.contains("passphrase")), "{error:?}");
    assert!(!dir.path().join("master.key").exists());
}

#[tokio::test]
async fn a_new_store_asks_in_its_own_way() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = || {
        let ask = Passphrase::ask(|| Ok("known".into()));
        KeySource::Passphrase(ask.or_new(|| Ok("chosen".into())))
    };
    let one = put(&open_with(dir.path(), key()).await, "one").await;
    let chosen = KeySource::Passphrase(Passphrase::new("chosen".into()));
    assert_eq!(read(&open_with(dir.path(), chosen).await, &one).await.expect("opens"), CANARY);
    let error = read(&open_with(dir.path(), key()).await, &one).await.expect_err("asked as one that exists");
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn c5_the_key_moves_between_sources_without_a_secret_being_opened() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("master.key");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    store.keep(&one.id, "token", &"kept".into()).await.expect("kept");
    let passphrase = || KeySource::Passphrase(Passphrase::new("a word".into()));
    let sealed = async || {
        let mut connection = raw(dir.path()).await;
        let rows =
            sqlx::query_scalar("SELECT sealed FROM secrets UNION ALL SELECT sealed FROM kept ORDER BY 1");
        rows.fetch_all(&mut connection).await.expect("read")
    };
    let before: Vec<Vec<u8>> = sealed().await;
    for (key, kind) in [
        (literal(5), "literal"),
        (passphrase(), "passphrase"),
        (KeySource::File(file.clone()), "file"),
        (literal(6), "literal"),
    ] {
        store.rotate_key(key.clone(), at(9)).await.expect("rotated");
        assert_eq!(store.status().await.expect("status").key_source.as_deref(), Some(kind));
        assert_eq!(file.exists(), kind == "file", "the old key is removed");
        for store in [&store, &open_with(dir.path(), key).await] {
            assert_eq!(read(store, &one).await.expect("opens"), CANARY);
            assert_eq!(store.kept(&one.id, "token").await.expect("opens").expect("there").expose(), "kept");
        }
        assert_eq!(sealed().await, before, "what is sealed stays as it is");
    }
    let error = store.rotate_key(literal(6), at(9)).await.expect_err("the same key");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = read(&open_with(dir.path(), literal(5)).await, &one).await.expect_err("an old key");
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn a_store_without_secrets_takes_any_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    store.unlock().await.expect("there is nothing to unlock");
    assert_eq!(store.status().await.expect("status").key_source, None);
    store.rotate_key(literal(7), at(0)).await.expect("taken");
    let one = put(&store, "one").await;
    assert!(!dir.path().join("master.key").exists());
    assert_eq!(read(&open_with(dir.path(), literal(7)).await, &one).await.expect("opens"), CANARY);
}

#[cfg(not(feature = "keyring"))]
#[tokio::test]
async fn s54_a_keyring_that_is_not_compiled_in_names_its_feature() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open_with(dir.path(), KeySource::Keyring).await;
    let error = store.put_new(draft("one"), secrets("x"), at(0)).await.expect_err("not compiled in");
    assert!(error.message().contains("feature `keyring`"), "{error:?}");
    assert_eq!(store.get("one").await.expect("read"), None);
}

#[cfg(feature = "keyring")]
#[tokio::test]
async fn the_key_may_lie_in_a_keyring() {
    // One that lies in memory: the test machine's own is not touched.
    keyring_core::set_default_store(keyring_core::mock::Store::new().expect("a keyring"));
    let dir = tempfile::tempdir().expect("a directory");
    let store = open_with(dir.path(), KeySource::Keyring).await;
    let one = put(&store, "one").await;
    assert!(!dir.path().join("master.key").exists());
    assert_eq!(read(&open_with(dir.path(), KeySource::Keyring).await, &one).await.expect("opens"), CANARY);
    store.rotate_key(KeySource::Keyring, at(0)).await.expect("rotated");
    assert_eq!(read(&open_with(dir.path(), KeySource::Keyring).await, &one).await.expect("opens"), CANARY);
    store.rotate_key(literal(1), at(0)).await.expect("rotated");
    let error =
        read(&open_with(dir.path(), KeySource::Keyring).await, &one).await.expect_err("it left the keyring");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Refused, "wrong master key"));
}
