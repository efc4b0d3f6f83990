//! The agent: endpoints of this machine which unmodified SDKs and programs ask for credentials, and ask again before
//! they end. What is handed to a program is where to ask, and never a key.
//!
//! Every [`Binding`] has a port and a session of its own: one port is one identity. What a request means and how an
//! answer looks is the [`Protocol`](crate::core::agent::Protocol) of its credential's kind; who may ask is decided
//! here. A request has to name the endpoint's own address, come from no browser and through no proxy, and show the
//! session's token, which lies in a file that only this user reads. A protocol that has no secret is served on
//! loopback alone; on Linux its programs have to be of the same user.
//!
//! The token shows an endpoint who asks, and nothing shows a program who answers: once an agent has ended, another user of
//! the machine can listen on its port, and give programs that still ask there an identity of theirs. So free ports are the
//! default, and what leads to an endpoint is worth keeping for as long as that is there.
//!
//! Every answer is issued through the [`Hub`]: from its sealed cache, or minted once for all who wait. So a connector
//! that is disabled or deleted is answered for no longer, at once.
//!
//! ```no_run
//! # async fn run() -> connectors::Result<()> {
//! use connectors::agent::{Agent, Options};
//! use connectors::{Hub, hub};
//!
//! let hub = Hub::open(hub::Options::new("/var/lib/app/connectors")).await?;
//! let bindings = vec!["prod=s3-bucket:s3://data@write".parse()?, "billing".parse()?];
//! let agent = Agent::start(&hub, bindings, Options::new(hub.home().join("agent"))).await?;
//! for served in agent.served() {
//!     println!("{} is served at {}", served.binding(), served.authority());
//!     // For the environment of a program. Some protocols have the session's token in it, so it is not for a log.
//!     let names: Vec<_> = served.set_up().set.iter().map(|(name, _)| name.as_str()).collect();
//!     println!("  by {}", names.join(", "));
//! }
//! // Answers until somebody hangs up, say. Then the sessions are gone.
//! agent.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

mod answer;
mod binding;
mod guard;
mod listen;
mod mint;
mod peer;
mod seats;
mod serve;
mod session;
mod timer;

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connector_core::agent::Site;
use connector_core::{AnyProtocol, Envelope, EnvironmentForm, Error, Grant, Result, Secret};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::Hub;

pub use binding::Binding;
pub use listen::GATEWAY;

use answer::Endpoint;
use guard::Guard;
use mint::Mints;
use session::Session;

/// How many bindings are issued for at the same time, before the first request.
const SIDE_BY_SIDE: usize = 32;

/// How an agent serves.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// The address to listen on: loopback, or 169.254.170.2. With a fixed port the first binding takes it, and the next
    /// ones those that follow; with port 0 each takes a free one.
    pub listen: SocketAddr,
    /// Sockets that listen already, as a service manager passes them: one per binding, in their order, in place of
    /// `listen`.
    pub sockets: Vec<TcpListener>,
    /// Ids of the protocols to serve, the first one first. Kinds that have none of them are served in their first one.
    pub protocols: Vec<String>,
    /// The directory of all sessions: an absolute path that only this user may enter; made when it is missing.
    pub directory: PathBuf,
    /// The directory of the session itself, for programs that have to know it beforehand, such as containers: an
    /// absolute path that only this user may enter. One binding has it, in place of one below `directory`. It stays, and
    /// is emptied.
    pub session: Option<PathBuf>,
}

impl Options {
    /// Any free ports of 127.0.0.1, each kind's first protocol, sessions in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            sockets: Vec::new(),
            protocols: Vec::new(),
            directory: directory.into(),
            session: None,
        }
    }

    /// Says where the session is.
    #[must_use]
    pub fn with_session(mut self, directory: impl Into<PathBuf>) -> Self {
        self.session = Some(directory.into());
        self
    }

    /// Listens elsewhere.
    #[must_use]
    pub fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Takes sockets that listen already.
    #[must_use]
    pub fn with_sockets(mut self, sockets: Vec<TcpListener>) -> Self {
        self.sockets = sockets;
        self
    }

    /// Chooses protocols.
    #[must_use]
    pub fn with_protocols(mut self, protocols: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }
}

/// A protocol that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServedProtocol {
    /// Its id.
    pub id: &'static str,
    /// Who speaks it, for people: one line.
    pub about: &'static str,
    /// Whether who asks shows a secret. Where not, every program of this user may ask, and where the system does not
    /// tell whose a connection is, every program of this machine.
    pub has_secret: bool,
}

/// One binding as it is served.
#[derive(Clone, Debug)]
pub struct Served {
    binding: Binding,
    resource: (String, String),
    protocols: Vec<ServedProtocol>,
    authority: String,
    directory: PathBuf,
    set_up: EnvironmentForm,
}

impl Served {
    /// What is served.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The type and the canonical id of what is served, also where the binding leaves them open.
    #[must_use]
    pub fn resource(&self) -> (&str, &str) {
        (&self.resource.0, &self.resource.1)
    }

