//! `connector agent`: endpoints in the foreground.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use connector_tests::cli::Cli;
use connector_tests::process;
use connector_tests::strict_aws::StrictAws;
use serde_json::Value;

use super::exec::sessions;
use super::give::{SECRET, TOKEN, with_connector};
use super::running::{Endpoint, Running, is_ignored, variables};

const BINDING: &str = "prod=s3-bucket:s3://data";

/// The last line that people are told: all that is printed is out by then.
const READY: &str = "answering until this is stopped";

fn command(cli: &Cli, words: &[&str]) -> Command {
    let mut command = cli.command(&[&["agent"], words].concat());
    command.env_remove("SECRET").env_remove("TOKEN");
    command
}

/// An agent that answers, what it printed, and what it told.
fn start(cli: &Cli, words: &[&str]) -> (Running, Vec<String>, Vec<String>) {
    // Printed between two marks, since the end of what it prints is not the end of what it does.
    let own = command(cli, words);
    let mut shell = process::isolated("sh", &cli.home());
    shell.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PRINTED", cli.home().join("printed"));
    shell.args(["-c", "exec \"$@\" > \"$PRINTED\"", "sh"]).arg(own.get_program()).args(own.get_args());
    let running = Running::start(&mut shell);
    let told = running.told_until(READY);
    let printed = std::fs::read_to_string(cli.home().join("printed")).expect("printed");
    (running, printed.lines().map(str::to_owned).collect(), told)
}

/// What a shell has in its environment after it has run what was printed.
fn after(cli: &Cli, script: &[String]) -> BTreeMap<String, String> {
    let mut shell = process::isolated("sh", &cli.home());
    shell.args(["-c", &format!("{}\nenv", script.join("\n"))]);
    shell.env("AWS_PROFILE", "somebody-else").env("AWS_SECRET_ACCESS_KEY", "long-lived-canary");
    let lines: Vec<_> =
        process::run(&mut shell).expect_success().stdout_text().lines().map(str::to_owned).collect();
    variables(&lines)
}

/// S31, C21: what is printed holds no key, and a shell that runs it is led to the endpoint.
#[test]
fn s31_a_shell_that_runs_what_is_printed_finds_the_endpoint() {
    let cli = with_connector();
    let (running, printed, told) = start(&cli, &[BINDING]);
    assert!(told.is_empty(), "{told:?}");
    assert!(
        printed[0].starts_with("# prod: s3-bucket s3://data read; ecs-container at 127.0.0.1:"),
        "{printed:?}"
    );
    let found = after(&cli, &printed);
    assert!(!found.contains_key("AWS_PROFILE") && !found.contains_key("AWS_SECRET_ACCESS_KEY"), "{found:?}");
    let endpoint = Endpoint::of(&found);
    let (status, keys) = endpoint.ask();
    assert_eq!((status, &keys["SecretAccessKey"], &keys["Token"]), (200, &SECRET.into(), &TOKEN.into()));
    let token = PathBuf::from(&found["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]);
    let mode = |path: &std::path::Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&token), mode(token.parent().expect("a folder"))), (0o600, 0o700));
    let text = printed.join("\n");
    for secret in [SECRET, TOKEN, &std::fs::read_to_string(&token).expect("a token")] {
        assert!(!text.contains(secret), "{text}");
    }
    // Invariant 11: it bites at once.
    cli.ok(&["disable", "prod"]);
    assert_eq!(endpoint.ask().0, 403);
    running.send("TERM");
    assert_eq!(running.code(), 0);
    assert!(endpoint.is_closed() && sessions(&cli).is_empty());
}

/// What a person at the terminal would else find out at the end: a proxy in the way, and renewals that fail, once.
#[test]
fn s31_what_will_be_trouble_is_told_while_there_is_time() {
    let server = StrictAws::start();
    let cli = super::running::with_role(&server);
    server.limit_life(Some(std::time::Duration::from_secs(10)));
    let mut command = command(&cli, &[BINDING, "--format", "dotenv"]);
    command.env("all_proxy", "http://127.0.0.1:9").env_remove("no_proxy").env_remove("NO_PROXY");
    let running = Running::start(&mut command);
    let mut printed = Vec::new();
    while !printed.iter().any(|it: &String| it.starts_with("BOTO_CONFIG=")) {
        printed.push(running.line());
    }
    let told = running.told_until(READY);
    assert!(told.iter().any(|it| it.contains("all_proxy is set") && it.contains("127.0.0.1")), "{told:?}");
    let endpoint = Endpoint::of(&variables(&printed));
    assert_eq!(endpoint.ask().0, 200);
    server.deny("sts:AssumeRole");
    let calls = || server.calls().of("AssumeRole").len();
    let before = calls();
    super::running::wait_until("a renewal failed", || {
        endpoint.ask();
        calls() > before
    });
    // It is told of again with every answer from now on.
    for _ in 0..5 {
        endpoint.ask();
    }
    running.send("TERM");
    let (status, _, told) = running.end();
    assert_eq!(status.code(), Some(0));
    let told: Vec<_> = told.iter().filter(|it| it.contains("could not be renewed")).collect();
    assert!(told.len() == 1 && told[0].starts_with("warning: connector `prod`: "), "{told:?}");
}

