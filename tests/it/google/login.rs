//! A person logs in: in a browser that comes back to this machine, and on another device.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use connector_core::{
    Connector, Context, Document, Error, Grant, Kept, Person, Redirect, Result, Secret, async_trait,
};
use connector_tests::strict_google::{Client, StrictGoogle};
use connectors::gcp::auth::UserAccount;
use connectors::gcp::resource::GcpGeneric;
use connectors::hub::{Draft, Hub, Options, Registration};
use connectors::system;
use serde_json::{Value, json};

use super::{Setting, WHOLE};
use crate::sso::Hasty;

const ALICE: &str = "alice@example.com";
const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";

/// Somebody with a browser, who opens every page that she is shown.
#[derive(Clone)]
struct Alice {
    google: Arc<StrictGoogle>,
    told: Arc<Mutex<Vec<String>>>,
    kept: Arc<Mutex<Option<Secret>>>,
}

#[async_trait]
impl Person for Alice {
    async fn ask(&self, question: &str) -> Result<Secret> {
        Err(Error::refused(format!("nobody knows the {question}")))
    }

    async fn tell(&self, text: &str) -> Result<()> {
        self.told.lock().expect("not poisoned").push(text.to_owned());
        if let Some(page) = text.lines().find(|it| it.starts_with("http")).map(str::to_owned) {
            // A browser is a program of its own.
            std::thread::spawn(move || browse(&page));
        }
        if text.contains("type the code") {
            self.google.approve_devices(None, ALICE);
        }
        Ok(())
    }

    async fn listen(&self, port: Option<u16>) -> Result<Box<dyn Redirect>> {
        system::listen(port).await
    }
}

#[async_trait]
impl Kept for Alice {
    async fn kept(&self, _: &str, _: &str) -> Result<Option<Secret>> {
        Ok(self.kept.lock().expect("not poisoned").clone())
    }

    async fn keep(&self, _: &str, _: &str, value: Secret) -> Result<()> {
        *self.kept.lock().expect("not poisoned") = Some(value);
        Ok(())
    }
}

/// Opens a page, and goes where it leads.
pub(crate) fn browse(url: &str) {
    let (_, rest) = url.split_once("://").expect("a URL");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("a connection");
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let to = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
    });
    if let Some(to) = to {
        // `http://127.0.0.1:PORT?code=…` has no path.
        browse(&to.replacen("?", "/?", usize::from(!to.contains("/?"))));
    }
}

struct Stage {
    setting: Setting,
    alice: Alice,
}

impl Stage {
    fn new() -> Self {
        let mut setting = Setting::new();
        setting.google.add_user(ALICE);
        setting.google.grant(ALICE, "roles/browser", WHOLE);
        let google = Arc::new(std::mem::replace(&mut setting.google, StrictGoogle::start()));
        let alice = Alice { google: Arc::clone(&google), told: Arc::default(), kept: Arc::default() };
        Self { setting, alice }
    }

    fn google(&self) -> &StrictGoogle {
        &self.alice.google
    }

    fn cx(&self) -> Context {
        Context::detached(Hasty(self.setting.clock.clone()))
            .with_http(system::SystemHttp::new(system::Timeouts::default()))
            .with_person(self.alice.clone())
            .with_kept(self.alice.clone())
    }

    async fn log_in(&self, client: &Client, more: Value) -> Result<Secret> {
        let mut config = json!({
            "project_id": "strict-project",
            "endpoint_url": self.google().url(),
            "client_secrets_json": self.google().client_secrets_json(client),
        });
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            config[key] = value;
        }
        let method: UserAccount = serde_json::from_value(config).expect("a config");
        let handle = Connector::new(self.cx(), method).resource::<GcpGeneric>("strict-project").await?;
        Ok(handle.issue().await?.credential.access_token.clone())
    }
}

