//! Tests of logging in to clusters of AKS: what `kubernetes-cluster` issues, and what it refuses.

use connector_conformance::{CANARY, Scripted, assert_silent, json_answer};
use connector_core::{Access, Credential, ErrorKind, Fields, Grant, Narrowed, Parsed, ResourceType, Wanted};
use connector_k8s::KubernetesCredential;
use serde_json::{Value, json};

use super::*;
use crate::names::TenantId;
use crate::resource::KubernetesCluster;
use crate::resource::testing::{ALL, call, connector, connector_allowing, place, session, session_at};
use crate::session::Place;
use crate::testing::{ARM, SUBSCRIPTION, TENANT, certificate_and_key, header, refusal};

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
