//! The doctor against strict clouds: which hop fails, by what the provider says, and that nothing waits for long.

use std::time::Duration;

use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::fault::Fault;
use connector_tests::keys::Keys;
use connector_tests::strict_aws::{Role, StrictAws};
use connector_tests::strict_azure::{DOMAIN, SUBSCRIPTION, StrictAzure, TENANT};
use connector_tests::strict_google::{PROJECT, StrictGoogle};
use serde_json::{Value, json};

use crate::stage::{register, strict};

const BUCKET: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "data"];

/// What the doctor says of a connector, which ends with this code.
#[track_caller]
fn doctor(cli: &Cli, code: i32, name: &str) -> Value {
    cli.fails(code, &["doctor", name, "-o", "json"]).json()
}

fn fails_at(report: &Value) -> &str {
    report["connectors"][0]["fails_at"].as_str().unwrap_or("nowhere")
}

fn hop<'a>(report: &'a Value, name: &str) -> &'a Value {
    let hops = report["connectors"][0]["hops"].as_array().expect("a list");
    hops.iter().find(|it| it["hop"] == name).expect("every hop is there")
}

/// Message, causes and hint of a hop's error, for a look at the words.
fn said(report: &Value, name: &str) -> String {
    hop(report, name)["error"].to_string()
}

fn rules(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().map(|it| it["rule"].as_str().expect("a word")).collect()
}

/// C10: no secret shows anywhere but in the files that it was given by.
#[track_caller]
fn assert_shows_none(cli: &Cli, what: &str, secret: &str) {
    for entry in std::fs::read_dir(cli.home()).expect("the home is ours").flatten() {
        if entry.path().extension().is_some_and(|it| it == "secret") {
            std::fs::remove_file(entry.path()).expect("the home is ours");
        }
    }
    cli.assert_no_canary(&[Canary::of(what, secret)]);
}

/// A role for one bucket, which alice may assume.
fn role(server: &StrictAws, cli: &Cli, alice: &Keys, name: &str) {
    server.add_bucket("data", "us-east-1", &[]);
    let arn = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    let more = [&[arn.as_str(), "--no-verify"][..], &BUCKET].concat();
    register(cli, name, "iam-role", &server.url(), alice, &more);
}

#[test]
fn aws_is_walked_to_the_bucket_and_nothing_is_minted() {
    let (server, alice, cli) = strict();
    role(&server, &cli, &alice, "prod");
    server.calls().take();
    let report = doctor(&cli, 0, "prod");
    assert_eq!(
        (fails_at(&report), rules(&report).contains(&"not-narrowed")),
        ("nowhere", false),
        "{report:#}"
    );
    assert_eq!(hop(&report, "reach")["detail"], "s3-bucket s3://data");
    // Once for the identity, and once narrowed to the bucket, as it would be for a client.
    assert_eq!(server.calls().of("AssumeRole").len(), 2, "{:?}", server.calls().actions());
    let mints = cli.json(&["audit", "--action", "mint"]);
    assert_eq!(mints, json!([]));
    assert_shows_none(&cli, "the secret key", &alice.secret_access_key);
}

#[test]
fn aws_says_at_which_hop_and_why() {
    let (server, alice, cli) = strict();
    role(&server, &cli, &alice, "prod");
    server.deny("s3:ListBucket");
    let report = doctor(&cli, 4, "prod");
    assert_eq!(fails_at(&report), "reach", "{report:#}");
    server.allow("s3:ListBucket");

    server.deny("sts:AssumeRole");
    let report = doctor(&cli, 4, "prod");
    assert_eq!(
        (fails_at(&report), hop(&report, "reach")["state"].as_str()),
        ("authenticate", Some("not-reached"))
    );
    assert!(said(&report, "authenticate").contains("sts:AssumeRole"), "{report:#}");
    server.allow("sts:AssumeRole");

    let gone = ["--resource-type", "s3-bucket", "--resource-id", "nowhere", "--no-verify"];
    let arn = format!("role_arn={}", Role::named("reader").arn());
    register(&cli, "gone", "iam-role", &server.url(), &alice, &[&[arn.as_str()][..], &gone].concat());
    let report = doctor(&cli, 3, "gone");
    assert_eq!(fails_at(&report), "reach", "{report:#}");
    assert!(said(&report, "reach").contains("nowhere"), "{report:#}");

    let wrong = Keys::new(alice.access_key_id.clone(), "wrong-secret-canary-0123456789abcdefghij");
    register(&cli, "wrong", "session-token", &server.url(), &wrong, &["--no-verify"]);
    let report = doctor(&cli, 4, "wrong");
    assert_eq!(fails_at(&report), "authenticate");
    assert!(said(&report, "authenticate").contains("SignatureDoesNotMatch"), "{report:#}");

    // All of them side by side: the worst decides.
    let all = cli.fails(4, &["doctor", "-o", "json"]).json();
    let at: Vec<_> =
        all["connectors"].as_array().expect("a list").iter().map(|it| it["fails_at"].clone()).collect();
    assert_eq!(at, [json!("reach"), Value::Null, json!("authenticate")]);
    assert_shows_none(&cli, "the wrong key", &wrong.secret_access_key);
}

