//! `docker-registry`: a registry of ECR, or one repository in it.

use connector_core::{
    Access, Call, Error, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result, Wanted, Withheld,
    in_id, not_an_id,
};
use connector_docker::DockerCredential;

use super::common::{Stated, in_region};
use super::ecr_login;
use crate::Aws;
use crate::names::{AccountId, Arn, Partition, Region, RepositoryName};
use crate::narrowing::Narrowing;
use crate::policy::{Kind, Target, permissions};
use crate::session::Session;

/// A registry of ECR.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DockerRegistry {
    /// An account's private registry in one region.
    Private {
        /// Whose it is.
        account: AccountId,
        /// Where it is.
        region: Region,
        /// By which of its hosts it is called; docker keeps a login under exactly that host.
        front: Front,
    },
    /// `public.ecr.aws`.
    Public,
}

/// The hosts by which a private registry can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Front {
    /// `{account}.dkr.ecr.{region}.{suffix}`
    Plain,
    /// `{account}.dkr.ecr-fips.{region}.{suffix}`
    Fips,
    /// `{account}.dkr-ecr.{region}.on.aws`, which is reached by IPv6 too.
    DualStack,
}

/// The host of the public registry.
pub(super) const PUBLIC: &str = "public.ecr.aws";

impl ResourceType for DockerRegistry {
    const ID: &'static str = "docker-registry";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "ECR registry",
        "The private container registry of the connector's account and region in Amazon ECR, or the public \
         one at public.ecr.aws. Logins end with the session that made them, after 12 hours at most.",
    )
    .forms(&[
        ("ACCOUNT.dkr.ecr.REGION.amazonaws.com", "the canonical form; in China it ends with .com.cn"),
        ("https://HOST/REPOSITORY", "a host with a path, with or without https://; the path is the part asked for"),
        ("ACCOUNT.dkr.ecr-fips.REGION.amazonaws.com", "the host with FIPS 140 cryptography"),
        ("ACCOUNT.dkr-ecr.REGION.on.aws", "the host that is reached by IPv6, too"),
        ("arn:PARTITION:ecr:REGION:ACCOUNT:repository/REPOSITORY", "a repository's ARN; the repository is the part"),
        ("public.ecr.aws/ALIAS/REPOSITORY", "the public registry; what follows the host is the part"),
    ])
    .within("a repository, such as `team/app`; at public.ecr.aws with the registry's alias in front")
    .targets("arn:{partition}:ecr:{region}:{account}:repository/{repository}; ecr:GetAuthorizationToken attaches to *; the actions of ecr-public, and sts:GetServiceBearerToken, are for public.ecr.aws")
    .narrows("a session policy that names the repositories, judged at every push and pull, with iam-role, federation-token, web-identity, and implicit with a role");
    type Connector = Aws;
    type Credential = DockerCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if text.starts_with("arn:") {
            return parse_arn(text);
        }
        if text.starts_with("http://") {
            return Err(not_an_id::<Self>("ECR speaks https only"));
        }
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let registry = read_host(host).map_err(not_an_id::<Self>)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Ok(Parsed::exact(registry));
        }
        let repository = in_id::<Self, _>(RepositoryName::parse(path))?;
        Ok(Parsed::exact(registry).within(repository.as_str()))
    }

    fn id(&self) -> String {
        let Self::Private { account, region, front } = self else { return PUBLIC.to_owned() };
        let suffix = region.partition().dns_suffix();
        match front {
            Front::Plain => format!("{account}.dkr.ecr.{region}.{suffix}"),
            Front::Fips => format!("{account}.dkr.ecr-fips.{region}.{suffix}"),
            Front::DualStack => format!("{account}.dkr-ecr.{region}.on.aws"),
        }
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        let mut all = permissions(Kind::Registry, access);
        all.extend(permissions(Kind::PublicRegistry, access));
        all
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        match self {
            Self::Private { region, .. } => in_region("the registry", region, scope),
            Self::Public => Ok(()),
        }
    }

    fn carried(&self, wanted: &Wanted) -> Vec<&'static str> {
        self.target(wanted).map(|target| target.carries(wanted.access)).unwrap_or_default()
    }

    fn withheld(&self, wanted: &Wanted) -> Vec<Withheld> {
        self.target(wanted).map(|target| target.withheld(wanted.access)).unwrap_or_default()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        let target = self.target(wanted)?;
        Ok(Some(Narrowing::new(target, wanted.access).stated(self.stated().partition)))
    }

    /// The account's registry in the session's region: `ecr:GetAuthorizationToken` tells whose it is, and
    /// is what every login needs anyway.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let login = ecr_login::private(session, cx).await?;
        let account = login.account.or_else(|| AccountId::parse(session.account_id.as_deref()?).ok());
        let account = account.ok_or_else(|| ecr_login::incomplete(Kind::Registry))?;
        let registry = Self::Private { account, region: session.place.region.clone(), front: Front::Plain };
        Ok(Listing::of([registry.id()]))
    }

    /// A login, and where a repository is asked for one look at it.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        self.login(session, cx).await?;
        match (self, self.repository(wanted)?) {
            (_, None) => Ok(()),
            (Self::Private { account, .. }, Some(repository)) => {
                ecr_login::find_private(account, &repository, session, cx).await
            }
            (Self::Public, Some(repository)) => ecr_login::find_public(&repository, session, cx).await,
        }
    }

    async fn issue(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<Issued<DockerCredential>> {
        let login = self.login(session, cx).await?;
        Ok(Issued::new(DockerCredential { registry: self.id(), login: login.login }, login.expiry))
    }
}

