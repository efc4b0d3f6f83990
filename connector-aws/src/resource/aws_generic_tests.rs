//! Tests of `aws-generic`.

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_core::{Access, ErrorKind, Parsed, ResourceType, Wanted};

use super::AwsGeneric;
use crate::resource::testing::{answer, answering, call, sent, session};
use crate::testing::assert_silent;

const ACCOUNT: &str = "arn:aws:iam::123456789012:root";

fn whoami(account: &str) -> connector_core::Response {
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    answer(200, &[], &body)
}

#[test]
fn s17_accepted_and_refused_forms() {
    check_accepted::<AwsGeneric>(&[
        ("eu-west-1", exact("eu-west-1"), "canonical"),
        ("garage", exact("garage"), "a region of another server"),
        (ACCOUNT, partial(ACCOUNT), "the account: the session has to agree"),
    ]);
    check_refused::<AwsGeneric>(&[
        ("", "region", "nothing"),
        ("EU-west-1", "region", "upper case"),
        ("eu-west-1.evil.example", "region", "a host"),
        ("arn:aws:iam::123456789012:role/r", "something else", "a role"),
        ("arn:aws:sts::123456789012:root", "something else", "another service"),
        ("arn:aws:iam::aws:root", "account", "AWS itself"),
        ("arn:aws:iam:::root", "account", "no account"),
    ]);
    check_total::<AwsGeneric>(&["eu-west-1", ACCOUNT]);
}

/// S16: nothing has to be said to mean the one that there is.
#[tokio::test]
async fn s16_the_region_of_the_session_completes_nothing() {
    let world = answering([whoami("123456789012"), whoami("999999999999")]);
    let cx = world.context();
    let (session, call) = (session(), call(&cx));
    assert_eq!(AwsGeneric::resolve("", &session, &call).await.expect("the one").id(), "eu-west-1");
    assert_eq!(sent(&world), [""; 0]);
    assert_eq!(AwsGeneric::resolve(ACCOUNT, &session, &call).await.expect("its own").id(), "eu-west-1");
    let error = AwsGeneric::resolve(ACCOUNT, &session, &call).await.expect_err("another account");
    assert!(error.message().contains("of account 123456789012, the connector's is 999999999999"), "{error}");
}

/// S20: listing and reaching prove the keys, by the one call that needs no permission.
#[tokio::test]
async fn s20_bad_keys_are_found_by_the_one_free_call() {
    let body = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>hunter2</Message></Error></ErrorResponse>";
    let world = answering([whoami("123456789012"), answer(403, &[], body), whoami("none")]);
    let cx = world.context();
    let listing = AwsGeneric::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, ["eu-west-1"]);
    let error = AwsGeneric::list(&session(), &call(&cx)).await.expect_err("bad keys");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("sts:GetCallerIdentity"), "{error}");
    assert_silent(&error);
    assert!(AwsGeneric::list(&session(), &call(&cx)).await.is_err(), "an answer without an account");
    assert_eq!(sent(&world)[0], "POST https://sts.eu-west-1.amazonaws.com/");
}

/// S19: another region than the connector's is refused.
#[tokio::test]
async fn s19_another_region_is_refused() {
    let Ok(Parsed::Exact { resource, .. }) = AwsGeneric::parse("us-east-1") else { panic!("a complete id") };
    let cx = answering([]).context();
    let error =
        resource.issue(&Wanted::new(Access::Read), &session(), &call(&cx)).await.expect_err("elsewhere");
    assert!(error.message().contains("in region us-east-1, the connector is for eu-west-1"), "{error}");
    assert_eq!(resource.narrowing(&Wanted::new(Access::Read)).expect("nothing to say"), None);
}