    /// In which protocols.
    #[must_use]
    pub fn protocols(&self) -> &[ServedProtocol] {
        &self.protocols
    }

    /// Address and port, such as `127.0.0.1:4711`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The session's directory, with its token and the files that its programs read. It goes with the agent.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What a program needs to find the endpoint, and to find nothing else before it.
    #[must_use]
    pub fn set_up(&self) -> &EnvironmentForm {
        &self.set_up
    }
}

/// One binding on its way to be served.
struct Opening {
    binding: Binding,
    grant: Grant,
    envelope: Envelope,
    protocols: Vec<AnyProtocol>,
}

/// Endpoints that are open. Requests are answered by [`Agent::run`]; its sessions are removed when it is done, or
/// dropped.
#[must_use = "an agent answers while it runs"]
pub struct Agent {
    hub: Hub,
    served: Vec<Served>,
    endpoints: Vec<(TcpListener, Arc<Endpoint>)>,
    sessions: Vec<Session>,
}

impl Agent {
    /// Issues once for every binding, opens all ports, and writes the sessions. What one of them stands in the way of
    /// leaves nothing behind.
    ///
    /// # Errors
    /// Those of issuing; an address that is refused or taken; a kind without a protocol; a protocol without a secret on
    /// an address that is not loopback; a directory that cannot be written or is open to others.
    pub async fn start(hub: &Hub, bindings: Vec<Binding>, options: Options) -> Result<Self> {
        if bindings.is_empty() {
            return Err(Error::field("binding", "missing: an agent serves at least one connector"));
        }
        if options.session.is_some() && bindings.len() > 1 {
            return Err(Error::field("session", "one directory is for one binding")
                .with_hint("start an agent for each"));
        }
        if options.sockets.is_empty() {
            listen::check(options.listen)?;
        }
        // A question to somebody who is there would keep the others waiting until their calls run out of time.
        let side_by_side = if hub.context().is_attended() { 1 } else { SIDE_BY_SIDE };
        let first: Vec<_> = bindings.iter().map(|it| first(hub, it, bindings.len())).collect();
        let issued = stream::iter(first).buffered(side_by_side);
        let issued: Vec<Envelope> = issued.try_collect().await?;
        let mut grants = Vec::with_capacity(issued.len());
        for (binding, envelope) in bindings.iter().zip(&issued) {
            grants.push(settled(hub, binding, envelope).await?);
        }
        let protocols = choose(hub, &bindings, &issued, &options.protocols)?;
        let listeners = listen::listeners(options.listen, options.sockets, bindings.len())?;
        let (parent, session, count) = (options.directory, options.session, bindings.len());
        let sessions = tokio::task::spawn_blocking(move || match session {
            Some(directory) => Session::at(&directory).map(|it| vec![it]),
            None => Session::make(&parent, count),
        });
        let sessions = sessions.await;
        let sessions = sessions.map_err(|_| Error::unexpected("a background task ended"))??;
        let mut agent = Self { hub: hub.clone(), served: Vec::new(), endpoints: Vec::new(), sessions };
        let all = bindings.into_iter().zip(grants).zip(issued).zip(protocols).zip(listeners);
        for (place, ((((binding, grant), envelope), protocols), port)) in all.enumerate() {
            let name = binding.connector.clone();
            let opening = Opening { binding, grant, envelope, protocols };
            agent.open(place, opening, port).map_err(|error| error.with_connector(name))?;
        }
        Ok(agent)
    }

    /// Writes one binding's session, and what answers for it.
    fn open(
        &mut self,
        place: usize,
        opening: Opening,
        (listener, address): (TcpListener, SocketAddr),
    ) -> Result<()> {
        let Opening { binding, grant, envelope, protocols } = opening;
        let session = &self.sessions[place];
        let directory = session.directory();
        let shown = directory
            .to_str()
            .ok_or_else(|| Error::field("directory", "its path is no text, so no variable can name it"))?;
        let token = session::token()?;
        let site = Site::new(address.to_string(), shown, token.clone());
        let (mut environment, mut files) = (EnvironmentForm::default(), Vec::new());
        let mut about = Vec::with_capacity(protocols.len());
        for protocol in &protocols {
            let set_up = protocol.set_up(&site, &envelope)?;
            let has_secret = protocol.shows_secret(&site, &set_up);
            if !has_secret && !listen::is_loopback(address) {
                return Err(guard::needs_loopback(protocol, address.ip()));
            }
            about.push(ServedProtocol { id: protocol.id(), about: protocol.about(), has_secret });
            environment = merge(environment, set_up.environment);
            for (name, content) in set_up.files {
                add_file(&mut files, protocol, name, content)?;
            }
        }
        session.write(Site::TOKEN_FILE, &token)?;
        for (name, content) in &files {
            session.write(name, content)?;
        }
        let guard = Guard {
            hosts: listen::hosts(address),
            port: address.port(),
            is_loopback: listen::is_loopback(address),
            token,
            protocols,
        };
        let mints = Mints::new(self.hub.clone(), &binding.connector);
        let endpoint = Endpoint { guard, grant, mints };
        self.endpoints.push((listener, Arc::new(endpoint)));
        self.served.push(Served {
            binding,
            resource: (envelope.resource_type, envelope.resource_id),
            protocols: about,
            authority: address.to_string(),
            directory: directory.to_owned(),
            set_up: environment,
        });
        Ok(())
    }

