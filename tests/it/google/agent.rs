//! Google's own libraries and gcloud ask the agent, across the ends of its tokens.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use connector_core::Document;
use connector_tests::install::{self, Faketime, Python};
use connector_tests::{process, skip};
use connectors::agent::{Agent, Binding, Options, Served};
use connectors::gcp::google_cloud_auth::credentials::{AccessTokenCredentials, external_account, mds};
use connectors::hub::{self, Draft, Hub, Registration};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::programs::{QUIET, is_there};
use super::{Setting, WHOLE};

const HOUR: Duration = Duration::from_secs(3600);

/// One client for as long as there are rounds: it reads, tells what it read and with which token, and waits to be told
/// that time has passed.
const READER: &str = r#"
import os, sys, time
from google.cloud import storage
# A connection that was idle may break just when it is used: then it asks again, and waits for nothing on this clock.
time.sleep = lambda _: None
client = storage.Client(client_options={"api_endpoint": os.environ["URL"]})
for _ in sys.stdin:
    try:
        text = client.bucket("data").blob("a/1.txt").download_as_text()
        print("read", text, client.project, client._credentials.token, flush=True)
    except Exception as error:
        print("failed", type(error).__name__, str(error).replace("\n", " "), flush=True)
"#;

/// A connector `prod` for a bucket, and an agent that serves it in one protocol.
struct Stage {
    setting: Setting,
    /// Whom a program must not become.
    other: String,
    hub: Hub,
    home: tempfile::TempDir,
    served: Served,
    stop: oneshot::Sender<()>,
    running: JoinHandle<connectors::Result<()>>,
}

impl Stage {
    async fn new(protocol: &str) -> Self {
        let setting = Setting::new();
        setting.google.grant(&setting.robot, "roles/browser", WHOLE);
        let other = setting.google.add_service_account("other");
        let home = tempfile::tempdir().expect("a directory");
        let options = hub::Options::new(home.path().join("connectors")).with_context(setting.context());
        let hub = Hub::open(options).await.expect("a fresh store");
        let config =
            setting.config(json!({ "service_account_json": setting.google.key_json(&setting.robot) }));
        let Value::Object(config) = config else { unreachable!("an object") };
        let draft = Draft::new(Document::draft("prod", "gcp", "service-account", config));
        hub.register(draft, Registration::Verified).await.expect("the key is good");
        let options = Options::new(hub.home().join("agent")).with_protocols([protocol]);
        let binding: Binding = "prod=gcs-bucket:gs://data".parse().expect("a binding");
        let agent = Agent::start(&hub, vec![binding], options).await.expect("an agent");
        let served = agent.served()[0].clone();
        assert_eq!(served.protocols()[0].id, protocol);
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(agent.run(async {
            let _ = stopped.await;
        }));
        setting.mints();
        Self { setting, other, hub, home, served, stop, running }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn file(&self, name: &str) -> String {
        self.served.directory().join(name).to_str().expect("text").to_owned()
    }

    /// Sends a program to the agent, with everything else that it could take for its credentials.
    fn send<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let key = self.home().join(".config/gcloud/application_default_credentials.json");
        fs::create_dir_all(key.parent().expect("a folder")).expect("ours");
        fs::write(&key, self.setting.google.key_json(&self.other)).expect("ours");
        for name in ["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"] {
            command.env(name, &key);
        }
        command.envs(QUIET).envs([
            ("CLOUDSDK_AUTH_ACCESS_TOKEN", "somebody-elses"),
            ("CLOUDSDK_ACTIVE_CONFIG_NAME", "mine"),
            ("CLOUDSDK_CORE_ACCOUNT", "me@example.com"),
            ("GOOGLE_CLOUD_PROJECT", "another-project"),
            ("NO_GCE_CHECK", "true"),
        ]);
        self.point(command)
    }

