//! A world in which every port is scripted: for an author's own tests, beside the kit's.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use connector_core::{
    Clock, Command, Commands, Context, Environment, Error, Files, Http, Kept, Output, Person, Redirect,
    Request, Response, Result, Secret, Terms, async_trait,
};
use serde_json::Value;

/// A text that must not be seen in any output; scripts put it where secrets stand.
pub const CANARY: &str = "hunter2";

/// A world: what answers, and what was asked. A clone is the same world. Nothing is answered that was not scripted,
/// and waiting moves the time on at once.
///
/// ```
/// use connector_conformance::{Scripted, json_answer};
/// use connector_core::Request;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> connector_core::Result<()> {
/// let world = Scripted::new().answers(json_answer(200, &json!({ "access_token": "one" })));
/// let answer = world.context().send(Request::get("https://login.example.com/token")).await?;
/// assert_eq!(answer.status(), 200);
/// assert_eq!(world.lines(), ["GET https://login.example.com/token"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Scripted(Arc<Mutex<State>>);

/// Makes what a browser comes back with from what the person was told.
type Returned = Box<dyn FnOnce(&[String]) -> String + Send>;

struct State {
    now: SystemTime,
    sleeps: Vec<Duration>,
    answers: VecDeque<Result<Response>>,
    sent: Vec<Request>,
    /// What a person answers; nobody is there when this is `None`.
    person: Option<VecDeque<String>>,
    asked: Vec<String>,
    told: Vec<String>,
    /// What a browser comes back with, in order.
    returns: VecDeque<Returned>,
    kept: HashMap<String, Secret>,
    outputs: VecDeque<Vec<u8>>,
    commands: Vec<Command>,
    files: HashMap<PathBuf, Vec<u8>>,
    environment: HashMap<String, String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: Scripted::start(),
            sleeps: Vec::new(),
            answers: VecDeque::new(),
            sent: Vec::new(),
            person: None,
            asked: Vec::new(),
            told: Vec::new(),
            returns: VecDeque::new(),
            kept: HashMap::new(),
            outputs: VecDeque::new(),
            commands: Vec::new(),
            files: HashMap::new(),
            environment: HashMap::new(),
        }
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

/// What is scripted.
impl Scripted {
    /// When every such world begins: 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    /// A time so many seconds after the [start](Scripted::start).
    #[must_use]
    pub fn after(seconds: u64) -> SystemTime {
        Self::start() + Duration::from_secs(seconds)
    }

    /// A world that answers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A world that answers so, in order.
    #[must_use]
    pub fn answering(answers: impl IntoIterator<Item = Response>) -> Self {
        answers.into_iter().fold(Self::new(), Self::answers)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the next request so.
    #[must_use]
    pub fn answers(self, answer: Response) -> Self {
        self.state().answers.push_back(Ok(answer));
        self
    }

    /// The next request gets no answer.
    #[must_use]
    pub fn fails(self, error: Error) -> Self {
        self.state().answers.push_back(Err(error));
        self
    }

    /// A person is there and answers so, in order.
    #[must_use]
    pub fn person<const N: usize>(self, answers: [&str; N]) -> Self {
        self.state().person = Some(answers.map(str::to_owned).into());
        self
    }

    /// A browser comes back with this query, made from what the person was told so far.
    #[must_use]
    pub fn returns(self, query: impl FnOnce(&[String]) -> String + Send + 'static) -> Self {
        self.state().returns.push_back(Box::new(query));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn var(self, name: &str, value: &str) -> Self {
        self.state().environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Writes a file.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.state().files.insert(path.into(), text.as_bytes().to_vec());
        self
    }

    /// The next program prints this.
    #[must_use]
    pub fn prints(self, text: impl ToString) -> Self {
        self.state().outputs.push_back(text.to_string().into_bytes());
        self
    }

    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        self.state().now += by;
    }

    /// The context with all ports of this world.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::detached(self.clone())
            .with_http(self.clone())
            .with_environment(self.clone())
            .with_files(self.clone())
            .with_person(self.clone())
            .with_kept(self.clone())
            .with_commands(self.clone())
    }

    /// The context of a stored connector of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Context {
        let mut terms = Terms::default();
        terms.id = format!("id-of-{name}");
        terms.name = name.to_owned();
        self.context().for_connector(Arc::new(terms))
    }
}

