//! Connectors of clusters, through whole lives and through faults of the server and of exec plugins.

use connector_tests::canary::Canary;
use connector_tests::fault::Fault;
use connector_tests::loopback::Answer;
use connector_tests::process::{self, Finished};
use connector_tests::strict_kubernetes::faults::{huge, redirected, throttled, unauthorized};
use connector_tests::strict_kubernetes::{Login, Rule, StrictKubernetes};
use serde_json::json;

use super::watch::{Class, Watch};

const CLUSTER: [&str; 2] = ["--resource-type", "kubernetes-cluster"];
const EXPLAINED: &str = "please touch your key";

/// A cluster with a service account, and a login that may create its tokens.
fn cluster() -> (StrictKubernetes, String) {
    let server = StrictKubernetes::start();
    server.add_service_account("default", "reader");
    let create =
        Rule::for_user("broker").in_namespace("default").may(&["create"], &["serviceaccounts/token"]);
    server.allow(create.named(&["reader"]));
    let token = server.add_token("broker", &[]);
    (server, token)
}

/// The config of method `token`.
fn by_token(watch: &Watch, server: &StrictKubernetes, token: &str) -> Vec<String> {
    let place = ["cluster_name=demo".to_owned(), format!("server={}", server.url())];
    let given = [watch.given("token", token), watch.given("certificate_authority", &server.ca())];
    [&place[..], &given].concat()
}

fn with_account(mut config: Vec<String>) -> Vec<String> {
    config.extend(["service_account=reader".to_owned(), "namespace=default".to_owned()]);
    config
}

fn register(watch: &Watch, method: &str, config: &[String], more: &[&str]) -> Finished {
    let mut arguments = vec!["register", "demo", "--type", "kubernetes", "--auth-method", method];
    arguments.extend(config.iter().map(String::as_str));
    arguments.extend(more);
    watch.cli.run(&arguments)
}

fn watch_key(watch: &Watch, class: Class, key: &str) {
    watch.watch(class, Canary::of("the client key", key));
    // A form that indents its lines, such as YAML, shows it too.
    let line = key.lines().nth(1).expect("a key has lines between its marks");
    watch.watch(class, Canary::of("a line of the client key", line));
}

/// The tokens of service accounts, and then the search.
#[track_caller]
fn assert_clean(watch: &Watch, server: &StrictKubernetes) {
    for token in server.issued() {
        watch.watch(Class::Issued, Canary::of("an issued token", &token));
    }
    watch.assert_clean();
}

/// Everything that looks at a connector, and everything that hands its credential on.
fn use_everything(watch: &Watch, hands_out: bool) {
    let cli = &watch.cli;
    let expect = |words: &[&str]| {
        let ended = cli.run(&[words, &CLUSTER].concat());
        assert_eq!(ended.success(), hands_out, "{ended:?}");
    };
    for looking in
        [&["verify", "demo"][..], &["list"], &["describe", "demo"], &["list-resources"], &["audit"]]
    {
        cli.ok(looking);
        cli.json(looking);
    }
    cli.ok(&[&["-vvv", "verify", "demo"][..], &CLUSTER].concat());
    for form in ["table", "json", "yaml"] {
        expect(&["issue", "demo", "-o", form]);
        cli.run(&[&["explain", "demo", "-o", form][..], &CLUSTER].concat());
    }
    // Whether there are variables for it or not.
    for format in ["sh", "fish", "powershell", "dotenv", "json"] {
        cli.run(&[&["env", "demo", "--format", format][..], &CLUSTER].concat());
    }
    let target = watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    cli.run(&[&["exec", "demo"][..], &CLUSTER, &["--", target, "an argument"]].concat());
    // The first fills the cache, the second is answered from it.
    expect(&["helper", "kubectl", "demo"]);
    expect(&["helper", "kubectl", "demo"]);
    for taken_back in [&["undo"][..], &["logout", "demo"]] {
        expect(&["login", "demo"]);
        if hands_out {
            cli.json(taken_back);
        }
    }
    expect(&["login", "demo"]);
}

