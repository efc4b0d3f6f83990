//! Clusters that the same tests run against: the strict one in every run, a real API server where
//! `cargo xtask test --real-kubernetes` has asked for it, and the cluster of `CONNECTOR_TEST_KUBECONFIG`, whose current
//! context has to be allowed to make namespaces, roles and service accounts. There every test has a namespace of its
//! own, which it takes away.

mod real;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::install::{self, Kubectl};
use crate::process::{self, Finished};
use crate::random;
use crate::strict_kubernetes::{Login, Rule, StrictKubernetes, kubeconfig};

use real::RealKubernetes;

/// The environment variable that asks for the real API server.
pub const REAL: &str = "CONNECTOR_TEST_REAL_KUBERNETES";
/// The environment variable that names the kubeconfig of any cluster, by its whole path.
pub const GIVEN: &str = "CONNECTOR_TEST_KUBECONFIG";

/// A cluster, and in it a namespace for one test.
#[derive(Debug)]
pub struct Cluster {
    backing: Backing,
    kubectl: Kubectl,
    home: TempDir,
    admin: PathBuf,
    url: String,
    ca: String,
    namespace: String,
}

#[derive(Debug)]
enum Backing {
    Strict(Box<StrictKubernetes>),
    /// Held, for it ends with its value.
    Real {
        _server: RealKubernetes,
    },
    Given,
}

