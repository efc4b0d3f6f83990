//! Google Cloud: a strict server, a cluster behind it, and a connector of any method.

mod faults;
mod life;
mod shown;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::canary::{Canary, Sighting};
use connector_tests::process::Finished;
use connector_tests::strict_aws::Issuer;
use connector_tests::strict_google::{Cluster, PROJECT, StrictGoogle};
use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};
use serde_json::json;

use super::terminal;
use super::watch::{Class, Watch, sink_of};

const WHOLE: &str = "projects/strict-project";
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";
const ALICE: &str = "alice@example.com";
const REGISTRY: &str = "europe-west1-docker.pkg.dev/strict-project/images";

const BUCKET: [&str; 4] = ["--resource-type", "gcs-bucket", "--resource-id", "gs://data"];
const PROJECT_ITSELF: [&str; 2] = ["--resource-type", "gcp-generic"];
const CLUSTER: [&str; 4] = ["--resource-type", "kubernetes-cluster", "--resource-id", "europe-west1/demo"];
const IMAGES: [&str; 4] = ["--resource-type", "docker-registry", "--resource-id", REGISTRY];
const SECRET: [&str; 4] = ["--resource-type", "secret", "--resource-id", "db"];

/// How a connector authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    ServiceAccount,
    Impersonation,
    /// `user-account`, with a login that gcloud made.
    TakenOver,
    /// `user-account`, with a login that is made in a browser.
    Browser,
    ExternalAccount,
    Oauth2Token,
}

impl Method {
    const fn id(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service-account",
            Self::Impersonation => "impersonation",
            Self::TakenOver | Self::Browser => "user-account",
            Self::ExternalAccount => "external-account",
            Self::Oauth2Token => "oauth2-token",
        }
    }
}

/// A Google in which one identity may do everything, and an installation with docker's helper in PATH.
struct Stage {
    watch: Watch,
    google: StrictGoogle,
    /// Behind GKE; it lives as long as it is asked.
    cluster: StrictKubernetes,
    method: Method,
    robot: String,
    target: String,
    issuer: Issuer,
    audience: String,
    /// How many secrets were given to the connector.
    given: Cell<usize>,
}

impl Stage {
    fn new(method: Method) -> Self {
        let google = StrictGoogle::start();
        let (robot, target) = (google.add_service_account("robot"), google.add_service_account("target"));
        google.add_user(ALICE);
        google.consent_as(ALICE);
        google.add_bucket("data", &[("hello.txt", "hello")]);
        google.add_repository("europe-west1", "images");
        google.add_secret("db", &connector_tests::random::secret(30));
        let cluster = StrictKubernetes::start();
        cluster.accept_gke(google.webhook());
        google.add_cluster("europe-west1", "demo", Cluster::of(&cluster));
        let issuer = Issuer::rs256("https://issuer.test");
        let audience = google.add_provider("pool", "oidc", &issuer);
        let stage = Self {
            watch: super::registries::watch(),
            google,
            cluster,
            method,
            robot,
            target,
            issuer,
            audience,
            given: Cell::new(0),
        };
        stage.grant();
        stage
    }

    fn grant(&self) {
        let account = |email: &str| format!("projects/-/serviceAccounts/{email}");
        let pool = self.audience.trim_start_matches("//iam.googleapis.com/").split("/providers/").next();
        let member = format!("principal://iam.googleapis.com/{}/subject/me", pool.unwrap_or_default());
        for who in [&self.robot, &member] {
            self.google.grant(who, "roles/iam.serviceAccountTokenCreator", &account(&self.target));
        }
        self.google.grant(&member, "roles/iam.workloadIdentityUser", &account(&self.target));
        for role in [
            "roles/browser",
            "roles/storage.admin",
            "roles/container.viewer",
            "roles/artifactregistry.writer",
            "roles/secretmanager.admin",
        ] {
            self.google.grant(self.owner(), role, WHOLE);
        }
        self.cluster.allow(Rule::for_user(self.owner()).may(&["get", "list"], &["pods"]));
    }

    /// Whose tokens are issued.
    fn owner(&self) -> &str {
        match self.method {
            Method::ServiceAccount | Method::Oauth2Token => &self.robot,
            Method::Impersonation | Method::ExternalAccount => &self.target,
            Method::TakenOver | Method::Browser => ALICE,
        }
    }

