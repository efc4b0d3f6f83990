//! google-auth and google-cloud-storage against the twin.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::install::{self, Python};
use crate::process;
use crate::strict_aws::Issuer;

/// A server with a bucket and an account that may read and write it, and Google's Python libraries.
struct Setting {
    server: StrictGoogle,
    robot: String,
    python: Python,
    home: TempDir,
}

impl Setting {
    fn new() -> Self {
        let python = install::python().expect("the Python tools");
        let server = StrictGoogle::start();
        let robot = server.add_service_account("robot");
        server.add_bucket("data", &[("team-a/1.txt", "one"), ("team-b/2.txt", "two")]);
        server.add_bucket("more", &[]);
        server.grant(&robot, "roles/storage.admin", WHOLE);
        Self { server, robot, python, home: tempfile::tempdir().expect("a temporary folder") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.python.python(self.home.path());
        command
            .args(["-c", include_str!("client.py")])
            .args(arguments)
            .env("TWIN", self.server.url())
            .env("PROJECT", PROJECT)
            .env("NO_GCE_CHECK", "true");
        command
    }

    /// The client with this credential file.
    fn run(&self, file: &str, more: &[(&str, &str)], arguments: &[&str]) -> Value {
        let path = self.write("credentials.json", file);
        let mut command = self.command(arguments);
        command.env("GOOGLE_APPLICATION_CREDENTIALS", path).envs(more.iter().copied());
        process::run(&mut command).expect_success().json()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path that is text").to_owned()
    }

    /// Whose token that is.
    fn owner(&self, told: &Value) -> String {
        let token = told["token"].as_str().unwrap_or_else(|| panic!("no token: {told}"));
        self.server.owner(token).unwrap_or_else(|| panic!("not of this server: {told}")).0
    }
}

#[track_caller]
fn refused(told: &Value, words: &str) {
    assert!(told["refused"].as_str().is_some_and(|text| text.contains(words)), "{told}");
}

#[test]
fn a_service_account_uses_storage() {
    let setting = Setting::new();
    let key = setting.server.key_json(&setting.robot);
    let run = |arguments: &[&str]| setting.run(&key, &[], arguments);
    let told = run(&["buckets"]);
    assert_eq!(told["result"], json!(["data", "more"]));
    assert_eq!(setting.owner(&told), setting.robot);
    assert_eq!(run(&["objects", "data", "team-a/"])["result"], json!(["team-a/1.txt"]));
    assert_eq!(run(&["read", "data", "team-a/1.txt"])["result"], "one");
    assert_eq!(run(&["write", "data", "dir/a b", "hello"])["result"], 5);
    assert_eq!(setting.server.object("data", "dir/a b").as_deref(), Some(b"hello".as_slice()));
    assert_eq!(run(&["write-in-pieces", "data", "big", "600000"])["result"], 600_000);
    assert_eq!(run(&["delete", "data", "dir/a b"])["result"], Value::Null);
    let told = run(&["test", "data", "storage.objects.get", "storage.buckets.update"]);
    assert_eq!(told["result"].as_array().map(Vec::len), Some(2));
    refused(&run(&["read", "data", "missing"]), "No such object");
    assert_eq!(run(&["read", "unknown", "x"])["code"], 404);

    setting.server.take_back(&setting.robot, "roles/storage.admin", WHOLE);
    assert_eq!(run(&["objects", "data", ""])["code"], 403);
    setting.server.disable(&setting.robot);
    refused(&run(&[]), "Robot is disabled.");
    setting.server.enable(&setting.robot);
    setting.server.advance(Duration::from_secs(3600 + 600));
    refused(&run(&[]), "in a reasonable timeframe");
    setting.server.set_back(Duration::from_secs(3600 + 600));
    setting.server.remove_keys(&setting.robot);
    refused(&run(&[]), "Invalid JWT Signature.");
    setting.server.delete(&setting.robot);
    refused(&run(&[]), "account not found");
}

#[test]
fn the_same_is_served_over_tls() {
    let setting = Setting { server: StrictGoogle::start_tls(), ..Setting::new() };
    let robot = setting.server.add_service_account("robot");
    let bucket = setting.server.add_bucket("data", &[("one", "1")]);
    setting.server.grant(&robot, "roles/storage.objectViewer", &bucket);
    let key = setting.server.key_json(&robot);
    let ca = setting.write("ca.pem", setting.server.ca().expect("an authority"));
    let read = ["read", "data", "one"];
    assert_eq!(setting.run(&key, &[("REQUESTS_CA_BUNDLE", &ca)], &read)["result"], "1");
    refused(&setting.run(&key, &[], &read), "CERTIFICATE_VERIFY_FAILED");
}

#[test]
fn a_person_is_who_her_file_says() {
    let setting = Setting::new();
    let client = setting.server.add_client();
    let file = setting.server.authorized_user_json(&client, ALICE);
    setting.server.grant(ALICE, "roles/storage.objectViewer", "projects/_/buckets/data");
    // The library knows the token endpoint by heart, whatever the file says.
    let run = |arguments: &[&str]| setting.run(&file, &[("REDIRECT", "1")], arguments);
    let told = run(&["read", "data", "team-b/2.txt"]);
    assert_eq!((told["result"].as_str(), setting.owner(&told).as_str()), (Some("two"), ALICE));
    assert_eq!(run(&["write", "data", "x", "y"])["code"], 403);
    setting.server.demand_reauthentication(ALICE);
    refused(&run(&[]), "Reauthentication is needed");
    setting.server.revoke_consents(ALICE);
    refused(&run(&[]), "Token has been expired or revoked.");
}

#[test]
fn an_identity_from_elsewhere_comes_by_a_file() {
    let setting = Setting::new();
    let server = &setting.server;
    let issuer = Issuer::rs256("https://issuer.test");
    let audience = server.add_provider("pool", "oidc", &issuer);
    let token = setting.write("token", &server.token_of(&issuer, "me", &audience, Duration::from_secs(600)));
    let source = json!({ "file": token });
    // The library asks for the project's id, by its number, at a host that it knows by heart.
    let run = |file: &str, arguments: &[&str]| setting.run(file, &[("REDIRECT", "1")], arguments);
    let own = server.external_account_json(&audience, &source, None);
    assert!(setting.owner(&run(&own, &[])).ends_with("/workloadIdentityPools/pool/subject/me"));

    let taken = server.external_account_json(&audience, &source, Some(&setting.robot));
    refused(&run(&taken, &[]), "iam.serviceAccounts.getAccessToken");
    let pool =
        format!("iam.googleapis.com/projects/{PROJECT_NUMBER}/locations/global/workloadIdentityPools/pool");
    let account = format!("projects/-/serviceAccounts/{}", setting.robot);
    server.grant(&format!("principalSet://{pool}/*"), "roles/iam.workloadIdentityUser", &account);
    let told = run(&taken, &["read", "data", "team-a/1.txt"]);
    assert_eq!((told["result"].as_str(), setting.owner(&told)), (Some("one"), setting.robot.clone()));
    server.advance(Duration::from_secs(600));
    refused(&run(&own, &[]), "stale to sign-in");
    setting.write("token", "no token");
    refused(&run(&own, &[]), "Unable to parse the ID Token");
}

/// The people of a workforce pool: their calls are counted for the project that the file names, by its id or its number.
#[test]
fn a_person_of_a_workforce_comes_by_a_file() {
    let setting = Setting::new();
    let server = &setting.server;
    let issuer = Issuer::rs256("https://login.test");
    let audience = server.add_workforce_provider("staff", "okta", &issuer, "client-of-google");
    let token = issuer.token("ann", "client-of-google", server.now() + 600);
    let source = json!({ "file": setting.write("token", &token) });
    let run = |file: &str| setting.run(file, &[("REDIRECT", "1")], &["read", "data", "team-a/1.txt"]);
    let ann = "principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/ann";
    server.grant(ann, "roles/storage.objectViewer", "projects/_/buckets/data");
    let number = PROJECT_NUMBER.to_string();
    for project in [PROJECT, &number] {
        let file = server.workforce_account_json(&audience, &source, project);
        refused(&run(&file), "does not have required permission to use project");
        server.grant(ann, "roles/serviceusage.serviceUsageConsumer", WHOLE);
        let told = run(&file);
        assert_eq!((told["result"].as_str(), setting.owner(&told)), (Some("one"), ann.to_owned()));
        server.take_back(ann, "roles/serviceusage.serviceUsageConsumer", WHOLE);
    }
    refused(&run(&server.workforce_account_json(&audience, &source, "another-project")), "options");
    let for_another = issuer.token("ann", &format!("https:{audience}"), server.now() + 600);
    setting.write("token", &for_another);
    refused(&run(&server.workforce_account_json(&audience, &source, PROJECT)), "expected audience");
    // A pool of workloads is of a project, and takes no other.
    let workloads = server.add_provider("pool", "oidc", &issuer);
    refused(&run(&server.workforce_account_json(&workloads, &source, PROJECT)), "Failed to load");
}

#[test]
fn a_role_of_aws_signs_for_itself() {
    let setting = Setting::new();
    let role = "arn:aws:sts::123456789012:assumed-role/app/i-1";
    let audience = setting.server.add_aws_provider("pool", "aws", &[("ASIAKNOWN", role)]);
    let source = json!({
        "environment_id": "aws1",
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    });
    let file = setting.server.external_account_json(&audience, &source, None);
    let run = |key: &str| {
        let keys =
            [("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_SESSION_TOKEN", "token")];
        setting.run(&file, &[&keys[..], &[("REDIRECT", "1")]].concat(), &[])
    };
    assert!(setting.owner(&run("ASIAKNOWN")).ends_with(&format!("/subject/{role}")));
    refused(&run("ASIAOTHER"), "AWS security token");
}

#[test]
fn one_account_takes_on_another() {
    let setting = Setting::new();
    let server = &setting.server;
    let (target, middle) = (server.add_service_account("target"), server.add_service_account("middle"));
    let source = server.key_json(&setting.robot);
    let file = server.impersonated_json(&source, &target, &[]);
    let account = |email: &str| format!("projects/-/serviceAccounts/{email}");
    // Files of this kind are made for people, but the library takes accounts as well.
    let run =
        |file: &str, more: &[(&str, &str)]| setting.run(file, &[&[("REDIRECT", "1")], more].concat(), &[]);
    refused(&run(&file, &[]), "iam.serviceAccounts.getAccessToken");
    let creator = "roles/iam.serviceAccountTokenCreator";
    server.grant(&setting.robot, creator, &account(&target));
    assert_eq!(setting.owner(&run(&file, &[])), target);
    server.take_back(&setting.robot, creator, &account(&target));
    server.grant(&setting.robot, creator, &account(&middle));
    server.grant(&middle, creator, &account(&target));
    let delegated = server.impersonated_json(&source, &target, &[&account(&middle)]);
    assert_eq!(setting.owner(&run(&delegated, &[])), target);

    server.grant(&setting.robot, creator, &account(&target));
    let by_class = |lifetime: &str| run(&source, &[("TARGET", &target), ("LIFETIME", lifetime)]);
    assert_eq!(setting.owner(&by_class("600")), target);
    refused(&by_class("3601"), "Unable to acquire impersonated credentials");
    server.allow_long_lives(&target);
    assert_eq!(setting.owner(&by_class("43200")), target);
}

#[test]
fn a_boundary_holds_for_the_real_client() {
    let setting = Setting::new();
    let key = setting.server.key_json(&setting.robot);
    let expression = "resource.name.startsWith('projects/_/buckets/data/objects/team-a/') || \
                      api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('team-a/')";
    let rule = |permission: &str, expression: &str| {
        json!([{
            "availableResource": "//storage.googleapis.com/projects/_/buckets/data",
            "availablePermissions": [permission],
            "availabilityCondition": { "expression": expression },
        }])
        .to_string()
    };
    let good = rule("inRole:roles/storage.objectViewer", expression);
    let with = |boundary: &str, arguments: &[&str]| {
        setting.run(&key, &[("REDIRECT", "1"), ("BOUNDARY", boundary)], arguments)
    };
    for (tells, expected) in [(false, "its source's"), (true, "its own")] {
        if tells {
            setting.server.tell_narrowed_life();
        }
        let told = with(&good, &["read", "data", "team-a/1.txt"]);
        assert_eq!(told["result"], "one", "with {expected} end: {told}");
        assert!(told["expiry"].is_string(), "{told}");
        assert!(setting.server.is_narrowed(told["token"].as_str().unwrap_or_default()));
    }
    assert_eq!(with(&good, &["objects", "data", "team-a/"])["result"], json!(["team-a/1.txt"]));
    for arguments in [
        vec!["objects", "data", ""],
        vec!["objects", "data", "team-b/"],
        vec!["read", "data", "team-b/2.txt"],
        vec!["write", "data", "team-a/3.txt", "x"],
        vec!["objects", "more", "team-a/"],
        vec!["buckets"],
    ] {
        assert_eq!(with(&good, &arguments)["code"], 403, "{arguments:?}");
    }
    refused(&with(&rule("inRole:roles/viewer", expression), &[]), "no role of Cloud Storage");
    refused(&with(&rule("inRole:roles/storage.objectViewer", "true"), &[]), "a condition");
}

#[test]
fn a_machine_gives_its_account() {
    let setting = Setting::new();
    let host = setting.server.metadata_host();
    let run = || {
        let mut command = setting.command(&["read", "data", "team-a/1.txt"]);
        command.env_remove("NO_GCE_CHECK");
        for name in ["GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT"] {
            command.env(name, &host);
        }
        command.env("GCE_METADATA_DETECT_RETRIES", "1").env("GCE_METADATA_TIMEOUT", "3");
        process::run(&mut command).expect_success().json()
    };
    refused(&run(), "default credentials were not found");
    setting.server.set_machine_account(&setting.robot);
    let told = run();
    assert_eq!((told["result"].as_str(), setting.owner(&told)), (Some("one"), setting.robot.clone()));
}

#[test]
fn a_person_consents_in_the_browser_or_not() {
    let setting = Setting::new();
    let server = &setting.server;
    server.add_user(ALICE);
    let client = server.add_client();
    let secrets = setting.write("client_secrets.json", &server.client_secrets_json(&client));
    let run = || {
        let mut command = setting.python.python(setting.home.path());
        command.args(["-c", include_str!("consent.py"), &secrets]).env("OAUTHLIB_INSECURE_TRANSPORT", "1");
        process::run(&mut command).expect_success().json()
    };
    server.consent_as(ALICE);
    let told = run();
    assert_eq!(setting.owner(&told), ALICE);
    assert_eq!(told["refreshable"], true);
    server.refuse_consent();
    refused(&run(), "access_denied");
}
