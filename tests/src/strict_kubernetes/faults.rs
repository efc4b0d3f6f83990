//! Faults in the words of an API server, for [`Faults`](crate::fault::Faults): `next_calls`, or `on` one path, since
//! `kubectl` may ask for more than it is told to.

use serde_json::json;

use super::status::Status;
use crate::fault::Fault;
use crate::loopback::Answer;

/// Too many requests (429), and after how many seconds to come again.
pub fn throttled(retry_after: u64) -> Fault {
    let text = "the server has received too many requests and has asked us to try again later";
    let answer = Status::new(429, "TooManyRequests", text).as_answer();
    Fault::Answer(answer.with_header("retry-after", retry_after.to_string()))
}

/// An internal error (500).
pub fn internal_error() -> Fault {
    let text = "Internal error occurred: etcdserver: request timed out";
    Fault::Answer(Status::new(500, "InternalError", text).as_answer())
}

/// A credential that does not hold any more (401), whatever it is.
pub fn unauthorized() -> Fault {
    Fault::Answer(Status::unauthorized().as_answer())
}

/// The way to another place (307).
pub fn redirected(location: &str) -> Fault {
    Fault::Answer(Answer::empty(307).with_header("location", location))
}

/// Valid JSON of about so many bytes, as in a hostile or a broken answer.
pub fn huge(bytes: usize) -> Fault {
    Fault::Answer(Answer::json(200, &json!({ "kind": "Status", "message": "x".repeat(bytes) })))
}
