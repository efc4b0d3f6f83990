//! The matrix: every kind of signature against what lies around it.

use connector_core::Access;

use super::*;

fn is_let(sas: &str, key: Key<'_>, request: Request<'_>) -> bool {
    allows(sas, key, &request).unwrap_or_else(|error| panic!("{error}: {request:?}"))
}

/// What is tried: who asks for what, and whether a signature for all, for the directory `a/b` and for the blob `a/b` of
/// `cont` covers it.
const TRIES: [(char, &str, Option<&str>, [bool; 3]); 15] = [
    ('r', "cont", Some("a/b"), [true, true, true]),
    ('r', "cont", Some("a/b/c"), [true, true, false]),
    ('r', "cont", Some("a/b/c/d"), [true, true, false]),
    ('r', "cont", Some("a/bc"), [true, false, false]),
    ('r', "cont", Some("a"), [true, false, false]),
    ('r', "cont", Some("b/b"), [true, false, false]),
    ('r', "cont", Some("x/a/b"), [true, false, false]),
    ('r', "cont2", Some("a/b"), [false, false, false]),
    ('r', "con", Some("a/b"), [false, false, false]),
    ('l', "cont", None, [true, false, false]),
    ('l', "cont", Some("a/b"), [true, false, false]),
    ('l', "cont", Some("a/b/"), [true, true, false]),
    ('l', "cont", Some("a/"), [true, false, false]),
    ('l', "cont", Some("a/bc"), [true, false, false]),
    ('l', "cont2", Some("a/b"), [false, false, false]),
];

/// S34, C24: what was asked for is let through, and nothing around it, by both kinds of keys.
#[test]
fn c24_what_is_signed_is_let_through_and_nothing_beside_it() {
    let (name, there) = (account("acct"), container("cont"));
    let (delegated, own) = (delegation_key(), account_key());
    let whole = path("a/b");
    let parts = [Part::Whole, Part::directory(&whole).expect("one"), Part::blob(&whole).expect("one")];
    for (place, part) in parts.into_iter().enumerate() {
        for access in Access::ALL {
            let permissions = Permissions::of(part.kind(), access);
            let terms = Terms { permissions, ..terms(&name, &there, part.clone(), "r") };
            for (sas, key, other) in [
                (
                    delegated.sign(&terms).expect("a signature"),
                    Key::Delegated(&delegated),
                    Key::Account(&own),
                ),
                (own.sign(&terms).expect("a signature"), Key::Account(&own), Key::Delegated(&delegated)),
            ] {
                for (letter, container, path, expected) in TRIES {
                    let request = request(letter, container, path);
                    let expected = expected[place];
                    assert_eq!(is_let(sas.expose(), key, request), expected, "{part:?} {request:?}");
                    assert!(!is_let(sas.expose(), other, request), "another key: {request:?}");
                    for spoilt in [
                        Request { account: "acct2", ..request },
                        Request { https: false, ..request },
                        Request { at: at("2026-01-01T01:00:00Z"), ..request },
                    ] {
                        assert!(!is_let(sas.expose(), key, spoilt), "{spoilt:?}");
                    }
                }
                let path = Some("a/b");
                for (letter, least) in
                    [('r', Access::Read), ('a', Access::Write), ('c', Access::Write), ('w', Access::Write)]
                {
                    let may = is_let(sas.expose(), key, request(letter, "cont", path));
                    assert_eq!(may, access >= least, "{letter} {access:?}");
                }
                for letter in ['x', 'i', 'p', 'u', 'R', '&'] {
                    let may = is_let(sas.expose(), key, request(letter, "cont", path));
                    let expected = access == Access::Admin && part.kind().letters().contains(letter);
                    assert_eq!(may, expected, "{letter} {access:?}");
                }
            }
        }
    }
}

/// C25: a signature is good from its start to its end, and for as long as its key.
#[test]
fn c25_a_signature_has_its_time() {
    let (account, container, key) = (account("acct"), container("cont"), delegation_key());
    let whole = || terms(&account, &container, Part::Whole, "r");
    let sas = |terms: &Terms<'_>| key.sign(terms).expect("a signature");
    let let_at = |sas: &str, time: &str| {
        let request = Request { at: at(time), ..request('r', "cont", Some("x")) };
        is_let(sas, Key::Delegated(&key), request)
    };
    let open = sas(&whole());
    let bounded = sas(&Terms { start: Some(at("2026-01-01T00:10:00Z")), ..whole() });
    for (time, of_open, of_bounded) in [
        ("2025-12-31T23:59:59Z", false, false),
        ("2026-01-01T00:00:00Z", true, false),
        ("2026-01-01T00:09:59Z", true, false),
        ("2026-01-01T00:10:00Z", true, true),
        ("2026-01-01T00:59:59Z", true, true),
        ("2026-01-01T01:00:00Z", false, false),
    ] {
        assert_eq!(
            (let_at(open.expose(), time), let_at(bounded.expose(), time)),
            (of_open, of_bounded),
            "{time}"
        );
    }
    let longest = Terms { end: key.end().expect("an end"), ..whole() };
    assert!(let_at(sas(&longest).expose(), "2026-01-01T23:59:59Z"));
    let error = key.sign(&Terms { end: at("2026-01-02T00:00:01Z"), ..whole() }).expect_err("too long");
    assert!(error.message().contains("outlive"), "{error}");
}

/// What is asked for one thing is not signed for another.
#[test]
fn letters_of_another_kind_are_not_signed() {
    let (account, container) = (account("acct"), container("cont"));
    let wrong = Terms {
        permissions: Permissions::of(Kind::Account, Access::Read),
        ..terms(&account, &container, Part::Whole, "r")
    };
    assert!(delegation_key().sign(&wrong).is_err() && account_key().sign(&wrong).is_err());
}

/// A list of the account's containers is let through, and nothing in them.
#[test]
fn a_signature_for_an_account_reaches_what_it_says() {
    let name = account("acct");
    let terms = AccountTerms {
        account: &name,
        reaches: "s",
        permissions: Permissions::parse(Kind::Account, "l").expect("permissions"),
        end: at("2026-01-01T01:00:00Z"),
        protocol: Protocol::Https,
        version: Version::default(),
    };
    let key = account_key();
    let sas = key.sign_account(&terms).expect("a signature");
    let told = "se=2026-01-01T01%3A00%3A00Z&sp=l&spr=https&sv=2025-01-05&ss=b&srt=s&sig=";
    assert!(sas.expose().starts_with(told), "{}", sas.expose());
    assert!(
        !is_let(sas.expose(), Key::Account(&key), request('l', "cont", None)),
        "it is for the service alone"
    );
    let blobs = key.sign_account(&AccountTerms { reaches: "co", ..terms.clone() }).expect("a signature");
    assert!(is_let(blobs.expose(), Key::Account(&key), request('l', "cont", None)));
    assert!(!is_let(blobs.expose(), Key::Account(&key), request('r', "cont", Some("a"))));
    let other = Permissions::parse(Kind::Container, "l").expect("permissions");
    assert!(key.sign_account(&AccountTerms { permissions: other, ..terms }).is_err());
}
