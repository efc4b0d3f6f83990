//! What is printed of values in memory: `Debug` of every public type that can hold a secret, and errors whole.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use connector_aws::auth::{
    AccessKey, FederationToken, IamRole, Network, SecretKey, SessionToken, StsToken, WebIdentity,
};
use connector_aws::{Aws, AwsCredential, Session};
use connector_core::{
    Call, Candidate, Command, Context, Credential, Document, EnvironmentForm, Error, Expiry, Fields, Issued,
    Output, Request, Response, Secret, VirtualClock,
};
use connector_store::{Digest, Entry, KeySource, Lookup, Passphrase, Store};
use connector_tests::canary::{Canary, Sighting};
use connectors::Hub;
use connectors::hub::{self, Changes, Draft, Registration};
use serde_json::{Map, Value, json};

/// Where canaries stand in what `Debug` prints of a value, on one line and on many.
pub(super) fn of_debug(what: &str, value: &impl Debug, canaries: &[Canary]) -> Vec<Sighting> {
    in_text(what, &format!("{value:?}\n{value:#?}"), canaries)
}

/// Where canaries stand in anything that an error can show, the errors beneath it included.
pub(super) fn of_error(what: &str, error: &Error, canaries: &[Canary]) -> Vec<Sighting> {
    let mut text = format!("{error}\n{error:?}\n{error:#?}\n{:?}\n{:?}\n", error.hint(), error.connector());
    text += &format!("{:?}\n{:?}\n", error.causes(), error.field_problems());
    let mut beneath = std::error::Error::source(error);
    while let Some(error) = beneath {
        text += &format!("{error}\n{error:?}\n");
        beneath = error.source();
    }
    in_text(what, &text, canaries)
}

fn in_text(what: &str, text: &str, canaries: &[Canary]) -> Vec<Sighting> {
    canaries.iter().flat_map(|canary| canary.search(what, text.as_bytes())).collect()
}

/// Prints values and remembers which showed a canary.
pub(super) struct Printed {
    canary: Canary,
    count: usize,
    leaks: Vec<Sighting>,
}

impl Printed {
    pub(super) fn new(canary: &Canary) -> Self {
        Self { canary: canary.clone(), count: 0, leaks: Vec::new() }
    }

    pub(super) fn add(&mut self, what: &str, value: &impl Debug) {
        self.count += 1;
        self.leaks.extend(of_debug(what, value, std::slice::from_ref(&self.canary)));
    }

    #[track_caller]
    pub(super) fn assert_clean(&self, at_least: usize) {
        assert!(self.count >= at_least, "only {} values were printed", self.count);
        assert!(self.leaks.is_empty(), "secrets show: {:#?}", self.leaks);
    }
}

fn config(secret: &str) -> Map<String, Value> {
    let config = json!({
        "region": "us-east-1", "aws_access_key_id": format!("AKIA{secret}"), "aws_secret_access_key": secret,
    });
    config.as_object().cloned().expect("an object")
}

fn credential(secret: &str) -> AwsCredential {
    AwsCredential {
        access_key_id: Secret::new(format!("ASIA{secret}")),
        secret_access_key: secret.into(),
        session_token: Some(secret.into()),
        region: "us-east-1".into(),
        account_id: None,
        endpoint_url: None,
        ca_bundle: None,
    }
}

