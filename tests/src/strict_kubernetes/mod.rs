//! A strict Kubernetes API server: TLS with an authority of its own, bearer tokens and client certificates, rights,
//! `TokenRequest`, reviews of the caller, list, get and watch, and as much discovery as `kubectl` wants.
//!
//! It knows nobody and allows nothing until a test says so, but for what every cluster allows to everybody. Paths,
//! codes, reasons and words are those of the API server, whose objects of kind `Status` it answers with; the real
//! `kubectl` was run against it. Objects are the test's to change: the API only reads them.
//!
//! Its clock is the real one until a test moves it. Calls, faults and the URL are those of its [`Loopback`] server;
//! [`faults`] has some in its own words.

mod api;
pub(crate) mod authority;
mod discovery;
pub mod faults;
mod identity;
pub(crate) mod kubeconfig;
mod objects;
mod protobuf;
mod rbac;
mod request;
mod review;
mod state;
mod status;
mod token;
mod watch;
mod webhook;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

pub use authority::{ClientCertificate, ServerCertificate};
pub use kubeconfig::Login;
pub use rbac::Rule;
pub use watch::WatchEnd;
pub use webhook::EksWebhook;

use crate::clock::Clock;
use crate::loopback::Loopback;
use crate::process::LIMIT;
use crate::random;
use crate::strict_aws::Issuer;
use crate::strict_azure::AksWebhook;
use crate::strict_google::GkeWebhook;

use api::Api;
use authority::Authority;
use identity::User;
use objects::Objects;
use state::State;
use token::Token;

/// A running API server.
#[derive(Debug)]
pub struct StrictKubernetes {
    server: Loopback,
    state: Arc<Mutex<State>>,
    answered: Arc<Condvar>,
}

/// A call that came as far as the question who calls; one that a fault has answered did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The HTTP method.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The caller's name; `None` for one that was refused with 401.
    pub user: Option<String>,
    /// The status that was answered.
    pub status: u16,
}

impl Default for StrictKubernetes {
    fn default() -> Self {
        Self::start()
    }
}

/// The URL, the calls and the faults.
impl std::ops::Deref for StrictKubernetes {
    type Target = Loopback;

    fn deref(&self) -> &Loopback {
        &self.server
    }
}

impl StrictKubernetes {
    /// Starts a server of these years with the namespace `default`, which knows nobody yet.
    pub fn start() -> Self {
        let authority = Authority::new();
        let tls = authority.tls();
        let state = Arc::new(Mutex::new(State {
            clock: Clock::default(),
            authority,
            issuer: Issuer::es256(token::AUDIENCE),
            certificates: BTreeMap::new(),
            tokens: BTreeMap::new(),
            passwords: BTreeMap::new(),
            webhook: None,
            google: None,
            azure: None,
            takes_anonymous: true,
            is_modern: true,
            rules: rbac::of_everybody(true),
            objects: Objects::default(),
            longest_life: None,
            closes_watches: false,
            seen: Vec::new(),
        }));
        let answered = Arc::new(Condvar::new());
        let api = Api { state: Arc::clone(&state), answered: Arc::clone(&answered) };
        let started = Self { server: Loopback::start_tls(api, tls), state, answered };
        started.add_namespace("default");
        started
    }

    /// Makes it a server of 2021 (1.20): it has no reviews of the caller, and nobody may ask for them. Rules that
    /// were given so far are forgotten.
    pub fn be_old(&self) {
        let mut state = self.state();
        state.is_modern = false;
        state.rules = rbac::of_everybody(false);
    }

    // Who may come, and how.

    /// A user with a bearer token that never ends.
    pub fn add_token(&self, user: &str, groups: &[&str]) -> String {
        self.add_token_until(user, groups, None)
    }

    /// A user with a bearer token that ends `life` from now, by this server's clock.
    pub fn add_token_for(&self, user: &str, groups: &[&str], life: Duration) -> String {
        let ends = self.state().clock.after(life);
        self.add_token_until(user, groups, Some(ends))
    }

