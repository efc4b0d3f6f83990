//! A person logs in: by a code on any device, and in a browser that comes back to this machine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_core::{
    Connector, Context, Document, Error, Grant, Http, Kept, Person, Redirect, Request, Result, Secret,
    async_trait,
};
use connector_tests::install;
use connector_tests::strict_azure::{Block, SUBSCRIPTION, StrictAzure, TENANT};
use connector_tests::{process, skip};
use connectors::azure::Azure;
use connectors::azure::auth::{Implicit, UserAccount};
use connectors::hub::{Draft, Hub, Options, Registration};
use connectors::system::{self, SystemHttp, Timeouts};
use serde_json::{Value, json};

use super::setting::{ALICE, ARM, AZ, Setting, VAULT, issue};
use crate::google::browse;
use crate::sso::Hasty;

const BOB: &str = "bob@strict.onmicrosoft.com";

/// What somebody does who is shown a code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decides {
    Approves(&'static str),
    Declines,
    Nothing,
}

/// Somebody with a browser, who opens every page that she is shown.
#[derive(Clone)]
struct Somebody {
    azure: Arc<StrictAzure>,
    told: Arc<Mutex<Vec<String>>>,
    kept: Arc<Mutex<Option<Secret>>>,
    decides: Arc<Mutex<Decides>>,
}

#[async_trait]
impl Person for Somebody {
    async fn ask(&self, question: &str) -> Result<Secret> {
        Err(Error::refused(format!("nobody knows the {question}")))
    }

    async fn tell(&self, text: &str) -> Result<()> {
        self.told.lock().expect("not poisoned").push(text.to_owned());
        if let Some(page) = text.lines().find(|it| it.starts_with("https://127.0.0.1")).map(str::to_owned) {
            let trust = self.azure.ca().as_bytes().into();
            // A browser is a program of its own.
            tokio::spawn(async move {
                let request = Request::get(page).with_trust(trust);
                let answer = SystemHttp::new(Timeouts::default()).send(request).await.expect("a page");
                if let Some(back) = answer.header("location").map(|it| it.replacen('?', "/?", 1)) {
                    std::thread::spawn(move || browse(&back));
                }
            });
        }
        if text.contains("type the code") {
            match *self.decides.lock().expect("not poisoned") {
                Decides::Approves(name) => drop(self.azure.approve_devices(None, name)),
                Decides::Declines => drop(self.azure.decline_devices()),
                Decides::Nothing => {}
            }
        }
        Ok(())
    }

    async fn listen(&self, port: Option<u16>) -> Result<Box<dyn Redirect>> {
        system::listen(port).await
    }
}

#[async_trait]
impl Kept for Somebody {
    async fn kept(&self, _: &str, _: &str) -> Result<Option<Secret>> {
        Ok(self.kept.lock().expect("not poisoned").clone())
    }

    async fn keep(&self, _: &str, _: &str, value: Secret) -> Result<()> {
        *self.kept.lock().expect("not poisoned") = Some(value);
        Ok(())
    }
}

struct Stage {
    setting: Setting,
    person: Somebody,
    alice: String,
}

impl Stage {
    fn new() -> Self {
        let mut setting = Setting::new();
        let alice = setting.alice();
        let azure = Arc::new(std::mem::take(&mut setting.azure));
        let person = Somebody {
            azure,
            told: Arc::default(),
            kept: Arc::default(),
            decides: Arc::new(Mutex::new(Decides::Approves(ALICE))),
        };
        Self { setting, person, alice }
    }

    fn azure(&self) -> &StrictAzure {
        &self.person.azure
    }

    fn cx(&self) -> Context {
        Context::detached(Hasty(self.setting.clock.clone()))
            .with_http(SystemHttp::new(Timeouts::default()))
            .with_person(self.person.clone())
            .with_kept(self.person.clone())
    }

    fn decide(&self, decides: Decides) {
        *self.person.decides.lock().expect("not poisoned") = decides;
    }

    fn told(&self) -> usize {
        self.person.told.lock().expect("not poisoned").len()
    }

    fn config(&self, more: Value) -> Value {
        let mut config = json!({
            "endpoint_url": self.azure().url(), "ca_bundle": self.azure().ca(), "subscription_id": SUBSCRIPTION,
        });
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        config
    }

    fn connector(&self, more: Value) -> Connector<Azure> {
        let method: UserAccount = serde_json::from_value(self.config(more)).expect("a config");
        Connector::new(self.cx(), method)
    }

    /// Whose token is issued for a service, by a connector that holds nothing yet but what was kept.
    async fn log_in(&self, service: Option<&str>, more: Value) -> Result<String> {
        let issued = issue(&self.connector(more), service).await?;
        let (token, audience) = issued.credential.token()?;
        let (owner, told) = self.azure().owner(token.expose()).expect("of the server");
        assert_eq!(told, audience);
        Ok(owner)
    }
}

