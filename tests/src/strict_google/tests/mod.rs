//! The twin is proved twice: every refusal that it claims is asked for at the wire, and the vendor's own clients
//! (google-auth, google-cloud-storage, gcloud and its plugins) are let loose on it.

mod boundary;
mod gcloud;
mod gke;
mod impersonation;
mod metadata;
mod people;
mod python;
mod service_account;
mod services;
mod storage;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use super::identity::{CLOUD, EMAIL};
use super::*;

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (other, value) = line.split_once(": ")?;
            other.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body of a success.
    #[track_caller]
    fn good(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// The text of a field of a success.
    #[track_caller]
    fn text(&self, field: &str) -> String {
        let body = self.good();
        body[field].as_str().unwrap_or_else(|| panic!("no {field} in {body}")).to_owned()
    }

    /// It is OAuth's refusal with this code and these words.
    #[track_caller]
    fn refused(&self, status: u16, error: &str, words: &str) {
        let body = self.json();
        assert_eq!((self.status, body["error"].as_str()), (status, Some(error)), "{self:?}");
        assert!(body["error_description"].as_str().unwrap_or_default().contains(words), "{self:?}");
    }

    /// It is an API's refusal with this status and these words.
    #[track_caller]
    fn denied(&self, code: u16, status: &str, words: &str) {
        let error = &self.json()["error"];
        assert_eq!((self.status, error["code"].as_u64()), (code, Some(u64::from(code))), "{self:?}");
        assert_eq!(error["status"], status, "{self:?}");
        let told = format!("{} {}", error["message"], error["details"]);
        assert!(told.contains(words), "{self:?}");
    }

    /// It is Cloud Storage's refusal for this reason with these words.
    #[track_caller]
    fn kept_out(&self, code: u16, reason: &str, words: &str) {
        let error = &self.json()["error"];
        assert_eq!((self.status, error["code"].as_u64()), (code, Some(u64::from(code))), "{self:?}");
        assert_eq!(error["errors"][0]["reason"], reason, "{self:?}");
        assert!(error["message"].as_str().unwrap_or_default().contains(words), "{self:?}");
    }
}

/// One plain exchange.
fn ask(server: &StrictGoogle, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .expect("a request");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// A form, with its values encoded.
fn form(server: &StrictGoogle, path: &str, fields: &[(&str, &str)]) -> Reply {
    form_with(server, path, &[], fields)
}

fn form_with(server: &StrictGoogle, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Reply {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let kind = ("content-type", "application/x-www-form-urlencoded");
    ask(server, &format!("POST {path}"), &[&[kind], headers].concat(), &body.join("&"))
}

/// A call with a token, and a body of JSON unless it is null.
fn call(server: &StrictGoogle, line: &str, token: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(server, line, &headers, &body)
}

fn get(server: &StrictGoogle, path: &str, token: &str) -> Reply {
    call(server, &format!("GET {path}"), token, &Value::Null)
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// A server with a person who has a token for everything.
fn with_alice() -> (StrictGoogle, String) {
    let server = StrictGoogle::start();
    server.add_user(ALICE);
    let token = server.token_for(ALICE, &[CLOUD, EMAIL]);
    (server, token)
}

const ALICE: &str = "alice@example.com";
const WHOLE: &str = "projects/strict-project";

#[test]
fn tokens_are_known_alive_of_somebody_and_for_enough() {
    let (server, token) = with_alice();
    server.grant(ALICE, "roles/viewer", WHOLE);
    let list = |token: &str| get(&server, "/v1/projects/strict-project/secrets", token);
    list(&token).good();
    assert_eq!(list(&token).header("date").map(str::len), Some(29));

    let anonymous = ask(&server, "GET /v1/projects/strict-project/secrets", &[], "");
    anonymous.denied(401, "UNAUTHENTICATED", "CREDENTIALS_MISSING");
    assert!(
        anonymous.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer ")),
        "{anonymous:?}"
    );
    list("ya29.unknown").denied(401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED");
    let narrow = server.token_for(ALICE, &["https://www.googleapis.com/auth/devstorage.read_only"]);
    list(&narrow).denied(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT");

    let other = [("authorization", &*format!("Bearer {token}")), ("x-goog-user-project", "other")];
    let billed =
        |headers: &[(&str, &str)]| ask(&server, "GET /v1/projects/strict-project/secrets", headers, "");
    billed(&other).denied(403, "PERMISSION_DENIED", "USER_PROJECT_DENIED");
    let own = [other[0], ("x-goog-user-project", PROJECT)];
    billed(&own).denied(403, "PERMISSION_DENIED", "USER_PROJECT_DENIED");
    server.grant(ALICE, "roles/serviceusage.serviceUsageConsumer", WHOLE);
    billed(&own).good();

    server.disable(ALICE);
    list(&token).denied(401, "UNAUTHENTICATED", "ACCOUNT_STATE_INVALID");
    server.enable(ALICE);
    list(&token).good();
    server.throttle(1);
    let busy = list(&token);
    busy.denied(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED");
    assert_eq!(busy.header("retry-after"), Some("1"));
    server.advance(Duration::from_secs(3600));
    list(&token).denied(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED");
    server.set_back(Duration::from_secs(3600));
    server.delete(ALICE);
    list(&token).denied(401, "UNAUTHENTICATED", "ACCOUNT_STATE_INVALID");
    get(&server, "/nowhere", &token).denied(404, "NOT_FOUND", "Not Found");
}
