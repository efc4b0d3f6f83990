//! What the tests share: a world in which every port is scripted.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use connector_core::{
    AuthMethod, Clock, Command, Commands, Connector, Context, Error, Grant, Http, Issued, Output, Request,
    Response, Result, Step, Terms, async_trait, format_time,
};
use serde_json::{Value, json};

use crate::connector::Kubernetes;
use crate::credential::KubernetesCredential;
use crate::resource::KubernetesCluster;

/// A text that must not be seen in any output.
pub(crate) const CANARY: &str = "hunter2";

/// A world: what answers, and what was asked.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    now: SystemTime,
    sleeps: Vec<Duration>,
    answers: VecDeque<Result<Response>>,
    sent: Vec<Request>,
    outputs: VecDeque<Vec<u8>>,
    commands: Vec<Command>,
    files: HashMap<PathBuf, Vec<u8>>,
    environment: HashMap<String, String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: start(),
            sleeps: Vec::new(),
            answers: VecDeque::new(),
            sent: Vec::new(),
            outputs: VecDeque::new(),
            commands: Vec::new(),
            files: HashMap::new(),
            environment: HashMap::new(),
        }
    }
}

/// 2026-01-01T00:00:00Z.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

pub(crate) fn after(seconds: u64) -> SystemTime {
    start() + Duration::from_secs(seconds)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the next request so.
    pub(crate) fn answers(self, answer: Response) -> Self {
        self.state().answers.push_back(Ok(answer));
        self
    }

    /// The next request gets no answer.
    pub(crate) fn fails(self, error: Error) -> Self {
        self.state().answers.push_back(Err(error));
        self
    }

    pub(crate) fn var(self, name: &str, value: &str) -> Self {
        self.state().environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.state().files.insert(path.into(), text.as_bytes().to_vec());
        self
    }

    /// The next program prints this.
    pub(crate) fn prints(self, text: impl ToString) -> Self {
        self.state().outputs.push_back(text.to_string().into_bytes());
        self
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.state().now += by;
    }

    pub(crate) fn context(&self) -> Context {
        Context::detached(self.clone())
            .with_http(self.clone())
            .with_environment(self.clone())
            .with_files(self.clone())
            .with_commands(self.clone())
    }

    pub(crate) fn sent(&self) -> Vec<Request> {
        self.state().sent.clone()
    }

    /// One line for each request: method and URL.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.sent().iter().map(|it| format!("{} {}", it.method(), it.url())).collect()
    }

    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.state().sleeps.clone()
    }

    pub(crate) fn commands(&self) -> Vec<Command> {
        self.state().commands.clone()
    }
}

/// Waiting moves the time on at once.
#[async_trait]
impl Clock for World {
    fn now(&self) -> SystemTime {
        self.state().now
    }

    async fn sleep(&self, duration: Duration) {
        // A deadline that runs beside the work never comes.
        if duration >= Context::DEADLINE {
            return std::future::pending().await;
        }
        let mut state = self.state();
        state.sleeps.push(duration);
        state.now += duration;
    }
}

#[async_trait]
impl Http for World {
    async fn send(&self, request: Request) -> Result<Response> {
        let mut state = self.state();
        state.sent.push(request);
        state.answers.pop_front().unwrap_or_else(|| Err(Error::unexpected("nobody answers this request")))
    }
}

impl connector_core::Environment for World {
    fn var(&self, name: &str) -> Option<String> {
        self.state().environment.get(name).cloned()
    }
}

impl connector_core::Files for World {
    fn read(&self, path: &std::path::Path) -> Result<Vec<u8>> {
        self.state().files.read(path)
    }
}

#[async_trait]
impl Commands for World {
    async fn run(&self, command: Command) -> Result<Output> {
        let mut state = self.state();
        state.commands.push(command);
        state.outputs.pop_front().map(Output::new).ok_or_else(|| Error::refused("the program failed"))
    }
}

/// A method from its config, as the registry makes it: checked.
pub(crate) fn method<M: AuthMethod<Connector = Kubernetes>>(config: Value) -> M {
    let method: M = serde_json::from_value(config).expect("a config of the method");
    assert_eq!(method.check(), [], "the config is good");
    method
}

/// A config of `token`, and more.
pub(crate) fn token(more: Value) -> Value {
    let mut config = json!({
        "server": "https://demo.example.org:6443", "cluster_name": "demo", "token": format!("{CANARY}-token"),
    });
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// The same with a service account.
pub(crate) fn with_account(more: Value) -> Value {
    let mut config = token(json!({ "service_account": "deployer", "namespace": "apps" }));
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// Issues as core does, with terms of the connector's own.
pub(crate) async fn issue<M: AuthMethod<Connector = Kubernetes>>(
    world: &World,
    method: M,
    terms: Terms,
    grant: Grant,
) -> Result<Arc<Issued<KubernetesCredential>>> {
    let connector = Connector::with_terms(world.context().with_implicit(true), method, terms);
    connector.resource::<KubernetesCluster>(grant).await?.issue().await
}

/// What `explain` shows would be sent for the same.
pub(crate) async fn plan<M: AuthMethod<Connector = Kubernetes>>(
    world: &World,
    method: M,
    terms: Terms,
) -> Result<Vec<Step>> {
    let connector = Connector::with_terms(world.context().with_implicit(true), method, terms);
    connector.resource::<KubernetesCluster>(grant()).await?.plan()
}

pub(crate) fn grant() -> Grant {
    Grant::new("kubernetes-cluster", "demo")
}

/// An answer whose clock stands at `date`.
pub(crate) fn answer_at(date: SystemTime, status: u16, body: &Value) -> Response {
    let date = jiff::Timestamp::try_from(date).expect("a time");
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).expect("a date");
    Response::new(status, vec![("date".to_owned(), date)], body.to_string().into_bytes())
}

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    answer_at(start(), status, body)
}

/// A token for `seconds`, by a clock at `date`.
pub(crate) fn given_at(date: SystemTime, seconds: u64) -> Response {
    let end = format_time(date + Duration::from_secs(seconds));
    let status = json!({ "token": format!("{CANARY}-issued"), "expirationTimestamp": end });
    answer_at(
        date,
        201,
        &json!({ "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": status }),
    )
}

/// A refusal, whose message is a canary.
pub(crate) fn refusal(status: u16, reason: &str) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": CANARY,
        "reason": reason, "code": status,
    });
    answer(status, &body)
}

/// Says nothing that must not be seen, in any of an error's texts.
pub(crate) fn assert_silent(error: &Error) {
    let shown = format!("{error} {error:?} {:?}", error.hint());
    assert!(!shown.contains(CANARY), "{shown}");
}

/// A certificate and its key, in PEM.
pub(crate) fn certificate() -> (String, String) {
    let mut params = rcgen::CertificateParams::new(vec!["alice".into()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2031, 6, 7);
    let key = rcgen::KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}
