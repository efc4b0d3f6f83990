//! Reading a secret's value, with a credential that is narrowed to it.

use aws_sdk_secretsmanager::Client;
use connector_core::{Context, Error, Handle, Offers, Result, Secret, SecretReader, Trusted};

use super::StoredSecret;
use crate::credential::AwsCredential;
use crate::error;
use crate::names::{EndpointUrl, Region};
use crate::session::{Keys, Place, Session};

impl Offers<SecretReader> for StoredSecret {
    async fn offer(handle: Handle<Self>) -> Result<SecretReader> {
        Ok(SecretReader::new(move || read(handle.clone())))
    }
}

async fn read(handle: Handle<StoredSecret>) -> Result<Secret> {
    const CALL: &str = "secretsmanager:GetSecretValue";
    let issued = handle.issue().await?;
    let cx = handle.source().context();
    let session = session_of(&issued.credential, &cx)?;
    let call = Client::new(&session.sdk_config(&cx)).get_secret_value();
    let answer = call.secret_id(handle.resource().arn.as_str()).send().await;
    let answer = answer.map_err(|error| error::from_sdk(&cx, CALL, error))?;
    match (answer.secret_string, answer.secret_binary) {
        (Some(text), _) => Ok(Secret::new(text)),
        (None, Some(bytes)) => String::from_utf8(bytes.into_inner())
            .map(Secret::new)
            .map_err(|_| Error::invalid("the secret holds bytes that are no text")),
        (None, None) => Err(error::incomplete(CALL)),
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
