use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{AuthMethod, Call, ErrorKind};
use serde_json::json;

use super::{ROLE, bucket, bucket_policy};
use crate::auth::WebIdentity;
use crate::testing::{World, assert_silent, authenticate, field, given, method, only_form, refusal};

const FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

fn from_file() -> WebIdentity {
    method(json!({ "region": "eu-west-1", "role_arn": ROLE, "web_identity_token_file": FILE }))
}

/// S43: the token's file is read again for each call, and the request is not signed.
#[tokio::test]
async fn s43_the_token_file_is_read_each_time() {
    let world =
        World::new().file(FILE, "hunter2-first\n").answers(given("AssumeRoleWithWebIdentity", "1", 3600));
    let cx = world.named("irsa");
    let role = from_file();
    let out = authenticate(&role, &cx, None, Some(&bucket())).await.expect("a session");
    assert!(out.narrowed.expect("it is said").is_narrowed());
    assert_eq!(out.session.account_id.as_deref(), Some("123456789012"));
    let form = only_form(&world);
    assert_eq!(field(&form, "WebIdentityToken"), Some("hunter2-first"));
    assert_eq!(field(&form, "Policy"), Some(bucket_policy().as_str()));
    assert!(!world.sent()[0].headers().iter().any(|(name, _)| name == "authorization"));
    let mut plan =
        role.plan(&Call::new(&cx, role.lifetime().map(|it| it.default)), Some(&bucket())).expect("a plan");
    let token =
        plan[0].parameters.iter_mut().find(|(name, _)| name == "WebIdentityToken").expect("it is there");
    assert_eq!(std::mem::replace(&mut token.1, "hunter2-first".into()), "[HIDDEN]");
    assert_eq!(plan[0].parameters, form[2..]);

    let world = world.file(FILE, "second").answers(given("AssumeRoleWithWebIdentity", "2", 3600));
    authenticate(&role, &cx, None, None).await.expect("a session");
    assert_eq!(field(&world.forms()[1], "WebIdentityToken"), Some("second"));
}

#[tokio::test]
async fn a_token_that_is_missing_or_refused_is_named() {
    let world = World::new();
    let error = authenticate(&from_file(), &world.context(), None, None).await.expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(FILE), "{error}");
    let world = World::new().file(FILE, " \n");
    let error = authenticate(&from_file(), &world.context(), None, None).await.expect_err("empty");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::InvalidInput, 0));
    for (status, code, kind) in [
        (403, "AccessDenied", ErrorKind::Refused),
        (403, "IDPRejectedClaim", ErrorKind::Refused),
        (400, "InvalidIdentityToken", ErrorKind::Refused),
        (400, "ExpiredTokenException", ErrorKind::Expired),
    ] {
        let world = World::new().file(FILE, "hunter2").answers(refusal(status, code, ""));
        let error = authenticate(&from_file(), &world.context(), None, None).await.expect_err(code);
        assert_eq!(error.kind(), kind, "{code}: {error}");
        assert!(error.message().starts_with("sts:AssumeRoleWithWebIdentity: "), "{error}");
        assert_silent(&error);
    }
}

/// S50: the trust policy comes from what the token says of itself, and no call is made.
#[tokio::test]
async fn s50_the_trust_policy_names_the_tokens_claims() {
    let claims = json!({
        "iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC",
        "sub": "system:serviceaccount:ml:trainer",
        "aud": ["sts.amazonaws.com"],
    });
    let token = format!("e30.{}.hunter2", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let world = World::new().file(FILE, &token);
    let cx = world.context();
    let trust = from_file().trust(&Call::new(&cx, None)).await.expect("claims").expect("a trust");
    assert_eq!(trust.identity, "system:serviceaccount:ml:trainer");
    let statement = &trust.policy["Statement"][0];
    let provider = "oidc.eks.eu-west-1.amazonaws.com/id/ABC";
    assert_eq!(
        statement["Principal"]["Federated"],
        format!("arn:aws:iam::123456789012:oidc-provider/{provider}")
    );
    assert_eq!(statement["Action"], "sts:AssumeRoleWithWebIdentity");
    let equals = &statement["Condition"]["StringEquals"];
    assert_eq!(equals[format!("{provider}:sub")], "system:serviceaccount:ml:trainer");
    assert_eq!(equals[format!("{provider}:aud")], json!(["sts.amazonaws.com"]));
    assert_eq!(world.sent().len(), 0);

    for token in ["hunter2", "a.b", "a.!!.c", &format!("a.{}.c", URL_SAFE_NO_PAD.encode("[]"))] {
        let world = World::new().file(FILE, token);
        let cx = world.context();
        let error = from_file().trust(&Call::new(&cx, None)).await.expect_err("no JWT");
        assert_silent(&error);
    }
}
