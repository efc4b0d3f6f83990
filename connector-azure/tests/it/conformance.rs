//! The kit, with all methods and resource types.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_azure::AzureCredential;
use connector_conformance::{Kit, Rule, World, canary};
use connector_core::{
    Command, Commands, Context, Error, Output, Person, Redirect, Result, Secret, async_trait,
};
use connector_docker::DockerCredential;
use connector_k8s::KubernetesCredential;
use serde_json::{Value, json};

use crate::azure::{Azure, CLIENT, SUBSCRIPTION, TENANT, TOKEN_ENDS, certificate};

/// What documents out there hold: a change here is a decision.
const IDS: &[&str] = &[
    "type azure",
    "method azure/access-token",
    "method azure/connection-string",
    "method azure/implicit",
    "method azure/managed-identity",
    "method azure/service-principal",
    "method azure/user-account",
    "method azure/workload-identity",
    "resource azure/azure-generic",
    "resource azure/blob-container",
    "resource azure/cosmos-db",
    "resource azure/docker-registry",
    "resource azure/kubernetes-cluster",
    "resource azure/secret",
    "kind azure",
    "kind docker",
    "kind kubernetes",
];

const TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// A machine with an application in its environment.
fn context(world: &World) -> Context {
    let secret = canary("client_secret");
    machine(
        world,
        &[("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", CLIENT), ("AZURE_CLIENT_SECRET", &*secret)],
    )
}

/// A machine of Azure's, with an identity of its own.
fn machine_of_azure(world: &World) -> Context {
    machine(world, &[])
}

/// A pod in which Kubernetes set up a workload identity.
fn pod(world: &World) -> Context {
    let variables = [
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_FEDERATED_TOKEN_FILE", TOKEN_FILE),
    ];
    machine(world, &variables)
}

/// The machine of somebody who logged in with az, where no metadata service answers.
fn desk(world: &World) -> Context {
    machine(world, &[("HOME", "/home/alice")]).with_http(Azure::without_machine(world))
}

/// What az is set to. It begins the file with a mark.
fn profile() -> Vec<u8> {
    let user = json!({ "name": "alice@example.org", "type": "user" });
    let subscription = json!({
        "id": SUBSCRIPTION, "name": "Production", "state": "Enabled", "isDefault": true, "tenantId": TENANT,
        "environmentName": "AzureCloud", "user": user,
    });
    format!("\u{feff}{}", json!({ "subscriptions": [subscription] })).into_bytes()
}

/// What az keeps of her login.
fn logins() -> Value {
    let of = json!({ "home_account_id": "alice.home", "environment": "login.microsoftonline.com" });
    let with = |more: Value| {
        let mut of = of.clone();
        of.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        of
    };
    json!({
        "Account": { "a": with(json!({ "username": "alice@example.org", "realm": TENANT })) },
        "RefreshToken": { "r": with(json!({
            "client_id": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "secret": canary("refresh_token"), "family_id": "1",
        })) },
    })
}

fn machine(world: &World, variables: &[(&str, &str)]) -> Context {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let files = HashMap::from([
        (PathBuf::from(TOKEN_FILE), canary("subject").into_bytes()),
        (PathBuf::from("/etc/ssl/ours.pem"), CERTIFICATE.into()),
        (PathBuf::from("/home/alice/.azure/azureProfile.json"), profile()),
        (PathBuf::from("/home/alice/.azure/msal_token_cache.json"), logins().to_string().into_bytes()),
    ]);
    world
        .context()
        .with_implicit(true)
        .with_environment(world.environment(variables.collect()))
        .with_files(files)
        .with_person(Alice::default())
        .with_commands(NoPrograms)
        .with_http(Azure::new(world))
}

/// In the form of one: nobody here makes a TLS connection.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// No example runs a program.
struct NoPrograms;

#[async_trait]
impl Commands for NoPrograms {
    async fn run(&self, _: Command) -> Result<Output> {
        Err(Error::refused("no program here"))
    }
}

/// Logs in on whatever page she is shown.
#[derive(Clone, Default)]
struct Alice(Arc<Mutex<String>>);

