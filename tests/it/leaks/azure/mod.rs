//! Azure: a strict server, a cluster behind it, and a connector of any method.

mod faults;
mod life;
mod shown;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_tests::canary::{Canary, Sighting};
use connector_tests::process::Finished;
use connector_tests::strict_aws::Issuer;
use connector_tests::strict_azure::{Cluster, SUBSCRIPTION, StrictAzure, TENANT};
use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};
use serde_json::Value;

use super::terminal;
use super::watch::{Class, Watch, sink_of};

const CLIENT: &str = "66666666-7777-4888-9999-000000000000";
/// The application that az is: people log in to it.
const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const ALICE: &str = "alice@strict.onmicrosoft.com";
const WHOLE: &str = "/subscriptions/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const MANAGEMENT: &str = "https://management.azure.com";
const ELSEWHERE: &str = "api://AzureADTokenExchange";
const REGISTRY: &str = "strict.azurecr.io";

const CONTAINER: [&str; 4] = ["--resource-type", "blob-container", "--resource-id", "az://zenfiles/data"];
const GENERIC: [&str; 4] = ["--resource-type", "azure-generic", "--resource-id", SUBSCRIPTION];
const CLUSTER: [&str; 4] = ["--resource-type", "kubernetes-cluster", "--resource-id", "things/demo"];
const IMAGES: [&str; 4] = ["--resource-type", "docker-registry", "--resource-id", REGISTRY];
const SECRET: [&str; 4] = ["--resource-type", "secret", "--resource-id", "strict-vault/db"];
const COSMOS: [&str; 4] = ["--resource-type", "cosmos-db", "--resource-id", "strictdb"];

/// How a connector authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// `service-principal` with a secret.
    Secret,
    /// `service-principal` with a certificate.
    Certificate,
    WorkloadIdentity,
    /// `user-account`, with a login that az made.
    TakenOver,
    /// `user-account`, with a login that is made by a code on another device.
    Device,
    /// `access-token`, for Resource Manager.
    AccessToken,
    /// `connection-string` of a storage account.
    StorageString,
    /// `connection-string` of an account in Cosmos DB, which is handed out as it is.
    CosmosString,
}

impl Method {
    const fn id(self) -> &'static str {
        match self {
            Self::Secret | Self::Certificate => "service-principal",
            Self::WorkloadIdentity => "workload-identity",
            Self::TakenOver | Self::Device => "user-account",
            Self::AccessToken => "access-token",
            Self::StorageString | Self::CosmosString => "connection-string",
        }
    }
}

/// An Azure in which one identity may do everything, and an installation with docker's helper in PATH.
struct Stage {
    watch: Watch,
    azure: Arc<StrictAzure>,
    /// Behind AKS; it lives as long as it is asked.
    _cluster: StrictKubernetes,
    method: Method,
    robot: String,
    alice: String,
    issuer: Issuer,
    /// The value of the secret in the vault.
    value: String,
}

impl Stage {
    fn new(method: Method) -> Self {
        let azure = Arc::new(StrictAzure::start());
        let (robot, alice) = (azure.add_app(TENANT, CLIENT), azure.add_person(TENANT, ALICE));
        let group = azure.add_group(SUBSCRIPTION, "things");
        azure.add_storage_account(&group, "zenfiles");
        azure.add_container("zenfiles", "data");
        azure.put_blob("zenfiles", "data", "hello.txt", "hello");
        azure.add_registry(&group, "strict");
        azure.add_image("strict", "app", "v1");
        azure.add_vault(&group, "strict-vault");
        let value = connector_tests::random::secret(30);
        azure.put_secret("strict-vault", "db", &value);
        let cosmos = azure.add_cosmos(&group, "strictdb");
        let cluster = StrictKubernetes::start();
        cluster.accept_aks(azure.webhook());
        azure.add_cluster(&group, "demo", Cluster::of(&cluster));
        for who in [&robot, &alice] {
            for role in [
                "Reader",
                "Storage Blob Data Owner",
                "AcrPush",
                "Key Vault Secrets Officer",
                "Azure Kubernetes Service Cluster User Role",
            ] {
                azure.grant(who, role, WHOLE);
            }
            azure.grant(who, "Cosmos DB Built-in Data Contributor", &cosmos);
        }
        for user in [robot.as_str(), ALICE] {
            cluster.allow(Rule::for_user(user).may(&["get", "list"], &["pods"]));
        }
        let issuer = Issuer::rs256("https://issuer.test");
        azure.add_federated(CLIENT, &issuer, "me", ELSEWHERE);
        let watch = super::registries::watch();
        std::fs::write(watch.cli.home().join("ca.pem"), azure.ca()).expect("the home is ours");
        Self { watch, azure, _cluster: cluster, method, robot, alice, issuer, value }
    }

    /// Whose tokens are issued.
    fn owner(&self) -> &str {
        if matches!(self.method, Method::TakenOver | Method::Device) { &self.alice } else { &self.robot }
    }

    /// The connection string of an account, with its first key.
    fn connection_string(&self) -> String {
        let url = self.azure.url();
        match self.method {
            Method::CosmosString => {
                format!(
                    "AccountEndpoint={url}/cosmos/strictdb/;AccountKey={}",
                    self.azure.cosmos_keys("strictdb").0
                )
            }
            _ => {
                let key = self.azure.account_key("zenfiles");
                format!("BlobEndpoint={url}/blob/zenfiles;AccountName=zenfiles;AccountKey={key}")
            }
        }
    }

