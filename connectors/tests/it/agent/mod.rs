//! The agent, asked byte for byte.

mod guards;
mod limits;
mod living;
mod sessions;

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use connector_core::VirtualClock;
use connectors::agent::{Agent, Binding, Options, Served};
use connectors::{Hub, Result};
use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::acme;

/// One endpoint, what asks it, and all below.
struct Desk {
    home: tempfile::TempDir,
    clock: VirtualClock,
    hub: Hub,
}

impl Desk {
    /// A hub with a connector `a` for an account of this test's own.
    async fn new(account: &str) -> Self {
        let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
        let hub = acme::hub(home.path(), &clock).await;
        acme::register(&hub, "a", account).await;
        Self { home, clock, hub }
    }

    fn options(&self) -> Options {
        Options::new(self.sessions())
    }

    fn sessions(&self) -> std::path::PathBuf {
        self.home.path().join("agent")
    }

    async fn start(&self, bindings: &[&str]) -> Running {
        Running::of(self.try_start(bindings, self.options()).await.expect("it starts"))
    }

    async fn start_with(&self, protocols: &[&str]) -> Running {
        let options = self.options().with_protocols(protocols.iter().copied());
        Running::of(self.try_start(&[ONE], options).await.expect("it starts"))
    }

    async fn try_start(&self, bindings: &[&str], options: Options) -> Result<Agent> {
        let bindings = bindings.iter().map(|it| it.parse::<Binding>().expect("a binding")).collect();
        Agent::start(&self.hub, bindings, options).await
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

const ONE: &str = "a=acme-box:box:one";

/// An agent that answers.
struct Running {
    served: Vec<Served>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Running {
    fn of(agent: Agent) -> Self {
        let served = agent.served().to_vec();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(agent.run(async {
            let _ = stopped.await;
        }));
        Self { served, stop, task }
    }

    async fn stop(self) -> Result<()> {
        let _ = self.stop.send(());
        self.task.await.expect("it does not panic")
    }

    fn authority(&self) -> &str {
        self.served[0].authority()
    }

    fn address(&self) -> SocketAddr {
        self.authority().parse().expect("an address")
    }

    fn token(&self) -> String {
        token(&self.served[0])
    }

    /// What a program sends that does everything right.
    fn good(&self) -> String {
        keys(self.authority(), &self.token())
    }

    async fn ask(&self, request: &str) -> Answer {
        ask(self.address(), request).await
    }

    /// The status of a request for the keys with these lines in its head.
    async fn status(&self, method: &str, path: &str, lines: &[&str]) -> u16 {
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        for line in lines {
            request.push_str(line);
            request.push_str("\r\n");
        }
        self.ask(&format!("{request}\r\n")).await.status
    }
}

fn token(served: &Served) -> String {
    std::fs::read_to_string(served.directory().join("token")).expect("a token")
}

fn keys(authority: &str, token: &str) -> String {
    format!("GET /keys HTTP/1.1\r\nHost: {authority}\r\nX-Acme-Token: {token}\r\n\r\n")
}

/// An answer, or 0 where there is none.
#[derive(Clone, Debug, Default)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn left(&self) -> u64 {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        body["left"].as_u64().expect("what is left of it")
    }
}

/// One connection, one request, one answer.
async fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a request");
    read(&mut stream, request.starts_with("HEAD ")).await
}

/// The next answer of a connection.
async fn read(stream: &mut TcpStream, is_head: bool) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        // A connection that is reset gives as little as one that is closed.
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return Answer::default();
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("text");
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
    let mut answer = Answer { status, head, body: String::new() };
    let length = answer.header("content-length").map_or(0, |it| it.parse().expect("a length"));
    let mut body = vec![0; if is_head { 0 } else { length }];
    stream.read_exact(&mut body).await.expect("a whole body");
    answer.body = String::from_utf8(body).expect("text");
    answer
}

/// Lets the agent's tasks go on until something is so; time does not pass by itself.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let so = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    soon(what, so).await;
}

/// What comes of something that waits for no time to pass. A bound without a clock: it is far beyond what any machine
/// needs, and ends a test that waits in vain.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let in_vain = async {
        for _ in 0..300_000 {
            tokio::task::yield_now().await;
        }
    };
    match select(pin!(future), pin!(in_vain)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => panic!("it never came about: {what}"),
    }
}

/// Lets the agent's tasks do what they can do by now.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Every byte of every file below a directory.
fn everything_in(directory: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        if entry.path().is_dir() {
            all.push_str(&everything_in(&entry.path()));
        } else {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(entry.path()).expect("a file")));
        }
    }
    all
}