impl DockerRegistry {
    /// Logs in, and checks that the login is for this registry.
    async fn login(&self, session: &Session, cx: &Call<'_>) -> Result<ecr_login::EcrLogin> {
        self.stated().check(session)?;
        let Self::Private { account, .. } = self else { return ecr_login::public(session, cx).await };
        let login = ecr_login::private(session, cx).await?;
        if let Some(ours) = &login.account {
            super::common::same_account(account.as_str(), ours.as_str())?;
        }
        Ok(login)
    }

    fn target(&self, wanted: &Wanted) -> Result<Target> {
        let repository = self.repository(wanted)?;
        Ok(match self {
            Self::Private { account, region, .. } => {
                Target::Registry { region: region.clone(), account: account.clone(), repository }
            }
            Self::Public => Target::PublicRegistry { repository },
        })
    }

    fn stated(&self) -> Stated<'_> {
        match self {
            Self::Private { account, region, .. } => {
                Stated { partition: Some(region.partition()), region: Some(region), account: Some(account) }
            }
            Self::Public => Stated { partition: Some(Partition::Aws), ..Stated::default() },
        }
    }

    /// The repository within; at the public registry without the alias in front, which names the registry.
    fn repository(&self, wanted: &Wanted) -> Result<Option<RepositoryName>> {
        let Some(within) = wanted.within.as_deref() else { return Ok(None) };
        let part = RepositoryName::parse(within).map_err(|error| Error::field("within", error.message()))?;
        match self {
            Self::Private { .. } => Ok(Some(part)),
            // An alias alone would be all of the registry, under the name of a part.
            Self::Public => match part.as_str().split_once('/') {
                Some((_, repository)) => RepositoryName::parse(repository)
                    .map(Some)
                    .map_err(|error| Error::field("within", error.message())),
                None => Err(Error::field("within", "it names no repository behind the registry's alias")
                    .with_hint("write ALIAS/REPOSITORY, or leave the part out")),
            },
        }
    }
}

/// Reads a host of ECR, or says why it is none.
pub(super) fn read_host(host: &str) -> Result<DockerRegistry, &'static str> {
    const NONE: &str = "the host is none of ECR's";
    // The longest label of a DNS name has 63 characters, and the longest region is shorter.
    if host.len() > 253 {
        return Err(NONE);
    }
    let host = host.to_ascii_lowercase();
    if host == PUBLIC {
        return Ok(DockerRegistry::Public);
    }
    let (account, rest) = host.split_once('.').ok_or(NONE)?;
    let fronts = [("dkr.ecr.", Front::Plain), ("dkr.ecr-fips.", Front::Fips), ("dkr-ecr.", Front::DualStack)];
    let (rest, front) =
        fronts.into_iter().find_map(|(it, front)| Some((rest.strip_prefix(it)?, front))).ok_or(NONE)?;
    let (region, suffix) = rest.split_once('.').ok_or(NONE)?;
    let account = AccountId::parse(account).map_err(|_| "the host does not start with an account number")?;
    let region = Region::parse(region).map_err(|_| "the host names no region")?;
    let expected = match front {
        Front::DualStack => "on.aws",
        Front::Plain | Front::Fips => region.partition().dns_suffix(),
    };
    if suffix != expected {
        return Err("the end of the host does not belong to its region");
    }
    Ok(DockerRegistry::Private { account, region, front })
}

/// `arn:{partition}:ecr:{region}:{account}:repository/{name}`; `*` stands for all.
fn parse_arn(text: &str) -> Result<Parsed<DockerRegistry>> {
    let arn = in_id::<DockerRegistry, _>(Arn::parse(text))?;
    let Some(repository) = arn.resource().strip_prefix("repository/").filter(|_| arn.service() == "ecr")
    else {
        return Err(not_an_id::<DockerRegistry>("the ARN is of something else than a repository of ECR"));
    };
    let account = in_id::<DockerRegistry, _>(AccountId::parse(arn.account()))?;
    let region = in_id::<DockerRegistry, _>(Region::parse(arn.region()))?;
    if arn.partition() != Some(region.partition()) {
        return Err(not_an_id::<DockerRegistry>("the ARN's region is not of its partition"));
    }
    let registry = DockerRegistry::Private { account, region, front: Front::Plain };
    if repository == "*" {
        return Ok(Parsed::exact(registry));
    }
    let repository = in_id::<DockerRegistry, _>(RepositoryName::parse(repository))?;
    Ok(Parsed::exact(registry).within(repository.as_str()))
}

#[cfg(test)]
#[path = "docker_registry_tests.rs"]
mod tests;
