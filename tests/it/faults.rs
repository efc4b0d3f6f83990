//! What goes wrong: each fault has its exit code and its JSON error, stores nothing, and shows no secret.

use std::time::{Duration, Instant};

use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::fault::Fault;
use connector_tests::keys::Keys;
use connector_tests::strict_aws::{Role, StrictAws};
use serde_json::Value;

use crate::stage::{given, register, strict};

/// Registering `x` fails with `code`, names every one of `words`, stores nothing and shows no secret.
fn refused(
    cli: &Cli,
    server: &StrictAws,
    keys: &Keys,
    code: i32,
    method: &str,
    more: &[&str],
    words: &[&str],
) -> Value {
    let given = given(cli, &server.url(), keys);
    let mut arguments = vec!["register", "x", "--type", "aws", "--auth-method", method];
    arguments.extend(given.iter().map(String::as_str));
    arguments.extend(more);
    let error = cli.error(code, &arguments);
    let text = error.to_string();
    for word in words {
        assert!(text.to_lowercase().contains(&word.to_lowercase()), "`{word}` is not in {text}");
    }
    assert!(error["kind"].is_string() && error["message"].is_string(), "{text}");
    cli.fails(3, &["describe", "x"]);
    for entry in std::fs::read_dir(cli.home()).expect("the home is ours").flatten() {
        if entry.path().extension().is_some_and(|it| it == "secret") {
            std::fs::remove_file(entry.path()).expect("the home is ours");
        }
    }
    cli.assert_no_canary(&[Canary::of("the secret key", &keys.secret_access_key)]);
    error
}

#[test]
fn keys_that_do_not_work_are_told_apart() {
    let (server, alice, cli) = strict();
    let unknown = Keys::new("AKIAUNKNOWNUNKNOWN01", alice.secret_access_key.clone());
    refused(
        &cli,
        &server,
        &unknown,
        4,
        "session-token",
        &[],
        &["sts:GetSessionToken", "InvalidClientTokenId"],
    );
    // A method that authenticates without a call is found out by what it cannot list.
    refused(
        &cli,
        &server,
        &unknown,
        4,
        "secret-key",
        &[],
        &["sts:GetCallerIdentity", "InvalidClientTokenId"],
    );
    let wrong = Keys::new(alice.access_key_id.clone(), "wrong-secret-canary-0123456789abcdefghij");
    refused(&cli, &server, &wrong, 4, "session-token", &[], &["SignatureDoesNotMatch", "secret"]);
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let (server, alice, cli) = strict();
    server.advance(Duration::from_secs(3600));
    refused(&cli, &server, &alice, 4, "session-token", &[], &["clock"]);
}

#[test]
fn s21_lifetimes_out_of_bounds_are_refused_before_any_call() {
    let (server, alice, cli) = strict();
    for duration in ["10m", "37h"] {
        refused(
            &cli,
            &server,
            &alice,
            2,
            "session-token",
            &["--duration", duration],
            &["duration", "15m", "36h"],
        );
    }
    assert_eq!(server.calls().count(), 0);
}

#[test]
fn a_role_says_why_it_cannot_be_assumed() {
    let (server, alice, cli) = strict();
    server.add_bucket("data", "us-east-1", &[]);
    let long = format!("role_arn={}", server.add_role(Role::named("short").trusting_user("alice")));
    refused(
        &cli,
        &server,
        &alice,
        2,
        "iam-role",
        &[&long, "--duration", "2h"],
        &["sts:AssumeRole", "MaxSessionDuration"],
    );
    let closed = format!("role_arn={}", server.add_role(Role::named("closed").trusting_user("bob")));
    refused(&cli, &server, &alice, 4, "iam-role", &[&closed], &["sts:AssumeRole", "trust"]);
    let missing = "role_arn=arn:aws:iam::123456789012:role/missing";
    refused(&cli, &server, &alice, 4, "iam-role", &[missing], &["sts:AssumeRole"]);
}

#[test]
fn a_session_cannot_make_a_session() {
    let (server, alice, cli) = strict();
    let role = server.add_role(Role::named("reader").trusting_user("alice"));
    register(&cli, "role", "iam-role", &server.url(), &alice, &[&format!("role_arn={role}"), "--no-verify"]);
    let keys = crate::stage::keys_of(&cli.json(&["issue", "role", "--resource-type", "aws-generic"]));
    let temporary = Keys { session_token: None, ..keys };
    // Named before any call, with the method that takes such keys.
    let given = given(&cli, &server.url(), &temporary);
    let mut arguments = vec!["register", "x", "--type", "aws", "--auth-method", "session-token"];
    arguments.extend(given.iter().map(String::as_str));
    let error = cli.error(2, &arguments).to_string();
    assert!(error.contains("aws_access_key_id") && error.contains("sts-token"), "{error}");
}

