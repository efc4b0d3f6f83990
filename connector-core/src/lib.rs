#![doc = include_str!("../README.md")]

// What is said: values that every other module speaks of.
mod about;
mod document;
mod error;
mod explained;
mod grant;
mod issued;
mod secret;
mod time;

// What authors implement, and what they are given to do it.
pub mod agent;
mod base;
mod ca_bundle;
mod checked;
mod context;
mod contract;
mod credential;
mod endpoint;
mod envelope;
mod given;
mod key_prefix;
mod reading;
pub mod schema;
mod secret_reader;
mod timestamp;

// What holds it together: cells that refresh, connectors in use, the registry.
mod connector;
mod handle;
mod refresh;
mod registry;
mod shelf;
mod standing;

pub use about::{ConnectorAbout, Identity, Life, Lifetime, MethodAbout, ResourceAbout};
pub use base::Base;
pub use ca_bundle::{CaBundle, Trusted, is_absolute};
pub use connector::Connector;
pub use context::{
    Call, Clock, Command, Commands, Connectors, Context, Environment, Files, Http, Kept, Ledger, Mint,
    Output, Patience, Person, Redirect, Request, Response, Terms, Tls, VirtualClock,
};
pub use contract::{
    AuthMethod, Candidate, ConnectorType, Hints, NarrowingOf, Parsed, ResourceType, SessionOf,
};
pub use credential::{Builds, Clients, Credential, EnvironmentForm, Gives, Offers, Tool};
pub use document::{Allow, Document, SecretRef, Visibility, check_name, resolve_secrets};
pub use endpoint::{EndpointUrl, is_metadata_address};
pub use envelope::{ENVELOPE_VERSION, Envelope, Fields};
pub use error::{Error, ErrorKind, Problem, Result};
pub use explained::{Origin, OriginState, Right, Step, Trust, Withheld};
pub use given::Given;
pub use grant::{Access, Grant, Wanted};
pub use handle::{Handle, Source};
pub use issued::{Authenticated, Failure, Issued, Listing, Narrowed};
pub use key_prefix::KeyPrefix;
pub use reading::{Pages, candidates, in_id, not_an_id};
pub use refresh::{Expires, Overdue, Refreshing, Windows};
pub use registry::{
    AnyConnector, AnyHandle, AnyProtocol, Catalogue, ConnectorEntry, MethodEntry, Overview, ParsedId,
    Registration, Registry, ResourceEntry,
};
pub use schema::Field;
pub use secret::{SECRET_MARK, Secret};
pub use secret_reader::SecretReader;
pub use time::{Expiry, format_duration, format_time, parse_duration, parse_http_date, parse_time};
pub use timestamp::Timestamp;

/// For the expansion of [`register!`]: authors need no dependency of their own on these.
#[doc(hidden)]
pub mod __private {
    pub use inventory::submit;
}
pub use async_trait::async_trait;
