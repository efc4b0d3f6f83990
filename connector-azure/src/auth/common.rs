//! What the configs of all methods share, and what they all do with a way to tokens.

use std::sync::Arc;

use connector_core::{
    Authenticated, CaBundle, Call, Context, EndpointUrl, Given, Problem, Result, Step, Trusted,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection_string::ConnectionString;
use crate::mint::machine;
use crate::mint::{self, Mint, Token};
use crate::names::{
    Audience, Cloud, Endpoints, ResourceGroup, Service, StorageAccount, SubscriptionId, TenantId,
};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// Where a connector's calls go; the same fields in every method.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Network {
    /// The id of the subscription that resources are looked for in, and that clusters have to be of; all that the
    /// identity sees when left out. What has a name of its own in all of Azure, such as a storage account, is reached by it.
    #[serde(default)]
    subscription_id: Option<Given<SubscriptionId>>,
    /// The resource group that resources are looked for in, and that clusters have to be of; all of the subscription when
    /// left out.
    #[serde(default)]
    resource_group: Option<Given<ResourceGroup>>,
    /// The storage account whose containers are reached; all that the identity sees when left out.
    #[serde(default)]
    storage_account: Option<Given<StorageAccount>>,
    /// The cloud: `public`, `government` or `china`; `public` when left out.
    #[serde(default)]
    cloud: Option<Given<Cloud>>,
    /// The authority that gives tokens, in place of the cloud's own, such as `https://login.example.org`.
    #[serde(default)]
    authority_url: Option<Given<EndpointUrl>>,
    /// One server in place of all of Azure's, such as `https://127.0.0.1:9000`: accounts stand in its paths, as in
    /// `/blob/mystorage`.
    #[serde(default)]
    endpoint_url: Option<Given<EndpointUrl>>,
    /// Endpoints of single services by their names: authority, resource-manager, blob, vault, cosmos, registry,
    /// identity. In those of blob, vault, cosmos and registry `{name}` stands for the account's name; without it the
    /// name is added as a part of the path.
    #[serde(default)]
    endpoints: Endpoints,
    /// Certificates to trust beside the system's: PEM text, or the absolute path of a PEM file, which is
    /// read for each call.
    #[serde(default)]
    ca_bundle: Option<Given<CaBundle>>,
}

impl Network {
    /// Azure's public cloud, as far as the identity sees it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In this subscription alone.
    #[must_use]
    pub fn with_subscription(mut self, subscription: SubscriptionId) -> Self {
        self.subscription_id = Some(Given::of(subscription));
        self
    }

    /// In this resource group alone.
    #[must_use]
    pub fn with_group(mut self, group: ResourceGroup) -> Self {
        self.resource_group = Some(Given::of(group));
        self
    }

    /// In this storage account alone, as far as containers go.
    #[must_use]
    pub fn with_storage_account(mut self, account: StorageAccount) -> Self {
        self.storage_account = Some(Given::of(account));
        self
    }

