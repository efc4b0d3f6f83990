//! What is asked for: ids in all forms, parts, access levels, and what the connector fixes.

use connector_core::{Access, Connector, Document, ErrorKind, Grant, Handle, Result, Terms};
use serde_json::json;

use crate::acme::{Acme, Bucket, Database, Login, Role, World, json, poll_once, shown};

#[tokio::test]
async fn s17_all_forms_of_an_id_are_one_resource() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Role::with_key());
    for (id, within) in
        [("acme://data", None), ("acme://data/", None), ("acme://data/in", Some("in")), ("log*", None)]
    {
        let handle: Handle<Bucket> = connector.resource(id).await?;
        assert_eq!(handle.resource().0, if id == "log*" { "logs" } else { "data" });
        assert_eq!(handle.wanted().within.as_deref(), within, "{id}");
        let again: Handle<Bucket> = connector.resource(handle.grant()).await?;
        assert_eq!(again.grant(), handle.grant(), "{id}");
    }
    Ok(())
}

#[test]
fn a_complete_id_waits_for_nothing() {
    let world = World::default();
    let connector = world.connector(Role::with_key());
    let mut opening = Box::pin(connector.resource::<Bucket>("acme://data"));
    assert!(poll_once(&mut opening).is_some_and(|it| it.is_ok()));
    assert_eq!(world.cloud.calls(), [""; 0]);
}

#[tokio::test]
async fn a_partial_id_that_fits_several_lists_them() {
    let world = World::default();
    let connector = world.connector(Role::with_key());
    let error = connector.resource::<Bucket>("data*").await.expect_err("two fit");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(shown(&error).contains(r#"["acme://data", "acme://data-old"]"#), "{error}");
    let error = connector.resource::<Bucket>("nothing*").await.expect_err("none fits");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_part_that_means_nothing_or_contradicts_is_refused_before_any_call() {
    let world = World::default();
    let connector = world.connector(Role::with_key());
    let error = connector.resource::<Database>(Grant::from("db").with_within("rows")).await;
    assert_eq!(error.expect_err("it has none").field_problems()[0].field, "within");
    let error = connector.resource::<Bucket>(Grant::from("acme://data/in").with_within("out")).await;
    assert_eq!(error.expect_err("which one?").field_problems()[0].field, "within");
    let error = connector.resource::<Bucket>(Grant::new("database", "acme://data")).await;
    assert_eq!(error.expect_err("another type").field_problems()[0].field, "resource_type");
    assert_eq!(world.cloud.calls(), [""; 0]);
}

#[tokio::test]
async fn s34_the_provider_is_asked_for_this_resource_this_part_and_this_access_only() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Role::with_key());
    let read: Handle<Bucket> = connector.resource("acme://data").await?;
    let write: Handle<Bucket> =
        connector.resource(Grant::from("acme://data/in").with_access(Access::Write)).await?;
    read.issue().await?;
    let issued = write.issue().await?;
    assert_eq!(issued.narrowing().reason(), "a session policy");
    assert_eq!(
        world.cloud.calls(),
        ["role?policy=read:data/*&seconds=3600", "role?policy=write:data/in&seconds=3600"]
    );
    assert_eq!(write.plan()?[0].parameters[1], ("policy".into(), "write:data/in".into()));
    Ok(())
}

#[tokio::test]
async fn s24_what_cannot_be_narrowed_says_so_and_shares_one_session() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Login::new());
    for id in ["acme://data", "acme://logs"] {
        let issued = connector.resource::<Bucket>(id).await?.issue().await?;
        assert!(!issued.narrowing().is_narrowed());
        assert_eq!(issued.narrowing().reason(), "auth method `login` narrows nothing");
    }
    // The method narrows here, and the resource type cannot say how: again the one wide session.
    let role = world.connector(Role::with_key());
    assert!(!role.resource::<Database>("db").await?.issue().await?.narrowing().is_narrowed());
    role.session().await?;
    assert_eq!(world.cloud.calls(), ["login?seconds=43200", "role?policy=-&seconds=3600"]);
    Ok(())
}

fn fixed(world: &World, id: &str) -> Connector<Acme> {
    world.with_terms(Role::with_key(), Terms::default().with_resource_type("bucket").with_resource_id(id))
}

#[tokio::test]
async fn s16_a_connector_for_one_resource_serves_no_other_one() -> Result<()> {
    let world = World::default();
    for stored in ["acme://data", "acme://data/"] {
        let connector = fixed(&world, stored);
        assert_eq!(connector.resource::<Bucket>(Grant::default()).await?.resource().0, "data");
        assert_eq!(
            connector.resource::<Bucket>("acme://data/in").await?.wanted().within.as_deref(),
            Some("in")
        );
        for other in ["acme://logs", "log*"] {
            let error = connector.resource::<Bucket>(other).await.expect_err("it is another one");
            assert_eq!(error.message(), "resource_id: the connector serves `acme://data` only");
        }
        let error = connector.resource::<Database>("db").await.expect_err("it is another type");
        assert_eq!(error.message(), "resource_type: the connector serves `bucket` only");
    }
    // Stored as partial: completed first, and then the same holds.
    let connector = fixed(&world, "log*");
    assert_eq!(connector.resource::<Bucket>("acme://logs").await?.resource().0, "logs");
    assert!(connector.resource::<Bucket>("acme://data").await.is_err());
    // Stored with a part: nothing beside that part.
    let connector = fixed(&world, "acme://data/in");
    assert_eq!(connector.resource::<Bucket>("acme://data").await?.wanted().within.as_deref(), Some("in"));
    assert!(connector.resource::<Bucket>("acme://data/out").await.is_err());
    Ok(())
}

#[tokio::test]
async fn s16_a_stored_document_fixes_type_and_id_also_by_name() -> Result<()> {
    let world = World::default();
    let mut document = Document::draft("it", "acme", "login", json(json!({"key": "{{.key}}"})));
    document.resource_type = Some("bucket".into());
    document.resource_id = Some("acme://data".into());
    let connector = world.open(&document)?;
    let handle = connector.resource(&world.cx, Grant::default()).await?;
    assert_eq!(handle.grant(), Grant::new("bucket", "acme://data").with_access(Access::Read));
    assert!(connector.resource(&world.cx, Grant::from("acme://logs")).await.is_err());
    assert!(connector.resource(&world.cx, Grant::new("database", "db")).await.is_err());
    Ok(())
}

#[tokio::test]
async fn s15_s27_listing_tells_what_failed_from_what_is_empty() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Login::new());
    let listing = connector.list::<Bucket>().await?;
    assert_eq!(listing.ids, ["acme://data", "acme://data-old", "acme://logs"]);
    assert_eq!(
        (&*listing.failures[0].place, listing.failures[0].error.kind()),
        ("dark-side-1", ErrorKind::Refused)
    );
    let empty = connector.list::<Database>().await?;
    assert!(empty.ids.is_empty() && empty.failures.is_empty());
    connector.resource::<Bucket>("acme://data").await?.reach().await?;
    let error = connector.resource::<Bucket>("acme://elsewhere").await?.reach().await.expect_err("not there");
    assert_eq!(error.message(), "bucket `acme://elsewhere` is not among what is reached");
    Ok(())
}
