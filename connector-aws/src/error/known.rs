//! The error codes of AWS that people meet, each with its meaning and its remedy.

use connector_core::ErrorKind::{self, Expired, InvalidInput, NotFound, Refused, Unreachable};

/// What a code means.
pub(super) struct Verdict {
    pub(super) kind: ErrorKind,
    pub(super) what: String,
    pub(super) hint: Option<&'static str>,
    /// A wrong clock gives this code, too.
    pub(super) may_be_skew: bool,
}

/// Reads a code. The message only tells apart what AWS puts under one code.
pub(super) fn verdict(call: &str, code: &str, message: &str, status: u16) -> Verdict {
    let code = code.rsplit('#').next().unwrap_or(code);
    let bare = code.strip_suffix("Exception").unwrap_or(code);
    let found = by_message(call, bare, message).or_else(|| by_code(bare)).or_else(|| by_ending(bare));
    let (kind, what, hint) = found.unwrap_or(match status {
        429 | 500.. => (Unreachable, "AWS is in trouble", Some("try again later")),
        404 => (NotFound, "there is no such thing", None),
        401 | 403 => (Refused, "not allowed", Some(PERMISSION)),
        _ => (Refused, "AWS did not accept the request", None),
    });
    let what = if bare == "AccessDenied" && found.is_some_and(|it| it.1 == NOT_ALLOWED) {
        format!("{NOT_ALLOWED} ({} is missing from a policy, or a policy denies it)", action_of(call))
    } else {
        what.to_owned()
    };
    let may_be_skew = ["SignatureDoesNotMatch", "InvalidSignature", "RequestExpired", "RequestTimeTooSkewed"];
    Verdict { kind, what, hint, may_be_skew: may_be_skew.contains(&bare) }
}

/// The action that policies name for a call, where that is not the call's own name.
fn action_of(call: &str) -> &str {
    match call {
        "s3:ListBuckets" => "s3:ListAllMyBuckets",
        "s3:HeadBucket" | "s3:ListObjectsV2" => "s3:ListBucket",
        "s3:HeadObject" => "s3:GetObject",
        other => other,
    }
}

type Meaning = (ErrorKind, &'static str, Option<&'static str>);

const NOT_ALLOWED: &str = "the credentials are not allowed to do this";
const PERMISSION: &str = "ask who owns the account for that permission; \
    `connector describe-type aws --resource-type TYPE` lists what each resource needs";
const TRUST: &str = "let the role's trust policy name the identity of this connector \
    (`connector explain NAME --trust-policy` prints it), with the external id if it asks for one, \
    and allow that identity `sts:AssumeRole` on the role";
const WEB_TRUST: &str =
    "compare the role's trust policy with what `connector explain NAME --trust-policy` prints";
const LOG_IN: &str = "log in again with `connector verify NAME`";

/// The hint in place of one that names a command, for a connector that this command does not know yet.
pub(super) fn before_it_is_stored(hint: &str) -> &str {
    match hint {
        TRUST => {
            "let the role's trust policy name the identity of this connector, with the external id if it asks \
             for one, and allow that identity `sts:AssumeRole` on the role; registered with `--no-verify`, \
             `connector explain NAME --trust-policy` shows the trust policy to attach"
        }
        WEB_TRUST => {
            "register with `--no-verify`, and compare the role's trust policy with what \
             `connector explain NAME --trust-policy` then shows"
        }
        LOG_IN => "register again to log in anew, without `login` if it was given",
        other => other,
    }
}

/// One code, several causes.
fn by_message(call: &str, code: &str, message: &str) -> Option<Meaning> {
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    Some(match (call, code) {
        ("sts:GetSessionToken", "AccessDenied") if says("session credentials") => (
            Refused,
            "GetSessionToken takes no session credentials, only the key of a user",
            Some("use method `sts-token` for credentials that are temporary already"),
        ),
        ("sts:GetFederationToken", "AccessDenied") if says("session credentials") => (
            Refused,
            "GetFederationToken takes no session credentials, only the key of a user",
            Some("use method `sts-token` for credentials that are temporary already"),
        ),
        (_, "AccessDenied") if says("multifactorauthentication") || says("mfa") => (
            Refused,
            "the MFA code or the MFA device was not accepted",
            Some("check `mfa_serial`, and give the code that the device shows now; each works once"),
        ),
        ("sts:AssumeRole", "AccessDenied") if says("root account") => {
            (Refused, "a root key cannot assume roles", Some("use the key of an IAM user"))
        }
        ("sts:AssumeRole", "AccessDenied") => (
            Refused,
            "the role cannot be assumed: its trust policy or a missing permission is the likely cause",
            Some(TRUST),
        ),
        ("sts:AssumeRoleWithWebIdentity", "AccessDenied") => {
            (Refused, "the role does not trust this token", Some(WEB_TRUST))
        }
        (_, "ValidationError") if says("role chaining") || says("1 hour session limit") => (
            InvalidInput,
            "a role that is assumed by a role gives an hour at most",
            Some("ask for `--duration 1h` or less"),
        ),
        (_, "ValidationError") if says("maxsessionduration") => (
            InvalidInput,
            "the duration is longer than the role's MaxSessionDuration",
            Some("ask for a shorter duration, or raise the role's maximum session duration"),
        ),
        (_, "ValidationError") if says("durationseconds") => {
            (InvalidInput, "the duration is out of AWS's bounds", Some("ask for another duration"))
        }
        _ => return None,
    })
}

