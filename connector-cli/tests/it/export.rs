//! `connector export compose`: what it writes, what it leaves, and what the real compose makes of it.

use std::path::Path;

use connector_tests::cli::Cli;
use connector_tests::process::{self, Finished};
use connector_tests::{install, skip};
use serde_json::{Value, json};

use super::login::BUCKET;
use super::{KEY_ID, cli};

pub(super) const SECRET: &str = "secret-canary-7b10";
pub(super) const TOKEN: &str = "token-canary-93cf";
/// A token for Resource Manager, signed by nobody.
const JWT: &str = "eyJhbGciOiAiUlMyNTYifQ.eyJhdWQiOiAiaHR0cHM6Ly9tYW5hZ2VtZW50LmF6dXJlLmNvbSIsICJ0aWQiOiAiNjY2NjY2NjYtNzc3Ny04ODg4LTk5OTktMDAwMDAwMDAwMDAwIiwgImV4cCI6IDQwNzA5MDg4MDAsICJhcHBpZCI6ICI2NjY2NjY2Ni03Nzc3LTg4ODgtOTk5OS0wMDAwMDAwMDAwMDEifQ.c2ln";
const OVERRIDE: &str = "docker-compose.override.yml";
const AWS: [&str; 6] = ["export", "compose", "--mode", "files", "--type", "aws"];
const PROJECT: &str = "services:\n  scheduler:\n    image: x\n  webserver:\n    image: x\n    networks: [back]\n  \
                       lonely:\n    image: x\n    network_mode: host\nnetworks:\n  back: {}\n";

/// A project in the user's home, who has logged in with `aws configure`.
fn project() -> Cli {
    let cli = cli().with_env("USER", "ada").with_env("SECRET", SECRET).with_env("TOKEN", TOKEN);
    write(&cli, "compose.yaml", PROJECT);
    std::fs::create_dir(cli.home().join(".aws")).expect("made");
    write(&cli, ".aws/config", "[default]\nregion = eu-west-1\n");
    cli
}

/// The same, with a connector `prod` of temporary keys.
pub(super) fn project_with_connector() -> Cli {
    let cli = project();
    let method = ["register", "prod", "--type", "aws", "--auth-method", "sts-token", "--no-verify"];
    let keys = ["region=eu-west-1", KEY_ID, "aws_secret_access_key=env:SECRET"];
    cli.ok(
        &[&method[..], &keys, &["aws_session_token=env:TOKEN", "expires_at=2099-01-31T00:00:00Z"]].concat()
    );
    cli
}

pub(super) fn write(cli: &Cli, name: &str, text: &str) {
    std::fs::write(cli.home().join(name), text).expect("written");
}

pub(super) fn text(cli: &Cli, name: &str) -> String {
    std::fs::read_to_string(cli.home().join(name)).unwrap_or_default()
}

