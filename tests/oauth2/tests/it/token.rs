//! Method `token`.

use std::time::Duration;

use connector_conformance::canary;
use connector_core::{ErrorKind, Grant, Result};
use serde_json::{Value, json};

use crate::server::{API, Quirk};
use crate::{open, refused_fields, world};

fn token(expires_at: &str) -> Value {
    json!({ "access_token": canary("access_token"), "expires_at": expires_at })
}

/// S37: it is passed on until it ends, and then that is the error; nobody is called.
#[tokio::test]
async fn s37_it_is_passed_on_until_it_ends() -> Result<()> {
    let (clock, server, cx) = world(Quirk::None);
    let ours = open("token", token("2026-01-01T01:00:00Z"))?;
    let handle = ours.resource(&cx, Grant::new("oauth2-api", API)).await?;
    let envelope = handle.envelope().await?;
    assert_eq!(envelope.to_hidden()["expires_at"], "2026-01-01T01:00:00Z");
    assert!(!envelope.long_lived && !envelope.narrowed.is_narrowed());
    clock.advance(Duration::from_secs(3600));
    let error = handle.envelope().await.expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(error.hint().is_some_and(|it| it.contains("update the connector")), "{error:?}");
    assert!(server.calls().is_empty());
    Ok(())
}

#[test]
fn s10_what_is_no_token_is_refused_by_field() {
    assert_eq!(refused_fields("token", token("tomorrow")), ["expires_at"]);
    let mut config = token("2026-01-01T01:00:00Z");
    config["access_token"] = json!("two words\r\nx-injected: yes");
    assert_eq!(refused_fields("token", config), ["access_token"]);
    assert_eq!(refused_fields("token", json!({})), ["access_token", "expires_at"]);
}
