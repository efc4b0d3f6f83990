//! Who is who, who may do what, and the access tokens by which they show it.

use std::time::Duration;

use serde_json::Value;

use super::boundary::Boundary;
use super::error::ApiError;
use super::jwt::{GOOGLE, Jwt, Key};
use super::roles;
use super::state::State;
use crate::loopback::Call;
use crate::random;

/// The scope of everything.
pub(super) const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The scope of looking at everything.
pub(super) const CLOUD_READ: &str = "https://www.googleapis.com/auth/cloud-platform.read-only";
/// The scope without which nobody is told the e-mail.
pub(super) const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";

/// A service account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) project: String,
    /// The number that names it where its e-mail is not told.
    pub(super) unique_id: String,
    pub(super) keys: Vec<Key>,
    /// Whether the organisation lets its tokens live for twelve hours.
    pub(super) lives_long: bool,
}

/// A role that somebody has on something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) member: String,
    pub(super) role: String,
    pub(super) target: String,
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// An e-mail, or `principal://…` for an identity from elsewhere.
    pub(super) principal: String,
    pub(super) scopes: Vec<String>,
    /// Seconds since the epoch.
    pub(super) ends: i64,
    /// The OAuth client that it was issued to; the account's unique id when to none.
    pub(super) client: String,
    /// The refresh token with which it goes.
    pub(super) refresh: Option<String>,
    pub(super) boundary: Option<Boundary>,
    /// The project that calls with it are counted for, where it says one.
    pub(super) user_project: Option<String>,
}

impl Token {
    pub(super) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|one| one == scope)
    }

    pub(super) fn tells_email(&self) -> bool {
        self.has(EMAIL) || self.has("email")
    }
}

impl State {
    /// How long something lives that was asked for so long.
    pub(super) fn life(&self, asked: Duration) -> Duration {
        self.longest_life.map_or(asked, |longest| asked.min(longest))
    }

    /// A token with all that its owner may, within `scopes`. Answers with the text and its seconds.
    pub(super) fn mint(
        &mut self,
        kind: &str,
        principal: &str,
        scopes: Vec<String>,
        life: Duration,
    ) -> (String, u64) {
        let life = self.life(life);
        let client = self.unique_id(principal);
        let ends = self.clock.after(life);
        let principal = principal.to_owned();
        let token =
            Token { principal, scopes, ends, client, refresh: None, boundary: None, user_project: None };
        (self.keep(kind, token), life.as_secs())
    }

    /// A token with these claims that Google has signed.
    pub(super) fn sign(&mut self, claims: &Value) -> String {
        let token = GOOGLE.sign(claims);
        self.signed.push(token.clone());
        token
    }

    /// Makes a text for a token and knows it from now on.
    pub(super) fn keep(&mut self, kind: &str, token: Token) -> String {
        let text = format!("{kind}{}", random::token(180));
        self.tokens.insert(text.clone(), token);
        text
    }

    /// The number of an account or a person; the name itself for any other.
    pub(super) fn unique_id(&self, principal: &str) -> String {
        let account = self.accounts.get(principal).map(|account| &account.unique_id);
        account.or_else(|| self.users.get(principal)).cloned().unwrap_or_else(|| principal.to_owned())
    }

    /// Whether somebody is known and may come in.
    pub(super) fn is_active(&self, principal: &str) -> bool {
        let is_known = self.accounts.contains_key(principal)
            || self.users.contains_key(principal)
            || principal.starts_with("principal://");
        is_known && !self.disabled.contains(principal)
    }

    /// The token of a call to `service`, which takes any one of `scopes`.
    pub(super) fn authenticate(
        &self,
        call: &Call,
        service: &str,
        scopes: &[&str],
    ) -> Result<Token, ApiError> {
        let token = self.bearer(call, service)?;
        if !scopes.iter().any(|scope| token.has(scope)) {
            return Err(ApiError::scopes(service));
        }
        // What a call says goes before what its token says.
        if let Some(named) = call.header("x-goog-user-project").or(token.user_project.as_deref()) {
            let project = self.project_id(named).map(|project| format!("projects/{project}"));
            let permission = "serviceusage.services.use";
            if project.is_none_or(|project| !self.may(&token.principal, permission, &project)) {
                return Err(ApiError::user_project(named));
            }
        }
        Ok(token)
    }

