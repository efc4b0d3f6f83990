//! Connection strings: of a storage account, with its key or a signature, and of an account in Cosmos DB.

use std::time::SystemTime;

use connector_core::{EndpointUrl, Error, Result, Secret, parse_time};
use percent_encoding::percent_decode_str;

use crate::names::{Audience, Cloud, CosmosAccount, Service, StorageAccount};
use crate::sas::AccountKey;

/// What a connection string says.
#[derive(Clone, Debug)]
pub(crate) enum ConnectionString {
    /// `AccountName=…;AccountKey=…`: everything may be done in the storage account, for as long as the key is not
    /// replaced.
    StorageKey {
        /// The account.
        account: StorageAccount,
        /// Its key.
        key: AccountKey,
        /// Where its blob service is, without a slash at the end; `None` for where its cloud has it.
        blob: Option<String>,
        /// The cloud of its hosts, where the string names one.
        cloud: Option<Cloud>,
    },
    /// `BlobEndpoint=…;SharedAccessSignature=…`: what the signature says.
    StorageSignature {
        /// The account.
        account: StorageAccount,
        /// The signature, as a query without a `?`.
        signature: Secret,
        /// When it ends, as far as it says so.
        end: Option<SystemTime>,
        /// Where its blob service is, without a slash at the end; `None` for where its cloud has it.
        blob: Option<String>,
        /// The cloud of its hosts, where the string names one.
        cloud: Option<Cloud>,
    },
    /// `AccountEndpoint=…;AccountKey=…`: everything may be done in the account of Cosmos DB.
    Cosmos {
        /// The account, where its host tells it.
        account: Option<CosmosAccount>,
        /// Where it is, without a slash at the end.
        endpoint: String,
        /// Its key, in base64.
        key: Secret,
        /// The cloud of its host, where that is one's.
        cloud: Option<Cloud>,
    },
}

/// What Azure's emulators are reached with, by everybody alike (source: Microsoft's documentation of Azurite).
const EMULATOR: &str = "AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/\
     K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1";

/// A string longer than any that there is.
const LONGEST: usize = 8192;

impl ConnectionString {
    /// Reads a connection string. Names of settings are those of Microsoft's libraries, in upper or lower case; settings
    /// of other services are passed over.
    ///
    /// # Errors
    /// Invalid input that says what is missing or wrong, and quotes nothing.
    pub(crate) fn parse(text: &Secret) -> Result<Self> {
        if text.expose().len() > LONGEST {
            return Err(Error::invalid("is longer than a connection string can be"));
        }
        let settings = Settings::read(text.expose())?;
        if let Some(endpoint) = settings.get("AccountEndpoint") {
            return settings.cosmos(endpoint);
        }
        match settings.get("UseDevelopmentStorage") {
            Some(said) if said.eq_ignore_ascii_case("true") => Settings::read(EMULATOR)?.storage(),
            _ => settings.storage(),
        }
    }

    /// The storage account that it is of.
    ///
    /// # Errors
    /// Refused, for one of Cosmos DB.
    pub(crate) fn storage_account(&self) -> Result<&StorageAccount> {
        match self {
            Self::StorageKey { account, .. } | Self::StorageSignature { account, .. } => Ok(account),
            Self::Cosmos { .. } => Err(crate::error::other_connection_string("Storage")),
        }
    }

    /// Where it says that the blob service of an account is.
    pub(crate) fn blob_endpoint(&self, of: &StorageAccount) -> Option<&str> {
        match self {
            Self::StorageKey { account, blob, .. } | Self::StorageSignature { account, blob, .. } => {
                blob.as_deref().filter(|_| account == of)
            }
            Self::Cosmos { .. } => None,
        }
    }

    /// The cloud that it is of, where it says so.
    pub(crate) fn cloud(&self) -> Option<Cloud> {
        match self {
            Self::StorageKey { cloud, .. }
            | Self::StorageSignature { cloud, .. }
            | Self::Cosmos { cloud, .. } => *cloud,
        }
    }

    /// The service that it is for, as tokens name it.
    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::StorageKey { .. } | Self::StorageSignature { .. } => Audience::storage(),
            Self::Cosmos { endpoint, .. } => {
                Audience::parse(endpoint).unwrap_or_else(|_| Audience::storage())
            }
        }
    }

    /// When it ends by itself: only a signature does.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        match self {
            Self::StorageSignature { end, .. } => *end,
            Self::StorageKey { .. } | Self::Cosmos { .. } => None,
        }
    }
}

