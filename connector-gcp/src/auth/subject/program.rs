//! A program that prints the token of elsewhere, by the protocol of Google's libraries.

use std::time::{Duration, SystemTime};

use connector_core::{Call, Command, Error, Result, Secret};
use serde::Deserialize;

use crate::file::{Executable, ExternalAccount};

/// What it prints.
#[derive(Deserialize)]
struct Printed {
    version: u64,
    success: bool,
    token_type: Option<String>,
    id_token: Option<Secret>,
    saml_response: Option<Secret>,
    expiration_time: Option<u64>,
}

/// Runs the program; only where the connector allows it.
pub(super) async fn run(cx: &Call<'_>, account: &ExternalAccount, program: &Executable) -> Result<Secret> {
    let (first, rest) =
        program.words.split_first().expect("a command has a program, checked when it was read");
    let variable = |name: &str| format!("GOOGLE_EXTERNAL_ACCOUNT_{name}");
    let mut command = Command::new(first.as_str())
        .with_args(rest)
        .with_timeout(program.timeout)
        .with_env(variable("AUDIENCE"), Secret::new(account.audience.as_str()))
        .with_env(variable("TOKEN_TYPE"), Secret::new(account.subject_token_type.as_str()))
        .with_env(variable("INTERACTIVE"), Secret::new("0"));
    if let Some(target) = &account.target {
        command = command.with_env(variable("IMPERSONATED_EMAIL"), Secret::new(target.email.as_str()));
    }
    let output =
        cx.run(command).await.map_err(|error| error.context("the program of the external account failed"))?;
    let wrong = |why: &str| Error::invalid(format!("the program of the external account {why}"));
    let printed: Printed = serde_json::from_slice(output.expose())
        .map_err(|_| wrong("prints something that is no answer of its protocol"))?;
    if printed.version != 1 {
        return Err(wrong("speaks another version of its protocol than 1"));
    }
    if !printed.success {
        return Err(Error::refused("the program of the external account says that it gives no token"));
    }
    let now = cx.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    if printed.expiration_time.is_some_and(|end| end <= now) {
        return Err(Error::expired("the program of the external account prints a token that has ended"));
    }
    if printed.token_type.as_deref() != Some(&*account.subject_token_type) {
        return Err(wrong("prints a token of another type than `subject_token_type`"));
    }
    let token =
        if account.subject_token_type.ends_with(":saml2") { printed.saml_response } else { printed.id_token };
    token.filter(|it| !it.is_empty()).ok_or_else(|| wrong("prints no token"))
}
