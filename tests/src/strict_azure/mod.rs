//! A strict Azure: Entra, managed identities, the resource manager with its role assignments, Blob Storage, and the
//! data of container registries, key vaults and Cosmos DB.
//!
//! One TLS port with an authority of its own ([`StrictAzure::ca`]) answers for all of them, told apart by path: the
//! authority and the resource manager at the root, `/blob/ACCOUNT`, `/vault/NAME`, `/cosmos/ACCOUNT` and
//! `/registry/NAME` for what Azure gives a host each. A second port in clear ([`StrictAzure::identity`]) is the
//! managed identity endpoint of a machine. It knows nobody and lets nobody do anything until a test says so.
//! Signatures, audiences, tenants, lives, scopes and roles are enforced as Azure does, with its codes, shapes and,
//! where they are known, its words; the vendor's own clients were run against it.
//!
//! Principals are object ids, and scopes are ids of the resource manager: a role is granted to an object id on
//! `/subscriptions/S`, `…/resourceGroups/G` or a resource, and holds for all that lies below.
//!
//! Its clock is the real one until a test moves it. Calls, faults and the URL are those of its [`Loopback`] server.

mod aks;
mod arm;
mod audience;
mod blob;
mod cosmos;
mod der;
mod entra;
mod identity;
mod jwt;
mod machine;
mod managed;
mod people;
mod programs;
mod range;
mod registry;
mod roles;
mod state;
mod things;
mod tokens;
mod vault;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::Barrier;

pub use aks::AksWebhook;
pub use arm::Cluster;
pub use entra::Block;
pub use machine::ManagedIdentity;
pub use programs::Certificate;

use crate::clock;
use crate::fault::Fault;
use crate::loopback::{Answer, Answering, Call, Handler, Loopback, decoded};
use crate::strict_kubernetes::authority::Authority;

use state::State;

/// The tenant that everything lies in unless told otherwise.
pub const TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// Its domain.
pub const DOMAIN: &str = "strict.onmicrosoft.com";
/// A subscription of [`TENANT`].
pub const SUBSCRIPTION: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/// A running strict Azure. Calls, faults and the URL are those of its [`Loopback`] server.
#[derive(Debug)]
pub struct StrictAzure {
    server: Loopback,
    identity: Loopback,
    state: Arc<Mutex<State>>,
    tls: Arc<ServerConfig>,
    /// The certificate of its authority.
    ca: String,
}

impl Default for StrictAzure {
    fn default() -> Self {
        Self::start()
    }
}

/// The URL, the calls and the faults.
impl std::ops::Deref for StrictAzure {
    type Target = Loopback;

    fn deref(&self) -> &Loopback {
        &self.server
    }
}

