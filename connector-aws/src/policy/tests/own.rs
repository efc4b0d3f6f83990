//! What is sent when the connector has policies of its own.

use connector_core::{Access, ErrorKind};
use serde_json::json;

use super::*;
use crate::names::{BucketName, Partition, PolicyArn};

fn generated() -> Policy {
    let target = Target::Bucket { bucket: BucketName::parse("zen").expect("a bucket"), prefix: None };
    target.policy(Access::Read, Partition::Aws).expect("a policy")
}

fn own(statements: &str) -> OwnPolicy {
    OwnPolicy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).expect("a policy")
}

fn managed() -> Vec<PolicyArn> {
    vec![PolicyArn::parse("arn:aws:iam::aws:policy/ReadOnlyAccess").expect("an ARN")]
}

const ALL_OF_S3: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
const OTHER_BUCKET: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::other*"}"#;
const TLS_ONLY: &str =
    r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;

/// C24: the generated policy goes alone, and only within the connector's own one.
#[test]
fn c24_policies_never_add_up() {
    let json = generated().to_json();
    let choose = |own: Option<&OwnPolicy>, managed: &[PolicyArn]| {
        SessionPolicies::choose(Some((&generated(), "resource_id")), own, managed).expect("a choice")
    };
    assert_eq!(choose(None, &[]), SessionPolicies::Generated(json.clone()));
    assert_eq!(choose(Some(&own(ALL_OF_S3)), &[]), SessionPolicies::Generated(json));
    assert_eq!(choose(None, &managed()), SessionPolicies::Own { json: None, managed: managed() });
    // However wide the own one is: what the managed ones deny is not known here, and would be lost.
    for own in [own(ALL_OF_S3), own(OTHER_BUCKET)] {
        assert_eq!(
            choose(Some(&own), &managed()),
            SessionPolicies::Own { json: Some(own.as_json().to_owned()), managed: managed() }
        );
    }
}

#[test]
fn c24_what_goes_beyond_the_own_policy_is_refused() {
    for statements in [OTHER_BUCKET, r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#] {
        let error = SessionPolicies::choose(Some((&generated(), "resource_id")), Some(&own(statements)), &[])
            .expect_err("too wide");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("s3:"), "{error}");
    }
}

/// What the own policy denies stays denied when the generated one is sent in its place.
#[test]
fn c24_denials_are_taken_over() {
    let own = own(&format!("{ALL_OF_S3},{TLS_ONLY}"));
    let chosen =
        SessionPolicies::choose(Some((&generated(), "resource_id")), Some(&own), &[]).expect("a choice");
    let sent = policy(chosen.json().expect("a policy is sent"));
    assert!(sent.statements.iter().any(|it| it.effect == Effect::Deny));
    assert_eq!(is_subset(&sent, own.policy()), Subset::Yes);
}

#[test]
fn without_a_generated_policy_the_own_ones_are_sent() {
    let own = own(ALL_OF_S3);
    let chosen = SessionPolicies::choose(None, Some(&own), &managed()).expect("a choice");
    assert_eq!((chosen.json(), chosen.managed()), (Some(own.as_json()), managed().as_slice()));
    assert_eq!(SessionPolicies::choose(None, None, &[]).expect("a choice"), SessionPolicies::Nothing);
}

#[test]
fn too_large_is_refused_with_size_limit_and_fix() {
    let name = "a".repeat(63);
    let target = Target::Bucket {
        bucket: BucketName::parse(name).expect("a bucket"),
        prefix: Some(crate::names::KeyPrefix::parse(&"日".repeat(300)).expect("a prefix")),
    };
    let policy = target.policy(Access::Write, Partition::Aws).expect("a policy");
    let error = SessionPolicies::choose(Some((&policy, "within")), None, &[]).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let size = policy.to_json().len();
    assert!(error.to_string().contains(&size.to_string()) && error.to_string().contains("2048"), "{error}");
    assert_eq!(error.field_problems()[0].field, "within", "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("shorter part")), "{error:?}");

    // Counted together with the managed ones, and in characters.
    assert!(check_size(Some(&"é".repeat(2048)), &[]).is_ok());
    assert!(check_size(Some(&"x".repeat(2049)), &[]).is_err());
    assert!(check_size(Some(&"x".repeat(2048)), &managed()).is_err());
}

#[test]
fn own_policies_come_as_text_or_object() {
    let object = json!({ "Version": "2012-10-17", "Statement":
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" } });
    let pretty = serde_json::to_string_pretty(&object).expect("JSON");
    let from = |value| serde_json::from_value::<OwnPolicy>(value);
    let read = from(object.clone()).expect("an object");
    assert_eq!(read, from(json!(pretty)).expect("text"));
    assert_eq!(read.as_json(), object.to_string());
    let principal = json!({ "Statement":
        { "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" } });
    let large = json!({ "Statement": { "Effect": "Allow", "Action": "x".repeat(2048), "Resource": "*" } });
    assert!(from(json!(1)).is_err() && from(json!([])).is_err());
    // Each says what is wrong, and none is ever sent.
    for (bad, says) in [
        (json!("hunter2"), "not JSON: line 1, column 1"),
        (json!("{\"Statement\": [\n  hunter2"), "not JSON: line 2, column 3"),
        (json!({}), "no Statement"),
        (json!({ "Statement": "a" }), "Statement is neither"),
        (json!({ "Statements": [] }), "holds the element Statements"),
        (
            json!({ "Statement": [{ "Effect": "Allow", "Action": "*" }] }),
            "statement 1 of the policy: expected one of Resource",
        ),
        (principal, "Principal"),
        (large, "too large: 2"),
    ] {
        let bad = from(bad).expect("kept for its reason");
        let fault = bad.fault().expect("a reason");
        assert!(fault.contains(says) && !fault.contains("hunter2"), "{fault}");
        assert!(SessionPolicies::choose(None, Some(&bad), &[]).is_err());
    }
}
