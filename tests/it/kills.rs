//! The program is killed at each system call that writes, one run after the other, and what it leaves is looked at.
//!
//! The store's own tests let it die at the steps between its writes; here it also dies within those of SQLite, in the
//! middle of a commit. `strace` counts calls per thread, so each kind of call is gone through by itself.

use std::path::Path;

use connector_store::{Filter, KeySource, Options, Page, Store, audit};
use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::install::{self, Strace};
use connector_tests::process;
use connector_tests::skip::skip;
use connector_tests::strict_aws::{Role, StrictAws};

use crate::stage::{register, strict};

/// The system calls that change a file, by kind; a name with `?` need not exist on this machine.
const KINDS: [&str; 5] = [
    "?write,writev",
    "pwrite64",
    "?fsync,fdatasync",
    "?rename,?renameat,?renameat2",
    "?unlink,unlinkat,ftruncate",
];

/// More than any work here makes of one kind.
const MOST: usize = 400;

/// A piece of work that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Register,
    Update,
    RotateKey,
    Restore,
    Issue,
}

/// A store with two connectors, a copy of it, and the endpoint that they are for.
struct Base {
    server: StrictAws,
    cli: Cli,
    canary: Canary,
    role: String,
}

impl Base {
    fn new() -> Self {
        let (server, alice, cli) = strict();
        server.tolerate_skew();
        let role = server.add_role(Role::named("reader").trusting_user("alice"));
        let assumes = format!("role_arn={role}");
        for name in ["one", "two"] {
            register(&cli, name, "iam-role", &server.url(), &alice, &["--no-verify", &assumes]);
        }
        cli.ok(&["store", "backup", "copy.db"]);
        cli.ok(&["update", "two", "--description", "changed since the copy", "--no-verify"]);
        Self { server, cli, canary: Canary::of("the key", &alice.secret_access_key), role }
    }

    fn arguments(&self, work: Work) -> Vec<String> {
        let url = format!("endpoint_url={}", self.server.url());
        let role = format!("role_arn={}", self.role);
        let secret = "aws_secret_access_key=env:GIVEN";
        let words: Vec<&str> = match work {
            Work::Register => vec![
                "register",
                "three",
                "--type",
                "aws",
                "--auth-method",
                "iam-role",
                "--no-verify",
                "region=us-east-1",
                &url,
                &role,
                "aws_access_key_id=AKIATHREE0THREE0THRE",
                secret,
            ],
            Work::Update => vec!["update", "one", "--description", "new", "--no-verify", secret],
            Work::RotateKey => vec!["store", "rotate-key"],
            Work::Restore => vec!["store", "restore", "copy.db", "--force"],
            Work::Issue => vec!["issue", "one", "--resource-type", "aws-generic", "-o", "json"],
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// The same state in a place of its own.
    fn copy(&self) -> Cli {
        let cli = Cli::new().with_env("GIVEN", self.canary.secret());
        copy(&self.cli.home(), &cli.home());
        copy(&self.cli.connector_home(), &cli.connector_home());
        cli
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            std::fs::create_dir_all(&target).expect("made");
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

/// Kills one piece of work at each of its calls; returns how often.
async fn kill_everywhere(strace: &Strace, base: &Base, work: Work) -> usize {
    let arguments = base.arguments(work);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut kills = 0;
    for kind in KINDS {
        for count in 1..=MOST {
            let cli = base.copy();
            let mut killed = strace.kill_at(&mut cli.command(&arguments), kind, count);
            let ended = process::run(&mut killed);
            let what = format!("{work:?}, killed at {kind} number {count}");
            check(base, &cli, work, &ended.stdout_text(), &what).await;
            if ended.success() {
                assert!(count < MOST, "{what}: there are more");
                break;
            }
            assert!(ended.code.is_none_or(|code| code == 137), "{what}: it was to be killed: {ended:?}");
            kills += 1;
        }
    }
    kills
}

/// Nothing is lost, exactly one key works, the audit is whole, and no credential is out without its record.
async fn check(base: &Base, cli: &Cli, work: Work, printed: &str, what: &str) {
    let directory = cli.connector_home();
    let store = Store::open(Options::new(&directory)).await.expect(what);
    let all = store.list(&Filter::default(), &Page::all()).await.expect(what);
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    assert!(
        names == ["one", "two"] || (work == Work::Register && names == ["one", "three", "two"]),
        "{what}: {names:?}"
    );
    for document in &all {
        let secrets = store.secrets(document).await.expect(what);
        assert_eq!(secrets["aws_secret_access_key"].expose(), base.canary.secret(), "{what}");
    }
    let mut keys = 0;
    for name in ["master.key", "master.key.next"] {
        let source = KeySource::File(directory.join(name));
        let other = Store::open(Options::new(&directory).with_key(source)).await.expect(what);
        keys += u32::from(other.unlock().await.is_ok());
        other.close().await;
    }
    assert_eq!(keys, 1, "{what}: exactly one key opens it");
    assert_eq!(store.audit_verify().await.expect(what).findings, [], "{what}");
    let action = match work {
        Work::Register => audit::Action::Register,
        Work::Update => audit::Action::Update,
        Work::RotateKey => audit::Action::RotateKey,
        Work::Restore => audit::Action::Restore,
        Work::Issue => audit::Action::Mint,
    };
    let filter = audit::Filter { action: Some(action), ..audit::Filter::default() };
    let records = store.audit_list(&filter, 100).await.expect(what);
    let (one, two) = (&all[0], all.last().expect("two"));
    match work {
        Work::Register => assert_eq!(records.len(), all.len(), "{what}"),
        Work::Update => assert_eq!(one.description.is_some(), records.len() == 2, "{what}: {records:?}"),
        Work::Restore => assert_eq!(two.description.is_none(), !records.is_empty(), "{what}"),
        Work::Issue => assert!(printed.is_empty() || records.len() == 1, "{what}: {records:?}"),
        Work::RotateKey => {}
    }
    store.close().await;
}

fn strace(test: &str) -> Option<Strace> {
    match install::strace() {
        Ok(strace) => Some(strace),
        Err(why) => {
            skip(test, why);
            None
        }
    }
}

/// C5, C22: the five works that write. Each is killed some dozen times in each way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c22_killed_at_every_system_call_that_writes() {
    let Some(strace) = strace("c22_killed_at_every_system_call_that_writes") else { return };
    let base = Base::new();
    let mut total = 0;
    for work in [Work::Register, Work::Update, Work::RotateKey, Work::Restore, Work::Issue] {
        let kills = kill_everywhere(&strace, &base, work).await;
        eprintln!("{work:?}: killed {kills} times");
        assert!(kills >= 20, "{work:?} was killed {kills} times only");
        total += kills;
    }
    assert!(total >= 200, "{total}");
}
