//! Credentials for other programs: `issue`, `env`, `exec`, `helper`, `explain`.

use connector_tests::cli::Cli;
use connector_tests::process::{self, Finished};
use serde_json::Value;

use super::{KEY_ID, cli};

pub(super) const SECRET: &str = "secret-canary-5c1d/it's";
pub(super) const TOKEN: &str = "token-canary-77aa+$HOME";
pub(super) const GRANT: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "s3://data"];

/// A connector that hands on temporary keys which were made elsewhere: it calls nobody.
pub(super) fn with_connector() -> Cli {
    let cli = cli().with_env("USER", "ada").with_env("SECRET", SECRET).with_env("TOKEN", TOKEN);
    let method = ["register", "prod", "--type", "aws", "--auth-method", "sts-token", "--no-verify"];
    let keys =
        ["region=eu-west-1", KEY_ID, "aws_secret_access_key=env:SECRET", "aws_session_token=env:TOKEN"];
    cli.ok(&[&method[..], &keys, &["expires_at=2099-01-31T00:00:00Z"]].concat());
    cli
}

fn words<'a>(command: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [command, &GRANT, rest].concat()
}

fn helper(cli: &Cli) -> Finished {
    cli.run(&words(&["helper", "aws", "prod"], &[]))
}

/// The connector's own words beside what it was given, which stands in the environment of every run.
fn assert_hidden(finished: &Finished) {
    for secret in [SECRET, TOKEN, "AKIAIOSFODNN7EXAMPLE"] {
        assert!(!finished.text().contains(secret), "{finished:?}");
    }
}

#[test]
fn s31_issue_shows_people_no_secret_and_programs_all() {
    let cli = with_connector();
    let shown = cli.ok(&words(&["issue", "prod"], &[]));
    assert_hidden(&shown);
    assert!(shown.stdout_text().contains("[HIDDEN]"), "{shown:?}");
    assert!(shown.stderr_text().contains("hint: `-o json`"), "{shown:?}");
    let json = cli.json(&words(&["issue", "prod"], &[]));
    assert_eq!(json["secret"]["secret_access_key"], SECRET);
    assert_eq!(json["resource"]["id"], "s3://data");
    assert!(json["expires_at"].is_string(), "S32: it ends");
}

#[cfg(unix)]
#[test]
fn s53_a_shell_takes_over_what_env_prints() {
    let cli = with_connector();
    let script = cli.ok(&words(&["env", "prod"], &["--format", "sh"])).stdout_text();
    assert!(script.starts_with("# prod: s3-bucket s3://data, read; ends 2099-"), "{script}");
    let show = "printf '%s|' \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_SESSION_TOKEN\" \"${AWS_PROFILE-unset}\"";
    let mut shell = process::isolated("sh", &cli.home());
    shell.args(["-c", &format!("{script}{show}")]).env("AWS_PROFILE", "somebody-else");
    let shown = process::run(&mut shell).expect_success();
    assert_eq!(shown.stdout_text(), format!("{SECRET}|{TOKEN}|unset|"));
}

#[test]
fn env_as_json_sets_texts_and_unsets_with_null() {
    let cli = with_connector();
    for option in [["--format", "json"], ["-o", "json"]] {
        let json = cli.ok(&words(&["env", "prod"], &option)).json();
        assert_eq!((&json["AWS_SECRET_ACCESS_KEY"], &json["AWS_PROFILE"]), (&SECRET.into(), &Value::Null));
    }
}

#[test]
fn env_as_yaml_is_yaml() {
    let text = with_connector().ok(&words(&["env", "prod"], &["-o", "yaml"])).stdout_text();
    assert!(text.lines().any(|line| line == "AWS_PROFILE: null"), "{text}");
    assert!(text.contains(SECRET) && !text.contains('{'), "{text}");
}

#[cfg(unix)]
#[test]
fn exec_hands_on_arguments_environment_and_exit_code_and_no_more() {
    let cli = with_connector().with_env("KEPT", "kept").with_env("AWS_PROFILE", "somebody-else");
    let show = "printf '%s|' \"$AWS_SECRET_ACCESS_KEY\" \"$KEPT\" \"${AWS_PROFILE-unset}\" \
                \"${CONNECTOR_PASSPHRASE-unset}\" \"$@\"; exit 42";
    let run = words(&["exec", "prod"], &["--", "sh", "-c", show, "sh", "a b", "$HOME;'", "-o", ""]);
    let done = process::run(cli.command(&run).env("CONNECTOR_PASSPHRASE", "")).expect_code(42);
    assert_eq!(done.stdout_text(), format!("{SECRET}|kept|unset|unset|a b|$HOME;'|-o||"));
    assert_eq!(done.stderr_text(), "");
}

