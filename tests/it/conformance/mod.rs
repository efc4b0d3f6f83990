//! The kit that every connector passes, on AWS. The other providers run it in their own tests.

mod cloud;

use connector_aws::AwsCredential;
use connector_conformance::{Kit, Rule, canary};
use connector_core::Registry;
use connector_docker::DockerCredential;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";
const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// What documents out there hold: a change here is a decision.
const IDS: &[&str] = &[
    "type aws",
    "type docker",
    "method aws/federation-token",
    "method aws/iam-role",
    "method aws/implicit",
    "method aws/secret-key",
    "method aws/session-token",
    "method aws/sso",
    "method aws/sts-token",
    "method aws/web-identity",
    "method docker/anonymous",
    "method docker/identity-token",
    "method docker/password",
    "resource aws/aws-generic",
    "resource aws/docker-registry",
    "resource aws/kubernetes-cluster",
    "resource aws/s3-bucket",
    "resource aws/secret",
    "resource docker/docker-registry",
    "kind aws",
    "kind docker",
    "kind kubernetes",
];

/// A key, and more.
fn keyed(more: Value) -> Value {
    let mut config = json!({
        "region": "eu-west-1",
        "aws_access_key_id": canary("access_key_id"),
        "aws_secret_access_key": canary("secret_access_key"),
    });
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// Everything of AWS, with an example config of each method.
fn methods() -> Kit {
    let login =
        json!({ "accessToken": canary("access_token"), "expiresAt": "2026-01-01T08:00:00Z" }).to_string();
    let all = connector_aws::REGISTRATIONS.iter().chain(connector_docker::REGISTRATIONS);
    Kit::with_registry(Registry::of(all).expect("one of each"))
        .stable_ids(IDS)
        .method("aws", "implicit", json!({ "region": "eu-west-1", "profile_name": "work" }))
        .method("aws", "secret-key", keyed(json!({})))
        .method(
            "aws",
            "sts-token",
            keyed(json!({ "aws_session_token": canary("session_token"), "expires_at": "2026-01-01T01:00:00Z" })),
        )
        .method(
            "aws",
            "iam-role",
            keyed(json!({
                "role_arn": ROLE, "external_id": "an-id", "session_tags": { "team": "blue" },
                "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"], "role_session_name": "nightly",
                "ca_bundle": "/etc/ssl/ours.pem", "mfa_serial": "arn:aws:iam::123456789012:mfa/alice",
            })),
        )
        .method("aws", "iam-role", json!({ "region": "eu-west-1", "role_arn": [ROLE, ROLE], "source": "base" }))
        .method("aws", "session-token", keyed(json!({ "endpoint_url": "http://127.0.0.1:9000" })))
        .method(
            "aws",
            "federation-token",
            keyed(json!({ "policy": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] } })),
        )
        .method(
            "aws",
            "web-identity",
            json!({ "region": "eu-west-1", "role_arn": ROLE, "web_identity_token_file": "/var/run/token" }),
        )
        .method(
            "aws",
            "web-identity",
            json!({ "region": "eu-west-1", "role_arn": ROLE, "web_identity_token": canary("web_identity_token") }),
        )
        .method(
            "aws",
            "sso",
            json!({
                "region": "eu-west-1", "start_url": "https://ours.awsapps.com/start", "sso_region": "us-east-1",
                "account_id": "123456789012", "role_name": "Developer", "login": login,
            }),
        )
        .method("docker", "password", json!({ "username": "me", "password": canary("password"), "plain_http": false }))
        .method(
            "docker",
            "identity-token",
            json!({
                "identity_token": canary("identity_token"), "registry": "docker.io",
                "ca_bundle": "/etc/ssl/ours.pem",
            }),
        )
        .method("docker", "anonymous", json!({ "registry": "https://index.docker.io/v1/" }))
        .resource("docker", "docker-registry", &["docker.io", "https://index.docker.io/v1/", "user/repo"])
        .parts("docker", "docker-registry", &["team/app", "library/alpine"])
}

/// S2, S7, S10, S17, C28: what the methods and resource types of AWS and Docker say of themselves, and how they read
/// what they are given.
#[tokio::test]
async fn s7_s10_s17_c28_aws_and_docker_conform() {
    let kit = methods()
        .resource("aws", "aws-generic", &["eu-west-1", "arn:aws:iam::123456789012:root"])
        .resource(
            "aws",
            "s3-bucket",
            &[
                "s3://zenfiles",
                "zenfiles",
                "s3://zenfiles/a/b",
                "arn:aws:s3:::zenfiles",
                "arn:aws-cn:s3:::zenfiles/a/",
            ],
        )
        .parts("aws", "s3-bucket", &["a", "a/", "a/b c/ü"])
        .resource("aws", "kubernetes-cluster", &["demo", "arn:aws:eks:eu-west-1:123456789012:cluster/demo"])
        .resource(
            "aws",
            "docker-registry",
            &[
                REGISTRY,
                &format!("https://{REGISTRY}/team/app"),
                "123456789012.dkr-ecr.eu-west-1.on.aws",
                "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
                "public.ecr.aws/alias/app",
            ],
        )
        .parts("aws", "docker-registry", &["team/app"])
        .resource(
            "aws",
            "secret",
            &["prod/db", "prod/", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCd12"],
        );
    kit.assert().await;
}

/// S21, S31, S34, C18, C25, C26: what the methods of AWS and Docker issue, renew and survive, on a clock of their own. The other
/// resource types ask services that no part of this test plays.
#[tokio::test]
async fn s21_s31_s34_c18_c25_c26_aws_and_docker_issue_as_they_should() {
    let elsewhere = "its service is not played here; tests/it/emulator.rs has it";
    let mut kit = methods()
        .resource("aws", "aws-generic", &["eu-west-1"])
        .resource("aws", "s3-bucket", &["s3://zenfiles", "s3://zenfiles2"])
        .parts("aws", "s3-bucket", &["a/"])
        .kind::<AwsCredential>()
        .kind::<DockerCredential>()
        .world(cloud::context);
    let anonymous = "kind docker, method docker/anonymous, resource type docker-registry";
    kit = kit.except(
        Rule::FORMS_ARE_SOUND,
        anonymous,
        "docker's form for no login is a refusal in its own words",
    );
    for resource in ["docker-registry", "kubernetes-cluster", "secret"] {
        kit = kit.except(Rule::EXAMPLES_ARE_GIVEN, &format!("resource type aws/{resource}"), elsewhere);
    }
    kit.assert().await;
}
