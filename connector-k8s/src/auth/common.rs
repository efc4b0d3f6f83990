//! What the configs of the methods share.

use connector_core::{Error, Lifetime, Problem, Result};

use crate::credential::Trust;
use crate::names::{Audience, CertificateText, Namespace, ServerUrl, ServiceAccountName};
use crate::session::ServiceAccount;

/// The bounds of TokenRequest. Servers refuse less, and may give less than is asked.
pub(super) const TOKEN_REQUEST: Lifetime = Lifetime::seconds(600, 3600, 86_400);

/// In words, for the methods.
pub(super) const LIFETIME_NOTE: &str = "with `service_account`, and never more than the server's --service-account-max-token-expiration; else what \
     is handed on lives as long as it lives";

/// What a method with a service account narrows by.
pub(super) const NARROWS: &str =
    "with `service_account`: a token of that service account, which may do what it may";

/// Whom to trust, by the fields that say so.
///
/// # Errors
/// As [`check_place`]: an authority that does not read is never passed over.
pub(super) fn trust(authority: Option<&CertificateText>, insecure: bool) -> Result<Trust> {
    let unreadable = || Error::field("certificate_authority", AUTHORITY);
    match (insecure, authority) {
        (true, Some(_)) => Err(Error::field("insecure", OPPOSITE)),
        (true, None) => Ok(Trust::Anybody),
        (false, Some(text)) => Ok(Trust::Authority(text.read().ok_or_else(unreadable)?.as_str().to_owned())),
        (false, None) => Ok(Trust::System),
    }
}

const AUTHORITY: &str = "expected PEM certificates without a private key, or base64 of them";
const OPPOSITE: &str = "says the opposite of `certificate_authority`: only one can be";

/// The faults of the fields that say where a cluster is.
pub(super) fn check_place(
    server: &ServerUrl,
    authority: Option<&CertificateText>,
    insecure: bool,
) -> Vec<Problem> {
    let mut problems: Vec<_> = server.problem("server").into_iter().collect();
    if authority.is_some_and(|it| it.read().is_none()) {
        problems.push(Problem::new("certificate_authority", AUTHORITY));
    }
    if insecure && authority.is_some() {
        problems.push(Problem::new("insecure", OPPOSITE));
    }
    problems
}

/// The faults of the fields that name a service account. `has_namespace` says whether one is known otherwise.
pub(super) fn check_account(
    account: Option<&ServiceAccountName>,
    namespace: Option<&Namespace>,
    audiences: &[Audience],
    has_namespace: bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    match account {
        Some(_) if namespace.is_none() && !has_namespace => {
            problems.push(Problem::new("namespace", "missing: say where `service_account` is"));
        }
        Some(_) => {}
        None => {
            let given = [("namespace", namespace.is_some()), ("audiences", !audiences.is_empty())];
            let given = given.into_iter().filter(|(_, given)| *given);
            problems.extend(given.map(|(field, _)| Problem::new(field, "needs `service_account`")));
        }
    }
    problems
}

/// The service account, once its namespace is known.
pub(super) fn account(
    name: Option<&ServiceAccountName>,
    namespace: impl FnOnce() -> Result<Namespace>,
    audiences: &[Audience],
) -> Result<Option<ServiceAccount>> {
    let Some(name) = name else { return Ok(None) };
    Ok(Some(ServiceAccount { name: name.clone(), namespace: namespace()?, audiences: audiences.to_vec() }))
}