/// A login that writes the credential itself, into a file that is a sink.
fn log_in_static(watch: &Watch) -> Finished {
    let file = watch.cli.home().join("static/config");
    let mut command = watch.cli.command(&[&["login", "demo", "--static"][..], &CLUSTER].concat());
    watch.cli.keep(process::run(command.env("KUBECONFIG", file)))
}

fn end_everything(watch: &Watch) {
    let cli = &watch.cli;
    cli.run(&["logout", "demo"]);
    cli.ok(&["rename", "demo", "renamed"]);
    cli.run(&[&["issue", "renamed", "-o", "json"][..], &CLUSTER].concat());
    cli.ok(&["disable", "renamed"]);
    cli.fails(5, &[&["helper", "kubectl", "renamed"][..], &CLUSTER].concat());
    cli.ok(&["enable", "renamed"]);
    cli.ok(&["cache", "clear"]);
    cli.ok(&["delete", "renamed"]);
    cli.json(&["audit"]);
}

/// S31, C1, C10: the connector's own token shows nowhere, and those of the service account where they are asked for.
#[test]
fn s31_c1_c10_tokens_of_a_service_account_show_in_their_sinks_only() {
    let watch = Watch::new();
    let (server, token) = cluster();
    watch.watch(Class::Kept, Canary::of("the broker's token", &token));
    register(&watch, "token", &with_account(by_token(&watch, &server, &token)), &[]).expect_success();
    watch.watch_key_file();
    use_everything(&watch, true);
    log_in_static(&watch).expect_success();
    let next = server.add_token("broker", &[]);
    watch.watch(Class::Kept, Canary::of("the broker's next token", &next));
    watch.cli.ok(&["update", "demo", &watch.given("token", &next)]);
    watch.cli.ok(&[&["helper", "kubectl", "demo"][..], &CLUSTER].concat());
    let refused = Canary::generate("a token that is refused");
    watch.cli.fails(4, &["update", "demo", &watch.given("token", refused.secret())]);
    watch.watch(Class::Kept, refused);
    assert_clean(&watch, &server);
    let used = watch.used_sinks();
    for sink in
        ["the answer of `helper`", "the answer of `issue -o json`", "the file that `login --static` writes"]
    {
        assert!(used.contains(&sink), "{sink}: {used:?}");
    }
    end_everything(&watch);
    assert_clean(&watch, &server);
    assert!(server.seen().iter().any(|it| it.path.ends_with("/token")), "it was asked for tokens");
}

/// S31, C10: what is kept is handed on by nothing, until its owner says so; then where it is asked for.
#[test]
fn s31_c10_a_token_alone_shows_nowhere_unless_it_is_allowed() {
    for (class, more) in [(Class::Kept, &[][..]), (Class::Issued, &["--allow", "long-lived"])] {
        let watch = Watch::new();
        let (server, token) = cluster();
        watch.watch(class, Canary::of("the token", &token));
        register(&watch, "token", &by_token(&watch, &server, &token), more).expect_success();
        use_everything(&watch, class == Class::Issued);
        let refused = log_in_static(&watch);
        assert!(!refused.success(), "it does not end: {refused:?}");
        end_everything(&watch);
        watch.assert_clean();
    }
}

/// S31, C10: the same for the key of a kubeconfig's client certificate.
#[test]
fn s31_c10_the_key_in_a_kubeconfig_shows_nowhere_unless_it_is_allowed() {
    for (class, more) in [(Class::Kept, &[][..]), (Class::Issued, &["--allow", "long-lived"])] {
        let watch = Watch::new();
        let (server, _) = cluster();
        let life = std::time::Duration::from_secs(3600);
        let certificate = server.add_certificate("broker", None, life);
        watch_key(&watch, class, &certificate.key);
        let text = server.kubeconfig(&Login::Certificate(certificate));
        register(&watch, "kubeconfig", &[watch.given("kubeconfig", &text)], more).expect_success();
        use_everything(&watch, class == Class::Issued);
        let account = ["update", "demo", "service_account=reader"];
        watch.cli.ok(&account);
        watch.cli.ok(&[&["helper", "kubectl", "demo"][..], &CLUSTER].concat());
        end_everything(&watch);
        assert_clean(&watch, &server);
    }
}

