//! Who calls, and who may do what.

use serde_json::{Value, json};

use super::audience::Service;
use super::jwt::{self, Jwt};
use super::roles::{self, Plane};
use super::state::State;
use crate::loopback::Call;
use crate::random;

/// A role that somebody has at a scope and below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// The object id of a person or a service principal.
    pub(super) principal: String,
    pub(super) role: String,
    pub(super) scope: String,
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The object id.
    pub(super) id: String,
    pub(super) tenant: String,
    /// The program.
    pub(super) app: String,
    /// The name of a person; `None` for a program on its own.
    pub(super) person: Option<String>,
    pub(super) audience: String,
    /// Seconds since the epoch.
    pub(super) ends: i64,
}

/// Why a token is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Missing,
    /// It is none, or nobody here signed it, or it was taken back.
    Invalid,
    Expired,
    /// It is for something else.
    Audience(String),
}

impl State {
    /// A token for somebody. It is good for `life` from now, and from some minutes ago.
    pub(super) fn mint(&mut self, caller: &Caller, more: &Value) -> String {
        let (now, id) = (self.clock.now(), &caller.id);
        let mut claims = json!({
            "aud": caller.audience, "iss": format!("https://sts.windows.net/{}/", caller.tenant),
            "iat": now - 300, "nbf": now - 300, "exp": caller.ends, "appid": caller.app, "appidacr": "1",
            "idp": format!("https://sts.windows.net/{}/", caller.tenant), "oid": id, "sub": id,
            "tid": caller.tenant, "uti": random::token(22), "ver": "1.0",
        });
        match &caller.person {
            None => claims["idtyp"] = "app".into(),
            Some(name) => {
                for field in ["upn", "unique_name", "name"] {
                    claims[field] = name.as_str().into();
                }
                claims["appidacr"] = "0".into();
                claims["idtyp"] = "user".into();
                claims["scp"] = "user_impersonation".into();
            }
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let token = jwt::sign(&claims);
        self.issued.push(token.clone());
        token
    }

    /// Who calls, by a bearer token for `service`.
    pub(super) fn bearer(&self, call: &Call, service: Service) -> Result<Caller, Refusal> {
        let shown = call.header("authorization").ok_or(Refusal::Missing)?;
        let (scheme, token) = shown.split_once(' ').ok_or(Refusal::Missing)?;
        match scheme.eq_ignore_ascii_case("bearer") {
            true => self.caller(token.trim(), &[service]),
            false => Err(Refusal::Missing),
        }
    }

    /// Who holds a token that is for one of these.
    pub(super) fn caller(&self, token: &str, services: &[Service]) -> Result<Caller, Refusal> {
        let jwt = Jwt::read(token).filter(Jwt::is_of_entra).ok_or(Refusal::Invalid)?;
        let ends = jwt.time("exp").ok_or(Refusal::Invalid)?;
        if self.revoked.contains(token) {
            return Err(Refusal::Invalid);
        }
        if ends <= self.clock.now() || jwt.time("nbf").is_none_or(|start| start > self.clock.now() + 300) {
            return Err(Refusal::Expired);
        }
        let audience = jwt.claim("aud").to_owned();
        if Service::of(&audience).is_none_or(|service| !services.contains(&service)) {
            return Err(Refusal::Audience(audience));
        }
        let person = jwt.claims["upn"].as_str().map(str::to_owned);
        let text = |name: &str| jwt.claim(name).to_owned();
        let (id, tenant, app) = (text("oid"), text("tid"), text("appid"));
        Ok(Caller { id, tenant, app, person, audience, ends })
    }

    /// Whether somebody may do something at a scope: by a role that was given there or above.
    pub(super) fn may(&self, principal: &str, plane: Plane, action: &str, scope: &str) -> bool {
        self.roles_at(principal, scope).any(|role| role.allows(plane, action))
    }

    /// The roles that somebody has at a scope.
    pub(super) fn roles_at<'a>(
        &'a self,
        principal: &'a str,
        scope: &'a str,
    ) -> impl Iterator<Item = &'static roles::Role> + 'a {
        let mine = self.grants.iter().filter(move |grant| grant.principal == principal);
        mine.filter(move |grant| covers(&grant.scope, scope)).filter_map(|grant| roles::find(&grant.role))
    }

    /// Whether there is a person or a program with that object id in the tenant.
    pub(super) fn is_somebody(&self, id: &str, tenant: &str) -> bool {
        let directory = &self.directory;
        directory.people.iter().any(|it| it.id == id && it.tenant == tenant)
            || directory.apps.values().any(|app| app.principals.get(tenant).is_some_and(|own| own == id))
            || self.managed.identities.iter().any(|it| it.id == id && it.tenant == tenant)
    }

    /// Whether somebody has any role at all at a scope, above it or below it.
    pub(super) fn has_a_role_in(&self, principal: &str, scope: &str) -> bool {
        let mine = |grant: &&Grant| grant.principal == principal;
        self.grants.iter().filter(mine).any(|it| covers(&it.scope, scope) || covers(scope, &it.scope))
    }
}

/// Whether a scope is another one, or lies above it. Case means nothing.
pub(super) fn covers(above: &str, scope: &str) -> bool {
    let (above, scope) = (above.trim_end_matches('/').to_ascii_lowercase(), scope.to_ascii_lowercase());
    scope.strip_prefix(&above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A new id, as Entra has them.
pub(super) fn uuid() -> String {
    let hex = |length| random::text(length, b"0123456789abcdef");
    format!("{}-{}-4{}-8{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12))
}
