//! A store that is damaged, newer, locked away, or sealed with another key.

use super::{KEY_ID, cli, cli_with_secret, names, register};

#[test]
fn a_damaged_store_ends_with_7() {
    let cli = cli();
    std::fs::write(
        cli.connector_home().join("store.db"),
        b"this is no database, and never was one".repeat(100),
    )
    .expect("written");
    let error = cli.error(7, &["list"]);
    assert_eq!(error["kind"], "store", "{error}");
    assert!(error["hint"].as_str().is_some_and(|it| !it.is_empty()), "{error}");
}

#[test]
fn a_store_of_a_newer_version_ends_with_7() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let path = cli.connector_home().join("store.db");
    let mut bytes = std::fs::read(&path).expect("the store is there");
    // Where SQLite's header keeps the version that its owner gives a database.
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    std::fs::write(&path, bytes).expect("written");
    let error = cli.error(7, &["list"]);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("version 999")), "{error}");
}

#[test]
fn a_locked_store_ends_with_7() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let lock = std::fs::File::options()
        .write(true)
        .open(cli.connector_home().join("lock"))
        .expect("the lock is there");
    lock.lock().expect("nobody else holds it");
    let error = cli.error(7, &["disable", "prod"]);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("locked")), "{error}");
    drop(lock);
    cli.ok(&["disable", "prod"]);
}

#[test]
fn a_home_that_is_no_directory_ends_with_7() {
    let cli = cli().with_env("CONNECTOR_HOME", "/dev/null");
    assert_eq!(cli.error(7, &["list"])["kind"], "store");
    cli.ok(&["list-types"]);
}

#[cfg(unix)]
#[test]
fn a_home_that_cannot_be_written_ends_with_7() {
    // Also for root, whom permissions do not stop.
    let cli = cli().with_env("CONNECTOR_HOME", "/proc/connector");
    let error = cli.error(7, &["list"]);
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("CONNECTOR_HOME")), "{error}");
}

#[test]
fn another_master_key_ends_with_4_and_loses_nothing() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let key = cli.connector_home().join("master.key");
    let kept = std::fs::read(&key).expect("the key file is there");
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").expect("written");
    let base = ["register", "more", "--type", "aws", "--auth-method", "session-token", "--no-verify"];
    let error = cli
        .error(4, &[&base[..], &["region=us-east-1", KEY_ID, "aws_secret_access_key=env:SECRET"]].concat());
    assert_eq!(error["kind"], "refused", "{error}");
    assert_eq!(names(&cli), ["prod"], "reading documents needs no key");
    std::fs::write(&key, kept).expect("written");
    register(&cli, "more", &[]);
    assert_eq!(names(&cli), ["more", "prod"]);
}

#[test]
fn a_lost_key_file_ends_with_7_and_is_not_made_anew() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let key = cli.connector_home().join("master.key");
    std::fs::remove_file(&key).expect("removed");
    cli.error(7, &["update", "prod", "--no-verify", "region=eu-west-1"]);
    assert!(!key.exists());
}

#[test]
fn an_empty_database_beside_a_key_is_no_new_store() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    for name in ["store.db-wal", "store.db-shm"] {
        let path = cli.connector_home().join(name);
        if path.exists() {
            std::fs::remove_file(path).expect("removed");
        }
    }
    std::fs::write(cli.connector_home().join("store.db"), b"").expect("emptied");
    let error = cli.error(7, &["list"]);
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("store restore")), "{error}");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let key = cli.connector_home().join("master.key");
    assert_eq!(cli.ok(&["list"]).stderr_text(), "");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("opened");
    let told = cli.ok(&["list"]).stderr_text();
    assert!(told.contains(&format!("`chmod 600 {}`", key.display())), "{told}");
}

#[test]
fn a_key_file_that_is_missing_is_not_called_wrong() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let cli = cli.with_env("CONNECTOR_MASTER_KEY_FILE", "/nonexist/key");
    let error = cli.error(7, &["update", "prod", "--no-verify", "region=eu-west-1"]);
    assert_eq!(error["message"], "the master key file /nonexist/key is missing");
}
