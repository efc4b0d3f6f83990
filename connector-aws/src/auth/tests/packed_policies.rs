//! How full AWS says its packed policies are, and who is told.

use connector_core::{AuthMethod, Response};
use serde_json::json;

use super::{ROLE, bucket, keyed, merge};
use crate::auth::{FederationToken, IamRole, Implicit, WebIdentity};
use crate::connector::Aws;
use crate::testing::{World, answer_at, authenticate, given, method, start};

/// An answer of STS with this beside the credentials.
fn given_with(call: &str, also: &str) -> Response {
    let end = format!("</{call}Result>");
    let body = String::from_utf8(given(call, "1", 3600).body().to_vec()).expect("text");
    answer_at(start(), 200, &body.replace(&end, &format!("{also}{end}")))
}

/// What is told of narrowing.
async fn told<M: AuthMethod<Connector = Aws>>(method: &M, narrowed: bool, answer: Response) -> String {
    let world =
        World::new().var("AWS_ACCESS_KEY_ID", "AKIAENV").var("AWS_SECRET_ACCESS_KEY", "s").answers(answer);
    let (cx, bucket) = (world.context().with_implicit(true), bucket());
    let out = authenticate(method, &cx, None, narrowed.then_some(&bucket)).await.expect("a session");
    let said = out.narrowed.expect("it is said");
    assert_eq!(said.is_narrowed(), narrowed);
    said.reason().to_owned()
}

/// Everybody who gets a credential hears of it before the next tag or repository is one too many.
#[tokio::test]
async fn what_is_nearly_full_is_told() {
    let role: IamRole = method(keyed(json!({ "role_arn": ROLE })));
    for (also, expected) in [
        ("", None),
        ("<PackedPolicySize>89</PackedPolicySize>", None),
        ("<PackedPolicySize>90</PackedPolicySize>", Some("fill 90 % of what STS takes")),
        ("<PackedPolicySize>93</PackedPolicySize>", Some("fill 93 % of what STS takes")),
        ("<SessionTokenUtilization>95</SessionTokenUtilization>", Some("fill 95 % of what STS takes")),
        (
            "<PackedPolicySize>93</PackedPolicySize><SessionTokenUtilization>40</SessionTokenUtilization>",
            Some("fill 93 % of what STS takes"),
        ),
    ] {
        for narrowed in [true, false] {
            let told = told(&role, narrowed, given_with("AssumeRole", also)).await;
            assert_eq!(expected.is_some(), told.contains(" % of what STS takes"), "{also}: {told}");
            assert!(told.contains(expected.unwrap_or_default()), "{also}: {told}");
        }
    }
}

#[tokio::test]
async fn every_method_that_narrows_tells_it() {
    let full = |call: &str| given_with(call, "<PackedPolicySize>99</PackedPolicySize>");
    let federation: FederationToken = method(keyed(json!({})));
    let mut token = json!({ "region": "eu-west-1", "role_arn": ROLE });
    let implicit: Implicit = method(token.clone());
    merge(&mut token, json!({ "web_identity_token": "jwt" }));
    let token: WebIdentity = method(token);
    for told in [
        told(&federation, true, full("GetFederationToken")).await,
        told(&implicit, true, full("AssumeRole")).await,
        told(&token, true, full("AssumeRoleWithWebIdentity")).await,
    ] {
        assert!(told.contains("fill 99 % of what STS takes"), "{told}");
    }
}
