//! Times, letters and addresses of a signature.

use super::super::StorageError;
use super::{Fields, malformed};
use crate::clock::iso;

pub(super) fn in_time(fields: &Fields, now: i64) -> Result<(), StorageError> {
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
pub(in super::super) fn time(text: &str) -> Option<i64> {
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        17 => format!("{}:00Z", text.strip_suffix('Z')?),
        _ => text.to_owned(),
    };
    // Fractions of a second are taken, with as many as seven digits.
    let time: jiff::Timestamp = whole.ends_with('Z').then(|| whole.parse().ok()).flatten()?;
    Some(time.as_second())
}

pub(super) fn is_in_order(letters: &str, order: &str) -> bool {
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
pub(super) fn allows_here(addresses: &str) -> bool {
    if addresses.is_empty() {
        return true;
    }
    let (from, to) = addresses.split_once('-').unwrap_or((addresses, addresses));
    let number = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    let here = u32::from(std::net::Ipv4Addr::LOCALHOST);
    matches!((number(from), number(to)), (Some(from), Some(to)) if from <= here && here <= to)
}

#[cfg(test)]
mod tests {
    use super::super::LETTERS;
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
