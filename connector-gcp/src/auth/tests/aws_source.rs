//! AWS as the token of elsewhere: a request that is signed and not sent.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use connector_core::{ErrorKind, Response};
use serde_json::{Value, json};

use super::external_account::{AUDIENCE, external, file};
use crate::auth::ExternalAccount;
use crate::testing::{
    CANARY, World, assert_silent, authenticate, field, form, header, json_answer, token, with,
};

const TYPE: &str = "urn:ietf:params:aws:token-type:aws4_request";
const VERIFY: &str = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";
const TOKENS: &str = "http://169.254.169.254/latest/api/token";
const ZONE: &str = "http://169.254.169.254/latest/meta-data/placement/availability-zone";
const ROLES: &str = "http://169.254.169.254/latest/meta-data/iam/security-credentials";

fn aws(more: Value) -> ExternalAccount {
    let source = json!({ "environment_id": "aws1", "regional_cred_verification_url": VERIFY });
    external(&with(file(with(source, more)), json!({ "subject_token_type": TYPE })), json!({}))
}

fn on_ec2() -> ExternalAccount {
    aws(json!({ "region_url": ZONE, "url": ROLES, "imdsv2_session_token_url": TOKENS }))
}

fn with_keys() -> World {
    World::new().var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").var("AWS_SECRET_ACCESS_KEY", "hunter2-key")
}

/// The request within a subject token, as Google reads it.
fn request_in(world: &World, at: usize) -> Value {
    let form = form(world, at);
    assert_eq!(field(&form, "subject_token_type"), Some(TYPE));
    let subject = field(&form, "subject_token").expect("a token");
    let decoded = connector_conformance::decode_form(format!("it={subject}").as_bytes());
    serde_json::from_str(field(&decoded, "it").expect("JSON, encoded")).expect("JSON")
}

fn header_in(request: &Value, name: &str) -> Option<String> {
    let headers = request["headers"].as_array().expect("headers");
    let found = headers.iter().find(|it| it["key"] == name)?;
    found["value"].as_str().map(str::to_owned)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// The signature by AWS's own description of it (Signature Version 4), written out for this one request.
fn signature(secret: &str, session: Option<&str>) -> String {
    signature_for("sts.eu-west-1.amazonaws.com", "eu-west-1", secret, session)
}

/// As [`signature`], for another host and region.
fn signature_for(host: &str, region: &str, secret: &str, session: Option<&str>) -> String {
    let token = session.map(|it| format!("x-amz-security-token:{it}\n")).unwrap_or_default();
    let names = match session {
        Some(_) => "host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource",
        None => "host;x-amz-date;x-goog-cloud-target-resource",
    };
    let canonical = format!(
        "POST\n/\nAction=GetCallerIdentity&Version=2011-06-15\nhost:{host}\n\
         x-amz-date:20260101T000000Z\n{token}x-goog-cloud-target-resource:{AUDIENCE}\n\n{names}\n\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/{region}/sts/aws4_request\n{}",
        hex(digest(&SHA256, canonical.as_bytes()).as_ref())
    );
    let mac = |key: &[u8], text: &str| sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let day = mac(format!("AWS4{secret}").as_bytes(), "20260101");
    let key = mac(&mac(&mac(&day, region), "sts"), "aws4_request");
    hex(&mac(&key, &to_sign))
}

/// Keys and region of the environment: no call but the exchange. The request has the shape that Google documents, is
/// signed with all headers that it lists, and is good for this provider only.
#[tokio::test]
async fn the_request_is_signed_with_the_environments_keys() {
    for session in [None, Some("hunter2-session")] {
        let world = with_keys().var("AWS_REGION", "eu-west-1").answers(token("ya29.t", 3599));
        let world = match session {
            Some(token) => world.var("AWS_SESSION_TOKEN", token),
            None => world,
        };
        authenticate(&on_ec2(), &world.context().with_implicit(true), None, None).await.expect("a session");
        assert_eq!(world.sent().len(), 1);
        let request = request_in(&world, 0);
        assert_eq!(request["method"], "POST");
        assert_eq!(
            request["url"],
            "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
        );
        assert_eq!(header_in(&request, "host").as_deref(), Some("sts.eu-west-1.amazonaws.com"));
        assert_eq!(header_in(&request, "x-amz-date").as_deref(), Some("20260101T000000Z"));
        assert_eq!(header_in(&request, "x-goog-cloud-target-resource").as_deref(), Some(AUDIENCE));
        assert_eq!(header_in(&request, "x-amz-security-token").as_deref(), session);
        let names = session.map(|_| "x-amz-security-token;").unwrap_or_default();
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/eu-west-1/sts/aws4_request, \
             SignedHeaders=host;x-amz-date;{names}x-goog-cloud-target-resource, Signature={}",
            signature("hunter2-key", session)
        );
        assert_eq!(header_in(&request, "Authorization"), Some(expected));
        assert!(!request.to_string().contains("hunter2-key"), "the key itself is not sent");
    }
}

fn text(text: &str) -> Response {
    Response::new(200, Vec::new(), text.as_bytes().to_vec())
}

