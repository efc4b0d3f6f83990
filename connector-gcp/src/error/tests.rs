//! Every refusal that Google is known to give: what kind of error it is, what it says, and what to do.

use std::time::Duration;

use connector_core::{Context, Error, ErrorKind, Response};
use serde_json::{Value, json};

use super::api::is_permission;
use super::{Asker, elsewhere, is_denied, no_project, oauth, refused};
use crate::names::ProjectId;
use crate::testing::{CANARY, World, answer_at, api_refusal, assert_silent, json_answer, oauth_refusal};

const CALL: &str = "buckets.get";

fn check(error: &Error, kind: ErrorKind, says: &str, hint: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.message().contains(says), "{says}: {error:?}");
    assert!(error.hint().unwrap_or_default().contains(hint), "{hint}: {error:?}");
    assert_eq!(error.is_transient(), kind == ErrorKind::Unreachable, "{error:?}");
    assert_silent(error);
}

/// The shape of today's APIs: a reason among the details.
#[test]
fn refusals_with_a_reason() {
    let service =
        json!({ "reason": "SERVICE_DISABLED", "metadata": { "service": "storage-api.googleapis.com" } });
    let permission =
        json!({ "reason": "IAM_PERMISSION_DENIED", "metadata": { "permission": "storage.buckets.get" } });
    let of = |reason: &str| json!({ "reason": reason });
    for (status, detail, says, hint) in [
        (
            403,
            service,
            "storage-api.googleapis.com is not switched on",
            "gcloud services enable storage-api.googleapis.com",
        ),
        (403, of("SERVICE_DISABLED"), "the service is not switched on", "gcloud services enable"),
        (403, of("ACCESS_TOKEN_SCOPE_INSUFFICIENT"), "scopes do not reach", "cloud-platform"),
        (403, of("BILLING_DISABLED"), "no billing account", "Billing"),
        (403, of("USER_PROJECT_DENIED"), "counted for", "roles/serviceusage.serviceUsageConsumer"),
        (403, of("VPC_SERVICE_CONTROLS"), "service perimeter", "access level"),
        (403, of("SECURITY_POLICY_VIOLATED"), "service perimeter", "access level"),
        (403, permission, "the account lacks storage.buckets.get", "storage.buckets.get"),
        (403, of("IAM_PERMISSION_DENIED"), "not allowed to this account", "grant it a role"),
        (401, of("ACCESS_TOKEN_EXPIRED"), "the token is not taken", "verify the connector"),
        (401, of("CREDENTIALS_MISSING"), "the token is not taken", "verify the connector"),
        (401, of("ACCOUNT_STATE_INVALID"), "the token is not taken", "verify the connector"),
    ] {
        let error = refused(CALL, &api_refusal(status, "PERMISSION_DENIED", &detail));
        check(&error, ErrorKind::Refused, says, hint);
        assert!(error.message().starts_with(CALL), "{error}");
        let reason = detail["reason"].as_str().expect("a reason");
        let trail = format!("Google answered PERMISSION_DENIED / {reason} with status {status}");
        assert_eq!(error.causes(), [trail]);
    }
}

/// The shape of older services, such as Storage: a list of errors.
#[test]
fn refusals_of_older_services() {
    use ErrorKind::{Refused, Unreachable};
    for (status, reason, kind, says) in [
        (403, "forbidden", Refused, "not allowed to this account"),
        (403, "insufficientPermissions", Refused, "scopes do not reach"),
        (403, "accessNotConfigured", Refused, "is not switched on"),
        (403, "rateLimitExceeded", Unreachable, "slow down"),
        (403, "userRateLimitExceeded", Unreachable, "slow down"),
    ] {
        let errors = json!([{ "domain": "global", "reason": reason, "message": CANARY }]);
        let body = json!({ "error": { "code": status, "message": CANARY, "errors": errors } });
        let error = refused(CALL, &json_answer(status, &body));
        check(&error, kind, says, "");
        assert_eq!(error.causes(), [format!("Google answered {reason} with status {status}")]);
    }
}

