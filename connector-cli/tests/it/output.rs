//! Forms of output: plain in a pipe, whole as JSON and YAML, nothing but data on standard output.

use super::{KEY_ID, cli, cli_with_secret, register};

#[test]
fn a_pipe_gets_plain_lines() {
    let cli = cli_with_secret();
    register(&cli, "prod", &["--label", "a=1"]);
    let commands: &[&[&str]] = &[
        &["list-types"],
        &["describe-type", "aws"],
        &["list"],
        &["describe", "prod"],
        &["store", "status"],
        &["audit"],
    ];
    for command in commands {
        let finished = cli.ok(command);
        let text = finished.stdout_text();
        assert!(!text.contains('\u{1b}') && !text.contains('│'), "{text}");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
    }
    let list = cli.ok(&["list"]).stdout_text();
    assert_eq!(list.lines().count(), 2, "a row is a line:\n{list}");
}

#[test]
fn yaml_says_the_same_as_json() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let yaml = cli.ok(&["describe", "prod", "-o", "yaml"]).stdout_text();
    for line in ["name: prod", "method: session-token", "enabled: true", "version: 1"] {
        assert!(yaml.lines().any(|it| it == line), "{line} is missing:\n{yaml}");
    }
    assert!(yaml.contains("[HIDDEN]"));
}

#[test]
fn with_json_standard_error_stays_empty_on_success() {
    let cli = cli_with_secret();
    let base =
        ["register", "prod", "--type", "aws", "--auth-method", "session-token", "--no-verify", "-o", "json"];
    let finished =
        cli.ok(
            &[&base[..], &["region=us-east-1", KEY_ID, "aws_secret_access_key=in-clear-for-once"]].concat()
        );
    assert!(finished.stderr.is_empty(), "{finished:?}");
    let answer = finished.json();
    assert!(answer["hints"][0].as_str().is_some_and(|hint| hint.contains("process list")), "{answer}");
    assert!(answer["stored"] == true && answer["reached"].as_array().is_some_and(Vec::is_empty), "{answer}");
}

#[test]
fn people_are_warned_and_hinted_on_standard_error() {
    let cli = cli_with_secret();
    let base =
        ["register", "prod", "--type", "aws", "--auth-method", "secret-key", "--no-verify", "--shared"];
    let finished =
        cli.ok(
            &[&base[..], &["region=us-east-1", KEY_ID, "aws_secret_access_key=in-clear-for-once"]].concat()
        );
    let told = finished.stderr_text();
    assert!(told.contains("warning: ") && told.contains("hint: "), "S23: {told}");
    assert!(told.contains("process list") && told.contains("connector verify prod"), "{told}");
    assert!(!finished.text().contains("in-clear-for-once"));
}

#[test]
fn help_has_examples_and_goes_to_standard_output() {
    let cli = cli();
    for command in ["register", "describe", "update", "issue", "list-types"] {
        let finished = cli.ok(&[command, "--help"]);
        assert!(finished.stdout_text().contains("Examples:") && finished.stderr.is_empty(), "{finished:?}");
    }
    assert!(cli.ok(&["--version"]).stdout_text().starts_with("connector "));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let mut child = cli()
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let cli = cli_with_secret();
    register(&cli, "prod", &["--description", "\u{1b}[31mred\u{7}"]);
    let text = cli.ok(&["describe", "prod"]).stdout_text();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}') && text.contains("red"), "{text}");
    let finished = cli.fails(3, &["describe", "\u{1b}[31mred"]);
    assert!(!finished.stderr_text().contains('\u{1b}'), "{finished:?}");
}

#[test]
fn a_list_counts_types_and_a_description_names_them() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let list = cli.ok(&["list"]).stdout_text();
    assert!(list.contains("5 types") && list.lines().all(|line| line.len() < 120), "{list}");
    assert!(cli.ok(&["describe", "prod"]).stdout_text().contains("docker-registry"));
}

#[test]
fn s42_a_warning_is_said_once() {
    let cli = cli_with_secret().with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true");
    let base = ["register", "here", "--type", "aws", "--auth-method", "implicit", "--no-verify"];
    let told = cli.ok(&[&base[..], &["region=us-east-1"]].concat()).stderr_text();
    assert_eq!(told.matches("warning:").count(), 1, "{told}");
}
