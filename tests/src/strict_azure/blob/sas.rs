//! Shared access signatures: by a user delegation key, or by a key of the account.

use std::collections::BTreeMap;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::state::State;
use super::delegation::{Described, LONGEST};
use super::error::StorageError;
use super::{Account, Asked, account};
use crate::clock::iso;
use crate::loopback::Call;

/// The first version of signatures by a user delegation key, and of what is served here at all.
const OLDEST: &str = "2018-11-09";
/// From here on a user delegation signature names who else may be meant.
const AGENTS: &str = "2020-02-10";
/// From here on there is an encryption scope.
const ENCRYPTION: &str = "2020-12-06";
/// From here on the tenant and the id of who the key was delegated to are signed.
const DELEGATED: &str = "2025-07-05";
/// From here on headers and query parameters may be signed.
const REQUEST: &str = "2026-04-06";

/// All letters in their order.
const LETTERS: &str = "racwdxyltfmeopi";
const ACCOUNT_LETTERS: &str = "rwdxylacupfti";

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sas {
    pub(super) permissions: String,
    pub(super) scope: Scope,
    pub(super) signer: Signer,
}

/// What it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything of these kinds: the service, containers, objects.
    Account {
        kinds: String,
    },
    Container,
    /// A folder, without a slash at its end; empty for the whole container.
    Directory(String),
    Blob,
}

/// With whose rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signer {
    Key,
    Principal(String),
}

/// The fields as they stand in the query.
type Fields = BTreeMap<String, String>;

/// Whether a call shows a signature in its query.
pub(super) fn is_one(call: &Call) -> bool {
    call.query_pairs().iter().any(|(name, _)| name == "sig")
}

pub(super) fn verify(state: &State, call: &Call, asked: &Asked<'_>) -> Result<Sas, StorageError> {
    let mut fields = Fields::new();
    for (name, value) in call.query_pairs() {
        if fields.insert(name, value).is_some() {
            return Err(malformed("a field stands there twice"));
        }
    }
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let version = get("sv");
    let is_version = jiff::civil::Date::strptime("%Y-%m-%d", version).is_ok();
    if !is_version || !(OLDEST.."2027-01-01").contains(&version) {
        return Err(malformed(&format!("sv {version} is not a supported version")));
    }
    let own = account(state, asked);
    let now = state.clock.now();
    let (texts, keys, scope, signer) = match fields.contains_key("ss") {
        true => by_account(own, &fields)?,
        false => by_service(state, call, asked, &fields, now)?,
    };
    let shown = STANDARD.decode(get("sig")).map_err(|_| malformed("sig is not base64"))?;
    let holds = |key: &Vec<u8>| {
        texts.iter().any(|text| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            let expected = hmac::sign(&key, text.as_bytes());
            constant_time::verify_slices_are_equal(expected.as_ref(), &shown).is_ok()
        })
    };
    if !keys.iter().any(holds) {
        let text = texts.first().map(String::as_str).unwrap_or_default();
        let detail = format!("Signature did not match. String to sign used was {text}");
        return Err(StorageError::authentication(detail));
    }
    if matches!(signer, Signer::Key) && own.refuses_keys {
        return Err(StorageError::no_keys());
    }
    in_time(&fields, now)?;
    let order = if fields.contains_key("ss") { ACCOUNT_LETTERS } else { LETTERS };
    let permissions = get("sp").to_owned();
    if !is_in_order(&permissions, order) {
        return Err(malformed("sp has letters that are unknown, or not in their order"));
    }
    if !matches!(get("spr"), "" | "https" | "https,http") {
        return Err(malformed("spr is neither https nor https,http"));
    }
    if !allows_here(get("sip")) {
        let message = "This request is not authorized to perform this operation using this source IP.";
        return Err(StorageError::new(403, "AuthorizationSourceIPMismatch", message));
    }
    Ok(Sas { permissions, scope, signer })
}

/// Texts that may have been signed, keys that may have signed them, and what comes of it.
type Expected = (Vec<String>, Vec<Vec<u8>>, Scope, Signer);

