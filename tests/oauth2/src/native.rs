//! A native client: calls to the API, each with the token as of now.

use connector_core::{Builds, Request, Response, Result, Source};

use crate::BearerToken;

/// Calls to one API, with a token that renews itself.
#[derive(Clone, Debug)]
pub struct ApiClient(Source<BearerToken>);

impl Builds<ApiClient> for BearerToken {
    async fn build(source: Source<Self>) -> Result<ApiClient> {
        Ok(ApiClient(source))
    }
}

impl ApiClient {
    /// Gets what is at `path`, which begins with a slash.
    ///
    /// # Errors
    /// Those of issuing and of the network, and a path that leads away from the API. Any status is an answer.
    pub async fn get(&self, path: &str) -> Result<Response> {
        self.send("GET", path, Vec::new()).await
    }

    /// Sends a body to `path`.
    ///
    /// # Errors
    /// As [`get`](ApiClient::get).
    pub async fn send(&self, method: &str, path: &str, body: Vec<u8>) -> Result<Response> {
        let issued = self.0.issue().await?;
        let url = issued.credential.api.below(path)?;
        let bearer = format!("Bearer {}", issued.credential.access_token.expose());
        let request = Request::new(method, url).with_header("authorization", bearer).with_body(body);
        self.0.context().send(request).await
    }
}
