//! The user's own kubectl and docker, with what `connector login` wrote: across the ends of credentials, and with many
//! processes at once.
#![cfg(unix)]

mod cache;
mod docker;
mod kubectl;
mod parallel;

use std::path::PathBuf;
use std::process::Command;

use connector_tests::cli::Cli;
use connector_tests::process;
use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};

pub(super) const CLUSTER: [&str; 2] = ["--resource-type", "kubernetes-cluster"];
pub(super) const REGISTRY: [&str; 2] = ["--resource-type", "docker-registry"];
/// Where tokens of the service account are asked for.
pub(super) const TOKENS: &str = "/api/v1/namespaces/default/serviceaccounts/reader/token";

/// A cluster with a service account that may list pods, and connectors that issue its tokens.
pub(super) struct World {
    pub(super) server: StrictKubernetes,
    pub(super) cli: Cli,
    config: Vec<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let server = StrictKubernetes::start();
        server.add_service_account("default", "reader");
        server.add_pod("default", "web");
        let of_reader = Rule::for_service_account("default", "reader").in_namespace("default");
        server.allow(of_reader.may(&["get", "list", "watch"], &["pods"]));
        server.allow(may_create());
        let cli = Cli::new();
        let given = |name: &str, text: &str| {
            let path = cli.home().join(name);
            std::fs::write(&path, text).expect("the home is ours");
            format!("{name}=@{}", path.display())
        };
        let config = vec![
            format!("server={}", server.url()),
            "cluster_name=demo".to_owned(),
            given("token", &server.add_token("broker", &[])),
            given("certificate_authority", &server.ca()),
            "service_account=reader".to_owned(),
            "namespace=default".to_owned(),
        ];
        Self { server, cli, config }
    }

    pub(super) fn register(&self, name: &str) {
        let words = ["register", name, "--type", "kubernetes", "--auth-method", "token", "--no-verify"];
        let config: Vec<&str> = self.config.iter().map(String::as_str).collect();
        self.cli.ok(&[&words[..], &config].concat());
    }

    /// A connector for a service account of which its own token may make none.
    pub(super) fn register_denied(&self, name: &str) {
        self.server.add_service_account("default", "writer");
        let words = ["register", name, "--type", "kubernetes", "--auth-method", "token", "--no-verify"];
        let config = self.config.iter().map(String::as_str);
        let config: Vec<&str> = config
            .map(|it| if it == "service_account=reader" { "service_account=writer" } else { it })
            .collect();
        self.cli.ok(&[&words[..], &config].concat());
    }

    /// From now on no token is made for the connectors.
    pub(super) fn deny(&self) {
        self.server.forbid(&may_create());
    }

    /// How many tokens the connectors asked for.
    pub(super) fn asked(&self) -> usize {
        self.server.count("POST", TOKENS, Some("broker"))
    }

    pub(super) fn file(&self) -> PathBuf {
        self.cli.home().join(".kube/config")
    }
}

fn may_create() -> Rule {
    let create =
        Rule::for_user("broker").in_namespace("default").may(&["create"], &["serviceaccounts/token"]);
    create.named(&["reader"])
}

/// An installation with docker's helper in PATH.
pub(super) fn with_helper(cli: Cli) -> Cli {
    let bin = cli.home().join("bin");
    std::fs::create_dir(&bin).expect("the home is ours");
    std::os::unix::fs::symlink(cli.binary(), bin.join("docker-credential-connector"))
        .expect("the home is ours");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    cli.with_env("PATH", path)
}

/// Starts all commands before it waits for any; each must succeed, and answers with its standard output.
#[track_caller]
pub(super) fn all_at_once(commands: Vec<Command>) -> Vec<String> {
    run_at_once(commands).into_iter().map(|it| it.expect_success().stdout_text()).collect()
}

/// Starts all commands before it waits for any.
pub(super) fn run_at_once(commands: Vec<Command>) -> Vec<process::Finished> {
    let run = |mut command: Command| std::thread::spawn(move || process::run(&mut command));
    let started: Vec<_> = commands.into_iter().map(run).collect();
    started.into_iter().map(|it| it.join().expect("no panic")).collect()
}