/// A kubeconfig whose user is an exec plugin, which explains itself and prints `output`. Beside it the value of a
/// variable that the kubeconfig gives it, which is a secret as the kubeconfig is.
fn by_plugin(watch: &Watch, server: &StrictKubernetes, output: &str, code: u8) -> (String, Canary) {
    let recorder = watch.recorder("plugin", output, code);
    let script = watch.cli.home().join("explaining-plugin");
    let text = format!("#!/bin/sh\necho '{EXPLAINED}' >&2\nexec {}\n", recorder.display());
    std::fs::write(&script, text).expect("the home is ours");
    let mode = std::fs::metadata(&recorder).expect("just made").permissions();
    std::fs::set_permissions(&script, mode).expect("the home is ours");
    let variable = Canary::generate("the plugin's variable");
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "command": script, "interactiveMode": "Never",
        "env": [{ "name": "PLUGIN_SECRET", "value": variable.secret() }],
    });
    let text = server.kubeconfig(&Login::Nobody);
    let text = text.replace("  user: {}", &format!("  user: {}", json!({ "exec": exec })));
    assert!(text.contains("PLUGIN_SECRET"), "the user is replaced");
    (watch.given("kubeconfig", &text), variable)
}

fn printed(token: &str) -> String {
    let status = json!({ "token": token, "expirationTimestamp": "2099-01-01T00:00:00Z" });
    json!({ "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": status })
        .to_string()
}

/// C20, C10, C11: what an exec plugin prints shows where it is asked for, and what it says is shown to people.
#[test]
fn c20_c10_an_exec_plugin_is_heard_and_what_it_prints_shows_in_sinks_only() {
    let watch = Watch::new();
    let (server, token) = cluster();
    watch.watch(Class::Issued, Canary::of("the plugin's token", &token));
    let (config, variable) = by_plugin(&watch, &server, &printed(&token), 0);
    let refused = register(&watch, "kubeconfig", std::slice::from_ref(&config), &[]);
    assert!(
        !refused.success() && !watch.cli.home().join("recorded/plugin.own.cmdline").exists(),
        "{refused:?}"
    );
    let registered = register(&watch, "kubeconfig", &[config], &["--allow", "exec"]).expect_success();
    assert!(registered.stderr_text().contains(EXPLAINED), "{registered:?}");
    use_everything(&watch, true);
    end_everything(&watch);
    let environment = watch.recorded("plugin.own.environ");
    assert!(environment.contains(variable.secret()), "it gets what the kubeconfig names");
    assert!(!environment.contains("CONNECTOR_HOME"), "and nothing of ours: {environment}");
    std::fs::remove_file(watch.cli.home().join("recorded/plugin.own.environ")).expect("it was just read");
    watch.watch(Class::Kept, variable);
    watch.assert_clean();
}

