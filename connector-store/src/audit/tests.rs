use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_core::{Document, ErrorKind};
use sqlx::ConnectOptions;

use super::*;
use crate::{KeySource, Options, Passphrase, Store};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn options(directory: &Path) -> Options {
    Options::new(directory).with_wait(Duration::from_secs(60))
}

async fn open(directory: &Path) -> Store {
    Store::open(options(directory)).await.expect("opens")
}

fn record(caller: &str) -> Record {
    Record::new(at(1), Action::Mint, caller)
}

async fn put(store: &Store, name: &str) -> Document {
    let secrets = BTreeMap::from([("key".to_owned(), "value".into())]);
    let draft = Document::draft(name, "aws", "secret-key", serde_json::Map::new());
    store.put_new(draft, secrets, at(1)).await.expect("stored")
}

/// A closed store with a connector and eight records about it.
async fn filled(directory: &Path) -> Document {
    let store = open(directory).await;
    let one = put(&store, "one").await;
    for number in 0..8 {
        let mut record = record(&format!("caller {number}")).about(&one);
        record.narrowed = (number % 2 == 0).then_some(false);
        record.detail = (number % 3 == 0).then(String::new);
        store.audit(&record).await.expect("written");
    }
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.records, report.linked, report.sealed, report.anchor), (8, 8, 8, Some(8)));
    assert_eq!((report.first, report.last, report.findings), (Some(1), Some(8), vec![]));
    store.close().await;
    one
}

async fn raw(directory: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.join("store.db"));
    options.connect().await.expect("a database")
}

async fn run(directory: &Path, sql: &'static str) {
    let mut connection = raw(directory).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statement runs");
    sqlx::Connection::close(connection).await.expect("closed");
}

fn anchor_file(directory: &Path) -> std::path::PathBuf {
    directory.join("master.key.anchor")
}

/// What is found: the kind, and the numbers of the records.
type Found = (FindingKind, i64, i64);

async fn found(store: &Store) -> Vec<Found> {
    let report = store.audit_verify().await.expect("verified");
    report.findings.iter().map(|it| (it.kind, it.from, it.to)).collect()
}

#[tokio::test]
async fn c3_c22_c23_every_way_to_change_the_audit_is_found() {
    use FindingKind::*;
    let attacks: [(&str, &[Found]); 17] = [
        ("UPDATE audit SET caller = 'mallory' WHERE seq = 3", &[(Changed, 3, 3)]),
        ("UPDATE audit SET at = at + 1 WHERE seq = 8", &[(Changed, 8, 8)]),
        ("UPDATE audit SET detail = NULL WHERE seq = 4", &[(Changed, 4, 4)]),
        ("UPDATE audit SET narrowed = 0 WHERE seq = 2", &[(Changed, 2, 2)]),
        ("UPDATE audit SET connector = caller, caller = connector WHERE seq = 5", &[(Changed, 5, 5)]),
        ("DELETE FROM audit WHERE seq = 1", &[(Missing, 1, 1)]),
        ("DELETE FROM audit WHERE seq IN (4, 5)", &[(Missing, 4, 5)]),
        ("DELETE FROM audit WHERE seq > 6", &[(Missing, 7, 8), (RolledBack, 7, 8)]),
        ("DELETE FROM audit WHERE seq > 6; UPDATE sqlite_sequence SET seq = 6", &[(RolledBack, 7, 8)]),
        ("DELETE FROM audit; DELETE FROM sqlite_sequence", &[(RolledBack, 1, 8)]),
        (
            "UPDATE audit SET seq = 100 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4;
             UPDATE audit SET seq = 4 WHERE seq = 100",
            &[(Changed, 3, 5)],
        ),
        (
            "INSERT INTO audit (at, action, caller, long_lived) VALUES (1, 'mint', 'mallory', 0)",
            &[(Unlinked, 9, 9)],
        ),
        (
            "INSERT INTO audit (seq, at, action, caller, long_lived) VALUES (-1, 1, 'mint', 'mallory', 0)",
            &[(Unlinked, -1, -1)],
        ),
        (
            "INSERT INTO audit (at, action, caller, long_lived, link, mac)
             SELECT at, action, caller, long_lived, link, mac FROM audit WHERE seq = 8",
            &[(Changed, 9, 9)],
        ),
        ("UPDATE audit SET link = NULL, mac = NULL WHERE seq = 5", &[(Unlinked, 5, 5)]),
        ("UPDATE audit SET mac = NULL WHERE seq > 5", &[(Unsealed, 6, 8)]),
        ("UPDATE audit SET mac = (SELECT mac FROM audit WHERE seq = 1) WHERE seq = 2", &[(Forged, 2, 2)]),
    ];
    for (sql, wanted) in attacks {
        let dir = tempfile::tempdir().expect("a directory");
        filled(dir.path()).await;
        run(dir.path(), sql).await;
        assert_eq!(found(&open(dir.path()).await).await, wanted, "{sql}");
    }
}