/// Who gets a right in the test's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The service account of that name in it.
    ServiceAccount(&'a str),
    /// A user.
    User(&'a str),
}

/// Runs `test` against every cluster that there is.
///
/// # Panics
/// When a cluster that was asked for cannot be had.
pub fn each(test: impl Fn(&Cluster)) {
    test(&Cluster::strict());
    if std::env::var_os(REAL).is_some() {
        test(&Cluster::real());
    }
    if let Some(kubeconfig) = std::env::var_os(GIVEN) {
        test(&Cluster::given(Path::new(&kubeconfig)));
    }
}

impl Cluster {
    /// The strict server.
    pub fn strict() -> Self {
        let server = StrictKubernetes::start();
        let admin = server.kubeconfig(&Login::Token(server.add_token("admin", &["system:masters"])));
        let (url, ca) = (server.url(), server.ca());
        let (home, admin) = written(&admin);
        Self::new(Backing::Strict(Box::new(server)), home, admin, url, ca)
    }

    fn real() -> Self {
        let server = RealKubernetes::start();
        let (url, ca) = (server.url(), server.ca().to_owned());
        let admin = kubeconfig::text(&url, &ca, "default", &server.admin());
        let (home, admin) = written(&admin);
        Self::new(Backing::Real { _server: server }, home, admin, url, ca)
    }

    fn given(path: &Path) -> Self {
        // Used where it lies: what it names may lie beside it.
        let admin = path.canonicalize();
        let admin = admin.unwrap_or_else(|error| panic!("{GIVEN} names {}: {error}", path.display()));
        let kubectl = install::kubectl().unwrap_or_else(|reason| panic!("kubectl: {reason}"));
        let view = ["config", "view", "--raw", "--minify", "--flatten", "-o", "json"];
        let home = tempfile::tempdir().expect("a temporary folder");
        let view = process::run(kubectl.command(home.path(), &admin).args(view)).expect_success().json();
        let cluster = &view["clusters"][0]["cluster"];
        let field = |name: &str| cluster[name].as_str().unwrap_or_default();
        let ca = STANDARD.decode(field("certificate-authority-data")).expect("kubectl writes base64");
        let ca = String::from_utf8(ca).expect("certificates are text");
        Self::new(Backing::Given, home, admin, field("server").to_owned(), ca)
    }

    fn new(backing: Backing, home: TempDir, admin: PathBuf, url: String, ca: String) -> Self {
        let kubectl = install::kubectl().unwrap_or_else(|reason| panic!("kubectl: {reason}"));
        let namespace = format!("connector-test-{}", random::token(8).to_lowercase());
        let cluster = Self { backing, kubectl, home, admin, url, ca, namespace };
        match &cluster.backing {
            Backing::Strict(server) => server.add_namespace(&cluster.namespace),
            _ => {
                cluster.admin(&["create", "namespace", &cluster.namespace]).expect_success();
            }
        }
        cluster
    }

    /// The strict server, where it is that one: for what a test can do to no other.
    pub fn as_strict(&self) -> Option<&StrictKubernetes> {
        match &self.backing {
            Backing::Strict(server) => Some(server),
            _ => None,
        }
    }

    /// `https://HOST:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificates of its authorities, in PEM; empty where the system's are meant.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The test's own namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether it has reviews of the caller (since 1.28).
    pub fn knows_callers(&self) -> bool {
        let version = self.admin(&["get", "--raw", "/version"]).expect_success().json();
        let minor = version["minor"].as_str().unwrap_or_default().trim_end_matches('+').parse();
        minor.unwrap_or(0) >= 28
    }

    /// A kubeconfig with one context in the test's namespace.
    pub fn kubeconfig(&self, login: &Login) -> String {
        kubeconfig::text(&self.url, &self.ca, &self.namespace, login)
    }

    /// Runs `kubectl` as whoever `login` is, in the test's namespace.
    pub fn kubectl(&self, login: &Login, arguments: &[&str]) -> Finished {
        let path = self.home.path().join(format!("config-{}", random::token(8)));
        fs::write(&path, self.kubeconfig(login)).expect("a file");
        process::run(self.kubectl.command(self.home.path(), &path).args(arguments))
    }

    /// Runs `kubectl` as who may do everything.
    pub fn admin(&self, arguments: &[&str]) -> Finished {
        process::run(self.admin_command().args(arguments))
    }

    /// Adds a service account to the namespace.
    pub fn add_service_account(&self, name: &str) {
        match self.as_strict() {
            Some(server) => server.add_service_account(&self.namespace, name),
            None => self.create(&["serviceaccount", name]),
        }
    }

    /// Adds a config map with that label to the namespace.
    pub fn add_config_map(&self, name: &str, label: (&str, &str)) {
        match self.as_strict() {
            Some(server) => {
                let content = json!({ "data": {}, "metadata": { "labels": { label.0: label.1 } } });
                server.put("configmaps", &self.namespace, name, content);
            }
            None => {
                self.create(&["configmap", name]);
                let label = format!("{}={}", label.0, label.1);
                self.admin(&["-n", &self.namespace, "label", "configmap", name, &label]).expect_success();
            }
        }
    }

    /// Lets a subject do this with resources of the core group in the namespace.
    pub fn allow(&self, subject: Subject<'_>, verbs: &[&str], resources: &[&str]) {
        if let Some(server) = self.as_strict() {
            let rule = match subject {
                Subject::ServiceAccount(name) => Rule::for_service_account(&self.namespace, name),
                Subject::User(name) => Rule::for_user(name),
            };
            return server.allow(rule.in_namespace(&self.namespace).may(verbs, resources));
        }
        let role = random::token(8).to_lowercase();
        let (verbs, resources) = (verbs.join(","), resources.join(","));
        self.create(&["role", &role, "--verb", &verbs, "--resource", &resources]);
        let to = match subject {
            Subject::ServiceAccount(name) => format!("--serviceaccount={}:{name}", self.namespace),
            Subject::User(name) => format!("--user={name}"),
        };
        self.create(&["rolebinding", &role, "--role", &role, &to]);
    }

    /// Asks for a token of a service account as `login`, or as who may do everything.
    pub fn request_token(&self, login: Option<&Login>, account: &str, spec: &Value) -> Finished {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{account}/token", self.namespace);
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
        self.post(login, &path, &body)
    }

    /// Posts an object to a path as `login`, or as who may do everything.
    pub fn post(&self, login: Option<&Login>, path: &str, body: &Value) -> Finished {
        let mut command = match login {
            None => self.admin_command(),
            Some(login) => {
                let kubeconfig = self.home.path().join(format!("config-{}", random::token(8)));
                fs::write(&kubeconfig, self.kubeconfig(login)).expect("a file");
                self.kubectl.command(self.home.path(), &kubeconfig)
            }
        };
        let command = command.args(["create", "--raw", path, "-f", "-"]);
        process::run_with_input(command, body.to_string().as_bytes())
    }

    /// A token of a service account that lives for an hour.
    pub fn token(&self, account: &str) -> String {
        let told = self.request_token(None, account, &json!({})).expect_success().json();
        told["status"]["token"].as_str().expect("a token").to_owned()
    }

    fn create(&self, arguments: &[&str]) {
        self.admin(&[&["-n", &self.namespace, "create"][..], arguments].concat()).expect_success();
    }

    fn admin_command(&self) -> Command {
        let mut command = self.kubectl.command(self.home.path(), &self.admin);
        // An exec plugin of the given context may need the home of whoever gave it.
        if let (Backing::Given, Some(home)) = (&self.backing, std::env::var_os("HOME")) {
            command.env("HOME", home);
        }
        command
    }
}

/// A folder, and in it a kubeconfig.
fn written(kubeconfig: &str) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let path = home.path().join("admin");
    fs::write(&path, kubeconfig).expect("a file");
    (home, path)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if matches!(self.backing, Backing::Given) {
            let _ =
                self.admin_command().args(["delete", "namespace", &self.namespace, "--wait=false"]).output();
        }
    }
}

#[cfg(test)]
mod tests;
