//! Refusals as they are told: the call, the reason, the fix, and nothing of what the answer quotes.

use connector_conformance::{CANARY, Scripted, assert_silent, json_answer};
use connector_core::ErrorKind;
use serde_json::json;

use super::*;

/// C16: every refusal that somebody can mend says how, by name.
#[test]
fn c16_numbers_of_entra_id_are_told_with_their_fix() {
    let cx = Scripted::new().context();
    for (number, says, fix) in [
        (7_000_215, "client secret is wrong", "client_secret"),
        (7_000_222, "client secret has expired", "client_secret"),
        (700_016, "no application", "tenant_id"),
        (90_002, "no such directory", "tenant_id"),
        (700_024, "clock", "set the clock"),
        (700_213, "federated credential", "Federated credentials"),
        (700_027, "certificate", "upload"),
        (53_003, "conditional access", "sign-in"),
        (50_076, "second factor", "service principal"),
        (65_001, "consented", "Grant admin consent"),
        (700_082, "ended", "log in again"),
    ] {
        let body = json!({
            "error": "invalid_client", "error_description": format!("AADSTS{number}: {CANARY}"),
            "error_codes": [number], "trace_id": CANARY,
        });
        let error = oauth(&cx, "entra:token", &json_answer(401, &body));
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains(says), "{number}: {}", error.message());
        assert!(error.hint().is_some_and(|it| it.contains(fix)), "{number}: {:?}", error.hint());
        assert!(format!("{error:?}").contains(&format!("AADSTS{number}")), "{error:?}");
        assert_silent(&error);
    }
}

/// The number is read from the text where no list tells it, and nothing else of the text is shown.
#[test]
fn a_number_stands_in_the_text_too() {
    let cx = Scripted::new().context();
    let body = json!({ "error": "invalid_client", "error_description": format!("AADSTS7000222: {CANARY}") });
    let error = oauth(&cx, "entra:token", &json_answer(401, &body));
    assert!(error.message().contains("expired"), "{error:?}");
    assert_silent(&error);
    for body in [json!({}), json!("x"), json!({ "error": CANARY }), json!({ "error": { "code": 1 } })] {
        let error = oauth(&cx, "entra:token", &json_answer(400, &body));
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{body}");
        assert_silent(&error);
    }
}

/// C18, C24: statuses and codes of the services; words that are none of theirs are not repeated.
#[test]
fn c18_services_refusals_are_told_by_call_and_code() {
    let cx = Scripted::new().context();
    let told = |status, code: &str| {
        let body = json!({ "error": { "code": code, "message": CANARY } });
        refused(&cx, "containers.list", &json_answer(status, &body))
    };
    for (status, code, kind, says) in [
        (401, "ExpiredAuthenticationToken", ErrorKind::Refused, "token is not taken"),
        (403, "AuthorizationFailed", ErrorKind::Refused, "not allowed"),
        (403, "AuthorizationPermissionMismatch", ErrorKind::Refused, "data of the storage account"),
        (403, "KeyBasedAuthenticationNotPermitted", ErrorKind::Refused, "takes no keys"),
        (404, "ResourceGroupNotFound", ErrorKind::NotFound, "resource group"),
        (404, "SubscriptionNotFound", ErrorKind::NotFound, "subscription"),
        (429, "SubscriptionRequestsThrottled", ErrorKind::Unreachable, "slow down"),
        (503, "ServerBusy", ErrorKind::Unreachable, "slow down"),
        (400, "InvalidApiVersionParameter", ErrorKind::InvalidInput, "not taken"),
        (302, "", ErrorKind::Unreachable, "elsewhere"),
    ] {
        let error = told(status, code);
        assert_eq!(error.kind(), kind, "{status} {code}");
        assert!(error.message().starts_with("containers.list"), "{error:?}");
        assert!(error.message().contains(says), "{status} {code}: {}", error.message());
        assert_silent(&error);
    }
    assert_silent(&told(403, CANARY));
}
