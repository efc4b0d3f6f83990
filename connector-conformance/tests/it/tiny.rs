// A connector that keeps every rule, and can be broken in one place at a time.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use connector_conformance::{Kit, World, canary};
use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use connector_core::{
    Access, AuthMethod, Authenticated, Call, ConnectorAbout, ConnectorType, Context, Credential,
    EnvironmentForm, Error, Expiry, Fields, Http, Identity, Issued, Life, Lifetime, Listing, MethodAbout,
    Parsed, Problem, Registration, Request, ResourceAbout, ResourceType, Response, Result, Secret, Tool,
    Wanted, async_trait,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, json};

/// Everything that a broken connector may do in another way. Each default keeps the rules.
pub(crate) trait Nature: Sized + Send + Sync + 'static {
    const METHOD: &'static str = "key";
    const KIND: &'static str = "tiny-ticket";
    const METHOD_ABOUT: MethodAbout = METHOD;
    const RESOURCE_ABOUT: ResourceAbout =
        ResourceAbout::new("Box", "Holds things.").within("a shelf").narrows("the ticket's own limits");

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Config::json_schema(generator)
    }
    fn read(config: Value) -> Result<Config, String> {
        serde_json::from_value(config).map_err(|error| error.to_string())
    }
    fn check(config: &Config) -> Vec<Problem> {
        let _ = config;
        Vec::new()
    }
    fn lifetime() -> Option<Lifetime> {
        Self::METHOD_ABOUT.lifetime
    }
    fn hands_on_secret() -> bool {
        Self::METHOD_ABOUT.life == Life::Long && !Self::METHOD_ABOUT.temporary
    }
    fn identity(stored: &Map<String, Value>, cx: &Context) -> String {
        let _ = (stored, cx);
        String::new()
    }
    fn authenticate(
        config: &Config,
        cx: &Call<'_>,
        limits: Option<&str>,
    ) -> impl Future<Output = Result<Authenticated<Session>>> + Send {
        async move {
            let (ticket, life) = swap(cx, config, limits, cx.duration()).await?;
            let ends = cx.expires_in(life);
            let session = Authenticated::new(Session { ticket, ends: ends.clone() }, ends);
            Ok(if limits.is_some() { session.narrowed("the ticket's own limits") } else { session })
        }
    }
    fn parse(text: &str) -> Result<Parsed<String>> {
        let text = text.strip_prefix("box:").ok_or_else(no_box)?;
        let (name, shelf) = text.split_once('/').unwrap_or((text, ""));
        if is_name(name) && (shelf.is_empty() || is_name(shelf)) {
            Ok(Parsed::exact(name.to_owned()).within(shelf))
        } else {
            Err(no_box())
        }
    }
    fn id(name: &str) -> String {
        format!("box:{name}")
    }
    fn limits(name: &str, wanted: &Wanted) -> Result<Option<String>> {
        match wanted.within.as_deref() {
            Some(shelf) if !is_name(shelf) => {
                Err(Error::field("within", "no shelf: expected lower-case letters"))
            }
            shelf => Ok(Some(format!("{name}/{}/{}", shelf.unwrap_or("*"), wanted.access))),
        }
    }
    fn permissions(access: Access) -> Vec<&'static str> {
        ["look", "put", "own"][..=access as usize].to_vec()
    }
    fn list(cx: &Call<'_>) -> Result<Vec<String>> {
        let _ = cx;
        Ok(vec!["box:one".into(), "box:two".into()])
    }
    fn issue(session: &Session) -> Issued<Ticket<Self>> {
        Issued::new(Ticket::new(&session.ticket), session.ends.clone())
    }
    fn export(ticket: &Secret, out: &mut Fields) {
        out.public("made_by", "tiny");
        out.secret("ticket", ticket);
    }
    fn import(fields: &Fields) -> Result<Secret> {
        fields.text("made_by")?;
        fields.expect_secret("ticket")
    }
    fn tools() -> &'static [Tool<Ticket<Self>>] {
        &[Tool { name: "tinyctl", render: |issued| Ok(issued.credential.ticket.clone()) }]
    }
    fn environment(ticket: &Secret) -> EnvironmentForm {
        EnvironmentForm::default().set("TINY_TICKET", ticket.clone())
    }
    fn protocols() -> &'static [&'static dyn Protocol<Ticket<Self>>] {
        &[&Window]
    }
}

/// Where tickets are given out.
pub(crate) struct Window;

