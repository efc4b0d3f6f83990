use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use connector_core::{Document, ErrorKind, Secret};

use super::*;
use crate::store::Options;

const CANARY: &str = "canary-7f3a";

async fn opened(directory: &Path) -> Store {
    Store::open(Options::new(directory)).await.expect("opens")
}

async fn filled(directory: &Path) -> (Store, Document) {
    let store = opened(directory).await;
    let draft = Document::draft("one", "aws", "secret-key", serde_json::Map::new());
    let secrets = BTreeMap::from([("key".to_owned(), Secret::new(CANARY))]);
    let stored = store.put_new(draft, secrets, UNIX_EPOCH).await.expect("stored");
    (store, stored)
}

async fn reads(store: &Store, document: &Document) -> Result<String> {
    store.secrets(document).await.map(|it| it["key"].expose().to_owned())
}

#[tokio::test]
async fn c5_a_crash_after_any_step_leaves_exactly_one_key_that_works() {
    for steps in 0..=3 {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master.key");
        let (store, document) = filled(dir.path()).await;
        let before = std::fs::read(&path).expect("the key file");
        if steps >= 1 {
            let source = KeySource::File(path.clone());
            let (old, next) = store.prepare(&source, UNIX_EPOCH).await.expect("prepared").expect("a key");
            if steps >= 2 {
                store.switch(&old, &next).await.expect("switched");
            }
            if steps >= 3 {
                store.settle_locked(&next).await.expect("settled");
            }
        }
        // The process died here; another one opens the store.
        let next = opened(dir.path()).await;
        assert_eq!(reads(&next, &document).await.expect("one key works"), CANARY, "after {steps} steps");
        let after = std::fs::read(&path).expect("the key file");
        assert_eq!(after != before, steps >= 2, "the key file holds the key in use after {steps} steps");
        assert!(steps < 2 || !dir.path().join("master.key.next").exists(), "what was left is finished");
        // And the change can be made, again or anew.
        next.rotate_key(KeySource::File(path.clone()), UNIX_EPOCH).await.expect("rotated");
        assert_eq!(reads(&opened(dir.path()).await, &document).await.expect("the new key works"), CANARY);
        std::fs::write(&path, before).expect("the first key is put back");
        let error = reads(&opened(dir.path()).await, &document).await.expect_err("it opens nothing any more");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Refused, "wrong master key"));
    }
}

#[tokio::test]
async fn c5_an_old_key_in_the_store_is_removed_even_when_a_crash_prevented_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let elsewhere = tempfile::tempdir().expect("a directory").keep().join("other.key");
    let (store, document) = filled(dir.path()).await;
    let source = KeySource::File(elsewhere.clone());
    let (old, next) = store.prepare(&source, UNIX_EPOCH).await.expect("prepared").expect("a key");
    store.switch(&old, &next).await.expect("switched");
    let store = Store::open(Options::new(dir.path()).with_key(source)).await.expect("opens");
    assert_eq!(reads(&store, &document).await.expect("the new key works"), CANARY);
    assert!(!dir.path().join("master.key").exists(), "the old key is gone");
    // Back into the store: the key that lies elsewhere is its owner's and stays.
    store.rotate_key(KeySource::File(dir.path().join("master.key")), UNIX_EPOCH).await.expect("rotated");
    assert!(elsewhere.exists());
    assert_eq!(reads(&opened(dir.path()).await, &document).await.expect("opens"), CANARY);
}

#[tokio::test]
async fn the_key_in_use_is_never_removed_under_another_name_of_its_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, document) = filled(dir.path()).await;
    let roundabout = dir.path().join(".").join("cache/..").join("master.key");
    store.rotate_key(KeySource::File(roundabout), UNIX_EPOCH).await.expect("rotated");
    assert_eq!(reads(&opened(dir.path()).await, &document).await.expect("the file is there"), CANARY);
}

#[tokio::test]
async fn a_process_with_the_old_key_in_memory_reads_the_new_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, document) = filled(dir.path()).await;
    let other = opened(dir.path()).await;
    assert_eq!(reads(&other, &document).await.expect("opens"), CANARY);
    store.rotate_key(KeySource::File(dir.path().join("master.key")), UNIX_EPOCH).await.expect("rotated");
    assert_eq!(reads(&other, &document).await.expect("follows"), CANARY);
    assert_eq!(reads(&store, &document).await.expect("follows"), CANARY);
}
