//! Auto-configuration: what the surroundings hold, as the config of the safest method that works with it.
//! Reads only; what it finds is lifted into the candidate, so the connector needs the surroundings no more.

mod network;
mod profile;

use connector_core::{Candidate, Context, Error, Hints, Result, Secret};
use serde_json::{Map, Value};

use crate::names::{RoleArn, SessionName};
use crate::session::Keys;
use crate::surroundings::{DEFAULT_PROFILE, EnvironmentKeys, EnvironmentToken, Files, chosen_profile};

/// Looks at the profile that is asked for; else at the environment, the files, a web identity, and under
/// the switch at the container's endpoint and the instance's metadata. The first that is there counts; what
/// it hides is told. Empty when nothing is there.
///
/// # Errors
/// What is there but broken, a profile that does not exist, and no region.
pub(crate) async fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
    let search = Search { cx, hints, files: Files::read(cx)? };
    if hints.method.as_deref() == Some("implicit") && !cx.implicit() {
        return Err(Error::refused(
            "method `implicit` uses the identity of this machine and is switched off",
        )
        .with_hint("set CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true if you want that"));
    }
    let finds = match &hints.profile {
        Some(name) => search.profile(name)?,
        None => search.everywhere().await?,
    };
    search.choose(finds)
}

/// What is at hand while searching.
struct Search<'a> {
    cx: &'a Context,
    hints: &'a Hints,
    files: Files,
}

/// Something that was found, and the methods that can use it, safest first. The rest are for those who ask
/// for them.
struct Finds {
    found: String,
    candidates: Vec<Candidate>,
    /// The identity can be used in its place, under the switch.
    implicit: Option<Map<String, Value>>,
}

impl Search<'_> {
    async fn everywhere(&self) -> Result<Option<Finds>> {
        let name = self.profile_name();
        if let Some(found) = EnvironmentKeys::read(self.cx)? {
            let mut finds = self.environment(found)?;
            if let Ok(Some(hidden)) = self.profile(&name) {
                let note = format!("hides {}: choose that with `--profile {name}`", hidden.found);
                finds.candidates.iter_mut().for_each(|it| it.notes.push(note.clone()));
            }
            return Ok(Some(finds));
        }
        let is_chosen = chosen_profile(self.cx).is_some();
        if is_chosen || self.files.profiles.profile(&name).is_some() {
            match self.profile(&name) {
                // A profile may hold no more than a region.
                Err(error) if error.is_not_configured() => {}
                found => return found,
            }
        }
        if let Some(found) = EnvironmentToken::read(self.cx)? {
            return self.web_identity(found).map(Some);
        }
        Ok(if self.cx.implicit() { self.machine().await } else { None })
    }

    /// The profile that counts where none is asked for.
    fn profile_name(&self) -> String {
        let hinted = self.hints.profile.clone();
        hinted.or_else(|| chosen_profile(self.cx)).unwrap_or_else(|| DEFAULT_PROFILE.to_owned())
    }

    fn environment(&self, found: EnvironmentKeys) -> Result<Finds> {
        let from = "the environment (AWS_ACCESS_KEY_ID)";
        if found.expires_at.is_some_and(|end| end <= self.cx.now()) {
            return Err(Error::expired(
                "the credentials in the environment have ended (AWS_CREDENTIAL_EXPIRATION)",
            )
            .with_hint(
                "get new ones, or unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
            ));
        }
        let mut finds = keys(&found.keys, from);
        for candidate in &mut finds.candidates {
            if let (Some(end), "sts-token") = (found.expires_at, candidate.method) {
                candidate.expires_at = Some(end);
                put(&mut candidate.config, "expires_at", connector_core::format_time(end));
                candidate.notes.retain(|note| note != UNKNOWN_END);
            }
        }
        finds.implicit = Some(Map::new());
        Ok(finds)
    }

    fn web_identity(&self, found: EnvironmentToken) -> Result<Finds> {
        let role = RoleArn::parse(found.role_arn).map_err(|error| error.context("AWS_ROLE_ARN is wrong"))?;
        let from = "the environment (AWS_WEB_IDENTITY_TOKEN_FILE)";
        let mut config = Map::new();
        put(&mut config, "role_arn", role.as_str());
        put(&mut config, "web_identity_token_file", found.token_file);
        if let Some(name) = found.session_name {
            put(&mut config, "role_session_name", SessionName::lossy(&name, 64).as_str());
        }
        let mut finds = Finds::one(Candidate::new("web-identity", config, from));
        finds.implicit = Some(Map::new());
        Ok(finds)
    }

    /// The identity that only the machine has.
    async fn machine(&self) -> Option<Finds> {
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        let from = if container.iter().any(|name| self.cx.var(name).is_some()) {
            "the container's credentials endpoint"
        } else if crate::auth::instance_answers(self.cx).await {
            "the instance's metadata service"
        } else {
            return None;
        };
        Some(Finds::one(Candidate::new("implicit", Map::new(), from)))
    }

    /// Puts the rest of the configs to the methods, and keeps those that are wanted.
    fn choose(&self, finds: Option<Finds>) -> Result<Vec<Candidate>> {
        let Some(mut finds) = finds else { return Ok(Vec::new()) };
        if let (Some(config), true) = (finds.implicit.take(), self.cx.implicit()) {
            let mut candidate = Candidate::new("implicit", config, finds.found.clone());
            candidate.notes.push("stays with this machine: it is used in its place, not lifted".to_owned());
            finds.candidates.push(candidate);
        }
        let mut chosen = finds.candidates;
        match self.hints.method.as_deref() {
            Some(method) => chosen.retain(|it| it.method == method),
            // One method for one find: to fall back from a safer one to another is not for us to decide.
            None => chosen.truncate(1),
        }
        if chosen.is_empty() {
            let method = self.hints.method.as_deref().unwrap_or_default();
            return Err(Error::not_found(format!(
                "method `{method}` cannot use what was found: {}",
                finds.found
            ))
            .with_hint("leave the method out, or choose another profile"));
        }
        let (network, notes) = self.network()?;
        for candidate in &mut chosen {
            for (key, value) in &network {
                candidate.config.entry(key.clone()).or_insert_with(|| value.clone());
            }
            candidate.notes.extend(notes.iter().cloned());
        }
        Ok(chosen)
    }
}

