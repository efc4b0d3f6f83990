//! What many processes of the program make of one cache: who asks the cluster, and what the others answer meanwhile.

use std::process::Command;
use std::time::Duration;

use connector_tests::install::{self, Faketime};
use connector_tests::process::{self, Finished};
use connector_tests::skip::skip;

use super::{CLUSTER, TOKENS, World, run_at_once};

const LIFE: i64 = 1200;

fn faketime(test: &str) -> Option<Faketime> {
    install::faketime().map_err(|why| skip(test, why)).ok()
}

impl World {
    /// A process of kubectl's helper, so many seconds later.
    fn helper(&self, faketime: &Faketime, ahead: i64) -> Command {
        let mut command = self.cli.command(&[&["helper", "kubectl", "prod"][..], &CLUSTER].concat());
        faketime.shift(&mut command, ahead);
        command
    }

    fn help(&self, faketime: &Faketime, ahead: i64) -> Finished {
        self.cli.keep(process::run(&mut self.helper(faketime, ahead)))
    }

    fn short_lived() -> Self {
        let world = Self::new();
        world.server.limit_life(Some(Duration::from_secs(LIFE.unsigned_abs())));
        world.register("prod");
        world
    }
}

/// C26: where most of a token's life is over, fifty helpers at once cause one request, and each has a token that lives.
#[test]
fn c26_fifty_helpers_at_once_renew_a_token_once() {
    let test = "c26_fifty_helpers_at_once_renew_a_token_once";
    let Some(faketime) = faketime(test) else { return };
    let world = World::short_lived();
    let before = world.help(&faketime, 0).expect_success().stdout_text();
    // One renews it, and the others go on; then, from the hard point on, all wait for the next one.
    for (asked, ahead, passes) in [(2, 1000, 1000), (3, 1000 + 1150, 1150)] {
        world.server.advance(Duration::from_secs(passes));
        let answers = run_at_once((0..50).map(|_| world.helper(&faketime, ahead)).collect());
        let answers: Vec<String> = answers.into_iter().map(|it| it.expect_success().stdout_text()).collect();
        assert_eq!(world.asked(), asked);
        let mut different = answers.clone();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() <= if asked == 2 { 2 } else { 1 }, "{different:?}");
        assert!(answers.iter().any(|it| *it != before), "a new one is there");
        assert!(asked == 2 || answers.iter().all(|it| *it != before), "and it alone");
    }
}

/// A wrong permission: fifty helpers at once, and fifty more, cause one request. A person's command tries.
#[test]
fn fifty_helpers_that_are_refused_cause_one_request() {
    let world = World::new();
    world.register_denied("prod");
    let path = TOKENS.replace("reader", "writer");
    let asked = || world.server.count("POST", &path, Some("broker"));
    let words = [&["helper", "kubectl", "prod"][..], &CLUSTER].concat();
    for _ in 0..2 {
        for ended in run_at_once((0..50).map(|_| world.cli.command(&words)).collect()) {
            let ended = world.cli.keep(ended).expect_code(4);
            assert!(ended.stdout_text().is_empty() && !ended.stderr_text().is_empty(), "{ended:?}");
        }
        assert_eq!(asked(), 1);
    }
    let issue = [&["issue", "prod"][..], &CLUSTER].concat();
    world.cli.fails(4, &issue);
    assert_eq!(asked(), 2, "a person may have mended it");
    world.cli.fails(4, &words);
    assert_eq!(asked(), 2);
    world.cli.ok(&["update", "prod", "--description", "changed", "--no-verify"]);
    world.cli.fails(4, &words);
    assert_eq!(asked(), 3, "a change of the connector ends it");
}

/// S32, C26: no token is made any more while one is good: helpers hand that on, with a warning, and try again after a pause
/// only; kubectl shows the warning and works. After the end it is an error that says so.
#[test]
fn s32_c26_what_cannot_be_renewed_is_handed_on_with_a_warning_until_it_ends() {
    let test = "s32_c26_what_cannot_be_renewed_is_handed_on_with_a_warning_until_it_ends";
    let Some(faketime) = faketime(test) else { return };
    let world = World::short_lived();
    world.cli.ok(&[&["login", "prod"][..], &CLUSTER].concat());
    let first = world.help(&faketime, 0).expect_success().stdout_text();
    world.deny();
    world.server.advance(Duration::from_secs(1000));
    let asked = world.asked();
    let warning = "warning: connector `prod`: the credential ends at ";
    for _ in 0..5 {
        let ended = world.help(&faketime, 1000).expect_success();
        assert_eq!(ended.stdout_text(), first);
        assert!(ended.stderr_text().starts_with(warning), "{ended:?}");
    }
    assert_eq!(world.asked() - asked, 1, "one attempt, and then a pause");
    // JSON stays one object on standard output; so does what is on standard error.
    let issue = |format: &str| {
        let mut command = world.cli.command(&[&["issue", "prod", "-o", format][..], &CLUSTER].concat());
        world.cli.keep(process::run(faketime.shift(&mut command, 1001))).expect_success()
    };
    let ended = issue("json");
    assert_eq!(ended.json()["kind"], "kubernetes");
    let told: serde_json::Value = serde_json::from_str(ended.stderr_text().trim()).expect("one object");
    assert_eq!(told["warning"]["connector"], "prod");
    assert!(issue("yaml").stderr_text().contains(warning));
    if let Ok(kubectl) = install::kubectl() {
        let mut command = kubectl.command(&world.cli.home(), &world.file());
        faketime.shift(&mut command, 1002);
        let shown = world.cli.keep(process::run(command.args(["get", "pods"]))).expect_success();
        assert!(shown.stdout_text().contains("web") && shown.stderr_text().contains(warning), "{shown:?}");
    }
    world.server.advance(Duration::from_secs(201));
    let ended = world.help(&faketime, LIFE + 1).expect_code(4);
    assert!(ended.stdout_text().is_empty());
    assert!(ended.stderr_text().contains("the credential ended at"), "{ended:?}");
}

/// In the cache's place lies something else: everything works, and each command says so once.
#[test]
fn s32_without_a_cache_everything_works_and_says_so_once() {
    let world = World::new();
    world.register("prod");
    let cache = world.cli.connector_home().join("cache");
    std::fs::remove_dir_all(&cache).expect("there");
    std::fs::write(&cache, "no directory").expect("written");
    let words = [&["helper", "kubectl", "prod"][..], &CLUSTER].concat();
    for asked in 1..=2 {
        let ended = world.cli.ok(&words);
        assert_eq!(world.asked(), asked);
        let text = ended.stderr_text();
        assert_eq!(text.matches("nothing is cached").count(), 1, "{text}");
    }
    world.cli.ok(&["disable", "prod"]);
    world.cli.fails(5, &words);
}
