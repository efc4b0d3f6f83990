//! `cosmos-db`: an account in Cosmos DB.

use connector_core::{
    Access, Call, Error, ErrorKind, Expiry, Issued, Listing, Parsed, ResourceAbout, ResourceType, Response,
    Result, Secret, Wanted, in_id, not_an_id,
};

use super::arm::{self, ArmId};
use super::common::{in_cloud, of_token};
use crate::Azure;
use crate::connection_string::ConnectionString;
use crate::credential::{AzureCredential, Shown};
use crate::error;
use crate::names::{Audience, Cloud, CosmosAccount, Service};
use crate::narrowing::Narrowing;
use crate::session::Session;
use crate::wire;

mod proof;

use proof::Proof;

/// Why what a connection string gives is as wide as it is.
const OF_KEY: &str = "it is the connection string itself: an account has nothing narrower than its key";

/// Why that does not end.
const ENDLESS: &str = "the key of an account is good until somebody makes a new one";

/// An account in Cosmos DB, with all its databases.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CosmosDb {
    account: CosmosAccount,
}

/// The version of Resource Manager's calls about accounts.
const VERSION: &str = "2024-05-15";

/// What the calls are called, for errors.
const GET: &str = "cosmos.account.get";
const LIST: &str = "databaseAccounts.list";

const PROVIDER: &str = "Microsoft.DocumentDB";

const WIDE: &str = "nothing beyond the account: in it the token may do all that the identity's roles of Cosmos DB \
    allow";

impl CosmosDb {
    /// The account's name.
    #[must_use]
    pub fn account(&self) -> &CosmosAccount {
        &self.account
    }
}

/// What a text says.
enum Said<'a> {
    Account(CosmosDb),
    /// An endpoint, which says a cloud, too.
    Endpoint(Cloud, CosmosDb),
    /// An id of Resource Manager's, which says a subscription and a group, too.
    Below(ArmId<'a>, CosmosDb),
}

fn read(text: &str) -> Result<Said<'_>> {
    if let Some(rest) = text.strip_prefix("https://") {
        let host = rest.strip_suffix('/').unwrap_or(rest);
        let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
        return match Cloud::of_host(Service::Cosmos, &host) {
            Some((cloud, account)) => named(account).map(|account| Said::Endpoint(cloud, account)),
            None => Err(not_an_id::<CosmosDb>("it is no endpoint of Cosmos DB's")),
        };
    }
    if let Some(id) = ArmId::parse(text) {
        let Some([account]) = id.names(PROVIDER, ["databaseAccounts"]) else {
            return Err(not_an_id::<CosmosDb>("it is of something else than an account in Cosmos DB"));
        };
        let account = named(&account.to_ascii_lowercase())?;
        return Ok(Said::Below(id, account));
    }
    named(text).map(Said::Account)
}

fn named(text: &str) -> Result<CosmosDb> {
    let account = in_id::<CosmosDb, _>(CosmosAccount::parse(text))?;
    Ok(CosmosDb { account })
}