    /// What is served, in the order of the bindings.
    #[must_use]
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// Answers until `until` is done. Then nothing more is let in, answers on their way have a few seconds, and the
    /// sessions are removed.
    ///
    /// # Errors
    /// Ports that cannot be used, sessions that cannot be removed.
    pub async fn run(self, until: impl Future<Output = ()> + Send) -> Result<()> {
        let Self { hub, endpoints, sessions, served: _ } = self;
        let served = serve::serve(endpoints, hub.context().clock(), until).await;
        let removed: Vec<_> = sessions.into_iter().map(Session::remove).collect();
        removed.into_iter().fold(served, Result::and)
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("served", &self.served).finish_non_exhaustive()
    }
}

/// The first credential of a binding. Of several, an error says which it is about.
async fn first(hub: &Hub, binding: &Binding, count: usize) -> Result<Envelope> {
    let issued = hub.issue(&binding.connector, binding.grant.clone()).await;
    issued.map_err(|error| match count {
        1 => error,
        _ => error.context(format!("`{binding}` cannot be served")),
    })
}

/// What a port answers for from now on. One port is one identity: what its binding left open was found, by a call it may
/// be, is not looked for again, and does not become something else. Only what the connector's document fixes follows that.
async fn settled(hub: &Hub, binding: &Binding, envelope: &Envelope) -> Result<Grant> {
    let mut grant = binding.grant.clone();
    // Protocols go by it, also where the connector fixes it.
    grant.resource_type.get_or_insert_with(|| envelope.resource_type.clone());
    if hub.get(&binding.connector).await?.resource_id.is_none() {
        grant.resource_id = Some(envelope.resource_id.clone());
        grant.within.clone_from(&envelope.within);
    }
    Ok(grant)
}

/// The protocols of every binding: those that were asked for, or its kind's first.
fn choose(
    hub: &Hub,
    bindings: &[Binding],
    issued: &[Envelope],
    asked: &[String],
) -> Result<Vec<Vec<AnyProtocol>>> {
    let mut possible = Vec::new();
    let mut chosen = Vec::with_capacity(issued.len());
    for (binding, envelope) in bindings.iter().zip(issued) {
        let protocols = hub.registry().protocols(&envelope.kind)?;
        let Some(first) = protocols.first() else {
            let message = format!("no program asks an endpoint for credentials of kind `{}`", envelope.kind);
            return Err(Error::invalid(message)
                .with_connector(&*binding.connector)
                .with_hint("hand it out with `connector env`, `connector exec` or `connector login`"));
        };
        let wanted = asked.iter().filter_map(|id| protocols.iter().find(|it| it.id() == id)).cloned();
        let mut wanted: Vec<_> = wanted.collect();
        if wanted.is_empty() {
            wanted.push(first.clone());
        }
        chosen.push(wanted);
        possible.extend(protocols.iter().map(AnyProtocol::id));
    }
    possible.sort_unstable();
    possible.dedup();
    match asked.iter().find(|id| !possible.contains(&id.as_str())) {
        None => Ok(chosen),
        Some(_) => Err(Error::field(
            "protocol",
            format!("not one of these connectors' protocols: possible are {}", possible.join(", ")),
        )),
    }
}

/// Joins what two protocols need: the first one that sets a variable has it, and what one sets no other unsets.
fn merge(mut into: EnvironmentForm, other: EnvironmentForm) -> EnvironmentForm {
    for (name, value) in other.set {
        if into.set.iter().all(|(it, _)| *it != name) {
            into.set.push((name, value));
        }
    }
    into.unset.extend(other.unset);
    into.unset.sort_unstable();
    into.unset.dedup();
    let set: Vec<_> = into.set.iter().map(|(name, _)| name.clone()).collect();
    into.unset.retain(|it| !set.contains(it));
    into
}

/// Adds a protocol's file; two of them may share one that says the same.
fn add_file(
    files: &mut Vec<(&'static str, Secret)>,
    protocol: &AnyProtocol,
    name: &'static str,
    content: Secret,
) -> Result<()> {
    let other = files.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
    match other {
        None if !session::is_tokens(name) => files.push((name, content)),
        Some((_, there)) if there.expose() == content.expose() => {}
        _ => {
            let message = format!("`{}` needs a file in place of another one's: {name}", protocol.id());
            return Err(Error::invalid(message).with_hint("serve them by two agents"));
        }
    }
    Ok(())
}
