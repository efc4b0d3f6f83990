//! `docker-registry`: a registry of ACR, or one repository in it.

use connector_core::{
    Access, Allow, Call, Error, ErrorKind, Expiry, Issued, Listing, Parsed, ResourceAbout, ResourceType,
    Result, Secret, Wanted, Withheld, candidates, in_id, not_an_id,
};
use connector_docker::names::RepositoryName;
use connector_docker::{DockerCredential, Login};
use serde::Deserialize;

use super::arm::{self, ArmId, resources, told_in, unanswered};
use super::common::{NO_TOKENS, in_cloud};
use super::registry_login::{self, Visit, actions, needed};
use crate::names::{Audience, Cloud, RegistryName, Service, SubscriptionId};
use crate::session::Session;
use crate::wire::Api;
use crate::{Azure, Narrowing, error};

/// A registry of ACR, by the host that images of it are named after, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DockerRegistry {
    name: RegistryName,
    cloud: Cloud,
}

/// Registries in the words of Resource Manager.
const KIND: &str = "Microsoft.ContainerRegistry/registries";
const PROVIDER: &str = "Microsoft.ContainerRegistry";

/// The version of Container Registry's calls to Resource Manager.
const VERSION: &str = "2023-07-01";

const LIST: &str = "registries.list";
const GET: &str = "registries.get";
const PASSWORDS: &str = "registries.listCredentials";

const READ: &str = "Microsoft.ContainerRegistry/registries/read";
const SETTINGS: &str = "Microsoft.ContainerRegistry/registries/listCredentials/action";

/// Why a login to a whole registry is as wide as it is.
const WIDE: &str = "the registry's refresh token stands for all that the identity may do in it, whatever access is \
    asked for; a repository narrows it: --within REPOSITORY";

/// Why an administrator's password is as wide as it is.
const OF_REGISTRY: &str = "it is the registry's own administrator, whoever asks";