/// Names and values; a value may hold `=`, as keys do.
struct Settings<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Settings<'a> {
    fn read(text: &'a str) -> Result<Self> {
        let mut settings: Vec<(&str, &str)> = Vec::new();
        for setting in text.split(';').map(str::trim).filter(|it| !it.is_empty()) {
            let (name, value) = setting.split_once('=').ok_or_else(|| {
                Error::invalid(
                    "expected settings as NAME=VALUE with semicolons between, such as AccountName=mystorage",
                )
            })?;
            let (name, value) = (name.trim(), value.trim());
            if settings.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(Error::invalid("a setting stands twice"));
            }
            settings.push((name, value));
        }
        Ok(Self(settings))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    fn storage(&self) -> Result<ConnectionString> {
        let blob = self.get("BlobEndpoint").map(|url| endpoint(url, "BlobEndpoint")).transpose()?;
        let (account, cloud) = self.account(blob.as_deref())?;
        let suffix = self.get("EndpointSuffix");
        let (blob, cloud) = match (blob, suffix) {
            (Some(blob), _) => (Some(blob), cloud),
            (None, None) => (None, None),
            (None, Some(suffix)) => match Cloud::ALL.into_iter().find(|it| it.storage_suffix() == suffix) {
                Some(cloud) => (None, Some(cloud)),
                // A cloud of somebody's own.
                None => {
                    (Some(endpoint(&format!("https://{account}.blob.{suffix}"), "EndpointSuffix")?), None)
                }
            },
        };
        match (self.get("AccountKey"), self.get("SharedAccessSignature")) {
            (Some(key), _) => {
                let key = AccountKey::parse(key.into())
                    .map_err(|_| Error::invalid("its AccountKey is no key: a key is base64"))?;
                Ok(ConnectionString::StorageKey { account, key, blob, cloud })
            }
            (None, Some(signature)) => {
                let signature = Secret::new(signature.trim_start_matches('?'));
                let end = end_of(&signature)?;
                Ok(ConnectionString::StorageSignature { account, signature, end, blob, cloud })
            }
            (None, None) => Err(Error::invalid(
                "has neither AccountKey nor SharedAccessSignature, and no AccountEndpoint as those of Cosmos DB",
            )),
        }
    }

    /// The account, as it is named, or as the host or the path of the blob service tells it.
    fn account(&self, blob: Option<&str>) -> Result<(StorageAccount, Option<Cloud>)> {
        let of_host = blob.and_then(|url| Cloud::of_host(Service::Blob, host(url)));
        let cloud = of_host.map(|(cloud, _)| cloud);
        let of_path = || blob.and_then(|url| url.rsplit_once('/')).map(|(_, last)| last);
        let name = self.get("AccountName").or(of_host.map(|(_, name)| name)).or_else(of_path);
        let name = name.ok_or_else(|| Error::invalid("has no AccountName"))?;
        let account = StorageAccount::parse(name)
            .map_err(|error| Error::invalid(format!("its AccountName is none: {}", error.message())))?;
        match of_host {
            Some((_, other)) if other != account.as_str() => {
                Err(Error::invalid("its BlobEndpoint is that of another account than AccountName"))
            }
            _ => Ok((account, cloud)),
        }
    }

    fn cosmos(&self, url: &str) -> Result<ConnectionString> {
        let endpoint = endpoint(url, "AccountEndpoint")?;
        let key = self.get("AccountKey").ok_or_else(|| Error::invalid("has no AccountKey"))?;
        AccountKey::parse(key.into())
            .map_err(|_| Error::invalid("its AccountKey is no key: a key is base64"))?;
        // Hosts are the same in upper case.
        let host = host(&endpoint).to_ascii_lowercase();
        let of_host = Cloud::of_host(Service::Cosmos, &host);
        Ok(ConnectionString::Cosmos {
            account: of_host.and_then(|(_, name)| CosmosAccount::parse(name).ok()),
            cloud: of_host.map(|(cloud, _)| cloud),
            endpoint,
            key: key.into(),
        })
    }
}

/// A URL of the string's, without a slash at the end.
fn endpoint(url: &str, name: &str) -> Result<String> {
    EndpointUrl::parse(url)
        .map_err(|error| Error::invalid(format!("its {name} is none: {}", error.message())))?;
    Ok(url.trim_end_matches('/').to_owned())
}

/// The host of a URL, without its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

/// When a signature ends; one by a stored policy may not say so.
fn end_of(signature: &Secret) -> Result<Option<SystemTime>> {
    let wrong = || Error::invalid("its SharedAccessSignature is none: expected a query such as sv=…&sig=…");
    let mut fields = signature.expose().split('&').filter_map(|field| field.split_once('='));
    let is_text = |value: &str| !value.is_empty() && value.bytes().all(|it| it.is_ascii_graphic());
    if !fields.clone().any(|(name, value)| name == "sig" && is_text(value)) || !is_text(signature.expose()) {
        return Err(wrong());
    }
    let end = fields.find(|(name, _)| *name == "se").map(|(_, value)| value);
    let Some(end) = end else { return Ok(None) };
    let end = percent_decode_str(end).decode_utf8().map_err(|_| wrong())?;
    // A day alone is its beginning.
    let end = if end.len() == "2026-01-01".len() { format!("{end}T00:00:00Z") } else { end.into_owned() };
    // Some write no seconds.
    let end = if end.len() == "2026-01-01T00:00Z".len() { end.replace('Z', ":00Z") } else { end };
    parse_time(&end).map(Some).map_err(|_| wrong())
}

#[cfg(test)]
#[path = "connection_string_tests.rs"]
mod tests;
