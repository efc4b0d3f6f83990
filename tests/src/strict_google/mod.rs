//! A strict Google Cloud: OAuth's endpoints, the token service, IAM credentials, the metadata server, Cloud Storage,
//! GKE, Artifact Registry, resource manager and Secret Manager.
//!
//! One server answers for all of them, told apart by path: give its [URL](Loopback::url) wherever an endpoint can be
//! set. It knows nobody and lets nobody do anything until a test says so. Signatures, audiences, lives, scopes, roles,
//! delegations and access boundaries are enforced as Google does, with its codes, reasons and, where they are known,
//! its words; the vendor's own clients were run against it.
//!
//! Names are resource names: a role is granted on `projects/P`, `projects/_/buckets/B`,
//! `projects/-/serviceAccounts/EMAIL`, `projects/P/secrets/S` or `projects/P/locations/L/repositories/R`, to an e-mail,
//! to `principal://…/subject/S` or to `principalSet://…/*`.
//!
//! Its clock is the real one until a test moves it. Calls, faults and the URL are those of its [`Loopback`] server.

mod artifacts;
mod boundary;
mod cel;
mod container;
mod error;
mod files;
mod gke;
mod iamcredentials;
mod identity;
mod jwt;
mod metadata;
mod oauth;
mod people;
mod projects;
mod roles;
mod secrets;
mod state;
mod storage;
mod sts;
mod things;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::Barrier;

pub use container::Cluster;
pub use gke::GkeWebhook;
pub use people::Client;

use crate::clock;
use crate::fault::Fault;
use crate::loopback::{Answer, Answering, Call, Handler, Loopback, decoded};
use crate::strict_kubernetes::authority::Authority;

use error::ApiError;
use state::State;

/// The project that everything lies in unless told otherwise.
pub const PROJECT: &str = "strict-project";
/// The number of [`PROJECT`].
pub const PROJECT_NUMBER: u64 = 123_456_789_012;

/// A running strict Google. Calls, faults and the URL are those of its [`Loopback`] server.
#[derive(Debug)]
pub struct StrictGoogle {
    server: Loopback,
    state: Arc<Mutex<State>>,
    /// The certificate of its authority, over TLS.
    ca: Option<String>,
}

impl Default for StrictGoogle {
    fn default() -> Self {
        Self::start()
    }
}

/// The URL, the calls and the faults.
impl std::ops::Deref for StrictGoogle {
    type Target = Loopback;

    fn deref(&self) -> &Loopback {
        &self.server
    }
}

impl StrictGoogle {
    /// Starts a server with the project [`PROJECT`] that knows nobody yet.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let server = Loopback::start(Cloud(Arc::clone(&state)));
        Self { server, state, ca: None }.begun()
    }

    /// The same over TLS: see [`StrictGoogle::ca`].
    pub fn start_tls() -> Self {
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
        let state = Arc::new(Mutex::new(State::default()));
        let server = Loopback::start_tls(Cloud(Arc::clone(&state)), Arc::new(tls));
        Self { server, state, ca: Some(authority.pem()) }.begun()
    }

    fn begun(self) -> Self {
        self.state().base = self.server.url();
        self.add_project_with_number(PROJECT, PROJECT_NUMBER);
        self
    }

    /// The certificate of the authority that clients have to trust, in PEM; `None` in clear.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
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

    /// Issues nothing that lives longer than `life`, whatever is asked; `None` takes the limit away.
    pub fn limit_life(&self, life: Option<Duration>) {
        self.state().longest_life = life;
    }

    /// Puts no more than `entries` on any page, whatever is asked; `None` takes the limit away.
    pub fn limit_pages(&self, entries: Option<usize>) {
        self.state().largest_page = entries;
    }

    /// Tells with a narrowed token how long it lives. Without this it is left out, and its source's end is its own.
    pub fn tell_narrowed_life(&self) {
        self.state().tells_narrowed_life = true;
    }

    /// Answers the next calls with `RESOURCE_EXHAUSTED`.
    pub fn throttle(&self, calls: usize) {
        let answer = ApiError::exhausted().as_answer();
        self.server.faults().next_calls(calls, Fault::Answer(answer.with_header("retry-after", "1")));
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

/// Answers the calls of one server.
struct Cloud(Arc<Mutex<State>>);

impl Handler for Cloud {
    fn answer(&self, call: Call) -> Answering {
        let shared = Arc::clone(&self.0);
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
            route(&mut state, &call).with_header("date", clock::http_date(state.clock.now()))
        })
    }
}

fn route(state: &mut State, call: &Call) -> Answer {
    if metadata::is_for(call) {
        return metadata::answer(state, call);
    }
    if oauth::is_for(call) {
        return oauth::answer(state, call);
    }
    if storage::is_for(call) {
        return storage::answer(state, call);
    }
    if matches!(call.path.as_str(), "/v1/token" | "/v1/introspect") {
        return sts::answer(state, call);
    }
    let segments: Vec<String> = call.path.trim_start_matches('/').split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answered = match segments.as_slice() {
        ["v1", "projects", project, "serviceAccounts", target] => {
            iamcredentials::answer(state, call, project, target)
        }
        ["v1", "projects", project, "locations", location, "clusters", rest @ ..] => {
            container::answer(state, call, project, location, rest)
        }
        // The older name is the one that gcloud still calls.
        ["v1" | "v1beta2", "projects", project, "locations", rest @ ..] => {
            artifacts::answer(state, call, project, rest)
        }
        ["v1", "projects", project, "secrets", rest @ ..] => secrets::answer(state, call, project, rest),
        ["v1" | "v3", "projects"] | ["v1" | "v3", "projects", _] | ["v3", "projects:search"] => {
            projects::answer(state, call, &segments)
        }
        _ => Err(ApiError::not_found("Not Found")),
    };
    answered.unwrap_or_else(|error| error.as_answer())
}

#[cfg(test)]
mod tests;
