use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::fault::Fault;

/// Sends one plain request and reads until the server closes.
fn ask(server: &Loopback, target: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    write!(
        stream,
        "POST {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn server() -> Loopback {
    Loopback::start(|call: &Call| Answer::new(200, "text/plain", format!("{} bytes", call.body.len())))
}

#[test]
fn calls_are_recorded_as_they_came() {
    let server = server();
    let text = ask(&server, "/a%20b?Action=Do+It&x=%2F").expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("4 bytes"), "{text}");
    let calls = server.calls().take();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].path.as_str(), calls[0].query.as_str()), ("/a%20b", "Action=Do+It&x=%2F"));
    assert_eq!(calls[0].action(), "Do It");
    assert_eq!(calls[0].parameter("x").as_deref(), Some("/"));
    assert_eq!(calls[0].body, b"body");
    assert_eq!(calls[0].status, Some(200));
    assert_eq!(server.calls().count(), 0);
}

#[test]
fn faults_come_in_order_and_end() {
    let server = server();
    server.faults().on(Some(1), Fault::Status(429, Some(7)), |call| call.path == "/limited");
    server.faults().next_calls(1, Fault::DateSkew(-3600));
    let dated = |text: &str| text.lines().find(|line| line.starts_with("date: ")).map(str::to_owned);

    let shifted = ask(&server, "/").expect("an answer");
    let limited = ask(&server, "/limited").expect("an answer");
    let normal = ask(&server, "/limited").expect("an answer");
    assert!(limited.starts_with("HTTP/1.1 429 ") && limited.contains("retry-after: 7\r\n"), "{limited}");
    assert!(normal.starts_with("HTTP/1.1 200 "), "{normal}");
    assert!(dated(&shifted).is_some() && dated(&shifted) != dated(&normal), "{shifted}");
}

#[test]
fn a_slow_server_never_answers_and_a_broken_one_says_half() {
    let server = server();
    server.faults().next_calls(1, Fault::NeverAnswers);
    let slow = ask(&server, "/").map_err(|error| error.kind());
    assert!(matches!(slow, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{slow:?}");
    assert_eq!(server.calls().all()[0].status, None);

    server.faults().next_calls(1, Fault::Truncated);
    let half = ask(&server, "/").expect("a beginning");
    assert!(half.contains("content-length: 7") && half.ends_with("\r\n\r\n4 b"), "{half}");

    server.faults().next_calls(1, Fault::ClosedConnection);
    assert_eq!(ask(&server, "/").unwrap_or_default(), "");
}

#[test]
fn a_server_goes_down_and_comes_back_on_the_same_port() {
    let server = server();
    server.go_down();
    assert_eq!(ask(&server, "/").map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
    server.come_back();
    assert!(ask(&server, "/").is_ok());
}
