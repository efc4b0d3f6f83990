//! Each method against scripted answers: what is sent, what comes out, what is refused.

mod aws_source;
mod browser;
mod catalogue;
mod configs;
mod device;
mod endpoints;
mod executable;
mod external_account;
mod files;
mod hostile;
mod impersonation;
mod implicit;
mod kept_login;
mod lifetimes;
mod metadata;
mod oauth2_token;
mod service_account;
mod user_account;

use connector_core::Access;

use crate::boundary::Boundary;
use crate::names::{BucketName, KeyPrefix};
use crate::narrowing::Narrowing;

/// Reading one part of one bucket.
fn bucket() -> Narrowing {
    let bucket = BucketName::parse("zenfiles").expect("a name");
    let part = Some(KeyPrefix::parse("models").expect("a prefix"));
    Narrowing::new(Boundary::new(bucket, part, Access::Read))
}