    fn bearer(&self, call: &Call, service: &str) -> Result<Token, ApiError> {
        let shown = call.header("authorization").ok_or_else(|| ApiError::no_credentials(service))?;
        let unknown = || ApiError::unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED", service);
        let text = shown.strip_prefix("Bearer ").map(str::trim).ok_or_else(unknown)?;
        let token = match self.tokens.get(text) {
            Some(token) => token.clone(),
            None => self.self_signed(text, service).ok_or_else(unknown)?,
        };
        if token.ends <= self.clock.now() {
            return Err(ApiError::unauthenticated("ACCESS_TOKEN_EXPIRED", service));
        }
        if !self.is_active(&token.principal) {
            return Err(ApiError::unauthenticated("ACCOUNT_STATE_INVALID", service));
        }
        Ok(token)
    }

    /// What a service account has signed itself for this service, without asking for a token.
    fn self_signed(&self, text: &str, service: &str) -> Option<Token> {
        let jwt = Jwt::read(text)?;
        let principal = jwt.claim("iss").to_owned();
        let account = self.accounts.get(&principal).filter(|_| jwt.claim("sub") == principal)?;
        account.keys.iter().find(|key| jwt.is_signed_by(key))?;
        let (issued, ends) = (jwt.claims["iat"].as_i64()?, jwt.claims["exp"].as_i64()?);
        // Google's own libraries add some seconds for clocks that are apart.
        let is_timely = ends - issued <= 3600 + 300 && issued <= self.clock.now() + 300;
        let scopes: Vec<String> = match jwt.claim("scope") {
            "" if jwt.claim("aud") == format!("https://{service}/") => vec![CLOUD.to_owned()],
            scope => scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        };
        let client = account.unique_id.clone();
        let token =
            Token { principal, scopes, ends, client, refresh: None, boundary: None, user_project: None };
        is_timely.then_some(token)
    }

    /// Whether somebody has a permission on something, or on the project that it lies in.
    pub(super) fn may(&self, principal: &str, permission: &str, resource: &str) -> bool {
        let project = self.project_of(resource);
        self.grants.iter().any(|grant| {
            let covers = resource == grant.target
                || resource.strip_prefix(&grant.target).is_some_and(|rest| rest.starts_with('/'))
                || project.as_ref().is_some_and(|project| *project == grant.target);
            covers && names(&grant.member, principal) && roles::allows(&grant.role, permission)
        })
    }

    /// Whether a token's owner may do something on anything but Cloud Storage, which is all that a narrowed one is for.
    pub(super) fn permits(&self, token: &Token, permission: &str, resource: &str) -> bool {
        token.boundary.is_none() && self.may(&token.principal, permission, resource)
    }

    /// The same as an error that names what is missing.
    pub(super) fn permit(
        &self,
        token: &Token,
        service: &str,
        permission: &str,
        resource: &str,
    ) -> Result<(), ApiError> {
        match self.permits(token, permission, resource) {
            true => Ok(()),
            false => Err(ApiError::denied(service, permission, resource)),
        }
    }

    /// The project that something lies in, as `projects/ID`.
    fn project_of(&self, resource: &str) -> Option<String> {
        if let Some(bucket) = resource.strip_prefix("projects/_/buckets/") {
            let name = bucket.split('/').next()?;
            return self.storage.buckets.get(name).map(|bucket| format!("projects/{}", bucket.project));
        }
        if let Some(account) = resource.strip_prefix("projects/-/serviceAccounts/") {
            return self.accounts.get(account).map(|account| format!("projects/{}", account.project));
        }
        resource.strip_prefix("projects/")?.split('/').next().map(|project| format!("projects/{project}"))
    }
}

/// Whether a member of a grant is this principal: itself, or everybody of a pool (`principalSet://…/*`).
fn names(member: &str, principal: &str) -> bool {
    let pool = member.strip_prefix("principalSet://").and_then(|set| set.strip_suffix('*'));
    let comes_from =
        |pool: &str| principal.strip_prefix("principal://").and_then(|it| it.strip_prefix(pool)).is_some();
    member == principal || pool.is_some_and(comes_from)
}