/// A connector that takes its identity from another fails where that one does.
#[test]
fn s59_a_source_that_does_not_work_is_the_hop() {
    let (server, alice, cli) = strict();
    server.add_bucket("data", "us-east-1", &[]);
    register(&cli, "base", "session-token", &server.url(), &alice, &["--no-verify"]);
    let arn = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    let endpoint = format!("endpoint_url={}", server.url());
    let words = ["register", "derived", "--type", "aws", "--auth-method", "iam-role", "--no-verify"];
    cli.ok(&[&words[..], &["region=us-east-1", &endpoint, "source=base", &arn], &BUCKET].concat());
    let report = doctor(&cli, 0, "derived");
    assert_eq!(hop(&report, "source")["detail"], "`base` authenticates");
    assert_eq!(hop(&report, "identity")["detail"], "connector `base`");
    server.remove_key(&alice.access_key_id);
    let report = doctor(&cli, 4, "derived");
    assert_eq!(fails_at(&report), "source", "{report:#}");
    let error = said(&report, "source");
    assert!(error.contains("connector `base`") && error.contains("InvalidClientTokenId"), "{error}");
}

#[test]
fn a_clock_that_is_wrong_is_named_also_where_it_is_borne() {
    let (server, alice, cli) = strict();
    role(&server, &cli, &alice, "prod");
    assert!(!rules(&doctor(&cli, 0, "prod")).contains(&"clock-skew"));
    server.advance(Duration::from_secs(3600));
    let refused = doctor(&cli, 4, "prod");
    assert_eq!(fails_at(&refused), "authenticate");
    assert!(rules(&refused).contains(&"clock-skew") && said(&refused, "authenticate").contains("clock"));
    server.tolerate_skew();
    let borne = doctor(&cli, 0, "prod");
    let findings = borne["findings"].as_array().expect("a list");
    let skew = findings.iter().find(|it| it["rule"] == "clock-skew").expect("found").clone();
    assert!(
        skew["message"].as_str().is_some_and(|it| it.contains("behind that of http://127.0.0.1")),
        "{skew}"
    );
}

/// A connector of this method alone, which takes the identity of the machine.
fn implicit(cli: &Cli, connector_type: &str, method: &str, more: &[&str]) {
    let words = ["register", "here", "--type", connector_type, "--auth-method", method, "--no-verify"];
    cli.ok(&[&words[..], more].concat());
}

