//! Signature Version 4, verified: in the `Authorization` header, or in the query of a presigned call.

use aws_lc_rs::{constant_time, digest, hmac};

use super::clock::{compact, parse_compact};
use crate::loopback::{Call, decoded};

/// The parts of a call's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) access_key_id: String,
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) session_token: Option<String>,
    amz_date: String,
    signed_headers: String,
    signature: String,
    /// For how many seconds a presigned call is good; `None` for a signature in the header.
    expires: Option<i64>,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The clocks differ too much; the text says which is ahead.
    Skewed(String),
    /// It was made with another secret, or over another call.
    Mismatch,
}

/// The signature of a call; `None` when it is unsigned or the signature cannot be read.
pub(super) fn of(call: &Call) -> Option<Signature> {
    let query =
        |name: &str| call.query_pairs().into_iter().find(|(other, _)| other == name).map(|(_, value)| value);
    let header = |name: &str| call.header(name).map(str::to_owned);
    let from_header = call.header("authorization").and_then(|value| value.strip_prefix("AWS4-HMAC-SHA256 "));
    let (credential, signed_headers, signature, amz_date, session_token, expires) = match from_header {
        Some(parts) => {
            let part = |name: &str| {
                let mut parts = parts.split(',').filter_map(|part| part.trim().split_once('='));
                parts.find(|(other, _)| *other == name).map(|(_, value)| value.to_owned())
            };
            let token = header("x-amz-security-token");
            let date = header("x-amz-date")?;
            (part("Credential")?, part("SignedHeaders")?, part("Signature")?, date, token, None)
        }
        None => {
            let expires = query("X-Amz-Expires")?.parse().ok()?;
            let token = query("X-Amz-Security-Token");
            let date = query("X-Amz-Date")?;
            let signed =
                (query("X-Amz-Credential")?, query("X-Amz-SignedHeaders")?, query("X-Amz-Signature")?);
            (signed.0, signed.1, signed.2, date, token, Some(expires))
        }
    };
    let mut scope = credential.split('/').map(str::to_owned);
    Some(Signature {
        access_key_id: scope.next()?,
        date: scope.next()?,
        region: scope.next()?,
        service: scope.next()?,
        session_token,
        amz_date,
        signed_headers,
        signature,
        expires,
    })
}

impl Signature {
    /// Checks the time and the signature. `now` is the server's; `tolerance` bounds the clocks' difference, and
    /// `None` leaves the time unchecked.
    pub(super) fn verify(
        &self,
        call: &Call,
        secret: &str,
        now: i64,
        tolerance: Option<i64>,
    ) -> Result<(), Fault> {
        if let Some(tolerance) = tolerance {
            self.check_time(now, tolerance)?;
        }
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let canonical =
            hex(digest::digest(&digest::SHA256, self.canonical_request(call).as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{canonical}", self.amz_date);
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [&self.date, &self.region, &self.service, "aws4_request"] {
            key = sign(&key, part);
        }
        let expected = hex(&sign(&key, &to_sign));
        constant_time::verify_slices_are_equal(expected.as_bytes(), self.signature.as_bytes())
            .map_err(|_| Fault::Mismatch)
    }

    fn check_time(&self, now: i64, tolerance: i64) -> Result<(), Fault> {
        let Some(signed) = parse_compact(&self.amz_date) else { return Err(Fault::Mismatch) };
        let minutes = tolerance / 60;
        let oldest = now
            - match self.expires {
                None => tolerance,
                // STS takes a presigned call for a quarter of an hour, whatever it says of itself.
                Some(_) if self.service == "sts" => 15 * 60,
                Some(seconds) => seconds,
            };
        if signed < oldest {
            let (signed, oldest, now) = (&self.amz_date, compact(oldest), compact(now));
            return Err(Fault::Skewed(format!(
                "Signature expired: {signed} is now earlier than {oldest} ({now} - {minutes} min.)"
            )));
        }
        if signed > now + tolerance {
            let (signed, latest, now) = (&self.amz_date, compact(now + tolerance), compact(now));
            return Err(Fault::Skewed(format!(
                "Signature not yet current: {signed} is still later than {latest} ({now} + {minutes} min.)"
            )));
        }
        Ok(())
    }

    fn canonical_request(&self, call: &Call) -> String {
        // S3 signs the path as sent; every other service encodes it once more.
        let path = match self.service.as_str() {
            "s3" => call.path.clone(),
            _ => encoded(&call.path, b"/"),
        };
        let headers: String = self
            .signed_headers
            .split(';')
            .map(|name| format!("{name}:{}\n", header_value(call, name)))
            .collect();
        format!(
            "{}\n{path}\n{}\n{headers}\n{}\n{}",
            call.method,
            canonical_query(call),
            self.signed_headers,
            self.payload_hash(call)
        )
    }

    fn payload_hash(&self, call: &Call) -> String {
        let actual = hex(digest::digest(&digest::SHA256, &call.body).as_ref());
        match call.header("x-amz-content-sha256") {
            // A hash in a header must be that of the body; the placeholders stand for themselves.
            Some(stated) if stated.len() == actual.len() && stated != actual => {
                "the body was changed".to_owned()
            }
            Some(stated) => stated.to_owned(),
            None if self.expires.is_some() && self.service == "s3" => "UNSIGNED-PAYLOAD".to_owned(),
            None => actual,
        }
    }
}

fn canonical_query(call: &Call) -> String {
    let mut pairs: Vec<_> = call
        .query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        // Unlike in a form, a plus sign in a signed query is a plus sign.
        .map(|(name, value)| (encoded(&decoded(name), b""), encoded(&decoded(value), b"")))
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn header_value(call: &Call, name: &str) -> String {
    let values = call.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    let words = |value: &String| value.split_whitespace().collect::<Vec<_>>().join(" ");
    values.map(|(_, value)| words(value)).collect::<Vec<_>>().join(",")
}

fn encoded(text: &str, kept: &[u8]) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other if kept.contains(&other) => char::from(other).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The EKS vector of the protocol notes, made with the `aws` program and recomputed independently.
    fn presigned() -> Call {
        let query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Fus-west-2%2Fsts%2Faws4_request\
            &X-Amz-Date=20261122T033646Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
            &X-Amz-Security-Token=tok\
            &X-Amz-Signature=26ac8a36aea2780aa55118a259f49c3f69a10c002f0ff62a8e8b599c1cc54145";
        let headers = [("host", "sts.us-west-2.amazonaws.com"), ("x-k8s-aws-id", "demo")];
        Call {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..Call::default()
        }
    }

    #[test]
    fn the_published_vector_verifies_and_any_change_does_not() {
        const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let verify = |call: &Call, secret: &str, now: &str| {
            let now = parse_compact(now).expect("a compact time");
            of(call).expect("a signature").verify(call, secret, now, Some(300))
        };
        let call = presigned();
        assert_eq!(verify(&call, SECRET, "20261122T033706Z"), Ok(()));
        assert_eq!(verify(&call, "another", "20261122T033706Z"), Err(Fault::Mismatch));
        assert_eq!(verify(&call, SECRET, "20261122T035146Z"), Ok(()));
        assert!(matches!(verify(&call, SECRET, "20261122T035147Z"), Err(Fault::Skewed(_))));
        let mut other_cluster = call.clone();
        other_cluster.headers[1].1 = "other".to_owned();
        assert_eq!(verify(&other_cluster, SECRET, "20261122T033706Z"), Err(Fault::Mismatch));
        let mut with_body = call;
        with_body.body = b"x".to_vec();
        assert_eq!(verify(&with_body, SECRET, "20261122T033706Z"), Err(Fault::Mismatch));
    }
}
