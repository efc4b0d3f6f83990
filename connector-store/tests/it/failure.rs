use connector_core::{Error, ErrorKind};
use connector_store::audit;
use sqlx::Connection;

use super::*;

fn assert_store(error: &Error, part: &str) {
    assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
    assert!(error.message().contains(part), "{part}: {error:?}");
    assert!(error.hint().is_some(), "{error:?}");
}

async fn fails(directory: &Path, part: &str) {
    let error = Store::open(options(directory)).await.expect_err(part);
    assert_store(&error, part);
}

#[tokio::test]
async fn a_newer_version_is_named_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    put(&store, "one").await;
    store.close().await;
    run(dir.path(), "PRAGMA user_version = 7").await;
    let before = std::fs::read(dir.path().join("store.db")).expect("read");
    fails(dir.path(), "schema version 7").await;
    assert_eq!(std::fs::read(dir.path().join("store.db")).expect("read"), before);
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("store.db");
    std::fs::write(&path, "a diary, perhaps\n".repeat(100)).expect("written");
    fails(dir.path(), "is not a database").await;
    assert!(std::fs::read(&path).expect("read").starts_with(b"a diary"));

    std::fs::remove_file(&path).expect("removed");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut foreign = options.connect().await.expect("made");
    sqlx::raw_sql("CREATE TABLE recipes (name TEXT)").execute(&mut foreign).await.expect("made");
    foreign.close().await.expect("closed");
    fails(dir.path(), "is not a connector store").await;
}

#[tokio::test]
async fn a_damaged_store_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    store.close().await;
    let path = dir.path().join("store.db");
    let mut content = std::fs::read(&path).expect("read");
    let rest = content.len() / 2;
    content[4096..rest].fill(0xaa);
    std::fs::write(&path, content).expect("written");
    let failed = async {
        let store = Store::open(options(dir.path())).await?;
        store.get("one").await?;
        read(&store, &one).await
    };
    assert_store(&failed.await.expect_err("damaged"), "damaged");
}

#[tokio::test]
async fn a_locked_store_is_waited_for_and_then_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = put(&open(dir.path()).await, "one").await;
    let impatient = options(dir.path()).with_wait(Duration::from_millis(10));
    let store = Store::open(impatient).await.expect("opens");
    store.unlock().await.expect("unlocked");
    // Somebody holds the database.
    let mut holder = raw(dir.path()).await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut holder).await.expect("held");
    for error in [
        store.put_new(draft("two"), secrets("x"), at(0)).await.expect_err("locked"),
        store.delete("one").await.expect_err("locked"),
        store.audit(&audit::Record::new(at(0), audit::Action::Mint, "ann")).await.expect_err("locked"),
    ] {
        assert_store(&error, "locked by another process");
        assert!(error.is_transient());
    }
    assert_eq!(read(&store, &one).await.expect("readers go on"), CANARY);
    holder.close().await.expect("let go");
    put(&open(dir.path()).await, "two").await;

    // Somebody holds the store's own lock.
    let file = std::fs::File::open(dir.path().join("lock")).expect("the lock file");
    file.lock().expect("held");
    let error = store.put_new(draft("three"), secrets("x"), at(0)).await.expect_err("locked");
    assert_store(&error, "locked by another process");
    file.unlock().expect("let go");
    put(&open(dir.path()).await, "three").await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    // A path under a file: nobody can write there, root included.
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    fails(&file.join("store"), "cannot be read and written").await;
    fails(&file, "").await;

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let closed = dir.path().join("closed");
        std::fs::create_dir(&closed).expect("made");
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).expect("closed");
        if std::fs::write(closed.join("probe"), "").is_ok() {
            eprintln!(
                "SKIPPED: permissions do not bind this user, the case of a read-only directory was not run"
            );
            return;
        }
        fails(&closed.join("store"), "cannot be read and written").await;
        fails(&closed, "cannot be read and written").await;
    }
}

#[tokio::test]
async fn a_document_that_does_not_read_is_named_without_being_quoted() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    put(&store, "one").await;
    run(dir.path(), "UPDATE connectors SET document = json_set(document, '$.version', 'canary-text')").await;
    let error = store.get("one").await.expect_err("does not read");
    assert_store(&error, "does not read");
    assert!(!format!("{error:?} {error}").contains("canary-text"));
}

#[tokio::test]
async fn status_tells_what_there_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    store.keep(&one.id, "token", &"x".into()).await.expect("kept");
    store.audit(&audit::Record::new(at(0), audit::Action::Mint, "ann")).await.expect("written");
    let status = store.status().await.expect("status");
    assert_eq!((status.connectors, status.secrets, status.kept, status.audit_records), (1, 2, 1, 1));
    assert_eq!((&*status.integrity, &*status.journal_mode, status.schema_version), ("ok", "wal", 3));
    assert_eq!(status.key_source.as_deref(), Some("file"));
    assert_eq!(status.key_location, Some(dir.path().join("master.key").to_string_lossy().into_owned()));
    assert!(status.size > 4096 && status.database.ends_with("store.db"));
    assert!(serde_json::to_value(&status).is_ok());
    run(dir.path(), "INSERT INTO kept VALUES ('nobody', 'x', 1, x'00')").await;
    assert_ne!(store.status().await.expect("status").integrity, "ok");
}

#[tokio::test]
async fn an_empty_file_beside_a_master_key_is_no_new_store() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&open(dir.path()).await, "one").await;
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let path = dir.path().join(name);
        if path.exists() {
            std::fs::remove_file(path).expect("removed");
        }
    }
    std::fs::write(dir.path().join("store.db"), b"").expect("written");
    fails(dir.path(), "has lost its content").await;
    // Without a key nothing was ever stored; and who removes the file says so himself.
    let key = dir.path().join("master.key");
    let kept = std::fs::read(&key).expect("read");
    std::fs::remove_file(&key).expect("removed");
    open(dir.path()).await.close().await;
    std::fs::remove_file(dir.path().join("store.db")).expect("removed");
    std::fs::write(&key, kept).expect("written");
    open(dir.path()).await;
}

#[tokio::test]
async fn a_store_of_the_first_version_is_brought_up_to_date() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = put(&open(dir.path()).await, "one").await;
    run(
        dir.path(),
        "DROP INDEX connectors_by_created; DROP INDEX connectors_by_updated; \
         ALTER TABLE connectors DROP COLUMN created; ALTER TABLE connectors DROP COLUMN updated; \
         DROP TABLE audit_key; DROP INDEX audit_by_version; ALTER TABLE audit DROP COLUMN link; \
         ALTER TABLE audit DROP COLUMN mac; PRAGMA user_version = 1",
    )
    .await;
    let store = open(dir.path()).await;
    let created = connector_store::Period { from: Some(at(1_000)), before: None };
    let filter = connector_store::Filter { created, ..connector_store::Filter::default() };
    let found = store.list(&filter, &connector_store::Page::all()).await.expect("listed");
    assert_eq!(found, std::slice::from_ref(&one));
    assert_eq!(read(&store, &one).await.expect("opens"), CANARY);
}
