//! No secret in any output, nor in any file but sealed.

use connector_tests::canary::Canary;

use super::{KEY_ID, cli};

fn register<'a>(name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["--type", "aws", "--auth-method", "session-token", "region=us-east-1", KEY_ID];
    [&["register", name], &base[..], more].concat()
}

#[test]
fn s25_s31_a_secret_shows_nowhere() {
    let canary = Canary::generate("secret access key");
    let cli = cli().with_env("CANARY", canary.secret());
    let from_env = "aws_secret_access_key=env:CANARY";
    let literal = format!("aws_secret_access_key={}", canary.secret());

    cli.ok(&register("prod", &[from_env, "--no-verify"]));
    cli.ok(&register("dry", &[from_env, "--no-verify", "--dry-run"]));
    cli.ok(&register("dry", &[from_env, "--no-verify", "--dry-run", "-o", "json"]));
    cli.fails(2, &register("bad", &[from_env, "--no-verify", "bogus=1"]));
    cli.fails(6, &register("down", &[from_env, "endpoint_url=http://127.0.0.1:1", "-vv"]));
    // What stands on the command line is in the transcript's own record of it, so only outputs are searched.
    for output in ["table", "json", "yaml"] {
        let finished =
            cli.command(&register("lit", &[&literal, "--no-verify", "--dry-run", "-o", output])).output();
        let finished = finished.expect("it runs");
        assert!(finished.status.success());
        assert_eq!(canary.search("standard output", &finished.stdout), []);
        assert_eq!(canary.search("standard error", &finished.stderr), []);
    }
    for output in ["table", "json", "yaml"] {
        for command in [&["list"][..], &["describe", "prod"], &["audit"], &["store", "status"]] {
            cli.ok(&[command, &["-o", output]].concat());
        }
        cli.fails(6, &["verify", "prod", "-o", output, "-vv", "--timeout", "1s"]);
    }
    cli.ok(&["update", "prod", "--no-verify", from_env]);
    cli.ok(&["store", "backup", "copy"]);
    cli.assert_no_canary(&[canary]);
}

#[test]
fn a_file_with_a_secret_is_not_quoted() {
    let canary = Canary::generate("secret in a broken file");
    let cli = cli();
    let broken = [
        (
            "a.json",
            format!("{{\"type\": \"aws\", \"config\": {{\"aws_secret_access_key\": {} }}", canary.secret()),
        ),
        ("b.yaml", format!("type: aws\nconfig:\n  aws_secret_access_key: '{}\n", canary.secret())),
        ("c.toml", format!("type = 'aws'\n[config]\naws_secret_access_key = {}\n", canary.secret())),
        ("d.json", format!("{{\"type\": \"aws\", \"config\": \"{}\"}}", canary.secret())),
    ];
    for (name, content) in broken {
        let path = cli.home().join(name);
        std::fs::write(&path, content).expect("written");
        let error = cli.error(2, &["register", "x", "--from-file", name]);
        assert!(error.to_string().contains(name), "{error}");
        std::fs::remove_file(&path).expect("removed");
    }
    cli.assert_no_canary(&[canary]);
}

#[test]
fn what_was_printed_hidden_is_not_registered_as_a_secret() {
    let cli = cli().with_env("SECRET", "not-much-of-a-secret");
    super::register(&cli, "prod", &[]);
    let printed = cli.json(&["describe", "prod"]).to_string();
    std::fs::write(cli.home().join("prod.json"), printed).expect("written");
    let error = cli.error(2, &["register", "copy", "--from-file", "prod.json", "--no-verify"]);
    assert_eq!(error["problems"].as_array().map(Vec::len), Some(2), "{error}");
    let again = [
        "register",
        "copy",
        "--from-file",
        "prod.json",
        "--no-verify",
        KEY_ID,
        "aws_secret_access_key=env:SECRET",
    ];
    cli.ok(&again);
}
