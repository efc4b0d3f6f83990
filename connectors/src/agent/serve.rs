//! Connections: taken while there is room for them, ended when they are of no use, and in peace when the agent stops.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use connector_core::{Clock, Error, Result};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::answer::{Endpoint, response};
use super::peer::Peer;
use super::seats::{Seat, Seats};
use super::timer::ClockTimer;

/// The most of a request's head, in bytes, and how many headers. An SDK sends less than 1 KiB.
const LARGEST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 64;

/// How long a request's head may take, from the last answer or the connection's beginning: so it ends idle ones too.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// How long answers on their way may take after the agent was told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// How long nobody is let in when the system has no more sockets to give.
const BREATHER: Duration = Duration::from_millis(100);

/// Serves until it is told to stop, then lets answers on their way finish.
pub(super) async fn serve(
    endpoints: Vec<(StdListener, Arc<Endpoint>)>,
    clock: Arc<dyn Clock>,
    until: impl Future<Output = ()> + Send,
) -> Result<()> {
    let (stop, stopped) = watch::channel(false);
    let seats = Seats::new(Arc::clone(&clock));
    let mut loops = Vec::with_capacity(endpoints.len());
    for (listener, endpoint) in endpoints {
        let listener = TcpListener::from_std(listener)
            .map_err(|error| Error::unexpected(format!("cannot listen: {}", error.kind())))?;
        loops.push(accept(listener, endpoint, seats.clone(), Arc::clone(&clock), stopped.clone()));
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

/// Takes connections until it is told to stop; gives those that are open then.
async fn accept(
    listener: TcpListener,
    endpoint: Arc<Endpoint>,
    seats: Seats,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut open = JoinSet::new();
    loop {
        let next = async {
            let accepted = listener.accept().await;
            // While it waits for a seat, further ones wait in the system's queue, which is bounded too.
            (accepted, seats.take().await)
        };
        let Some((accepted, seat)) = unless_told(next, &mut stopped).await else { return open };
        while open.try_join_next().is_some() {}
        let Ok((stream, theirs)) = accepted else {
            if unless_told(clock.sleep(BREATHER), &mut stopped).await.is_none() {
                return open;
            }
            continue;
        };
        // Its own end: that of the listener may be a whole machine's.
        let Ok(ours) = stream.local_addr() else { continue };
        let line = Line { endpoint: Arc::clone(&endpoint), peer: Peer::new(theirs, ours), seat };
        open.spawn(converse(stream, line, Arc::clone(&clock), stopped.clone()));
    }
}

/// One connection.
struct Line {
    endpoint: Arc<Endpoint>,
    peer: Peer,
    seat: Seat,
}

async fn converse(stream: TcpStream, line: Line, clock: Arc<dyn Clock>, mut stopped: watch::Receiver<bool>) {
    if !line.peer.is_near() {
        return;
    }
    // Small answers must not wait for more to come.
    let _ = stream.set_nodelay(true);
    let line = &line;
    let respond = service_fn(async |request| {
        let answer = line.seat.busy(line.endpoint.answer(request, &line.peer, &*clock)).await;
        Ok::<_, Infallible>(response(&answer))
    });
    let connection = http1::Builder::new()
        .timer(ClockTimer(Arc::clone(&clock)))
        // Programs ask seldom: who came back to a connection that was kept could find it closed just then.
        .keep_alive(false)
        .header_read_timeout(HEAD_LIMIT)
        .max_headers(MOST_HEADERS)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), respond);
    let mut connection = pin!(connection);
    let told = unless_told(line.seat.given_up(), &mut stopped);
    // A program that goes away in the middle is its own business.
    if let Either::Right(_) = select(connection.as_mut(), pin!(told)).await {
        connection.as_mut().graceful_shutdown();
        if line.seat.is_busy() {
            let _ = connection.await;
        } else {
            // Nobody waits for anything: what is written already leaves.
            let _ = connection.now_or_never();
        }
    }
}

/// What comes of `what`, unless the agent is told to stop before.
async fn unless_told<T>(what: impl Future<Output = T>, stopped: &mut watch::Receiver<bool>) -> Option<T> {
    match select(pin!(what), pin!(stopped.wait_for(|it| *it))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}
