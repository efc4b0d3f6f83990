//! Looking after the store, the cache and the audit.

use std::path::Path;

use connector_tests::cli::Cli;
use connector_tests::process;

use super::{KEY_ID, cli};

const SECRET: &str = "canary-7f21";
const ISSUE: [&str; 4] = ["issue", "prod", "--resource-type", "aws-generic"];

/// A store with a connector that hands on temporary keys: it calls nobody.
fn with_connector() -> Cli {
    let cli = cli().with_env("USER", "ada").with_env("SECRET", SECRET);
    register(&cli, "prod");
    cli
}

fn register(cli: &Cli, name: &str) {
    let method = ["register", name, "--type", "aws", "--auth-method", "sts-token", "--no-verify"];
    let keys =
        ["region=eu-west-1", KEY_ID, "aws_secret_access_key=env:SECRET", "aws_session_token=env:SECRET"];
    cli.ok(&[&method[..], &keys, &["expires_at=2099-01-31T00:00:00Z"]].concat());
}

/// Issues anew, for which the stored secret has to be opened.
fn assert_issues(cli: &Cli) {
    cli.ok(&["cache", "clear"]);
    assert_eq!(cli.json(&ISSUE)["secret"]["secret_access_key"], SECRET);
}

#[test]
fn status_counts_and_names_the_key() {
    let cli = with_connector();
    let status = cli.json(&["store", "status"]);
    assert_eq!((&status["connectors"], &status["secrets"]), (&1.into(), &3.into()));
    assert_eq!((&status["key_source"], &status["integrity"]), (&"file".into(), &"ok".into()));
    assert!(cli.ok(&["store", "status"]).stdout_text().contains("MASTER KEY"));
}

#[test]
fn c30_a_backup_is_private_whole_and_replaces_nothing_unasked() {
    let cli = with_connector();
    cli.ok(&["store", "backup", "copy"]);
    assert!(mode(&cli.home().join("copy")).is_none_or(|mode| mode == 0o600));
    cli.fails(2, &["store", "backup", "copy"]);

    register(&cli, "later");
    let refused = cli.error(2, &["store", "restore", "copy"]);
    assert_eq!(refused["message"], "the store holds 2 connectors already");
    assert!(refused["hint"].as_str().is_some_and(|it| it.contains("--force")));
    cli.ok(&["store", "restore", "copy", "--force"]);
    assert_issues(&cli);
    cli.fails(3, &["describe", "later"]);
    cli.fails(3, &["store", "restore", "nosuch", "--force"]);
    assert_eq!(cli.error(3, &["store", "restore", "nosuch"])["kind"], "not-found", "before anything else");
    std::fs::write(cli.home().join("junk"), "no store at all").expect("written");
    let home = cli.home().display().to_string();
    for (copy, code) in [(&*home, 2), ("junk", 7)] {
        let error = cli.error(code, &["store", "restore", copy, "--force"]);
        let text = error.to_string();
        assert!(
            text.contains(copy) && !text.contains(".store.db.") && !text.contains("store directory"),
            "{text}"
        );
    }
    cli.fails(2, &["store", "backup", "-"]);
    assert!(!cli.home().join("-").exists());
}

#[test]
fn c5_the_old_key_is_kept_where_it_is_asked_to_be() {
    let cli = with_connector();
    cli.ok(&["store", "backup", "copy"]);
    cli.ok(&["store", "rotate-key", "--keep-old", "old.key"]);
    assert!(mode(&cli.home().join("old.key")).is_none_or(|mode| mode == 0o600));
    let error = cli.error(4, &["store", "restore", "copy", "--force"]);
    assert!(error["causes"].to_string().contains("another master key"), "{error}");
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("--keep-old")), "{error}");
    let nowhere = cli.error(3, &["store", "rotate-key", "--to-file", "no/such/key"]);
    assert!(nowhere["message"].as_str().is_some_and(|it| it.contains("no directory")), "{nowhere}");
    assert!(!cli.home().join("no").exists());
    let old = cli.home().join("old.key");
    let cli = cli.with_env("CONNECTOR_MASTER_KEY_FILE", old);
    cli.ok(&["store", "restore", "copy", "--force"]);
    assert_issues(&cli);
}

