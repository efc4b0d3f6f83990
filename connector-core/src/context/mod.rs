//! The world as a connector sees it: nothing is ambient, everything comes through here.

mod browser;
mod call;
mod commands;
mod environment;
mod files;
mod http;
mod moment;
mod patience;
mod ports;
mod terms;
mod tls;
mod virtual_world;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use call::Call;
pub use commands::{Command, Commands, Output};
pub use environment::Environment;
pub use files::Files;
pub use http::{Http, Request, Response};
pub(crate) use moment::Moment;
pub use patience::Patience;
pub use ports::{Clock, Connectors, Kept, Ledger, Mint, Person, Redirect};
pub use terms::Terms;
pub use tls::Tls;
pub use virtual_world::VirtualClock;

use crate::{Allow, Authenticated, ConnectorType, Error, Result, Secret};

/// The ports to the world: clock, environment, files, HTTP, commands, other connectors, the person at
/// the terminal, the audit, and what a connector keeps between runs.
///
/// [`Context::detached`] knows nothing and refuses everything; a host plugs in what it has. A clone is
/// cheap and shares the ports.
#[derive(Clone)]
pub struct Context(Arc<Ports>);

#[derive(Clone)]
struct Ports {
    clock: Arc<dyn Clock>,
    environment: Arc<dyn Environment>,
    files: Arc<dyn Files>,
    http: Arc<dyn Http>,
    commands: Arc<dyn Commands>,
    connectors: Arc<dyn Connectors>,
    person: Arc<dyn Person>,
    attended: bool,
    kept: Arc<dyn Kept>,
    ledger: Arc<dyn Ledger>,
    caller: Arc<str>,
    host: Option<Arc<str>>,
    terms: Arc<Terms>,
    implicit: bool,
    anew: bool,
    deadline: Duration,
    call_limit: Duration,
}

impl Context {
    /// How long one call to a provider may take, sent again or not, unless the host says otherwise.
    pub const CALL_LIMIT: Duration = Duration::from_secs(30);

    /// How long one attempt to obtain a credential may take, unless the host says otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(90);

    /// A context that needs a clock and knows nothing else: no environment, files, network or programs.
    pub fn detached(clock: impl Clock + 'static) -> Self {
        let nothing = Arc::new(ports::Nothing);
        Self(Arc::new(Ports {
            clock: Arc::new(clock),
            environment: nothing.clone(),
            files: nothing.clone(),
            http: nothing.clone(),
            commands: nothing.clone(),
            connectors: nothing.clone(),
            person: nothing.clone(),
            attended: false,
            kept: nothing.clone(),
            ledger: nothing,
            caller: Arc::from(""),
            host: None,
            terms: Arc::default(),
            implicit: false,
            anew: false,
            deadline: Self::DEADLINE,
            call_limit: Self::CALL_LIMIT,
        }))
    }

    fn with(&self, change: impl FnOnce(&mut Ports)) -> Self {
        let mut ports = (*self.0).clone();
        change(&mut ports);
        Self(Arc::new(ports))
    }

    /// Plugs in environment variables.
    #[must_use]
    pub fn with_environment(&self, environment: impl Environment + 'static) -> Self {
        self.with(|ports| ports.environment = Arc::new(environment))
    }

    /// Plugs in files.
    #[must_use]
    pub fn with_files(&self, files: impl Files + 'static) -> Self {
        self.with(|ports| ports.files = Arc::new(files))
    }

    /// Plugs in HTTP.
    #[must_use]
    pub fn with_http(&self, http: impl Http + 'static) -> Self {
        self.with(|ports| ports.http = Arc::new(http))
    }

    /// Plugs in the running of programs.
    #[must_use]
    pub fn with_commands(&self, commands: impl Commands + 'static) -> Self {
        self.with(|ports| ports.commands = Arc::new(commands))
    }

