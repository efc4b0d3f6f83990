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
    /// Whether it has the scope cloud-platform, where an answer told.
    pub(super) is_whole: Option<bool>,
    /// What helps where it lacks that scope.
    pub(super) wider: &'static str,
}

impl Minted {
    /// A token that was made with the scopes that the connector asks for.
    pub(super) fn new(token: Token, account: Option<String>) -> Self {
        Self { token, account, is_whole: None, wider: "add the scope cloud-platform to `scopes`" }
    }

    /// One whose scopes somebody else chose.
    pub(super) fn with_wider(self, wider: &'static str) -> Self {
        Self { wider, ..self }
    }
}

/// What helps where a login was made for less.
const LOGIN_AGAIN: &str =
    "log in again for the scope cloud-platform, as gcloud auth application-default login does";

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
        CredentialFile::External(account) => {
            let life = life_beside(account, cx.duration());
            of_external(cx, place, account, scopes, life).await
        }
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
    Ok(Minted::new(token, Some(key.email.to_string())))
}

/// A token for a person's login.
pub(super) async fn of_user(cx: &Call<'_>, place: &Place, user: &UserFile) -> Result<Minted> {
    let token = mint::refresh(cx, place, user).await?;
    let account = match user {
        UserFile::Google(user) => user.account.clone(),
        UserFile::Workforce(_) => None,
    };
    Ok(Minted::new(token, account).with_wider(LOGIN_AGAIN))
}

/// A token for an identity of elsewhere, through a service account where the file names one.
pub(super) async fn of_external(
    cx: &Call<'_>,
    place: &Place,
    account: &ExternalAccount,
    scopes: &[Scope],
    life: Duration,
) -> Result<Minted> {
    let subject = subject::read(cx, place, account).await?;
    let Some(target) = &account.target else {
        let token = mint::exchange(cx, place, account, &subject, scopes).await?;
        return Ok(Minted::new(token, None));
    };
    let base = mint::exchange(cx, place, account, &subject, &iam_scope()).await?;
    let wanted = Impersonation {
        target: &target.email,
        delegates: &[],
        scopes,
        life,
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
    Ok(Minted::new(token, Some(wanted.target.to_string())))
}

/// What the token of a service account lives that an external account stands in for.
pub(super) fn life_of(account: &ExternalAccount) -> Duration {
    account.target_life.unwrap_or(mint::HOUR)
}

/// What such a token lives where the caller's method knows nothing of the file: what is asked, and the file's own life
/// in place of the hour that is asked for everything.
fn life_beside(account: &ExternalAccount, asked: Option<Duration>) -> Duration {
    asked.filter(|it| *it != mint::HOUR).unwrap_or(life_of(account))
}

/// What an identity of elsewhere needs to have the token of a service account made, and no more.
fn iam_scope() -> Vec<Scope> {
    vec![Scope::parse(Scope::IAM).expect("a scope of Google")]
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
        CredentialFile::User(user) => vec![explain_user(user)],
        CredentialFile::External(account) => {
            explain_external(account, scopes, life_beside(account, Some(life)))
        }
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
pub(super) fn explain_user(user: &UserFile) -> Step {
    match user {
        UserFile::Google(user) => explain_login(&user.client_id),
        UserFile::Workforce(_) => {
            let client = ("authorization", "[HIDDEN]");
            step(mint::RENEW, &[("grant_type", "refresh_token"), ("refresh_token", "[HIDDEN]"), client])
        }
    }
}

/// The request that renews a login with a Google account.
pub(super) fn explain_login(client_id: &str) -> Step {
    let parameters = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("client_secret", "[HIDDEN]"),
        ("refresh_token", "[HIDDEN]"),
    ];
    step(mint::TOKEN, &parameters)
}

/// The requests of [`of_external`].
pub(super) fn explain_external(account: &ExternalAccount, scopes: &[Scope], life: Duration) -> Vec<Step> {
    let base = iam_scope();
    let first = mint::joined(if account.target.is_some() { &base } else { scopes });
    let options = mint::exchange_options(account);
    let mut parameters = vec![
        ("grant_type", mint::EXCHANGE_GRANT),
        ("audience", &*account.audience),
        ("scope", &*first),
        ("requested_token_type", mint::ACCESS_TOKEN),
        ("subject_token", "[HIDDEN]"),
        ("subject_token_type", &*account.subject_token_type),
    ];
    parameters.extend(options.as_deref().map(|options| ("options", options)));
    parameters.extend(account.client.as_ref().map(|_| ("authorization", "[HIDDEN]")));
    let mut steps = vec![step(mint::EXCHANGE, &parameters)];
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