/// Rewrites the chain from a record on, as somebody does who knows all of this program but no key.
async fn relink(directory: &Path, keep_seals: bool) {
    let mut connection = raw(directory).await;
    let rows =
        sqlx::query("SELECT * FROM audit ORDER BY seq").fetch_all(&mut connection).await.expect("read");
    let mut previous = Vec::new();
    for row in rows {
        let fields = field::read(&row).expect("read").expect("whole");
        let seq: i64 = row.get("seq");
        let link = chain::link(seq.cast_unsigned(), &previous, &fields).to_vec();
        let differs = row.get::<Vec<u8>, _>("link") != link;
        let sql = if differs && !keep_seals {
            "UPDATE audit SET link = ?, mac = NULL WHERE seq = ?"
        } else {
            "UPDATE audit SET link = ? WHERE seq = ?"
        };
        let query = sqlx::query(sql).bind(&link).bind(seq);
        query.execute(&mut connection).await.expect("written");
        previous = link;
    }
    sqlx::Connection::close(connection).await.expect("closed");
}

#[tokio::test]
async fn c3_links_that_are_computed_anew_without_the_key_are_found() {
    for keep_seals in [true, false] {
        let dir = tempfile::tempdir().expect("a directory");
        let one = filled(dir.path()).await;
        run(dir.path(), "UPDATE audit SET caller = 'mallory' WHERE seq = 4").await;
        relink(dir.path(), keep_seals).await;
        let store = open(dir.path()).await;
        let kind = if keep_seals { FindingKind::Forged } else { FindingKind::Unsealed };
        assert_eq!(found(&store).await, [(kind, 4, 8), (FindingKind::Rewritten, 8, 8)]);
        // And nothing is opened or written on top of it.
        for error in [
            store.secrets(&one).await.expect_err("rewritten"),
            store.audit(&record("next")).await.expect_err("rewritten"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(error.message().contains("record 8 is another one than was written"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn c3_a_store_that_was_rolled_back_is_refused_until_it_is_taken_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = filled(dir.path()).await;
    let path = dir.path().join("store.db");
    let old = std::fs::read(&path).expect("read");
    let store = open(dir.path()).await;
    store.audit(&record("later")).await.expect("written");
    store.close().await;
    std::fs::write(&path, &old).expect("rolled back");

    let store = open(dir.path()).await;
    for error in [
        store.secrets(&one).await.expect_err("rolled back"),
        store.unlock().await.expect_err("rolled back"),
        store.audit(&record("next")).await.expect_err("rolled back"),
        store.rotate_key(options(dir.path()).key, at(9)).await.expect_err("rolled back"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Store);
        let told = "the store was rolled back: it ends at record 8, and record 9 was written";
        assert_eq!(error.message(), told);
        let hint = error.hint().expect("a way out");
        assert!(hint.contains("restore FILE --force") && hint.contains("master.key.anchor"), "{hint}");
    }
    assert_eq!(found(&store).await, [(FindingKind::RolledBack, 9, 9)], "it can be looked at");
    store.close().await;

    // Either way out.
    let copy = dir.path().join("copy.db");
    std::fs::write(&copy, &old).expect("a copy");
    let note = Record::new(at(5), Action::Restore, "ann");
    let store = Store::restore(options(dir.path()), &copy, &note).await.expect("restored");
    assert!(store.secrets(&one).await.is_ok());
    assert_eq!(found(&store).await, []);
    assert_eq!(store.audit(&record("next")).await.expect("written"), 10);
    store.close().await;

    std::fs::write(&path, &old).expect("rolled back");
    std::fs::remove_file(anchor_file(dir.path())).expect("removed");
    let store = open(dir.path()).await;
    assert!(store.secrets(&one).await.is_ok());
    assert_eq!(found(&store).await, [(FindingKind::NoAnchor, 0, 0)]);
    store.audit(&record("next")).await.expect("written");
    assert_eq!(found(&store).await, []);
}

#[tokio::test]
async fn an_anchor_that_does_not_read_is_found_and_stops_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = filled(dir.path()).await;
    let good = std::fs::read_to_string(anchor_file(dir.path())).expect("read");
    let further = good.replacen("08 ", "09 ", 1);
    assert_ne!(good, further);
    for spoilt in [String::new(), good[..good.len() / 2].to_owned(), "1 8 zz zz".into(), further] {
        std::fs::write(anchor_file(dir.path()), spoilt).expect("written");
        let store = open(dir.path()).await;
        assert_eq!(found(&store).await, [(FindingKind::SpoiltAnchor, 0, 0)]);
        assert!(store.secrets(&one).await.is_ok());
        store.audit(&record("next")).await.expect("written");
        assert_eq!(found(&store).await, []);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(anchor_file(dir.path())).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn c3_the_key_of_the_audit_is_not_replaced_unnoticed() {
    let other = tempfile::tempdir().expect("a directory");
    filled(other.path()).await;
    for sql in [
        "DELETE FROM audit_key",
        "UPDATE audit_key SET sealed = x'00'",
        "UPDATE audit_key SET sealed = (SELECT sealed FROM other.audit_key)",
        "DELETE FROM audit_key; INSERT INTO audit_key SELECT * FROM other.audit_key",
        // With all that was sealed: only the anchor still knows.
        "DELETE FROM audit; DELETE FROM audit_key; DELETE FROM sqlite_sequence",
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let one = filled(dir.path()).await;
        let mut connection = raw(dir.path()).await;
        let path = other.path().join("store.db").to_string_lossy().into_owned();
        sqlx::query("ATTACH ? AS other").bind(path).execute(&mut connection).await.expect("attached");
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statement runs");
        sqlx::Connection::close(connection).await.expect("closed");
        let store = open(dir.path()).await;
        assert_eq!(found(&store).await, [(FindingKind::KeyChanged, 0, 0)], "{sql}");
        for error in [
            store.audit(&record("next")).await.expect_err("no key"),
            store.secrets(&one).await.expect_err("nothing shows that it is whole"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Store, "{sql}: {error:?}");
        }
        let mut connection = raw(dir.path()).await;
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM audit").fetch_one(&mut connection).await.expect("read");
        assert!(count == 8 || count == 0, "nothing was added");
    }
}

#[tokio::test]
async fn c3_all_rows_of_a_connector_from_an_older_copy_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let first = put(&store, "one").await;
    store.backup(&dir.path().join("old.db")).await.expect("copied");
    let mut write = store.write().await.expect("begun");
    let second = write.update(first.clone(), None, at(2)).await.expect("updated");
    write.audit(&record("ann").about(&second)).await.expect("written");
    write.commit().await.expect("committed");
    store.close().await;
    let mut connection = raw(dir.path()).await;
    let old = dir.path().join("old.db").to_string_lossy().into_owned();
    sqlx::query("ATTACH ? AS old").bind(old).execute(&mut connection).await.expect("attached");
    let sql = "PRAGMA foreign_keys = OFF;
        DELETE FROM main.connectors; DELETE FROM main.seals; DELETE FROM main.secrets;
        INSERT INTO main.connectors (id, document) SELECT id, document FROM old.connectors;
        INSERT INTO main.seals SELECT * FROM old.seals; INSERT INTO main.secrets SELECT * FROM old.secrets";
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("rolled back");
    sqlx::Connection::close(connection).await.expect("closed");

    let store = open(dir.path()).await;
    let document = store.get("one").await.expect("read").expect("there");
    assert_eq!(document, first);
    for error in [
        store.secrets(&document).await.expect_err("older"),
        store.kept(&document.id, "token").await.expect_err("older"),
        store.update(document.clone(), None, at(9)).await.expect_err("older"),
        store.rotate_key(options(dir.path()).key, at(9)).await.expect_err("older"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.message().contains("is version 1, and the audit knows version 2"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c22_records_that_are_written_at_the_same_time_share_a_flush() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    put(&store, "one").await;
    // More than one transaction takes, and more than a walk reads at once.
    let tasks: Vec<_> = (0..700)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { (number, store.audit(&record(&number.to_string())).await) })
        })
        .collect();
    let mut numbers = BTreeMap::new();
    for task in tasks {
        let (number, seq) = task.await.expect("no panic");
        numbers.insert(seq.expect("written"), number.to_string());
    }
    let commits = store.queue().commits.load(Ordering::Relaxed);
    assert!((1..=50).contains(&commits), "{commits} commits for 700 records");
    let records = store.audit_list(&Filter::default(), 1000).await.expect("listed");
    let written: BTreeMap<_, _> = records.into_iter().map(|it| (it.seq, it.caller)).collect();
    assert_eq!(written, numbers, "each caller was told the number of its own record");
    assert_eq!(numbers.keys().copied().collect::<Vec<_>>(), (1..=700).collect::<Vec<_>>());
    assert_eq!(found(&store).await, []);
}

#[tokio::test]
async fn c22_a_record_that_cannot_be_written_in_time_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    let impatient = options(dir.path()).with_wait(Duration::from_millis(1));
    let store = Store::open(impatient).await.expect("opens");
    // Whoever has the turn waits for a disk that does not answer.
    let stuck = store.queue().turn.lock().await;
    let error = store.audit(&record("ann")).await.expect_err("a deadline");
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Store, true));
    assert!(error.message().contains("could not be written in time"), "{error:?}");
    drop(stuck);
    assert_eq!(store.audit(&record("bob")).await.expect("written"), 1, "who gave up left nothing behind");
}

#[tokio::test]
async fn c22_a_writer_that_is_cancelled_takes_no_record_with_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    put(&store, "one").await;
    let spawn = |caller: String| {
        let store = store.clone();
        tokio::spawn(async move { store.audit(&record(&caller)).await })
    };
    for polls in 0..12 {
        let leader = spawn(format!("leader {polls}"));
        let waiters: Vec<_> = (0..4).map(|it| spawn(format!("waiter {polls} {it}"))).collect();
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        leader.abort();
        for waiter in waiters {
            waiter.await.expect("no panic").expect("written");
        }
    }
    let records = store.audit_list(&Filter::default(), 1000).await.expect("listed");
    for polls in 0..12 {
        for waiter in 0..4 {
            let name = format!("waiter {polls} {waiter}");
            assert!(records.iter().any(|it| it.caller == name), "{name}");
        }
    }
    assert_eq!(found(&store).await, []);
}

/// Bounds the file in every connection that the store may use.
async fn bound(store: &Store, sql: &'static str) {
    let mut connections = Vec::new();
    for _ in 0..8 {
        connections.push(store.connection().await.expect("one more"));
    }
    for connection in &mut connections {
        sqlx::raw_sql(sql).execute(&mut **connection).await.expect("bounded");
    }
}

#[tokio::test]
async fn c22_a_full_disk_fails_every_writer_and_leaves_the_chain_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    put(&store, "one").await;
    let long = record(&"x".repeat(100_000));
    // SQLite's own bound fails with the same code as a disk without space.
    bound(&store, "PRAGMA max_page_count = 1").await;
    let (one, two) = tokio::join!(store.audit(&long), store.audit(&long));
    for error in [one.expect_err("full"), two.expect_err("full")] {
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.message().contains("no space is left"), "{error:?}");
    }
    assert_eq!(found(&store).await, []);
    bound(&store, "PRAGMA max_page_count = 100000").await;
    assert_eq!(store.audit(&long).await.expect("written"), 1);
    assert_eq!(found(&store).await, []);
}