fn services<'a>(base: &[&'a str], names: &[&'a str]) -> Vec<&'a str> {
    let chosen = names.iter().flat_map(|it| ["--service", it]);
    base.iter().copied().chain(chosen).collect()
}

pub(super) fn agent<'a>(name: &'a str, names: &[&'a str]) -> Vec<&'a str> {
    services(&[&["export", "compose", name][..], &BUCKET].concat(), names)
}

/// The real compose in a folder; none where it cannot be had.
pub(super) fn compose(test: &str, folder: &Path, arguments: &[&str]) -> Option<Finished> {
    match install::python() {
        Ok(python) => {
            let mut command = process::isolated(python.program("docker-compose"), folder);
            Some(process::run(command.args(arguments)))
        }
        Err(reason) => {
            skip::skip(test, reason);
            None
        }
    }
}

/// What the real compose makes of the project's files.
fn config(test: &str, cli: &Cli) -> Option<Value> {
    Some(compose(test, &cli.home(), &["config", "--format", "json"])?.expect_success().json())
}

#[cfg(unix)]
fn mode(cli: &Cli, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(cli.home().join(name)).expect("there").permissions().mode() & 0o777
}

/// S55, S57: a volume for each service, variables that agree with it, read-only; the real compose reads it so.
#[test]
fn s57_override_and_variables_agree() {
    let cli = project();
    let words = services(&AWS, &["webserver", "scheduler"]);
    let told = cli.ok(&words);
    assert!(
        told.stderr_text().contains("warning: this hands your whole login into the containers"),
        "{told:?}"
    );
    let lines = "AWS_CONFIG_FILE=/root/.aws/config\nAWS_SHARED_CREDENTIALS_FILE=/root/.aws/credentials\n";
    assert_eq!(text(&cli, ".env"), lines);
    #[cfg(unix)]
    assert_eq!((mode(&cli, ".env"), mode(&cli, OVERRIDE)), (0o600, 0o600));

    let written = text(&cli, OVERRIDE);
    let again = cli.json(&words);
    assert_eq!(again["changed"], false, "{again}");
    assert_eq!((text(&cli, OVERRIDE), text(&cli, ".env")), (written, lines.to_owned()));

    if let Some(config) = config("s57_override_and_variables_agree", &cli) {
        for service in ["scheduler", "webserver"] {
            let service = &config["services"][service];
            let source = cli.home().join(".aws");
            assert_eq!(
                service["volumes"],
                json!([{ "type": "bind", "source": source.to_str(), "target": "/root/.aws", "read_only": true,
                    "bind": { "create_host_path": false } }])
            );
            assert_eq!(service["environment"]["AWS_CONFIG_FILE"], "/root/.aws/config");
            assert_eq!(service["environment"]["AWS_SHARED_CREDENTIALS_FILE"], "/root/.aws/credentials");
        }
        assert_eq!(config["services"]["lonely"]["volumes"], Value::Null);
    }
    // What is chosen anew takes the place of what was chosen before.
    cli.ok(&services(
        &[&AWS[..], &["--mount", "rw", "--container-home", "/home/astro"]].concat(),
        &["webserver"],
    ));
    let now = text(&cli, OVERRIDE);
    assert!(now.contains("target: /home/astro/.aws\n") && !now.contains("read_only"), "{now}");
    assert!(!now.contains("scheduler") && !now.contains("/root"), "{now}");
    assert!(text(&cli, ".env").starts_with("AWS_CONFIG_FILE=/home/astro/.aws/config\n"));
    cli.ok(&["undo"]);
    assert!(!cli.home().join(OVERRIDE).exists() && !cli.home().join(".env").exists());
}

/// S57: what somebody else wrote stays as it is, byte for byte, and what is in the way is named.
#[test]
fn s57_what_is_not_ours_stays() {
    let cli = project();
    let before = "# Ours, of the team\nservices:\n  webserver: # the page\n    volumes:\n      - cache:/cache   # fast\n\
                  \x20   environment: {DEBUG: \"1\"}\nvolumes: {cache: {}}\n";
    let lines = "# secrets\nexport DB_PASSWORD='hunter2 # x'\nKEY=\"a\nb\"\n";
    write(&cli, OVERRIDE, before);
    write(&cli, ".env", lines);
    let words = services(&AWS, &["webserver"]);

    let preview = cli.ok(&[&words[..], &["--dry-run"]].concat());
    let shown = preview.stdout_text();
    assert!(shown.contains("target: /root/.aws") && shown.contains("# the page"), "{shown}");
    assert!(
        shown.contains("AWS_CONFIG_FILE=/root/.aws/config") && !preview.text().contains("hunter2"),
        "{shown}"
    );
    assert_eq!((text(&cli, OVERRIDE), text(&cli, ".env")), (before.to_owned(), lines.to_owned()));

    cli.ok(&words);
    let after = text(&cli, OVERRIDE);
    for line in before.lines().filter(|it| !it.contains("environment")) {
        assert!(after.contains(line), "{line}\n{after}");
    }
    assert!(text(&cli, ".env").starts_with(lines));
    if let Some(config) = config("s57_what_is_not_ours_stays", &cli) {
        let service = &config["services"]["webserver"];
        let targets: Vec<_> =
            service["volumes"].as_array().expect("volumes").iter().map(|it| &it["target"]).collect();
        assert_eq!(targets, ["/cache", "/root/.aws"]);
        assert_eq!(service["environment"]["DEBUG"], "1");
    }
    cli.ok(&["undo"]);
    assert_eq!((text(&cli, OVERRIDE), text(&cli, ".env")), (before.to_owned(), lines.to_owned()));

    let own = "services:\n  webserver:\n    volumes:\n      - ~/.aws:/root/.aws:rw\n";
    write(&cli, OVERRIDE, own);
    let error = cli.error(2, &words);
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.ends_with("has a mount at /root/.aws of `webserver` that is not of this hand-off"),
        "{message}"
    );
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("--force")), "{error}");
    assert_eq!(
        (text(&cli, OVERRIDE), text(&cli, ".env")),
        (own.to_owned(), lines.to_owned()),
        "nothing is half done"
    );
    cli.ok(&[&words[..], &["--force"]].concat());
    assert!(!text(&cli, OVERRIDE).contains("rw"));
    cli.ok(&["undo"]);
    assert_eq!((text(&cli, OVERRIDE), text(&cli, ".env")), (own.to_owned(), lines.to_owned()));

    for (name, broken, fault) in [
        (
            OVERRIDE,
            "services:\n  webserver:\n    environment: [A=b]\n",
            "line 3: holds something of another form",
        ),
        (OVERRIDE, "services: [\n", "not YAML"),
        (".env", "A='\n", "line 1: a quote that is not closed"),
    ] {
        write(&cli, OVERRIDE, own.replace("/root/.aws", "/elsewhere").as_str());
        write(&cli, ".env", lines);
        write(&cli, name, broken);
        let error = cli.error(2, &words);
        assert!(error["message"].as_str().is_some_and(|it| it.contains(fault)), "{error}");
        assert_eq!(text(&cli, name), broken);
    }
}

