//! The kit, with all methods and resource types.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use connector_conformance::{Kit, Rule, World, canary};
use connector_core::{
    AnyConnector, Command, Commands, Connectors, Context, Document, Error, Output, Person, Redirect,
    Registry, Result, Secret, async_trait,
};
use connector_docker::DockerCredential;
use connector_gcp::GcpCredential;
use connector_k8s::KubernetesCredential;
use serde_json::{Value, json};

use crate::google::{ACCOUNT, AUDIENCE, Google, TARGET, TOKEN_ENDS, key};

/// What documents out there hold: a change here is a decision.
const IDS: &[&str] = &[
    "type gcp",
    "method gcp/external-account",
    "method gcp/impersonation",
    "method gcp/implicit",
    "method gcp/oauth2-token",
    "method gcp/service-account",
    "method gcp/user-account",
    "resource gcp/docker-registry",
    "resource gcp/gcp-generic",
    "resource gcp/gcs-bucket",
    "resource gcp/kubernetes-cluster",
    "resource gcp/secret",
    "kind docker",
    "kind gcp",
    "kind kubernetes",
];

const IMPERSONATION_URL: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
    target@my-project.iam.gserviceaccount.com:generateAccessToken";

fn service_account() -> Value {
    json!({
        "type": "service_account", "project_id": "my-project", "private_key_id": "0123456789abcdef",
        "private_key": key().0, "client_email": ACCOUNT, "token_uri": "https://oauth2.googleapis.com/token",
    })
}

fn login() -> Value {
    json!({
        "type": "authorized_user", "client_id": "client", "client_secret": canary("client_secret"),
        "refresh_token": canary("refresh_token"), "account": "alice@example.com",
    })
}

fn workforce_login() -> Value {
    json!({
        "type": "external_account_authorized_user", "client_id": "client", "client_secret": canary("client_secret"),
        "refresh_token": canary("refresh_token"), "token_url": "https://sts.googleapis.com/v1/oauthtoken",
    })
}

fn external(source: Value, target: Option<&str>) -> Value {
    json!({
        "type": "external_account", "audience": AUDIENCE, "token_url": "https://sts.googleapis.com/v1/token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": source,
        "service_account_impersonation_url": target,
    })
}

fn external_at_aws() -> Value {
    let source = json!({
        "environment_id": "aws1",
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    });
    let mut file = external(source, None);
    file["subject_token_type"] = json!("urn:ietf:params:aws:token-type:aws4_request");
    file
}

fn client() -> Value {
    json!({ "installed": { "client_id": "client", "client_secret": canary("client_secret"), "project_id": "my-project" } })
}

/// What `GOOGLE_APPLICATION_CREDENTIALS` names.
const ADC: &str = "/home/alice/adc.json";

/// A machine on which somebody logged in with gcloud.
fn context(world: &World) -> Context {
    let secret = canary("aws-secret");
    let variables = [
        ("GOOGLE_APPLICATION_CREDENTIALS", ADC),
        ("GOOGLE_CLOUD_PROJECT", "my-project"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", &*secret),
        ("AWS_REGION", "eu-west-1"),
    ];
    machine(world, &variables)
}

/// A machine of Google's.
fn machine_of_google(world: &World) -> Context {
    machine(world, &[])
}

fn machine(world: &World, variables: &[(&str, &str)]) -> Context {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let adc = json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": IMPERSONATION_URL,
        "source_credentials": login(),
    });
    let files = HashMap::from([
        (PathBuf::from("/var/run/token"), canary("subject").into_bytes()),
        (PathBuf::from(ADC), adc.to_string().into_bytes()),
        (PathBuf::from("/etc/ssl/ours.pem"), CERTIFICATE.into()),
    ]);
    world
        .context()
        .with_implicit(true)
        .with_environment(world.environment(variables.collect()))
        .with_files(files)
        .with_person(Alice::default())
        .with_connectors(Base)
        .with_commands(NoPrograms)
        .with_http(Google::new(world))
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

/// Agrees to whatever page she is shown.
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
        assert_eq!(port, None, "clients of installed programs come back to any port");
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
        Ok(Secret::new(format!("state={state}&code={code}")))
    }
}

/// The one connector that others may take their identity from.
struct Base;

#[async_trait]
impl Connectors for Base {
    async fn open(&self, _: &Context, name: &str) -> Result<AnyConnector> {
        let config = json!({ "service_account_json": service_account().to_string() });
        let config = config.as_object().cloned().unwrap_or_default();
        let document = Document::draft(name, "gcp", "service-account", config.clone());
        Registry::of(connector_gcp::REGISTRATIONS)?.open(&document, config)
    }

    fn are_stored(&self) -> bool {
        false
    }
}

