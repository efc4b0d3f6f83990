//! The program, and Google's own programs and libraries with what it gives.

use std::fs;
use std::process::Command;

use connector_tests::cli::Cli;
use connector_tests::strict_google::{PROJECT, StrictGoogle};
use connector_tests::{install, process, skip};
use serde_json::Value;

use super::{Setting, WHOLE};

/// A server with everything, and a registered connector `prod` with its account's key.
struct Stage {
    google: StrictGoogle,
    cli: Cli,
}

impl Stage {
    fn new() -> Self {
        let Setting { google, robot, .. } = Setting::new();
        google.grant(&robot, "roles/browser", WHOLE);
        google.grant(&robot, "roles/artifactregistry.writer", WHOLE);
        google.add_repository("europe-west1", "images");
        let cli = Cli::new();
        let key = cli.home().join("key.json");
        fs::write(&key, google.key_json(&robot)).expect("the home is ours");
        let (json, url) =
            (format!("service_account_json=@{}", key.display()), format!("endpoint_url={}", google.url()));
        cli.ok(&["register", "prod", "--type", "gcp", "--auth-method", "service-account", &json, &url]);
        fs::remove_file(key).expect("the home is ours");
        Self { google, cli }
    }

    fn gcloud(&self, arguments: &[&str]) -> process::Finished {
        let mut command = process::isolated("gcloud", &self.cli.home());
        command.args(arguments).env("CLOUDSDK_CONFIG", self.cli.home().join(".config/gcloud"));
        command.envs([
            ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1"),
            ("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false"),
            ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true"),
            ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true"),
        ]);
        self.cli.keep(process::run(&mut command))
    }
}

fn is_there(program: &str) -> bool {
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

/// S47: `login` gives gcloud a configuration of its own, in which the real gcloud works; nothing that was there is
/// touched, and `logout` leaves no trace.
#[test]
fn s47_gcloud_works_in_a_configuration_of_its_own() {
    let test = "s47_gcloud_works_in_a_configuration_of_its_own";
    if !is_there("gcloud") {
        return skip::skip(test, "gcloud is not installed");
    }
    let stage = Stage::new();
    let folder = stage.cli.home().join(".config/gcloud");
    fs::create_dir_all(folder.join("configurations")).expect("the home is ours");
    let mine = "[core]\naccount = me@example.com\nproject = mine-project\n";
    for (name, text) in [("configurations/config_default", mine), ("active_config", "default")] {
        fs::write(folder.join(name), text).expect("the home is ours");
    }
    let login = ["login", "prod", "--resource-type", "gcs-bucket", "--resource-id", "data"];
    let told = stage.cli.json(&login);
    assert_eq!((&told["name"], &told["kind"]), (&"connector-prod".into(), &"gcp".into()), "{told}");
    assert!(told["expires_at"].is_string(), "{told}");
    let path = told["files"][0]["path"].as_str().expect("a file").to_owned();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).expect("the token's file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let listed = stage.gcloud(&["--configuration", "connector-prod", "storage", "ls", "gs://data/a/"]);
    assert!(listed.expect_success().stdout_text().contains("gs://data/a/1.txt"));
    let beside = stage.gcloud(&["--configuration", "connector-prod", "storage", "ls", "gs://data2/"]);
    assert!(!beside.success() && beside.stderr_text().contains("does not have permission"), "{beside:?}");
    assert_eq!(fs::read_to_string(folder.join("active_config")).expect("there"), "default");
    stage.cli.ok(&login);
    stage.cli.ok(&["logout", "prod"]);
    assert!(
        !std::path::Path::new(&path).exists()
            && !folder.join("configurations/config_connector-prod").exists()
    );
    assert_eq!(fs::read_to_string(folder.join("configurations/config_default")).expect("there"), mine);
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
