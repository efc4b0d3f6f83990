//! Certificates: how they are said, and when they end.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::parse_time;
use schemars::JsonSchema;
use serde::Deserialize;

/// Certificates as somebody gave them: PEM text, or base64 of it as kubeconfigs hold it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "String")]
#[schemars(inline, extend("minLength" = 2))]
pub struct CertificateText(String);

/// Certificates in PEM form, one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates(String);

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// In the first line of a key of any kind.
const KEY: &str = "PRIVATE KEY-----";

impl From<String> for CertificateText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl CertificateText {
    /// The certificates; `None` when the text holds none, or a private key beside them: what is said here is shown,
    /// so no key may stand in it.
    #[must_use]
    pub fn read(&self) -> Option<Certificates> {
        let joined: String = self.0.split_ascii_whitespace().collect();
        let decoded = STANDARD.decode(joined).unwrap_or_default();
        let has_key = |bytes: &[u8]| bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
        if has_key(self.0.as_bytes()) || has_key(&decoded) {
            return None;
        }
        Certificates::parse(&self.0)
    }
}

impl Certificates {
    /// Reads PEM, or base64 of PEM.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(BEGIN) {
            return Self::of_pem(text);
        }
        let joined: String = text.split_ascii_whitespace().collect();
        let decoded = String::from_utf8(STANDARD.decode(joined).ok()?).ok()?;
        Self::of_pem(&decoded)
    }

    /// The certificates alone: what else stands in the text may be a key.
    fn of_pem(text: &str) -> Option<Self> {
        let mut pem = String::new();
        for block in blocks(text) {
            STANDARD.decode(joined(block)).ok()?;
            pem.push_str(BEGIN);
            pem.push('\n');
            block.split_ascii_whitespace().for_each(|line| {
                pem.push_str(line);
                pem.push('\n');
            });
            pem.push_str(END);
            pem.push('\n');
        }
        (!pem.is_empty()).then_some(Self(pem))
    }

    /// The PEM text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each certificate in DER form.
    #[must_use]
    pub fn to_der(&self) -> Vec<Vec<u8>> {
        blocks(&self.0).filter_map(|block| STANDARD.decode(joined(block)).ok()).collect()
    }

    /// When the first one, which is the client's own, ends; `None` when that cannot be read.
    #[must_use]
    pub fn end(&self) -> Option<SystemTime> {
        not_after(self.to_der().first()?)
    }
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END)).map(|(block, _)| block)
}

fn joined(block: &str) -> String {
    block.split_ascii_whitespace().collect()
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The end in a DER certificate (RFC 5280, 4.1): of the fields before it only the lengths are read.
fn not_after(der: &[u8]) -> Option<SystemTime> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    if let Some((_, rest)) = element(fields, VERSION) {
        fields = rest;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, fields) = element(fields, tag)?;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_, end) = time(validity)?;
    let (end, _) = time(end)?;
    parse_time(&end).ok()
}

/// The content of an element, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, mut rest) = rest.split_first()?;
    let mut size = usize::from(*length);
    if *first != tag {
        return None;
    }
    if size >= 0x80 {
        let digits = size - 0x80;
        if !(1..=4).contains(&digits) || rest.len() < digits {
            return None;
        }
        size = rest[..digits].iter().fold(0, |size, byte| (size << 8) | usize::from(*byte));
        rest = &rest[digits..];
    }
    rest.split_at_checked(size)
}

/// A time, as RFC 3339 writes it, and what follows it.
fn time(der: &[u8]) -> Option<(String, &[u8])> {
    let tag = *der.first()?;
    let (text, rest) = element(der, tag)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME if text.len() == 12 => {
            let century = if text.as_bytes()[0] >= b'5' { "19" } else { "20" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    if !text.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let at = |from: usize| &text[from..from + 2];
    Some((format!("{}-{}-{}T{}:{}:{}Z", &text[..4], at(4), at(6), at(8), at(10), at(12)), rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32) -> String {
        let mut params = CertificateParams::new(vec!["alice".into()]).expect("a name");
        params.not_after = date_time_ymd(year, 6, 7);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").pem()
    }

    /// C25: a certificate's end is read from it, of this century and of the next ones.
    #[test]
    fn c25_the_end_of_a_certificate() {
        for (year, end) in [(2031, "2031-06-07T00:00:00Z"), (2077, "2077-06-07T00:00:00Z")] {
            let read = Certificates::parse(&certificate(year)).expect("certificates");
            assert_eq!(read.end(), parse_time(end).ok());
        }
    }

    #[test]
    fn pem_base64_and_what_stands_around() {
        let pem = certificate(2031);
        let plain = Certificates::parse(&pem).expect("PEM");
        assert_eq!(Certificates::parse(&STANDARD.encode(&pem)).expect("base64"), plain);
        let both =
            format!("# ours\n{pem}-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n{pem}");
        let both = Certificates::parse(&both).expect("two");
        assert_eq!(both.as_str().matches(BEGIN).count(), 2);
        assert!(!both.as_str().contains("hunter2"));
        for bad in ["", "x", BEGIN, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"] {
            assert!(Certificates::parse(bad).is_none(), "{bad}");
        }
    }

    proptest::proptest! {
        /// C28: no bytes make it panic.
        #[test]
        fn c28_any_bytes(mut bytes: Vec<u8>, at: usize, cut: usize) {
            not_after(&bytes);
            let pem = Certificates::parse(&certificate(2031)).expect("PEM");
            let mut der = STANDARD.decode(joined(blocks(pem.as_str()).next().expect("a block"))).expect("base64");
            let at = at % der.len();
            let cut = at.max(cut % der.len());
            der.splice(at..cut, bytes.drain(..bytes.len().min(4)));
            not_after(&der);
        }
    }
}
