//! The AWS SDK on our ports: its requests go through [`Http`](connector_core::Http), its time and its waiting
//! through [`Clock`], and nothing comes from the surroundings.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Task, Poll};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::config::{
    BehaviorVersion, IdentityCache, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region as SdkRegion;
use connector_core::{Clock, Context, Error, ErrorKind, Request, Response, Secret};

use crate::session::{Keys, Place};

mod patience;

/// By so much the SDK's own limit is later than ours, whose error says which host did not answer.
const GRACE: Duration = Duration::from_secs(1);

/// A configuration for our own calls, with all that they use said here. Without keys, calls are not signed.
pub(crate) fn config(cx: &Context, place: &Place, keys: Option<&Keys>, region: SdkRegion) -> SdkConfig {
    observed(cx, place, keys, region).0
}

/// As [`config`], with a look at the clock of the other side.
pub(crate) fn observed(
    cx: &Context,
    place: &Place,
    keys: Option<&Keys>,
    region: SdkRegion,
) -> (SdkConfig, Observed) {
    let observed = Observed::default();
    let client = Client {
        cx: cx.clone(),
        trust: place.trust.as_ref().map(|it| Arc::clone(&it.pem)),
        observed: observed.clone(),
    };
    let timeouts = TimeoutConfig::builder().operation_timeout(cx.call_limit().saturating_add(GRACE)).build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .http_client(client)
        .time_source(Time(cx.clock()))
        .sleep_impl(Wait(cx.clock()))
        // What may pass is sent again below, by [`patience`].
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        // Keys are given for one use; a cache would only wait on its own deadline.
        .identity_cache(IdentityCache::no_cache())
        // Answers come whole, so there is no stream that could stall.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // A wrong clock is named, not worked around: the programs that use what is issued cannot do that.
        .disable_clock_skew_correction(true);
    if let Some(keys) = keys {
        config = config.credentials_provider(SharedCredentialsProvider::new(Given(sendable(keys))));
    }
    if let Some(url) = &place.endpoint_url {
        config = config.endpoint_url(url.as_str());
    }
    (config.build(), observed)
}

/// Keys for one use, or none: then no call is made.
#[derive(Debug)]
struct Given(Option<Credentials>);

impl ProvideCredentials for Given {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let refused = || CredentialsError::invalid_configuration("no header takes them");
        future::ProvideCredentials::ready(self.0.clone().ok_or_else(refused))
    }
}

/// Keys as the SDK takes them. It panics on what can stand in no header, so that is refused before.
fn sendable(keys: &Keys) -> Option<Credentials> {
    let token = keys.session_token.as_ref();
    let is_sent = [Some(&keys.access_key_id), token].into_iter().flatten();
    is_sent.map(Secret::expose).all(|it| it.bytes().all(|it| it.is_ascii_graphic())).then(|| {
        Credentials::new(
            keys.access_key_id.expose(),
            keys.secret_access_key.expose(),
            token.map(|token| token.expose().to_owned()),
            None,
            "connector",
        )
    })
}

/// The time by the clock of the other side, as the last answer's `Date` gave it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed(Arc<Mutex<Option<SystemTime>>>);

impl Observed {
    /// When the last answer was given, by the clock of who gave it.
    pub(crate) fn provider_now(&self) -> Option<SystemTime> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, response: &Response) {
        if let Some(date) = response.date() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(date);
        }
    }
}

/// A clock as the SDK's time.
pub(crate) struct Time(pub(crate) Arc<dyn Clock>);

impl TimeSource for Time {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

/// A clock as the SDK's way to wait.
pub(crate) struct Wait(pub(crate) Arc<dyn Clock>);

impl AsyncSleep for Wait {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = Arc::clone(&self.0);
        Sleep::new(Shared(Mutex::new(Box::pin(async move { clock.sleep(duration).await }))))
    }
}

/// The SDK wants a future that is `Sync`; those of a [`Clock`] need not be.
struct Shared(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Future for Shared {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(task)
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wait")
    }
}

/// [`Http`](connector_core::Http) as the SDK's client: bodies are whole on both ways.
#[derive(Clone)]
struct Client {
    cx: Context,
    trust: Option<Arc<[u8]>>,
    observed: Observed,
}

impl HttpClient for Client {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(request) = self.to_port(&request) else {
            // Only uploads have bodies that come in parts, and we make none.
            let error = Error::unexpected("a request to AWS has a body that does not come whole");
            return HttpConnectorFuture::ready(Err(ConnectorError::user(Box::new(error))));
        };
        let Self { cx, observed, .. } = self.clone();
        HttpConnectorFuture::new(async move {
            let response = cx.send_patiently(request, patience::of_aws()).await.map_err(to_sdk_error)?;
            observed.note(&response);
            to_sdk_response(&response)
        })
    }
}

impl Client {
    fn to_port(&self, request: &HttpRequest) -> Option<Request> {
        let mut out = Request::new(request.method(), request.uri()).with_body(request.body().bytes()?);
        for (name, value) in request.headers() {
            out = out.with_header(name, value);
        }
        if let Some(trust) = &self.trust {
            out = out.with_trust(Arc::clone(trust));
        }
        Some(out)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// Keeps our error, for [`crate::error`] to find.
fn to_sdk_error(error: Error) -> ConnectorError {
    if error.kind() == ErrorKind::Unreachable {
        ConnectorError::io(Box::new(error))
    } else {
        ConnectorError::other(Box::new(error), None)
    }
}

fn to_sdk_response(response: &Response) -> Result<HttpResponse, ConnectorError> {
    let garbage = || to_sdk_error(Error::unreachable("the answer is not HTTP as AWS speaks it"));
    let status = response.status().try_into().map_err(|_| garbage())?;
    let mut out = HttpResponse::new(status, SdkBody::from(response.body()));
    for (name, value) in response.headers() {
        out.headers_mut().try_append(name.clone(), value.clone()).map_err(|_| garbage())?;
    }
    Ok(out)
}
