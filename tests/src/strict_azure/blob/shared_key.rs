//! Calls that are signed with a key of the account.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Account;
use super::error::StorageError;
use crate::clock::http_date;
use crate::loopback::Call;

/// How far the clocks may be apart, in seconds.
const SKEW: i64 = 15 * 60;

pub(super) fn verify(account: &Account, call: &Call, now: i64) -> Result<(), StorageError> {
    let shown = call.header("authorization").and_then(|value| value.strip_prefix("SharedKey "));
    let (name, signature) = shown.and_then(|shown| shown.split_once(':')).unwrap_or_default();
    if !name.eq_ignore_ascii_case(&account.place.name) {
        return Err(StorageError::authentication("The account is another one."));
    }
    if account.refuses_keys {
        return Err(StorageError::no_keys());
    }
    let date = call.header("x-ms-date").or_else(|| call.header("date")).unwrap_or_default();
    let time = jiff::fmt::rfc2822::parse(date).map(|time| time.timestamp().as_second());
    match time {
        Ok(time) if (time - now).abs() <= SKEW => {}
        _ => {
            let words =
                format!("Request date header not specified or too old: '{date}', now '{}'.", http_date(now));
            return Err(StorageError::authentication(words));
        }
    }
    // Clients that are told of an account by a path sign that too.
    let own = format!("/blob/{}", account.place.name);
    let short = call.path.strip_prefix(own.as_str()).unwrap_or(&call.path);
    let texts = [
        to_sign(account, call, &call.path),
        to_sign(account, call, if short.is_empty() { "/" } else { short }),
    ];
    let shown = STANDARD.decode(signature.trim()).unwrap_or_default();
    let keys = account.keys.iter().filter_map(|key| STANDARD.decode(key).ok());
    let mut keys = keys.map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key));
    let holds = keys.any(|key| {
        texts.iter().any(|text| {
            let expected = hmac::sign(&key, text.as_bytes());
            constant_time::verify_slices_are_equal(expected.as_ref(), &shown).is_ok()
        })
    });
    match holds {
        true => Ok(()),
        false => Err(StorageError::authentication(format!(
            "The MAC signature found in the HTTP request is not the same as any computed signature. Server used \
             following string to sign: '{}'.",
            texts[0]
        ))),
    }
}

fn to_sign(account: &Account, call: &Call, path: &str) -> String {
    let header = |name: &str| call.header(name).unwrap_or_default();
    let length = if header("content-length") == "0" { "" } else { header("content-length") };
    let date = if header("x-ms-date").is_empty() { header("date") } else { "" };
    let plain = [
        call.method.as_str(),
        header("content-encoding"),
        header("content-language"),
        length,
        header("content-md5"),
        header("content-type"),
        date,
        header("if-modified-since"),
        header("if-match"),
        header("if-none-match"),
        header("if-unmodified-since"),
        header("range"),
    ];
    let mut own: Vec<_> = call.headers.iter().filter(|(name, _)| name.starts_with("x-ms-")).collect();
    own.sort();
    let own: String = own.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let mut query: Vec<_> =
        call.query_pairs().into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    query.sort();
    let query: String = query.iter().map(|(name, value)| format!("\n{name}:{value}")).collect();
    format!("{}\n{own}/{}{path}{query}", plain.join("\n"), account.place.name)
}
