use connector_conformance::{CANARY, Scripted, assert_silent, json_answer};
use connector_core::{ErrorKind, Grant, Parsed};
use serde_json::json;

use super::super::testing::{call, connector, place, session_at};
use super::*;
use crate::session::Place;
use crate::testing::{SUBSCRIPTION, header, refusal};

fn all() -> Session {
    session_at(Place { subscription: None, ..place() })
}

fn listed(entries: &[(&str, &str, &str)]) -> connector_core::Response {
    let value: Vec<_> = entries
        .iter()
        .map(|(id, name, state)| {
            json!({ "id": format!("/subscriptions/{id}"), "subscriptionId": id, "displayName": name, "state": state })
        })
        .collect();
    json_answer(200, &json!({ "value": value }))
}

const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";

#[test]
fn ids_are_read_in_every_form() {
    for text in [SUBSCRIPTION, &SUBSCRIPTION.to_uppercase(), &format!("/subscriptions/{SUBSCRIPTION}")] {
        let Parsed::Exact { resource, within: None } = AzureGeneric::parse(text).expect("an id") else {
            panic!("{text} is exact")
        };
        assert_eq!(resource.id(), SUBSCRIPTION);
    }
    assert_eq!(AzureGeneric::parse("My Team (prod)").expect("a name"), Parsed::partial("My Team (prod)"));
    for text in ["", "a/b", "a\nb", "subscriptions/x", "/subscriptions/", &"x".repeat(65)] {
        let error = AzureGeneric::parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn a_name_is_completed_and_several_are_listed() {
    let entries = [
        (SUBSCRIPTION, "Team", "Enabled"),
        (OTHER, "team", "Enabled"),
        ("cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee", "Old", "Disabled"),
    ];
    let resolve = async |name: &str| {
        let world = Scripted::new().answers(listed(&entries));
        AzureGeneric::resolve(name, &all(), &call(&world.context())).await
    };
    let error = resolve("TEAM").await.expect_err("two have this name");
    assert!(error.message().contains(SUBSCRIPTION) && error.message().contains(OTHER), "{error:?}");
    // One that is disabled is none.
    assert_eq!(resolve("Old").await.expect_err("disabled").kind(), ErrorKind::NotFound);
    let world = Scripted::new().answers(listed(&entries[..1]));
    let found = AzureGeneric::resolve("team", &all(), &call(&world.context())).await.expect("one");
    assert_eq!(found.id(), SUBSCRIPTION);
}

/// Without an id the connector's own subscription is meant, or the one that its identity sees.
#[tokio::test]
async fn no_id_is_needed_where_there_is_one_subscription() {
    const { assert!(!AzureGeneric::ABOUT.instances) };
    assert_eq!(AzureGeneric::only(&SUBSCRIPTION.to_uppercase()).expect("the one").id(), SUBSCRIPTION);
    let entries = [(SUBSCRIPTION, "a", "Enabled"), (OTHER, "b", "Enabled")];
    let world = Scripted::new().answers(listed(&entries[..1])).answers(listed(&entries));
    let cx = world.context();
    let found = AzureGeneric::resolve("", &all(), &call(&cx)).await.expect("one");
    assert_eq!(found.id(), SUBSCRIPTION);
    let error = AzureGeneric::resolve("", &all(), &call(&cx)).await.expect_err("two");
    assert!(error.message().contains(SUBSCRIPTION) && error.message().contains(OTHER), "{error:?}");
}

/// Lists go on to their last page, and only as long as the service itself says where.
#[tokio::test]
async fn pages_are_followed_at_home_alone() {
    let page = |next: &str| {
        let entry = json!({ "subscriptionId": SUBSCRIPTION, "displayName": "a", "state": "Enabled" });
        json_answer(200, &json!({ "value": [entry], "nextLink": next }))
    };
    let world = Scripted::new()
        .answers(page("https://management.azure.com/subscriptions?page=2"))
        .answers(listed(&[(OTHER, "b", "Enabled")]));
    let listing = AzureGeneric::list(&all(), &call(&world.context())).await.expect("a list");
    assert_eq!(listing.ids, [SUBSCRIPTION, OTHER]);
    let bearer = format!("Bearer {CANARY}-first");
    for request in world.sent() {
        assert_eq!(header(&request, "authorization"), Some(bearer.as_str()));
    }
    // The port of https is where it was already.
    let world = Scripted::new()
        .answers(page("https://management.azure.com:443/subscriptions?page=2"))
        .answers(listed(&[(OTHER, "b", "Enabled")]));
    let listing = AzureGeneric::list(&all(), &call(&world.context())).await.expect("a list");
    assert_eq!(listing.ids, [SUBSCRIPTION, OTHER]);
    // C19: the token goes to nobody else, and a list ends.
    for next in [
        "https://management.azure.com:444/subscriptions",
        "http://management.azure.com:443/subscriptions",
        "https://evil.example.org/subscriptions",
        "http://management.azure.com/subscriptions",
        "https://management.azure.com@evil.example.org/",
        "https://management.azure.com/subscriptions?api-version=2022-12-01",
        "/subscriptions?page=2",
    ] {
        let world = Scripted::new().answers(page(next));
        let error = AzureGeneric::list(&all(), &call(&world.context())).await.expect_err(next);
        assert_eq!(world.sent().len(), 1, "{next}");
        assert_silent(&error);
    }
}

#[tokio::test]
async fn what_the_identity_may_not_see_is_told() {
    let world = Scripted::new().answers(refusal(403, "AuthorizationFailed"));
    let session = super::super::testing::session();
    let error = AzureGeneric::list(&session, &call(&world.context())).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("subscriptions.get"), "{error:?}");
    assert_silent(&error);
}

/// The token is the credential; a part is another service's, and is asked for as such.
#[tokio::test]
async fn s3_a_token_for_one_service_is_issued() {
    let world = Scripted::new();
    let connector = connector(world.context());
    let grant = Grant::new(AzureGeneric::ID, SUBSCRIPTION);
    let handle = connector.resource::<AzureGeneric>(grant.clone()).await.expect("a handle");
    let issued = handle.issue().await.expect("a token");
    let (token, audience) = issued.credential.token().expect("a token");
    assert_eq!((token.expose(), audience), (format!("{CANARY}-0").as_str(), "https://management.azure.com"));
    assert_eq!(issued.credential.subscription_id.as_deref(), Some(SUBSCRIPTION));
    assert!(!issued.narrowing().is_narrowed());

    let vault = grant.clone().with_within("https://vault.azure.net");
    let handle = connector.resource::<AzureGeneric>(vault).await.expect("a handle");
    let issued = handle.issue().await.expect("a token");
    assert_eq!(issued.credential.token().expect("a token").1, "https://vault.azure.net");

    let error =
        connector.resource::<AzureGeneric>(grant.with_within("secrets")).await.expect_err("no service");
    assert!(format!("{error:?}").contains("within"), "{error:?}");
    assert_eq!(world.sent().len(), 0);
}
