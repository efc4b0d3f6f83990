//! Listing, and completing names by it.

use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::ErrorKind;
use serde_json::json;

use super::*;
use crate::names::{ResourceGroup, StorageAccount};
use crate::resource::testing::{call, place, session, session_at};
use crate::session::Place;
use crate::testing::{SUBSCRIPTION, header, refusal};

const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";
const ACCOUNTS: &str = "providers/Microsoft.Storage/storageAccounts?api-version=2023-05-01";

fn subscriptions(ids: &[&str]) -> Response {
    let list: Vec<_> = ids.iter().map(|id| json!({ "subscriptionId": id, "state": "Enabled" })).collect();
    json_answer(200, &json!({ "value": list }))
}

fn accounts(names: &[&str]) -> Response {
    let account = |name: &&str| json!({ "name": name, "properties": { "primaryEndpoints": { "blob": format!("https://{name}.blob.core.windows.net/") } } });
    json_answer(200, &json!({ "value": names.iter().map(account).collect::<Vec<_>>() }))
}

fn page(names: &[&str], next: &str) -> Response {
    let list: String = names
        .iter()
        .map(|it| {
            format!("<Container><Name>{it}</Name><Properties><Etag>\"0x1\"</Etag></Properties></Container>")
        })
        .collect();
    let body = format!(
        "<EnumerationResults ServiceEndpoint=\"https://x/\"><MaxResults>5000</MaxResults><Containers>{list}</Containers>\
         <NextMarker>{next}</NextMarker></EnumerationResults>"
    );
    xml(200, &body)
}

fn everywhere() -> crate::Session {
    session_at(Place { subscription: None, ..place() })
}

/// S15: every subscription, every account, every page; one that fails is named, and hides none of the others.
#[tokio::test]
async fn s15_accounts_are_listed_side_by_side_to_the_last_page() {
    let files =
        json!({ "name": "onlyfiles", "properties": { "primaryEndpoints": { "file": "https://x/" } } });
    let more = json!({ "name": "zenmore", "properties": {} });
    let world = Scripted::answering([
        subscriptions(&[SUBSCRIPTION, OTHER]),
        accounts(&["zenfiles", "closed"]),
        json_answer(200, &json!({ "value": [files, more] })),
        no(403, "AuthorizationPermissionMismatch"),
        page(&["two", "One_BAD", "$logs"], "next+1 &amp;x"),
        page(&["one"], ""),
        page(&["three"], ""),
    ]);
    let cx = world.context();
    let listing = BlobContainer::list(&everywhere(), &call(&cx)).await.expect("a listing");
    assert_eq!(
        listing.ids,
        ["az://zenfiles/$logs", "az://zenfiles/one", "az://zenfiles/two", "az://zenmore/three"]
    );
    assert_eq!(listing.failures.len(), 1, "{listing:?}");
    assert_eq!(listing.failures[0].place, "storage account closed");
    let error = &listing.failures[0].error;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("blobServices/containers/read"), "{error}");
    assert_silent(error);
    let lines = world.lines();
    let zenfiles = "GET https://zenfiles.blob.core.windows.net/?comp=list&maxresults=5000";
    assert_eq!(
        lines,
        [
            "GET https://management.azure.com/subscriptions?api-version=2022-12-01".to_owned(),
            format!("GET https://management.azure.com/subscriptions/{SUBSCRIPTION}/{ACCOUNTS}"),
            format!("GET https://management.azure.com/subscriptions/{OTHER}/{ACCOUNTS}"),
            "GET https://closed.blob.core.windows.net/?comp=list&maxresults=5000".to_owned(),
            zenfiles.to_owned(),
            format!("{zenfiles}&marker=next%2B1+%26x"),
            "GET https://zenmore.blob.core.windows.net/?comp=list&maxresults=5000".to_owned(),
        ]
    );
    let sent = world.sent();
    // One token for Resource Manager, and one for all of storage.
    let bearers: Vec<_> = sent.iter().filter_map(|it| header(it, "authorization")).collect();
    let mut expected = vec!["Bearer hunter2-first"; 3];
    expected.extend(vec!["Bearer hunter2-0"; 4]);
    assert_eq!(bearers, expected);
    assert!(sent[3..].iter().all(|it| header(it, "x-ms-version") == Some("2025-01-05")));
}

