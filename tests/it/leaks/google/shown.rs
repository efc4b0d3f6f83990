//! `Debug` of every public type of Google Cloud's that can hold a secret.

use connector_core::{AuthMethod, Credential as _, Document, Expiry, Grant, Issued, Secret};
use connector_store::KeySource;
use connector_tests::canary::Canary;
use connector_tests::strict_google::StrictGoogle;
use connectors::Hub;
use connectors::gcp::auth::{
    ExternalAccount, Impersonation, Implicit, JsonFile, Oauth2Token, ServiceAccount, UserAccount,
};
use connectors::gcp::file::{self, ClientSecrets, ServiceAccountKey, UserFile};
use connectors::gcp::google_cloud_auth::credentials::{AccessTokenCredentials, Credentials};
use connectors::gcp::{Gcp, GcpCredential};
use connectors::hub::{self, Draft, Registration};
use serde_json::{Value, json};

use crate::leaks::shown::Printed;

fn method<M: AuthMethod>(config: Value) -> M {
    serde_json::from_value(config).expect("fields of their types")
}

/// Where a secret may have slipped to: fields of the place, which are no secrets when they are right.
fn misplaced(secret: &str, more: Value) -> Value {
    let mut config = json!({
        "project_id": secret, "quota_project_id": secret, "universe_domain": secret,
        "endpoint_url": format!("https://user:{secret}@host.example"), "endpoints": { "storage": secret, secret: "x" },
        "ca_bundle": secret,
    });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    config
}

fn login(secret: &str) -> String {
    json!({
        "type": "authorized_user", "client_id": "c", "client_secret": secret, "refresh_token": secret,
        "account": "alice@example.com",
    })
    .to_string()
}

fn workforce(secret: &str) -> String {
    json!({
        "type": "external_account_authorized_user", "client_id": "c", "client_secret": secret,
        "refresh_token": secret, "token_url": "https://sts.googleapis.com/v1/oauthtoken",
    })
    .to_string()
}

fn client(secret: &str) -> String {
    json!({ "installed": { "client_id": "c", "client_secret": secret } }).to_string()
}

fn external(secret: &str, source: &Value) -> String {
    json!({
        "type": "external_account", "audience": "//iam.googleapis.com/x", "client_id": "c", "client_secret": secret,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": source,
        "token_url": "https://sts.googleapis.com/v1/token",
    })
    .to_string()
}

/// Where the token of elsewhere comes from, each with a secret in it.
fn sources(secret: &str) -> [Value; 3] {
    [
        json!({ "url": format!("https://host.example/{secret}"), "headers": { "authorization": secret } }),
        json!({ "file": format!("/{secret}") }),
        json!({ "executable": { "command": format!("/bin/token {secret}") } }),
    ]
}

/// C10, S31: credential files and methods, right and wrong.
#[test]
fn c10_s31_debug_of_googles_files_and_methods_shows_no_secret() {
    let canary = Canary::generate("held");
    let secret = canary.secret();
    let mut printed = Printed::new(&canary);
    for text in [login(secret), workforce(secret)] {
        let file = UserFile::parse(&Secret::new(text.as_str())).expect("a login");
        printed.add("UserFile", &file);
        match &file {
            UserFile::Google(user) => printed.add("AuthorizedUser", user),
            UserFile::Workforce(user) => printed.add("ExternalUser", user),
            _ => panic!("a login that nobody looks at"),
        }
        printed.add("JsonFile", &JsonFile::<UserFile>::parse(text.as_str()));
        printed.add(
            "UserAccount",
            &method::<UserAccount>(misplaced(secret, json!({ "user_account_json": text }))),
        );
    }
    let text = client(secret);
    printed.add("ClientSecrets", &ClientSecrets::parse(&Secret::new(text.as_str())).expect("a client"));
    printed.add("JsonFile", &JsonFile::<ClientSecrets>::parse(text.as_str()));
    printed.add("UserAccount of a client", &method::<UserAccount>(json!({ "client_secrets_json": text })));
    for source in sources(secret) {
        let text = external(secret, &source);
        let file = file::ExternalAccount::parse(&Secret::new(text.as_str())).expect("an external account");
        printed.add("file::ExternalAccount", &file);
        let config = misplaced(secret, json!({ "external_account_json": text }));
        printed.add("ExternalAccount", &method::<ExternalAccount>(config));
    }
    let config = misplaced(secret, json!({ "token": secret, "service_account_email": "a@example.com" }));
    printed.add("Oauth2Token", &method::<Oauth2Token>(config));
    printed.add("Implicit", &method::<Implicit>(misplaced(secret, json!({}))));
    // What is no file of its kind is not shown either.
    for field in ["user_account_json", "client_secrets_json"] {
        printed.add("UserAccount of another text", &method::<UserAccount>(json!({ field: secret })));
    }
    let wrong = json!({ "service_account_json": secret });
    printed.add("ServiceAccount of another text", &method::<ServiceAccount>(misplaced(secret, wrong)));
    printed.add("the refusal of another text", &ServiceAccountKey::parse(&Secret::new(secret)));
    printed.assert_clean(22);
}