    fn add_token_until(&self, user: &str, groups: &[&str], ends: Option<i64>) -> String {
        let token = random::token(40);
        let audiences = vec![token::AUDIENCE.to_owned()];
        let known = Token { user: User::new(user, groups), ends, audiences, bound: None };
        self.state().tokens.insert(token.clone(), known);
        token
    }

    /// Forgets a token before its end: it is refused with 401 from now on.
    pub fn revoke(&self, token: &str) {
        self.state().tokens.remove(token);
        self.close_ended_watches();
    }

    /// The tokens of service accounts that were issued so far, also those that have ended.
    pub fn issued(&self) -> Vec<String> {
        let state = self.state();
        let issued = state.tokens.iter().filter(|(_, token)| token.bound.is_some());
        issued.map(|(text, _)| text.clone()).collect()
    }

    /// A client certificate for a user (its common name) in a group (its organisation), good for `life`.
    pub fn add_certificate(&self, user: &str, group: Option<&str>, life: Duration) -> ClientCertificate {
        let mut state = self.state();
        let (certificate, der) = state.authority.client(user, group, state.clock.now(), life);
        state.certificates.insert(der, User::new(user, group.as_slice()));
        certificate
    }

    /// Lets a user in by password, as servers did before 1.19. Without any, a password is no credential at all: who
    /// shows one is `system:anonymous`.
    pub fn add_password(&self, user: &str, password: &str, groups: &[&str]) {
        let known = (password.to_owned(), User::new(user, groups));
        self.state().passwords.insert(user.to_owned(), known);
    }

    /// Takes the tokens of an EKS cluster, and asks STS who made them.
    pub fn accept_eks(&self, webhook: EksWebhook) {
        self.state().webhook = Some(webhook);
    }

    /// Takes access tokens of a Google Cloud, as a cluster of GKE does.
    pub fn accept_gke(&self, webhook: GkeWebhook) {
        self.state().google = Some(webhook);
    }

    /// Takes access tokens of an Azure, as a cluster of AKS does.
    pub fn accept_aks(&self, webhook: AksWebhook) {
        self.state().azure = Some(webhook);
    }

    /// Refuses with 401 who shows no credential. Before, such a caller is `system:anonymous`.
    pub fn refuse_anonymous(&self) {
        self.state().takes_anonymous = false;
    }

    /// Gives a right.
    pub fn allow(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Takes a right back.
    pub fn forbid(&self, rule: &Rule) {
        self.state().rules.retain(|known| known != rule);
    }

    // Things.

    /// A namespace.
    pub fn add_namespace(&self, name: &str) {
        self.put("namespaces", "", name, json!({ "status": { "phase": "Active" } }));
    }

    /// A service account.
    pub fn add_service_account(&self, namespace: &str, name: &str) {
        self.put("serviceaccounts", namespace, name, json!({}));
    }

    /// A pod that runs.
    pub fn add_pod(&self, namespace: &str, name: &str) {
        let container = json!({ "name": "main", "image": "main" });
        let content = json!({ "spec": { "containers": [container] }, "status": { "phase": "Running" } });
        self.put("pods", namespace, name, content);
    }

    /// Adds or replaces an object of a known resource (`pods`, `configmaps`, `secrets`, `serviceaccounts`,
    /// `namespaces`). `content` is what it has beside version, kind, name and namespace.
    ///
    /// # Panics
    /// When the resource is another one.
    pub fn put(&self, resource: &str, namespace: &str, name: &str, content: Value) {
        let mut state = self.state();
        let now = state.clock.now();
        state.objects.put(now, resource, namespace, name, content);
    }

    /// Takes an object away, and with a service account its tokens.
    pub fn remove(&self, resource: &str, namespace: &str, name: &str) -> bool {
        let removed = self.state().objects.remove(resource, namespace, name);
        self.close_ended_watches();
        removed
    }

    // Time and limits.

    /// Moves the server's clock ahead.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).expect("a test moves by less than ages");
        let mut state = self.state();
        state.clock.advance(seconds);
        let now = state.clock.now();
        state.objects.watches.retain(|watch| watch.facts.closes.is_none_or(|closes| now < closes));
        drop(state);
        self.close_ended_watches();
    }

