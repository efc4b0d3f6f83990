//! S41: the identity of the machine, by each of its protocols.

use std::path::{Path, PathBuf};
use std::time::Duration;

use connector_core::{Context, Error, Files, Http, Request, Response, Result, async_trait};
use connector_tests::strict_azure::SUBSCRIPTION;
use connectors::ErrorKind;
use connectors::azure::auth::{Implicit, ManagedIdentity};
use connectors::azure::resource::AzureGeneric;
use connectors::system::{SystemHttp, Timeouts};
use serde_json::{Value, json};

use super::setting::{ARM, Setting, VAULT, issue};
use crate::sso::Hasty;

fn group() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/my-group")
}

/// A config whose metadata service is the server's own, in clear as on machines of Azure's.
fn here(setting: &Setting, more: Value) -> Value {
    let mut config = json!({ "endpoints": { "identity": setting.azure.identity().url() } });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    config
}

/// S41, S49: the metadata service of a virtual machine gives a token of its own identity, or of the one that is named.
#[tokio::test(flavor = "multi_thread")]
async fn s41_s49_a_virtual_machine() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let cx = || setting.context().with_implicit(true);
    let as_machine = |config: Value| setting.connector::<ManagedIdentity>(cx(), here(&setting, config));
    let error = issue(&as_machine(json!({})), None).await.expect_err("it has none");
    assert!(error.to_string().contains("this machine has no identity"), "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("az vm identity assign")), "{error:?}");

    let one = azure.assign_identity(&group(), "one");
    let two = azure.assign_identity(&group(), "two");
    let error = issue(&as_machine(json!({})), None).await.expect_err("which one?");
    assert!(error.to_string().contains("several identities"), "{error}");
    let own = azure.set_system_identity();
    for (config, identity) in [
        (json!({}), &own),
        (json!({ "client_id": one.client_id }), &one),
        (json!({ "identity_resource_id": two.resource_id }), &two),
        (json!({ "identity_resource_id": two.resource_id.to_lowercase() }), &two),
    ] {
        azure.grant(&identity.object_id, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
        setting.calls();
        let connector = as_machine(config);
        for (service, audience) in [(None, ARM), (Some(VAULT), VAULT)] {
            let issued = issue(&connector, service).await.expect("a token");
            assert_eq!(setting.owner(&issued), (identity.object_id.clone(), audience.to_owned()));
            assert_eq!(setting.calls(), ["GET /metadata/identity/oauth2/token"]);
            let left = issued.expiry.at().expect("an end").duration_since(cx().now()).expect("it is good");
            assert!(left > Duration::from_secs(86_000) && left <= Duration::from_secs(86_400), "{left:?}");
        }
        connector.list::<AzureGeneric>().await.expect("it is good there, too");
    }
    let error =
        issue(&as_machine(json!({ "client_id": "99999999-8888-4777-8666-555555555555" })), None).await;
    assert!(error.expect_err("another's").to_string().contains("no such identity"));
    let error =
        issue(&as_machine(json!({})), Some("https://unknown.example")).await.expect_err("no such service");
    assert!(error.to_string().contains("does not know the service"), "{error}");
    // `implicit` finds the same, and asks for nothing more.
    setting.calls();
    let issued =
        issue(&setting.connector::<Implicit>(cx(), here(&setting, json!({}))), None).await.expect("a token");
    assert_eq!((setting.owner(&issued).0, setting.calls().len()), (own.object_id, 1));
    let off = setting.connector::<ManagedIdentity>(setting.context(), here(&setting, json!({})));
    let error = issue(&off, None).await.expect_err("switched off");
    assert!(
        error.hint().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")),
        "{error:?}"
    );
}

/// S41, C21: App Service takes the header that it put into the environment, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn s41_c21_an_app_service() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let own = azure.set_system_identity();
    let one = azure.assign_identity(&group(), "one");
    let (url, header) = azure.set_app_service();
    let app =
        |header: &str| setting.machine(&[("IDENTITY_ENDPOINT", &url), ("IDENTITY_HEADER", header)], &[]);
    for (config, identity) in [
        (json!({}), &own),
        (json!({ "client_id": one.client_id }), &one),
        (json!({ "identity_resource_id": one.resource_id }), &one),
    ] {
        let connector = setting.connector::<ManagedIdentity>(app(&header), config);
        let issued = issue(&connector, Some(VAULT)).await.expect("a token");
        assert_eq!(setting.owner(&issued), (identity.object_id.clone(), VAULT.to_owned()));
        assert_eq!(setting.calls(), ["GET /msi/token"]);
        assert!(issued.expiry.at().is_some());
    }
    let implicit = setting.connector::<Implicit>(app(&header), json!({}));
    assert_eq!(setting.owner(&issue(&implicit, None).await.expect("a token")).0, own.object_id);
    for connector in [
        setting.connector::<ManagedIdentity>(app("hunter2-wrong"), json!({})),
        setting.connector::<Implicit>(app("hunter2-wrong"), json!({})),
    ] {
        let error = issue(&connector, None).await.expect_err("another header");
        assert!(error.to_string().contains("IDENTITY_HEADER"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

/// The folder of Arc's keys, which only the agent's own users may read.
const KEYS: &str = "/var/opt/azcmagent/tokens";

/// Shows a folder of this test as that of the agent: its name in challenges, and its files.
#[derive(Clone)]
struct Agent {
    folder: PathBuf,
    http: SystemHttp,
}

#[async_trait]
impl Http for Agent {
    async fn send(&self, request: Request) -> Result<Response> {
        let answer = self.http.send(request).await?;
        let here = self.folder.display().to_string();
        let named = |(name, value): &(String, String)| (name.clone(), value.replace(&here, KEYS));
        let headers = answer.headers().iter().map(named).collect();
        Ok(Response::new(answer.status(), headers, answer.body().to_vec()))
    }
}

impl Files for Agent {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let name = path.strip_prefix(KEYS).map_err(|_| Error::not_found("nothing else is looked at"))?;
        connectors::system::SystemFiles.read(&self.folder.join(name))
    }
}

/// S41: a machine elsewhere shows that it may read the agent's file. Each key is good once.
#[tokio::test(flavor = "multi_thread")]
async fn s41_a_machine_of_arc() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let own = azure.set_system_identity();
    let home = tempfile::tempdir().expect("a folder");
    let url = azure.set_arc(&home.path().join("8f6a.key").display().to_string());
    let agent = Agent { folder: home.path().to_owned(), http: SystemHttp::new(Timeouts::default()) };
    let machine = || -> Context {
        let variables = [("IDENTITY_ENDPOINT", &*url), ("IMDS_ENDPOINT", "http://localhost:40342")];
        setting.machine(&variables, &[]).with_http(agent.clone()).with_files(agent.clone())
    };
    for connector in [
        setting.connector::<ManagedIdentity>(machine(), json!({})),
        setting.connector::<Implicit>(machine(), json!({})),
    ] {
        for (service, audience) in [(None, ARM), (Some(VAULT), VAULT)] {
            let issued = issue(&connector, service).await.expect("a token");
            assert_eq!(setting.owner(&issued), (own.object_id.clone(), audience.to_owned()));
            assert_eq!(setting.calls(), ["GET /metadata/identity/oauth2/token"; 2]);
        }
    }
    // As it is named on the way, it is another file: that is not read.
    let bare = machine().with_http(agent.http.clone());
    let error =
        issue(&setting.connector::<ManagedIdentity>(bare, json!({})), None).await.expect_err("elsewhere");
    assert!(error.to_string().contains("no key of the agent's"), "{error}");
}

/// S34, C26: a machine keeps its token: what is advertised is what is left of it, over several lives.
#[tokio::test(flavor = "multi_thread")]
async fn s34_c26_over_several_lives() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let own = azure.set_system_identity();
    azure.grant(&own.object_id, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    azure.set_life(Some(Duration::from_secs(1200)));
    let (url, header) = azure.set_app_service();
    let app = setting.machine(&[("IDENTITY_ENDPOINT", &url), ("IDENTITY_HEADER", &header)], &[]);
    let cx = setting.context().with_implicit(true);
    let connectors = [
        setting.connector::<ManagedIdentity>(cx.clone(), here(&setting, json!({}))),
        setting.connector::<ManagedIdentity>(app, json!({})),
    ];
    for _ in 0..5 {
        for connector in &connectors {
            setting.calls();
            let issued = issue(connector, None).await.expect("a token");
            issue(connector, None).await.expect("the same");
            assert_eq!(setting.calls().len(), 1);
            let left = issued.expiry.at().expect("an end").duration_since(cx.now()).expect("it is good");
            assert!(left > Duration::from_secs(1100) && left <= Duration::from_secs(1200), "{left:?}");
            connector.list::<AzureGeneric>().await.expect("it is good there, too");
        }
        setting.advance(Duration::from_secs(1200));
    }
}

/// C18: an endpoint that nobody answers is an outage to who knows that the machine has one, and no identity of another
/// takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn c18_an_endpoint_that_is_gone_is_an_outage() {
    let setting = Setting::new();
    let gone = json!({ "endpoints": { "identity": "http://127.0.0.1:1" } });
    let http = SystemHttp::new(Timeouts::default());
    let cx = || Context::detached(Hasty(setting.clock.clone())).with_http(http.clone()).with_implicit(true);
    for error in [
        issue(&setting.connector::<ManagedIdentity>(cx(), gone.clone()), None).await.expect_err("gone"),
        issue(&setting.connector::<Implicit>(cx(), gone), None).await.expect_err("gone"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        assert!(error.is_transient(), "{error:?}");
    }
}