    /// Plugs in the other connectors, for those that take their identity from one.
    #[must_use]
    pub fn with_connectors(&self, connectors: impl Connectors + 'static) -> Self {
        self.with(|ports| ports.connectors = Arc::new(connectors))
    }

    /// Plugs in somebody who can be asked, for codes and confirmations.
    #[must_use]
    pub fn with_person(&self, person: impl Person + 'static) -> Self {
        self.with(|ports| {
            ports.person = Arc::new(person);
            ports.attended = true;
        })
    }

    /// Plugs in what connectors keep between runs.
    #[must_use]
    pub fn with_kept(&self, kept: impl Kept + 'static) -> Self {
        self.with(|ports| ports.kept = Arc::new(kept))
    }

    /// Plugs in the audit.
    #[must_use]
    pub fn with_ledger(&self, ledger: impl Ledger + 'static) -> Self {
        self.with(|ports| ports.ledger = Arc::new(ledger))
    }

    /// Says for whom things are asked; part of every cache key and every audit record.
    #[must_use]
    pub fn with_caller(&self, caller: impl Into<Arc<str>>) -> Self {
        let caller = caller.into();
        self.with(|ports| ports.caller = caller)
    }

    /// Says on which machine this is: part of every audit record.
    #[must_use]
    pub fn with_host(&self, host: impl Into<Arc<str>>) -> Self {
        let host = host.into();
        self.with(|ports| ports.host = Some(host))
    }

    /// The same world for one connector: what its document says is known to every call.
    #[must_use]
    pub fn for_connector(&self, terms: Arc<Terms>) -> Self {
        self.with(|ports| ports.terms = terms)
    }

    /// Switches methods on that use the identity of the machine they run on. Off by default.
    #[must_use]
    pub fn with_implicit(&self, implicit: bool) -> Self {
        self.with(|ports| ports.implicit = implicit)
    }

    /// Asks methods to authenticate anew, as verifying does: a session that they kept must not stand in.
    #[must_use]
    pub fn with_anew(&self, anew: bool) -> Self {
        self.with(|ports| ports.anew = anew)
    }

