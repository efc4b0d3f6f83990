//! Where the machine gives tokens, as its variables say.

use std::net::{IpAddr, Ipv4Addr};

use connector_core::{Context, EndpointUrl, Error, Result, Secret};

use crate::names::Service;
use crate::session::Place;

pub(super) const ENDPOINT: &str = "IDENTITY_ENDPOINT";
pub(super) const HEADER: &str = "IDENTITY_HEADER";
/// The older names: of Azure Machine Learning and of Cloud Shell.
const OLDER: &str = "MSI_ENDPOINT";

/// The mark of Azure's own machines on what their firmware tells.
const ASSET_TAG: &str = "/sys/class/dmi/id/chassis_asset_tag";
const AZURE: &str = "7783-7084-3265-9085-8269-3286-77";

/// An endpoint for tokens, and how it is talked to.
#[derive(Clone)]
pub(crate) enum Endpoint {
    /// The metadata service of virtual machines, or what stands in for it.
    Imds {
        url: String,
        /// It is known to be there: then no answer is an outage.
        sure: bool,
    },
    /// App Service, Functions, Container Apps.
    AppService { url: String, header: Secret },
    /// A machine elsewhere that Azure Arc knows.
    Arc { url: String },
}

impl Endpoint {
    /// The endpoint of this machine. One that the config names goes before what the machine says; one server for all
    /// services stands in for the metadata service alone.
    ///
    /// # Errors
    /// Variables of a platform that is not spoken to, or that name a host that may not be asked.
    pub(crate) fn of(cx: &Context, place: &Place) -> Result<Self> {
        let imds = |sure| Self::Imds { url: place.url(Service::Identity), sure };
        if place.endpoints.contains_key(&Service::Identity) {
            return Ok(imds(true));
        }
        if let Some(url) = cx.var(ENDPOINT) {
            if cx.var("IDENTITY_SERVER_THUMBPRINT").is_some() {
                return Err(foreign("Service Fabric", ENDPOINT));
            }
            if let Some(header) = cx.var(HEADER) {
                return Ok(Self::AppService { url: near(&url)?, header: Secret::new(header) });
            }
            return match cx.var("IMDS_ENDPOINT") {
                Some(_) => Ok(Self::Arc { url: of_arc(&url)? }),
                None => Err(Error::invalid(format!("{ENDPOINT} is set without {HEADER}"))
                    .with_hint(format!("unset {ENDPOINT}, or set what goes with it"))),
            };
        }
        if cx.var(OLDER).is_some() {
            return Err(foreign("Azure Machine Learning or Cloud Shell", OLDER));
        }
        Ok(imds(!place.is_elsewhere(Service::Identity) && is_azures(cx)))
    }

    /// The same for who knows that the machine has one.
    pub(crate) fn surely(mut self) -> Self {
        if let Self::Imds { sure, .. } = &mut self {
            *sure = true;
        }
        self
    }

    /// Whether it is known to be there.
    pub(crate) fn is_sure(&self) -> bool {
        !matches!(self, Self::Imds { sure: false, .. })
    }

    /// What is asked, for people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Imds { url, .. } => format!("the metadata service at {url}"),
            Self::AppService { .. } => format!("App Service, at the endpoint in {ENDPOINT}"),
            Self::Arc { .. } => format!("Azure Arc, at the endpoint in {ENDPOINT}"),
        }
    }

    /// What tells this machine's identity from another's, for the cache key.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Imds { url, .. } => format!("imds {url}"),
            Self::AppService { url, .. } => format!("app-service {url}"),
            Self::Arc { url } => format!("arc {url}"),
        }
    }
}

fn foreign(platform: &str, variable: &str) -> Error {
    Error::refused(format!("{variable} is that of {platform}, whose identity endpoint is not spoken to"))
        .with_hint("use `service-principal` or `workload-identity` there")
}

/// Whether this is a virtual machine of Azure's, by its firmware.
fn is_azures(cx: &Context) -> bool {
    cx.read_text(ASSET_TAG.as_ref()).is_ok_and(|tag| tag.trim() == AZURE)
}

/// An endpoint that may be told the machine's secret: https, or a host of this machine or its own network.
fn near(url: &str) -> Result<String> {
    let bare = url.split_once('?').map_or(url, |(bare, _)| bare);
    // App Service puts its own at link-local addresses.
    let link_local = bare.strip_prefix("http://").is_some_and(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let is_url = bare.bytes().all(|it| it.is_ascii_graphic() && !matches!(it, b'\\' | b'@' | b'#'));
        is_url && host.parse::<Ipv4Addr>().is_ok_and(|it| it.is_link_local())
    });
    if link_local || EndpointUrl::parse(bare).is_ok() && !url.contains('#') {
        return Ok(url.to_owned());
    }
    Err(not_near())
}

/// An endpoint that may be told what is in a file which only administrators read: this machine's alone.
fn of_arc(url: &str) -> Result<String> {
    let endpoint = EndpointUrl::parse(url).map_err(|_| not_near())?;
    if is_own(&endpoint) { Ok(url.to_owned()) } else { Err(not_near()) }
}

/// Whether a URL is one of this machine.
pub(crate) fn is_own(url: &EndpointUrl) -> bool {
    let authority = url.authority();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

fn not_near() -> Error {
    Error::refused(format!("{ENDPOINT} names a host that must not be asked for tokens of this machine"))
        .with_hint(format!("unset {ENDPOINT}, unless the platform set it: then it is a host of this machine"))
}