#[cfg(unix)]
#[test]
fn exec_becomes_the_program_so_that_no_parent_holds_secrets() {
    let cli = with_connector();
    let run = words(&["exec", "prod"], &["--", "sh", "-c", "echo $$; kill -TERM $$"]);
    let mut child = cli.command(&run).stdout(std::process::Stdio::piped()).spawn().expect("started");
    let (id, mut said) = (child.id(), String::new());
    std::io::Read::read_to_string(&mut child.stdout.take().expect("piped"), &mut said).expect("read");
    let status = child.wait().expect("ended");
    assert_eq!(said.trim(), id.to_string());
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15), "signals are its own");
}

#[test]
fn exec_tells_its_own_failures_from_the_programs() {
    let cli = with_connector();
    let missing = cli.fails(127, &words(&["exec", "prod"], &["--", "no-such-program-here"]));
    assert_eq!(missing.stderr_text(), "error: no program `no-such-program-here` in PATH\n");
    cli.fails(126, &words(&["exec", "prod"], &["--", "/"]));
    let unknown = cli.fails(125, &["exec", "nosuch", "--", "true"]);
    assert!(unknown.stderr_text().starts_with("error: no connector `nosuch`"), "{unknown:?}");
}

#[test]
fn helper_speaks_the_protocol_of_credential_process() {
    let cli = with_connector();
    let done = helper(&cli).expect_success();
    assert!(done.stdout_text().ends_with("}\n"), "{done:?}");
    let json = done.json();
    assert_eq!((&json["Version"], &json["SecretAccessKey"]), (&1.into(), &SECRET.into()));
    assert!(json["Expiration"].is_string());

    let failed = cli.fails(3, &["helper", "aws", "nosuch", "-o", "json"]);
    assert_eq!(failed.stdout_text(), "");
    assert!(
        failed.stderr_text().starts_with("error: "),
        "text, which the caller shows to people: {failed:?}"
    );
}

/// The fast path: no database, no master key, no settings.
#[test]
fn a_cached_helper_answers_without_store_and_key() {
    let cli = with_connector();
    let first = helper(&cli).expect_success();
    for name in ["store.db", "store.db-wal", "store.db-shm", "master.key"] {
        let path = cli.connector_home().join(name);
        if path.exists() {
            std::fs::remove_file(&path).expect("removed");
        }
        // Should it be opened all the same, that fails loudly.
        std::fs::create_dir(&path).expect("made");
    }
    let second = helper(&cli).expect_success();
    assert_eq!(second.stdout_text(), first.stdout_text());
    let others = process::run(cli.command(&words(&["helper", "aws", "prod"], &[])).env("USER", "bob"));
    assert_eq!(others.expect_code(7).stdout_text(), "", "somebody else's question is another one");
    cli.fails(7, &["helper", "aws", "prod", "--resource-type", "aws-generic"]);
}

/// Invariant 11, S38, C14.
#[test]
fn a_disabled_changed_ended_or_deleted_connector_is_not_answered_from_the_cache() {
    let cli = with_connector();
    helper(&cli).expect_success();
    cli.ok(&["disable", "prod"]);
    assert_eq!(helper(&cli).expect_code(5).stdout_text(), "");
    cli.ok(&["enable", "prod"]);
    helper(&cli).expect_success();
    cli.ok(&["update", "prod", "--no-verify", "aws_session_token=new-token"]);
    let changed = helper(&cli).expect_success().stdout_text();
    assert!(changed.contains("new-token") && !changed.contains(TOKEN), "{changed}");
    cli.ok(&["update", "prod", "--no-verify", "--expires-at", "2001-01-01T00:00:00Z"]);
    helper(&cli).expect_code(5);
    cli.ok(&["delete", "prod"]);
    helper(&cli).expect_code(3);
}

#[test]
fn cache_clear_forgets_what_was_issued() {
    let cli = with_connector();
    helper(&cli).expect_success();
    cli.ok(&["cache", "clear"]);
    let store = cli.connector_home().join("store.db");
    std::fs::remove_file(&store).expect("removed");
    std::fs::create_dir(&store).expect("made");
    helper(&cli).expect_code(7);
}

