//! Tests of `kubernetes-cluster`.

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_conformance::{CANARY, Scripted, assert_silent, json_answer};
use connector_core::{Credential, Expiry, Fields, Grant, Narrowed};
use serde_json::{Value, json};

use super::*;
use crate::names::TenantId;
use crate::resource::testing::{ALL, call, connector, connector_allowing, place, session, session_at};
use crate::session::Place;
use crate::testing::{ARM, SUBSCRIPTION, TENANT, certificate_and_key, header, refusal};

const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";
const ID: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/my-group/demo";
const AKS: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";
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
            "managedClusters",
            "another type",
        ),
        (&format!("/subscriptions/{SUBSCRIPTION}"), "managedClusters", "a subscription alone"),
        (&format!("{PATH}/agentPools/one"), "managedClusters", "a part of a cluster"),
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
    assert!(
        error.message().contains("in resource group their-group, the connector is for my-group"),
        "{error}"
    );
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

const CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/// A kubeconfig as AKS gives it, with this user.
fn kubeconfig(name: &str, user: &Value) -> Response {
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "Demo", "preferences": {},
        "clusters": [{ "name": "Demo", "cluster": {
            "server": "https://demo-dns-1234.hcp.westeurope.azmk8s.io:443",
            "certificate-authority-data": STANDARD.encode(CA),
        } }],
        "contexts": [{ "name": "Demo", "context": { "cluster": "Demo", "user": "clusterUser_my-group_Demo" } }],
        "users": [{ "name": "clusterUser_my-group_Demo", "user": user }],
    });
    given(name, &text.to_string())
}

fn given(name: &str, text: &str) -> Response {
    json_answer(200, &json!({ "kubeconfigs": [{ "name": name, "value": STANDARD.encode(text) }] }))
}

fn plugin(server: &str, tenant: &str) -> Value {
    json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "kubelogin",
        "args": [
            "get-token", "--environment", "AzurePublicCloud", "--server-id", server, "--client-id",
            "80faf920-1908-4b52-b5ef-a8e7bedfc67a", "--tenant-id", tenant, "--login", "devicecode",
        ],
        "provideClusterInfo": false,
        "interactiveMode": "IfAvailable",
    } })
}

fn entra() -> Response {
    kubeconfig("clusterUser", &plugin(AKS, TENANT))
}

fn stored(name: &str) -> Response {
    let (certificate, key) = certificate_and_key();
    let user = json!({
        "client-certificate-data": STANDARD.encode(certificate),
        "client-key-data": STANDARD.encode(key),
        "token": format!("{CANARY}-static"),
    });
    kubeconfig(name, &user)
}

fn asks(what: &str) -> String {
    let mark = if what.contains('?') { '&' } else { '?' };
    format!("POST {ARM}{PATH}/{what}{mark}api-version=2024-05-01")
}

/// S51: one call, and a token for AKS; the credential says how wide it is, and never names kubelogin.
#[tokio::test]
async fn s51_a_cluster_with_entra_takes_a_token_for_aks() {
    let world = Scripted::answering([entra()]);
    let connector = connector(world.context());
    let handle = connector.resource::<KubernetesCluster>(ID).await.expect("a handle");
    let issued = handle.issue().await.expect("a credential");
    assert_eq!(world.lines(), [asks("listClusterUserCredential?format=exec")]);
    let request = &world.sent()[0];
    assert_eq!(header(request, "authorization"), Some("Bearer hunter2-0"), "the token for Resource Manager");
    assert!(request.body().is_empty());
    assert!(matches!(&issued.credential.login, Login::Token(token) if token.expose() == "hunter2-1"));
    assert_eq!(issued.credential.server, "https://demo-dns-1234.hcp.westeurope.azmk8s.io");
    assert_eq!(issued.credential.trust, Trust::Authority(CA.into()));
    assert_eq!(issued.credential.cluster, format!("aks_{SUBSCRIPTION}_my-group_demo"));
    assert_eq!(issued.expiry.at(), Some(Scripted::after(3600)), "the token's own end");
    assert!(matches!(issued.narrowing(), Narrowed::No(why) if why.contains("all clusters of AKS")));
    assert!(!issued.long_lived && !format!("{issued:?}").contains(CANARY));
    assert!(world.commands().is_empty(), "what the kubeconfig names is not run");
    let mut fields = Fields::default();
    issued.credential.export(&mut fields);
    assert!(KubernetesCredential::import(&fields).is_ok(), "it travels");

    // Both tokens serve the next cluster.
    let world = world.answers(entra());
    let other = connector.resource::<KubernetesCluster>("my-group/other").await.expect("a handle");
    let issued = other.issue().await.expect("a credential");
    assert!(matches!(&issued.credential.login, Login::Token(token) if token.expose() == "hunter2-1"));
    assert_eq!(header(&world.sent()[1], "authorization"), Some("Bearer hunter2-0"));
}

