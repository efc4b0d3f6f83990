//! IAM Identity Center: the device flow, its kept tokens, and their renewal.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use connector_core::{Clock, Document, Error, Person, Result, Secret, VirtualClock, async_trait};
use connector_tests::strict_aws::StrictAws;
use connectors::hub::{Draft, Hub, Options, Registration};
use connectors::{Context, ErrorKind, Grant, system};
use serde_json::{Value, json};

/// Somebody at a terminal, who is told where to go and what to type.
#[derive(Clone, Default)]
struct Somebody(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Person for Somebody {
    async fn ask(&self, question: &str) -> Result<Secret> {
        Err(Error::refused(format!("nobody knows the {question}")))
    }

    async fn tell(&self, text: &str) -> Result<()> {
        self.0.lock().expect("not poisoned").push(text.to_owned());
        Ok(())
    }
}

/// A virtual clock on which the pauses between polls pass at once, and longer waits do not: those are
/// deadlines, which must not strike.
#[derive(Clone)]
pub(crate) struct Hasty(pub(crate) VirtualClock);

#[async_trait]
impl Clock for Hasty {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        if duration > Duration::from_secs(10) {
            std::future::pending::<()>().await;
        }
        self.0.advance(duration);
    }
}

fn draft(server: &StrictAws) -> Draft {
    let config = json!({
        "region": "us-east-1",
        "endpoint_url": server.url(),
        "start_url": server.start_url(),
        "sso_region": "us-east-1",
        "account_id": "123456789012",
        "role_name": "reader",
    });
    let Value::Object(config) = config else { unreachable!("an object") };
    let mut document = Document::draft("corp", "aws", "sso", config);
    document.resource_type = Some("aws-generic".into());
    Draft::new(document)
}

async fn hub(home: &std::path::Path, cx: Context) -> Hub {
    Hub::open(Options::new(home).with_context(cx)).await.expect("a fresh store opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_made_once_kept_and_renewed() {
    let server = StrictAws::start();
    server.tolerate_skew();
    server.set_poll_interval(0);
    server.add_assignment("123456789012", "main", "reader");
    server.approve_devices_at_once();
    let home = tempfile::tempdir().expect("a directory");
    let clock = VirtualClock::at(SystemTime::now());
    let world = Context::detached(Hasty(clock.clone()))
        .with_http(system::SystemHttp::new(system::Timeouts::default()));
    let person = Somebody::default();

    let nobody = hub(home.path(), world.clone()).await;
    let error = nobody.register(draft(&server), Registration::Verified).await.expect_err("nobody logs in");
    assert_eq!(error.kind(), ErrorKind::Refused);

    let with_person = hub(home.path(), world.with_person(person.clone())).await;
    with_person.register(draft(&server), Registration::Verified).await.expect("approved");
    let told = person.0.lock().expect("not poisoned").join("\n");
    assert!(told.contains("http"), "the person is told where to go: {told}");

    // Another process, with nobody at the terminal: the kept tokens serve.
    let alone = hub(home.path(), world).await;
    let logins = |server: &StrictAws| server.calls().of("POST /device_authorization").len();
    let before = logins(&server);
    let grant = || Grant::of_type("aws-generic");
    alone.issue("corp", grant()).await.expect("from the kept login");
    assert_eq!(logins(&server), before);

    // Eight hours on, the access token has ended; the refresh token gets another one.
    clock.advance(Duration::from_secs(8 * 3600));
    server.advance(Duration::from_secs(8 * 3600));
    alone.issue("corp", grant()).await.expect("renewed by the refresh token");
    assert_eq!(logins(&server), before);

    server.log_out();
    clock.advance(Duration::from_secs(9 * 3600));
    server.advance(Duration::from_secs(9 * 3600));
    let error = alone.issue("corp", grant()).await.expect_err("the login was ended");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("connector verify"), "{error:?}");
}

/// C14: whoever logs in next through the connector may be somebody else: what was issued before is given to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn c14_a_new_login_ends_what_the_one_before_was_given() {
    let server = StrictAws::start();
    server.tolerate_skew();
    server.set_poll_interval(0);
    server.add_assignment("123456789012", "main", "reader");
    server.approve_devices_at_once();
    let home = tempfile::tempdir().expect("a directory");
    let world = Context::detached(Hasty(VirtualClock::at(SystemTime::now())))
        .with_http(system::SystemHttp::new(system::Timeouts::default()))
        .with_person(Somebody::default());
    let hub = hub(home.path(), world).await;
    hub.register(draft(&server), Registration::Verified).await.expect("approved");
    let key = async || {
        let json = hub.issue("corp", Grant::of_type("aws-generic")).await.expect("issued").to_json();
        let issued: Value = serde_json::from_str(json.expose()).expect("JSON");
        issued["secret"]["access_key_id"]
            .as_str()
            .or(issued["access_key_id"].as_str())
            .expect("keys")
            .to_owned()
    };
    let first = key().await;
    let handle = hub.handle("corp", Grant::of_type("aws-generic")).await.expect("a handle");
    let held = handle.envelope().await.expect("issued").to_json();
    hub.verify("corp", Grant::default()).await.expect("by the same login");
    assert_eq!((key().await, hub.get("corp").await.expect("there").version), (first.clone(), 1));

    server.log_out();
    hub.verify("corp", Grant::default()).await.expect("a new login");
    assert_eq!(hub.get("corp").await.expect("there").version, 2);
    assert_ne!(key().await, first);
    assert_ne!(handle.envelope().await.expect("issued").to_json().expose(), held.expose());
}
