//! `gcp-generic`: everything that a connector may do, for programs that need more than one resource.

use connector_core::{
    Access, Call, ErrorKind, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result, Wanted, in_id,
};
use serde::Deserialize;

use super::common::{in_scope, pass_on, project, same_project};
use crate::Gcp;
use crate::credential::GcpCredential;
use crate::mint::{self, Told};
use crate::names::{ProjectId, Service};
use crate::session::Session;
use crate::wire::{Api, part};

/// A whole project, as far as the connector reaches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GcpGeneric {
    project: ProjectId,
}

impl GcpGeneric {
    /// The project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }
}

/// What a look at the project showed.
enum Seen {
    Itself,
    TokenAlone,
}

/// What shows that a token is good for a project.
const GET: &str = "resourcemanager.projects.get";

impl ResourceType for GcpGeneric {
    const ID: &'static str = "gcp-generic";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Google Cloud project",
        "All that the connector's identity may do, within its scopes. Programs that work with several services take \
         this; where one bucket is enough, its own resource type gives less away.",
    )
    .single()
    .forms(&[("PROJECT", "the id of the connector's project"), ("projects/PROJECT", "the same, as Google's APIs write it")])
    .targets("whatever the connector's own roles are granted on; the permission shows that the token is good")
    .hands_on()
    .narrows("nothing: it is all that the connector may, within its scopes");
    type Connector = Gcp;
    type Credential = GcpCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let project = in_id::<Self, _>(ProjectId::parse(text.strip_prefix("projects/").unwrap_or(text)))?;
        Ok(Parsed::exact(Self { project }))
    }

    fn id(&self) -> String {
        self.project.to_string()
    }

    async fn resolve(_: &str, session: &Session, _: &Call<'_>) -> Result<Self> {
        Ok(Self { project: project(session)?.clone() })
    }

    fn permissions(_: Access) -> Vec<&'static str> {
        vec![GET]
    }

    fn only(scope: &str) -> Option<Self> {
        ProjectId::parse(scope).ok().map(|project| Self { project })
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        in_scope(&self.project, scope)
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    /// The one project, when the token is good for it.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let one = Self { project: project(session)?.clone() };
        let listing = Listing::of([one.id()]);
        Ok(match one.seen(session, cx).await? {
            Seen::Itself => listing,
            Seen::TokenAlone => listing.with_note(
                "the token is good, but its account may not look at the project: whether that is there is not known; \
                 roles/browser shows it",
            ),
        })
    }

    async fn reach(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        same_project(&self.project, session)?;
        self.seen(session, cx).await.map(drop)
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<GcpCredential>> {
        same_project(&self.project, session)?;
        Ok(pass_on(session))
    }
}

impl GcpGeneric {
    /// One call, `projects.get`. Many accounts are good for much of a project and may not look at it: one call more
    /// tells whether such a token is good at all.
    async fn seen(&self, session: &Session, cx: &Call<'_>) -> Result<Seen> {
        #[derive(Deserialize)]
        struct Project {}
        let path = format!("/v3/projects/{}", part(self.project.as_str()));
        let seen =
            Api::new(cx, session).get::<Project>("projects.get", Service::ResourceManager, &path, &[]).await;
        let Err(error) = seen else { return Ok(Seen::Itself) };
        let is_good = error.kind() == ErrorKind::Refused
            && matches!(mint::tell(cx, &session.place, &session.token).await, Ok(Told::Good { .. }));
        match is_good {
            true => Ok(Seen::TokenAlone),
            false => Err(error.context(format!("project `{}` is not reached", self.project))),
        }
    }
}

#[cfg(test)]
#[path = "gcp_generic_tests.rs"]
mod tests;
