//! `docker-registry`: a repository of Artifact Registry, or a gcr.io host that it serves.

use connector_core::{
    Access, Call, Error, ErrorKind, Expiry, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result,
    Wanted, in_id, not_an_id,
};
use connector_docker::{DockerCredential, Login};
use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;

use super::common::{in_scope, project, same_project, test_permissions};
use crate::Gcp;
use crate::names::{Location, ProjectId, RepositoryName, Service};
use crate::session::Session;
use crate::wire::{Api, part};

/// A registry of a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DockerRegistry {
    /// A repository of Artifact Registry.
    Repository {
        /// Where it is.
        location: Location,
        /// Whose it is.
        project: ProjectId,
        /// Its name.
        name: RepositoryName,
    },
    /// One of the hosts of Container Registry, which Artifact Registry serves now.
    Gcr {
        /// The part of the world: `us`, `eu` or `asia`; none for `gcr.io` itself.
        front: Option<&'static str>,
        /// Whose it is.
        project: ProjectId,
    },
}

const WIDE: &str = "a registry takes the account's own access token; what it may do there is said by IAM, and access \
    boundaries do not touch it";

/// The user name that goes with an access token.
const USER: &str = "oauth2accesstoken";

/// How many locations are asked at the same time.
const SIDE_BY_SIDE: usize = 48;

impl ResourceType for DockerRegistry {
    const ID: &'static str = "docker-registry";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Artifact Registry repository",
        "A repository for container images in Google Artifact Registry, in the connector's project, or one of the \
         gcr.io hosts that it serves. Logins end with the token that they are made of, after an hour at most.",
    )
    .forms(&[
        ("LOCATION-docker.pkg.dev/PROJECT/REPOSITORY", "the canonical form; a path behind it is the part asked for"),
        ("https://LOCATION-docker.pkg.dev/PROJECT/REPOSITORY", "the same as a URL"),
        ("projects/PROJECT/locations/LOCATION/repositories/REPOSITORY", "its full name"),
        ("[us.|eu.|asia.]gcr.io/PROJECT", "a host of Container Registry, which Artifact Registry serves now"),
    ])
    .within("an image; a login is for all of the project's registries in any case")
    .targets("the repository, or the project")
    .narrows(WIDE);
    type Connector = Gcp;
    type Credential = DockerCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if text.starts_with("http://") {
            return Err(not_an_id::<Self>("Artifact Registry speaks https only"));
        }
        let text = text.strip_prefix("https://").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.starts_with("projects/") {
            return match text.split('/').collect::<Vec<_>>()[..] {
                ["projects", of, "locations", location, "repositories", name] => {
                    Self::repository(location, of, name).map(Parsed::exact)
                }
                _ => Err(not_an_id::<Self>("a full name has a project, a location and a repository")),
            };
        }
        let mut parts = text.split('/');
        let host = parts.next().unwrap_or_default();
        let rest: Vec<_> = parts.collect();
        if let Some(front) = gcr_front(host) {
            return gcr(front, &rest);
        }
        let Some(location) = host.strip_suffix("-docker.pkg.dev") else {
            return Err(not_an_id::<Self>("the host is none of Artifact Registry's"));
        };
        // A project of an organization is written `example.com/zenfiles` in the paths of images.
        let (of, rest) = project_of(&rest);
        match rest {
            [name, image @ ..] => with_image(Self::repository(location, &of, name)?, image),
            [] => Err(not_an_id::<Self>("it names no repository")),
        }
    }

    fn id(&self) -> String {
        match self {
            Self::Repository { location, project, name } => {
                format!("{location}-docker.pkg.dev/{}/{name}", in_path(project))
            }
            Self::Gcr { front: Some(front), project } => format!("{front}.gcr.io/{}", in_path(project)),
            Self::Gcr { front: None, project } => format!("gcr.io/{}", in_path(project)),
        }
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        in_scope(self.project(), scope)
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        let mut all = vec!["artifactregistry.locations.list", "artifactregistry.repositories.list"];
        all.extend(needed(access));
        all
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    /// An image is no boundary of a login, and says so.
    fn narrowing(&self, wanted: &Wanted) -> Result<Option<crate::Narrowing>> {
        wanted.within.as_deref().map_or(Ok(()), |image| {
            is_image(image).then_some(()).ok_or_else(|| {
                Error::field(
                    "within",
                    "not the path of an image: lower-case letters, digits, ._- and slashes",
                )
            })
        })?;
        Ok(None)
    }

    /// The locations first, then all of them side by side. One that fails hides none of the others.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let project = project(session)?;
        let api = Api::new(cx, session);
        let path = format!("/v1/projects/{}/locations", part(project.as_str()));
        let locations = api.pages(
            LOCATIONS,
            Service::ArtifactRegistry,
            &path,
            &[("pageSize", "1000")],
            |page: Locations| (page.locations, page.next_page_token),
        );
        let locations = locations.await?.into_iter().filter_map(|it| Location::parse(it.location_id).ok());
        let asked = locations.map(|location| async move {
            let found = repositories(api, project, &location).await;
            (location, found)
        });
        let mut answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE).collect().await;
        answers.sort_by(|(one, _), (other, _)| one.cmp(other));
        let ids = answers.iter().filter_map(|(_, found)| found.as_ref().ok()).flatten().map(Self::id);
        let mut listing = Listing::of(ids.collect::<Vec<_>>());
        for (location, found) in answers {
            if let Err(error) = found {
                listing = listing.with_failure(location.as_str(), error);
            }
        }
        Ok(listing)
    }

    /// One call: which permissions the token has on the repository.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        same_project(self.project(), session)?;
        const TEST: &str = "artifactregistry.repositories.testIamPermissions";
        let path = format!("/v1/{}:testIamPermissions", self.full_name());
        let service = Service::ArtifactRegistry;
        let tested = test_permissions(session, cx, TEST, service, &path, needed(wanted.access)).await;
        tested.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!("there is no registry `{}`", self.id())).with_hint(
                "make it: gcloud artifacts repositories create NAME --location LOCATION --repository-format docker",
            ),
            ErrorKind::Refused => error.context(format!("registry `{}` is not reached", self.id())).or_hint(
                "grant the account roles/artifactregistry.reader, writer or repoAdmin on it",
            ),
            _ => error,
        })
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<DockerCredential>> {
        same_project(self.project(), session)?;
        let credential = DockerCredential {
            registry: self.host(),
            login: Login::Password { username: USER.to_owned(), password: session.token.clone() },
        };
        // The session's own end is put in its place before it is released.
        Ok(Issued::new(credential, Expiry::Never("nobody said when this token ends".into()))
            .not_narrowed(WIDE))
    }
}

