//! A provider for tests: its "cloud" counts calls, and can be told to refuse or to wait.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use connector_core::agent::Protocol;
use connector_core::{
    AuthMethod, Authenticated, Base, Builds, Call, Clients, Clock, ConnectorAbout, ConnectorType, Context,
    Credential, Document, EnvironmentForm, Error, Expiry, Fields, Identity, Issued, Life, Lifetime, Listing,
    MethodAbout, Parsed, Registry, ResourceAbout, ResourceType, Result, Secret, Source, Tool, VirtualClock,
    Wanted,
};
use connectors::hub::{Draft, Hub, Options, Registered, Registration};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Barrier;

/// What one test's cloud saw and does. Found by the `account` in a connector's config, so that tests that
/// run side by side do not see each other.
#[derive(Default)]
pub(crate) struct Cloud {
    pub(crate) logins: AtomicUsize,
    /// How often it was asked for the box with a number.
    pub(crate) lookups: AtomicUsize,
    pub(crate) refuses: AtomicBool,
    /// It cannot be reached.
    pub(crate) is_down: AtomicBool,
    /// The connector itself is broken.
    pub(crate) panics: AtomicBool,
    pub(crate) barrier: Mutex<Option<Arc<Barrier>>>,
    /// By whose time tokens end, and what will have passed when each of them does.
    pub(crate) ends: Mutex<(Option<VirtualClock>, Vec<Duration>)>,
    /// The boxes that there are: two where none are said.
    pub(crate) boxes: Mutex<Vec<&'static str>>,
    /// Who is at the terminal. The login of anybody else is over.
    pub(crate) person: Mutex<String>,
}

static CLOUDS: LazyLock<Mutex<BTreeMap<String, Arc<Cloud>>>> = LazyLock::new(Mutex::default);

pub(crate) fn cloud(account: &str) -> Arc<Cloud> {
    Arc::clone(CLOUDS.lock().expect("no test panics while it holds this").entry(account.into()).or_default())
}

impl Cloud {
    pub(crate) fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    pub(crate) fn person(&self) -> String {
        self.person.lock().expect("no test panics while it holds this").clone()
    }

    /// Puts somebody before the terminal, in place of who logged in before.
    pub(crate) fn sit_down(&self, person: &str) {
        person.clone_into(&mut self.person.lock().expect("no test panics while it holds this"));
    }

    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Notes when tokens end by this clock.
    pub(crate) fn watch(&self, clock: &VirtualClock) {
        self.ends.lock().expect("no test panics while it holds this").0 = Some(clock.clone());
    }

    /// What will have passed when the token with this number ends.
    pub(crate) fn end_of(&self, number: usize) -> Duration {
        self.ends.lock().expect("no test panics while it holds this").1[number]
    }

    /// The number of a token that is made now.
    fn number(&self, life: Duration) -> usize {
        let (clock, ends) = &mut *self.ends.lock().expect("no test panics while it holds this");
        let passed = clock.as_ref().and_then(Clock::passed).unwrap_or_default();
        ends.push(passed + life);
        ends.len() - 1
    }

    pub(crate) fn go_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    async fn log_in(&self) -> Result<()> {
        self.logins.fetch_add(1, Ordering::SeqCst);
        let barrier = self.barrier.lock().expect("no test panics while it holds this").clone();
        if let Some(barrier) = barrier {
            barrier.wait().await;
        }
        assert!(!self.panics.load(Ordering::SeqCst), "a fault in somebody else's connector");
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Error::unreachable("acme did not answer"));
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Error::refused("acme:LogIn was refused: the key is wrong"));
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Acme;

#[derive(Clone, Debug)]
pub(crate) struct Session {
    account: String,
    token: Secret,
}

impl ConnectorType for Acme {
    const ID: &'static str = "acme";
    const ABOUT: ConnectorAbout = ConnectorAbout::new("Acme", "A cloud for tests.");
    type Session = Session;
    type Narrowing = String;
}

/// An account's key, or another connector's session.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    /// The account.
    account: String,
    /// The key.
    #[serde(default)]
    key: Option<Secret>,
    /// A connector to take the identity from.
    #[serde(default)]
    source: Option<Base<Acme>>,
}

