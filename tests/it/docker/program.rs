//! The `connector` program with a real registry.

use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::docker::{Guard, PASSWORD, USER};
use serde_json::json;

use super::registry;

/// S21, S22, S31, S52: registered when the registry takes the login, with the advice to take a token; handed to docker
/// in its own form, and in no other unless its owner says so; every time is in the audit.
#[test]
fn s21_s22_s31_s52_a_password_is_registered_verified_and_goes_to_docker_alone() {
    let test = "s21_s22_s31_s52_a_password_is_registered_verified_and_goes_to_docker_alone";
    let Some(registry) = registry(test, &Guard::PasswordFile) else { return };
    let cli = Cli::new();
    let (right, wrong) = (cli.home().join("right"), cli.home().join("wrong"));
    std::fs::write(&right, PASSWORD).expect("the home is ours");
    std::fs::write(&wrong, "wrong").expect("the home is ours");
    let register = |name: &str, password: &std::path::Path| {
        let (host, user) = (format!("registry={}", registry.host()), format!("username={USER}"));
        let password = format!("password=@{}", password.display());
        cli.run(&["register", name, "--type", "docker", "--auth-method", "password", &host, &user, &password])
    };
    let refused = register("ours", &wrong).expect_code(4);
    assert!(refused.stderr_text().contains("does not take the user name and password"), "{refused:?}");
    cli.fails(3, &["describe", "ours"]);
    let registered = register("ours", &right).expect_success();
    assert!(registered.text().contains("access token"), "S22: {registered:?}");
    cli.ok(&["verify", "ours"]);
    let listed = cli.json(&["list-resources", "--connector", "ours"]).to_string();
    assert!(listed.contains(&registry.host()), "{listed}");

    let answer = cli.ok(&["helper", "docker", "ours"]).json();
    assert_eq!(answer, json!({ "ServerURL": registry.host(), "Username": USER, "Secret": PASSWORD }));
    cli.ok(&["helper", "docker", "ours", "--resource-id", &registry.image("team/app")]);
    let refused = cli.fails(4, &["issue", "ours"]);
    assert!(refused.stderr_text().contains("--allow long-lived"), "{refused:?}");
    cli.fails(4, &["issue", "ours", "-o", "json"]);
    let audit = cli.ok(&["audit"]).stdout_text();
    assert_eq!(audit.matches("LONG-LIVED").count(), 2, "{audit}");

    // No cache holds it, nor does any other file in clear.
    let canary = Canary::of("password", PASSWORD);
    assert_eq!(canary.search_tree(&cli.connector_home()), []);

    cli.ok(&["update", "ours", "--allow", "long-lived"]);
    let envelope = cli.json(&["issue", "ours"]);
    assert_eq!((&envelope["long_lived"], &envelope["narrowed"]), (&json!(true), &json!(false)));
    assert_eq!(canary.search_tree(&cli.connector_home()), []);
    cli.ok(&["disable", "ours"]);
    cli.fails(5, &["helper", "docker", "ours"]);
}

/// E2: whoever has no login says so in docker's own words.
#[test]
fn an_anonymous_connector_has_no_login_for_docker() {
    let test = "an_anonymous_connector_has_no_login_for_docker";
    let Some(registry) = registry(test, &Guard::None) else { return };
    let cli = Cli::new();
    let host = format!("registry={}", registry.host());
    cli.ok(&["register", "open", "--type", "docker", "--auth-method", "anonymous", &host]);
    let answer = cli.fails(3, &["helper", "docker", "open"]);
    assert!(answer.stderr_text().contains("credentials not found in native keychain"), "{answer:?}");
    let envelope = cli.json(&["issue", "open"]);
    assert_eq!((&envelope["public"]["anonymous"], &envelope["secret"]), (&json!(true), &json!({})));
}
