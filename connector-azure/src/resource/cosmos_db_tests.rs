//! Tests of `cosmos-db`.

use std::time::Duration;

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_conformance::{CANARY, Scripted, assert_silent, json_answer};
use connector_core::{
    Access, Allow, Connector, EndpointUrl, Error, ErrorKind, Expiry, Grant, Narrowed, Parsed, ResourceType,
    Response, Terms, Wanted,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::CosmosDb;
use crate::Azure;
use crate::credential::Shown;
use crate::names::{Audience, Cloud, Service};
use crate::resource::testing::{call, connector, connector_at, place, session, session_at, session_for};
use crate::session::Place;
use crate::testing::{ARM, SUBSCRIPTION, answer_at, header, method, refusal};

const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";

fn arm_id() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.DocumentDB/databaseAccounts/zen"
    )
}

fn account(text: &str) -> CosmosDb {
    match CosmosDb::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

/// S17: an account is its name; what says more has to agree with the session.
#[test]
fn s17_accepted_forms() {
    let longest = "a".repeat(44);
    let arm = arm_id();
    let with_port = "https://zen.documents.azure.com:443/";
    check_accepted::<CosmosDb>(&[
        ("zen", exact("zen"), "canonical"),
        ("zen-2-files", exact("zen-2-files"), "with hyphens"),
        (&longest, exact(&longest), "44 characters"),
        (with_port, partial(with_port), "as the portal shows it"),
        (
            "https://zen.documents.azure.com",
            partial("https://zen.documents.azure.com"),
            "without port and slash",
        ),
        ("https://ZEN.documents.azure.us/", partial("https://ZEN.documents.azure.us/"), "of the government"),
        ("https://zen.documents.azure.cn:443", partial("https://zen.documents.azure.cn:443"), "of China"),
        (&arm, partial(&arm), "Resource Manager's"),
        (&arm.to_uppercase(), partial(&arm.to_uppercase()), "which does not tell cases apart"),
    ]);
}

#[test]
fn s17_refused_forms() {
    let (name, endpoint) = ("the name of a Cosmos DB account", "no endpoint of Cosmos DB's");
    check_refused::<CosmosDb>(&[
        ("", name, "nothing"),
        ("ze", name, "two characters"),
        (&"a".repeat(45), name, "45 characters"),
        ("Zen", name, "an upper-case letter"),
        ("zen_2", name, "an underscore"),
        ("-zen", name, "a hyphen first"),
        ("zen.documents.azure.com", name, "a host without a scheme"),
        ("zen/db", name, "a database"),
        ("zen\n", name, "a control character"),
        ("../zen", name, "dots"),
        ("http://zen.documents.azure.com:443/", name, "in clear"),
        ("https://zen.documents.azure.com:8081/", endpoint, "another port"),
        ("https://zen.documents.azure.com/dbs/x", endpoint, "a path"),
        ("https://zen.documents.azure.com//", endpoint, "two slashes"),
        ("https://zen.documents.azure.com/?x", endpoint, "a query"),
        ("https://me@zen.documents.azure.com/", name, "a user"),
        ("https://a.zen.documents.azure.com/", name, "a host below an account's"),
        ("https://documents.azure.com/", endpoint, "no account"),
        ("https://.documents.azure.com/", name, "no account"),
        ("https://zen.documents.azure.com.evil.example/", endpoint, "somebody else's host"),
        ("https://zen.vault.azure.net/", endpoint, "another service"),
        (&arm_id().replace("DocumentDB", "Storage"), "something else", "another provider's"),
        (&format!("{}/sqlDatabases/db", arm_id()), "something else", "a database"),
        (
            "AccountEndpoint=https://zen.documents.azure.com:443/;AccountKey=hunter2==;",
            name,
            "a connection string, whose key is not quoted",
        ),
    ]);
    let error = CosmosDb::parse("AccountEndpoint=https://zen.documents.azure.com:443/;AccountKey=hunter2==;");
    assert_silent(&error.expect_err("a connection string"));
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<CosmosDb>(&["zen-files", "https://zen.documents.azure.com:443/"]);
}

proptest! {
    /// S17: whatever is taken as an account is the name of one, and is called in the connector's cloud.
    #[test]
    fn s17_whatever_is_taken_is_one_account(text in "[ -~]{0,48}", name in "[a-z0-9]{3,20}(-[a-z0-9]{1,8})?") {
        for text in [text, name] {
            if let Ok(Parsed::Exact { resource, within }) = CosmosDb::parse(&text) {
                prop_assert_eq!(within, None);
                prop_assert_eq!(resource.id(), text.as_str());
                for cloud in Cloud::ALL {
                    let place = Place { cloud, ..place() };
                    let url = place.url_of(Service::Cosmos, resource.account().as_str());
                    let host = url.strip_prefix("https://").expect("https");
                    prop_assert_eq!(Cloud::of_host(Service::Cosmos, host), Some((cloud, text.as_str())));
                }
            }
        }
    }
}

/// S18, S19: what says more than a name is checked against the session, without a call.
#[tokio::test]
async fn s19_what_says_more_has_to_agree() {
    let world = Scripted::new();
    let cx = world.context();
    for text in ["zen", "https://ZEN.documents.azure.com:443/", &arm_id(), &arm_id().to_uppercase()] {
        let found = CosmosDb::resolve(text, &session(), &call(&cx)).await.expect("an account");
        assert_eq!(found.id(), "zen");
    }
    for text in ["https://zen.documents.azure.cn/", &arm_id().replace(SUBSCRIPTION, OTHER), ""] {
        let error = CosmosDb::resolve(text, &session(), &call(&cx)).await.expect_err("another place");
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
    assert!(world.sent().is_empty());
}

fn accounts(entries: &[(&str, &str)]) -> Response {
    let all: Vec<_> = entries
        .iter()
        .map(|(name, kind)| json!({ "name": name, "kind": kind, "properties": { "documentEndpoint": CANARY } }))
        .collect();
    json_answer(200, &json!({ "value": all }))
}

/// S15: accounts of all subscriptions, side by side; one that lets nobody in is named.
#[tokio::test]
async fn s15_accounts_of_all_subscriptions_are_listed() {
    let entry = |id: &str| json!({ "subscriptionId": id, "state": "Enabled" });
    let world = Scripted::answering([
        json_answer(200, &json!({ "value": [entry(OTHER), entry(SUBSCRIPTION)] })),
        accounts(&[("zen", "GlobalDocumentDB"), ("mongo", "MongoDB"), ("Not A Name", "GlobalDocumentDB")]),
        refusal(403, "AuthorizationFailed"),
    ]);
    let session = session_at(Place { subscription: None, ..place() });
    let listing = CosmosDb::list(&session, &call(&world.context())).await.expect("a listing");
    assert_eq!(listing.ids, ["zen"]);
    assert_eq!(listing.failures.len(), 1);
    assert_eq!(
        (listing.failures[0].place.as_str(), listing.failures[0].error.kind()),
        (OTHER, ErrorKind::Refused)
    );
    let below = "providers/Microsoft.DocumentDB/databaseAccounts?api-version=2024-05-15";
    assert_eq!(
        world.lines(),
        [
            format!("GET {ARM}/subscriptions?api-version=2022-12-01"),
            format!("GET {ARM}/subscriptions/{SUBSCRIPTION}/{below}"),
            format!("GET {ARM}/subscriptions/{OTHER}/{below}"),
        ]
    );
}

/// S34: the first token that is asked for is the account's own, in the connector's cloud; it is no narrower than that,
/// and says so.
#[tokio::test]
async fn s34_a_token_is_for_one_account() {
    for (cloud, suffix) in [
        (Cloud::Public, "documents.azure.com"),
        (Cloud::Government, "documents.azure.us"),
        (Cloud::China, "documents.azure.cn"),
    ] {
        let world = Scripted::new();
        let connector = connector_at(world.context(), Place { cloud, ..place() });
        let handle = connector.resource::<CosmosDb>("zen").await.expect("a handle");
        let issued = handle.issue().await.expect("a credential");
        let (token, audience) = issued.credential.token().expect("a token");
        let url = format!("https://zen.{suffix}");
        assert_eq!((token.expose(), audience), ("hunter2-0", url.as_str()));
        assert_eq!(issued.credential.account.as_deref(), Some("zen"));
        assert_eq!(issued.credential.endpoint.as_deref(), Some(url.as_str()));
        assert_eq!(issued.expiry, Expiry::At(Scripted::after(3600)));
        assert!(matches!(issued.narrowing(), Narrowed::No(why) if why.contains("the account")), "{issued:?}");
        assert!(!issued.long_lived && world.sent().is_empty());
    }
    assert!(account("zen").narrowing(&Wanted::new(Access::Read).with_within("db")).is_err());
    assert!(account("zen").carried(&Wanted::new(Access::Read)).is_empty());
    for (access, count) in [(Access::Read, 5), (Access::Write, 6), (Access::Admin, 7)] {
        assert_eq!(CosmosDb::permissions(access).len(), count);
    }
    let within = Grant::new("cosmos-db", "zen").with_within("db");
    let world = Scripted::new();
    let error = connector(world.context()).resource::<CosmosDb>(within).await.expect_err("no part");
    assert_eq!(error.field_problems()[0].field, "within");
}

async fn reach(world: &Scripted, access: Access, place: Place) -> Result<(), Error> {
    let session = session_for(place, Audience::cosmos(Cloud::Public, "zen"));
    account("zen").reach(&Wanted::new(access), &session, &call(&world.context())).await
}

fn said(status: u16, code: &str, message: &str) -> Response {
    json_answer(status, &json!({ "code": code, "message": format!("{message} {CANARY}") }))
}

fn good() -> Response {
    json_answer(200, &json!({ "id": "zen", "_self": "", "writableLocations": [] }))
}

/// S20: one call, with the token in Cosmos DB's own header.
#[tokio::test]
async fn s20_an_account_is_asked_what_it_says_of_itself() {
    let world = Scripted::answering([good(), good()]);
    reach(&world, Access::Read, place()).await.expect("reached");
    let url = EndpointUrl::parse("https://127.0.0.1:9000").expect("a URL");
    reach(&world, Access::Read, Place { endpoint_url: Some(url), ..place() }).await.expect("reached");
    assert_eq!(
        world.lines(),
        ["GET https://zen.documents.azure.com/", "GET https://127.0.0.1:9000/cosmos/zen/"]
    );
    let sent = &world.sent()[0];
    assert_eq!(header(sent, "authorization"), Some("type%3Daad%26ver%3D1.0%26sig%3Dhunter2-first"));
    assert_eq!(header(sent, "x-ms-date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    assert_eq!(header(sent, "x-ms-version"), Some("2018-12-31"));
}

/// S20, S27: what stands in the way is named, with the role that is missing.
#[tokio::test]
async fn s20_what_is_missing_is_named() {
    let rbac = "Request blocked by Auth zen : Request is blocked because principal [x] does not have required RBAC \
                permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata] on resource [/].";
    let firewall = "Request originated from IP 1.2.3.4 through public internet. This is blocked by your Cosmos DB \
                    account firewall settings.";
    for (answer, kind, says, hint) in [
        (
            said(403, "Forbidden", rbac),
            ErrorKind::Refused,
            "account `zen` is not reached: the identity has no role for its data",
            "--role-definition-name \"Cosmos DB Built-in Data Reader\"",
        ),
        (said(403, "Forbidden", firewall), ErrorKind::Refused, "network rules", "firewall"),
        (said(401, "Unauthorized", ""), ErrorKind::Refused, "the token is not taken", "another directory"),
        (said(404, "NotFound", ""), ErrorKind::NotFound, "there is no account `zen`", ""),
        (said(400, "BadRequest", ""), ErrorKind::InvalidInput, "cosmos.account.get", ""),
        (json_answer(200, &json!({ "hunter2": 1 })), ErrorKind::Unreachable, "not Azure", ""),
        (Response::new(200, vec![], b"<html>hunter2".to_vec()), ErrorKind::Unreachable, "not Azure", ""),
        (Response::new(302, vec![], vec![]), ErrorKind::Unreachable, "elsewhere", ""),
    ] {
        let world = Scripted::answering([answer]);
        let error = reach(&world, Access::Read, place()).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{hint}: {error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 1);
    }
    let world = Scripted::answering([said(403, "Forbidden", rbac)]);
    let error = reach(&world, Access::Write, place()).await.expect_err("no role");
    assert!(error.hint().is_some_and(|it| it.contains("Data Contributor")), "{error:?}");
    let world = Scripted::new().fails(Error::unreachable("no such host").transient(false));
    let error = reach(&world, Access::Read, place()).await.expect_err("away");
    assert!(error.hint().is_some_and(|it| it.contains("an account zen")), "{error:?}");
}

/// S27: a clock that is too far from Cosmos DB's is told as that, by how much and in which direction; one that is
/// borne is not.
#[tokio::test]
async fn s27_a_clock_that_is_wrong_is_named() {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let body: &Value =
        &json!({ "code": "Forbidden", "message": "The authorization token is not valid at this time." });
    for (now, says) in
        [(Scripted::start() + minutes(16), "16m behind"), (Scripted::start() - minutes(60), "1h ahead of")]
    {
        let world = Scripted::answering([answer_at(now, 403, body)]);
        let error = reach(&world, Access::Read, place()).await.expect_err("the clock");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().is_some_and(|it| it.contains("set the clock (15 minutes")), "{error:?}");
    }
    for now in [Scripted::start() + minutes(15), Scripted::start() - minutes(14)] {
        let world = Scripted::answering([answer_at(now, 403, body)]);
        let error = reach(&world, Access::Read, place()).await.expect_err("no role");
        assert!(error.to_string().contains("no role for its data"), "{error}");
    }
}

const KEY: &str = "aHVudGVyMi0wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc=";

/// A connector with a connection string.
fn stringed(world: &Scripted, text: &str, allow: &[Allow]) -> Connector<Azure> {
    let method = method::<crate::auth::ConnectionString>(json!({ "connection_string": text }));
    let terms = allow.iter().fold(Terms::default(), |terms, it| terms.with_allow(*it));
    Connector::with_terms(world.context(), method, terms)
}

/// C1, S34: a connection string is handed on with its owner's leave alone, is marked, and is of one account.
#[tokio::test]
async fn c1_s34_a_connection_string_is_handed_on_with_leave_alone() {
    let text = format!("AccountEndpoint=https://zen.documents.azure.com:443/;AccountKey={KEY};");
    let silent = Scripted::new();
    let barred = stringed(&silent, &text, &[]).resource::<CosmosDb>("zen").await.expect("a handle");
    let error = barred.issue().await.expect_err("without leave");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|it| it.contains("--allow long-lived")), "{error:?}");

    let allowed = stringed(&silent, &text, &[Allow::LongLived]);
    // Its own account is the one that is meant where none is named.
    for id in ["zen", "https://zen.documents.azure.com:443/", ""] {
        let handle = allowed.resource::<CosmosDb>(id).await.expect("a handle");
        let issued = handle.issue().await.expect("issued");
        let Shown::ConnectionString(shown) = &issued.credential.shown else { panic!("{issued:?}") };
        assert_eq!(shown.expose(), text);
        assert!(issued.long_lived && issued.expiry.at().is_none());
        assert!(
            matches!(issued.narrowing(), Narrowed::No(why) if why.contains("the connection string itself"))
        );
        assert_eq!(issued.credential.account.as_deref(), Some("zen"));
        assert!(!format!("{issued:?}").contains(KEY));
    }
    let other = allowed.resource::<CosmosDb>("other").await.expect("a handle").issue().await;
    let error = other.expect_err("another account");
    assert_eq!(error.field_problems()[0].field, "resource_id");
    assert!(error.message().contains("of account zen, and not of other"), "{error}");
    assert!(silent.sent().is_empty());

    // One of an emulator does not tell the account's name, and one of storage is none.
    let emulator = format!("AccountEndpoint=https://localhost:8081/;AccountKey={KEY};");
    let emulator = stringed(&silent, &emulator, &[Allow::LongLived]);
    assert!(emulator.list::<CosmosDb>().await.expect("a listing").ids.is_empty());
    let issued = emulator.resource::<CosmosDb>("zen").await.expect("a handle").issue().await.expect("issued");
    assert_eq!(issued.credential.endpoint.as_deref(), Some("https://localhost:8081"));
    let storage = stringed(&silent, &format!("AccountName=zenfiles;AccountKey={KEY}"), &[Allow::LongLived]);
    for error in [
        storage.list::<CosmosDb>().await.expect_err("of storage"),
        storage.resource::<CosmosDb>("zen").await.expect("a handle").issue().await.expect_err("of storage"),
    ] {
        assert!(error.to_string().contains("not one of Cosmos DB"), "{error}");
    }
}

/// S15, S20: what a connection string reaches is its own account, where the key is taken. That tells a connector with
/// another key when it is registered.
#[tokio::test]
async fn s15_a_connection_string_lists_its_account_where_its_key_is_taken() {
    let text = format!("AccountEndpoint=https://Zen.Documents.Azure.com:443/;AccountKey={KEY};");
    let world = Scripted::answering([good(), said(401, "Unauthorized", "")]);
    let connector = stringed(&world, &text, &[]);
    assert_eq!(connector.list::<CosmosDb>().await.expect("a listing").ids, ["zen"]);
    let error = connector.list::<CosmosDb>().await.expect_err("another key");
    assert!(error.to_string().contains("the key is not taken"), "{error}");
    assert_eq!(world.sent().len(), 2);
}

/// S20: the key is tried by a signature, which is sent in its place; one that is regenerated is told as that.
#[tokio::test]
async fn s20_a_key_is_tried_and_never_sent() {
    let text = format!("AccountEndpoint=https://zen.documents.azure.com:443/;AccountKey={KEY};");
    let reach = async |answer| {
        let world = Scripted::answering([answer]);
        let connector = stringed(&world, &text, &[Allow::LongLived]);
        let reached = connector.reach(&account("zen"), &Wanted::new(Access::Read)).await;
        (reached, world)
    };
    let (reached, world) = reach(good()).await;
    reached.expect("reached");
    assert_eq!(world.lines(), ["GET https://zen.documents.azure.com:443/"]);
    let shown = header(&world.sent()[0], "authorization").expect("a header").to_owned();
    assert!(shown.starts_with("type%3Dmaster%26ver%3D1.0%26sig%3D"), "{shown}");
    assert!(!shown.contains(KEY.trim_end_matches('=')), "{shown}");
    let disabled = "Local Authorization is disabled. Use an AAD token to authorize all requests.";
    for (answer, says, hint) in [
        (said(401, "Unauthorized", ""), "the key is not taken", "regenerated"),
        (said(401, "Unauthorized", disabled), "it takes no keys", "service-principal"),
    ] {
        let error = reach(answer).await.0.expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().is_some_and(|it| it.contains(hint)), "{error:?}");
        assert_silent(&error);
    }
}
