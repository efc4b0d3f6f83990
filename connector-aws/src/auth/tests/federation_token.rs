use connector_core::{AuthMethod, Call, ErrorKind, Narrowed};
use serde_json::json;

use super::{bucket, bucket_policy, keyed};
use crate::auth::FederationToken;
use crate::policy::OwnPolicy;
use crate::testing::{World, authenticate, field, given, method, only_form, refusal};

/// S33, S34: GetFederationToken with the generated policy; its name is short, its session federated.
#[tokio::test]
async fn s33_s34_one_call_with_the_generated_policy() {
    let world = World::new().answers(given("GetFederationToken", "1", 43_200));
    let cx = world.named(&"n".repeat(63)).with_caller("alice");
    let token: FederationToken = method(keyed(json!({})));
    let out = authenticate(&token, &cx, None, Some(&bucket())).await.expect("a session");
    let form = only_form(&world);
    assert_eq!(field(&form, "Action"), Some("GetFederationToken"));
    assert_eq!(field(&form, "Policy"), Some(bucket_policy().as_str()));
    assert_eq!(field(&form, "Name"), Some(format!("{}+alice", "n".repeat(26)).as_str()));
    assert_eq!(field(&form, "DurationSeconds"), Some("43200"));
    let steps =
        token.plan(&Call::new(&cx, token.lifetime().map(|it| it.default)), Some(&bucket())).expect("a plan");
    assert_eq!(steps[0].parameters, form[2..]);
    assert!(out.session.federated);
    assert!(matches!(out.narrowed, Some(Narrowed::By(_))));
}

/// Without any policy a federation token has no rights: then the one for everything is sent.
#[tokio::test]
async fn a_wide_session_is_sent_a_policy_for_everything() {
    let everything =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let policy = OwnPolicy::parse(own).expect("a policy");
    for (more, expected) in [(json!({}), everything), (json!({ "policy": own }), policy.as_json())] {
        let world = World::new().answers(given("GetFederationToken", "1", 43_200));
        let out = authenticate::<FederationToken>(&method(keyed(more)), &world.context(), None, None).await;
        assert_eq!(field(&only_form(&world), "Policy"), Some(expected));
        assert!(!out.expect("a session").narrowed.expect("it is said").is_narrowed());
    }
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let world = World::new().answers(given("GetFederationToken", "1", 43_200));
    let token: FederationToken = method(keyed(json!({ "policy_arns": [arn] })));
    authenticate(&token, &world.context(), None, None).await.expect("a session");
    let form = only_form(&world);
    assert_eq!((field(&form, "Policy"), field(&form, "PolicyArns.member.1.arn")), (None, Some(arn)));
}

#[tokio::test]
async fn session_credentials_are_refused_by_name() {
    let also = "Cannot call GetFederationToken with session credentials";
    let world = World::new().answers(refusal(403, "AccessDenied", also));
    let token: FederationToken = method(keyed(json!({})));
    let error = authenticate(&token, &world.context(), None, None).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("takes no session credentials"), "{error}");
}
