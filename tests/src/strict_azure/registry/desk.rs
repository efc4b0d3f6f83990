//! Tokens of a registry: for one of Entra's, and for what somebody may do with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::audience::Service;
use super::super::jwt::{self, Jwt};
use super::super::state::State;
use super::{Met, RegistryError, granted, registry};
use crate::loopback::{Answer, Call};

pub(super) const ISSUER: &str = "Azure Container Registry";
/// The name of who shows one of the registry's own tokens as a password.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const REFRESH_LIFE: i64 = 3 * 3600;
const ACCESS_LIFE: i64 = 75 * 60;

/// A field of the form in the body.
fn field(call: &Call, name: &str) -> Option<String> {
    let value = call.form().into_iter().find(|(other, _)| other == name).map(|(_, value)| value);
    value.filter(|value| !value.is_empty())
}

fn invalid(message: &str) -> RegistryError {
    RegistryError::new(400, "INVALID_REQUEST", message)
}

/// A refresh token for a token of Entra's.
pub(super) fn exchange(state: &mut State, call: &Call, met: &Met<'_>) -> Result<Answer, RegistryError> {
    let own = registry(state, met);
    if field(call, "grant_type").as_deref() != Some("access_token") {
        return Err(invalid("grant_type is missing or not supported."));
    }
    let service = field(call, "service").filter(|service| own.is_named(service));
    let service = service.ok_or_else(|| invalid("service is missing or not this registry."))?;
    let shown = field(call, "access_token").ok_or_else(|| invalid("access_token is missing."))?;
    let taken = match own.refuses_manager_tokens {
        true => vec![Service::Registry],
        false => vec![Service::Registry, Service::ResourceManager],
    };
    let caller = state.caller(&shown, &taken).map_err(|_| RegistryError::unauthorized())?;
    let tenant = field(call, "tenant").unwrap_or_else(|| caller.tenant.clone());
    let named = state.directory.tenants.values().find(|it| it.id == own.tenant);
    let is_own = named.is_some_and(|it| tenant == it.id || tenant.eq_ignore_ascii_case(&it.domain));
    // Who has no role here at all is not let in.
    let scopes = ["repository:any:pull,push,delete"];
    let mut may = scopes.iter().filter_map(|scope| granted(state, met, &caller.id, scope));
    let may_anything = may.any(|it| it["actions"].as_array().is_some_and(|all| !all.is_empty()));
    if caller.tenant != own.tenant || !is_own || !may_anything {
        return Err(RegistryError::unauthorized());
    }
    let now = state.clock.now();
    let token = jwt::sign(&json!({
        "iss": ISSUER, "aud": service, "sub": caller.id, "nbf": now - 300, "iat": now - 300,
        "exp": now + REFRESH_LIFE, "version": "1.0", "grant_type": "refresh_token", "appid": caller.app,
        "tenant": caller.tenant, "permissions": { "Actions": ["read"], "NotActions": null }, "roles": [],
    }));
    state.issued.push(token.clone());
    Ok(Answer::json(200, &json!({ "refresh_token": token })))
}

/// Who asks for an access token.
enum Asker {
    Principal(String),
    /// Who shows an access token as a password, and gets another one for what that is for.
    Holder(Box<Jwt>),
    /// The registry's own administrator, who may do everything.
    Administrator,
}

/// An access token for as much of what is asked for as may be done.
pub(super) fn token(state: &mut State, call: &Call, met: &Met<'_>) -> Result<Answer, RegistryError> {
    let (asker, parameters) = match call.method.as_str() {
        "GET" => (by_password(state, call, met)?, call.query_pairs()),
        _ => (by_form(state, call, met)?, call.form()),
    };
    let all = |name: &'static str| {
        parameters.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    };
    let own = registry(state, met);
    let service = all("service").next().filter(|service| own.is_named(service));
    let service = service.ok_or_else(|| invalid("service is missing or not this registry."))?.to_owned();
    let scopes = all("scope").flat_map(|scope| scope.split(' ')).filter(|scope| !scope.is_empty());
    let mut access = Vec::new();
    for scope in scopes {
        let granted = match &asker {
            Asker::Principal(id) => granted(state, met, id, scope),
            Asker::Holder(jwt) => granted(state, met, jwt.claim("sub"), scope).map(|it| within(jwt, it)),
            Asker::Administrator => everything(scope),
        };
        access.push(granted.ok_or_else(|| invalid("scope is not valid."))?);
    }
    let now = state.clock.now();
    let subject = match asker {
        Asker::Principal(id) => id,
        Asker::Holder(jwt) => jwt.claim("sub").to_owned(),
        Asker::Administrator => met.name.to_owned(),
    };
    let token = jwt::sign(&json!({
        "iss": ISSUER, "aud": service, "sub": subject, "nbf": now - 300, "iat": now - 300,
        "exp": now + ACCESS_LIFE, "version": "1.0", "grant_type": "access_token", "access": access, "roles": [],
    }));
    state.issued.push(token.clone());
    Ok(Answer::json(200, &json!({ "access_token": token })))
}

