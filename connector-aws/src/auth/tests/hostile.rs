//! Answers that nobody should give (C28, C11).

use std::time::Duration;

use connector_core::{Connector, ErrorKind, Grant, Request};
use serde_json::{Value, json};

use super::implicit::{implicit, on};
use super::{ROLE, keyed};
use crate::auth::{IamRole, SecretKey};
use crate::connector::Aws;
use crate::resource::AwsGeneric;
use crate::testing::{CANARY, World, answer_at, assert_silent, authenticate, json_answer, method, start};

const URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";

/// C11: an answer's account is told in errors, so it is one, or is not taken over.
#[tokio::test]
async fn c11_what_is_no_account_is_not_taken_for_one() {
    for (account, taken) in [(CANARY, None), ("", None), ("123456789012", Some("123456789012"))] {
        let given = json!({
            "AccessKeyId": "ASIALOCAL", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-01-01T01:00:00Z",
            "AccountId": account,
        });
        let world = World::new().var(URI, "/x").answers(json_answer(200, &given));
        let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
        assert_eq!(out.session.account_id.as_deref(), taken);
    }
}

/// C28: what a container's endpoint answers is a credential or an error that quotes nothing.
#[tokio::test]
async fn c28_c11_strange_answers_of_a_container_quote_nothing() {
    let deep = format!("{}{CANARY}", "[".repeat(100_000));
    let long = json!({ "AccessKeyId": CANARY.repeat(100_000), "SecretAccessKey": 1 }).to_string();
    let twice = format!(r#"{{"AccessKeyId":"{CANARY}","accesskeyid":"{CANARY}"}}"#);
    let end = |text: &str| {
        json!({ "AccessKeyId": CANARY, "SecretAccessKey": CANARY, "Token": CANARY, "Expiration": text })
            .to_string()
    };
    for body in [
        CANARY.to_owned(),
        String::new(),
        "null".to_owned(),
        format!("[\"{CANARY}\"]"),
        deep,
        long,
        twice,
        end(CANARY),
        end("99999-01-01T00:00:00Z"),
        end("2026-01-01T00:00:00"),
    ] {
        let world = World::new().var(URI, "/x").answers(answer_at(start(), 200, &body));
        let error =
            authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("no credential");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert_silent(&error);
    }
}

/// C28, C11: the same for STS: garbage, an element of another kind, twice, deep, without an end, with an end beyond time.
#[tokio::test]
async fn c28_c11_strange_answers_of_sts_quote_nothing() {
    let result = |inner: &str| {
        format!("<AssumeRoleResponse><AssumeRoleResult>{inner}</AssumeRoleResult></AssumeRoleResponse>")
    };
    let keys = |end: &str| {
        result(&format!(
            "<Credentials><AccessKeyId>{CANARY}</AccessKeyId><SecretAccessKey>{CANARY}</SecretAccessKey>\
             <SessionToken>{CANARY}</SessionToken><Expiration>{end}</Expiration></Credentials>"
        ))
    };
    for body in [
        String::new(),
        CANARY.to_owned(),
        format!("{{\"{CANARY}\":1}}"),
        format!("<{CANARY}>"),
        "<a>".repeat(100_000),
        result(&format!("<Credentials>{CANARY}</Credentials>")),
        result(&format!("<Credentials>{}</Credentials>", "<AccessKeyId>A</AccessKeyId>".repeat(10_000))),
        keys(""),
        keys(CANARY),
        keys("99999-01-01T00:00:00Z"),
        format!("<!DOCTYPE a [<!ENTITY e \"{CANARY}\">]>{}", result("&e;")),
    ] {
        let world = World::new().answers(answer_at(start(), 200, &body));
        let role: IamRole = method(keyed(json!({ "role_arn": ROLE })));
        let error = authenticate(&role, &world.named("prod"), None, None).await.expect_err("no credential");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert_silent(&error);
    }
}

/// C28: a limit beyond counting is a long one, and no panic.
#[tokio::test]
async fn c28_any_limit_on_calls_is_taken() {
    let world = World::new().answers(answer_at(start(), 500, "")).answers(answer_at(start(), 403, ""));
    let cx = world.named("prod").with_call_limit(Duration::MAX);
    let key: SecretKey = method(keyed(Value::Object(serde_json::Map::new())));
    let handle = Connector::<Aws>::new(cx, key).resource::<AwsGeneric>(Grant::from("eu-west-1")).await;
    let error = handle.expect("a handle").reach().await.expect_err("refused");
    assert_silent(&error);
    assert!(world.sent().iter().all(|it: &Request| it.timeout().is_some()));
}