impl ResourceType for CosmosDb {
    const ID: &'static str = "cosmos-db";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Cosmos DB account",
        "An account of Azure Cosmos DB for NoSQL. With a method of Entra ID it is reached by a token that is good for \
         this account alone; what may be done there is decided by roles of Cosmos DB's own.",
    )
    .forms(&[
        ("ACCOUNT", "the canonical form, its name"),
        ("https://ACCOUNT.documents.azure.com:443/", "its endpoint; hosts of other clouds end otherwise"),
        (
            "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.DocumentDB/databaseAccounts/ACCOUNT",
            "as Resource Manager writes it",
        ),
    ])
    .targets(
        "the account, by roles of Cosmos DB's own (az cosmosdb sql role assignment); roles of Resource Manager such as \
         Owner do not reach the data. Listing takes the role Reader",
    )
    .hands_on()
    .narrows(WIDE);
    type Connector = Azure;
    type Credential = AzureCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        Ok(match read(text)? {
            Said::Account(account) => Parsed::exact(account),
            // The session has to agree on the cloud, or on the subscription.
            Said::Endpoint(..) | Said::Below(..) => Parsed::partial(text),
        })
    }

    fn id(&self) -> String {
        self.account.to_string()
    }

    /// Needs no call.
    async fn resolve(partial: &str, session: &Session, _: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            let of_string = connection(session)?.and_then(|it| it.account.cloned());
            return match of_string {
                Some(account) => Ok(Self { account }),
                None => Err(Error::field("resource_id", "`cosmos-db` needs the name of an account")),
            };
        }
        match read(partial)? {
            Said::Account(account) => Ok(account),
            Said::Endpoint(cloud, account) => in_cloud(cloud, session).map(|()| account),
            Said::Below(id, account) => id.check(session).map(|()| account),
        }
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        let mut all = vec![
            "Microsoft.DocumentDB/databaseAccounts/read",
            "Microsoft.DocumentDB/databaseAccounts/readMetadata",
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery",
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read",
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/readChangeFeed",
        ];
        if access >= Access::Write {
            all.push("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/*");
        }
        if access >= Access::Admin {
            all.push("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/*");
        }
        all
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        match wanted.within {
            Some(_) => Err(Error::field("within", "an account has no parts to ask for")),
            None => Ok(Some(Narrowing::to_cosmos(self.account.clone()))),
        }
    }

    /// The accounts of all subscriptions, side by side; the one of a connection string where its key is taken.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        if let Some(of_string) = connection(session)? {
            let Some(account) = of_string.account else {
                return Ok(
                    Listing::default().with_note("the host of the connection string tells no account's name")
                );
            };
            let one = Self { account: account.clone() };
            one.reach(&Wanted::new(Access::Read), session, cx).await?;
            return Ok(Listing::of([one.id()]));
        }
        const KIND: &str = "Microsoft.DocumentDB/databaseAccounts";
        // The same list holds accounts that speak MongoDB's language, and take no tokens.
        let found = arm::names_of(session, cx, LIST, KIND, VERSION, |kind| kind != "MongoDB").await?;
        let accounts = found.names.iter().filter_map(|it| named(it).ok()).map(|it| it.id());
        let listing = Listing::of(accounts.collect::<Vec<_>>());
        Ok(found.told_in(listing))
    }

    /// One call: what the account says of itself, to those who have a role there. Which role it is shows only when
    /// somebody uses it.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        if let Some(of_string) = self.connection(session)? {
            let (proof, endpoint) = (Proof::Key(of_string.key), of_string.endpoint(self, session));
            return self.probe(proof, &endpoint, wanted.access, session, cx).await;
        }
        let token = session.token(cx, &self.audience(session)).await?;
        let endpoint = session.place.url_of(Service::Cosmos, self.account.as_str());
        self.probe(Proof::Token(&token.secret), &endpoint, wanted.access, session, cx).await
    }

    async fn issue(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<Issued<AzureCredential>> {
        if let Some(of_string) = self.connection(session)? {
            let credential = of_string.credential(self, session);
            return Ok(Issued::new(credential, Expiry::Never(ENDLESS.into()))
                .not_narrowed(OF_KEY)
                .long_lived());
        }
        let audience = self.audience(session);
        let token = session.token(cx, &audience).await?;
        let mut credential = of_token(session, &audience, token.secret);
        credential.account = Some(self.account.to_string());
        credential.endpoint = Some(session.place.url_of(Service::Cosmos, self.account.as_str()));
        Ok(Issued::new(credential, token.expiry).not_narrowed(WIDE))
    }

    #[cfg(feature = "cosmos")]
    fn clients() -> connector_core::Clients<connector_core::Handle<Self>> {
        connector_core::Clients::none().with::<azure_data_cosmos::CosmosClient>()
    }
}

/// What a connection string holds of an account.
struct OfString<'a> {
    /// Which one it is, where its host tells that.
    account: Option<&'a CosmosAccount>,
    endpoint: &'a str,
    key: &'a Secret,
}

/// What the session's connection string holds, where there is one in place of tokens.
///
/// # Errors
/// Refused, for one of another service.
fn connection(session: &Session) -> Result<Option<OfString<'_>>> {
    match session.connection() {
        None => Ok(None),
        Some(ConnectionString::Cosmos { account, endpoint, key, .. }) => {
            Ok(Some(OfString { account: account.as_ref(), endpoint, key }))
        }
        Some(_) => Err(error::other_connection_string("Cosmos DB")),
    }
}

