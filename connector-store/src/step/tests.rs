//! `kill -9` after every step of every change: what was acknowledged is there, what was not is there whole
//! or not at all, one key opens the store, and the audit is whole.

#![expect(clippy::disallowed_methods, reason = "a process that is killed is a part of what is tested")]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_core::{Document, Secret};

use super::die_at;
use crate::audit::{self, Action, Record};
use crate::{Filter, KeySource, Options, Page, Store};

const DIRECTORY: &str = "CONNECTOR_STORE_TEST_DIRECTORY";
const WORK: &str = "CONNECTOR_STORE_TEST_WORK";
const STEP: &str = "CONNECTOR_STORE_TEST_STEP";
const ROUNDS: u64 = 8;
/// Steps that each round has at least.
const LEAST: u64 = 5;
/// More steps than any of the changes has.
const MOST_STEPS: u64 = 400;
const CANARY: &str = "canary-9c41";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1)
}

fn options(directory: &Path) -> Options {
    Options::new(directory).with_wait(Duration::from_secs(60))
}

fn secrets() -> BTreeMap<String, Secret> {
    BTreeMap::from([("key".to_owned(), CANARY.into())])
}

/// Registers a connector, and says so in the audit.
async fn register(store: &Store, name: &str) -> Document {
    let mut write = store.write().await.expect("begun");
    let draft = Document::draft(name, "aws", "secret-key", serde_json::Map::new());
    let document = write.put_new(draft, secrets(), now()).await.expect("stored");
    write.audit(&Record::new(now(), Action::Register, name).about(&document)).await.expect("written");
    write.commit().await.expect("committed");
    document
}

async fn update(store: &Store) {
    let document = store.get("one").await.expect("read").expect("there");
    store.unlock().await.expect("unlocked");
    let mut write = store.write().await.expect("begun");
    let document = write.update(document, Some(secrets()), now()).await.expect("updated");
    write.audit(&Record::new(now(), Action::Update, "ann").about(&document)).await.expect("written");
    write.commit().await.expect("committed");
}

async fn log_in(store: &Store, round: u64) {
    let document = store.get("one").await.expect("read").expect("there");
    store.unlock().await.expect("unlocked");
    let mut write = store.write().await.expect("begun");
    let login = Secret::new(round.to_string());
    let document = write.keep_login(&document.id, "login", &login, now()).await.expect("kept");
    write.audit(&Record::new(now(), Action::Login, "ann").about(&document)).await.expect("written");
    write.commit().await.expect("committed");
}

/// What the process does that dies, and says how far it came. By itself it has nothing to do.
#[tokio::test]
#[ignore = "run by the tests below"]
async fn a_process_that_dies() {
    let (Ok(directory), Ok(work), Ok(step)) =
        (std::env::var(DIRECTORY), std::env::var(WORK), std::env::var(STEP))
    else {
        return;
    };
    let directory = Path::new(&directory);
    let store = Store::open(options(directory)).await.expect("opens");
    die_at(step.parse().expect("a number"));
    for round in 1..=ROUNDS {
        let note = |action| Record::new(now(), action, round.to_string());
        match work.as_str() {
            "audit" => drop(store.audit(&note(Action::Mint)).await.expect("written")),
            "register" => drop(register(&store, &format!("new-{round}")).await),
            "update" => update(&store).await,
            "login" => log_in(&store, round).await,
            "rotate-key" => {
                let source = KeySource::File(directory.join("master.key"));
                store.rotate_key(source, now()).await.expect("rotated");
                store.audit(&note(Action::RotateKey)).await.expect("written");
            }
            _ => {
                let copy = directory.join("copy.db");
                let restored = Store::restore(options(directory), &copy, &note(Action::Restore)).await;
                restored.expect("restored").close().await;
            }
        }
        std::fs::write(directory.join("acknowledged"), round.to_string()).expect("written");
    }
    die_at(u64::MAX);
}

/// Lets a process die at each of its steps, and looks at what it leaves. Returns how many there were.
async fn kill_at_every_step(work: &str) -> u64 {
    let base = tempfile::tempdir().expect("a directory");
    let store = Store::open(options(base.path())).await.expect("opens");
    register(&store, "one").await;
    store.backup(&base.path().join("copy.db")).await.expect("copied");
    update(&store).await;
    store.close().await;
    for step in 1..MOST_STEPS {
        let dir = tempfile::tempdir().expect("a directory");
        for found in std::fs::read_dir(base.path()).expect("listed") {
            let found = found.expect("a file").path();
            if found.is_file() {
                std::fs::copy(&found, dir.path().join(found.file_name().expect("a name"))).expect("copied");
            }
        }
        let ended = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "step::tests::a_process_that_dies", "--ignored"])
            .env(DIRECTORY, dir.path())
            .env(WORK, work)
            .env(STEP, step.to_string())
            .stdout(Stdio::null())
            .status()
            .expect("started");
        let acknowledged = std::fs::read_to_string(dir.path().join("acknowledged")).unwrap_or_default();
        let acknowledged: u64 = acknowledged.parse().unwrap_or_default();
        check(dir.path(), work, acknowledged).await;
        if ended.success() {
            assert_eq!(acknowledged, ROUNDS);
            eprintln!("{work}: killed {} times", step - 1);
            return step - 1;
        }
        assert_eq!(ended.signal(), Some(9), "it was killed at step {step}, and did not fail");
    }
    panic!("more than {MOST_STEPS} steps");
}

