//! `Debug` of every public type of Azure's that can hold a secret.

use connector_core::{AuthMethod, Credential as _, Document, Expiry, Grant, Issued, Secret};
use connector_store::KeySource;
use connector_tests::canary::Canary;
use connector_tests::strict_azure::{StrictAzure, TENANT};
use connectors::Hub;
use connectors::azure::auth::{
    AccessToken, Certificate, ConnectionString, Implicit, ManagedIdentity, ServicePrincipal, UserAccount,
    WorkloadIdentity,
};
use connectors::azure::azure_core::credentials::TokenCredential;
use connectors::azure::{Azure, AzureCredential, Shown};
use connectors::hub::{self, Draft, Registration};
use serde_json::{Value, json};

use super::CLIENT;
use crate::leaks::shown::Printed;

fn method<M: AuthMethod>(config: Value) -> M {
    serde_json::from_value(config).expect("fields of their types")
}

/// Where a secret may have slipped to: fields of the place, which are no secrets when they are right.
fn misplaced(secret: &str, more: Value) -> Value {
    let mut config = json!({
        "tenant_id": TENANT, "subscription_id": secret, "resource_group": secret, "storage_account": secret,
        "cloud": secret, "authority_url": format!("https://user:{secret}@host.example"), "endpoint_url": secret,
        "endpoints": { "blob": secret, secret: "x" }, "ca_bundle": secret,
    });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    config
}

/// C10, S31: methods, right and wrong.
#[test]
fn c10_s31_debug_of_azures_methods_shows_no_secret() {
    let canary = Canary::generate("held");
    let secret = canary.secret();
    let mut printed = Printed::new(&canary);
    let config = json!({ "client_id": CLIENT, "client_secret": secret, "client_certificate": secret });
    printed.add("ServicePrincipal", &method::<ServicePrincipal>(misplaced(secret, config)));
    printed.add("the refusal of another text", &Certificate::parse(&Secret::new(secret)));
    // The path of a file is any text, and is shown.
    let config = misplaced(secret, json!({ "client_id": CLIENT, "federated_token": secret }));
    printed.add("WorkloadIdentity", &method::<WorkloadIdentity>(config));
    let config = misplaced(secret, json!({ "refresh_token": secret }));
    printed.add("UserAccount", &method::<UserAccount>(config));
    let config = json!({ "token": secret, "expires_at": "2099-01-01T00:00:00Z" });
    printed.add("AccessToken", &method::<AccessToken>(misplaced(secret, config)));
    printed.add("Implicit", &method::<Implicit>(misplaced(secret, json!({}))));
    printed.add("ManagedIdentity", &method::<ManagedIdentity>(misplaced(secret, json!({}))));
    for text in [
        secret.to_owned(),
        format!("AccountName=zenfiles;AccountKey={secret}"),
        format!("AccountName=zenfiles;AccountKey={}", base64(secret)),
        format!(
            "BlobEndpoint=https://zenfiles.blob.core.windows.net/;SharedAccessSignature=sv=2025-01-05&sig={secret}"
        ),
        format!("AccountEndpoint=https://zen.documents.azure.com/;AccountKey={}", base64(secret)),
    ] {
        let config = misplaced(secret, json!({ "connection_string": text }));
        printed.add("ConnectionString", &method::<ConnectionString>(config));
    }
    printed.assert_clean(12);
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// C10, S31: certificates with keys, of which no line may show.
#[test]
fn c10_s31_debug_of_azures_keys_shows_no_line_of_them() {
    let azure = StrictAzure::start();
    azure.add_app(TENANT, CLIENT);
    let made = azure.add_certificate(CLIENT);
    let text = format!("{}{}", made.certificate, made.key);
    let lines: Vec<_> =
        azure.confidential().into_iter().filter(|it| made.key.contains(it.as_str())).collect();
    assert!(lines.len() > 10, "lines of a key");
    for line in &lines {
        let mut printed = Printed::new(&Canary::of("a line of the key", line));
        printed.add("Certificate", &Certificate::parse(&Secret::new(text.as_str())));
        let config = json!({ "tenant_id": TENANT, "client_id": CLIENT, "client_certificate": text });
        printed.add("ServicePrincipal", &method::<ServicePrincipal>(config));
        // Cut off, so that it is refused.
        let half = &text[..text.len() * 2 / 3];
        printed.add("the refusal of a half", &Certificate::parse(&Secret::new(half)));
        printed.assert_clean(3);
    }
}

/// C10, S31: what is issued, and what is open to issue it.
#[tokio::test]
async fn c10_s31_debug_of_what_azure_issues_shows_no_secret() {
    let canary = Canary::of("held", &connector_tests::random::secret(60));
    let secret = canary.secret();
    let mut printed = Printed::new(&canary);
    for shown in [
        Shown::Token { token: secret.into(), audience: super::MANAGEMENT.to_owned() },
        Shown::Signature(secret.into()),
        Shown::ConnectionString(secret.into()),
    ] {
        printed.add("Shown", &shown);
        let credential = AzureCredential::new(shown);
        printed.add("AzureCredential", &credential);
        let issued = Issued::new(credential, Expiry::At(std::time::SystemTime::UNIX_EPOCH));
        printed.add("Issued", &issued);
        printed.add("EnvironmentForm", &AzureCredential::environment(&issued).expect("it has one"));
    }

    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = hub::Options::new(folder.path()).with_key(KeySource::File(folder.path().join("key")));
    let hub = Hub::open(options).await.expect("a new store");
    let config = json!({
        "token": secret, "expires_at": "2099-01-01T00:00:00Z", "audience": super::MANAGEMENT, "tenant_id": TENANT,
    });
    let document =
        Document::draft("x", "azure", "access-token", config.as_object().cloned().expect("an object"));
    hub.register(Draft::new(document), Registration::Unverified).await.expect("in order");
    let connector = hub.connector::<Azure>("x").await.expect("it is one");
    printed.add("Connector", &connector);
    printed.add("Session", &connector.session().await.expect("it needs no call"));
    let grant = Grant::new("azure-generic", connector_tests::strict_azure::SUBSCRIPTION);
    let handle = hub.handle("x", grant).await.expect("a handle");
    let envelope = handle.envelope().await.expect("it needs no call");
    assert!(envelope.to_json().expose().contains(secret), "it is in there");
    printed.add("Envelope", &envelope);
    printed.add("AnyHandle", &handle);
    let tokens = handle.client::<std::sync::Arc<dyn TokenCredential>>().await.expect("a credential");
    let scope = format!("{}/.default", super::MANAGEMENT);
    let token = tokens.get_token(&[&scope], None).await.expect("a token");
    assert_eq!(token.token.secret(), secret, "it is in there");
    printed.add("azure_core's TokenCredential", &tokens);
    printed.add("azure_core's AccessToken", &token);
    printed.assert_clean(18);
}