/// What was asked.
impl Scripted {
    /// The requests, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Request> {
        self.state().sent.clone()
    }

    /// One line for each request: method and URL.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.sent().iter().map(|it| format!("{} {}", it.method(), it.url())).collect()
    }

    /// The body of each request, in order.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        self.sent().iter().map(|it| String::from_utf8_lossy(it.body()).into_owned()).collect()
    }

    /// The decoded form of each request, in order.
    ///
    /// # Panics
    /// When a body is no form.
    #[must_use]
    pub fn forms(&self) -> Vec<Vec<(String, String)>> {
        self.sent().iter().map(|it| decode_form(it.body())).collect()
    }

    /// What the person was told.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        self.state().told.clone()
    }

    /// What the person was asked.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// The pauses that were made.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        self.state().sleeps.clone()
    }

    /// The programs that were run.
    #[must_use]
    pub fn commands(&self) -> Vec<Command> {
        self.state().commands.clone()
    }

    /// What the connector kept under a name.
    #[must_use]
    pub fn kept(&self, key: &str) -> Option<Secret> {
        self.state().kept.get(key).cloned()
    }

    /// The names of what is kept, sorted.
    #[must_use]
    pub fn kept_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.state().kept.keys().cloned().collect();
        names.sort();
        names
    }
}

#[async_trait]
impl Clock for Scripted {
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
impl Http for Scripted {
    async fn send(&self, request: Request) -> Result<Response> {
        let mut state = self.state();
        state.sent.push(request);
        state.answers.pop_front().unwrap_or_else(|| Err(Error::unexpected("nobody answers this request")))
    }
}

impl Environment for Scripted {
    fn var(&self, name: &str) -> Option<String> {
        self.state().environment.get(name).cloned()
    }
}

impl Files for Scripted {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        self.state().files.read(path)
    }
}

#[async_trait]
impl Person for Scripted {
    async fn ask(&self, question: &str) -> Result<Secret> {
        let mut state = self.state();
        state.asked.push(question.to_owned());
        let answer = state.person.as_mut().and_then(VecDeque::pop_front);
        answer.map(Secret::new).ok_or_else(|| Error::refused("nobody is there to be asked"))
    }

    async fn tell(&self, text: &str) -> Result<()> {
        let mut state = self.state();
        if state.person.is_none() {
            return Err(Error::refused("nobody is there to be told"));
        }
        state.told.push(text.to_owned());
        Ok(())
    }

    /// Port 1, for which everybody needs rights, is always taken.
    async fn listen(&self, port: Option<u16>) -> Result<Box<dyn Redirect>> {
        match port {
            _ if self.state().person.is_none() => Err(Error::refused("nobody is there to log in")),
            Some(1) => Err(Error::invalid("the port is taken")),
            port => Ok(Box::new(Browser { world: self.clone(), port: port.unwrap_or(45_678) })),
        }
    }
}

/// A browser that comes back as scripted, or never.
struct Browser {
    world: Scripted,
    port: u16,
}

#[async_trait]
impl Redirect for Browser {
    fn port(&self) -> u16 {
        self.port
    }

    async fn query(&self) -> Result<Secret> {
        let (next, told) = {
            let mut state = self.world.state();
            (state.returns.pop_front(), state.told.clone())
        };
        match next {
            Some(make) => Ok(Secret::new(make(&told))),
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Kept for Scripted {
    async fn kept(&self, _: &str, key: &str) -> Result<Option<Secret>> {
        Ok(self.state().kept.get(key).cloned())
    }

    async fn keep(&self, _: &str, key: &str, value: Secret) -> Result<()> {
        self.state().kept.insert(key.to_owned(), value);
        Ok(())
    }
}

#[async_trait]
impl Commands for Scripted {
    async fn run(&self, command: Command) -> Result<Output> {
        let mut state = self.state();
        state.commands.push(command);
        state.outputs.pop_front().map(Output::new).ok_or_else(|| Error::refused("the program failed"))
    }
}

/// An answer with a JSON body.
#[must_use]
pub fn json_answer(status: u16, body: &Value) -> Response {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Response::new(status, headers, body.to_string().into_bytes())
}

/// The fields of an `application/x-www-form-urlencoded` body, decoded.
///
/// # Panics
/// When it is no such form.
#[must_use]
pub fn decode_form(body: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(body).expect("a form is text");
    let decode = |part: &str| {
        let mut out = Vec::new();
        let mut bytes = part.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'+' => out.push(b' '),
                b'%' => {
                    let hex = [bytes.next(), bytes.next()].map(|it| it.expect("two digits"));
                    let hex = std::str::from_utf8(&hex).expect("digits").to_owned();
                    out.push(u8::from_str_radix(&hex, 16).expect("hexadecimal digits"));
                }
                other => out.push(other),
            }
        }
        String::from_utf8(out).expect("text")
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// The value of a form's field.
#[must_use]
pub fn form_field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Checks that an error says the [`CANARY`] in none of its texts.
///
/// # Panics
/// When it does.
pub fn assert_silent(error: &Error) {
    let shown = format!("{error} {error:?} {:?}", error.hint());
    assert!(!shown.contains(CANARY), "{shown}");
}