#[test]
fn services_are_those_of_the_project() {
    let cli = project();
    let error = cli.error(2, &services(&AWS, &["triggerer"]));
    assert_eq!(error["problems"][0]["field"], "service", "{error}");
    assert_eq!(error["hint"], "its services: lonely scheduler webserver");
    for bad in ["a b", "", "../x", "a\nb"] {
        let refused = cli.fails(2, &services(&AWS, &[bad]));
        assert!(refused.stderr_text().contains("not a service's name"), "{refused:?}");
    }
    assert!(!cli.home().join(OVERRIDE).exists());
    // compose reads one override only: the one that is there.
    write(&cli, "compose.override.yaml", "services: {}\n");
    write(
        &cli,
        "compose.yaml",
        &PROJECT.replace(
            "    image: x\n  webserver",
            "    image: x\n    environment: [AWS_ACCESS_KEY_ID=x]\n  webserver",
        ),
    );
    let told = cli.ok(&services(&AWS, &["scheduler"])).stderr_text();
    assert!(
        told.contains("service `scheduler` sets AWS_ACCESS_KEY_ID, which programs take before"),
        "{told}"
    );
    assert!(text(&cli, "compose.override.yaml").contains("AWS_CONFIG_FILE"));
    assert!(!cli.home().join(OVERRIDE).exists());
    // An Astro project has no file of its own.
    std::fs::remove_file(cli.home().join("compose.yaml")).expect("removed");
    std::fs::create_dir(cli.home().join(".astro")).expect("made");
    cli.ok(&services(&AWS, &["triggerer"]));
    assert!(text(&cli, ".env").contains("AWS_CONFIG_FILE=/home/astro/.aws/config\n"));
}

