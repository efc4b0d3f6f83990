//! Containers of a real engine, started by the real compose, with what `connector export compose` wrote.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use connector_tests::docker::Engine;
use connector_tests::process::{self, Finished};
use connector_tests::{install, paths, skip};
use serde_json::json;

use super::export::{agent, project_with_connector, text, write};

const TEST: &str = "s55_containers_have_what_was_handed_on";
/// What boto3 finds, and where.
const SCRIPT: &str = "import boto3; it = boto3.Session().get_credentials(); \
                      print('FOUND', it.method, it.get_frozen_credentials().access_key)";

/// The agent's network, gone with this value: it would be in the way of the next one.
struct Network<'a>(&'a Engine);

impl Drop for Network<'_> {
    fn drop(&mut self) {
        self.0.docker(&["network", "rm", "connector-agent"]);
    }
}

/// As much of an agent as answers one session: SDKs that show its token get keys, and nobody else.
fn answer(listener: &TcpListener, token: &str) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        let Ok(copy) = stream.try_clone() else { return };
        let lines = BufReader::new(copy).lines().map_while(Result::ok).take_while(|it| !it.is_empty());
        let lines: Vec<String> = lines.collect();
        let asks = lines.first().is_some_and(|it| it.starts_with("GET /credentials HTTP/"));
        let shows = lines.iter().any(|it| {
            it.split_once(':').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("authorization") && value.trim() == token
            })
        });
        let keys = json!({ "AccessKeyId": "ASIAOFTHEAGENT", "SecretAccessKey": "s", "Token": "t",
            "Expiration": "2099-01-01T00:00:00Z" });
        let (status, body) =
            if asks && shows { ("200 OK", keys.to_string()) } else { ("403 No", "{}".into()) };
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
    }
}

/// S55, S57, and what an agent is for in containers: unmodified boto3 in a container is led to the agent on this machine
/// by the session's own files; by `--mode files` it reads the user's profile.
#[test]
fn s55_containers_have_what_was_handed_on() {
    let started =
        install::python().map_err(|it| it.to_string()).and_then(|it| Ok((it, Engine::try_start()?)));
    let (python, engine) = match started {
        Ok(started) => started,
        Err(reason) => return skip::skip(TEST, reason),
    };
    let cli = project_with_connector();
    engine.import("empty");
    let program = python.program("python");
    // The machine's own system is the image: there is no network to fetch one from.
    let system = ["/usr", "/lib", "/lib64", "/bin", "/etc"].map(str::to_owned);
    let mut base = python.python(&cli.home());
    let base = process::run(base.args(["-c", "import sys; print(sys.base_prefix)"])).expect_success();
    let tools = [paths::tools().display().to_string(), base.stdout_text().trim().to_owned()];
    let folders = [&system[..], &tools].concat();
    let volumes: Vec<_> = folders.iter().map(|it| format!("{it}:{it}:ro")).collect();
    let project = json!({ "services": { "web": {
        "image": "empty",
        "command": [program.to_str(), "-c", SCRIPT],
        "environment": { "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root", "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_EC2_METADATA_DISABLED": "true" },
        "volumes": volumes,
    } } });
    write(&cli, "compose.yaml", &project.to_string());
    let compose = |arguments: &[&str]| -> Finished {
        let mut command = process::isolated(python.program("docker-compose"), &cli.home());
        process::run(command.env("DOCKER_HOST", engine.host()).args(arguments))
    };
    let run = || {
        let done = compose(&["up", "--no-color", "--abort-on-container-exit", "--exit-code-from", "web"]);
        let _ = compose(&["down"]).expect_success();
        done
    };

    let told = cli.json(&agent("prod", &["web"]));
    let network = told["agent"]["network"].as_str().expect("a command");
    let words: Vec<&str> = network.split(' ').skip(1).collect();
    let made = engine.docker(&words);
    if !made.success() {
        return skip::skip(TEST, format!("the engine makes no network here: {}", made.stderr_text()));
    }
    let _network = Network(&engine);
    let directory = std::path::Path::new(told["agent"]["directory"].as_str().expect("a path"));
    assert!(directory.is_dir(), "compose mounts what is there");
    std::fs::write(directory.join("token"), "token-of-the-session").expect("written");
    std::fs::write(directory.join("aws-profiles"), "[default]\n").expect("written");
    let listener = TcpListener::bind("169.254.170.2:4711").expect("the network's gateway is this machine");
    std::thread::spawn(move || answer(&listener, "token-of-the-session"));
    let done = run().expect_success();
    assert!(done.stdout_text().contains("FOUND container-role ASIAOFTHEAGENT"), "{done:?}");
    std::fs::write(directory.join("token"), "another").expect("written");
    let refused = run();
    assert!(!refused.stdout_text().contains("FOUND") && refused.text().contains("403"), "{refused:?}");
    cli.ok(&["undo"]);
    assert!(text(&cli, "docker-compose.override.yml").is_empty());

    write(
        &cli,
        ".aws/credentials",
        "[default]\naws_access_key_id = AKIAOFTHEUSER\naws_secret_access_key = s\n",
    );
    cli.ok(&["export", "compose", "prod", "--mode", "files", "--service", "web"]);
    let done = run().expect_success();
    assert!(done.stdout_text().contains("FOUND shared-credentials-file AKIAOFTHEUSER"), "{done:?}");
}
