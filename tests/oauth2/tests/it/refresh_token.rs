//! Method `refresh-token`: no refresh token is used twice, none is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use connector_conformance::canary;
use connector_core::{Access, Error, ErrorKind, Grant, Kept, Result, Secret, async_trait};
use serde_json::json;

use crate::server::{API, LIFE, Quirk};
use crate::{client, open, world};

/// What connectors keep, and whether it can be written.
#[derive(Clone, Default)]
struct Drawer {
    kept: Arc<Mutex<HashMap<String, Secret>>>,
    jammed: bool,
}

#[async_trait]
impl Kept for Drawer {
    async fn kept(&self, _: &str, key: &str) -> Result<Option<Secret>> {
        Ok(self.kept.lock().expect("no test panics with it").get(key).cloned())
    }

    async fn keep(&self, _: &str, key: &str, value: Secret) -> Result<()> {
        if self.jammed {
            return Err(Error::store("the store cannot be written"));
        }
        self.kept.lock().expect("no test panics with it").insert(key.into(), value);
        Ok(())
    }
}

fn login(name: &str) -> serde_json::Value {
    client(
        json!({ "refresh_token": canary(name), "access_scopes": { "read": ["orders:read"], "write": ["orders:write"] } }),
    )
}

fn grant(access: Access) -> Grant {
    Grant::new("oauth2-api", API).with_access(access)
}

/// Each answer's refresh token is the next call's, over expiries, grants side by side, and another opening of the
/// connector.
#[tokio::test]
async fn rotated_refresh_tokens_are_used_once_each() -> Result<()> {
    let (clock, server, cx) = world(Quirk::None);
    let cx = cx.with_kept(Drawer::default());
    let ours = open("refresh-token", login("refresh_token"))?;
    let read = ours.resource(&cx, grant(Access::Read)).await?;
    let write = ours.resource(&cx, grant(Access::Write)).await?;
    for _ in 0..3 {
        let (read, write) = tokio::join!(read.envelope(), write.envelope());
        assert!(read?.narrowed.is_narrowed() && write?.narrowed.is_narrowed());
        clock.advance(LIFE);
    }
    let again = open("refresh-token", login("refresh_token"))?;
    again.resource(&cx, grant(Access::Read)).await?.envelope().await?;

    let mut used: Vec<_> = server.calls().iter().map(|call| call["refresh_token"].clone()).collect();
    assert_eq!((used.len(), &used[0]), (7, &canary("refresh_token")));
    used.sort();
    used.dedup();
    assert_eq!(used.len(), 7, "a refresh token was used twice");
    assert!(server.login_is_good());
    Ok(())
}

/// The new refresh token is kept before the access token is used: what cannot be kept is not released.
#[tokio::test]
async fn a_refresh_token_that_cannot_be_kept_is_an_error() -> Result<()> {
    let (_, server, cx) = world(Quirk::None);
    let cx = cx.with_kept(Drawer { jammed: true, ..Drawer::default() });
    let ours = open("refresh-token", login("refresh_token"))?;
    let error =
        ours.resource(&cx, grant(Access::Read)).await?.envelope().await.expect_err("it cannot be kept");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(error.message(), "the server replaced the refresh token, and the new one could not be kept");
    assert_eq!(server.calls().len(), 1);
    Ok(())
}

/// A new login in the config is used, not what descends from the old one.
#[tokio::test]
async fn an_updated_login_replaces_what_was_kept() -> Result<()> {
    let (_, server, cx) = world(Quirk::None);
    let cx = cx.with_kept(Drawer::default());
    open("refresh-token", login("refresh_token"))?
        .resource(&cx, grant(Access::Read))
        .await?
        .envelope()
        .await?;
    let updated = open("refresh-token", login("another_login"))?;
    let error =
        updated.resource(&cx, grant(Access::Read)).await?.envelope().await.expect_err("no such login");
    assert_eq!(server.calls()[1]["refresh_token"], canary("another_login"));
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|it| it.contains("log in again")), "{error:?}");
    Ok(())
}

/// A server that lets refresh tokens be has nothing kept for it.
#[tokio::test]
async fn a_refresh_token_that_stays_is_not_kept() -> Result<()> {
    let (clock, server, cx) = world(Quirk::Keeps);
    let drawer = Drawer { jammed: true, ..Drawer::default() };
    let cx = cx.with_kept(drawer);
    let ours = open("refresh-token", login("refresh_token"))?.resource(&cx, grant(Access::Read)).await?;
    for _ in 0..2 {
        ours.envelope().await?;
        clock.advance(LIFE);
    }
    assert!(server.calls().iter().all(|call| call["refresh_token"] == canary("refresh_token")));
    Ok(())
}
