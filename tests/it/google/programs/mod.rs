//! The program, and Google's own programs and libraries with what it gives.

#[cfg(unix)]
mod docker;
mod gcloud;
mod kubectl;
mod register;

use std::fs;
use std::process::Command;

use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::strict_google::{PROJECT, StrictGoogle};
use connector_tests::{install, process, skip};
use serde_json::Value;

use super::{Setting, WHOLE};

const BUCKET: [&str; 4] = ["--resource-type", "gcs-bucket", "--resource-id", "gs://data"];

/// gcloud keeps to itself, and to what it is told.
pub(super) const QUIET: [(&str, &str); 5] = [
    ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1"),
    ("CLOUDSDK_CORE_DISABLE_FILE_LOGGING", "true"),
    ("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false"),
    ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true"),
    ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true"),
];

/// A server with everything, and a registered connector `prod` with its account's key.
struct Stage {
    google: StrictGoogle,
    robot: String,
    cli: Cli,
}

impl Stage {
    fn new() -> Self {
        Self::with(Cli::new())
    }

    fn with(cli: Cli) -> Self {
        let stage = Self::empty(cli);
        stage.register("prod", &stage.google.key_json(&stage.robot)).expect_success();
        stage
    }

    /// Without any connector.
    fn empty(cli: Cli) -> Self {
        let Setting { google, robot, .. } = Setting::new();
        google.grant(&robot, "roles/browser", WHOLE);
        google.grant(&robot, "roles/artifactregistry.writer", WHOLE);
        google.add_repository("europe-west1", "images");
        Self { google, robot, cli }
    }

    /// Registers a connector with a key, whose file is gone afterwards.
    fn register(&self, name: &str, key: &str) -> process::Finished {
        let file = self.write("key.json", key);
        let (json, url) = (format!("service_account_json=@{file}"), self.endpoint());
        let words = ["register", name, "--type", "gcp", "--auth-method", "service-account", &json, &url];
        let ended = self.cli.run(&words);
        fs::remove_file(file).expect("the home is ours");
        ended
    }

    fn endpoint(&self) -> String {
        format!("endpoint_url={}", self.google.url())
    }

    /// A file in the home; its path.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.cli.home().join(name);
        fs::create_dir_all(path.parent().expect("in the home")).expect("the home is ours");
        fs::write(&path, text).expect("the home is ours");
        path.to_str().expect("a path that is text").to_owned()
    }

    /// How often the server was asked for tokens of an account since the last time.
    fn mints(&self) -> usize {
        self.google.calls().take().iter().filter(|it| it.path == "/token").count()
    }

    /// Whose token that is.
    #[track_caller]
    fn owner(&self, token: &str) -> String {
        self.google.owner(token.trim()).expect("a token of the server").0
    }

    /// C30: no part of any private key, and no secret that the server keeps, shows in any output or file.
    #[track_caller]
    fn assert_no_key(&self) {
        let tokens = self.google.issued();
        let kept = self.google.confidential().into_iter().filter(|it| !tokens.contains(it) && it.len() >= 8);
        self.cli.assert_no_canary(&kept.map(|it| Canary::of("a key", &it)).collect::<Vec<_>>());
    }

    fn gcloud(&self, arguments: &[&str]) -> process::Finished {
        let mut command = process::isolated("gcloud", &self.cli.home());
        command.args(arguments).env("CLOUDSDK_CONFIG", self.cli.home().join(".config/gcloud"));
        command.envs(QUIET);
        self.cli.keep(process::run(&mut command))
    }
}

pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A connector for everything shows what it reaches; what it issues for a bucket says that it is narrowed.
#[test]
fn s2_s3_the_program_registers_lists_and_issues() {
    let stage = Stage::new();
    let listed = stage.cli.json(&["list-resources", "--connector", "prod"]);
    let text = listed.to_string();
    for id in ["gs://data", "gs://data2", "europe-west1-docker.pkg.dev/strict-project/images", PROJECT] {
        assert!(text.contains(id), "{id}: {text}");
    }
    let issued =
        stage.cli.json(&["issue", "prod", "--resource-type", "gcs-bucket", "--resource-id", "gs://data/a/"]);
    assert_eq!((&issued["narrowed"], &issued["within"]), (&true.into(), &"a/".into()), "{issued}");
    let described = stage.cli.json(&["describe", "prod"]);
    assert!(!described.to_string().contains("PRIVATE KEY"), "{described}");
    let explained =
        stage.cli.ok(&["explain", "prod", "--resource-type", "gcs-bucket", "--resource-id", "data"]);
    let text = explained.stdout_text();
    for word in ["accessBoundaryRules", "storage.objects.get", "storage.buckets.list"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// google-cloud-storage takes an issued token as it is.
#[test]
fn python_reads_the_bucket_and_nothing_beside_it() {
    let test = "python_reads_the_bucket_and_nothing_beside_it";
    let tools = match install::python() {
        Ok(tools) => tools,
        Err(why) => return skip::skip(test, why),
    };
    const SCRIPT: &str = r#"
import os, google.oauth2.credentials
from google.cloud import storage
creds = google.oauth2.credentials.Credentials(os.environ["TOKEN"])
client = storage.Client(project=os.environ["PROJECT"], credentials=creds, client_options={"api_endpoint": os.environ["URL"]})
print(client.bucket("data").blob("a/1.txt").download_as_text())
try:
    client.bucket("data2").blob("a/1.txt").download_as_text()
    print("reached")
except Exception as error:
    print(error.code)
"#;
    let stage = Stage::new();
    let issued = stage.cli.json(&["issue", "prod", "--resource-type", "gcs-bucket", "--resource-id", "data"]);
    let token = issued["secret"]["access_token"].as_str().expect("a token");
    let mut python: Command = tools.python(&stage.cli.home());
    python.args(["-c", SCRIPT]).env("TOKEN", token).env("PROJECT", PROJECT).env("URL", stage.google.url());
    assert_eq!(process::run(&mut python).expect_success().stdout_text(), "one\n403\n");
}

/// What lists from the strict server lists from a server of somebody else's too.
#[test]
fn buckets_of_fake_gcs_are_listed() {
    let server = match connector_tests::fake_gcs::FakeGcs::try_start() {
        Ok(server) => server,
        Err(why) => return skip::skip("buckets_of_fake_gcs_are_listed", why),
    };
    let Setting { google, robot, .. } = Setting::new();
    google.grant(&robot, "roles/browser", WHOLE);
    server.add_bucket("elsewhere");
    let cli = Cli::new();
    let key = cli.home().join("key.json");
    fs::write(&key, google.key_json(&robot)).expect("the home is ours");
    let config: Vec<String> = vec![
        format!("service_account_json=@{}", key.display()),
        format!("endpoint_url={}", google.url()),
        format!("endpoints={{\"storage\":\"{}\"}}", server.url()),
        "--resource-type".into(),
        "gcs-bucket".into(),
        "--no-verify".into(),
    ];
    let mut words = vec!["register", "fake", "--type", "gcp", "--auth-method", "service-account"];
    words.extend(config.iter().map(String::as_str));
    cli.ok(&words);
    let listed: Value = cli.json(&["list-resources", "--connector", "fake"]);
    assert!(listed.to_string().contains("gs://elsewhere"), "{listed}");
}
