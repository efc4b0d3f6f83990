//! The storage accounts that a session reaches, and what is in them: subscriptions and accounts side by side, and one
//! that fails hides none of the others.

use connector_core::{Call, Error, Result};
use futures_util::{StreamExt, stream};
use serde::Deserialize;

use super::Blobs;
use crate::names::{ContainerName, StorageAccount};
use crate::resource::{SIDE_BY_SIDE, resources};
use crate::session::Session;

/// The version of Storage's calls to Resource Manager.
const VERSION: &str = "2023-05-01";

const LIST: &str = "Microsoft.Storage/storageAccounts.list";

/// What was found in several places, and the places that could not be looked into.
#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) all: Vec<T>,
    pub(crate) failures: Vec<(String, Error)>,
}

#[derive(Deserialize)]
struct Account {
    name: String,
    #[serde(default)]
    properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(default)]
    primary_endpoints: Option<Endpoints>,
}

#[derive(Deserialize)]
struct Endpoints {
    blob: Option<String>,
}

impl Properties {
    /// Whether it has blobs at all: accounts for files alone have not.
    fn has_blobs(&self) -> bool {
        self.primary_endpoints.as_ref().is_none_or(|it| it.blob.is_some())
    }
}

/// The storage accounts of a session, sorted: the one that the connector names or has the connection string of, which
/// takes no call, or all in its subscriptions.
///
/// # Errors
/// What Resource Manager refuses, where there is nothing but the one subscription or the list of them.
pub(crate) async fn accounts(session: &Session, cx: &Call<'_>) -> Result<Found<StorageAccount>> {
    let of_string = session.connection().map(|it| it.storage_account()).transpose()?;
    if let Some(one) = session.place.storage_account.as_ref().or(of_string) {
        return Ok(Found { all: vec![one.clone()], failures: Vec::new() });
    }
    const KIND: &str = "Microsoft.Storage/storageAccounts";
    let (accounts, failures) = resources::<Account>(session, cx, LIST, KIND, VERSION).await?;
    let with_blobs = accounts.into_iter().filter(|it| it.properties.has_blobs());
    let mut all: Vec<_> = with_blobs.filter_map(|it| StorageAccount::parse(it.name).ok()).collect();
    all.sort();
    all.dedup();
    let failures = failures.into_iter().map(|(it, error)| (format!("subscription {it}"), error));
    Ok(Found { all, failures: failures.collect() })
}

/// The containers of all these accounts whose names begin so.
///
/// # Errors
/// Those of [`accounts`].
pub(crate) async fn containers(
    session: &Session,
    cx: &Call<'_>,
    prefix: &str,
) -> Result<Found<(StorageAccount, ContainerName)>> {
    let Found { all, failures } = accounts(session, cx).await?;
    let asked = all.into_iter().map(|account| async move {
        let found = Blobs::of(cx, session, &account).containers(prefix).await;
        (account, found)
    });
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE).collect().await;
    let mut found = Found { all: Vec::new(), failures };
    for (account, answer) in answers {
        match answer {
            Ok(names) => found.all.extend(names.into_iter().map(|name| (account.clone(), name))),
            Err(error) => found.failures.push((format!("storage account {account}"), error)),
        }
    }
    found.all.sort();
    found.failures.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}
