//! Tokens that a test gets for itself, and what became of all.

use std::time::Duration;

use serde_json::Value;

use super::entra::DEVELOPER;
use super::identity::Caller;
use super::jwt::Jwt;
use super::{StrictAzure, TENANT};

impl StrictAzure {
    /// An access token of a principal for a resource (`https://management.azure.com`), good for an hour.
    pub fn token_for(&self, principal: &str, resource: &str) -> String {
        self.token_in(TENANT, principal, resource)
    }

    /// The same in another tenant.
    pub fn token_in(&self, tenant: &str, principal: &str, resource: &str) -> String {
        let mut state = self.state();
        let person = state.directory.people.iter().find(|it| it.id == principal);
        let person = person.map(|person| person.name.clone());
        let named =
            state.directory.apps.values().find(|app| app.principals.values().any(|id| id == principal));
        let app = named.map_or(DEVELOPER, |app| &app.id).to_owned();
        let life = state.life(Duration::from_secs(3599));
        let caller = Caller {
            id: principal.to_owned(),
            tenant: tenant.to_owned(),
            app,
            person,
            audience: resource.to_owned(),
            ends: state.clock.after(life),
        };
        state.mint(&caller, &Value::Null)
    }

    /// Makes an access token worth nothing before its end.
    pub fn revoke(&self, token: &str) {
        self.state().revoked.insert(token.to_owned());
    }

    /// Every access, refresh and identity token that was issued so far, and every user delegation key, whoever got it.
    pub fn issued(&self) -> Vec<String> {
        let state = self.state();
        let tokens = state.issued.iter().chain(state.directory.refresh_tokens.keys());
        tokens.chain(&state.delegation_keys).cloned().collect()
    }

    /// Everything that must not be seen outside: what was issued, secrets, private keys, and keys of accounts.
    pub fn confidential(&self) -> Vec<String> {
        let mut all = self.issued();
        let state = self.state();
        for app in state.directory.apps.values() {
            all.extend(app.secrets.iter().map(|(secret, _)| secret.clone()));
            all.extend(app.keys.iter().cloned());
        }
        all.extend(state.storage.accounts.values().flat_map(|account| account.keys.clone()));
        all.extend(state.managed.header.clone());
        all.extend(
            state.registries.values().flat_map(|registry| registry.admin.clone().into_iter().flatten()),
        );
        all.extend(state.cosmos.values().flat_map(|it| [&it.keys, &it.readonly_keys]).flatten().cloned());
        let secrets = state.vaults.values().flat_map(|vault| vault.secrets.values().flatten());
        all.extend(secrets.map(|version| version.value.clone()));
        all
    }

    /// Whose token that is, and for what: object id and audience; `None` for one that was never issued here.
    pub fn owner(&self, token: &str) -> Option<(String, String)> {
        let jwt = Jwt::read(token).filter(Jwt::is_of_entra)?;
        Some((jwt.claim("oid").to_owned(), jwt.claim("aud").to_owned()))
    }
}