impl<N: Nature> Protocol<Ticket<N>> for Window {
    fn id(&self) -> &'static str {
        "tiny-window"
    }
    fn about(&self) -> &'static str {
        "where everything that is tiny asks"
    }
    fn proof(&self, _: &str) -> Proof {
        Proof::Bearer
    }
    fn claims(&self, path: &str) -> bool {
        path == "/ticket"
    }
    fn set_up(&self, site: &Site, _: &Issued<Ticket<N>>) -> Result<SetUp> {
        let form = EnvironmentForm::default().set("TINY_WINDOW", site.url("/ticket")).unset("TINY_TICKET");
        Ok(SetUp::new(form).with_file("window.json", "{}"))
    }
    fn answer(&self, _: &Asked, issued: &Issued<Ticket<N>>, _: SystemTime) -> Answer {
        Answer::new(200, "text/plain", issued.credential.ticket.clone())
    }
    fn refuse(&self, refusal: &Refusal) -> Answer {
        Answer::new(refusal.status, "text/plain", refusal.message.clone())
    }
}

pub(crate) const METHOD: MethodAbout =
    MethodAbout::new("Key", "Swaps a key for tickets.", Life::Long, Identity::Service)
        .temporary()
        .narrows("the box and what is done with it")
        .lifetime(Lifetime::seconds(900, 3600, 43_200));

/// Keeps every rule.
pub(crate) struct Good;
impl Nature for Good {}

/// Swaps a key for tickets.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The key, from the settings page.
    pub(crate) key: Secret,
    /// The place to work in, such as `moon`.
    #[schemars(extend("pattern" = "^[a-z]*$"))]
    pub(crate) place: Option<String>,
}

pub(crate) struct Session {
    pub(crate) ticket: Secret,
    pub(crate) ends: Expiry,
}

pub(crate) struct Tiny<N>(PhantomData<N>);
pub(crate) struct Key<N>(pub Config, PhantomData<N>);
pub(crate) struct Container<N>(String, PhantomData<N>);
pub(crate) struct Ticket<N> {
    pub(crate) ticket: Secret,
    nature: PhantomData<N>,
}

impl<N> Ticket<N> {
    pub(crate) fn new(ticket: &Secret) -> Self {
        Self { ticket: ticket.clone(), nature: PhantomData }
    }
}

impl<N: Nature> ConnectorType for Tiny<N> {
    const ID: &'static str = "tiny";
    const ABOUT: ConnectorAbout = ConnectorAbout::new("Tiny", "A provider in memory.");
    type Session = Session;
    type Narrowing = String;
}

impl<'de, N: Nature> Deserialize<'de> for Key<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        N::read(Value::deserialize(from)?).map(|it| Self(it, PhantomData)).map_err(D::Error::custom)
    }
}

impl<N: Nature> JsonSchema for Key<N> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Key".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        N::schema(generator)
    }
}

impl<N: Nature> AuthMethod for Key<N> {
    const ID: &'static str = N::METHOD;
    const ABOUT: MethodAbout = N::METHOD_ABOUT;
    type Connector = Tiny<N>;

    fn check(&self) -> Vec<Problem> {
        N::check(&self.0)
    }
    fn lifetime(&self) -> Option<Lifetime> {
        N::lifetime()
    }
    fn hands_on_secret(&self) -> bool {
        N::hands_on_secret()
    }
    fn identity(stored: &Map<String, Value>, cx: &Context) -> Result<String> {
        Ok(N::identity(stored, cx))
    }
    async fn authenticate(&self, cx: &Call<'_>, limits: Option<&String>) -> Result<Authenticated<Session>> {
        N::authenticate(&self.0, cx, limits.map(String::as_str)).await
    }
}

impl<N: Nature> ResourceType for Container<N> {
    const ID: &'static str = "box";
    const ABOUT: ResourceAbout = N::RESOURCE_ABOUT;
    type Connector = Tiny<N>;
    type Credential = Ticket<N>;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        Ok(match N::parse(text)? {
            Parsed::Exact { resource, within } => {
                Parsed::Exact { resource: Self(resource, PhantomData), within }
            }
            Parsed::Partial { text, within } => Parsed::Partial { text, within },
        })
    }
    fn id(&self) -> String {
        N::id(&self.0)
    }
    fn permissions(access: Access) -> Vec<&'static str> {
        N::permissions(access)
    }
    fn narrowing(&self, wanted: &Wanted) -> Result<Option<String>> {
        N::limits(&self.0, wanted)
    }
    async fn list(_: &Session, cx: &Call<'_>) -> Result<Listing> {
        N::list(cx).map(Listing::of)
    }
    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<Ticket<N>>> {
        Ok(N::issue(session))
    }
}

