//! Reading a secret's value, with a credential that is narrowed to it.

use aws_sdk_secretsmanager::Client;
use connector_core::{Context, Error, Handle, Offers, Result, Secret};

use super::StoredSecret;
use crate::credential::AwsCredential;
use crate::error;
use crate::names::{EndpointUrl, Region};
use crate::session::{Keys, Place, Session};
use crate::trusted::Trusted;

/// Reads the values of secrets, and goes on when its credential ends.
#[derive(Clone, Debug)]
pub struct SecretReader {
    handle: Handle<StoredSecret>,
}

impl Offers<SecretReader> for StoredSecret {
    async fn offer(handle: Handle<Self>) -> Result<SecretReader> {
        Ok(SecretReader { handle })
    }
}

impl SecretReader {
    /// The value of the secret that the reader was made for.
    ///
    /// # Errors
    /// Those of issuing, and what stands in the way; a value that is no text.
    pub async fn read(&self) -> Result<Secret> {
        self.read_id(self.handle.resource().arn.as_str()).await
    }

    /// The value of a secret by its name or ARN. A reader whose credential is narrowed reads its own only.
    ///
    /// # Errors
    /// As [`SecretReader::read`].
    pub async fn read_id(&self, id: &str) -> Result<Secret> {
        const CALL: &str = "secretsmanager:GetSecretValue";
        let issued = self.handle.issue().await?;
        let cx = self.handle.source().context();
        let session = session_of(&issued.credential, &cx)?;
        let call = Client::new(&session.sdk_config(&cx)).get_secret_value().secret_id(id);
        let answer = call.send().await.map_err(|error| error::from_sdk(&cx, CALL, error))?;
        match (answer.secret_string, answer.secret_binary) {
            (Some(text), _) => Ok(Secret::new(text)),
            (None, Some(bytes)) => String::from_utf8(bytes.into_inner())
                .map(Secret::new)
                .map_err(|_| Error::invalid("the secret holds bytes that are no text")),
            (None, None) => Err(error::incomplete(CALL)),
        }
    }
}

/// An issued credential in the form of our own calls.
fn session_of(credential: &AwsCredential, cx: &Context) -> Result<Session> {
    let keys = Keys {
        access_key_id: credential.access_key_id.clone(),
        secret_access_key: credential.secret_access_key.clone(),
        session_token: credential.session_token.clone(),
    };
    let place = Place {
        region: Region::parse(credential.region.as_str())?,
        endpoint_url: credential.endpoint_url.as_deref().map(EndpointUrl::parse).transpose()?,
        sts_endpoint_url: None,
        trust: Trusted::read(credential.ca_bundle.as_deref(), cx)?,
    };
    Ok(Session::new(keys, place))
}
