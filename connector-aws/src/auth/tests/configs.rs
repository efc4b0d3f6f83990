//! What holds for the config of every method.

use connector_core::{AuthMethod, Context, Document, ErrorKind, Registry};
use serde_json::{Value, json};

use super::{ROLE, keyed};
use crate::auth::{FederationToken, IamRole, Implicit, SecretKey, SessionToken, StsToken, WebIdentity};
use crate::connector::Aws;
use crate::testing::{CANARY, World, object};

fn registry() -> Registry {
    Registry::of(crate::REGISTRATIONS).expect("a registry")
}

const METHODS: &[&str] = &[
    "implicit",
    "secret-key",
    "sts-token",
    "iam-role",
    "session-token",
    "federation-token",
    "web-identity",
    #[cfg(feature = "sso")]
    "sso",
];

/// S2, S7: the methods are there, and every field says what it is.
#[test]
fn s2_s7_every_field_is_described() {
    let registry = registry();
    for method in METHODS {
        let fields = registry.fields("aws", method).expect(method);
        assert!(fields.len() >= 5, "{method}");
        for field in &fields {
            assert!(field.description.len() > 10, "{method}.{} has no description", field.name);
            assert_ne!(field.kind, "any", "{method}.{}", field.name);
        }
        let region = fields.iter().find(|it| it.name == "region").expect("a region");
        assert!(region.required && !region.secret, "S19: {method}");
        for name in ["endpoint_url", "sts_endpoint_url", "ca_bundle"] {
            assert!(fields.iter().any(|it| it.name == name && !it.required), "{method}.{name}");
        }
    }
}

