//! Containers of a real engine, started by the real compose, with what `connector export compose` wrote.
#![cfg(target_os = "linux")]

use connector_tests::docker::Engine;
use connector_tests::process::{self, Finished};
use connector_tests::{install, paths, skip};
use serde_json::json;

use super::export::{agent, project_with_connector, text, write};
use super::running::Running;

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

/// S55, S57: by `--mode agent` unmodified boto3 in a container asks the real agent on this machine, which was started by
/// the command that was printed; by `--mode files` it reads the user's profile.
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
    let command = told["agent"]["command"].as_str().expect("a command");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let start = || {
        let agent = Running::start(&mut cli.command(&words));
        agent.told_until("answering until this is stopped");
        agent
    };
    let running = start();
    let token = || std::fs::read_to_string(directory.join("token")).expect("the session's");
    let first = token();
    let done = run().expect_success();
    assert!(done.stdout_text().contains("FOUND container-role AKIAIOSFODNN7EXAMPLE"), "{done:?}");
    // A token of another session is refused.
    std::fs::write(directory.join("token"), "another").expect("written");
    let refused = run();
    assert!(!refused.stdout_text().contains("FOUND"), "{refused:?}");
    running.send("TERM");
    assert_eq!(running.code(), 0);
    // The next agent is found in the same place.
    let running = start();
    assert_ne!(token(), first);
    let done = run().expect_success();
    assert!(done.stdout_text().contains("FOUND container-role"), "{done:?}");
    running.send("TERM");
    assert_eq!(running.code(), 0);
    let left: Vec<_> =
        std::fs::read_dir(directory).expect("it stays").flatten().map(|it| it.file_name()).collect();
    assert_eq!(left, ["connector-session.lock"], "and no secret in it");
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
