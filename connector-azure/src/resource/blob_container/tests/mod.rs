//! Tests of `blob-container`.

mod ids;
mod issue;
mod places;
mod reach;

use connector_conformance::Scripted;
use connector_core::{Access, Parsed, ResourceType, Response, Secret, Wanted, format_time};

use super::BlobContainer;
use crate::sas::{self, DelegationKey, Key};

fn container(text: &str) -> BlobContainer {
    match BlobContainer::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

fn data() -> BlobContainer {
    container("az://zenfiles/data")
}

fn read() -> Wanted {
    Wanted::new(Access::Read)
}

/// An answer of Blob Storage's.
fn xml(status: u16, body: &str) -> Response {
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    let body = format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>{body}");
    Response::new(status, headers, body.into_bytes())
}

/// A refusal of Blob Storage's; its message is a canary.
fn no(status: u16, code: &str) -> Response {
    let headers = vec![("x-ms-error-code".to_owned(), code.to_owned())];
    let body = format!("<Error><Code>{code}</Code><Message>hunter2</Message></Error>");
    Response::new(status, headers, body.into_bytes())
}

/// The key that Azure gives here, until so many seconds after the start.
fn key(until: u64) -> DelegationKey {
    DelegationKey {
        oid: "11111111-0000-0000-0000-000000000001".into(),
        tid: crate::testing::TENANT.into(),
        start: "2025-12-31T23:45:00Z".into(),
        expiry: format_time(Scripted::after(until)),
        service: "b".into(),
        version: "2025-01-05".into(),
        value: Secret::new("aHVudGVyMi0wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc="),
    }
}

/// Azure gives that key.
fn gives_key(until: u64) -> Response {
    let key = key(until);
    let fields = [
        ("SignedOid", &key.oid),
        ("SignedTid", &key.tid),
        ("SignedStart", &key.start),
        ("SignedExpiry", &key.expiry),
        ("SignedService", &key.service),
        ("SignedVersion", &key.version),
    ];
    let fields: String = fields.iter().map(|(name, text)| format!("<{name}>{text}</{name}>")).collect();
    let value = key.value.expose();
    xml(200, &format!("<UserDelegationKey>{fields}<Value>{value}</Value></UserDelegationKey>"))
}

/// Whether a signature by [`key`] lets this through, so many seconds after the start.
fn lets(signature: &Secret, until: u64, asked: (char, &str, Option<&str>), seconds: u64) -> bool {
    let (permission, container, path) = asked;
    let request = sas::Request {
        account: "zenfiles",
        container,
        path,
        permission,
        https: true,
        at: Scripted::after(seconds),
    };
    sas::allows(signature.expose(), Key::Delegated(&key(until)), &request).expect("a signature")
}
