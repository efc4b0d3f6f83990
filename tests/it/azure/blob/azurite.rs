//! The same before Azurite, which is the vendor's own: it checks every signature, and has no directories.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Access, AuthMethod, Connector, ErrorKind, Request, VirtualClock, format_time};
use connector_tests::azurite::Azurite;
use connector_tests::skip;
use connectors::azure::Azure;
use connectors::azure::auth::{AccessToken, ConnectionString};
use connectors::azure::azure_storage_blob::BlobContainerClient;
use connectors::azure::resource::BlobContainer;
use serde_json::{Value, json};

use super::clients::{by_python, content, names, upload};
use super::{CONTENT, context, grant, signature, tried};

/// A server with one account, `zenfiles`, and the containers `data` and `data2` in it.
struct Setting {
    server: Azurite,
    clock: VirtualClock,
}

impl Setting {
    async fn new(what: &str) -> Option<Self> {
        let server = match Azurite::try_start(&["zenfiles"]) {
            Ok(server) => server,
            Err(reason) => {
                skip::skip(what, reason);
                return None;
            }
        };
        let setting = Self { server, clock: VirtualClock::at(SystemTime::now()) };
        let cx = context(&setting.clock);
        let bearer = format!("Bearer {}", setting.token(Duration::from_secs(3600)));
        let send = async |url: String, body: &'static str| {
            let request = Request::new("PUT", url).with_header("authorization", bearer.as_str());
            let request =
                request.with_header("x-ms-version", "2025-01-05").with_header("x-ms-blob-type", "BlockBlob");
            let request = request.with_body(body).with_trust(setting.server.ca().as_bytes().into());
            assert_eq!(cx.send(request).await.expect("an answer").status(), 201);
        };
        for container in ["data", "data2"] {
            let url = format!("{}/zenfiles/{container}", setting.server.url());
            send(format!("{url}?restype=container"), "").await;
            for name in ["a/1.txt", "ab/2.txt", "b/4.txt"] {
                send(format!("{url}/{name}"), CONTENT).await;
            }
        }
        Some(setting)
    }

    /// A token as Entra ID would make it for storage: Azurite looks at what it says, and not at who signed it.
    fn token(&self, life: Duration) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        let claims = json!({
            "aud": "https://storage.azure.com", "iss": "https://sts.windows.net/11111111-2222-4333-8444-555555555555/",
            "tid": "11111111-2222-4333-8444-555555555555", "oid": "99999999-2222-4333-8444-555555555555",
            "iat": now - 10, "nbf": now - 10, "exp": now + life.as_secs(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(&claims))
    }

    fn connector<M: AuthMethod<Connector = Azure>>(&self, more: Value) -> Connector<Azure> {
        let mut config = json!({ "endpoints": { "blob": self.server.url() }, "ca_bundle": self.server.ca() });
        for (name, value) in more.as_object().cloned().expect("an object") {
            config[name] = value;
        }
        let method: M = serde_json::from_value(config).expect("a config");
        assert_eq!(method.check(), [], "the config is good");
        Connector::new(context(&self.clock), method)
    }

    /// Signs with keys that are given to an identity.
    fn delegated(&self, life: Duration) -> Connector<Azure> {
        let end = format_time(SystemTime::now() + life);
        let token = self.token(life);
        self.connector::<AccessToken>(
            json!({ "token": token, "expires_at": end, "storage_account": "zenfiles" }),
        )
    }

    /// Signs with the account's own key.
    fn with_key(&self) -> Connector<Azure> {
        let key = &self.server.account("zenfiles").key;
        let text = format!("AccountName=zenfiles;AccountKey={key}");
        self.connector::<ConnectionString>(json!({ "connection_string": text }))
    }
}

