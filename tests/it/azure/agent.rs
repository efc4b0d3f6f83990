//! An Azure connector, asked as the managed identity of an App Service: by Microsoft's own libraries and az as they are.

use std::process::Command;
use std::time::Duration;

use connector_core::{Document, ErrorKind, Request, Response};
use connector_tests::install::{self, Python};
use connector_tests::strict_azure::{SUBSCRIPTION, TENANT};
use connector_tests::{process, skip};
use connectors::agent::{Agent, Binding, Options};
use connectors::hub::{self, Draft, Registration};
use connectors::{Grant, Hub};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::lab::{APP, Lab};
use super::programs::is_there;
use super::setting::{ARM, VAULT};
use crate::agent::{Rounds, Running};

const HOUR: Duration = Duration::from_secs(3600);
const STORAGE: &str = "https://storage.azure.com";
const SECRET: &str = "https://strict-zen.vault.azure.net/secrets/db-password";

/// A lab with a vault and a container that its application may read, and a hub on the lab's clock with the connector
/// `prod`.
struct Stage {
    lab: Lab,
    hub: Hub,
    home: TempDir,
}

impl std::ops::Deref for Stage {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Stage {
    async fn new() -> Self {
        let lab = Lab::new();
        let azure = &lab.azure;
        let vault = azure.add_vault(&lab.group, "strict-zen");
        azure.put_secret("strict-zen", "db-password", "s3cr3t");
        let account = azure.add_storage_account(&lab.group, "zenfiles");
        azure.add_container("zenfiles", "data");
        azure.put_blob("zenfiles", "data", "a.txt", "one");
        lab.grant("Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
        lab.grant("Key Vault Secrets User", &vault);
        lab.grant("Storage Blob Data Reader", &account);
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("ca.pem"), azure.ca()).expect("the home is ours");
        let options = hub::Options::new(home.path().join("state")).with_context(lab.context());
        let hub = Hub::open(options).await.expect("a fresh store");
        let config = json!({
            "tenant_id": TENANT, "subscription_id": SUBSCRIPTION, "client_id": APP, "client_secret": lab.secret,
            "endpoint_url": azure.url(), "ca_bundle": azure.ca(),
        });
        let Value::Object(config) = config else { unreachable!("an object") };
        let draft = Draft::new(Document::draft("prod", "azure", "service-principal", config));
        hub.register(draft, Registration::Unverified).await.expect("registered");
        azure.calls().take();
        Self { lab, hub, home }
    }

    async fn serve(&self, binding: &str) -> Running {
        Running::start(&self.hub, vec![binding.parse().expect("a binding")]).await
    }

    /// Microsoft's libraries with what the agent says, among variables of somebody else.
    fn libraries(&self, tools: &Python, agent: &Running) -> Command {
        let mut command = tools.python(self.home.path());
        command.args(["-c", include_str!("agent.py")]);
        self.lead(&mut command, agent);
        command
    }

    fn lead(&self, command: &mut Command, agent: &Running) {
        command.env("AZURE_CLIENT_ID", "99999999-0000-4000-8000-000000000000");
        command.env("AZURE_CLIENT_SECRET", "of somebody else").env("AZURE_TENANT_ID", TENANT);
        command.env("TWIN", self.azure.url()).env("REQUESTS_CA_BUNDLE", self.home.path().join("ca.pem"));
        agent.lead(command);
    }

    /// Asks the endpoint, as curl would.
    async fn ask(&self, agent: &Running, query: &str, header: &str) -> Response {
        let url = format!("{}?{query}", agent.variable("IDENTITY_ENDPOINT"));
        let request = Request::get(url).with_header("x-identity-header", header);
        self.hub.context().send(request).await.expect("it answers")
    }

    /// For which services tokens were made since the last time.
    fn mints(&self) -> Vec<String> {
        let calls = self.azure.calls().take();
        let asked = calls.iter().filter(|call| call.path.ends_with("/oauth2/v2.0/token"));
        asked.filter_map(|call| call.parameter("scope")).collect()
    }

