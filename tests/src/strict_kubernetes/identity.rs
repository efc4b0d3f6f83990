use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::state::State;
use super::status::Status;
use crate::loopback::Call;

/// Who calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) groups: Vec<String>,
    pub(super) extra: BTreeMap<String, Vec<String>>,
}

impl User {
    pub(super) fn new(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { name: name.to_owned(), groups, ..Self::default() }
    }

    pub(super) fn anonymous() -> Self {
        Self::new("system:anonymous", &["system:unauthenticated"])
    }

    /// As a review of the caller tells it.
    pub(super) fn as_json(&self) -> Value {
        let mut told = json!({ "username": self.name, "groups": self.groups });
        if !self.uid.is_empty() {
            told["uid"] = self.uid.clone().into();
        }
        if !self.extra.is_empty() {
            told["extra"] = json!(self.extra);
        }
        told
    }

    fn authenticated(mut self) -> Self {
        let everybody = "system:authenticated".to_owned();
        if !self.groups.contains(&everybody) {
            self.groups.push(everybody);
        }
        self
    }
}

/// A caller that is known, and the token that it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) user: User,
    pub(super) token: Option<String>,
}

/// Who calls. `elsewhere` is what a token webhook made of the bearer token, when it is one for it.
pub(super) fn authenticate(
    state: &State,
    call: &Call,
    elsewhere: Option<Result<User, ()>>,
) -> Result<Caller, Status> {
    // Any one way that knows the caller is enough. A credential that nobody knows is an error, none is not.
    let mut is_refused = false;
    let mut found = None;
    let token = bearer(call).map(str::to_owned);
    let certificate = (!call.certificates.is_empty()).then(|| by_certificate(state, call));
    let by_token = token.as_deref().map(|token| elsewhere.unwrap_or_else(|| by_token(state, token)));
    for way in [certificate, by_token, by_password(state, call)].into_iter().flatten() {
        match way {
            Ok(user) => found = found.or(Some(user)),
            Err(()) => is_refused = true,
        }
    }
    match found {
        Some(user) => Ok(Caller { user: user.authenticated(), token }),
        None if is_refused || !state.takes_anonymous => Err(Status::unauthorized()),
        None => Ok(Caller { user: User::anonymous(), token: None }),
    }
}

/// The bearer token of a call.
pub(super) fn bearer(call: &Call) -> Option<&str> {
    let (scheme, token) = call.header("authorization")?.trim().split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

fn by_certificate(state: &State, call: &Call) -> Result<User, ()> {
    state.authority.verify(&call.certificates, state.clock.now())?;
    let shown = call.certificates.first().and_then(|shown| state.certificates.get(shown));
    shown.cloned().ok_or(())
}

fn by_token(state: &State, token: &str) -> Result<User, ()> {
    state.tokens.get(token).filter(|known| known.is_good(state)).map(|known| known.user.clone()).ok_or(())
}

/// Since 1.19 no server looks at a password: whoever shows one shows nothing. An old server is asked for by
/// giving it passwords.
fn by_password(state: &State, call: &Call) -> Option<Result<User, ()>> {
    if state.passwords.is_empty() {
        return None;
    }
    let (scheme, encoded) = call.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let shown = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let known = shown.as_deref().and_then(|shown| shown.split_once(':')).and_then(|(user, password)| {
        state.passwords.get(user).filter(|(known, _)| known == password).map(|(_, user)| user.clone())
    });
    Some(known.ok_or(()))
}
