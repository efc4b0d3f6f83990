//! What a signature lets through, judged by the text that is sent: as the service does it, from the request and the key.

use std::time::SystemTime;

use aws_lc_rs::constant_time;
use connector_core::{Result, parse_time};

use super::delegated::DelegationKey;
use super::permissions::{Kind, Permissions};
use super::query::{self, Read, Signer};
use super::shared::AccountKey;
use super::terms::Version;

/// Something that somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The account.
    pub account: &'a str,
    /// The container.
    pub container: &'a str,
    /// The blob, or the directory; for a list the prefix of the names. `None` for a list of all.
    pub path: Option<&'a str>,
    /// The letter of what is done: `l` is a list, everything else is done to a blob or a directory.
    pub permission: char,
    /// Whether it comes over TLS.
    pub https: bool,
    /// When it comes.
    pub at: SystemTime,
}

/// The key that the service knows a signature by.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// The one that it gave an identity.
    Delegated(&'a DelegationKey),
    /// The account's own.
    Account(&'a AccountKey),
}

/// Names that change nothing about what is allowed here, or are judged.
const JUDGED: [&str; 17] = [
    "sig", "sp", "st", "se", "spr", "sv", "sr", "sdd", "skoid", "sktid", "skt", "ske", "sks", "skv", "ss",
    "srt", "snapshot",
];

/// Whether a signature lets a request through, if whoever is behind its key may do it.
///
/// What holds anything that is not understood lets nothing through.
///
/// # Errors
/// Invalid input for what is no signature at all.
pub fn allows(sas: &str, key: Key<'_>, request: &Request<'_>) -> Result<bool> {
    let read = Read::of(sas)?;
    if read.names().any(|name| !JUDGED.contains(&name)) {
        return Ok(false);
    }
    let Some(version) = Version::parse(read.value("sv")) else { return Ok(false) };
    let of_account = !read.value("srt").is_empty();
    let Some(kind) = kind(&read, of_account) else { return Ok(false) };
    Ok(is_signed(&read, key, request, version, kind)?
        && is_in_time(&read, request.at)
        && (request.https || read.value("spr").split(',').any(|it| it == "http"))
        && covers(&read, kind, request)
        && may(kind, read.value("sp"), request.permission))
}

fn kind(read: &Read, of_account: bool) -> Option<Kind> {
    match (of_account, read.value("sr")) {
        (true, "") => Some(Kind::Account),
        (false, "c") => Some(Kind::Container),
        (false, "d") => Some(Kind::Directory),
        (false, "b") => Some(Kind::Blob),
        _ => None,
    }
}

/// Whether the key signed this, for what the request is about.
fn is_signed(read: &Read, key: Key<'_>, request: &Request<'_>, version: Version, kind: Kind) -> Result<bool> {
    let value = |name: &str| read.value(name);
    let Request { account, container, path, .. } = *request;
    let path = match (kind, path) {
        (Kind::Container | Kind::Account, _) => None,
        (Kind::Directory, path) => match depth(read).and_then(|it| start(path.unwrap_or_default(), it)) {
            Some(directory) => Some(directory),
            None => return Ok(false),
        },
        (Kind::Blob, path) => path,
    };
    let resource = match path {
        Some(path) => format!("/blob/{account}/{container}/{path}"),
        None => format!("/blob/{account}/{container}"),
    };
    let (secret, string) = match key {
        Key::Delegated(key) => {
            if kind == Kind::Account || key.pairs().iter().any(|(name, said)| read.value(name) != *said) {
                return Ok(false);
            }
            (&key.value, query::string_to_sign(value, &resource, Signer::Delegated, version))
        }
        Key::Account(key) if kind == Kind::Account => {
            (key.secret(), query::account_string_to_sign(value, account))
        }
        Key::Account(key) => (key.secret(), query::string_to_sign(value, &resource, Signer::Shared, version)),
    };
    let expected = query::sign(secret, &string)?;
    Ok(constant_time::verify_slices_are_equal(expected.as_bytes(), value("sig").as_bytes()).is_ok())
}

/// How deep a directory lies.
fn depth(read: &Read) -> Option<usize> {
    read.value("sdd").parse().ok().filter(|depth| *depth > 0)
}

/// As much of a path as a directory of that depth has; `None` for a path that is not so deep.
fn start(path: &str, depth: usize) -> Option<&str> {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    match slashes.nth(depth - 1) {
        Some(end) => Some(&path[..end]),
        None => (path.split('/').count() == depth && !path.ends_with('/')).then_some(path),
    }
}

fn is_in_time(read: &Read, at: SystemTime) -> bool {
    let time = |name: &str| match read.value(name) {
        "" => Some(None),
        text => parse_time(text).ok().map(Some),
    };
    let [Some(from), Some(Some(to)), Some(key_from), Some(key_to)] = ["st", "se", "skt", "ske"].map(time)
    else {
        return false;
    };
    from.is_none_or(|it| it <= at)
        && at < to
        && key_from.is_none_or(|it| it <= at)
        && key_to.is_none_or(|it| at < it)
}

/// Whether the request is for what the signature is about at all; where it is, [`is_signed`] has said.
fn covers(read: &Read, kind: Kind, request: &Request<'_>) -> bool {
    match kind {
        Kind::Container => true,
        // A list of what begins with a directory's name, without its slash, would show others beside it.
        Kind::Directory => {
            let below =
                || request.path.is_some_and(|it| it.split('/').count() > depth(read).unwrap_or(usize::MAX));
            request.permission != 'l' || below()
        }
        Kind::Blob => request.permission != 'l' && request.path.is_some(),
        Kind::Account => {
            read.value("ss").contains('b')
                && read.value("srt").contains(if request.permission == 'l' { 'c' } else { 'o' })
        }
    }
}

/// Whether a letter is among those that are signed, which stand in their order or are none.
fn may(kind: Kind, letters: &str, wanted: char) -> bool {
    Permissions::parse(kind, letters).is_ok_and(|it| it.to_string() == letters && it.contains(wanted))
}
