//! `blob-container`: one container of Blob Storage, or a directory in it.

mod id;

use connector_core::{
    Access, Call, Error, ErrorKind, Issued, KeyPrefix, Listing, Parsed, ResourceAbout, ResourceType, Result,
    Wanted, Withheld, candidates,
};

use self::id::Id;
use super::arm::unanswered;
use super::common::in_cloud;
use crate::Azure;
use crate::credential::{AzureCredential, Shown};
use crate::names::{Audience, Cloud, ContainerName, Service, StorageAccount};
use crate::narrowing::Narrowing;
use crate::sas::Part;
use crate::session::Session;
use crate::storage::{self, Blobs, Found, Signed, roles};

/// A container of a storage account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobContainer {
    account: StorageAccount,
    name: ContainerName,
}

impl BlobContainer {
    /// A container of an account.
    #[must_use]
    pub fn new(account: StorageAccount, name: ContainerName) -> Self {
        Self { account, name }
    }

    /// The storage account.
    #[must_use]
    pub fn account(&self) -> &StorageAccount {
        &self.account
    }

    /// The container's name.
    #[must_use]
    pub fn name(&self) -> &ContainerName {
        &self.name
    }

    /// Where it is in a cloud.
    pub(super) fn url(&self, cloud: Cloud) -> String {
        let suffix = cloud.suffix(Service::Blob).unwrap_or_default();
        format!("https://{}.{suffix}/{}", self.account, self.name)
    }
}

impl ResourceType for BlobContainer {
    const ID: &'static str = "blob-container";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Blob container",
        "A container of Azure Blob Storage. What is issued is a shared access signature (SAS) for it alone, or for a \
         directory in it where the account has a hierarchical namespace. It may do what the connector's identity may \
         there, and no more than was asked.",
    )
    .forms(&[
        ("az://ACCOUNT/CONTAINER", "the canonical form; a path behind it is the part asked for"),
        ("az://CONTAINER", "the account is found, or is the connector's `storage_account`"),
        ("CONTAINER", "the same, by the name alone"),
        (
            "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net",
            "as Hadoop and Spark write it, in every cloud; abfs://CONTAINER/PATH leaves the account to be found",
        ),
        ("https://ACCOUNT.blob.core.windows.net/CONTAINER", "its URL, in every cloud"),
    ])
    .within(
        "a directory, for accounts with a hierarchical namespace: `a` and `a/` mean it and all below it, and never `ab`; \
         it is refused for other accounts, which have nothing between the whole container and a single blob",
    )
    .targets(
        "the container or its account; Microsoft.Storage/storageAccounts/read and containers/read are for listing alone, \
         and generateUserDelegationKey attaches to the account: no signature carries them",
    )
    .hands_on()
    .narrows(
        "a user-delegation SAS for the container, or the directory in it; a service SAS where the connector holds the \
         account's key",
    );
    type Connector = Azure;
    type Credential = AzureCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        id::parse(text)
    }

    fn id(&self) -> String {
        format!("az://{}/{}", self.account, self.name)
    }

    /// A form with a host says a cloud, which is compared and takes no call. A name is looked for in every account, unless
    /// the connector is for one.
    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        let name = match partial {
            "" => None,
            partial => match id::read(partial)?.0 {
                Id::Whole(container) => return Ok(container),
                Id::Hosted(cloud, container) => return in_cloud(cloud, session).map(|()| container),
                Id::Named(name, _) => Some(name),
            },
        };
        let of_string = session.connection().map(|it| it.storage_account()).transpose()?;
        if let (Some(account), Some(name)) = (session.place.storage_account.as_ref().or(of_string), &name) {
            return Ok(Self::new(account.clone(), name.clone()));
        }
        let Found { all, failures } =
            storage::containers(session, cx, name.as_ref().map(ContainerName::as_str).unwrap_or_default())
                .await?;
        let fits = all.into_iter().filter(|(_, found)| name.as_ref().is_none_or(|name| name == found));
        let mut fits: Vec<_> = fits.map(|(account, name)| Self::new(account, name)).collect();
        match (fits.pop(), fits.is_empty()) {
            (Some(one), true) => match unanswered(&failures) {
                None => Ok(one),
                Some((place, error)) => Err(error
                    .clone()
                    .context(format!(
                        "`{}` is found, but {place} did not answer, and may have another one of this name",
                        one.id()
                    ))
                    .with_hint(format!("try again later, or name it in full: {}", one.id()))),
            },
            (Some(last), false) => {
                fits.push(last);
                let ids: Vec<_> = fits.iter().map(Self::id).collect();
                Err(Error::field("resource_id", format!("fits several containers: {}", candidates(&ids)))
                    .with_hint("name the account, too: az://ACCOUNT/CONTAINER"))
            }
            (None, _) => Err(not_found(failures)),
        }
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        roles::permissions(access)
    }

    fn carried(&self, wanted: &Wanted) -> Vec<&'static str> {
        part(wanted).map(|part| roles::carried(part.kind(), wanted.access)).unwrap_or_default()
    }

    fn withheld(&self, wanted: &Wanted) -> Vec<Withheld> {
        part(wanted).map(|part| roles::withheld(part.kind(), wanted.access)).unwrap_or_default()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        part(wanted)?;
        Ok(Some(Narrowing::to(Audience::storage())))
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let Found { all, failures } = storage::containers(session, cx, "").await?;
        let ids = all.into_iter().map(|(account, name)| Self::new(account, name).id());
        let listing = Listing::of(ids);
        Ok(failures.into_iter().fold(listing, |listing, (place, error)| listing.with_failure(place, error)))
    }

    /// Signs as for whoever asks, and looks whether the signature is taken: one call for the key, and one or two with the
    /// signature.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        let within = within(wanted)?;
        let reached = async {
            let Signed { signature, .. } = self.sign(wanted, session, cx).await?;
            let blobs = Blobs::of(cx, session, &self.account);
            blobs.reads(&self.name, within.as_ref(), &signature).await?;
            match wanted.access {
                Access::Read => Ok(()),
                Access::Write | Access::Admin => blobs.writes(&self.name, within.as_ref(), &signature).await,
            }
        };
        reached.await.map_err(|error| self.unreached(error))
    }

    async fn issue(
        &self,
        wanted: &Wanted,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<Issued<AzureCredential>> {
        let Signed { signature, expiry, by } = self.sign(wanted, session, cx).await?;
        let place = &session.place;
        let mut credential = AzureCredential::new(Shown::Signature(signature));
        credential.tenant_id = place.tenant.as_ref().map(ToString::to_string);
        credential.subscription_id = place.subscription.as_ref().map(ToString::to_string);
        credential.cloud = place.cloud.name().to_owned();
        credential.account = Some(self.account.to_string());
        credential.container = Some(self.name.to_string());
        credential.endpoint = Some(Blobs::of(cx, session, &self.account).url());
        credential.ca_bundle = place.trust.as_ref().map(|it| it.said.as_str().to_owned());
        let issued = Issued::new(credential, expiry);
        Ok(match by {
            Some(by) => issued.narrowed(by),
            None => issued.not_narrowed("it is the signature of the connection string itself").long_lived(),
        })
    }

    #[cfg(feature = "storage")]
    fn clients() -> connector_core::Clients<connector_core::Handle<Self>> {
        connector_core::Clients::none().with::<azure_storage_blob::BlobContainerClient>()
    }
}

