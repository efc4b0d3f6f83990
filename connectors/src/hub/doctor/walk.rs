//! The walk along the chain of one connector: hop by hop, to the first that fails.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use connector_core::{
    AnyConnector, Connectors, Context, Document, Error, ErrorKind, Grant, Origin, OriginState, Result,
    format_duration, format_time,
};
use futures_util::future::{Either, select};

use super::super::Hub;
use super::super::open::check_usable;
use super::super::reach::{Reached, all_failed};
use super::around::{Anew, Seen};
use super::findings::Parsed;
use super::{Chain, Hop, HopState, Link, Probe};

/// What a walk is made with.
pub(super) struct Walk<'a> {
    pub(super) hub: &'a Hub,
    /// The world that is bounded, and asks nobody.
    pub(super) cx: Context,
    pub(super) seen: Arc<Seen>,
    pub(super) others: Anew,
    pub(super) probe: &'a Probe,
}

/// What a walk saw.
pub(super) struct Walked {
    pub(super) chain: Chain,
    pub(super) document: Option<Document>,
    pub(super) parsed: Option<Parsed>,
}

/// A hop that was made: what came of it, and what to say.
struct Made<T>(T, HopState, String);

impl<T> Made<T> {
    fn good(value: T, detail: impl Into<String>) -> Self {
        Self(value, HopState::Good, detail.into())
    }

    fn not_needed(value: T, detail: impl Into<String>) -> Self {
        Self(value, HopState::NotNeeded, detail.into())
    }
}

/// The hops so far.
struct Hops(Vec<Hop>);

impl Hops {
    /// Keeps a hop; nothing comes after one that failed.
    fn keep<T>(&mut self, link: Link, made: Result<Made<T>>) -> Option<T> {
        match made {
            Ok(Made(value, state, detail)) => {
                self.0.push(Hop::new(link, state, detail));
                Some(value)
            }
            Err(error) => {
                self.0.push(Hop::failed(link, error));
                None
            }
        }
    }
}

