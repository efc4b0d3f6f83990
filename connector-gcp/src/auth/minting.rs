//! A token for a credential file of any type, and the requests that it takes.

use std::time::Duration;

use connector_core::{Call, Result, Step};

use super::subject;
use crate::file::{CredentialFile, ExternalAccount, ServiceAccountKey, UserFile};
use crate::mint::{self, Impersonation, Token};
use crate::names::{Email, Scope};
use crate::session::Place;

/// A token, and whose it is where that is known.
pub(super) struct Minted {
    pub(super) token: Token,
    pub(super) account: Option<String>,
}

/// A token for whatever a file holds.
///
/// # Errors
/// What Google refuses, and sources that give nothing.
pub(super) async fn of_file(
    cx: &Call<'_>,
    place: &Place,
    file: &CredentialFile,
    scopes: &[Scope],
) -> Result<Minted> {
    match file {
        CredentialFile::ServiceAccount(key) => of_key(cx, place, key, scopes).await,
        CredentialFile::User(user) => of_user(cx, place, user).await,
        CredentialFile::External(account) => of_external(cx, place, account, scopes).await,
        CredentialFile::Impersonated(file) => {
            let base = Box::pin(of_file(cx, place, &file.source, &base_scopes())).await?;
            let wanted = Impersonation {
                target: &file.target.email,
                delegates: &file.delegates,
                scopes,
                life: cx.duration().unwrap_or(mint::HOUR),
                endpoint: Some(file.target.endpoint.as_str()),
            };
            of_other(cx, place, &base.token, wanted).await
        }
    }
}

/// A token for a service account's key. In universes of their own the key signs the token itself.
pub(super) async fn of_key(
    cx: &Call<'_>,
    place: &Place,
    key: &ServiceAccountKey,
    scopes: &[Scope],
) -> Result<Minted> {
    let token = match place.universe.is_default() {
        true => mint::with_key(cx, place, key, scopes).await?,
        false => mint::bearer(cx, key, scopes)?,
    };
    Ok(Minted { token, account: Some(key.email.to_string()) })
}

/// A token for a person's login.
pub(super) async fn of_user(cx: &Call<'_>, place: &Place, user: &UserFile) -> Result<Minted> {
    let token = mint::refresh(cx, place, user).await?;
    let account = match user {
        UserFile::Google(user) => user.account.clone(),
        UserFile::Workforce(_) => None,
    };
    Ok(Minted { token, account })
}

/// A token for an identity of elsewhere, through a service account where the file names one.
pub(super) async fn of_external(
    cx: &Call<'_>,
    place: &Place,
    account: &ExternalAccount,
    scopes: &[Scope],
) -> Result<Minted> {
    let subject = subject::read(cx, place, account).await?;
    let Some(target) = &account.target else {
        let token = mint::exchange(cx, place, account, &subject, scopes).await?;
        return Ok(Minted { token, account: None });
    };
    let base = mint::exchange(cx, place, account, &subject, &base_scopes()).await?;
    let wanted = Impersonation {
        target: &target.email,
        delegates: &[],
        scopes,
        life: cx.duration().unwrap_or(life_of(account)),
        endpoint: Some(target.endpoint.as_str()),
    };
    of_other(cx, place, &base, wanted).await
}

/// A token of another service account.
pub(super) async fn of_other(
    cx: &Call<'_>,
    place: &Place,
    base: &Token,
    wanted: Impersonation<'_>,
) -> Result<Minted> {
    let token = mint::generate(cx, place, base, wanted).await?;
    Ok(Minted { token, account: Some(wanted.target.to_string()) })
}

/// What the token of a service account lives that an external account stands in for.
pub(super) fn life_of(account: &ExternalAccount) -> Duration {
    account.target_life.unwrap_or(mint::HOUR)
}

/// What an identity needs that is only there to make the token of another one.
pub(super) fn base_scopes() -> Vec<Scope> {
    vec![Scope::parse(Scope::CLOUD_PLATFORM).expect("a scope of Google")]
}

/// The requests of [`of_file`], without sending them.
pub(super) fn explain_file(
    place: &Place,
    file: &CredentialFile,
    scopes: &[Scope],
    life: Duration,
) -> Vec<Step> {
    match file {
        CredentialFile::ServiceAccount(key) => explain_key(place, key, scopes).into_iter().collect(),
        CredentialFile::User(_) => vec![explain_user()],
        CredentialFile::External(account) => explain_external(account, scopes, life),
        CredentialFile::Impersonated(file) => {
            let mut steps = explain_file(place, &file.source, &base_scopes(), mint::HOUR);
            steps.push(explain_other(&file.target.email, &file.delegates, scopes, life));
            steps
        }
    }
}

/// The request of [`of_key`]; none where the key signs the token itself.
pub(super) fn explain_key(place: &Place, key: &ServiceAccountKey, scopes: &[Scope]) -> Option<Step> {
    let scopes = mint::joined(scopes);
    let parameters = [("grant_type", mint::KEY_GRANT), ("iss", key.email.as_str()), ("scope", &scopes)];
    place.universe.is_default().then(|| step(mint::TOKEN, &parameters))
}

/// The request of [`of_user`].
pub(super) fn explain_user() -> Step {
    step(mint::TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", "[HIDDEN]")])
}

/// The requests of [`of_external`].
pub(super) fn explain_external(account: &ExternalAccount, scopes: &[Scope], life: Duration) -> Vec<Step> {
    let base = base_scopes();
    let first = if account.target.is_some() { &base } else { scopes };
    let mut steps = vec![step(
        mint::EXCHANGE,
        &[
            ("grant_type", mint::EXCHANGE_GRANT),
            ("audience", &account.audience),
            ("scope", &mint::joined(first)),
            ("requested_token_type", mint::ACCESS_TOKEN),
            ("subject_token", "[HIDDEN]"),
            ("subject_token_type", &account.subject_token_type),
        ],
    )];
    steps.extend(account.target.as_ref().map(|target| explain_other(&target.email, &[], scopes, life)));
    steps
}

/// The request of [`of_other`].
pub(super) fn explain_other(target: &Email, delegates: &[Email], scopes: &[Scope], life: Duration) -> Step {
    let body = Impersonation { target, delegates, scopes, life, endpoint: None }.body();
    step(
        mint::GENERATE,
        &[("name", &format!("projects/-/serviceAccounts/{target}")), ("body", &body.to_string())],
    )
}

fn step(call: &'static str, parameters: &[(&str, &str)]) -> Step {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Step::new(call, parameters.collect())
}
