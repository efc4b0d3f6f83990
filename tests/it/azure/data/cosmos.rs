//! Accounts of Cosmos DB: by tokens, by the key of a connection string, and with Azure's own client.

use std::time::SystemTime;

use connector_core::{Allow, Connector, Context, Document, ErrorKind, Grant, VirtualClock};
use connector_tests::loopback::{Call, decoded};
use connector_tests::strict_azure::TENANT;
use connector_tests::{fault::Fault, install, process, skip};
use connectors::Hub;
use connectors::azure::Azure;
use connectors::azure::auth::ServicePrincipal;
use connectors::azure::azure_data_cosmos::CosmosClient;
use connectors::azure::resource::CosmosDb;
use connectors::hub::{Draft, Options, Registration};
use connectors::system::{SystemHttp, Timeouts};
use serde_json::{Value, json};

use super::{HOUR, Setting};
use crate::azure::lab::APP;

/// S20, S34: an account in Cosmos DB is reached with a token for it alone; roles of Resource Manager do not reach its
/// data, a clock that is wrong is named, and what is issued for one service opens no other.
#[tokio::test(flavor = "multi_thread")]
async fn s20_an_account_of_cosmos_db_takes_roles_of_its_own() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let connector = setting.connector();
    assert_eq!(connector.list::<CosmosDb>().await.expect("a list").ids, ["strictdb"]);
    let by_endpoint = "https://strictdb.documents.azure.com:443/";
    let handle = connector.resource::<CosmosDb>(by_endpoint).await.expect("its endpoint");
    setting.grant("Owner", &setting.account);
    let error = handle.reach().await.expect_err("no role for data");
    assert!(error.to_string().contains("no role for its data"), "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("Cosmos DB Built-in Data Reader")), "{error:?}");
    setting.grant("Cosmos DB Built-in Data Reader", &setting.account);
    handle.reach().await.expect("reached");

    setting.scopes();
    let issued =
        connector.resource::<CosmosDb>("strictdb").await.expect("an id").issue().await.expect("a token");
    assert_eq!(setting.scopes(), ["https://strictdb.documents.azure.com/.default"], "and no other");
    let (token, audience) = issued.credential.token().expect("a token");
    let own = (setting.robot.clone(), "https://strictdb.documents.azure.com".to_owned());
    assert_eq!((azure.owner(token.expose()), audience), (Some(own.clone()), own.1.as_str()));
    setting.grant("Key Vault Secrets User", &setting.vault);
    let vault = format!("{}/vault/strict-zen/secrets/db-password?api-version=7.4", azure.url());
    let request = connector_core::Request::get(vault)
        .with_trust(azure.ca().as_bytes().into())
        .with_header("authorization", format!("Bearer {}", token.expose()));
    assert_eq!(setting.context().send(request).await.expect("an answer").status(), 401);

    azure.faults().on(Some(1), Fault::DateSkew(-3600), |call| call.path.starts_with("/cosmos/"));
    handle.reach().await.expect("a clock alone is no reason where the account takes the token");
    azure.take_back(&setting.robot, "Cosmos DB Built-in Data Reader", &setting.account);
    assert_eq!(handle.reach().await.expect_err("taken back").kind(), ErrorKind::Refused);
}

/// What a test of another process is told.
const IN_A_PROCESS: &str = "azure::data::cosmos::in_a_process_of_its_own";

/// S49, S32: Azure's own client of Cosmos DB, over TLS, with tokens for the account across the ends of their lives. It
/// trusts the system's certificates alone, so it runs in a process whose system trusts the strict Azure.
#[tokio::test(flavor = "multi_thread")]
async fn s49_the_client_of_cosmos_db_writes_and_reads_over_tls() {
    let setting = Setting::new();
    let azure = &setting.azure;
    // The client goes to the root of a host, so the host is the account's.
    let scope = azure.add_cosmos(&setting.group, "localhost");
    azure.add_cosmos_container("localhost", "shop", "orders", "/customer");
    setting.grant("Cosmos DB Built-in Data Contributor", &scope);
    let account = azure.open_cosmos("localhost");
    let port = account.address().port();
    let told = json!({
        "tenant_id": TENANT, "client_id": APP, "client_secret": setting.secret, "endpoint_url": azure.url(),
        "endpoints": { "cosmos": format!("https://{{name}}:{port}") },
    });
    let home = tempfile::tempdir().expect("a folder");
    let ca = home.path().join("ca.pem");
    std::fs::write(&ca, azure.ca()).expect("a file");
    let mut command = process::isolated(std::env::current_exe().expect("this program"), home.path());
    command.args([IN_A_PROCESS, "--exact", "--ignored", "--nocapture"]).env("SSL_CERT_FILE", &ca);
    // What the strict Azure reads is text.
    command.env("AZURE_COSMOS_BINARY_ENCODING_ENABLED", "false");
    let done = process::run_with_input(&mut command, told.to_string().as_bytes()).expect_success();
    assert!(done.stdout_text().contains("1 passed"), "{done:?}");
    for secret in azure.confidential().iter().chain(&azure.issued()) {
        assert!(!done.text().contains(secret.as_str()), "{done:?}");
    }

    let scopes = setting.scopes();
    let own = "https://localhost.documents.azure.com/.default".to_owned();
    assert_eq!(scopes, vec![own; 3], "one to look, and one for each of two lives");
    let calls = account.calls().take();
    let said = |it: &Call| decoded(it.header("authorization").unwrap_or_default());
    let mut tokens: Vec<_> =
        calls.iter().map(said).filter(|it| it.starts_with("type=aad&ver=1.0&sig=")).collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3, "each of which was used");
    let written = calls.iter().filter(|it| it.method == "POST" && it.path.ends_with("/docs")).count();
    assert_eq!(written, 1);
}