/// C10, S31: values that hold a secret by themselves.
#[test]
fn c10_s31_debug_of_values_shows_no_secret() {
    let canary = Canary::generate("held");
    let secret = canary.secret();
    let mut printed = Printed::new(&canary);
    let credential = credential(secret);
    let issued = Issued::new(credential.clone(), Expiry::At(SystemTime::UNIX_EPOCH));
    let mut fields = Fields::default();
    credential.export(&mut fields);
    let document = Document::draft("x", "aws", "session-token", config(secret));
    let mut changes = Changes::default();
    changes.config.insert("aws_secret_access_key".into(), Some(secret.into()));
    let cx = Context::detached(VirtualClock::at(SystemTime::UNIX_EPOCH));
    let (origin, never) = (Digest::of(["x"]), SystemTime::UNIX_EPOCH);
    let entry = Entry {
        body: secret.into(),
        origin,
        born: never,
        refresh_at: never,
        wait_at: never,
        expires_at: never,
    };

    // The SDK's own type shows the key's id.
    let in_the_sdk = AwsCredential { access_key_id: "ASIAKEYID".into(), ..credential.clone() };

    printed.add("Secret", &Secret::new(secret));
    printed.add("Document", &document);
    printed.add("Draft", &Draft::new(document.clone()));
    printed.add("Changes", &changes);
    printed.add("Fields", &fields);
    printed.add("Issued", &issued);
    printed.add("AwsCredential", &credential);
    printed.add("EnvironmentForm", &EnvironmentForm::default().set("KEY", secret));
    printed.add("EnvironmentForm of a credential", &AwsCredential::environment(&issued).expect("a form"));
    printed.add("aws_credential_types::Credentials", &in_the_sdk.to_sdk(&issued.expiry));
    printed.add("Candidate", &Candidate::new("session-token", config(secret), "a file"));
    printed.add("Command", &Command::new("x").with_args([secret]).with_env("KEY", secret.into()));
    printed.add("Output", &Output::new(secret.as_bytes().to_vec()));
    let url = format!("https://host/{secret}?token={secret}");
    printed.add("Request", &Request::new("GET", url).with_header("authorization", secret).with_body(secret));
    let headers = vec![("x-token".to_owned(), secret.to_owned())];
    printed.add("Response", &Response::new(200, headers, secret.as_bytes().to_vec()));
    printed.add("Context", &cx);
    printed.add("Call", &Call::new(&cx, Some(Duration::from_secs(1))));
    printed.add("KeySource", &KeySource::Literal(secret.into()));
    printed.add("Passphrase", &Passphrase::new(secret.into()));
    printed.add("KeySource of a passphrase", &KeySource::Passphrase(Passphrase::new(secret.into())));
    let options = hub::Options::new("x").with_key(KeySource::Literal(secret.into()));
    printed.add("hub::Options", &options);
    printed.add("store::Options", &connector_store::Options::new("x").with_key(options.key.clone()));
    printed.add("Lookup", &Lookup::Hit(entry.clone()));
    printed.add("Entry", &entry);
    printed.add("Digest", &Digest::of([secret]));
    let envelope = connector_core::Envelope::from_json(&envelope(secret)).expect("an envelope");
    printed.add("Envelope", &envelope);
    printed.add("Envelope, hidden", &envelope.to_hidden());
    let token = connector_k8s::Login::Token(secret.into());
    printed.add("k8s Login", &token);
    let certificate = connector_k8s::Certificate { certificate: "x".into(), key: secret.into() };
    printed.add("k8s Certificate", &connector_k8s::Login::Certificate(certificate));
    let password = connector_docker::Login::Password { username: "x".into(), password: secret.into() };
    printed.add("docker Login", &password);
    printed.add("docker IdentityToken", &connector_docker::Login::IdentityToken(secret.into()));
    printed.assert_clean(30);
}

fn envelope(secret: &str) -> String {
    json!({
        "version": 1, "kind": "aws", "connector": "x", "resource": {"type": "aws-generic", "id": "aws"},
        "within": null, "access": "read", "expires_at": "2099-01-01T00:00:00Z",
        "provider_expiry": "2099-01-01T00:00:00Z", "narrowed": false, "reason": "none", "long_lived": false,
        "public": {"region": "us-east-1"},
        "secret": {"access_key_id": secret, "secret_access_key": secret, "session_token": secret},
    })
    .to_string()
}

