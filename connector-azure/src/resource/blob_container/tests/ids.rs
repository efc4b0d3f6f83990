use connector_conformance::ids::{Found, check_accepted, check_refused, check_total, exact, part, partial};
use connector_conformance::{Scripted, assert_silent};
use connector_core::ErrorKind;

use super::*;
use crate::names::{Cloud, StorageAccount};
use crate::resource::testing::{call, place, session_at};
use crate::session::Place;

const PUBLIC: &str = "https://zenfiles.blob.core.windows.net/data";

fn partial_part(text: &str, within: &str) -> Found {
    Found::Partial(text.to_owned(), Some(within.to_owned()))
}

/// S17: every form of one container becomes `az://{account}/{container}`; what leaves out the account, or says a cloud,
/// is completed or compared by a session.
#[test]
fn s17_accepted_forms() {
    let longest = "a".repeat(63);
    check_accepted::<BlobContainer>(&[
        ("az://zenfiles/data", exact("az://zenfiles/data"), "canonical"),
        ("az://zenfiles/data/", exact("az://zenfiles/data"), "a slash names no part"),
        ("az://zenfiles/data/a/b", part("az://zenfiles/data", "a/b"), "a path is the part"),
        ("az://zenfiles/data/a/b/", part("az://zenfiles/data", "a/b/"), "a directory with its slash"),
        ("az://zenfiles/data/日本", part("az://zenfiles/data", "日本"), "blobs have names in every script"),
        ("az://zenfiles/data/a%2Fb", part("az://zenfiles/data", "a%2Fb"), "nothing is decoded here"),
        ("az://zenfiles/$web/a", part("az://zenfiles/$web", "a"), "Azure's own containers"),
        ("az://data", partial("data"), "the account is to be found"),
        ("az://data/", partial("data"), "a slash names nothing more"),
        ("az://my-data", partial("my-data"), "a name that no account has"),
        ("data", partial("data"), "the name alone"),
        (&longest, partial(&longest), "63 characters"),
        ("abfs://data", partial("data"), "as libraries write it whose account is elsewhere"),
        ("abfs://data/a/b", partial_part("data", "a/b"), "the same with a part"),
        ("abfss://data@zenfiles.dfs.core.windows.net", partial(PUBLIC), "as Spark writes it"),
        ("abfs://data@zenfiles.dfs.core.windows.net/a/b/", partial_part(PUBLIC, "a/b/"), "and its part"),
        ("abfss://data@zenfiles.blob.core.windows.net", partial(PUBLIC), "the other host of the account"),
        (PUBLIC, partial(PUBLIC), "a URL"),
        ("https://ZenFiles.Blob.Core.Windows.Net/data/", partial(PUBLIC), "hosts are small or large"),
        (
            "https://zenfiles.blob.core.windows.net/data/a%20b/%E6%97%A5",
            partial_part(PUBLIC, "a b/日"),
            "URLs are encoded",
        ),
        ("https://zenfiles.dfs.core.windows.net/data", partial(PUBLIC), "the URL of a file system"),
        (
            "https://zenfiles.blob.core.usgovcloudapi.net/data",
            partial("https://zenfiles.blob.core.usgovcloudapi.net/data"),
            "the government's cloud",
        ),
        (
            "abfss://data@zenfiles.dfs.core.chinacloudapi.cn/a",
            partial_part("https://zenfiles.blob.core.chinacloudapi.cn/data", "a"),
            "China's cloud",
        ),
    ]);
}