/// The other half of the test above.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "another test runs it, in a process of its own"]
async fn in_a_process_of_its_own() {
    let told: Value = serde_json::from_reader(std::io::stdin()).expect("what the other half says");
    let clock = VirtualClock::at(SystemTime::now());
    let context = Context::detached(clock.clone()).with_http(SystemHttp::new(Timeouts::default()));
    let method: ServicePrincipal = serde_json::from_value(told).expect("a config");
    let connector = Connector::new(context, method);
    let handle = connector.resource::<CosmosDb>("localhost").await.expect("an id");
    handle.reach().await.expect("reached");
    let client: CosmosClient = handle.client().await.expect("a client");
    let orders = client.database_client("shop").container_client("orders", None).await.expect("a container");
    let item = |id: &str| json!({ "id": id, "customer": "zen" });
    orders.create_item("zen", "1", item("1"), None).await.expect("written");
    clock.advance(2 * HOUR);
    let read = orders.read_item("zen", "1", None).await.expect("read").into_model::<Value>().expect("JSON");
    assert_eq!(read["customer"], "zen");
}

/// S67, S68, S69: a connection string of Cosmos DB is a connector with a name, may be switched off, and keeps what is
/// noted beside it. It leaves with leave alone, and Microsoft's library takes what leaves.
#[tokio::test(flavor = "multi_thread")]
async fn s67_a_connection_string_of_cosmos_db_is_a_connector() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let (key, _) = azure.cosmos_keys("strictdb");
    let home = tempfile::tempdir().expect("a folder");
    let hub =
        Hub::open(Options::new(home.path()).with_context(setting.context())).await.expect("a fresh store");
    let register = async |name: &str, key: &str, allow: &[Allow]| {
        let text = format!("AccountEndpoint=https://strictdb.documents.azure.com:443/;AccountKey={key};");
        let config =
            json!({ "connection_string": text, "endpoint_url": azure.url(), "ca_bundle": azure.ca() });
        let Value::Object(config) = config else { unreachable!("an object") };
        let mut document = Document::draft(name, "azure", "connection-string", config);
        document.resource_type = Some("cosmos-db".into());
        document.allow = allow.iter().copied().collect();
        document.labels.insert("team".into(), "shop".into());
        hub.register(Draft::new(document), Registration::Verified).await.map(drop)
    };
    register("closed", &key, &[]).await.expect("registered");
    register("docs", &key, &[Allow::LongLived]).await.expect("registered");
    let error = register("wrong", "aHVudGVyMg==", &[]).await.expect_err("another key");
    assert!(format!("{error:?}").contains("the key is not taken"), "{error:?}");
    let stored = hub.get("docs").await.expect("stored");
    assert_eq!(stored.labels.get("team").map(String::as_str), Some("shop"));
    assert!(!format!("{stored:?}").contains(&key), "a document may be shown");

    let grant = || Grant::new("cosmos-db", "strictdb");
    let error = hub.issue("closed", grant()).await.expect_err("without leave");
    assert!(error.hint().is_some_and(|it| it.contains("--allow long-lived")), "{error:?}");
    let envelope = hub.issue("docs", grant()).await.expect("issued");
    assert!(envelope.long_lived && !envelope.narrowed.is_narrowed() && envelope.expiry.at().is_none());
    let text = envelope.fields.expect_secret("connection_string").expect("the string");
    if let Ok(python) = install::python() {
        let ca = home.path().join("ca.pem");
        std::fs::write(&ca, azure.ca()).expect("a file");
        let mut command = python.python(home.path());
        command
            .args(["-c", include_str!("data.py"), "upsert-by-string", "1", "-"])
            .env("REQUESTS_CA_BUNDLE", &ca);
        let told = process::run_with_input(&mut command, text.expose().as_bytes()).expect_success();
        assert_eq!(told.json(), json!({ "result": "1" }));
    } else {
        skip::skip("s67_a_connection_string_of_cosmos_db_is_a_connector", "its part with Python");
    }
    hub.set_enabled("docs", false).await.expect("disabled");
    assert_eq!(hub.issue("docs", grant()).await.expect_err("disabled").kind(), ErrorKind::Disabled);

    // S20: what stands in the way is named when it is verified.
    let closed = hub.connector::<Azure>("closed").await.expect("open");
    let reach = async || closed.resource::<CosmosDb>("strictdb").await.expect("an id").reach().await;
    reach().await.expect("reached");
    setting.clock.advance(HOUR);
    let ahead = reach().await.expect_err("a signature of another time");
    assert!(ahead.to_string().contains("ahead of Azure's"), "{ahead}");
    azure.advance(HOUR);
    azure.refuse_cosmos_keys("strictdb");
    let refused = reach().await.expect_err("no keys");
    assert!(refused.to_string().contains("it takes no keys"), "{refused}");
    assert!(!format!("{ahead:?}{refused:?}").contains(&key));
}