/// C18: who may reach a cluster comes by no token for anything else, whatever its kubeconfig says.
#[tokio::test]
async fn c18_a_token_is_for_aks_and_for_nothing_that_a_kubeconfig_names() {
    let other_tenant = "99999999-2222-3333-4444-555555555555";
    let graph = "00000003-0000-0000-c000-000000000000";
    let with = |change: fn(&mut Value)| {
        let mut user = plugin(AKS, TENANT);
        change(&mut user);
        kubeconfig("clusterUser", &user)
    };
    let file = |cluster: Value| {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "d",
            "clusters": [{ "name": "d", "cluster": cluster }],
            "contexts": [{ "name": "d", "context": { "cluster": "d", "user": "u" } }],
            "users": [{ "name": "u", "user": plugin(AKS, TENANT) }],
        })
        .to_string()
    };
    let unknown = ErrorKind::Unreachable;
    for (answer, kind, says) in [
        (kubeconfig("u", &plugin(graph, TENANT)), ErrorKind::Refused, "an application of its own"),
        (kubeconfig("u", &plugin(AKS, other_tenant)), ErrorKind::Refused, other_tenant),
        (kubeconfig("u", &plugin("hunter2", TENANT)), unknown, "not Azure"),
        (with(|it| it["exec"]["args"] = Value::Null), unknown, "not Azure"),
        (with(|it| it["exec"]["command"] = "../hunter2".into()), unknown, "not Azure"),
        (with(|it| *it = json!({})), unknown, "not Azure"),
        (given("u", "hunter2: ["), unknown, "not Azure"),
        (given("u", ""), unknown, "not Azure"),
        (given("u", &file(json!({ "server": "http://demo.example.org" }))), unknown, "not Azure"),
        (
            given("u", &file(json!({ "server": "https://a.org", "insecure-skip-tls-verify": true }))),
            unknown,
            "not Azure",
        ),
        (
            given("u", &file(json!({ "server": "https://a.org", "certificate-authority": "/etc/hunter2" }))),
            unknown,
            "not Azure",
        ),
        (json_answer(200, &json!({ "kubeconfigs": [] })), unknown, "not Azure"),
        (
            json_answer(200, &json!({ "kubeconfigs": [{ "name": "u", "value": "hunter2!" }] })),
            unknown,
            "not Azure",
        ),
        (Response::new(200, vec![], b"<html>hunter2".to_vec()), unknown, "not Azure"),
    ] {
        let world = Scripted::answering([answer]);
        let cx = world.context();
        let session = session();
        let error = demo().issue(&wanted(), &session, &call(&cx)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_silent(&error);
        assert!(world.commands().is_empty());
    }
    // A directory that is known by its domain is not compared.
    let place = Place { tenant: Some(TenantId::parse("example.org").expect("a tenant")), ..place() };
    let cx = Scripted::answering([kubeconfig("u", &plugin(AKS, other_tenant))]).context();
    demo().issue(&wanted(), &session_at(place), &call(&cx)).await.expect("nobody knows");
}

/// A cluster without Entra ID has its administrator's certificate alone, which both switches have to allow.
#[tokio::test]
async fn a_cluster_without_entra_is_refused_unless_its_owner_allows_it() {
    for allow in ALL {
        let world = Scripted::answering([stored("clusterUser")]);
        let connector = connector_allowing(world.context(), place(), allow);
        let handle = connector.resource::<KubernetesCluster>(ID).await.expect("a handle");
        match handle.issue().await {
            Ok(issued) => {
                assert_eq!(allow.len(), 2, "{allow:?}");
                let Login::Certificate(login) = &issued.credential.login else { panic!("another login") };
                assert_eq!(login.certificate.trim(), certificate_and_key().0.trim());
                assert!(issued.long_lived && !issued.narrowing().is_narrowed());
                assert!(matches!(issued.provider_expiry, Expiry::At(end) if end > Scripted::after(86_400)));
                assert!(!format!("{issued:?}").contains("PRIVATE KEY"));
            }
            Err(error) => {
                assert!(allow.len() < 2, "{allow:?}: {error}");
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(error.message().contains("does not log in with Entra ID"), "{error}");
                let hint = error.hint().expect("a hint");
                assert!(hint.contains("--enable-aad") && hint.contains("--allow admin --allow long-lived"));
                assert_silent(&error);
            }
        }
        assert_eq!(world.sent().len(), 1, "{allow:?}");
    }
}

/// The administrator's kubeconfig is not even asked for where it may not be handed out.
#[tokio::test]
async fn an_administrators_kubeconfig_is_asked_for_where_it_is_allowed_alone() {
    for allow in ALL {
        let world = Scripted::answering([stored("clusterAdmin")]);
        let connector = connector_allowing(world.context(), place(), allow);
        let grant = Grant::new(KubernetesCluster::ID, ID).with_access(Access::Admin);
        let handle = connector.resource::<KubernetesCluster>(grant).await.expect("a handle");
        match handle.issue().await {
            Ok(issued) => {
                assert_eq!(allow.len(), 2, "{allow:?}");
                assert!(matches!(issued.credential.login, Login::Certificate(_)) && issued.long_lived);
                assert!(matches!(issued.narrowing(), Narrowed::No(why) if why.contains("administrator")));
                assert_eq!(world.lines(), [asks("listClusterAdminCredential")]);
            }
            Err(error) => {
                assert!(allow.len() < 2, "{allow:?}: {error}");
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(error.message().contains("access `admin`"), "{error}");
                assert!(error.hint().is_some_and(|it| it.contains("ask for `read` or `write`")));
                assert!(world.sent().is_empty(), "{allow:?}");
            }
        }
    }
    // What is no administrator's is not taken for one.
    let world = Scripted::answering([entra()]);
    let connector = connector_allowing(world.context(), place(), ALL[3]);
    let grant = Grant::new(KubernetesCluster::ID, ID).with_access(Access::Admin);
    let handle = connector.resource::<KubernetesCluster>(grant).await.expect("a handle");
    assert_eq!(handle.issue().await.expect_err("no certificate").kind(), ErrorKind::Unreachable);
}

