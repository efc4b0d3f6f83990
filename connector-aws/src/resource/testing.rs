//! What the tests of resource types share: scripted answers, a session, and one check for all tables of ids.

use connector_core::{Call, Context, Parsed, ResourceType, Response, Result, Secret};
use proptest::prelude::*;

use crate::names::{EndpointUrl, Region};
use crate::session::{Keys, Place, Session};
use crate::testing::World;

/// A world that answers so, in order.
pub(crate) fn answering(answers: impl IntoIterator<Item = Response>) -> World {
    answers.into_iter().fold(World::new(), World::answers)
}

/// One line for each request: method and URL.
pub(crate) fn sent(world: &World) -> Vec<String> {
    world.sent().iter().map(|it| format!("{} {}", it.method(), it.url())).collect()
}

pub(crate) fn bodies(world: &World) -> Vec<String> {
    world.sent().iter().map(|it| String::from_utf8_lossy(it.body()).into_owned()).collect()
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response::new(status, headers, body.as_bytes().to_vec())
}

/// A session in `eu-west-1` of account 123456789012, which it does not know.
pub(crate) fn session() -> Session {
    session_in("eu-west-1")
}

pub(crate) fn session_in(region: &str) -> Session {
    let keys = Keys {
        access_key_id: Secret::new("ASIAEXAMPLE"),
        secret_access_key: Secret::new("hunter2-key"),
        session_token: Some(Secret::new("hunter2-token")),
    };
    let place = Place {
        region: Region::parse(region).expect("a region"),
        endpoint_url: None,
        sts_endpoint_url: None,
        trust: None,
    };
    Session::new(keys, place)
}

/// The same session at an endpoint of its own.
pub(crate) fn session_at(endpoint: &str) -> Session {
    let mut session = session();
    session.place.endpoint_url = Some(EndpointUrl::parse(endpoint).expect("an endpoint"));
    session
}

pub(crate) fn call(cx: &Context) -> Call<'_> {
    Call::new(cx, None)
}

/// What came of an id: its canonical form (or the text of a partial one), and the part it named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Exact(String, Option<String>),
    Partial(String, Option<String>),
}

pub(crate) fn exact(id: &str) -> Found {
    Found::Exact(id.to_owned(), None)
}

pub(crate) fn part(id: &str, within: &str) -> Found {
    Found::Exact(id.to_owned(), Some(within.to_owned()))
}

pub(crate) fn partial(text: &str) -> Found {
    Found::Partial(text.to_owned(), None)
}

fn parse<R: ResourceType>(text: &str) -> Result<Found> {
    R::parse(text).map(|parsed| match parsed {
        Parsed::Exact { resource, within } => Found::Exact(resource.id(), within),
        Parsed::Partial { text, within } => Found::Partial(text, within),
    })
}

/// Checks that each text is read as said; the last column says why the case is there.
pub(crate) fn check_accepted<R: ResourceType>(cases: &[(&str, Found, &str)]) {
    for (text, expected, why) in cases {
        let found = parse::<R>(text).unwrap_or_else(|error| panic!("{why}: {text}: {error}"));
        assert_eq!(&found, expected, "{why}: {text}");
    }
}

/// Checks that each text is refused, with a word that tells why and with the accepted forms.
pub(crate) fn check_refused<R: ResourceType>(cases: &[(&str, &str, &str)]) {
    for (text, says, why) in cases {
        let error = match parse::<R>(text) {
            Err(error) => error,
            Ok(found) => panic!("{why}: {text} is taken as {found:?}"),
        };
        assert_eq!(error.kind(), connector_core::ErrorKind::InvalidInput, "{why}: {text}");
        assert_eq!(error.field_problems()[0].field, "resource_id", "{why}: {text}");
        assert!(error.message().contains(says), "{why}: {text}: {error}");
        let hint = error.hint().unwrap_or_default();
        assert!(R::ABOUT.forms.iter().all(|(form, _)| hint.contains(form)), "{why}: {text}: {hint}");
    }
}

/// Texts that are nothing, nearly something, or something: `seeds` cut, joined and spoiled.
fn texts(seeds: &'static [&'static str]) -> impl Strategy<Value = String> {
    let seed = proptest::sample::select(seeds);
    let spoiled = (seed.clone(), seed, 0..200_usize, "[a-zA-Z0-9:/.*?_ \\-\u{0}\u{e9}]{0,3}").prop_map(
        |(one, other, at, spoil)| {
            let at = at % (one.len() + 1);
            let (head, tail) = if one.is_char_boundary(at) { one.split_at(at) } else { (one, "") };
            let joined = if spoil.is_empty() { other } else { tail };
            format!("{head}{spoil}{joined}")
        },
    );
    prop_oneof![spoiled, proptest::sample::select(seeds).prop_map(str::to_owned), "\\PC{0,40}"]
}

/// Checks that no text makes parsing panic, that a canonical id is read as itself, and that a text of
/// 64 KiB is answered.
pub(crate) fn check_total<R: ResourceType>(seeds: &'static [&'static str]) {
    proptest!(|(text in texts(seeds))| {
        if let Ok(Found::Exact(id, _)) = parse::<R>(&text) {
            prop_assert_eq!(parse::<R>(&id).ok(), Some(Found::Exact(id.clone(), None)), "{}", text);
        }
    });
    let parts = ["a", "a/", "/", ".", "a.", "-", ":", "arn:", "%", "*", "\u{0}", "é"];
    for seed in seeds.iter().chain(&parts) {
        let long = seed.repeat(65_536 / seed.len());
        assert!(parse::<R>(&long).is_err(), "64 KiB of {seed}");
        assert!(parse::<R>(&format!("{seed}{}", "a".repeat(65_536))).is_err(), "{seed} and 64 KiB");
    }
}
