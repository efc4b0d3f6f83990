//! Method `connection-string`: the connection string of a storage account, or of an account in Cosmos DB.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use connector_core::{
    AuthMethod, Authenticated, Call, Error, Expiry, Identity, Life, Lifetime, MethodAbout, Problem, Result,
    Secret,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::common::Network;
use crate::connection_string::ConnectionString as Said;
use crate::connector::Azure;
use crate::names::TenantId;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// The connection string of an account.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConnectionString {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The directory (tenant) of Entra ID that the account is in: told with what is issued, and asked for nothing.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// The connection string, as the portal shows it under Access keys, Shared access signature, or Keys:
    /// `AccountName=…;AccountKey=…`, `BlobEndpoint=…;SharedAccessSignature=…`, or `AccountEndpoint=…;AccountKey=…`.
    pub connection_string: Text,
}

const FIELD: &str = "connection_string";

/// A connection string, right or wrong: what is wrong is told when the config is checked, because serde would tell that
/// something is wrong and not what.
#[derive(Clone)]
pub struct Text(Result<Said>);

impl Text {
    /// Reads a connection string.
    ///
    /// # Errors
    /// Invalid input that says what is wrong, and quotes nothing.
    pub fn parse(text: &Secret) -> Result<Self> {
        Said::parse(text).map(|said| Self(Ok(said)))
    }

    fn value(&self) -> Result<&Said> {
        self.0.as_ref().map_err(|error| Error::field(FIELD, error.message()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Secret::deserialize(from).map(|text| Self(Said::parse(&text)))
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Secret::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Secret::json_schema(generator)
    }
}

/// What signatures that are made with a key live; Azure sets no bounds.
const SIGNED: Lifetime = Lifetime::seconds(60, 3600, 7 * 24 * 3600);

impl ConnectionString {
    /// A connection string.
    #[must_use]
    pub fn new(network: Network, connection_string: Text) -> Self {
        Self { network, tenant_id: None, connection_string }
    }

    fn said(&self) -> Option<&Said> {
        self.connection_string.0.as_ref().ok()
    }

    /// Whether it can sign for less than all: with the key of a storage account alone.
    fn signs(&self) -> bool {
        matches!(self.said(), Some(Said::StorageKey { .. }))
    }
}

impl AuthMethod for ConnectionString {
    const ID: &'static str = "connection-string";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Connection string",
        "Holds the key of a storage account, and makes signatures with it that reach one container and end; the key \
         never leaves the connector, and issuing takes no call. The string of an account in Cosmos DB, or one that \
         holds a signature already, has nothing smaller to give: what is issued is the string itself, which needs \
         `allow: [long-lived]`.",
        Life::Long,
        Identity::Service,
    )
    .temporary()
    .narrows("Blob Storage by a service SAS for one container, where the string holds the account's key")
    .lifetime(SIGNED)
    .warning(
        "an account's key may do everything in it, and names nobody in its logs: prefer a method of Entra ID, such as \
         workload-identity or service-principal",
    );
    type Connector = Azure;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        match &self.connection_string.0 {
            Err(error) => problems.push(Problem::new(FIELD, error.message())),
            Ok(said) => problems.extend(self.network.check_connection_string(said)),
        }
        problems
    }

    fn lifetime(&self) -> Option<Lifetime> {
        self.signs().then_some(SIGNED)
    }

    fn narrows(&self) -> Option<&'static str> {
        Self::ABOUT.narrows.filter(|_| self.signs())
    }

    fn hands_on_secret(&self) -> bool {
        !self.signs()
    }

    fn expires_at(&self) -> Option<SystemTime> {
        self.said().and_then(Said::end)
    }

    fn scope(&self) -> Option<&str> {
        self.network.scope()
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let said = self.connection_string.value()?;
        let mut place = self.network.place(cx, self.tenant_id.as_ref())?;
        place.cloud = said.cloud().unwrap_or(place.cloud);
        let expiry = match said.end() {
            Some(end) => Expiry::At(end),
            None => Expiry::Never("the key of an account does not end by itself".into()),
        };
        let session = Session::of_connection_string(place, said.audience(), said.clone());
        Ok(Authenticated::new(session, expiry).not_narrowed("the connection string may do all that it says"))
    }
}