/// S17: anything else is a validation error that says which rule is broken, and shows no signature.
#[test]
fn s17_refused_forms() {
    let long = "a".repeat(64);
    check_refused::<BlobContainer>(&[
        ("", "3 to 63", "nothing"),
        ("ab", "3 to 63", "two characters"),
        (&long, "3 to 63", "64 characters"),
        ("Data", "no upper-case", "upper case"),
        ("my--data", "no two hyphens", "two hyphens"),
        ("-data", "begins and ends", "a hyphen in front"),
        ("my_data", "alone", "an underscore"),
        ("da ta", "alone", "a blank"),
        ("data\n", "alone", "a control character"),
        ("$other", "alone", "not one of Azure's own"),
        ("zenfiles/data", "az://ACCOUNT/", "a path without a scheme"),
        ("/subscriptions/x/resourceGroups/y", "az://ACCOUNT/", "an id of Resource Manager"),
        ("az://", "3 to 63", "no name"),
        ("az:///data", "3 to 24", "no account before the container"),
        ("az://zen-files/data", "lower-case letters and digits", "no account has a hyphen"),
        ("az://zenfiles//a", "3 to 63", "no container before the path"),
        ("az://zenfiles/data//a", "slash", "a blob that begins with a slash"),
        ("az://zenfiles/data/a/../b", "..", "a path that some clients resolve"),
        ("az://zenfiles/data/a\nb", "control characters", "a control character in the path"),
        ("AZ://zenfiles/data", "az://", "the scheme is written small"),
        ("s3://data", "az://", "another cloud"),
        ("gs://data", "az://", "yet another cloud"),
        ("wasbs://data@zenfiles.blob.core.windows.net", "az://", "a driver that Hadoop has given up"),
        ("http://zenfiles.blob.core.windows.net/data", "write https", "in clear"),
        ("https://zenfiles.blob.core.windows.net", "3 to 63", "an account without a container"),
        ("https://zenfiles.blob.core.windows.net/?comp=list", "leave it out", "a query"),
        ("https://zenfiles.blob.core.windows.net/data?sv=1&sig=hunter2", "signature", "a signature"),
        ("https://zenfiles.blob.core.windows.net/data/%FF", "no text", "bytes that are no text"),
        ("https://zenfiles.blob.core.windows.net/data/%0A", "control characters", "a line's end in disguise"),
        ("https://zenfiles.blob.core.windows.net/data/%2e%2e/x", "..", "dots in disguise"),
        (
            "https://zenfiles-secondary.blob.core.windows.net/data",
            "lower-case letters",
            "a copy that is only read",
        ),
        ("https://zenfiles.queue.core.windows.net/data", "host", "another service"),
        ("https://zenfiles.blob.core.windows.net.example.org/data", "host", "a host that only looks so"),
        ("https://zenfiles.blob.core.windows.net:444/data", "host", "another port"),
        ("https://user@zenfiles.blob.core.windows.net/data", "lower-case letters", "a user in front"),
        ("https://blob.core.windows.net/data", "host", "no account"),
        ("abfss://data@", "host", "no host"),
        ("abfss://data@zenfiles", "host", "an account alone"),
        ("abfss://@zenfiles.dfs.core.windows.net", "3 to 63", "no container"),
        ("abfss://a@b@zenfiles.dfs.core.windows.net", "name of a storage account", "two of them"),
    ]);
    let error =
        BlobContainer::parse("https://zenfiles.blob.core.windows.net/data?sig=hunter2").expect_err("refused");
    assert_silent(&error);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<BlobContainer>(&[
        "data",
        "az://zenfiles/data",
        "az://zenfiles/data/a/b",
        "abfss://data@zenfiles.dfs.core.windows.net/a",
        "https://zenfiles.blob.core.windows.net/data/a%20b",
    ]);
}

/// A host says a cloud, and an account of the same name in another one is another account. Neither takes a call.
#[tokio::test]
async fn a_host_of_another_cloud_is_refused() {
    let world = Scripted::new();
    let cx = world.context();
    for ours in Cloud::ALL {
        for theirs in Cloud::ALL {
            let session = session_at(Place { cloud: ours, ..place() });
            let text = format!("https://zenfiles.blob.{}/data", theirs.storage_suffix());
            match BlobContainer::resolve(&text, &session, &call(&cx)).await {
                Ok(found) => assert_eq!((found.id().as_str(), ours), ("az://zenfiles/data", theirs)),
                Err(error) => {
                    assert_ne!(ours, theirs, "{error}");
                    assert_eq!(error.field_problems()[0].field, "resource_id");
                    let text = error.to_string();
                    assert!(text.contains(ours.name()) && text.contains(theirs.name()), "{text}");
                }
            }
        }
    }
    assert!(world.sent().is_empty());
}

/// A connector for one account needs no call to complete a name, and no other account.
#[tokio::test]
async fn c24_a_connector_for_one_account_serves_that_one() {
    let world = Scripted::new();
    let cx = world.context();
    let account = StorageAccount::parse("zenfiles").expect("an account");
    let session = session_at(Place { storage_account: Some(account), ..place() });
    let found = BlobContainer::resolve("data", &session, &call(&cx)).await.expect("completed");
    assert_eq!(found.id(), "az://zenfiles/data");
    let other = container("az://other/data");
    let error = other.issue(&read(), &session, &call(&cx)).await.expect_err("another account");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("other") && error.to_string().contains("zenfiles"), "{error}");
    assert!(other.reach(&read(), &session, &call(&cx)).await.is_err());
    assert!(world.sent().is_empty());
}
