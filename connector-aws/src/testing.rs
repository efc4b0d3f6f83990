//! What the tests of auth methods and of auto-configuration share: a world in which every port is scripted.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use connector_core::{
    AuthMethod, Authenticated, Call, Clock, Command, Commands, Context, Error, Http, Kept, Output, Person,
    Request, Response, Result, Secret, Terms, async_trait, format_time,
};
use serde_json::{Map, Value};

use crate::connector::Aws;
use crate::narrowing::Narrowing;
use crate::session::Session;

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
    /// What a person answers; nobody is there when this is `None`.
    person: Option<VecDeque<String>>,
    asked: Vec<String>,
    told: Vec<String>,
    kept: HashMap<String, Secret>,
    outputs: VecDeque<Vec<u8>>,
    commands: Vec<Vec<String>>,
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
            person: None,
            asked: Vec::new(),
            told: Vec::new(),
            kept: HashMap::new(),
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

    /// A person is there and answers so, in order.
    pub(crate) fn person<const N: usize>(self, answers: [&str; N]) -> Self {
        self.state().person = Some(answers.map(str::to_owned).into());
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
    pub(crate) fn prints(self, text: &str) -> Self {
        self.state().outputs.push_back(text.as_bytes().to_vec());
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
            .with_person(self.clone())
            .with_kept(self.clone())
            .with_commands(self.clone())
    }

    /// The context of a stored connector of this name.
    pub(crate) fn named(&self, name: &str) -> Context {
        let mut terms = Terms::default();
        terms.id = format!("id-of-{name}");
        terms.name = name.to_owned();
        self.context().for_connector(Arc::new(terms))
    }

    pub(crate) fn sent(&self) -> Vec<Request> {
        self.state().sent.clone()
    }

    /// The decoded form of each request, in order.
    pub(crate) fn forms(&self) -> Vec<Vec<(String, String)>> {
        self.sent().iter().map(|it| decode_form(it.body())).collect()
    }

    /// The form of the only request.
    pub(crate) fn only_form(&self) -> Vec<(String, String)> {
        let forms = self.forms();
        assert_eq!(forms.len(), 1, "exactly one call");
        forms[0].clone()
    }

    pub(crate) fn told(&self) -> Vec<String> {
        self.state().told.clone()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    pub(crate) fn sleeps(&self) -> Vec<u64> {
        self.state().sleeps.iter().map(Duration::as_secs).collect()
    }

    pub(crate) fn commands(&self) -> Vec<Vec<String>> {
        self.state().commands.clone()
    }

    pub(crate) fn kept(&self, key: &str) -> Option<Secret> {
        self.state().kept.get(key).cloned()
    }

    /// The names of what is kept, sorted.
    pub(crate) fn kept_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.state().kept.keys().cloned().collect();
        names.sort();
        names
    }
}

/// Waiting moves the time on at once.
#[async_trait]
impl Clock for World {
    fn now(&self) -> SystemTime {
        self.state().now
    }

    async fn sleep(&self, duration: Duration) {
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
impl Person for World {
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
}

#[async_trait]
impl Kept for World {
    async fn kept(&self, _: &str, key: &str) -> Result<Option<Secret>> {
        Ok(self.state().kept.get(key).cloned())
    }

    async fn keep(&self, _: &str, key: &str, value: Secret) -> Result<()> {
        self.state().kept.insert(key.to_owned(), value);
        Ok(())
    }
}

#[async_trait]
impl Commands for World {
    async fn run(&self, command: Command) -> Result<Output> {
        let mut state = self.state();
        let words = [&[command.program().to_owned()], command.args()].concat();
        state.commands.push(words);
        state.outputs.pop_front().map(Output::new).ok_or_else(|| Error::unreachable("the program failed"))
    }
}

/// A method from its config, as the registry makes it: checked.
pub(crate) fn method<M: AuthMethod<Connector = Aws>>(config: Value) -> M {
    let method: M = serde_json::from_value(config).expect("a config of the method");
    assert_eq!(method.check(), [], "the config is good");
    method
}

/// Authenticates once, for as long as is asked or as the method's default says.
pub(crate) async fn authenticate<M: AuthMethod<Connector = Aws>>(
    method: &M,
    cx: &Context,
    seconds: Option<u64>,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    method.recall(cx).await?;
    let default = method.lifetime().map(|it| it.default);
    let call = Call::new(cx, seconds.map(Duration::from_secs).or(default));
    method.authenticate(&call, narrowing).await
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("not an object"),
    }
}

/// An answer whose clock stands at `date`.
pub(crate) fn answer_at(date: SystemTime, status: u16, body: &str) -> Response {
    let date = DateTime::from(date).fmt(Format::HttpDate).expect("a date");
    let headers = [("date", date.as_str()), ("x-amzn-requestid", "request-1"), ("content-type", "text/xml")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Response::new(status, headers.into(), body.as_bytes().to_vec())
}

pub(crate) fn json_answer(status: u16, body: &Value) -> Response {
    answer_at(start(), status, &body.to_string())
}

/// A refusal of a service that speaks JSON.
pub(crate) fn json_refusal(status: u16, code: &str) -> Response {
    let headers = vec![("x-amzn-errortype".to_owned(), code.to_owned())];
    Response::new(status, headers, format!(r#"{{"message":"{CANARY}"}}"#).into_bytes())
}

/// STS gives temporary credentials whose names end with `mark`, for `seconds` by a clock at `date`.
pub(crate) fn given_at(date: SystemTime, call: &str, mark: &str, seconds: u64) -> Response {
    let end = format_time(date + Duration::from_secs(seconds));
    let who = match call {
        "AssumeRole" | "AssumeRoleWithWebIdentity" => {
            "<AssumedRoleUser><AssumedRoleId>AROA:me</AssumedRoleId>\
             <Arn>arn:aws:sts::123456789012:assumed-role/demo/me</Arn></AssumedRoleUser>"
        }
        "GetFederationToken" => {
            "<FederatedUser><FederatedUserId>123456789012:me</FederatedUserId>\
             <Arn>arn:aws:sts::123456789012:federated-user/me</Arn></FederatedUser>"
        }
        _ => "",
    };
    answer_at(
        date,
        200,
        &format!(
            "<{call}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{call}Result><Credentials>\
             <AccessKeyId>ASIA{mark}</AccessKeyId><SecretAccessKey>secret-{mark}</SecretAccessKey>\
             <SessionToken>token-{mark}</SessionToken><Expiration>{end}</Expiration></Credentials>{who}\
             </{call}Result><ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></{call}Response>"
        ),
    )
}

/// As [`given_at`], with clocks that agree.
pub(crate) fn given(call: &str, mark: &str, seconds: u64) -> Response {
    given_at(start(), call, mark, seconds)
}

pub(crate) fn caller(arn: &str) -> Response {
    answer_at(
        start(),
        200,
        &format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>{arn}</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>"
        ),
    )
}

/// STS refuses; its message is a canary with `also` behind it.
pub(crate) fn refusal(status: u16, code: &str, also: &str) -> Response {
    answer_at(
        start(),
        status,
        &format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{CANARY} {also}</Message></Error><RequestId>request-1</RequestId></ErrorResponse>"
        ),
    )
}

pub(crate) fn decode_form(body: &[u8]) -> Vec<(String, String)> {
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
pub(crate) fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Says nothing that must not be seen, in any of an error's texts.
pub(crate) fn assert_silent(error: &Error) {
    let shown = format!("{error} {error:?} {:?}", error.hint());
    assert!(!shown.contains(CANARY), "{shown}");
}