/// S41: instance metadata is the place that won; one that never answers is asked once. That its limit is a second is
/// shown on a virtual clock, where the doctor itself is tested.
#[test]
fn s41_metadata_of_aws_is_bounded() {
    let server = StrictAws::start();
    server.add_role(Role::named("machine"));
    server.set_instance_role("machine");
    server.add_bucket("data", "us-east-1", &[]);
    let cli = Cli::new()
        .with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true")
        .with_env("AWS_EC2_METADATA_DISABLED", "false")
        .with_env("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url());
    let endpoint = format!("endpoint_url={}", server.url());
    implicit(&cli, "aws", "implicit", &[&["region=us-east-1", &endpoint][..], &BUCKET].concat());
    let report = doctor(&cli, 0, "here");
    let identity = hop(&report, "identity");
    assert!(
        identity["detail"].as_str().is_some_and(|it| it.starts_with("the instance's metadata: ")),
        "{identity:#}"
    );
    assert!(rules(&report).contains(&"implicit-auth"), "{report:#}");

    server.calls().take();
    server.faults().always(Fault::NeverAnswers);
    let report = doctor(&cli, 3, "here");
    assert_eq!(fails_at(&report), "authenticate", "{report:#}");
    assert_eq!(server.calls().take().len(), 1, "asked once");
    // The same under a longer limit for other calls.
    cli.fails(3, &["doctor", "here", "--timeout", "1m"]);
    assert_eq!(server.calls().take().len(), 1, "asked once");
}

/// The same for Google's metadata service.
#[test]
fn s41_metadata_of_google_is_bounded() {
    let google = StrictGoogle::start();
    let host = google.url().trim_start_matches("http://").to_owned();
    let cli = Cli::new()
        .with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true")
        .with_env("GCE_METADATA_HOST", host);
    let (project, endpoint) = (format!("project_id={PROJECT}"), format!("endpoint_url={}", google.url()));
    implicit(&cli, "gcp", "implicit", &[&project, &endpoint]);
    google.faults().always(Fault::NeverAnswers);
    let report = doctor(&cli, 3, "here");
    assert_eq!(fails_at(&report), "authenticate", "{report:#}");
    assert!(google.calls().take().len() <= 2, "not again and again");
}

#[test]
fn google_says_at_which_hop_and_why() {
    let google = StrictGoogle::start();
    let robot = google.add_service_account("robot");
    google.add_bucket("data", &[]);
    google.grant(&robot, "roles/storage.admin", &format!("projects/{PROJECT}"));
    let cli = Cli::new();
    let key = cli.home().join("key.json");
    std::fs::write(&key, google.key_json(&robot)).expect("the home is ours");
    let (json, endpoint) =
        (format!("service_account_json=@{}", key.display()), format!("endpoint_url={}", google.url()));
    let words = ["register", "prod", "--type", "gcp", "--auth-method", "service-account", "--no-verify"];
    let bucket = ["--resource-type", "gcs-bucket", "--resource-id", "gs://data"];
    cli.ok(&[&words[..], &[&json, &endpoint], &bucket].concat());
    std::fs::remove_file(&key).expect("ours");
    let report = doctor(&cli, 0, "prod");
    assert_eq!(hop(&report, "reach")["detail"], "gcs-bucket gs://data", "{report:#}");
    cli.ok(&["update", "prod", "--no-verify", "--resource-id", "gs://nowhere"]);
    let report = doctor(&cli, 3, "prod");
    assert_eq!(fails_at(&report), "reach", "{report:#}");
}

#[test]
fn azure_says_at_which_hop_and_why() {
    const CLIENT: &str = "66666666-7777-4888-9999-000000000000";
    let azure = StrictAzure::start();
    let robot = azure.add_app(TENANT, CLIENT);
    azure.grant(&robot, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    let cli = Cli::new();
    let file = |name: &str, text: &str| {
        let path = cli.home().join(name);
        std::fs::write(&path, text).expect("the home is ours");
        path.display().to_string()
    };
    let ca = format!("ca_bundle={}", file("ca.pem", azure.ca()));
    let secret = azure.add_secret(CLIENT);
    let (right, wrong) = (file("right", &secret), file("wrong", "wrong-secret-canary-of-azure-42"));
    let words = ["--type", "azure", "--auth-method", "service-principal", "--no-verify"];
    let place = [
        format!("tenant_id={DOMAIN}"),
        format!("client_id={CLIENT}"),
        format!("endpoint_url={}", azure.url()),
    ];
    let place: Vec<&str> = place.iter().map(String::as_str).collect();
    let subscription = format!("subscription_id={SUBSCRIPTION}");
    let more = [&ca, &subscription, "--resource-type", "azure-generic", "--resource-id", SUBSCRIPTION];
    for (name, secret) in [("prod", right), ("wrong", wrong)] {
        let secret = format!("client_secret=@{secret}");
        cli.ok(&[&["register", name][..], &words, &place, &[&secret], &more].concat());
    }
    for name in ["right", "wrong"] {
        std::fs::remove_file(cli.home().join(name)).expect("ours");
    }
    let report = doctor(&cli, 0, "prod");
    assert_eq!(fails_at(&report), "nowhere", "{report:#}");
    let report = doctor(&cli, 4, "wrong");
    assert_eq!(fails_at(&report), "authenticate", "{report:#}");
    assert!(said(&report, "authenticate").contains("AADSTS7000215"), "{report:#}");
    let canaries =
        [Canary::of("the secret", &secret), Canary::of("the wrong one", "wrong-secret-canary-of-azure-42")];
    cli.assert_no_canary(&canaries);
}

/// A provider that never answers is given up at the limit for a call, which is the doctor's own.
#[test]
fn an_endpoint_that_never_answers_is_given_up() {
    let (server, alice, cli) = strict();
    role(&server, &cli, &alice, "prod");
    server.calls().take();
    server.faults().always(Fault::NeverAnswers);
    let report = cli.fails(6, &["doctor", "prod", "--timeout", "1s", "-o", "json"]).json();
    assert_eq!(fails_at(&report), "authenticate", "{report:#}");
    assert!(said(&report, "authenticate").contains("1s"), "{report:#}");
    assert!(server.calls().take().len() <= 3);
}

/// A code is asked of nobody: many connectors are looked at at once.
#[test]
fn nobody_is_asked_for_a_code() {
    let (server, alice, cli) = strict();
    let serial = format!("mfa_serial={}", server.add_device("alice", "123456"));
    register(&cli, "x", "session-token", &server.url(), &alice, &[&serial, "--no-verify"]);
    let report = doctor(&cli, 4, "x");
    assert_eq!(fails_at(&report), "authenticate");
    assert!(said(&report, "authenticate").contains("asks nobody"), "{report:#}");
    // A session that was opened with one serves it, as it serves whoever asks.
    cli.ok(&["verify", "x", "--mfa-code", "123456"]);
    let before = server.calls().of("GetSessionToken").len();
    doctor(&cli, 0, "x");
    assert_eq!(server.calls().of("GetSessionToken").len(), before);
}