#[test]
fn s37_an_expired_token_is_named_and_ends_the_connector() {
    let (server, alice, cli) = strict();
    let role = server.add_role(Role::named("reader").trusting_user("alice"));
    register(&cli, "role", "iam-role", &server.url(), &alice, &[&format!("role_arn={role}"), "--no-verify"]);
    let keys = crate::stage::keys_of(&cli.json(&["issue", "role", "--resource-type", "aws-generic"]));
    let token = format!("aws_session_token={}", keys.session_token.clone().expect("a session has one"));
    register(
        &cli,
        "past",
        "sts-token",
        &server.url(),
        &keys,
        &[&token, "expires_at=2020-01-01T00:00:00Z", "--no-verify"],
    );
    let error = cli.error(5, &["issue", "past", "--resource-type", "aws-generic"]);
    assert!(error.to_string().contains("2020-01-01"), "{error}");
    register(&cli, "silent", "sts-token", &server.url(), &keys, &[&token, "--no-verify"]);
    server.remove_key(&keys.access_key_id);
    server.add_bucket("data", "us-east-1", &[]);
    let error = cli.error(4, &["verify", "silent", "--resource-type", "s3-bucket", "--resource-id", "data"]);
    assert!(error["message"].is_string(), "{error}");
}

#[test]
fn no_permission_and_a_wrong_region_are_told_apart() {
    let (server, alice, cli) = strict();
    let role = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    server.add_bucket("far-away", "eu-west-1", &[]);
    let far = ["--resource-type", "s3-bucket", "--resource-id", "far-away"];
    refused(&cli, &server, &alice, 2, "iam-role", &[&[role.as_str()][..], &far].concat(), &["eu-west-1"]);
    server.add_bucket("near", "us-east-1", &[]);
    server.deny("s3:ListBucket");
    let near = ["--resource-type", "s3-bucket", "--resource-id", "near"];
    refused(&cli, &server, &alice, 4, "iam-role", &[&[role.as_str()][..], &near].concat(), &["s3:"]);
    let gone = ["--resource-type", "s3-bucket", "--resource-id", "nowhere"];
    server.allow("s3:ListBucket");
    refused(&cli, &server, &alice, 3, "iam-role", &[&[role.as_str()][..], &gone].concat(), &["nowhere"]);
}

#[test]
fn an_endpoint_that_fails_is_unreachable_and_bounded() {
    for (what, fault) in [
        ("never answers", Fault::NeverAnswers),
        ("closes", Fault::ClosedConnection),
        ("is cut off", Fault::Truncated),
        ("answers garbage", Fault::GarbageBody),
        ("is a captive portal", Fault::WrongContentType),
        ("throttles", Fault::Status(429, Some(0))),
        ("is overloaded", Fault::Status(503, None)),
    ] {
        let (server, alice, cli) = strict();
        server.faults().always(fault);
        let error = refused(&cli, &server, &alice, 6, "session-token", &["--timeout", "1s"], &[]);
        assert_eq!(error["kind"], "unreachable", "{what}: {error}");
    }
}

/// Catalogue, Network: 429 is tried again whoever answers it, after the pause that it asks for.
#[test]
fn a_429_is_tried_again_after_the_pause_that_it_asks_for() {
    let (server, alice, cli) = strict();
    register(&cli, "x", "session-token", &server.url(), &alice, &["--no-verify"]);
    // Only the first one succeeds, and the others ask for something else.
    let issue = |life| ["issue", "x", "--resource-type", "aws-generic", "--duration", life];
    server.faults().next_calls(1, Fault::Status(429, Some(1)));
    let began = Instant::now();
    cli.ok(&issue("1h"));
    assert!(began.elapsed() >= Duration::from_secs(1), "the pause is kept: {:?}", began.elapsed());
    assert_eq!(server.calls().take().len(), 2);
    server.faults().always(Fault::Status(429, None));
    cli.error(6, &issue("2h"));
    assert_eq!(server.calls().take().len(), 3, "bounded");
    server.faults().clear();
    server.faults().always(Fault::Status(429, Some(60)));
    cli.error(6, &issue("2h"));
    assert_eq!(server.calls().take().len(), 1, "a pause beyond the limit is not begun");
}

/// Catalogue, Network: the limit is for the whole call, whatever is sent again for it.
#[test]
fn a_call_that_is_never_answered_ends_with_its_limit() {
    let (server, alice, cli) = strict();
    register(&cli, "x", "session-token", &server.url(), &alice, &["--no-verify"]);
    server.faults().always(Fault::NeverAnswers);
    let began = Instant::now();
    cli.error(6, &["issue", "x", "--resource-type", "aws-generic", "--timeout", "1s"]);
    assert_eq!(server.calls().count(), 1, "there is no time left for another try");
    assert!(
        began.elapsed() < Duration::from_millis(2900),
        "three tries would take longer: {:?}",
        began.elapsed()
    );
}

