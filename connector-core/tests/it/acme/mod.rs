//! A cloud that exists in memory, written as a provider crate would be: every behaviour of the contract has
//! something here that shows it.
#![allow(dead_code, unreachable_pub, unused_imports)] // The programs in `tests/ui` use only a part of it.
#![allow(missing_debug_implementations)]

mod methods;
mod resources;
mod world;

pub use methods::{Ambient, Chain, Key, Login, Passed, Role};
pub use resources::{Bucket, BucketClient, Client, Database, Keys};
pub use world::{Cloud, Someone, World, json, poll_once};

use connector_core::{ConnectorAbout, ConnectorType, Expiry, Secret};

/// Part of every secret in these tests, so that it can be looked for in everything else.
pub const CANARY: &str = "c4n4ry";

/// The connector type.
#[derive(Debug)]
pub struct Acme;

impl ConnectorType for Acme {
    const ID: &'static str = "acme";
    const ABOUT: ConnectorAbout = ConnectorAbout::new("Acme", "A cloud in memory.");
    type Session = Session;
    type Narrowing = Policy;
}

/// What authenticating gives.
#[derive(Debug)]
pub struct Session {
    pub token: Secret,
    pub ends: Expiry,
    pub long_lived: bool,
}

/// The language for "less than everything".
#[derive(Debug)]
pub struct Policy(pub String);

connector_core::register!(
    connector Acme,
    method Role,
    method Login,
    method Key,
    method Passed,
    method Ambient,
    resource Bucket,
    resource Database,
    credential Keys,
);

/// Looks for the canary in everything that an error can show.
pub fn shown(error: &connector_core::Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}\n{:?}\n", error.hint());
    text += &format!("{:?}\n{:?}\n", error.causes(), error.field_problems());
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!("{error} {error:?}\n");
        source = error.source();
    }
    assert_clean(&text);
    text
}

/// Fails when a secret shows.
pub fn assert_clean(text: &str) {
    assert!(!text.contains(CANARY), "a secret shows: {text}");
}