/// The marks of secrets, and what is required, are those of the catalogue.
#[test]
fn s6_secrets_and_requirements() {
    let registry = registry();
    let marked = |method: &str| -> (Vec<String>, Vec<String>) {
        let mut fields = registry.fields("aws", method).expect(method);
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        let names = |which: fn(&connector_core::Field) -> bool| {
            fields.iter().filter(|it| which(it)).map(|it| it.name.clone()).collect()
        };
        (names(|it| it.secret), names(|it| it.required))
    };
    let key = ["aws_access_key_id", "aws_secret_access_key"];
    let with = |more: &[&str]| [&key[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    for method in ["secret-key", "session-token", "federation-token"] {
        assert_eq!(marked(method), (with(&[]), with(&["region"])), "{method}");
    }
    let token =
        vec!["aws_access_key_id".to_owned(), "aws_secret_access_key".into(), "aws_session_token".into()];
    assert_eq!(marked("sts-token"), (token.clone(), [token.clone(), vec!["region".into()]].concat()));
    assert_eq!(marked("iam-role"), (token, vec!["region".into(), "role_arn".into()]));
    assert_eq!(
        marked("web-identity"),
        (vec!["web_identity_token".into()], vec!["region".into(), "role_arn".into()])
    );
    assert_eq!(marked("implicit"), (vec![], vec!["region".into()]));
    let source = registry.fields("aws", "iam-role").expect("fields");
    assert_eq!(
        source.iter().find(|it| it.name == "source").and_then(|it| it.connector.as_deref()),
        Some("aws")
    );
}

fn problems(method: &str, config: Value) -> Vec<String> {
    let document = Document::draft("test", "aws", method, object(config));
    let checked = registry().check(&document, &Context::detached(World::new()).with_implicit(true));
    let opened = checked.and_then(|()| registry().open(&document, document.config.clone()).map(drop));
    match opened {
        Ok(()) => Vec::new(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            crate::testing::assert_silent(&error);
            error.field_problems().iter().map(|it| it.field.clone()).collect()
        }
    }
}

/// S10: unknown keys, missing keys, wrong types and rules across fields are all named, and no value is shown.
#[test]
fn s10_faults_are_named() {
    let role = |more: Value| {
        let mut config = keyed(json!({ "role_arn": ROLE }));
        super::merge(&mut config, more);
        config
    };
    let token = |more: Value| {
        let mut config = json!({ "region": "eu-west-1", "role_arn": ROLE });
        super::merge(&mut config, more);
        config
    };
    let key = ["aws_access_key_id", "aws_secret_access_key"];
    for (method, config, expected) in [
        ("iam-role", role(json!({})), vec![]),
        ("iam-role", role(json!({ "role_arn": [ROLE, ROLE] })), vec![]),
        ("iam-role", token(json!({ "source": "base" })), vec![]),
        ("iam-role", token(json!({})), key.to_vec()),
        ("iam-role", role(json!({ "source": "base" })), key.to_vec()),
        ("iam-role", role(json!({ "mystery": "hunter2" })), vec!["mystery"]),
        ("iam-role", role(json!({ "role_arn": "hunter2" })), vec!["role_arn"]),
        ("iam-role", role(json!({ "role_arn": [] })), vec!["role_arn"]),
        ("iam-role", role(json!({ "role_arn": 1 })), vec!["role_arn"]),
        ("iam-role", role(json!({ "role_arn": "arn:aws-cn:iam::123456789012:role/a" })), vec!["role_arn"]),
        (
            "iam-role",
            role(json!({ "external_id": "hunter2 x", "region": "EU" })),
            vec!["external_id", "region"],
        ),
        ("iam-role", role(json!({ "region": "garage" })), vec!["region"]),
        ("iam-role", role(json!({ "region": "garage", "endpoint_url": "http://127.0.0.1:1" })), vec![]),
        ("iam-role", role(json!({ "endpoint_url": "http://hunter2.example.org" })), vec!["endpoint_url"]),
        (
            "iam-role",
            role(json!({ "sts_endpoint_url": "https://169.254.169.254" })),
            vec!["sts_endpoint_url"],
        ),
        ("iam-role", role(json!({ "endpoint_url": 1 })), vec!["endpoint_url"]),
        ("iam-role", role(json!({ "policy": "hunter2" })), vec!["policy"]),
        ("iam-role", role(json!({ "policy_arns": ["hunter2"] })), vec!["policy_arns[0]"]),
        ("iam-role", role(json!({ "ca_bundle": "hunter2.pem" })), vec!["ca_bundle"]),
        ("iam-role", role(json!({ "session_tags": { "": "x" } })), vec!["session_tags"]),
        ("iam-role", role(json!({ "aws_secret_access_key": "hunter2 " })), vec!["aws_secret_access_key"]),
        (
            "iam-role",
            role(json!({ "policy_arns": vec!["arn:aws:iam::aws:policy/A"; 11] })),
            vec!["policy_arns"],
        ),
        ("web-identity", token(json!({})), vec!["web_identity_token_file"]),
        ("web-identity", token(json!({ "web_identity_token_file": "a" })), vec!["web_identity_token_file"]),
        (
            "web-identity",
            token(json!({ "web_identity_token_file": "/a", "web_identity_token": "hunter2" })),
            vec!["web_identity_token"],
        ),
        ("web-identity", token(json!({ "web_identity_token": "hunter2" })), vec![]),
        ("sts-token", keyed(json!({})), vec!["aws_session_token"]),
        (
            "sts-token",
            keyed(json!({ "aws_session_token": "t", "expires_at": "hunter2" })),
            vec!["expires_at"],
        ),
        ("session-token", keyed(json!({ "aws_access_key_id": "ASIAX" })), vec!["aws_access_key_id"]),
        ("session-token", keyed(json!({ "mfa_serial": "x" })), vec!["mfa_serial"]),
        (
            "implicit",
            json!({ "region": "eu-west-1", "policy_arns": ["arn:aws:iam::aws:policy/A"] }),
            vec!["policy_arns"],
        ),
        ("secret-key", json!({}), vec!["aws_access_key_id", "aws_secret_access_key", "region"]),
    ] {
        let mut found = problems(method, config.clone());
        found.sort();
        assert_eq!(found, expected, "{method}");
    }
}

/// Nothing that is printed of a config shows a secret.
#[test]
fn debug_shows_no_secret() {
    fn shown<M: AuthMethod<Connector = Aws> + std::fmt::Debug>(config: Value) -> String {
        format!("{:?}", crate::testing::method::<M>(config))
    }
    let out = vec![
        shown::<SecretKey>(keyed(json!({}))),
        shown::<SessionToken>(keyed(json!({}))),
        shown::<FederationToken>(keyed(json!({}))),
        shown::<StsToken>(keyed(json!({ "aws_session_token": CANARY }))),
        shown::<IamRole>(keyed(json!({ "role_arn": ROLE, "aws_session_token": CANARY }))),
        shown::<WebIdentity>(
            json!({ "region": "eu-west-1", "role_arn": ROLE, "web_identity_token": CANARY }),
        ),
        shown::<Implicit>(json!({ "region": "eu-west-1" })),
    ];
    #[cfg(feature = "sso")]
    let out = [
        out,
        vec![shown::<crate::auth::Sso>(json!({
            "region": "eu-west-1", "start_url": "https://a.awsapps.com/start", "sso_region": "us-east-1",
            "account_id": "123456789012", "role_name": "r",
            "login": json!({ "accessToken": CANARY, "expiresAt": "2026-01-01T00:00:00Z" }).to_string(),
        }))],
    ]
    .concat();
    assert!(out.iter().all(|it| !it.contains(CANARY)), "{out:?}");
}
