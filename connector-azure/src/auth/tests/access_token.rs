//! A token that was made elsewhere: whose and for what it is, and when it ends.

use std::time::{Duration, SystemTime};

use connector_core::{AuthMethod, Call, Connector, ErrorKind, Expiry, Grant};
use serde_json::{Value, json};

use super::*;
use crate::connector::Azure;
use crate::names::{Audience, Cloud};
use crate::resource::AzureGeneric;

const ENDS: &str = "2026-01-01T01:00:00Z";

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs()
}

/// A token for this audience, which says that it ends so many seconds from the start.
fn token_for(audience: &str, seconds_left: u64) -> String {
    jwt(&json!({ "aud": audience, "tid": TENANT, "oid": CLIENT, "exp": seconds(World::after(seconds_left)) }))
}

fn config(token: &str) -> Value {
    json!({ "token": token, "expires_at": ENDS, "subscription_id": SUBSCRIPTION })
}

/// S31, C25: it is passed on without a call, and ends when it is said to end, or when it says itself where that is
/// earlier.
#[tokio::test]
async fn s31_c25_it_ends_when_it_ends() {
    for (left, end) in [(3600, 3600), (7200, 3600), (900, 900)] {
        let world = World::new();
        let method: AccessToken = method(config(&token_for("https://management.azure.com/", left)));
        assert_eq!(method.expires_at(), Some(World::after(end)));
        let out = authenticate(&method, &world.context(), None).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(World::after(end)));
        assert!(!out.narrowed.expect("it is said").is_narrowed());
        assert_eq!(out.session.place.tenant.as_ref().map(|it| it.as_str()), Some(TENANT));
        world.advance(Duration::from_secs(end));
        let error = authenticate(&method, &world.context(), None).await.expect_err("over");
        assert_eq!(error.kind(), ErrorKind::Expired);
        assert!(error.hint().is_some_and(|it| it.contains("update the connector")), "{error:?}");
        assert_eq!(world.sent().len(), 0);
    }
}

/// A service goes by several names, which all mean it.
#[tokio::test]
async fn each_name_of_a_service_means_it() {
    let arm = Audience::resource_manager;
    for (name, cloud, audience) in [
        ("https://management.azure.com", "public", arm(Cloud::Public)),
        ("https://management.azure.com/", "public", arm(Cloud::Public)),
        ("https://management.core.windows.net/", "public", arm(Cloud::Public)),
        ("https://MANAGEMENT.core.windows.net//", "public", arm(Cloud::Public)),
        ("https://management.core.usgovcloudapi.net/", "government", arm(Cloud::Government)),
        ("https://management.core.chinacloudapi.cn/", "china", arm(Cloud::China)),
        ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "china", arm(Cloud::China)),
        ("E406A681-f3d4-42a8-90b6-c2b029497af1", "public", Audience::storage()),
        ("https://storage.azure.com/", "public", Audience::storage()),
        ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "government", Audience::vault(Cloud::Government)),
        ("6dae42f8-4368-4678-94ff-3960e28e3630", "public", Audience::aks()),
        ("6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26", "public", Audience::registry(Cloud::Public)),
        ("https://Zen.documents.azure.com", "public", Audience::cosmos(Cloud::Public, "zen")),
    ] {
        let method: AccessToken = method(with(config(&token_for(name, 3600)), json!({ "cloud": cloud })));
        let out = authenticate(&method, &World::new().context(), None).await.expect("a session");
        assert_eq!(out.session.audience(), &audience, "{name}");
    }
    let graph = Audience::of_claim("00000003-0000-0000-c000-000000000000", Cloud::Public).expect("a service");
    assert_eq!(graph.as_str(), "https://graph.microsoft.com");
    let own = Audience::of_claim("api://My-App", Cloud::Public).expect("a service");
    assert_eq!(own.as_str(), "api://My-App");
}

