//! A port of this machine that a browser comes back to after a login.
//!
//! It listens on loopback alone, takes one `GET` with a query, and answers nothing that was sent to it.

use std::io::ErrorKind as IoKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use connector_core::{Error, Redirect, Result, Secret, async_trait};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

/// The most of a request that is read, in bytes. A code of Google's has less than 1 KiB.
const LARGEST: usize = 16 << 10;

/// How long a connection may take to say something: browsers open some that they never use.
const LIMIT: Duration = Duration::from_secs(10);

/// How many connections are listened to at the same time.
const MOST: usize = 32;

const DONE: &str = "<!doctype html><meta charset=utf-8><title>connector</title><body style=\"font-family:sans-serif\">\
    <p>The answer has arrived. You can close this window and go back to the terminal.</p>";

/// Opens a port on loopback: any free one, or just this one.
///
/// # Errors
/// [`InvalidInput`](connector_core::ErrorKind::InvalidInput) when it is taken,
/// [`Refused`](connector_core::ErrorKind::Refused) when this user may not open it.
pub async fn listen(port: Option<u16>) -> Result<Box<dyn Redirect>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await;
    let listener = listener.map_err(|error| match (error.kind(), port) {
        (IoKind::AddrInUse, Some(port)) => Error::invalid(format!("port {port} of this machine is taken")),
        (IoKind::PermissionDenied, Some(port)) => {
            Error::refused(format!("this user may not open port {port}"))
        }
        (kind, _) => Error::unexpected(format!("no port of this machine can be opened: {kind}")),
    })?;
    let port = listener.local_addr().map_err(|_| Error::unexpected("a port has no number"))?.port();
    Ok(Box::new(Port { listener, port }))
}

struct Port {
    listener: TcpListener,
    port: u16,
}

#[async_trait]
impl Redirect for Port {
    fn port(&self) -> u16 {
        self.port
    }

    async fn query(&self) -> Result<Secret> {
        let mut open = FuturesUnordered::new();
        loop {
            let accepted = std::pin::pin!(self.listener.accept());
            let answered = match open.is_empty() {
                true => Either::Left(accepted.await),
                false => match select(accepted, open.next()).await {
                    Either::Left((accepted, _)) => Either::Left(accepted),
                    Either::Right((answered, _)) => Either::Right(answered.flatten()),
                },
            };
            match answered {
                // More than any browser opens: the oldest of them go on, this one is dropped.
                Either::Left(Ok(_)) if open.len() >= MOST => {}
                Either::Left(Ok((stream, _))) => open.push(answer(stream, self.port)),
                Either::Left(Err(_)) => return Err(Error::unexpected("the port for the browser was closed")),
                Either::Right(Some(query)) => return Ok(query),
                Either::Right(None) => {}
            }
        }
    }
}

/// Reads one request and answers it; its query, when it is what was waited for.
async fn answer(mut stream: TcpStream, port: u16) -> Option<Secret> {
    #[expect(clippy::disallowed_methods, reason = "a browser is waited for; a faked clock makes none talk")]
    let head = tokio::time::timeout(LIMIT, head(&mut stream)).await.ok().flatten()?;
    let query = query_of(&head, port);
    let (status, page) = match query {
        Some(_) => ("200 OK", DONE),
        None => ("404 Not Found", ""),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         referrer-policy: no-referrer\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    // Whoever does not wait for the page has logged in all the same.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    query
}

async fn head(stream: &mut TcpStream) -> Option<Zeroizing<String>> {
    let mut read = Zeroizing::new(Vec::new());
    let mut buffer = Zeroizing::new([0; 2048]);
    while !read.windows(4).any(|it| it == b"\r\n\r\n") {
        let count = stream.read(&mut *buffer).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        if read.len() > LARGEST {
            return None;
        }
    }
    std::str::from_utf8(&read).ok().map(|it| Zeroizing::new(it.to_owned()))
}

/// The query of a `GET` to this very port: a page elsewhere that resolves its own name to loopback is not answered.
fn query_of(head: &str, port: u16) -> Option<Secret> {
    let mut lines = head.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |wanted: &str| {
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    // A page that is sent here by a redirect has none: a script of another page asks.
    if header("origin").is_some() {
        return None;
    }
    let host = header("host")?;
    let ours = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let is_ours = ours.iter().any(|it| host.eq_ignore_ascii_case(it))
        || (port == 80 && matches!(host, "127.0.0.1" | "localhost"));
    let (_, query) = target.split_once('?')?;
    (is_ours && !query.is_empty()).then(|| Secret::new(query))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn a_browser_comes_back_with_a_query() {
        let port = listen(None).await.expect("a port");
        let number = port.port();
        // One that says nothing holds up nobody, and what is no answer is passed over.
        let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, number)).await.expect("a connection");
        let browser = async {
            let other = ask(number, "GET /?code=x HTTP/1.1\r\nHost: evil.example.com\r\n\r\n").await;
            assert!(other.starts_with("HTTP/1.1 404"), "{other}");
            let icon =
                ask(number, &format!("GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:{number}\r\n\r\n")).await;
            assert!(icon.starts_with("HTTP/1.1 404"), "{icon}");
            let script = format!(
                "GET /?code=x HTTP/1.1\r\nHost: 127.0.0.1:{number}\r\nOrigin: http://a.example\r\n\r\n"
            );
            assert!(ask(number, &script).await.starts_with("HTTP/1.1 404"));
            ask(number, &format!("GET /?code=one&state=two HTTP/1.1\r\nhost: localhost:{number}\r\n\r\n"))
                .await
        };
        let (query, page) = futures_util::future::join(port.query(), browser).await;
        assert_eq!(query.expect("a query").expose(), "code=one&state=two");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("close this window"), "{page}");
        assert!(!page.contains("one"), "the page repeats nothing");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let first = listen(None).await.expect("a port");
        let error = listen(Some(first.port())).await.err().expect("taken");
        assert_eq!(error.kind(), connector_core::ErrorKind::InvalidInput);
        assert!(error.message().contains("is taken"), "{error}");
    }
}