#[tokio::test]
async fn a_record_without_the_key_at_hand_is_covered_by_the_next_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let with = |asked: Passphrase| options(dir.path()).with_key(KeySource::Passphrase(asked));
    let known = || with(Passphrase::new("correct horse".into()));
    let store = Store::open(known()).await.expect("opens");
    let one = put(&store, "one").await;
    store.audit(&record("sealed").about(&one)).await.expect("written");
    store.close().await;

    // Whoever deletes is not asked for the passphrase.
    let never = Passphrase::ask(|| panic!("nobody is asked"));
    let store = Store::open(with(never)).await.expect("opens");
    let mut write = store.write().await.expect("begun");
    let gone = write.delete("one").await.expect("deleted");
    write.audit(&record("unsealed").about(&gone)).await.expect("written");
    write.commit().await.expect("committed");
    store.close().await;

    let store = Store::open(known()).await.expect("opens");
    assert_eq!(found(&store).await, [(FindingKind::Unsealed, 2, 2)]);
    put(&store, "two").await;
    store.audit(&record("sealed again")).await.expect("written");
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.linked, report.sealed, report.findings), (3, 2, vec![]));
    store.close().await;
    run(dir.path(), "UPDATE audit SET caller = 'mallory' WHERE seq = 2").await;
    let store = Store::open(known()).await.expect("opens");
    assert_eq!(found(&store).await, [(FindingKind::Changed, 2, 2)], "it is covered");
}