impl Walk<'_> {
    /// Walks as far as it goes.
    pub(super) async fn walk(&self, name: &str) -> Walked {
        let mut hops = Hops(Vec::new());
        let (mut document, mut connector, mut narrows) = (None, None, None);
        let _ = self.links(name, &mut hops, &mut document, &mut connector, &mut narrows).await;
        let mut chain = Chain::new(name, hops.0);
        for hop in &mut chain.hops {
            hop.error = hop.error.take().map(|error| error.with_connector(name));
        }
        chain.kind = document.as_ref().map(|it: &Document| (it.connector_type.clone(), it.method.clone()));
        let parsed = connector.map(|connector: AnyConnector| {
            let (_, about, ends) = connector.method(&self.cx);
            let hands_on_secret = connector.hands_on_secret();
            connector.end();
            Parsed { about, ends, hands_on_secret, narrows }
        });
        Walked { chain, document, parsed }
    }

    async fn links(
        &self,
        name: &str,
        hops: &mut Hops,
        seen_document: &mut Option<Document>,
        seen_connector: &mut Option<AnyConnector>,
        narrows: &mut Option<bool>,
    ) -> Option<()> {
        let opened = &self.hub.opened;
        let home = opened.store.directory().display().to_string();
        hops.keep(Link::Store, Ok(Made::good((), home)));
        let read = opened.document(name).await;
        seen_document.clone_from(&read.as_ref().ok().cloned());
        let document = hops.keep(Link::Document, read.and_then(|it| self.document(it)))?;
        let connector = hops.keep(Link::Secrets, self.secrets(&document).await)?;
        *seen_connector = Some(connector.clone());
        let usable = check_usable(&document, self.cx.now());
        hops.keep(Link::State, usable.map(|()| Made::good((), until(&document))))?;
        hops.keep(Link::Switch, self.switch(&document, &connector))?;
        hops.keep(Link::Source, self.source(&document).await)?;
        let origins = connector.origins(&self.cx);
        let before = self.seen.calls();
        let authenticated = self.within(connector.authenticate(&self.cx)).await;
        // Where nothing that works is set up no call is made, and what is said is about that.
        let works = |it: &Origin| it.state != OriginState::Broken;
        let is_bare = !origins.is_empty() && !origins.iter().find(|it| tells(it)).is_some_and(works);
        match &authenticated {
            Err(error) if is_bare => {
                hops.0.push(Hop { origins, ..Hop::failed(Link::Identity, error.clone()) });
                return None;
            }
            _ => hops.0.push(identity(origins, &self.lenders(&document).unwrap_or_default())),
        }
        let calls = self.seen.calls() - before;
        hops.keep(
            Link::Authenticate,
            authenticated.map(|()| match calls {
                0 => Made::good((), "no call is needed: what it holds is used as it is"),
                1 => Made::good((), "the provider took it, in 1 call"),
                calls => Made::good((), format!("the provider took it, in {calls} calls")),
            }),
        )?;
        let reached = self.within(self.reach(&document, &connector, narrows)).await;
        hops.keep(Link::Reach, reached)
    }

    /// Fits what is compiled in. The switch is a hop of its own.
    fn document(&self, document: Document) -> Result<Made<Document>> {
        self.hub.registry().check(&document, &self.cx.with_implicit(true))?;
        let mut said = format!("{} {}", document.connector_type, document.method);
        for word in [&document.resource_type, &document.resource_id].into_iter().flatten() {
            said.push_str(&format!(", {word}"));
        }
        Ok(Made::good(document, said))
    }

    /// Its secrets open, and with them its config is whole.
    async fn secrets(&self, document: &Document) -> Result<Made<AnyConnector>> {
        let own = self.hub.opened.store.secrets(document).await?;
        let count = own.len();
        let connector = self.hub.opened.parse(document, own).await?;
        Ok(match count {
            0 => Made::good(connector, "it holds none of its own; the master key fits"),
            1 => Made::good(connector, "1 opens with the master key"),
            count => Made::good(connector, format!("{count} open with the master key")),
        })
    }

    fn switch(&self, document: &Document, connector: &AnyConnector) -> Result<Made<()>> {
        if !connector.method(&self.cx).1.implicit {
            return Ok(Made::not_needed((), format!("method `{}` needs none", document.method)));
        }
        self.hub.registry().check(document, &self.cx)?;
        Ok(Made::good((), "methods that use the identity of this machine are switched on"))
    }

    /// Everyone that it takes its identity or secrets from is there, may be used, and authenticates where his
    /// identity is taken; the farthest first, since the others need him.
    async fn source(&self, document: &Document) -> Result<Made<()>> {
        self.hub.check_references(document).await?;
        let family = self.hub.opened.family(document).await?;
        if family.len() == 1 {
            return Ok(Made::not_needed((), "it takes nothing from another connector"));
        }
        let mut lending = BTreeSet::new();
        for member in &family {
            lending.append(&mut self.lenders(member)?);
        }
        let mut said = Vec::new();
        for member in family.iter().skip(1).rev() {
            let looked_at = async {
                self.hub.registry().check(member, &self.cx)?;
                check_usable(member, self.cx.now())?;
                let connector = self.others.open(&self.cx, &member.name).await?;
                if lending.contains(&member.name) {
                    self.within(connector.authenticate(&self.cx)).await?;
                }
                Ok(())
            };
            looked_at.await.map_err(|error: Error| {
                error
                    .with_connector(&*member.name)
                    .context(format!("connector `{}`, which it depends on, does not work", member.name))
                    .or_hint(format!("`connector doctor {}` looks at that one", member.name))
            })?;
            said.push(match lending.contains(&member.name) {
                true => format!("`{}` authenticates", member.name),
                false => format!("`{}` lends a secret", member.name),
            });
        }
        said.reverse();
        Ok(Made::good((), said.join(", ")))
    }

    /// Those that lend a connector their identity, and not only a secret.
    fn lenders(&self, document: &Document) -> Result<BTreeSet<String>> {
        let fields = self.hub.registry().fields(&document.connector_type, &document.method)?;
        let named = fields.iter().filter(|it| it.connector.is_some());
        let named = named.filter_map(|it| document.config.get(&it.name)?.as_str());
        Ok(named.map(str::to_owned).collect())
    }

    /// What it is for is reached: one resource, one type of them, or whatever there is.
    async fn reach(
        &self,
        document: &Document,
        connector: &AnyConnector,
        narrows: &mut Option<bool>,
    ) -> Result<Made<()>> {
        let (hub, cx) = (self.hub, &self.cx);
        let rows = match (&document.resource_type, &document.resource_id) {
            (Some(_), Some(_)) => {
                let grant = hub.opened.complete(document, Grant::default())?;
                let handle = connector.resource(cx, grant.clone()).await?;
                *narrows = Some(handle.narrows());
                vec![hub.reach_one(cx, document, connector, grant).await?.0]
            }
            (Some(resource_type), None) => {
                let listing =
                    hub.look_at(cx, document, connector, resource_type).await.and_then(all_failed)?;
                vec![Reached {
                    connector: document.name.clone(),
                    connector_type: document.connector_type.clone(),
                    resource_type: resource_type.clone(),
                    listing: Ok(listing),
                }]
            }
            _ => hub.list_types(cx, document, connector).await?,
        };
        Ok(Made::good((), summary(&rows)))
    }

    /// An attempt within some calls' time: whoever pages or looks in many places has to end, too.
    async fn within<T>(&self, attempt: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.probe.attempt();
        let clock = self.cx.clock();
        match select(pin!(attempt), pin!(clock.sleep(limit))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(out_of_time(limit)),
        }
    }
}

