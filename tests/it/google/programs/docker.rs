//! docker's helper with Artifact Registry, asked as docker asks it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use connector_tests::cli::Cli;
use connector_tests::process::{self, Finished};
use connector_tests::{install, skip};
use serde_json::Value;

use super::Stage;
use crate::programs::with_helper;

const HOST: &str = "europe-west1-docker.pkg.dev";
const IMAGES: [&str; 4] = [
    "--resource-type",
    "docker-registry",
    "--resource-id",
    "europe-west1-docker.pkg.dev/strict-project/images",
];
const NOT_FOUND: &str = "credentials not found in native keychain";

fn helper(stage: &Stage) -> Command {
    let own = stage.cli.command(&[]);
    let program = stage.cli.home().join("bin/docker-credential-connector");
    let mut command = process::isolated(program, &stage.cli.home());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).arg("get");
    command
}

fn get(stage: &Stage, server: &str) -> Finished {
    process::run_with_input(&mut helper(stage), server.as_bytes())
}

/// S3, S31, S52: docker's file names the helper and holds nothing; the helper answers from the cache, for this host in
/// every spelling and for no other, and not at all once the connector is disabled.
#[test]
fn s3_s31_s52_docker_gets_the_token_of_a_registry_from_its_helper() {
    let stage = Stage::with(with_helper(Cli::new()));
    stage.mints();
    let told = stage.cli.json(&[&["login", "prod"][..], &IMAGES].concat());
    assert_eq!((&told["kind"], &told["name"]), (&"docker".into(), &HOST.into()), "{told}");
    let file = stage.cli.home().join(".docker/config.json");
    let config: Value = serde_json::from_slice(&fs::read(&file).expect("written")).expect("JSON");
    assert_eq!(config, serde_json::json!({ "credHelpers": { HOST: "connector" } }));

    assert_eq!(stage.mints(), 1, "asked for at the login");
    let mut tokens = Vec::new();
    for server in [HOST, "https://europe-west1-docker.pkg.dev", "https://europe-west1-docker.pkg.dev/v2/"] {
        let login = get(&stage, server).expect_success().json();
        assert_eq!((&login["ServerURL"], &login["Username"]), (&HOST.into(), &"oauth2accesstoken".into()));
        tokens.push(login["Secret"].as_str().expect("a token").to_owned());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), stage.google.calls().count()), (1, 0), "from the cache, without a call");
    assert_eq!(stage.owner(&tokens[0]), stage.robot);

    let other = get(&stage, "us-docker.pkg.dev");
    assert_eq!((other.success(), other.stdout_text().trim()), (false, NOT_FOUND));
    stage.cli.ok(&["disable", "prod"]);
    let disabled = get(&stage, HOST);
    assert!(!disabled.success() && disabled.stdout_text().contains("is disabled"), "{disabled:?}");
    stage.cli.ok(&["enable", "prod"]);
    stage.cli.ok(&["logout", "prod"]);
    assert!(!file.exists());
    assert_eq!(get(&stage, HOST).stdout_text().trim(), NOT_FOUND);
    stage.assert_no_key();
}

/// S28: a helper that is asked after the end of a token has the next one.
#[test]
fn s28_docker_gets_the_next_token_when_one_has_ended() {
    let faketime = match install::faketime() {
        Ok(faketime) => faketime,
        Err(why) => return skip::skip("s28_docker_gets_the_next_token_when_one_has_ended", why),
    };
    let stage = Stage::with(with_helper(Cli::new()));
    stage.mints();
    stage.cli.ok(&[&["login", "prod"][..], &IMAGES].concat());
    let mut tokens = Vec::new();
    for life in 0..3_i64 {
        for _ in 0..2 {
            let mut command = helper(&stage);
            faketime.shift(&mut command, life * 3600);
            let login = process::run_with_input(&mut command, HOST.as_bytes()).expect_success().json();
            tokens.push(login["Secret"].to_string());
        }
        assert_eq!(stage.mints(), 1, "one token per life");
        stage.google.advance(Duration::from_secs(3600));
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}

/// Who may not read a registry gets no login for it, and an id of another project is told apart.
#[test]
fn a_login_for_a_registry_of_somebody_else_is_refused() {
    let stage = Stage::with(with_helper(Cli::new()));
    let login = |id: &str| {
        stage.cli.run(&["login", "prod", "--resource-type", "docker-registry", "--resource-id", id])
    };
    for (id, says) in [
        ("europe-west1-docker.pkg.dev/other-project/images", "other-project"),
        ("europe-west1-docker.pkg.dev", "names no repository"),
        ("http://europe-west1-docker.pkg.dev/strict-project/images", "https only"),
        ("registry.example.org/images", "none of Artifact Registry's"),
    ] {
        let ended = login(id);
        assert!(!ended.success() && ended.stderr_text().contains(says), "{id}: {ended:?}");
    }
    assert!(!stage.cli.home().join(".docker").exists());
}
