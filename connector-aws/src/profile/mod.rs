//! The profiles of the `aws` program and the SDKs: `~/.aws/config` and `~/.aws/credentials`.
//!
//! Reading is pure: the caller gives the texts of the files, and applies the environment variables that
//! stand above them.

mod identity;
mod ini;
mod resolve;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use connector_core::{Error, Result, Secret};

pub use identity::{AssumedRole, Identity, Resolved, RoleSource, Sso, StaticKeys, WebIdentity};
pub use words::split_words;

use ini::{Sections, Value};

/// The keys of a profile that this program knows; others are left aside, and not kept.
pub const KNOWN_KEYS: [&str; 34] = [
    "aws_access_key_id",
    "aws_account_id",
    "aws_secret_access_key",
    "aws_security_token",
    "aws_session_token",
    "ca_bundle",
    "credential_process",
    "credential_source",
    "duration_seconds",
    "endpoint_url",
    "external_id",
    "ignore_configured_endpoint_urls",
    "login_session",
    "max_attempts",
    "mfa_serial",
    "output",
    "region",
    "request_checksum_calculation",
    "response_checksum_validation",
    "retry_mode",
    "role_arn",
    "role_session_name",
    "services",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_registration_scopes",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "sts_regional_endpoints",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
    "web_identity_token_file",
];

/// Keys whose values are read as secrets only.
const SECRET_KEYS: [&str; 5] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_security_token",
    "aws_session_token",
    "credential_process",
];

/// What both files say.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    profiles: BTreeMap<String, Profile>,
    sso_sessions: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
}

/// One profile: what the config file says, overlaid key by key with what the credentials file says.
#[derive(Clone)]
pub struct Profile {
    name: String,
    keys: BTreeMap<String, Entry>,
}

#[derive(Clone)]
struct Entry {
    value: Value,
    file: File,
}

/// Which file a key is from: static keys in one of them stand above `credential_process`, in the other
/// below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    Config,
    Credentials,
}

/// A section that is no profile.
#[derive(Clone)]
struct Section(BTreeMap<String, Value>);

impl Profiles {
    /// Reads the two files, each a path (for messages) and its text, each of them perhaps absent.
    ///
    /// # Errors
    /// Invalid input that names the file and the line: a broken line, or a section or key that comes
    /// twice, makes the whole file unreadable, as it does for the `aws` program. Nothing is quoted.
    pub fn parse(config: Option<(&Path, &str)>, credentials: Option<(&Path, &str)>) -> Result<Self> {
        let mut all = Self::default();
        if let Some((path, text)) = config {
            all.add_config(ini::read(path, text)?);
        }
        if let Some((path, text)) = credentials {
            for (name, keys) in ini::read(path, text)? {
                all.overlay(&name, keys, File::Credentials);
            }
        }
        Ok(all)
    }

    fn add_config(&mut self, sections: Sections) {
        let is_default = |name: &String| split_words(name).is_some_and(|it| it == ["profile", "default"]);
        let explicit_default = sections.iter().any(|(name, _)| is_default(name));
        for (name, keys) in sections {
            let words = split_words(&name).unwrap_or_default();
            match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                // `[profile default]` stands above `[default]`.
                ["default"] if !explicit_default => self.overlay("default", keys, File::Config),
                ["profile", name] => self.overlay(name, keys, File::Config),
                ["sso-session", name] => drop(self.sso_sessions.insert((*name).to_owned(), Section(keys))),
                ["services", name] => drop(self.services.insert((*name).to_owned(), Section(keys))),
                _ => {}
            }
        }
    }

    fn overlay(&mut self, name: &str, keys: BTreeMap<String, Value>, file: File) {
        let profile = self
            .profiles
            .entry(name.to_owned())
            .or_insert_with(|| Profile { name: name.to_owned(), keys: BTreeMap::new() });
        let known = keys.into_iter().filter(|(key, _)| KNOWN_KEYS.contains(&key.as_str()));
        profile.keys.extend(known.map(|(key, value)| (key, Entry { value, file })));
    }

    /// The names of all profiles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// A profile by its name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// The endpoint that a profile sets for a service (`sts`, `s3`, `secrets_manager`, `sso_oidc`): that
    /// of its `services` section, else its own. None when it says `ignore_configured_endpoint_urls`.
    ///
    /// # Errors
    /// Not found when there is no such profile; invalid input when it names a `services` section that is
    /// not there.
    pub fn endpoint_url(&self, profile: &str, service: &str) -> Result<Option<&str>> {
        let profile = self.find(profile)?;
        if profile.get("ignore_configured_endpoint_urls").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let own = profile.get("endpoint_url");
        let Some(name) = profile.get("services") else { return Ok(own) };
        let section = self
            .services
            .get(name)
            .ok_or_else(|| profile.wrong("services", "names a section that the config file does not have"))?;
        Ok(section.nested(service, "endpoint_url").or(own))
    }
}

impl Profile {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a key says, when it says something. Secrets are not read by this.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        if SECRET_KEYS.contains(&key) { None } else { Some(self.text(key)?.expose()) }
    }

    /// What a key says, when it says something.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        self.text(key)
    }

    fn text(&self, key: &str) -> Option<&Secret> {
        self.keys.get(key).and_then(|it| it.value.text())
    }

    fn wrong(&self, key: &str, what: &str) -> Error {
        Error::invalid(format!("profile {}: {key}: {what}", self.name))
    }
}

impl Value {
    fn text(&self) -> Option<&Secret> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

impl Section {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.text().map(Secret::expose)
    }

    fn nested(&self, key: &str, inner: &str) -> Option<&str> {
        match self.0.get(key)? {
            Value::Nested(keys) => keys.get(inner).map(Secret::expose).filter(|it| !it.is_empty()),
            Value::Text(_) => None,
        }
    }
}

/// Shows the keys and no values.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests;