#[tokio::test]
async fn c5_the_audit_outlives_its_master_keys() {
    let dir = tempfile::tempdir().expect("a directory");
    filled(dir.path()).await;
    let elsewhere = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let other = KeySource::File(elsewhere.path().join("other.key"));
    for source in [options(dir.path()).key, other.clone(), options(dir.path()).key, other.clone()] {
        store.rotate_key(source, at(9)).await.expect("rotated");
        assert_eq!(found(&store).await, []);
        store.audit(&record("after")).await.expect("written");
    }
    store.close().await;
    assert!(!anchor_file(dir.path()).exists(), "the anchor went with the key");
    let store = Store::open(options(dir.path()).with_key(other)).await.expect("opens");
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.sealed, report.anchor, report.findings), (12, Some(12), vec![]));
}

#[tokio::test]
async fn records_from_before_the_chain_are_told_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = filled(dir.path()).await;
    std::fs::remove_file(anchor_file(dir.path())).expect("removed");
    run(
        dir.path(),
        "DROP TABLE audit_key; DROP INDEX audit_by_version; ALTER TABLE audit DROP COLUMN link;
         ALTER TABLE audit DROP COLUMN mac; PRAGMA user_version = 2",
    )
    .await;
    let store = open(dir.path()).await;
    assert!(store.secrets(&one).await.is_ok());
    assert_eq!(found(&store).await, []);
    assert_eq!(store.audit(&record("linked")).await.expect("written"), 9);
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.records, report.linked, report.first), (9, 1, Some(9)));
    assert_eq!((report.anchor, report.findings), (Some(9), vec![]));
}

