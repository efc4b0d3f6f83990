//! The user's own programs: `login`, `logout`, `undo`, and the helpers that their files call.

use std::path::PathBuf;
use std::process::Command;

use connector_tests::cli::Cli;
use connector_tests::loopback::{Answer, Call, Loopback};
use connector_tests::process::{self, Finished};
use serde_json::{Value, json};

use super::{KEY_ID, cli};

pub(super) const SECRET: &str = "secret-canary-81d2";
pub(super) const TOKEN: &str = "token-canary-40ac";
pub(super) const PASSWORD: &str = "password-canary-77";
pub(super) const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
pub(super) const CLUSTER: [&str; 4] = ["--resource-type", "kubernetes-cluster", "--resource-id", "demo"];
pub(super) const REGISTRIES: [&str; 4] = ["--resource-type", "docker-registry", "--resource-id", REGISTRY];
pub(super) const BUCKET: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "s3://data"];

/// As much of AWS as knows one cluster and one registry.
fn aws(call: &Call) -> Answer {
    match call.action().as_str() {
        "GET /clusters/demo" => Answer::json(
            200,
            &json!({ "cluster": { "name": "demo", "status": "ACTIVE", "endpoint": "https://demo.test",
                "certificateAuthority": { "data": "Q0VSVA==" } } }),
        ),
        "GetAuthorizationToken" => Answer::json(
            200,
            // AWS:password-canary-77
            &json!({ "authorizationData": [{ "authorizationToken": "QVdTOnBhc3N3b3JkLWNhbmFyeS03Nw==",
                "expiresAt": 4_070_908_800.0, "proxyEndpoint": format!("https://{REGISTRY}") }] }),
        ),
        _ => Answer::json(404, &json!({ "__type": "ResourceNotFoundException" })),
    }
}

pub(super) struct World {
    pub(super) server: Loopback,
    pub(super) cli: Cli,
}

impl World {
    /// A connector `prod` with temporary keys, and docker's helper on PATH.
    pub(super) fn new() -> Self {
        let server = Loopback::start(aws);
        let cli = cli().with_env("USER", "ada").with_env("SECRET", SECRET).with_env("TOKEN", TOKEN);
        let world = Self { server, cli };
        world.register("prod");
        world
    }

    #[cfg(unix)]
    pub(super) fn with_helper(self) -> Self {
        let bin = self.cli.home().join("bin");
        std::fs::create_dir(&bin).expect("made");
        std::os::unix::fs::symlink(self.cli.binary(), bin.join("docker-credential-connector"))
            .expect("linked");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        Self { cli: self.cli.with_env("PATH", path), server: self.server }
    }

    fn register(&self, name: &str) {
        let endpoint = format!("endpoint_url={}", self.server.url());
        let method = ["register", name, "--type", "aws", "--auth-method", "sts-token", "--no-verify"];
        let keys = ["region=eu-west-1", &endpoint, KEY_ID, "aws_secret_access_key=env:SECRET"];
        let more = ["aws_session_token=env:TOKEN", "expires_at=2099-01-31T00:00:00Z"];
        self.cli.ok(&[&method[..], &keys, &more].concat());
    }

    pub(super) fn login(&self, name: &str, grant: &[&str], more: &[&str]) -> Value {
        self.cli.json(&[&["login", name][..], grant, more].concat())
    }

    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.cli.home().join(path)
    }

    pub(super) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.file(path);
        std::fs::create_dir_all(path.parent().expect("in the home")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// C30, S31: whatever was written, there is no credential in it.
    pub(super) fn assert_no_secret(&self, path: &str) {
        let text = self.text(path);
        for secret in [SECRET, TOKEN, PASSWORD, "k8s-aws-v1", "AKIAIOSFODNN7EXAMPLE", "QVdT"] {
            assert!(!text.contains(secret), "{path}:\n{text}");
        }
    }

    /// The helper as docker calls it.
    fn docker(&self, verb: &str, input: &str) -> Finished {
        process::run_with_input(&mut self.docker_command(verb), input.as_bytes())
    }

    fn docker_command(&self, verb: &str) -> Command {
        let own = self.cli.command(&[]);
        let mut command = process::isolated(self.file("bin/docker-credential-connector"), &self.cli.home());
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).arg(verb);
        command
    }
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).expect("there").permissions()) & 0o777
}