impl<N: Nature> Credential for Ticket<N> {
    const KIND: &'static str = N::KIND;

    fn export(&self, out: &mut Fields) {
        N::export(&self.ticket, out);
    }
    fn import(fields: &Fields) -> Result<Self> {
        N::import(fields).map(|ticket| Self { ticket, nature: PhantomData })
    }
    fn tools() -> &'static [Tool<Self>] {
        N::tools()
    }
    fn protocols() -> &'static [&'static dyn Protocol<Self>] {
        N::protocols()
    }
    fn environment(issued: &Issued<Self>) -> Result<EnvironmentForm> {
        Ok(N::environment(&issued.credential.ticket))
    }
}

fn no_box() -> Error {
    Error::field("resource_id", "no box: expected box:NAME or box:NAME/SHELF, in lower-case letters")
}

pub(crate) fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Swaps the key for a ticket, as the provider wants it.
pub(crate) async fn swap(
    cx: &Context,
    config: &Config,
    limits: Option<&str>,
    life: Option<Duration>,
) -> Result<(Secret, Duration)> {
    let seconds = life.map_or(3600, |it| it.as_secs());
    let request = Request::new("POST", "https://tiny.test/tickets")
        .with_header("authorization", format!("Bearer {}", config.key.expose()))
        .with_body(format!("{} {seconds}", limits.unwrap_or("-")));
    let answer = cx.send(request).await?;
    match answer.status() {
        200 => ticket_of(&answer),
        status @ (429 | 500..) => Err(Error::unreachable(format!("tiny answered {status} to POST /tickets"))),
        status => Err(Error::refused(format!("tiny answered {status} to POST /tickets"))),
    }
}

fn ticket_of(answer: &Response) -> Result<(Secret, Duration)> {
    #[derive(Deserialize)]
    struct Wire {
        ticket: Secret,
        seconds: u64,
    }
    let wrong = |_| Error::unreachable("tiny answered POST /tickets with something that is no ticket");
    let wire: Wire = serde_json::from_slice(answer.body()).map_err(wrong)?;
    Ok((wire.ticket, Duration::from_secs(wire.seconds)))
}

/// The provider: it knows one key, and gives a new ticket each time.
pub(crate) struct Provider {
    world: World,
    tickets: AtomicUsize,
}

impl Provider {
    pub(crate) fn new(world: &World) -> Self {
        Self { world: world.clone(), tickets: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Http for Provider {
    async fn send(&self, request: Request) -> Result<Response> {
        let bearer = format!("Bearer {}", canary("key"));
        let known = request.headers().iter().any(|(name, value)| name == "authorization" && *value == bearer);
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let seconds = body.rsplit(' ').next().and_then(|it| it.parse::<u64>().ok());
        let (true, Some(seconds)) = (known && request.method() == "POST", seconds) else {
            return Ok(Response::new(401, Vec::new(), Vec::new()));
        };
        let ticket = canary(&format!("ticket-{}", self.tickets.fetch_add(1, Ordering::SeqCst)));
        self.world.issued(&ticket, Duration::from_secs(seconds));
        let body = json!({ "ticket": ticket, "seconds": seconds }).to_string();
        Ok(Response::new(200, Vec::new(), body.into_bytes()))
    }
}

impl<N: Nature> fmt::Debug for Key<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

pub(crate) fn registrations<N: Nature>() -> Vec<Registration> {
    vec![
        Registration::connector::<Tiny<N>>(),
        Registration::method::<Key<N>>(),
        Registration::resource::<Container<N>>(),
    ]
}

/// The kit as the author of the connector calls it.
pub(crate) fn kit<N: Nature>() -> Kit {
    bare_kit::<N>()
        .method("tiny", N::METHOD, json!({ "key": canary("key"), "place": "moon" }))
        .kind::<Ticket<N>>()
}

/// The same without a config and the kind.
pub(crate) fn bare_kit<N: Nature>() -> Kit {
    Kit::of(&registrations::<N>())
        .resource("tiny", "box", &["box:one", "box:two"])
        .parts("tiny", "box", &["top"])
        .world(|world| world.context().with_http(Provider::new(world)))
}
