//! `secret`: a secret of Key Vault.

use connector_core::{
    Access, Call, Clients, Error, ErrorKind, Handle, Issued, Listing, Offers, Parsed, Request, ResourceAbout,
    ResourceType, Response, Result, Secret, SecretReader, Wanted, candidates, in_id, not_an_id,
};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Deserialize;

use super::arm::{self, ArmId, Found, SIDE_BY_SIDE};
use super::common::{in_cloud, of_token};
use crate::Azure;
use crate::credential::AzureCredential;
use crate::error;
use crate::names::{Audience, Cloud, SecretName, Service, VaultName};
use crate::narrowing::Narrowing;
use crate::session::Session;
use crate::wire::{self, Api};

/// A secret of a key vault: the value that it has now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredSecret {
    cloud: Cloud,
    vault: VaultName,
    name: SecretName,
}

/// The version of Key Vault's own calls.
const VERSION: &str = "7.4";
/// The version of Resource Manager's calls about vaults.
const VAULTS_VERSION: &str = "2023-07-01";

/// What Key Vault's calls are called, for errors.
const GET: &str = "secrets.get";
const LIST: &str = "secrets.list";
const VAULTS: &str = "vaults.list";

const PROVIDER: &str = "Microsoft.KeyVault";

const WIDE: &str = "Entra ID gives tokens for Key Vault as a whole, so one may do in every vault what the \
    identity may";

impl StoredSecret {
    /// The cloud that its vault is in.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// Its vault.
    #[must_use]
    pub fn vault(&self) -> &VaultName {
        &self.vault
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &SecretName {
        &self.name
    }
}

/// What a text says.
enum Said<'a> {
    Whole(StoredSecret),
    /// An id of Resource Manager's, which says a subscription and a group, too.
    Below(ArmId<'a>, VaultName, SecretName),
    InVault(VaultName, SecretName),
    Name(SecretName),
}

fn read(text: &str) -> Result<Said<'_>> {
    if let Some(rest) = text.strip_prefix("https://") {
        return read_url(rest).map(Said::Whole);
    }
    if let Some(id) = ArmId::parse(text) {
        let Some([vault, name]) = id.names(PROVIDER, ["vaults", "secrets"]) else {
            return Err(not_an_id::<StoredSecret>("it is of something else than a secret"));
        };
        return Ok(Said::Below(id, vault_of(vault)?, name_of(name)?));
    }
    match text.split('/').collect::<Vec<_>>()[..] {
        [vault, name] => Ok(Said::InVault(vault_of(vault)?, name_of(name)?)),
        [name] => name_of(name).map(Said::Name),
        _ => Err(not_an_id::<StoredSecret>("it has another number of parts")),
    }
}

/// `{vault}.{suffix}/secrets/{name}`, with the port of https or without, and as portals write it with a slash at the
/// end.
fn read_url(rest: &str) -> Result<StoredSecret> {
    let wrong = |why| Err(not_an_id::<StoredSecret>(why));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
    let Some((cloud, vault)) = Cloud::of_host(Service::Vault, &host) else {
        return wrong("its host is none of a key vault's");
    };
    let vault = vault_of(vault)?;
    match path.strip_suffix('/').unwrap_or(path).split('/').collect::<Vec<_>>()[..] {
        ["secrets", name] => Ok(StoredSecret { cloud, vault, name: name_of(name)? }),
        // What is read is the value of now: another would be something else than was asked for.
        ["secrets", _, _] => wrong("it names a version, and only the current one is read"),
        ["keys" | "certificates", ..] => wrong("it is of a key or a certificate, and no secret"),
        _ => wrong("it has another number of parts"),
    }
}

/// A vault's name is a part of a host, where upper and lower case are the same.
fn vault_of(text: &str) -> Result<VaultName> {
    let name = in_id::<StoredSecret, _>(VaultName::parse(text))?;
    VaultName::parse(name.as_str().to_ascii_lowercase())
}

fn name_of(text: &str) -> Result<SecretName> {
    in_id::<StoredSecret, _>(SecretName::parse(text))
}

