//! Sessions of a user's key across processes: what is learnt of the key, and one MFA code for all.

use connector_tests::strict_aws::Role;

use crate::stage::{keys_of, register, strict};

const THREE_HOURS: [&str; 4] = ["--resource-type", "aws-generic", "--duration", "3h"];

/// S21, S24: registering shows that the key is root's, says so, and holds it to an hour from then on.
#[test]
fn s21_a_root_key_is_held_to_an_hour_once_it_is_seen() {
    let (server, _, cli) = strict();
    let root = server.add_root();
    let mut arguments: Vec<String> =
        ["register", "boss", "--type", "aws", "--auth-method", "session-token"].map(str::to_owned).into();
    arguments.extend(crate::stage::given(&cli, &server.url(), &root));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let registered = cli.json(&arguments);
    let warnings = registered["warnings"].to_string();
    assert!(warnings.contains("the key is the root user's"), "{warnings}");

    server.calls().take();
    for command in ["issue", "explain"] {
        let error = cli.error(2, &[&[command, "boss"][..], &THREE_HOURS].concat());
        assert!(error.to_string().contains("the key is the root user's"), "{command}: {error}");
    }
    assert_eq!(server.calls().count(), 0, "refused before any call");
    let explained = cli.json(&["explain", "boss", "--resource-type", "aws-generic"]);
    assert_eq!(explained["lifetime"][0]["duration"], 3600, "{explained}");
    assert!(explained["sent"].to_string().contains("\"3600\""), "{explained}");
    cli.ok(&["issue", "boss", "--resource-type", "aws-generic"]);
    assert_eq!(server.calls().actions(), ["GetSessionToken"], "issuing stays one call");
}

#[test]
fn s21_the_trust_policy_shows_whose_key_it_is_too() {
    let (server, alice, cli) = strict();
    let root = server.add_root();
    register(&cli, "boss", "session-token", &server.url(), &root, &["--no-verify"]);
    register(&cli, "user", "session-token", &server.url(), &alice, &["--no-verify"]);
    for name in ["boss", "user"] {
        cli.ok(&["explain", name, "--trust-policy"]);
    }
    cli.ok(&[&["issue", "user"][..], &THREE_HOURS].concat());
    cli.error(2, &[&["issue", "boss"][..], &THREE_HOURS].concat());
}

/// One code, given when registering, serves every bucket and every program until the session ends; a code that is
/// given when verifying opens a new one.
#[test]
fn one_mfa_code_serves_all_grants_of_a_session_token() {
    let (server, alice, cli) = strict();
    let serial = format!("mfa_serial={}", server.add_device("alice", "123456"));
    let more = [serial.as_str(), "--mfa-code", "123456", "--resource-type", "aws-generic"];
    register(&cli, "x", "session-token", &server.url(), &alice, &more);
    let first = server.calls().of("GetSessionToken").len();
    let issued = cli.json(&["issue", "x", "--resource-type", "aws-generic"]);
    let helped = cli.run(&["helper", "aws", "x", "--resource-type", "aws-generic"]);
    assert!(helped.success(), "{}", helped.stderr_text());
    let long = cli.json(&["issue", "x", "--resource-type", "aws-generic", "--duration", "6h"]);
    assert_eq!(keys_of(&issued).access_key_id, keys_of(&long).access_key_id, "one session for all");
    assert_eq!(server.calls().of("GetSessionToken").len(), first);
    let audit = cli.json(&["audit", "--connector", "x"]).to_string();
    assert!(audit.matches("\"mint\"").count() >= 2, "each of them is recorded: {audit}");

    let error = cli.error(4, &["verify", "x"]);
    assert!(error.to_string().contains("MFA"), "verifying proves the key, and needs a code: {error}");
    cli.ok(&["verify", "x", "--mfa-code", "123456"]);
    let renewed = cli.json(&["issue", "x", "--resource-type", "aws-generic", "--duration", "5h"]);
    assert_ne!(keys_of(&renewed).access_key_id, keys_of(&issued).access_key_id);

    cli.ok(&["disable", "x"]);
    cli.error(5, &["issue", "x", "--resource-type", "aws-generic"]);
}

/// Hints while registering name what works for a connector that is not stored.
#[test]
fn a_hint_while_registering_works() {
    let (server, alice, cli) = strict();
    let role = format!("role_arn={}", server.add_role(Role::named("closed").trusting_user("bob")));
    let mut arguments: Vec<String> =
        ["register", "x", "--type", "aws", "--auth-method", "iam-role", &role].map(str::to_owned).into();
    arguments.extend(crate::stage::given(&cli, &server.url(), &alice));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let hint = cli.error(4, &arguments)["hint"].to_string();
    assert!(hint.contains("--no-verify") && hint.contains("connector explain x --trust-policy"), "{hint}");
    cli.ok(&[&arguments[..], &["--no-verify"]].concat());
    assert!(cli.ok(&["explain", "x", "--trust-policy"]).text().contains("user/alice"));
}
