//! What the AWS SDK for Rust takes: a configuration whose credentials come from a source, and clients made
//! from it. They follow the source for as long as they live.

use std::fmt;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::config::{BehaviorVersion, IdentityCache};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider as Tls, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector as HttpConnector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use connector_core::{Builds, Context, Error, Result, Source, Trusted};
#[cfg(any(feature = "s3", feature = "secrets"))]
use connector_core::{Handle, Offers};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::credential::AwsCredential;
#[cfg(feature = "s3")]
use crate::resource::S3Bucket;
#[cfg(feature = "secrets")]
use crate::resource::StoredSecret;
use crate::session::time_source;
use crate::wire::Wait;

/// Region, endpoint and trusted certificates are those of the credential that is issued now; the keys are
/// asked for anew with every request. Nothing is read from the surroundings: proxies, files and the time
/// come from the context.
impl Builds<SdkConfig> for AwsCredential {
    async fn build(source: Source<Self>) -> Result<SdkConfig> {
        let issued = source.issue().await?;
        let cx = source.context();
        let place = PlaceOfUse::of(&issued.credential);
        let PlaceOfUse { region, endpoint_url, ca_bundle } = place.clone();
        let trusted = Trusted::read(ca_bundle.as_deref(), &cx)?;
        let tls = trusted.map(|it| tls_context(&it.pem)).transpose()?.unwrap_or_default();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(FromSource { source, place }))
            // The source is the cache, and it is the one that hears of a connector that was changed or
            // disabled: another cache in front of it would go on with what it holds.
            .identity_cache(IdentityCache::no_cache())
            .http_client(https(proxy(&cx, endpoint_url.as_deref())?, tls))
            .time_source(time_source(&cx))
            .sleep_impl(Wait(cx.clock()));
        config.set_endpoint_url(endpoint_url);
        Ok(config.build())
    }
}

/// Buckets are paths at an endpoint of one's own, and hosts at AWS.
#[cfg(feature = "s3")]
impl Offers<aws_sdk_s3::Client> for S3Bucket {
    async fn offer(handle: Handle<Self>) -> Result<aws_sdk_s3::Client> {
        let config = AwsCredential::build(handle.into_source()).await?;
        let path_style = config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(path_style).build();
        Ok(aws_sdk_s3::Client::from_conf(config))
    }
}

#[cfg(feature = "secrets")]
impl Offers<aws_sdk_secretsmanager::Client> for StoredSecret {
    async fn offer(handle: Handle<Self>) -> Result<aws_sdk_secretsmanager::Client> {
        Ok(aws_sdk_secretsmanager::Client::new(&AwsCredential::build(handle.into_source()).await?))
    }
}

/// A source as the SDK's credentials provider. Its errors are the source's, text and all.
struct FromSource {
    source: Source<AwsCredential>,
    /// Where the client was built to go: keys for another place are not for it.
    place: PlaceOfUse,
}

/// Where a credential is used, and who is trusted there.
#[derive(Clone, PartialEq, Eq)]
struct PlaceOfUse {
    region: String,
    endpoint_url: Option<String>,
    ca_bundle: Option<String>,
}

impl PlaceOfUse {
    fn of(credential: &AwsCredential) -> Self {
        Self {
            region: credential.region.clone(),
            endpoint_url: credential.endpoint_url.clone(),
            ca_bundle: credential.ca_bundle.clone(),
        }
    }
}

impl ProvideCredentials for FromSource {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

impl FromSource {
    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let issued = self.source.issue().await.map_err(CredentialsError::provider_error)?;
        if PlaceOfUse::of(&issued.credential) != self.place {
            let moved =
                Error::refused("the connector was changed to another region, endpoint or `ca_bundle`")
                    .with_hint("make a new client: this one still goes to the old place");
            return Err(CredentialsError::provider_error(moved));
        }
        Ok(issued.credential.to_sdk(&issued.expiry))
    }
}

impl fmt::Debug for FromSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromSource")
    }
}

/// The SDK's own HTTPS client, which streams, with a proxy that is said here instead of read from the
/// environment.
fn https(proxy: ProxyConfig, tls: TlsContext) -> SharedHttpClient {
    HttpBuilder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = HttpConnector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|it| it.sleep_impl()));
        connector.set_proxy_config(Some(proxy.clone()));
        connector.tls_provider(Tls::Rustls(CryptoMode::AwsLc)).tls_context(tls.clone()).build()
    })
}

/// Trusts certificates beside the system's. The SDK panics on those that it cannot read, at the first
/// request, so they are read here before.
fn tls_context(pem: &[u8]) -> Result<TlsContext> {
    let unreadable = || Error::field("ca_bundle", "holds a certificate that cannot be read");
    let mut readable = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        readable.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
    }
    if readable.is_empty() {
        return Err(Error::field("ca_bundle", "holds no PEM certificate"));
    }
    let store = TrustStore::default().with_pem_certificate(pem);
    TlsContext::builder().with_trust_store(store).build().map_err(|_| unreadable())
}

/// Hosts that no proxy can reach for us.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The proxy of the usual variables for the scheme that is used, small letters first.
fn proxy(cx: &Context, endpoint_url: Option<&str>) -> Result<ProxyConfig> {
    // `HTTP_PROXY` is left out: a CGI program gets it from whoever calls it.
    let names = match endpoint_url {
        Some(url) if url.starts_with("http:") => ["http_proxy", "all_proxy", "ALL_PROXY"].as_slice(),
        _ => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let Some((name, url)) = names.iter().find_map(|name| Some((name, cx.var(name)?))) else {
        return Ok(ProxyConfig::disabled());
    };
    let direct = cx.var("no_proxy").or_else(|| cx.var("NO_PROXY")).unwrap_or_default();
    let proxy =
        ProxyConfig::all(url).map_err(|_| Error::invalid(format!("{name} is not the URL of a proxy")))?;
    Ok(proxy.no_proxy(format!("{LOOPBACK},{direct}")))
}

#[cfg(all(test, feature = "s3", feature = "secrets"))]
#[path = "native_tests.rs"]
mod tests;
