//! What a registry's and a token service's refusals mean. Of an answer only its status and the pause that it asks
//! for are told.

use std::time::{Duration, SystemTime};

use connector_core::{Error, Response, format_duration};

/// The error that an answer of `now` stands for, where its status means the same in every call.
pub(crate) fn of_answer(who: &str, call: &str, answer: &Response, now: SystemTime) -> Error {
    let status = answer.status();
    let said = |what: &str| format!("{who} answered {status} to {call}: {what}");
    match status {
        429 => {
            let error = Error::unreachable(said("it asks to slow down"));
            match answer.asked_pause(now) {
                // Who says a thousand years is not taken at his word.
                Some(pause) if pause < Duration::from_secs(7 * 24 * 3600) => {
                    error.with_hint(format!("try again in {}", format_duration(pause)))
                }
                _ => error
                    .with_hint("try again later; Docker Hub counts by account, and by address without one"),
            }
        }
        300..400 => Error::unreachable(said("a redirect, which no login follows"))
            .transient(false)
            .with_hint("set `registry` to where the registry really is"),
        403 => Error::refused(said("not allowed"))
            .with_hint("may this account use the registry, and from this address?"),
        404 => Error::unreachable(said("nothing there speaks the registry's v2 protocol"))
            .transient(false)
            .with_hint("is `registry` the registry itself, and not its web site?"),
        500.. => Error::unreachable(said("it is in trouble")),
        _ => Error::unreachable(said("that is no answer of a registry"))
            .transient(false)
            .with_hint("is `registry` the registry itself, and not a proxy or a web site?"),
    }
}