impl AuthMethod for Key {
    const ID: &'static str = "key";
    const ABOUT: MethodAbout =
        MethodAbout::new("Key", "Trades a key for a token.", Life::Long, Identity::User)
            .temporary()
            .narrows("scope")
            .lifetime(Lifetime::seconds(60, 3600, 7200));
    type Connector = Acme;

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&String>,
    ) -> Result<Authenticated<Session>> {
        if let Some(source) = &self.source {
            source.session(cx).await?;
        }
        // A login is renewed on every use, and the one before it is worth nothing then.
        let person = cloud(&self.account).person();
        match cx.kept("login").await?.filter(|it| it.expose().starts_with(&person)) {
            Some(old) => cx.keep("login", Secret::new(format!("{}+", old.expose()))).await?,
            None => cx.keep_login("login", Secret::new(format!("{person}kept-canary-5d1f"))).await?,
        }
        cloud(&self.account).log_in().await?;
        let key = self.key.as_ref().map_or("none", Secret::expose);
        let life = cx.duration().unwrap_or(Duration::from_secs(3600));
        let (caller, seconds) = (cx.caller(), life.as_secs());
        let number = cloud(&self.account).number(life);
        let narrowing = narrowing.map_or("all", String::as_str);
        let token = format!("{person}token/{}/{caller}/{seconds}/{number}/{narrowing}", key.len());
        let session = Session { account: self.account.clone(), token: Secret::new(token) };
        let session = Authenticated::new(session, cx.expires_in(life));
        Ok(match narrowing {
            "all" => session,
            scope => session.narrowed(format!("scope {scope}")),
        })
    }
}

/// Whoever the surroundings say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ambient {
    /// The account.
    account: String,
}

impl AuthMethod for Ambient {
    const ID: &'static str = "ambient";
    const ABOUT: MethodAbout =
        MethodAbout::new("Ambient", "Takes who is there.", Life::Short, Identity::User).temporary();
    type Connector = Acme;

    fn identity(_: &serde_json::Map<String, Value>, cx: &Context) -> Result<String> {
        Ok(cx.var("ACME_USER").unwrap_or_default())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&String>) -> Result<Authenticated<Session>> {
        cloud(&self.account).log_in().await?;
        let user = cx.var("ACME_USER").ok_or_else(|| Error::not_configured("nobody is there"))?;
        let session =
            Session { account: self.account.clone(), token: Secret::new(format!("token of {user}")) };
        Ok(Authenticated::new(session, cx.expires_in(Duration::from_secs(3600))))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) account: String,
    pub(crate) token: Secret,
}

impl Credential for Token {
    const KIND: &'static str = "acme";

    fn export(&self, out: &mut Fields) {
        out.public("account", self.account.as_str());
        out.secret("token", &self.token);
    }

    fn import(fields: &Fields) -> Result<Self> {
        Ok(Self { account: fields.text("account")?.into(), token: fields.expect_secret("token")? })
    }

    fn clients() -> Clients<Source<Self>> {
        Clients::none().with::<Client>()
    }

    fn tools() -> &'static [Tool<Self>] {
        &[Tool { name: "acme", render: |issued| Ok(issued.credential.token.clone()) }]
    }

    fn protocols() -> &'static [&'static dyn Protocol<Self>] {
        crate::doors::DOORS
    }

    fn environment(issued: &Issued<Self>) -> Result<EnvironmentForm> {
        Ok(EnvironmentForm::default().set("ACME_TOKEN", issued.credential.token.clone()))
    }
}

/// A native client: asks its source on every use.
#[derive(Debug)]
pub(crate) struct Client(Source<Token>);

impl Client {
    pub(crate) async fn call(&self) -> Result<String> {
        Ok(self.0.issue().await?.credential.token.expose().to_owned())
    }
}

impl Builds<Client> for Token {
    async fn build(source: Source<Self>) -> Result<Client> {
        Ok(Client(source))
    }
}

/// A box in the cloud.
#[derive(Clone, Debug)]
pub(crate) struct Box(String);