impl StrictAzure {
    /// Starts a server with the tenant [`TENANT`] and the subscription [`SUBSCRIPTION`] that knows nobody yet.
    pub fn start() -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.server();
        let certificate =
            CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate in PEM");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key in PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the protocol")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("the key is that of the certificate");
        let tls = Arc::new(tls);
        let state = Arc::new(Mutex::new(State::default()));
        let cloud = |front| Cloud { state: Arc::clone(&state), front };
        let server = Loopback::start_tls(cloud(Front::Everything), Arc::clone(&tls));
        let identity = Loopback::start(cloud(Front::Identity));
        let started = Self { server, identity, state, tls, ca: authority.pem() };
        started.state().base = started.server.url();
        started.add_tenant(TENANT, DOMAIN);
        started.add_first_parties();
        started.add_subscription(TENANT, SUBSCRIPTION, "Strict Subscription");
        started
    }

    /// The certificate of the authority that clients have to trust, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The managed identity endpoint, in clear: `/metadata/identity/oauth2/token` and `/msi/token`. Its calls and
    /// faults are its own.
    pub fn identity(&self) -> &Loopback {
        &self.identity
    }

    /// Opens a port on which a registry answers at its root, for clients that know registries by their host alone. It is
    /// open for as long as the answer is kept, and its calls and faults are its own.
    ///
    /// # Panics
    /// When there is no such registry.
    pub fn open_registry(&self, name: &str) -> Loopback {
        let (opened, host) = self.open(Arc::clone(&self.tls), |host| Front::Registry(name.to_owned(), host));
        let mut state = self.state();
        let registry = state.registries.get_mut(name).expect("the registry is there");
        registry.hosts.push(host);
        drop(state);
        opened
    }

    /// Opens a port on which an account of Cosmos DB answers at its root, for clients that go to the root of a host
    /// whatever they are told. It is open for as long as the answer is kept, and its calls and faults are its own.
    pub fn open_cosmos(&self, name: &str) -> Loopback {
        // Its client for Rust speaks HTTP/2 where it can, and gives up where it is not told what else.
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        self.open(Arc::new(tls), |host| Front::Cosmos(name.to_owned(), host)).0
    }

    /// Opens a port for one thing alone, which is told the host of its port.
    fn open(
        &self,
        tls: Arc<ServerConfig>,
        front: impl FnOnce(Arc<OnceLock<String>>) -> Front,
    ) -> (Loopback, String) {
        let own = Arc::<OnceLock<String>>::default();
        let cloud = Cloud { state: Arc::clone(&self.state), front: front(Arc::clone(&own)) };
        let opened = Loopback::start_tls(cloud, tls);
        let host = opened.address().to_string();
        let _ = own.set(host.clone());
        (opened, host)
    }

    // Time and limits.

    /// Moves the server's clock ahead.
    pub fn advance(&self, by: Duration) {
        self.state().clock.advance(i64::try_from(by.as_secs()).expect("a test moves by less than ages"));
    }

    /// Moves the server's clock back.
    pub fn set_back(&self, by: Duration) {
        self.state().clock.advance(-i64::try_from(by.as_secs()).expect("a test moves by less than ages"));
    }

    /// The server's time, in seconds since the epoch.
    pub fn now(&self) -> i64 {
        self.state().clock.now()
    }

    /// Lets access tokens live so long from now on; `None` stands for the services' own lives (an hour, and a day
    /// for a managed identity).
    pub fn set_life(&self, life: Option<Duration>) {
        self.state().life = life;
    }

    /// Puts no more than `entries` on any page, whatever is asked; `None` takes the limit away.
    pub fn limit_pages(&self, entries: Option<usize>) {
        self.state().largest_page = entries;
    }

    /// Answers the next calls with 429 as the resource manager does, and says when to come again.
    pub fn throttle(&self, calls: usize, retry_after: u64) {
        let answer = arm::throttled().with_header("retry-after", retry_after.to_string());
        self.server.faults().next_calls(calls, Fault::Answer(answer));
    }

    /// Answers the next calls for tokens with 429 as Entra does, and says when to come again.
    pub fn throttle_tokens(&self, calls: usize, retry_after: u64) {
        let answer = entra::throttled(self.now()).with_header("retry-after", retry_after.to_string());
        let is_one = |call: &Call| call.path.ends_with("/oauth2/v2.0/token");
        self.server.faults().on(Some(calls), Fault::Answer(answer), is_one);
    }

    /// Answers calls whose path ends with `end` only when so many of them have come, and then all of these: who asks
    /// one after the other is never answered.
    pub fn answer_together(&self, calls: usize, end: &str) {
        self.state().meeting = Some((end.to_owned(), Arc::new(Barrier::new(calls))));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panics")
    }
}

/// What a port answers for.
#[derive(Debug, Clone)]
enum Front {
    Everything,
    Identity,
    /// One registry by name, and the host of its port.
    Registry(String, Arc<OnceLock<String>>),
    /// The same for an account of Cosmos DB.
    Cosmos(String, Arc<OnceLock<String>>),
}

/// Answers the calls of one port.
struct Cloud {
    state: Arc<Mutex<State>>,
    front: Front,
}

impl Handler for Cloud {
    fn answer(&self, call: Call) -> Answering {
        let (shared, front) = (Arc::clone(&self.state), self.front.clone());
        Box::pin(async move {
            let meeting = {
                let state = shared.lock().expect("no answer panics");
                let meeting = state.meeting.as_ref().filter(|(end, _)| call.path.ends_with(end.as_str()));
                meeting.map(|(_, barrier)| Arc::clone(barrier))
            };
            if let Some(meeting) = meeting {
                meeting.wait().await;
            }
            let mut state = shared.lock().expect("no answer panics");
            let answer = match front {
                Front::Everything => route(&mut state, &call),
                Front::Identity if managed::is_for(&call) => managed::answer(&mut state, &call),
                Front::Identity => Answer::empty(404),
                Front::Registry(name, host) => {
                    let host = host.get().map(String::as_str).unwrap_or_default();
                    registry::answer_at(&mut state, &call, &name, host)
                }
                Front::Cosmos(name, host) => {
                    let host = host.get().map(String::as_str).unwrap_or_default();
                    cosmos::answer_at(&mut state, &call, &name, &format!("https://{host}/"))
                }
            };
            answer.with_header("date", clock::http_date(state.clock.now()))
        })
    }
}

fn route(state: &mut State, call: &Call) -> Answer {
    if managed::is_for(call) {
        return managed::answer(state, call);
    }
    if arm::is_for(call) {
        return arm::answer(state, call);
    }
    let segments: Vec<String> = call.path.trim_matches('/').split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["blob", ..] => blob::answer(state, call),
        ["cosmos", ..] => cosmos::answer(state, call),
        ["registry", ..] => registry::answer(state, call),
        ["vault", ..] => vault::answer(state, call),
        [tenant, rest @ ..] => entra::answer(state, call, tenant, rest),
        [] => Answer::empty(404),
    }
}

#[cfg(test)]
mod tests;