impl OfString<'_> {
    /// Where the account is: where the connector says, else where the string does.
    fn endpoint(&self, of: &CosmosDb, session: &Session) -> String {
        match session.place.is_elsewhere(Service::Cosmos) {
            true => session.place.url_of(Service::Cosmos, of.account.as_str()),
            false => self.endpoint.to_owned(),
        }
    }

    fn credential(&self, of: &CosmosDb, session: &Session) -> AzureCredential {
        let (place, endpoint) = (&session.place, self.endpoint(of, session));
        let text = format!("AccountEndpoint={endpoint}/;AccountKey={};", self.key.expose());
        let mut credential = AzureCredential::new(Shown::ConnectionString(Secret::new(text)));
        credential.tenant_id = place.tenant.as_ref().map(ToString::to_string);
        credential.subscription_id = place.subscription.as_ref().map(ToString::to_string);
        credential.cloud = place.cloud.name().to_owned();
        credential.account = Some(of.account.to_string());
        credential.endpoint = Some(endpoint);
        credential.ca_bundle = place.trust.as_ref().map(|it| it.said.as_str().to_owned());
        credential
    }
}

impl CosmosDb {
    /// What the session's connection string holds of this account.
    ///
    /// # Errors
    /// Those of [`connection`]; invalid input, where it is of another account.
    fn connection<'a>(&self, session: &'a Session) -> Result<Option<OfString<'a>>> {
        let of_string = connection(session)?;
        let other = of_string.as_ref().and_then(|it| it.account).filter(|it| **it != self.account);
        match other {
            None => Ok(of_string),
            Some(other) => Err(Error::field(
                "resource_id",
                format!("the connection string is of account {other}, and not of {}", self.account),
            )
            .with_hint("use a connector with the connection string of that account")),
        }
    }

    fn audience(&self, session: &Session) -> Audience {
        Audience::cosmos(session.place.cloud, self.account.as_str())
    }

    /// Asks the account what it says of itself.
    async fn probe(
        &self,
        proof: Proof<'_>,
        endpoint: &str,
        access: Access,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<()> {
        let request = proof.of_account(endpoint, cx.now())?;
        let answer = wire::send(cx, &session.place, request).await;
        let answer = answer.map_err(|error| {
            error.context(format!("{GET} is not answered")).or_hint(format!(
                "check that there is an account {}, and that this machine reaches it",
                self.account
            ))
        })?;
        // Somebody else may answer everything with a page.
        let is_account = |it: &Response| wire::value(it)["id"].is_string();
        match answer.is_success() {
            true if is_account(&answer) => Ok(()),
            true => Err(error::garbage(GET)),
            false => Err(self.refused(proof, access, cx, &answer)),
        }
    }

    /// What an account refuses, with what is missing.
    fn refused(&self, proof: Proof<'_>, access: Access, cx: &Call<'_>, answer: &Response) -> Error {
        let error = error::refused(cx, GET, answer);
        if error.kind() == ErrorKind::NotFound {
            return Error::not_found(format!("there is no account `{}` in Cosmos DB", self.account));
        }
        if !matches!(answer.status(), 401 | 403) {
            return error;
        }
        let account = &self.account;
        let unreached =
            |error: Error, why: &str| error.context(format!("account `{account}` is not reached: {why}"));
        if let Some(skewed) = error::skewed_by(cx, answer, BORNE) {
            return unreached(error, &skewed).with_hint("set the clock (15 minutes are borne)");
        }
        let text = String::from_utf8_lossy(answer.body());
        if text.contains("firewall settings") {
            return unreached(error, "its network rules do not let this machine through")
                .with_hint("add this machine's address or network to the firewall of the account");
        }
        match (proof, answer.status()) {
            (Proof::Token(_), 403) => {
                let role = match access {
                    Access::Read => "Cosmos DB Built-in Data Reader",
                    Access::Write | Access::Admin => "Cosmos DB Built-in Data Contributor",
                };
                unreached(error, "the identity has no role for its data").with_hint(format!(
                    "give it one of Cosmos DB's own; roles of Resource Manager such as Owner do not reach the data: az \
                     cosmosdb sql role assignment create --account-name {account} --resource-group GROUP \
                     --role-definition-name \"{role}\" --principal-id ID --scope /"
                ))
            }
            (Proof::Token(_), _) => unreached(error, "the token is not taken"),
            (Proof::Key(_), _) if text.contains("Local Authorization is disabled") => {
                unreached(error, "it takes no keys").with_hint("use a method of Entra ID, such as service-principal")
            }
            (Proof::Key(_), _) => unreached(error, "the key is not taken").with_hint(
                "it may have been regenerated: update the connector with the connection string of now, from the portal \
                 under Keys",
            ),
        }
    }
}

/// How far clocks may be apart.
const BORNE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

#[cfg(test)]
#[path = "cosmos_db_tests.rs"]
mod tests;
