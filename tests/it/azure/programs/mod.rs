//! The program, and Azure's own programs and libraries with what it gives.

mod az;
#[cfg(unix)]
mod docker;
mod kubectl;
mod register;
mod storage;

use std::fs;
use std::path::Path;
use std::process::Command;

use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::process;
use connector_tests::strict_azure::{DOMAIN, SUBSCRIPTION, StrictAzure, TENANT};

const CLIENT: &str = "66666666-7777-4888-9999-000000000000";
const WHOLE: &str = "/subscriptions/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const MANAGEMENT: &str = "https://management.azure.com";

/// A grant for the subscription.
const GENERIC: [&str; 4] = ["--resource-type", "azure-generic", "--resource-id", SUBSCRIPTION];

/// A server with an application that may look at everything, and a registered connector `prod` with its secret.
struct Stage {
    azure: StrictAzure,
    robot: String,
    /// The scope of the group that things are in.
    group: String,
    cli: Cli,
}

impl Stage {
    fn new() -> Self {
        Self::with(Cli::new())
    }

    fn with(cli: Cli) -> Self {
        let stage = Self::empty(cli);
        stage.register("prod", &[]).expect_success();
        stage
    }

    /// Without any connector.
    fn empty(cli: Cli) -> Self {
        let azure = StrictAzure::start();
        let robot = azure.add_app(TENANT, CLIENT);
        azure.grant(&robot, "Reader", WHOLE);
        let group = azure.add_group(SUBSCRIPTION, "things");
        let stage = Self { azure, robot, group, cli };
        stage.write("ca.pem", stage.azure.ca());
        stage
    }

    /// Registers a connector with a new secret of the application, whose file is gone afterwards.
    fn register(&self, name: &str, more: &[&str]) -> process::Finished {
        let file = self.write("secret", &self.azure.add_secret(CLIENT));
        let mut words: Vec<String> =
            ["register", name, "--type", "azure", "--auth-method", "service-principal"]
                .map(str::to_owned)
                .to_vec();
        words.extend([format!("tenant_id={DOMAIN}"), format!("client_id={CLIENT}")]);
        words.push(format!("client_secret=@{file}"));
        words.push(format!("subscription_id={SUBSCRIPTION}"));
        words.extend(self.place());
        words.extend(more.iter().map(|it| (*it).to_owned()));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ended = self.cli.run(&words);
        fs::remove_file(file).expect("the home is ours");
        ended
    }

    /// Where the server is, and what to trust.
    fn place(&self) -> [String; 2] {
        let ca = self.cli.home().join("ca.pem");
        [format!("endpoint_url={}", self.azure.url()), format!("ca_bundle={}", ca.display())]
    }

    /// A file in the home; its path.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.cli.home().join(name);
        fs::create_dir_all(path.parent().expect("in the home")).expect("the home is ours");
        fs::write(&path, text).expect("the home is ours");
        path.to_str().expect("a path that is text").to_owned()
    }

    /// How often the server was asked for tokens since the last time.
    fn mints(&self) -> usize {
        self.azure.calls().take().iter().filter(|it| it.path.ends_with("/oauth2/v2.0/token")).count()
    }

    /// Whose token that is, and for what.
    #[track_caller]
    fn owner(&self, token: &str) -> (String, String) {
        self.azure.owner(token.trim()).expect("a token of the server")
    }

    /// C30: no secret that the server keeps shows in any output or file.
    #[track_caller]
    fn assert_no_secret(&self) {
        let tokens = self.azure.issued();
        let kept = self.azure.confidential().into_iter().filter(|it| !tokens.contains(it) && it.len() >= 8);
        self.cli.assert_no_canary(&kept.map(|it| Canary::of("a secret", &it)).collect::<Vec<_>>());
    }

    /// The real az in a folder.
    fn az(&self, folder: &Path, arguments: &[&str]) -> process::Finished {
        let mut command = self.trusting(process::isolated("az", &self.cli.home()));
        command.args(arguments).env("AZURE_CONFIG_DIR", folder);
        self.cli.keep(process::run(&mut command))
    }

    /// A program with the server's certificate, in the same home.
    fn trusting(&self, mut command: Command) -> Command {
        command.env("REQUESTS_CA_BUNDLE", self.cli.home().join("ca.pem"));
        command
    }
}

pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
