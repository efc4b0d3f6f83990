//! A proxy in front of any loopback server: counts calls at the wire, and fails on demand.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::loopback::{Answer, Answering, Call, Handler, Loopback};

/// A running recorder. `Host` is passed on as it came, so that a signature over it still verifies upstream.
#[derive(Debug)]
pub struct Recorder(Loopback);

impl Recorder {
    /// Starts a recorder in front of `upstream`, an `http://HOST:PORT`.
    ///
    /// # Panics
    /// When `upstream` has another form.
    pub fn start(upstream: &str) -> Self {
        let authority = upstream.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let authority = authority.expect("the recorder forwards to plain http").to_owned();
        Self(Loopback::start(Forward { authority }))
    }
}

/// Everything else is the server's own: its URL, calls and faults.
impl std::ops::Deref for Recorder {
    type Target = Loopback;

    fn deref(&self) -> &Loopback {
        &self.0
    }
}

struct Forward {
    authority: String,
}

impl Handler for Forward {
    fn answer(&self, call: Call) -> Answering {
        let authority = self.authority.clone();
        Box::pin(async move {
            let gone = |_| Answer::new(502, "text/plain", "the server behind the recorder does not answer");
            forward(&authority, call).await.unwrap_or_else(gone)
        })
    }
}

async fn forward(authority: &str, call: Call) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let target = if call.query.is_empty() { call.path } else { format!("{}?{}", call.path, call.query) };
    let mut request = hyper::Request::builder().method(call.method.as_str()).uri(target);
    // The body is passed on whole, and this connection is not the client's.
    let passed_on = call.headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()));
    for (name, value) in passed_on {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(call.body)))?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        Ok((head, body))
    };
    // The connection does its work while the exchange is awaited; it ends with it.
    let (head, body) = tokio::select! {
        exchanged = exchange => exchanged,
        ended = connection => match ended {
            Err(error) => Err(error),
            Ok(()) => std::future::pending().await,
        },
    }?;
    let mut answer = Answer::empty(head.status.as_u16()).with_body(body);
    for (name, value) in &head.headers {
        if !HOP_BY_HOP.contains(&name.as_str()) {
            answer.headers.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
    }
    Ok(answer)
}

const HOP_BY_HOP: [&str; 5] = ["connection", "keep-alive", "transfer-encoding", "expect", "te"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::keys::Keys;
    use crate::ministack::World;
    use crate::process::{self, Finished};

    fn aws(world: &World, recorder: &Recorder, keys: &Keys, arguments: &[&str]) -> Finished {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = world.server().aws_command(home.path());
        keys.apply(&mut command).env("AWS_ENDPOINT_URL", recorder.url()).env("AWS_MAX_ATTEMPTS", "1");
        process::run(command.args(arguments))
    }

    #[test]
    fn signed_calls_pass_and_are_counted() {
        let world = World::start();
        let recorder = Recorder::start(&world.server().url());
        aws(&world, &recorder, &world.alice, &["sts", "get-caller-identity"]).expect_success();
        let calls = recorder.calls().take();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].action(), "GetCallerIdentity");
        assert_eq!(calls[0].service().as_deref(), Some("sts"));
        assert_eq!(calls[0].access_key_id(), Some(world.alice.access_key_id.clone()));
        assert_eq!(calls[0].status, Some(200));

        let wrong = Keys::new(&world.alice.access_key_id, "wrong");
        aws(&world, &recorder, &wrong, &["sts", "get-caller-identity"]).expect_code(255);
        assert_eq!(recorder.calls().take()[0].status, Some(403));

        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let path = file.path().to_str().expect("a path that is text");
        let write = ["s3", "cp", path, "s3://bkt-one/a b+c"];
        aws(&world, &recorder, &world.alice, &write).expect_success();
        let head = ["s3api", "head-bucket", "--bucket", "bkt-one"];
        aws(&world, &recorder, &world.alice, &head).expect_success();
        let read = ["s3", "cp", "s3://bkt-one/hello.txt", "-"];
        let read = aws(&world, &recorder, &world.alice, &read).expect_success();
        assert_eq!(read.stdout_text(), "bkt-one/hello.txt\n");
        let actions = recorder.calls().actions();
        assert!(actions.contains(&"GET /bkt-one/hello.txt".to_owned()), "{actions:?}");
        assert!(actions.contains(&"HEAD /bkt-one".to_owned()), "{actions:?}");
    }

    #[test]
    fn every_fault_reaches_the_real_client() {
        let world = World::start();
        let recorder = Recorder::start(&world.server().url());
        let ask = || aws(&world, &recorder, &world.alice, &["sts", "get-caller-identity"]);
        let cases = [
            (Fault::ClosedConnection, "Connection was closed"),
            (Fault::Truncated, "Connection was closed"),
            (Fault::GarbageBody, "Unable to parse response"),
            (Fault::WrongContentType, "GetCallerIdentityResult"),
            (Fault::Status(503, Some(1)), "(503)"),
        ];
        for (fault, words) in cases {
            recorder.faults().next_calls(1, fault.clone());
            let failed = ask();
            assert!(!failed.success() && failed.stderr_text().contains(words), "{fault:?}: {failed:?}");
        }
        recorder.faults().always(Fault::DateSkew(7200));
        ask().expect_success();
        recorder.faults().clear();

        recorder.go_down();
        let refused = ask();
        assert!(refused.stderr_text().contains("Could not connect"), "{refused:?}");
        recorder.come_back();
        ask().expect_success();
    }
}