impl ResourceType for Box {
    const ID: &'static str = "acme-box";
    const ABOUT: ResourceAbout = ResourceAbout::new("Box", "A box.").forms(&[("box:{name}", "canonical")]);
    type Connector = Acme;
    type Credential = Token;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if let Some(number) = text.strip_prefix('#') {
            return Ok(Parsed::partial(number));
        }
        let (name, part) = match text.strip_prefix("box:").unwrap_or(text).split_once('/') {
            Some((name, part)) => (name, Some(part)),
            None => (text.strip_prefix("box:").unwrap_or(text), None),
        };
        // Whichever there is.
        if text == "box:" {
            return Ok(Parsed::partial(text));
        }
        if name.is_empty() || !name.bytes().all(|it| it.is_ascii_lowercase()) {
            return Err(Error::field("resource_id", "not a box: expected box:{name}"));
        }
        let parsed = Parsed::exact(Self(name.into()));
        Ok(match part {
            Some(part) => parsed.within(part),
            None => parsed,
        })
    }

    fn id(&self) -> String {
        format!("box:{}", self.0)
    }

    /// By its number, which only the cloud knows, or the only one that there is.
    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        let cloud = cloud(&session.account);
        cloud.lookups.fetch_add(1, Ordering::SeqCst);
        if cloud.is_down.load(Ordering::SeqCst) {
            return Err(Error::unreachable("acme did not answer"));
        }
        if partial == "1" {
            return Ok(Self("one".into()));
        }
        match Self::list(session, cx).await?.ids.as_slice() {
            _ if partial != "box:" => Err(Error::not_found("no box has that number")),
            [only] => Ok(Self(only.trim_start_matches("box:").into())),
            _ => Err(Error::field("resource_id", "there are several boxes")),
        }
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<String>> {
        Ok(Some(format!("{}:{}:{}", self.0, wanted.within.as_deref().unwrap_or_default(), wanted.access)))
    }

    async fn list(session: &Session, _: &Call<'_>) -> Result<Listing> {
        let boxes = cloud(&session.account).boxes.lock().expect("no test panics while it holds this").clone();
        let boxes = if boxes.is_empty() { vec!["box:one", "box:two"] } else { boxes };
        Ok(Listing::of(boxes.into_iter().map(str::to_owned)))
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<Token>> {
        let token = Token { account: session.account.clone(), token: session.token.clone() };
        Ok(Issued::new(token, Expiry::Never("the session ends it".into())))
    }
}

connector_core::register!(connector Acme, method Key, method Ambient, resource Box, credential Token);

/// A hub in `home` whose time is `clock`, as one process of several may have it.
pub(crate) async fn hub(home: &Path, clock: &VirtualClock) -> Hub {
    hub_of(home, clock, "ann", &[]).await
}

/// As [`hub`], of another caller, in other surroundings.
pub(crate) async fn hub_of(
    home: &Path,
    clock: &VirtualClock,
    caller: &str,
    variables: &[(&str, &str)],
) -> Hub {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment: std::collections::HashMap<String, String> = variables.collect();
    hub_in(home, Context::detached(clock.clone()).with_environment(environment).with_caller(caller)).await
}

/// As [`hub`], in any context.
pub(crate) async fn hub_in(home: &Path, context: Context) -> Hub {
    let registry = Registry::of(REGISTRATIONS).expect("one of each");
    Hub::with_registry(Options::new(home).with_context(context), registry).await.expect("a fresh store opens")
}

pub(crate) const KEY: &str = "key-canary-93e7a1";

/// A draft of a connector for `account`.
pub(crate) fn draft(name: &str, account: &str) -> Draft {
    draft_with(name, json!({ "account": account, "key": KEY }))
}

pub(crate) fn draft_with(name: &str, config: Value) -> Draft {
    let config = config.as_object().cloned().expect("a config is an object");
    Draft::new(Document::draft(name, "acme", "key", config))
}

pub(crate) async fn register(hub: &Hub, name: &str, account: &str) -> Registered {
    hub.register(draft(name, account), Registration::Verified).await.expect("the key is good")
}
