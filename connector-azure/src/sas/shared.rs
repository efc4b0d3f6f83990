//! Signatures by an account's own key, for connectors that hold one. The key itself leaves nobody.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Error, Result, Secret, format_time};
use zeroize::Zeroizing;

use super::permissions::{Kind, Permissions};
use super::query::{self, Signer};
use super::terms::{Protocol, Terms, Version};
use crate::names::StorageAccount;

/// One of the two keys of an account: everything may be done with it, for as long as nobody replaces it.
#[derive(Clone, Debug)]
pub struct AccountKey(Secret);

/// What a signature for a whole account says, as far as one is made: the blob service alone.
#[derive(Clone, Debug)]
pub struct AccountTerms<'a> {
    /// The account.
    pub account: &'a StorageAccount,
    /// What it reaches: `s` for the service, `c` for containers, `o` for blobs.
    pub reaches: &'static str,
    /// What may be done.
    pub permissions: Permissions,
    /// Until when, in whole seconds.
    pub end: SystemTime,
    /// How the service may be asked.
    pub protocol: Protocol,
    /// In which form.
    pub version: Version,
}

impl AccountKey {
    /// Reads a key.
    ///
    /// # Errors
    /// Invalid input for what is no base64, or nothing.
    pub fn parse(text: Secret) -> Result<Self> {
        match STANDARD.decode(text.expose().trim()).map(Zeroizing::new) {
            Ok(key) if !key.is_empty() => Ok(Self(text)),
            _ => Err(Error::invalid("the key of a storage account is base64")),
        }
    }

    /// The signature for a container or a part of it, as a query without a `?`.
    ///
    /// # Errors
    /// Invalid input for terms that do not fit together.
    pub fn sign(&self, terms: &Terms<'_>) -> Result<Secret> {
        let pairs = terms.pairs()?;
        let resource = terms.resource();
        let value = |name: &str| query::value(&pairs, name);
        let string = query::string_to_sign(value, &resource, Signer::Shared, terms.version);
        Ok(query::signed(&pairs, &query::sign(&self.0, &string)?))
    }

    /// The signature for the whole account, as a query without a `?`.
    ///
    /// # Errors
    /// Invalid input for permissions of something else.
    pub fn sign_account(&self, terms: &AccountTerms<'_>) -> Result<Secret> {
        if terms.permissions.kind() != Kind::Account {
            return Err(Error::invalid("the permissions are for something else than an account"));
        }
        let pairs = [
            ("se", format_time(terms.end)),
            ("sp", terms.permissions.to_string()),
            ("spr", terms.protocol.as_str().to_owned()),
            ("sv", terms.version.as_str().to_owned()),
            ("ss", "b".to_owned()),
            ("srt", terms.reaches.to_owned()),
        ];
        let string = query::account_string_to_sign(|name| query::value(&pairs, name), terms.account.as_str());
        Ok(query::signed(&pairs, &query::sign(&self.0, &string)?))
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.0
    }
}
