//! From the keys of a profile to who one is, in the order and by the rules of the `aws` program.

use std::time::Duration;

use connector_core::{Error, Result};

use super::identity::{AssumedRole, Identity, Resolved, RoleSource, Sso, StaticKeys, WebIdentity};
use super::{File, Profile, Profiles};

/// More than anybody chains; keeps one file from asking for a thousand calls.
const LONGEST_CHAIN: usize = 16;

/// How many names of profiles are told, and how many characters of each; a hostile file has thousands.
const MOST_TOLD: usize = 50;

impl Profiles {
    /// Understands a profile: who one is by it, and where its calls go.
    ///
    /// # Errors
    /// Not found when there is no such profile; not configured when it holds no credentials of any kind;
    /// invalid input when it is incomplete or contradicts itself, naming the profile and the key.
    pub fn resolve(&self, name: &str) -> Result<Resolved> {
        let profile = self.find(name)?;
        Ok(Resolved {
            profile: name.to_owned(),
            identity: self.identity(profile, &mut vec![name.to_owned()])?,
            region: profile.checked("region")?,
            ca_bundle: profile.get("ca_bundle").map(str::to_owned),
        })
    }

    pub(super) fn find(&self, name: &str) -> Result<&Profile> {
        self.profile(name).ok_or_else(|| {
            let told =
                self.names().take(MOST_TOLD).map(|name| name.chars().take(MOST_TOLD).collect::<String>());
            let told = told.collect::<Vec<_>>().join(", ");
            let there = match self.profiles.len() {
                0 => "there are none".to_owned(),
                count if count > MOST_TOLD => format!("there are: {told} and {} more", count - MOST_TOLD),
                _ => format!("there are: {told}"),
            };
            Error::not_found(format!("no profile {name}: {there}"))
        })
    }

    /// `path` holds the profiles on the way here, this one included.
    fn identity(&self, profile: &Profile, path: &mut Vec<String>) -> Result<Identity> {
        let has_token_file = profile.get("web_identity_token_file").is_some();
        if profile.get("role_arn").is_some() && !has_token_file {
            return Ok(Identity::Role(Box::new(self.role(profile, path)?)));
        }
        self.identity_without_role(profile)
    }

    fn identity_without_role(&self, profile: &Profile) -> Result<Identity> {
        let text = |key| profile.get(key).map(str::to_owned);
        if let Some(token_file) = text("web_identity_token_file") {
            return Ok(Identity::WebIdentity(WebIdentity {
                role_arn: profile.checked("role_arn")?.ok_or_else(|| profile.missing("role_arn"))?,
                token_file,
                session_name: profile.checked("role_session_name")?,
                duration: profile.duration()?,
            }));
        }
        if let Some(sso) = self.sso(profile)? {
            return Ok(Identity::Sso(sso));
        }
        if let Some(keys) = profile.static_keys(File::Credentials)? {
            return Ok(Identity::Static(keys));
        }
        if let Some(session) = text("login_session") {
            return Ok(Identity::Login(session));
        }
        if let Some(command) = profile.secret("credential_process") {
            return Ok(Identity::Process(command.clone()));
        }
        if let Some(keys) = profile.static_keys(File::Config)? {
            return Ok(Identity::Static(keys));
        }
        Err(Error::not_configured(format!("profile {} holds no credentials", profile.name())))
    }