/// S34, C24, C25: by both kinds of keys, what is asked for is let through, nothing beside it, and nothing after its end.
#[tokio::test(flavor = "multi_thread")]
async fn s34_c24_azurite_lets_through_what_was_asked() {
    let Some(setting) = Setting::new("s34_c24_azurite_lets_through_what_was_asked").await else { return };
    let hour = Duration::from_secs(3600);
    for connector in [setting.delegated(hour), setting.with_key()] {
        let listed = connector.list::<BlobContainer>().await.expect("a list");
        assert_eq!(listed.ids, ["az://zenfiles/data", "az://zenfiles/data2"], "{listed:?}");
        for access in Access::ALL {
            let wanted = grant("data").with_access(access);
            let handle = connector.resource::<BlobContainer>(wanted).await.expect("completed");
            handle.reach().await.unwrap_or_else(|error| panic!("{access}: {error:?}"));
            let issued = handle.issue().await.expect("a signature");
            assert!(issued.narrowing().is_narrowed(), "{issued:?}");
            let url = issued.credential.endpoint.clone().expect("an endpoint");
            assert_eq!(url, format!("{}/zenfiles", setting.server.url()));
            let sas = signature(&issued.credential);
            let cx = context(&setting.clock);
            for (attempt, least) in [
                (tried('r', "data", Some("a/1.txt")), Access::Read),
                (tried('l', "data", None), Access::Read),
                (tried('w', "data", Some("new")), Access::Write),
                (tried('d', "data", Some("new")), Access::Write),
            ] {
                let is_let = attempt.is_let(&cx, setting.server.ca(), &url, sas).await;
                assert_eq!(is_let, access >= least, "{access}: {attempt:?}");
                let beside = super::Try { container: "data2", ..attempt };
                assert!(!beside.is_let(&cx, setting.server.ca(), &url, sas).await, "{access}: {beside:?}");
            }
        }
        // It has no directories, which shows in how it takes a signature for one.
        let part = connector.resource::<BlobContainer>(grant("az://zenfiles/data/a")).await.expect("an id");
        let error = part.issue().await.expect_err("no directories");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("no hierarchical namespace"), "{error:?}");
    }
}

/// C25: Azurite refuses what has ended. Nobody waits for it: the connector's clock is two hours behind.
#[tokio::test(flavor = "multi_thread")]
async fn c25_azurite_refuses_what_has_ended() {
    let Some(setting) = Setting::new("c25_azurite_refuses_what_has_ended").await else { return };
    let behind = VirtualClock::at(SystemTime::now() - Duration::from_secs(7200));
    let setting = Setting { clock: behind, ..setting };
    let handle = setting.with_key().resource::<BlobContainer>(grant("data")).await.expect("completed");
    let issued = handle.issue().await.expect("a signature");
    let url = issued.credential.endpoint.clone().expect("an endpoint");
    let cx = context(&setting.clock);
    let read = tried('r', "data", Some("a/1.txt"));
    assert!(!read.is_let(&cx, setting.server.ca(), &url, signature(&issued.credential)).await);
    setting.clock.advance(Duration::from_secs(7200));
    let issued = handle.issue().await.expect("another one");
    assert!(read.is_let(&cx, setting.server.ca(), &url, signature(&issued.credential)).await);
}

/// S32, S49: Azure's own client for Rust goes on over the ends of its signatures, and Microsoft's for Python takes one.
#[tokio::test(flavor = "multi_thread")]
async fn s32_s49_real_clients_are_let_in() {
    let Some(setting) = Setting::new("s32_s49_real_clients_are_let_in").await else { return };
    let connector = setting.with_key();
    let wanted = grant("az://zenfiles/data").with_access(Access::Write);
    let handle = connector.resource::<BlobContainer>(wanted).await.expect("an id");
    let client: BlobContainerClient = handle.client().await.expect("a client");
    for life in 0..3 {
        assert_eq!(content(&client, "a/1.txt").await.expect("may be read"), CONTENT.as_bytes());
        upload(&client, &format!("b/{life} of them"), "new").await.expect("may be written");
        assert_eq!(names(&client, Some("b/")).await.expect("may be listed").len(), life + 2);
        // Of the connector's clock alone: a signature that ends later is good as well.
        setting.clock.advance(Duration::from_secs(3600));
    }
    let handle = setting.delegated(Duration::from_secs(3600));
    setting.clock.advance(Duration::ZERO);
    let handle = handle.resource::<BlobContainer>(grant("az://zenfiles/data")).await.expect("an id");
    assert_eq!(handle.issue().await.expect_err("three hours later").kind(), ErrorKind::Expired);
    let now = Setting { clock: VirtualClock::at(SystemTime::now()), ..setting };
    let handle = now.delegated(Duration::from_secs(3600)).resource::<BlobContainer>(grant("data")).await;
    let issued = handle.expect("completed").issue().await.expect("a signature");
    let form = <connectors::azure::AzureCredential as connector_core::Credential>::environment(&issued);
    let what = "s32_s49_real_clients_are_let_in";
    let Some(told) = by_python(what, &form.expect("variables"), now.server.ca()) else { return };
    let told = told.expect_success().json();
    assert_eq!((&told["read"], &told["written"]), (&json!(CONTENT), &json!(403)), "{told}");
    assert_eq!((&told["beside, listed"], &told["beside, read"]), (&json!(403), &json!(403)), "{told}");
}
