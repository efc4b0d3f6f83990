//! The credential kind `aws`: temporary keys, and where they are good.

use std::time::Duration;

use connector_core::agent::Protocol;
use connector_core::{
    Clients, Credential, EnvironmentForm, Expiry, Fields, Issued, Result, Secret, Source, Tool,
};

use crate::{agent, tool};

/// Keys for AWS, with what an SDK has to know to use them.
#[derive(Clone, Debug)]
pub struct AwsCredential {
    /// The access key id; `ASIA…` for temporary keys. Hidden, though AWS does not treat it as a secret.
    pub access_key_id: Secret,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token; none for long-lived keys.
    pub session_token: Option<Secret>,
    /// The region that they are meant for.
    pub region: String,
    /// The account that they belong to, where it is known.
    pub account_id: Option<String>,
    /// An endpoint in place of AWS's own.
    pub endpoint_url: Option<String>,
    /// Certificates to trust beside the system's when calling: PEM text, or the absolute path of a PEM file.
    pub ca_bundle: Option<String>,
}

impl Credential for AwsCredential {
    const KIND: &'static str = "aws";
    // botocore asks again on every use from 15 minutes before the end.
    const EARLY: Duration = Duration::from_secs(20 * 60);

    fn export(&self, out: &mut Fields) {
        out.secret("access_key_id", &self.access_key_id);
        out.secret("secret_access_key", &self.secret_access_key);
        out.secret_if("session_token", self.session_token.as_ref());
        out.public("region", self.region.as_str());
        out.public_if("account_id", self.account_id.as_deref());
        out.public_if("endpoint_url", self.endpoint_url.as_deref());
        out.public_if("ca_bundle", self.ca_bundle.as_deref());
    }

    fn import(fields: &Fields) -> Result<Self> {
        Ok(Self {
            access_key_id: fields.expect_secret("access_key_id")?,
            secret_access_key: fields.expect_secret("secret_access_key")?,
            session_token: fields.secret_field("session_token").cloned(),
            region: fields.text("region")?.to_owned(),
            account_id: fields.text_if("account_id").map(str::to_owned),
            endpoint_url: fields.text_if("endpoint_url").map(str::to_owned),
            ca_bundle: fields.text_if("ca_bundle").map(str::to_owned),
        })
    }

    fn clients() -> Clients<Source<Self>> {
        Clients::none().with::<aws_types::SdkConfig>()
    }

    fn tools() -> &'static [Tool<Self>] {
        &[Tool { name: "aws", render: tool::credential_process }]
    }

    fn protocols() -> &'static [&'static dyn Protocol<Self>] {
        &[&agent::EcsContainer]
    }

    fn environment(issued: &Issued<Self>) -> Result<EnvironmentForm> {
        Ok(tool::environment(&issued.credential, &issued.expiry))
    }
}

impl AwsCredential {
    /// The same keys in the form of the SDK, ending at `expiry`.
    #[must_use]
    pub fn to_sdk(&self, expiry: &Expiry) -> aws_credential_types::Credentials {
        aws_credential_types::Credentials::new(
            self.access_key_id.expose(),
            self.secret_access_key.expose(),
            self.session_token.as_ref().map(|token| token.expose().to_owned()),
            expiry.at(),
            "connector",
        )
    }
}