    #[track_caller]
    fn owner(&self, told: &Value) -> String {
        let token = told["result"].as_str().unwrap_or_else(|| panic!("no token: {told}"));
        let (id, audience) = self.azure.owner(token).expect("a token of the server");
        assert_eq!(id, self.robot, "and of nobody else");
        audience
    }
}

/// S32, S49, C26: one endpoint gives DefaultAzureCredential and ManagedIdentityCredential a token for every service, through
/// three lives of each; each is made once per life, and the clients are never built anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s32_s49_azure_identity_has_a_token_for_every_service_through_three_lives() {
    let test = "s32_s49_azure_identity_has_a_token_for_every_service_through_three_lives";
    let (tools, faketime) = match (install::python(), install::faketime()) {
        (Ok(tools), Ok(faketime)) => (tools, faketime),
        (Err(why), _) | (_, Err(why)) => return skip::skip(test, why),
    };
    let stage = Stage::new().await;
    let agent = stage.serve(&format!("prod=azure-generic:{SUBSCRIPTION}")).await;
    let clock = stage.home.path().join("clock");
    let ahead =
        |hours: usize| std::fs::write(&clock, format!("+{}", 3600 * hours)).expect("the home is ours");
    ahead(0);
    let mut command = stage.libraries(&tools, &agent);
    let mut job = Rounds::start(faketime.follow(&mut command, &clock));
    for round in 1..=4 {
        for _ in 0..2 {
            assert_eq!(job.next("secret"), json!({ "result": "s3cr3t" }));
            assert_eq!(job.next("blob"), json!({ "result": "one" }));
            assert_eq!(stage.owner(&job.next("https://management.azure.com/.default")), ARM);
        }
        let mut mints = stage.mints();
        mints.sort();
        let services = [ARM, STORAGE, VAULT].map(|it| format!("{it}/.default"));
        assert_eq!(mints, services, "one per service and life");
        ahead(round);
        stage.advance(HOUR);
    }
    job.end();
    agent.stop().await;
}

/// C21: who shows another header, or none, gets nothing; a connector that is disabled gives nothing from then on; and a
/// grant for one secret gives no token for anything else. The library tells why.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c21_azure_identity_is_told_why_it_gets_no_token() {
    let test = "c21_azure_identity_is_told_why_it_gets_no_token";
    let tools = match install::python() {
        Ok(tools) => tools,
        Err(why) => return skip::skip(test, why),
    };
    let stage = Stage::new().await;
    let agent = stage.serve(&format!("prod=secret:{SECRET}")).await;
    assert_eq!(stage.mints(), ["https://vault.azure.net/.default"], "the one that it was started with");
    let once = |command: &mut Command, word: &str| {
        let mut job = Rounds::start(command);
        let told = job.next(word);
        job.end();
        told
    };
    let refused = |told: Value, words: &[&str]| {
        let said = told["refused"].as_str().unwrap_or_else(|| panic!("{told}"));
        assert!(words.iter().all(|it| said.contains(it)), "{said}");
    };
    let mut wrong = stage.libraries(&tools, &agent);
    wrong.env("IDENTITY_HEADER", "0".repeat(64));
    refused(once(&mut wrong, "secret"), &["401", "not that of this session"]);
    for header in ["", "hunter2"] {
        let query = "api-version=2019-08-01&resource=https://vault.azure.net";
        let answer = stage.ask(&agent, query, header).await;
        assert_eq!(answer.status(), 401);
        assert!(!String::from_utf8_lossy(answer.body()).contains("hunter2"));
    }

    assert_eq!(once(&mut stage.libraries(&tools, &agent), "secret"), json!({ "result": "s3cr3t" }));
    for word in ["blob", "https://management.azure.com/.default"] {
        let told = once(&mut stage.libraries(&tools, &agent), word);
        refused(told, &["400", "gives tokens for https://vault.azure.net, and none for", "azure-generic"]);
    }
    assert_eq!(stage.mints(), [""; 0], "nothing was made for any of them");

    stage.hub.set_enabled("prod", false).await.expect("disabled");
    refused(once(&mut stage.libraries(&tools, &agent), "secret"), &["403", "disabled"]);
    assert_eq!(stage.mints(), [""; 0]);
    agent.stop().await;
}

