//! Planted secrets, and the search for them in everything that a program leaves behind.

mod search;

use std::path::Path;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::random;

pub use search::Search;

/// A secret that must not be seen outside the places that are allowed to hold it.
///
/// Searches find it raw, in base64 (both alphabets, also in the middle of something longer), in hex, URL-encoded
/// and JSON-escaped.
#[derive(Clone)]
pub struct Canary {
    name: String,
    secret: String,
    needles: Vec<(&'static str, Vec<u8>)>,
}

/// Where a canary was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The canary's name, never its secret.
    pub canary: String,
    /// Which one it is of those that were searched for.
    pub number: usize,
    /// The encoding in which it stood there.
    pub encoding: &'static str,
    /// The file or stream.
    pub place: String,
}

impl Canary {
    /// A new secret of 40 characters, in the shape of an AWS secret access key. It always holds characters that
    /// change under URL-encoding, base64 and JSON.
    pub fn generate(name: &str) -> Self {
        Self::of(name, &format!("{}/+{}", random::secret(19), random::secret(19)))
    }

    /// Watches for a secret that someone else made.
    ///
    /// # Panics
    /// When the secret has fewer than 8 characters: it would be found by chance.
    pub fn of(name: &str, secret: &str) -> Self {
        assert!(secret.len() >= 8, "the canary `{name}` is too short to be searched for");
        Self { name: name.to_owned(), secret: secret.to_owned(), needles: needles(secret) }
    }

    /// Watches for a short number, such as a one-time code: raw only, and not where it is a part of something
    /// longer, which would be chance.
    pub fn code(name: &str, digits: &str) -> Self {
        let needles = vec![(CODE, digits.as_bytes().to_vec())];
        Self { name: name.to_owned(), secret: digits.to_owned(), needles }
    }

    /// Watches for bytes that are a secret themselves, whatever text stands for them.
    ///
    /// # Panics
    /// When there are fewer than 8 of them.
    pub fn of_bytes(name: &str, secret: &[u8]) -> Self {
        assert!(secret.len() >= 8, "the canary `{name}` is too short to be searched for");
        Self {
            name: name.to_owned(),
            secret: String::from_utf8_lossy(secret).into_owned(),
            needles: needles_of(secret),
        }
    }

    /// The secret, to plant it.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Every encoding in which the canary stands in `bytes`.
    pub fn search(&self, place: &str, bytes: &[u8]) -> Vec<Sighting> {
        Search::new(std::slice::from_ref(self)).bytes(place, bytes)
    }

    /// Searches a file, or a folder with all below it; see [`Search::tree`].
    pub fn search_tree(&self, root: &Path) -> Vec<Sighting> {
        Search::new(std::slice::from_ref(self)).tree(root)
    }
}

/// Only the name: a canary may be printed.
impl std::fmt::Debug for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canary").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The encoding of a [`Canary::code`].
const CODE: &str = "a number by itself";

fn needles(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut needles = needles_of(secret.as_bytes());
    let json = serde_json::Value::from(secret).to_string();
    needles.push(("JSON", json.trim_matches('"').replace('/', "\\/").into_bytes()));
    needles.push(("JSON", json.trim_matches('"').as_bytes().to_vec()));
    // An encoding that leaves this secret as it is adds nothing to the raw search.
    needles.retain(|(encoding, needle)| *encoding == "raw" || needle != secret.as_bytes());
    needles
}

fn needles_of(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut needles = vec![("raw", bytes.to_vec())];
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    needles.push(("hex", hex.to_uppercase().into_bytes()));
    needles.push(("hex", hex.into_bytes()));
    for (encoding, engine) in [("base64", &STANDARD_NO_PAD), ("base64 (URL)", &URL_SAFE_NO_PAD)] {
        needles.extend((0..3).map(|offset| (encoding, base64_inside(engine, bytes, offset))));
    }
    needles.push(("URL", percent_encoded(bytes, |byte| format!("%{byte:02X}"))));
    needles.push(("URL", percent_encoded(bytes, |byte| format!("%{byte:02x}"))));
    needles
}

fn percent_encoded(bytes: &[u8], escape: impl Fn(u8) -> String) -> Vec<u8> {
    let encode = |byte: &u8| match *byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        other => escape(other),
    };
    bytes.iter().map(encode).collect::<String>().into_bytes()
}

/// The characters of the base64 text that depend on `secret` alone, when it starts `offset` bytes after a
/// boundary of three.
fn base64_inside(engine: &impl base64::Engine, secret: &[u8], offset: usize) -> Vec<u8> {
    let padded = [vec![0; offset], secret.to_vec()].concat();
    let encoded = engine.encode(&padded);
    let start = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    encoded.as_bytes()[start..end].to_vec()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    #[test]
    fn every_encoding_is_found_and_nothing_else() {
        let canary = Canary::of("key", "S3cret/+\"word??");
        let secret = canary.secret().as_bytes();
        let cases = [
            ("raw", [b"x=", secret, b";"].concat()),
            ("hex", b"5333637265742F2B22776F72643F3F".to_vec()),
            ("base64", STANDARD.encode([b"user:", secret, b"!"].concat()).into_bytes()),
            ("base64", STANDARD.encode([b"user1:", secret].concat()).into_bytes()),
            ("base64 (URL)", URL_SAFE.encode([b"u:", secret, b"tail"].concat()).into_bytes()),
            ("URL", b"?q=S3cret%2F%2B%22word%3F%3F&".to_vec()),
            ("URL", b"?q=S3cret%2f%2b%22word%3f%3f&".to_vec()),
            ("JSON", br#"{"a":"S3cret\/+\"word??"}"#.to_vec()),
            ("JSON", br#"{"a":"S3cret/+\"word??"}"#.to_vec()),
        ];
        for (encoding, text) in cases {
            let found = canary.search("here", &text);
            assert!(found.iter().any(|sighting| sighting.encoding == encoding), "{encoding}: {found:?}");
        }
        assert_eq!(canary.search("here", b"S3cret/+\"word? S3cret"), []);
    }

    #[test]
    fn codes_and_bytes_are_found() {
        let code = Canary::code("code", "204819");
        assert_eq!(code.search("here", b"code=204819;").len(), 1);
        assert_eq!(code.search("here", b"1204819 and 204819z and 20481"), []);
        let key = Canary::of_bytes("key", b"\0\xff\x80 a key ??");
        assert_eq!(key.search("here", b"x\0\xff\x80 a key ??").len(), 1);
        let encoded = STANDARD.encode(b"\0\xff\x80 a key ??").into_bytes();
        assert!(key.search("here", &encoded).iter().any(|it| it.encoding == "base64"));
    }

    #[test]
    fn a_tree_is_searched_with_its_names() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let canary = Canary::of("name", "in-a-file-name");
        fs::create_dir(folder.path().join("deep")).expect("a folder");
        fs::write(folder.path().join("deep/in-a-file-name.txt"), "nothing").expect("a file");
        fs::write(folder.path().join("deep/other"), [b"\0\xff", canary.secret().as_bytes()].concat())
            .expect("a file");
        assert_eq!(canary.search_tree(folder.path()).len(), 2);
        assert_eq!(Canary::generate("absent").search_tree(folder.path()), []);
    }

    #[test]
    fn generated_canaries_differ() {
        assert_ne!(Canary::generate("a").secret(), Canary::generate("a").secret());
    }
}