fn by_code(code: &str) -> Option<Meaning> {
    Some(match code {
        "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClient" => (
            Refused,
            "AWS does not know this access key id",
            Some(
                "check `aws_access_key_id`, whether the key was deleted or is inactive, and whether it belongs to this partition",
            ),
        ),
        "SignatureDoesNotMatch" | "InvalidSignature" => (
            Refused,
            "the secret access key does not belong to this access key id",
            Some("check `aws_secret_access_key`; it is 40 characters long"),
        ),
        "RequestTimeTooSkewed" | "RequestExpired" => (
            Refused,
            "the clock of this machine is too far from that of AWS",
            Some("set the clock of this machine, by NTP for example"),
        ),
        "InvalidToken" | "MissingAuthenticationToken" => (
            Refused,
            "the session token is not valid, or does not belong to this key",
            Some("check `aws_session_token`; temporary keys (ASIA…) need the one that came with them"),
        ),
        "ExpiredToken" => {
            (Expired, "the token has expired", Some("get new temporary credentials and update the connector"))
        }
        "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" => {
            (Refused, NOT_ALLOWED, Some(PERMISSION))
        }
        "AccountProblem" | "OptInRequired" | "NotSignedUp" => {
            (Refused, "the account cannot use this service", Some("check the account in the AWS console"))
        }
        "PackedPolicyTooLarge" => (
            InvalidInput,
            "the session policies and tags are too large when AWS packs them",
            Some("use fewer or shorter session tags, shorten `policy`, or name fewer `policy_arns`"),
        ),
        "MalformedPolicyDocument" => {
            (InvalidInput, "AWS cannot read the session policy", Some("check `policy`"))
        }
        "RegionDisabled" => (
            Refused,
            "STS is switched off in this region for the account",
            Some("enable the region in the account, or give the connector another `region`"),
        ),
        "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraint" => (
            InvalidInput,
            "the resource is in another region",
            Some("give the connector the region of the resource"),
        ),
        "IDPRejectedClaim" => (
            Refused,
            "the identity provider's token was rejected: a claim does not fit, or the token was revoked",
            Some("compare issuer, audience and subject with the role's trust policy"),
        ),
        "InvalidIdentityToken" => (
            Refused,
            "the web identity token is not valid for AWS",
            Some("check that the account has an OIDC provider for the token's issuer and audience"),
        ),
        "IDPCommunicationError" => (
            Unreachable,
            "AWS cannot reach the identity provider",
            Some("check that the issuer is reachable from the internet"),
        ),
        "Forbidden" => (
            Refused,
            "the login may not use this account and role",
            Some("check `account_id` and `role_name` against the access portal"),
        ),
        "InvalidGrant" | "InvalidClient" | "UnauthorizedClient" => {
            (Refused, "the login has ended", Some(LOG_IN))
        }
        "Unauthorized" => (Refused, "the login is not valid any more", Some(LOG_IN)),
        "Throttling"
        | "ThrottledException"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "RequestThrottled"
        | "BandwidthLimitExceeded"
        | "ServiceUnavailable" => (Unreachable, "AWS asks to slow down", Some("try again later")),
        "ValidationError"
        | "Validation"
        | "InvalidParameterValue"
        | "InvalidParameter"
        | "InvalidRequest" => (InvalidInput, "AWS found a parameter that it does not take", None),
        "NoSuchBucket" => (NotFound, "there is no such bucket", None),
        "NoSuchKey" => (NotFound, "there is no such object", None),
        _ => return None,
    })
}

/// Codes that end alike mean the same in every service.
fn by_ending(code: &str) -> Option<Meaning> {
    Some(match code {
        _ if code.ends_with("NotFound") || code.ends_with("DoesNotExist") => {
            (NotFound, "there is no such thing", None)
        }
        _ if code.contains("Throttl") => (Unreachable, "AWS asks to slow down", Some("try again later")),
        _ if code.ends_with("AccessDenied") => (Refused, NOT_ALLOWED, Some(PERMISSION)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a policy has to name is the action, which is not always the call's own name.
    #[test]
    fn a_missing_permission_is_named_as_policies_name_it() {
        for (call, action) in [
            ("s3:ListBuckets", "s3:ListAllMyBuckets"),
            ("s3:HeadBucket", "s3:ListBucket"),
            ("s3:ListObjectsV2", "s3:ListBucket"),
            ("s3:HeadObject", "s3:GetObject"),
            ("ecr:GetAuthorizationToken", "ecr:GetAuthorizationToken"),
            ("secretsmanager:ListSecrets", "secretsmanager:ListSecrets"),
        ] {
            let what = verdict(call, "AccessDenied", "", 403).what;
            assert!(what.contains(&format!("({action} is missing from a policy")), "{what}");
        }
    }
}
