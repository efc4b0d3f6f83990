//! When a request to AWS is sent again. The SDK's own way does not know `Retry-After`, and counts its limit anew
//! for each try.

use std::time::Duration;

use connector_core::{Patience, Response, Result};

/// A signature is good for so long. What would wait longer is not sent again.
const SIGNED_FOR: Duration = Duration::from_secs(5 * 60);

/// That of core, with AWS's own codes.
pub(super) fn of_aws() -> Patience {
    Patience::default().with_passing(may_pass).with_good_for(SIGNED_FOR)
}

/// AWS throttles with statuses that elsewhere are final.
fn may_pass(outcome: &Result<Response>) -> bool {
    Patience::may_pass(outcome)
        || outcome.as_ref().is_ok_and(|answer| {
            matches!(answer.status(), 400..=499) && code(answer).is_some_and(|it| PASSING.contains(&it))
        })
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

#[cfg(test)]
mod tests {
    use connector_core::{Error, Request};

    use super::*;
    use crate::testing::{World, answer_at, json_refusal, refusal, start};

    /// How often a world is asked.
    async fn asked(world: World) -> usize {
        let request = Request::get("https://sts.amazonaws.com/");
        let _ = world.context().send_patiently(request, of_aws()).await;
        world.sent().len()
    }

    fn good() -> Response {
        Response::new(200, Vec::new(), Vec::new())
    }

    /// Catalogue, Network: throttling is waited out, in whatever way the protocols of AWS say it.
    #[tokio::test]
    async fn what_aws_calls_throttling_is_sent_again() {
        for answer in [
            refusal(400, "Throttling", ""),
            answer_at(start(), 400, r#"{"__type":"com.amazonaws#ThrottlingException"}"#),
            json_refusal(400, "TooManyRequestsException:http://internal.amazon.com/"),
            refusal(503, "SlowDown", ""),
        ] {
            assert_eq!(asked(World::new().answers(answer.clone()).answers(good())).await, 2, "{answer:?}");
        }
        assert_eq!(asked(World::new().fails(Error::unreachable("gone")).answers(good())).await, 2);
    }

    #[tokio::test]
    async fn what_aws_refuses_is_asked_once() {
        for answer in [
            refusal(403, "AccessDenied", "<Code>Throttling</Code>"),
            json_refusal(400, "ValidationException"),
            Response::new(400, Vec::new(), b"<html>Throttling</html>".to_vec()),
            Response::new(501, Vec::new(), Vec::new()),
        ] {
            assert_eq!(asked(World::new().answers(answer.clone())).await, 1, "{answer:?}");
        }
    }

    /// However long a call may take, a signature is good for five minutes.
    #[tokio::test]
    async fn an_old_signature_is_not_sent() {
        let wait = Response::new(429, vec![("retry-after".to_owned(), "300".to_owned())], Vec::new());
        let world = World::new().answers(wait);
        let cx = world.context().with_call_limit(Duration::from_secs(3600));
        let answer = cx.send_patiently(Request::get("https://sts.amazonaws.com/"), of_aws()).await;
        assert_eq!(answer.map(|it| it.status()).ok(), Some(429));
        assert!(world.sleeps().is_empty());
    }
}
