//! The small ports, and what stands in for every port that a host did not plug in.

use std::path::Path;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::{Command, Commands, Context, Environment, Files, Http, Output, Request, Response, Terms};
use crate::{Access, AnyConnector, Error, Expiry, Narrowed, Result, Secret};

/// The time, and the waiting for it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> SystemTime;
    /// How much time has passed since a moment of the host's choice, whoever sets the time of day meanwhile; `None`
    /// where nothing counts that. With it what is held ends in time also on a clock that is set back.
    fn passed(&self) -> Option<Duration> {
        None
    }
    /// Waits. Used for deadlines and back-off only, never to keep something fresh.
    async fn sleep(&self, duration: Duration);
}

/// Other connectors, by name: the hub, seen from below.
#[async_trait]
pub trait Connectors: Send + Sync {
    /// Opens a connector as it is now.
    ///
    /// # Errors
    /// When there is none, or it is disabled or past its end.
    async fn open(&self, cx: &Context, name: &str) -> Result<AnyConnector>;

    /// Whether connectors are stored, where somebody else may change them: then sources look again, at most
    /// once a second.
    fn are_stored(&self) -> bool {
        true
    }
}

/// The person at the terminal.
#[async_trait]
pub trait Person: Send + Sync {
    /// Asks for something that is not shown while it is typed.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) when nobody is there.
    async fn ask(&self, question: &str) -> Result<Secret>;
    /// Whether somebody is there still. Who has left mends nothing, so that a refusal is remembered for a moment.
    fn is_there(&self) -> bool {
        true
    }
    /// Says something.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) when nobody is there.
    async fn tell(&self, text: &str) -> Result<()>;
    /// Opens a port of this machine, for a browser on it to come back to; any free one, or just this one.
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) when nobody is there with a browser,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the port is taken.
    async fn listen(&self, port: Option<u16>) -> Result<Box<dyn Redirect>> {
        let _ = port;
        Err(Error::refused("this needs a person with a browser on this machine, and nobody is there"))
    }
}

/// A port of this machine that a browser comes back to. It is closed when this is dropped.
#[async_trait]
pub trait Redirect: Send + Sync {
    /// Its number.
    fn port(&self) -> u16;
    /// Waits for the browser, tells it that it may be closed, and gives the query that it came with.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) when the port cannot be read any more.
    async fn query(&self) -> Result<Secret>;
}

/// What connectors keep between runs, sealed: the tokens of a login, say. Each sees its own only.
#[async_trait]
pub trait Kept: Send + Sync {
    /// What was kept under `key`.
    ///
    /// # Errors
    /// Those of the store.
    async fn kept(&self, connector_id: &str, key: &str) -> Result<Option<Secret>>;
    /// Keeps a value, in place of what was there.
    ///
    /// # Errors
    /// Those of the store.
    async fn keep(&self, connector_id: &str, key: &str, value: Secret) -> Result<()>;
    /// Keeps the login that a person made just now, in place of what was there, for the connector that `cx` is of.
    /// It may be another person than before: a host that stores connectors ends all that was issued so far.
    ///
    /// # Errors
    /// As [`keep`](Kept::keep).
    async fn keep_login(&self, cx: &Context, key: &str, value: Secret) -> Result<()> {
        self.keep(&cx.terms().id, key, value).await
    }
}

/// The audit of what is issued.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Records a mint durably, before the credential is released.
    ///
    /// # Errors
    /// When it could not be recorded: then the credential is not released.
    async fn record(&self, cx: &Context, mint: &Mint<'_>) -> Result<()>;
}

/// One mint, for the audit: who got what, when, narrowed how, until when. No secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mint<'a> {
    /// The connector: id, name, version; empty for one that is not stored.
    pub terms: &'a Terms,
    /// The credential's kind.
    pub kind: &'static str,
    /// The resource type.
    pub resource_type: &'static str,
    /// The canonical resource id.
    pub resource_id: &'a str,
    /// The part of it.
    pub within: Option<&'a str>,
    /// The access level.
    pub access: Access,
    /// How it was narrowed, or why not.
    pub narrowed: &'a Narrowed,
    /// When it ends, as advertised.
    pub expiry: &'a Expiry,
    /// Whether it is a long-lived secret.
    pub long_lived: bool,
}

/// Stands in for what was not plugged in: finds nothing, refuses the rest.
pub(super) struct Nothing;

fn absent(what: &str) -> Error {
    Error::not_configured(format!("this program gives its connectors no {what}"))
}

impl Environment for Nothing {
    fn var(&self, _: &str) -> Option<String> {
        None
    }
}

impl Files for Nothing {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        Err(Error::not_found(format!("no file {}", path.display())))
    }
}

#[async_trait]
impl Http for Nothing {
    async fn send(&self, _: Request) -> Result<Response> {
        Err(absent("network"))
    }
}

#[async_trait]
impl Commands for Nothing {
    async fn run(&self, _: Command) -> Result<Output> {
        Err(absent("programs to run"))
    }
}

#[async_trait]
impl Connectors for Nothing {
    async fn open(&self, _: &Context, name: &str) -> Result<AnyConnector> {
        Err(Error::not_found(format!("no connector `{name}`: this program has no store of connectors")))
    }

    fn are_stored(&self) -> bool {
        false
    }
}

#[async_trait]
impl Person for Nothing {
    async fn ask(&self, question: &str) -> Result<Secret> {
        Err(Error::refused(format!("nobody is there to be asked for the {question}")))
    }

    async fn tell(&self, _: &str) -> Result<()> {
        Err(Error::refused("this needs a person at a terminal, and nobody is there"))
    }
}

#[async_trait]
impl Kept for Nothing {
    async fn kept(&self, _: &str, _: &str) -> Result<Option<Secret>> {
        Ok(None)
    }

    async fn keep(&self, _: &str, _: &str, _: Secret) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Ledger for Nothing {
    async fn record(&self, _: &Context, _: &Mint<'_>) -> Result<()> {
        Ok(())
    }
}
