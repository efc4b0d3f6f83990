//! A signature for one container, or for a part of it.

use std::time::{Duration, SystemTime};

use connector_core::{Access, Call, Error, Expiry, KeyPrefix, Result, Secret};

use super::{Blobs, no_directories};
use crate::connection_string::ConnectionString;
use crate::error;
use crate::names::{Audience, ContainerName, StorageAccount};
use crate::sas::{AccountKey, DelegationKey, Part, Permissions, Terms, Version};
use crate::session::Session;

/// What a key lives at most.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// What a signature lives where nobody says, and nothing ends before.
const USUAL: Duration = Duration::from_secs(3600);

/// A signature, and what is true of it.
pub(crate) struct Signed {
    pub(crate) signature: Secret,
    pub(crate) expiry: Expiry,
    /// By what it is narrowed; `None` for one that the connector was given, which is handed on as it is.
    pub(crate) by: Option<String>,
}

/// Who signs.
enum Signer<'a> {
    Delegated(DelegationKey),
    Account(&'a AccountKey),
}

impl Signer<'_> {
    fn sign(&self, terms: &Terms<'_>) -> Result<Secret> {
        match self {
            Self::Delegated(key) => key.sign(terms),
            Self::Account(key) => key.sign(terms),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Delegated(_) => "a user-delegation SAS",
            Self::Account(_) => "a service SAS",
        }
    }
}

/// Signs for a container or a part of it: one call for the key where there is a token, none where there is the key of
/// the account, and one more for a part, since whether an account has directories shows in how it takes a signature.
///
/// It ends when it was asked to, and no later than the token that the key was asked for with, or than the key.
///
/// # Errors
/// What the service refuses; refused, where the account has no directories.
pub(crate) async fn sign(
    session: &Session,
    cx: &Call<'_>,
    account: &StorageAccount,
    container: &ContainerName,
    within: Option<&KeyPrefix>,
    access: Access,
) -> Result<Signed> {
    let blobs = Blobs::of(cx, session, account);
    let part = within.map_or(Ok(Part::Whole), Part::directory)?;
    let asked = cx.duration().unwrap_or(LONGEST).min(LONGEST);
    let (signer, end, expiry) = match session.connection() {
        None => {
            let token = session.token(cx, &Audience::storage()).await?;
            let life = token.expiry.left(cx.began()).unwrap_or(USUAL).min(asked);
            let (key, clock) = blobs.delegation_key(whole_seconds(cx.began() + life)).await?;
            let of_key = key.end()?;
            // By the clock of whoever judges it, where that told its time.
            let clock = clock.unwrap_or(cx.began());
            let end = whole_seconds(clock + life).min(of_key);
            if end <= clock {
                return Err(Error::unreachable("the key that Azure gave for signatures has ended already")
                    .transient(false)
                    .with_hint("compare this machine's clock with Azure's"));
            }
            (Signer::Delegated(key), end, cx.expires_at(end, clock))
        }
        Some(ConnectionString::StorageKey { key, .. }) => {
            let end = whole_seconds(cx.began() + cx.duration().unwrap_or(USUAL).min(LONGEST));
            (Signer::Account(key), end, Expiry::At(end))
        }
        Some(ConnectionString::StorageSignature { signature, end, .. }) => {
            let never = "the signature in the connection string does not say when it ends";
            let expiry = end.map_or(Expiry::Never(never.into()), Expiry::At);
            return Ok(Signed { signature: signature.clone(), expiry, by: None });
        }
        Some(ConnectionString::Cosmos { .. }) => return Err(error::other_connection_string("Storage")),
    };
    let terms = |part: Part| Terms {
        account,
        container,
        permissions: Permissions::of(part.kind(), access),
        part,
        start: None,
        end,
        protocol: blobs.protocol(),
        version: Version::default(),
    };
    let terms_of_part = terms(part);
    let signature = signer.sign(&terms_of_part)?;
    if let Some(within) = within {
        let answer = blobs.looks_below(container, within, &signature).await?;
        if !blobs.is_taken(&answer)? {
            // Another reason is one against a signature for the whole container as well.
            let whole = signer.sign(&terms(Part::Whole))?;
            let whole = blobs.reads(container, None, &whole).await;
            return Err(whole.map_or_else(|error| error, |()| no_directories(account)));
        }
    }
    let place = within.map(|it| format!("/{}", it.as_str())).unwrap_or_default();
    let by = format!(
        "{} for az://{account}/{container}{place}, permissions {}",
        signer.name(),
        terms_of_part.permissions
    );
    Ok(Signed { signature, expiry, by: Some(by) })
}

/// A signature ends with a second.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
