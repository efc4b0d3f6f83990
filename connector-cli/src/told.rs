//! Calls that are told of, for `-v`.

use std::time::Instant;

use async_trait::async_trait;
use connector_core::{Http, Request, Response, Result};

/// HTTP that tells of every call: method, origin, outcome and time.
#[derive(Debug)]
pub(crate) struct Told<H>(pub(crate) H);

#[async_trait]
impl<H: Http> Http for Told<H> {
    async fn send(&self, request: Request) -> Result<Response> {
        // Neither path nor query: both may hold what only its owner should know.
        let (method, origin) = (request.method().to_owned(), request.origin().to_owned());
        let began = Instant::now();
        let answer = self.0.send(request).await;
        let took = began.elapsed().as_millis();
        match &answer {
            Ok(response) => tracing::debug!("{method} {origin}: {} in {took} ms", response.status()),
            Err(error) => tracing::debug!("{method} {origin}: {} in {took} ms", error.kind()),
        }
        answer
    }
}
