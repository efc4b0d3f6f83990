//! Wrong input: the exit code and the JSON error of the catalogue, and nothing stored.

use serde_json::Value;

use super::{KEY_ID, cli, cli_with_secret, names, register};

const SECRET: &str = "aws_secret_access_key=env:SECRET";

fn aws<'a>(method: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["register", "x", "--type", "aws", "--auth-method", method, "--no-verify"], more].concat()
}

#[test]
fn s10_wrong_input_ends_with_2_names_the_fault_and_stores_nothing() {
    let cli = cli_with_secret();
    let cases: &[(&[&str], &str)] = &[
        (&["register", "x", "--type", "nosuch"], "aws"),
        (&["register", "x", "--type", "aws", "--auth-method", "nosuch"], "iam-role"),
        (&["register", "x", "--type", "aws"], "session-token"),
        (&aws("session-token", &["region=us-east-1", KEY_ID, SECRET, "bogus=1"]), "bogus"),
        (&aws("session-token", &["region=us-east-1", KEY_ID]), "aws_secret_access_key"),
        (&aws("session-token", &["region=not a region", KEY_ID, SECRET]), "region"),
        (&aws("iam-role", &["region=us-east-1", KEY_ID, SECRET, "role_arn=nonsense"]), "role_arn"),
        (&aws("session-token", &["region=us-east-1", KEY_ID, SECRET, "--duration", "10m"]), "15m"),
        (&aws("session-token", &["region=us-east-1", KEY_ID, SECRET, "--duration", "37h"]), "duration"),
        (&aws("session-token", &["region=us-east-1", KEY_ID, SECRET, "--resource-id", "b"]), "resource_id"),
        (
            &aws("session-token", &["region=us-east-1", KEY_ID, SECRET, "--resource-type", "nosuch"]),
            "s3-bucket",
        ),
        (&["register", "Bad Name", "--type", "aws", "--auth-method", "session-token"], "name"),
        (&["describe-type", "nosuch"], "aws"),
        (&["describe-type", "aws", "--auth-method", "nosuch"], "iam-role"),
        (&["describe-type", "aws", "--resource-type", "nosuch"], "s3-bucket"),
        (&["schema", "aws", "nosuch"], "iam-role"),
        (&["list-types", "--resource-type", "nosuch"], "s3-bucket"),
    ];
    for (arguments, named) in cases {
        let error = cli.error(2, arguments);
        assert_eq!(error["kind"], "invalid-input", "{arguments:?}");
        assert!(error.to_string().contains(named), "{arguments:?}: {named} is not named in {error}");
        let text = cli.fails(2, arguments);
        assert!(text.stdout.is_empty() && text.stderr_text().starts_with("error: "), "{text:?}");
        assert!(text.stderr_text().contains(named), "{text:?}");
    }
    assert!(names(&cli).is_empty());
}

