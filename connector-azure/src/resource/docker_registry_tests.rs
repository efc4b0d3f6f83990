//! Tests of `docker-registry`.

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, part, partial};
use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::Response;
use serde_json::json;

use super::*;
use crate::names::ResourceGroup;
use crate::resource::testing::{call, place, session_at};
use crate::session::Place;
use crate::testing::{ARM, SUBSCRIPTION, refusal};

const HOST: &str = "zenfiles.azurecr.io";
const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";

fn registry() -> DockerRegistry {
    of(HOST)
}

fn of(text: &str) -> DockerRegistry {
    match DockerRegistry::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("no complete id: {other:?}"),
    }
}

fn arm(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/My-Group/providers/{KIND}/{name}")
}

fn everywhere() -> Place {
    Place { subscription: None, ..place() }
}

#[test]
fn s17_accepted_forms() {
    let longest = format!("{}.azurecr.io", "a".repeat(63));
    check_accepted::<DockerRegistry>(&[
        (HOST, exact(HOST), "canonical"),
        ("ZenFiles.AzureCR.io", exact(HOST), "hosts have no case"),
        (&longest, exact(&longest), "63 characters"),
        ("https://zenfiles.azurecr.io", exact(HOST), "a URL"),
        ("https://ZENFILES.azurecr.io/", exact(HOST), "a URL with a slash"),
        ("zenfiles.azurecr.io/team/app", part(HOST, "team/app"), "a repository"),
        ("https://zenfiles.azurecr.io/app", part(HOST, "app"), "a repository in a URL"),
        (
            "zen-ebhmeyf7dscbdcbb.azurecr.io",
            exact("zen-ebhmeyf7dscbdcbb.azurecr.io"),
            "a label of Azure's choice",
        ),
        ("zenfiles.azurecr.us", exact("zenfiles.azurecr.us"), "the government's"),
        ("zenfiles.azurecr.cn/app", part("zenfiles.azurecr.cn", "app"), "China's"),
        ("zenfiles", partial("zenfiles"), "the name alone"),
        ("ZenFiles", partial("ZenFiles"), "names have no case"),
        ("zen-ebhmeyf7dscbdcbb", partial("zen-ebhmeyf7dscbdcbb"), "with Azure's label"),
        (&arm("ZenFiles"), partial(&arm("ZenFiles")), "its id in Resource Manager: the host is not in it"),
    ]);
}