#[test]
fn a_copy_and_its_key_make_a_store_elsewhere() {
    let (from, to) = (with_connector(), cli());
    from.ok(&["store", "backup", "copy"]);
    let copy = from.home().join("copy").display().to_string();
    to.fails(7, &["store", "restore", &copy]);
    let key = |cli: &Cli| cli.connector_home().join("master.key");
    std::fs::copy(key(&from), key(&to)).expect("copied");
    to.ok(&["store", "restore", &copy]);
    assert_issues(&to);
}

#[test]
fn c5_the_master_key_is_replaced_in_its_place_and_moved() {
    let cli = with_connector();
    let key = cli.connector_home().join("master.key");
    let old = std::fs::read(&key).expect("a key file");
    cli.ok(&["store", "rotate-key"]);
    assert_ne!(std::fs::read(&key).expect("a key file"), old);
    assert_issues(&cli);

    let moved = cli.ok(&["store", "rotate-key", "--to-file", "elsewhere.key"]);
    assert!(
        moved.stderr_text().contains("warning: from now on, set `CONNECTOR_MASTER_KEY_FILE="),
        "{moved:?}"
    );
    assert!(!key.exists(), "the old key is gone");
    let place = cli.home().join("elsewhere.key");
    assert_eq!(cli.json(&["store", "status"])["key_location"], place.display().to_string());
    assert_issues(&cli.with_env("CONNECTOR_MASTER_KEY_FILE", place));
}

#[test]
fn c6_a_passphrase_takes_over() {
    let cli = with_connector();
    let rotate = ["store", "rotate-key", "--to-passphrase"];
    let nobody = cli.error(4, &rotate);
    assert!(nobody["hint"].as_str().is_some_and(|it| it.contains("CONNECTOR_NEW_PASSPHRASE")), "{nobody}");
    process::run(cli.command(&rotate).env("CONNECTOR_NEW_PASSPHRASE", "correct horse")).expect_success();
    std::fs::write(cli.connector_home().join("config.toml"), "[key]\nsource = 'passphrase'\n")
        .expect("written");
    process::run(cli.command(&ISSUE).env("CONNECTOR_PASSPHRASE", "wrong")).expect_code(4);
    assert_issues(&cli.with_env("CONNECTOR_PASSPHRASE", "correct horse"));
}

