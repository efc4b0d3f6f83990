//! `docker-registry`: the registry of the connector, or one repository in it.

use connector_core::{
    Access, Call, Error, Expiry, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result, Wanted,
};

use crate::connector::Docker;
use crate::credential::{DockerCredential, Login};
use crate::flow::{self, Visit};
use crate::names::{Place, RegistryHost, RepositoryName};
use crate::session::Session;

/// The registry of the connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerRegistry(RegistryHost);

impl DockerRegistry {
    /// A registry.
    #[must_use]
    pub fn new(registry: RegistryHost) -> Self {
        Self(registry)
    }

    /// Its host, with its port where one was said.
    #[must_use]
    pub fn registry(&self) -> &RegistryHost {
        &self.0
    }
}

impl ResourceType for DockerRegistry {
    const ID: &'static str = "docker-registry";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Container registry",
        "The one registry that the connector logs in to. A repository in it can be asked for, and is looked at \
         when the connector is verified; the login is the same.",
    )
    .single()
    .forms(&[
        ("HOST[:PORT]", "the canonical form; Docker Hub is docker.io"),
        ("https://HOST[:PORT]/REPOSITORY", "a URL, and any of docker's own spellings; the path is the part asked for"),
        ("USER/REPOSITORY", "a repository of Docker Hub"),
    ])
    .within("a repository, such as `team/app`, without a tag; it does not narrow the login")
    .targets("the registry's own rules: scope `repository:{repository}:{actions}` of its token service")
    .narrows("nothing: docker takes the login itself")
    .hands_on()
    .passes_to("docker");
    type Connector = Docker;
    type Credential = DockerCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let place: Place =
            text.parse().map_err(|error: Error| Error::field("resource_id", error.message()))?;
        let parsed = Parsed::exact(Self(place.registry));
        Ok(match place.repository {
            Some(repository) => parsed.within(repository.as_str()),
            None => parsed,
        })
    }

    fn id(&self) -> String {
        self.0.to_string()
    }

    fn only(scope: &str) -> Option<Self> {
        scope.parse().ok().map(Self)
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        if self.0.as_str() == scope {
            return Ok(());
        }
        Err(Error::field("resource_id", format!("the connector logs in to `{scope}`, not to `{}`", self.0)))
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        flow::actions(access).split(',').collect()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<()>> {
        repository(wanted).map(|_| None)
    }

    /// The registry, when it takes the login.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let judged = Visit::new(session, cx).log_in().await?;
        let listing = Listing::of([session.registry.to_string()]);
        Ok(match (judged, &session.login) {
            (false, Login::Anonymous) | (true, _) => listing,
            (false, _) => listing.with_note(format!(
                "{} lets everybody in and looked at no login: whether this one is right was not shown",
                session.registry
            )),
        })
    }

    /// A login, and where a repository is asked for one look at it with the rights that are asked for.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        self.check_scope(session.registry.as_str())?;
        let mut visit = Visit::new(session, cx);
        match repository(wanted)? {
            Some(repository) => visit.look_at(&repository, wanted.access).await,
            None => visit.log_in().await.map(|_| ()),
        }
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<DockerCredential>> {
        self.check_scope(session.registry.as_str())?;
        let credential = DockerCredential { registry: self.id(), login: session.login.clone() };
        Ok(match session.login {
            Login::Anonymous => {
                Issued::new(credential, Expiry::Never("there is no login that could end".into()))
            }
            Login::Password { .. } | Login::IdentityToken(_) => {
                Issued::new(credential, Expiry::Never("the login is good until somebody revokes it".into()))
                    .long_lived()
            }
        })
    }
}

fn repository(wanted: &Wanted) -> Result<Option<RepositoryName>> {
    let name = wanted.within.as_deref().map(RepositoryName::parse).transpose();
    name.map_err(|error| Error::field("within", error.message()))
}