impl Finds {
    fn one(candidate: Candidate) -> Self {
        Self { found: candidate.found.clone(), candidates: vec![candidate], implicit: None }
    }
}

const UNKNOWN_END: &str =
    "nothing says when these temporary credentials end: add `expires_at` if you know it";

/// What can be done with keys: a long-lived one is exchanged, so that it is never handed to a client.
fn keys(keys: &Keys, found: &str) -> Finds {
    let mut config = key_fields(keys);
    if let Some(token) = &keys.session_token {
        put_secret(&mut config, "aws_session_token", token);
        let mut candidate = Candidate::new("sts-token", config, found);
        candidate.notes.push(UNKNOWN_END.to_owned());
        return Finds::one(candidate);
    }
    let candidates = ["session-token", "federation-token", "secret-key"];
    let candidates = candidates.map(|method| Candidate::new(method, config.clone(), found));
    let mut finds = Finds { found: found.to_owned(), candidates: candidates.into(), implicit: None };
    finds.candidates[0].notes.push(
        "the key is long-lived: it stays with the connector, which issues session tokens; a role or a federation \
         token would narrow them, too"
            .to_owned(),
    );
    finds
}

fn key_fields(keys: &Keys) -> Map<String, Value> {
    let mut config = Map::new();
    put_secret(&mut config, "aws_access_key_id", &keys.access_key_id);
    put_secret(&mut config, "aws_secret_access_key", &keys.secret_access_key);
    config
}

fn put(config: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    config.insert(key.to_owned(), value.into());
}

/// A candidate's config holds secrets as plain values until the hub stores it.
fn put_secret(config: &mut Map<String, Value>, key: &str, value: &Secret) {
    put(config, key, value.expose());
}

#[cfg(test)]
mod tests;
