//! The query that a signature is, and the string that is signed of it.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Error, Result, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

use super::terms::Version;

/// What stands for itself in a query, whoever reads it.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and values, not encoded.
pub(super) type Pairs = [(&'static str, String)];

/// The value of a name; empty where there is none, as in a string to sign.
pub(super) fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value)
}

/// The query, with its signature at the end. It begins with no `?`.
pub(super) fn signed(pairs: &Pairs, signature: &str) -> Secret {
    let mut query = Zeroizing::new(String::new());
    let signature = ("sig", signature);
    for (name, value) in pairs.iter().map(|(name, value)| (*name, value.as_str())).chain([signature]) {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.extend(utf8_percent_encode(value, ENCODED));
    }
    Secret::new(query.as_str())
}

/// Signs with a key that is base64.
///
/// # Errors
/// Invalid input where it is not.
pub(super) fn sign(key: &Secret, string: &str) -> Result<String> {
    let key = STANDARD.decode(key.expose().trim()).map(Zeroizing::new);
    let key = key.map_err(|_| Error::invalid("the key is no base64"))?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    Ok(STANDARD.encode(hmac::sign(&key, string.as_bytes())))
}

/// What a name is followed by in a query that somebody else may have written.
#[derive(Debug)]
pub(super) struct Read(Vec<(String, String)>);

impl Read {
    /// Reads a query, with or without the `?`.
    ///
    /// # Errors
    /// Invalid input for a name that stands twice, and for what is not text when decoded.
    pub(super) fn of(query: &str) -> Result<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in query.trim_start_matches('?').split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| Error::invalid("a shared access signature is text"))?;
            if pairs.len() >= LONGEST || pairs.iter().any(|(other, _)| other == name) {
                return Err(Error::invalid("a shared access signature says each thing once"));
            }
            pairs.push((name.to_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// The value of a name, empty where there is none.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// More names than any signature has.
const LONGEST: usize = 64;

/// Who signs, as far as it changes what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    /// A key that an identity was given.
    Delegated,
    /// The account's own key.
    Shared,
}

/// What is signed for a container or a part of it: the values of these names, each in a line of its own.
pub(super) fn string_to_sign<'a>(
    value: impl Fn(&str) -> &'a str,
    resource: &'a str,
    signer: Signer,
    version: Version,
) -> String {
    const KEY: [&str; 9] = ["skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid"];
    let more = signer == Signer::Delegated && version.signs_more();
    let mut lines: Vec<&str> = ["sp", "st", "se"].map(&value).into();
    lines.push(resource);
    match signer {
        Signer::Delegated => lines.extend(KEY.map(&value)),
        Signer::Shared => lines.push(value("si")),
    }
    if more {
        lines.extend(["skdutid", "sduoid"].map(&value));
    }
    lines.extend(["sip", "spr", "sv", "sr", "snapshot", "ses"].map(&value));
    if more {
        // Headers and queries that a request would have to have: none is ever asked for.
        lines.extend(["", ""]);
    }
    lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(&value));
    lines.join("\n")
}

/// What is signed for a whole account; it ends its last line.
pub(super) fn account_string_to_sign<'a>(value: impl Fn(&str) -> &'a str, account: &'a str) -> String {
    let lines = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"].map(value);
    format!("{account}\n{}\n", lines.join("\n"))
}