impl ResourceType for StoredSecret {
    const ID: &'static str = "secret";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Key Vault secret",
        "A secret in Azure Key Vault. `connector read-secret` prints its value. The token that is issued is good for \
         all vaults that the identity reaches.",
    )
    .forms(&[
        ("https://VAULT.vault.azure.net/secrets/SECRET", "the canonical form; hosts of other clouds end otherwise"),
        ("VAULT/SECRET", "in the connector's cloud"),
        (
            "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/VAULT/secrets/SECRET",
            "as Resource Manager writes it",
        ),
        ("SECRET", "its name alone, where the connector sees one vault; completed by calls"),
    ])
    .targets(
        "the vault, by Azure's roles (Key Vault Secrets User reads) or by its access policies; roles such as Owner and \
         Contributor do not reach secrets",
    )
    .hands_on()
    .narrows("nothing beyond the tokens of all key vaults: Entra ID gives none for a single one");
    type Connector = Azure;
    type Credential = AzureCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        Ok(match read(text)? {
            Said::Whole(secret) => Parsed::exact(secret),
            // The session says the cloud, and has to agree on the subscription.
            Said::Below(..) | Said::InVault(..) | Said::Name(_) => Parsed::partial(text),
        })
    }

    fn id(&self) -> String {
        let suffix = self.cloud.suffix(Service::Vault).unwrap_or_default();
        format!("https://{}.{suffix}/secrets/{}", self.vault, self.name)
    }

    /// Needs no call, unless no vault is named.
    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`secret` needs the name of a secret, and its vault's"));
        }
        let cloud = session.place.cloud;
        match read(partial)? {
            Said::Whole(secret) => in_cloud(secret.cloud, session).map(|()| secret),
            Said::Below(id, vault, name) => id.check(session).map(|()| Self { cloud, vault, name }),
            Said::InVault(vault, name) => Ok(Self { cloud, vault, name }),
            Said::Name(name) => {
                let vault = only_vault(&name, vaults(session, cx).await?)?;
                Ok(Self { cloud, vault, name })
            }
        }
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        let mut all = vec![
            "Microsoft.KeyVault/vaults/read",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        ];
        if access >= Access::Write {
            all.push("Microsoft.KeyVault/vaults/secrets/setSecret/action");
        }
        if access >= Access::Admin {
            all.extend([
                "Microsoft.KeyVault/vaults/secrets/delete",
                "Microsoft.KeyVault/vaults/accessPolicies/write",
            ]);
        }
        all
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        match wanted.within {
            Some(_) => Err(Error::field("within", "a secret has no parts to ask for")),
            None => Ok(Some(Narrowing::to(Audience::vault(self.cloud)))),
        }
    }

    /// The vaults of all subscriptions first, then all of them side by side. One that lets nobody in hides none of the
    /// others.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let found = vaults(session, cx).await?;
        let vaults: Vec<_> = found.names.iter().filter_map(|it| vault_of(it).ok()).collect();
        let asked = vaults.into_iter().map(|vault| async move {
            let listed = secrets(session, cx, &vault).await;
            (vault, listed)
        });
        let mut answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE).collect().await;
        answers.sort_by(|(one, _), (other, _)| one.cmp(other));
        let ids = answers.iter().filter_map(|(_, listed)| listed.as_ref().ok()).flatten().map(Self::id);
        let mut listing = Listing::of(ids.collect::<Vec<_>>());
        for (vault, listed) in answers {
            if let Err(error) = listed {
                listing = listing.with_failure(vault.as_str(), error);
            }
        }
        Ok(found.told_in(listing))
    }

    /// One call: Key Vault tells in no other way whether a secret may be read. Its value is thrown away. Whether it may
    /// be changed shows only when somebody does.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        in_cloud(self.cloud, session)?;
        let endpoint = session.place.url_of(Service::Vault, self.vault.as_str());
        self.value(session, cx, &endpoint, wanted.access).await.map(drop)
    }

    async fn issue(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<Issued<AzureCredential>> {
        in_cloud(self.cloud, session)?;
        let audience = Audience::vault(self.cloud);
        let token = session.token(cx, &audience).await?;
        let mut credential = of_token(session, &audience, token.secret);
        credential.account = Some(self.vault.to_string());
        credential.endpoint = Some(session.place.url_of(Service::Vault, self.vault.as_str()));
        Ok(Issued::new(credential, token.expiry).not_narrowed(WIDE))
    }

    fn clients() -> Clients<Handle<Self>> {
        Clients::none().with::<SecretReader>()
    }
}

/// The names of all vaults where the connector looks.
async fn vaults(session: &Session, cx: &Call<'_>) -> Result<Found> {
    arm::names_of(session, cx, VAULTS, "Microsoft.KeyVault/vaults", VAULTS_VERSION, |_| true).await
}

/// The vault that a secret's name alone means: the only one that there is.
fn only_vault(name: &SecretName, found: Found) -> Result<VaultName> {
    const NAME_IT: &str = "name its vault, too: VAULT/SECRET";
    if let Some((subscription, error)) = found.failures.into_iter().next() {
        // There may be more of them.
        return Err(error
            .context(format!("which vault is meant is not known, since {subscription} does not tell its own"))
            .with_hint(NAME_IT));
    }
    let mut vaults: Vec<_> = found.names.iter().filter_map(|it| vault_of(it).ok()).collect();
    match (vaults.pop(), vaults.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(Error::not_found("the connector sees no key vault").with_hint(format!(
            "{NAME_IT}; or grant the identity the role Reader where the vault is, so that it is seen"
        ))),
        (Some(last), false) => {
            vaults.push(last);
            let ids: Vec<_> = vaults.iter().map(|vault| format!("{vault}/{name}")).collect();
            Err(Error::field("resource_id", format!("the connector sees {} vaults", ids.len()))
                .with_hint(format!("name one of: {}", candidates(&ids))))
        }
    }
}

