//! Identity from another connector.

use std::time::Duration;

use connector_core::{Base, Document, ErrorKind, Expiry, Result, Terms};
use serde_json::json;

use crate::acme::{Acme, Bucket, Role, World, json, shown};
use crate::third_party;

fn login() -> Document {
    Document::draft("base", "acme", "login", json(json!({"key": "{{.key}}"})))
}

#[tokio::test]
async fn a_source_lends_its_one_shared_session() -> Result<()> {
    let world = World::default();
    world.hub.put("base", world.open(&login()));
    let connector = world.connector(Role::with_source("base"));
    for id in ["acme://data", "acme://logs"] {
        connector.resource::<Bucket>(id).await?.issue().await?;
    }
    let roles = ["role?policy=read:data/*&seconds=3600", "role?policy=read:logs/*&seconds=3600"];
    assert_eq!(world.cloud.calls(), ["login?seconds=43200", roles[0], roles[1]]);
    Ok(())
}

#[tokio::test]
async fn a_missing_source_or_one_of_another_type_is_an_error_that_names_it() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Role::with_source("base"));
    let error = connector.session().await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "the source connector `base` gives no session: no connector `base`");

    let config = json(json!({"key": crate::acme::CANARY}));
    let document = Document::draft("base", "forge", "personal-key", config.clone());
    let forge = connector_core::Registry::of(third_party::REGISTRATIONS)?.open(&document, config);
    world.hub.put("base", forge);
    let error = connector.session().await.expect_err("it is a forge");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(shown(&error).contains("the connector is of type `forge`, not `acme`"), "{error}");
    assert_eq!(error.connector(), Some("base"));
    Ok(())
}

#[tokio::test]
async fn s38_who_takes_his_identity_from_a_connector_does_not_outlive_its_end() -> Result<()> {
    let world = World::default();
    let mut document = login();
    document.expires_at = Some(world.cx.now() + Duration::from_secs(1800));
    world.hub.put("base", world.open(&document));
    let issued =
        world.connector(Role::with_source("base")).resource::<Bucket>("acme://data").await?.issue().await?;
    assert_eq!(issued.expiry.left(world.cx.now()), Some(Duration::from_secs(1800)));
    Ok(())
}

#[tokio::test]
async fn the_source_works_under_its_own_terms() -> Result<()> {
    let world = World::default();
    world.hub.put("base", world.open(&Document { duration: Some(Duration::from_secs(7200)), ..login() }));
    let terms = Terms::default().with_duration(Duration::from_secs(900));
    world.with_terms(Role::with_source("base"), terms).session().await?;
    assert_eq!(world.cloud.calls(), ["login?seconds=7200", "role?policy=-&seconds=900"]);
    let base = Base::<Acme>::new("base").session(&world.cx).await?;
    assert_eq!(base.expiry, Expiry::At(world.cx.now() + Duration::from_secs(7200)));
    Ok(())
}
