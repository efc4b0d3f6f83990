//! gcloud, gke-gcloud-auth-plugin and docker-credential-gcloud against the twin, where this machine has them.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::process::{self, Finished};
use crate::skip;
use crate::strict_aws::Issuer;
use crate::strict_kubernetes::{Rule, StrictKubernetes};

/// A server, and gcloud with a configuration of its own.
struct Setting {
    server: StrictGoogle,
    robot: String,
    home: TempDir,
}

impl Setting {
    /// Nothing, with a skip that is counted, where one of the programs is missing.
    fn new(test: &str, programs: &[&str]) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
        if let Some(missing) = programs.iter().find(|name| !is_there(name)) {
            skip::skip(test, format!("{missing} is not installed"));
            return None;
        }
        let server = StrictGoogle::start();
        let robot = server.add_service_account("robot");
        Some(Self { server, robot, home: tempfile::tempdir().expect("a temporary folder") })
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path that is text").to_owned()
    }

    /// A program that knows every endpoint of the server, and nobody.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let url = self.server.url();
        let mut command = process::isolated(program, self.home.path());
        command.args(arguments);
        let config = self.home.path().join("gcloud");
        command.env("CLOUDSDK_CONFIG", &config).env("KUBECONFIG", self.home.path().join("kubeconfig"));
        command.envs([
            ("CLOUDSDK_CORE_PROJECT", PROJECT),
            ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1"),
            ("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false"),
            ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true"),
            ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true"),
            ("NO_GCE_CHECK", "true"),
        ]);
        command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", format!("{url}/storage/v1/"));
        for api in
            ["CONTAINER", "CLOUDRESOURCEMANAGER", "ARTIFACTREGISTRY", "IAMCREDENTIALS", "SECRETMANAGER"]
        {
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}"), format!("{url}/"));
        }
        command.env("CLOUDSDK_AUTH_TOKEN_HOST", format!("{url}/token"));
        command.env("CLOUDSDK_AUTH_TOKEN_INTROSPECTION_ENDPOINT", format!("{url}/v1/introspect"));
        command
    }

    /// gcloud with this credential file.
    fn gcloud(&self, file: &str, arguments: &[&str]) -> Finished {
        let path = self.write("credentials.json", file);
        let mut command = self.command("gcloud", arguments);
        // It keeps tokens of before, whosever they are.
        let _ = std::fs::remove_dir_all(self.home.path().join("gcloud"));
        process::run(command.env("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", path))
    }

    fn owner(&self, told: &Finished) -> String {
        let token = told.stdout_text();
        self.server.owner(token.trim()).unwrap_or_else(|| panic!("not of this server: {told:?}")).0
    }
}

const PRINT: [&str; 3] = ["auth", "print-access-token", "--quiet"];

#[track_caller]
fn refused(told: &Finished, words: &str) {
    assert!(!told.success() && told.stderr_text().contains(words), "{told:?}");
}

#[test]
fn gcloud_prints_tokens_of_every_kind_of_file() {
    let test = "gcloud_prints_tokens_of_every_kind_of_file";
    let Some(setting) = Setting::new(test, &["gcloud"]) else { return };
    let server = &setting.server;
    let key = server.key_json(&setting.robot);
    assert_eq!(setting.owner(&setting.gcloud(&key, &PRINT).expect_success()), setting.robot);
    let client = server.add_client();
    let person = server.authorized_user_json(&client, ALICE);
    assert_eq!(setting.owner(&setting.gcloud(&person, &PRINT).expect_success()), ALICE);
    let issuer = Issuer::rs256("https://issuer.test");
    let audience = server.add_provider("pool", "oidc", &issuer);
    let token = setting.write("token", &server.token_of(&issuer, "me", &audience, Duration::from_secs(600)));
    let elsewhere = server.external_account_json(&audience, &json!({ "file": token }), None);
    assert!(setting.owner(&setting.gcloud(&elsewhere, &PRINT).expect_success()).ends_with("/subject/me"));

    server.revoke_consents(ALICE);
    refused(&setting.gcloud(&person, &PRINT), "Token has been expired or revoked.");
    server.disable(&setting.robot);
    refused(&setting.gcloud(&key, &PRINT), "Robot is disabled.");
    server.enable(&setting.robot);
    let activate = |key: &str| {
        let path = setting.write("key.json", key);
        process::run(
            &mut setting.command("gcloud", &["auth", "activate-service-account", "--key-file", &path]),
        )
    };
    activate(&key).expect_success();
    let printed = process::run(&mut setting.command("gcloud", &PRINT)).expect_success();
    assert_eq!(setting.owner(&printed), setting.robot);
    server.remove_keys(&setting.robot);
    refused(&activate(&key), "Invalid JWT Signature.");
}