/// Each fault of a policy has its own reason.
#[test]
fn a_policy_that_is_none_says_why() {
    let (server, alice, cli) = strict();
    let role = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    let arns: Vec<String> = (0..200).map(|it| format!("arn:aws:s3:::bucket-{it}/*")).collect();
    let large = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arns}]});
    let large = format!("policy={large}");
    for (policy, words) in [
        ("policy={bad", &["not JSON", "line 1, column 2"][..]),
        (r#"policy={"Version":"2012-10-17"}"#, &["no Statement"]),
        (&large, &["too large", "2048"]),
    ] {
        refused(&cli, &server, &alice, 2, "iam-role", &[&role, policy], words);
    }
    assert_eq!(server.calls().count(), 0);
}

#[test]
fn an_endpoint_that_is_down_is_unreachable() {
    let (server, alice, cli) = strict();
    server.go_down();
    refused(&cli, &server, &alice, 6, "session-token", &[], &["127.0.0.1"]);
}

#[test]
fn throttling_that_passes_is_not_seen() {
    let (server, alice, cli) = strict();
    server.throttle(1);
    register(&cli, "x", "session-token", &server.url(), &alice, &["--resource-type", "aws-generic"]);
}

#[test]
fn s24_a_policy_is_never_widened_and_never_too_large() {
    let (server, alice, cli) = strict();
    let role = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    server.add_bucket("one", "us-east-1", &[]);
    let own = |policy: Value| format!("policy={policy}");
    let other = own(serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}]}));
    register(&cli, "other", "iam-role", &server.url(), &alice, &[&role, &other, "--no-verify"]);
    server.calls().take();
    let bucket = ["--resource-type", "s3-bucket", "--resource-id", "one"];
    let error = cli.error(4, &[&["issue", "other"][..], &bucket].concat());
    assert!(error.to_string().contains("s3:ListBucket on arn:aws:s3:::one"), "{error}");
    assert_eq!(server.calls().count(), 0, "refused before the call");

    let wide = own(serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}));
    register(&cli, "wide", "iam-role", &server.url(), &alice, &[&role, &wide, "--no-verify"]);
    server.calls().take();
    cli.ok(&[&["issue", "wide"][..], &bucket].concat());
    let sent = server.calls().of("AssumeRole")[0].parameter("Policy").expect("the generated one");
    assert!(sent.contains("arn:aws:s3:::one") && !sent.contains("s3:*"), "sent alone: {sent}");

    let long = "x/".repeat(500);
    let error = cli.error(2, &[&["issue", "wide"][..], &bucket, &["--within", &long]].concat());
    assert!(error.to_string().contains("2048"), "{error}");
}

#[test]
fn a_packed_policy_that_is_too_large_is_named() {
    let (server, alice, cli) = strict();
    let role = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    register(&cli, "x", "iam-role", &server.url(), &alice, &[&role, "--no-verify"]);
    server.set_packed_limit(64);
    let error = cli.error(2, &["issue", "x", "--resource-type", "s3-bucket", "--resource-id", "one"]);
    assert!(error.to_string().contains("PackedPolicyTooLarge"), "{error}");
}

#[test]
fn an_mfa_code_is_asked_for_and_a_helper_never_asks() {
    let (server, alice, cli) = strict();
    let serial = server.add_device("alice", "123456");
    let role =
        format!("role_arn={}", server.add_role(Role::named("guarded").trusting_user("alice").with_mfa()));
    let serial = format!("mfa_serial={serial}");
    register(
        &cli,
        "x",
        "iam-role",
        &server.url(),
        &alice,
        &[&role, &serial, "--mfa-code", "123456", "--resource-type", "aws-generic"],
    );
    let error = cli.error(4, &["issue", "x", "--resource-type", "aws-generic"]);
    assert!(error.to_string().contains("MFA"), "{error}");
    let helper = cli.run(&["helper", "aws", "x", "--resource-type", "aws-generic"]);
    assert!(!helper.success() && helper.stdout.is_empty(), "{helper:?}");
    assert!(helper.stderr_text().contains("MFA"), "{}", helper.stderr_text());
}

#[test]
fn many_processes_that_need_the_same_credential_cause_one_call() {
    let (server, alice, cli) = strict();
    let role = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    register(&cli, "x", "iam-role", &server.url(), &alice, &[&role, "--no-verify"]);
    server.calls().take();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                cli.ok(&["helper", "aws", "x", "--resource-type", "s3-bucket", "--resource-id", "one"])
            });
        }
    });
    assert_eq!(server.calls().actions(), ["AssumeRole"]);
}