#[test]
fn s10_several_faults_are_reported_together() {
    let cli = cli_with_secret();
    let arguments = aws(
        "session-token",
        &["region=Not A Region", "bogus=1", "--duration", "37h", "--resource-type", "nosuch"],
    );
    let error = cli.error(2, &arguments);
    let fields: Vec<_> = error["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .filter_map(|it| it["field"].as_str())
        .collect();
    for field in
        ["bogus", "region", "aws_access_key_id", "aws_secret_access_key", "duration", "resource_type"]
    {
        assert!(fields.contains(&field), "{field} is not in {error}");
    }
}

/// Whatever gave it: options, words, the file, and the check of the whole.
#[test]
fn s10_faults_of_words_options_and_files_are_reported_with_those_of_the_config() {
    let cli = cli_with_secret();
    std::fs::write(cli.home().join("x.json"), r#"{"type": "aws", "method": "session-token", "bogus": 1}"#)
        .expect("written");
    let words = ["register", "x", "--from-file", "x.json", "--no-verify", "--label", "bad"];
    let more = ["--expires-at", "tomorrow", "--allow", "all", "--duration", "soon", "region=Not A Region"];
    let secret = ["aws_secret_access_key=@/nonexist"];
    let error = cli.error(2, &[&words[..], &more, &secret].concat());
    let problems = error["problems"].as_array().expect("problems");
    let mut fields: Vec<_> = problems.iter().filter_map(|it| it["field"].as_str()).collect();
    fields.sort_unstable();
    let expected = [
        "allow",
        "aws_access_key_id",
        "aws_secret_access_key",
        "bogus",
        "duration",
        "expires_at",
        "labels",
        "region",
    ];
    assert_eq!(fields, expected, "{error}");
    let missing = cli.fails(3, &aws("session-token", &["region=us-east-1", KEY_ID, secret[0]]));
    assert_eq!(missing.stderr_text(), "error: aws_secret_access_key: no file /nonexist\n");
    register(&cli, "prod", &[]);
    let update = ["update", "prod", "--label", "bad", "region=Not A Region", "--duration", "37h"];
    assert_eq!(cli.error(2, &update)["problems"].as_array().map(Vec::len), Some(3));
}

#[test]
fn s17_every_wrong_form_of_a_bucket_is_refused() {
    let cli = cli_with_secret();
    for id in ["BAD_Bucket!", "a..b", "192.168.0.1", "s3://", "arn:aws:sqs:::x", "", "a\u{7}b", "s3://B"] {
        let arguments = aws(
            "secret-key",
            &["region=us-east-1", KEY_ID, SECRET, "--resource-type", "s3-bucket", "--resource-id", id],
        );
        let error = cli.error(2, &arguments);
        assert_eq!(error["problems"][0]["field"], "resource_id", "{id}: {error}");
    }
    assert!(names(&cli).is_empty());
}

#[test]
fn an_oversized_id_is_answered_briefly() {
    let cli = cli_with_secret();
    let long = "a".repeat(65_536);
    let arguments = aws(
        "secret-key",
        &["region=us-east-1", KEY_ID, SECRET, "--resource-type", "s3-bucket", "--resource-id", &long],
    );
    let finished = cli.fails(2, &arguments);
    assert!(finished.stderr.len() < 4096, "{} bytes", finished.stderr.len());
}

#[test]
fn what_is_not_there_ends_with_3() {
    let cli = cli_with_secret();
    for command in ["describe", "verify", "delete", "enable", "disable", "issue", "update"] {
        let error = cli.error(3, &[command, "nosuch"]);
        assert_eq!(error["kind"], "not-found", "{command}");
        assert_eq!(error["connector"], "nosuch", "{command}");
    }
    assert_eq!(cli.error(3, &["rename", "nosuch", "other"])["kind"], "not-found");
    let missing = aws("session-token", &["region=us-east-1", KEY_ID, "aws_secret_access_key=@/no/such/file"]);
    assert_eq!(cli.error(3, &missing)["kind"], "not-found");
    assert_eq!(cli.error(3, &["register", "x", "--from-file", "nosuch.yaml"])["kind"], "not-found");
}

#[test]
fn a_taken_name_is_refused() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let again = ["register", "prod", "--type", "aws", "--auth-method", "session-token", "--no-verify"];
    let error = cli.error(2, &[&again[..], &["region=us-east-1", KEY_ID, SECRET]].concat());
    assert!(error["message"].as_str().is_some_and(|it| it.contains("taken")), "{error}");
    register(&cli, "other", &[]);
    assert_eq!(cli.error(2, &["rename", "other", "prod"])["problems"][0]["field"], "name");
    assert_eq!(names(&cli), ["other", "prod"]);
}

#[test]
fn s40_implicit_methods_are_off_and_the_refusal_names_the_switch() {
    let arguments =
        ["register", "here", "--type", "aws", "--auth-method", "implicit", "--no-verify", "region=us-east-1"];
    let error = cli().error(4, &arguments);
    assert_eq!(error["kind"], "refused");
    assert!(error.to_string().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS"), "{error}");
    let on = cli().with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true");
    let registered = on.json(&arguments);
    let warnings = registered["warnings"].to_string();
    assert!(warnings.contains("this machine"), "S42: {warnings}");
}

#[test]
fn s11_nothing_to_take_over_is_not_found() {
    let error = cli().error(3, &["register", "x", "--type", "aws", "--auto-configure", "--no-verify"]);
    assert_eq!(error["kind"], "not-configured", "{error}");

    let cli = cli();
    std::fs::create_dir(cli.home().join(".aws")).expect("made");
    std::fs::write(cli.home().join(".aws/config"), "[profile dev]\nregion = eu-west-1\n").expect("written");
    let error = cli.error(3, &["register", "x", "--type", "aws", "--auto-configure", "--no-verify"]);
    let causes = error["causes"].to_string();
    for part in
        ["environment variables", "there are: dev", ".aws/config", "CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS"]
    {
        assert!(causes.contains(part), "{part} in {error}");
    }
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("--profile")), "{error}");
}

