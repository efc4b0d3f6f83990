//! Answers of AWS, of metadata services and of programs, through every method and resource type.

use std::collections::HashMap;
use std::path::PathBuf;

use connector_core::{AnyConnector, Context, Document, Envelope, Error, Grant, Response, Terms};
use serde_json::{Value, json};

use crate::envelopes::use_envelope;
use crate::world::{World, block_on};
use crate::{CANARY, parts, registry, shown, text};

/// The methods: what the first character of an input chooses.
const METHODS: [(&str, Method); 11] = [
    ("iam-role", || keyed(json!({ "role_arn": ROLE }))),
    ("session-token", || keyed(json!({}))),
    ("federation-token", || keyed(json!({}))),
    ("web-identity", || placed(json!({ "role_arn": ROLE, "web_identity_token_file": "/token" }))),
    ("sso", || placed(portal())),
    ("implicit", || placed(json!({}))),
    ("implicit", || placed(json!({ "profile_name": "instance" }))),
    ("implicit", || placed(json!({ "profile_name": "process" }))),
    ("secret-key", || keyed(json!({}))),
    ("sts-token", || keyed(json!({ "aws_session_token": CANARY }))),
    ("implicit", || placed(json!({ "profile_name": "sso" }))),
];

type Method = fn() -> Value;

/// The resources: what the second character chooses.
const RESOURCES: [(&str, &str); 7] = [
    ("aws-generic", ""),
    ("s3-bucket", "s3://zenfiles"),
    ("kubernetes-cluster", "demo"),
    ("docker-registry", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
    ("docker-registry", "public.ecr.aws"),
    ("secret", "prod/db"),
    ("kubernetes-cluster", "arn:aws:eks:eu-west-1:123456789012:cluster/demo"),
];

/// The statuses: what the fourth character chooses.
const STATUSES: [u16; 10] = [200, 400, 401, 403, 404, 429, 500, 301, 204, 999];

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

/// Four characters that choose method, resource, what is done and the status; then the answers. An answer may begin
/// with headers, each in a line of its own with `> ` before it.
pub fn answers(input: &[u8]) {
    let Some((choice, bodies)) = input.split_at_checked(4) else { return };
    if let Some(bodies) = text(bodies) {
        answers_of_any_size(choice, bodies);
    }
}

/// As [`answers`], with the choice apart, and answers that may be as large as the limit of the network.
///
/// # Panics
/// When something does not hold, or the choice is shorter than four bytes.
pub fn answers_of_any_size(choice: &[u8], bodies: &str) {
    let chosen = |at: usize, count: usize| usize::from(choice[at].wrapping_sub(b'0')) % count;
    let (method, config) = METHODS[chosen(0, METHODS.len())];
    let (resource_type, id) = RESOURCES[chosen(1, RESOURCES.len())];
    let status = STATUSES[chosen(3, STATUSES.len())];
    let answers: Vec<Response> = parts(bodies).map(|it| response(status, it)).collect();
    let output = answers[0].body().to_vec();
    let cx = World::answering(answers, output).context(files()).with_implicit(true);
    let connector = open(method, &config());
    let outcome = block_on(act(&connector, &cx, chosen(2, 5), Grant::new(resource_type, id)));
    match outcome {
        Ok(Some(envelope)) => use_envelope(&envelope),
        Ok(None) => {}
        Err(error) => judge(&error),
    }
}

fn judge(error: &Error) {
    let shown = shown(error);
    assert!(!shown.contains(CANARY), "an error quotes an answer: {shown}");
    assert!(shown.len() < 8 * 1024, "an error of {} bytes", shown.len());
}

async fn act(
    connector: &AnyConnector,
    cx: &Context,
    what: usize,
    grant: Grant,
) -> Result<Option<Envelope>, Error> {
    let terms = std::sync::Arc::new(connector.terms().clone());
    let cx = &cx.for_connector(terms);
    match what {
        0 => connector.resource(cx, grant).await?.envelope().await.map(Some),
        1 => {
            let resource_type = grant.resource_type.unwrap_or_default();
            connector.list(cx, &resource_type).await.map(|_| None)
        }
        2 => connector.resource(cx, grant).await?.reach().await.map(|()| None),
        3 => connector.authenticate(cx).await.map(|()| None),
        _ => connector.trust(cx).await.map(|_| None),
    }
}

fn open(method: &str, config: &Value) -> AnyConnector {
    let config = config.as_object().cloned().expect("an object");
    let mut document = Document::draft("ours", "aws", method, config.clone());
    document.allow = connector_core::Allow::ALL.into();
    let connector = registry().open(&document, config).expect("a config of its method");
    let _: &Terms = connector.terms();
    connector
}

fn response(status: u16, mut text: &str) -> Response {
    let mut headers = Vec::new();
    while let Some((line, rest)) = text.strip_prefix("> ").and_then(|it| it.split_once('\n')) {
        if let Some((name, value)) = line.split_once(": ") {
            headers.push((name.to_owned(), value.to_owned()));
        }
        text = rest;
    }
    Response::new(status, headers, text.as_bytes().to_vec())
}

fn placed(more: Value) -> Value {
    let mut config = json!({ "region": "eu-west-1" });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    config
}

fn keyed(more: Value) -> Value {
    let mut config = placed(more);
    config["aws_access_key_id"] = "AKIACANARYHUNTER".into();
    config["aws_secret_access_key"] = CANARY.into();
    config
}

fn portal() -> Value {
    json!({
        "start_url": "https://example.awsapps.com/start",
        "sso_region": "eu-west-1",
        "account_id": "123456789012",
        "role_name": "reader",
    })
}

fn files() -> HashMap<PathBuf, Vec<u8>> {
    let profiles = format!(
        "[profile instance]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n\
         [profile process]\ncredential_process = /bin/program {CANARY}\n\
         [profile sso]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = reader\n\
         [sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n"
    );
    let login = format!(r#"{{"accessToken":"{CANARY}","expiresAt":"2026-01-01T08:00:00Z"}}"#);
    let kept = "/home/alice/.aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json";
    HashMap::from([
        (PathBuf::from("/home/alice/.aws/config"), profiles.into_bytes()),
        (PathBuf::from("/token"), CANARY.into()),
        (PathBuf::from(kept), login.into_bytes()),
    ])
}