    /// The server's time, in seconds since the epoch.
    pub fn now(&self) -> i64 {
        self.state().clock.now()
    }

    /// Issues no token of a service account that lives longer than `life`, whatever is asked; `None` takes the limit
    /// away. A real server has such a limit too, but none below ten minutes.
    pub fn limit_life(&self, life: Option<Duration>) {
        let seconds = life.map(|life| i64::try_from(life.as_secs()).expect("lives are shorter than ages"));
        self.state().longest_life = seconds;
    }

    /// Shows this certificate to connections from now on. Those that are open stay: see [`Loopback::go_down`].
    pub fn present(&self, certificate: &ServerCertificate) {
        self.state().authority.present(certificate);
    }

    // Watches.

    /// How many watches are open.
    pub fn watches(&self) -> usize {
        self.state().objects.watches.iter().filter(|watch| watch.is_open()).count()
    }

    /// Waits until so many watches are open. It blocks its thread: beside a client in the same one it never ends.
    ///
    /// # Panics
    /// When they do not come within [`LIMIT`].
    pub fn wait_for_watches(&self, count: usize) {
        let open = |state: &mut State| state.objects.watches.iter().filter(|watch| watch.is_open()).count();
        let waits = self.answered.wait_timeout_while(self.state(), LIMIT, |state| open(state) < count);
        let (_state, waited) = waits.expect("no answer panics");
        assert!(!waited.timed_out(), "{count} watches are not open after {} s", LIMIT.as_secs());
    }

    /// Ends all open watches.
    pub fn end_watches(&self, how: WatchEnd) {
        let watches = std::mem::take(&mut self.state().objects.watches);
        watches.into_iter().for_each(|watch| watch.end(how));
    }

    /// Ends a watch as soon as the token ends with which it was opened. Real servers look at a credential only when
    /// a call comes, and let it go on, as this one does before.
    pub fn close_watches_at_token_end(&self) {
        self.state().closes_watches = true;
        self.close_ended_watches();
    }

    /// Forgets what happened so far: who wants to go on from a revision of before is told that it is gone (410).
    pub fn compact(&self) {
        self.state().objects.compact();
    }

    fn close_ended_watches(&self) {
        let mut state = self.state();
        if !state.closes_watches {
            return;
        }
        let watches = std::mem::take(&mut state.objects.watches);
        let holds = |token: &String| state.tokens.get(token).is_none_or(|known| known.is_good(&state));
        let is_from_webhook =
            |token: &str| webhook::is_one(token) || GkeWebhook::is_one(token) || AksWebhook::is_one(token);
        // A token of a webhook is not known here, nor one that was revoked: only the latter ends a watch.
        let stays =
            |token: &String| holds(token) && (is_from_webhook(token) || state.tokens.contains_key(token));
        let open = watches.into_iter().filter(|watch| watch.facts.token.as_ref().is_none_or(stays)).collect();
        state.objects.watches = open;
    }

    // What came, and what a client needs.

    /// The calls that were looked at so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// How many calls of this method to this path came from `user`; `None` counts those that were refused with 401.
    pub fn count(&self, method: &str, path: &str, user: Option<&str>) -> usize {
        let state = self.state();
        let fits = |seen: &&Seen| seen.method == method && seen.path == path && seen.user.as_deref() == user;
        state.seen.iter().filter(fits).count()
    }

    /// The certificate of the server's authority, in PEM.
    pub fn ca(&self) -> String {
        self.state().authority.pem()
    }

    /// A kubeconfig with one context, `strict`, in the namespace `default`.
    pub fn kubeconfig(&self, login: &Login) -> String {
        kubeconfig::text(&self.url(), &self.ca(), "default", login)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panics")
    }
}

#[cfg(test)]
mod tests;
