//! Whole lives of connectors of every method, with logs at trace level.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{BUCKET, CLUSTER, IMAGES, Method, PROJECT_ITSELF, SECRET, Stage};
use crate::leaks::cloud::{self, Rest};
use crate::leaks::watch::Class;

/// The host of the registry, by which docker asks.
const HOST: &str = "europe-west1-docker.pkg.dev";

/// What is handed out whole: Google narrows tokens for Cloud Storage alone.
const REST: Rest<'_> = Rest {
    all: &[&PROJECT_ITSELF, &CLUSTER, &IMAGES, &SECRET],
    logins: &[&CLUSTER, &IMAGES, &PROJECT_ITSELF],
    cluster: &CLUSTER,
    images: &IMAGES,
    registry: HOST,
    secret: "db",
    asked: &PROJECT_ITSELF,
};

/// Another secret, and then the end.
fn change_and_end(stage: &Stage) {
    stage.run(&["update", "prod", &stage.secret()]).expect_success();
    cloud::end(&stage.watch, &BUCKET);
}

/// A whole life; then everything is watched for.
fn live(stage: &Stage) {
    stage.register(&stage.config(), &[]).expect_success();
    stage.watch.watch_key_file();
    cloud::use_it(&stage.watch, &BUCKET);
    cloud::log_in(&stage.watch, &BUCKET);
    // For a bucket nobody needs more than the narrowed token: the one that it is made of is kept.
    let never: BTreeSet<String> = stage.whole_tokens();
    assert!(!never.is_empty(), "each is made of one");
    assert_eq!(stage.leaks_of(Class::Kept, &never), [], "{:?}", stage.method);
    cloud::use_the_rest(&stage.watch, &REST);
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
    cloud::assert_used(&stage.watch);
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
    let new_leaks = |text: &str| cloud::new_leaks(&stage.watch, text);
    assert_eq!(new_leaks("nothing"), 0);
    assert!(
        new_leaks(whole.first().expect("one was narrowed")) > 0,
        "a whole token in the answer for a bucket"
    );
    let line = key.split("\\n").nth(3).expect("a key has lines");
    assert!(new_leaks(line) > 0, "a line of a key");
    assert!(new_leaks(&STANDARD.encode(&key)) > 1, "a key file in base64");
}
