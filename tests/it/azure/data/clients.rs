//! One credential of Azure's for every service, and Microsoft's Python libraries with an issued token.

use std::sync::Arc;

use connector_core::{Document, ErrorKind, Grant};
use connector_tests::strict_azure::{SUBSCRIPTION, TENANT};
use connector_tests::{install, process, skip};
use connectors::Hub;
use connectors::azure::AzureTokens;
use connectors::azure::azure_core::credentials::TokenCredential;
use connectors::azure::resource::{CosmosDb, StoredSecret};
use connectors::hub::{Draft, Options, Registration};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{HOUR, Setting, id};
use crate::azure::lab::APP;

/// A hub with the program as the connector `data`.
async fn stored(setting: &Setting, home: &TempDir) -> Hub {
    let hub =
        Hub::open(Options::new(home.path()).with_context(setting.context())).await.expect("a fresh store");
    let config = json!({
        "tenant_id": TENANT, "client_id": APP, "client_secret": setting.secret, "subscription_id": SUBSCRIPTION,
        "endpoint_url": setting.azure.url(), "ca_bundle": setting.azure.ca(),
    });
    let Value::Object(config) = config else { unreachable!("an object") };
    let document = Document::draft("data", "azure", "service-principal", config);
    hub.register(Draft::new(document), Registration::Verified).await.expect("registered");
    hub
}

async fn token(tokens: &dyn TokenCredential, scope: &str) -> Result<String, String> {
    let token = tokens.get_token(&[scope], None).await;
    let told = |error: connectors::azure::azure_core::Error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    };
    token.map(|it| it.token.secret().to_owned()).map_err(told)
}

/// S49, S68: clients are had by the names of their types. One credential of Azure's serves every service, with a token
/// for each that is good there alone; when the connector is disabled it gives none, and goes on when it is enabled.
#[tokio::test(flavor = "multi_thread")]
async fn s49_one_credential_serves_every_service_and_follows_its_connector() {
    let setting = Setting::new();
    let azure = &setting.azure;
    setting.grant("Key Vault Secrets User", &setting.vault);
    let home = tempfile::tempdir().expect("a folder");
    let hub = stored(&setting, &home).await;
    let tokens: AzureTokens =
        hub.client("data", Grant::new("azure-generic", SUBSCRIPTION)).await.expect("a credential");
    let scopes = [
        "https://management.azure.com/.default",
        "https://vault.azure.net/.default",
        "https://storage.azure.com/.default",
        "https://strictdb.documents.azure.com/.default",
        "https://cosmos.azure.com/.default",
    ];
    for _ in 0..2 {
        setting.scopes();
        for scope in scopes.iter().chain(&scopes) {
            let token = token(&tokens, scope).await.expect("a token");
            let (oid, audience) = azure.owner(&token).expect("of this server");
            assert_eq!((oid, format!("{audience}/.default")), (setting.robot.clone(), (*scope).to_owned()));
        }
        assert_eq!(setting.scopes(), scopes, "each is asked for once per life");
        setting.advance(2 * HOUR);
    }
    let read = async || hub.read_secret("data", "strict-zen/db-password").await;
    assert_eq!(read().await.expect("a value").expose(), "s3cr3t");
    let secret = Grant::new("secret", id("strict-zen", "db-password"));
    let of_secret: Arc<dyn TokenCredential> = hub.client("data", secret).await.expect("a credential");
    token(&*of_secret, scopes[1]).await.expect("a token");
    assert!(token(&*of_secret, scopes[0]).await.expect_err("another service").contains("the token is for"));

    hub.set_enabled("data", false).await.expect("disabled");
    for tokens in [&tokens as &dyn TokenCredential, &*of_secret] {
        let error = token(tokens, scopes[1]).await.expect_err("disabled");
        assert!(error.contains("`data` is disabled"), "{error}");
    }
    assert_eq!(read().await.expect_err("disabled").kind(), ErrorKind::Disabled);
    hub.set_enabled("data", true).await.expect("enabled");
    for tokens in [&tokens as &dyn TokenCredential, &*of_secret] {
        token(tokens, scopes[1]).await.expect("a token");
    }
    let error = hub
        .client::<String>("data", Grant::new("azure-generic", SUBSCRIPTION))
        .await
        .expect_err("no such client");
    assert!(error.to_string().contains("AzureTokens"), "{error}");
}

/// S49: Microsoft's own Python libraries read a secret and items with a token that was issued here, and may do no more
/// than the roles of the connector's identity.
#[tokio::test(flavor = "multi_thread")]
async fn s49_python_reads_key_vault_and_cosmos_db_with_an_issued_token() {
    let python = match install::python() {
        Ok(python) => python,
        Err(reason) => {
            return skip::skip("s49_python_reads_key_vault_and_cosmos_db_with_an_issued_token", reason);
        }
    };
    let setting = Setting::new();
    let azure = &setting.azure;
    setting.grant("Key Vault Secrets User", &setting.vault);
    setting.grant("Cosmos DB Built-in Data Reader", &setting.account);
    let connector = setting.connector();
    let home = tempfile::tempdir().expect("a folder");
    let ca = home.path().join("ca.pem");
    std::fs::write(&ca, azure.ca()).expect("a file");
    let run = |arguments: &[&str], token: &str, endpoint: &str| -> Value {
        let mut command = python.python(home.path());
        command.args(["-c", include_str!("data.py")]).args(arguments).args([endpoint]);
        command.env("REQUESTS_CA_BUNDLE", &ca);
        process::run_with_input(&mut command, token.as_bytes()).expect_success().json()
    };
    let refused = |told: &Value, words: &str| {
        assert!(told["refused"].as_str().is_some_and(|it| it.contains(words)), "{told}");
    };

    let handle = connector.resource::<StoredSecret>("strict-zen/db-password").await.expect("completed");
    let issued = handle.issue().await.expect("a token");
    let (vault, _) = issued.credential.token().expect("a token");
    let vault = vault.expose();
    let endpoint = issued.credential.endpoint.clone().expect("its vault");
    assert_eq!(run(&["secret", "db-password"], vault, &endpoint), json!({ "result": "s3cr3t" }));
    assert_eq!(run(&["secrets"], vault, &endpoint), json!({ "result": ["db-password"] }));
    refused(&run(&["set", "db-password"], vault, &endpoint), "ForbiddenByRbac");
    refused(&run(&["secret", "none"], vault, &endpoint), "SecretNotFound");
    // Every vault is reached by the same token, as far as the identity is let in: the answer said so.
    let shut = endpoint.replace("strict-zen", "strict-shut");
    refused(&run(&["secrets"], vault, &shut), "ForbiddenByRbac");

    let handle = connector.resource::<CosmosDb>("strictdb").await.expect("an id");
    let issued = handle.issue().await.expect("a token");
    let (cosmos, _) = issued.credential.token().expect("a token");
    let cosmos = cosmos.expose();
    let endpoint = issued.credential.endpoint.clone().expect("its account");
    refused(&run(&["upsert", "1"], cosmos, &endpoint), "does not have required RBAC permissions");
    setting.grant("Cosmos DB Built-in Data Contributor", &setting.account);
    assert_eq!(run(&["upsert", "1"], cosmos, &endpoint), json!({ "result": "1" }));
    assert_eq!(run(&["read", "1"], cosmos, &endpoint), json!({ "result": { "id": "1", "customer": "zen" } }));
    refused(&run(&["make"], cosmos, &endpoint), "does not have required RBAC permissions");
    // One for another service opens nothing here.
    refused(&run(&["read", "1"], vault, &endpoint), "audience");
}
