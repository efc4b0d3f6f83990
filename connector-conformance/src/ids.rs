//! Tables of ids: what a resource type makes of texts, for an author's own tests. A table says more than the kit can
//! know, which is what each text means.
//!
//! ```
//! # mod tiny { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tiny.rs")); }
//! # type Box = tiny::Container<tiny::Good>;
//! use connector_conformance::ids::{check_accepted, check_refused, check_total, exact};
//!
//! // In a #[test] each: the columns are the text, what comes of it, and why the line is there.
//! check_accepted::<Box>(&[("box:one", exact("box:one"), "canonical")]);
//! check_refused::<Box>(&[("", "no box", "nothing")]);
//! check_total::<Box>(&["box:one"]);
//! ```

use connector_core::{ErrorKind, Parsed, ResourceType, Result};

use crate::hostile::{around, hostile_texts};

/// What came of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A complete id in its canonical form, and the part that the text named.
    Exact(String, Option<String>),
    /// What a session has to complete or to check, and the part that the text named.
    Partial(String, Option<String>),
}

/// A complete id, in its canonical form.
#[must_use]
pub fn exact(id: &str) -> Found {
    Found::Exact(id.to_owned(), None)
}

/// A complete id, and the part that stood behind it.
#[must_use]
pub fn part(id: &str, within: &str) -> Found {
    Found::Exact(id.to_owned(), Some(within.to_owned()))
}

/// A text that a session has to complete or to check.
#[must_use]
pub fn partial(text: &str) -> Found {
    Found::Partial(text.to_owned(), None)
}

fn parse<R: ResourceType>(text: &str) -> Result<Found> {
    R::parse(text).map(|parsed| match parsed {
        Parsed::Exact { resource, within } => Found::Exact(resource.id(), within),
        Parsed::Partial { text, within } => Found::Partial(text, within),
    })
}

/// Checks that each text is read as said, and a canonical id as itself. The last column says why the line is there.
///
/// # Panics
/// When one is not.
pub fn check_accepted<R: ResourceType>(cases: &[(&str, Found, &str)]) {
    for (text, expected, why) in cases {
        let found = parse::<R>(text).unwrap_or_else(|error| panic!("{why}: {text}: {error}"));
        assert_eq!(&found, expected, "{why}: {text}");
        if let Found::Exact(id, _) = &found {
            assert_eq!(
                parse::<R>(id).ok(),
                Some(exact(id)),
                "{why}: {text}: a canonical id is read as itself"
            );
        }
    }
}

/// Checks that each text is refused: as invalid input in the field `resource_id`, with the words of the second column
/// that tell which rule is broken, and with the accepted forms as a hint.
///
/// # Panics
/// When one is not.
pub fn check_refused<R: ResourceType>(cases: &[(&str, &str, &str)]) {
    for (text, says, why) in cases {
        let error = match parse::<R>(text) {
            Err(error) => error,
            Ok(found) => panic!("{why}: {text} is taken as {found:?}"),
        };
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{why}: {text}");
        assert_eq!(error.field_problems()[0].field, "resource_id", "{why}: {text}");
        assert!(error.message().contains(says), "{why}: {text}: {error}");
        let hint = error.hint().unwrap_or_default();
        assert!(R::ABOUT.forms.iter().all(|(form, _)| hint.contains(form)), "{why}: {text}: {hint}");
    }
}

/// Checks that no text makes parsing panic, that whatever comes of it has a canonical id that is read as itself, and
/// that no text of 64 KiB is taken. The texts are made from `seeds`, which are ids that are accepted: cut at each
/// place, spoiled there, and joined with each other.
///
/// # Panics
/// When that does not hold.
pub fn check_total<R: ResourceType>(seeds: &[&str]) {
    let texts = seeds.iter().flat_map(|seed| around(seed).into_iter().chain(spoiled(seed)));
    for text in texts.chain(joined(seeds)).chain(hostile_texts()) {
        if let Ok(Found::Exact(id, _)) = parse::<R>(&text) {
            assert_eq!(parse::<R>(&id).ok(), Some(exact(&id)), "{text:?}");
        }
    }
    let parts = ["a", "a/", "/", ".", "a.", "-", ":", "arn:", "%", "*", "\u{0}", "é"];
    for seed in seeds.iter().chain(&parts) {
        let long = seed.repeat(LONG / seed.len());
        assert!(parse::<R>(&long).is_err(), "64 KiB of {seed}");
        assert!(parse::<R>(&format!("{seed}{}", "a".repeat(LONG))).is_err(), "{seed} and 64 KiB");
    }
}

const LONG: usize = 64 * 1024;

/// What is put into a text that is right.
const SPOILS: [&str; 24] = [
    "a", "A", "0", ".", "..", "/", "//", ":", "-", "_", "*", "?", "#", "@", "%2f", " ", "\n", "\u{0}", "é",
    "/.", "a/", "/a", ".a", "://",
];

/// Each place at which a text can be cut.
fn cuts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let inner = text.char_indices().map(|(at, _)| text.split_at(at));
    inner.chain([(text, "")])
}

/// A text with each spoil at each place, in front of what follows and in place of its first character.
fn spoiled(seed: &str) -> impl Iterator<Item = String> {
    cuts(seed).flat_map(|(head, tail)| {
        let mut behind = tail.chars();
        behind.next();
        let behind = behind.as_str();
        SPOILS
            .iter()
            .flat_map(move |spoil| [format!("{head}{spoil}{tail}"), format!("{head}{spoil}{behind}")])
    })
}

/// The beginnings of each text with all of each other behind them.
fn joined<'a>(seeds: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    seeds
        .iter()
        .flat_map(|one| cuts(one))
        .flat_map(|(head, _)| seeds.iter().map(move |other| format!("{head}{other}")))
}
