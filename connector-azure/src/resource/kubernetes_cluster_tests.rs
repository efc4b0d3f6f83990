//! Tests of `kubernetes-cluster`.

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::Response;
use serde_json::json;

use super::*;
use crate::resource::testing::{call, place, session, session_at};
use crate::session::Place;
use crate::testing::{ARM, SUBSCRIPTION, refusal};

const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";
const ID: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/my-group/demo";
const PATH: &str = "/subscriptions/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/resourceGroups/my-group/providers/\
    Microsoft.ContainerService/managedClusters/demo";

fn demo() -> KubernetesCluster {
    match KubernetesCluster::parse(ID) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("no complete id: {other:?}"),
    }
}

fn wanted() -> Wanted {
    Wanted::new(Access::Read)
}

fn everywhere() -> Place {
    Place { subscription: None, ..place() }
}

fn in_group(group: &str) -> Place {
    Place { group: Some(ResourceGroup::parse(group).expect("a group")), ..place() }
}

/// S17: three parts are complete, in one spelling; what leaves out a part is left to the session.
#[test]
fn s17_accepted_forms() {
    let arm =
        |kind: &str| format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/My-Group/providers/{kind}/Demo");
    check_accepted::<KubernetesCluster>(&[
        (ID, exact(ID), "canonical"),
        (&ID.to_uppercase(), exact(ID), "Azure tells no upper from lower case"),
        (&arm(KIND), exact(ID), "its id in Resource Manager"),
        (&arm(KIND)[1..], exact(ID), "the same without the slash in front"),
        (&arm("microsoft.containerservice/MANAGEDCLUSTERS"), exact(ID), "as some answers of Azure spell it"),
        ("my-group/demo", partial("my-group/demo"), "the subscription is the session's"),
        ("My-Group/demo", partial("My-Group/demo"), "in another case"),
        ("demo_1", partial("demo_1"), "the name alone"),
        ("my_group.(x)-1/d", partial("my_group.(x)-1/d"), "all that a group's name may have"),
    ]);
}

