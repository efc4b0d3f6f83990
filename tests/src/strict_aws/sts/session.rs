use std::time::Duration;

use super::super::ACCOUNT;
use super::super::error::{AwsError, xml};
use super::super::identity::{Identity, Principal, Session};
use super::super::state::State;
use super::{check, credentials};
use crate::loopback::Call;

/// What the account's root is given at most, silently.
const LONGEST_OF_ROOT: Duration = Duration::from_secs(3600);

pub(super) fn session_token(state: &mut State, call: &Call, caller: &Identity) -> Result<String, AwsError> {
    refuse_session(caller, "GetSessionToken")?;
    let life = bounded_for(caller, check::duration(call, 43200, 129_600)?);
    let mfa = check::one_time_code(state, call, caller)?;
    let session = Session { asked_seconds: life.as_secs(), mfa, ..Session::default() };
    Ok(credentials(&state.mint(caller.principal.clone(), life, session)))
}

pub(super) fn federation_token(
    state: &mut State,
    call: &Call,
    caller: &Identity,
) -> Result<String, AwsError> {
    refuse_session(caller, "GetFederationToken")?;
    let name = check::name(call, "Name", 32)?;
    let life = bounded_for(caller, check::duration(call, 43200, 129_600)?);
    let (session, packed) = check::session(state, call)?;
    let session = Session { asked_seconds: life.as_secs(), ..session };
    let issued = state.mint(Principal::Federated(name.clone()), life, session);
    Ok(format!(
        "{}<FederatedUser><FederatedUserId>{ACCOUNT}:{}</FederatedUserId><Arn>{}</Arn></FederatedUser>\
         <PackedPolicySize>{packed}</PackedPolicySize>",
        credentials(&issued),
        xml(&name),
        xml(&issued.principal.arn())
    ))
}

fn refuse_session(caller: &Identity, operation: &str) -> Result<(), AwsError> {
    match caller.is_temporary() {
        false => Ok(()),
        true => Err(AwsError::access_denied(format!("Cannot call {operation} with session credentials"))),
    }
}

fn bounded_for(caller: &Identity, life: Duration) -> Duration {
    if caller.principal == Principal::Root { life.min(LONGEST_OF_ROOT) } else { life }
}