/// On EC2 region and keys come from its metadata service, version 2: one token of it, then what is needed. It is this
/// machine's identity, so the switch has to be on (C19).
#[tokio::test]
async fn c19_on_ec2_the_metadata_service_is_asked() {
    let keys = json!({
        "Code": "Success", "AccessKeyId": "ASIAEC2", "SecretAccessKey": "hunter2-key", "Token": "hunter2-session",
    });
    let world = World::new()
        .answers(text("imds-token"))
        .answers(text("eu-west-1b"))
        .answers(text("my-role\n"))
        .answers(json_answer(200, &keys))
        .answers(token("ya29.t", 3599));
    let error = authenticate(&on_ec2(), &world.context(), None, None).await.expect_err("switched off");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Refused, 0));
    assert!(error.hint().unwrap_or_default().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true"));

    authenticate(&on_ec2(), &world.context().with_implicit(true), None, None).await.expect("a session");
    let role = format!("GET {ROLES}/my-role");
    let expected = [&format!("PUT {TOKENS}"), &format!("GET {ZONE}"), &format!("GET {ROLES}"), &role];
    assert_eq!(world.lines()[..4].iter().collect::<Vec<_>>(), expected);
    let sent = world.sent();
    assert!(sent[..4].iter().all(connector_core::Request::is_to_metadata));
    assert!(sent[0].headers().iter().any(|(name, _)| name == "x-aws-ec2-metadata-token-ttl-seconds"));
    for request in &sent[1..4] {
        assert_eq!(header(request, "x-aws-ec2-metadata-token"), Some("imds-token"));
    }
    let request = request_in(&world, 4);
    let authorization = header_in(&request, "Authorization").expect("a signature");
    assert!(authorization.contains("Credential=ASIAEC2/20260101/eu-west-1/sts"), "{authorization}");
    assert!(authorization.ends_with(&signature("hunter2-key", Some("hunter2-session"))), "{authorization}");
}

/// Without version 2, without a region or without keys; what is no region, and metadata that is none.
#[tokio::test]
async fn what_is_missing_is_said() {
    let world = with_keys().answers(text("eu-west-1a")).answers(token("t", 3599));
    let account = aws(json!({ "region_url": ZONE }));
    authenticate(&account, &world.context().with_implicit(true), None, None).await.expect("a session");
    assert_eq!(world.lines()[0], format!("GET {ZONE}"), "version 1 where no other is named");

    let world = with_keys().var("AWS_DEFAULT_REGION", "eu-west-1").answers(token("t", 3599));
    authenticate(&aws(json!({})), &world.context().with_implicit(true), None, None).await.expect("a session");

    let region = || World::new().var("AWS_REGION", "eu-west-1");
    for (world, account, says) in [
        (with_keys(), aws(json!({})), "region of AWS is not known"),
        (region(), aws(json!({})), "no keys of AWS"),
        (with_keys().var("AWS_REGION", "hunter2/.evil"), aws(json!({})), "is no region"),
        (with_keys().answers(text("hunter2 <html>")), aws(json!({ "region_url": ZONE })), "is no region"),
        (region().answers(text("r")).answers(text(CANARY)), aws(json!({ "url": ROLES })), "gives no keys"),
        (
            region().answers(Response::new(404, Vec::new(), CANARY.into())),
            aws(json!({ "url": ROLES })),
            "status 404",
        ),
    ] {
        let error = authenticate(&account, &world.context().with_implicit(true), None, None).await;
        let error = error.expect_err(says);
        assert!(error.message().contains(says), "{error:?}");
        assert_silent(&error);
    }
}

/// C18: a request is signed for AWS's own STS only: whoever else got it could use it there.
#[tokio::test]
async fn c18_only_for_awss_own_service() {
    for url in [
        "https://evil.example.org?Action=GetCallerIdentity&Version=2011-06-15",
        "https://sts.amazonaws.com.example.org?Action=GetCallerIdentity&Version=2011-06-15",
        "http://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        "https://sts.{region}.amazonaws.com",
        "https://sts.{region}.amazonaws.com/",
        "https://sts.{region}.amazonaws.com/other?Action=GetCallerIdentity&Version=2011-06-15",
        "https://s3.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        "https://sts.bucket.s3.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        "https://sts.us-east-2.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    ] {
        let world = with_keys().var("AWS_REGION", "eu-west-1");
        let account = aws(json!({ "regional_cred_verification_url": url }));
        let error =
            authenticate(&account, &world.context().with_implicit(true), None, None).await.expect_err(url);
        assert_eq!((error.kind(), world.sent().len()), (ErrorKind::InvalidInput, 0));
        assert!(error.message().contains("regional_cred_verification_url"), "{error}");
    }
    for (url, host, region) in [
        (
            "https://sts.amazonaws.com/?Version=2011-06-15&Action=GetCallerIdentity",
            "sts.amazonaws.com",
            "us-east-1",
        ),
        (
            "https://sts.{region}.amazonaws.com.cn?Action=GetCallerIdentity&Version=2011-06-15",
            "sts.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
        ),
    ] {
        let world = with_keys().var("AWS_REGION", region).answers(token("t", 3599));
        let account = aws(json!({ "regional_cred_verification_url": url }));
        authenticate(&account, &world.context().with_implicit(true), None, None).await.expect("a session");
        let authorization = header_in(&request_in(&world, 0), "Authorization").expect("a signature");
        let expected = signature_for(host, region, "hunter2-key", None);
        assert!(authorization.ends_with(&format!("Signature={expected}")), "{authorization}");
    }
}