fn described(properties: &Value) -> Response {
    json_answer(200, &json!({ "id": PATH, "name": "Demo", "properties": properties }))
}

/// A cluster without local accounts has no administrator's kubeconfig: AKS says so with a status alone.
#[tokio::test]
async fn local_accounts_that_are_disabled_are_named() {
    let disabled =
        || described(&json!({ "disableLocalAccounts": true, "powerState": { "code": "Running" } }));
    let refused = || refusal(400, "BadRequest");
    let stopped = || described(&json!({ "powerState": { "code": "Stopped" } }));
    for (answers, access, says) in [
        ([refused(), disabled()], Access::Admin, "disableLocalAccounts"),
        ([refused(), stopped()], Access::Admin, "is stopped"),
        ([refusal(409, "OperationNotAllowed"), stopped()], Access::Read, "is stopped"),
        ([refused(), disabled()], Access::Read, "is not reached"),
        ([refused(), refusal(403, "AuthorizationFailed")], Access::Admin, "is not reached"),
    ] {
        let world = Scripted::answering(answers);
        let connector = connector_allowing(world.context(), place(), ALL[3]);
        let grant = Grant::new(KubernetesCluster::ID, ID).with_access(access);
        let handle = connector.resource::<KubernetesCluster>(grant).await.expect("a handle");
        let error = handle.issue().await.expect_err(says);
        assert!(error.message().contains(says), "{says}: {error}");
        assert_silent(&error);
        assert_eq!(world.lines()[1], format!("GET {ARM}{PATH}?api-version=2024-05-01"));
    }
}

/// S20: verifying makes the call that issuing makes, and names what is missing.
#[tokio::test]
async fn s20_what_stands_in_the_way_is_named() {
    let running = || described(&json!({ "powerState": { "code": "Running" } }));
    let missing = || refusal(404, "ResourceNotFound");
    let all = ALL[3];
    for (answers, access, kind, says, hint) in [
        (
            [refusal(403, "AuthorizationFailed"), running()],
            Access::Write,
            ErrorKind::Refused,
            "cluster `demo` is not reached",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action, as the role Azure Kubernetes \
             Service Cluster User Role",
        ),
        (
            [refusal(403, "AuthorizationFailed"), running()],
            Access::Admin,
            ErrorKind::Refused,
            "listClusterAdminCredential",
            "Azure Kubernetes Service Cluster Admin Role",
        ),
        (
            [missing(), missing()],
            Access::Read,
            ErrorKind::NotFound,
            "there is no cluster `demo` in resource group `my-group` of subscription aaaaaaaa",
            "",
        ),
        (
            [refusal(401, "InvalidAuthenticationTokenTenant"), running()],
            Access::Read,
            ErrorKind::Refused,
            "another directory",
            "tenant_id",
        ),
        (
            [entra(), described(&json!({ "powerState": { "code": "Stopped" } }))],
            Access::Read,
            ErrorKind::Refused,
            "is stopped",
            "az aks start --resource-group my-group --name demo",
        ),
        (
            [stored("clusterUser"), running()],
            Access::Read,
            ErrorKind::Refused,
            "does not log in with Entra ID",
            "--enable-aad",
        ),
    ] {
        let world = Scripted::answering(answers);
        let allow = if access == Access::Admin { all } else { &[] };
        let connector = connector_allowing(world.context(), place(), allow);
        let error = connector.reach(&demo(), &Wanted::new(access)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{hint}: {error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 2);
    }
    // What may not be looked at does not stand in the way.
    for beside in [running(), refusal(403, "AuthorizationFailed"), described(&Value::Null)] {
        let world = Scripted::answering([entra(), beside]);
        let cx = world.context();
        demo().reach(&wanted(), &session(), &call(&cx)).await.expect("reached");
        assert_eq!(world.lines()[0], asks("listClusterUserCredential?format=exec"));
    }
}

/// S19: a cluster elsewhere is refused without a call.
#[tokio::test]
async fn s19_another_place_is_refused_without_a_call() {
    let silent = Scripted::new();
    let cx = silent.context();
    for (text, place, says) in [
        (format!("{OTHER}/my-group/demo"), place(), "of subscription bbbbbbbb"),
        (ID.to_owned(), in_group("theirs"), "in resource group my-group, the connector is for theirs"),
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
