//! Method `client-credentials`.

use std::time::Duration;

use connector_core::{Access, Grant, Result};
use serde_json::json;

use crate::server::{API, LIFE, Quirk};
use crate::{client, open, refused_fields, world};

fn grant(access: Access) -> Grant {
    Grant::new("oauth2-api", API).with_access(access)
}

/// S34: a credential carries the scopes of its access level and no others, and says so.
#[tokio::test]
async fn s34_access_levels_are_asked_for_by_their_scopes() -> Result<()> {
    let (_, server, cx) = world(Quirk::None);
    let ours = open(
        "client-credentials",
        client(json!({
            "scopes": ["orders:read", "orders:write"],
            "access_scopes": { "read": ["orders:read"], "write": ["orders:read", "orders:write"] },
        })),
    )?;
    let mut seen = Vec::new();
    for access in Access::ALL {
        let envelope = ours.resource(&cx, grant(access)).await?.envelope().await?;
        let scope = envelope.fields.text_if("scope").unwrap_or_default().to_owned();
        seen.push((scope, envelope.narrowed.is_narrowed()));
    }
    let both = "orders:read orders:write".to_owned();
    // `admin` has no scopes of its own: the widest, and it says so.
    assert_eq!(seen, [("orders:read".to_owned(), true), (both.clone(), true), (both, false)]);
    assert_eq!(server.calls().len(), 3);
    assert_eq!(server.calls()[0]["grant_type"], "client_credentials");
    Ok(())
}

/// Without scopes of its own for any level a config narrows nothing, and says so.
#[tokio::test]
async fn s23_s34_what_is_not_configured_is_not_narrowed() -> Result<()> {
    let (_, server, cx) = world(Quirk::None);
    let ours = open("client-credentials", client(json!({})))?;
    assert_eq!(ours.method(&cx).1.narrows, None);
    for access in Access::ALL {
        let envelope = ours.resource(&cx, grant(access)).await?.envelope().await?;
        assert!(!envelope.narrowed.is_narrowed() && !envelope.narrowed.reason().is_empty());
    }
    assert!(server.calls().iter().all(|call| !call.contains_key("scope")));
    Ok(())
}

/// A server that gives more than was asked has not narrowed anything, and that is not hidden.
#[tokio::test]
async fn s34_wider_scopes_than_asked_are_told() -> Result<()> {
    let (_, _, cx) = world(Quirk::GivesAll);
    let ours = open("client-credentials", client(json!({ "access_scopes": { "read": ["orders:read"] } })))?;
    let envelope = ours.resource(&cx, grant(Access::Read)).await?.envelope().await?;
    assert!(!envelope.narrowed.is_narrowed());
    assert_eq!(envelope.narrowed.reason(), "the server gave scopes that were not asked for");
    assert_eq!(envelope.fields.text_if("scope"), Some("orders:read orders:write orders:own"));
    Ok(())
}

/// The secret goes by one way, encoded as that way wants it; its characters change under both encodings.
#[tokio::test]
async fn the_secret_goes_in_the_header_or_in_the_body() -> Result<()> {
    for (quirk, auth, works) in [
        (Quirk::None, "basic", true),
        (Quirk::InBody, "body", true),
        (Quirk::InBody, "basic", false),
        (Quirk::None, "body", false),
    ] {
        let (_, _, cx) = world(quirk.clone());
        let ours = open("client-credentials", client(json!({ "client_auth": auth })))?;
        let answer = ours.resource(&cx, grant(Access::Read)).await?.envelope().await;
        assert_eq!(answer.is_ok(), works, "{quirk:?} {auth}");
    }
    Ok(())
}

/// A token without a stated life has none that could be advertised, unless the config knows it.
#[tokio::test]
async fn c25_a_life_that_nobody_states_is_an_error_or_assumed() -> Result<()> {
    let (clock, _, cx) = world(Quirk::SaysNoLife);
    let ours = open("client-credentials", client(json!({})))?;
    let error =
        ours.resource(&cx, grant(Access::Read)).await?.envelope().await.expect_err("no life is stated");
    assert!(error.hint().is_some_and(|it| it.contains("assumed_life")) && !error.is_transient(), "{error:?}");

    let ours = open("client-credentials", client(json!({ "assumed_life": 60 })))?;
    let envelope = ours.resource(&cx, grant(Access::Read)).await?.envelope().await?;
    let now = connector_core::Clock::now(&clock);
    assert_eq!(envelope.expiry.left(now), Some(Duration::from_secs(60)));
    assert!(Duration::from_secs(60) < LIFE);
    Ok(())
}

/// No level reaches further than the connector, and URLs that a secret must not be sent to are refused by name.
#[test]
fn s10_c18_configs_are_refused_by_field() {
    for (config, fields) in [
        (json!({}), vec![]),
        (json!({ "scopes": ["a"], "access_scopes": { "read": ["a", "b"] } }), vec!["access_scopes.read"]),
        (json!({ "access_scopes": { "write": [] } }), vec!["access_scopes.write"]),
        (json!({ "scopes": ["a b"] }), vec!["scopes[0]"]),
        (json!({ "token_url": "http://login.example.test/token" }), vec!["token_url"]),
        (json!({ "token_url": "https://me:pw@login.example.test/token" }), vec!["token_url"]),
        (json!({ "token_url": "ftp://login.example.test/token" }), vec!["token_url"]),
        (json!({ "assumed_life": 0, "client_auth": "both" }), vec!["assumed_life", "client_auth"]),
        (json!({ "mystery": 1 }), vec!["mystery"]),
    ] {
        let mut found = refused_fields("client-credentials", client(config.clone()));
        found.sort();
        assert_eq!(found, fields, "{config}");
    }
}
