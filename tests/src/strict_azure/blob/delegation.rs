//! Keys that somebody signs with in place of the account's: for a week at most.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::state::State;
use super::access::{self, Access, Op};
use super::error::StorageError;
use super::sas::time;
use super::{Account, Asked, account, xml};
use crate::clock::iso;
use crate::loopback::{Answer, Call};

/// How long a key may live, in seconds.
pub(super) const LONGEST: i64 = 7 * 24 * 3600;

/// All that makes one key another than the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described<'a> {
    pub(super) oid: &'a str,
    pub(super) tenant: &'a str,
    pub(super) start: &'a str,
    pub(super) expiry: &'a str,
    pub(super) service: &'a str,
    pub(super) version: &'a str,
}

impl Described<'_> {
    /// The key itself. It is not kept: it comes out the same whenever it is needed.
    pub(super) fn value(&self, account: &Account) -> Vec<u8> {
        let Self { oid, tenant, start, expiry, service, version } = self;
        let text = [oid, tenant, start, expiry, service, version].map(|part| *part).join("\n");
        let key = hmac::Key::new(hmac::HMAC_SHA256, account.delegation.as_bytes());
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    }
}

pub(super) fn key(state: &mut State, call: &Call, asked: &Asked<'_>) -> Result<Answer, StorageError> {
    let access = access::of(state, call, asked)?;
    access::permit(state, asked, &access, Op::DelegationKey)?;
    let Access::Bearer(caller) = access else { return Err(StorageError::authorization()) };
    let body = String::from_utf8_lossy(&call.body);
    let document =
        || StorageError::new(400, "InvalidXmlDocument", "XML specified is not syntactically valid.");
    let info = xml::content(&body, "KeyInfo").ok_or_else(document)?;
    let expiry = xml::content(info, "Expiry").and_then(time).ok_or_else(document)?;
    let now = state.clock.now();
    let start = match xml::content(info, "Start") {
        None | Some("") => now,
        Some(text) => time(text).ok_or_else(document)?,
    };
    // Both are told in whole seconds.
    if expiry <= now || expiry <= start || expiry - now > LONGEST || expiry - start > LONGEST {
        return Err(StorageError::new(
            400,
            "InvalidXmlNodeValue",
            "The value for one of the XML nodes is not in the correct format: Expiry must be later than Start and no \
             more than seven days away.",
        ));
    }
    let version = call.header("x-ms-version").unwrap_or_default().to_owned();
    let (start, expiry) = (iso(start), iso(expiry));
    let key = Described {
        oid: &caller.id,
        tenant: &caller.tenant,
        start: &start,
        expiry: &expiry,
        service: "b",
        version: &version,
    };
    let value = STANDARD.encode(key.value(account(state, asked)));
    let fields = [
        ("SignedOid", key.oid),
        ("SignedTid", key.tenant),
        ("SignedStart", key.start),
        ("SignedExpiry", key.expiry),
        ("SignedService", key.service),
        ("SignedVersion", key.version),
        ("Value", &value),
    ];
    let fields: String = fields.iter().map(|(name, value)| xml::element(name, value)).collect();
    state.delegation_keys.push(value.clone());
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>{fields}</UserDelegationKey>"
    );
    Ok(Answer::new(200, "application/xml", body))
}
