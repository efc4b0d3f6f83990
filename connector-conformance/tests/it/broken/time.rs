//! What does not live on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use connector_conformance::Rule;
use connector_core::{Authenticated, Call, Error, Expiry, Parsed, Result, Secret};

use super::{Case, broken, case};
use crate::tiny::{Config, Good, Session, swap};

/// Keeps what it got once, in the method's own memory: of a world, so that trials do not mix.
async fn remembered(cx: &Call<'_>) -> Result<Option<(Secret, u64)>> {
    let kept = cx.kept("ticket").await?;
    Ok(kept.and_then(|it| {
        let (end, ticket) = it.expose().split_once(' ')?;
        Some((Secret::new(ticket), end.parse().ok()?))
    }))
}

async fn remember(cx: &Call<'_>, ticket: &Secret, ends: &Expiry) -> Result<()> {
    let end = ends.at().and_then(|it| it.duration_since(SystemTime::UNIX_EPOCH).ok());
    let end = end.map_or(0, |it| it.as_secs());
    cx.keep("ticket", format!("{end} {}", ticket.expose()).into()).await
}

static LIVES: Mutex<()> = Mutex::new(());
static READ: AtomicUsize = AtomicUsize::new(0);

broken! {
    /// It keeps its own answer.
    Hoarding {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            if let Some((ticket, end)) = remembered(cx).await? {
                let ends = Expiry::At(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(end));
                if !ends.is_past(cx.now()) {
                    return Ok(Authenticated::new(Session { ticket, ends: ends.clone() }, ends).narrowed("limits"));
                }
            }
            let session = Good::authenticate(config, cx, limits).await?;
            remember(cx, &session.session.ticket, &session.expiry).await?;
            Ok(session)
        }
    }
    /// An outage breaks it for good.
    Poisoned {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            if remembered(cx).await?.is_some() {
                return Err(Error::unreachable("it failed before"));
            }
            let session = Good::authenticate(config, cx, limits).await;
            if session.is_err() {
                remember(cx, &"broken".into(), &Expiry::Never("".into())).await?;
            }
            session
        }
    }
    /// It takes an answer for granted.
    Unwrapping {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let (ticket, life) = match swap(cx, config, limits, cx.duration()).await {
                Err(error) if error.message().contains("connection refused") => panic!("the provider is always there"),
                answer => answer?,
            };
            let ends = cx.expires_in(life);
            Ok(Authenticated::new(Session { ticket, ends: ends.clone() }, ends).narrowed("limits"))
        }
    }
    /// When nothing else helps, it gives the old one again.
    SecondHand {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            match Good::authenticate(config, cx, limits).await {
                Ok(session) => {
                    remember(cx, &session.session.ticket, &session.expiry).await?;
                    Ok(session)
                }
                Err(error) => {
                    let (ticket, _) = remembered(cx).await?.ok_or(error)?;
                    let ends = cx.expires_in(std::time::Duration::from_secs(600));
                    Ok(Authenticated::new(Session { ticket, ends: ends.clone() }, ends).narrowed("limits"))
                }
            }
        }
    }
    /// An outage is somebody's fault.
    Blaming {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let session = Good::authenticate(config, cx, limits).await;
            session.map_err(|error| Error::refused("the login failed").with_source(error))
        }
    }
    /// An outage lets a chain go on to somebody else.
    PassingOn {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let session = Good::authenticate(config, cx, limits).await;
            session.map_err(|error| Error::not_configured("no login is set up").with_source(error).transient(true))
        }
    }
    /// The same box has another id each time.
    Restless {
        fn id(name: &str) -> String {
            let _lives = LIVES.lock();
            let number = READ.fetch_add(1, Ordering::SeqCst);
            let letters: String = number.to_string().bytes().map(|it| char::from(it - b'0' + b'a')).collect();
            format!("box:{name}x{letters}")
        }
        fn parse(text: &str) -> Result<Parsed<String>> {
            Good::parse(text)
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case::<Hoarding>(&[Rule::IT_RENEWS]),
        case::<Poisoned>(&[Rule::IT_RENEWS]),
        case::<Unwrapping>(&[Rule::LAST_GOOD_IS_KEPT, Rule::OUTAGES_PASS]),
        case::<SecondHand>(&[Rule::NEVER_PAST_THE_END]),
        // What is taken for a refusal is remembered as one, when the outage is over.
        case::<Blaming>(&[Rule::OUTAGES_PASS, Rule::IT_RENEWS]),
        case::<PassingOn>(&[Rule::OUTAGES_PASS, Rule::ANSWERS_ARE_SURVIVED]),
        case::<Restless>(&[
            Rule::ID_PARSING_IS_PURE,
            Rule::ID_PARSING_IS_IDEMPOTENT,
            Rule::ONE_CALL_FOR_MANY,
            Rule::LISTED_IDS_ARE_CANONICAL,
        ]),
    ]
}