#[test]
fn it_stops_cleanly_however_it_is_told() {
    let cli = with_connector();
    for signal in ["INT", "TERM", "HUP"].into_iter().filter(|it| !is_ignored(it)) {
        let (running, printed, _) = start(&cli, &[BINDING]);
        let endpoint = Endpoint::of(&after(&cli, &printed));
        assert_eq!(endpoint.ask().0, 200);
        running.send(signal);
        let (status, _, told) = running.end();
        assert_eq!((status.code(), told), (Some(0), vec![]), "{signal}");
        assert!(endpoint.is_closed() && sessions(&cli).is_empty(), "{signal}");
    }
}

#[test]
fn every_form_leads_to_the_same() {
    let cli = with_connector();
    for (format, line) in [
        ("fish", "set -gx AWS_CONTAINER_CREDENTIALS_FULL_URI 'http://127.0.0.1:"),
        ("powershell", "$Env:AWS_CONTAINER_CREDENTIALS_FULL_URI = 'http://127.0.0.1:"),
        ("dotenv", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:"),
        ("json", "\"AWS_CONTAINER_CREDENTIALS_FULL_URI\": \"http://127.0.0.1:"),
    ] {
        let (_running, printed, _) = start(&cli, &[BINDING, "--format", format]);
        assert!(printed.iter().any(|it| it.trim_start().starts_with(line)), "{format}: {printed:?}");
    }
    // A file of variables is taken as it is.
    let (_running, printed, _) = start(&cli, &[BINDING, "--format", "dotenv"]);
    assert_eq!(Endpoint::of(&variables(&printed)).ask().0, 200);
}

/// Three identities are three ports, each with a token of its own; what no program can have at once is said.
#[test]
fn three_bindings_are_three_endpoints() {
    let cli = with_connector();
    let words = [BINDING, "prod=s3-bucket:s3://other@write", "prod=aws-generic", "-o", "json"];
    let running = Running::start(&mut command(&cli, &words));
    let text = running.lines_until("}").join("\n") + "}";
    assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let bindings = json["bindings"].as_array().expect("a list");
    let endpoints: Vec<_> = bindings
        .iter()
        .map(|it| {
            let variables = it["variables"].as_object().expect("variables").iter();
            let set = variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            let endpoint = Endpoint::of(&set.collect());
            assert_eq!(it["url"], format!("http://{}", endpoint.address));
            assert_eq!(it["protocols"][0]["id"], "ecs-container");
            assert_eq!(it["protocols"][0]["has_secret"], true);
            assert_eq!(it["variables"]["AWS_PROFILE"], Value::Null);
            endpoint
        })
        .collect();
    let asked: Vec<_> =
        bindings.iter().map(|it| (it["resource"]["id"].as_str(), it["access"].as_str())).collect();
    let expected = [
        (Some("s3://data"), Some("read")),
        (Some("s3://other"), Some("write")),
        (Some("eu-west-1"), Some("read")),
    ];
    assert_eq!(asked, expected);
    for (at, one) in endpoints.iter().enumerate() {
        assert_eq!(one.ask().0, 200);
        let other = &endpoints[(at + 1) % endpoints.len()];
        assert_ne!(one.address, other.address);
        assert_eq!(one.at(other).ask().0, 401, "a token opens one door");
    }
    running.send("TERM");
    assert_eq!(running.code(), 0);
    assert!(endpoints.iter().all(Endpoint::is_closed) && sessions(&cli).is_empty());

    let (_running, printed, told) = start(&cli, &[BINDING, "prod=aws-generic"]);
    assert_eq!(printed.iter().filter(|it| it.starts_with("# prod")).count(), 2);
    assert!(told.iter().any(|it| it.contains("set the same variables")), "{told:?}");
}

#[test]
fn what_cannot_be_served_is_said_and_leaves_nothing() {
    let cli = with_connector();
    let key = ["register", "key", "--type", "aws", "--auth-method", "secret-key", "--no-verify"];
    let config =
        ["region=eu-west-1", super::KEY_ID, "aws_secret_access_key=env:SECRET", "--allow", "long-lived"];
    cli.ok(&[&key[..], &config].concat());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let home = cli.connector_home();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).expect("closed");
    let home = home.to_string_lossy().into_owned();
    for (code, words, message, hint) in [
        (2, &[BINDING, "--listen", &address][..], format!("{address} is taken"), "another port"),
        (2, &[BINDING, "--listen", "0.0.0.0:0"], "0.0.0.0 is refused".into(), "127.0.0.1"),
        (2, &[BINDING, "--listen", "here"], "not an address".into(), "agent --help"),
        (2, &[BINDING, "--protocol", "nosuch"], "possible are ecs-container".into(), ""),
        (2, &[BINDING, BINDING], "stands there twice".into(), "leave one out"),
        // It would be emptied.
        (2, &[BINDING, "--directory", &home], "holds what is no session".into(), "a directory of its own"),
        (2, &["prod="], "no resource type".into(), "NAME=TYPE:ID"),
        (2, &["prod=s3-bucket"], "resource_id".into(), "--resource-id"),
        (
            2,
            &["prod=kubernetes-cluster:demo"],
            "kind `kubernetes` has no protocol".into(),
            "connector login prod",
        ),
        (
            2,
            &["prod=docker-registry:123456789012.dkr.ecr.eu-west-1.amazonaws.com"],
            "kind `docker`".into(),
            "login",
        ),
        (3, &["nosuch"], "no connector `nosuch`".into(), ""),
        (4, &["key=s3-bucket:s3://data"], "keys that do not end".into(), "temporary"),
    ] {
        let error = cli.error(code, &[&["agent"], words].concat());
        let said = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        assert!(said("message").contains(&message) && said("hint").contains(hint), "{words:?}: {error}");
    }
    cli.fails(2, &["agent"]);
    let agents = cli.connector_home().join("agent");
    assert!(!agents.exists() || sessions(&cli).is_empty());
}