fn methods() -> Kit {
    let project = |mut config: Value| {
        config["project_id"] = json!("my-project");
        config
    };
    let text = |file: Value| json!(file.to_string());
    let file = json!({ "file": "/var/run/token" });
    Kit::of(connector_gcp::REGISTRATIONS)
        .stable_ids(IDS)
        .method("gcp", "implicit", project(json!({})))
        .method("gcp", "service-account", json!({ "service_account_json": text(service_account()) }))
        .method(
            "gcp",
            "service-account",
            json!({
                "service_account_json": text(service_account()), "quota_project_id": "paying-project",
                "ca_bundle": "/etc/ssl/ours.pem", "universe_domain": "googleapis.com",
                "endpoints": { "sts": "https://sts.googleapis.com" },
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }),
        )
        .method("gcp", "user-account", project(json!({ "user_account_json": text(login()) })))
        .method("gcp", "user-account", project(json!({ "user_account_json": text(workforce_login()) })))
        .method("gcp", "user-account", json!({ "client_secrets_json": text(client()) }))
        .method(
            "gcp",
            "external-account",
            project(json!({ "external_account_json": text(external(file, Some(IMPERSONATION_URL))) })),
        )
        .method(
            "gcp",
            "external-account",
            project(json!({ "external_account_json": text(external_at_aws()) })),
        )
        .method(
            "gcp",
            "oauth2-token",
            project(json!({
                "token": canary("token"), "expires_at": TOKEN_ENDS, "service_account_email": ACCOUNT,
            })),
        )
        .method(
            "gcp",
            "impersonation",
            json!({
                "service_account_json": text(service_account()), "target_principal": TARGET,
                "delegates": ["between@my-project.iam.gserviceaccount.com"],
            }),
        )
        .method("gcp", "impersonation", json!({ "source": "base", "target_principal": TARGET }))
}

fn resources(kit: Kit) -> Kit {
    let file = "the file says where a token is; it is held as a secret because it may name a client's, too";
    kit.except(Rule::ABOUT_IS_CONSISTENT, "method gcp/external-account", file)
        .resource("gcp", "gcp-generic", &["my-project", "projects/my-project"])
        .resource(
            "gcp",
            "gcs-bucket",
            &["gs://zen", "zen2", "gs://zen/a/b", "gs://zen/a/", "gs://www.example.com"],
        )
        .parts("gcp", "gcs-bucket", &["a", "a/", "a/b c/ü", "it's"])
        .resource(
            "gcp",
            "kubernetes-cluster",
            &[
                "europe-west1/demo",
                "projects/my-project/locations/europe-west1/clusters/demo",
                "gke_my-project_europe-west1_demo",
                "demo",
            ],
        )
        .resource(
            "gcp",
            "docker-registry",
            &[
                "us-docker.pkg.dev/my-project/images",
                "gcr.io/my-project",
                "https://us-docker.pkg.dev/my-project/images/app",
                "projects/my-project/locations/us/repositories/images",
                "eu.gcr.io/my-project/app",
                "us-docker.pkg.dev/example.com/my-project/images",
            ],
        )
        .parts("gcp", "docker-registry", &["app", "team/app"])
        .resource(
            "gcp",
            "secret",
            &[
                "projects/my-project/secrets/db-password",
                "db-password",
                "projects/my-project/secrets/a/versions/latest",
                "projects/123456789012/secrets/db-password",
            ],
        )
}

/// S2, S7, S10, S17, C28: what the methods and resource types say of themselves, and how they read what they are
/// given.
#[tokio::test]
async fn s7_s10_s17_c28_google_conforms() {
    // A login on another device waits for a person for longer than most of the kit does, so none is made below.
    let device = json!({
        "client_secrets_json": client().to_string(), "flow": "device",
        "scopes": ["https://www.googleapis.com/auth/devstorage.read_write"],
    });
    resources(methods()).method("gcp", "user-account", device).assert().await;
}

const TYPES: [&str; 5] = ["docker-registry", "gcp-generic", "gcs-bucket", "kubernetes-cluster", "secret"];
const AN_HOUR: &str = "Google gives an hour, whatever is asked; what is advertised is shorter";

/// Issuing in a world, with what is excused of these methods and all resource types.
fn issuing(kit: Kit, methods: &[&str], rule: Rule, why: &str) -> Kit {
    let places =
        methods.iter().flat_map(|method| TYPES.map(|it| format!("method gcp/{method}, resource type {it}")));
    places.fold(kit, |kit, place| kit.except(rule, &place, why))
}

fn kinds(kit: Kit) -> Kit {
    kit.kind::<GcpCredential>().kind::<DockerCredential>().kind::<KubernetesCredential>()
}

/// S21, S31, S34, C18, C25, C26: what they issue, renew and survive, on a clock of its own.
#[tokio::test]
async fn s21_s31_s34_c18_c25_c26_google_issues_as_it_should() {
    let kit = kinds(resources(methods())).world(context);
    issuing(kit, &["service-account", "user-account"], Rule::ASKED_LIFE_IS_TOLD, AN_HOUR).assert().await;
}

/// S21, C26: the same for a machine of Google's own, whose identity comes from its metadata service.
#[tokio::test]
async fn s21_c26_a_machine_of_google_issues_as_it_should() {
    let kit = Kit::of(connector_gcp::REGISTRATIONS).method(
        "gcp",
        "implicit",
        json!({ "project_id": "my-project" }),
    );
    let mut kit = kinds(resources(kit)).world(machine_of_google);
    for method in ["external-account", "impersonation", "oauth2-token", "service-account", "user-account"] {
        kit =
            kit.except(Rule::EXAMPLES_ARE_GIVEN, &format!("method gcp/{method}"), "the other test has them");
    }
    kit = issuing(kit, &["implicit"], Rule::ASKED_LIFE_IS_TOLD, AN_HOUR);
    let nobody = "where no metadata service answers, the machine has no identity, and that is no outage";
    issuing(kit, &["implicit"], Rule::OUTAGES_PASS, nobody).assert().await;
}