impl BlobContainer {
    /// Refuses an account that the connector is not for.
    fn check_account(&self, session: &Session) -> Result<()> {
        let of_string = session.connection().map(|it| it.storage_account()).transpose()?;
        match session
            .place
            .storage_account
            .as_ref()
            .into_iter()
            .chain(of_string)
            .find(|it| **it != self.account)
        {
            None => Ok(()),
            Some(ours) => Err(Error::field(
                "resource_id",
                format!("the container is of storage account {}, the connector is for {ours}", self.account),
            )
            .with_hint("use a connector of that account")),
        }
    }

    async fn sign(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<Signed> {
        self.check_account(session)?;
        let within = within(wanted)?;
        storage::sign(session, cx, &self.account, &self.name, within.as_ref(), wanted.access).await
    }

    fn unreached(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!("there is no container `{}`", self.id()))
                .with_hint("check its name and its account: az storage container list --account-name ACCOUNT --auth-mode login"),
            ErrorKind::Refused => error.context(format!("container `{}` is not reached", self.id())),
            // The name of an account that is not there is none of the hosts'.
            ErrorKind::Unreachable => error.context(format!("storage account `{}` is not reached", self.account)),
            _ => error,
        }
    }
}

fn within(wanted: &Wanted) -> Result<Option<KeyPrefix>> {
    wanted.within.as_deref().map(KeyPrefix::parse).transpose()
}

fn part(wanted: &Wanted) -> Result<Part> {
    within(wanted)?.as_ref().map_or(Ok(Part::Whole), Part::directory)
}

/// Nothing was found, and perhaps not everything could be looked into.
fn not_found(mut failures: Vec<(String, Error)>) -> Error {
    let hint = "name it in full: az://ACCOUNT/CONTAINER; to be found, its account has to be readable to the identity \
                (roles Reader and Storage Blob Data Reader)";
    match failures.len() {
        0 => Error::not_found("the identity sees no container of this name").with_hint(hint),
        1 => {
            let (place, error) = failures.remove(0);
            error
                .context(format!("the container was not found, and {place} could not be looked into"))
                .or_hint(hint)
        }
        _ => {
            let places: Vec<_> = failures.iter().map(|(place, _)| place.clone()).collect();
            let (_, error) = failures.remove(0);
            let places = candidates(&places);
            error
                .context(format!("the container was not found, and these could not be looked into: {places}"))
        }
    }
}

#[cfg(test)]
mod tests;
