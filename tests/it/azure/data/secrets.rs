//! Secrets of Key Vault.

use connector_core::{ErrorKind, SecretReader};
use connector_tests::strict_azure::TENANT;
use connectors::azure::resource::StoredSecret;

use super::{HOUR, Setting, id};

const OTHER: &str = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/// S64, S32: a secret is read over TLS with a token for Key Vault that is asked for once per life; a new version is read
/// at once, and a role that is missing is named.
#[tokio::test(flavor = "multi_thread")]
async fn s64_a_secret_is_read_with_a_token_for_key_vault() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let connector = setting.connector();
    let handle = connector.resource::<StoredSecret>("strict-zen/db-password").await.expect("completed");
    assert_eq!(handle.grant().resource_id.as_deref(), Some(id("strict-zen", "db-password").as_str()));
    let error = handle.reach().await.expect_err("no role");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.hint().is_some_and(|it| it.contains("Key Vault Secrets User on vault strict-zen")),
        "{error:?}"
    );
    // Of the control plane alone: it does not reach secrets.
    setting.grant("Owner", &setting.vault);
    assert_eq!(handle.reach().await.expect_err("no role for data").kind(), ErrorKind::Refused);
    setting.grant("Key Vault Secrets User", &setting.vault);
    handle.reach().await.expect("reached");

    let reader: SecretReader = handle.client().await.expect("a reader");
    setting.scopes();
    for value in ["s3cr3t", "another", "a third\nline"] {
        if value != "s3cr3t" {
            azure.put_secret("strict-zen", "db-password", value);
        }
        for _ in 0..2 {
            assert_eq!(reader.read().await.expect("a value").expose(), value);
        }
        assert_eq!(
            setting.scopes(),
            ["https://vault.azure.net/.default"],
            "one token per life, and no other"
        );
        setting.advance(2 * HOUR);
    }
    azure.disable_secret("strict-zen", "db-password");
    let error = reader.read().await.expect_err("disabled");
    assert!(error.hint().is_some_and(|it| it.contains("is disabled")), "{error:?}");
    let missing = connector.resource::<StoredSecret>("strict-zen/none").await.expect("completed");
    assert_eq!(missing.reach().await.expect_err("not there").kind(), ErrorKind::NotFound);
    let missing = connector.resource::<StoredSecret>("strict-none/none").await.expect("completed");
    assert_eq!(missing.reach().await.expect_err("not there").kind(), ErrorKind::NotFound);
}

/// S15: vaults of all subscriptions are listed side by side and to the last page; a vault and a subscription that let
/// nobody in are named, and hide none of the others.
#[tokio::test(flavor = "multi_thread")]
async fn s15_vaults_are_listed_side_by_side_over_what_is_shut() {
    let setting = Setting::new();
    let azure = &setting.azure;
    azure.add_subscription(TENANT, OTHER, "Other");
    let group = azure.add_group(OTHER, "lab");
    for number in 0..10 {
        let name = format!("strict-{number}");
        let scope = azure.add_vault(&group, &name);
        azure.put_secret(&name, "a", "x");
        azure.put_secret(&name, "b", "x");
        setting.grant("Key Vault Secrets User", &scope);
    }
    setting.grant("Key Vault Secrets User", &setting.vault);
    setting.grant("Reader", &format!("/subscriptions/{OTHER}"));
    let connector = setting.connector();
    azure.limit_pages(Some(1));
    let paged = connector.list::<StoredSecret>().await.expect("a list");
    azure.limit_pages(None);
    // Who asks one after the other is never answered.
    azure.answer_together(12, "/secrets");
    let listed = connector.list::<StoredSecret>().await.expect("a list");
    assert_eq!(listed.ids, paged.ids);
    let mut expected: Vec<_> =
        (0..10).flat_map(|it| ["a", "b"].map(|name| id(&format!("strict-{it}"), name))).collect();
    expected.push(id("strict-zen", "db-password"));
    assert_eq!(listed.ids, expected);
    let shut: Vec<_> = listed.failures.iter().map(|it| (it.place.as_str(), it.error.kind())).collect();
    assert_eq!(shut, [("strict-shut", ErrorKind::Refused)]);
    let error = connector.resource::<StoredSecret>("a").await.expect_err("many vaults");
    assert!(error.hint().is_some_and(|it| it.contains("strict-0/a")), "{error:?}");
}
