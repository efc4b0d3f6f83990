//! What the tests of resource types share: sessions, connectors that make them, and answers of Google's APIs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connector_conformance::{CANARY, json_answer};
use connector_core::{
    AuthMethod, Authenticated, Call, Connector, Context, Identity, Life, Lifetime, MethodAbout, Response,
    Result, Secret,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::names::{EndpointUrl, ProjectId};
use crate::session::{Place, Session};
use crate::{Gcp, Narrowing};

pub(crate) const PROJECT: &str = "my-project";

/// A session for `my-project`, with a token that must not be seen.
pub(crate) fn session() -> Session {
    session_of(Some(PROJECT))
}

/// The same for another project, or for none.
pub(crate) fn session_of(project: Option<&str>) -> Session {
    let project = project.map(|it| ProjectId::parse(it).expect("a project"));
    Session {
        token: Secret::new(format!("{CANARY}-token")),
        place: Place { project, ..Place::default() },
        account: Some("me@my-project.iam.gserviceaccount.com".into()),
    }
}

pub(crate) fn call(cx: &Context) -> Call<'_> {
    Call::new(cx, None)
}

/// What Google's APIs say when they refuse; the message is a canary.
pub(crate) fn refusal(status: u16, canonical: &str) -> Response {
    refusal_with(status, canonical, &json!([]))
}

pub(crate) fn refusal_with(status: u16, canonical: &str, details: &Value) -> Response {
    let error = json!({ "code": status, "status": canonical, "message": CANARY, "details": details });
    json_answer(status, &json!({ "error": error }))
}

/// What every service answers to a token that may not.
pub(crate) fn forbidden() -> Response {
    refusal(403, "PERMISSION_DENIED")
}

/// What stands on a session's place and may change while a client lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) quota: Option<&'static str>,
    pub(crate) universe: Option<&'static str>,
    pub(crate) endpoint: Option<String>,
    pub(crate) ca_bundle: Option<&'static str>,
}

/// A method that makes a new token whenever it is asked, for an hour each: `hunter2-0`, `hunter2-1` and so on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
struct Counting {
    #[serde(skip)]
    made: Arc<AtomicUsize>,
    #[serde(skip)]
    said: Said,
}

impl AuthMethod for Counting {
    const ID: &'static str = "counting";
    const ABOUT: MethodAbout = MethodAbout::new("Counting", "For tests.", Life::Long, Identity::Service)
        .temporary()
        .narrows("whatever it is asked to")
        .lifetime(Lifetime::seconds(900, 3600, 43_200));
    type Connector = Gcp;

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let mut session = session();
        session.token = Secret::new(format!("{CANARY}-{}", self.made.fetch_add(1, Ordering::SeqCst)));
        let place = &mut session.place;
        place.quota_project = self.said.quota.map(ProjectId::parse).transpose()?;
        place.endpoint_url = self.said.endpoint.as_deref().map(EndpointUrl::parse).transpose()?;
        if let Some(universe) = self.said.universe {
            place.universe = universe.parse()?;
        }
        place.trust = connector_core::Trusted::read(self.said.ca_bundle, cx)?;
        let made = Authenticated::new(session, cx.expires_in(Duration::from_secs(3600)));
        Ok(match narrowing {
            Some(narrowing) => made.narrowed(format!("a boundary on gs://{}", narrowing.boundary().bucket())),
            None => made.not_narrowed("the token may do all"),
        })
    }
}

/// A connector whose sessions are of an hour and count themselves.
pub(crate) fn connector(cx: Context) -> Connector<Gcp> {
    connector_at(cx, Said::default())
}

pub(crate) fn connector_at(cx: Context, said: Said) -> Connector<Gcp> {
    Connector::new(cx, Counting { made: Arc::default(), said })
}
