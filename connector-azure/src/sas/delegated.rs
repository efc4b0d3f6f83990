//! Signatures by a user delegation key: an identity of Entra stands behind them, and no key of the account does.

use std::time::SystemTime;

use connector_core::{Error, Result, Secret, parse_time};

use super::query::{self, Signer};
use super::terms::Terms;

/// A key that the service gave an identity to sign with. It may do what the identity may, until it ends or all keys of
/// the account are revoked.
#[derive(Clone, Debug)]
pub struct DelegationKey {
    /// The object id of the identity.
    pub oid: String,
    /// The id of its tenant.
    pub tid: String,
    /// From when on it is good, as the service wrote it.
    pub start: String,
    /// Until when it is good, as the service wrote it.
    pub expiry: String,
    /// The service that it is for: `b`.
    pub service: String,
    /// The version of the service that made it.
    pub version: String,
    /// The key itself, in base64.
    pub value: Secret,
}

impl DelegationKey {
    /// When it ends.
    ///
    /// # Errors
    /// Invalid input where that is no time.
    pub fn end(&self) -> Result<SystemTime> {
        parse_time(&self.expiry)
    }

    /// The signature, as a query without a `?`.
    ///
    /// # Errors
    /// Invalid input for terms that do not fit together, or outlive the key; and for a key that holds what ends lines.
    pub fn sign(&self, terms: &Terms<'_>) -> Result<Secret> {
        if terms.end > self.end()? {
            return Err(Error::invalid("the signature would outlive the key that signs it"));
        }
        let mut pairs = terms.pairs()?;
        for (name, value) in self.pairs() {
            if value.is_empty() || value.chars().any(char::is_control) {
                return Err(Error::invalid("the key does not say what it is"));
            }
            pairs.push((name, value.to_owned()));
        }
        let resource = terms.resource();
        let value = |name: &str| query::value(&pairs, name);
        let string = query::string_to_sign(value, &resource, Signer::Delegated, terms.version);
        Ok(query::signed(&pairs, &query::sign(&self.value, &string)?))
    }

    pub(super) fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("skoid", &self.oid),
            ("sktid", &self.tid),
            ("skt", &self.start),
            ("ske", &self.expiry),
            ("sks", &self.service),
            ("skv", &self.version),
        ]
    }
}
