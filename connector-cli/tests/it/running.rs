//! Programs that run while a test looks on, and the endpoints that they lead to.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use connector_tests::cli::Cli;
use connector_tests::process::LIMIT;
use connector_tests::strict_aws::{Role, StrictAws};

/// A program whose lines are read as they come. It is ended with the test.
pub(super) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    told: Receiver<String>,
}

impl Running {
    /// Starts it in a group of its own, so that no terminal of whoever runs the tests is its own.
    pub(super) fn start(command: &mut Command) -> Self {
        std::os::unix::process::CommandExt::process_group(command, 0);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (lines, told) = (lines(child.stdout.take()), lines(child.stderr.take()));
        Self { input: child.stdin.take(), child, lines, told }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    #[track_caller]
    pub(super) fn line(&self) -> String {
        next(&self.lines).unwrap_or_else(|| {
            panic!("standard output has ended; {:?}", self.told.try_iter().collect::<Vec<_>>())
        })
    }

    /// Lines of standard output up to this one, which is not among them.
    #[track_caller]
    pub(super) fn lines_until(&self, last: &str) -> Vec<String> {
        std::iter::from_fn(|| Some(self.line()).filter(|it| it != last)).collect()
    }

    /// Lines of standard error up to this one, which is not among them.
    #[track_caller]
    pub(super) fn told_until(&self, last: &str) -> Vec<String> {
        let line = || next(&self.told).unwrap_or_else(|| panic!("standard error has ended without {last}"));
        std::iter::from_fn(|| Some(line()).filter(|it| it != last)).collect()
    }

    pub(super) fn say(&mut self, text: &str) {
        let input = self.input.as_mut().expect("standard input is piped");
        input.write_all(text.as_bytes()).and_then(|()| input.flush()).expect("the program reads");
    }

    pub(super) fn send(&self, signal: &str) {
        send(self.id(), signal);
    }

    /// Its end, and what it wrote and told on the way there.
    #[track_caller]
    pub(super) fn end(mut self) -> (ExitStatus, Vec<String>, Vec<String>) {
        let rest = |of: &Receiver<String>| std::iter::from_fn(|| next(of)).collect::<Vec<_>>();
        let (lines, told) = (rest(&self.lines), rest(&self.told));
        (self.child.wait().expect("waited for"), lines, told)
    }

    /// As [`Running::end`], by an exit code of its own.
    #[track_caller]
    pub(super) fn code(self) -> i32 {
        let (status, lines, told) = self.end();
        status.code().unwrap_or_else(|| panic!("{status}: {lines:?} {told:?}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name, as a person would.
pub(super) fn send(id: u32, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status();
    assert!(sent.is_ok_and(|it| it.success()), "{signal} to {id}");
}

/// Whether the tests themselves were started with a signal ignored, as a shell does with what runs in its background:
/// nobody below can mind it then.
pub(super) fn is_ignored(signal: &str) -> bool {
    let number = [("HUP", 1), ("INT", 2), ("QUIT", 3)].into_iter().find(|(name, _)| *name == signal);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).unwrap_or(0);
    number.is_some_and(|(_, number)| mask >> (number - 1) & 1 == 1)
}

fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    let stream = BufReader::new(stream.expect("piped"));
    std::thread::spawn(move || stream.lines().map_while(Result::ok).try_for_each(|it| sender.send(it)));
    receiver
}

/// The next line, `None` at the end.
#[track_caller]
fn next(lines: &Receiver<String>) -> Option<String> {
    match lines.recv_timeout(LIMIT) {
        Ok(line) => Some(line),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
        Err(_) => panic!("nothing more comes"),
    }
}

/// Asks again and again, until it is so.
#[track_caller]
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::yield_now();
    }
}

/// Names and values, as `env` prints them.
pub(super) fn variables<'a>(lines: impl IntoIterator<Item = &'a String>) -> BTreeMap<String, String> {
    let pairs = lines.into_iter().filter_map(|it| it.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The endpoint of AWS's SDKs.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    path: String,
    token: String,
}

impl Endpoint {
    /// Where these variables lead.
    #[track_caller]
    pub(super) fn of(variables: &BTreeMap<String, String>) -> Self {
        let value = |name: &str| variables.get(name).unwrap_or_else(|| panic!("no {name} in {variables:?}"));
        let url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let (address, path) = url.strip_prefix("http://").and_then(|it| it.split_once('/')).expect("a URL");
        let token =
            std::fs::read_to_string(value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")).expect("a token");
        Self { address: address.parse().expect("an address"), path: format!("/{path}"), token }
    }

    /// The token of this one, shown at another one.
    pub(super) fn at(&self, other: &Self) -> Self {
        Self { token: self.token.clone(), ..other.clone() }
    }

    /// What it answers to who shows its token: status and body.
    #[track_caller]
    pub(super) fn ask(&self) -> (u16, serde_json::Value) {
        let Self { address, path, token } = self;
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(LIMIT)).expect("set");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// Whether nobody listens there any more.
    pub(super) fn is_closed(&self) -> bool {
        TcpStream::connect(self.address).is_err()
    }
}

/// The program with the connector `prod`, which assumes a role at this server.
pub(super) fn with_role(server: &StrictAws) -> Cli {
    let alice = server.add_user("alice");
    let role = server.add_role(Role::named("reader").trusting_user("alice"));
    let cli = super::cli().with_env("USER", "ada");
    let config = [
        format!("endpoint_url={}", server.url()),
        format!("role_arn={role}"),
        format!("aws_access_key_id={}", alice.access_key_id),
        format!("aws_secret_access_key={}", alice.secret_access_key),
    ];
    let method =
        ["register", "prod", "--type", "aws", "--auth-method", "iam-role", "--no-verify", "region=eu-west-1"];
    cli.ok(&method.into_iter().chain(config.iter().map(String::as_str)).collect::<Vec<_>>());
    cli
}
