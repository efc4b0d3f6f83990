//! Whole lives of connectors, from registering to deleting, with logs at trace level.

use connector_tests::canary::Canary;
use connector_tests::process;
use connector_tests::random;

use super::watch::{Class, SINKS, Watch};

const BUCKET: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "data"];

fn on_the_bucket<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &BUCKET].concat()
}

/// S31, C1, C10, S34: secrets that are kept show nowhere, and those that are issued only where they are asked for.
#[test]
fn s31_c1_c10_secrets_show_in_their_sinks_only_in_a_whole_life() {
    let watch = Watch::new();
    let alice = watch.user("alice");
    watch.role_connector(&alice);
    watch.watch_key_file();
    use_everything(&watch);
    change_everything(&watch);

    let leaks = watch.leaks();
    assert!(leaks.is_empty(), "secrets show outside the sinks: {leaks:#?}");
    let unused: Vec<_> =
        SINKS.iter().map(|it| it.name).filter(|it| !watch.used_sinks().contains(it)).collect();
    assert!(unused.is_empty(), "these are no sinks: {unused:?}");
    let told = watch.cli.transcript().iter().any(|it| it.stderr_text().contains("POST"));
    assert!(told, "logs are on: {:?}", watch.cli.transcript().get(12));
}

fn use_everything(watch: &Watch) {
    let cli = &watch.cli;
    for looking in
        [&["list"][..], &["describe", "data"], &["audit"], &["store", "status"], &["list-resources"]]
    {
        cli.ok(looking);
        cli.json(looking);
    }
    cli.ok(&["-vvv", "verify", "data"]);
    cli.ok(&on_the_bucket(&["verify", "data"]));
    cli.ok(&on_the_bucket(&["describe", "data"]));
    cli.json(&on_the_bucket(&["describe", "data"]));
    cli.ok(&on_the_bucket(&["issue", "data"]));
    cli.json(&on_the_bucket(&["issue", "data"]));
    cli.ok(&[&on_the_bucket(&["issue", "data"])[..], &["-o", "yaml"]].concat());
    for format in ["sh", "fish", "powershell", "dotenv", "json"] {
        cli.ok(&on_the_bucket(&["env", "data", "--format", format]));
    }
    // The first fills the cache, the second is answered from it.
    cli.ok(&on_the_bucket(&["helper", "aws", "data"]));
    cli.ok(&on_the_bucket(&["helper", "aws", "data"]));
    // Files of other programs name the helper, and so does the journal.
    for taken_back in [&["undo"][..], &["logout", "data"]] {
        cli.json(&on_the_bucket(&["login", "data"]));
        cli.ok(&on_the_bucket(&["login", "data"]));
        cli.json(taken_back);
    }
    cli.ok(&on_the_bucket(&["login", "data"]));
    let target = watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    cli.ok(&[&on_the_bucket(&["exec", "data"])[..], &["--", target, "an argument"]].concat());
    cli.ok(&on_the_bucket(&["explain", "data"]));
    cli.json(&on_the_bucket(&["explain", "data"]));
    cli.ok(&["explain", "data", "--trust-policy"]);
    for form in [&["-o", "table"][..], &["-o", "json"], &["-o", "yaml"], &["--sarif"]] {
        cli.ok(&[&["doctor"][..], form].concat());
        cli.ok(&[&["doctor", "data"][..], form].concat());
    }
    cli.json(&["audit"]);
}

fn change_everything(watch: &Watch) {
    let cli = &watch.cli;
    cli.ok(&["update", "data", "--expires-at", "2020-01-01T00:00:00Z", "--no-verify"]);
    for command in ["issue", "env", "describe", "explain"] {
        cli.run(&on_the_bucket(&[command, "data"]));
    }
    cli.fails(5, &on_the_bucket(&["issue", "data"]));
    cli.ok(&["update", "data", "--expires-at=", "--no-verify"]);

    // Another key, by variables and by standard input.
    let next = watch.user("alice");
    let by_variable =
        ["update", "data", "aws_access_key_id=env:NEXT_ID", "aws_secret_access_key=env:NEXT_SECRET"];
    let mut command = cli.command(&by_variable);
    command.env("NEXT_ID", &next.access_key_id).env("NEXT_SECRET", &next.secret_access_key);
    cli.keep(process::run(&mut command)).expect_success();
    cli.run_with_input(&["update", "data", "aws_secret_access_key=-"], &next.secret_access_key)
        .expect_success();
    cli.fails(2, &["update", "data", "region=NOWHERE!"]);

    let old = cli.home().join("kept.key");
    cli.ok(&["store", "rotate-key", "--keep-old", old.to_str().expect("a temporary path is text")]);
    watch.watch_key_file();
    let copy = cli.home().join("copy.db");
    cli.ok(&["store", "backup", copy.to_str().expect("a temporary path is text")]);
    cli.ok(&["rename", "data", "renamed"]);
    cli.json(&on_the_bucket(&["issue", "renamed"]));
    cli.ok(&["disable", "renamed"]);
    cli.fails(5, &on_the_bucket(&["issue", "renamed"]));
    cli.ok(&["enable", "renamed"]);
    cli.ok(&["cache", "clear"]);
    cli.ok(&["delete", "renamed"]);
    cli.fails(3, &["describe", "renamed"]);
    cli.ok(&["audit"]);
}