    /// `KEY=@FILE` with a secret, another one each time where there can be several.
    fn secret(&self) -> String {
        if self.method == Method::Device {
            // It is made when it is needed.
            return "flow=device".to_owned();
        }
        let azure = &self.azure;
        let (key, text) = match self.method {
            Method::Secret => ("client_secret", azure.add_secret(CLIENT)),
            Method::Certificate => {
                let made = azure.add_certificate(CLIENT);
                // A file in base64, as secrets of CI systems often are.
                ("client_certificate", STANDARD.encode(format!("{}{}", made.key, made.certificate)))
            }
            Method::WorkloadIdentity => {
                let token = azure.token_of(&self.issuer, "me", ELSEWHERE, Duration::from_secs(3600));
                self.watch.watch(Class::Kept, Canary::of("a token of elsewhere", &token));
                ("federated_token", token)
            }
            Method::TakenOver | Method::Device => ("refresh_token", azure.add_refresh_token(AZ, ALICE)),
            Method::AccessToken => ("token", azure.token_for(&self.robot, MANAGEMENT)),
            Method::StorageString | Method::CosmosString => ("connection_string", self.connection_string()),
        };
        self.watch.given(key, &text)
    }

    /// All of a connector's config, its secret last.
    fn config(&self) -> Vec<String> {
        let ca = self.watch.cli.home().join("ca.pem");
        let mut config =
            vec![format!("endpoint_url={}", self.azure.url()), format!("ca_bundle={}", ca.display())];
        if !matches!(self.method, Method::StorageString | Method::CosmosString) {
            config.extend([format!("tenant_id={TENANT}"), format!("subscription_id={SUBSCRIPTION}")]);
        }
        if matches!(self.method, Method::Secret | Method::Certificate | Method::WorkloadIdentity) {
            config.push(format!("client_id={CLIENT}"));
        }
        if self.method == Method::AccessToken {
            config.push("expires_at=2099-01-01T00:00:00Z".to_owned());
        }
        config.push(self.secret());
        config
    }

    /// Runs `register prod CONFIG… MORE…`.
    fn register(&self, config: &[String], more: &[&str]) -> Finished {
        let mut words = vec!["register", "prod", "--type", "azure", "--auth-method", self.method.id()];
        words.extend(config.iter().map(String::as_str));
        words.extend(more);
        if self.method == Method::CosmosString {
            words.extend(["--allow", "long-lived"]);
        }
        self.run(&words)
    }

    /// Runs the program; where a person logs in, on a terminal, with Alice before it and a device of hers.
    fn run(&self, words: &[&str]) -> Finished {
        if self.method != Method::Device {
            return self.watch.cli.run(words);
        }
        let azure = Arc::clone(&self.azure);
        terminal::run(&self.watch, words, move |line| {
            if line.contains("type the code") {
                azure.approve_devices(None, ALICE);
            }
        })
    }

    /// Whether a token is one that is handed out: the owner's for a service, and those of a registry. What a login is
    /// made of is for the application that it was made with.
    fn is_handed_out(&self, token: &str) -> bool {
        let is_owners = |(owner, audience): (String, String)| owner == self.owner() && audience != AZ;
        audience(token).as_deref() == Some(REGISTRY) || self.azure.owner(token).is_some_and(is_owners)
    }

    /// Where these stand, if secrets of that class may not stand there.
    fn leaks_of<'a>(&self, class: Class, secrets: impl IntoIterator<Item = &'a String>) -> Vec<Sighting> {
        let canaries: Vec<_> = secrets.into_iter().map(|it| Canary::of("a token", it)).collect();
        let seen = self.watch.cli.sightings(&canaries);
        seen.into_iter().filter(|it| sink_of(class, &it.place).is_none()).collect()
    }

    /// Watches for everything that the server knows to be confidential, and for what it was sent; `never` are the tokens
    /// that nobody was given.
    fn watch_everything(&self, never: &BTreeSet<String>) {
        let issued: BTreeSet<String> = self.azure.issued().into_iter().collect();
        for secret in self.azure.confidential() {
            let is_issued = match issued.contains(&secret) {
                true => self.is_handed_out(&secret) && !never.contains(&secret),
                false => {
                    // All that there is of an account in Cosmos DB, handed out where that is allowed.
                    let is_lent =
                        self.method == Method::CosmosString && secret == self.azure.cosmos_keys("strictdb").0;
                    is_lent || secret == self.value
                }
            };
            let class = if is_issued { Class::Issued } else { Class::Kept };
            let name = match issued.contains(&secret) {
                true => "a token, or a key that signs for somebody",
                false => "a secret, a line of a key, an account's key or a secret's value",
            };
            self.watch.watch(class, Canary::of(name, &secret));
        }
        // What stands for a secret or a login for as long as it is good.
        for call in self.azure.calls().all() {
            let sent = ["assertion", "client_assertion", "code", "code_verifier", "device_code"];
            for (name, value) in call.form() {
                if let Some(name) = sent.into_iter().find(|it| *it == name) {
                    self.watch.watch(Class::Kept, Canary::of(name, &value));
                }
            }
        }
    }
}

/// What a token is for, by itself.
fn audience(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["aud"].as_str().map(str::to_owned)
}
