//! The checks that several operations share.

use std::time::Duration;

use super::super::error::AwsError;
use super::super::identity::{Identity, Session};
use super::super::state::State;
use crate::loopback::Call;

const NAME_PATTERN: &str = "[\\w+=,.@-]*";

/// `DurationSeconds`, within the bounds of the operation's model.
pub(super) fn duration(call: &Call, default: u64, longest: u64) -> Result<Duration, AwsError> {
    let Some(text) = call.parameter("DurationSeconds") else { return Ok(Duration::from_secs(default)) };
    let broken = |rule: &str| Err(AwsError::constraint("durationSeconds", &text, rule));
    match text.parse::<u64>() {
        Ok(seconds) if seconds > longest => {
            broken(&format!("Member must have value less than or equal to {longest}"))
        }
        Ok(seconds) if seconds >= 900 => Ok(Duration::from_secs(seconds)),
        _ => broken("Member must have value greater than or equal to 900"),
    }
}

/// A required name of letters, digits and `_+=,.@-`.
pub(super) fn name(call: &Call, parameter: &str, longest: usize) -> Result<String, AwsError> {
    let field = parameter[..1].to_lowercase() + &parameter[1..];
    let value = call.parameter(parameter).ok_or_else(|| {
        let rule = "Member must not be null";
        AwsError::validation(format!(
            "1 validation error detected: Value null at '{field}' failed to satisfy constraint: {rule}"
        ))
    })?;
    let length = value.chars().count();
    if length < 2 {
        return Err(AwsError::constraint(
            &field,
            &value,
            "Member must have length greater than or equal to 2",
        ));
    }
    if length > longest {
        let rule = format!("Member must have length less than or equal to {longest}");
        return Err(AwsError::constraint(&field, &value, &rule));
    }
    if !value.chars().all(|character| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)) {
        let rule = format!("Member must satisfy regular expression pattern: {NAME_PATTERN}");
        return Err(AwsError::constraint(&field, &value, &rule));
    }
    Ok(value)
}

/// What narrows and marks a session, with its packed size in per cent.
pub(super) fn session(state: &State, call: &Call) -> Result<(Session, usize), AwsError> {
    let policy = call.parameter("Policy");
    let policy_arns = members(call, "PolicyArns", &["arn"]);
    let policy_arns: Vec<_> = policy_arns.into_iter().filter_map(|mut member| member.remove(0)).collect();
    let tags: Vec<_> = members(call, "Tags", &["Key", "Value"])
        .into_iter()
        .map(|mut member| (member.remove(0).unwrap_or_default(), member.remove(0).unwrap_or_default()))
        .collect();
    if let Some(policy) = &policy {
        check_policy(policy)?;
    }
    let plain = policy.as_ref().map_or(0, String::len) + policy_arns.iter().map(String::len).sum::<usize>();
    if plain > 2048 {
        let value = policy.as_deref().unwrap_or_default();
        return Err(AwsError::constraint(
            "policy",
            value,
            "Member must have length less than or equal to 2048",
        ));
    }
    if policy_arns.len() > 10 || tags.len() > 50 {
        return Err(AwsError::validation("Member must have length less than or equal to the quota"));
    }
    // AWS does not say how it packs. This counts characters, which is enough to be full at some point.
    let packed = plain + tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let percent = (packed * 100).div_ceil(state.packed_limit);
    if percent > 100 {
        let message =
            format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
        return Err(AwsError::new(400, "PackedPolicyTooLarge", message));
    }
    Ok((Session { policy, policy_arns, tags, ..Session::default() }, percent))
}

fn check_policy(policy: &str) -> Result<(), AwsError> {
    let malformed = |message: &str| Err(AwsError::new(400, "MalformedPolicyDocument", message));
    match serde_json::from_str::<serde_json::Value>(policy) {
        Err(_) => malformed("This policy contains invalid Json"),
        Ok(document) if document.get("Statement").is_none() => malformed("Missing required field Statement"),
        Ok(document) if document["Version"] != "2012-10-17" => {
            malformed("The policy must contain a valid version string")
        }
        Ok(_) => Ok(()),
    }
}

/// The one-time code of the call. True when one was given and is right, an error when it is wrong.
pub(super) fn one_time_code(state: &State, call: &Call, caller: &Identity) -> Result<bool, AwsError> {
    let Some(serial) = call.parameter("SerialNumber") else { return Ok(false) };
    let code = call.parameter("TokenCode").unwrap_or_default();
    let own = match &caller.principal {
        super::super::identity::Principal::User(name) => state.devices.get(name),
        _ => None,
    };
    match own {
        Some((known, _)) if *known != serial => Err(wrong_device()),
        None => Err(wrong_device()),
        Some((_, shown)) if *shown != code => Err(AwsError::access_denied(
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
        )),
        Some(_) => Ok(true),
    }
}

fn wrong_device() -> AwsError {
    AwsError::access_denied(
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
         valid and associated with this user.",
    )
}

/// The values of `List.member.N.FIELD`, in the order of N, until one is missing.
fn members(call: &Call, list: &str, fields: &[&str]) -> Vec<Vec<Option<String>>> {
    let member = |number: usize| -> Vec<Option<String>> {
        fields.iter().map(|field| call.parameter(&format!("{list}.member.{number}.{field}"))).collect()
    };
    (1..).map(member).take_while(|values| values.iter().any(Option::is_some)).collect()
}
