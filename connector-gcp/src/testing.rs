//! What the tests of auth methods, of auto-configuration and of refusals share: answers of Google, in a world that is
//! scripted.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
pub(crate) use connector_conformance::{
    CANARY, Scripted as World, assert_silent, form_field as field, json_answer,
};
use connector_core::{AuthMethod, Authenticated, Call, Context, Request, Response, Result};
use serde_json::{Map, Value, json};

use crate::connector::Gcp;
use crate::narrowing::Narrowing;
use crate::session::Session;

pub(crate) const PROJECT: &str = "my-project";
pub(crate) const EMAIL: &str = "deployer@my-project.iam.gserviceaccount.com";
pub(crate) const TARGET: &str = "target@my-project.iam.gserviceaccount.com";
pub(crate) const WHOLE: &str = "https://www.googleapis.com/auth/cloud-platform";
pub(crate) const USUAL: &str =
    "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email";
pub(crate) const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
pub(crate) const STS_URL: &str = "https://sts.googleapis.com/v1/token";
pub(crate) const GENERATE_URL: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
                                       target@my-project.iam.gserviceaccount.com:generateAccessToken";

/// The key pair of all service accounts here, made for this run.
struct Pair {
    pem: String,
    public: Vec<u8>,
}

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("its form");
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).expect("base64")).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    Pair { pem, public: pair.public_key().as_ref().to_vec() }
});

/// A service account's key file, as the console gives it.
pub(crate) fn key_file() -> Value {
    json!({
        "type": "service_account", "project_id": PROJECT, "private_key_id": "abc123",
        "private_key": PAIR.pem, "client_email": EMAIL, "client_id": "1234567890",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": TOKEN_URL,
        "universe_domain": "googleapis.com",
    })
}

/// A JSON Web Token that the key above signed: its header and its claims.
pub(crate) fn verified(token: &str) -> (Value, Value) {
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &PAIR.public);
    key.verify(message.as_bytes(), &signature).expect("the key's signature");
    let (header, claims) = message.split_once('.').expect("three parts");
    let part = |text| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64")).expect("JSON");
    (part(header), part(claims))
}

/// A login that gcloud made.
pub(crate) fn login_file() -> Value {
    json!({
        "type": "authorized_user", "client_id": "gcloud-client", "client_secret": "hunter2-client",
        "refresh_token": "hunter2-refresh", "account": "me@example.org",
    })
}

/// An impersonated service account that `source` stands in for.
pub(crate) fn impersonated_file(source: &Value) -> Value {
    json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": GENERATE_URL,
        "source_credentials": source,
    })
}

/// The same object, with more or other fields.
pub(crate) fn with(mut base: Value, more: Value) -> Value {
    base.as_object_mut().expect("an object").extend(object(more));
    base
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("not an object"),
    }
}

/// A method from its config, as the registry makes it: checked.
pub(crate) fn method<M: AuthMethod<Connector = Gcp>>(config: Value) -> M {
    let method: M = serde_json::from_value(config).expect("a config of the method");
    assert_eq!(method.check(), [], "the config is good");
    method
}

/// Authenticates once, for as long as is asked or as the method's default says.
pub(crate) async fn authenticate<M: AuthMethod<Connector = Gcp>>(
    method: &M,
    cx: &Context,
    seconds: Option<u64>,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    method.recall(cx).await?;
    method.authenticate(&call(method, cx, seconds), narrowing).await
}

/// The call of [`authenticate`].
pub(crate) fn call<'a, M: AuthMethod>(method: &M, cx: &'a Context, seconds: Option<u64>) -> Call<'a> {
    let default = method.lifetime().map(|it| it.default);
    Call::new(cx, seconds.map(Duration::from_secs).or(default))
}

/// A token endpoint gives an access token.
pub(crate) fn token(name: &str, seconds: u64) -> Response {
    json_answer(200, &json!({ "access_token": name, "expires_in": seconds, "token_type": "Bearer" }))
}

/// IAM Credentials gives a token of another account, which lives so long by a clock at `now`.
pub(crate) fn generated(name: &str, now: SystemTime, seconds: u64) -> Response {
    let end = connector_core::format_time(now + Duration::from_secs(seconds));
    answer_at(now, 200, &json!({ "accessToken": name, "expireTime": end }))
}

/// An answer whose clock stands at `now`.
pub(crate) fn answer_at(now: SystemTime, status: u16, body: &Value) -> Response {
    let date = jiff::Timestamp::try_from(now).expect("a time").strftime("%a, %d %b %Y %H:%M:%S GMT");
    Response::new(status, vec![("date".to_owned(), date.to_string())], body.to_string().into_bytes())
}

/// An OAuth endpoint refuses; what it describes ends with a canary.
pub(crate) fn oauth_refusal(status: u16, code: &str, description: &str) -> Response {
    json_answer(status, &json!({ "error": code, "error_description": format!("{description} {CANARY}") }))
}

/// A service refuses with the shape of Google's APIs; its message is a canary.
pub(crate) fn api_refusal(status: u16, canonical: &str, detail: &Value) -> Response {
    let detail = with(json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo" }), detail.clone());
    json_answer(
        status,
        &json!({ "error": {
            "code": status, "status": canonical, "message": CANARY, "details": [detail, { "other": CANARY }],
        } }),
    )
}

/// The form of the request at this place.
pub(crate) fn form(world: &World, at: usize) -> Vec<(String, String)> {
    world.forms().swap_remove(at)
}

pub(crate) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The JSON body of a request.
pub(crate) fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body()).expect("JSON")
}

/// The fields of a form by their names, without those that are secret.
pub(crate) fn public<'a>(form: &'a [(String, String)], secret: &[&str]) -> Vec<(&'a str, &'a str)> {
    let shown = |(name, value): &'a (String, String)| match secret.contains(&name.as_str()) {
        true => (name.as_str(), "[HIDDEN]"),
        false => (name.as_str(), value.as_str()),
    };
    form.iter().map(shown).collect()
}
