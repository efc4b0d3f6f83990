//! What a signature says, to the byte, and that it lets through what was asked for and nothing else (S34, C24).

mod hostile;
mod judged;
mod properties;
mod vectors;

use std::time::SystemTime;

use connector_core::{KeyPrefix, parse_time};

use super::*;
use crate::names::{ContainerName, StorageAccount};

fn account(name: &str) -> StorageAccount {
    StorageAccount::parse(name).expect("an account")
}

fn container(name: &str) -> ContainerName {
    ContainerName::parse(name).expect("a container")
}

fn path(text: &str) -> KeyPrefix {
    KeyPrefix::parse(text).expect("a path")
}

fn at(text: &str) -> SystemTime {
    parse_time(text).expect("a time")
}

/// The key of the vectors.
fn delegation_key() -> DelegationKey {
    DelegationKey {
        oid: "00000000-0000-0000-0000-0000000000aa".into(),
        tid: "00000000-0000-0000-0000-0000000000bb".into(),
        start: "2026-01-01T00:00:00Z".into(),
        expiry: "2026-01-02T00:00:00Z".into(),
        service: "b".into(),
        version: "2022-11-02".into(),
        // base64 of 0123456789abcdef0123456789abcdef
        value: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".into(),
    }
}

fn account_key() -> AccountKey {
    AccountKey::parse("a2V5IG9mIHRoZSBhY2NvdW50".into()).expect("a key")
}

/// Terms that end within the life of [`delegation_key`].
fn terms<'a>(
    account: &'a StorageAccount,
    container: &'a ContainerName,
    part: Part,
    letters: &str,
) -> Terms<'a> {
    Terms {
        account,
        container,
        permissions: Permissions::parse(part.kind(), letters).expect("permissions"),
        part,
        start: None,
        end: at("2026-01-01T01:00:00Z"),
        protocol: Protocol::Https,
        version: Version::default(),
    }
}

/// A request at half past the first hour, over TLS.
fn request<'a>(permission: char, container: &'a str, path: Option<&'a str>) -> Request<'a> {
    Request { account: "acct", container, path, permission, https: true, at: at("2026-01-01T00:30:00Z") }
}
