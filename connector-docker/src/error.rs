//! What a registry's and a token service's refusals mean. Of an answer only its status and the pause that it asks
//! for are told.

use std::time::Duration;

use connector_core::{Error, Response, format_duration};

/// The pause that an answer asks for, in seconds; other forms are not read.
pub(crate) fn asked_pause(answer: &Response) -> Option<Duration> {
    answer.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// The error that an answer stands for, where its status means the same in every call.
pub(crate) fn of_answer(who: &str, call: &str, answer: &Response) -> Error {
    let status = answer.status();
    let said = |what: &str| format!("{who} answered {status} to {call}: {what}");
    match status {
        429 => {
            let error = Error::unreachable(said("it asks to slow down"));
            match asked_pause(answer) {
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