    /// In this cloud.
    #[must_use]
    pub fn with_cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = Some(Given::of(cloud));
        self
    }

    /// Sends every call to `url` in place of Azure.
    #[must_use]
    pub fn with_endpoint(mut self, url: EndpointUrl) -> Self {
        self.endpoint_url = Some(Given::of(url));
        self
    }

    /// Trusts these certificates beside the system's.
    #[must_use]
    pub fn with_ca_bundle(mut self, bundle: CaBundle) -> Self {
        self.ca_bundle = Some(Given::of(bundle));
        self
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let faults = [
            Given::fault(&self.subscription_id, "subscription_id"),
            Given::fault(&self.resource_group, "resource_group"),
            Given::fault(&self.storage_account, "storage_account"),
            Given::fault(&self.cloud, "cloud"),
            Given::fault(&self.authority_url, "authority_url"),
            Given::fault(&self.endpoint_url, "endpoint_url"),
            Given::fault(&self.ca_bundle, "ca_bundle"),
        ];
        let clear = Given::value(&self.authority_url, "authority_url").ok().flatten();
        let clear = clear.filter(|it| !it.is_https());
        let clear = clear.map(|_| Problem::new("authority_url", "secrets are sent there: write https"));
        let faults = faults.into_iter().flatten().chain(clear);
        faults.chain(self.endpoints.check("endpoints")).chain(self.in_clear()).collect()
    }

    /// Secrets and tokens are sent to all of these, so in clear to this machine alone; where the machine's identity is
    /// asked for, nothing secret is sent.
    fn in_clear(&self) -> Vec<Problem> {
        let server = Given::value(&self.endpoint_url, "endpoint_url").ok().flatten().cloned();
        let server = server.map(|url| ("endpoint_url".to_owned(), url));
        let single = self.endpoints.parsed().unwrap_or_default();
        let single = single.into_iter().filter(|(service, _)| *service != Service::Identity);
        let single = single.filter_map(|(service, endpoint)| {
            let url = EndpointUrl::parse(endpoint.of("name")).ok()?;
            Some((format!("endpoints.{}", service.name()), url))
        });
        let clear =
            server.into_iter().chain(single).filter(|(_, url)| !url.is_https() && !machine::is_own(url));
        clear.map(|(field, _)| Problem::new(field, "tokens are sent there: write https")).collect()
    }

    /// As [`Network::check`], for methods whose identity is of one directory.
    pub(super) fn check_with(&self, tenant: &TenantId) -> Vec<Problem> {
        let many = "stands for many directories: name the identity's own";
        let shared = tenant.is_shared().then(|| Problem::new(TENANT, many));
        self.check().into_iter().chain(shared).collect()
    }

    /// What a connection string says otherwise than these fields.
    pub(super) fn check_connection_string(&self, said: &ConnectionString) -> Vec<Problem> {
        let account = Given::value(&self.storage_account, "storage_account").ok().flatten();
        let account = account.filter(|it| said.storage_account().ok() != Some(*it));
        let cloud = Given::value(&self.cloud, "cloud").ok().flatten();
        let cloud = cloud.filter(|it| said.cloud().is_some_and(|cloud| cloud != **it));
        let account = account.map(|_| ("storage_account", "the connection string is of another account"));
        let cloud = cloud.map(|_| ("cloud", "the connection string is of another cloud"));
        [account, cloud].into_iter().flatten().map(|(field, why)| Problem::new(field, why)).collect()
    }

    /// The cloud.
    pub(super) fn cloud(&self) -> Cloud {
        Given::value(&self.cloud, "cloud").ok().flatten().copied().unwrap_or_default()
    }

    /// Whether it says which cloud, or whose authority, is meant.
    pub(super) fn says_cloud(&self) -> bool {
        self.cloud.is_some() || self.authority_url.is_some() || self.endpoint_url.is_some()
    }

    /// Whether it says where the machine's identity is asked for.
    pub(super) fn says_identity(&self) -> bool {
        self.endpoints.parsed().is_ok_and(|it| it.contains_key(&Service::Identity))
    }

    /// The subscription, where the config names one.
    pub(super) fn scope(&self) -> Option<&str> {
        let said = Given::value(&self.subscription_id, "subscription_id").ok().flatten();
        said.map(SubscriptionId::as_str)
    }

    /// The place that these fields describe, for an identity of this directory.
    pub(super) fn place(&self, cx: &Context, tenant: Option<&TenantId>) -> Result<Place> {
        let bundle = Given::value(&self.ca_bundle, "ca_bundle")?;
        Ok(Place {
            cloud: Given::value(&self.cloud, "cloud")?.copied().unwrap_or_default(),
            tenant: tenant.cloned(),
            subscription: Given::value(&self.subscription_id, "subscription_id")?.cloned(),
            group: Given::value(&self.resource_group, "resource_group")?.cloned(),
            storage_account: Given::value(&self.storage_account, "storage_account")?.cloned(),
            authority_url: Given::value(&self.authority_url, "authority_url")?.cloned(),
            endpoint_url: Given::value(&self.endpoint_url, "endpoint_url")?.cloned(),
            endpoints: self.endpoints.parsed()?,
            trust: bundle.map(|bundle| Trusted::of(bundle, cx)).transpose()?,
        })
    }
}

/// The field of the directory, in every method.
pub(super) const TENANT: &str = "tenant_id";

/// What narrows, in the words of the catalogue.
pub(super) const NARROWS: &str =
    "Blob Storage by a user-delegation SAS for one container; other tokens to one service";

/// Why a token is as wide as it is.
const WIDE: &str = "Entra ID gives nothing narrower than a token for one service: it may do all that the identity may \
    there";

/// The service that a session's first token is for.
pub(super) fn audience(place: &Place, narrowing: Option<&Narrowing>) -> Audience {
    narrowing.map_or_else(|| place.resource_manager(), |it| it.audience(place.cloud))
}

/// What every method does with its way to tokens: asks for the one that is needed first.
///
/// # Errors
/// Those of the way.
pub(super) async fn session(
    cx: &Call<'_>,
    place: Place,
    mint: Arc<dyn Mint>,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    let audience = audience(&place, narrowing);
    let token = mint.token(cx, &place, &audience).await?;
    Ok(with_token(place, audience, token, mint))
}

/// The same with the first token, which was asked for already.
pub(super) fn with_token(
    mut place: Place,
    audience: Audience,
    token: Token,
    mint: Arc<dyn Mint>,
) -> Authenticated<Session> {
    // Where the config leaves it open, the token tells whose it is.
    if place.tenant.as_ref().is_none_or(TenantId::is_shared) {
        let own = mint::claims(&token.secret).and_then(|it| it.tid);
        place.tenant = own.and_then(|it| TenantId::parse(it).ok()).or(place.tenant);
    }
    let expiry = token.expiry.clone();
    Authenticated::new(Session::new(place, audience, token, mint), expiry).not_narrowed(WIDE)
}

/// The request for a token of an application, without sending it.
pub(super) fn explain(
    place: &Place,
    client_id: &str,
    proof: &'static str,
    narrowing: Option<&Narrowing>,
) -> Vec<Step> {
    let scope = audience(place, narrowing).scope();
    let mut fields = vec![("grant_type", "client_credentials"), ("client_id", client_id), ("scope", &scope)];
    if proof == "client_assertion" {
        fields.push(("client_assertion_type", mint::ASSERTION_TYPE));
    }
    fields.push((proof, "[HIDDEN]"));
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    vec![Step::new(mint::TOKEN, fields.collect())]
}
