use std::process::{Child, Command, Stdio};

use connector_store::audit::{Action, Record};
use connector_store::{Filter, Page};

use super::*;

const DIRECTORY: &str = "CONNECTOR_STORE_TEST_DIRECTORY";
const WRITER: &str = "CONNECTOR_STORE_TEST_WRITER";
const COUNT: &str = "CONNECTOR_STORE_TEST_COUNT";

fn patient(directory: &Path) -> Options {
    Options::new(directory).with_wait(Duration::from_secs(60)).with_key(literal(1))
}

/// Adds connectors, and counts in one that all writers share; writes to the audit in both ways.
async fn write_many(store: &Store, writer: &str, count: usize) {
    for number in 0..count {
        let name = format!("{writer}-{number}");
        store.put_new(draft(&name), secrets(&name), at(0)).await.expect("stored");
        let mut write = store.write().await.expect("begun");
        let mut shared = write.get("shared").await.expect("read").expect("there");
        let counted: u64 = shared.description.as_deref().unwrap_or("0").parse().expect("a number");
        shared.description = Some((counted + 1).to_string());
        let shared = write.update(shared, None, at(0)).await.expect("updated");
        write.audit(&Record::new(at(0), Action::Update, writer).about(&shared)).await.expect("written");
        write.commit().await.expect("committed");
        store.audit(&Record::new(at(0), Action::Mint, writer).about(&shared)).await.expect("written");
    }
}

async fn assert_all(store: &Store, writers: usize, count: usize) {
    let all = store.list(&Filter::default(), &Page::all()).await.expect("listed");
    assert_eq!(all.len(), writers * count + 1);
    for document in all.iter().filter(|it| it.name != "shared") {
        assert_eq!(read(store, document).await.expect("opens"), document.name);
    }
    let shared = store.get("shared").await.expect("read").expect("there");
    let total = (writers * count) as u64;
    assert_eq!(
        (shared.description, shared.version),
        (Some(total.to_string()), total + 1),
        "no change was lost"
    );
    assert_eq!(store.status().await.expect("status").integrity, "ok");
    let report = store.audit_verify().await.expect("verified");
    assert_eq!((report.sealed, report.last, report.findings), (2 * total, Some(2 * total), vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_and_many_tasks_lose_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = Store::open(patient(dir.path())).await.expect("opens");
    let second = Store::open(patient(dir.path())).await.expect("opens");
    put(&first, "shared").await;
    let tasks = [(&first, "a"), (&second, "b"), (&first, "c"), (&second, "d")].map(|(store, writer)| {
        let store = store.clone();
        tokio::spawn(async move { write_many(&store, writer, 8).await })
    });
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_all(&first, 4, 8).await;
}

#[tokio::test]
async fn stores_that_are_made_at_the_same_time_are_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let directory = dir.path().join("new");
    let opened = async |name: &str| {
        let options = Options::new(&directory).with_wait(Duration::from_secs(60));
        put(&Store::open(options).await.expect("opens"), name).await
    };
    let (one, two, three) = tokio::join!(opened("one"), opened("two"), opened("three"));
    let store = Store::open(Options::new(&directory)).await.expect("opens");
    for document in [one, two, three] {
        assert_eq!(read(&store, &document).await.expect("one key for all"), CANARY);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c5_readers_go_on_while_the_key_is_replaced() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = || Options::new(dir.path()).with_wait(Duration::from_secs(60));
    let store = Store::open(options()).await.expect("opens");
    let one = put(&store, "one").await;
    let rotating = tokio::spawn({
        let (store, path) = (store.clone(), dir.path().join("master.key"));
        async move {
            for _ in 0..20 {
                store.rotate_key(KeySource::File(path.clone()), at(0)).await.expect("rotated");
            }
        }
    });
    let mut read_while = 0;
    while !rotating.is_finished() {
        // As a new process each time: it reads the row and the file anew.
        let reader = Store::open(options()).await.expect("opens");
        assert_eq!(read(&reader, &one).await.expect("one of the two keys works"), CANARY);
        read_while += 1;
    }
    rotating.await.expect("no panic");
    assert!(read_while > 0);
}

#[tokio::test]
async fn two_processes_lose_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(patient(dir.path())).await.expect("opens");
    put(&store, "shared").await;
    let children = ["a", "b"].map(|writer| start(dir.path(), writer, 8));
    for mut child in children {
        assert!(child.wait().expect("ended").success());
    }
    assert_all(&store, 2, 8).await;
}

#[tokio::test]
async fn c22_sixteen_processes_write_and_audit_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(patient(dir.path())).await.expect("opens");
    put(&store, "shared").await;
    let children: Vec<_> = (0..16).map(|it| start(dir.path(), &format!("w{it}"), 3)).collect();
    for mut child in children {
        assert!(child.wait().expect("ended").success());
    }
    assert_all(&store, 16, 3).await;
}

/// The other process of the tests above; by itself it has nothing to do.
#[tokio::test]
#[ignore = "run by `two_processes_lose_nothing`"]
async fn a_process_that_writes() {
    let (Ok(directory), Ok(writer)) = (std::env::var(DIRECTORY), std::env::var(WRITER)) else { return };
    let store = Store::open(patient(Path::new(&directory))).await.expect("opens");
    let count = std::env::var(COUNT).ok().and_then(|it| it.parse().ok()).expect("a number");
    write_many(&store, &writer, count).await;
}

#[tokio::test]
async fn c22_a_process_that_is_killed_leaves_a_store_that_opens() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(patient(dir.path())).await.expect("opens");
    put(&store, "shared").await;
    for round in 0..3 {
        let mut child = start(dir.path(), &format!("w{round}"), 8);
        // It is killed in the middle of its work: as soon as something of it is seen.
        let first = format!("w{round}-{round}");
        while store.get(&first).await.expect("read").is_none() {
            assert!(child.try_wait().expect("asked").is_none_or(|it| it.success()));
            tokio::task::yield_now().await;
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        // Its lock is gone with it, and every connector that is there is whole.
        store.put_new(draft(&format!("after-{round}")), secrets("x"), at(0)).await.expect("no lock is left");
        for document in store.list(&Filter::default(), &Page::all()).await.expect("listed") {
            read(&store, &document).await.expect("whole");
        }
    }
    assert_eq!(store.status().await.expect("status").integrity, "ok");
    assert_eq!(store.audit_verify().await.expect("verified").findings, []);
}

/// Starts this program again, as a process of its own that writes.
fn start(directory: &Path, writer: &str, count: usize) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "concurrent::a_process_that_writes", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(WRITER, writer)
        .env(COUNT, count.to_string())
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}
