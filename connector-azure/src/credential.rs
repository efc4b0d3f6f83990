//! The credential kind `azure`: a token for one service, a signature for one container, or the connection string of
//! an account.

use connector_core::agent::Protocol;
use connector_core::{Clients, Credential, EnvironmentForm, Error, Fields, Issued, Result, Secret, Source};

use crate::names::Cloud;
use crate::{agent, tool};

/// What is good for a part of Azure, with what a client has to know to use it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AzureCredential {
    /// What is shown.
    pub shown: Shown,
    /// The directory of the identity.
    pub tenant_id: Option<String>,
    /// The subscription that it is meant for.
    pub subscription_id: Option<String>,
    /// The cloud: `public`, `government` or `china`.
    pub cloud: String,
    /// The account that it is meant for: of storage, of Cosmos DB, or a key vault.
    pub account: Option<String>,
    /// The container that it is meant for.
    pub container: Option<String>,
    /// Where the account, or the service, is: a URL without a slash at the end.
    pub endpoint: Option<String>,
    /// Where a token came from: a URL without a slash at the end, to which a directory is added.
    pub authority: Option<String>,
    /// Certificates to trust beside the system's when calling: PEM text, or the absolute path of a PEM file.
    pub ca_bundle: Option<String>,
}

/// The secret of an [`AzureCredential`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Shown {
    /// An access token of Entra ID.
    Token {
        /// Sent as `Authorization: Bearer`.
        token: Secret,
        /// The service that it is for, such as `https://vault.azure.net`.
        audience: String,
    },
    /// A shared access signature: the query of a URL, without a question mark.
    Signature(Secret),
    /// The connection string of an account, with its key: it does not end.
    ConnectionString(Secret),
}

impl AzureCredential {
    /// One that knows no more than what it shows.
    #[must_use]
    pub fn new(shown: Shown) -> Self {
        Self {
            shown,
            tenant_id: None,
            subscription_id: None,
            cloud: Cloud::default().name().to_owned(),
            account: None,
            container: None,
            endpoint: None,
            authority: None,
            ca_bundle: None,
        }
    }

    /// The cloud that it is of.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        Cloud::named(&self.cloud).unwrap_or_default()
    }

    /// The access token and the service that it is for.
    ///
    /// # Errors
    /// Refused, where it is something else than a token.
    pub fn token(&self) -> Result<(&Secret, &str)> {
        match &self.shown {
            Shown::Token { token, audience } => Ok((token, audience)),
            Shown::Signature(_) | Shown::ConnectionString(_) => {
                Err(Error::refused("the credential is no token of Entra ID")
                    .with_hint("take the client of the resource's own service"))
            }
        }
    }
}

impl Credential for AzureCredential {
    const KIND: &'static str = "azure";

    fn export(&self, out: &mut Fields) {
        match &self.shown {
            Shown::Token { token, audience } => {
                out.secret("access_token", token);
                out.public("audience", audience.as_str());
            }
            Shown::Signature(signature) => out.secret("sas_token", signature),
            Shown::ConnectionString(text) => out.secret("connection_string", text),
        }
        out.public_if("tenant_id", self.tenant_id.as_deref());
        out.public_if("subscription_id", self.subscription_id.as_deref());
        out.public("cloud", self.cloud.as_str());
        out.public_if("account", self.account.as_deref());
        out.public_if("container", self.container.as_deref());
        out.public_if("endpoint", self.endpoint.as_deref());
        out.public_if("authority", self.authority.as_deref());
        out.public_if("ca_bundle", self.ca_bundle.as_deref());
    }

    fn import(fields: &Fields) -> Result<Self> {
        let text = |name| fields.text_if(name).map(str::to_owned);
        let secret = |name| fields.secret_field(name).cloned();
        let shown = match (secret("sas_token"), secret("connection_string")) {
            (Some(signature), _) => Shown::Signature(signature),
            (None, Some(text)) => Shown::ConnectionString(text),
            (None, None) => Shown::Token {
                token: fields.expect_secret("access_token")?,
                audience: text("audience").ok_or_else(|| Error::field("audience", "missing"))?,
            },
        };
        let cloud = text("cloud").unwrap_or_else(|| Cloud::default().name().to_owned());
        // A cloud that is not known would have the token sent to the public one.
        if Cloud::named(&cloud).is_none() {
            return Err(Error::field("cloud", "expected `public`, `government` or `china`"));
        }
        Ok(Self {
            shown,
            tenant_id: text("tenant_id"),
            subscription_id: text("subscription_id"),
            cloud,
            account: text("account"),
            container: text("container"),
            endpoint: text("endpoint"),
            authority: text("authority"),
            ca_bundle: text("ca_bundle"),
        })
    }

    fn clients() -> Clients<Source<Self>> {
        Clients::none().with::<std::sync::Arc<dyn azure_core::credentials::TokenCredential>>()
    }

    fn protocols() -> &'static [&'static dyn Protocol<Self>] {
        &[&agent::AppService]
    }

    fn environment(issued: &Issued<Self>) -> Result<EnvironmentForm> {
        Ok(tool::environment(&issued.credential, &issued.expiry))
    }
}