/// S52: the context works by calling this program.
#[test]
fn s52_a_cluster_becomes_a_context_that_calls_the_helper() {
    let world = World::new();
    let done = world.login("prod", &CLUSTER, &[]);
    assert_eq!(
        (&done["name"], &done["expires_at"], &done["static"]),
        (&json!("prod-demo"), &Value::Null, &json!(false))
    );
    world.assert_no_secret(".kube/config");
    let config: Value = json_of(&world.text(".kube/config"));
    assert_eq!(config["current-context"], "prod-demo");
    assert_eq!(
        config["clusters"][0]["cluster"],
        json!({ "server": "https://demo.test", "certificate-authority-data": "Q0VSVA==" })
    );
    assert_eq!(config["contexts"][0]["context"], json!({ "cluster": "prod-demo", "user": "prod-demo" }));
    let exec = &config["users"][0]["user"]["exec"];
    assert_eq!(
        (&exec["apiVersion"], &exec["interactiveMode"]),
        (&json!("client.authentication.k8s.io/v1"), &json!("Never"))
    );
    assert_eq!(exec["env"], json!([{ "name": "CONNECTOR_HOME", "value": world.cli.connector_home() }]));
    let words: Vec<&str> =
        exec["args"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let calls = world.server.calls().count();
    for version in ["v1", "v1beta1"] {
        let api = format!("client.authentication.k8s.io/{version}");
        let info = json!({ "kind": "ExecCredential", "apiVersion": api, "spec": { "interactive": false } });
        let mut command = process::isolated(exec["command"].as_str().expect("a path"), &world.cli.home());
        command.env("USER", "ada").env("CONNECTOR_HOME", world.cli.connector_home());
        let answer = process::run(command.args(&words).env("KUBERNETES_EXEC_INFO", info.to_string()))
            .expect_success()
            .json();
        assert_eq!(answer["apiVersion"], api);
        assert!(
            answer["status"]["token"].as_str().is_some_and(|it| it.starts_with("k8s-aws-v1.")),
            "{answer}"
        );
    }
    assert_eq!(world.server.calls().count(), calls, "the login's own credential answers");
    for garbage in
        ["hunter2", "{}", r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v9"}"#]
    {
        let refused =
            process::run(world.cli.command(&words).env("KUBERNETES_EXEC_INFO", garbage)).expect_code(2);
        assert!(
            refused.stderr_text().contains("KUBERNETES_EXEC_INFO") && refused.stdout.is_empty(),
            "{refused:?}"
        );
        assert!(!refused.text().contains("hunter2"));
    }
    world.cli.ok(&["logout", "prod"]);
    assert!(!world.file(".kube/config").exists(), "it was made for the login");
    world.cli.fails(3, &["logout", "prod"]);
    world.cli.fails(3, &["undo"]);
}

/// YAML of ours, as kubectl reads it; the program itself prints it as JSON by no command, so it is small.
fn json_of(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}:\n{yaml}"))
}

#[test]
fn the_files_of_kubeconfig_are_chosen_as_kubectl_does() {
    let world = World::new();
    world.write("one", "apiVersion: v1\nkind: Config # mine\ncurrent-context: theirs\n");
    world.write("two", "kind: Config\n");
    let list = |names: &[&str]| {
        let paths: Vec<String> = names.iter().map(|it| world.file(it).display().to_string()).collect();
        paths.join(":")
    };
    for (files, entries, current) in [
        (&["none", "two", "one"][..], "two", "one"),
        (&["none", "one"], "one", "one"),
        (&["none", "nothing/either"], "nothing/either", "nothing/either"),
    ] {
        let before: Vec<_> = files.iter().map(|it| std::fs::read(world.file(it)).ok()).collect();
        let words = [&["login", "prod"][..], &CLUSTER].concat();
        process::run(world.cli.command(&words).env("KUBECONFIG", list(files))).expect_success();
        assert!(world.text(entries).contains("name: prod-demo"), "{files:?}");
        assert!(world.text(current).contains("current-context: prod-demo"), "{files:?}");
        world.cli.ok(&["undo"]);
        let after: Vec<_> = files.iter().map(|it| std::fs::read(world.file(it)).ok()).collect();
        assert_eq!(before, after, "{files:?}");
    }
    assert!(!world.file(".kube").exists());
}

#[cfg(unix)]
#[test]
fn s52_docker_asks_the_helper_and_its_file_holds_no_secret() {
    let world = World::new();
    let refused = world.cli.error(3, &[&["login", "prod"][..], &REGISTRIES].concat());
    assert!(refused["hint"].as_str().is_some_and(|it| it.contains("ln -s")), "{refused}");
    assert!(!world.file(".docker").exists());

    let world = world.with_helper();
    let before = "{\n\t\"auths\": {\n\t\t\"other.test\": {\n\t\t\t\"auth\": \"eA==\"\n\t\t}\n\t},\n\t\"credsStore\": \"desktop\"\n}";
    world.write(".docker/config.json", before);
    world.write("auth.json", "{}");
    let words = [&["login", "prod"][..], &REGISTRIES].concat();
    process::run(world.cli.command(&words).env("REGISTRY_AUTH_FILE", world.file("auth.json")))
        .expect_success();
    for path in [".docker/config.json", "auth.json"] {
        let config: Value = serde_json::from_str(&world.text(path)).expect("JSON");
        assert_eq!(config["credHelpers"], json!({ REGISTRY: "connector" }));
    }
    world.assert_no_secret("auth.json");
    let calls = world.server.calls().count();
    for spelling in [
        REGISTRY.to_owned(),
        format!("https://{REGISTRY}"),
        format!("https://{REGISTRY}/v2/\n"),
        REGISTRY.to_uppercase(),
    ] {
        let answer = world.docker("get", &spelling).expect_success().json();
        assert_eq!(answer, json!({ "ServerURL": REGISTRY, "Username": "AWS", "Secret": PASSWORD }));
    }
    assert_eq!(world.server.calls().count(), calls, "the login's own credential answers");
    assert_eq!(
        world.docker("list", "").expect_success().json(),
        json!({ format!("https://{REGISTRY}"): "AWS" })
    );
    for unknown in ["other.test", "https://index.docker.io/v1/", &format!("https://{REGISTRY}/refresh-token")]
    {
        let said = world.docker("get", unknown).expect_code(1);
        assert_eq!(said.stdout_text(), "credentials not found in native keychain\n");
    }
    assert_eq!(world.docker("get", "\n").expect_code(1).stdout_text(), "no credentials server URL\n");
    // docker stores again what it got, and erases in four spellings: both are harmless.
    let store = |server: &str| {
        world.docker("store", &json!({ "ServerURL": server, "Username": "u", "Secret": "s" }).to_string())
    };
    assert_eq!(store(REGISTRY).expect_success().text(), "");
    store("other.test").expect_code(1);
    world.docker("store", "hunter2").expect_code(1);
    assert!(world.docker("erase", REGISTRY).expect_success().stderr_text().contains("connector logout prod"));
    assert_eq!(world.docker("erase", "other.test").expect_success().text(), "");
    world.docker("version", "").expect_success();
    world.docker("bogus", "").expect_code(1);
    world.docker("get", REGISTRY).expect_success();

    // Invariant 11: it bites at once, in docker's own words.
    world.cli.ok(&["disable", "prod"]);
    let disabled = world.docker("get", REGISTRY).expect_code(1);
    assert_eq!(disabled.stdout_text(), "connector `prod` is disabled\n");
    assert!(disabled.stderr_text().contains("connector enable prod"), "{disabled:?}");
    world.cli.ok(&["enable", "prod"]);
    world.docker("get", REGISTRY).expect_success();
    let deleted = world.cli.ok(&["delete", "prod"]);
    assert!(deleted.stderr_text().contains("connector logout prod"), "{deleted:?}");
    world.docker("get", REGISTRY).expect_code(1);
    // A journal that cannot be read is a fault, and not "no login", with which docker would go on.
    let journal = world.cli.connector_home().join("logins.json");
    let text = std::fs::read(&journal).expect("read");
    std::fs::write(&journal, "{").expect("written");
    for verb in ["get", "list"] {
        let said = world.docker(verb, REGISTRY).expect_code(1).stdout_text();
        assert!(said.contains("logins.json is damaged"), "{verb}: {said}");
    }
    std::fs::write(&journal, text).expect("written");
    world.cli.ok(&["logout", "prod"]);
    assert_eq!(world.text(".docker/config.json"), before);
    assert_eq!(world.text("auth.json"), "{}");
    assert_eq!(
        world.docker("get", REGISTRY).expect_code(1).stdout_text(),
        "credentials not found in native keychain\n"
    );
}

/// Two connectors for one registry write the same; whoever goes first leaves the other its login, and what
/// stood there before both comes back.
#[cfg(unix)]
#[test]
fn two_logins_to_one_registry_leave_what_was_there() {
    let world = World::new().with_helper();
    world.register("second");
    let before = json!({ "credHelpers": { REGISTRY: "theirs" } }).to_string();
    world.write(".docker/config.json", &before);
    for name in ["prod", "second"] {
        world.login(name, &REGISTRIES, &[]);
    }
    let said = world.cli.ok(&["logout", "prod"]).stdout_text();
    assert!(said.contains("`second` stays") && !said.contains("as it was before"), "{said}");
    world.docker("get", REGISTRY).expect_success();
    let said = world.cli.ok(&["logout", "second"]).stdout_text();
    assert!(said.contains("as it was before"), "{said}");
    assert_eq!(world.text(".docker/config.json"), before);
}

/// A registry that lets everybody in has no login to set up, whatever is asked for.
#[cfg(unix)]
#[test]
fn a_registry_without_a_login_has_nothing_to_set_up() {
    let world = World::new();
    let method = ["register", "open", "--type", "docker", "--auth-method", "anonymous", "--no-verify"];
    world.cli.ok(&[&method[..], &["registry=r.test"]].concat());
    for more in [&[][..], &["--static"]] {
        let error = world.cli.error(2, &[&["login", "open"][..], more].concat());
        let message = error["message"].as_str().unwrap_or_default();
        assert!(
            message.contains("`r.test` is used without a login, so there is nothing to set up"),
            "{error}"
        );
    }
    assert!(!world.file(".docker").exists());
}

/// podman would run the helper that is none, so its file gets none.
#[cfg(unix)]
#[test]
fn a_credential_for_podman_does_not_unset_a_helper() {
    let world = World::new();
    let words = [&["login", "prod"][..], &REGISTRIES, &["--static"]].concat();
    let login = || process::run(world.cli.command(&words).env("REGISTRY_AUTH_FILE", world.file("auth.json")));
    let theirs = json!({ "credHelpers": { REGISTRY: "theirs" } }).to_string();
    world.write("auth.json", &theirs);
    let refused = login().expect_code(2).stderr_text();
    assert!(refused.contains("auth.json") && refused.contains("remove"), "{refused}");
    assert_eq!(world.text("auth.json"), theirs);
    assert!(!world.file(".docker/config.json").exists());
    world.write("auth.json", "{\"credsStore\": \"desktop\"}");
    login().expect_success();
    assert!(!world.text("auth.json").contains("credHelpers") && world.text("auth.json").contains("auths"));
}

/// Invariant 4, between processes.
#[cfg(unix)]
#[test]
fn fifty_helpers_at_once_cause_one_call() {
    let world = World::new().with_helper();
    world.login("prod", &REGISTRIES, &[]);
    world.cli.ok(&["cache", "clear"]);
    world.server.calls().take();
    let children: Vec<_> = (0..50)
        .map(|_| {
            let mut command = world.docker_command("get");
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
            let mut child = command.spawn().expect("started");
            std::io::Write::write_all(&mut child.stdin.take().expect("piped"), REGISTRY.as_bytes())
                .expect("written");
            child
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("ended");
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains(PASSWORD));
    }
    assert_eq!(world.server.calls().actions(), ["GetAuthorizationToken"]);
}

#[test]
fn s52_s53_a_profile_calls_the_helper_and_takes_no_name_that_is_taken() {
    let world = World::new();
    let before = "# mine\n[default]\nregion = us-east-1\n";
    world.write(".aws/config", before);
    assert_eq!(world.login("prod", &BUCKET, &[])["name"], "prod");
    assert_eq!(world.login("prod", &BUCKET, &[])["name"], "prod", "the same again");
    let other = [
        "--resource-type",
        "s3-bucket",
        "--resource-id",
        "s3://other",
        "--within",
        "a b/",
        "--access",
        "write",
    ];
    assert_eq!(world.login("prod", &other, &["--duration", "20m"])["name"], "prod-other");
    world.assert_no_secret(".aws/config");
    let text = world.text(".aws/config");
    assert!(text.starts_with(before), "{text}");
    for part in [
        "[profile prod]\n",
        "region = eu-west-1\n",
        " --within \"a b/\" --access write --duration 1200s\n",
        "endpoint_url = http://127.0.0.1:",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // As a shell would call it.
    let line = text.lines().find_map(|it| it.strip_prefix("credential_process = ")).expect("a line");
    if cfg!(unix) {
        let mut shell = process::isolated("sh", &world.cli.home());
        let answer = process::run(shell.env("USER", "ada").args(["-c", line])).expect_success().json();
        assert_eq!(answer["SecretAccessKey"], SECRET);
    }
    world.cli.ok(&["undo"]);
    world.write(".aws/credentials", "[prod-other]\naws_access_key_id = x\n");
    let error = world.cli.error(2, &[&["login", "prod"][..], &other].concat());
    assert!(error["message"].as_str().is_some_and(|it| it.contains("prod-other")), "{error}");
    world.cli.ok(&["logout", "prod"]);
    assert_eq!(world.text(".aws/config"), before);
}

/// Logins of one connector at the same time, each to a resource of its own: none takes the name of another one.
#[test]
fn s53_logins_at_once_take_a_profile_each() {
    const MANY: usize = 6;
    let world = World::new();
    let turn = std::fs::File::create(world.cli.connector_home().join("logins.lock")).expect("made");
    turn.lock().expect("nobody else has it");
    let buckets: Vec<_> = (0..MANY).map(|it| format!("s3://data-{it}")).collect();
    let start = |bucket: &String| {
        let words =
            ["login", "prod", "--output", "json", "--resource-type", "s3-bucket", "--resource-id", bucket];
        let mut command = world.cli.command(&words);
        command.stdout(std::process::Stdio::piped()).spawn().expect("started")
    };
    let mut children: Vec<_> = buckets.iter().map(start).collect();
    // Until each has what it will write, and waits for its turn.
    let issued = || world.cli.json(&["audit", "--action", "mint"]).as_array().map_or(0, Vec::len);
    while issued() < MANY && children.iter_mut().all(|it| it.try_wait().is_ok_and(|it| it.is_none())) {}
    drop(turn);
    let name = |child: std::process::Child| {
        let output = child.wait_with_output().expect("ended");
        assert!(output.status.success(), "{output:?}");
        let done: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        done["name"].as_str().expect("a name").to_owned()
    };
    let names: std::collections::BTreeSet<_> = children.into_iter().map(name).collect();
    assert_eq!((names.len(), names.contains("prod")), (MANY, true), "{names:?}");
    let text = world.text(".aws/config");
    for bucket in &buckets {
        assert_eq!(text.matches(&format!("--resource-id {bucket}")).count(), 1, "{bucket} in\n{text}");
    }
    world.cli.ok(&["logout", "prod"]);
    assert!(!world.file(".aws/config").exists());
}

#[cfg(unix)]
#[test]
fn c30_static_writes_what_ends_says_when_and_logout_removes_it() {
    let world = World::new().with_helper();
    let before = "{\n\t\"credHelpers\": {\n\t\t\"*\": \"x\"\n\t},\n\t\"credsStore\": \"desktop\"\n}";
    world.write(".docker/config.json", before);
    world.write(".aws/config", "[default]\nregion = x\n");
    for path in [".docker/config.json", ".aws/config"] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(world.file(path), open).expect("set");
    }
    for (grant, secret, path) in [
        (&CLUSTER, "token: k8s-aws-v1.", ".kube/config"),
        (&REGISTRIES, "\"auth\": \"QVdTOnBhc3N3b3JkLWNhbmFyeS03Nw==\"", ".docker/config.json"),
        (&BUCKET, &format!("aws_secret_access_key = {SECRET}\n"), ".aws/credentials"),
    ] {
        let done = world.login("prod", grant, &["--static"]);
        assert!(done["expires_at"].is_string() && done["static"] == true, "{done}");
        assert!(!done.to_string().contains("canary"));
        assert!(world.text(path).contains(secret), "{}", world.text(path));
        assert_eq!(mode(&world.file(path)), 0o600, "{path}");
        assert!(!world.text(path).contains("helper"), "{path}");
    }
    assert_eq!(mode(&world.file(".aws/config")), 0o644, "there is no secret in it");
    // So that docker looks into its file, though a store is set for all others.
    let config: Value = serde_json::from_str(&world.text(".docker/config.json")).expect("JSON");
    assert_eq!(config["credHelpers"][REGISTRY], "");
    world.docker("get", REGISTRY).expect_code(1);
    let journal = std::fs::read_to_string(world.cli.connector_home().join("logins.json")).expect("read");
    for secret in [SECRET, TOKEN, "k8s-aws-v1", "QVdT"] {
        assert!(!journal.contains(secret), "{journal}");
    }
    // Again, as one does when it has ended.
    world.login("prod", &CLUSTER, &["--static"]);
    assert_eq!(world.text(".kube/config").matches("token:").count(), 1);
    world.cli.ok(&["logout", "prod"]);
    assert_eq!(world.text(".docker/config.json"), before);
    assert_eq!(mode(&world.file(".docker/config.json")), 0o644, "the secret is gone");
    assert!(!world.file(".kube/config").exists() && !world.file(".aws/credentials").exists());

    let method = [
        "register",
        "key",
        "--type",
        "aws",
        "--auth-method",
        "secret-key",
        "--no-verify",
        "--allow",
        "long-lived",
    ];
    world.cli.ok(&[&method[..], &["region=eu-west-1", KEY_ID, "aws_secret_access_key=env:SECRET"]].concat());
    let error = world.cli.error(4, &[&["login", "key"][..], &BUCKET, &["--static"]].concat());
    assert!(error["message"].as_str().is_some_and(|it| it.contains("does not end")), "{error}");
}

/// C9 of files: what cannot be read, edited or written is named, and nothing is changed anywhere.
#[test]
fn a_login_that_cannot_be_written_changes_nothing() {
    let world = World::new();
    for (path, text, grant, line) in [
        (".kube/config", "apiVersion: v1\nusers: [\n", &CLUSTER, "line 2"),
        (".kube/config", "apiVersion: v1\nusers:\n- name: prod-demo\n", &CLUSTER, "not from this connector"),
        (".aws/config", "[default]\nregion\n", &BUCKET, "line 2"),
        (".aws/credentials", "[a]\n[a]\n", &BUCKET, "line 2"),
    ] {
        world.write(path, text);
        let error = world.cli.error(2, &[&["login", "prod"][..], grant].concat());
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(path) && message.contains(line) && error["hint"].is_string(), "{error}");
        assert_eq!(world.text(path), text);
        std::fs::remove_file(world.file(path)).expect("removed");
    }
    world.cli.fails(3, &["undo"]);
    // A credential that cannot be issued is not written about.
    world
        .cli
        .fails(3, &["login", "prod", "--resource-type", "kubernetes-cluster", "--resource-id", "nosuch"]);
    world.cli.fails(3, &["login", "nosuch"]);
    world.cli.ok(&["disable", "prod"]);
    world.cli.fails(5, &[&["login", "prod"][..], &CLUSTER].concat());
    assert!(!world.file(".kube/config").exists() && !world.file(".docker").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_is_read_only_is_named() {
    let world = World::new();
    let words = [&["login", "prod"][..], &CLUSTER].concat();
    let refused = process::run(world.cli.command(&words).env("KUBECONFIG", "/proc/self/config"));
    assert!(!refused.success() && refused.stderr_text().contains("/proc/"), "{refused:?}");
    assert!(refused.stderr_text().contains("nothing was changed"), "{refused:?}");
    world.cli.fails(3, &["undo"]);
}

/// The fast path: no database, no master key, no settings.
#[cfg(unix)]
#[test]
fn helpers_answer_from_the_cache_without_store_and_key() {
    let world = World::new().with_helper();
    world.login("prod", &REGISTRIES, &[]);
    world.login("prod", &CLUSTER, &[]);
    for name in ["store.db", "store.db-wal", "store.db-shm", "master.key"] {
        let path = world.cli.connector_home().join(name);
        if path.exists() {
            std::fs::remove_file(&path).expect("removed");
        }
        // Should it be opened all the same, that fails loudly.
        std::fs::create_dir(&path).expect("made");
    }
    assert_eq!(world.docker("get", REGISTRY).expect_success().json()["Secret"], PASSWORD);
    world.docker("list", "").expect_success();
    let words = [&["helper", "kubectl", "prod"][..], &CLUSTER].concat();
    for version in ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] {
        let info = json!({ "kind": "ExecCredential", "apiVersion": version }).to_string();
        let mut command = world.cli.command(&words);
        let answer = process::run(command.env("KUBERNETES_EXEC_INFO", info)).expect_success().json();
        assert_eq!(answer["apiVersion"], version);
    }
    // Somebody else's question is another one, and needs the store.
    let mut command = world.docker_command("get");
    process::run_with_input(command.env("USER", "bob"), REGISTRY.as_bytes()).expect_code(1);
}