/// C24: it is good for its own service alone, and where one service takes another's, for that.
#[tokio::test]
async fn c24_another_service_is_refused() {
    let registry = Audience::registry(Cloud::Public);
    let account = Audience::cosmos(Cloud::Public, "zen");
    for (name, other, taken) in [
        ("https://management.azure.com/", &registry, true),
        ("https://containerregistry.azure.net", &Audience::resource_manager(Cloud::Public), false),
        ("https://cosmos.azure.com", &account, true),
        ("https://zen.documents.azure.com", &account, true),
        ("https://other.documents.azure.com", &account, false),
        ("https://storage.azure.com", &Audience::vault(Cloud::Public), false),
        ("https://management.azure.com", &Audience::storage(), false),
    ] {
        let text = token_for(name, 3600);
        let method: AccessToken = method(config(&text));
        let cx = World::new().context();
        let out = authenticate(&method, &cx, None).await.expect("a session");
        match out.session.token(&Call::new(&cx, None), other).await {
            Ok(token) => assert!(taken && token.secret.expose() == text, "{name} {other}"),
            Err(error) => {
                assert!(!taken && error.kind() == ErrorKind::Refused, "{name} {other}: {error:?}");
                assert!(error.message().contains(other.as_str()) && error.hint().is_some(), "{error:?}");
            }
        }
    }
    // As one meets it: the refusal is that of issuing.
    let method: AccessToken = method(config(&token_for("https://storage.azure.com", 3600)));
    let connector = Connector::<Azure>::new(World::new().context(), method);
    let handle = connector.resource::<AzureGeneric>(Grant::from(SUBSCRIPTION)).await.expect("a handle");
    let error = handle.issue().await.expect_err("another service");
    assert!(error.to_string().contains("https://storage.azure.com"), "{error:?}");
}

/// One that others cannot read has to be told.
#[tokio::test]
async fn an_opaque_token_needs_its_service() {
    let told = with(config("hunter2-opaque"), json!({ "audience": "https://storage.azure.com" }));
    let method: AccessToken = method(told);
    let out = authenticate(&method, &World::new().context(), None).await.expect("a session");
    assert_eq!(out.session.audience(), &Audience::storage());
    assert_eq!(out.expiry, Expiry::At(World::after(3600)));
}

#[test]
fn configs_that_cannot_work_are_refused_by_field() {
    let arm = token_for("https://management.azure.com", 3600);
    let elsewhere = "99999999-2222-3333-4444-555555555555";
    for (config, field, says) in [
        (config("hunter2-opaque"), "audience", "does not say what it is for"),
        (with(config("hunter2"), json!({ "audience": "storage hunter2" })), "audience", "expected"),
        (
            with(config(&arm), json!({ "audience": "https://storage.azure.com" })),
            "audience",
            "management.azure.com",
        ),
        (config(&jwt(&json!({ "aud": "hunter2" }))), "token", "no service"),
        (config(""), "token", "empty"),
        (config("hunter2 hunter2"), "token", "blanks"),
        (config("-----BEGIN PRIVATE KEY-----\nhunter2"), "token", "service-principal"),
        (with(config(&arm), json!({ "tenant_id": elsewhere })), "tenant_id", "another directory"),
    ] {
        let found = faults::<AccessToken>(config);
        assert!(found.iter().any(|(at, why)| at == field && why.contains(says)), "{field}: {found:?}");
        assert!(!format!("{found:?}").contains(CANARY), "{found:?}");
    }
    // A domain says nothing against an id.
    let named = with(config(&arm), json!({ "tenant_id": "example.org" }));
    assert_eq!(faults::<AccessToken>(named), []);
    let same = with(config(&arm), json!({ "audience": "https://management.core.windows.net/" }));
    assert_eq!(faults::<AccessToken>(same), []);
}

/// C28: whatever stands there, nothing breaks and nothing is shown.
#[test]
fn c28_hostile_tokens_break_nothing() {
    for text in connector_conformance::hostile_texts() {
        for token in
            [text.clone(), format!("a.{text}.b"), jwt(&json!({ "aud": text, "exp": u64::MAX, "tid": text }))]
        {
            let Ok(method) = serde_json::from_value::<AccessToken>(config(&token)) else { continue };
            method.check();
            method.expires_at();
            assert!(!format!("{method:?}").contains("a.."), "it is hidden");
        }
    }
}