impl ResourceType for DockerRegistry {
    const ID: &'static str = "docker-registry";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "ACR registry",
        "A registry of Azure Container Registry, or one repository in it. A token of Entra ID is exchanged for the \
         registry's own: for a whole registry its refresh token, with which docker logs in and which opens all that the \
         identity may do there; for a repository an access token that opens nothing else, for the access that is asked \
         for.\n\n\
         The password of a registry's admin user is handed out only for access `admin` to a whole registry, and only \
         where the connector says `allow: [admin, long-lived]`.",
    )
    .forms(&[
        ("NAME.azurecr.io", "the canonical form, in lower case; a path behind it is the part asked for"),
        ("https://NAME.azurecr.io/REPOSITORY", "the same as a URL"),
        ("NAME.azurecr.us", "a registry in the cloud of the connector: azurecr.us for government, azurecr.cn for china"),
        ("NAME", "its name alone, completed by a call; or what stands before the host's end"),
        (
            "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ContainerRegistry/registries/NAME",
            "its id in Resource Manager, completed by a call",
        ),
    ])
    .within("a repository, such as `team/app`, without a tag: it narrows the login")
    .targets("the registry, its resource group or the subscription: the roles AcrPull, AcrPush and AcrDelete; Reader to have it listed")
    .narrows("for one repository: the scope of the registry's access token, `repository:NAME:pull,push,delete`; for a whole registry nothing")
    .without(&[("connection-string", NO_TOKENS)]);
    type Connector = Azure;
    type Credential = DockerCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if let Some(id) = ArmId::parse(text) {
            named(&id)?;
            return Ok(Parsed::partial(text));
        }
        if text.starts_with("http://") {
            return Err(not_an_id::<Self>("ACR speaks https only"));
        }
        let bare = text.strip_prefix("https://");
        let rest = bare.unwrap_or(text);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if bare.is_none() && !host.contains(['.', ':']) && !rest.contains('/') {
            in_id::<Self, _>(RegistryName::parse(text))?;
            return Ok(Parsed::partial(text));
        }
        let registry = Self::of_host(host).map_err(not_an_id::<Self>)?;
        match path.strip_suffix('/').unwrap_or(path) {
            "" => Ok(Parsed::exact(registry)),
            path => {
                let repository = in_id::<Self, _>(RepositoryName::parse(path))?;
                Ok(Parsed::exact(registry).within(repository.as_str()))
            }
        }
    }

    fn id(&self) -> String {
        format!("{}.{}", self.name, self.cloud.suffix(Service::Registry).unwrap_or_default())
    }

    /// A registry's host begins with its name, unless Azure added a label of its own choice; so it is looked up where it
    /// may be. Where nothing is found the name is taken as it is: logging in needs no right to see the registry in
    /// Resource Manager.
    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`docker-registry` needs the id of a registry"));
        }
        if let Some(id) = ArmId::parse(partial) {
            return Self::described(&id, session, cx).await;
        }
        let name = in_id::<Self, _>(RegistryName::parse(partial.to_ascii_lowercase()))?;
        let as_it_is = Self { name, cloud: session.place.cloud };
        // Only what Azure added has a hyphen.
        if as_it_is.name.as_str().contains('-') {
            return Ok(as_it_is);
        }
        let (found, failures) = match registries(session, cx).await {
            Err(error) if error.kind() == ErrorKind::Refused => return Ok(as_it_is),
            found => found?,
        };
        let is_named = |it: &&Registry| it.name.eq_ignore_ascii_case(as_it_is.name.as_str());
        let hosts = found.iter().filter(is_named).filter_map(Registry::host);
        let mut fitting: Vec<_> = hosts.filter(|it| it.is_called(&as_it_is.name)).collect();
        fitting.sort_by_key(Self::id);
        fitting.dedup();
        if let (0 | 1, Some((subscription, error))) = (fitting.len(), unanswered(&failures)) {
            return Err(error
                .clone()
                .context(format!(
                    "which registry `{}` means is not known, since subscription {subscription} did not answer",
                    as_it_is.name
                ))
                .with_hint("try again later, or name it by its login server, such as NAME.azurecr.io"));
        }
        match fitting.len() {
            0 => Ok(as_it_is),
            1 => Ok(fitting.remove(0)),
            several => {
                let ids: Vec<_> = fitting.iter().map(Self::id).collect();
                Err(Error::field(
                    "resource_id",
                    format!("{several} registries are called `{}`", as_it_is.name),
                )
                .with_hint(format!("name one of: {}", candidates(&ids))))
            }
        }
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        let settings: &[_] = if access == Access::Admin { &[SETTINGS] } else { &[] };
        [&[READ], needed(access).0, settings].concat()
    }

    /// A token for a repository carries what its scope says.
    fn carried(&self, wanted: &Wanted) -> Vec<&'static str> {
        match wanted.within {
            Some(_) => needed(wanted.access).0.to_vec(),
            None => Vec::new(),
        }
    }

    fn withheld(&self, wanted: &Wanted) -> Vec<Withheld> {
        if wanted.within.is_none() {
            return Vec::new();
        }
        let of_manager: Vec<_> =
            Self::permissions(wanted.access).into_iter().filter(|it| [READ, SETTINGS].contains(it)).collect();
        vec![Withheld::new(of_manager, "are Resource Manager's, where a registry's token means nothing")]
    }

    /// The first token is for registries; which cloud's they are the id tells.
    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        repository(wanted)?;
        Ok(Some(Narrowing::to(Audience::registry(self.cloud))))
    }

    /// Subscriptions side by side.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let (all, failures) = registries(session, cx).await?;
        let ours = all.iter().filter_map(Registry::host).filter(|it| it.cloud == session.place.cloud);
        Ok(told_in(failures, Listing::of(ours.map(|it| it.id()))))
    }

    /// The token flow to its end: the exchange, an access token of a scope, and a call with it.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        in_cloud(self.cloud, session)?;
        if takes_password(wanted, cx) {
            return self.password(session, cx).await.map(drop);
        }
        const TAGS: &str = "GET /v2/REPOSITORY/tags/list";
        let visit = self.visit(session, cx);
        let refresh = visit.enter().await?;
        let part = repository(wanted)?;
        let token = visit.open(&refresh, part.as_ref(), wanted.access).await?.token;
        let (call, path) = match &part {
            Some(repository) => (TAGS, format!("/v2/{repository}/tags/list?n=1")),
            None => ("GET /v2/", "/v2/".to_owned()),
        };
        let answer = visit.get(&token, call, &path).await?;
        match (answer.status(), &part) {
            (200..300, _) => Ok(()),
            (404, Some(part)) => {
                Err(Error::not_found(format!("registry `{}` has no repository `{part}`", self.id()))
                    .with_hint("the first push makes it; until then verify without `--within`"))
            }
            _ => Err(visit.refused(call, &answer, wanted.access, part.as_ref())),
        }
    }

    /// One call to the registry, and one more for a repository.
    async fn issue(
        &self,
        wanted: &Wanted,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<Issued<DockerCredential>> {
        in_cloud(self.cloud, session)?;
        let credential = |login| DockerCredential { registry: self.id(), login };
        if takes_password(wanted, cx) {
            let login = self.password(session, cx).await?;
            let never =
                Expiry::Never("the password of an admin user is good until somebody makes a new one".into());
            return Ok(Issued::new(credential(login), never).not_narrowed(OF_REGISTRY).long_lived());
        }
        let visit = self.visit(session, cx);
        let refresh = visit.enter().await?;
        let Some(repository) = repository(wanted)? else {
            let login = registry_login::login(&refresh);
            return Ok(Issued::new(credential(login), refresh.expiry).not_narrowed(WIDE));
        };
        let scoped = visit.open(&refresh, Some(&repository), wanted.access).await?;
        let login = registry_login::login(&scoped.token);
        let issued = Issued::new(credential(login), scoped.token.expiry);
        Ok(match scoped.wider {
            None => issued.narrowed(format!(
                "a token of the registry for `{repository}` alone: {}",
                actions(wanted.access).join(", ")
            )),
            Some(why) => issued.not_narrowed(why),
        })
    }
}

