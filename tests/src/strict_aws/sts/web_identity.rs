use super::super::error::{AwsError, xml};
use super::super::identity::{Principal, Session};
use super::super::issuer::{Claims, TokenFault};
use super::super::state::State;
use super::{assumed, check};
use crate::loopback::Call;

pub(super) fn assume(state: &mut State, call: &Call) -> Result<String, AwsError> {
    let arn = call.parameter("RoleArn").unwrap_or_default();
    let session_name = check::name(call, "RoleSessionName", 64)?;
    let life = check::duration(call, 3600, 43200)?;
    let (session, packed) = check::session(state, call)?;
    let claims = verified(state, &call.parameter("WebIdentityToken").unwrap_or_default())?;

    let refused = || AwsError::access_denied("Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let role = state.roles.values().find(|role| role.arn() == arn).ok_or_else(refused)?;
    let mut trusted = role.web_identities.iter();
    let is_trusted = |(issuer, subject): &(String, Option<String>)| {
        *issuer == claims.issuer && subject.as_ref().is_none_or(|subject| *subject == claims.subject)
    };
    if !trusted.any(is_trusted) {
        return Err(refused());
    }
    if life > role.max_session {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(AwsError::validation(message));
    }
    let principal = Principal::Role { name: role.name.clone(), session: session_name };
    let session = Session { asked_seconds: life.as_secs(), ..session };
    let issued = state.mint(principal, life, session);
    let provider = claims.issuer.trim_start_matches("https://");
    Ok(format!(
        "{}<Provider>arn:aws:iam::{}:oidc-provider/{}</Provider><Audience>{}</Audience>\
         <SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken>",
        assumed(&issued, packed),
        super::super::ACCOUNT,
        xml(provider),
        xml(&claims.audience),
        xml(&claims.subject)
    ))
}

fn verified(state: &State, token: &str) -> Result<Claims, AwsError> {
    let invalid = |message: String| AwsError::new(400, "InvalidIdentityToken", message);
    let now = state.clock.now();
    super::super::issuer::verify(&state.issuers, token, now).map_err(|fault| match fault {
        TokenFault::Malformed => invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
                .to_owned(),
        ),
        TokenFault::UnknownIssuer(url) => {
            invalid(format!("No OpenIDConnect provider found in your account for {url}"))
        }
        TokenFault::Signature => invalid(
            "Couldn't retrieve verification key from your identity provider,  please \
             reference AssumeRoleWithWebIdentity documentation for requirements"
                .to_owned(),
        ),
        TokenFault::Audience => invalid("Incorrect token audience".to_owned()),
        TokenFault::Expired(end) => AwsError::new(
            400,
            "ExpiredTokenException",
            format!("Token expired: current date/time {now} must be before the expiration date/time {end}"),
        ),
    })
}