fn by_account(own: &Account, fields: &Fields) -> Result<Expected, StorageError> {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    if !get("ss").contains('b') {
        let message = "This request is not authorized to perform this operation using this service.";
        return Err(StorageError::new(403, "AuthorizationServiceMismatch", message));
    }
    let mut parts = vec![own.place.name.as_str()];
    parts.extend(["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"].map(get));
    if get("sv") >= ENCRYPTION {
        parts.push(get("ses"));
    }
    // The one text that ends with a line feed.
    let text = parts.join("\n") + "\n";
    let scope = Scope::Account { kinds: get("srt").to_owned() };
    Ok((vec![text], account_keys(own), scope, Signer::Key))
}

fn account_keys(own: &Account) -> Vec<Vec<u8>> {
    own.keys.iter().filter_map(|key| STANDARD.decode(key).ok()).collect()
}

fn by_service(
    state: &State,
    call: &Call,
    asked: &Asked<'_>,
    fields: &Fields,
    now: i64,
) -> Result<Expected, StorageError> {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let own = account(state, asked);
    let (scope, path) = place(own, call, asked, fields)?;
    let version = get("sv");
    let answer = ["rscc", "rscd", "rsce", "rscl", "rsct"];
    let mut parts = vec![get("sp"), get("st"), get("se"), path.as_str()];
    if get("skoid").is_empty() {
        parts.extend(["si", "sip", "spr", "sv", "sr", "snapshot"].map(get));
        if version >= ENCRYPTION {
            parts.push(get("ses"));
        }
        parts.extend(answer.map(get));
        return Ok((vec![parts.join("\n")], account_keys(own), scope, Signer::Key));
    }
    let key = described(state, own, fields, now)?;
    parts.extend(["skoid", "sktid", "skt", "ske", "sks", "skv"].map(get));
    if version >= AGENTS {
        parts.extend(["saoid", "suoid", "scid"].map(get));
    }
    if version >= DELEGATED {
        parts.extend(["skdutid", "sduoid"].map(get));
    }
    parts.extend(["sip", "spr", "sv", "sr", "snapshot"].map(get));
    if version >= ENCRYPTION {
        parts.push(get("ses"));
    }
    let (headers, queries) = (signed_headers(call, get("srh")), signed_queries(fields, get("srq")));
    if version >= REQUEST {
        parts.extend([headers.as_str(), queries.as_str()]);
    }
    parts.extend(answer.map(get));
    let signer = Signer::Principal(key.oid.to_owned());
    Ok((vec![parts.join("\n")], vec![key.value(own)], scope, signer))
}

/// The user delegation key that a signature says it was made with.
fn described<'a>(
    state: &State,
    own: &Account,
    fields: &'a Fields,
    now: i64,
) -> Result<Described<'a>, StorageError> {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let key = Described {
        oid: get("skoid"),
        tenant: get("sktid"),
        start: get("skt"),
        expiry: get("ske"),
        service: get("sks"),
        version: get("skv"),
    };
    let (start, expiry) = (time(key.start), time(key.expiry));
    let (Some(start), Some(expiry)) = (start, expiry) else {
        return Err(malformed("skt or ske is no time"));
    };
    if key.service != "b" || key.version < OLDEST || key.tenant != own.tenant {
        return Err(malformed("sks, skv or sktid does not fit"));
    }
    if !state.is_somebody(key.oid, key.tenant) {
        return Err(StorageError::authentication("The user delegation key's owner is not known any more."));
    }
    if expiry - start > LONGEST || start > now || now >= expiry {
        return Err(StorageError::authentication(format!(
            "Signed key is not valid in the specified time frame: Start [{}] - Expiry [{}] - Current [{}]",
            key.start,
            key.expiry,
            iso(now)
        )));
    }
    if time(get("se")).is_none_or(|end| end > expiry) {
        return Err(StorageError::authentication(format!(
            "Signed expiry time [{}] has to be within the user delegation key's, which ends at [{}]",
            get("se"),
            key.expiry
        )));
    }
    Ok(key)
}