/// S31, C10: a token that is given to `sts-token`, a one-time code, and a secret that another connector lends.
#[test]
fn s31_c10_given_tokens_codes_and_borrowed_secrets_show_nowhere() {
    let watch = Watch::new();
    let alice = watch.user("alice");
    let number: String = random::text(6, b"0123456789");
    let serial = watch.server.add_device("alice", &number);
    watch.watch(Class::Kept, Canary::code("the one-time code", &number));
    let config = [watch.config(&alice), vec![format!("mfa_serial={serial}")]].concat();
    let generic = ["--resource-type", "aws-generic"];
    watch
        .register("guarded", "session-token", &config, &["--mfa-code", &number, generic[0], generic[1]])
        .expect_success();
    watch.cli.ok(&["verify", "guarded", "--mfa-code", &number]);
    let issued = watch.cli.json(&["issue", "guarded", generic[0], generic[1]]);

    let given = crate::stage::keys_of(&issued);
    watch.register("handed", "sts-token", &watch.config(&given), &["--no-verify"]).expect_success();
    watch
        .register(
            "borrowed",
            "session-token",
            &watch.place(),
            &["authentication_secret=guarded", "--no-verify"],
        )
        .expect_success();
    let mut reference = watch.place();
    reference.push("aws_access_key_id={{guarded.aws_access_key_id}}".to_owned());
    reference.push("aws_secret_access_key={{guarded.aws_secret_access_key}}".to_owned());
    watch.register("referring", "session-token", &reference, &[]).expect_success();
    for name in ["handed", "borrowed", "referring"] {
        watch.cli.json(&["describe", name]);
        watch.cli.ok(&["issue", name, generic[0], generic[1]]);
        watch.cli.ok(&["env", name, generic[0], generic[1]]);
        watch.cli.ok(&["explain", name, generic[0], generic[1]]);
        watch.cli.ok(&["explain", name, "--trust-policy"]);
    }
    watch.cli.json(&["audit"]);
    watch.cli.fails(2, &["delete", "guarded"]);
    watch.cli.ok(&["delete", "guarded", "--force"]);
    let broken = watch.cli.run(&["issue", "referring", generic[0], generic[1], "--duration", "2h"]);
    assert!(!broken.success(), "{broken:?}");
    watch.assert_clean();
}

/// C1, C10: a master key that is given as text, and passphrases, are in no file, and no child process gets them.
#[test]
fn c1_c10_what_opens_the_store_shows_nowhere() {
    let new_key = || {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(random::token(32))
    };
    let (key, next) = (new_key(), new_key());
    let given = Watch::with(|cli| cli.with_env("CONNECTOR_MASTER_KEY", &key).with_env("NEXT_KEY", &next));
    given.watch_master_key(&key);
    open_and_rotate(&given, &["store", "rotate-key", "--to-env", "NEXT_KEY"]);

    let phrase = Canary::of("the passphrase", &format!("correct horse/{}+", random::secret(20)));
    let next = Canary::of("the next passphrase", &format!("battery staple/{}+", random::secret(20)));
    let asked = Watch::with(|cli| {
        cli.with_env("CONNECTOR_PASSPHRASE", phrase.secret())
            .with_env("CONNECTOR_NEW_PASSPHRASE", next.secret())
    });
    asked.watch(Class::MasterKey, phrase);
    asked.watch(Class::MasterKey, next);
    open_and_rotate(&asked, &["store", "rotate-key", "--to-passphrase"]);
}

fn open_and_rotate(watch: &Watch, rotate: &[&str]) {
    let alice = watch.user("alice");
    watch.role_connector(&alice);
    let target = watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    watch.cli.ok(&[&on_the_bucket(&["exec", "data"])[..], &["--", target]].concat());
    assert!(watch.recorded("exec-target.own.environ").contains("AWS_SESSION_TOKEN="));
    watch.cli.ok(&["store", "status"]);
    watch.cli.ok(rotate);
    // The key that is given is the old one now.
    watch.cli.fails(4, &on_the_bucket(&["issue", "data", "--duration", "30m"]));
    watch.assert_clean();
}
