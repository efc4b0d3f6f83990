//! Native clients, typed and by name.

use connector_core::{AnyHandle, Document, ErrorKind, Grant, Handle, Result};
use serde_json::json;

use crate::acme::{Bucket, BucketClient, CANARY, Client, Login, World, json};

async fn handle(world: &World, grant: Grant) -> Result<AnyHandle> {
    let document = Document::draft("it", "acme", "login", json(json!({"key": "{{.key}}"})));
    world.open(&document)?.resource(&world.cx, grant).await
}

#[tokio::test]
async fn s51_a_typed_handle_gives_the_clients_of_its_kind_and_of_its_resource_type() -> Result<()> {
    let world = World::default();
    let handle: Handle<Bucket> = world.connector(Login::new()).resource("acme://data").await?;
    let client: Client = handle.client().await?;
    assert_eq!(client.0.issue().await?.credential.token.expose(), format!("{CANARY}-token-1"));
    let bucket = handle.client::<BucketClient>().await?;
    assert_eq!(bucket.name, "data");
    // Both share what is cached.
    assert!(bucket.source.cached().is_some());
    Ok(())
}

#[tokio::test]
async fn s51_so_does_a_handle_by_name() -> Result<()> {
    let world = World::default();
    let handle = handle(&world, Grant::new("bucket", "acme://data")).await?;
    handle.client::<Client>().await?.0.issue().await?;
    assert_eq!(handle.client::<BucketClient>().await?.name, "data");
    Ok(())
}

#[tokio::test]
async fn by_name_a_wrong_client_is_an_error_that_lists_what_is_possible() -> Result<()> {
    let world = World::default();
    let bucket = handle(&world, Grant::new("bucket", "acme://data")).await?;
    let error = bucket.client::<String>().await.expect_err("nobody builds that");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let possible = "possible: it::acme::resources::BucketClient, it::acme::resources::Client";
    assert_eq!(
        error.message(),
        format!("a credential of kind `acme-keys` gives no `alloc::string::String`; {possible}")
    );
    let database = handle(&world, Grant::new("database", "db")).await?;
    assert_eq!(database.clients(), ["it::acme::resources::Client"]);
    assert!(database.client::<BucketClient>().await.is_err());
    Ok(())
}