#[test]
fn gcloud_uses_the_storage_that_its_account_may() {
    let test = "gcloud_uses_the_storage_that_its_account_may";
    let Some(setting) = Setting::new(test, &["gcloud"]) else { return };
    let server = &setting.server;
    let key = server.key_json(&setting.robot);
    let bucket = server.add_bucket("data", &[("team-a/1.txt", "one"), ("top.txt", "two")]);
    let run = |arguments: &[&str]| setting.gcloud(&key, arguments);
    let listing = ["storage", "ls", "gs://data"];
    refused(&run(&listing), "does not have storage.objects.list access");
    server.grant(&setting.robot, "roles/storage.objectViewer", &bucket);
    let told = run(&listing).expect_success().stdout_text();
    assert_eq!(told, "gs://data/top.txt\ngs://data/team-a/\n");
    assert_eq!(run(&["storage", "cat", "gs://data/team-a/1.txt"]).expect_success().stdout_text(), "one");
    refused(&run(&["storage", "ls", "gs://unknown"]), "gs://unknown not found: 404.");
    server.grant(&setting.robot, "roles/owner", WHOLE);
    assert_eq!(run(&["storage", "ls"]).expect_success().stdout_text(), "gs://data/\n");
    let file = setting.write("up.txt", "up");
    run(&["storage", "cp", &file, "gs://data/up.txt"]).expect_success();
    assert_eq!(server.object("data", "up.txt").as_deref(), Some(b"up".as_slice()));
}

#[test]
fn gcloud_lists_what_its_account_may_see() {
    let Some(setting) = Setting::new("gcloud_lists_what_its_account_may_see", &["gcloud"]) else { return };
    let server = &setting.server;
    let key = server.key_json(&setting.robot);
    server.add_repository("us", "app");
    server.set_locations(&["europe", "us"]);
    server.add_secret("db", "kept");
    let run = |arguments: &[&str]| setting.gcloud(&key, arguments);
    let read = || run(&["secrets", "versions", "access", "latest", "--secret=db"]);
    refused(&read(), "secretmanager.versions.access");
    server.grant(&setting.robot, "roles/owner", WHOLE);
    assert_eq!(read().expect_success().stdout_text(), "kept");
    let listed = run(&["artifacts", "repositories", "list", "--format=value(name)"]).expect_success();
    assert!(listed.stdout_text().trim().ends_with("app"), "{listed:?}");
    let projects = run(&["projects", "list", "--format=value(projectId)"]).expect_success();
    assert_eq!(projects.stdout_text(), format!("{PROJECT}\n"));
    let described = run(&["projects", "describe", PROJECT, "--format=value(projectNumber)"]).expect_success();
    assert_eq!(described.stdout_text(), format!("{PROJECT_NUMBER}\n"));

    // Taking on an account: gcloud asks for a token of its own and then for that one's.
    let target = server.add_service_account("target");
    let taken = || run(&["auth", "print-access-token", "--impersonate-service-account", &target]);
    refused(&taken(), "iam.serviceAccounts.getAccessToken");
    let account = format!("projects/-/serviceAccounts/{target}");
    server.grant(&setting.robot, "roles/iam.serviceAccountTokenCreator", &account);
    assert_eq!(setting.owner(&taken().expect_success()), target);
}

