//! An account of Cosmos DB by its connection string, against a strict Azure.

use connector_core::{Access, Allow, Connector, ErrorKind, Terms, Wanted};
use connectors::azure::auth::ConnectionString;
use connectors::azure::resource::CosmosDb;
use connectors::azure::{Azure, Shown};
use serde_json::json;

use super::lab::Lab;

fn connector(lab: &Lab, key: &str) -> Connector<Azure> {
    let text = format!("AccountEndpoint=https://strictdb.documents.azure.com:443/;AccountKey={key};");
    let config = json!({
        "connection_string": text, "endpoint_url": lab.azure.url(), "ca_bundle": lab.azure.ca(),
    });
    let method: ConnectionString = serde_json::from_value(config).expect("a config");
    Connector::with_terms(lab.context(), method, Terms::default().with_allow(Allow::LongLived))
}

/// S20, S34: the key signs a call that the account takes, and is handed on marked; one that was regenerated is told.
#[tokio::test]
async fn s20_s34_an_account_takes_its_connection_string() {
    let lab = Lab::new();
    lab.azure.add_cosmos(&lab.group, "strictdb");
    let (key, _) = lab.azure.cosmos_keys("strictdb");
    let good = connector(&lab, &key);
    let handle = good.resource::<CosmosDb>("").await.expect("its own account");
    let wanted = Wanted::new(Access::Write);
    good.reach(handle.resource(), &wanted).await.expect("reached");
    assert_eq!(lab.calls(), ["GET /cosmos/strictdb/"], "one call");
    let issued = handle.issue().await.expect("issued");
    let Shown::ConnectionString(text) = &issued.credential.shown else { panic!("{issued:?}") };
    let url = lab.azure.url();
    assert_eq!(text.expose(), format!("AccountEndpoint={url}/cosmos/strictdb/;AccountKey={key};"));
    assert!(issued.long_lived && !issued.narrowing().is_narrowed());

    let other = connector(&lab, "aHVudGVyMi0wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc=");
    let error = other.reach(handle.resource(), &wanted).await.expect_err("another key");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("the key is not taken"), "{error}");
    assert!(!format!("{error:?}").contains("aHVudGVyMi0"), "{error:?}");
}
