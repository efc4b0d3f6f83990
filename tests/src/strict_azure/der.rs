//! As much of DER as it takes to read a certificate.

use aws_lc_rs::digest;

/// A certificate that was registered: what tells it apart, when it is good, and its public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) sha1: Vec<u8>,
    pub(super) sha256: Vec<u8>,
    /// The first and the last second in which it is good, since the epoch.
    pub(super) life: (i64, i64),
    /// The public key with its algorithm (`SubjectPublicKeyInfo`).
    pub(super) public_key: Vec<u8>,
}

impl Certificate {
    /// Reads a certificate in DER; `None` when it is none.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (whole, _) = element(der, 0x30)?;
        let (mut rest, _) = element(whole.content, 0x30)?;
        let mut inner = rest.content;
        // The version may be left out; then come the number, the algorithm, and who signed.
        if let Some((_, after)) = element(inner, 0xa0) {
            inner = after;
        }
        for tag in [0x02, 0x30, 0x30] {
            (_, inner) = element(inner, tag)?;
        }
        let (validity, inner) = element(inner, 0x30)?;
        let (_, inner) = element(inner, 0x30)?;
        (rest, _) = element(inner, 0x30)?;
        let (from, after) = time(validity.content)?;
        let (until, _) = time(after)?;
        Some(Self {
            sha1: digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec(),
            sha256: digest::digest(&digest::SHA256, der).as_ref().to_vec(),
            life: (from, until),
            public_key: rest.whole.to_vec(),
        })
    }
}

/// The two numbers of an RSA public key (modulus and exponent), without leading zeros.
pub(super) fn rsa_numbers(key: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (pair, _) = element(key, 0x30)?;
    let (modulus, rest) = element(pair.content, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    let plain = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect();
    Some((plain(modulus.content), plain(exponent.content)))
}

/// One element, with and without its head.
#[derive(Debug, Clone, Copy)]
struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
}

/// The first element, which has to have this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(Element<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first != tag {
        return None;
    }
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        _ => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            let length = digits.iter().try_fold(0usize, |sum, digit| {
                sum.checked_mul(256).and_then(|sum| sum.checked_add(usize::from(*digit)))
            })?;
            (length, rest)
        }
    };
    let (content, after) = rest.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - after.len()];
    Some((Element { whole, content }, after))
}

/// A time in either of its forms, in seconds since the epoch.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (text, rest) = match element(bytes, 0x17) {
        Some((short, rest)) => {
            let text = std::str::from_utf8(short.content).ok()?;
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            (format!("{century}{text}"), rest)
        }
        None => {
            let (long, rest) = element(bytes, 0x18)?;
            (std::str::from_utf8(long.content).ok()?.to_owned(), rest)
        }
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", &text).ok()?;
    Some((jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_second(), rest))
}
