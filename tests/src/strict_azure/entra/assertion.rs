//! What a program signs in place of a secret: with the key of its certificate, or somebody else for it.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::der::Certificate;
use super::super::jwt::Jwt;
use super::super::state::State;
use super::error::EntraError;
use crate::clock::iso;
use crate::strict_aws::issuer::{self, TokenFault};

/// How far the clocks may be apart, in seconds.
const SKEW: i64 = 300;
/// The longest life of what a program signs itself, in seconds.
const LONGEST: i64 = 24 * 3600;
/// Where the authority is told to be in a signed assertion, beside here.
const AUTHORITIES: [&str; 4] = [
    "https://login.microsoftonline.com",
    "https://login.windows.net",
    "https://login.microsoftonline.us",
    "https://login.chinacloudapi.cn",
];

/// Checks the assertion of a program. Which kind it is, its issuer tells.
pub(super) fn check(
    state: &mut State,
    client: &str,
    tenant: &str,
    assertion: &str,
) -> Result<(), EntraError> {
    let jwt = Jwt::read(assertion).ok_or_else(|| malformed("The token is not a signed JWT."))?;
    match jwt.claim("iss").eq_ignore_ascii_case(client) {
        true => by_certificate(state, client, tenant, &jwt),
        false => federated(state, client, assertion, &jwt),
    }
}

fn by_certificate(state: &mut State, client: &str, tenant: &str, jwt: &Jwt) -> Result<(), EntraError> {
    let invalid = |reason: &str, thumbprint: &str| {
        EntraError::client(
            700_027,
            format!(
                "Client assertion failed signature validation. [Reason - {reason}, Thumbprint of key used by client: \
                 '{thumbprint}']"
            ),
        )
    };
    let named = |name: &str| {
        jwt.header[name].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok())
    };
    let (sha1, sha256) = (named("x5t"), named("x5t#S256"));
    let shown = sha256.clone().or_else(|| sha1.clone());
    let shown = shown.ok_or_else(|| malformed("No certificate thumbprint specified in token header."))?;
    let thumbprint: String = shown.iter().map(|byte| format!("{byte:02X}")).collect();
    let app = state.directory.apps.get(client);
    let is_meant = |known: &&Certificate| {
        sha1.as_ref().is_none_or(|sum| *sum == known.sha1)
            && sha256.as_ref().is_none_or(|sum| *sum == known.sha256)
    };
    let known = app.and_then(|app| app.certificates.iter().find(is_meant));
    let known = known.ok_or_else(|| invalid("The key was not found.", &thumbprint))?;
    let now = state.clock.now();
    if now < known.life.0 || now > known.life.1 {
        return Err(invalid("The key used is expired.", &thumbprint));
    }
    if !jwt.is_signed_by(&known.public_key) {
        let reason = "The provided signature value did not match the expected signature value.";
        return Err(invalid(reason, &thumbprint));
    }
    if !jwt.claim("sub").eq_ignore_ascii_case(client) {
        return Err(EntraError::client(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at \
             https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
        ));
    }
    if !jwt.audiences().iter().any(|audience| is_own(state, tenant, audience)) {
        return Err(EntraError::client(
            700_023,
            "Client assertion audience claim does not match Realm issuer. Review the documentation at \
             https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
        ));
    }
    in_time(jwt, now, Some(LONGEST))?;
    let id = jwt.claim("jti");
    if id.is_empty() {
        return Err(malformed("The claim 'jti' is missing."));
    }
    // A sum, so that what was shown is not kept.
    let sum = digest::digest(&digest::SHA256, format!("{client}\n{id}").as_bytes());
    match state.directory.seen.insert(URL_SAFE_NO_PAD.encode(sum)) {
        true => Ok(()),
        false => Err(malformed("The claim 'jti' was seen before.")),
    }
}

/// Whether an audience is the token endpoint of this tenant, here or at its public name.
fn is_own(state: &State, tenant: &str, audience: &str) -> bool {
    let known = state.tenant(tenant).ok();
    let names = [Some(tenant), known.map(|it| it.id.as_str()), known.map(|it| it.domain.as_str())];
    AUTHORITIES.iter().copied().chain([state.base.as_str()]).any(|authority| {
        names.iter().flatten().any(|name| {
            ["/oauth2/v2.0/token", "/v2.0", "/oauth2/token"]
                .iter()
                .any(|end| audience.eq_ignore_ascii_case(&format!("{authority}/{name}{end}")))
        })
    })
}

fn in_time(jwt: &Jwt, now: i64, longest: Option<i64>) -> Result<(), EntraError> {
    let ends = jwt.time("exp");
    let start = jwt.time("nbf").or_else(|| jwt.time("iat"));
    let is_good = ends.is_some_and(|ends| {
        ends > now - SKEW
            && start.is_none_or(|start| start <= now + SKEW)
            && longest.is_none_or(|longest| ends <= now + longest)
    });
    let told = |time: Option<i64>| time.map_or_else(String::new, iso);
    match is_good {
        true => Ok(()),
        false => Err(EntraError::client(
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry \
                 time of assertion {}. Review the documentation at \
                 https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
                iso(now),
                told(start),
                told(ends),
            ),
        )),
    }
}

fn federated(state: &State, client: &str, assertion: &str, jwt: &Jwt) -> Result<(), EntraError> {
    let all = state.directory.apps.get(client).map(|app| app.federated.as_slice()).unwrap_or_default();
    if all.is_empty() {
        return Err(EntraError::client(
            70_025,
            format!(
                "The client '{client}'(strict) has no configured federated identity credentials. Please configure \
                 federated identity credentials and try again."
            ),
        ));
    }
    let no_match = |code: u32, what: &str, value: &str| {
        EntraError::client(
            code,
            format!(
                "No matching federated identity record found for presented assertion {what} '{value}'. Check your \
                 federated identity credential Subject, Audience and Issuer against the presented assertion. \
                 https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
            ),
        )
    };
    // To the letter: neither case nor a slash at the end is forgiven.
    let (issuer, subject) = (jwt.claim("iss"), jwt.claim("sub"));
    let of_issuer: Vec<_> = all.iter().filter(|known| known.issuer == issuer).collect();
    if of_issuer.is_empty() {
        return Err(no_match(700_211, "issuer", issuer));
    }
    let audiences = jwt.audiences();
    let for_audience: Vec<_> =
        of_issuer.into_iter().filter(|it| audiences.contains(&it.audience.as_str())).collect();
    if for_audience.is_empty() {
        return Err(no_match(700_212, "audience", &audiences.join(", ")));
    }
    let Some(known) = for_audience.into_iter().find(|known| known.subject == subject) else {
        return Err(no_match(700_213, "subject", subject));
    };
    let now = state.clock.now();
    match issuer::verify(std::slice::from_ref(&known.verifier), assertion, now - SKEW) {
        Ok(_) => in_time(jwt, now, None),
        Err(TokenFault::Expired(_)) => {
            in_time(jwt, now, None).and_then(|()| Err(malformed("It has expired.")))
        }
        Err(_) => Err(EntraError::client(
            700_027,
            "Client assertion failed signature validation. [Reason - The provided signature value did not match the \
             expected signature value.]",
        )),
    }
}

fn malformed(reason: &str) -> EntraError {
    EntraError::client(50_027, format!("JWT token is invalid or malformed. {reason}"))
}