/// Where no reason is known, the status says what it is.
#[test]
fn refusals_by_their_status() {
    use ErrorKind::{InvalidInput, NotFound, Refused, Unreachable};
    for (status, kind, says, hint) in [
        (400, InvalidInput, "not taken as it is asked", ""),
        (401, Refused, "the token is not taken", "verify the connector"),
        (403, Refused, "not allowed to this account", "grant it a role"),
        (404, NotFound, "there is no such thing", ""),
        (409, InvalidInput, "not taken as it is asked", ""),
        (412, InvalidInput, "not taken as it is asked", ""),
        (429, Unreachable, "slow down", "later"),
        (500, Unreachable, "in trouble", "later"),
        (503, Unreachable, "in trouble", "later"),
        (504, Unreachable, "in trouble", "later"),
    ] {
        for answer in [
            api_refusal(
                status,
                CANARY,
                &json!({ "reason": CANARY, "metadata": { "permission": CANARY, "service": CANARY } }),
            ),
            json_answer(status, &json!({ "error": { "status": CANARY, "errors": [{ "reason": CANARY }] } })),
            json_answer(status, &json!({ CANARY: 1 })),
            Response::new(status, Vec::new(), format!("<html>{CANARY}").into_bytes()),
            Response::new(status, Vec::new(), vec![0xff]),
        ] {
            let error = refused(CALL, &answer);
            check(&error, kind, says, hint);
            assert_eq!(error.causes(), [format!("Google answered with status {status}")]);
        }
    }
    // Neither answers what was asked, nor would it later.
    for status in [301, 302, 307, 418] {
        let error = refused(CALL, &Response::new(status, Vec::new(), CANARY.into()));
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unreachable, false), "{error:?}");
        assert!(error.hint().unwrap_or_default().contains("endpoint"), "{error:?}");
        assert_silent(&error);
    }
}

/// C11: nothing of an answer is shown that is no known word, or no name of a service or a permission.
#[test]
fn c11_nothing_of_an_answer_is_quoted() {
    for text in [
        "4111.1111.get",
        CANARY,
        "hunter2 .googleapis.com",
        "https://hunter2.googleapis.com",
        "a b.c\u{1b}",
        "x.y\nz",
    ] {
        let metadata = json!({ "service": text, "permission": text });
        for reason in ["SERVICE_DISABLED", "IAM_PERMISSION_DENIED"] {
            let error =
                refused(CALL, &api_refusal(403, text, &json!({ "reason": reason, "metadata": metadata })));
            let shown = format!("{error} {:?}", error.hint());
            assert!(!shown.contains(text), "{shown}");
        }
    }
    let deep = format!("{}{CANARY}", "[".repeat(100_000));
    assert_silent(&refused(CALL, &Response::new(403, Vec::new(), deep.into_bytes())));
}

/// Only a missing right is told from what has a hint of its own.
#[test]
fn what_is_a_missing_right() {
    let of = |status, reason: Value| is_denied(&api_refusal(status, "X", &json!({ "reason": reason })));
    assert!(of(403, json!("IAM_PERMISSION_DENIED")) && of(403, json!("forbidden")) && of(403, Value::Null));
    assert!(!of(403, json!("SERVICE_DISABLED")) && !of(401, Value::Null) && !of(404, Value::Null));
}

async fn asked(asker: Asker, answer: &Response) -> Error {
    oauth(&World::new().context(), "oauth2:token", asker, answer)
}

