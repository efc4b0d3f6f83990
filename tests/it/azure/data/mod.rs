//! Data of Key Vault and of Cosmos DB, over TLS: our own calls, Azure's clients for Rust with tokens of ours, and
//! Microsoft's Python libraries with a token that was issued here.

mod clients;
mod cosmos;
mod secrets;

use std::time::Duration;

use connector_core::ErrorKind;
use connector_tests::fault::Fault;
use connector_tests::loopback::{Answer, Call, Loopback};
use connector_tests::strict_azure::SUBSCRIPTION;
use connectors::azure::resource::{CosmosDb, StoredSecret};
use serde_json::json;

use super::lab::Lab;

const HOUR: Duration = Duration::from_secs(3600);

/// A lab with two vaults and an account of Cosmos DB, whose application sees what is there and reaches none of it.
struct Setting {
    lab: Lab,
    /// The scopes of the vault `strict-zen` and of the account `strictdb`.
    vault: String,
    account: String,
}

impl std::ops::Deref for Setting {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Setting {
    fn new() -> Self {
        let lab = Lab::new();
        let azure = &lab.azure;
        let vault = azure.add_vault(&lab.group, "strict-zen");
        azure.put_secret("strict-zen", "db-password", "s3cr3t");
        azure.add_vault(&lab.group, "strict-shut");
        let account = azure.add_cosmos(&lab.group, "strictdb");
        azure.add_cosmos_container("strictdb", "shop", "orders", "/customer");
        lab.grant("Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
        Self { lab, vault, account }
    }

    /// For which services tokens were asked, since the last time.
    fn scopes(&self) -> Vec<String> {
        let calls = self.azure.calls().take();
        let asked = calls.iter().filter(|call| call.path.ends_with("/oauth2/v2.0/token"));
        asked.filter_map(|call| call.parameter("scope")).collect()
    }
}

fn id(vault: &str, secret: &str) -> String {
    format!("https://{vault}.vault.azure.net/secrets/{secret}")
}

/// C17, C18: nothing is sent to whom nobody trusts, and no answer sends a token elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn c18_tokens_go_to_the_services_of_the_connector_alone() {
    let setting = Setting::new();
    let azure = &setting.azure;
    setting.grant("Key Vault Secrets User", &setting.vault);
    setting.grant("Cosmos DB Built-in Data Reader", &setting.account);
    let strangers = Loopback::start(|_: &Call| Answer::json(200, &json!({ "value": "stolen", "id": "x" })));
    let elsewhere =
        |path: &str| Answer::empty(307).with_header("location", format!("{}{path}", strangers.url()));
    let is_data = |call: &Call| call.path.starts_with("/vault/") || call.path.starts_with("/cosmos/");
    azure.faults().on(Some(2), Fault::Answer(elsewhere("/")), is_data);
    let connector = setting.connector();
    let secret = connector.resource::<StoredSecret>("strict-zen/db-password").await.expect("completed");
    let account = connector.resource::<CosmosDb>("strictdb").await.expect("an id");
    for error in [secret.reach().await.expect_err("sent away"), account.reach().await.expect_err("sent away")]
    {
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    }
    secret.reach().await.expect("reached");
    account.reach().await.expect("reached");
    assert_eq!(strangers.calls().count(), 0);

    azure.calls().take();
    let trusting_nobody = setting.with(json!({ "ca_bundle": null }), &[]);
    let handle = trusting_nobody.resource::<CosmosDb>("strictdb").await.expect("an id");
    let error = handle.issue().await.expect_err("nobody trusts it");
    assert!(format!("{error:?}").contains("failed the TLS check"), "{error:?}");
    assert_eq!(azure.calls().count(), 0);
}
