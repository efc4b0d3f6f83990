//! What is done with a connector of a cloud, whichever it is, before it is searched for what it left behind.

use connector_tests::process;

use super::registries;
use super::watch::Watch;

/// One resource, used in every way that gives something of it.
pub(super) fn use_it(watch: &Watch, resource: &[&'static str]) {
    let cli = &watch.cli;
    let with = |words: &[&'static str]| [words, resource].concat();
    cli.ok(&with(&["-vvv", "verify", "prod"]));
    for form in ["table", "json", "yaml"] {
        cli.ok(&with(&["issue", "prod", "-o", form]));
        cli.ok(&with(&["explain", "prod", "-o", form]));
        cli.ok(&with(&["describe", "prod", "-o", form]));
    }
    for format in ["sh", "fish", "powershell", "dotenv", "json"] {
        cli.ok(&with(&["env", "prod", "--format", format]));
    }
    let target = watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    cli.ok(&[&with(&["exec", "prod"])[..], &["--", target, "an argument"]].concat());
}

/// Logs the program for a resource in, and takes that back in both ways; at last it is logged in.
pub(super) fn log_in(watch: &Watch, resource: &[&str]) {
    let cli = &watch.cli;
    let login = [&["login", "prod"][..], resource].concat();
    for taken_back in [&["undo"][..], &["logout", "prod"]] {
        cli.json(&login);
        cli.ok(&login);
        cli.json(taken_back);
    }
    cli.ok(&login);
}

/// What a cloud has beside the resource that it narrows credentials for.
pub(super) struct Rest<'a> {
    /// Everything that something is issued for.
    pub(super) all: &'a [&'a [&'a str]],
    /// What a program is logged in to, one after the other.
    pub(super) logins: &'a [&'a [&'a str]],
    pub(super) cluster: &'a [&'a str],
    pub(super) images: &'a [&'a str],
    /// As docker's helper is asked for it.
    pub(super) registry: &'a str,
    pub(super) secret: &'a str,
    /// What SDKs ask an endpoint for.
    pub(super) asked: &'a [&'a str],
}

/// Uses all of that.
pub(super) fn use_the_rest(watch: &Watch, rest: &Rest<'_>) {
    let cli = &watch.cli;
    for looking in
        [&["list"][..], &["describe", "prod"], &["list-resources"], &["verify", "prod"], &["audit"]]
    {
        cli.ok(looking);
        cli.json(looking);
    }
    for resource in rest.all {
        cli.ok(&[&["verify", "prod"], *resource].concat());
        for form in ["table", "json", "yaml"] {
            cli.ok(&[&["issue", "prod", "-o", form], *resource].concat());
            cli.ok(&[&["explain", "prod", "-o", form], *resource].concat());
        }
        // Whether there are variables for it or not.
        cli.run(&[&["env", "prod"], *resource].concat());
    }
    // The first fills the cache, the second is answered from it.
    for _ in 0..2 {
        cli.ok(&[&["helper", "kubectl", "prod"], rest.cluster].concat());
        cli.ok(&[&["helper", "docker", "prod"], rest.images].concat());
    }
    for resource in rest.logins {
        log_in(watch, resource);
    }
    // Logging out took all of them back.
    for resource in [rest.cluster, rest.images] {
        cli.ok(&[&["login", "prod"], resource].concat());
    }
    registries::helper(watch, "get", rest.registry).expect_success();
    for verb in ["get", "list", "erase", "version", "bogus"] {
        registries::helper(watch, verb, rest.registry);
    }
    let file = cli.home().join("static/config");
    let mut command = cli.command(&[&["login", "prod", "--static"], rest.cluster].concat());
    cli.keep(process::run(command.env("KUBECONFIG", &file))).expect_success();
    assert!(file.exists(), "written, until it is logged out");
    serve(watch, rest.asked);
    cli.ok(&["read-secret", "prod", rest.secret]);
    cli.json(&["read-secret", "prod", rest.secret]);
}

/// Who is given an endpoint is given no secret, and where to ask is none.
fn serve(watch: &Watch, resource: &[&str]) {
    let cli = &watch.cli;
    let target = watch.recorder("agent-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    let program = ["--agent", "--", target, "an argument"];
    cli.ok(&[&["-vvv", "exec", "prod"], resource, &program].concat());
    let recorded = watch.recorded("agent-target.own.environ");
    assert!(recorded.contains("http://127.0.0.1:") || recorded.contains("/token"), "it was led there");
    let services = ["--service", "web", "--target", "linux", "--dry-run"];
    cli.ok(&[&["export", "compose", "prod"], resource, &services].concat());
    for form in ["table", "json", "yaml"] {
        cli.run(&["doctor", "prod", "-o", form]);
    }
    cli.run(&["doctor", "prod", "--sarif"]);
}

/// The end: of its time, of its being switched on, of all.
pub(super) fn end(watch: &Watch, resource: &[&'static str]) {
    let cli = &watch.cli;
    let with = |words: &[&'static str]| [words, resource].concat();
    cli.json(&with(&["issue", "prod"]));
    cli.fails(2, &["update", "prod", "endpoint_url=nowhere"]);
    cli.ok(&["update", "prod", "--expires-at", "2020-01-01T00:00:00Z", "--no-verify"]);
    for form in ["table", "json"] {
        cli.fails(5, &with(&["issue", "prod", "-o", form]));
        cli.fails(5, &with(&["helper", "kubectl", "prod", "-o", form]));
    }
    cli.ok(&["update", "prod", "--expires-at=", "--no-verify"]);
    cli.run(&["logout", "prod"]);
    cli.ok(&["store", "rotate-key"]);
    watch.watch_key_file();
    cli.ok(&["rename", "prod", "renamed"]);
    cli.json(&with(&["issue", "renamed"]));
    cli.ok(&["disable", "renamed"]);
    cli.fails(5, &with(&["issue", "renamed"]));
    cli.ok(&["enable", "renamed"]);
    cli.ok(&["cache", "clear"]);
    cli.ok(&["delete", "renamed"]);
    cli.fails(3, &["describe", "renamed"]);
    cli.json(&["audit"]);
}

/// Secrets stood in all the places in which a connector of a cloud gives them away, and logs were on.
#[track_caller]
pub(super) fn assert_used(watch: &Watch) {
    assert_sinks(
        watch,
        &[
            "the answer of `issue -o json`",
            "the answer of `issue -o yaml`",
            "the answer of `env`",
            "the answer of `helper`",
            "the environment of the program that `exec` becomes",
            "the answer of docker's own helper",
            "the answer of `read-secret`",
        ],
    );
    let told = watch.cli.transcript().iter().any(|it| it.stderr_text().contains("POST"));
    assert!(told, "logs are on");
}

/// Secrets stood in these places.
#[track_caller]
pub(super) fn assert_sinks(watch: &Watch, sinks: &[&str]) {
    let used = watch.used_sinks();
    for sink in sinks {
        assert!(used.contains(sink), "{sink}: {used:?}");
    }
}

/// How many leaks more there are when the program answers with this.
pub(super) fn new_leaks(watch: &Watch, text: &str) -> usize {
    let before = watch.leaks().len();
    let mut finished = process::run(std::process::Command::new("/bin/echo").arg(text));
    finished.command = "connector issue prod -o json".to_owned();
    watch.cli.keep(finished);
    watch.leaks().len() - before
}