#[tokio::test]
async fn c3_a_restored_store_goes_on_with_the_audit_that_was_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = filled(dir.path()).await;
    let copy = dir.path().join("copy.db");
    let store = open(dir.path()).await;
    store.backup(&copy).await.expect("copied");
    // Changed, audited and deleted: what comes back is no older version of it.
    let mut write = store.write().await.expect("begun");
    let two = write.update(one.clone(), None, at(2)).await.expect("updated");
    write.audit(&record("ann").about(&two)).await.expect("written");
    write.delete("one").await.expect("deleted");
    write.commit().await.expect("committed");
    let kept = dir.path().join("kept.key");
    store.keep_key(&kept).await.expect("kept");
    store.rotate_key(options(dir.path()).key, at(3)).await.expect("rotated");
    store.close().await;
    // Under the key of its time: the key of the audit is the same.
    let mut note = Record::new(at(5), Action::Restore, "ann");
    note.detail = Some("copy.db".into());
    let with_kept = options(dir.path()).with_key(KeySource::File(kept));
    let store = Store::restore(with_kept, &copy, &note).await.expect("restored");
    let back = store.get("one").await.expect("read").expect("there");
    assert!(back.version > two.version);
    assert!(store.secrets(&back).await.is_ok());
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.sealed, report.anchor, report.findings), (10, Some(10), vec![]));
    store.close().await;

    // A copy of another store, under another key: the links hold, and the note's seal covers them.
    let other = tempfile::tempdir().expect("a directory");
    filled(other.path()).await;
    let foreign = other.path().join("copy.db");
    open(other.path()).await.backup(&foreign).await.expect("copied");
    let with_other = || options(dir.path()).with_key(options(other.path()).key);
    let store = Store::restore(with_other(), &foreign, &note).await.expect("restored");
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.linked, report.sealed, report.findings), (11, 1, vec![]));
    let last = store.audit_list(&Filter::default(), 1).await.expect("listed").remove(0);
    let told = "copy.db; 8 records of the copy are not in this audit; the audit before was sealed with \
                another key";
    assert_eq!(last.detail.as_deref(), Some(told));
    store.close().await;

    // In place of a damaged store the chain of the copy goes on.
    std::fs::write(dir.path().join("store.db"), b"no database".repeat(1000)).expect("damaged");
    for name in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(name));
    }
    let store = Store::restore(with_other(), &foreign, &note).await.expect("restored");
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.sealed, report.anchor, report.findings), (9, Some(9), vec![]));
}