/// What an OAuth endpoint says, by who asked.
#[tokio::test]
async fn refusals_of_oauth() {
    use Asker::{Elsewhere, Key, Login, Token};
    for (asker, code, description, says, hint) in [
        (Key, "invalid_grant", "Invalid JWT Signature.", "private key", "make a new key"),
        (Key, "invalid_grant", "Invalid signature", "private key", "make a new key"),
        (
            Key,
            "invalid_grant",
            "Invalid grant: account not found",
            "no such service account",
            "`client_email`",
        ),
        (Key, "invalid_grant", "Robot is disabled.", "is disabled", "gcloud iam service-accounts enable"),
        (Key, "invalid_grant", "", "key is not taken", "enabled"),
        (Key, "unauthorized_client", "", "may not have these scopes", "`scopes`"),
        (Key, "invalid_client", "", "client id or its secret", "client secrets"),
        (Login, "invalid_grant", "Token has been expired or revoked.", "revoked", "log in again"),
        (
            Login,
            "invalid_grant",
            "reauth related error (invalid_rapt)",
            "invalid_rapt",
            "gcloud auth application-default login",
        ),
        (Login, "unauthorized_client", "", "may not be used so", "Desktop app"),
        (Login, "access_denied", "", "declined", "agree"),
        (Login, "org_internal", "", "one organization", "account of it"),
        (Login, "deleted_client", "", "was deleted", "client secrets"),
        (Login, "admin_policy_enforced", "", "not taken", "config"),
        (Elsewhere, "invalid_grant", "", "token of elsewhere is not taken", "audience"),
        (Elsewhere, "unauthorized_client", "", "attribute condition", "claims"),
        (Elsewhere, "invalid_target", "", "pool or its provider", "`audience`"),
        (Elsewhere, "invalid_scope", "", "scope is not known", "`scopes`"),
        (Token, "invalid_grant", "", "the token is not taken", "cloud-platform"),
        (Token, "invalid_request", "", "the token is not taken", "narrowed already"),
    ] {
        let error = asked(asker, &oauth_refusal(400, code, description)).await;
        check(&error, ErrorKind::Refused, says, hint);
        assert!(error.message().starts_with("oauth2:token: "), "{error}");
    }
    assert_silent(&asked(Key, &oauth_refusal(400, CANARY, "")).await);
    let other = asked(Key, &oauth_refusal(400, "some_secret_word", "")).await;
    assert!(!format!("{other:?}").contains("secret_word"), "{other:?}");
    let subtype =
        json!({ "error": "invalid_grant", "error_subtype": "invalid_rapt", "error_description": CANARY });
    check(
        &asked(Login, &json_answer(400, &subtype)).await,
        ErrorKind::Refused,
        "invalid_rapt",
        "log in again",
    );
}

/// The clock of this machine is told from `Date`, and only where Google says that time is what is wrong.
#[tokio::test]
async fn a_wrong_clock_is_told() {
    const SHORT: &str =
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let answer = |now, description: &str| {
        let body =
            json!({ "error": "invalid_grant", "error_description": format!("{description} {CANARY}") });
        answer_at(now, 400, &body)
    };
    let start = World::start();
    for (answer, says) in [
        (answer(start - minutes(10), SHORT), "this machine's clock is 10m ahead of Google's"),
        (answer(start + minutes(90), SHORT), "this machine's clock is 1h 30m behind Google's"),
        (answer(start, SHORT), "clock is too far from Google's"),
        (answer(start + minutes(4), SHORT), "clock is too far from Google's"),
        (oauth_refusal(400, "invalid_grant", SHORT), "clock is too far from Google's"),
        (answer(start - minutes(10), "Invalid JWT Signature."), "private key"),
    ] {
        let error = asked(Asker::Key, &answer).await;
        check(&error, ErrorKind::Refused, says, "");
    }
}