/// The answer and the refusals to the letter, as the hub and the listener give them together; what nobody can have is told,
/// and keeps nothing else from being answered.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_for_every_service_answers_to_the_letter() {
    let stage = Stage::new().await;
    // The subscription is the one that the connector is held to.
    let agent = stage.serve("prod=azure-generic").await;
    let header = agent.variable("IDENTITY_HEADER");
    let query = |resource: &str| format!("resource={resource}&api-version=2019-08-01&client_id=x");
    for (resource, audience) in [
        (VAULT, VAULT),
        ("https://management.core.windows.net/", ARM),
        ("https%3A%2F%2Fstorage.azure.com%2F", STORAGE),
    ] {
        let answer = stage.ask(&agent, &query(resource), &header).await;
        assert_eq!(answer.status(), 200, "{resource}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let told: Value = serde_json::from_slice(answer.body()).expect("JSON");
        let mut names: Vec<_> = told.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["access_token", "client_id", "expires_on", "resource", "token_type"]);
        assert_eq!((&told["token_type"], &told["client_id"]), (&"Bearer".into(), &APP.into()));
        assert_eq!(stage.owner(&json!({ "result": told["access_token"] })), audience);
        let end: u64 = told["expires_on"].as_str().expect("text").parse().expect("a number");
        let now = stage.hub.context().now().duration_since(std::time::UNIX_EPOCH).expect("now").as_secs();
        assert!((now + 3500..=now + 3600).contains(&end), "{end} at {now}");
    }
    let refused = async |query: String, status: u16, words: &str| {
        let answer = stage.ask(&agent, &query, &header).await;
        let told: Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert_eq!((answer.status(), &told["statusCode"]), (status, &status.into()), "{told}");
        assert!(told["message"].as_str().is_some_and(|it| it.contains(words)), "{told}");
    };
    refused("resource=https://vault.azure.net&api-version=2017-09-01".into(), 400, "2019-08-01").await;
    refused("api-version=2019-08-01".into(), 400, "`resource`").await;
    refused(query("https://unknown.example"), 403, "does not know the service").await;
    assert_eq!(stage.ask(&agent, &query(VAULT), &header).await.status(), 200);
    agent.stop().await;
}

/// What is no token of Entra ID is refused when the agent is started, with what can be bound in its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_not_served() {
    let stage = Stage::new().await;
    let binding: Binding = "prod=blob-container:az://zenfiles/data".parse().expect("a binding");
    let directory = stage.hub.home().join("agent");
    let error =
        Agent::start(&stage.hub, vec![binding], Options::new(&directory)).await.expect_err("no token");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.message().contains("a signature is no token"), "{error:?}");
    assert!(error.hint().is_some_and(|it| it.contains("within https://storage.azure.com")), "{error:?}");
    let left = std::fs::read_dir(&directory).expect("there").flatten();
    assert_eq!(left.filter(|it| it.path().is_dir()).count(), 0);
    // The library may bind one service, and so can whoever asks it.
    let grant = Grant::new("azure-generic", SUBSCRIPTION).with_within(STORAGE);
    let agent = Running::start(&stage.hub, vec![Binding::new("prod", grant)]).await;
    let header = agent.variable("IDENTITY_HEADER");
    for (resource, status) in [("https://zenfiles.blob.core.windows.net", 200), (STORAGE, 200), (VAULT, 400)]
    {
        let query = format!("api-version=2019-08-01&resource={resource}");
        assert_eq!(stage.ask(&agent, &query, &header).await.status(), status, "{resource}");
    }
    agent.stop().await;
}

/// S32: az is logged in by the agent alone, and goes on through three lives of its tokens; it keeps none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s32_az_is_logged_in_for_as_long_as_the_agent_runs() {
    if !is_there("az") {
        return skip::skip("s32_az_is_logged_in_for_as_long_as_the_agent_runs", "az is not installed");
    }
    let stage = Stage::new().await;
    let agent = stage.serve(&format!("prod=azure-generic:{SUBSCRIPTION}")).await;
    let az = |arguments: &[&str]| {
        let mut command = process::isolated("az", stage.home.path());
        stage.lead(&mut command, &agent);
        tokio::task::block_in_place(|| process::run(command.args(arguments))).expect_success()
    };
    let shown = az(&["account", "show"]).json();
    assert_eq!((&shown["id"], &shown["tenantId"]), (&SUBSCRIPTION.into(), &TENANT.into()));
    for _ in 0..3 {
        let listed = az(&["group", "list", "-o", "tsv", "--query", "[].name"]);
        assert_eq!(listed.stdout_text(), "My-Lab\n");
        let got = az(&["account", "get-access-token", "--resource", VAULT]).json();
        assert_eq!(stage.owner(&json!({ "result": got["accessToken"] })), VAULT);
        stage.advance(HOUR);
    }
    let kept = stage.azure.issued();
    for entry in std::fs::read_dir(agent.served().directory()).expect("there").flatten() {
        let text = std::fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        assert!(!kept.iter().any(|it| text.contains(it.as_str())), "{}", entry.path().display());
    }
    // Who logs in nevertheless is the same.
    az(&["login", "--identity"]);
    let shown = az(&["account", "show"]).json();
    assert_eq!(
        (&shown["id"], &shown["user"]["name"]),
        (&SUBSCRIPTION.into(), &"systemAssignedIdentity".into())
    );
    assert!(!stage.home.path().join(".azure").exists());
    agent.stop().await;
}