const LOCATIONS: &str = "artifactregistry.locations.list";
const REPOSITORIES: &str = "artifactregistry.repositories.list";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locations {
    #[serde(default)]
    locations: Vec<OneLocation>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneLocation {
    location_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repositories {
    #[serde(default)]
    repositories: Vec<Repository>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    name: String,
    format: Option<String>,
}

/// The repositories for images in one location.
async fn repositories(api: Api<'_>, project: &ProjectId, location: &Location) -> Result<Vec<DockerRegistry>> {
    let path = format!("/v1/projects/{}/locations/{location}/repositories", part(project.as_str()));
    let found = api.pages(
        REPOSITORIES,
        Service::ArtifactRegistry,
        &path,
        &[("pageSize", "1000")],
        |page: Repositories| (page.repositories, page.next_page_token),
    );
    let images = found.await?.into_iter().filter(|it| it.format.as_deref() == Some("DOCKER"));
    let read = images.filter_map(|it| {
        let name = it.name.rsplit('/').next()?;
        // What Container Registry was is kept under the names of its hosts.
        match gcr_front(name) {
            Some(front) => Some(DockerRegistry::Gcr { front, project: project.clone() }),
            None => DockerRegistry::repository(location.as_str(), project.as_str(), name).ok(),
        }
    });
    Ok(read.collect())
}

const fn needed(access: Access) -> &'static [&'static str] {
    match access {
        Access::Read => &["artifactregistry.repositories.downloadArtifacts"],
        Access::Write => &[
            "artifactregistry.repositories.downloadArtifacts",
            "artifactregistry.repositories.uploadArtifacts",
        ],
        Access::Admin => &[
            "artifactregistry.repositories.downloadArtifacts",
            "artifactregistry.repositories.uploadArtifacts",
            "artifactregistry.repositories.deleteArtifacts",
            "artifactregistry.repositories.update",
        ],
    }
}

impl DockerRegistry {
    fn repository(location: &str, project: &str, name: &str) -> Result<Self> {
        Ok(Self::Repository {
            location: in_id::<Self, _>(Location::parse(location))?,
            project: in_id::<Self, _>(ProjectId::parse(project))?,
            name: in_id::<Self, _>(RepositoryName::parse(name))?,
        })
    }

    /// Whose it is.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        match self {
            Self::Repository { project, .. } | Self::Gcr { project, .. } => project,
        }
    }

    /// The host that docker keeps a login under.
    #[must_use]
    pub fn host(&self) -> String {
        match self {
            Self::Repository { location, .. } => format!("{location}-docker.pkg.dev"),
            Self::Gcr { front: Some(front), .. } => format!("{front}.gcr.io"),
            Self::Gcr { front: None, .. } => "gcr.io".to_owned(),
        }
    }

    /// As Artifact Registry's API names it. Container Registry's hosts are repositories of those names, each in the
    /// part of the world that it was.
    fn full_name(&self) -> String {
        match self {
            Self::Repository { location, project, name } => {
                format!("projects/{}/locations/{location}/repositories/{name}", part(project.as_str()))
            }
            Self::Gcr { front, project } => {
                let location = match front {
                    Some("eu") => "europe",
                    Some(other) => other,
                    None => "us",
                };
                format!(
                    "projects/{}/locations/{location}/repositories/{}",
                    part(project.as_str()),
                    self.host()
                )
            }
        }
    }
}