async fn check(directory: &Path, work: &str, acknowledged: u64) {
    let what = format!("{work}, {acknowledged} acknowledged");
    let store = Store::open(options(directory)).await.expect(&what);
    let all = store.list(&Filter::default(), &Page::all()).await.expect(&what);
    for document in &all {
        assert_eq!(store.secrets(document).await.expect(&what)["key"].expose(), CANARY, "{what}");
    }
    let mut keys = 0;
    for name in ["master.key", "master.key.next"] {
        let source = KeySource::File(directory.join(name));
        let other = Store::open(options(directory).with_key(source)).await.expect(&what);
        keys += u32::from(other.unlock().await.is_ok());
    }
    assert_eq!(keys, 1, "{what}: exactly one key opens it");
    assert_eq!(store.status().await.expect(&what).integrity, "ok", "{what}");
    let report = store.audit_verify().await.expect(&what);
    assert_eq!(report.findings, [], "{what}");

    // A change and its record are there together, or neither; what was acknowledged is there.
    let records = store.audit_list(&audit::Filter::default(), 1000).await.expect(&what);
    let about = |name: &str| records.iter().filter(|it| it.connector.as_deref() == Some(name)).count() as u64;
    let noted = |action| records.iter().filter(|it| it.action == action).count() as u64;
    let one = all.iter().find(|it| it.name == "one").expect(&what);
    let changes = all.len() as u64 - 1;
    match work {
        "audit" => assert!((acknowledged..=acknowledged + 1).contains(&noted(Action::Mint)), "{what}"),
        "register" => {
            assert!((acknowledged..=acknowledged + 1).contains(&changes), "{what}: {changes}");
            assert_eq!(noted(Action::Register), changes + 1, "{what}");
        }
        "update" => {
            assert!((acknowledged + 2..=acknowledged + 3).contains(&one.version), "{what}: {}", one.version);
            assert_eq!(about("one"), one.version, "{what}");
        }
        "login" => {
            // The version, the record and what is kept change together.
            assert!((acknowledged + 2..=acknowledged + 3).contains(&one.version), "{what}: {}", one.version);
            assert_eq!(about("one"), one.version, "{what}");
            let kept = store.kept(&one.id, "login").await.expect(&what);
            let kept = kept.map_or(0, |it| it.expose().parse::<u64>().expect("a number"));
            assert_eq!(kept, one.version - 2, "{what}");
        }
        "rotate-key" => assert!(noted(Action::RotateKey) >= acknowledged, "{what}"),
        _ => {
            let restored = noted(Action::Restore);
            assert!((acknowledged..=acknowledged + 1).contains(&restored), "{what}: {restored}");
            assert_eq!(one.version > 2, restored > 0, "{what}: {}", one.version);
        }
    }
    // And it goes on.
    store.audit(&Record::new(now(), Action::Mint, "after")).await.expect(&what);
    update(&store).await;
    assert_eq!(store.audit_verify().await.expect(&what).findings, [], "{what}");
    store.close().await;
}

#[tokio::test]
async fn c22_killed_while_it_writes_an_audit_record() {
    let steps = kill_at_every_step("audit").await;
    assert!(steps >= LEAST * ROUNDS, "{steps}");
}

#[tokio::test]
async fn c22_killed_while_it_registers() {
    let steps = kill_at_every_step("register").await;
    assert!(steps >= LEAST * ROUNDS, "{steps}");
}

#[tokio::test]
async fn c22_killed_while_it_updates() {
    let steps = kill_at_every_step("update").await;
    assert!(steps >= LEAST * ROUNDS, "{steps}");
}

#[tokio::test]
async fn c22_killed_while_it_keeps_a_new_login() {
    let steps = kill_at_every_step("login").await;
    assert!(steps >= LEAST * ROUNDS, "{steps}");
}

#[tokio::test]
async fn c5_c22_killed_while_it_replaces_the_master_key() {
    let steps = kill_at_every_step("rotate-key").await;
    assert!(steps >= LEAST * ROUNDS, "{steps}");
}

#[tokio::test]
async fn c22_killed_while_it_restores() {
    let steps = kill_at_every_step("restore").await;
    assert!(steps >= LEAST * ROUNDS, "{steps}");
}