/// What a signature is for, and the path that was signed.
fn place(
    own: &Account,
    call: &Call,
    asked: &Asked<'_>,
    fields: &Fields,
) -> Result<(Scope, String), StorageError> {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let container = asked.container.ok_or_else(|| {
        StorageError::authentication("A signature for a container is not for the whole account.")
    })?;
    let whole = format!("/blob/{}/{container}", own.place.name);
    match get("sr") {
        "c" => Ok((Scope::Container, whole)),
        "b" => match asked.blob {
            Some(blob) => Ok((Scope::Blob, format!("{whole}/{blob}"))),
            None => Err(StorageError::authentication("A signature for a blob is not for its container.")),
        },
        "d" => {
            let depth = get("sdd").parse::<usize>().map_err(|_| malformed("sdd is missing"))?;
            if !own.is_hierarchical {
                return Err(malformed("sr=d is for accounts with a hierarchical namespace"));
            }
            let prefix = call.parameter("prefix").unwrap_or_default();
            let name = asked.blob.map_or(prefix, str::to_owned);
            let names: Vec<&str> = name.split('/').filter(|name| !name.is_empty()).take(depth).collect();
            if names.len() < depth {
                return Err(StorageError::authentication(
                    "The signed directory is not the one that is asked for.",
                ));
            }
            let folder = names.join("/");
            let path = if folder.is_empty() { whole } else { format!("{whole}/{folder}") };
            Ok((Scope::Directory(folder), path))
        }
        other => Err(malformed(&format!("sr {other:?} is not supported"))),
    }
}

fn signed_headers(call: &Call, names: &str) -> String {
    let names = names.split(',').filter(|name| !name.is_empty());
    names.map(|name| format!("{name}:{}\n", call.header(name).unwrap_or_default())).collect()
}

fn signed_queries(fields: &Fields, names: &str) -> String {
    let names = names.split(',').filter(|name| !name.is_empty());
    let value = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    names.map(|name| format!("\n{name}:{}", value(name))).collect()
}

fn in_time(fields: &Fields, now: i64) -> Result<(), StorageError> {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let start = match get("st") {
        "" => Some(i64::MIN),
        text => time(text),
    };
    let (Some(start), Some(end)) = (start, time(get("se"))) else {
        return Err(malformed("st or se is no time"));
    };
    match start <= now && now < end {
        true => Ok(()),
        false => Err(StorageError::authentication(format!(
            "Signature not valid in the specified time frame: Start [{}] - Expiry [{}] - Current [{}]",
            get("st"),
            get("se"),
            iso(now)
        ))),
    }
}

/// Seconds since the epoch of any of the forms of a time that are taken.
pub(super) fn time(text: &str) -> Option<i64> {
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        17 => format!("{}:00Z", text.strip_suffix('Z')?),
        _ => text.to_owned(),
    };
    // Fractions of a second are taken, with as many as seven digits.
    let time: jiff::Timestamp = whole.ends_with('Z').then(|| whole.parse().ok()).flatten()?;
    Some(time.as_second())
}

fn is_in_order(letters: &str, order: &str) -> bool {
    let mut places = letters.chars().map(|letter| order.find(letter));
    let mut last = None;
    !letters.is_empty()
        && places.all(|place| {
            let is_next = place.is_some() && place > last;
            last = place;
            is_next
        })
}

/// Whether an address, or a range of them, has this machine's in it.
fn allows_here(addresses: &str) -> bool {
    if addresses.is_empty() {
        return true;
    }
    let (from, to) = addresses.split_once('-').unwrap_or((addresses, addresses));
    let number = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    let here = u32::from(std::net::Ipv4Addr::LOCALHOST);
    matches!((number(from), number(to)), (Some(from), Some(to)) if from <= here && here <= to)
}

fn malformed(detail: &str) -> StorageError {
    StorageError::authentication(format!("Signature fields not well formed: {detail}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_letters_and_addresses_are_read_as_documented() {
        for (text, expected) in [
            ("2026-01-01", Some(1_767_225_600)),
            ("2026-01-01T00:01Z", Some(1_767_225_660)),
            ("2026-01-01T00:00:01Z", Some(1_767_225_601)),
            ("2026-01-01T00:00:01.1234567Z", Some(1_767_225_601)),
            ("2026-01-01T00:00:01", None),
            ("2026-01-01T00:00:01+00:00", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert!(is_in_order("rl", LETTERS) && is_in_order("racwdl", LETTERS));
        for wrong in ["lr", "rr", "", "rq"] {
            assert!(!is_in_order(wrong, LETTERS), "{wrong}");
        }
        assert!(allows_here("") && allows_here("127.0.0.1") && allows_here("127.0.0.0-127.0.0.9"));
        assert!(!allows_here("10.0.0.1") && !allows_here("127.0.0.2-127.0.0.9") && !allows_here("here"));
    }
}
