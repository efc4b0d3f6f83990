//! The trust policies that the owners of roles attach so that a connector may assume them.

use connector_core::Trust;
use serde_json::{Map, Value, json};

use super::sts::Caller;
use crate::names::Arn;

/// For a method that assumes no role: what a role would have to say so that this identity may.
pub(super) fn of_caller(caller: &Caller) -> Trust {
    let identity = principal(&caller.arn);
    let policy = assume_role(&identity, &[], Map::new());
    Trust::new(identity, policy, "the trust policy of each role that this identity is to assume")
}

/// Lets an identity assume a role and do what goes with it, under conditions.
pub(super) fn assume_role(principal: &str, also: &[&str], condition: Map<String, Value>) -> Value {
    let actions = match also {
        [] => json!("sts:AssumeRole"),
        also => json!([&["sts:AssumeRole"], also].concat()),
    };
    document(json!({ "AWS": principal }), actions, condition)
}

/// Lets the tokens of an OpenID Connect provider assume a role, under conditions.
pub(super) fn web_identity(provider_arn: &str, condition: Map<String, Value>) -> Value {
    document(json!({ "Federated": provider_arn }), json!("sts:AssumeRoleWithWebIdentity"), condition)
}

fn document(principal: Value, action: Value, condition: Map<String, Value>) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": action });
    if !condition.is_empty() {
        statement["Condition"] = Value::Object(condition);
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// What a policy names for a caller: a session of a role stands for its role, whose path is not told by
/// the session's ARN.
pub(super) fn principal(arn: &Arn) -> String {
    let role = arn.resource_of("assumed-role").and_then(|it| it.split('/').next());
    match role {
        Some(role) if arn.service() == "sts" => {
            format!("arn:{}:iam::{}:role/{role}", arn.partition_id(), arn.account())
        }
        _ => arn.as_str().to_owned(),
    }
}