fn out_of_time(limit: Duration) -> Error {
    Error::unreachable(format!("it came to no end within {}", format_duration(limit)))
        .with_hint("`--timeout` gives each call more time, and `connector verify NAME` waits for longer")
}

/// Whether a place says where the identity comes from, or that none will.
fn tells(origin: &Origin) -> bool {
    matches!(origin.state, OriginState::Used | OriginState::Broken | OriginState::Asked)
}

/// S59: which place won.
fn identity(origins: Vec<Origin>, lenders: &BTreeSet<String>) -> Hop {
    let lender = lenders.first().map(|it| format!("connector `{it}`"));
    let (state, detail) = match (origins.iter().find(|it| tells(it)), lender) {
        (Some(it), _) => (HopState::Good, format!("{}: {}", it.place, it.detail)),
        (None, Some(lender)) => (HopState::Good, lender),
        (None, None) => {
            (HopState::NotNeeded, "what the connector holds; nothing else is looked at".to_owned())
        }
    };
    Hop { origins, ..Hop::new(Link::Identity, state, detail) }
}

fn until(document: &Document) -> String {
    match document.expires_at {
        Some(end) => format!("enabled, until {}", format_time(end)),
        None => "enabled".to_owned(),
    }
}

/// What is reached, in numbers.
fn summary(rows: &[Reached]) -> String {
    if let [Reached { listing: Ok(listing), resource_type, .. }] = rows
        && let [only] = listing.ids.as_slice()
    {
        return format!("{resource_type} {only}");
    }
    let told = rows.iter().map(|row| match &row.listing {
        Ok(listing) => format!("{} {}", listing.ids.len(), row.resource_type),
        Err(error) => {
            let why = match error.kind() {
                ErrorKind::NotFound => "none there",
                ErrorKind::Refused => "not allowed",
                _ => "failed",
            };
            format!("{} {why}", row.resource_type)
        }
    });
    told.collect::<Vec<_>>().join(", ")
}
