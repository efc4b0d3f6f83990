//! docker's helper with a registry of ACR, asked as docker asks it.

use std::fs;
use std::process::Command;

use connector_tests::cli::Cli;
use connector_tests::process::{self, Finished};
use serde_json::{Value, json};

use super::{Stage, WHOLE};
use crate::programs::with_helper;

const HOST: &str = "strict.azurecr.io";
const REGISTRY: [&str; 4] = ["--resource-type", "docker-registry", "--resource-id", HOST];
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const NOT_FOUND: &str = "credentials not found in native keychain";

/// A stage with a registry that the application may push to.
fn stage() -> Stage {
    let stage = Stage::with(with_helper(Cli::new()));
    let scope = stage.azure.add_registry(&stage.group, "strict");
    stage.azure.add_image("strict", "team/app", "v1");
    stage.azure.grant(&stage.robot, "AcrPush", &scope);
    stage
}

fn get(stage: &Stage, server: &str) -> Finished {
    let own = stage.cli.command(&[]);
    let mut command: Command =
        process::isolated(stage.cli.home().join("bin/docker-credential-connector"), &stage.cli.home());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).arg("get");
    process::run_with_input(&mut command, server.as_bytes())
}

/// S3, S31, S52: docker's file names the helper and holds nothing; the helper answers from the cache with the registry's
/// own token, for this host in every spelling and for no other, and not at all once the connector is disabled.
#[test]
fn s3_s31_s52_docker_gets_the_token_of_a_registry_from_its_helper() {
    let stage = stage();
    stage.mints();
    let told = stage.cli.json(&[&["login", "prod"][..], &REGISTRY].concat());
    assert_eq!((&told["kind"], &told["name"]), (&"docker".into(), &HOST.into()), "{told}");
    let file = stage.cli.home().join(".docker/config.json");
    let config: Value = serde_json::from_slice(&fs::read(&file).expect("written")).expect("JSON");
    assert_eq!(config, json!({ "credHelpers": { HOST: "connector" } }));

    assert_eq!(stage.mints(), 1, "asked for at the login");
    let mut tokens = Vec::new();
    for server in [HOST, "https://strict.azurecr.io", "https://strict.azurecr.io/v2/"] {
        let login = get(&stage, server).expect_success().json();
        assert_eq!((&login["ServerURL"], &login["Username"]), (&HOST.into(), &NOBODY.into()));
        tokens.push(login["Secret"].as_str().expect("a token").to_owned());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), stage.azure.calls().count()), (1, 0), "from the cache, without a call");
    assert!(stage.azure.issued().contains(&tokens[0]), "a token of the registry");

    let other = get(&stage, "other.azurecr.io");
    assert_eq!((other.success(), other.stdout_text().trim()), (false, NOT_FOUND));
    stage.cli.ok(&["disable", "prod"]);
    let disabled = get(&stage, HOST);
    assert!(!disabled.success() && disabled.stdout_text().contains("is disabled"), "{disabled:?}");
    stage.cli.ok(&["enable", "prod"]);
    stage.cli.ok(&["logout", "prod"]);
    assert!(!file.exists());
    assert_eq!(get(&stage, HOST).stdout_text().trim(), NOT_FOUND);
    stage.assert_no_secret();
}

/// What a login for one repository gives opens nothing else, and the file says the host alone, as docker asks for it.
#[test]
fn s53_a_login_for_one_repository_is_for_that_alone() {
    let stage = stage();
    let login = ["login", "prod", "--resource-type", "docker-registry", "--resource-id"];
    let told = stage.cli.json(&[&login[..], &["https://strict.azurecr.io/team/app"]].concat());
    assert_eq!((&told["name"], &told["within"]), (&HOST.into(), &"team/app".into()), "{told}");
    let issued = stage.cli.json(&[
        "issue",
        "prod",
        "--resource-type",
        "docker-registry",
        "--resource-id",
        "strict.azurecr.io/team/app",
        "--access",
        "write",
    ]);
    assert_eq!((&issued["narrowed"], &issued["long_lived"]), (&true.into(), &false.into()), "{issued}");
    let secret = get(&stage, HOST).expect_success().json();
    assert_eq!(secret["Secret"], issued["secret"]["password"]);
    stage.assert_no_secret();
}

/// What is no registry that the identity may look into gets no login.
#[test]
fn a_login_for_a_registry_of_somebody_else_is_refused() {
    let stage = stage();
    stage.azure.take_back(&stage.robot, "Reader", WHOLE);
    stage.azure.add_registry(&stage.group, "closed");
    let login = |id: &str| {
        stage.cli.run(&["login", "prod", "--resource-type", "docker-registry", "--resource-id", id])
    };
    for id in ["closed.azurecr.io", "absent.azurecr.io", "http://strict.azurecr.io", "registry.example.org"] {
        let ended = login(id);
        assert!(!ended.success() && ended.stderr_text().contains("error:"), "{id}: {ended:?}");
    }
    assert!(!stage.cli.home().join(".docker").exists());
}
