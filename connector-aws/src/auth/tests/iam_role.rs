use std::time::Duration;

use connector_core::{
    AnyConnector, AuthMethod, Call, Connectors, Context, Document, Error, ErrorKind, Expiry, Narrowed,
    Registry,
};
use serde_json::json;

use super::{ROLE, bucket, bucket_policy, keyed};
use crate::auth::IamRole;
use crate::testing::{
    World, assert_silent, authenticate, caller, field, given, given_at, method, object, only_form, refusal,
    start,
};

fn role(more: serde_json::Value) -> IamRole {
    let mut config = keyed(json!({ "role_arn": ROLE }));
    super::merge(&mut config, more);
    method(config)
}

/// S33, S34: issuing is one AssumeRole whose policy is the generated one, byte for byte, and what `explain`
/// shows is what is sent.
#[tokio::test]
async fn s33_s34_one_call_with_the_generated_policy() {
    let world = World::new().answers(given("AssumeRole", "1", 3600));
    let cx = world.named("aws-s3");
    let role =
        role(json!({ "external_id": "ext-1", "session_tags": { "team": "ml" }, "source_identity": "alice" }));
    let out = authenticate(&role, &cx, Some(900), Some(&bucket())).await.expect("a session");
    let form = only_form(&world);
    assert_eq!(field(&form, "Action"), Some("AssumeRole"));
    assert_eq!(field(&form, "Policy"), Some(bucket_policy().as_str()));
    assert_eq!(field(&form, "RoleSessionName"), Some("aws-s3"));
    assert_eq!(field(&form, "DurationSeconds"), Some("900"));
    let call = Call::new(&cx, Some(Duration::from_secs(900)));
    let steps = role.plan(&call, Some(&bucket())).expect("a plan");
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].call, "sts:AssumeRole");
    // All but the two parameters that name the operation, in the order of the wire.
    assert_eq!(steps[0].parameters, form[2..]);
    assert!(matches!(out.narrowed, Some(Narrowed::By(_))), "{:?}", out.narrowed);
    assert_eq!(out.session.account_id.as_deref(), Some("123456789012"));
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIA1");
}

/// S18: the request goes to the endpoint of the connector, STS's own first.
#[tokio::test]
async fn s18_endpoints_are_used() {
    for (fields, origin) in [
        (json!({}), "https://sts.eu-west-1.amazonaws.com"),
        (json!({ "endpoint_url": "http://127.0.0.1:1" }), "http://127.0.0.1:1"),
        (
            json!({ "endpoint_url": "http://127.0.0.1:1", "sts_endpoint_url": "http://127.0.0.1:2" }),
            "http://127.0.0.1:2",
        ),
        (
            json!({ "region": "cn-north-1", "role_arn": "arn:aws-cn:iam::123456789012:role/demo" }),
            "https://sts.cn-north-1.amazonaws.com.cn",
        ),
    ] {
        let world = World::new().answers(given("AssumeRole", "1", 3600));
        authenticate(&role(fields), &world.context(), None, None).await.expect("a session");
        assert_eq!(world.sent()[0].origin(), origin);
    }
}

/// Certificates go with each request, from the text or from a file that is read each time.
#[tokio::test]
async fn a_ca_bundle_is_trusted() {
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
    for bundle in [pem, "/etc/ca.pem"] {
        let world = World::new().file("/etc/ca.pem", pem).answers(given("AssumeRole", "1", 3600));
        let role = role(json!({ "ca_bundle": bundle }));
        authenticate(&role, &world.context(), None, None).await.expect("a session");
        assert_eq!(world.sent()[0].trust().map(|it| it.to_vec()), Some(pem.as_bytes().to_vec()));
    }
    for (world, kind) in [
        (World::new(), ErrorKind::NotFound),
        (World::new().file("/etc/ca.pem", "hunter2"), ErrorKind::InvalidInput),
    ] {
        let role = role(json!({ "ca_bundle": "/etc/ca.pem" }));
        let error = authenticate(&role, &world.context(), None, None).await.expect_err("no certificates");
        assert_eq!((error.kind(), world.sent().len()), (kind, 0));
        assert_silent(&error);
    }
}

