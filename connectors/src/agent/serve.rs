//! Requests and answers: HTTP/1.1 with limits on everything that a program may send, or not send.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connector_core::agent::{Answer, Asked, Refusal};
use connector_core::{Clock, Error, Grant, Result, Secret};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::guard::Guard;
use super::mint::Mints;
use super::peer::Peer;
use super::timer::ClockTimer;

/// The most of a request's head, in bytes, and how many headers. An SDK sends less than 1 KiB.
const LARGEST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 64;

/// The most of a request's body, in bytes. A form with a token has less than 1 KiB.
const LARGEST_BODY: usize = 16 << 10;

/// How long a request's head may take, from the last answer or the connection's beginning: so it ends idle ones too.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// How long a request's body may take.
pub(super) const BODY_LIMIT: Duration = Duration::from_secs(10);

/// How many connections are open at once, over all endpoints. Further ones wait in the system's queue, which is bounded
/// too.
const MOST_CONNECTIONS: usize = 256;

/// How long answers on their way may take after the agent was told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// How long nobody is let in when the system has no more sockets to give.
const BREATHER: Duration = Duration::from_millis(100);

/// One binding as it is served.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) guard: Guard,
    pub(super) grant: Grant,
    pub(super) mints: Mints,
}

/// Serves until it is told to stop, then lets answers on their way finish.
pub(super) async fn serve(
    endpoints: Vec<(StdListener, Arc<Endpoint>)>,
    clock: Arc<dyn Clock>,
    until: impl Future<Output = ()> + Send,
) -> Result<()> {
    let (stop, stopped) = watch::channel(false);
    let seats = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut loops = Vec::with_capacity(endpoints.len());
    for (listener, endpoint) in endpoints {
        let listener = TcpListener::from_std(listener)
            .map_err(|error| Error::unexpected(format!("cannot listen: {}", error.kind())))?;
        let (seats, clock, stopped) = (Arc::clone(&seats), Arc::clone(&clock), stopped.clone());
        loops.push(accept(listener, endpoint, seats, clock, stopped));
    }
    let loops = pin!(futures_util::future::join_all(loops));
    let mut open = match select(pin!(until), loops).await {
        Either::Left(((), loops)) => {
            stop.send_replace(true);
            loops.await
        }
        Either::Right((open, _)) => open,
    };
    let finished = async {
        for connections in &mut open {
            while connections.join_next().await.is_some() {}
        }
    };
    select(pin!(finished), clock.sleep(GRACE)).await;
    Ok(())
}

/// Takes connections until it is told to stop; those that are open then.
async fn accept(
    listener: TcpListener,
    endpoint: Arc<Endpoint>,
    seats: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut open = JoinSet::new();
    let ours = listener.local_addr();
    loop {
        let next = async {
            // Nobody closes the semaphore; who waits here leaves further ones in the system's queue.
            let seat = Arc::clone(&seats).acquire_owned().await.ok()?;
            Some((listener.accept().await, seat))
        };
        let Some(accepted) = unless_told(next, &mut stopped).await.flatten() else { return open };
        while open.try_join_next().is_some() {}
        match (accepted, &ours) {
            ((Ok((stream, theirs)), seat), Ok(ours)) => {
                let peer = Peer::new(theirs, *ours);
                let line = Line {
                    endpoint: Arc::clone(&endpoint),
                    peer,
                    seats: Arc::clone(&seats),
                    answering: AtomicUsize::new(0),
                };
                let (clock, stopped) = (Arc::clone(&clock), stopped.clone());
                open.spawn(async move {
                    converse(stream, line, clock, stopped).await;
                    drop(seat);
                });
            }
            _ => clock.sleep(BREATHER).await,
        }
    }
}

/// One connection.
struct Line {
    endpoint: Arc<Endpoint>,
    peer: Peer,
    seats: Arc<Semaphore>,
    answering: AtomicUsize,
}

