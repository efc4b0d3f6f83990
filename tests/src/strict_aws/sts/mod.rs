//! STS: the query protocol, its checks in AWS's order and words.

mod assume;
mod check;
mod session;
mod web_identity;

use super::clock::iso;
use super::error::{AwsError, STS_NAMESPACE, request_id, xml};
use super::identity::{Identity, Refusal};
use super::state::State;
use crate::loopback::{Answer, Call};

/// Whether a call is one for STS: a form, or a presigned query, that names an action.
pub(super) fn is_for(call: &Call) -> bool {
    call.path == "/" && call.parameter("Action").is_some()
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let action = call.parameter("Action").unwrap_or_default();
    match operate(state, call, &action) {
        Ok(result) => {
            let body = format!(
                "<{action}Response xmlns=\"{STS_NAMESPACE}\"><{action}Result>{result}</{action}Result>\
                 <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
                request_id()
            );
            Answer::new(200, "text/xml", body)
        }
        Err(error) => error.as_query(),
    }
}

fn operate(state: &mut State, call: &Call, action: &str) -> Result<String, AwsError> {
    let version = call.parameter("Version").unwrap_or_default();
    if version != "2011-06-15" {
        let message = format!("Could not find operation {action} for version {version}");
        return Err(AwsError::new(400, "InvalidAction", message));
    }
    // The one operation that nobody signs: the token in it is the proof.
    if action == "AssumeRoleWithWebIdentity" {
        return web_identity::assume(state, call);
    }
    let (caller, _) = state.authenticate(call, "sts").map_err(refused)?;
    // Everybody may ask who they are, even when a policy denies it.
    if action != "GetCallerIdentity" {
        state.permit(&caller, &format!("sts:{action}"))?;
    }
    match action {
        "GetCallerIdentity" => Ok(format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
            xml(&caller.principal.arn()),
            xml(&caller.principal.unique_id()),
            super::ACCOUNT
        )),
        "AssumeRole" => assume::assume(state, call, &caller),
        "GetSessionToken" => session::session_token(state, call, &caller),
        "GetFederationToken" => session::federation_token(state, call, &caller),
        _ => {
            let message = format!("Could not find operation {action} for version {version}");
            Err(AwsError::new(400, "InvalidAction", message))
        }
    }
}

fn refused(refusal: Refusal) -> AwsError {
    let refused = |code, message: &str| AwsError::new(403, code, message);
    match refusal {
        Refusal::Unsigned => refused("MissingAuthenticationToken", "Request is missing Authentication Token"),
        Refusal::UnknownKey | Refusal::WrongToken => {
            refused("InvalidClientTokenId", "The security token included in the request is invalid.")
        }
        Refusal::Expired => refused("ExpiredToken", "The security token included in the request is expired"),
        Refusal::WrongService(service) => refused(
            "SignatureDoesNotMatch",
            &format!("Credential should be scoped to correct service: '{service}'."),
        ),
        Refusal::Skewed(message) => refused("SignatureDoesNotMatch", &message),
        Refusal::Mismatch => refused(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        ),
    }
}

/// The element that carries what was issued.
fn credentials(identity: &Identity) -> String {
    let keys = &identity.keys;
    format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
        keys.access_key_id,
        xml(&keys.secret_access_key),
        xml(keys.session_token.as_deref().unwrap_or_default()),
        iso(identity.expires.unwrap_or_default())
    )
}

/// The elements that tell who a role's session is.
fn assumed(identity: &Identity, packed: usize) -> String {
    let source = identity.session.source_identity.as_deref();
    let source =
        source.map(|name| format!("<SourceIdentity>{}</SourceIdentity>", xml(name))).unwrap_or_default();
    format!(
        "{}<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
         <PackedPolicySize>{packed}</PackedPolicySize>{source}",
        credentials(identity),
        xml(&identity.principal.unique_id()),
        xml(&identity.principal.arn())
    )
}
