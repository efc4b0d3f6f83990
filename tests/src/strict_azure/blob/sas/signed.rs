//! The texts that are signed, and by whom they may be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::super::state::State;
use super::super::delegation::{Described, LONGEST};
use super::super::{Account, Asked, StorageError, account};
use super::{Expected, Fields, OLDEST, Scope, Signer, malformed, time};
use crate::clock::iso;
use crate::loopback::Call;

/// From here on a user delegation signature names who else may be meant.
const AGENTS: &str = "2020-02-10";
/// From here on there is an encryption scope.
const ENCRYPTION: &str = "2020-12-06";
/// From here on the tenant and the id of who the key was delegated to are signed.
const DELEGATED: &str = "2025-07-05";
/// From here on headers and query parameters may be signed.
const REQUEST: &str = "2026-04-06";

pub(super) fn by_account(own: &Account, fields: &Fields) -> Result<Expected, StorageError> {
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

pub(super) fn by_service(
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
