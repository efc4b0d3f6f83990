//! The long-lived key is in no output, file, argument or environment of any program.

use connector_tests::canary::Canary;

use crate::stage::Stage;

#[test]
fn s31_the_long_lived_key_shows_nowhere_in_a_whole_life() {
    let Some(stage) = Stage::new("s31_the_long_lived_key_shows_nowhere_in_a_whole_life") else { return };
    let key = Canary::of("alice's secret key", &stage.world.alice.secret_access_key);
    let id = Canary::of("alice's key id", &stage.world.alice.access_key_id);
    let cli = &stage.cli;
    stage.register_role("data", &[]);
    // The file that the secret was given by is the test's own, not the program's.
    for entry in std::fs::read_dir(cli.home()).expect("the home is ours").flatten() {
        if entry.path().extension().is_some_and(|it| it == "secret") {
            std::fs::remove_file(entry.path()).expect("the home is ours");
        }
    }
    let bucket = ["--resource-type", "s3-bucket", "--resource-id", "bkt-one"];
    let with = |command: &[&'static str]| [command, &bucket[..]].concat();
    cli.ok(&["list"]);
    cli.ok(&["describe", "data"]);
    cli.json(&["describe", "data"]);
    cli.ok(&["-v", "verify", "data"]);
    cli.ok(&["list-resources"]);
    cli.json(&with(&["issue", "data"]));
    cli.ok(&with(&["env", "data"]));
    cli.ok(&with(&["helper", "aws", "data"]));
    cli.ok(&with(&["explain", "data"]));
    cli.ok(&[&with(&["exec", "data"])[..], &["--", "env"]].concat());
    cli.ok(&["audit"]);
    cli.ok(&["store", "rotate-key"]);
    let backup = cli.home().join("backup.db");
    cli.ok(&["store", "backup", backup.to_str().expect("a temporary path is text")]);
    cli.fails(2, &["update", "data", "region=NOWHERE!"]);
    cli.ok(&["disable", "data"]);
    cli.fails(5, &with(&["issue", "data"]));
    cli.ok(&["delete", "data"]);
    cli.assert_no_canary(&[key, id]);
}

#[test]
fn s31_the_search_finds_a_leak_that_is_put_in() {
    let cli = connector_tests::cli::Cli::new();
    let canary = Canary::generate("planted");
    std::fs::write(cli.connector_home().join("leak"), canary.secret()).expect("the home is ours");
    assert_eq!(cli.sightings(&[canary]).len(), 1);
}