    /// What the agent says a program needs, and nothing more.
    fn point<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for name in &self.served.set_up().unset {
            command.env_remove(name);
        }
        for (name, value) in &self.served.set_up().set {
            command.env(name, value.expose());
        }
        command
    }

    fn advance(&self, by: Duration) {
        self.setting.clock.advance(by);
        self.setting.google.advance(by);
    }

    /// A token is the robot's, and good for the bucket alone.
    #[track_caller]
    fn assert_is_ours(&self, token: &str) {
        let owner = self.setting.google.owner(token).map(|(owner, _)| owner);
        assert_eq!(owner.as_deref(), Some(self.setting.robot.as_str()));
        assert!(self.setting.google.is_narrowed(token));
    }

    async fn disable(&self) {
        self.hub.set_enabled("prod", false).await.expect("disabled");
    }

    /// Nothing is left of a session, what gcloud has put into its folder included.
    async fn end(self) {
        let directory = self.served.directory().to_owned();
        assert!(directory.exists());
        self.stop.send(()).expect("the agent runs");
        self.running.await.expect("it did not panic").expect("it ends well");
        assert!(!directory.exists());
    }
}

fn tools(test: &str) -> Option<(Python, Faketime)> {
    match (install::python(), install::faketime()) {
        (Ok(python), Ok(faketime)) => Some((python, faketime)),
        (Err(why), _) | (_, Err(why)) => {
            skip::skip(test, why);
            None
        }
    }
}