#[test]
fn s17_refused_forms() {
    let long = format!("{}.azurecr.io", "a".repeat(64));
    check_refused::<DockerRegistry>(&[
        ("", "a registry name", "nothing"),
        ("zen", "a registry name", "three characters"),
        ("zen_files", "a registry name", "an underscore"),
        ("-zenfiles", "a registry name", "a hyphen in front"),
        (&long, "5 to 63", "64 characters"),
        ("zen.azurecr.io", "5 to 63", "three characters in front of the host's end"),
        (".azurecr.io", "5 to 63", "no name"),
        ("azurecr.io", "none of ACR's", "no registry"),
        ("http://zenfiles.azurecr.io", "https only", "in clear"),
        ("zenfiles.azurecr.io:443", "none of ACR's", "a port"),
        ("me@zenfiles.azurecr.io", "5 to 63", "a user"),
        ("zenfiles.azurecr.io.evil.example", "none of ACR's", "another host"),
        ("zenfilesazurecr.io", "none of ACR's", "no dot in between"),
        ("zenfiles.westeurope.data.azurecr.io", "keeps its data", "a data endpoint"),
        ("zenfiles.privatelink.azurecr.io", "not its login server", "an address of the inside"),
        ("zenfiles.azurecr.io/app:1.0", "without a tag", "a tag"),
        ("zenfiles.azurecr.io/App", "a repository's name", "upper case in a repository"),
        ("zenfiles.azurecr.io/..", "a repository's name", "dots would change the URL"),
        ("zenfiles.azurecr.io//app", "a repository's name", "an empty part"),
        ("zenfiles/app", "none of ACR's", "a name and a path may be Docker Hub's"),
        ("https://zenfiles", "none of ACR's", "a URL of a name alone"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "none of ACR's", "another cloud"),
        (&arm("zen files"), "a registry name", "an id with a name that is none"),
        (&arm("zenfiles").replace("registries", "others"), "something else than a registry", "another type"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<DockerRegistry>(&[
        HOST,
        "https://zenfiles.azurecr.io/team/app",
        "zenfiles",
        &arm("zenfiles"),
    ]);
}

fn listed(registries: &[(&str, &str, &str)]) -> Response {
    let one = |(subscription, name, host): &(&str, &str, &str)| {
        let id = format!("/subscriptions/{subscription}/resourceGroups/G/providers/{KIND}/{name}");
        json!({ "id": id, "name": name, "properties": { "loginServer": host, "adminUserEnabled": false } })
    };
    json_answer(200, &json!({ "value": registries.iter().map(one).collect::<Vec<_>>() }))
}

fn subscribed(ids: &[&str]) -> Response {
    let value: Vec<_> = ids.iter().map(|id| json!({ "subscriptionId": id, "state": "Enabled" })).collect();
    json_answer(200, &json!({ "value": value }))
}

fn lists(subscription: &str) -> String {
    format!("GET {ARM}/subscriptions/{subscription}/providers/{KIND}?api-version=2023-07-01")
}

async fn resolve(text: &str, place: Place, world: &Scripted) -> Result<String> {
    let cx = world.context();
    DockerRegistry::resolve(text, &session_at(place), &call(&cx)).await.map(|it| it.id())
}

/// S18: the host of a name is looked up, since Azure may have added to it; who may not look has it as it is.
#[tokio::test]
async fn s18_a_name_is_completed_by_its_login_server() {
    let labelled = (SUBSCRIPTION, "ZenFiles", "zenfiles-ebhmeyf7dscbdcbb.azurecr.io");
    let plain = (SUBSCRIPTION, "zenfiles", HOST);
    let government = Place { cloud: Cloud::Government, ..place() };
    let of_place = || place();
    for (text, place, answers, expected) in [
        ("ZENFILES", of_place(), vec![listed(&[plain, (SUBSCRIPTION, "other", "other.azurecr.io")])], HOST),
        ("zenfiles", of_place(), vec![listed(&[labelled])], labelled.2),
        ("zenfiles", of_place(), vec![listed(&[])], HOST),
        ("zenfiles", of_place(), vec![refusal(403, "AuthorizationFailed")], HOST),
        ("zenfiles", government, vec![listed(&[])], "zenfiles.azurecr.us"),
        ("Zen-ebhmeyf7dscbdcbb", of_place(), vec![], "zen-ebhmeyf7dscbdcbb.azurecr.io"),
    ] {
        let world = Scripted::answering(answers);
        assert_eq!(resolve(text, place, &world).await.expect(expected), expected);
    }
    let world = Scripted::answering([
        subscribed(&[SUBSCRIPTION, OTHER]),
        listed(&[labelled]),
        listed(&[(OTHER, "zenfiles", HOST)]),
    ]);
    let error = resolve("zenfiles", everywhere(), &world).await.expect_err("two");
    assert_eq!(error.field_problems()[0].field, "resource_id");
    assert!(error.hint().is_some_and(|it| it.contains(&format!("{}, {HOST}", labelled.2))), "{error:?}");
    // A subscription that does not answer may have another one of this name.
    let busy = vec![refusal(503, "ServiceUnavailable"); 3];
    for found in [listed(&[plain]), listed(&[])] {
        let answers = [subscribed(&[SUBSCRIPTION, OTHER]), found].into_iter().chain(busy.clone());
        let error =
            resolve("zenfiles", everywhere(), &Scripted::answering(answers)).await.expect_err("which");
        assert!(error.is_transient() && error.message().contains("did not answer"), "{error:?}");
        assert!(error.hint().is_some_and(|it| it.contains("login server")), "{error:?}");
    }
    // C18: a host of another name is not that registry's, and gets no token.
    let elsewhere =
        [(SUBSCRIPTION, "zenfiles", "zenfiles2.azurecr.io"), (SUBSCRIPTION, "zenfiles", "evil.azurecr.io")];
    let world = Scripted::answering([listed(&elsewhere)]);
    assert_eq!(resolve("zenfiles", place(), &world).await.expect("as it is"), HOST);
    // Who does not answer is not passed over.
    let world = Scripted::new().fails(Error::invalid("nobody is there"));
    assert!(resolve("zenfiles", place(), &world).await.is_err());
    assert!(resolve("", place(), &Scripted::new()).await.is_err());
}

/// S18, S19: an id of Resource Manager is looked up where the connector looks.
#[tokio::test]
async fn s18_an_id_of_resource_manager_is_looked_up() {
    let described =
        || json_answer(200, &json!({ "id": arm("ZenFiles"), "properties": { "loginServer": HOST } }));
    let world = Scripted::answering([described()]);
    assert_eq!(resolve(&arm("ZenFiles"), place(), &world).await.expect("its host"), HOST);
    let url = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/My-Group/providers/{KIND}/ZenFiles");
    assert_eq!(world.lines(), [format!("GET {ARM}{url}?api-version=2023-07-01")]);

    let silent = Scripted::new();
    let error = resolve(&arm("zenfiles").replace(SUBSCRIPTION, OTHER), place(), &silent).await;
    assert!(error.expect_err("elsewhere").message().contains("of subscription bbbbbbbb"));
    let group = Place { group: Some(ResourceGroup::parse("theirs").expect("a group")), ..place() };
    let error = resolve(&arm("zenfiles"), group, &silent).await.expect_err("elsewhere");
    assert!(error.message().contains("the connector is for theirs"), "{error}");
    assert!(silent.sent().is_empty());

    for (answer, kind, says) in [
        (
            refusal(404, "ResourceNotFound"),
            ErrorKind::NotFound,
            "no registry `zenfiles` in resource group `My-Group`",
        ),
        (refusal(403, "AuthorizationFailed"), ErrorKind::Refused, "not looked up"),
        (json_answer(200, &json!({ "properties": {} })), ErrorKind::Unreachable, "not Azure"),
        (
            json_answer(200, &json!({ "properties": { "loginServer": "hunter2.example.org" } })),
            ErrorKind::Unreachable,
            "not Azure",
        ),
        (
            json_answer(200, &json!({ "properties": { "loginServer": "hunter2.azurecr.io" } })),
            ErrorKind::Unreachable,
            "not Azure",
        ),
    ] {
        let error = resolve(&arm("zenfiles"), place(), &Scripted::answering([answer])).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
        assert_silent(&error);
    }
}

/// S15, S27: the login servers of all subscriptions; one that is not allowed hides none of the others.
#[tokio::test]
async fn s15_the_listing_goes_through_all_subscriptions() {
    let odd = json!({ "value": [
        { "id": arm("a"), "properties": { "loginServer": "Labelled-ebhmeyf7dscbdcbb.azurecr.io" } },
        { "id": arm("b"), "properties": { "loginServer": "another.azurecr.us" } },
        { "id": arm("c"), "properties": { "loginServer": "hunter2.example.org" } },
        { "id": arm("d"), "properties": {} }, {},
    ] });
    let world = Scripted::answering([
        subscribed(&[OTHER, SUBSCRIPTION]),
        json_answer(200, &odd),
        refusal(403, "AuthorizationFailed"),
    ]);
    let cx = world.context();
    let listing = DockerRegistry::list(&session_at(everywhere()), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, ["labelled-ebhmeyf7dscbdcbb.azurecr.io"]);
    let [failure] = &listing.failures[..] else { panic!("one: {:?}", listing.failures) };
    assert_eq!((&*failure.place, failure.error.kind()), (OTHER, ErrorKind::Refused));
    assert_silent(&failure.error);
    assert_eq!(world.lines()[1..], [lists(SUBSCRIPTION), lists(OTHER)]);

    let cx = Scripted::answering([refusal(403, "AuthorizationFailed")]).context();
    let error = DockerRegistry::list(&session_at(place()), &call(&cx)).await.expect_err("not allowed");
    assert!(error.kind() == ErrorKind::Refused && error.message().contains(LIST), "{error}");
}

#[test]
fn what_a_login_carries_is_told() {
    let of = DockerRegistry::permissions;
    let pull = "Microsoft.ContainerRegistry/registries/pull/read";
    assert_eq!(of(Access::Read), [READ, pull]);
    assert!(of(Access::Admin).contains(&SETTINGS) && !of(Access::Write).contains(&SETTINGS));
    let registry = registry();
    let whole = Wanted::new(Access::Read);
    assert!(registry.carried(&whole).is_empty() && registry.withheld(&whole).is_empty());
    let within = whole.clone().with_within("team/app");
    assert_eq!(registry.carried(&within), [pull]);
    assert_eq!(registry.withheld(&within)[0].actions, [READ]);
    let error = registry.narrowing(&whole.with_within("team/App")).expect_err("no repository");
    assert_eq!(error.field_problems()[0].field, "within");
    assert_eq!((registry.name().as_str(), registry.cloud()), ("zenfiles", Cloud::Public));
}
