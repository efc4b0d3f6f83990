use std::time::Duration;

use super::super::error::AwsError;
use super::super::identity::{Identity, Principal, Session};
use super::super::role::Role;
use super::super::state::State;
use super::{assumed, check};
use crate::loopback::Call;

/// How long a session may live whose caller is a role's session itself.
const LONGEST_CHAINED: Duration = Duration::from_secs(3600);

pub(super) fn assume(state: &mut State, call: &Call, caller: &Identity) -> Result<String, AwsError> {
    let arn = call.parameter("RoleArn").unwrap_or_default();
    let session_name = check::name(call, "RoleSessionName", 64)?;
    let life = check::duration(call, 3600, 43200)?;
    let (session, packed) = check::session(state, call)?;
    if caller.principal == Principal::Root {
        return Err(AwsError::access_denied("Roles may not be assumed by root accounts."));
    }
    let code_was_right = check::one_time_code(state, call, caller)?;
    let role = trusted_role(state, call, caller, &arn, code_was_right)?;

    let chained = matches!(caller.principal, Principal::Role { .. });
    if chained && life > LONGEST_CHAINED {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(AwsError::validation(message));
    }
    if life > role.max_session {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(AwsError::validation(message));
    }
    let source_identity = source_identity(call, caller, &role)?;
    if !session.tags.is_empty() && !role.allows_tags {
        return Err(not_authorized(caller, "sts:TagSession", &arn));
    }
    let session = Session {
        source_identity,
        asked_seconds: life.as_secs(),
        mfa: code_was_right || caller.session.mfa,
        ..session
    };
    let principal = Principal::Role { name: role.name, session: session_name };
    Ok(assumed(&state.mint(principal, life, session), packed))
}

fn trusted_role(
    state: &State,
    call: &Call,
    caller: &Identity,
    arn: &str,
    code_was_right: bool,
) -> Result<Role, AwsError> {
    let refused = || not_authorized(caller, "sts:AssumeRole", arn);
    // A federated user may call GetCallerIdentity and nothing else.
    if matches!(caller.principal, Principal::Federated(_)) {
        return Err(refused());
    }
    let role = state.roles.values().find(|role| role.arn() == arn).ok_or_else(refused)?;
    let external_id = call.parameter("ExternalId");
    let has_its_id = role.external_id.is_none() || role.external_id == external_id;
    let has_its_code = !role.requires_mfa || code_was_right || caller.session.mfa;
    match role.trusts(&caller.principal) && has_its_id && has_its_code {
        true => Ok(role.clone()),
        false => Err(refused()),
    }
}

/// A source identity is set once and inherited from then on.
fn source_identity(call: &Call, caller: &Identity, role: &Role) -> Result<Option<String>, AwsError> {
    let inherited = caller.session.source_identity.clone();
    if call.parameter("SourceIdentity").is_none() {
        return Ok(inherited);
    }
    let asked = check::name(call, "SourceIdentity", 64)?;
    let changes = inherited.is_some_and(|known| known != asked);
    match role.allows_source_identity && !changes {
        true => Ok(Some(asked)),
        false => Err(not_authorized(caller, "sts:SetSourceIdentity", &role.arn())),
    }
}

fn not_authorized(caller: &Identity, action: &str, resource: &str) -> AwsError {
    let who = caller.principal.arn();
    AwsError::access_denied(format!(
        "User: {who} is not authorized to perform: {action} on resource: {resource}"
    ))
}
