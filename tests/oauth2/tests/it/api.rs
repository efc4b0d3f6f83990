//! The resource type `oauth2-api`, and what is made of its credentials.

use connector_core::{Access, Connector, ErrorKind, Grant, Registry, Result};
use connector_oauth2::{ApiClient, OAuth2, auth::ClientCredentials, resource::OAuth2Api};
use serde_json::json;

use crate::server::{API, CLIENT, LIFE, Quirk, TOKEN_URL};
use crate::{client, open, world};

/// S32: a client goes on when a token ends, one call for each.
#[tokio::test]
async fn s32_the_client_goes_on_when_a_token_ends() -> Result<()> {
    let (clock, server, cx) = world(Quirk::None);
    let secret = connector_conformance::canary("client_secret");
    let method = ClientCredentials::new(TOKEN_URL.parse()?, CLIENT, secret);
    let api = Connector::<OAuth2>::new(cx, method).resource::<OAuth2Api>(API).await?;
    let client: ApiClient = api.client().await?;
    for calls in 1..=3 {
        assert_eq!(client.get("/orders").await?.status(), 200);
        assert_eq!(client.get("/orders/1").await?.status(), 200);
        assert_eq!(server.calls().len(), calls);
        clock.advance(LIFE);
    }
    let error = client.get("/../v2").await.expect_err("it leads away");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

/// S34: what is narrowed to reading cannot write.
#[tokio::test]
async fn s34_a_reader_cannot_write() -> Result<()> {
    let (_, _, cx) = world(Quirk::None);
    let scopes =
        json!({ "access_scopes": { "read": ["orders:read"], "write": ["orders:read", "orders:write"] } });
    let ours = open("client-credentials", client(scopes))?;
    for (access, status) in [(Access::Read, 403), (Access::Write, 200)] {
        let handle = ours.resource(&cx, Grant::new("oauth2-api", API).with_access(access)).await?;
        let client: ApiClient = handle.client().await?;
        assert_eq!(client.send("POST", "/orders", b"{}".to_vec()).await?.status(), status);
    }
    Ok(())
}

/// S20: verifying asks the API itself, and says what it says.
#[tokio::test]
async fn s20_an_api_that_does_not_take_the_token_is_found_out() -> Result<()> {
    let (_, _, cx) = world(Quirk::None);
    let good = open("client-credentials", client(json!({})))?;
    good.resource(&cx, Grant::new("oauth2-api", API)).await?.reach().await?;
    let foreign = json!({ "access_token": "made-elsewhere", "expires_at": "2026-01-01T01:00:00Z" });
    let error = open("token", foreign)?.resource(&cx, Grant::new("oauth2-api", API)).await?.reach().await;
    let error = error.expect_err("it is not this server's");
    assert_eq!(error.to_string(), format!("{API} does not take the token"));
    Ok(())
}

/// A token stays out of curl's arguments.
#[tokio::test]
async fn curl_takes_it_from_its_config() -> Result<()> {
    let (_, _, cx) = world(Quirk::None);
    let envelope = open("client-credentials", client(json!({})))?
        .resource(&cx, Grant::new("oauth2-api", API))
        .await?
        .envelope()
        .await?;
    let registry = Registry::of(connector_oauth2::REGISTRATIONS)?;
    let token = envelope.fields.expect_secret("access_token")?;
    let expected = format!("header = \"Authorization: Bearer {}\"\n", token.expose());
    assert_eq!(registry.tool(&envelope, "curl")?.expose(), expected);
    Ok(())
}