    /// Limits how long one attempt to obtain a credential may take.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        self.with(|ports| ports.deadline = deadline)
    }

    /// Limits how long one call to a provider may take, with all that is sent again for it.
    #[must_use]
    pub fn with_call_limit(&self, limit: Duration) -> Self {
        self.with(|ports| ports.call_limit = limit)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// What the clock shows, and how much time has passed whoever sets it.
    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.0.clock.now(), passed: self.0.clock.passed() }
    }

    /// The clock itself, for SDKs that want one.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// HTTP itself, for SDKs that want to be given one.
    #[must_use]
    pub fn http(&self) -> Arc<dyn Http> {
        Arc::clone(&self.0.http)
    }

    /// An environment variable; `None` when unset or empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<String> {
        self.0.environment.var(name).filter(|value| !value.is_empty())
    }

    /// The home directory of the user, from the environment.
    #[must_use]
    pub fn home(&self) -> Option<std::path::PathBuf> {
        self.var("HOME").or_else(|| self.var("USERPROFILE")).map(Into::into)
    }

    /// Reads a whole file of at most 1 MiB.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when it does not exist; names the path, shows no content.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>> {
        self.0.files.read(path)
    }

    /// Reads a whole file of text. See [`Context::read`].
    ///
    /// # Errors
    /// As [`Context::read`], and [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is not UTF-8.
    pub fn read_text(&self, path: &Path) -> Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| Error::invalid(format!("{} is not UTF-8 text", path.display())))
    }

    /// Sends a request. Redirects are not followed.
    ///
    /// # Errors
    /// [`Unreachable`](crate::ErrorKind::Unreachable) when there is no answer; any status is an answer.
    pub async fn send(&self, request: Request) -> Result<Response> {
        self.0.http.send(request).await
    }

    /// Runs a program that the connector's configuration names.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) unless the connector allows [`Allow::Exec`].
    pub async fn run(&self, command: Command) -> Result<Output> {
        if !self.allows(Allow::Exec) {
            return Err(Error::refused(format!("running `{}` is switched off", command.program()))
                .with_hint(
                    "register or update the connector with `--allow exec` if you trust that program",
                ));
        }
        self.0.commands.run(command).await
    }

    /// The session of another connector that this one takes its identity from, shared and refreshed.
    ///
    /// # Errors
    /// When there is no such connector, it is of another type, or it cannot authenticate.
    pub async fn source<C: ConnectorType>(&self, name: &str) -> Result<Arc<Authenticated<C::Session>>> {
        self.0.connectors.open(self, name).await?.session::<C>(self).await
    }

    /// The other connectors.
    pub(crate) fn connectors(&self) -> &dyn Connectors {
        &*self.0.connectors
    }

    /// Asks the person at the terminal for something secret, such as a code.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) when nobody is there to be asked.
    pub async fn ask(&self, question: &str) -> Result<Secret> {
        self.0.person.ask(question).await
    }

    /// Whether the host plugged in somebody who can be asked, and they have not left.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        self.0.attended && self.0.person.is_there()
    }

    /// Tells the person at the terminal something, such as where to type a code.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) when nobody is there to be told.
    pub async fn tell(&self, text: &str) -> Result<()> {
        self.0.person.tell(text).await
    }

    /// Opens a port of this machine, for a browser on it to come back to; any free one, or just this one.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) when nobody is there with a browser,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the port is taken.
    pub async fn listen(&self, port: Option<u16>) -> Result<Box<dyn Redirect>> {
        self.0.person.listen(port).await
    }

    /// Waits, ten minutes at most, until the person's browser comes back with the answer to the login of this `state`,
    /// and gives the code in it. What answers another login is passed over.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) when nobody comes back in time, the login was declined, or there is none in
    /// the answer.
    pub async fn come_back(&self, redirect: &dyn Redirect, state: &Secret) -> Result<Secret> {
        browser::code(self, redirect, state).await
    }

    /// What this connector kept under `key`; `None` when nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn kept(&self, key: &str) -> Result<Option<Secret>> {
        self.0.kept.kept(&self.0.terms.id, key).await
    }

    /// Keeps something for the next run, sealed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keep(&self, key: &str, value: Secret) -> Result<()> {
        self.0.kept.keep(&self.0.terms.id, key, value).await
    }

    /// Keeps the login that a person made just now. In place of one before it, it may be another person's, so that
    /// all that was issued until now ends. What renews by itself is [kept](Context::keep) and ends nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keep_login(&self, key: &str, value: Secret) -> Result<()> {
        self.0.kept.keep_login(self, key, value).await
    }

    /// Records a mint durably; the credential is released only after this succeeded.
    ///
    /// # Errors
    /// Those of the audit: then nothing is released.
    pub async fn record(&self, mint: &Mint<'_>) -> Result<()> {
        self.0.ledger.record(self, mint).await
    }

    /// For whom things are asked.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.0.caller
    }

    /// On which machine this is; `None` when the host does not say.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// What the document of the connector at work says.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// Whether the connector's owner allows this.
    #[must_use]
    pub fn allows(&self, what: Allow) -> bool {
        self.0.terms.allow.contains(&what)
    }

    /// Whether methods may use the identity of the machine they run on.
    #[must_use]
    pub fn implicit(&self) -> bool {
        self.0.implicit
    }

    /// Whether to authenticate anew, and not with a session that was kept.
    #[must_use]
    pub fn anew(&self) -> bool {
        self.0.anew
    }

    /// How long one attempt to obtain a credential may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// How long one call to a provider may take, with all that is sent again for it.
    #[must_use]
    pub fn call_limit(&self) -> Duration {
        self.0.call_limit
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("caller", &self.caller())
            .field("terms", &self.0.terms)
            .field("implicit", &self.implicit())
            .finish_non_exhaustive()
    }
}
