//! The credential kind `oauth2-bearer`: a token, and the API that it is for.

use connector_core::{Clients, Credential, Error, Fields, Result, Secret, Source, Tool};

use crate::names::ApiUrl;
use crate::{ApiClient, tool};

/// A bearer token (RFC 6750), and the API that it is for.
#[derive(Clone, Debug)]
pub struct BearerToken {
    /// The token.
    pub access_token: Secret,
    /// What all calls begin with that it is sent with.
    pub api: ApiUrl,
    /// The scopes that it carries, where that is known.
    pub scope: Option<String>,
}

impl Credential for BearerToken {
    const KIND: &'static str = "oauth2-bearer";

    fn export(&self, out: &mut Fields) {
        out.secret("access_token", &self.access_token);
        out.public("api", self.api.as_str());
        out.public_if("scope", self.scope.as_deref());
    }

    fn import(fields: &Fields) -> Result<Self> {
        let api = fields.text("api")?.parse().map_err(|error: Error| Error::field("api", error.message()))?;
        Ok(Self {
            access_token: fields.expect_secret("access_token")?,
            api,
            scope: fields.text_if("scope").map(str::to_owned),
        })
    }

    fn clients() -> Clients<Source<Self>> {
        Clients::none().with::<ApiClient>()
    }

    fn tools() -> &'static [Tool<Self>] {
        &[Tool { name: "curl", render: tool::curl_config }]
    }
}