/// As Container Registry describes a registry.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Registry {
    id: String,
    name: String,
    properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    login_server: Option<String>,
    admin_user_enabled: Option<bool>,
}

impl Registry {
    fn host(&self) -> Option<DockerRegistry> {
        DockerRegistry::of_host(self.properties.login_server.as_deref()?).ok()
    }
}

/// The path in Resource Manager that an id says, and the registry's name.
fn named(id: &ArmId<'_>) -> Result<(String, RegistryName)> {
    let [name] = id
        .names(PROVIDER, ["registries"])
        .ok_or_else(|| not_an_id::<DockerRegistry>("it is of something else than a registry"))?;
    let name = in_id::<DockerRegistry, _>(RegistryName::parse(name))?;
    Ok((arm::path(&id.subscription, &id.group, KIND, name.as_str()), name))
}

async fn registries(
    session: &Session,
    cx: &Call<'_>,
) -> Result<(Vec<Registry>, Vec<(SubscriptionId, Error)>)> {
    resources(session, cx, LIST, KIND, VERSION).await
}

/// The repository that is asked for.
fn repository(wanted: &Wanted) -> Result<Option<RepositoryName>> {
    let name = wanted.within.as_deref().map(RepositoryName::parse).transpose();
    name.map_err(|error| Error::field("within", error.message()))
}

/// Whether what is asked for, and allowed, is the password of the admin user: else `admin` is a login that may delete.
fn takes_password(wanted: &Wanted, cx: &Call<'_>) -> bool {
    let is_whole = wanted.access == Access::Admin && wanted.within.is_none();
    is_whole && cx.allows(Allow::Admin) && cx.allows(Allow::LongLived)
}

impl DockerRegistry {
    /// What stands before the end of its host: the name of the registry, perhaps with a label that Azure added.
    #[must_use]
    pub fn name(&self) -> &RegistryName {
        &self.name
    }

