//! Method `connection-string`.

use std::time::Duration;

use connector_conformance::CANARY;
use connector_core::{Access, Allow, Connector, Context, ErrorKind, Grant, Terms, VirtualClock};
use serde_json::{Value, json};

use crate::Azure;
use crate::auth::ConnectionString;
use crate::credential::Shown;
use crate::resource::{AzureGeneric, BlobContainer};
use crate::sas::{self, AccountKey, Key};
use crate::testing::{World, authenticate, faults, method, with};

/// Everybody can read what it says.
const KEY: &str = "aHVudGVyMi1rZXktb2YtYW4tYWNjb3VudA==";

fn key() -> Value {
    json!({ "connection_string": format!("AccountName=zenfiles;AccountKey={KEY}") })
}

fn signature() -> Value {
    let signature = "sv=2025-01-05&sr=c&sp=rl&se=2026-01-01T02%3A00%3A00Z&sig=hunter2";
    json!({ "connection_string": format!("AccountName=zenfiles;SharedAccessSignature={signature}") })
}

fn cosmos() -> Value {
    json!({ "connection_string": format!("AccountEndpoint=https://x.documents.azure.com/;AccountKey={KEY}") })
}

fn connector(cx: Context, config: Value, allow: &[Allow]) -> Connector<Azure> {
    let mut terms = Terms::default();
    terms.allow = allow.iter().copied().collect();
    Connector::with_terms(cx, method::<ConnectionString>(config), terms)
}

/// S34, C1: a signature for one container is made without any call, and the key stays where it is.
#[tokio::test]
async fn s34_a_key_signs_for_one_container() {
    let world = World::new();
    let connector = connector(world.context(), key(), &[]);
    let grant = Grant::new("blob-container", "data").with_access(Access::Write);
    let handle = connector.resource::<BlobContainer>(grant).await.expect("completed without a call");
    assert_eq!(handle.resource().account().as_str(), "zenfiles");
    let issued = handle.issue().await.expect("issued");
    assert!(world.sent().is_empty(), "no call is needed");
    let Shown::Signature(sas) = &issued.credential.shown else { panic!("no signature") };
    assert!(!sas.expose().contains(KEY) && !issued.long_lived);
    assert_eq!(issued.narrowing().reason(), "a service SAS for az://zenfiles/data, permissions racwdlm");
    assert_eq!(issued.expiry.at(), Some(World::after(3600)));
    let lets = |container, at| {
        let request = sas::Request {
            account: "zenfiles",
            container,
            path: Some("x"),
            permission: 'w',
            https: true,
            at: World::after(at),
        };
        let key = AccountKey::parse(KEY.into()).expect("a key");
        sas::allows(sas.expose(), Key::Account(&key), &request).expect("a signature")
    };
    assert!(lets("data", 3599) && !lets("data", 3600) && !lets("data2", 60));
}

/// A clock that goes on, a life that is asked for, and bounds that are kept.
#[tokio::test]
async fn lives_are_as_asked_and_bounded() {
    let clock = VirtualClock::default();
    let connector = connector(Context::detached(clock.clone()), key(), &[]);
    let grant = |seconds| {
        Grant::new("blob-container", "az://zenfiles/data").with_duration(Duration::from_secs(seconds))
    };
    let handle = connector.resource::<BlobContainer>(grant(900)).await.expect("a handle");
    let first = handle.issue().await.expect("issued");
    clock.advance(Duration::from_secs(900));
    let second = handle.issue().await.expect("issued anew");
    let ends = [&first, &second].map(|it| it.expiry.at().expect("an end"));
    assert_eq!(ends[1].duration_since(ends[0]).expect("later"), Duration::from_secs(900));
    for seconds in [59, 7 * 24 * 3600 + 1] {
        let error = connector.resource::<BlobContainer>(grant(seconds)).await.expect_err("out of bounds");
        assert_eq!(error.field_problems()[0].field, "duration");
    }
}

/// C1: what can only be handed on as it is needs the owner's leave, and says so.
#[tokio::test]
async fn c1_a_signature_is_handed_on_with_leave_alone() {
    let world = World::new();
    let id = "az://zenfiles/data";
    let handle =
        connector(world.context(), signature(), &[]).resource::<BlobContainer>(id).await.expect("a handle");
    let error = handle.issue().await.expect_err("without leave");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|it| it.contains("long-lived")), "{error:?}");
    let allowed = connector(world.context(), signature(), &[Allow::LongLived]);
    let issued =
        allowed.resource::<BlobContainer>(id).await.expect("a handle").issue().await.expect("issued");
    assert!(issued.long_lived && !issued.narrowing().is_narrowed());
    assert_eq!(issued.expiry.at(), Some(World::after(7200)), "its own end is told");
    let error = allowed.resource::<BlobContainer>("az://other/data").await.expect("a handle").issue().await;
    assert!(error.expect_err("another account").to_string().contains("zenfiles"));
    // Past its end it is of no use.
    world.advance(Duration::from_secs(7200));
    let error =
        allowed.resource::<BlobContainer>(id).await.expect("a handle").issue().await.expect_err("ended");
    assert_eq!(error.kind(), ErrorKind::Expired);
}

/// A string of one service is none of another, and gives no tokens.
#[tokio::test]
async fn a_string_of_another_service_is_refused() {
    let world = World::new();
    let docs = connector(world.context(), cosmos(), &[Allow::LongLived]);
    let error = docs.resource::<BlobContainer>("az://zenfiles/data").await.expect("a handle").issue().await;
    assert!(error.expect_err("no storage").to_string().contains("Storage"));
    let error = connector(world.context(), key(), &[]).list::<AzureGeneric>().await.expect_err("no tokens");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("needs a token for https://management.azure.com"), "{error}");
    assert!(world.sent().is_empty());
}

#[test]
fn what_is_wrong_is_told_by_its_field() {
    for (config, field, says) in [
        (json!({ "connection_string": CANARY }), "connection_string", "NAME=VALUE"),
        (with(key(), json!({ "storage_account": "other" })), "storage_account", "of another account"),
        (
            json!({
                "connection_string": format!("AccountName=zenfiles;AccountKey={KEY};EndpointSuffix=core.windows.net"),
                "cloud": "china",
            }),
            "cloud",
            "of another cloud",
        ),
    ] {
        let found = faults::<ConnectionString>(config);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, field);
        assert!(found[0].1.contains(says) && !found[0].1.contains(CANARY), "{found:?}");
    }
    assert_eq!(faults::<ConnectionString>(with(key(), json!({ "storage_account": "zenfiles" }))), []);
    let shown = format!("{:?}", method::<ConnectionString>(key()));
    assert!(!shown.contains(KEY), "{shown}");
}

/// Authenticating asks nobody, and the string's own cloud is where it is used.
#[tokio::test]
async fn authenticating_takes_no_call() {
    let world = World::new();
    let config = json!({ "connection_string": format!("AccountName=zenfiles;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn") });
    let method = method::<ConnectionString>(config);
    let session = authenticate(&method, &world.context(), None).await.expect("a session");
    assert_eq!(session.expiry.at(), None);
    assert_eq!(session.session.place.cloud.name(), "china");
    assert!(!format!("{:?}", session.session).contains(KEY));
    assert!(world.sent().is_empty());
}
