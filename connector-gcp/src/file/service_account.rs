//! The key of a service account.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use connector_core::{Error, Result, Secret};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::FileUrl;
use super::raw::{Kind, Raw, needed_secret, needed_text, read, url};
use crate::names::{Email, EndpointUrl, ProjectId, Service, UniverseDomain};

/// A key file of a service account (`"type": "service_account"`). The private key is read at once, so that one which is
/// cut off or of another kind is refused before it is stored.
#[derive(Clone)]
pub struct ServiceAccountKey {
    pub(crate) email: Email,
    pub(crate) key_id: Option<String>,
    key: Arc<KeyPair>,
    pub(crate) project: Option<ProjectId>,
    pub(crate) quota_project: Option<ProjectId>,
    pub(crate) token_uri: Option<EndpointUrl>,
    pub(crate) universe: Option<UniverseDomain>,
}

impl fmt::Debug for ServiceAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountKey").field("email", &self.email).finish_non_exhaustive()
    }
}

impl ServiceAccountKey {
    /// Reads a key file: its JSON text, or that in base64.
    ///
    /// # Errors
    /// Invalid input that says what is missing or wrong, and quotes nothing.
    pub fn parse(text: &Secret) -> Result<Self> {
        Self::of(&Raw::parse(text)?)
    }

    pub(super) fn of<Within>(raw: &Raw<Within>) -> Result<Self> {
        raw.only(&[Kind::ServiceAccount], "the key of a service account")?;
        let email = needed_text("client_email", raw.client_email.as_ref())?;
        let email = Email::parse(email)
            .map_err(|error| Error::invalid(format!("`client_email`: {}", error.message())))?;
        let key_id = read("private_key_id", raw.private_key_id.as_deref(), key_id)?;
        Ok(Self {
            email,
            key_id,
            key: Arc::new(private_key(needed_secret("private_key", raw.private_key.as_ref())?)?),
            project: raw.project()?,
            quota_project: raw.quota_project()?,
            token_uri: url("token_uri", raw.token_uri.as_deref())?,
            universe: raw.universe()?,
        })
    }

    /// Whose key it is.
    #[must_use]
    pub fn email(&self) -> &Email {
        &self.email
    }

    /// Where its assertions go.
    pub(crate) fn urls(&self) -> Vec<FileUrl<'_>> {
        let url = self.token_uri.as_ref();
        url.map(|url| FileUrl { field: "token_uri", service: Service::Oauth, url }).into_iter().collect()
    }

    /// Signs as RS256 does.
    ///
    /// # Errors
    /// None that is known: the key was read.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &aws_lc_rs::rand::SystemRandom::new(), message, &mut signature)
            .map_err(|_| Error::unexpected("the private key signs nothing"))?;
        Ok(signature)
    }
}

fn key_id(text: String) -> Result<String> {
    let good =
        text.len() <= 128 && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'));
    if good { Ok(text) } else { Err(Error::invalid("expected letters and digits")) }
}

/// Reads an RSA key in PEM.
fn private_key(pem: &Secret) -> Result<RsaKeyPair> {
    let wrong = |why: &str| Error::invalid(format!("`private_key` {why}"));
    // Whoever pastes the key through a variable often has `\n` in two characters for each end of a line.
    let mended = Secret::new(pem.expose().replace("\\n", "\n"));
    let text = mended.expose();
    if !text.contains("PRIVATE KEY-----") {
        return Err(wrong("is no private key in PEM form"));
    }
    if text.contains("ENCRYPTED") {
        return Err(wrong("is encrypted, which Google's own keys are not"));
    }
    if !text.contains("-----END") {
        return Err(wrong("ends too early: the key was cut off"));
    }
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| wrong("is no whole PEM text"))?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(wrong("is of another kind than RSA")),
    };
    key.map_err(|_| wrong("is no RSA key of 2048 bits or more"))
}
