//! Certificates that a connector trusts beside the system's: how they are said, and how they are read.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use connector_core::{Context, Error, Result};
use schemars::JsonSchema;

/// Certificates: PEM text, or the absolute path of a file with them.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("minLength" = 2))]
pub struct CaBundle(String);

const PEM: &str = "-----BEGIN CERTIFICATE-----";

impl CaBundle {
    /// The certificates as they are now.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no certificate.
    pub(crate) fn read(&self, cx: &Context) -> Result<Trusted> {
        let Some(path) = path_of(&self.0) else {
            return Ok(Trusted { said: self.clone(), pem: Arc::from(self.0.as_bytes()) });
        };
        let pem = cx.read(Path::new(path)).map_err(|error| error.context("`ca_bundle` cannot be read"))?;
        if !pem.windows(PEM.len()).any(|part| part == PEM.as_bytes()) {
            return Err(Error::field("ca_bundle", format!("{path} holds no PEM certificate")));
        }
        Ok(Trusted { said: self.clone(), pem: Arc::from(pem) })
    }

    /// What was said: text or path.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaBundle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if path_of(text).is_none_or(is_absolute) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("expected PEM text or the absolute path of a PEM file"))
    }
}

/// Certificates that were read, and how they were said.
#[derive(Clone, Debug)]
pub(crate) struct Trusted {
    pub(crate) said: CaBundle,
    /// In PEM form.
    pub(crate) pem: Arc<[u8]>,
}

impl Trusted {
    /// Reads what an issued credential says.
    ///
    /// # Errors
    /// As [`CaBundle::read`], and a text that is neither PEM nor an absolute path.
    pub(crate) fn read(said: Option<&str>, cx: &Context) -> Result<Option<Self>> {
        said.map(|text| text.parse::<CaBundle>()?.read(cx)).transpose()
    }
}

/// The path in what was said; `None` when it is the text itself.
pub(crate) fn path_of(said: &str) -> Option<&str> {
    (!said.contains(PEM)).then_some(said)
}

/// Absolute on this system, or on the one that the document was written for.
pub(crate) fn is_absolute(path: &str) -> bool {
    let windows = path.as_bytes().get(1..3).is_some_and(|it| it[0] == b':' && matches!(it[1], b'\\' | b'/'));
    !path.chars().any(char::is_control) && (path.starts_with('/') || path.starts_with("\\\\") || windows)
}
