//! C30, invariant 8: many writers at once, and `kill -9` after every step. A file is the old one or the new
//! one, whole, and the next edit goes on.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use connector_core::{Grant, Result};
use serde_json::json;

use super::step::die_at;
use super::{Format, Held, Mode, Step};
use crate::logins::{self, FileWish, Wanted, Wish};

const DIRECTORY: &str = "CONNECTOR_CLI_TEST_DIRECTORY";
const STEP: &str = "CONNECTOR_CLI_TEST_STEP";
const WORK: &str = "CONNECTOR_CLI_TEST_WORK";
/// More steps than any of the edits has.
const MOST_STEPS: u64 = 100;

const JSON: &str = "{\n\t\"auths\": {}\n}\n";
const INI: &str = "# mine\n[default]\nregion = x\n";

/// A login into three files, one of them new.
fn wish(directory: &Path) -> Wish {
    wish_of(directory, "y", false)
}

fn wish_of(directory: &Path, value: &str, is_static: bool) -> Wish {
    let wanted = |place: &[&str], value| Wanted {
        place: place.iter().map(|it| Step::Key((*it).to_owned())).collect(),
        value,
        replaces: false,
        what: "it".to_owned(),
    };
    let file = |name: &str, format, value| FileWish {
        path: directory.join(name),
        format,
        is_secret: is_static && format == Format::Json,
        values: vec![value],
    };
    Wish {
        connector: "prod".into(),
        kind: "aws",
        name: "data".into(),
        grant: Grant::default(),
        is_static,
        username: None,
        files: vec![
            file("config.json", Format::Json, wanted(&["credHelpers", "r"], json!("connector"))),
            file("config", Format::Ini, wanted(&["profile data"], json!({ "region": value }))),
            file("new/credentials", Format::Ini, wanted(&["data"], json!({ "region": value }))),
        ],
    }
}

fn log_in(home: &Path, wish: &Wish) -> Result<Vec<logins::Touched>> {
    logins::log_in(&logins::Turn::wait(home)?, wish)
}

fn prepare(directory: &Path) {
    std::fs::write(directory.join("config.json"), JSON).expect("written");
    std::fs::set_permissions(directory.join("config.json"), std::fs::Permissions::from_mode(0o644))
        .expect("set");
    std::fs::write(directory.join("config"), INI).expect("written");
    std::fs::create_dir(directory.join("state")).expect("made");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

fn read(directory: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(directory.join(name)).ok()
}

/// What the process does that dies. By itself it has nothing to do.
#[test]
#[ignore = "run by the tests below"]
fn a_process_that_dies() {
    let (Ok(directory), Ok(step), Ok(work)) =
        (std::env::var(DIRECTORY), std::env::var(STEP), std::env::var(WORK))
    else {
        return;
    };
    let directory = Path::new(&directory);
    die_at(step.parse().expect("a number"));
    match work.as_str() {
        "login" => drop(log_in(&directory.join("state"), &wish(directory)).expect("logged in")),
        "again" => {
            drop(log_in(&directory.join("state"), &wish_of(directory, "z", true)).expect("logged in"));
        }
        _ => {
            drop(logins::log_out(&directory.join("state"), |it| (0..it.len()).collect()).expect("logged out"))
        }
    }
    die_at(u64::MAX);
}

fn die_in(directory: &Path, work: &str, step: u64) -> ExitStatus {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "edit::crash::a_process_that_dies", "--ignored"])
        .envs([(DIRECTORY, directory.as_os_str()), (STEP, step.to_string().as_ref()), (WORK, work.as_ref())])
        .stdout(Stdio::null())
        .status()
        .expect("started")
}

fn kill_at_every_step(work: &str) -> u64 {
    for step in 1..MOST_STEPS {
        let dir = tempfile::tempdir().expect("a directory");
        let directory = dir.path();
        prepare(directory);
        if work == "logout" {
            log_in(&directory.join("state"), &wish(directory)).expect("logged in");
        }
        let ended = die_in(directory, work, step);
        let (json, ini, new) =
            (read(directory, "config.json"), read(directory, "config"), read(directory, "new/credentials"));
        let ours = "[profile data]\nregion = y\n";
        assert!(
            json.as_deref() == Some(JSON)
                || json.as_deref()
                    == Some("{\n\t\"auths\": {},\n\t\"credHelpers\": {\n\t\t\"r\": \"connector\"\n\t}\n}\n"),
            "{step}: {json:?}"
        );
        assert!(ini.as_deref() == Some(INI) || ini == Some(format!("{INI}\n{ours}")), "{step}: {ini:?}");
        assert!(new.is_none() || new.as_deref() == Some("[data]\nregion = y\n"), "{step}: {new:?}");

        // The next one is not kept waiting, logs in and takes all of it back, whatever was left.
        let state = directory.join("state");
        log_in(&state, &wish(directory)).expect("logged in again");
        assert!(read(directory, "new/credentials").is_some());
        logins::log_out(&state, |it| (0..it.len()).collect()).expect("logged out");
        assert_eq!(read(directory, "config.json").as_deref(), Some(JSON), "{work} {step}");
        assert_eq!(read(directory, "config").as_deref(), Some(INI), "{work} {step}");
        assert_eq!(read(directory, "new/credentials"), None, "{work} {step}");
        let left = std::fs::read_dir(directory).expect("listed").flatten().map(|it| it.file_name());
        let left: Vec<_> = left.filter(|it| it.to_string_lossy().contains(".tmp")).collect();
        assert!(left.is_empty(), "{work} {step}: {left:?}");
        if ended.success() {
            return step - 1;
        }
        assert_eq!(ended.signal(), Some(9), "it was killed at step {step}, and did not fail");
    }
    panic!("more than {MOST_STEPS} steps");
}

