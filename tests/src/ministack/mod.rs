//! MiniStack: an AWS API server on loopback that checks signatures, identity policies, trust policies and session
//! policies. It does not check durations, web identity signatures or SSO; `strict_aws` does.

mod world;

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub use world::{SECRET_VALUE, World};

use crate::install::{self, Python, Unavailable};
use crate::keys::Keys;
use crate::process::{self, Finished};
use crate::random;
use crate::server::{Server, answers, start_on_a_free_port};

/// The account of every MiniStack that is started here.
pub const ACCOUNT: &str = "123456789012";
/// The region its clients are told.
pub const REGION: &str = "us-east-1";

/// A running server. It ends with this value, and with the test process whatever happens to that.
#[derive(Debug)]
pub struct MiniStack {
    _server: Server,
    port: u16,
    root: Keys,
    python: Python,
    home: TempDir,
}

impl MiniStack {
    /// Starts an empty server on a port of its own and waits until it answers.
    ///
    /// # Panics
    /// When the Python tools cannot be had, or the server does not come up.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|reason| panic!("MiniStack cannot be started: {reason}"))
    }

    /// Starts an empty server, or says why the tools for it cannot be had.
    ///
    /// # Panics
    /// When the tools are there and the server does not come up.
    pub fn try_start() -> Result<Self, Unavailable> {
        let python = install::python()?;
        Ok(start_on_a_free_port("MiniStack", |port| Self::start_on(port, &python)))
    }

    fn start_on(port: u16, python: &Python) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let root = Keys::new("AKIAROOT00000000ROOT", random::secret(40));
        let mut command = python.python(home.path());
        command.args(["-c", include_str!("start.py")]).envs([
            ("AUTH", "true"),
            ("BIND_HOST", "127.0.0.1"),
            ("MINISTACK_ACCOUNT_ID", ACCOUNT),
            // A cluster must stay an entry in a list: no engine, and none of the listeners beside the HTTP one.
            ("DOCKER_HOST", "unix:///nonexistent"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
        ]);
        command.env("GATEWAY_PORT", port.to_string()).env("S3_DATA_DIR", home.path().join("s3"));
        root.apply(&mut command);
        let is_ready = || answers(port, "/_ministack/health");
        let server = Server::start(&mut command, &home.path().join("log"), is_ready)?;
        Ok(Self { _server: server, port, root, python: python.clone(), home })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The identity that may do everything.
    pub fn root(&self) -> &Keys {
        &self.root
    }

    /// The tools that came with it.
    pub fn tools(&self) -> &Python {
        &self.python
    }

    /// The real `aws` program against this server, with `keys` and a clean environment.
    pub fn aws(&self, keys: &Keys, arguments: &[&str]) -> Finished {
        let mut command = self.python.aws(self.home.path());
        keys.apply(&mut command).env("AWS_ENDPOINT_URL", self.url());
        process::run(command.args(arguments))
    }

    /// The real `aws` program with nothing but this server's endpoint, for profiles and helpers: `home` is its
    /// home, where it looks for `.aws/config`.
    pub fn aws_command(&self, home: &Path) -> Command {
        let mut command = self.python.aws(home);
        command.env("AWS_ENDPOINT_URL", self.url());
        command
    }

    /// Runs a Python script with boto3 as `keys`; its standard output is the caller's to read.
    pub fn python(&self, keys: &Keys, script: &str) -> Finished {
        self.python_with_input(keys, script, "")
    }

    /// The same with something to read, such as keys, which do not belong into arguments.
    pub fn python_with_input(&self, keys: &Keys, script: &str, input: &str) -> Finished {
        let mut command = self.python.python(self.home.path());
        keys.apply(&mut command).env("AWS_ENDPOINT_URL", self.url());
        process::run_with_input(command.args(["-c", script]), input.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_as_told_and_authentication_is_on() {
        let world = World::start();
        let server = world.server();
        let caller = server.aws(&world.alice, &["sts", "get-caller-identity"]).expect_success().json();
        assert_eq!(caller["Arn"], format!("arn:aws:iam::{ACCOUNT}:user/alice"));

        let wrong = Keys::new(&world.alice.access_key_id, "wrong");
        let refused = server.aws(&wrong, &["sts", "get-caller-identity"]).expect_code(255);
        assert!(refused.stderr_text().contains("SignatureDoesNotMatch"), "{refused:?}");
        let refused = server.aws(&world.mallory, &["s3", "ls", "s3://bkt-one"]).expect_code(255);
        assert!(refused.stderr_text().contains("AccessDenied"), "{refused:?}");

        let listed = server.aws(&world.alice, &["s3", "ls", "s3://bkt-two/team-a/"]).expect_success();
        assert!(listed.stdout_text().contains("one.txt"), "{listed:?}");
        let clusters = server.aws(&world.alice, &["eks", "list-clusters"]).expect_success().json();
        assert_eq!(clusters["clusters"][0], world.cluster);
        let repositories =
            server.aws(&world.alice, &["ecr", "describe-repositories"]).expect_success().json();
        assert_eq!(repositories["repositories"][0]["repositoryName"], world.repositories[0]);
        let secret = ["secretsmanager", "get-secret-value", "--secret-id", &world.secret];
        let secret = server.aws(&world.alice, &secret).expect_success().json();
        assert_eq!(secret["SecretString"], SECRET_VALUE);
    }

    #[test]
    fn roles_are_trusted_as_told_and_session_policies_narrow() {
        let world = World::start();
        let assume = |keys: &Keys, role: &str, more: &[&str]| {
            let arguments = ["sts", "assume-role", "--role-session-name", "test", "--role-arn", role];
            world.server().aws(keys, &[&arguments, more].concat())
        };
        assume(&world.alice, &world.closed_role, &[]).expect_code(255);
        assume(&world.alice, &world.external_role, &[]).expect_code(255);
        assume(&world.alice, &world.external_role, &["--external-id", "external-1"]).expect_success();
        assume(&world.alice, &world.chained_role, &[]).expect_code(255);
        let session = assume(&world.alice, &world.data_role, &[]).expect_success().json();
        assume(&Keys::from_json(&session["Credentials"]), &world.chained_role, &[]).expect_success();

        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bkt-one"}]}"#;
        let narrowed = assume(&world.alice, &world.data_role, &["--policy", policy]).expect_success().json();
        let narrowed = Keys::from_json(&narrowed["Credentials"]);
        world.server().aws(&narrowed, &["s3", "ls", "s3://bkt-one"]).expect_success();
        world.server().aws(&narrowed, &["s3", "ls", "s3://bkt-two"]).expect_code(255);
    }
}