/// S9, S47: a person logs in once, with PKCE and a port of this machine; the login is kept and renewed by itself.
#[tokio::test(flavor = "multi_thread")]
async fn s47_a_login_in_the_browser_is_kept() {
    let stage = Stage::new();
    let client = stage.google().add_client();
    stage.google().consent_as(ALICE);
    let token = stage.log_in(&client, json!({})).await.expect("logged in");
    assert_eq!(stage.google().owner(token.expose()).expect("of the server").0, ALICE);
    let told = stage.alice.told.lock().expect("not poisoned").len();
    let again = stage.log_in(&client, json!({})).await.expect("the login was kept");
    assert_eq!(stage.google().owner(again.expose()).expect("of the server").0, ALICE);
    assert_eq!(stage.alice.told.lock().expect("not poisoned").len(), told, "nobody is asked twice");
    // What was kept is over: a person is asked again.
    stage.google().revoke_consents(ALICE);
    stage.log_in(&client, json!({})).await.expect("logged in anew");
    assert!(stage.alice.told.lock().expect("not poisoned").len() > told);
    stage.google().revoke_consents(ALICE);
    stage.google().refuse_consent();
    let error = stage.log_in(&client, json!({})).await.expect_err("declined").to_string();
    assert!(error.contains("declined"), "{error}");
}

/// S47: the device flow, for a machine without a browser.
#[tokio::test(flavor = "multi_thread")]
async fn s47_a_login_on_another_device_is_kept() {
    let stage = Stage::new();
    let client = stage.google().add_limited_client();
    let flow = json!({ "flow": "device", "scopes": [EMAIL] });
    let token = stage.log_in(&client, flow.clone()).await.expect("logged in");
    let (owner, scopes) = stage.google().owner(token.expose()).expect("of the server");
    assert_eq!((owner.as_str(), scopes.iter().any(|it| it == EMAIL)), (ALICE, true));
    let error = stage.log_in(&client, json!({ "flow": "device" })).await.expect_err("too much").to_string();
    assert!(error.contains("cloud-platform"), "{error}");
}

/// S47, C14: another person logs in through the connector; nobody is given a token of the one before any more, neither
/// from the sealed cache nor by who holds one.
#[tokio::test(flavor = "multi_thread")]
async fn s47_c14_another_persons_login_ends_the_tokens_of_the_one_before() {
    const BOB: &str = "bob@example.com";
    let stage = Stage::new();
    let google = stage.google();
    google.add_user(BOB);
    google.grant(BOB, "roles/browser", WHOLE);
    for who in [ALICE, BOB] {
        google.grant(who, "roles/storage.admin", WHOLE);
    }
    let config = json!({
        "project_id": "strict-project",
        "endpoint_url": google.url(),
        "client_secrets_json": google.client_secrets_json(&google.add_client()),
    });
    let Value::Object(config) = config else { unreachable!("an object") };
    let home = tempfile::tempdir().expect("a directory");
    let hub = Hub::open(Options::new(home.path()).with_context(stage.cx())).await.expect("a fresh store");
    google.consent_as(ALICE);
    let draft = Draft::new(Document::draft("mine", "gcp", "user-account", config));
    hub.register(draft, Registration::Verified).await.expect("Alice consents");
    let grants = [Grant::of_type("gcp-generic"), Grant::new("gcs-bucket", "gs://data")];
    let owners = async || {
        let mut owners = Vec::new();
        for grant in &grants {
            let json = hub.issue("mine", grant.clone()).await.expect("issued").to_json();
            let issued: Value = serde_json::from_str(json.expose()).expect("JSON");
            let token = issued["secret"]["access_token"].as_str().expect("a token");
            owners.push(google.owner(token).map(|it| it.0));
        }
        owners
    };
    assert_eq!(owners().await, [Some(ALICE.to_owned()), Some(ALICE.to_owned())]);
    let handle = hub.handle("mine", grants[0].clone()).await.expect("a handle");
    let held = handle.envelope().await.expect("issued").to_json();

    google.demand_reauthentication(ALICE);
    google.consent_as(BOB);
    assert_eq!(owners().await, [Some(ALICE.to_owned()), Some(ALICE.to_owned())], "still good");
    hub.verify("mine", Grant::default()).await.expect("Bob consents");
    assert_eq!(owners().await, [Some(BOB.to_owned()), Some(BOB.to_owned())]);
    assert_ne!(handle.envelope().await.expect("issued").to_json().expose(), held.expose());
}
