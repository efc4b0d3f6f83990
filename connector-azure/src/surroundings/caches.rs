//! What `az` keeps of logins: refresh tokens of people, and what applications prove themselves with. In clear on Linux;
//! elsewhere the platform seals it for the user, and only `az` itself can read it.

use std::collections::BTreeMap;
use std::path::Path;

use connector_core::{Context, Error, Result, Secret};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::environment::cloud_of;
use super::{Assigned, Az, Key, Subscription, Who, certificate, is_there, read_if_there};
use crate::auth::AZ;
use crate::names::ClientId;

/// The login to one subscription.
pub(crate) enum Login {
    /// A person's, by this refresh token of az's own program.
    Person(Secret),
    Application(ClientId, Key),
    /// An application's, by this token of elsewhere.
    Federated(ClientId, Secret),
    /// The machine's own, for which nothing is kept.
    Machine(Assigned),
    /// It is there, and only `az` can read it: why.
    Sealed(String),
    /// It is not there (any more).
    Gone,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default, rename = "Account")]
    accounts: BTreeMap<String, Account>,
    #[serde(default, rename = "RefreshToken")]
    refresh_tokens: BTreeMap<String, RefreshToken>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    home_account_id: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    realm: String,
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct RefreshToken {
    #[serde(default)]
    home_account_id: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    family_id: Option<String>,
    #[serde(default)]
    secret: Option<Secret>,
}

/// What an application proves itself with.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    tenant: String,
    client_secret: Option<Secret>,
    certificate: Option<String>,
    client_assertion: Option<Secret>,
}

impl Az {
    /// The login to a subscription.
    ///
    /// # Errors
    /// Files that are there and cannot be read, or are none of az's.
    pub(crate) fn login(&self, cx: &Context, subscription: &Subscription) -> Result<Login> {
        match &subscription.who {
            Who::Person(name) => self.person(cx, subscription, name),
            Who::Application(id) => self.application(cx, subscription, id),
            Who::Machine(assigned) => Ok(Login::Machine(assigned.clone())),
        }
    }

    fn person(&self, cx: &Context, subscription: &Subscription, name: &str) -> Result<Login> {
        let tokens: Tokens = match read(cx, &self.folder, "msal_token_cache")? {
            Found::Read(tokens) => tokens,
            Found::Sealed(why) => return Ok(Login::Sealed(why)),
            Found::Gone => return Ok(Login::Gone),
        };
        let is_here = |environment: &str| match (cloud_of(environment), subscription.cloud) {
            (Some(theirs), Some(ours)) => theirs == ours,
            // A cloud of somebody's own.
            (None, None) => true,
            _ => false,
        };
        let is_own = |it: &&Account| it.username.eq_ignore_ascii_case(name) && is_here(&it.environment);
        let own: Vec<_> = tokens.accounts.values().filter(is_own).collect();
        let at_home = own.iter().find(|it| it.realm == subscription.tenant.as_str());
        let Some(account) = at_home.or(own.first()) else { return Ok(Login::Gone) };
        let fits = |it: &&RefreshToken| {
            it.home_account_id == account.home_account_id && is_here(&it.environment) && it.secret.is_some()
        };
        let fitting = || tokens.refresh_tokens.values().filter(fits);
        // Programs of Microsoft's own family may use each other's.
        let of_family = |it: &&RefreshToken| it.family_id.as_deref().is_some_and(|it| !it.is_empty());
        let found = fitting().find(|it| it.client_id == AZ).or_else(|| fitting().find(of_family));
        Ok(found.and_then(|it| it.secret.clone()).map_or(Login::Gone, Login::Person))
    }

    fn application(&self, cx: &Context, subscription: &Subscription, id: &ClientId) -> Result<Login> {
        let entries: Vec<Entry> = match read(cx, &self.folder, "service_principal_entries")? {
            Found::Read(entries) => entries,
            Found::Sealed(why) => return Ok(Login::Sealed(why)),
            Found::Gone => return Ok(Login::Gone),
        };
        let mut own: Vec<_> =
            entries.into_iter().filter(|it| it.client_id.eq_ignore_ascii_case(id.as_str())).collect();
        // az keeps the directory as it was said when logging in, which may be a domain.
        own.sort_by_key(|it| it.tenant != subscription.tenant.as_str());
        let Some(entry) = own.into_iter().next() else { return Ok(Login::Gone) };
        let id = id.clone();
        Ok(match (entry.client_secret, entry.certificate, entry.client_assertion) {
            (Some(secret), _, _) => Login::Application(id, Key::Secret(secret)),
            (None, Some(path), _) => {
                let text = certificate(cx, Path::new(&path), "service_principal_entries.json of az")?;
                Login::Application(id, Key::Certificate(text))
            }
            (None, None, Some(token)) => Login::Federated(id, token),
            (None, None, None) => Login::Gone,
        })
    }
}

enum Found<T> {
    Read(T),
    Sealed(String),
    Gone,
}

fn read<T: DeserializeOwned>(cx: &Context, folder: &Path, name: &str) -> Result<Found<T>> {
    let path = folder.join(format!("{name}.json"));
    if let Some(text) = read_if_there(cx, &path)? {
        let read = serde_json::from_str(text.expose().trim_start_matches('\u{feff}'));
        return read.map(Found::Read).map_err(|_| {
            Error::invalid(format!("{} is no file of az", path.display()))
                .with_hint("make it anew: az account clear, then az login")
        });
    }
    let sealed = folder.join(format!("{name}.bin"));
    Ok(match is_there(cx, &sealed) {
        true => {
            Found::Sealed(format!("{} is sealed by the platform, and only az can read it", sealed.display()))
        }
        false => Found::Gone,
    })
}
