//! A whole life against the emulator, with credentials of every kind that it can give.

use connector_tests::canary::Canary;

use super::watch::{Class, sink_of};
use crate::stage::Stage;

/// S31: the long-lived key is in no output, file, argument or environment of any program.
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

/// C10: what is issued for a cluster and for a registry stands in the answer to who asked for it, and nowhere else.
#[test]
fn c10_credentials_of_every_kind_show_in_their_sinks_only() {
    let Some(stage) = Stage::new("c10_credentials_of_every_kind_show_in_their_sinks_only") else { return };
    let cli = &stage.cli;
    stage.register_role("data", &[]);
    for (kind, id) in [
        ("aws-generic", None),
        ("s3-bucket", Some("bkt-one")),
        ("kubernetes-cluster", Some(stage.world.cluster.as_str())),
        ("docker-registry", Some("123456789012.dkr.ecr.us-east-1.amazonaws.com")),
    ] {
        let mut grant = vec!["data", "--resource-type", kind];
        grant.extend(id.iter().flat_map(|id| ["--resource-id", id]));
        let with = |command: &'static str| [&[command][..], &grant].concat();
        let issued = cli.json(&with("issue"));
        let secrets = issued["secret"].as_object().cloned().expect("an envelope has secrets");
        let canaries = secrets.iter().filter_map(|(name, value)| Some(Canary::of(name, value.as_str()?)));
        let canaries: Vec<Canary> = canaries.collect();
        assert!(!canaries.is_empty(), "{kind}");
        for command in ["issue", "describe", "explain"] {
            cli.ok(&with(command));
        }
        cli.json(&with("explain"));
        cli.json(&["audit"]);
        let seen = cli.sightings(&canaries);
        assert!(!seen.is_empty(), "{kind}: the search finds the answer itself");
        let leaks: Vec<_> = seen.iter().filter(|it| sink_of(Class::Issued, &it.place).is_none()).collect();
        assert!(leaks.is_empty(), "{kind}: {leaks:#?}");
    }
}