    /// `KEY=@FILE` with a secret that is another one each time; each other file is in base64.
    fn secret(&self) -> String {
        let google = &self.google;
        let (key, text) = match self.method {
            Method::ServiceAccount | Method::Impersonation => {
                ("service_account_json", google.key_json(&self.robot))
            }
            Method::TakenOver => {
                ("user_account_json", google.authorized_user_json(&google.add_client(), ALICE))
            }
            Method::Browser => ("client_secrets_json", google.client_secrets_json(&google.add_client())),
            Method::ExternalAccount => ("external_account_json", self.external_file()),
            Method::Oauth2Token => ("token", google.token_for(&self.robot, &[CLOUD, EMAIL])),
        };
        let number = self.given.replace(self.given.get() + 1);
        let is_packed = number % 2 == 1 && self.method != Method::Oauth2Token;
        self.watch.given(key, &if is_packed { STANDARD.encode(text) } else { text })
    }

    /// The file of an external account, whose token of elsewhere lies in a file beside it.
    fn external_file(&self) -> String {
        let life = Duration::from_secs(3600);
        let token = self.google.token_of(&self.issuer, "me", &self.audience, life);
        let path = self.watch.given("subject", &token);
        self.watch.watch(Class::Kept, Canary::of("a token of elsewhere", &token));
        let path = path.trim_start_matches("subject=@");
        self.google.external_account_json(&self.audience, &json!({ "file": path }), Some(&self.target))
    }

    /// All of a connector's config, its secret last.
    fn config(&self) -> Vec<String> {
        let mut config = vec![format!("project_id={PROJECT}"), format!("endpoint_url={}", self.google.url())];
        if self.method == Method::Impersonation {
            config.push(format!("target_principal={}", self.target));
        }
        if self.method == Method::Oauth2Token {
            config.push("expires_at=2099-01-01T00:00:00Z".to_owned());
        }
        config.push(self.secret());
        config
    }

    /// Runs `register prod CONFIG… MORE…`.
    fn register(&self, config: &[String], more: &[&str]) -> Finished {
        let mut words = vec!["register", "prod", "--type", "gcp", "--auth-method", self.method.id()];
        words.extend(config.iter().map(String::as_str));
        words.extend(more);
        self.run(&words)
    }

    /// Runs the program; where a person logs in, on a terminal beside a browser.
    fn run(&self, words: &[&str]) -> Finished {
        match self.method {
            Method::Browser => terminal::run(&self.watch, words, |line| {
                if line.starts_with("http") && line.contains("/o/oauth2/auth?") {
                    let page = line.to_owned();
                    std::thread::spawn(move || crate::google::browse(&page));
                }
            }),
            _ => self.watch.cli.run(words),
        }
    }

    /// The tokens that reach everything their owner may.
    fn whole_tokens(&self) -> BTreeSet<String> {
        let is_whole = |it: &String| self.google.owner(it).is_some() && !self.google.is_narrowed(it);
        self.google.issued().into_iter().filter(is_whole).collect()
    }

    /// Where these stand, if secrets of that class may not stand there.
    fn leaks_of<'a>(&self, class: Class, secrets: impl IntoIterator<Item = &'a String>) -> Vec<Sighting> {
        let canaries: Vec<_> = secrets.into_iter().map(|it| Canary::of("a token", it)).collect();
        let seen = self.watch.cli.sightings(&canaries);
        seen.into_iter().filter(|it| sink_of(class, &it.place).is_none()).collect()
    }

    /// Watches for everything that the server knows to be confidential, and for what it was sent: `is_issued` says
    /// which of its tokens were handed out.
    fn watch_everything(&self, is_issued: impl Fn(&str) -> bool) {
        let value = self.google.secret(&format!("{WHOLE}/secrets/db")).expect("it was added");
        for secret in self.google.confidential() {
            let class = match secret.as_bytes() == value || is_issued(&secret) {
                true => Class::Issued,
                false => Class::Kept,
            };
            let name = match self.google.owner(&secret) {
                Some(_) => "a token",
                None => "a key, a client's secret, a refresh token or a secret's value",
            };
            self.watch.watch(class, Canary::of(name, &secret));
        }
        // What stands for a key or a login for as long as it is good.
        for call in self.google.calls().all() {
            let sent = ["assertion", "code", "code_verifier"];
            for (name, value) in call.form() {
                if let Some(name) = sent.into_iter().find(|it| *it == name) {
                    self.watch.watch(Class::Kept, Canary::of(name, &value));
                }
            }
        }
    }
}
