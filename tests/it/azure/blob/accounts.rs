//! Finding containers: accounts side by side, and what stands in the way of some.

use connector_core::{ErrorKind, Grant};
use connector_tests::fault::Fault;
use connector_tests::loopback::{Answer, Call};
use connector_tests::strict_azure::{SUBSCRIPTION, TENANT};
use connectors::azure::resource::BlobContainer;

use super::{Setting, grant};

const OTHER: &str = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/// S15: sixteen accounts are asked side by side, to the last page; one that is closed hides none of the others.
#[tokio::test(flavor = "multi_thread")]
async fn s15_sixteen_accounts_are_asked_side_by_side() {
    let setting = Setting::new();
    let azure = &setting.azure;
    azure.grant(&setting.principal, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    let many = azure.add_group(SUBSCRIPTION, "many");
    for number in 0..14 {
        let name = format!("many{number:02}");
        azure.add_storage_account(&many, &name);
        for container in ["one", "two", "three"] {
            azure.add_container(&name, container);
        }
    }
    azure.limit_pages(Some(15));
    // One account is closed, and who asks the others one after the other is never answered.
    let closed = Answer::empty(403).with_header("x-ms-error-code", "AuthorizationPermissionMismatch");
    azure.faults().on(None, Fault::Answer(closed), |call: &Call| call.path == "/blob/many07/");
    azure.answer_together(15, "/");
    let listed = setting.connector().list::<BlobContainer>().await.expect("a list");
    assert_eq!(listed.ids.len(), 13 * 3 + 2 * 2, "{listed:?}");
    assert!(listed.ids.contains(&"az://many13/two".to_owned()));
    assert_eq!(listed.failures.len(), 1, "{listed:?}");
    assert_eq!(listed.failures[0].place, "storage account many07");
    let error = &listed.failures[0].error;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("containers/read"), "{error}");
}

/// A name alone is looked for everywhere; two that have it are candidates, and a subscription that is closed hides nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_completed_over_all_subscriptions() {
    let setting = Setting::owning();
    let azure = &setting.azure;
    azure.grant(&setting.principal, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    azure.add_subscription(TENANT, OTHER, "other");
    let group = azure.add_group(OTHER, "elsewhere");
    azure.grant(&setting.principal, "Reader", &format!("/subscriptions/{OTHER}"));
    azure.grant(&setting.principal, "Storage Blob Data Reader", &group);
    azure.add_storage_account(&group, "elsewhere");
    azure.add_container("elsewhere", "unique");
    let connector = setting.connector();
    // The connector is for the first subscription alone.
    let error =
        connector.resource::<BlobContainer>(grant("unique")).await.expect_err("of another subscription");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error =
        connector.resource::<BlobContainer>(grant("az://data")).await.expect_err("two have this name");
    assert!(error.to_string().contains("az://zenfiles/data, az://zenlake/data"), "{error}");
    azure.add_container("zenlake", "lake-only");
    let handle =
        connector.resource::<BlobContainer>(grant("abfs://lake-only/a/b")).await.expect("one has it");
    let found: Grant = handle.grant();
    assert_eq!(found.resource_id.as_deref(), Some("az://zenlake/lake-only"));
    assert_eq!(found.within.as_deref(), Some("a/b"));
}

/// The least calls: a token for storage, a key, and nothing else; what was said in full is not looked up.
#[tokio::test(flavor = "multi_thread")]
async fn issuing_takes_two_calls() {
    let setting = Setting::owning();
    let connector = setting.connector();
    let handle = connector.resource::<BlobContainer>(grant("az://zenfiles/data")).await.expect("an id");
    assert_eq!(setting.asked(), [""; 0], "a complete id waits for nothing");
    handle.issue().await.expect("a signature");
    let token = format!("POST /{TENANT}/oauth2/v2.0/token");
    assert_eq!(setting.asked(), [token.as_str(), "POST /blob/zenfiles/"]);
    handle.issue().await.expect("the same");
    assert_eq!(setting.asked(), [""; 0]);
    let part = connector.resource::<BlobContainer>(grant("az://zenlake/data/a")).await.expect("an id");
    part.issue().await.expect("a signature");
    let asked = setting.asked();
    assert_eq!(asked[..2], [token.as_str(), "POST /blob/zenlake/"]);
    assert!(
        asked.len() == 3 && asked[2].starts_with("HEAD /blob/zenlake/data/a/"),
        "one look more: {asked:?}"
    );
}
