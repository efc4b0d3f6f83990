//! A small HTTP server on 127.0.0.1 that records every call, and can fail on demand. In clear it speaks HTTP/1.1, over
//! TLS also HTTP/2.
//!
//! It runs on a thread of its own, so that tests may be asynchronous or not. The recorder and the strict endpoint
//! are handlers on top of it.

mod call;
mod serve;
mod stream;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use rustls::ServerConfig;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub use call::decoded;
pub use call::{Call, Calls};
pub(crate) use stream::{Piece, Stream, Writer, stream};

use crate::fault::Faults;

/// What a handler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names and values; `content-length` and `date` come by themselves unless they stand here.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    pub(crate) breaks: Breaks,
    /// What follows the body, for as long as its writer lives.
    pub(crate) rest: Option<Stream>,
}

/// How an answer is spoilt on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaks {
    No,
    /// The connection closes in the middle of the body.
    InTheMiddle,
    /// The connection closes without an answer.
    AtOnce,
}

impl Answer {
    /// An answer with a body of the given content type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::empty(status).with_header("content-type", content_type).with_body(body)
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), breaks: Breaks::No, rest: None }
    }

    /// A JSON answer.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// Sets a header, in place of one of the same name.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body; its length is the server's to say.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        self.body = body.into();
        self
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        call::find(&self.headers, name)
    }
}

/// A boxed future, as handlers return it.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Answers calls.
pub trait Handler: Send + Sync + 'static {
    /// The answer to one call.
    fn answer(&self, call: Call) -> Answering;
}

/// A plain function is a handler.
impl<F: Fn(&Call) -> Answer + Send + Sync + 'static> Handler for F {
    fn answer(&self, call: Call) -> Answering {
        let answer = self(&call);
        Box::pin(async move { answer })
    }
}

/// A running server. It stops when this value goes.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    scheme: &'static str,
    calls: Calls,
    faults: Faults,
    orders: UnboundedSender<serve::Order>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Starts a server on a port of its own; it accepts connections when this returns.
    pub fn start(handler: impl Handler) -> Self {
        Self::start_with(handler, None)
    }

    /// Starts a server that speaks TLS. A certificate that the client shows is in [`Call::certificates`].
    pub fn start_tls(handler: impl Handler, tls: Arc<ServerConfig>) -> Self {
        Self::start_with(handler, Some(tls))
    }

    fn start_with(handler: impl Handler, tls: Option<Arc<ServerConfig>>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (calls, faults) = (Calls::default(), Faults::default());
        let shared =
            serve::Shared { handler: Arc::new(handler), tls, calls: calls.clone(), faults: faults.clone() };
        let (orders, received) = unbounded_channel();
        let (ready, started) = mpsc::channel();
        let thread = thread::spawn(move || serve::run(shared, received, &ready));
        let address = started.recv().expect("the server's thread binds a loopback port");
        Self { address, scheme, calls, faults, orders, thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`, or `https://…` over TLS.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The calls it has received.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The faults it injects.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Refuses connections and drops those that are open, until [`Loopback::come_back`].
    pub fn go_down(&self) {
        self.order(serve::Order::GoDown);
    }

    /// Listens again, on the same port.
    pub fn come_back(&self) {
        self.order(serve::Order::ComeBack);
    }

    fn order(&self, order: fn(mpsc::Sender<()>) -> serve::Order) {
        let (done, carried_out) = mpsc::channel();
        self.orders.send(order(done)).expect("the server's thread runs as long as this value");
        carried_out.recv().expect("the server's thread carries out the order");
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        let _ = self.orders.send(serve::Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
