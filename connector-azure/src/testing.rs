//! What the tests of auth methods, of auto-configuration and of refusals share: answers of Azure, in a world that is
//! scripted.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
pub(crate) use connector_conformance::{CANARY, Scripted as World, form_field as field, json_answer};
use connector_core::{AuthMethod, Authenticated, Call, Context, Request, Response, Result};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use serde_json::{Map, Value, json};

use crate::connector::Azure;
use crate::narrowing::Narrowing;
use crate::session::Session;

pub(crate) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
pub(crate) const SUBSCRIPTION: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
pub(crate) const TOKEN_URL: &str =
    "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token";
pub(crate) const ARM: &str = "https://management.azure.com";

/// A new RSA key: PEM, and the public half in DER.
pub(crate) fn rsa_pair() -> (String, Vec<u8>) {
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("its form");
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).expect("base64")).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    (pem, pair.public_key().as_ref().to_vec())
}

/// The certificate of all applications here, made for this run.
struct Made {
    certificate: String,
    key: String,
    public: Vec<u8>,
    der: Vec<u8>,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let (key, public) = rsa_pair();
    let pair = KeyPair::from_pem_and_sign_algo(&key, &PKCS_RSA_SHA256).expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "an application");
    let certificate = params.self_signed(&pair).expect("a certificate");
    Made { certificate: certificate.pem(), key, public, der: certificate.der().to_vec() }
});

/// A certificate and its key, in PEM.
pub(crate) fn certificate_and_key() -> (String, String) {
    (MADE.certificate.clone(), MADE.key.clone())
}

/// The certificate above in DER.
pub(crate) fn certificate_der() -> Vec<u8> {
    MADE.der.clone()
}

/// A proof that the key above signed: its header and its claims.
pub(crate) fn verified(token: &str) -> (Value, Value) {
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &MADE.public);
    key.verify(message.as_bytes(), &signature).expect("the key's signature");
    let (header, claims) = message.split_once('.').expect("three parts");
    let part = |text| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64")).expect("JSON");
    (part(header), part(claims))
}

/// A token as Entra ID makes them, whose signature nobody here looks at.
pub(crate) fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims), "c2lnbmF0dXJl")
}

/// An application with a secret.
pub(crate) fn with_secret() -> Value {
    json!({ "tenant_id": TENANT, "client_id": CLIENT, "client_secret": "hunter2-secret" })
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
pub(crate) fn method<M: AuthMethod<Connector = Azure>>(config: Value) -> M {
    let method: M = serde_json::from_value(config).expect("a config of the method");
    assert_eq!(method.check(), [], "the config is good");
    method
}

/// What a config is refused for: fields and messages.
pub(crate) fn faults<M: AuthMethod<Connector = Azure>>(config: Value) -> Vec<(String, String)> {
    let method: M = serde_json::from_value(config).expect("a config of the method");
    method.check().into_iter().map(|it| (it.field, it.message)).collect()
}

/// Authenticates once, for as long as is asked or as the method's default says.
pub(crate) async fn authenticate<M: AuthMethod<Connector = Azure>>(
    method: &M,
    cx: &Context,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    method.recall(cx).await?;
    let default = method.lifetime().map(|it| it.default);
    method.authenticate(&Call::new(cx, default), narrowing).await
}

/// Entra ID gives an access token.
pub(crate) fn token(name: &str, seconds: u64) -> Response {
    json_answer(200, &json!({ "access_token": name, "expires_in": seconds, "token_type": "Bearer" }))
}

/// Entra ID refuses, by a number; what it describes ends with a canary.
pub(crate) fn aadsts(status: u16, word: &str, number: u64) -> Response {
    let description = format!("AADSTS{number}: {CANARY}");
    json_answer(
        status,
        &json!({ "error": word, "error_description": description, "error_codes": [number], "trace_id": CANARY }),
    )
}

/// A service refuses with the shape of Azure's APIs; its message is a canary.
pub(crate) fn refusal(status: u16, code: &str) -> Response {
    json_answer(status, &json!({ "error": { "code": code, "message": CANARY, "details": [] } }))
}

/// An answer whose clock stands so many seconds from `World`'s.
pub(crate) fn answer_at(now: std::time::SystemTime, status: u16, body: &Value) -> Response {
    let date = jiff::Timestamp::try_from(now).expect("a time").strftime("%a, %d %b %Y %H:%M:%S GMT");
    Response::new(status, vec![("date".to_owned(), date.to_string())], body.to_string().into_bytes())
}

/// The form of the request at this place.
pub(crate) fn form(world: &World, at: usize) -> Vec<(String, String)> {
    world.forms().swap_remove(at)
}

pub(crate) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The fields of a form by their names, without those that are secret.
pub(crate) fn public<'a>(form: &'a [(String, String)], secret: &[&str]) -> Vec<(&'a str, &'a str)> {
    let shown = |(name, value): &'a (String, String)| match secret.contains(&name.as_str()) {
        true => (name.as_str(), "[HIDDEN]"),
        false => (name.as_str(), value.as_str()),
    };
    form.iter().map(shown).collect()
}

