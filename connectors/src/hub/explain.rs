//! Why a credential is what it is: what is sent for it, what it carries, what bounds its life.

use std::time::{Duration, SystemTime};

use connector_core::{Document, Envelope, Error, Grant, Origin, Result, Step, Trust, Withheld};
use connector_store::Lookup;

use super::Hub;

/// What `explain` tells about one grant of one connector.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The connector.
    pub connector: String,
    /// Its type.
    pub connector_type: String,
    /// Its auth method.
    pub method: String,
    /// The grant with everything that parsing and completing found.
    pub grant: Grant,
    /// The requests that minting sends, without secrets: byte for byte what is sent.
    pub steps: Vec<Step>,
    /// The provider's permissions that a narrowed credential carries; empty when that is all that the
    /// connector may.
    pub permissions: Vec<&'static str>,
    /// What a narrowed credential does not carry of its resource type's permissions, and why.
    pub withheld: Vec<Withheld>,
    /// What the method narrows by with this config; `None` when by nothing.
    pub method_narrows: Option<&'static str>,
    /// What narrows a credential for this resource type, in words.
    pub narrows: String,
    /// Every bound of the life; the shortest one decides.
    pub lifetime: Vec<LifetimeBound>,
    /// Connectors that this one takes its identity or secrets from.
    pub sources: Vec<String>,
    /// The places that the method looks at for its identity, with what is there now; empty for a method whose
    /// config holds all that it uses.
    pub origins: Vec<Origin>,
    /// What the cache holds for it.
    pub cache: CacheState,
    /// The native clients that can be made of it.
    pub clients: Vec<&'static str>,
}

/// One bound of a life.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifetimeBound {
    /// Who sets it.
    pub by: &'static str,
    /// How long from the mint on, if it is that kind of bound.
    pub duration: Option<Duration>,
    /// Until when, if it is that kind of bound.
    pub until: Option<SystemTime>,
    /// Whether it is the one that decides.
    pub decides: bool,
}

/// What the sealed cache holds for a grant.
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheState {
    /// Nothing.
    Empty,
    /// A credential that is used until `refresh_at`, and if need be until `expires_at`.
    Held {
        /// What it is, secrets included: show it hidden.
        envelope: Box<Envelope>,
        /// From here on a new one is fetched.
        refresh_at: SystemTime,
        /// From here on it is not used any more.
        expires_at: SystemTime,
    },
}

impl Hub {
    /// Explains a grant. Mints nothing; calls the provider only to complete a partial id.
    ///
    /// # Errors
    /// What would also keep it from being issued before any call.
    pub async fn explain(&self, name: &str, grant: Grant) -> Result<Explanation> {
        let explained = async {
            let document = self.usable(name).await?;
            let asked = grant.duration;
            let handle = self.handle(name, grant).await?;
            let grant = handle.grant();
            let place = self.place(&document, &grant).await?;
            let cache = match self.look(&place) {
                Lookup::Hit(entry) | Lookup::Stale(entry) => CacheState::Held {
                    envelope: Box::new(Envelope::from_json(entry.body.expose())?),
                    refresh_at: entry.refresh_at,
                    expires_at: entry.expires_at,
                },
                _ => CacheState::Empty,
            };
            let resource_type = grant.resource_type.clone().unwrap_or_default();
            let about = self.registry().describe_resource(&document.connector_type, &resource_type)?;
            let family = self.opened.family(&document).await?;
            let connector = self.opened.open(&self.cx, name).await?;
            let method_narrows = connector.method(&self.cx).1.narrows;
            Ok(Explanation {
                steps: handle.plan()?,
                permissions: handle.carried(),
                withheld: if method_narrows.is_some() { handle.withheld() } else { Vec::new() },
                method_narrows,
                origins: connector.origins(&self.cx),
                narrows: about.narrows,
                lifetime: self.bounds(&document, asked, about.max_seconds).await?,
                sources: family.into_iter().skip(1).map(|it| it.name).collect(),
                clients: handle.clients(),
                connector: document.name,
                connector_type: document.connector_type,
                method: document.method,
                grant,
                cache,
            })
        };
        explained.await.map_err(|error: Error| error.with_connector(name))
    }

    /// Whom the provider's owner has to trust for a connector to work.
    ///
    /// # Errors
    /// Those of the provider; a method for which that has no meaning.
    pub async fn trust(&self, name: &str) -> Result<Trust> {
        let trusted = async {
            let document = self.usable(name).await?;
            let trust = self.opened.open(&self.cx, name).await?.trust(&self.cx).await?;
            trust.ok_or_else(|| {
                Error::invalid(format!(
                    "method `{}` needs nobody's trust beside its own credential",
                    document.method
                ))
            })
        };
        trusted.await.map_err(|error: Error| error.with_connector(name))
    }

    async fn bounds(
        &self,
        document: &Document,
        asked: Option<Duration>,
        of_resource: Option<u64>,
    ) -> Result<Vec<LifetimeBound>> {
        let (_, method, source_ends) = self.opened.open(&self.cx, &document.name).await?.method(&self.cx);
        let bound = |by, duration, until| LifetimeBound { by, duration, until, decides: false };
        let mut bounds: Vec<_> = [
            asked.map(|it| bound("asked", Some(it), None)),
            document.duration.map(|it| bound("connector", Some(it), None)),
            method
                .lifetime
                .filter(|_| asked.or(document.duration).is_none())
                .map(|it| bound("method default", Some(it.default), None)),
            of_resource.map(|it| bound("resource type", Some(Duration::from_secs(it)), None)),
            document.expires_at.map(|it| bound("end of the connector", None, Some(it))),
            source_ends.map(|it| bound("end of the stored credential", None, Some(it))),
        ]
        .into_iter()
        .flatten()
        .collect();
        let now = self.now();
        let ends =
            |it: &LifetimeBound| it.until.or(it.duration.and_then(|duration| now.checked_add(duration)));
        if let Some(first) = bounds.iter_mut().min_by_key(|it| ends(it)) {
            first.decides = true;
        }
        Ok(bounds)
    }
}
