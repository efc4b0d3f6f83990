//! What a program may send, or not send.

use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, Desk, ONE, read};

/// Waits for the next answer while time passes, or for the connection's end.
async fn as_time_passes(desk: &Desk, stream: &mut TcpStream) -> Answer {
    let mut reading = pin!(read(stream, false));
    for _ in 0..10_000 {
        match select(reading.as_mut(), pin!(tokio::task::yield_now())).await {
            Either::Left((answer, _)) => return answer,
            Either::Right(_) => desk.advance(1),
        }
    }
    panic!("nothing ended the connection");
}

#[tokio::test]
async fn c21_a_head_that_does_not_come_ends_the_connection() {
    let desk = Desk::new("agent-slow-head").await;
    let agent = desk.start(&[ONE]).await;
    for begun in ["", "GET /keys HT", "GET /keys HTTP/1.1\r\nHost: x\r\nA:"] {
        let mut stream = TcpStream::connect(agent.address()).await.expect("a connection");
        stream.write_all(begun.as_bytes()).await.expect("a beginning");
        assert_eq!(as_time_passes(&desk, &mut stream).await.status, 0, "{begun}");
    }
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
}

#[tokio::test]
async fn c21_a_body_that_does_not_come_is_not_waited_for() {
    let desk = Desk::new("agent-slow-body").await;
    let agent = desk.start_with(&["acme-form"]).await;
    let mut stream = TcpStream::connect(agent.address()).await.expect("a connection");
    let begun =
        format!("POST /exchange HTTP/1.1\r\nHost: {}\r\nContent-Length: 9\r\n\r\nticket", agent.authority());
    stream.write_all(begun.as_bytes()).await.expect("a beginning");
    assert_eq!(as_time_passes(&desk, &mut stream).await.status, 408);
}

#[tokio::test]
async fn c21_more_than_any_program_sends_is_refused() {
    let desk = Desk::new("agent-large").await;
    let agent = desk.start_with(&["acme-keys", "acme-form"]).await;
    let (host, token) = (format!("Host: {}", agent.authority()), format!("X-Acme-Token: {}", agent.token()));
    let long = format!("X: {}", "x".repeat(17 << 10));
    assert_eq!(agent.status("GET", "/keys", &[&host, &token, &long]).await, 431);
    let many: Vec<String> = (0..70).map(|it| format!("X-{it}: x")).collect();
    let many: Vec<&str> = [&host, &token].into_iter().chain(&many).map(String::as_str).collect();
    assert_eq!(agent.status("GET", "/keys", &many).await, 431);
    let path = format!("/keys?{}", "x".repeat(17 << 10));
    assert!(matches!(agent.status("GET", &path, &[&host, &token]).await, 414 | 431));

    let request =
        |lines: &str, body: &str| format!("POST /exchange HTTP/1.1\r\n{host}\r\n{lines}\r\n\r\n{body}");
    let announced = request("Content-Length: 16385", "");
    assert_eq!(agent.ask(&announced).await.status, 413, "before any of it has come");
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let chunked = request("Transfer-Encoding: chunked", &format!("{}0\r\n\r\n", chunk.repeat(5)));
    assert_eq!(agent.ask(&chunked).await.status, 413);
    let chunked = request("Transfer-Encoding: chunked", &format!("{}0\r\n\r\n", chunk.repeat(4)));
    assert_eq!(agent.ask(&chunked).await.status, 401, "16 KiB are read, and hold no token");
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
}

#[tokio::test]
async fn c21_what_is_no_http_ends_its_connection_and_nothing_else() {
    let desk = Desk::new("agent-garbage").await;
    let agent = desk.start(&[ONE]).await;
    let (host, token) = (format!("Host: {}", agent.authority()), format!("X-Acme-Token: {}", agent.token()));
    for garbage in [
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "GET /keys\r\n\r\n".to_owned(),
        format!("GET /keys HTTP/1.1\r\n{host}\r\n{token}\r\n folded: x\r\n\r\n"),
        format!("GET /keys HTTP/1.1\r\n{host}\r\nX Acme: y\r\n{token}\r\n\r\n"),
        // Two lengths, or two ways to say it: a request could be smuggled behind them.
        format!(
            "GET /keys HTTP/1.1\r\n{host}\r\n{token}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"
        ),
        format!("CONNECT {} HTTP/1.1\r\n{host}\r\n{token}\r\n\r\n", agent.authority()),
    ] {
        let answer = agent.ask(&garbage).await;
        assert!(matches!(answer.status, 0 | 400 | 404 | 405 | 505), "{garbage:?}: {}", answer.status);
        assert!(!answer.body.contains("token-for"), "{}", answer.body);
    }
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
}

/// A program that came back to a connection which was kept could find it closed just then.
#[tokio::test]
async fn a_connection_answers_one_request_and_says_so() {
    let desk = Desk::new("agent-pipelined").await;
    let agent = desk.start(&[ONE]).await;
    let mut stream = TcpStream::connect(agent.address()).await.expect("a connection");
    stream.write_all([agent.good(), agent.good()].concat().as_bytes()).await.expect("requests");
    let first = read(&mut stream, false).await;
    assert_eq!((first.status, first.header("connection")), (200, Some("close")));
    assert_eq!(read(&mut stream, false).await.status, 0);
}

/// C21: who opens connections and says nothing keeps nobody else from asking.
#[tokio::test]
async fn c21_silent_connections_make_room_for_others() {
    let desk = Desk::new("agent-crowd").await;
    let agent = desk.start(&[ONE]).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent
            .push(TcpStream::connect(agent.address()).await.expect("a connection, or a place in the queue"));
    }
    let mut asking = TcpStream::connect(agent.address()).await.expect("a place in the queue");
    asking.write_all(agent.good().as_bytes()).await.expect("a request");
    // After ten seconds they would end by themselves: that much does not pass.
    let passing = async {
        for _ in 0..5 {
            super::settle().await;
            desk.advance(1);
        }
    };
    let (answer, ()) = tokio::join!(super::soon("an answer", read(&mut asking, false)), passing);
    assert_eq!(answer.status, 200);
    let mut gone = 0;
    for stream in &mut silent {
        gone += usize::from(matches!(stream.try_read(&mut [0]), Ok(0)));
    }
    assert!(gone >= 45, "{gone} left");
    drop(agent);
    for stream in &mut silent {
        // Whatever comes, it is no answer.
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
}
