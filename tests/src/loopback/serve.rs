//! The server's thread.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{self, Poll};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Answer, Breaks, Call, Calls, Handler, Piece, Stream};
use crate::fault::Faults;

/// What the owner of the server may ask; acknowledged once carried out.
#[derive(Debug)]
pub(super) enum Order {
    GoDown(mpsc::Sender<()>),
    ComeBack(mpsc::Sender<()>),
    Stop,
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) calls: Calls,
    pub(super) faults: Faults,
}

pub(super) fn run(shared: Shared, orders: UnboundedReceiver<Order>, ready: &mpsc::Sender<SocketAddr>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.expect("a runtime can be built").block_on(serve(shared, orders, ready));
}

async fn serve(shared: Shared, mut orders: UnboundedReceiver<Order>, ready: &mpsc::Sender<SocketAddr>) {
    let bind = async |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let mut listener = Some(bind(0).await.expect("a loopback port can be bound"));
    let address = listener.as_ref().and_then(|bound| bound.local_addr().ok());
    let address = address.expect("a bound listener has an address");
    let mut connections = JoinSet::new();
    let _ = ready.send(address);
    loop {
        tokio::select! {
            stream = accept(listener.as_ref()) => {
                connections.spawn(converse(stream, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
            order = orders.recv() => match order {
                Some(Order::GoDown(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    let _ = done.send(());
                }
                Some(Order::ComeBack(done)) => {
                    if listener.is_none() {
                        listener = Some(bind(address.port()).await.expect("the port was ours a moment ago"));
                    }
                    let _ = done.send(());
                }
                Some(Order::Stop) | None => return,
            },
        }
    }
}

/// The next connection; never, while the server is down.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        None => std::future::pending().await,
        Some(listener) => loop {
            if let Ok((stream, _)) = listener.accept().await {
                return stream;
            }
        },
    }
}

async fn converse(stream: TcpStream, shared: Shared) {
    // Small answers must not wait for more to come.
    let _ = stream.set_nodelay(true);
    let Some(tls) = shared.tls.clone() else { return talk(stream, false, Vec::new(), shared).await };
    // A client that does not like the certificate goes away here.
    let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
    let connection = stream.get_ref().1;
    let is_http2 = connection.alpn_protocol() == Some(b"h2");
    let certificates = connection.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|certificate| certificate.to_vec()).collect();
    talk(stream, is_http2, certificates, shared).await;
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    is_http2: bool,
    certificates: Vec<Vec<u8>>,
    shared: Shared,
) {
    let service = service_fn(move |request| respond(request, certificates.clone(), shared.clone()));
    let io = TokioIo::new(stream);
    // A client that goes away in the middle is its own business.
    if is_http2 {
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(io, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
    }
}

async fn respond(
    request: Request<Incoming>,
    certificates: Vec<Vec<u8>>,
    shared: Shared,
) -> Result<Response<Outgoing>, Closed> {
    let Some(call) = received(request, certificates).await else { return Err(Closed) };
    let place = shared.calls.push(call.clone());
    let answer = match shared.faults.next(&call) {
        None => shared.handler.answer(call).await,
        Some(fault) => {
            let real = async || shared.handler.answer(call).await;
            fault.apply(real).await
        }
    };
    if answer.breaks == Breaks::AtOnce {
        return Err(Closed);
    }
    shared.calls.answered(place, answer.status);
    Ok(response(answer))
}

async fn received(request: Request<Incoming>, certificates: Vec<Vec<u8>>) -> Option<Call> {
    let (head, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Some(Call {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await.ok()?.to_bytes().to_vec(),
        certificates,
        status: None,
    })
}

fn response(answer: Answer) -> Response<Outgoing> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let rest = match answer.rest {
        _ if answer.breaks == Breaks::InTheMiddle => Rest::Broken,
        None => Rest::None,
        Some(stream) => Rest::Streamed(stream),
    };
    let body = Outgoing { bytes: answer.body.into(), sent: false, rest };
    response.body(body).expect("handlers answer with valid headers")
}

/// A body in one piece, half a body and then the end of the connection, or a body that goes on.
pub(super) struct Outgoing {
    bytes: Bytes,
    sent: bool,
    rest: Rest,
}

/// What follows the first piece of a body.
enum Rest {
    None,
    /// Half of the body is still owed, and will not come.
    Broken,
    /// The same, and the first half has been given time to leave.
    BrokenNow,
    Streamed(Stream),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if !self.sent {
            self.sent = true;
            let is_broken = matches!(self.rest, Rest::Broken);
            let length = if is_broken { self.bytes.len() / 2 } else { self.bytes.len() };
            if length > 0 {
                return Poll::Ready(Some(Ok(Frame::data(self.bytes.slice(..length)))));
            }
        }
        match &self.rest {
            Rest::None => Poll::Ready(None),
            Rest::Broken => {
                // The server writes what it holds when a body has nothing to give.
                self.rest = Rest::BrokenNow;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Rest::BrokenNow => Poll::Ready(Some(Err(Closed))),
            Rest::Streamed(stream) => match task::ready!(stream.poll(context)) {
                Some(Piece::Data(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes.into())))),
                Some(Piece::Cut) => {
                    self.rest = Rest::BrokenNow;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.rest, Rest::None) && (self.sent || self.bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self.rest {
            Rest::Streamed(_) => SizeHint::default(),
            _ => SizeHint::with_exact(self.bytes.len() as u64),
        }
    }
}

/// Ends the connection without another byte.
#[derive(Debug)]
pub(super) struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for Closed {}