/// Trouble is told apart from refusals, whatever shape it has; what is no answer of Google's says so; an API's shape is
/// read as one.
#[tokio::test]
async fn other_shapes_of_an_oauth_answer() {
    for status in [429, 500, 502, 503] {
        for answer in [
            Response::new(status, Vec::new(), CANARY.into()),
            json_answer(status, &json!({ "error": "server_error", "error_description": CANARY })),
            json_answer(status, &json!({ "error": { "code": status, "message": CANARY } })),
        ] {
            check(&asked(Asker::Key, &answer).await, ErrorKind::Unreachable, "in trouble", "later");
        }
    }
    for status in [400, 401, 403, 302] {
        let error =
            asked(Asker::Key, &Response::new(status, Vec::new(), format!("<html>{CANARY}").into())).await;
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unreachable, false), "{error:?}");
        assert!(error.message().contains("not Google Cloud"), "{error:?}");
        assert_silent(&error);
    }
    let detail = json!({ "reason": "SERVICE_DISABLED", "metadata": { "service": "sts.googleapis.com" } });
    let error = asked(Asker::Elsewhere, &api_refusal(403, "PERMISSION_DENIED", &detail)).await;
    check(&error, ErrorKind::Refused, "sts.googleapis.com is not switched on", "gcloud services enable");
}

/// C26: trouble is borne: a request is sent three times at most, with a pause that doubles or is asked for; a refusal is
/// sent once.
#[tokio::test]
async fn trouble_is_borne() {
    let place = crate::session::Place::default();
    let send = |cx: Context| {
        let place = place.clone();
        async move { crate::wire::post_form(&cx, &place, "https://oauth2.googleapis.com/token", &[], None).await }
    };
    let busy = |status| Response::new(status, Vec::new(), Vec::new());
    let asking = Response::new(429, vec![("retry-after".to_owned(), "3".to_owned())], Vec::new());
    let millis = |all: &[u64]| all.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
    for (answers, status, pauses) in [
        (vec![busy(503), busy(500), busy(200)], 200, millis(&[500, 1000])),
        (vec![busy(503), busy(503), busy(503), busy(200)], 503, millis(&[500, 1000])),
        (vec![asking, busy(200)], 200, millis(&[3000])),
        (vec![busy(400), busy(200)], 400, Vec::new()),
        (vec![busy(401), busy(200)], 401, Vec::new()),
        (vec![busy(403), busy(200)], 403, Vec::new()),
    ] {
        let world = answers.into_iter().fold(World::new(), World::answers);
        let answer = send(world.context()).await.expect("an answer");
        assert_eq!((answer.status(), world.sleeps()), (status, pauses.clone()));
        assert_eq!(world.sent().len(), pauses.len() + 1);
    }
    let world = World::new().fails(Error::unreachable("no route")).answers(busy(200));
    assert_eq!(send(world.context()).await.expect("an answer").status(), 200);
}

/// What is missing or of another project is told with the field.
#[test]
fn projects_that_are_missing_or_others() {
    let error = no_project();
    assert_eq!(error.field_problems()[0].field, "project_id");
    assert!(error.hint().is_some());
    let ours = ProjectId::parse("our-project").expect("a project");
    for (theirs, says) in
        [("their-project", "of project their-project,"), ("hunter2 x", "of another project")]
    {
        let error = elsewhere(theirs, &ours);
        assert!(error.message().contains(says) && error.message().contains("our-project"), "{error}");
        assert_silent(&error);
    }
}

/// C11: permissions are shown, and nothing that a token could be.
#[test]
fn c11_a_permission_is_told_from_what_is_echoed() {
    for permission in
        ["storage.buckets.list", "iam.serviceAccounts.getAccessToken", "healthcare.hl7V2Stores.get"]
    {
        assert!(is_permission(permission), "{permission}");
    }
    for echoed in [
        "",
        "..",
        "ya29.Abc",
        "ya29.d.Abc",
        "secret",
        "a.b",
        "a.b.c.d",
        "eyJ0.eyJ0.abc",
        "Abc.def.ghi",
        "a.b.c1",
        "a-b.c.d",
    ] {
        assert!(!is_permission(echoed), "{echoed}");
    }
}