/// The part of the world of a host of Container Registry; `None` inside for `gcr.io` itself.
fn gcr_front(host: &str) -> Option<Option<&'static str>> {
    match host {
        "gcr.io" => Some(None),
        "us.gcr.io" => Some(Some("us")),
        "eu.gcr.io" => Some(Some("eu")),
        "asia.gcr.io" => Some(Some("asia")),
        _ => None,
    }
}

fn gcr(front: Option<&'static str>, rest: &[&str]) -> Result<Parsed<DockerRegistry>> {
    let (of, image) = project_of(rest);
    if of.is_empty() {
        return Err(not_an_id::<DockerRegistry>("it names no project"));
    }
    let project = in_id::<DockerRegistry, _>(ProjectId::parse(of))?;
    with_image(DockerRegistry::Gcr { front, project }, image)
}

/// The project of a path: its first part, or its first two where the first is a domain.
fn project_of<'a, 'b>(path: &'b [&'a str]) -> (String, &'b [&'a str]) {
    match path {
        [domain, id, rest @ ..] if domain.contains('.') => (format!("{domain}:{id}"), rest),
        [id, rest @ ..] => ((*id).to_owned(), rest),
        [] => (String::new(), &[]),
    }
}

/// A project in the paths of images, where no colon can stand.
fn in_path(project: &ProjectId) -> String {
    project.as_str().replace(':', "/")
}

fn with_image(registry: DockerRegistry, image: &[&str]) -> Result<Parsed<DockerRegistry>> {
    let image = image.join("/");
    if image.is_empty() {
        return Ok(Parsed::exact(registry));
    }
    if !is_image(&image) {
        return Err(not_an_id::<DockerRegistry>("what stands behind the repository is no path of an image"));
    }
    Ok(Parsed::exact(registry).within(image))
}

fn is_image(text: &str) -> bool {
    let is_alnum = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let good = |part: &str| {
        part.bytes().all(|it| is_alnum(it) || b"._-".contains(&it))
            && [part.bytes().next(), part.bytes().last()].into_iter().all(|it| it.is_some_and(is_alnum))
    };
    text.len() <= 255 && text.split('/').all(good)
}

#[cfg(test)]
#[path = "docker_registry_tests.rs"]
mod tests;
