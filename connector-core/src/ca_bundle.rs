//! A field that every method over TLS has: certificates to trust beside the system's.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Context, Error, Result};

/// Certificates that a connector trusts beside the system's: PEM text, or the absolute path of a file with them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("minLength" = 2))]
pub struct CaBundle(String);

const PEM: &str = "-----BEGIN CERTIFICATE-----";

/// In the first line of a key of any kind.
const KEY: &str = "PRIVATE KEY-----";

impl CaBundle {
    /// The certificates as they are now, in PEM form: a file is read each time, since it may be replaced.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no certificate.
    pub fn read(&self, cx: &Context) -> Result<Arc<[u8]>> {
        let Some(path) = self.path() else { return Ok(Arc::from(self.0.as_bytes())) };
        let pem = cx.read(path).map_err(|error| error.context("`ca_bundle` cannot be read"))?;
        if !pem.windows(PEM.len()).any(|part| part == PEM.as_bytes()) {
            let message = format!("{} holds no PEM certificate", path.display());
            return Err(Error::field("ca_bundle", message));
        }
        Ok(Arc::from(pem))
    }

    /// The file; `None` when it is the text itself.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        (!self.0.contains(PEM)).then(|| Path::new(&self.0))
    }

    /// What was said: text or path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaBundle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains(KEY) {
            // What is said here is shown: it is no secret.
            return Err(Error::invalid("holds a private key: give the certificates alone"));
        }
        if text.contains(PEM) || is_absolute(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("expected PEM text or the absolute path of a PEM file"))
    }
}

impl TryFrom<String> for CaBundle {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// Certificates that were read, and how they were said: what is issued says the same.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// As they were said.
    pub said: CaBundle,
    /// In PEM form.
    pub pem: Arc<[u8]>,
}

impl Trusted {
    /// Reads what a connector says.
    ///
    /// # Errors
    /// As [`CaBundle::read`].
    pub fn of(said: &CaBundle, cx: &Context) -> Result<Self> {
        Ok(Self { said: said.clone(), pem: said.read(cx)? })
    }

    /// Reads what an issued credential says.
    ///
    /// # Errors
    /// As [`CaBundle::read`], and a text that is neither PEM nor an absolute path.
    pub fn read(said: Option<&str>, cx: &Context) -> Result<Option<Self>> {
        said.map(|text| Self::of(&text.parse()?, cx)).transpose()
    }
}

/// Whether a path in a document is absolute: on this system, or on the one that the document was written for.
#[must_use]
pub fn is_absolute(path: &str) -> bool {
    let windows = path.as_bytes().get(1..3).is_some_and(|it| it[0] == b':' && matches!(it[1], b'\\' | b'/'));
    !path.chars().any(char::is_control) && (path.starts_with('/') || path.starts_with("\\\\") || windows)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;

    use super::*;
    use crate::VirtualClock;

    #[test]
    fn certificates_are_text_or_a_file() {
        let files = HashMap::from([
            (PathBuf::from("/ca.pem"), PEM.as_bytes().to_vec()),
            (PathBuf::from("/no.pem"), b"hunter2".to_vec()),
        ]);
        let cx = Context::detached(VirtualClock::default()).with_files(files);
        let read = |said: &str| said.parse::<CaBundle>().and_then(|it| it.read(&cx));
        for said in [PEM, "/ca.pem"] {
            assert_eq!(&*read(said).expect(said), PEM.as_bytes());
        }
        let with_key = format!("{PEM}\n-----BEGIN RSA {KEY}\nhunter2");
        for said in ["ca.pem", "", "/no.pem", "/gone.pem", "/a\nb", &with_key] {
            let error = read(said).expect_err(said);
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn paths_of_every_system_are_told() {
        for path in ["/run/token", "C:\\tokens\\one", "d:/tokens", "\\\\server\\share"] {
            assert!(is_absolute(path), "{path}");
        }
        for path in ["", "token", "./token", "~/token", "C:token", "/a\nb"] {
            assert!(!is_absolute(path), "{path}");
        }
    }
}
