use serde_json::Value;

use super::MiniStack;
use crate::install::Unavailable;
use crate::keys::Keys;

/// The value of the secret `app/database`.
pub const SECRET_VALUE: &str = "kept-in-secrets-manager";

/// A server with people, roles and things in it. Everything lies in one account and region.
///
/// Each bucket holds `hello.txt`, `team-a/one.txt` and `team-b/two.txt`.
#[derive(Debug)]
pub struct World {
    server: MiniStack,
    /// A user who may use S3, ECR, EKS, Secrets Manager and STS, and assume the data and external roles.
    pub alice: Keys,
    /// A user who may do nothing.
    pub mallory: Keys,
    /// ARN of a role with the same services, trusted to alice; it may assume the chained role.
    pub data_role: String,
    /// ARN of a role that only the data role may assume.
    pub chained_role: String,
    /// ARN of a role that alice may assume with the external id `external-1`.
    pub external_role: String,
    /// ARN of a role that does not trust alice.
    pub closed_role: String,
    /// `bkt-one` and `bkt-two`.
    pub buckets: Vec<String>,
    /// Names of two ECR repositories.
    pub repositories: Vec<String>,
    /// Name of an EKS cluster.
    pub cluster: String,
    /// ARN of the secret `app/database`.
    pub secret: String,
}

impl World {
    /// A world on a server of its own (about two seconds).
    ///
    /// # Panics
    /// When the Python tools cannot be had, or the server does not come up.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|reason| panic!("MiniStack cannot be started: {reason}"))
    }

    /// A world on a server of its own, or why the tools for it cannot be had.
    ///
    /// # Panics
    /// When the tools are there and the server does not come up.
    pub fn try_start() -> Result<Self, Unavailable> {
        let server = MiniStack::try_start()?;
        let ids = server.python(server.root(), include_str!("world.py")).expect_success().json();
        let text = |name: &str| ids[name].as_str().expect("world.py prints this name").to_owned();
        let texts = |name: &str| -> Vec<String> {
            let list = ids[name].as_array().expect("world.py prints this list");
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let keys = |name: &str| {
            let field = |field: &str| ids[name][field].as_str().expect("world.py prints keys").to_owned();
            Keys::new(field("access_key_id"), field("secret_access_key"))
        };
        Ok(Self {
            alice: keys("alice"),
            mallory: keys("mallory"),
            data_role: text("data_role"),
            chained_role: text("chained_role"),
            external_role: text("external_role"),
            closed_role: text("closed_role"),
            buckets: texts("buckets"),
            repositories: texts("repositories"),
            cluster: text("cluster"),
            secret: text("secret"),
            server,
        })
    }

    /// The server that all this lives on.
    pub fn server(&self) -> &MiniStack {
        &self.server
    }
}
