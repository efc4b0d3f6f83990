//! The Security Token Service: tokens of elsewhere become Google's, and Google's become narrower.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Call, Expiry, Result, Secret};
use serde_json::json;

use super::{Granted, Token, endpoint};
use crate::boundary::Boundary;
use crate::error::{self, Asker};
use crate::file::ExternalAccount;
use crate::names::{Scope, Service};
use crate::session::Place;
use crate::wire;

/// The exchange's name, for errors and for `explain`.
pub(crate) const EXCHANGE: &str = "sts:token";

pub(crate) const EXCHANGE_GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A token of elsewhere.
pub(crate) struct Subject {
    pub(crate) token: Secret,
}

/// The header that names a client.
pub(super) fn basic(id: &str, secret: &Secret) -> Secret {
    let both = Secret::new(format!("{id}:{}", secret.expose()));
    let both = Secret::new(STANDARD.encode(both.expose()));
    Secret::new(format!("Basic {}", both.expose()))
}

/// The `options` of an exchange: the project that pays, of whom no client tells it.
pub(crate) fn exchange_options(account: &ExternalAccount) -> Option<String> {
    let project = account.user_project.as_ref().filter(|_| account.client.is_none())?;
    Some(json!({ "userProject": project }).to_string())
}

/// A token of Google's for one of elsewhere: one call.
pub(crate) async fn exchange(
    cx: &Call<'_>,
    place: &Place,
    account: &ExternalAccount,
    subject: &Subject,
    scopes: &[Scope],
) -> Result<Token> {
    let url = endpoint(place, Service::Sts, Some(account.token_url.as_str()), "/v1/token");
    let scopes = super::oauth::joined(scopes);
    let options = exchange_options(account);
    let mut fields = vec![
        ("grant_type", EXCHANGE_GRANT),
        ("audience", &*account.audience),
        ("scope", &*scopes),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", subject.token.expose()),
        ("subject_token_type", &*account.subject_token_type),
    ];
    fields.extend(options.as_deref().map(|options| ("options", options)));
    let authorization = account.client.as_ref().map(|(id, secret)| basic(id, secret));
    let answer = wire::post_form(cx, place, &url, &fields, authorization.as_ref()).await;
    let answer = answer.map_err(|error| error.context("the exchange of tokens does not answer"))?;
    if !answer.is_success() {
        return Err(error::oauth(cx, EXCHANGE, Asker::Elsewhere, &answer));
    }
    wire::json::<Granted>(EXCHANGE, &answer)?.token(cx, EXCHANGE)
}

/// The same token, narrowed: one call. It ends with the token that it was made of. `wider` says what helps where that
/// lacks the scope that narrowing takes.
pub(crate) async fn downscope(
    cx: &Call<'_>,
    place: &Place,
    token: &Token,
    boundary: &Boundary,
    wider: &str,
) -> Result<Token> {
    let url = endpoint(place, Service::Sts, None, "/v1/token");
    let options = boundary.to_json();
    let fields = [
        ("grant_type", EXCHANGE_GRANT),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", token.secret.expose()),
        ("subject_token_type", ACCESS_TOKEN),
        ("options", &*options),
    ];
    let answer = wire::post_form(cx, place, &url, &fields, None).await;
    let answer = answer.map_err(|error| error.context("the exchange of tokens does not answer"))?;
    if !answer.is_success() {
        let error = error::oauth(cx, EXCHANGE, Asker::Token, &answer)
            .context("the token cannot be narrowed to the bucket");
        return Err(match error::lacks_scope(&answer) {
            true => error.with_hint(format!("{wider}; or use `gcp-generic`, whose tokens are not narrowed")),
            false => error,
        });
    }
    let granted: Granted = wire::json(EXCHANGE, &answer)?;
    // Usually nothing is said of the life: then it is that of the token it was made of.
    let told = granted.expires_in.map(|seconds| cx.expires_in(Duration::from_secs(seconds)));
    let expiry: Expiry = told.into_iter().fold(token.expiry.clone(), Expiry::min);
    Ok(Token { secret: granted.secret(EXCHANGE)?, expiry })
}
