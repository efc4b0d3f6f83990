//! What every method does with the token that it got: narrow it where that is asked and can be, and say so.

use connector_core::{Authenticated, Call, Error, Result, Step};

use super::token::Minted;
use crate::mint;
use crate::names::Scope;
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// What narrows, in the words of the catalogue.
pub(crate) const NARROWS: &str = "Cloud Storage by a Credential Access Boundary";

/// Whether tokens with these scopes in this universe can be narrowed at all.
pub(super) fn narrows(scopes: &[Scope], universe_is_default: bool) -> Option<&'static str> {
    let whole = scopes.is_empty() || scopes.iter().any(|it| it.as_str() == Scope::CLOUD_PLATFORM);
    (whole && universe_is_default).then_some(NARROWS)
}

/// The session of a token, narrowed where that is asked for.
///
/// # Errors
/// Those of the exchange.
pub(super) async fn session(
    cx: &Call<'_>,
    place: Place,
    minted: Minted,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    let Minted { token, account, is_whole, wider } = minted;
    let Some(narrowing) = narrowing else {
        let session = Session { token: token.secret, place, account };
        return Ok(Authenticated::new(session, token.expiry).not_narrowed(WIDE));
    };
    can_narrow(&place)?;
    if is_whole == Some(false) {
        let session = Session { token: token.secret, place, account };
        return Ok(Authenticated::new(session, token.expiry).not_narrowed(LESS));
    }
    let token = mint::downscope(cx, &place, &token, narrowing.boundary(), wider).await?;
    let by = format!("an access boundary on gs://{}", narrowing.boundary().bucket());
    Ok(Authenticated::new(Session { token: token.secret, place, account }, token.expiry).narrowed(by))
}

/// Why a token is as wide as it is.
const WIDE: &str = "the token may do all that the account may within its scopes";

/// Why a token that may do less than everything is not narrowed.
const LESS: &str = "the token lacks the scope cloud-platform, without which Google narrows none: it may do all that the \
    account may within its scopes";

fn can_narrow(place: &Place) -> Result<()> {
    match place.universe.is_default() {
        true => Ok(()),
        false => Err(Error::refused("tokens of other universes than googleapis.com cannot be narrowed")),
    }
}

/// The exchange that narrows, without sending it.
///
/// # Errors
/// Refused, where nothing can be narrowed.
pub(super) fn explain(place: &Place, narrowing: Option<&Narrowing>) -> Result<Option<Step>> {
    let Some(narrowing) = narrowing else { return Ok(None) };
    can_narrow(place)?;
    let boundary = narrowing.boundary();
    let parameters = [
        ("grant_type", mint::EXCHANGE_GRANT),
        ("requested_token_type", mint::ACCESS_TOKEN),
        ("subject_token", "[HIDDEN]"),
        ("subject_token_type", mint::ACCESS_TOKEN),
    ];
    let mut parameters: Vec<_> = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    parameters.push(("options".to_owned(), boundary.to_json()));
    Ok(Some(Step::new(mint::EXCHANGE, parameters).with_rights([boundary.rights()])))
}
