//! The real kubectl: its credentials end, are taken back, and come from a cache.

use std::time::Duration;

use connector_tests::install::{self, Faketime, Kubectl};
use connector_tests::process::{self, Finished};
use connector_tests::skip::skip;

use super::{CLUSTER, World, all_at_once};

const LIFE: i64 = 1200;

fn tools(test: &str) -> Option<(Kubectl, Faketime)> {
    match (install::kubectl(), install::faketime()) {
        (Ok(kubectl), Ok(faketime)) => Some((kubectl, faketime)),
        (kubectl, faketime) => {
            let why = [kubectl.err(), faketime.err()].into_iter().flatten();
            skip(test, why.map(|it| it.to_string()).collect::<Vec<_>>().join("; "));
            None
        }
    }
}

/// S28, S52, S53: one login, and then kubectl goes on across the ends of three tokens: a minute before the end of one
/// its plugin has the next. The file stays as it was written.
#[test]
fn s28_s52_s53_kubectl_goes_on_across_the_ends_of_its_tokens() {
    let test = "s28_s52_s53_kubectl_goes_on_across_the_ends_of_its_tokens";
    let Some((kubectl, faketime)) = tools(test) else { return };
    let world = World::new();
    world.server.limit_life(Some(Duration::from_secs(LIFE.unsigned_abs())));
    world.register("prod");
    world.cli.ok(&[&["login", "prod"][..], &CLUSTER].concat());
    let written = std::fs::read(world.file()).expect("written");
    // The clock of kubectl's plugin; kubectl itself reads the clock by other ways than a preloaded library sees.
    let get_pods = |ahead: i64| -> Finished {
        let mut command = kubectl.command(&world.cli.home(), &world.file());
        faketime.shift(&mut command, ahead);
        world.cli.keep(process::run(command.args(["get", "pods"]))).expect_success()
    };
    for life in 0..4 {
        for _ in 0..2 {
            let shown = get_pods(life * LIFE);
            assert!(shown.stdout_text().contains("web"), "{shown:?}");
        }
        let lives = usize::try_from(life).expect("few") + 1;
        assert_eq!(world.asked(), lives, "one token per life");
        world.server.advance(Duration::from_secs(LIFE.unsigned_abs()));
    }
    assert_eq!(std::fs::read(world.file()).expect("there"), written);
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(world.server.count("GET", pods, None), 0, "no token was shown after its end");
}

/// A token that the cluster took back is in the cache still, and nobody tells a plugin that what it gave was refused:
/// kubectl says that, and `connector cache clear` is what there is to do, once.
#[test]
fn a_token_that_is_taken_back_early_is_cleared_from_the_cache() {
    let test = "a_token_that_is_taken_back_early_is_cleared_from_the_cache";
    let Some((kubectl, _)) = tools(test) else { return };
    let world = World::new();
    world.register("prod");
    world.cli.ok(&[&["login", "prod"][..], &CLUSTER].concat());
    let get_pods = || {
        let mut command = kubectl.command(&world.cli.home(), &world.file());
        world.cli.keep(process::run(command.args(["get", "pods"])))
    };
    get_pods().expect_success();
    for token in world.server.issued() {
        world.server.revoke(&token);
    }
    assert!(!get_pods().success(), "nobody knows the token");
    world.cli.ok(&["cache", "clear"]);
    get_pods().expect_success();
    get_pods().expect_success();
    assert_eq!(world.asked(), 2, "one fresh token");
}

/// Invariant 4, between processes: whoever comes while one asks waits for that answer.
#[test]
fn fifty_plugins_at_once_cause_one_token_request() {
    let world = World::new();
    world.register("prod");
    let answers = || {
        let words = [&["helper", "kubectl", "prod"][..], &CLUSTER].concat();
        all_at_once((0..50).map(|_| world.cli.command(&words)).collect())
    };
    for asked in 1..=2 {
        let mut answers = answers();
        answers.dedup();
        assert_eq!((answers.len(), world.asked()), (1, asked), "one token for all");
        world.cli.ok(&["cache", "clear"]);
    }
}