async fn converse(stream: TcpStream, line: Line, clock: Arc<dyn Clock>, mut stopped: watch::Receiver<bool>) {
    if !line.peer.is_near() {
        return;
    }
    // Small answers must not wait for more to come.
    let _ = stream.set_nodelay(true);
    let line = &line;
    let respond = service_fn(async |request| {
        line.answering.fetch_add(1, Ordering::SeqCst);
        let answer = line.endpoint.answer(request, &line.peer, &*clock).await;
        line.answering.fetch_sub(1, Ordering::SeqCst);
        let is_crowded = line.seats.available_permits() == 0;
        Ok::<_, Infallible>(response(&answer, is_crowded))
    });
    let connection = http1::Builder::new()
        .timer(ClockTimer(Arc::clone(&clock)))
        .header_read_timeout(HEAD_LIMIT)
        .max_headers(MOST_HEADERS)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), respond);
    let mut connection = pin!(connection);
    // A program that goes away in the middle is its own business.
    let ended = unless_told(connection.as_mut(), &mut stopped).await;
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        if line.answering.load(Ordering::SeqCst) == 0 {
            // Nobody waits for anything: what is written already leaves.
            let _ = connection.now_or_never();
            return;
        }
        let _ = connection.await;
    }
}

/// What comes of `what`, unless the agent is told to stop before.
async fn unless_told<T>(what: impl Future<Output = T>, stopped: &mut watch::Receiver<bool>) -> Option<T> {
    match select(pin!(what), pin!(stopped.wait_for(|it| *it))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>, peer: &Peer, clock: &dyn Clock) -> Answer {
        let (head, body) = request.into_parts();
        self.try_answer(&head, body, peer, clock).await.unwrap_or_else(|refused| refused)
    }

    async fn try_answer(
        &self,
        head: &Parts,
        body: Incoming,
        peer: &Peer,
        clock: &dyn Clock,
    ) -> Result<Answer, Answer> {
        let (protocol, proof) = self.guard.admit(head)?;
        let refuse = |refusal: Refusal| protocol.refuse(&refusal);
        if !proof.is_secret() && peer.is_of_same_user().await == Some(false) {
            return Err(refuse(Refusal::new(403, "user", "this endpoint answers programs of its own user")));
        }
        let asked = asked(head);
        // Nothing more is read from who has not shown what a head can show.
        if asked.token(proof).is_some() || !matches!(proof, connector_core::agent::Proof::Form(_)) {
            self.guard.redeem(protocol, proof, &asked)?;
        }
        let body = match read(body, clock).await {
            Ok(body) => body,
            Err(refusal) => return Err(refuse(refusal)),
        };
        let asked = asked.with_body(body.to_vec());
        self.guard.redeem(protocol, proof, &asked)?;
        let grant = protocol.wants(&asked, &self.grant)?;
        let answered = async {
            let envelope = self.mints.issue(grant).await?;
            let now = self.mints.hub().context().now();
            if envelope.expiry.at().is_some_and(|end| end <= now) {
                return Err(Error::unreachable("the credential has ended, and there is no other one yet"));
            }
            protocol.answer(&asked, &envelope, now)
        };
        answered.await.map_err(|error| refuse(Refusal::from(&error)))
    }
}

fn asked(head: &Parts) -> Asked {
    let target = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let asked = Asked::new(head.method.as_str(), target);
    head.headers.iter().fold(asked, |asked, (name, value)| {
        asked.with_header(name.as_str(), String::from_utf8_lossy(value.as_bytes()))
    })
}

/// The whole body, within its limits.
async fn read(mut body: Incoming, clock: &dyn Clock) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let too_large = || Refusal::new(413, "body", "the body is larger than 16 KiB");
    let whole = async {
        if body.size_hint().lower() > LARGEST_BODY as u64 {
            return Err(too_large());
        }
        let mut whole = Zeroizing::new(Vec::with_capacity(LARGEST_BODY.min(4096)));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::new(400, "body", "the body broke off"))?;
            if let Ok(data) = frame.into_data() {
                if whole.len() + data.len() > LARGEST_BODY {
                    return Err(too_large());
                }
                whole.extend_from_slice(&data);
            }
        }
        Ok(whole)
    };
    match select(pin!(whole), clock.sleep(BODY_LIMIT)).await {
        Either::Left((whole, _)) => whole,
        Either::Right(_) => Err(Refusal::new(408, "body", "the body did not come")),
    }
}

/// The answer's own bytes, which are wiped when they have left.
struct Owned(Secret);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

fn response(answer: &Answer, is_crowded: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_owner(Owned(answer.body().clone()))));
    *response.status_mut() =
        StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in answer.headers() {
        // No page of elsewhere ever reads an answer, whatever a protocol says.
        let name = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .filter(|it| !it.as_str().starts_with("access-control-"));
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type()));
    if is_crowded {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