/// Where `az` keeps its files in these worlds.
pub(crate) const AZ_FOLDER: &str = "/home/u/.azure";

/// A person's subscription, as `az` writes it into its profile.
pub(crate) fn az_subscription(more: Value) -> Value {
    let one = json!({
        "id": SUBSCRIPTION, "name": "Production", "state": "Enabled", "isDefault": true, "tenantId": TENANT,
        "environmentName": "AzureCloud", "homeTenantId": TENANT, "managedByTenants": [],
        "user": { "name": "alice@example.org", "type": "user" },
    });
    with(one, more)
}

/// `az` knows these subscriptions. It begins the file with a mark.
pub(crate) fn az_profile(world: World, subscriptions: &[Value]) -> World {
    let profile = json!({ "installationId": "x", "subscriptions": subscriptions });
    world
        .var("HOME", "/home/u")
        .file(&format!("{AZ_FOLDER}/azureProfile.json"), &format!("\u{feff}{profile}"))
}

/// What `az` keeps of alice's login.
pub(crate) fn az_tokens() -> Value {
    let home = format!("{CLIENT}.{TENANT}");
    json!({
        "AccessToken": {}, "IdToken": {}, "AppMetadata": {},
        "Account": { "a": {
            "home_account_id": home, "environment": "login.microsoftonline.com", "realm": TENANT,
            "local_account_id": CLIENT, "username": "Alice@example.org", "authority_type": "MSSTS",
        } },
        "RefreshToken": { "r": {
            "credential_type": "RefreshToken", "secret": "1.hunter2-of-az", "home_account_id": home,
            "environment": "login.microsoftonline.com", "client_id": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            "target": "https://management.core.windows.net//.default", "family_id": "1",
        } },
    })
}

/// Alice logged in with `az`.
pub(crate) fn az_login(world: World) -> World {
    az_tokens_in(az_profile(world, &[az_subscription(json!({}))]), &az_tokens())
}

/// `az` keeps these tokens of people.
pub(crate) fn az_tokens_in(world: World, tokens: &Value) -> World {
    world.file(&format!("{AZ_FOLDER}/msal_token_cache.json"), &tokens.to_string())
}

/// An application's subscription, as `az` writes it into its profile.
pub(crate) fn az_application() -> Value {
    az_subscription(json!({ "user": { "name": CLIENT, "type": "servicePrincipal" } }))
}

/// `az` keeps this of applications.
pub(crate) fn az_entries(world: World, entries: &Value) -> World {
    world.file(&format!("{AZ_FOLDER}/service_principal_entries.json"), &entries.to_string())
}

/// Nobody answers at the metadata service, as on most machines.
pub(crate) fn no_metadata(world: World) -> World {
    world.fails(connector_core::Error::unreachable("no connection to http://169.254.169.254"))
}
