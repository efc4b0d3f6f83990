//! The login of a connector: kept, renewed with each token, and made anew when it is over.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Call, Error, Result, Secret};
use serde::{Deserialize, Serialize};

use super::Person;
use crate::mint::person::{self, Made, Renewal};
use crate::mint::{self, Token};
use crate::names::Audience;
use crate::session::Place;

/// The name under which a login is kept.
const KEPT: &str = "login";

/// As it is kept, sealed.
#[derive(Deserialize)]
struct Kept {
    client_id: String,
    /// The endpoint that made it: no other one is given it.
    token_url: String,
    /// Of the login that the config began with: one that was replaced goes before what was kept for another.
    of_given: Option<String>,
    refresh_token: Secret,
}

#[derive(Serialize)]
struct ToKeep<'a> {
    client_id: &'a str,
    token_url: &'a str,
    of_given: Option<String>,
    refresh_token: &'a str,
}

/// A token: of the login that is known, else of a new one, for which a person has to be there.
pub(super) async fn token(
    cx: &Call<'_>,
    place: &Place,
    person: &Person,
    audience: &Audience,
) -> Result<Token> {
    let mut before = kept(cx, place, person).await?;
    let mut known = before.clone().or_else(|| person.given.clone());
    let mut over = None;
    while let Some(login) = known.take() {
        match person::renew(cx, place, &person.client, &login, audience).await {
            Renewal::Made(made) => {
                if let Some(next) = made.refresh_token.as_ref().filter(|it| it.expose() != login.expose()) {
                    // Somebody else may have logged in meanwhile: what follows the old login does not take that place.
                    let now = kept(cx, place, person).await?;
                    if now.as_ref().map(Secret::expose) == before.as_ref().map(Secret::expose) {
                        cx.keep(KEPT, to_keep(place, person, next)?).await?;
                    }
                }
                return Ok(made.token);
            }
            Renewal::Failed(error) => return Err(error),
            Renewal::Over(error) => {
                let first = over.is_none();
                over = Some(error);
                // Somebody else may have renewed it meanwhile.
                before = kept(cx, place, person).await?;
                known = before.clone().filter(|it| first && it.expose() != login.expose());
            }
        }
    }
    let made = person.log_in(cx, place, audience).await.map_err(|error| match over {
        // What ended the old login is told too.
        Some(over) => error.with_cause(over.message()),
        None => error,
    })?;
    let Made { token, refresh_token } = made;
    let lasting = refresh_token.ok_or_else(|| {
        Error::refused("the login gave nothing that lasts: Entra ID sent no refresh token")
            .with_hint("does the program of `client_id` allow public clients, and offline_access?")
    })?;
    // It may be another person's.
    cx.keep_login(KEPT, to_keep(place, person, &lasting)?).await?;
    Ok(token)
}

/// The login that was kept for this program, this endpoint and what the config began with.
async fn kept(cx: &Call<'_>, place: &Place, person: &Person) -> Result<Option<Secret>> {
    let Some(text) = cx.kept(KEPT).await? else { return Ok(None) };
    let kept = serde_json::from_str::<Kept>(text.expose()).ok();
    let kept = kept.filter(|it| {
        it.client_id == person.client.id.as_str()
            && it.token_url == mint::token_url(place, &person.client.tenant)
            && it.of_given == of_given(person)
    });
    Ok(kept.map(|it| it.refresh_token))
}

fn to_keep(place: &Place, person: &Person, refresh_token: &Secret) -> Result<Secret> {
    let to_keep = ToKeep {
        client_id: person.client.id.as_str(),
        token_url: &mint::token_url(place, &person.client.tenant),
        of_given: of_given(person),
        refresh_token: refresh_token.expose(),
    };
    let json = serde_json::to_string(&to_keep).map(Secret::new);
    json.map_err(|_| Error::unexpected("a login has no JSON form"))
}

fn of_given(person: &Person) -> Option<String> {
    person.given.as_ref().map(|it| STANDARD.encode(digest(&SHA256, it.expose().as_bytes())))
}
