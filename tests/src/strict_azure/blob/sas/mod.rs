//! Shared access signatures: by a user delegation key, or by a key of the account.

mod check;
mod signed;

use std::collections::BTreeMap;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::state::State;
use super::error::StorageError;
use super::{Asked, account};
use crate::loopback::Call;

pub(super) use check::time;
use check::{allows_here, in_time, is_in_order};

/// The first version of signatures by a user delegation key, and of what is served here at all.
const OLDEST: &str = "2018-11-09";

/// All letters in their order.
const LETTERS: &str = "racwdxyltfmeopi";
const ACCOUNT_LETTERS: &str = "rwdxylacupfti";
/// A directory has no versions, tags or policies of its own.
const DIRECTORY_LETTERS: &str = "racwdlmeop";

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
        true => signed::by_account(own, &fields)?,
        false => signed::by_service(state, call, asked, &fields, now)?,
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
    let order = match &scope {
        Scope::Account { .. } => ACCOUNT_LETTERS,
        Scope::Directory(_) => DIRECTORY_LETTERS,
        Scope::Container | Scope::Blob => LETTERS,
    };
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

fn malformed(detail: &str) -> StorageError {
    StorageError::authentication(format!("Signature fields not well formed: {detail}."))
}
