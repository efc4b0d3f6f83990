//! How a call to Cosmos DB says who makes it (protocol: access control on Azure Cosmos DB resources): a token, or a
//! signature that the account's key made. Both stand in one header in a form of Cosmos DB's own.

use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Error, Request, Result, Secret};
use zeroize::Zeroizing;

use crate::wire;

/// The version of Cosmos DB's own calls.
const VERSION: &str = "2018-12-31";

/// What proves who makes a call.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// A token of Entra ID.
    Token(&'a Secret),
    /// The key of the account, in base64.
    Key(&'a Secret),
}

impl Proof<'_> {
    /// A request for what the account says of itself.
    ///
    /// # Errors
    /// A key that is none.
    pub(crate) fn of_account(self, endpoint: &str, now: SystemTime) -> Result<Request> {
        let date = http_date(now);
        let authorization = self.authorization("GET", "", "", &date)?;
        Ok(Request::get(format!("{}/", endpoint.trim_end_matches('/')))
            .with_header("accept", "application/json")
            .with_header("authorization", authorization.expose())
            .with_header("x-ms-date", date)
            .with_header("x-ms-version", VERSION))
    }

    /// The header for a call on a resource of this type, by its link.
    fn authorization(self, verb: &str, kind: &str, link: &str, date: &str) -> Result<Secret> {
        let said = match self {
            Self::Token(token) => Zeroizing::new(format!("type=aad&ver=1.0&sig={}", token.expose())),
            Self::Key(key) => {
                let key = STANDARD.decode(key.expose()).map(Zeroizing::new);
                let key = key.map_err(|_| Error::invalid("the key of the account is no base64"))?;
                let [verb, kind, date] = [verb, kind, date].map(str::to_ascii_lowercase);
                let message = format!("{verb}\n{kind}\n{link}\n{date}\n\n");
                let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), message.as_bytes());
                Zeroizing::new(format!("type=master&ver=1.0&sig={}", STANDARD.encode(signature)))
            }
        };
        Ok(Secret::new(wire::part(&said)))
    }
}

/// A time as HTTP writes it: `Thu, 01 Jan 2026 00:00:00 GMT`.
fn http_date(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use connector_core::{ErrorKind, parse_http_date};
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::header;

    /// The example of the reference (Access control on Azure Cosmos DB resources).
    #[test]
    fn s67_the_signature_is_that_of_the_reference() {
        let key = "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";
        let key = Secret::new(key);
        let date = "Thu, 27 Apr 2017 00:51:12 GMT";
        let said = Proof::Key(&key).authorization("GET", "dbs", "dbs/ToDoList", date).expect("a signature");
        let expected = "type%3Dmaster%26ver%3D1.0%26sig%3Dc09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu%2Bc%2Bc%3D";
        assert_eq!(said.expose(), expected);
    }

    #[test]
    fn s67_a_key_that_is_none_is_refused_and_not_quoted() {
        let key = Secret::new("hunter2 is no key");
        let now = SystemTime::UNIX_EPOCH;
        let error = Proof::Key(&key).of_account("https://zen.documents.azure.com", now).expect_err("no key");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        connector_conformance::assert_silent(&error);
    }

    proptest! {
        /// Whatever a token holds, it stands in the header as one value, and is read there as it was.
        #[test]
        fn tokens_stand_in_the_header_whole(token in "[!-~]{1,80}", seconds in 0..4_000_000_000_u64) {
            let secret = Secret::new(token.clone());
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let request = Proof::Token(&secret).of_account("https://127.0.0.1:9/cosmos/zen/", now).expect("a request");
            prop_assert_eq!(request.url(), "https://127.0.0.1:9/cosmos/zen/");
            let said = header(&request, "authorization").expect("a header");
            prop_assert!(said.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~%".contains(&it)));
            let said = percent_decode_str(said).decode_utf8().expect("text");
            prop_assert_eq!(said, format!("type=aad&ver=1.0&sig={token}"));
            prop_assert_eq!(header(&request, "x-ms-date").and_then(parse_http_date), Some(now));
        }
    }
}