#[test]
fn s38_an_end_date_and_being_disabled_end_with_5() {
    let cli = cli_with_secret();
    register(&cli, "past", &["--expires-at", "2020-01-01T00:00:00Z"]);
    let ask = ["--resource-type", "aws-generic"];
    assert_eq!(cli.error(5, &[&["issue", "past"], &ask[..]].concat())["kind"], "expired");
    register(&cli, "off", &[]);
    cli.ok(&["disable", "off"]);
    assert_eq!(cli.error(5, &[&["issue", "off"], &ask[..]].concat())["kind"], "disabled");
}

#[test]
fn an_endpoint_that_is_down_ends_with_6_and_stores_nothing() {
    let cli = cli_with_secret();
    let base = ["register", "x", "--type", "aws", "--auth-method", "session-token", "region=us-east-1"];
    let error = cli.error(6, &[&base[..], &["endpoint_url=http://127.0.0.1:1", KEY_ID, SECRET]].concat());
    assert_eq!(error["kind"], "unreachable", "{error}");
    assert!(names(&cli).is_empty());
}

#[test]
fn usage_errors_are_json_too_and_quote_no_value() {
    let cli = cli();
    let cases: &[&[&str]] = &[
        &["nosuch"],
        &["describe"],
        &["register"],
        &["list", "--bogus"],
        &["register", "x", "--type", "aws", "--aws_secret_access_key=hunter2"],
        &["issue", "x", "--duration", "soon"],
        &["issue", "x", "--access", "all"],
        &["register", "x", "--type", "aws", "--expires-at", "tomorrow"],
        &["register", "x", "--type", "aws", "--label", "nolabel"],
        &["register", "x", "--type", "aws", "--private", "--shared"],
        &["describe-type", "aws", "--auth-method", "sso", "--resource-type", "s3-bucket"],
    ];
    for arguments in cases {
        let error = cli.error(2, arguments);
        assert_eq!(error["kind"], "invalid-input", "{arguments:?}");
        assert!(
            error["message"].as_str().is_some_and(|it| !it.is_empty() && !it.contains("hunter2")),
            "{error}"
        );
        let plain = cli.fails(2, arguments);
        assert!(plain.stdout.is_empty() && !plain.stderr_text().contains("hunter2"), "{plain:?}");
    }
}

#[test]
fn usage_errors_have_a_hint_in_our_own_words() {
    let cli = cli();
    let cases: &[(&[&str], &str)] = &[
        (&["list", "--lable", "a=b"], "did you mean `--label`?"),
        (&["lst"], "did you mean `list`?"),
        (&["register", "x", "--type", "aws", "--bogus"], "`connector register --help` shows what it takes"),
        (&["store", "restore"], "`connector store restore --help` shows what it takes"),
    ];
    for (arguments, hint) in cases {
        assert_eq!(cli.error(2, arguments)["hint"], *hint, "{arguments:?}");
        let text = cli.fails(2, arguments).stderr_text();
        assert!(text.contains(&format!("\nhint: {hint}")) && !text.contains("tip:"), "{text}");
    }
}

/// A variable of a shell that is not set must not widen what is asked for.
#[test]
fn empty_words_are_refused() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    for option in ["--within", "--resource-id", "--resource-type"] {
        for command in ["issue", "env", "explain"] {
            let text = cli.fails(2, &[command, "prod", option, ""]).stderr_text();
            assert!(text.contains(option) && text.contains("empty"), "{text}");
        }
    }
}

/// S54: this build has every type of the family; of one that is left out, `connector-core` tells the feature.
#[test]
fn s54_a_type_that_nobody_linked_says_how_one_is_linked() {
    let other = cli().error(2, &["describe-type", "nosuch"]);
    let hint = other["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("another company") && hint.contains("its_crate"), "{other}");
    let rows = cli().json(&["list-types"]);
    let rows = rows.as_array().expect("rows");
    assert!(rows.iter().all(|row| row["available"]["local"] == true), "{rows:?}");
}

#[test]
fn s11_what_a_type_does_not_know_is_not_passed_over() {
    for option in ["--context", "--project"] {
        let words = ["register", "x", "--type", "aws", "--auto-configure", option, "some"];
        let error = cli().error(2, &words);
        assert!(error["message"].as_str().is_some_and(|it| it.contains("aws")), "{error}");
    }
}

#[test]
fn interactive_needs_a_terminal() {
    let error = cli().error(4, &["register", "-i"]);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("terminal")), "{error}");
}

#[test]
fn a_json_error_has_every_key() {
    let error = cli().error(3, &["describe", "nosuch"]);
    for key in ["kind", "message", "hint", "connector", "problems", "causes"] {
        assert!(error.get(key).is_some(), "{key} is missing in {error}");
    }
    assert!(
        error["problems"].as_array().is_some_and(Vec::is_empty) && matches!(error["causes"], Value::Array(_))
    );
}
