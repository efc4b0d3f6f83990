//! Each method against scripted answers: what is sent, what comes out, what is refused.

mod configs;
mod explaining;
mod federation_token;
mod found_keys;
mod hints;
mod hostile;
mod iam_role;
mod implicit;
mod kept_session;
mod long_lived;
mod network;
mod packed_policies;
#[cfg(feature = "sso")]
mod sso;
mod web_identity;
mod whose_key;

use connector_core::Access;
use serde_json::{Value, json};

use crate::names::{BucketName, KeyPrefix};
use crate::narrowing::Narrowing;
use crate::policy::Target;
use crate::testing::CANARY;

const ROLE: &str = "arn:aws:iam::123456789012:role/demo";

/// A config with a user's key, and more.
fn keyed(more: Value) -> Value {
    let mut config = json!({
        "region": "eu-west-1",
        "aws_access_key_id": "AKIAEXAMPLE",
        "aws_secret_access_key": format!("{CANARY}-secret-key"),
    });
    merge(&mut config, more);
    config
}

fn merge(config: &mut Value, more: Value) {
    if let (Value::Object(config), Value::Object(more)) = (config, more) {
        config.extend(more);
    }
}

/// Reading one prefix of one bucket.
fn bucket() -> Narrowing {
    let bucket = BucketName::parse("zenfiles").expect("a name");
    let prefix = Some(KeyPrefix::parse("models").expect("a prefix"));
    Narrowing::new(Target::Bucket { bucket, prefix }, Access::Read)
}

fn bucket_policy() -> String {
    bucket().policy(crate::names::Partition::Aws).expect("a policy").to_json()
}
