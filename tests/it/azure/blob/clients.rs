//! Real clients with what is issued: Azure's own for Rust, across the ends of its signatures, and for Python.

use std::time::Duration;

use connector_core::{Access, Credential};
use connector_tests::process::Finished;
use connector_tests::strict_azure::TENANT;
use connector_tests::{install, process, skip};
use connectors::azure::azure_storage_blob::BlobContainerClient;
use connectors::azure::azure_storage_blob::models::BlobContainerClientListBlobsOptions;
use connectors::azure::resource::BlobContainer;
use futures_util::TryStreamExt as _;
use serde_json::json;

use super::{CONTENT, Setting, grant};

/// The names of the blobs, or the status of the refusal.
pub(super) async fn names(client: &BlobContainerClient, prefix: Option<&str>) -> Result<Vec<String>, u16> {
    let options =
        BlobContainerClientListBlobsOptions { prefix: prefix.map(str::to_owned), ..Default::default() };
    let pager = client.list_blobs(Some(options)).map_err(|error| status(&error))?;
    let blobs: Vec<_> = pager.try_collect().await.map_err(|error| status(&error))?;
    Ok(blobs.into_iter().filter_map(|it| it.name).collect())
}

/// The content of a blob, or the status of the refusal.
pub(super) async fn content(client: &BlobContainerClient, name: &str) -> Result<Vec<u8>, u16> {
    let answer = client.blob_client(name).download(None).await.map_err(|error| status(&error))?;
    Ok(answer.body.collect().await.map_err(|error| status(&error))?.to_vec())
}

pub(super) async fn upload(client: &BlobContainerClient, name: &str, text: &str) -> Result<(), u16> {
    let content = hyper::body::Bytes::copy_from_slice(text.as_bytes()).into();
    client.blob_client(name).upload(content, None).await.map(drop).map_err(|error| status(&error))
}

fn status(error: &connectors::azure::azure_core::Error) -> u16 {
    error.http_status().map_or_else(|| panic!("no answer: {error:?}"), u16::from)
}

/// S32, S49: one client goes on over the ends of its signatures, with one token and one key for each, over TLS with the
/// connector's own certificates.
#[tokio::test(flavor = "multi_thread")]
async fn s32_s49_a_client_outlives_its_signatures() {
    let setting = Setting::owning();
    let wanted = grant("az://zenfiles/data").with_access(Access::Write);
    let handle = setting.connector().resource::<BlobContainer>(wanted).await.expect("an id");
    let client: BlobContainerClient = handle.client().await.expect("a client");
    for life in 0..3 {
        assert_eq!(
            content(&client, "a/1.txt").await.expect("may be read"),
            CONTENT.as_bytes(),
            "life {life}"
        );
        let name = format!("b/{life} of them");
        upload(&client, &name, "new").await.expect("may be written");
        assert_eq!(content(&client, &name).await.expect("may be read"), b"new");
        assert_eq!(names(&client, Some("b/")).await.expect("may be listed").len(), life + 2);
        let calls = setting.asked();
        let tokens = calls.iter().filter(|it| it.contains("/oauth2/")).count();
        let keys = calls.iter().filter(|it| *it == "POST /blob/zenfiles/").count();
        assert_eq!((tokens, keys), (1, 1), "one of each for each life: {calls:?}");
        setting.advance(Duration::from_secs(3600));
    }
    // Its keys are revoked: one request is refused, and the next one has another signature.
    content(&client, "a/1.txt").await.expect("may be read");
    setting.azure.revoke_delegation_keys("zenfiles");
    assert_eq!(content(&client, "a/1.txt").await, Err(403));
    assert_eq!(content(&client, "a/1.txt").await.expect("may be read again"), CONTENT.as_bytes());
}

/// S34, C1: what an account's key signs is let through in its container alone; the key leaves nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn s34_an_accounts_key_signs_for_one_container() {
    let setting = Setting::new();
    let key = setting.azure.account_key("zenfiles");
    let connector = setting.with_key("zenfiles");
    let listed = connector.list::<BlobContainer>().await.expect("a list");
    assert_eq!(listed.ids, ["az://zenfiles/data", "az://zenfiles/data2"]);
    let handle = connector.resource::<BlobContainer>(grant("data")).await.expect("completed");
    handle.reach().await.expect("reached");
    setting.asked();
    let client: BlobContainerClient = handle.client().await.expect("a client");
    assert_eq!(setting.asked(), [""; 0], "signed without a call");
    assert_eq!(content(&client, "a/1.txt").await.expect("may be read"), CONTENT.as_bytes());
    assert_eq!(upload(&client, "a/new", "new").await, Err(403), "to read was asked");
    let issued = handle.issue().await.expect("a signature");
    let mut fields = connector_core::Fields::default();
    issued.credential.export(&mut fields);
    let sas = fields.secret_field("sas_token").expect("a signature");
    assert!(!sas.expose().contains(&key));
    setting.azure.refuse_shared_keys("zenfiles");
    assert_eq!(content(&client, "a/1.txt").await, Err(403));
    let error = handle.reach().await.expect_err("no keys are taken");
    assert!(format!("{error} {:?}", error.causes()).contains("takes no keys"), "{error:?}");
}

/// Reads with Microsoft's library for Python, from the variables that are issued.
pub(super) fn by_python(what: &str, handed: &connector_core::EnvironmentForm, ca: &str) -> Option<Finished> {
    let python = match install::python() {
        Ok(python) => python,
        Err(reason) => {
            skip::skip(what, reason);
            return None;
        }
    };
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(home.path().join("ca.pem"), ca).expect("a new folder can be written");
    let mut command = python.python(home.path());
    for (name, value) in &handed.set {
        command.env(name, value.expose());
    }
    command.env("CA", home.path().join("ca.pem"));
    Some(process::run(command.args(["-c", include_str!("client.py")])))
}

/// Microsoft's own library is let into the container, and refused beside it.
#[tokio::test(flavor = "multi_thread")]
async fn the_library_for_python_reads_its_container_alone() {
    let setting = Setting::owning();
    let handle =
        setting.connector().resource::<BlobContainer>(grant("az://zenfiles/data")).await.expect("an id");
    let issued = handle.issue().await.expect("a signature");
    let form = connectors::azure::AzureCredential::environment(&issued).expect("variables");
    let Some(told) = by_python("the_library_for_python_reads_its_container_alone", &form, setting.azure.ca())
    else {
        return;
    };
    let told = told.expect_success().json();
    let expected = json!({
        "listed": ["a/1.txt", "ab/2.txt", "b/4.txt"],
        "read": CONTENT,
        "written": 403,
        "beside, listed": 403,
        "beside, read": 403,
        "containers": 403,
        "by account and signature": ["a/1.txt", "ab/2.txt", "b/4.txt"],
    });
    assert_eq!(told, expected);
    assert!(
        setting.azure.calls().matching(|it| it.path.contains(TENANT)).len() == 1,
        "one token, for the connector"
    );
}
