//! What is issued wrong.

use std::time::Duration;

use connector_conformance::Rule;
use connector_core::{
    Authenticated, Call, Error, Expiry, Fields, Identity, Issued, Life, Lifetime, MethodAbout, Request,
    ResourceAbout, Result, Secret,
};

use super::{Case, broken, case};
use crate::tiny::{Config, Good, METHOD, Session, Ticket, swap};

const HOUR: Duration = Duration::from_secs(3600);

/// A session as the good one makes it.
fn session(ticket: Secret, ends: Expiry, limits: Option<&str>) -> Authenticated<Session> {
    let session = Authenticated::new(Session { ticket, ends: ends.clone() }, ends);
    if limits.is_some() { session.narrowed("limits") } else { session }
}

broken! {
    /// It cannot.
    Unable {
        async fn authenticate(_: &Config, _: &Call<'_>, _: Option<&str>) -> Result<Authenticated<Session>> {
            Err(Error::unexpected("not written yet"))
        }
    }
    /// Temporary, and without an end.
    Endless {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let (ticket, _) = swap(cx, config, limits, cx.duration()).await?;
            Ok(session(ticket, Expiry::Never("nobody said".into()), limits))
        }
    }
    /// The config's bounds are wider than those that are told.
    WiderBounds {
        const METHOD_ABOUT: MethodAbout = METHOD;
        fn lifetime() -> Option<Lifetime> {
            Some(Lifetime::seconds(1, 3600, 1_000_000))
        }
    }
    /// It asks for an hour, whatever is asked.
    AlwaysAnHour {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let (ticket, life) = swap(cx, config, limits, Some(HOUR)).await?;
            Ok(session(ticket, cx.expires_in(life), limits))
        }
    }
    /// A little more than it got.
    Boastful {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let (ticket, life) = swap(cx, config, limits, cx.duration()).await?;
            Ok(session(ticket, cx.expires_in(life + Duration::from_secs(60)), limits))
        }
    }
    /// The provider's end is said to be before its own.
    Contradictory {
        fn issue(session: &Session) -> Issued<Ticket<Self>> {
            let mut issued = Issued::new(Ticket::new(&session.ticket), session.ends.clone());
            issued.provider_expiry = Expiry::At(session.ends.at().expect("it ends") - HOUR / 6);
            issued
        }
    }
    /// It counts from when the answer came.
    CountsLate {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let (ticket, life) = swap(cx, config, limits, cx.duration()).await?;
            Ok(session(ticket, Expiry::At(cx.now() + life), limits))
        }
    }
    /// The key goes along.
    KeyGoesAlong {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let (ticket, life) = swap(cx, config, limits, cx.duration()).await?;
            let both = format!("{}.{}", ticket.expose(), config.key.expose());
            Ok(session(both.into(), cx.expires_in(life), limits))
        }
    }
    /// What it gives is its secret, and nobody is told before.
    Unannounced {
        fn issue(session: &Session) -> Issued<Ticket<Self>> {
            Issued::new(Ticket::new(&session.ticket), session.ends.clone()).long_lived()
        }
    }
    /// It says that it has only its secret to give, and gives something else.
    Timid {
        const RESOURCE_ABOUT: ResourceAbout =
            ResourceAbout::new("Box", "Holds things.").within("a shelf").narrows("the ticket's own limits").hands_on();
        fn hands_on_secret() -> bool {
            true
        }
    }
    /// The ticket is in the open.
    Public {
        fn export(ticket: &Secret, out: &mut Fields) {
            Good::export(ticket, out);
            out.public("header", format!("Bearer {}", ticket.expose()));
        }
    }
    /// The key is in the error.
    Telling {
        async fn authenticate(config: &Config, _: &Call<'_>, _: Option<&str>) -> Result<Authenticated<Session>> {
            Err(Error::refused("the login failed").with_cause(format!("with key {}", config.key.expose())))
        }
    }
    /// The key is in the URL.
    InTheUrl {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let key: String = config.key.expose().bytes().map(|byte| format!("%{byte:02x}")).collect();
            let hex = key.replace('%', "");
            cx.send(Request::get(format!("https://tiny.test/whoami?key={hex}"))).await?;
            Good::authenticate(config, cx, limits).await
        }
    }
    /// It looks around.
    Curious {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let _ = cx.var("TINY_PROFILE");
            Good::authenticate(config, cx, limits).await
        }
    }
    /// It claims what nobody declares.
    Undeclared {
        const METHOD_ABOUT: MethodAbout =
            MethodAbout::new("Key", "Swaps a key for tickets.", Life::Long, Identity::Service)
                .temporary()
                .lifetime(Lifetime::seconds(900, 3600, 43_200));
        const RESOURCE_ABOUT: ResourceAbout = ResourceAbout::new("Box", "Holds things.").within("a shelf");
        fn issue(session: &Session) -> Issued<Ticket<Self>> {
            // So that the provider could have been told, by every one of these.
            Issued::new(Ticket::new(&session.ticket), session.ends.clone()).narrowed("good will")
        }
    }
    /// It is given a narrowing, claims it, and sends none.
    Untold {
        async fn authenticate(config: &Config, cx: &Call<'_>, limits: Option<&str>) -> Result<Authenticated<Session>> {
            let (ticket, life) = swap(cx, config, None, cx.duration()).await?;
            Ok(session(ticket, cx.expires_in(life), limits))
        }
    }
    /// It lists what people call them.
    ShortNames {
        fn list(_: &Call<'_>) -> Result<Vec<String>> {
            Ok(vec!["one".into()])
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case::<Unable>(&[Rule::IT_ISSUES]),
        case::<Endless>(&[Rule::EXPIRY_IS_SAID, Rule::NEVER_ADVERTISED_LONGER]),
        case::<WiderBounds>(&[Rule::LIFETIME_BOUNDS_HOLD]),
        case::<AlwaysAnHour>(&[Rule::ASKED_LIFE_IS_TOLD]),
        case::<Boastful>(&[Rule::NEVER_ADVERTISED_LONGER]),
        case::<Contradictory>(&[Rule::NEVER_ADVERTISED_LONGER]),
        case::<CountsLate>(&[Rule::SLOW_ANSWERS_LENGTHEN_NOTHING]),
        case::<KeyGoesAlong>(&[Rule::LONG_LIVED_SECRETS_STAY]),
        case::<Unannounced>(&[Rule::PLANS_TELL_REFUSALS]),
        case::<Timid>(&[Rule::PLANS_TELL_REFUSALS]),
        case::<Public>(&[Rule::SECRETS_ARE_NOT_SHOWN]),
        case::<Telling>(&[Rule::IT_ISSUES, Rule::SECRETS_ARE_NOT_SHOWN]),
        case::<InTheUrl>(&[Rule::SECRETS_ARE_NOT_IN_URLS]),
        case::<Curious>(&[Rule::SURROUNDINGS_ARE_DECLARED]),
        case::<Undeclared>(&[Rule::NARROWING_IS_DECLARED, Rule::NARROWING_IS_TOLD]),
        case::<Untold>(&[Rule::NARROWING_IS_TOLD]),
        case::<ShortNames>(&[Rule::LISTED_IDS_ARE_CANONICAL]),
    ]
}
