//! Every form of credential file: read as it is and packed, refused with its reason, never quoted.

mod forms;
mod hostile;
mod keys;
mod sources;
mod wrong;

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_conformance::CANARY;
use connector_core::{Error, Result, Secret};
use serde_json::{Value, json};

use super::*;

/// A private key in DER, made once.
fn der() -> &'static [u8] {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("its form");
        der.as_ref().to_vec()
    })
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> =
        body.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).expect("base64")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// As Google writes it.
fn key() -> String {
    pem("PRIVATE KEY", der())
}

fn service_account() -> Value {
    json!({
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "0123456789abcdef",
        "private_key": key(),
        "client_email": "deployer@my-project.iam.gserviceaccount.com",
        "client_id": "123456789012345678901",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/deployer",
        "universe_domain": "googleapis.com",
        "a field of tomorrow": CANARY,
    })
}

fn authorized_user() -> Value {
    json!({
        "type": "authorized_user",
        "account": "",
        "client_id": "764086051850.apps.googleusercontent.com",
        "client_secret": format!("d-{CANARY}"),
        "refresh_token": format!("1//{CANARY}"),
        "quota_project_id": "paying-project",
        "universe_domain": "googleapis.com",
    })
}

fn external_user() -> Value {
    json!({
        "type": "external_account_authorized_user",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/pool/providers/okta",
        "refresh_token": format!("1//{CANARY}"),
        "token_url": "https://sts.googleapis.com/v1/oauthtoken",
        "token_info_url": "https://sts.googleapis.com/v1/introspect",
        "client_id": "client",
        "client_secret": format!("d-{CANARY}"),
    })
}

fn external(source: Value) -> Value {
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/github",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": source,
    })
}

/// An identity of a workforce's pool.
fn workforce(source: Value) -> Value {
    let file = external(source);
    let file = with(
        file,
        "audience",
        json!("//iam.googleapis.com/locations/global/workforcePools/pool/providers/okta"),
    );
    with(file, "subject_token_type", json!("urn:ietf:params:oauth:token-type:id_token"))
}

fn impersonated(source: Value) -> Value {
    json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": IMPERSONATION_URL,
        "delegates": ["projects/-/serviceAccounts/between@my-project.iam.gserviceaccount.com", "b@c.d"],
        "source_credentials": source,
    })
}

const IMPERSONATION_URL: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
    target@my-project.iam.gserviceaccount.com:generateAccessToken";

fn client(kind: &str) -> Value {
    json!({ kind: {
        "client_id": "client",
        "project_id": "my-project",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "client_secret": format!("GOCSPX-{CANARY}"),
        "redirect_uris": ["http://localhost:8085/"],
    } })
}

fn token_file() -> Value {
    json!({ "file": "/var/run/token" })
}

/// One of each form, by name.
fn all_forms() -> Vec<(&'static str, Value)> {
    vec![
        ("service_account", service_account()),
        ("authorized_user", authorized_user()),
        ("external_account_authorized_user", external_user()),
        ("external_account", external(token_file())),
        ("impersonated_service_account", impersonated(authorized_user())),
        ("installed", client("installed")),
        ("web", client("web")),
    ]
}

/// Sets a field, by a path with dots.
fn with(mut file: Value, path: &str, value: Value) -> Value {
    *field(&mut file, path) = value;
    file
}

/// Takes a field away.
fn without(mut file: Value, path: &str) -> Value {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    field(&mut file, parent).as_object_mut().expect("an object").remove(name).expect("the field");
    file
}

fn field<'a>(file: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').filter(|it| !it.is_empty()).fold(file, |value, name| &mut value[name])
}

/// What each reader makes of a text, shown as in a log.
fn shown_by_all(text: &str) -> Vec<(&'static str, Result<String>)> {
    fn show<T: std::fmt::Debug>(read: Result<T>) -> Result<String> {
        read.map(|it| format!("{it:?} {it:#?}"))
    }
    let text = Secret::new(text);
    vec![
        ("any", show(CredentialFile::parse(&text))),
        ("service_account_json", show(ServiceAccountKey::parse(&text))),
        ("user_account_json", show(UserFile::parse(&text))),
        ("external_account_json", show(ExternalAccount::parse(&text))),
        ("client_secrets_json", show(ClientSecrets::parse(&text))),
    ]
}

/// Fails when a text shows a secret: the canary, or a line of the key.
fn assert_quiet(shown: &str) {
    static LINES: OnceLock<Vec<String>> = OnceLock::new();
    let lines =
        LINES.get_or_init(|| key().lines().filter(|it| !it.starts_with('-')).map(str::to_owned).collect());
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(!lines.iter().any(|it| shown.contains(&it[..16.min(it.len())])), "a line of the key: {shown}");
}

/// An error as a person sees it, after a look for secrets.
fn told(error: &Error) -> String {
    assert_quiet(&format!("{error} {error:?} {error:#?}"));
    match error.hint() {
        Some(hint) => format!("{} | {hint}", error.message()),
        None => error.message().to_owned(),
    }
}

/// Reads with every reader, looks for secrets in all that is shown, and gives back how many took it.
fn read_by_all(text: &str) -> usize {
    let shown = shown_by_all(text);
    let taken = shown.iter().filter(|(_, it)| it.is_ok()).count();
    for (_, result) in shown {
        match result {
            Ok(shown) => assert_quiet(&shown),
            Err(error) => drop(told(&error)),
        }
    }
    taken
}
