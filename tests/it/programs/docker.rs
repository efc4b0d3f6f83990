//! The real docker: an image goes to a real registry and comes back, through a real engine.

use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::docker::{Engine, Guard, PASSWORD, Registry, TokenService, USER, User};
use connector_tests::process::{self, Finished};
use connector_tests::skip::skip;
use serde_json::Value;

use super::{REGISTRY, with_helper};

/// S52, S53, invariant 1: after one `connector login` docker pushes and pulls, for both ways in which registries guard
/// themselves, and no file holds the password; without it, and while the connector is disabled, docker gets nothing.
#[test]
fn s52_s53_docker_pushes_and_pulls_with_what_login_wrote() {
    let test = "s52_s53_docker_pushes_and_pulls_with_what_login_wrote";
    let engine = match Engine::try_start() {
        Ok(engine) => engine,
        Err(why) => return skip(test, why),
    };
    let alice = User::new(PASSWORD).may("team/app", &["pull", "push"]);
    let service = TokenService::start([(USER, alice)]);
    for guard in [Guard::PasswordFile, service.guard()] {
        match Registry::try_start(&guard) {
            Ok(registry) => push_and_pull(&engine, &registry),
            Err(why) => return skip(test, why),
        }
    }
}

fn push_and_pull(engine: &Engine, registry: &Registry) {
    let cli = with_helper(Cli::new());
    let given = cli.home().join("password");
    std::fs::write(&given, PASSWORD).expect("the home is ours");
    let config = [
        format!("registry={}", registry.host()),
        format!("username={USER}"),
        format!("password=@{}", given.display()),
    ];
    let words = ["register", "ours", "--type", "docker", "--auth-method", "password"];
    cli.ok(&[&words[..], &config.each_ref().map(String::as_str)].concat());
    std::fs::remove_file(given).expect("the home is ours");

    let image = registry.image("team/app:1");
    engine.import(&image);
    let docker = |words: &[&str]| -> Finished {
        let mut command = engine.command();
        let own = cli.command(&[]);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        cli.keep(process::run(command.current_dir(cli.home()).args(words)))
    };
    // A push without a login is tried again for a minute; a pull fails at once.
    let refused = |why: &str| {
        let ended = docker(&["pull", &image]);
        assert!(!ended.success(), "{why}: {ended:?}");
        ended
    };
    cli.ok(&[&["login", "ours"][..], &REGISTRY].concat());
    docker(&["push", &image]).expect_success();
    docker(&["rmi", &image]).expect_success();
    docker(&["pull", &image]).expect_success();
    docker(&["image", "inspect", &image]).expect_success();

    let file = cli.home().join(".docker/config.json");
    let written: Value = serde_json::from_slice(&std::fs::read(&file).expect("written")).expect("JSON");
    assert_eq!(written["credHelpers"][registry.host()], "connector", "{written}");
    let password = Canary::of("the password", PASSWORD);
    cli.assert_no_canary(std::slice::from_ref(&password));

    cli.ok(&["disable", "ours"]);
    let disabled = refused("disabled");
    assert!(disabled.text().contains("connector `ours` is disabled"), "{disabled:?}");
    cli.ok(&["enable", "ours"]);
    docker(&["pull", &image]).expect_success();
    cli.ok(&["logout", "ours"]);
    refused("logged out");
    assert!(!file.exists(), "it was made for the login");
    engine.docker(&["rmi", &image]).expect_success();
    cli.assert_no_canary(&[password]);
}