/// One subscription that is closed, one without the group: the others are listed.
#[tokio::test]
async fn one_subscription_that_fails_hides_none_of_the_others() {
    let world = Scripted::answering([
        subscriptions(&[SUBSCRIPTION, OTHER, "cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee"]),
        refusal(403, "AuthorizationFailed"),
        refusal(404, "ResourceGroupNotFound"),
        accounts(&["zenfiles"]),
        page(&["data"], ""),
    ]);
    let group = ResourceGroup::parse("My.Group").expect("a group");
    let session = session_at(Place { subscription: None, group: Some(group), ..place() });
    let listing = BlobContainer::list(&session, &call(&world.context())).await.expect("a listing");
    assert_eq!(listing.ids, ["az://zenfiles/data"]);
    assert_eq!(listing.failures.len(), 1, "no such group there is no failure: {listing:?}");
    assert_eq!(listing.failures[0].place, format!("subscription {SUBSCRIPTION}"));
    assert!(world.lines()[1].contains(&format!("{SUBSCRIPTION}/resourceGroups/My.Group/{ACCOUNTS}")));

    // In the one subscription of the connector it is one.
    let group = ResourceGroup::parse("gone").expect("a group");
    let session = session_at(Place { group: Some(group), ..place() });
    let world = Scripted::answering([refusal(404, "ResourceGroupNotFound")]);
    let error = BlobContainer::list(&session, &call(&world.context())).await.expect_err("no such group");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// With an account of its own, a connector asks Resource Manager nothing.
#[tokio::test]
async fn a_connector_for_one_account_lists_that_one() {
    let account = StorageAccount::parse("zenfiles").expect("an account");
    let session = session_at(Place { storage_account: Some(account), ..place() });
    let world = Scripted::answering([page(&["one", "two"], "")]);
    let listing = BlobContainer::list(&session, &call(&world.context())).await.expect("a listing");
    assert_eq!(listing.ids, ["az://zenfiles/one", "az://zenfiles/two"]);
    assert_eq!(world.lines(), ["GET https://zenfiles.blob.core.windows.net/?comp=list&maxresults=5000"]);
}

/// C28: answers that are none, and lists without an end.
#[tokio::test]
async fn c28_what_is_no_list_is_told() {
    let account = StorageAccount::parse("zenfiles").expect("an account");
    let session = || session_at(Place { storage_account: Some(account.clone()), ..place() });
    for (answers, says) in [
        (vec![xml(200, "<html>hunter2")], "not Azure"),
        (vec![xml(200, "<Error><Code>hunter2</Code></Error>")], "not Azure"),
        (vec![Response::new(200, vec![], b"\xff".to_vec())], "not Azure"),
        (vec![page(&["one"], "same"), page(&["one"], "same")], "not Azure"),
        (vec![no(503, "ServerBusy"); 3], "slow down"),
    ] {
        let world = Scripted::answering(answers);
        let listing = BlobContainer::list(&session(), &call(&world.context())).await.expect("a listing");
        let error = &listing.failures[0].error;
        assert!(listing.ids.is_empty() && error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("blob:ListContainers"), "{error}");
        assert_silent(error);
    }
    let world = Scripted::answering((0..=5000).map(|at| page(&[], &format!("at {at}"))));
    let listing = BlobContainer::list(&session(), &call(&world.context())).await.expect("a listing");
    assert!(listing.failures[0].error.message().contains("does not come to an end"));
    assert_eq!(world.sent().len(), 5001);
}

/// A name is completed where one account has it; several are listed, and what could not be looked into is told.
#[tokio::test]
async fn a_name_is_completed_and_several_are_candidates() {
    let resolve = async |partial: &str, pages: Vec<Response>| {
        let world = Scripted::answering([accounts(&["first", "second"])].into_iter().chain(pages));
        let cx = world.context();
        let found = BlobContainer::resolve(partial, &session(), &call(&cx)).await;
        (found.map(|it| it.id()), world)
    };
    let (found, world) = resolve("data", vec![page(&["data", "data2"], ""), page(&["data3"], "")]).await;
    assert_eq!(found.expect("one"), "az://first/data");
    assert!(
        world.lines()[1].ends_with("&prefix=data"),
        "no more is listed than is needed: {:?}",
        world.lines()
    );

    let (found, _) = resolve("data", vec![page(&["data"], ""), page(&["data"], "")]).await;
    let error = found.expect_err("two have one of this name");
    assert_eq!(error.field_problems()[0].field, "resource_id");
    assert!(error.to_string().contains("az://first/data, az://second/data"), "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("az://ACCOUNT/CONTAINER")), "{error:?}");

    // One that fails hides the others as little as in a list.
    let forbidden = || no(403, "AuthorizationPermissionMismatch");
    let (found, _) = resolve("data", vec![forbidden(), page(&["data"], "")]).await;
    assert_eq!(found.expect("one"), "az://second/data");

    // One that gives no answer may have another of this name: which one is meant must not hang on that.
    let busy = || vec![no(503, "ServerBusy"); 3];
    let (found, _) = resolve("data", [vec![page(&["data"], "")], busy()].concat()).await;
    let error = found.expect_err("perhaps there are two");
    assert!(
        error.is_transient() && error.message().contains("storage account second did not answer"),
        "{error}"
    );
    assert!(error.hint().is_some_and(|it| it.contains("in full: az://first/data")), "{error:?}");
    assert_silent(&error);

    let (found, _) = resolve("data", vec![page(&["other"], ""), page(&[], "")]).await;
    assert_eq!(found.expect_err("none").kind(), ErrorKind::NotFound);
    let (found, _) = resolve("data", vec![forbidden(), page(&[], "")]).await;
    let error = found.expect_err("perhaps there");
    assert!(error.to_string().contains("storage account first could not be looked into"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Refused);
    let (found, _) = resolve(
        "data",
        vec![forbidden(), no(500, "InternalError"), no(500, "InternalError"), no(500, "InternalError")],
    )
    .await;
    let error = found.expect_err("nothing is known");
    assert!(error.to_string().contains("storage account first, storage account second"), "{error}");

    // Without any id: the only one that there is.
    let (found, _) = resolve("", vec![page(&[], ""), page(&["only"], "")]).await;
    assert_eq!(found.expect("the only one"), "az://second/only");
    let (found, _) = resolve("", vec![page(&["one", "two"], ""), page(&[], "")]).await;
    assert!(found.expect_err("two").to_string().contains("az://first/one, az://first/two"));
}