    /// The cloud that it is in.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// Whether its host is that of a registry of this name, perhaps with a label that Azure added: tokens go there.
    fn is_called(&self, name: &RegistryName) -> bool {
        let rest = self.name.as_str().strip_prefix(name.as_str().to_ascii_lowercase().as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// Reads a host, or says why it is none.
    fn of_host(host: &str) -> Result<Self, &'static str> {
        // The longest name of DNS.
        if host.len() > 253 {
            return Err("the host is none of ACR's");
        }
        let host = host.to_ascii_lowercase();
        let (cloud, name) = Cloud::of_host(Service::Registry, &host)
            .ok_or("the host is none of ACR's, which end with azurecr.io, azurecr.us or azurecr.cn")?;
        if name.ends_with(".data") {
            return Err("the host is where a registry keeps its data, and takes no logins");
        }
        if name.contains('.') {
            return Err("the host is one of a registry's addresses, not its login server");
        }
        let name = RegistryName::parse(name)
            .map_err(|_| "the host does not begin with a name of 5 to 63 letters, digits and hyphens")?;
        Ok(Self { name, cloud })
    }

    /// The registry of an id of Resource Manager: one call.
    async fn described(id: &ArmId<'_>, session: &Session, cx: &Call<'_>) -> Result<Self> {
        id.check(session)?;
        let (path, name) = named(id)?;
        let answer = Api::new(cx, session).arm::<Registry>(GET, &path, VERSION).await;
        let (subscription, group) = (&id.subscription, &id.group);
        let registry = answer.map_err(|error| match error.kind() {
            ErrorKind::NotFound => error.context(format!(
                "there is no registry `{name}` in resource group `{group}` of subscription {subscription}"
            )),
            _ => error.context(format!("registry `{name}` is not looked up")).with_hint(
                "name it by its login server, such as NAME.azurecr.io, or grant the identity the role Reader",
            ),
        })?;
        registry.host().filter(|it| it.is_called(&name)).ok_or_else(|| error::garbage(GET))
    }

    fn visit<'a>(&self, session: &'a Session, cx: &'a Call<'a>) -> Visit<'a> {
        Visit::new(session, cx, self.id(), self.name.as_str())
    }

    /// The login of the admin user, where the registry has one.
    async fn password(&self, session: &Session, cx: &Call<'_>) -> Result<Login> {
        const OTHERWISE: &str = "ask for `write`, which logs in with Entra ID, or grant the identity the role Reader on the subscription";
        let host = self.id();
        let (all, failures) = registries(session, cx).await.map_err(|error| {
            error
                .context(format!("the admin user of registry `{host}` is not looked up"))
                .with_hint(OTHERWISE)
        })?;
        let ours = all.iter().find(|it| it.host().as_ref() == Some(self));
        let Some((registry, path)) = ours.and_then(|it| Some((it, named(&ArmId::parse(&it.id)?).ok()?.0)))
        else {
            let unseen = format!(
                "registry `{host}` is not among those that the identity sees, and its admin user is Resource Manager's"
            );
            // It may be where nobody could look.
            return Err(match failures.into_iter().next() {
                None => Error::not_found(unseen).with_hint(OTHERWISE),
                Some((subscription, error)) => error
                    .context(format!("{unseen}; subscription {subscription} could not be looked into"))
                    .with_hint(OTHERWISE),
            });
        };
        if registry.properties.admin_user_enabled != Some(true) {
            return Err(Error::refused(format!("the admin user of registry `{host}` is disabled"))
                .with_hint("ask for `read` or `write`, which log in with Entra ID: leave it disabled"));
        }
        let path = format!("{path}/listCredentials");
        let given: Credentials =
            Api::new(cx, session).arm_action(PASSWORDS, &path, VERSION).await.map_err(|error| {
                let error = error.context(format!("the admin user of registry `{host}` is not given"));
                match error.kind() {
                    ErrorKind::Refused => error.with_hint(format!(
                        "ask for `write`, or grant the identity the permission {SETTINGS}, as the role Contributor has it"
                    )),
                    _ => error,
                }
            })?;
        let password = given.passwords.into_iter().find(|it| !it.value.is_empty());
        match (given.username, password) {
            (username, Some(password)) if !username.is_empty() => {
                Ok(Login::Password { username, password: password.value })
            }
            _ => Err(error::garbage(PASSWORDS)),
        }
    }
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    username: String,
    #[serde(default)]
    passwords: Vec<Password>,
}

#[derive(Deserialize)]
struct Password {
    value: Secret,
}

#[cfg(test)]
#[path = "docker_registry_tests.rs"]
mod tests;