/// C15: the name of the session says for whom it is used.
#[tokio::test]
async fn c15_the_session_name_holds_the_caller() {
    let long = "x".repeat(63);
    for (name, asked_by, more, expected) in [
        ("", "", json!({}), "connector".to_owned()),
        ("prod", "", json!({}), "prod".to_owned()),
        ("prod", "alice@example.org", json!({}), "prod+alice@example.org".to_owned()),
        ("prod", "a b\nc", json!({}), "prod+a-b-c".to_owned()),
        (&long, &"y".repeat(90), json!({}), format!("{}+{}", "x".repeat(31), "y".repeat(32))),
        ("prod", "alice", json!({ "role_session_name": "fixed" }), "fixed".to_owned()),
    ] {
        let world = World::new().answers(given("AssumeRole", "1", 3600));
        let cx = world.named(name).with_caller(asked_by);
        authenticate(&role(more), &cx, None, None).await.expect("a session");
        assert_eq!(field(&only_form(&world), "RoleSessionName"), Some(expected.as_str()));
    }
}

/// Own policies are never widened: a generated one goes in place of the own one, or nothing goes at all.
#[tokio::test]
async fn own_policies_are_never_widened() {
    let wide = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let other = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::other/*"}]}"#;
    let arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";

    let world = World::new().answers(given("AssumeRole", "1", 3600));
    let out = authenticate(&role(json!({ "policy": wide })), &world.context(), None, Some(&bucket())).await;
    assert_eq!(field(&only_form(&world), "Policy"), Some(bucket_policy().as_str()));
    assert!(out.expect("a session").narrowed.expect("it is said").is_narrowed());

    let world = World::new();
    let error =
        authenticate(&role(json!({ "policy": other })), &world.context(), None, Some(&bucket())).await;
    let error = error.expect_err("it would widen");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("the connector's own policy"), "{error}");
    assert_eq!(world.sent().len(), 0, "refused before any call");

    let world = World::new().answers(given("AssumeRole", "1", 3600));
    let own = role(json!({ "policy_arns": [arn] }));
    let out = authenticate(&own, &world.context(), None, Some(&bucket())).await.expect("a session");
    let form = only_form(&world);
    assert_eq!((field(&form, "Policy"), field(&form, "PolicyArns.member.1.arn")), (None, Some(arn)));
    assert!(matches!(out.narrowed, Some(Narrowed::No(why)) if why.contains("`policy_arns` are sent alone")));

    let world = World::new().answers(given("AssumeRole", "1", 3600));
    let out = authenticate(&role(json!({ "policy": other })), &world.context(), None, None).await;
    let sent = crate::policy::OwnPolicy::parse(other).expect("a policy");
    assert_eq!(field(&only_form(&world), "Policy"), Some(sent.as_json()));
    assert!(!out.expect("a session").narrowed.expect("it is said").is_narrowed());
}

/// S36: the identity of another connector assumes the role; its own key is asked for nothing else.
#[tokio::test]
async fn s36_the_identity_of_another_connector() {
    struct Others(Registry);
    #[connector_core::async_trait]
    impl Connectors for Others {
        async fn open(&self, _: &Context, name: &str) -> connector_core::Result<AnyConnector> {
            let (method, config) = match name {
                "key" => ("secret-key", keyed(json!({}))),
                "role" => ("iam-role", keyed(json!({ "role_arn": ROLE }))),
                _ => return Err(Error::not_found(format!("no connector `{name}`"))),
            };
            let document = Document::draft(name, "aws", method, object(config));
            self.0.open(&document, document.config.clone())
        }
    }
    let others = || Others(Registry::of(crate::REGISTRATIONS).expect("a registry"));
    let by = |name: &str| -> IamRole {
        method(
            json!({ "region": "eu-west-1", "role_arn": "arn:aws:iam::123456789012:role/next", "source": name }),
        )
    };
    let world = World::new().answers(given("AssumeRole", "1", 3600));
    let cx = world.context().with_connectors(others());
    authenticate(&by("key"), &cx, Some(7200), Some(&bucket())).await.expect("a session");
    assert_eq!(field(&only_form(&world), "Policy"), Some(bucket_policy().as_str()));

    let world = World::new().answers(given("AssumeRole", "1", 3600)).answers(given("AssumeRole", "2", 3600));
    let cx = world.context().with_connectors(others());
    let out = authenticate(&by("role"), &cx, None, Some(&bucket())).await.expect("a session");
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIA2");
    assert_eq!((field(&world.forms()[0], "Policy"), field(&world.forms()[0], "RoleArn")), (None, Some(ROLE)));

    // A role that is assumed by a role lives an hour at most, which is known before the call.
    let world = World::new().answers(given("AssumeRole", "1", 3600));
    let cx = world.context().with_connectors(others());
    let error = authenticate(&by("role"), &cx, Some(7200), None).await.expect_err("too long");
    assert_eq!((error.field_problems()[0].field.as_str(), world.sent().len()), ("duration", 1));

    let error = authenticate(&by("gone"), &cx, None, None).await.expect_err("no such connector");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("the source connector `gone`"), "{error}");
}

/// A chain: each role is assumed with the one before, only the last one is narrowed, an hour at most (S21).
#[tokio::test]
async fn s21_a_chain_of_roles() {
    let first = "arn:aws:iam::123456789012:role/first";
    let world = World::new().answers(given("AssumeRole", "1", 900)).answers(given("AssumeRole", "2", 3600));
    let chain = role(
        json!({ "role_arn": [first, ROLE], "external_id": "ext-1", "mfa_serial": "arn:aws:iam::1:mfa/a" }),
    );
    assert_eq!(chain.lifetime().map(|it| it.max), Some(Duration::from_secs(3600)));
    let world = world.person(["123456"]);
    let out = authenticate(&chain, &world.context(), None, Some(&bucket())).await.expect("a session");
    let forms = world.forms();
    assert_eq!(forms.len(), 2);
    assert_eq!(field(&forms[0], "RoleArn"), Some(first));
    assert_eq!((field(&forms[0], "Policy"), field(&forms[0], "ExternalId")), (None, None));
    assert_eq!(
        (field(&forms[0], "DurationSeconds"), field(&forms[0], "TokenCode")),
        (Some("900"), Some("123456"))
    );
    assert_eq!(field(&forms[1], "RoleArn"), Some(ROLE));
    assert_eq!(field(&forms[1], "Policy"), Some(bucket_policy().as_str()));
    assert_eq!((field(&forms[1], "ExternalId"), field(&forms[1], "TokenCode")), (Some("ext-1"), None));
    let sent = world.sent();
    let authorization = |index: usize| {
        let header = sent[index].headers().iter().find(|(name, _)| name == "authorization");
        header.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert!(authorization(0).contains("Credential=AKIAEXAMPLE/"));
    assert!(authorization(1).contains("Credential=ASIA1/"));
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIA2");
}

/// The end is counted from when the request was sent, by the life that the other side's clock shows: a
/// constant skew cancels, and it is never later than asked.
#[tokio::test]
async fn an_end_is_counted_without_skew() {
    for (skew, life, asked, expected) in [
        (0_i64, 3600, 3600, 3600),
        (200, 3600, 3600, 3600),
        (-200, 3600, 3600, 3600),
        (200, 600, 3600, 600),
        (0, 3601, 3600, 3600),
    ] {
        let theirs = match u64::try_from(skew) {
            Ok(ahead) => start() + Duration::from_secs(ahead),
            Err(_) => start() - Duration::from_secs(skew.unsigned_abs()),
        };
        let world = World::new().answers(given_at(theirs, "AssumeRole", "1", life));
        let out =
            authenticate(&role(json!({})), &world.context(), Some(asked), None).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(start() + Duration::from_secs(expected)), "skew {skew}");
    }
}

/// S20: each refusal is named, with its kind and the failing call; nothing of AWS's message is shown.
#[tokio::test]
async fn s20_refusals_are_named() {
    for (status, code, also, kind, says) in [
        (403, "InvalidClientTokenId", "", ErrorKind::Refused, "does not know this access key id"),
        (403, "SignatureDoesNotMatch", "", ErrorKind::Refused, "secret access key does not belong"),
        (403, "InvalidToken", "", ErrorKind::Refused, "session token is not valid"),
        (403, "ExpiredToken", "", ErrorKind::Expired, "token has expired"),
        (400, "ExpiredTokenException", "", ErrorKind::Expired, "token has expired"),
        (
            403,
            "AccessDenied",
            "is not authorized to perform: sts:AssumeRole",
            ErrorKind::Refused,
            "trust policy or a missing permission",
        ),
        (
            403,
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA",
            ErrorKind::Refused,
            "MFA code",
        ),
        (403, "AccessDenied", "Roles may not be assumed by root accounts.", ErrorKind::Refused, "root key"),
        (
            400,
            "ValidationError",
            "exceeds the MaxSessionDuration set for this role",
            ErrorKind::InvalidInput,
            "MaxSessionDuration",
        ),
        (
            400,
            "ValidationError",
            "exceeds the 1 hour session limit for roles assumed by role chaining",
            ErrorKind::InvalidInput,
            "hour",
        ),
        (400, "PackedPolicyTooLarge", "", ErrorKind::InvalidInput, "too large"),
        (400, "MalformedPolicyDocument", "", ErrorKind::InvalidInput, "cannot read the session policy"),
        (403, "RegionDisabledException", "", ErrorKind::Refused, "switched off in this region"),
        (400, "SomethingNew", "", ErrorKind::Refused, "did not accept"),
        (403, "SomethingNew", "", ErrorKind::Refused, "not allowed"),
    ] {
        let world = World::new().answers(refusal(status, code, also));
        let error = authenticate(&role(json!({})), &world.context(), None, None).await.expect_err(code);
        assert_eq!(error.kind(), kind, "{code}");
        assert!(
            error.message().starts_with("sts:AssumeRole: ") && error.message().contains(says),
            "{code}: {error}"
        );
        assert_eq!(
            error.causes(),
            [format!("AWS answered {code} with status {status}, request id request-1")]
        );
        assert_eq!(world.sent().len(), 1, "{code}: not tried again");
        assert_silent(&error);
    }
}

/// What may pass is tried again, three times in all, and then is unreachable.
#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let throttled = || refusal(400, "Throttling", "");
    let world = World::new().answers(throttled()).answers(given("AssumeRole", "1", 3600));
    authenticate(&role(json!({})), &world.context(), None, None).await.expect("the second answer");

    let world = World::new().answers(throttled()).answers(throttled()).answers(throttled());
    let error = authenticate(&role(json!({})), &world.context(), None, None).await.expect_err("throttled");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 3));
    assert!(error.is_transient());

    let down = || Error::unreachable("https://sts.eu-west-1.amazonaws.com does not accept connections");
    let world = World::new().fails(down()).fails(down()).fails(down());
    let error = authenticate(&role(json!({})), &world.context(), None, None).await.expect_err("down");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.message(), "sts:AssumeRole got no answer");
    assert_eq!(error.causes(), ["https://sts.eu-west-1.amazonaws.com does not accept connections"]);

    let world = World::new().fails(Error::refused("a link-local address"));
    let error = authenticate(&role(json!({})), &world.context(), None, None).await.expect_err("refused");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Refused, 1));
}

/// Something else answers in AWS's place.
#[tokio::test]
async fn garbage_is_not_an_answer() {
    for (status, body) in [
        (200, "<html>hunter2</html>"),
        (200, "hunter2"),
        (200, ""),
        (200, "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"),
        (404, "<html>hunter2</html>"),
        (418, "hunter2"),
    ] {
        let world = World::new().answers(crate::testing::answer_at(start(), status, body));
        let error = authenticate(&role(json!({})), &world.context(), None, None).await.expect_err(body);
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{status} {body}: {error}");
        assert_silent(&error);
    }
}

/// A wrong clock is the error, not the key.
#[tokio::test]
async fn clock_skew_is_named() {
    let theirs = start() + Duration::from_secs(7200);
    let answer = refusal(403, "SignatureDoesNotMatch", "");
    let body = String::from_utf8(answer.body().to_vec()).expect("text");
    let world = World::new().answers(crate::testing::answer_at(theirs, 403, &body));
    let error = authenticate(&role(json!({})), &world.context(), None, None).await.expect_err("skewed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("the clock of this machine is 2h behind that of AWS"), "{error}");
    assert_eq!(world.sent().len(), 1);
}

/// The code of an MFA device is asked for each time; without a person the error says what to do.
#[tokio::test]
async fn an_mfa_code_is_asked_for() {
    let serial = "arn:aws:iam::123456789012:mfa/alice";
    let role = role(json!({ "mfa_serial": serial }));
    let world = World::new().answers(given("AssumeRole", "1", 3600)).person([" 654321 "]);
    authenticate(&role, &world.context(), None, None).await.expect("a session");
    let form = only_form(&world);
    assert_eq!((field(&form, "SerialNumber"), field(&form, "TokenCode")), (Some(serial), Some("654321")));
    assert_eq!(world.asked(), [format!("MFA code for {serial}")]);

    for wrong in ["12345", "abcdef", "", "1234567"] {
        let world = World::new().person([wrong]);
        let error = authenticate(&role, &world.context(), None, None).await.expect_err("no code");
        assert_eq!((error.kind(), world.sent().len()), (ErrorKind::InvalidInput, 0));
    }
    let world = World::new();
    let error = authenticate(&role, &world.context(), None, None).await.expect_err("nobody is there");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Refused, 0));
    assert!(error.hint().unwrap_or_default().contains("--mfa-code"), "{error:?}");
    // Each narrowed session needs a code of its own, so the grant is named that the cache then answers.
    let named = world.named("prod");
    let error = authenticate(&role, &named, None, Some(&bucket())).await.expect_err("nobody is there");
    let grant = "--resource-type s3-bucket --resource-id s3://zenfiles --within models --access read";
    let command = format!("`connector issue prod {grant} --mfa-code CODE`");
    assert!(error.hint().unwrap_or_default().contains(&command), "{error:?}");
}

/// S50, S36: the identity and the trust policy, by GetCallerIdentity alone, which needs no permission.
#[tokio::test]
async fn s50_the_trust_policy_names_the_identity() {
    let world = World::new().answers(caller("arn:aws:iam::123456789012:user/svc"));
    let role = role(json!({ "external_id": "ext-1", "mfa_serial": "arn:aws:iam::1:mfa/a" }));
    let cx = world.context();
    let trust = role.trust(&Call::new(&cx, None)).await.expect("an answer").expect("a trust");
    assert_eq!(trust.identity, "arn:aws:iam::123456789012:user/svc");
    assert!(trust.target.contains(ROLE));
    assert_eq!(
        trust.policy,
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::123456789012:user/svc" },
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": { "sts:ExternalId": "ext-1" },
                "Bool": { "aws:MultiFactorAuthPresent": "true" },
            },
        }] })
    );
    assert_eq!(field(&only_form(&world), "Action"), Some("GetCallerIdentity"));

    let world = World::new().answers(caller("arn:aws-cn:sts::123456789012:assumed-role/runner/i-1"));
    let cx = world.context();
    let trust = super::super::SecretKey::trust(&method(keyed(json!({}))), &Call::new(&cx, None)).await;
    assert_eq!(
        trust.expect("an answer").expect("a trust").identity,
        "arn:aws-cn:iam::123456789012:role/runner"
    );
}
