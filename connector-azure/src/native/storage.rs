//! Azure's client of Blob Storage, for one container. Each of its requests is signed with what the source has then, so
//! it goes on for as long as it lives.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, ClientOptions, Context, HttpClient, Request, Transport, Url};
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use connector_core::{Error, Handle, Issued, Offers, Result, Source, Trusted};
use reqwest::{Certificate, NoProxy, Proxy};

use super::told;
use crate::credential::{AzureCredential, Shown};
use crate::resource::BlobContainer;

/// The client speaks by itself: it trusts the system's certificates and the connector's, takes a proxy from the usual
/// variables of the context, and sends again by its own rules.
///
/// # Errors
/// Those of issuing; refused for an endpoint that is asked in clear and is not on this machine, and for a connection
/// string with a key.
impl Offers<BlobContainerClient> for BlobContainer {
    async fn offer(handle: Handle<Self>) -> Result<BlobContainerClient> {
        client(handle.into_source()).await
    }
}

/// Issues once, so that a connector that gives nothing is told here and not at the first request.
async fn client(source: Source<AzureCredential>) -> Result<BlobContainerClient> {
    let cx = source.context();
    let place = PlaceOfUse::of(&source.issue().await?.credential)?;
    let http = http_client(&cx, Trusted::read(place.ca_bundle.as_deref(), &cx)?)?;
    let url = place.url()?;
    let client_options = ClientOptions {
        per_try_policies: vec![Arc::new(Signs { source, place })],
        transport: Some(Transport::new(Arc::new(Quiet(http)))),
        ..ClientOptions::default()
    };
    let options = BlobContainerClientOptions { client_options, ..BlobContainerClientOptions::default() };
    BlobContainerClient::new(url, None, Some(options))
        .map_err(|_| Error::unexpected("Azure's client of Blob Storage cannot be built"))
}

/// Where a signature is used: one for another place is not for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PlaceOfUse {
    endpoint: String,
    container: String,
    ca_bundle: Option<String>,
}

impl PlaceOfUse {
    fn of(credential: &AzureCredential) -> Result<Self> {
        let missing = || Error::unexpected("the signature does not say what it is for");
        signature(credential)?;
        Ok(Self {
            endpoint: credential.endpoint.clone().ok_or_else(missing)?,
            container: credential.container.clone().ok_or_else(missing)?,
            ca_bundle: credential.ca_bundle.clone(),
        })
    }

    /// The container's URL. A signature stands in every request, so it goes in clear to this machine alone.
    fn url(&self) -> Result<Url> {
        let wrong = || Error::unexpected("the endpoint of the storage account is no URL");
        let mut url = Url::parse(&self.endpoint).map_err(|_| wrong())?;
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().push(&self.container);
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match url.scheme() == "https" || is_here {
            true => Ok(url),
            false => Err(Error::refused("a client of Blob Storage speaks in clear with this machine alone")
                .with_hint("give the storage account an endpoint with https")),
        }
    }
}

fn signature(credential: &AzureCredential) -> Result<&connector_core::Secret> {
    match &credential.shown {
        Shown::Signature(signature) => Ok(signature),
        Shown::Token { .. } | Shown::ConnectionString(_) => {
            Err(Error::refused("the credential is no signature for a container"))
        }
    }
}

/// Puts the signature of now into a request.
#[derive(Debug)]
struct Signs {
    source: Source<AzureCredential>,
    place: PlaceOfUse,
}

impl Signs {
    async fn issue(&self) -> Result<Arc<Issued<AzureCredential>>> {
        let issued = self.source.issue().await?;
        if PlaceOfUse::of(&issued.credential)? != self.place {
            return Err(Error::refused(
                "the connector was changed to another storage account, endpoint or `ca_bundle`",
            )
            .with_hint("make a new client: this one still goes to the old place"));
        }
        Ok(issued)
    }
}

#[async_trait]
impl Policy for Signs {
    async fn send(&self, cx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let issued = self.issue().await.map_err(told)?;
        let signature = signature(&issued.credential).map_err(told)?;
        let (last, rest) =
            next.split_first().ok_or_else(|| told(Error::unexpected("nothing would be sent")))?;
        let unsigned = request.url().clone();
        let query = match unsigned.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{query}&{}", signature.expose()),
            None => signature.expose().to_owned(),
        };
        request.url_mut().set_query(Some(&query));
        let answer = last.send(cx, request, rest).await;
        // The same request is sent again after some answers, and then with what the source has by then.
        *request.url_mut() = unsigned;
        if answer.as_ref().is_ok_and(is_taken_no_more) {
            self.source.refused(&issued);
        }
        answer
    }
}

/// Whether an answer says that the signature itself is wrong: its key was revoked, say.
fn is_taken_no_more(answer: &AsyncRawResponse) -> bool {
    let code = answer.headers().get_optional_str(&HeaderName::from_static("x-ms-error-code"));
    u16::from(answer.status()) == 403 && code == Some("AuthenticationFailed")
}

/// HTTP whose errors do not name the URL, where the signature stands.
#[derive(Debug)]
struct Quiet(reqwest::Client);

#[async_trait]
impl HttpClient for Quiet {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let answer = self.0.execute_request(request).await;
        answer.map_err(|error| {
            let host = request.url().host_str().unwrap_or_default();
            let kind = match error.kind() {
                ErrorKind::Connection => ErrorKind::Connection,
                _ => ErrorKind::Io,
            };
            azure_core::Error::with_message(kind, format!("{host} does not answer"))
        })
    }
}

/// A client that follows nobody elsewhere, with the signature in its hands.
fn http_client(cx: &connector_core::Context, trust: Option<Trusted>) -> Result<reqwest::Client> {
    let unreadable = || Error::field("ca_bundle", "holds a certificate that cannot be read");
    let certificates = match &trust {
        Some(trust) => Certificate::from_pem_bundle(&trust.pem).map_err(|_| unreadable())?,
        None => Vec::new(),
    };
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let builder = proxy(cx)?.into_iter().fold(builder, reqwest::ClientBuilder::proxy);
    let builder = certificates.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    builder.build().map_err(|_| unreadable())
}

/// Hosts that no proxy can reach for us.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The proxy of the usual variables, small letters first.
fn proxy(cx: &connector_core::Context) -> Result<Option<Proxy>> {
    let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let Some((name, url)) = names.iter().find_map(|name| Some((name, cx.var(name)?))) else {
        return Ok(None);
    };
    let direct = cx.var("no_proxy").or_else(|| cx.var("NO_PROXY")).unwrap_or_default();
    let proxy = Proxy::all(url).map_err(|_| Error::invalid(format!("{name} is not the URL of a proxy")))?;
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&format!("{LOOPBACK},{direct}")))))
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