/// One google-cloud-storage client reads on while three tokens end, and asks once per life; when the connector is
/// disabled it says so.
async fn python_reads_on(protocol: &str, test: &str) {
    let Some((python, faketime)) = tools(test) else { return };
    let stage = Stage::new(protocol).await;
    let clock = stage.home().join("clock");
    fs::write(&clock, "+0").expect("ours");
    let mut command = python.python(stage.home());
    command.args(["-c", READER]).env("URL", stage.setting.google.url());
    faketime.follow(stage.send(&mut command), &clock);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut round = || {
        input.write_all(b"\n").expect("it reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("it answers");
        line.trim().to_owned()
    };
    let mut tokens = Vec::new();
    for life in 1..=4_u64 {
        for _ in 0..2 {
            let line = round();
            let token = line.strip_prefix("read one strict-project ").unwrap_or_else(|| panic!("{line}"));
            stage.assert_is_ours(token);
            tokens.push(token.to_owned());
        }
        tokens.dedup();
        assert_eq!(tokens.len() as u64, life);
        // The agent's first token was issued when it started.
        assert_eq!(stage.setting.mints().len(), if life == 1 { 0 } else { 2 }, "one token per life");
        stage.advance(HOUR);
        fs::write(&clock, format!("+{}", life * 3600)).expect("ours");
    }
    stage.disable().await;
    let line = round();
    assert!(line.starts_with("failed ") && line.contains("connector `prod` is disabled"), "{line}");
    drop(input);
    child.wait().expect("it ends");
    stage.end().await;
}

/// S31, S32: by an external account's file.
#[tokio::test(flavor = "multi_thread")]
async fn s31_s32_google_cloud_storage_reads_on_by_an_external_account() {
    python_reads_on("external-account", "s31_s32_google_cloud_storage_reads_on_by_an_external_account").await;
}

/// S31, S32: by the metadata server.
#[tokio::test(flavor = "multi_thread")]
async fn s31_s32_google_cloud_storage_reads_on_by_the_metadata_server() {
    python_reads_on("gce-metadata", "s31_s32_google_cloud_storage_reads_on_by_the_metadata_server").await;
}

/// gcloud works on while three tokens end, in a folder of the session's; nothing of the user's is seen or touched.
async fn gcloud_works_on(protocol: &str, test: &str, says: &str) {
    if !is_there("gcloud") {
        return skip::skip(test, "gcloud is not installed");
    }
    let faketime = match install::faketime() {
        Ok(faketime) => faketime,
        Err(why) => return skip::skip(test, why),
    };
    let stage = Stage::new(protocol).await;
    let mut life = 0_i64;
    let gcloud = |life: i64, arguments: &[&str]| {
        let mut command = process::isolated("gcloud", stage.home());
        command.args(arguments);
        process::run(faketime.shift(stage.send(&mut command), life * 3600))
    };
    let mut tokens = Vec::new();
    while life < 4 {
        let token = gcloud(life, &["auth", "print-access-token"]).expect_success().stdout_text();
        stage.assert_is_ours(token.trim());
        tokens.push(token);
        let listed = gcloud(life, &["storage", "ls", "gs://data"]).expect_success().stdout_text();
        assert!(listed.contains("gs://data/a/"), "{listed}");
        stage.advance(HOUR);
        life += 1;
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
    let helper = gcloud(life, &["config", "config-helper", "--format=json"]).expect_success().json();
    stage.assert_is_ours(helper["credential"]["access_token"].as_str().expect("a token"));
    assert_eq!(helper["configuration"]["properties"]["core"]["project"], "strict-project", "{helper}");
    stage.disable().await;
    // In a folder that holds no token yet. Between attempts gcloud waits, which a shifted clock does not let it.
    let mut command = process::isolated("gcloud", stage.home());
    stage.send(&mut command).args(["auth", "print-access-token"]);
    let refused = process::run(command.env("CLOUDSDK_CONFIG", stage.file("gcloud-new")));
    assert!(!refused.success() && refused.stderr_text().contains(says), "{refused:?}");
    let users: Vec<_> = fs::read_dir(stage.home().join(".config/gcloud")).expect("there").flatten().collect();
    assert_eq!(users.len(), 1, "only what was there before: {users:?}");
    stage.end().await;
}

/// S32: by an external account's file.
#[tokio::test(flavor = "multi_thread")]
async fn s32_gcloud_works_on_by_an_external_account() {
    let test = "s32_gcloud_works_on_by_an_external_account";
    gcloud_works_on("external-account", test, "connector `prod` is disabled").await;
}

/// S32: by the metadata server. One that refuses everything is none to gcloud, and then it has nobody to be.
#[tokio::test(flavor = "multi_thread")]
async fn s32_gcloud_works_on_by_the_metadata_server() {
    let test = "s32_gcloud_works_on_by_the_metadata_server";
    gcloud_works_on("gce-metadata", test, "do not currently have an active account").await;
}

/// Google's library for Go, in the program that GKE's clusters are asked with: by an external account whatever login
/// the user has, and by the metadata server where there is none, since it looks for one in the user's own folder.
#[tokio::test(flavor = "multi_thread")]
async fn s32_googles_library_for_go_asks_the_agent() {
    const PLUGIN: &str = "gke-gcloud-auth-plugin";
    if !is_there(PLUGIN) {
        return skip::skip(
            "s32_googles_library_for_go_asks_the_agent",
            "gke-gcloud-auth-plugin is not installed",
        );
    }
    for protocol in ["external-account", "gce-metadata"] {
        let stage = Stage::new(protocol).await;
        let ask = || {
            let mut command = process::isolated(PLUGIN, stage.home());
            command.arg("--use_application_default_credentials");
            process::run(match protocol {
                "external-account" => stage.send(&mut command),
                _ => stage.point(&mut command),
            })
        };
        let mut tokens = Vec::new();
        for _ in 0..4 {
            let told = ask().expect_success().json();
            let token = told["status"]["token"].as_str().expect("a token").to_owned();
            stage.assert_is_ours(&token);
            tokens.push(token);
            stage.advance(HOUR);
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 4, "{protocol}");
        stage.disable().await;
        let refused = ask();
        assert!(!refused.success() && refused.text().contains("disabled"), "{protocol}: {refused:?}");
        stage.end().await;
    }
}

/// Google's library for Rust takes the file, and the metadata server's address.
#[tokio::test(flavor = "multi_thread")]
async fn s32_googles_library_for_rust_asks_the_agent() {
    for protocol in ["external-account", "gce-metadata"] {
        let stage = Stage::new(protocol).await;
        let credentials = || -> AccessTokenCredentials {
            match protocol {
                "external-account" => {
                    let file = fs::read_to_string(stage.file("google.json")).expect("the session's");
                    let file = serde_json::from_str(&file).expect("JSON");
                    let scopes = ["https://www.googleapis.com/auth/cloud-platform"];
                    let builder = external_account::Builder::new(file).with_scopes(scopes);
                    builder.build_access_token_credentials().expect("it takes the file")
                }
                _ => {
                    let builder =
                        mds::Builder::default().with_endpoint(format!("http://{}", stage.served.authority()));
                    builder.build_access_token_credentials().expect("it takes the address")
                }
            }
        };
        let mut tokens = Vec::new();
        for _ in 0..4 {
            let token = credentials().access_token().await.expect("a token").token;
            stage.assert_is_ours(&token);
            tokens.push(token);
            stage.advance(HOUR);
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 4, "{protocol}");
        stage.disable().await;
        let error = credentials().access_token().await.expect_err("disabled");
        assert!(format!("{error:?}").contains("disabled"), "{protocol}: {error:?}");
        stage.end().await;
    }
}

/// Asks the agent by hand; the status, and all that was answered.
fn ask(authority: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(authority).expect("a connection");
    let length = body.len();
    write!(
        stream,
        "{head}\r\nhost: {authority}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
    (status, answer)
}

/// C21: nothing is told to who does not show the session's token, the issued one in its place included.
#[tokio::test(flavor = "multi_thread")]
async fn c21_the_external_account_answers_the_sessions_token_alone() {
    let stage = Stage::new("external-account").await;
    let authority = stage.served.authority();
    let session = fs::read_to_string(stage.file("token")).expect("the session's");
    let form = "content-type: application/x-www-form-urlencoded";
    let exchange = |token: &str| {
        ask(authority, &format!("POST /v1/token HTTP/1.1\r\n{form}"), &format!("subject_token={token}"))
    };
    let (status, answer) = exchange(&session);
    assert_eq!(status, 200, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let told: Value = serde_json::from_str(body).expect("JSON");
    let token = told["access_token"].as_str().expect("a token").to_owned();
    stage.assert_is_ours(&token);
    let generate = |authorization: &str| {
        let path = format!("/v1/projects/-/serviceAccounts/{}:generateAccessToken", stage.setting.robot);
        ask(authority, &format!("POST {path} HTTP/1.1\r\nauthorization: {authorization}"), "{}")
    };
    assert_eq!(generate(&format!("Bearer {session}")).0, 200);
    let refused = [
        exchange(&token),
        exchange(""),
        exchange(&session[1..]),
        generate(&session),
        generate(&format!("Bearer {token}")),
        generate(&format!("Basic {session}")),
        ask(authority, "POST /v1/gcloud/token HTTP/1.1", &format!("subject_token={token}")),
    ];
    for (status, answer) in refused {
        assert_eq!(status, 401, "{answer}");
        assert!(!answer.contains(&token) && !answer.contains(&session), "{answer}");
    }
    stage.end().await;
}

/// C21: the metadata server answers who sends its header, and nobody that a page could have sent.
#[tokio::test(flavor = "multi_thread")]
async fn c21_the_metadata_server_answers_who_sends_its_header() {
    const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
    let stage = Stage::new("gce-metadata").await;
    let get = |more: &str| ask(stage.served.authority(), &format!("GET {PATH} HTTP/1.1{more}"), "");
    let (status, answer) = get("\r\nmetadata-flavor: Google");
    assert!(status == 200 && answer.to_ascii_lowercase().contains("\r\nmetadata-flavor: google"), "{answer}");
    for more in [
        "",
        "\r\nmetadata-flavor: google",
        "\r\nmetadata-flavor: Google\r\nx-forwarded-for: 10.0.0.1",
        "\r\nmetadata-flavor: Google\r\norigin: http://example.org",
    ] {
        let (status, answer) = get(more);
        assert_eq!(status, 403, "{more}");
        assert!(answer.to_ascii_lowercase().contains("\r\nmetadata-flavor: google"), "{answer}");
        assert!(!answer.contains("access_token"), "{answer}");
    }
    stage.end().await;
}
