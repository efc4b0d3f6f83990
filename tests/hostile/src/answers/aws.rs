//! Methods and resources of AWS.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Method, Provider};
use crate::CANARY;

/// The methods.
pub(super) const METHODS: [Method; 11] = [
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

pub(super) const PROVIDER: Provider = Provider { id: "aws", resources: &RESOURCES };

const RESOURCES: [(&str, &str); 7] = [
    ("aws-generic", ""),
    ("s3-bucket", "s3://zenfiles"),
    ("kubernetes-cluster", "demo"),
    ("docker-registry", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
    ("docker-registry", "public.ecr.aws"),
    ("secret", "prod/db"),
    ("kubernetes-cluster", "arn:aws:eks:eu-west-1:123456789012:cluster/demo"),
];

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

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

pub(super) fn files() -> HashMap<PathBuf, Vec<u8>> {
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