#[test]
fn killed_while_it_logs_in() {
    assert!(kill_at_every_step("login") >= 10);
}

/// A second credential of another value over the first: whichever a crash leaves is taken back, without
/// another login, and nothing of it is taken for somebody else's.
#[test]
fn killed_while_it_writes_another_credential() {
    for step in 1..MOST_STEPS {
        let dir = tempfile::tempdir().expect("a directory");
        let directory = dir.path();
        prepare(directory);
        let state = directory.join("state");
        log_in(&state, &wish_of(directory, "y", true)).expect("logged in");
        let ended = die_in(directory, "again", step);
        let credential = read(directory, "new/credentials");
        assert!(
            ["y", "z"].iter().any(|it| credential == Some(format!("[data]\nregion = {it}\n"))),
            "{step}: {credential:?}"
        );
        let done = logins::log_out(&state, |it| (0..it.len()).collect()).expect("logged out");
        assert!(done.iter().flat_map(|it| &it.files).all(|it| it.what.is_empty()), "{step}: {done:?}");
        assert_eq!(read(directory, "config.json").as_deref(), Some(JSON), "{step}");
        assert_eq!(mode(&directory.join("config.json")), 0o644, "{step}");
        assert_eq!(read(directory, "config").as_deref(), Some(INI), "{step}");
        assert_eq!(read(directory, "new/credentials"), None, "{step}");
        if ended.success() {
            assert!(step > 10);
            return;
        }
        assert_eq!(ended.signal(), Some(9), "it was killed at step {step}, and did not fail");
    }
    panic!("more than {MOST_STEPS} steps");
}

#[test]
fn killed_while_it_logs_out() {
    assert!(kill_at_every_step("logout") >= 10);
}

/// Sixty-four at once, in threads with files of their own opened each: nobody's entry is lost.
#[test]
fn c29_many_writers_take_turns() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("config.json");
    std::fs::write(&path, JSON).expect("written");
    std::thread::scope(|scope| {
        for number in 0..64 {
            let path = &path;
            scope.spawn(move || {
                let mut held = Held::open(path).expect("opened");
                let place = ["credHelpers".to_owned(), format!("r{number}")].map(Step::Key);
                let text = held.text().expect("there").to_owned();
                let edited = super::set(Format::Json, &text, &place, &json!("connector")).expect("set");
                held.write(Some(&edited.text), Mode::Kept).expect("written");
            });
        }
    });
    let value: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).expect("read")).expect("JSON");
    assert_eq!(value["credHelpers"].as_object().map(serde_json::Map::len), Some(64));
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("listed").collect();
    assert_eq!(left.len(), 1, "no lock and no temporary file is left: {left:?}");
}

/// C30: the mode stays and is never widened, links stay links, new files and directories are private.
#[test]
fn c30_modes_links_and_owners_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let (real, link) = (dir.path().join("dotfiles"), dir.path().join("config"));
    std::fs::write(&real, "a").expect("written");
    symlink("dotfiles", &link).expect("linked");
    for (before, becomes, after) in [
        (0o644, Mode::Kept, 0o644),
        (0o600, Mode::Kept, 0o600),
        (0o640, Mode::Closed, 0o600),
        (0o400, Mode::Closed, 0o400),
        (0o600, Mode::Again(0o640), 0o640),
    ] {
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(before)).expect("set");
        let inode = std::fs::metadata(&real).expect("there").ino();
        let mut held = Held::open(&link).expect("opened");
        held.write(Some(&format!("{before}{becomes:?}")), becomes).expect("written");
        assert_eq!(mode(&real), after);
        assert_ne!(std::fs::metadata(&real).expect("there").ino(), inode, "replaced in one step");
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
    }
    let new = dir.path().join("a/b/new");
    Held::open(&new).expect("opened").write(Some("x"), Mode::Kept).expect("written");
    assert_eq!(
        (mode(&new), mode(&dir.path().join("a/b")), mode(&dir.path().join("a"))),
        (0o600, 0o700, 0o700)
    );
    drop(Held::open(&dir.path().join("c/d/nothing")).expect("opened"));
    assert!(!dir.path().join("c").exists(), "what was made for nothing is gone");
    let dangling = dir.path().join("dangling");
    symlink("later/file", &dangling).expect("linked");
    Held::open(&dangling).expect("opened").write(Some("x"), Mode::Kept).expect("written");
    assert_eq!(read(dir.path(), "later/file").as_deref(), Some("x"));
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    symlink("two", &one).expect("linked");
    symlink("one", &two).expect("linked");
    assert!(Held::open(&one).is_err() && Held::open(dir.path()).is_err());
}

/// A lock of somebody else's, and one that a dead process left.
#[test]
fn locks_of_others_are_honoured_and_those_of_the_dead_are_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, lock) = (dir.path().join("config"), dir.path().join("config.lock"));
    std::fs::write(&lock, "connector 1\n").expect("written");
    drop(Held::open(&path).expect("its maker is dead"));
    assert!(!lock.exists());
    // kubectl's is empty, and nobody but kubectl removes it.
    std::fs::write(&lock, "").expect("written");
    let waiting = std::thread::spawn({
        let path = path.clone();
        move || Held::open(&path).map(drop)
    });
    while !waiting.is_finished() && std::fs::exists(&lock).is_ok_and(|it| it) {
        std::fs::remove_file(&lock).expect("removed");
    }
    waiting.join().expect("ended").expect("opened once it was gone");
}