    fn role(&self, profile: &Profile, path: &mut Vec<String>) -> Result<AssumedRole> {
        let source = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => {
                return Err(
                    profile.wrong("source_profile", "stands beside credential_source, only one can be")
                );
            }
            (None, None) => return Err(profile.missing("source_profile or credential_source")),
            (None, Some("Environment")) => RoleSource::Environment,
            (None, Some("Ec2InstanceMetadata")) => RoleSource::Ec2InstanceMetadata,
            (None, Some("EcsContainer")) => RoleSource::EcsContainer,
            (None, Some(_)) => {
                return Err(profile.wrong(
                    "credential_source",
                    "expected Environment, Ec2InstanceMetadata or EcsContainer",
                ));
            }
            (Some(name), None) => self.role_source(profile, name, path)?,
        };
        Ok(AssumedRole {
            role_arn: profile.checked("role_arn")?.ok_or_else(|| profile.missing("role_arn"))?,
            source,
            external_id: profile.checked("external_id")?,
            mfa_serial: profile.checked("mfa_serial")?,
            session_name: profile.checked("role_session_name")?,
            duration: profile.duration()?,
        })
    }

    /// The identity behind a role. Keys of its own go before a role of its own there, so a profile may
    /// name itself when it has keys.
    fn role_source(&self, profile: &Profile, name: &str, path: &mut Vec<String>) -> Result<RoleSource> {
        let source = self
            .profile(name)
            .ok_or_else(|| profile.wrong("source_profile", "names a profile that is not there"))?;
        let own_keys = source.has_static_keys();
        let comes_again = path.iter().any(|it| it == name);
        let names_itself = profile.name() == name;
        path.push(name.to_owned());
        if comes_again && !(names_itself && own_keys) {
            let round = path.join(" -> ");
            return Err(Error::invalid(format!(
                "the profiles take their credentials from each other: {round}"
            )));
        }
        if path.len() > LONGEST_CHAIN {
            return Err(Error::invalid(format!(
                "more than {LONGEST_CHAIN} profiles stand behind {}",
                path[0]
            )));
        }
        let identity =
            if own_keys { self.identity_without_role(source) } else { self.identity(source, path) };
        let identity = identity.map_err(|error| match error.is_not_configured() {
            // The asked profile is set up: that its source is not is an error, nothing to pass over.
            true => profile.wrong("source_profile", "names a profile without credentials"),
            false => error,
        })?;
        Ok(RoleSource::Profile { name: name.to_owned(), identity, region: source.checked("region")? })
    }

    fn sso(&self, profile: &Profile) -> Result<Option<Sso>> {
        if profile.get("sso_account_id").is_none() && profile.get("sso_role_name").is_none() {
            return Ok(None);
        }
        let name = profile.get("sso_session");
        let session = match name {
            None => None,
            Some(name) => Some(self.sso_sessions.get(name).ok_or_else(|| {
                profile.wrong("sso_session", "names a section that the config file does not have")
            })?),
        };
        let setting = |key: &str| -> Result<String> {
            match (session.and_then(|it| it.get(key)), profile.get(key)) {
                (Some(shared), Some(own)) if shared != own => {
                    Err(profile.wrong(key, "is not what its sso-session says"))
                }
                (Some(value), _) => Ok(value.to_owned()),
                (None, Some(own)) if session.is_none() => Ok(own.to_owned()),
                _ => Err(profile.missing(key)),
            }
        };
        let region = setting("sso_region")?;
        let scopes = session.and_then(|it| it.get("sso_registration_scopes"));
        let scopes = scopes.or_else(|| profile.get("sso_registration_scopes")).unwrap_or_default();
        Ok(Some(Sso {
            session: name.map(str::to_owned),
            start_url: setting("sso_start_url")?,
            region: region.parse().map_err(|error: Error| profile.wrong("sso_region", error.message()))?,
            account_id: profile
                .checked("sso_account_id")?
                .ok_or_else(|| profile.missing("sso_account_id"))?,
            role_name: profile
                .get("sso_role_name")
                .map(str::to_owned)
                .ok_or_else(|| profile.missing("sso_role_name"))?,
            registration_scopes: scopes
                .split(',')
                .map(|it| it.trim().to_owned())
                .filter(|it| !it.is_empty())
                .collect(),
        }))
    }
}

impl Profile {
    /// Reads a key as a checked text.
    fn checked<T: std::str::FromStr<Err = Error>>(&self, key: &str) -> Result<Option<T>> {
        let text = self.get(key);
        text.map(str::parse).transpose().map_err(|error: Error| self.wrong(key, error.message()))
    }

    fn duration(&self) -> Result<Option<Duration>> {
        let Some(text) = self.get("duration_seconds") else { return Ok(None) };
        let seconds: u32 =
            text.parse().map_err(|_| self.wrong("duration_seconds", "expected a whole number of seconds"))?;
        Ok(Some(Duration::from_secs(seconds.into())))
    }

    fn missing(&self, key: &str) -> Error {
        Error::invalid(format!("profile {} lacks {key}", self.name()))
    }

    fn has_static_keys(&self) -> bool {
        self.secret("aws_access_key_id").is_some() || self.secret("aws_secret_access_key").is_some()
    }

    /// The keys that stand in one file. They are taken from the same file, so that the token of one
    /// does not meet the key of the other.
    fn static_keys(&self, file: File) -> Result<Option<StaticKeys>> {
        let from = |key: &str| {
            self.keys.get(key).filter(|it| it.file == file).and_then(|it| it.value.text()).cloned()
        };
        match (from("aws_access_key_id"), from("aws_secret_access_key")) {
            (None, None) => Ok(None),
            (Some(access_key_id), Some(secret_access_key)) => Ok(Some(StaticKeys {
                access_key_id,
                secret_access_key,
                // The second name is the one of old; the `aws` program still reads it.
                session_token: from("aws_session_token").or_else(|| from("aws_security_token")),
                account_id: self.checked("aws_account_id")?,
            })),
            (Some(_), None) => Err(self.missing("aws_secret_access_key")),
            (None, Some(_)) => Err(self.missing("aws_access_key_id")),
        }
    }
}
