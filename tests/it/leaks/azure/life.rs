//! Whole lives of connectors of every method, with logs at trace level.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::canary::Canary;

use super::{CLUSTER, CONTAINER, COSMOS, GENERIC, IMAGES, Method, REGISTRY, SECRET, Stage};
use crate::leaks::cloud::{self, Rest};
use crate::leaks::watch::Class;

/// Everything beside a container: tokens for a service each.
const REST: Rest<'_> = Rest {
    all: &[&GENERIC, &CLUSTER, &IMAGES, &SECRET, &COSMOS],
    logins: &[&CLUSTER, &IMAGES, &SECRET, &COSMOS, &GENERIC],
    cluster: &CLUSTER,
    images: &IMAGES,
    registry: REGISTRY,
    secret: "strict-vault/db",
    asked: &GENERIC,
};

/// Another secret, and then the end.
fn change_and_end(stage: &Stage, resource: &[&'static str]) {
    stage.run(&["update", "prod", &stage.secret()]).expect_success();
    cloud::end(&stage.watch, resource);
}

/// Watches for a signature that was issued, and for what is secret in it.
fn watch_signatures(stage: &Stage) {
    let issued = stage.watch.cli.json(&[&["issue", "prod"][..], &CONTAINER].concat());
    let text = issued["secret"]["sas_token"].as_str().expect("a signature");
    let sig = text.split('&').find_map(|it| it.strip_prefix("sig=")).expect("it is signed");
    for (name, secret) in [("a signature", text), ("what is secret in a signature", sig)] {
        stage.watch.watch(Class::Issued, Canary::of(name, secret));
    }
}

/// The file of az's folder that holds something of these, while it is logged in.
#[track_caller]
fn assert_held(stage: &Stage, file: &str, held: &[String]) {
    let place = format!("{}/az/prod/{file}", stage.watch.cli.connector_home().display());
    let found = stage.leaks_of(Class::Kept, held);
    assert!(found.iter().any(|it| it.place == place), "the search finds it where it is one: {found:?}");
}

/// A whole life with an identity of Entra ID; then everything is watched for.
fn live(method: Method) -> Stage {
    let stage = Stage::new(method);
    stage.register(&stage.config(), &[]).expect_success();
    stage.watch.watch_key_file();
    cloud::use_it(&stage.watch, &CONTAINER);
    cloud::log_in(&stage.watch, &CONTAINER);
    // For a container nobody needs more than a signature: what it is made of is kept.
    let never: BTreeSet<String> = stage.azure.issued().into_iter().collect();
    assert!(never.len() > 2, "each is made of a token and a key");
    assert_eq!(stage.leaks_of(Class::Kept, &never), [], "{method:?}");
    watch_signatures(&stage);
    cloud::use_the_rest(&stage.watch, &REST);
    assert_held(&stage, "msal_token_cache.json", &stage.azure.issued());
    change_and_end(&stage, &CONTAINER);
    assert!(!stage.watch.cli.connector_home().join("az").exists(), "taken back");
    stage.watch_everything(&never);
    stage.watch.assert_clean();
    stage
}

#[track_caller]
fn check(method: Method) {
    let stage = live(method);
    cloud::assert_used(&stage.watch);
}

/// S31, C1, C10: the secret of an application.
#[test]
fn s31_c1_c10_the_secret_of_an_application_shows_nowhere() {
    check(Method::Secret);
}

/// S31, C1, C10: the key of a certificate, and what is signed with it.
#[test]
fn s31_c1_c10_the_certificate_of_an_application_shows_nowhere() {
    check(Method::Certificate);
}

/// S31, C1, C10: a token of elsewhere.
#[test]
fn s31_c1_c10_the_token_of_a_workload_shows_nowhere() {
    check(Method::WorkloadIdentity);
}

/// S31, C1, C10: a refresh token, those that come after it, and what tells who somebody is.
#[test]
fn s31_c1_c10_a_login_of_az_that_is_taken_over_shows_nowhere() {
    check(Method::TakenOver);
}

/// S31, C1, C10, S45: the code of a device, what stands for it, and the login that is kept.
#[test]
fn s31_c1_c10_a_login_that_is_made_on_a_device_shows_nowhere() {
    check(Method::Device);
}

/// S31, C1, C10: a token of somebody else's is handed on where it is asked for, and shows nowhere else.
#[test]
fn s31_c1_c10_a_given_token_of_azure_shows_where_it_is_asked_for() {
    let stage = Stage::new(Method::AccessToken);
    stage.register(&stage.config(), &["--resource-type", "azure-generic"]).expect_success();
    stage.watch.watch_key_file();
    cloud::use_it(&stage.watch, &GENERIC);
    stage.watch.cli.run(&[&["login", "prod"][..], &GENERIC].concat());
    change_and_end(&stage, &GENERIC);
    stage.watch_everything(&BTreeSet::new());
    stage.watch.assert_clean();
    assert!(stage.watch.used_sinks().contains(&"the answer of `issue -o json`"));
}

/// S31, C1, C10: the key of a storage account, by which signatures are made.
#[test]
fn s31_c1_c10_the_key_of_a_storage_account_shows_nowhere() {
    let stage = Stage::new(Method::StorageString);
    stage.register(&stage.config(), &["--resource-type", "blob-container"]).expect_success();
    stage.watch.watch_key_file();
    cloud::use_it(&stage.watch, &CONTAINER);
    cloud::log_in(&stage.watch, &CONTAINER);
    watch_signatures(&stage);
    assert!(stage.watch.cli.connector_home().join("az/prod/config").exists());
    change_and_end(&stage, &CONTAINER);
    let text = stage.connection_string();
    stage.watch.watch(Class::Kept, Canary::of("the connection string", &text));
    stage.watch_everything(&BTreeSet::new());
    stage.watch.assert_clean();
    let key = stage.azure.account_key("zenfiles");
    assert!(!stage.leaks_of(Class::MasterKey, [&key]).is_empty(), "the search finds it where it was given");
}

/// S31, C1, C10: the connection string of an account in Cosmos DB is handed out where that is allowed, into no file.
#[test]
fn s31_c1_c10_a_connection_string_of_cosmos_shows_where_it_is_asked_for() {
    let stage = Stage::new(Method::CosmosString);
    stage.register(&stage.config(), &["--resource-type", "cosmos-db"]).expect_success();
    stage.watch.watch_key_file();
    cloud::use_it(&stage.watch, &COSMOS);
    let refused = stage.watch.cli.fails(4, &[&["login", "prod"][..], &COSMOS].concat());
    assert!(refused.stderr_text().contains("connector exec"), "{refused:?}");
    assert!(!stage.watch.cli.connector_home().join("az").exists());
    change_and_end(&stage, &COSMOS);
    stage.watch_everything(&BTreeSet::new());
    stage.watch.assert_clean();
    let sinks = ["the answer of `issue -o json`", "the environment of the program that `exec` becomes"];
    cloud::assert_sinks(&stage.watch, &sinks);
}

/// The harness finds a token of Azure's where a signature may stand, and the secret of an application in what is packed
/// in base64.
#[test]
fn a_leak_of_azures_secrets_is_found() {
    let stage = Stage::new(Method::Secret);
    let config = stage.config();
    stage.register(&config, &["--no-verify"]).expect_success();
    stage.watch.cli.json(&[&["issue", "prod"][..], &CONTAINER].concat());
    let never: BTreeSet<String> = stage.azure.issued().into_iter().collect();
    let (_, path) = config.last().and_then(|it| it.split_once("=@")).expect("the secret is in a file");
    let secret = std::fs::read_to_string(path).expect("it was given");
    stage.watch_everything(&never);
    stage.watch.assert_clean();
    let new_leaks = |text: &str| cloud::new_leaks(&stage.watch, text);
    assert_eq!(new_leaks("nothing"), 0);
    assert!(
        new_leaks(never.first().expect("it was made of one")) > 0,
        "a token in the answer for a container"
    );
    assert!(new_leaks(&STANDARD.encode(&secret)) > 0, "a secret in base64");
}
