//! The real programs, with the files that `login` wrote. One that this machine does not have is skipped.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use connector_tests::loopback::{Answer, Call, Loopback};
use connector_tests::process;
use connector_tests::skip::skip;
use serde_json::{Value, json};

use super::login::{BUCKET, CLUSTER, PASSWORD, REGISTRIES, REGISTRY, SECRET, World};

/// The program of this name, if it runs here.
fn program(world: &World, test: &str, name: &str, probe: &[&str]) -> Option<PathBuf> {
    let found =
        std::env::split_paths(&std::env::var_os("PATH")?).map(|it| it.join(name)).find(|it| it.is_file());
    let runs = found.filter(|it| {
        let output = world.command(it).args(probe).output();
        output.is_ok_and(|it| it.status.success())
    });
    if runs.is_none() {
        skip(test, format!("`{name}` does not run here"));
    }
    runs
}

impl World {
    /// A program in the surroundings of this one.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let own = self.cli.command(&[]);
        let mut command = process::isolated(program, &self.cli.home());
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        for variable in ["SECRET", "TOKEN"] {
            command.env_remove(variable);
        }
        command
    }
}

/// S52: kubectl reads the file, writes it anew in its own way, and what it changed stays when we take ours back.
#[test]
fn s52_kubectl_reads_and_rewrites_what_login_wrote() {
    let world = World::new();
    let Some(kubectl) = program(
        &world,
        "s52_kubectl_reads_and_rewrites_what_login_wrote",
        "kubectl",
        &["version", "--client"],
    ) else {
        return;
    };
    let run = |words: &[&str]| process::run(world.command(&kubectl).args(words));
    world.write(".kube/config", "# mine\napiVersion: v1\nkind: Config\ncontexts: [{name: theirs, context: {cluster: c, user: u}}]\ncurrent-context: theirs\n");
    world.login("prod", &CLUSTER, &[]);
    assert_eq!(run(&["config", "current-context"]).expect_success().stdout_text(), "prod-demo\n");
    let view = run(&["config", "view", "--raw", "-o", "json"]).expect_success().json();
    assert_eq!(view["users"][0]["user"]["exec"]["args"][1], "kubectl");
    assert_eq!(view["contexts"].as_array().map(Vec::len), Some(2));
    // It takes our entries for valid: this fails when the server is asked, not before.
    let asked = run(&["get", "--raw", "/livez", "--request-timeout=1s"]);
    assert!(
        !asked.stderr_text().contains("exec plugin") && !asked.stderr_text().contains("invalid"),
        "{asked:?}"
    );

    run(&["config", "set-context", "another", "--cluster=c", "--user=u"]).expect_success();
    world.cli.ok(&["logout", "prod"]);
    let view = run(&["config", "view", "--raw", "-o", "json"]).expect_success().json();
    assert_eq!(view["current-context"], "theirs");
    let names: Vec<&str> =
        view["contexts"].as_array().expect("a list").iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["another", "theirs"]);
    assert!(!world.text(".kube/config").contains("prod"), "{}", world.text(".kube/config"));
}

/// As much of docker's engine as says what it was given.
fn engine(call: &Call) -> Answer {
    match call.path.as_str() {
        path if path.ends_with("/_ping") => Answer::new(200, "text/plain", "OK")
            .with_header("api-version", "1.50")
            .with_header("ostype", "linux"),
        path if path.ends_with("/images/create") => Answer::json(200, &json!({ "status": "done" })),
        path if path.ends_with("/info") => {
            Answer::json(200, &json!({ "IndexServerAddress": "https://index.docker.io/v1/" }))
        }
        _ => Answer::json(404, &json!({ "message": "not here" })),
    }
}