/// S47: a person logs in once, by a code on any device; the login is kept and serves every service.
#[tokio::test(flavor = "multi_thread")]
async fn s47_a_login_on_any_device_is_kept() {
    let stage = Stage::new();
    stage.azure().slow_down(1);
    for more in [json!({}), json!({ "tenant_id": TENANT })] {
        let owner = stage.log_in(None, more.clone()).await.expect("logged in");
        assert_eq!(owner, stage.alice);
        let told = stage.told();
        for service in [None, Some(VAULT), Some("https://storage.azure.com")] {
            let owner = stage.log_in(service, more.clone()).await.expect("the login was kept");
            assert_eq!((owner, stage.told()), (stage.alice.clone(), told), "nobody is asked twice");
        }
    }
    let shown = stage.person.told.lock().expect("not poisoned").concat();
    for secret in stage.azure().confidential() {
        assert!(!shown.contains(&secret), "it is not shown");
    }
}

/// S47: a login in a browser, with PKCE and a port of this machine.
#[tokio::test(flavor = "multi_thread")]
async fn s47_a_login_in_the_browser_is_kept() {
    let stage = Stage::new();
    stage.azure().sign_in_as(ALICE);
    let browser = || json!({ "flow": "browser" });
    assert_eq!(stage.log_in(None, browser()).await.expect("logged in"), stage.alice);
    let told = stage.told();
    assert_eq!(stage.log_in(Some(VAULT), browser()).await.expect("the login was kept"), stage.alice);
    assert_eq!(stage.told(), told, "nobody is asked twice");
    stage.azure().revoke_refresh_tokens(ALICE);
    stage.azure().refuse_sign_in();
    let error = stage.log_in(None, browser()).await.expect_err("declined");
    assert!(error.to_string().contains("declined"), "{error}");
    assert!(error.causes().iter().any(|it| it.contains("ended or was revoked")), "{error:?}");
}

/// S47, C16: what ends a login is told; a login that is over is made anew.
#[tokio::test(flavor = "multi_thread")]
async fn s47_c16_a_login_that_is_over_is_made_anew() {
    let stage = Stage::new();
    let azure = stage.azure();
    stage.decide(Decides::Declines);
    let error = stage.log_in(None, json!({})).await.expect_err("declined");
    assert!(error.to_string().contains("declined"), "{error}");
    stage.decide(Decides::Nothing);
    let error = stage.log_in(None, json!({})).await.expect_err("nobody types it");
    assert!(error.to_string().contains("nobody typed the code"), "{error}");
    let client = json!({ "client_id": "99999999-8888-4777-8666-555555555555" });
    let error = stage.log_in(None, client).await.expect_err("no such program");
    assert!(error.to_string().contains("no application of this id"), "{error}");
    let error =
        stage.log_in(None, json!({ "tenant_id": "other.example.org" })).await.expect_err("no such tenant");
    assert!(error.to_string().contains("no such directory"), "{error}");

    stage.decide(Decides::Approves(ALICE));
    stage.log_in(None, json!({})).await.expect("logged in");
    let ends: [fn(&StrictAzure); 3] = [
        |azure| azure.expire_refresh_tokens(ALICE),
        |azure| azure.demand_sign_in(ALICE),
        |azure| azure.revoke_refresh_tokens(ALICE),
    ];
    for end in ends {
        end(azure);
        let told = stage.told();
        let nobody = stage.cx().with_person(Nobody);
        let method: UserAccount = serde_json::from_value(stage.config(json!({}))).expect("a config");
        let error = issue(&Connector::new(nobody, method), None).await.expect_err("nobody is there");
        assert!(error.hint().is_some_and(|it| it.contains("on a terminal")), "{error:?}");
        assert!(error.causes().iter().any(|it| it.contains("ended or was revoked")), "{error:?}");
        assert_eq!(stage.log_in(None, json!({})).await.expect("logged in anew"), stage.alice);
        assert!(stage.told() > told, "she was asked");
    }
    // A policy that no login of hers satisfies is told with its fix.
    for (block, says) in
        [(Block::ConditionalAccess, "conditional access"), (Block::MultiFactor, "second factor")]
    {
        azure.block(&stage.alice, block);
        let error = stage.log_in(Some(VAULT), json!({})).await.expect_err("not let in");
        let all = format!("{error} {}", error.causes().join(" "));
        assert!(all.contains(says) && error.hint().is_some(), "{says}: {error:?}");
        azure.unblock(&stage.alice);
    }
}

/// Nobody.
struct Nobody;

#[async_trait]
impl Person for Nobody {
    async fn ask(&self, _: &str) -> Result<Secret> {
        Err(Error::refused("nobody is there"))
    }

    async fn tell(&self, _: &str) -> Result<()> {
        Err(Error::refused("nobody is there"))
    }
}

