//! `gcp-generic`: everything that a connector may do, for programs that need more than one resource.

use connector_core::{
    Access, Call, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result, Wanted, in_id,
};
use serde::Deserialize;

use super::common::{in_scope, pass_on, project, same_project};
use crate::Gcp;
use crate::credential::GcpCredential;
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
        let project = project(session)?.clone();
        Self { project: project.clone() }.seen(session, cx).await?;
        Ok(Listing::of([project.to_string()]))
    }

    async fn reach(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        same_project(&self.project, session)?;
        self.seen(session, cx).await
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<GcpCredential>> {
        same_project(&self.project, session)?;
        Ok(pass_on(session))
    }
}

impl GcpGeneric {
    /// One call: `projects.get`.
    async fn seen(&self, session: &Session, cx: &Call<'_>) -> Result<()> {
        #[derive(Deserialize)]
        struct Project {}
        let path = format!("/v3/projects/{}", part(self.project.as_str()));
        let seen =
            Api::new(cx, session).get::<Project>("projects.get", Service::ResourceManager, &path, &[]).await;
        seen.map(|_| ()).map_err(|error| error.context(format!("project `{}` is not reached", self.project)))
    }
}

#[cfg(test)]
#[path = "gcp_generic_tests.rs"]
mod tests;