/// S52: a pull hands the engine a login that is in no file.
#[cfg(unix)]
#[test]
fn s52_docker_pulls_with_the_helpers_login() {
    let world = World::new().with_helper();
    let Some(docker) = program(&world, "s52_docker_pulls_with_the_helpers_login", "docker", &["--version"])
    else {
        return;
    };
    let engine = Loopback::start(engine);
    let host = engine.url().replace("http://", "tcp://");
    let run = |words: &[&str]| process::run(world.command(&docker).env("DOCKER_HOST", &host).args(words));
    let given = || {
        engine.calls().take();
        run(&["pull", "--quiet", &format!("{REGISTRY}/app")]);
        let calls = engine.calls().matching(|it| it.path.ends_with("/images/create"));
        let header =
            calls.first().and_then(|it| it.header("x-registry-auth").map(str::to_owned)).unwrap_or_default();
        serde_json::from_slice::<Value>(&URL_SAFE.decode(header).expect("base64")).unwrap_or_default()
    };
    assert_eq!(given()["password"], Value::Null, "nobody is logged in");
    world.write(".docker/config.json", "{\n\t\"credsStore\": \"nosuch\"\n}");
    world.login("prod", &REGISTRIES, &[]);
    let login = given();
    assert_eq!((&login["username"], &login["password"]), (&json!("AWS"), &json!(PASSWORD)), "{login}");
    world.assert_no_secret(".docker/config.json");
    // docker's own logout leaves ours alone.
    run(&["logout", REGISTRY]);
    assert_eq!(given()["password"], PASSWORD);
    // The login itself, for hosts without this program: docker reads its file, though a store is set.
    world.login("prod", &REGISTRIES, &["--static"]);
    std::fs::remove_file(world.file("bin/docker-credential-connector")).expect("removed");
    assert_eq!(given()["password"], PASSWORD);
    world.cli.ok(&["logout", "prod"]);
    assert_eq!(given()["password"], Value::Null);
}

/// S53: the aws program signs with what the helper gives it.
#[test]
fn s53_aws_uses_the_profile() {
    let world = World::new();
    let Some(aws) = program(&world, "s53_aws_uses_the_profile", "aws", &["--version"]) else { return };
    for more in [&[][..], &["--static"]] {
        world.login("prod", &BUCKET, more);
        world.server.calls().take();
        let words = ["--profile", "prod", "eks", "describe-cluster", "--name", "demo"];
        let answer = process::run(world.command(&aws).args(words)).expect_success().json();
        assert_eq!(answer["cluster"]["name"], "demo");
        let call = &world.server.calls().all()[0];
        assert_eq!(call.access_key_id().as_deref(), Some("AKIAIOSFODNN7EXAMPLE"));
        assert!(call.header("x-amz-security-token").is_some());
    }
    assert!(world.text(".aws/credentials").contains(SECRET));
    world.cli.ok(&["logout", "prod"]);
    process::run(world.command(&aws).args(["--profile", "prod", "configure", "list"])).expect_code(255);
}

/// S31, C21: the aws program asks the endpoint as it is, signs with what it is given, and passes the user's own profiles
/// over.
#[cfg(unix)]
#[test]
fn s31_aws_asks_the_agent() {
    let world = World::new();
    let Some(aws) = program(&world, "s31_aws_asks_the_agent", "aws", &["--version"]) else { return };
    world.write(
        ".aws/credentials",
        "[default]\naws_access_key_id = AKIASOMEBODY\naws_secret_access_key = theirs\n",
    );
    world.server.calls().take();
    let words = [&["exec", "--agent", "prod"][..], &BUCKET, &["--"]].concat();
    let mut command = world.cli.command(&words);
    command.env_remove("SECRET").env_remove("TOKEN").arg(aws);
    command.args(["eks", "describe-cluster", "--name", "demo"]);
    let answer = process::run(&mut command).expect_success().json();
    assert_eq!(answer["cluster"]["name"], "demo");
    let call = &world.server.calls().all()[0];
    assert_eq!(call.access_key_id().as_deref(), Some("AKIAIOSFODNN7EXAMPLE"));
    assert_eq!(call.header("x-amz-security-token"), Some(super::login::TOKEN));
}