/// C10, S31: keys, of which no line may show.
#[test]
fn c10_s31_debug_of_googles_keys_shows_no_line_of_them() {
    let google = StrictGoogle::start();
    let robot = google.add_service_account("robot");
    let text = google.key_json(&robot);
    let lines = google.confidential();
    assert!(lines.len() > 10, "lines of a key");
    for line in &lines {
        let mut printed = Printed::new(&Canary::of("a line of the key", line));
        printed.add("ServiceAccountKey", &ServiceAccountKey::parse(&Secret::new(text.as_str())));
        printed.add("JsonFile", &JsonFile::<ServiceAccountKey>::parse(text.as_str()));
        printed.add("ServiceAccount", &method::<ServiceAccount>(json!({ "service_account_json": text })));
        let config = json!({ "service_account_json": text, "target_principal": robot });
        printed.add("Impersonation", &method::<Impersonation>(config));
        // Cut off, so that it is refused.
        let half = &text[..text.len() * 2 / 3];
        printed.add("the refusal of a half", &ServiceAccountKey::parse(&Secret::new(half)));
        printed.assert_clean(5);
    }
}

/// C10, S31: what is issued, and what is open to issue it.
#[tokio::test]
async fn c10_s31_debug_of_what_google_issues_shows_no_secret() {
    let canary = Canary::of("held", &connector_tests::random::secret(60));
    let secret = canary.secret();
    let mut printed = Printed::new(&canary);
    let credential = GcpCredential {
        access_token: secret.into(),
        project_id: None,
        quota_project_id: None,
        account: None,
        universe_domain: "googleapis.com".into(),
        endpoint_url: None,
        endpoints: Default::default(),
        ca_bundle: None,
    };
    printed.add("GcpCredential", &credential);
    let issued = Issued::new(credential, Expiry::At(std::time::SystemTime::UNIX_EPOCH));
    printed.add("Issued", &issued);
    printed.add("EnvironmentForm", &GcpCredential::environment(&issued).expect("it has one"));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = hub::Options::new(folder.path()).with_key(KeySource::File(folder.path().join("key")));
    let hub = Hub::open(options).await.expect("a new store");
    let config = json!({ "token": secret, "expires_at": "2099-01-01T00:00:00Z", "project_id": "my-project" });
    let document =
        Document::draft("x", "gcp", "oauth2-token", config.as_object().cloned().expect("an object"));
    hub.register(Draft::new(document), Registration::Unverified).await.expect("in order");
    let connector = hub.connector::<Gcp>("x").await.expect("it is one");
    printed.add("Connector", &connector);
    printed.add("Session", &connector.session().await.expect("it needs no call"));
    let handle = hub.handle("x", Grant::new("gcp-generic", "my-project")).await.expect("a handle");
    let envelope = handle.envelope().await.expect("it needs no call");
    assert!(envelope.to_json().expose().contains(secret), "it is in there");
    printed.add("Envelope", &envelope);
    printed.add("AnyHandle", &handle);
    let tokens = handle.client::<AccessTokenCredentials>().await.expect("credentials");
    assert_eq!(tokens.access_token().await.expect("a token").token, secret, "it is in there");
    printed.add("google_cloud_auth's AccessTokenCredentials", &tokens);
    printed
        .add("google_cloud_auth's Credentials", &handle.client::<Credentials>().await.expect("credentials"));
    printed.assert_clean(9);
}