/// S56: files are where variables and the system of whoever runs compose say.
#[test]
fn s56_files_are_found_on_every_system() {
    let here = |target: &str, variables: &[(&str, &str)], kind: &str| {
        let mut cli = cli();
        for (name, value) in variables {
            cli = cli.with_env(*name, *value);
        }
        write(&cli, "compose.yaml", "services:\n  web:\n    image: x\n");
        let base = ["export", "compose", "--mode", "files", "--type", kind, "--target", target];
        let told = cli.json(&services(&base, &["web"]));
        let written = text(&cli, OVERRIDE);
        let mounts = told["mounts"].as_array().expect("mounts").iter();
        let mounts: Vec<_> =
            mounts.map(|it| (it["source"].as_str().map(str::to_owned), it["target"].clone())).collect();
        (mounts, written, config("s56_files_are_found_on_every_system", &cli))
    };
    let windows = [("USERPROFILE", r"C:\Users\ada"), ("HOME", "/nowhere")];
    let mac = [("HOME", "/Users/ada"), ("USERPROFILE", "")];
    for (target, more, kind, source, at) in [
        ("macos", &mac[..], "aws", "/Users/ada/.aws", "/root/.aws"),
        ("windows", &windows[..], "aws", r"C:\Users\ada\.aws", "/root/.aws"),
        (
            "macos",
            &mac[..],
            "gcp",
            "/Users/ada/.config/gcloud/application_default_credentials.json",
            "/root/.config/gcloud/application_default_credentials.json",
        ),
        (
            "windows",
            &windows[..],
            "gcp",
            r"C:\Users\ada\AppData\Roaming\gcloud\application_default_credentials.json",
            "/root/.config/gcloud/application_default_credentials.json",
        ),
        ("windows", &windows[..], "azure", r"C:\Users\ada\.azure", "/root/.azure"),
        ("macos", &mac[..], "kubernetes", "/Users/ada/.kube/config", "/root/.kube/config"),
        ("windows", &windows[..], "docker", r"C:\Users\ada\.docker\config.json", "/root/.docker/config.json"),
        (
            "windows",
            &[windows[0], ("AWS_CONFIG_FILE", r"D:\aws\conf")][..],
            "aws",
            r"D:\aws\conf",
            "/root/.aws/config",
        ),
        (
            "macos",
            &[mac[0], ("AWS_CONFIG_FILE", "~/cloud/aws")][..],
            "aws",
            "/Users/ada/cloud/aws",
            "/root/.aws/config",
        ),
        (
            "windows",
            &[windows[0], ("KUBECONFIG", r"C:\a;D:\b")][..],
            "kubernetes",
            r"C:\a",
            "/root/.kube/config",
        ),
    ] {
        let (mounts, written, config) = here(target, more, kind);
        assert_eq!(mounts[0], (Some(source.to_owned()), json!(at)), "{target} {kind}");
        if let Some(config) = config {
            // As the real YAML reader takes it.
            assert_eq!(config["services"]["web"]["volumes"][0]["source"], source, "{written}");
        }
    }
    // On this system a file has to be there.
    let cli = self::cli();
    let error = cli.error(3, &services(&AWS, &["web"]));
    assert_eq!(error["hint"], "log in with `aws configure` or `aws configure sso`", "{error}");
}

