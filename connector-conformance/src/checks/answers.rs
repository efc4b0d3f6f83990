//! Answers that no provider should give, and some do.

use connector_core::{ErrorKind, Result};

use crate::bench::{Case, Sample};
use crate::canary::{Secrets, canary, secret_fields};
use crate::drive::{is_panic, patient};
use crate::report::Findings;
use crate::rule::Rule;
use crate::shown;
use crate::wire::{Answer, Mood};

/// Where a redirect leads.
const ELSEWHERE: &str = "https://elsewhere.conformance.test/";

pub(super) async fn check(case: &Case<'_>, findings: &mut Findings) {
    /// How many calls of one issue are spoilt, one after the other.
    const CALLS: usize = 4;
    let Ok(bench) = case.bench() else { return };
    let _ = bench.sample(case.first()).await;
    let calls = bench.calls();
    let place = case.place();
    let mut quoted = Secrets::default();
    quoted.add("a piece of the answer", &canary("answer"));
    for from in 0..calls.min(CALLS) {
        for answer in answers() {
            let status = answer.status;
            let Ok(bench) = case.bench() else { return };
            bench.world.wire().set(Mood::Instead(from, answer));
            let result = patient(&bench.world, bench.sample(case.first())).await;
            let seen = format!("call {} answered with {status}", from + 1);
            let followed = bench.world.wire().urls().iter().any(|url| url.starts_with(ELSEWHERE));
            findings.require(!followed, Rule::REDIRECTS_ARE_NOT_FOLLOWED, &place, || {
                format!("{seen}: the place that it names was called")
            });
            judge(case, &result, (status, calls), &quoted, &seen, findings);
        }
    }
}

fn judge(
    case: &Case<'_>,
    result: &Result<Sample>,
    (status, calls): (u16, usize),
    quoted: &Secrets,
    seen: &str,
    findings: &mut Findings,
) {
    let place = case.place();
    findings.checked(Rule::ANSWERS_ARE_SURVIVED);
    findings.checked(Rule::ANSWERS_ARE_NOT_QUOTED);
    let error = match result {
        Ok(sample) => {
            // A call of several may be one that is not needed.
            let taken = !(200..300).contains(&status)
                && (calls == 1
                    || secret_fields(&sample.envelope).iter().any(|(_, it)| quoted.find(it).is_some()));
            findings.require(!taken, Rule::ANSWERS_ARE_SURVIVED, &place, || {
                format!("{seen}: a credential is made of it")
            });
            return;
        }
        Err(error) => error,
    };
    if is_panic(error) || error.kind() == ErrorKind::NotConfigured {
        findings.fail(Rule::ANSWERS_ARE_SURVIVED, &place, format!("{seen}: {} ({error})", error.kind()));
        return;
    }
    let text = shown::all_of(error);
    if let Some(fault) = quoted.find(&text).or_else(|| shown::fault(error)) {
        findings.fail(Rule::ANSWERS_ARE_NOT_QUOTED, &place, format!("{seen}: {fault}"));
    }
    if let Some(secret) = case.leak_in(error) {
        findings.fail(Rule::SECRETS_ARE_NOT_SHOWN, &place, format!("{seen}: {secret} in the error"));
    }
}

fn answers() -> Vec<Answer> {
    let piece = canary("answer");
    let json =
        |status, body: serde_json::Value| answer(status, "application/json", body.to_string().into_bytes());
    let mut all = vec![
        json(400, serde_json::json!({ "error": "invalid_grant", "error_description": piece })),
        json(400, serde_json::json!({ "error": piece, "message": piece, "code": piece })),
        json(401, serde_json::json!({ "error": { "code": 401, "message": piece, "status": piece } })),
        json(403, serde_json::json!({ "__type": piece, "Message": piece })),
        answer(404, "text/plain", piece.clone().into_bytes()),
        answer(429, "text/html", format!("<h1>{piece}</h1>").into_bytes()),
        answer(500, "application/xml", format!("<Error><Code>{piece}</Code></Error>").into_bytes()),
        answer(502, "text/html", vec![0xff, 0xfe, 0]),
        answer(503, "text/plain", Vec::new()),
        answer(200, "application/json", b"null".to_vec()),
        answer(200, "application/json", b"[]".to_vec()),
        answer(200, "application/json", b"{}".to_vec()),
        answer(200, "application/json", format!("{{\"{piece}\": ").into_bytes()),
        json(
            200,
            serde_json::json!({ "access_token": { "a": piece }, "token": [piece], "expires_in": piece }),
        ),
        answer(200, "application/json", "[".repeat(10_000).into_bytes()),
        answer(200, "text/plain", [piece.as_bytes(), &[0xff], &b"x".repeat(64 * 1024)].concat()),
        answer(204, "text/plain", Vec::new()),
    ];
    for status in [301, 307] {
        let mut redirect = answer(status, "text/plain", Vec::new());
        redirect.headers.push(("location".into(), format!("{ELSEWHERE}{piece}")));
        all.push(redirect);
    }
    let mut echo = answer(400, "text/plain", piece.into_bytes());
    echo.echoes = true;
    all.push(echo);
    all
}

fn answer(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
    let retry = ("retry-after".to_owned(), "1".to_owned());
    Answer {
        status,
        headers: vec![("content-type".to_owned(), content_type.to_owned()), retry],
        body,
        echoes: false,
    }
}