/// Of what may be done the part that a token is for.
fn within(jwt: &Jwt, mut granted: Value) -> Value {
    let access = jwt.claims["access"].as_array().map(Vec::as_slice).unwrap_or_default();
    let same = |it: &&Value| it["type"] == granted["type"] && it["name"] == granted["name"];
    let has: Vec<_> = access.iter().filter(same).flat_map(|it| it["actions"].as_array()).flatten().collect();
    if let Some(actions) = granted["actions"].as_array().cloned() {
        granted["actions"] = actions.into_iter().filter(|it| has.contains(&it)).collect();
    }
    granted
}

fn everything(scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
}

fn by_form(state: &State, call: &Call, met: &Met<'_>) -> Result<Asker, RegistryError> {
    match field(call, "grant_type").as_deref() {
        Some("refresh_token") => {
            let shown = field(call, "refresh_token").unwrap_or_default();
            by_refresh_token(state, met, &shown)
        }
        Some("password") => match (field(call, "username"), field(call, "password")) {
            (Some(name), Some(password)) => by_name(state, met, &name, &password),
            _ => Err(RegistryError::unauthorized()),
        },
        _ => Err(invalid("grant_type is missing or not supported.")),
    }
}

fn by_password(state: &State, call: &Call, met: &Met<'_>) -> Result<Asker, RegistryError> {
    let encoded = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let text = encoded.and_then(|encoded| STANDARD.decode(encoded.trim()).ok());
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (name, password) = text.split_once(':').ok_or_else(RegistryError::unauthorized)?;
    by_name(state, met, name, password)
}

fn by_name(state: &State, met: &Met<'_>, name: &str, password: &str) -> Result<Asker, RegistryError> {
    if name == NOBODY {
        let access = read(state, met, password, "access_token").map(|jwt| Asker::Holder(Box::new(jwt)));
        return access.map_or_else(|| by_refresh_token(state, met, password), Ok);
    }
    let own = registry(state, met);
    if name.eq_ignore_ascii_case(&own.place.name) {
        let is_admin = own.admin.as_ref().is_some_and(|all| all.iter().any(|known| known == password));
        return if is_admin { Ok(Asker::Administrator) } else { Err(RegistryError::unauthorized()) };
    }
    // A program may show its own secret here.
    let now = state.clock.now();
    let app = state.directory.apps.get(name).filter(|app| {
        app.secrets.iter().any(|(known, ends)| known == password && ends.is_none_or(|ends| ends > now))
    });
    let id = app.and_then(|app| app.principals.get(&own.tenant));
    id.map(|id| Asker::Principal(id.clone())).ok_or_else(RegistryError::unauthorized)
}

fn by_refresh_token(state: &State, met: &Met<'_>, shown: &str) -> Result<Asker, RegistryError> {
    let jwt = read(state, met, shown, "refresh_token").ok_or_else(RegistryError::unauthorized)?;
    Ok(Asker::Principal(jwt.claim("sub").to_owned()))
}

/// A token of this registry's own that holds.
pub(super) fn read(state: &State, met: &Met<'_>, token: &str, kind: &str) -> Option<Jwt> {
    let jwt = Jwt::read(token).filter(Jwt::is_of_entra)?;
    let is_good = jwt.claim("iss") == ISSUER
        && jwt.claim("grant_type") == kind
        && registry(state, met).is_named(jwt.claim("aud"))
        && jwt.time("exp").is_some_and(|ends| ends > state.clock.now())
        && !state.revoked.contains(token);
    is_good.then_some(jwt)
}
