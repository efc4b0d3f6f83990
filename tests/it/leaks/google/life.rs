//! Whole lives of connectors of every method, with logs at trace level.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::process;

use super::{BUCKET, CLUSTER, IMAGES, Method, PROJECT_ITSELF, REGISTRY, SECRET, Stage};
use crate::leaks::registries;
use crate::leaks::watch::Class;

/// The connector, used for a bucket alone: what is handed out is narrowed.
fn use_the_bucket(stage: &Stage) {
    let cli = &stage.watch.cli;
    let with = |words: &[&'static str]| [words, &BUCKET].concat();
    cli.ok(&with(&["-vvv", "verify", "prod"]));
    for form in ["table", "json", "yaml"] {
        cli.ok(&with(&["issue", "prod", "-o", form]));
        cli.ok(&with(&["explain", "prod", "-o", form]));
        cli.ok(&with(&["describe", "prod", "-o", form]));
    }
    for format in ["sh", "fish", "powershell", "dotenv", "json"] {
        cli.ok(&with(&["env", "prod", "--format", format]));
    }
    let target = stage.watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    cli.ok(&[&with(&["exec", "prod"])[..], &["--", target, "an argument"]].concat());
    log_in(stage, &BUCKET);
}

/// Logs the program for a resource in, and takes that back in both ways; at last it is logged in.
fn log_in(stage: &Stage, resource: &[&str]) {
    let cli = &stage.watch.cli;
    let login = [&["login", "prod"][..], resource].concat();
    for taken_back in [&["undo"][..], &["logout", "prod"]] {
        cli.json(&login);
        cli.ok(&login);
        cli.json(taken_back);
    }
    cli.ok(&login);
}

/// What is handed out whole: Google narrows tokens for Cloud Storage alone.
fn use_all_else(stage: &Stage) {
    let cli = &stage.watch.cli;
    for looking in
        [&["list"][..], &["describe", "prod"], &["list-resources"], &["verify", "prod"], &["audit"]]
    {
        cli.ok(looking);
        cli.json(looking);
    }
    for resource in [&PROJECT_ITSELF[..], &CLUSTER, &IMAGES, &SECRET] {
        cli.ok(&[&["verify", "prod"], resource].concat());
        for form in ["table", "json", "yaml"] {
            cli.ok(&[&["issue", "prod", "-o", form], resource].concat());
            cli.ok(&[&["explain", "prod", "-o", form], resource].concat());
        }
        // Whether there are variables for it or not.
        cli.run(&[&["env", "prod"], resource].concat());
    }
    // The first fills the cache, the second is answered from it.
    for _ in 0..2 {
        cli.ok(&[&["helper", "kubectl", "prod"][..], &CLUSTER].concat());
        cli.ok(&[&["helper", "docker", "prod"][..], &IMAGES].concat());
    }
    for resource in [&CLUSTER[..], &IMAGES, &PROJECT_ITSELF] {
        log_in(stage, resource);
    }
    // Logging out took all of them back.
    for resource in [&CLUSTER[..], &IMAGES] {
        cli.ok(&[&["login", "prod"], resource].concat());
    }
    let host = REGISTRY.split('/').next().expect("a registry has a host");
    registries::helper(&stage.watch, "get", host).expect_success();
    for verb in ["get", "list", "erase", "version", "bogus"] {
        registries::helper(&stage.watch, verb, host);
    }
    let file = cli.home().join("static/config");
    let mut command = cli.command(&[&["login", "prod", "--static"][..], &CLUSTER].concat());
    cli.keep(process::run(command.env("KUBECONFIG", &file))).expect_success();
    assert!(file.exists(), "written, until it is logged out");
    cli.ok(&["read-secret", "prod", "db"]);
    cli.json(&["read-secret", "prod", "db"]);
}

/// Another secret, and then the end: of its time, of its being switched on, of all.
fn change_and_end(stage: &Stage) {
    let cli = &stage.watch.cli;
    let with = |words: &[&'static str]| [words, &BUCKET].concat();
    stage.run(&["update", "prod", &stage.secret()]).expect_success();
    cli.json(&with(&["issue", "prod"]));
    cli.fails(2, &["update", "prod", "endpoint_url=nowhere"]);
    cli.ok(&["update", "prod", "--expires-at", "2020-01-01T00:00:00Z", "--no-verify"]);
    for form in ["table", "json"] {
        cli.fails(5, &with(&["issue", "prod", "-o", form]));
        cli.fails(5, &[&["helper", "kubectl", "prod", "-o", form][..], &CLUSTER].concat());
    }
    cli.ok(&["update", "prod", "--expires-at=", "--no-verify"]);
    cli.ok(&["logout", "prod"]);
    cli.ok(&["store", "rotate-key"]);
    stage.watch.watch_key_file();
    cli.ok(&["rename", "prod", "renamed"]);
    cli.json(&with(&["issue", "renamed"]));
    cli.ok(&["disable", "renamed"]);
    cli.fails(5, &with(&["issue", "renamed"]));
    cli.ok(&["enable", "renamed"]);
    cli.ok(&["cache", "clear"]);
    cli.ok(&["delete", "renamed"]);
    cli.fails(3, &["describe", "renamed"]);
    cli.json(&["audit"]);
}

/// A whole life; then everything is watched for.
fn live(stage: &Stage) {
    stage.register(&stage.config(), &[]).expect_success();
    stage.watch.watch_key_file();
    use_the_bucket(stage);
    // For a bucket nobody needs more than the narrowed token: the one that it is made of is kept.
    let never: BTreeSet<String> = stage.whole_tokens();
    assert!(!never.is_empty(), "each is made of one");
    assert_eq!(stage.leaks_of(Class::Kept, &never), [], "{:?}", stage.method);
    use_all_else(stage);
    let token = format!("{}/gcloud/connector-prod.token", stage.watch.cli.connector_home().display());
    let held = std::fs::read_to_string(&token).expect("gcloud's token is there");
    let leaks = stage.leaks_of(Class::Kept, [&held]);
    assert!(leaks.iter().any(|it| it.place == token), "the search finds it where it is one: {leaks:?}");
    change_and_end(stage);
    assert!(!std::path::Path::new(&token).exists(), "taken back");
    stage.watch_everything(|token| {
        let owner = stage.google.owner(token).map(|(owner, _)| owner);
        let is_whole = owner.is_some() && !stage.google.is_narrowed(token);
        // A token that somebody else made is handed on as it is.
        let is_kept = never.contains(token) && stage.method != Method::Oauth2Token;
        owner.as_deref() == Some(stage.owner()) && !(is_whole && is_kept)
    });
}

/// S31, C1, C10: a key, and what is signed with it.
#[test]
fn s31_c1_c10_the_key_of_a_service_account_shows_nowhere() {
    check(Method::ServiceAccount);
}

/// S31, C1, C10: a key, and the token by which it stands in for another account.
#[test]
fn s31_c1_c10_the_key_of_an_impersonation_shows_nowhere() {
    check(Method::Impersonation);
}

/// S31, C1, C10: a refresh token and the client that it was given to.
#[test]
fn s31_c1_c10_a_login_that_is_taken_over_shows_nowhere() {
    check(Method::TakenOver);
}

/// S31, C1, C10, S45: the client, the code that the browser brings, and the login that is kept.
#[test]
fn s31_c1_c10_a_login_that_is_made_in_a_browser_shows_nowhere() {
    check(Method::Browser);
}

/// S31, C1, C10: the token of elsewhere, and the one of Google's that it is exchanged for.
#[test]
fn s31_c1_c10_the_token_of_an_external_account_shows_nowhere() {
    check(Method::ExternalAccount);
}

/// S31, C1, C10: for a bucket, a token of somebody else's is kept as all others are.
#[test]
fn s31_c1_c10_a_given_token_shows_where_it_is_asked_for() {
    check(Method::Oauth2Token);
}

fn check(method: Method) {
    let stage = Stage::new(method);
    live(&stage);
    stage.watch.assert_clean();
    let used = stage.watch.used_sinks();
    for sink in [
        "the answer of `issue -o json`",
        "the answer of `issue -o yaml`",
        "the answer of `env`",
        "the answer of `helper`",
        "the environment of the program that `exec` becomes",
        "the answer of docker's own helper",
        "the answer of `read-secret`",
    ] {
        assert!(used.contains(&sink), "{sink}: {used:?}");
    }
    let told = stage.watch.cli.transcript().iter().any(|it| it.stderr_text().contains("POST"));
    assert!(told, "logs are on");
    assert!(stage.google.calls().all().iter().any(|it| it.path == "/v1/token"), "tokens are narrowed");
}

/// The harness finds a token of Google's that is whole where a narrowed one may stand, and a line of a key in what is
/// packed in base64.
#[test]
fn a_leak_of_googles_secrets_is_found() {
    let stage = Stage::new(Method::ServiceAccount);
    stage.register(&stage.config(), &["--no-verify"]).expect_success();
    stage.watch.cli.json(&[&["issue", "prod"][..], &BUCKET].concat());
    let whole = stage.whole_tokens();
    let key = stage.google.key_json(&stage.robot);
    stage.watch_everything(|token| stage.google.is_narrowed(token));
    stage.watch.assert_clean();
    let new_leaks = |text: &str| {
        let before = stage.watch.leaks().len();
        let mut finished = process::run(std::process::Command::new("/bin/echo").arg(text));
        finished.command = "connector issue prod -o json".to_owned();
        stage.watch.cli.keep(finished);
        stage.watch.leaks().len() - before
    };
    assert_eq!(new_leaks("nothing"), 0);
    assert!(
        new_leaks(whole.first().expect("one was narrowed")) > 0,
        "a whole token in the answer for a bucket"
    );
    let line = key.split("\\n").nth(3).expect("a key has lines");
    assert!(new_leaks(line) > 0, "a line of a key");
    assert!(new_leaks(&STANDARD.encode(&key)) > 1, "a key file in base64");
}
