//! Tests of `secret`.

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_core::{Access, ErrorKind, Parsed, ResourceType, Wanted};
use serde_json::json;

use super::StoredSecret;
use crate::names::Partition;
use crate::resource::testing::{answering, bodies, call, sent, session};
use crate::testing::{World, assert_silent, json_answer, json_refusal};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCd12";

fn stored(text: &str) -> StoredSecret {
    match StoredSecret::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}")
}

#[test]
fn s17_accepted_forms() {
    check_accepted::<StoredSecret>(&[
        (ARN, exact(ARN), "canonical"),
        ("prod/db", partial("prod/db"), "a name"),
        ("prod/", partial("prod/"), "the beginning of a name"),
        (&arn("prod/db"), partial(&arn("prod/db")), "an ARN without the six characters"),
        (&arn("db-secret"), exact(&arn("db-secret")), "a name that ends as if it had them"),
    ]);
    assert_eq!(stored(ARN).name(), "prod/db");
}

#[test]
fn s17_refused_forms() {
    check_refused::<StoredSecret>(&[
        ("", "secret name", "nothing"),
        ("a b", "secret name", "a blank"),
        ("a*", "secret name", "a wildcard"),
        ("a\n", "secret name", "a control character"),
        (&arn(""), "secret name", "an ARN of nothing"),
        (&arn("a*-AbCd12"), "secret name", "a wildcard in an ARN"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:other:a-AbCd12", "something else", "no secret"),
        ("arn:aws:ssm:eu-west-1:123456789012:secret:a-AbCd12", "something else", "another service"),
        ("arn:aws:secretsmanager::123456789012:secret:a-AbCd12", "region", "no region"),
        ("arn:aws:secretsmanager:eu-west-1::secret:a-AbCd12", "account", "no account"),
        (
            "arn:aws-cn:secretsmanager:eu-west-1:123456789012:secret:a-AbCd12",
            "partition",
            "a region of another partition",
        ),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<StoredSecret>(&[
        ARN,
        "prod/db",
        "prod/",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a",
    ]);
}

/// S34: the policy names this secret.
#[test]
fn s34_the_narrowing_names_the_secret() {
    let narrowing = stored(ARN).narrowing(&Wanted::new(Access::Read)).expect("sayable").expect("a narrowing");
    let policy = narrowing.policy(Partition::Aws).expect("a policy").to_json();
    assert!(policy.contains(&format!(r#""Resource":"{ARN}""#)), "{policy}");
    assert!(
        policy.contains("secretsmanager:GetSecretValue") && !policy.contains("PutSecretValue"),
        "{policy}"
    );
    assert!(narrowing.policy(Partition::China).is_err());
    assert!(stored(ARN).narrowing(&Wanted::new(Access::Read).with_within("key")).is_err());
}

fn page(names: &[&str], next: Option<&str>) -> connector_core::Response {
    let list: Vec<_> =
        names.iter().map(|it| json!({ "ARN": arn(&format!("{it}-AbCd12")), "Name": it })).collect();
    json_answer(200, &json!({ "SecretList": list, "NextToken": next }))
}

/// S15: listing goes on to the last page.
#[tokio::test]
async fn s15_listing_pages_to_the_end() {
    let world = answering([page(&["b"], Some("more")), page(&["a"], None)]);
    let cx = world.context();
    let listing = StoredSecret::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, [arn("a-AbCd12"), arn("b-AbCd12")]);
    assert!(bodies(&world)[1].contains(r#""NextToken":"more""#));
}

async fn resolve(text: &str, world: &World) -> connector_core::Result<String> {
    let cx = world.context();
    StoredSecret::resolve(text, &session(), &call(&cx)).await.map(|it| it.id())
}

#[tokio::test]
async fn a_name_is_completed_by_one_call() {
    let world = answering([json_answer(200, &json!({ "ARN": ARN, "Name": "prod/db" }))]);
    assert_eq!(resolve("prod/db", &world).await.expect("completed"), ARN);
    assert!(bodies(&world)[0].contains(r#""SecretId":"prod/db""#));
}

#[tokio::test]
async fn a_prefix_is_completed_when_it_fits_one() {
    // ListSecrets compares without regard to case, and this does not.
    let world = answering([page(&["prod/db", "PROD/DB"], None)]);
    assert_eq!(resolve("prod/", &world).await.expect("completed"), ARN);
    assert!(bodies(&world)[0].contains(r#""Values":["prod/"]"#), "{:?}", bodies(&world));

    let error = resolve("prod/", &answering([page(&["prod/b", "prod/a"], None)])).await.expect_err("two");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let hint = error.hint().expect("candidates");
    assert!(hint.contains(&arn("prod/a-AbCd12")) && hint.contains(&arn("prod/b-AbCd12")), "{hint}");

    let error = resolve("prod/", &answering([page(&[], None)])).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_name_that_is_not_there_lists_what_begins_so() {
    let missing = || json_refusal(400, "ResourceNotFoundException");
    let error =
        resolve("prod", &answering([missing(), page(&["prod/db"], None)])).await.expect_err("missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().is_some_and(|hint| hint.contains(ARN)), "{error:?}");
    assert_silent(&error);
    let not_allowed = json_refusal(400, "AccessDeniedException");
    let error = resolve("prod", &answering([missing(), not_allowed])).await.expect_err("missing");
    assert_eq!(error.kind(), ErrorKind::NotFound, "what could not be suggested does not hide what is wrong");
}

/// S19: a secret elsewhere is refused without a call.
#[tokio::test]
async fn s19_another_region_is_refused() {
    let world = answering([]);
    let cx = world.context();
    let elsewhere = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCd12";
    for error in [
        stored(elsewhere).issue(&Wanted::new(Access::Read), &session(), &call(&cx)).await.map(|_| ()),
        stored(elsewhere).reach(&Wanted::new(Access::Read), &session(), &call(&cx)).await,
        resolve("arn:aws:secretsmanager:us-east-1:123456789012:secret:a", &world).await.map(|_| ()),
    ] {
        let error = error.expect_err("another region");
        assert!(error.message().contains("in region us-east-1, the connector is for eu-west-1"), "{error}");
    }
    assert_eq!(sent(&world), [""; 0]);
}