/// C20, C11: what a plugin prints is quoted nowhere when it fails, is refused, or prints something else.
#[test]
fn c20_c11_the_output_of_a_failing_plugin_is_not_quoted() {
    for (output, code) in [
        ("SECRET", 0),
        ("SECRET", 3),
        (r#"{"kind": "SECRET", "apiVersion": "SECRET"}"#, 0),
        (
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":["SECRET"]}}"#,
            0,
        ),
        (&printed("SECRET").replace("2099-01-01T00:00:00Z", "SECRET"), 0),
        (&printed("SECRET and more"), 0),
        (&printed("SECRET"), 0),
    ] {
        let watch = Watch::new();
        let (server, _) = cluster();
        let canary = Canary::generate("what the plugin prints");
        let output = output.replace("SECRET", canary.secret());
        let (config, _) = by_plugin(&watch, &server, &output, code);
        watch.watch(Class::Kept, canary);
        for form in ["table", "json"] {
            let failed = register(
                &watch,
                "kubeconfig",
                std::slice::from_ref(&config),
                &["--allow", "exec", "-o", form],
            );
            assert!(!failed.success() && failed.stderr_text().contains(EXPLAINED), "{failed:?}");
        }
        watch.assert_clean();
    }
}

/// Every command that calls the server, in both forms of errors.
fn ask_everything(watch: &Watch) {
    for command in
        [&["verify", "demo"][..], &["issue", "demo"], &["login", "demo"], &["helper", "kubectl", "demo"]]
    {
        for form in ["table", "json"] {
            watch.cli.run(&[command, &CLUSTER, &["--timeout", "1s", "-o", form]].concat());
        }
    }
    watch.cli.run(&["list-resources", "--connector", "demo", "--timeout", "1s"]);
}

/// C11, C10: a server that echoes the token, answers garbage or too much, points elsewhere or never answers.
#[test]
fn c11_c10_a_server_that_fails_or_echoes_makes_nothing_show() {
    let status = |code: u16, reason: &str, message: &str| {
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
            "message": message, "details": { "causes": [{ "message": message }] } })
    };
    let given = |token: &str, end: &str| {
        json!({ "kind": "TokenRequest", "gitVersion": token, "status": {
            "token": token, "expirationTimestamp": end, "userInfo": { "username": token } } })
    };
    let echoes = |token: &str| {
        let answer = |code, body| {
            Fault::Answer(
                Answer::json(code, &body)
                    .with_header("www-authenticate", token)
                    .with_header("audit-id", token)
                    .with_header("warning", format!("299 - \"{token}\"")),
            )
        };
        vec![
            answer(401, status(401, token, token)),
            answer(401, status(401, "Unauthorized", token)),
            answer(403, status(403, "Forbidden", token)),
            answer(404, status(404, token, token)),
            answer(422, status(422, "Invalid", token)),
            answer(500, status(500, "InternalError", token)),
            answer(201, given(token, token)),
            answer(201, given(&format!("{token}\u{e9} {token}"), "2099-01-01T00:00:00Z")),
            answer(200, given(token, "2001-01-01T00:00:00Z")),
            Fault::Answer(Answer::new(200, "text/html", format!("<html>{token}</html>"))),
            redirected(&format!("https://127.0.0.1:1/{token}")),
        ]
    };
    let plain = vec![
        Fault::GarbageBody,
        Fault::Truncated,
        Fault::ClosedConnection,
        Fault::NeverAnswers,
        Fault::WrongContentType,
        Fault::DateSkew(7200),
        huge(8 << 20),
        throttled(3600),
        unauthorized(),
    ];
    let (server, token) = cluster();
    for fault in echoes(&token).into_iter().chain(plain) {
        let watch = Watch::new();
        watch.watch(Class::Kept, Canary::of("the broker's token", &token));
        server.faults().clear();
        register(&watch, "token", &with_account(by_token(&watch, &server, &token)), &[]).expect_success();
        server.faults().always(fault.clone());
        ask_everything(&watch);
        for issued in server.issued() {
            watch.watch(Class::Issued, Canary::of("an issued token", &issued));
        }
        let leaks = watch.leaks();
        let told = |leak: &&connector_tests::canary::Sighting| match &fault {
            // Who is handed the connector's own token as a new one cannot know it.
            Fault::Answer(answer) if answer.status < 300 => {
                super::watch::sink_of(Class::Issued, &leak.place).is_none()
            }
            _ => true,
        };
        let leaks: Vec<_> = leaks.iter().filter(told).collect();
        assert!(leaks.is_empty(), "{fault:?}: {leaks:#?}");
    }
}