#[test]
fn s17_refused_forms() {
    let long = "a".repeat(64);
    check_refused::<KubernetesCluster>(&[
        ("", "a cluster name", "nothing"),
        (&long, "a cluster name", "64 characters"),
        ("-demo", "a cluster name", "a hyphen in front"),
        ("demo_", "a cluster name", "an underscore behind"),
        ("de mo", "a cluster name", "a blank"),
        ("demo?x=1", "a cluster name", "a query"),
        ("..", "a cluster name", "dots would change the URL"),
        ("../demo", "a resource group", "in place of a group"),
        ("group./demo", "a resource group", "a dot behind"),
        ("/demo", "a resource group", "no group"),
        ("group/", "a cluster name", "no name"),
        ("sub/group/demo", "the id of a subscription", "a subscription by its name"),
        (&format!("{SUBSCRIPTION}/group/demo/x"), "number of parts", "four parts"),
        (&format!("{SUBSCRIPTION}//demo"), "a resource group", "no group"),
        ("https://demo-dns.hcp.westeurope.azmk8s.io", "the address", "an address tells no group"),
        ("europe-west1/demo/x", "the id of a subscription", "another cloud"),
        (
            &format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Web/sites/demo"),
            "something else than a cluster",
            "another type",
        ),
        (&format!("/subscriptions/{SUBSCRIPTION}"), "the id of a subscription", "a subscription alone"),
        (&format!("{PATH}/agentPools/one"), "something else than a cluster", "a part of a cluster"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<KubernetesCluster>(&[ID, PATH, "my-group/demo", "demo"]);
}

async fn resolve(text: &str, place: Place, world: &Scripted) -> Result<String> {
    let cx = world.context();
    KubernetesCluster::resolve(text, &session_at(place), &call(&cx)).await.map(|it| it.id())
}

/// S18: what the connector says needs no call, in whichever case.
#[tokio::test]
async fn s18_what_the_connector_names_completes_an_id() {
    let silent = Scripted::new();
    for text in ["my-group/demo", "MY-GROUP/Demo", ID, PATH] {
        assert_eq!(resolve(text, place(), &silent).await.expect(text), ID);
    }
    assert_eq!(resolve("Demo", in_group("MY-group"), &silent).await.expect("its group"), ID);
    let error = resolve("their-group/demo", in_group("my-group"), &silent).await.expect_err("theirs");
    assert_eq!(error.field_problems()[0].field, "resource_id");
    assert!(error.message().contains("of group their-group, the connector is for my-group"), "{error}");
    assert!(resolve("", place(), &silent).await.is_err());
    assert!(silent.sent().is_empty());
}

fn subscribed(ids: &[&str]) -> Response {
    let value: Vec<_> = ids.iter().map(|id| json!({ "subscriptionId": id, "state": "Enabled" })).collect();
    json_answer(200, &json!({ "value": value }))
}

/// Clusters as Resource Manager lists them.
fn listed(ids: &[(&str, &str, &str)]) -> Response {
    let one = |(subscription, group, name): &(&str, &str, &str)| {
        let id = format!("/subscriptions/{subscription}/resourcegroups/{group}/providers/{KIND}/{name}");
        json!({ "id": id, "name": name, "location": "westeurope", "properties": {} })
    };
    json_answer(200, &json!({ "value": ids.iter().map(one).collect::<Vec<_>>() }))
}

fn lists(subscription: &str) -> String {
    format!("GET {ARM}/subscriptions/{subscription}/providers/{KIND}?api-version=2024-05-01")
}

/// S18: a name is completed when there is one of it over all subscriptions; several are listed.
#[tokio::test]
async fn s18_a_name_is_completed_or_its_candidates_are_listed() {
    let answers = || {
        [
            subscribed(&[OTHER, SUBSCRIPTION]),
            listed(&[(SUBSCRIPTION, "My-Group", "Demo"), (SUBSCRIPTION, "MY-GROUP", "twin")]),
            listed(&[(OTHER, "theirs", "twin"), (OTHER, "theirs", "other")]),
        ]
    };
    let find = async |text: &str| {
        let world = Scripted::answering(answers());
        let out = resolve(text, everywhere(), &world).await;
        let subscriptions = format!("GET {ARM}/subscriptions?api-version=2022-12-01");
        assert_eq!(world.lines(), [subscriptions, lists(SUBSCRIPTION), lists(OTHER)]);
        out
    };
    assert_eq!(find("demo").await.expect("one"), ID);
    assert_eq!(find("my-GROUP/twin").await.expect("of the group"), format!("{SUBSCRIPTION}/my-group/twin"));
    let error = find("twin").await.expect_err("two");
    assert_eq!((error.kind(), &*error.field_problems()[0].field), (ErrorKind::InvalidInput, "resource_id"));
    assert!(error.message().contains("2 clusters are called `twin`"), "{error}");
    let both = format!("{SUBSCRIPTION}/my-group/twin, {OTHER}/theirs/twin");
    assert!(error.hint().is_some_and(|it| it.contains(&both)), "{error:?}");
    let error = find("gone").await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// S18: where a subscription could not be looked into, nobody knows that there is none.
#[tokio::test]
async fn s18_a_name_that_may_be_where_nobody_may_look_is_not_said_to_be_none() {
    let world = Scripted::answering([
        subscribed(&[SUBSCRIPTION, OTHER]),
        refusal(403, "AuthorizationFailed"),
        listed(&[(OTHER, "theirs", "other")]),
    ]);
    let error = resolve("gone", everywhere(), &world).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().ends_with(&format!("these could not: {SUBSCRIPTION}")), "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("SUBSCRIPTION-ID/GROUP/CLUSTER")));
    assert_silent(&error);
}

/// S18: which cluster a name means does not hang on whether a subscription answers just now. One that the identity may
/// not look into has none that it could mean.
#[tokio::test]
async fn s18_a_name_is_not_completed_while_a_subscription_does_not_answer() {
    let answers = |other: Response| {
        let found = listed(&[(SUBSCRIPTION, "my-group", "demo")]);
        [subscribed(&[SUBSCRIPTION, OTHER]), found].into_iter().chain(vec![other; 3])
    };
    let world = Scripted::answering(answers(refusal(503, "ServiceUnavailable")));
    let error = resolve("demo", everywhere(), &world).await.expect_err("perhaps there are two");
    assert!(error.is_transient(), "{error:?}");
    assert!(error.message().contains(&format!("{OTHER} did not answer")), "{error}");
    assert!(error.hint().is_some_and(|it| it.contains(ID)), "{error:?}");
    assert_silent(&error);
    let world = Scripted::answering(answers(refusal(403, "AuthorizationFailed")));
    assert_eq!(resolve("demo", everywhere(), &world).await.expect("the one that is seen"), ID);
}

/// S15: Resource Manager that asks to slow down is asked again when it said, and not before.
#[tokio::test]
async fn s15_a_listing_waits_as_long_as_resource_manager_asks() {
    let busy = json_answer(429, &json!({ "error": { "code": "SubscriptionRequestsThrottled" } }));
    let busy = Response::new(429, vec![("retry-after".to_owned(), "17".to_owned())], busy.body().to_vec());
    let world = Scripted::answering([busy, listed(&[(SUBSCRIPTION, "my-group", "demo")])]);
    let cx = world.context();
    let listing = KubernetesCluster::list(&session_at(place()), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, [ID]);
    assert_eq!(world.lines(), [lists(SUBSCRIPTION), lists(SUBSCRIPTION)]);
    assert!(world.sleeps()[0] >= std::time::Duration::from_secs(17), "{:?}", world.sleeps());
}

/// S15, S27: subscriptions side by side, each to its last page; one that is not allowed hides none of the others.
#[tokio::test]
async fn s15_the_listing_goes_through_all_subscriptions() {
    const THIRD: &str = "cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee";
    let next = format!("{ARM}/subscriptions/{THIRD}/providers/{KIND}?api-version=2024-05-01&$skiptoken=2");
    let id = |name: &str| format!("/subscriptions/{THIRD}/resourceGroups/g/providers/{KIND}/{name}");
    let page = json_answer(200, &json!({ "value": [{ "id": id("b") }], "nextLink": next }));
    let described = json!({ "value": [
        { "id": id("a"), "properties": { "powerState": { "code": "Stopped" }, "privateFQDN": null } },
        { "id": id("p"), "properties": { "privateFQDN": "p.privatelink.westeurope.azmk8s.io" } },
        { "id": "/hunter2?" }, { "id": id("not a name") }, {},
    ] });
    let world = Scripted::answering([
        subscribed(&[OTHER, THIRD, SUBSCRIPTION]),
        listed(&[(SUBSCRIPTION, "My-Group", "Demo")]),
        refusal(403, "AuthorizationFailed"),
        page,
        json_answer(200, &described),
    ]);
    let cx = world.context();
    let listing = KubernetesCluster::list(&session_at(everywhere()), &call(&cx)).await.expect("a listing");
    assert_eq!(
        listing.ids,
        [ID.to_owned(), format!("{THIRD}/g/a"), format!("{THIRD}/g/b"), format!("{THIRD}/g/p")]
    );
    let [failure] = &listing.failures[..] else { panic!("one: {:?}", listing.failures) };
    assert_eq!((&*failure.place, failure.error.kind()), (OTHER, ErrorKind::Refused));
    assert_silent(&failure.error);
    let [stopped, private] = &listing.notes[..] else { panic!("two: {:?}", listing.notes) };
    assert!(stopped.starts_with("stopped") && stopped.ends_with(&format!(": {THIRD}/g/a")), "{stopped}");
    assert!(private.starts_with("private") && private.ends_with(&format!(": {THIRD}/g/p")), "{private}");
    assert_eq!(world.lines()[1..4], [lists(SUBSCRIPTION), lists(OTHER), lists(THIRD)]);
    assert_eq!(world.lines()[4], format!("GET {next}"));
}

/// S15: only where the connector looks, and that it may not is told as it is.
#[tokio::test]
async fn s15_the_listing_is_the_connectors_subscription_and_group() {
    let world = Scripted::answering([listed(&[(SUBSCRIPTION, "MY-GROUP", "demo")])]);
    let cx = world.context();
    let listing =
        KubernetesCluster::list(&session_at(in_group("My-Group")), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, [ID]);
    let path = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/My-Group/providers/{KIND}");
    assert_eq!(world.lines(), [format!("GET {ARM}{path}?api-version=2024-05-01")]);

    let cx = Scripted::answering([refusal(403, "AuthorizationFailed")]).context();
    let error = KubernetesCluster::list(&session(), &call(&cx)).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains(LIST), "{error}");
    assert_silent(&error);

    // A group is in one of many subscriptions; that it is in none is told.
    let group = Place { subscription: None, ..in_group("my-group") };
    let missing = || refusal(404, "ResourceGroupNotFound");
    let both = || subscribed(&[SUBSCRIPTION, OTHER]);
    let world = Scripted::answering([both(), listed(&[(SUBSCRIPTION, "my-group", "demo")]), missing()]);
    let listing = KubernetesCluster::list(&session_at(group.clone()), &call(&world.context())).await;
    let listing = listing.expect("a listing");
    assert_eq!((listing.ids, listing.failures.len()), (vec![ID.to_owned()], 0));
    let world = Scripted::answering([both(), missing(), missing()]);
    let error =
        KubernetesCluster::list(&session_at(group), &call(&world.context())).await.expect_err("nowhere");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("my-group"), "{error}");
}

/// S19: a cluster elsewhere is refused without a call.
#[tokio::test]
async fn s19_another_place_is_refused_without_a_call() {
    let silent = Scripted::new();
    let cx = silent.context();
    for (text, place, says) in [
        (format!("{OTHER}/my-group/demo"), place(), "of subscription bbbbbbbb"),
        (ID.to_owned(), in_group("theirs"), "of group my-group, the connector is for theirs"),
    ] {
        let Ok(Parsed::Exact { resource, .. }) = KubernetesCluster::parse(&text) else { panic!("an id") };
        let session = session_at(place);
        for error in [
            resource.issue(&wanted(), &session, &call(&cx)).await.expect_err("elsewhere"),
            resource.reach(&wanted(), &session, &call(&cx)).await.expect_err("elsewhere"),
        ] {
            assert_eq!(error.field_problems()[0].field, "resource_id");
            assert!(error.message().contains(says), "{error}");
        }
    }
    assert!(demo().check_scope(&SUBSCRIPTION.to_uppercase()).is_ok());
    assert!(demo().check_scope(OTHER).is_err());
    assert!(silent.sent().is_empty());
}

#[test]
fn a_cluster_has_no_parts_and_no_boundary() {
    assert_eq!(demo().narrowing(&wanted()).expect("nothing to say"), None);
    assert!(demo().narrowing(&wanted().with_within("default")).is_err());
    assert!(demo().carried(&wanted()).is_empty(), "what may be done is said elsewhere");
    let of = KubernetesCluster::permissions;
    assert_eq!(of(Access::Read), of(Access::Write));
    assert!(of(Access::Admin).contains(&ADMIN.permission) && !of(Access::Write).contains(&ADMIN.permission));
    let demo = demo();
    assert_eq!((demo.group().as_str(), demo.name().as_str()), ("my-group", "demo"));
    assert_eq!(demo.subscription().as_str(), SUBSCRIPTION);
}
