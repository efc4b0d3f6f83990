//! The protocols in which Google's libraries and gcloud ask an endpoint of their machine.
//!
//! They are tokens as they were issued: one that is narrowed to a bucket is given as it is, whatever scopes a program
//! asks for.

mod external_account;
mod metadata;

use std::time::SystemTime;

use connector_core::agent::Site;
use connector_core::{EnvironmentForm, Error, Issued, Result};

pub(crate) use external_account::ExternalAccount;
pub(crate) use metadata::Metadata;

use crate::credential::GcpCredential;
use crate::names::Email;
use crate::tool;

/// What only tokens that are given as variables need.
const TOKENS: [&str; 3] = ["CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN", "CONNECTOR_EXPIRES_AT"];

/// What is said of the user's own gcloud: in the session's folder there is no such configuration, and no such account.
const OWN: [&str; 2] = ["CLOUDSDK_ACTIVE_CONFIG_NAME", "CLOUDSDK_CORE_ACCOUNT"];

/// The account of a token of which nobody knows the account: gcloud names one wherever it asks. Nobody has an address
/// below this domain.
const SOMEBODY: &str = "somebody@connector.invalid";

fn account(credential: &GcpCredential) -> &str {
    // It becomes a part of paths and of lists.
    credential.account.as_deref().filter(|it| Email::parse(*it).is_ok()).unwrap_or(SOMEBODY)
}

/// When a token ends.
fn end(issued: &Issued<GcpCredential>) -> Result<SystemTime> {
    issued.expiry.at().ok_or_else(|| {
        Error::refused("a token of which nobody knows the end cannot be given by an endpoint")
            .with_hint("tell the connector's `expires_at`, or take a method that issues tokens")
    })
}

/// How many whole seconds are left of a token.
fn left(issued: &Issued<GcpCredential>, now: SystemTime) -> Result<u64> {
    match end(issued)?.duration_since(now).map(|it| it.as_secs()) {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(Error::expired("the token has ended").with_hint("ask again")),
    }
}

/// The variables of a token that is given by an endpoint: those of one that is given as a variable, but for the token,
/// with what the protocol sets and takes away.
fn environment(
    site: &Site,
    issued: &Issued<GcpCredential>,
    set: &[(&str, String)],
    unset: &[&str],
) -> EnvironmentForm {
    let as_variables = tool::environment(&issued.credential, &issued.expiry);
    let mut form = EnvironmentForm::default();
    for (name, value) in as_variables.set.into_iter().filter(|(name, _)| !TOKENS.contains(&name.as_str())) {
        form = form.set(name, value);
    }
    for (name, value) in set {
        form = form.set(*name, value.as_str());
    }
    // gcloud keeps tokens by their accounts, and takes what it kept: in the user's folder that of another resource could
    // come first, and this one would stay. Beside it most libraries look for the user's application-default login.
    form = form.set("CLOUDSDK_CONFIG", site.file("gcloud"));
    let others = [&TOKENS[..], &OWN, unset].concat().into_iter().map(str::to_owned);
    let mut names: Vec<String> = as_variables.unset.into_iter().chain(others).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| form.set.iter().all(|(set, _)| set != name));
    names.into_iter().fold(form, EnvironmentForm::unset)
}

#[cfg(test)]
mod tests;
