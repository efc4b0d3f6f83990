//! One request: let in, issued for, answered. There are limits on everything that a program may send, or not send.

use std::pin::pin;
use std::time::Duration;

use connector_core::agent::{Answer, Asked, Proof, Refusal};
use connector_core::{Clock, Error, Grant, Result, Secret};
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use zeroize::Zeroizing;

use super::guard::Guard;
use super::mint::Mints;
use super::peer::Peer;

/// The most of a request's body, in bytes. A form with a token has less than 1 KiB.
const LARGEST_BODY: usize = 16 << 10;

/// How long a request's body may take.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// One binding as it is served.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) guard: Guard,
    pub(super) grant: Grant,
    pub(super) mints: Mints,
}

impl Endpoint {
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: &Peer, clock: &dyn Clock) -> Answer {
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
        if !matches!(proof, Proof::Form(_)) {
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

/// The answer as it is sent.
pub(super) fn response(answer: &Answer) -> Response<Full<Bytes>> {
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
    response
}