/// The same answer for variables: what programs ask a helper for has no other form.
#[test]
fn what_has_no_variables_names_what_there_is_instead() {
    let cli = with_connector();
    for (resource, id, program) in [
        ("kubernetes-cluster", "demo", "kubectl"),
        ("docker-registry", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "docker and podman"),
    ] {
        let grant = ["--resource-type", resource, "--resource-id", id];
        let error = cli.error(2, &[&["env", "prod"][..], &grant].concat());
        let hint = error["hint"].as_str().unwrap_or_default();
        assert!(hint.contains("connector login prod") && hint.contains(program), "{error}");
        let told = cli.fails(125, &[&["exec", "prod"][..], &grant, &["--", "true"]].concat()).stderr_text();
        assert!(told.contains("no form as environment variables") && told.contains(program), "{told}");
    }
}

/// systemd with `Type=notify`.
#[cfg(target_os = "linux")]
#[test]
fn a_service_manager_is_told_when_it_is_up() {
    let cli = with_connector();
    let path = cli.home().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).expect("bound");
    manager.set_read_timeout(Some(process::LIMIT)).expect("set");
    let told = || {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).expect("told");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let mut agent = command(&cli, &[BINDING, "--format", "dotenv"]);
    let running = Running::start(agent.env("NOTIFY_SOCKET", &path));
    assert_eq!(told(), "READY=1");
    assert_eq!(sessions(&cli).len(), 2);
    running.send("TERM");
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(running.code(), 0);
}

/// systemd with a socket unit: the port is the manager's, and open before there is an agent.
#[cfg(target_os = "linux")]
#[test]
fn a_service_manager_s_sockets_are_taken_in_their_order() {
    let cli = with_connector();
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    let own = command(&cli, &[BINDING, "-o", "json"]);
    let shell = |script: &str| {
        let mut shell = process::isolated("sh", &cli.home());
        shell.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.args(["-c", script, "sh"]).arg(own.get_program()).args(own.get_args());
        shell
    };
    // Given as standard input first: that is how a test hands a socket to a process.
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
    let mut with_socket = shell(script);
    with_socket.stdin(std::os::fd::OwnedFd::from(socket.try_clone().expect("a socket")));
    let output = cli.home().join("out");
    with_socket
        .stdout(File::create(&output).expect("made"))
        .stderr(File::create(cli.home().join("err")).expect("made"));
    let mut child = with_socket.spawn().expect("started");
    let json = || {
        let text = std::fs::read_to_string(&output).unwrap_or_default();
        serde_json::from_str::<Value>(&text).ok()
    };
    super::running::wait_until("it says what it serves", || {
        json().is_some() || child.try_wait().is_ok_and(|it| it.is_some())
    });
    let said = std::fs::read_to_string(cli.home().join("err")).unwrap_or_default();
    let json = json().unwrap_or_else(|| panic!("{said}"));
    assert_eq!(json["bindings"][0]["url"], format!("http://{address}"));
    super::running::send(child.id(), "TERM");
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    // Two places for one port.
    let mut two = shell(&format!("{script} --listen 127.0.0.1:4711"));
    two.stdin(std::os::fd::OwnedFd::from(socket.try_clone().expect("a socket")));
    let refused = two.output().expect("run");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && told.contains("has opened the ports already"), "{told}");
    // What was left to somebody else is not taken.
    let mut of_another = shell("LISTEN_FDS=1 LISTEN_PID=1 exec \"$@\"");
    let running = Running::start(&mut of_another);
    let text = running.lines_until("}").join("\n") + "}";
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_ne!(json["bindings"][0]["url"], format!("http://{address}"));
}
