//! `config.toml` and the variables that say the same.

use super::{cli, cli_with_secret, names, register};

fn configured(text: &str) -> connector_tests::cli::Cli {
    let cli = cli_with_secret();
    std::fs::write(cli.connector_home().join("config.toml"), text).expect("written");
    cli
}

#[test]
fn settings_are_taken_from_the_file() {
    let cli = configured("default_output = \"json\"\nimplicit = true\ntimeout = \"5s\"\n");
    assert!(cli.ok(&["list-types"]).json().is_array());
    assert!(cli.ok(&["list-types", "-o", "table"]).stdout_text().starts_with("NAME"));
    cli.ok(&[
        "register",
        "here",
        "--type",
        "aws",
        "--auth-method",
        "implicit",
        "--no-verify",
        "region=us-east-1",
    ]);
    assert!(cli.fails(3, &["describe", "nosuch"]).stderr_text().starts_with('{'));
}

#[test]
fn s40_the_variable_wins_over_the_file() {
    let cli = configured("implicit = true\n").with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "false");
    let arguments =
        ["register", "here", "--type", "aws", "--auth-method", "implicit", "--no-verify", "region=us-east-1"];
    assert_eq!(cli.error(4, &arguments)["kind"], "refused");
}

#[test]
fn a_broken_line_is_named_with_its_file() {
    let cli = configured("implicit = true\ntimeout = soon\n");
    let error = cli.error(2, &["list"]);
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("config.toml, line 2"), "{message}");
    assert_eq!(configured("bogus = 1\n").error(2, &["list"])["kind"], "invalid-input");
}

#[test]
fn a_broker_is_not_passed_over_in_silence() {
    let cli = configured("server = \"https://broker.example\"\n");
    assert!(cli.error(2, &["list"])["message"].as_str().is_some_and(|it| it.contains("broker")));
    assert!(!cli.connector_home().join("store.db").exists());
}

#[test]
fn the_master_key_comes_from_where_the_settings_say() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let in_variable = cli_with_secret().with_env("CONNECTOR_MASTER_KEY", key);
    register(&in_variable, "prod", &[]);
    assert!(!in_variable.connector_home().join("master.key").exists());
    assert_eq!(in_variable.json(&["store", "status"])["key_source"], "literal");
    assert!(in_variable.ok(&["store", "status"]).stdout_text().contains("from CONNECTOR_MASTER_KEY"));

    let in_file = configured("[key]\nfile = \"elsewhere.key\"\n");
    register(&in_file, "prod", &[]);
    assert!(in_file.connector_home().join("elsewhere.key").exists());

    let passphrase = configured("[key]\nsource = \"passphrase\"\n");
    let error = passphrase.error(
        4,
        &[
            "register",
            "prod",
            "--type",
            "aws",
            "--auth-method",
            "session-token",
            "--no-verify",
            "region=us-east-1",
            super::KEY_ID,
            "aws_secret_access_key=env:SECRET",
        ],
    );
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("CONNECTOR_PASSPHRASE")), "{error}");
    let passphrase = passphrase.with_env("CONNECTOR_PASSPHRASE", "correct horse");
    register(&passphrase, "prod", &[]);
    assert_eq!(names(&passphrase), ["prod"]);

    let both = cli().with_env("CONNECTOR_MASTER_KEY", key).with_env("CONNECTOR_MASTER_KEY_FILE", "/x");
    both.error(2, &["list"]);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let cli = configured("timeout = 0\n");
    assert!(cli.error(2, &["list"])["message"].as_str().is_some_and(|it| it.contains("line 1")));
    super::cli().fails(2, &["list", "--timeout", "0"]);
    let cli = super::cli();
    std::fs::write(cli.connector_home().join("config.toml"), b"# \xff\n").expect("written");
    let error = cli.error(2, &["list"]);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("is not UTF-8")), "{error}");
    let error = super::cli().with_env("CONNECTOR_LOG", "loud").error(2, &["list"]);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("CONNECTOR_LOG")), "{error}");
}

#[test]
fn a_new_store_takes_no_short_passphrase() {
    let cli = configured("[key]\nsource = \"passphrase\"\n").with_env("CONNECTOR_PASSPHRASE", "short");
    let words = ["register", "prod", "--type", "aws", "--auth-method", "session-token", "--no-verify"];
    let config = ["region=us-east-1", super::KEY_ID, "aws_secret_access_key=env:SECRET"];
    let error = cli.error(2, &[&words[..], &config].concat());
    assert!(error["message"].as_str().is_some_and(|it| it.contains("8 characters")), "{error}");
    assert!(names(&cli).is_empty());
}

/// What cannot be used here says so, and never that it is not compiled in.
#[cfg(feature = "keyring")]
#[test]
fn the_keyring_is_compiled_in() {
    let cli = configured("[key]\nsource = \"keyring\"\n")
        .with_env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let words = ["register", "prod", "--type", "aws", "--auth-method", "session-token", "--no-verify"];
    let config = ["region=us-east-1", super::KEY_ID, "aws_secret_access_key=env:SECRET"];
    let error = cli.error(7, &[&words[..], &config].concat());
    assert_eq!(error["message"], "the keyring cannot be used");
}

#[test]
fn more_is_told_step_by_step() {
    let cli = cli_with_secret();
    register(&cli, "prod", &["endpoint_url=http://127.0.0.1:1"]);
    let told = |verbose: &str| cli.fails(6, &["verify", "prod", verbose]).stderr_text();
    let (once, twice) = (told("-v"), told("-vv"));
    assert!(once.contains("INFO verify") && !once.contains("POST"), "{once}");
    assert!(twice.contains("INFO verify") && twice.contains("POST http://127.0.0.1:1"), "{twice}");
}
