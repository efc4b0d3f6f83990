//! What the tests here share: one filled emulator, the program in front of it, and the files it is given.

use std::path::PathBuf;
use std::sync::LazyLock;

use connector_tests::cli::Cli;
use connector_tests::keys::Keys;
use connector_tests::ministack::World;
use connector_tests::recorder::Recorder;
use connector_tests::skip::skip;
use connector_tests::strict_aws::StrictAws;

/// One emulator for all tests that do not change what is in it.
static WORLD: LazyLock<Result<World, String>> =
    LazyLock::new(|| World::try_start().map_err(|why| why.to_string()));

/// The shared emulator; where its tools cannot be had the test is skipped, loudly.
pub(crate) fn world(test: &str) -> Option<&'static World> {
    match &*WORLD {
        Ok(world) => Some(world),
        Err(why) => {
            skip(test, why);
            None
        }
    }
}

/// An installation of the program, and a recorder between it and the emulator.
pub(crate) struct Stage {
    pub(crate) world: &'static World,
    pub(crate) wire: Recorder,
    pub(crate) cli: Cli,
}

impl Stage {
    pub(crate) fn new(test: &str) -> Option<Self> {
        let world = world(test)?;
        Some(Self { world, wire: Recorder::start(&world.server().url()), cli: Cli::new() })
    }

    /// Registers a connector for alice by `method`; more `KEY=VALUE`s and options follow.
    pub(crate) fn register(&self, name: &str, method: &str, more: &[&str]) {
        register(&self.cli, name, method, &self.wire.url(), &self.world.alice, more);
    }

    /// Registers the data role, which alice may assume.
    pub(crate) fn register_role(&self, name: &str, more: &[&str]) {
        let role = format!("role_arn={}", self.world.data_role);
        let more: Vec<&str> = [role.as_str()].into_iter().chain(more.iter().copied()).collect();
        self.register(name, "iam-role", &more);
    }

    /// The credential that the program issues, as a client takes it.
    pub(crate) fn issue(&self, arguments: &[&str]) -> Keys {
        let arguments: Vec<&str> = ["issue"].into_iter().chain(arguments.iter().copied()).collect();
        keys_of(&self.cli.json(&arguments))
    }

    /// What the real `aws` answers with `keys`, and whether it succeeded.
    pub(crate) fn aws(&self, keys: &Keys, arguments: &[&str]) -> (bool, String) {
        let finished = self.world.server().aws(keys, arguments);
        (finished.success(), finished.text())
    }
}

/// Registers a connector that holds `keys`, the secret given by file.
pub(crate) fn register(cli: &Cli, name: &str, method: &str, endpoint: &str, keys: &Keys, more: &[&str]) {
    let given = given(cli, endpoint, keys);
    let mut arguments = vec!["register", name, "--type", "aws", "--auth-method", method];
    arguments.extend(given.iter().map(String::as_str));
    arguments.extend(more);
    cli.ok(&arguments);
}

/// The `KEY=VALUE`s for region, endpoint and keys; the secret is in a file.
pub(crate) fn given(cli: &Cli, endpoint: &str, keys: &Keys) -> Vec<String> {
    let secret: PathBuf = cli.home().join(format!("{}.secret", keys.access_key_id));
    std::fs::write(&secret, &keys.secret_access_key).expect("the home is ours");
    vec![
        "region=us-east-1".into(),
        format!("endpoint_url={endpoint}"),
        format!("aws_access_key_id={}", keys.access_key_id),
        format!("aws_secret_access_key=@{}", secret.display()),
    ]
}

/// The keys in an envelope.
pub(crate) fn keys_of(envelope: &serde_json::Value) -> Keys {
    let secret = |name: &str| envelope["secret"][name].as_str().map(str::to_owned);
    Keys {
        access_key_id: secret("access_key_id").expect("an `aws` envelope has a key id"),
        secret_access_key: secret("secret_access_key").expect("an `aws` envelope has a secret"),
        session_token: secret("session_token"),
    }
}

/// A strict endpoint with a user `alice` and an installation of the program.
pub(crate) fn strict() -> (StrictAws, Keys, Cli) {
    let server = StrictAws::start();
    let alice = server.add_user("alice");
    (server, alice, Cli::new())
}
