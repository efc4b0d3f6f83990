//! Certificates that a session trusts beside the system's, as they were read and as they were said.

use std::sync::Arc;

use connector_core::{CaBundle, Context, Result};

/// Certificates that were read, and how they were said: what is issued says the same.
#[derive(Clone, Debug)]
pub(crate) struct Trusted {
    pub(crate) said: CaBundle,
    /// In PEM form.
    pub(crate) pem: Arc<[u8]>,
}

impl Trusted {
    /// Reads what a connector says.
    ///
    /// # Errors
    /// As [`CaBundle::read`].
    pub(crate) fn of(said: &CaBundle, cx: &Context) -> Result<Self> {
        Ok(Self { said: said.clone(), pem: said.read(cx)? })
    }

    /// Reads what an issued credential says.
    ///
    /// # Errors
    /// As [`CaBundle::read`], and a text that is neither PEM nor an absolute path.
    pub(crate) fn read(said: Option<&str>, cx: &Context) -> Result<Option<Self>> {
        said.map(|text| Self::of(&text.parse()?, cx)).transpose()
    }
}
