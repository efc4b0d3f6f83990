//! When a request is sent again: after throttling, trouble on the other side, or no answer. The SDK's own way
//! does not know `Retry-After`, and counts its limit anew for each try.

use std::time::{Duration, SystemTime};

use connector_core::{Clock, ErrorKind, Http, Request, Response, Result};

use super::parse_http_date;

/// How often a request is sent at most.
const TRIES: u32 = 3;
/// What the first pause is at most, unless the other side says; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A signature is good for so long. What would wait longer is not sent again.
const SIGNED_FOR: Duration = Duration::from_secs(5 * 60);

/// Sends a request, and again where that may help; all of it within `limit`.
///
/// A pause that the other side asks for is kept to the second. Where it would not end within the limit, the
/// answer that asks for it is the outcome at once.
pub(super) async fn send(
    http: &dyn Http,
    clock: &dyn Clock,
    limit: Duration,
    request: Request,
) -> Result<Response> {
    let began = clock.now();
    let left = |limit: Duration| limit.saturating_sub(clock.now().duration_since(began).unwrap_or_default());
    let mut tried = 0;
    loop {
        tried += 1;
        let outcome = http.send(request.clone().with_timeout(left(limit))).await;
        if tried == TRIES || !may_pass(&outcome) {
            return outcome;
        }
        let asked = outcome.as_ref().ok().and_then(|answer| asked_pause(answer, clock.now()));
        let pause = asked.unwrap_or_else(|| own_pause(tried));
        if pause >= left(limit.min(SIGNED_FOR)) {
            return outcome;
        }
        clock.sleep(pause).await;
    }
}

/// Whether the same request may have another outcome a moment later.
fn may_pass(outcome: &Result<Response>) -> bool {
    match outcome {
        Ok(answer) => match answer.status() {
            429 | 500 | 502 | 503 | 504 => true,
            400..=499 => code(answer).is_some_and(|code| PASSING.contains(&code)),
            _ => false,
        },
        Err(error) => error.kind() == ErrorKind::Unreachable && error.is_transient(),
    }
}

/// The codes under which AWS throttles, or says that a moment later it may work; from the retry rules of its SDKs.
const PASSING: [&str; 15] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "TransactionInProgressException",
    "RequestTimeout",
    "RequestTimeoutException",
    "IDPCommunicationError",
];

/// The error code of an answer, wherever the protocols of AWS put it.
fn code(answer: &Response) -> Option<&str> {
    let between = |text: &'_ str, before: &str, after: char| {
        let start = text.find(before)? + before.len();
        let end = text[start..].find(after)? + start;
        Some(start..end)
    };
    let code = match answer.header("x-amzn-errortype") {
        Some(header) => header.split(':').next(),
        None => {
            let body = std::str::from_utf8(answer.body()).ok()?;
            let found = between(body, "<Code>", '<').or_else(|| between(body, r#""__type":""#, '"'));
            found.map(|range| &body[range])
        }
    };
    code.map(|code| code.rsplit('#').next().unwrap_or(code).trim())
}

/// The pause that the other side asks for: seconds, or a date by its own clock.
fn asked_pause(answer: &Response, now: SystemTime) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let their_now = answer.header("date").and_then(parse_http_date).unwrap_or(now);
    Some(parse_http_date(text)?.duration_since(their_now).unwrap_or_default())
}

/// Twice as long each time, and spread, so that many who failed together do not come back together.
fn own_pause(tried: u32) -> Duration {
    let longest = FIRST_PAUSE * 2_u32.pow(tried - 1);
    let mut byte = [0];
    // Without a random number all wait for the same time: that is no reason to fail.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    longest / 2 + longest / 2 * u32::from(byte[0]) / 256
}

#[cfg(test)]
mod tests {
    use connector_core::Error;

    use super::*;
    use crate::testing::{World, answer_at, refusal, start};

    const LIMIT: Duration = Duration::from_secs(30);

    fn status(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Response::new(status, headers.collect(), b"<html>wait</html>".to_vec())
    }

    /// What came out of a world's answers: the status, how often it was asked, and the pauses.
    async fn tried(world: World) -> (Option<u16>, usize, Vec<Duration>) {
        let outcome = send(&world, &world, LIMIT, Request::get("https://sts.amazonaws.com/")).await;
        (outcome.ok().map(|it| it.status()), world.sent().len(), world.pauses())
    }

    /// Catalogue, Network: bounded retries with back-off on 429 and 5xx, whoever answers them.
    #[tokio::test]
    async fn what_may_pass_is_tried_three_times() {
        for code in [429, 500, 502, 503, 504] {
            let world = (0..4).fold(World::new(), |world, _| world.answers(status(code, &[])));
            let (last, asked, pauses) = tried(world).await;
            assert_eq!((last, asked, pauses.len()), (Some(code), 3, 2), "{code}");
            assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&pauses[0]), "{pauses:?}");
            assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&pauses[1]), "{pauses:?}");
        }
        let throttled = World::new().answers(refusal(400, "Throttling", "")).answers(status(200, &[]));
        assert_eq!(tried(throttled).await.1, 2);
        let json = || answer_at(start(), 400, r#"{"__type":"com.amazonaws#ThrottlingException"}"#);
        assert_eq!(tried(World::new().answers(json()).answers(status(200, &[]))).await.1, 2);
        let broken = World::new().fails(Error::unreachable("gone")).answers(status(200, &[]));
        assert_eq!(tried(broken).await.1, 2);
    }

    #[tokio::test]
    async fn what_will_not_pass_is_asked_once() {
        for world in [
            World::new().answers(status(200, &[("retry-after", "1")])),
            World::new().answers(status(403, &[("retry-after", "1")])),
            World::new().answers(status(501, &[])),
            World::new().answers(refusal(403, "AccessDenied", "<Code>Throttling</Code>")),
            World::new().fails(Error::refused("no")),
            World::new().fails(Error::unreachable("too much").transient(false)),
        ] {
            assert_eq!(tried(world).await.1, 1);
        }
    }

    /// Catalogue, Network: Retry-After honoured, in both of its forms.
    #[tokio::test]
    async fn a_pause_that_is_asked_for_is_kept() {
        let date = ("date", "Thu, 01 Jan 2026 00:10:00 GMT");
        let until = ("retry-after", "Thu, 01 Jan 2026 00:10:07 GMT");
        for (headers, pause) in [
            (&[("retry-after", "9")][..], 9),
            (&[("retry-after", "0")], 0),
            (&[date, until], 7),
            (&[date, ("retry-after", "Thu, 01 Jan 2026 00:00:00 GMT")], 0),
        ] {
            let world = World::new().answers(status(503, headers)).answers(status(200, &[]));
            let expected = (Some(200), 2, vec![Duration::from_secs(pause)]);
            assert_eq!(tried(world).await, expected, "{headers:?}");
        }
    }

    /// Catalogue, Network: 30 s for a call, all that is sent again included.
    #[tokio::test]
    async fn a_pause_beyond_the_limit_is_not_begun() {
        let world = World::new().answers(status(429, &[("retry-after", "30")]));
        assert_eq!(tried(world).await, (Some(429), 1, vec![]));
        let slow = || status(429, &[("retry-after", "20")]);
        let world = World::new().answers(slow()).answers(slow()).answers(status(200, &[]));
        assert_eq!(tried(world.clone()).await, (Some(429), 2, vec![Duration::from_secs(20)]));
        let limits: Vec<_> = world.sent().iter().map(Request::timeout).collect();
        let seconds = |it| Some(Duration::from_secs(it));
        assert_eq!(limits, [seconds(30), seconds(10)], "each try has what is left");
    }
}