#[test]
fn a_key_of_ones_own_takes_over() {
    let cli = with_connector().with_env("NEW_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    cli.fails(2, &["store", "rotate-key", "--to-env", "UNSET_VARIABLE"]);
    cli.ok(&["store", "rotate-key", "--to-env", "NEW_KEY"]);
    cli.ok(&["cache", "clear"]);
    assert!(!cli.run(&ISSUE).success(), "the key that is set up is another one");
    let cli = cli.with_env("CONNECTOR_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    assert_issues(&cli);
    let unclear = cli.error(2, &["store", "rotate-key"]);
    assert!(unclear["hint"].as_str().is_some_and(|it| it.contains("--to-env")), "{unclear}");
}

/// C22: who did what is there, the newest first, and no secret is.
#[test]
fn c22_the_audit_lists_what_was_done() {
    let cli = with_connector();
    register(&cli, "other");
    cli.ok(&ISSUE);
    cli.ok(&["store", "backup", "copy"]);
    let records = cli.json(&["audit"]);
    let actions = records.as_array().expect("records").iter().map(|it| it["action"].as_str());
    assert_eq!(
        actions.collect::<Vec<_>>(),
        [Some("backup"), Some("mint"), Some("register"), Some("register")]
    );
    let mint = &records[1];
    assert_eq!((&mint["caller"], &mint["connector"]), (&"ada".into(), &"prod".into()));
    assert_eq!(mint["resource_type"], "aws-generic");

    let count = |arguments: &[&str]| cli.json(arguments).as_array().map(Vec::len);
    assert_eq!(count(&["audit", "--connector", "prod", "--action", "register"]), Some(1));
    assert_eq!(count(&["audit", "--limit", "2"]), Some(2));
    assert_eq!(count(&["audit", "--since", "2099-01-01T00:00:00Z"]), Some(0));
    cli.fails(2, &["audit", "--action", "dance"]);
    let table = cli.ok(&["audit"]).stdout_text();
    assert!(
        table.lines().nth(2).is_some_and(|line| line.contains("mint") && line.contains("prod v1")),
        "{table}"
    );
    assert!(!format!("{table}{records}").contains(SECRET));

    let method = ["register", "forever", "--type", "aws", "--auth-method", "secret-key", "--no-verify"];
    let keys = ["region=eu-west-1", KEY_ID, "aws_secret_access_key=env:SECRET", "--allow", "long-lived"];
    cli.ok(&[&method[..], &keys].concat());
    cli.ok(&["issue", "forever", "--resource-type", "aws-generic"]);
    let table = cli.ok(&["audit", "--action", "mint"]).stdout_text();
    let marked: Vec<&str> = table.lines().filter(|line| line.contains("LONG-LIVED")).collect();
    assert!(matches!(marked.as_slice(), [one] if one.contains("forever")), "{table}");
}

/// C3, C22: what is changed in the audit afterwards is found, and named.
/// C23: who, what, when and where stand in every record, in UTC; what somebody calls himself or his connector starts
/// no line of its own and no colour, as text or as JSON.
#[test]
fn c23_a_record_is_whole_and_nobody_writes_a_line_of_his_own() {
    let cli = with_connector().with_env("USER", "ada\n2026-01-01 00:00:00  root  mint\u{1b}[31m");
    cli.ok(&ISSUE);
    cli.fails(
        2,
        &["register", "prod\nforged", "--type", "aws", "--auth-method", "secret-key", "--no-verify"],
    );
    let records = cli.json(&["audit"]);
    let mint = &records[0];
    for field in
        ["at", "action", "caller", "connector", "connector_id", "version", "resource_type", "process", "host"]
    {
        assert!(!mint[field].is_null(), "{field} in {mint}");
    }
    let at = mint["at"].as_str().expect("a time");
    assert!(at.ends_with('Z') && at.contains('T'), "{at}");
    let table = cli.ok(&["audit"]).stdout_text();
    assert_eq!(table.lines().filter(|line| line.contains(" mint ")).count(), 1, "{table}");
    assert!(!table.contains('\u{1b}') && !table.contains("\n2026-01-01 00:00:00  root"), "{table}");
    assert!(!table.contains("forged"), "{table}");
    let text = cli.ok(&["audit", "-o", "json"]).stdout_text();
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn c3_c22_c23_the_audit_is_verified() {
    let cli = with_connector();
    cli.ok(&ISSUE);
    cli.ok(&["store", "backup", "copy"]);
    let report = cli.json(&["audit", "verify"]);
    assert_eq!((&report["records"], &report["sealed"], &report["anchor"]), (&3.into(), &3.into(), &3.into()));
    assert_eq!(report["findings"], serde_json::json!([]));
    assert!(cli.ok(&["audit", "verify"]).stdout_text().contains("3 (1 to 3)"));
    cli.fails(2, &["audit", "--limit", "2", "verify"]);

    // A rolled back store: the copy is put there by hand.
    cli.ok(&["cache", "clear"]);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(cli.connector_home().join(name));
    }
    std::fs::copy(cli.home().join("copy"), cli.connector_home().join("store.db")).expect("rolled back");
    let error = cli.error(7, &ISSUE);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("the store was rolled back")), "{error}");
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("store restore FILE --force")), "{error}");
    let found = cli.error(7, &["audit", "verify"]);
    let told = found["message"].as_str().unwrap_or_default();
    assert!(told.contains("record 3 was written, and the audit ends before"), "{found}");
    cli.ok(&["store", "restore", "copy", "--force"]);
    assert_issues(&cli);
    cli.ok(&["audit", "verify"]);
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::metadata(path).expect("there").permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}
