//! What a bad answer breaks.

use connector_conformance::Rule;
use connector_core::{Authenticated, Call, Context, Error, Request, Response, Result};
use serde_json::Value;

use super::{Case, broken, case};
use crate::tiny::{Config, Good, Session};

/// Asks before it swaps, so that what it does with the answer is seen.
async fn asked(cx: &Context, config: &Config) -> Result<Response> {
    let bearer = format!("Bearer {}", config.key.expose());
    let request = Request::new("POST", "https://tiny.test/hello").with_header("authorization", bearer);
    cx.send(request.with_body("- 60")).await
}

fn refused(answer: &Response) -> Result<()> {
    match answer.status() {
        200 => Ok(()),
        status => Err(Error::refused(format!("tiny answered {status} to POST /hello"))),
    }
}

broken! {
    /// It reads what is not there.
    Unwrapping {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let answer = asked(cx, config).await?;
            refused(&answer)?;
            let body: Value = serde_json::from_slice(answer.body()).expect("the provider speaks JSON");
            assert!(body.is_object());
            Good::authenticate(config, cx, limits).await
        }
    }
    /// It takes a failure for "not configured".
    GoesOn {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let answer = asked(cx, config).await?;
            refused(&answer).map_err(|_| Error::not_configured("no login is set up"))?;
            Good::authenticate(config, cx, limits).await
        }
    }
    /// It passes the provider's words on.
    Quoting {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let answer = asked(cx, config).await?;
            let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let words = body["error_description"].as_str().unwrap_or_default().to_owned();
            refused(&answer).map_err(|error| error.with_cause(words))?;
            Good::authenticate(config, cx, limits).await
        }
    }
    /// It passes the provider's words on beneath.
    QuotingBeneath {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let answer = asked(cx, config).await?;
            let words = std::io::Error::other(String::from_utf8_lossy(answer.body()).into_owned());
            refused(&answer).map_err(|error| error.with_source(words))?;
            Good::authenticate(config, cx, limits).await
        }
    }
    /// It goes where it is sent.
    Following {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let mut answer = asked(cx, config).await?;
            if let Some(place) = answer.header("location").map(str::to_owned) {
                answer = cx.send(Request::get(place)).await?;
            }
            refused(&answer)?;
            Good::authenticate(config, cx, limits).await
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case::<Unwrapping>(&[Rule::ANSWERS_ARE_SURVIVED]),
        case::<GoesOn>(&[Rule::ANSWERS_ARE_SURVIVED]),
        case::<Quoting>(&[Rule::ANSWERS_ARE_NOT_QUOTED]),
        case::<QuotingBeneath>(&[Rule::ANSWERS_ARE_NOT_QUOTED, Rule::SECRETS_ARE_NOT_SHOWN]),
        case::<Following>(&[Rule::REDIRECTS_ARE_NOT_FOLLOWED]),
    ]
}