/// C10, S31: auth methods, as their authors and their users hold them.
#[test]
fn c10_s31_debug_of_methods_and_profiles_shows_no_secret() {
    let canary = Canary::generate("held");
    let secret = canary.secret();
    let mut printed = Printed::new(&canary);
    let network = || Network::new("us-east-1".parse().expect("a region"));
    let key = || AccessKey::new(format!("AKIA{secret}"), secret);
    let role: connector_aws::names::RoleArn = "arn:aws:iam::123456789012:role/r".parse().expect("a role");
    printed.add("AccessKey", &key());
    printed.add("SecretKey", &SecretKey::new(network(), key()));
    printed.add("StsToken", &StsToken::new(network(), key(), secret));
    printed.add("SessionToken", &SessionToken::new(network(), key()));
    printed.add("FederationToken", &FederationToken::new(network(), key()));
    printed.add("IamRole", &IamRole::new(network(), role.clone(), key()));
    let mut web = WebIdentity::new(network(), role, "/token");
    web.web_identity_token = Some(secret.into());
    printed.add("WebIdentity", &web);
    let text = format!(
        "[default]\naws_access_key_id = {secret}\naws_secret_access_key = {secret}\ncredential_process = p {secret}\n"
    );
    let profiles = connector_aws::profile::Profiles::parse(None, Some((std::path::Path::new("c"), &text)));
    let profiles = profiles.expect("a file in order");
    printed.add("Profiles", &profiles);
    printed.add("Profile", &profiles.profile("default"));
    printed.assert_clean(9);
}

/// C10, S31: what is open: a hub, its store, connectors, handles, sessions, and what is issued.
#[tokio::test]
async fn c10_s31_debug_of_what_is_open_shows_no_secret() {
    let canary = Canary::generate("held");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = KeySource::Passphrase(Passphrase::new(canary.secret().into()));
    let hub = Hub::open(hub::Options::new(folder.path()).with_key(key)).await.expect("a new store");
    let mut config = config(canary.secret());
    config.insert("aws_session_token".into(), canary.secret().into());
    let document = Document::draft("x", "aws", "sts-token", config);
    let registered = hub.register(Draft::new(document), Registration::Unverified).await.expect("in order");

    let mut printed = Printed::new(&canary);
    printed.add("Hub", &hub);
    printed.add("Store", hub.store());
    printed.add("Context", hub.context());
    printed.add("Registry", hub.registry());
    printed.add("Registered", &registered);
    printed.add("stored Document", &hub.get("x").await);
    printed.add("secrets of the store", &hub.store().secrets(&registered.document).await.expect("readable"));
    let connector = hub.connector::<Aws>("x").await.expect("it is one");
    printed.add("Connector", &connector);
    let session: std::sync::Arc<connector_core::Authenticated<Session>> =
        connector.session().await.expect("keys");
    printed.add("Session", &session);
    let handle = hub.handle("x", connector_core::Grant::of_type("aws-generic")).await.expect("a handle");
    printed.add("AnyHandle", &handle);
    let envelope =
        hub.issue("x", connector_core::Grant::of_type("aws-generic")).await.expect("it needs no call");
    assert!(envelope.to_json().expose().contains(canary.secret()), "it is in there");
    printed.add("issued Envelope", &envelope);
    let grant = connector_core::Grant::of_type("aws-generic");
    printed.add("Explanation, with a credential in the cache", &hub.explain("x", grant.clone()).await);
    printed.add("environment", &hub.environment("x", grant).await);
    printed.add("SdkConfig", &handle.client::<connector_aws::aws_types::SdkConfig>().await);
    printed.add("Write", &hub.store().write().await);
    let mut changes = Changes::default();
    changes.config.insert("region".into(), Some(canary.secret().into()));
    let refused = hub.update("x", changes, false, false).await.expect_err("no region");
    assert_eq!(of_error("an update", &refused, std::slice::from_ref(&canary)), []);
    printed.add("Deleted", &hub.delete("x", false).await);
    drop::<Store>(hub.store().clone());
    printed.assert_clean(15);
}
