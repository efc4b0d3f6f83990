//! The doctor: walks the chain from the stored document to the resource, names the first hop that fails with its fix,
//! and finds what is set up less safely than it could be.
//!
//! Nothing is changed and nothing is minted: the chain ends where the provider took the identity and what the connector
//! is for is reached, as verifying does. Every call is bounded, those to metadata services all together.

mod around;
mod findings;
mod hop;
pub mod rule;
#[cfg(test)]
mod tests;
mod walk;

use std::time::Duration;

use connector_core::{Document, Result, format_duration};
use connector_store::Filter;
use futures_util::stream::{self, StreamExt};

pub use hop::{Chain, Hop, HopState, Link};
pub use rule::{Finding, Rule, Severity};

use super::Hub;
use super::ports::Port;
use super::reach::SIDE_BY_SIDE;
use around::{Anew, Bounded, Nobody, Renewals, Skew};
use findings::Subject;
use walk::{Walk, Walked};

/// How connectors are looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Probe {
    /// How long one call to a provider may take, with all that is sent again for it.
    pub call: Duration,
    /// How long all calls for one connector to metadata services may take together.
    pub metadata: Duration,
    /// The longest life that what is issued may have.
    pub max_lifetime: Duration,
    /// An end within this time is soon.
    pub ends_within: Duration,
}

impl Default for Probe {
    /// 5 seconds for a call, 1 for metadata services; a life of 12 hours, and an end within 7 days.
    fn default() -> Self {
        Self {
            call: Duration::from_secs(5),
            metadata: Duration::from_secs(1),
            max_lifetime: Duration::from_secs(12 * 3600),
            ends_within: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl Probe {
    /// Gives each call this long.
    #[must_use]
    pub fn with_call(mut self, call: Duration) -> Self {
        self.call = call;
        self
    }

    /// Allows this life.
    #[must_use]
    pub fn with_max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.max_lifetime = max_lifetime;
        self
    }

    /// An attempt is some calls and the pauses between them.
    fn attempt(&self) -> Duration {
        self.call.saturating_mul(3)
    }
}

/// What the doctor says about one connector.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Its document, where that could be read.
    pub document: Option<Document>,
    /// How far it gets.
    pub chain: Chain,
    /// What was found beside that.
    pub findings: Vec<Finding>,
}

impl Hub {
    /// Looks at one connector. What stands in its way is in the answer; one that does not exist fails at its document.
    pub async fn diagnose(&self, name: &str, probe: &Probe) -> Diagnosis {
        self.examine(name, probe, Anew::new(&self.opened)).await
    }

    /// Looks at every connector, side by side: as slow as the slowest.
    ///
    /// # Errors
    /// Those of the store; what stands in the way of one connector is in its own answer.
    pub async fn diagnose_all(&self, probe: &Probe) -> Result<Vec<Diagnosis>> {
        let documents = self.list(&Filter::default()).await?;
        let others = Anew::new(&self.opened);
        let all = documents.into_iter().map(|document| {
            let others = others.clone();
            async move { self.examine(&document.name, probe, others).await }
        });
        Ok(stream::iter(all).buffered(SIDE_BY_SIDE).collect().await)
    }

    async fn examine(&self, name: &str, probe: &Probe, others: Anew) -> Diagnosis {
        let (http, seen) = Bounded::new(&self.cx, probe.call, probe.metadata);
        let cx = self
            .cx
            .with_http(http)
            .with_call_limit(probe.call)
            .with_deadline(probe.attempt())
            .with_person(Nobody)
            .with_connectors(others.clone())
            .with_kept(Renewals::new(Port::new(self.opened.clone())));
        let walk = Walk { hub: self, cx, seen: seen.clone(), others, probe };
        let Walked { chain, document, parsed } = walk.walk(name).await;
        let mut findings = document.as_ref().map_or_else(Vec::new, |document| {
            let subject = Subject {
                registry: self.registry(),
                document,
                method: parsed,
                implicit: self.cx.implicit(),
                now: self.now(),
            };
            findings::judge(&subject, probe)
        });
        findings.extend(seen.skew().map(|skew| clock(&skew).of(name)));
        Diagnosis { document, chain, findings }
    }
}

fn clock(Skew { apart, ahead, origin }: &Skew) -> Finding {
    let which = if *ahead { "ahead of" } else { "behind" };
    Finding::new(
        &rule::CLOCK,
        format!("the clock of this machine is {} {which} that of {origin}", format_duration(*apart)),
    )
}