/// All secrets of a vault.
async fn secrets(session: &Session, cx: &Call<'_>, vault: &VaultName) -> Result<Vec<StoredSecret>> {
    #[derive(Deserialize)]
    struct Listed {
        id: String,
    }
    let cloud = session.place.cloud;
    let endpoint = session.place.url_of(Service::Vault, vault.as_str());
    let url = format!("{endpoint}/secrets?api-version={VERSION}");
    let refused = |answer: &Response| refused(cx, LIST, answer, vault, Access::Read);
    let found = Api::new(cx, session).pages_or(LIST, &Audience::vault(cloud), url, refused).await;
    let found: Vec<Listed> = found.map_err(|error| unanswered(error, vault))?;
    // Where the vault says it is may be the cloud's own host; its name is what is known here.
    let names = found.into_iter().filter_map(|it| SecretName::parse(it.id.rsplit_once("/secrets/")?.1).ok());
    Ok(names.map(|name| StoredSecret { cloud, vault: vault.clone(), name }).collect())
}

impl StoredSecret {
    /// The value of now, as a vault gives it.
    async fn value(
        &self,
        session: &Session,
        cx: &Call<'_>,
        endpoint: &str,
        access: Access,
    ) -> Result<Secret> {
        #[derive(Deserialize)]
        struct Bundle {
            value: Secret,
        }
        let request = Request::get(format!("{endpoint}/secrets/{}?api-version={VERSION}", self.name))
            .with_header("accept", "application/json");
        let answer = Api::new(cx, session).send(GET, &Audience::vault(self.cloud), request).await;
        let answer = answer.map_err(|error| unanswered(error, &self.vault))?;
        if answer.is_success() {
            return wire::json::<Bundle>(GET, &answer).map(|it| it.value);
        }
        let error = refused(cx, GET, &answer, &self.vault, access);
        Err(match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!("there is no secret `{}`", self.id())),
            ErrorKind::Refused => error.context(format!("secret `{}` is not reached", self.id())),
            _ => error,
        })
    }
}

/// What a vault refuses, with the role or the policy that is missing.
fn refused(cx: &Call<'_>, call: &'static str, answer: &Response, vault: &VaultName, access: Access) -> Error {
    let error = error::refused(cx, call, answer);
    if answer.status() != 403 || error::is_network(answer) {
        return error;
    }
    let (role, permissions) = match access {
        Access::Read => ("Key Vault Secrets User", "get list"),
        Access::Write => ("Key Vault Secrets Officer", "get list set"),
        Access::Admin => ("Key Vault Secrets Officer", "get list set delete"),
    };
    let by_role = format!(
        "grant the identity {role} on vault {vault}; Owner and Contributor do not reach its secrets, and new grants take \
         some minutes"
    );
    let by_policy =
        format!("az keyvault set-policy --name {vault} --object-id ID --secret-permissions {permissions}");
    error.with_hint(match error::inner_code(answer) {
        Some("SecretDisabled") => {
            format!("it is disabled: az keyvault secret set-attributes --vault-name {vault} --enabled true --name NAME")
        }
        Some("ForbiddenByRbac") => by_role,
        Some("AccessDenied" | "ForbiddenByPolicy") => {
            format!("the vault goes by access policies: {by_policy}")
        }
        _ => format!("{by_role}; where the vault goes by access policies: {by_policy}"),
    })
}

/// Nobody answers at a vault: there is a host for each, so a name that is wrong looks like a network that is down.
fn unanswered(error: Error, vault: &VaultName) -> Error {
    match error.kind() {
        ErrorKind::Unreachable => {
            error.or_hint(format!("check that there is a vault {vault}, and that this machine reaches it"))
        }
        _ => error,
    }
}

impl Offers<SecretReader> for StoredSecret {
    async fn offer(handle: Handle<Self>) -> Result<SecretReader> {
        Ok(SecretReader::new(move || read_current(handle.clone())))
    }
}

/// The value of now, read with the credential that is issued for it and where that says.
async fn read_current(handle: Handle<StoredSecret>) -> Result<Secret> {
    let issued = handle.issue().await?;
    let cx = handle.source().context();
    let session = Session::of_issued(&issued.credential, &issued.expiry, &cx)?;
    let endpoint = issued.credential.endpoint.as_deref();
    let endpoint =
        endpoint.ok_or_else(|| Error::unexpected("the credential does not say where its vault is"))?;
    handle.resource().value(&session, &Call::new(&cx, None), endpoint, Access::Read).await
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