#[async_trait]
impl Person for Alice {
    async fn ask(&self, _: &str) -> Result<Secret> {
        Err(Error::refused("there is nothing to ask"))
    }

    async fn tell(&self, text: &str) -> Result<()> {
        text.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    async fn listen(&self, port: Option<u16>) -> Result<Box<dyn Redirect>> {
        assert_eq!(port, None, "public clients come back to any port");
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Redirect for Alice {
    fn port(&self) -> u16 {
        45_678
    }

    async fn query(&self) -> Result<Secret> {
        let page = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = page.split("state=").nth(1).and_then(|it| it.split('&').next()).unwrap_or_default();
        let code = canary("code").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        Ok(Secret::new(format!("code={code}&state={state}&session_state=x")))
    }
}

const IDENTITY: &str = "/subscriptions/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/resourceGroups/my-group/providers/\
    Microsoft.ManagedIdentity/userAssignedIdentities/my-identity";

fn of_application(more: Value) -> Value {
    let mut config = json!({ "tenant_id": TENANT, "client_id": CLIENT, "subscription_id": SUBSCRIPTION });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    config
}

fn methods() -> Kit {
    let scope = || json!({ "subscription_id": SUBSCRIPTION });
    let whole = json!({
        "client_secret": canary("client_secret"), "resource_group": "my-group", "storage_account": "mystorage",
        "cloud": "public", "authority_url": "https://login.microsoftonline.com", "ca_bundle": "/etc/ssl/ours.pem",
        "endpoints": { "resource-manager": "https://management.azure.com" },
    });
    let mut grouped = whole.clone();
    grouped.as_object_mut().expect("an object").remove("resource_group");
    Kit::of(connector_azure::REGISTRATIONS)
        .stable_ids(IDS)
        .method("azure", "implicit", scope())
        .method("azure", "service-principal", of_application(grouped))
        .method("azure", "service-principal", of_application(json!({ "client_certificate": certificate().0 })))
        .method("azure", "workload-identity", of_application(json!({ "federated_token_file": TOKEN_FILE })))
        .method(
            "azure",
            "workload-identity",
            of_application(json!({ "federated_token": canary("federated_token") })),
        )
        .method("azure", "managed-identity", json!({ "subscription_id": SUBSCRIPTION, "client_id": CLIENT }))
        .method(
            "azure",
            "access-token",
            json!({
                "token": canary("token"), "expires_at": TOKEN_ENDS, "audience": "https://management.azure.com",
                "subscription_id": SUBSCRIPTION,
            }),
        )
        .method("azure", "user-account", json!({ "flow": "browser", "subscription_id": SUBSCRIPTION }))
        .method("azure", "connection-string", json!({ "connection_string": of_storage() }))
        .method(
            "azure",
            "user-account",
            json!({
                "tenant_id": TENANT, "subscription_id": SUBSCRIPTION, "refresh_token": canary("refresh_token"),
            }),
        )
}

/// The connection string of the storage account, with its key.
fn of_storage() -> String {
    let key = STANDARD.encode(canary("account_key"));
    format!(
        "DefaultEndpointsProtocol=https;AccountName=mystorage;AccountKey={key};EndpointSuffix=core.windows.net"
    )
}

const RESOURCES: [&str; 6] =
    ["azure-generic", "blob-container", "cosmos-db", "docker-registry", "kubernetes-cluster", "secret"];

fn resources(kit: Kit) -> Kit {
    kit.resource("azure", "azure-generic", &[SUBSCRIPTION, "Production"])
        .parts("azure", "azure-generic", &["https://vault.azure.net", "6dae42f8-4368-4678-94ff-3960e28e3630"])
        .resource(
            "azure",
            "blob-container",
            &[
                "az://mystorage/my-container",
                "my-container",
                "abfss://my-container@mystorage.dfs.core.windows.net/a/b",
                "https://mystorage.blob.core.windows.net/my-container",
            ],
        )
        .parts("azure", "blob-container", &["a/", "a/b"])
        .resource("azure", "cosmos-db", &["my-cosmos", "https://my-cosmos.documents.azure.com:443/"])
        .resource(
            "azure",
            "docker-registry",
            &["zenfiles.azurecr.io", "zenfiles", "https://zenfiles.azurecr.io/team/app"],
        )
        .parts("azure", "docker-registry", &["app", "team/app"])
        .resource(
            "azure",
            "kubernetes-cluster",
            &["aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/my-group/demo", "my-group/demo", "demo"],
        )
        .resource(
            "azure",
            "secret",
            &[
                "https://zen-vault.vault.azure.net/secrets/db-password",
                "zen-vault/db-password",
                "db-password",
            ],
        )
}

/// S2, S7, S10, S17, C28: what the methods and resource types say of themselves, and how they read what they are
/// given.
#[tokio::test]
async fn s2_s7_s10_s17_c28_azure_conforms() {
    // A login on another device waits for a person for longer than most of the kit does, so none is made below.
    let device = json!({ "flow": "device", "tenant_id": TENANT });
    let by_id = json!({ "identity_resource_id": IDENTITY });
    resources(methods())
        .method("azure", "user-account", device)
        .method("azure", "managed-identity", by_id)
        .assert()
        .await;
}

fn kinds(kit: Kit) -> Kit {
    kit.kind::<AzureCredential>().kind::<DockerCredential>().kind::<KubernetesCredential>()
}

/// S21, S31, S34, C18, C25, C26: what they issue, renew and survive, on a clock of its own.
#[tokio::test]
async fn s21_s31_s34_c18_c25_c26_azure_issues_as_it_should() {
    let one = "a token that was made elsewhere is for one service, and this takes one for another";
    let kit = kinds(resources(methods())).world(context);
    let elsewhere = ["blob-container", "cosmos-db", "kubernetes-cluster", "secret"];
    let kit = elsewhere.into_iter().fold(kit, |kit, resource| {
        kit.except(Rule::IT_ISSUES, &format!("method azure/access-token, resource type {resource}"), one)
    });
    let account = "a connection string is of one account, and makes no tokens";
    let others = ["azure-generic", "cosmos-db", "secret"].iter();
    let kit = others.fold(kit, |kit, resource| {
        kit.except(
            Rule::IT_ISSUES,
            &format!("method azure/connection-string, resource type {resource}"),
            account,
        )
    });
    kit.assert().await;
}

/// The same for `implicit` alone, where it finds something else.
async fn implicit_issues(world: fn(&World) -> Context, asks_machine: bool) {
    let kit = Kit::of(connector_azure::REGISTRATIONS).method(
        "azure",
        "implicit",
        json!({ "subscription_id": SUBSCRIPTION }),
    );
    let mut kit = kinds(resources(kit)).world(world);
    for method in [
        "access-token",
        "connection-string",
        "managed-identity",
        "service-principal",
        "user-account",
        "workload-identity",
    ] {
        kit = kit.except(
            Rule::EXAMPLES_ARE_GIVEN,
            &format!("method azure/{method}"),
            "the other test has them",
        );
    }
    let nobody = "where no metadata service answers, the machine has no identity, and that is no outage";
    let places = RESOURCES.iter().filter(|_| asks_machine);
    let kit = places.fold(kit, |kit, resource| {
        kit.except(Rule::OUTAGES_PASS, &format!("method azure/implicit, resource type {resource}"), nobody)
    });
    kit.assert().await;
}

/// S21, S41, C26: the same for a machine of Azure's own, whose identity comes from its metadata service.
#[tokio::test]
async fn s21_s41_c26_a_machine_of_azure_issues_as_it_should() {
    implicit_issues(machine_of_azure, true).await;
}

/// S21, S41, C26: the same at a desk, for a login of az.
#[tokio::test]
async fn s21_s41_c26_a_login_of_az_issues_as_it_should() {
    implicit_issues(desk, false).await;
}

/// S21, S41, C26: the same in a pod with a workload identity.
#[tokio::test]
async fn s21_s41_c26_a_pod_issues_as_it_should() {
    implicit_issues(pod, false).await;
}