/// C1, S57: services are led to the agent, and no secret stands in any file of the project.
#[test]
fn s57_services_are_led_to_the_agent_by_no_secret() {
    let cli = project_with_connector();
    let told = cli.ok(&agent("prod", &["scheduler", "webserver"]));
    let directory = cli.connector_home().join("compose/prod-4711");
    let directory = directory.to_str().expect("text");
    let command = format!(
        "connector agent --listen 169.254.170.2:4711 --directory {directory} prod=s3-bucket:s3://data@read"
    );
    let network = "docker network create --subnet 169.254.170.0/24 --gateway 169.254.170.2 connector-agent";
    for part in [&command, network] {
        assert!(told.stderr_text().contains(part) && text(&cli, OVERRIDE).contains(part), "{part}\n{told:?}");
    }
    for file in [OVERRIDE, ".env"] {
        let text = text(&cli, file);
        for secret in [SECRET, TOKEN, "AKIAIOSFODNN7EXAMPLE", "connector-token-of-a-session"] {
            assert!(!text.contains(secret), "{file}: {text}");
        }
        assert!(text.contains("http://169.254.170.2:4711/credentials"), "{text}");
    }
    if let Some(config) = config("s57_services_are_led_to_the_agent_by_no_secret", &cli) {
        let of = |service: &str, key: &str| config["services"][service][key].clone();
        assert_eq!(of("scheduler", "networks"), json!({ "connector-agent": {}, "default": {} }));
        assert_eq!(of("webserver", "networks"), json!({ "connector-agent": {}, "back": null }));
        assert_eq!(
            of("webserver", "volumes"),
            json!([{ "type": "bind", "source": directory, "target": directory, "read_only": true,
                "bind": { "create_host_path": false } }])
        );
        assert_eq!(config["networks"]["connector-agent"]["external"], true);
        let token = of("scheduler", "environment")["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].clone();
        assert_eq!(token, format!("{directory}/token"));
    }
    // A second run changes nothing; another connector gets a port of its own, and stands beside it.
    assert_eq!(cli.json(&agent("prod", &["webserver", "scheduler"]))["changed"], false);
    cli.ok(&[
        "register",
        "other",
        "--type",
        "aws",
        "--auth-method",
        "sts-token",
        "--no-verify",
        "region=eu-west-1",
        KEY_ID,
        "aws_secret_access_key=env:SECRET",
        "aws_session_token=env:TOKEN",
        "expires_at=2099-01-31T00:00:00Z",
    ]);
    let alone =
        [&agent("other", &["webserver"])[..], &["--file", "other.yml", "--env-file", "other.env"]].concat();
    let other = cli.json(&alone);
    assert!(
        other["agent"]["command"].as_str().is_some_and(|it| it.contains("169.254.170.2:4712")),
        "{other}"
    );
    let error = cli.error(2, &[&alone[..], &["--port", "4711"]].concat());
    assert_eq!(error["message"], "port: 4711 was given to connector `prod`", "{error}");
    cli.ok(&["logout", "prod"]);
    assert!(!cli.home().join(OVERRIDE).exists() && cli.home().join("other.yml").exists());
}

/// C1: a protocol that wants the session's token in a variable has it from the agent's directory, and from no file of the
/// project.
#[test]
fn a_token_that_has_to_be_a_variable_comes_from_the_agent() {
    let test = "a_token_that_has_to_be_a_variable_comes_from_the_agent";
    let cli = project().with_env("JWT", JWT);
    let id = "66666666-7777-8888-9999-000000000002";
    let method = ["register", "z", "--type", "azure", "--auth-method", "access-token", "--no-verify"];
    let keys = ["token=env:JWT", "expires_at=2099-01-31T00:00:00Z"];
    cli.ok(&[&method[..], &keys, &[&format!("subscription_id={id}")]].concat());
    let grant = ["--resource-type", "azure-generic", "--resource-id", id];
    let told = cli.json(&services(&[&["export", "compose", "z"][..], &grant].concat(), &["scheduler"]));
    let directory = Path::new(told["agent"]["directory"].as_str().expect("a path"));
    for file in [OVERRIDE, ".env"] {
        let text = text(&cli, file);
        assert!(text.contains("IDENTITY_ENDPOINT") && !text.contains("IDENTITY_HEADER"), "{text}");
        assert!(!text.contains(JWT), "{text}");
    }
    // With an agent that runs, the real compose finds it; and does not fail without one.
    if let Some(config) = config(test, &cli) {
        assert_eq!(config["services"]["scheduler"]["environment"]["IDENTITY_HEADER"], Value::Null);
        std::fs::write(directory.join("env"), "IDENTITY_HEADER=of-the-session\n").expect("written");
        let now = self::config(test, &cli).expect("as before");
        assert_eq!(now["services"]["scheduler"]["environment"]["IDENTITY_HEADER"], "of-the-session");
    }
}

/// C21: who asks through a proxy shows it the session's token, in clear.
#[test]
fn c21_a_proxy_of_a_service_that_would_see_the_token_is_named() {
    let cli = project_with_connector();
    let told = |environment: &str| {
        let service = format!("    image: x\n    environment: {environment}\n  webserver");
        write(&cli, "compose.yaml", &PROJECT.replace("    image: x\n  webserver", &service));
        let told = cli.ok(&[&agent("prod", &["scheduler", "webserver"])[..], &["--dry-run"]].concat());
        told.stderr_text().lines().find(|it| it.contains("proxy")).map(str::to_owned)
    };
    for environment in ["[HTTP_PROXY=http://p:3128]", "{HTTP_PROXY: http://p, NO_PROXY: '*', no_proxy: db}"] {
        let told = told(environment).unwrap_or_default();
        assert!(
            told.contains("service `scheduler` sets HTTP_PROXY") && told.contains("169.254.170.2"),
            "{told}"
        );
    }
    let both = "{http_proxy: http://p, NO_PROXY: 'db,169.254.170.2', no_proxy: '*'}";
    for environment in ["{}", "[HTTPS_PROXY=http://p]", "[http_proxy=]", both] {
        assert_eq!(told(environment), None, "{environment}");
    }
}

#[test]
fn what_cannot_ask_an_agent_is_refused_and_the_way_out_named() {
    let cli = project_with_connector();
    for target in ["macos", "windows"] {
        let error = cli.error(2, &[&agent("prod", &["scheduler"])[..], &["--target", target]].concat());
        assert_eq!(error["message"], "containers reach an agent on Linux only", "{error}");
        assert!(error["hint"].as_str().is_some_and(|it| it.contains("--mode files")), "{error}");
    }
    let error = cli.error(2, &agent("prod", &["lonely"]));
    assert!(error["message"].as_str().is_some_and(|it| it.contains("`network_mode: host`")), "{error}");
    for (more, field) in [
        (&["--within", "in/"][..], "within"),
        (&["--mount", "rw"], "mount"),
        (&["--container-home", "/home/astro"], "container-home"),
    ] {
        let error = cli.error(2, &[&agent("prod", &["scheduler"])[..], more].concat());
        assert_eq!(error["problems"][0]["field"], field, "{error}");
    }
    let error = cli.error(2, &services(&["export", "compose", "--type", "aws"], &["scheduler"]));
    assert_eq!(error["problems"][0]["field"], "type", "{error}");
    let error = cli.error(2, &services(&[&AWS[..], &["--container-home", "astro"]].concat(), &["scheduler"]));
    assert_eq!(error["problems"][0]["field"], "container-home", "{error}");
    let error =
        cli.error(2, &services(&["export", "compose", "--mode", "files", "--type", "x"], &["scheduler"]));
    assert_eq!(error["hint"], "types with files: aws gcp azure kubernetes docker", "{error}");
    assert!(!cli.home().join(OVERRIDE).exists() && !cli.connector_home().join("compose").exists());
}

/// S58, S59: what a connector holds wins over keys in the environment, and those win over the user's profile, mounted
/// or not; `explain` says which it is. Without credentials of its own a connector is given the user's, where its method
/// says so and the switch is on.
#[test]
fn s59_precedence_is_fixed_and_explain_prints_the_winner() {
    let cli = project().with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true");
    write(
        &cli,
        "mounted",
        "[default]\naws_access_key_id = AKIAFROMTHEPROFILE00\naws_secret_access_key = profile-canary\n",
    );
    let mounted = cli.home().join("mounted");
    let cli = cli.with_env("AWS_SHARED_CREDENTIALS_FILE", &mounted);
    cli.ok(&[
        "register",
        "ambient",
        "--type",
        "aws",
        "--auth-method",
        "implicit",
        "--no-verify",
        "region=eu-west-1",
    ]);
    cli.ok(&[
        "register",
        "own",
        "--type",
        "aws",
        "--auth-method",
        "session-token",
        "--no-verify",
        "region=eu-west-1",
        KEY_ID,
        "aws_secret_access_key=env:SECRET",
    ]);
    let explained = |cli: &Cli, name: &str| cli.ok(&[&["explain", name][..], &BUCKET].concat()).stdout_text();

    let text = explained(&cli, "ambient");
    assert!(text.contains("used: profile `default`: a long-lived key"), "{text}");
    assert!(text.contains("not set up: AWS_ACCESS_KEY_ID"), "{text}");

    let cli =
        cli.with_env("AWS_ACCESS_KEY_ID", "AKIAFROMTHEVARIABLES").with_env("AWS_SECRET_ACCESS_KEY", SECRET);
    let text = explained(&cli, "ambient");
    assert!(text.contains("used: the long-lived key in AWS_ACCESS_KEY_ID"), "{text}");
    assert!(text.contains("hidden by the one before: profile `default`"), "{text}");

    let text = explained(&cli, "own");
    assert!(text.contains("what the connector holds; nothing else is looked at"), "{text}");

    // Whoever does not say so is never given the user's own.
    let cli = cli.with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "false");
    let error = cli.error(4, &[&["issue", "ambient"][..], &BUCKET].concat());
    assert!(error["message"].as_str().is_some_and(|it| it.contains("implicit")), "{error}");
}