#[test]
fn explain_tells_what_bounds_the_life_and_what_is_cached() {
    let cli = with_connector();
    let text = cli.ok(&words(&["explain", "prod"], &[])).stdout_text();
    for part in [
        "prod (aws, sts-token)",
        "s3:GetObject",
        "everything that the connector's own credential may",
        "← decides",
        "nothing: the next request fetches one",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    helper(&cli).expect_success();
    let explained = cli.ok(&words(&["explain", "prod", "-o", "json"], &[]));
    assert_hidden(&explained);
    let json = explained.json();
    assert_eq!(json["cache"]["state"], "held");
    assert_eq!(json["cache"]["credential"]["secret"]["session_token"], "[HIDDEN]");
    assert_eq!(json["grant"]["resource_id"], "s3://data");
}

/// S34: the policy as it is sent, to the byte, and set for reading.
#[test]
fn s34_explain_shows_the_request_and_its_policy() {
    let cli = with_connector();
    let method = ["register", "role", "--type", "aws", "--auth-method", "iam-role", "--no-verify"];
    let role = "role_arn=arn:aws:iam::123456789012:role/reader";
    cli.ok(&[&method[..], &["region=eu-west-1", role, KEY_ID, "aws_secret_access_key=env:SECRET"]].concat());
    let shown = cli.ok(&words(&["explain", "role"], &[]));
    assert_hidden(&shown);
    let text = shown.stdout_text();
    assert!(text.contains("SENT: sts:AssumeRole"), "{text}");
    assert!(text.lines().any(|line| line.ends_with("\"Statement\": [")), "set for reading:\n{text}");
    let json = cli.json(&words(&["explain", "role"], &[]));
    let parameters = json["sent"][0]["parameters"].as_array().expect("parameters");
    let value = |name| {
        let found = parameters.iter().find(|it| it["name"] == name);
        found.and_then(|it| it["value"].as_str()).unwrap_or_else(|| panic!("no {name} in {json}"))
    };
    assert_eq!(value("RoleArn"), "arn:aws:iam::123456789012:role/reader");
    let policy = value("Policy");
    assert!(policy.contains("arn:aws:s3:::data") && !policy.contains(' '), "minified: {policy}");

    // The same, taken apart: actions on resources, and what is not among them.
    let rights = json["sent"][0]["rights"].as_array().expect("rights");
    let on = |arn: &str| {
        let found = rights.iter().find(|it| it["resources"][0] == arn);
        found.unwrap_or_else(|| panic!("nothing on {arn} in {json}"))["actions"].to_string()
    };
    assert!(on("arn:aws:s3:::data/*").contains("s3:GetObject"), "{json}");
    assert!(on("arn:aws:s3:::data").contains("s3:ListBucket"), "{json}");
    let withheld = json["withheld"].to_string();
    for kept in ["s3:PutObject", "s3:ListAllMyBuckets", "less was asked for"] {
        assert!(withheld.contains(kept) && !on("arn:aws:s3:::data/*").contains(kept), "{kept} in {json}");
    }
    for part in
        ["on arn:aws:s3:::data/*", "TAKEN AWAY", "what the connector holds; nothing else is looked at"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

/// Which source of the chain is used, what it hides, and why the others are passed over.
#[test]
fn explain_tells_which_identity_of_the_machine_is_used() {
    let cli = Cli::new()
        .with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true")
        .with_env("AWS_ACCESS_KEY_ID", "AKIAIMPLICIT")
        .with_env("AWS_SECRET_ACCESS_KEY", SECRET);
    std::fs::create_dir(cli.home().join(".aws")).expect("made");
    let credentials = format!("[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = {SECRET}\n");
    std::fs::write(cli.home().join(".aws/credentials"), credentials).expect("written");
    cli.ok(&[
        "register",
        "here",
        "--type",
        "aws",
        "--auth-method",
        "implicit",
        "--no-verify",
        "region=eu-west-1",
    ]);
    let explained = cli.ok(&words(&["explain", "here", "-o", "json"], &[]));
    assert_hidden(&explained);
    let json = explained.json();
    let states: Vec<_> =
        json["origins"].as_array().expect("origins").iter().map(|it| it["state"].as_str()).collect();
    let expected = ["used", "hidden", "absent", "absent", "absent"].map(Some);
    assert_eq!(states, expected, "{json}");
    let text = cli.ok(&words(&["explain", "here"], &[])).stdout_text();
    for part in [
        "used: the long-lived key in AWS_ACCESS_KEY_ID",
        "hidden by the one before: profile `default`: a long-lived key",
        "not set up: AWS_WEB_IDENTITY_TOKEN_FILE is not set",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn a_broker_in_the_settings_is_not_answered_for_by_the_cache() {
    let cli = with_connector();
    helper(&cli).expect_success();
    std::fs::write(cli.connector_home().join("config.toml"), "server = 'https://broker.test'\n")
        .expect("written");
    let refused = helper(&cli).expect_code(2);
    assert!(refused.stderr_text().contains("a broker is set up"), "{refused:?}");
}

#[test]
fn a_helper_asks_nobody_for_a_passphrase() {
    let cli = with_connector();
    let rotate = ["store", "rotate-key", "--to-passphrase"];
    process::run(cli.command(&rotate).env("CONNECTOR_NEW_PASSPHRASE", "correct horse")).expect_success();
    std::fs::write(cli.connector_home().join("config.toml"), "[key]\nsource = 'passphrase'\n")
        .expect("written");
    let locked = helper(&cli).expect_code(4);
    assert!(locked.stderr_text().contains("nobody is asked for it"), "{locked:?}");
    let unlocked = process::run(
        cli.command(&words(&["helper", "aws", "prod"], &[])).env("CONNECTOR_PASSPHRASE", "correct horse"),
    );
    unlocked.expect_success();
    // Once a credential is cached, nothing is locked on the way to it.
    helper(&cli).expect_success();
}
