//! `exec --agent`: a program beside an endpoint, and one process that stands for both.
#![cfg(unix)]

use std::process::Command;

use connector_core::parse_time;
use connector_tests::cli::Cli;
use connector_tests::process;
use connector_tests::skip::skip;
use connector_tests::strict_aws::StrictAws;

use super::give::{GRANT, SECRET, TOKEN, with_connector};
use super::running::{Endpoint, Running, is_ignored, send, variables, wait_until};

/// Says what it finds, and what it is sent, until it is told to go. The count is for a test that is gone.
const LISTENER: &str = "for it in TERM HUP USR1 USR2 INT QUIT; do trap \"echo $it\" $it; done; \
    env; echo ready $PPID; n=0; while [ $n -lt 40 ]; do n=$((n+1)); read line; \
    case $line in go) exit 3;; esac; done; exit 9";

fn words<'a>(more: &[&'a str], program: &[&'a str]) -> Vec<&'a str> {
    [&["exec", "--agent", "prod"], &GRANT[..], more, &["--"], program].concat()
}

/// The names of what agents have left.
pub(super) fn sessions(cli: &Cli) -> Vec<String> {
    let entries = std::fs::read_dir(cli.connector_home().join("agent")).expect("listed");
    let names = entries.map(|it| it.expect("read").file_name().to_string_lossy().into_owned());
    names.filter(|it| it != "lock").collect()
}

fn command(cli: &Cli, program: &[&str]) -> Command {
    let mut command = cli.command(&words(&[], program));
    // What was needed to register it, and is no business of the program's.
    command.env_remove("SECRET").env_remove("TOKEN");
    command
}

/// A program that is up, and what it finds in its environment.
fn listener(cli: &Cli, script: &str) -> (Running, Endpoint) {
    let running = Running::start(&mut command(cli, &["sh", "-c", script]));
    let ready = format!("ready {}", running.id());
    let found = variables(&running.lines_until(&ready));
    (running, Endpoint::of(&found))
}

/// S31, C21: nothing that outlives the program is in its environment, and nothing that would shadow the endpoint.
#[test]
fn s31_the_program_has_no_key_and_finds_the_endpoint() {
    let cli = with_connector();
    let long_lived = "long-lived-canary";
    let mut command = command(&cli, &["sh", "-c", LISTENER]);
    command.envs([
        ("KEPT", "kept"),
        ("AWS_PROFILE", "somebody-else"),
        ("AWS_ACCESS_KEY_ID", "AKIASOMEBODY"),
        ("AWS_SECRET_ACCESS_KEY", long_lived),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", long_lived),
        ("CONNECTOR_PASSPHRASE", ""),
        ("CONNECTOR_NEW_PASSPHRASE", long_lived),
        ("CONNECTOR_TOKEN", long_lived),
    ]);
    let mut running = Running::start(&mut command);
    let lines = running.lines_until(&format!("ready {}", running.id()));
    let found = variables(&lines);
    assert_eq!(found.get("KEPT").map(String::as_str), Some("kept"));
    assert_eq!(found.get("AWS_DEFAULT_REGION"), found.get("AWS_REGION"));
    for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        assert!(!found.contains_key(name), "{name}");
    }
    let endpoint = Endpoint::of(&found);
    let (status, keys) = endpoint.ask();
    assert_eq!((status, &keys["SecretAccessKey"], &keys["Token"]), (200, &SECRET.into(), &TOKEN.into()));
    let token = std::fs::read_to_string(&found["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).expect("read");
    for secret in [SECRET, TOKEN, long_lived, &token] {
        assert!(lines.iter().all(|it| !it.contains(secret)), "{lines:?}");
    }
    assert_eq!(sessions(&cli).len(), 2, "a folder and its lock");
    running.say("go\n");
    let (status, said, told) = running.end();
    assert_eq!((status.code(), said, told), (Some(3), vec![], vec![]));
    assert!(endpoint.is_closed());
    assert!(sessions(&cli).is_empty(), "{:?}", sessions(&cli));
}

/// Some libraries send requests for loopback to a proxy: they are told not to, and all that they were told before stays.
#[test]
fn a_proxy_does_not_come_between_the_program_and_its_endpoint() {
    let cli = with_connector();
    let found = |set: &[(&str, &str)]| {
        let mut command = command(&cli, &["env"]);
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
            command.env_remove(name);
        }
        let done = process::run(command.envs(set.iter().copied())).expect_success();
        let lines: Vec<_> = done.stdout_text().lines().map(str::to_owned).collect();
        let found = variables(&lines);
        ["no_proxy", "NO_PROXY"].map(|name| found.get(name).cloned())
    };
    let (proxy, both) =
        (("HTTP_PROXY", "http://127.0.0.1:9"), |it: &str| [(); 2].map(|()| Some(it.to_owned())));
    assert_eq!(found(&[]), [None, None], "nothing is in the way");
    assert_eq!(found(&[proxy]), both("127.0.0.1"));
    assert_eq!(found(&[proxy, ("NO_PROXY", "corp.example")]), both("corp.example,127.0.0.1"));
}

/// S31, S32: what was given ends, and the next one is there before: no one that has ended is handed out.
#[test]
fn s32_the_program_outlives_what_it_is_given() {
    let server = StrictAws::start();
    server.limit_life(Some(std::time::Duration::from_secs(4)));
    let cli = super::running::with_role(&server);
    let (mut running, endpoint) = listener(&cli, LISTENER);
    let mut seen = std::collections::BTreeSet::new();
    wait_until("three lives have passed", || {
        let asked = std::time::SystemTime::now();
        let (status, keys) = endpoint.ask();
        assert_eq!(status, 200, "{keys}");
        let end = parse_time(keys["Expiration"].as_str().unwrap_or_default()).expect("a time");
        assert!(end > asked, "it had ended before it was asked for: {keys}");
        let id = keys["AccessKeyId"].as_str().unwrap_or_default();
        assert!(server.session(id).is_some(), "the provider's own: {keys}");
        seen.insert(id.to_owned());
        seen.len() > 3
    });
    running.say("go\n");
    assert_eq!(running.code(), 3);
}

#[test]
fn it_ends_as_its_program_does_and_leaves_nothing() {
    let cli = with_connector();
    for (script, code) in [("exit 0", 0), ("exit 42", 42), ("kill -KILL $$", 137), ("kill -TERM $$", 143)] {
        let done = cli.fails(code, &words(&[], &["sh", "-c", script]));
        assert_eq!(done.text(), "", "{script}");
        assert!(sessions(&cli).is_empty(), "{script}");
    }
    let missing = cli.fails(127, &words(&[], &["no-such-program-here"]));
    assert_eq!(missing.stderr_text(), "error: no program `no-such-program-here` in PATH\n");
    cli.fails(126, &words(&[], &["/"]));
    assert!(sessions(&cli).is_empty());
    let unknown = cli.fails(125, &["exec", "--agent", "nosuch", "--", "true"]);
    assert!(unknown.stderr_text().starts_with("error: no connector `nosuch`"), "{unknown:?}");
}

/// What is sent to the one that was started is for the other one.
#[test]
fn signals_are_passed_on() {
    let cli = with_connector();
    let (mut running, endpoint) = listener(&cli, LISTENER);
    for signal in ["TERM", "HUP", "USR1", "USR2", "INT", "QUIT", "TERM"] {
        if is_ignored(signal) {
            continue;
        }
        running.send(signal);
        assert_eq!(running.line(), signal);
    }
    assert_eq!(endpoint.ask().0, 200);
    running.say("go\n");
    assert_eq!(running.code(), 3);
    // Whom a signal ends is ended by it.
    let (running, endpoint) = listener(&cli, "env; echo ready $PPID; exec cat");
    running.send("TERM");
    assert_eq!(running.code(), 128 + 15);
    assert!(endpoint.is_closed() && sessions(&cli).is_empty());
}

/// However often it is told to end: it alone knows what it has to do before.
#[test]
fn a_program_that_ignores_sigterm_is_served_on() {
    let cli = with_connector();
    let (mut running, endpoint) = listener(&cli, &LISTENER.replace("env;", "trap '' TERM; env;"));
    for _ in 0..2 {
        running.send("TERM");
        // They are passed on in this order, so the first has arrived.
        running.send("USR1");
        assert_eq!(running.line(), "USR1");
        assert_eq!(endpoint.ask().0, 200);
    }
    running.say("go\n");
    assert_eq!(running.code(), 3);
    assert!(endpoint.is_closed() && sessions(&cli).is_empty());
}

/// Nobody can catch that: no agent is left, and the next one sweeps.
#[test]
fn c21_no_agent_outlives_its_process() {
    let cli = with_connector();
    let (running, endpoint) = listener(&cli, LISTENER);
    assert_eq!(endpoint.ask().0, 200);
    running.send("KILL");
    wait_until("the port is closed", || endpoint.is_closed());
    let left = sessions(&cli);
    assert_eq!(left.len(), 2, "{left:?}");
    cli.ok(&words(&[], &["true"]));
    assert!(sessions(&cli).is_empty());
}

/// As with `nohup`: what is to be ignored is ignored by both.
#[cfg(target_os = "linux")]
#[test]
fn what_was_ignored_before_stays_ignored() {
    let cli = with_connector();
    let own = command(&cli, &["sh", "-c", "kill -HUP $$; kill -HUP $PPID; echo alive; read line; exit 3"]);
    let mut shell = process::isolated("sh", &cli.home());
    shell.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(own.get_program()).args(own.get_args());
    let mut running = Running::start(&mut shell);
    assert_eq!(running.line(), "alive");
    running.say("go\n");
    assert_eq!(running.code(), 3);
}

/// The terminal tells both, and the program is told once.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_reaches_the_program_once_and_ends_nobody_else() {
    let cli = with_connector();
    let script = format!("[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminal; {LISTENER}");
    let own = command(&cli, &["sh", "-c", "exit"]);
    if is_ignored("INT") {
        return skip(
            "ctrl_c_reaches_the_program_once_and_ends_nobody_else",
            "SIGINT is ignored, as in a background",
        );
    }
    let mut terminal = process::isolated("script", &cli.home());
    if !terminal.arg("--version").output().is_ok_and(|it| it.status.success()) {
        return skip("ctrl_c_reaches_the_program_once_and_ends_nobody_else", "`script` does not run here");
    }
    let mut terminal = process::isolated("script", &cli.home());
    terminal.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.env("LISTENER", script).env("CONNECTOR", own.get_program()).env("SHELL", "/bin/sh");
    let line = format!("exec \"$CONNECTOR\" exec --agent prod {} -- sh -c \"$LISTENER\"", GRANT.join(" "));
    terminal.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]);
    let mut running = Running::start(&mut terminal);
    let until = |running: &Running, last: &str| {
        let line = || running.line().trim_end().to_owned();
        std::iter::from_fn(|| Some(line()).filter(|it| !it.starts_with(last))).collect::<Vec<_>>()
    };
    // Behind the line of progress, which is gone by then.
    assert!(running.line().trim_end().ends_with("terminal"));
    let parent = loop {
        let line = running.line();
        if let Some(id) = line.trim_end().strip_prefix("ready ") {
            break id.parse().expect("a process");
        }
    };
    running.say("\u{3}");
    assert!(until(&running, "INT").is_empty());
    // Had the first been passed on too, that would come before this one.
    send(parent, "USR1");
    assert_eq!(until(&running, "USR1"), Vec::<String>::new());
    running.say("go\n");
    assert_eq!(running.code(), 3);
    assert!(sessions(&cli).is_empty());
}

/// The port that is asked for, and the reasons for which there is none.
#[test]
fn an_endpoint_that_cannot_be_is_an_error_of_its_own() {
    let cli = with_connector();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for (more, part) in [
        (["--listen", &address], format!("{address} is taken")),
        (["--listen", "10.1.2.3:80"], "10.1.2.3 is refused".to_owned()),
        (["--protocol", "nosuch"], "possible are ecs-container".to_owned()),
    ] {
        let failed = cli.fails(125, &words(&more, &["sh", "-c", "echo started"]));
        assert_eq!(failed.stdout_text(), "");
        assert!(failed.stderr_text().contains(&part), "{failed:?}");
    }
    cli.fails(2, &["exec", "prod", "--protocol", "ecs-container", "--", "true"]);
    let cluster =
        ["exec", "--agent", "prod", "--resource-type", "kubernetes-cluster", "--resource-id", "demo"];
    let failed = cli.fails(125, &[&cluster[..], &["--", "true"]].concat());
    let told = failed.stderr_text();
    assert!(
        told.contains("kind `kubernetes` has no protocol") && told.contains("connector login prod"),
        "{told}"
    );
}