#[test]
fn a_cluster_is_reached_by_what_gcloud_writes() {
    let test = "a_cluster_is_reached_by_what_gcloud_writes";
    let programs = ["gcloud", "gke-gcloud-auth-plugin", "kubectl"];
    let Some(setting) = Setting::new(test, &programs) else { return };
    let server = &setting.server;
    let kubernetes = StrictKubernetes::start();
    kubernetes.accept_gke(server.webhook());
    kubernetes.allow(Rule::for_user(&setting.robot).may(&["list"], &["pods"]));
    kubernetes.add_pod("default", "app");
    server.add_cluster("europe-west1", "demo", Cluster::of(&kubernetes));
    let key = server.key_json(&setting.robot);
    let fetch = ["container", "clusters", "get-credentials", "demo", "--location", "europe-west1"];
    refused(&setting.gcloud(&key, &fetch), "container.clusters.get");
    server.grant(&setting.robot, "roles/container.viewer", WHOLE);
    setting.gcloud(&key, &fetch).expect_success();
    let kubeconfig = std::fs::read_to_string(setting.home.path().join("kubeconfig")).expect("a kubeconfig");
    assert!(kubeconfig.contains("gke_strict-project_europe-west1_demo"), "{kubeconfig}");

    let file = setting.home.path().join("credentials.json");
    let with_key = |program: &str, arguments: &[&str]| {
        let mut command = setting.command(program, arguments);
        command.env("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", &file);
        process::run(&mut command)
    };
    let told = with_key("kubectl", &["get", "pods", "-o", "name"]).expect_success();
    assert_eq!(told.stdout_text(), "pod/app\n");
    let told = with_key("gke-gcloud-auth-plugin", &[]).expect_success().json();
    let token = told["status"]["token"].as_str().unwrap_or_default();
    assert_eq!(server.owner(token).map(|(who, _)| who), Some(setting.robot.clone()));
    assert!(told["status"]["expirationTimestamp"].is_string(), "{told}");

    // By itself, with the credentials that every Google library finds.
    let mut command = setting.command("gke-gcloud-auth-plugin", &["--use_application_default_credentials"]);
    command.env("GOOGLE_APPLICATION_CREDENTIALS", &file);
    let told = process::run(&mut command).expect_success().json();
    let token = told["status"]["token"].as_str().unwrap_or_default();
    assert_eq!(server.owner(token).map(|(who, _)| who), Some(setting.robot.clone()));
    server.disable(&setting.robot);
    forget_tokens(setting.home.path());
    assert!(!with_key("kubectl", &["get", "pods"]).success());
}

/// What the programs have kept.
fn forget_tokens(home: &Path) {
    for kept in ["gcloud", ".kube", ".cache"] {
        let _ = std::fs::remove_dir_all(home.join(kept));
    }
}

#[test]
fn docker_gets_a_token_from_its_helper() {
    let programs = ["gcloud", "docker-credential-gcloud"];
    let Some(setting) = Setting::new("docker_gets_a_token_from_its_helper", &programs) else { return };
    let file = setting.write("credentials.json", &setting.server.key_json(&setting.robot));
    let mut command = setting.command("docker-credential-gcloud", &["get"]);
    command.env("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", file);
    let told = process::run_with_input(&mut command, b"https://us-docker.pkg.dev").expect_success().json();
    assert_eq!(told["Username"], "_dcgcloud_token");
    let token = told["Secret"].as_str().unwrap_or_default();
    assert_eq!(setting.server.owner(token).map(|(who, _)| who), Some(setting.robot.clone()));
}

#[test]
fn gcloud_on_a_machine_is_its_account() {
    let Some(setting) = Setting::new("gcloud_on_a_machine_is_its_account", &["gcloud"]) else { return };
    setting.server.set_machine_account(&setting.robot);
    let host = setting.server.metadata_host();
    let on_machine = |arguments: &[&str]| {
        let mut command = setting.command("gcloud", arguments);
        command.env_remove("CLOUDSDK_CORE_CHECK_GCE_METADATA").env_remove("NO_GCE_CHECK");
        for name in ["GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT"] {
            command.env(name, &host);
        }
        process::run(&mut command).expect_success()
    };
    assert_eq!(setting.owner(&on_machine(&PRINT)), setting.robot);
    let told = on_machine(&["config", "config-helper", "--format=json"]).json();
    assert!(
        told["credential"]["id_token"].is_string() && told["credential"]["token_expiry"].is_string(),
        "{told}"
    );
}