/// S34: a refresh token that is good once only is replaced at once, over several lives; a login that was made elsewhere
/// is taken over in the same way.
#[tokio::test(flavor = "multi_thread")]
async fn s34_refresh_tokens_are_replaced_over_several_lives() {
    let stage = Stage::new();
    let azure = stage.azure();
    azure.spend_refresh_tokens();
    let taken = json!({ "tenant_id": TENANT, "refresh_token": azure.add_refresh_token(AZ, ALICE) });
    let connector = stage.connector(taken.clone());
    for _ in 0..5 {
        for service in [None, Some(VAULT)] {
            let issued = issue(&connector, service).await.expect("renewed");
            let owner = azure.owner(issued.credential.token().expect("a token").0.expose());
            assert_eq!(owner.expect("of the server").0, stage.alice);
        }
        azure.advance(Duration::from_secs(3600));
        stage.setting.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(stage.told(), 0, "nobody was asked");
    // Another process goes on with what was kept.
    assert_eq!(stage.log_in(None, taken).await.expect("renewed"), stage.alice);
    assert_eq!(stage.told(), 0);
}

/// S47, C14, C27: another person logs in through the connector; nobody is given a token of the one before any more.
#[tokio::test(flavor = "multi_thread")]
async fn s47_c14_c27_another_persons_login_ends_the_tokens_of_the_one_before() {
    let stage = Stage::new();
    let azure = stage.azure();
    let bob = azure.add_person(TENANT, BOB);
    azure.grant(&bob, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    let Value::Object(config) = stage.config(json!({})) else { unreachable!("an object") };
    let home = tempfile::tempdir().expect("a directory");
    let hub = Hub::open(Options::new(home.path()).with_context(stage.cx())).await.expect("a fresh store");
    let draft = Draft::new(Document::draft("mine", "azure", "user-account", config));
    hub.register(draft, Registration::Verified).await.expect("Alice logs in");
    let grants = [
        Grant::new("azure-generic", SUBSCRIPTION),
        Grant::new("azure-generic", SUBSCRIPTION).with_within(VAULT),
    ];
    let owners = async || {
        let mut owners = Vec::new();
        for grant in &grants {
            let json = hub.issue("mine", grant.clone()).await.expect("issued").to_json();
            let issued: Value = serde_json::from_str(json.expose()).expect("JSON");
            let token = issued["secret"]["access_token"].as_str().expect("a token");
            owners.push(azure.owner(token).expect("of the server"));
        }
        owners
    };
    let both = |id: &str| [(id.to_owned(), ARM.to_owned()), (id.to_owned(), VAULT.to_owned())];
    assert_eq!(owners().await, both(&stage.alice));
    let told = stage.told();

    azure.revoke_refresh_tokens(ALICE);
    stage.decide(Decides::Approves(BOB));
    assert_eq!(owners().await, both(&stage.alice), "still good");
    hub.verify("mine", Grant::default()).await.expect("Bob logs in");
    assert!(stage.told() > told);
    assert_eq!(owners().await, both(&bob));
}

/// S41: the cache in which Microsoft's own library, and so az, keeps a login is read.
#[tokio::test(flavor = "multi_thread")]
async fn s41_the_cache_of_microsofts_library_is_read() {
    let python = match install::python() {
        Ok(python) => python,
        Err(reason) => return skip::skip("the cache of Microsoft's library", reason),
    };
    let setting = Setting::new();
    let (azure, alice) = (&setting.azure, setting.alice());
    let home = tempfile::tempdir().expect("a folder");
    let (ca, cache) = (home.path().join("ca.pem"), home.path().join("msal_token_cache.json"));
    std::fs::write(&ca, azure.ca()).expect("a file");
    let mut command = python.python(home.path());
    command.args(["-c", include_str!("az_login.py")]).env("TWIN", azure.url()).env("TENANT", TENANT);
    command
        .env("REQUESTS_CA_BUNDLE", &ca)
        .env("CACHE", &cache)
        .env("LOGIN", azure.add_refresh_token(AZ, ALICE));
    process::run(&mut command).expect_success();
    // The library keeps the host of the authority, which is none of Azure's own here.
    let profile = json!({ "subscriptions": [{
        "id": SUBSCRIPTION, "name": "Strict Subscription", "state": "Enabled", "isDefault": true, "tenantId": TENANT,
        "environmentName": "StrictCloud", "user": { "name": ALICE, "type": "user" },
    }] });
    let text = std::fs::read_to_string(&cache).expect("a cache");
    let files = [("/az/azureProfile.json", &*profile.to_string()), ("/az/msal_token_cache.json", &*text)];
    let cx = setting.machine(&[("AZURE_CONFIG_DIR", "/az")], &files);
    let connector = setting.connector::<Implicit>(cx, json!({}));
    for (service, audience) in [(None, ARM), (Some(VAULT), VAULT)] {
        let issued = issue(&connector, service).await.expect("a token");
        assert_eq!(setting.owner(&issued), (alice.clone(), audience.to_owned()));
    }
}
