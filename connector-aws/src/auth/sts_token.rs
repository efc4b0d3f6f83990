//! Method `sts-token`: temporary credentials that somebody else made.

use std::time::SystemTime;

use connector_core::{
    AuthMethod, Authenticated, Call, Error, Expiry, Identity, Life, MethodAbout, Problem, Result, Secret,
    Timestamp, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{AccessKey, Network, check_secrets};
use super::sts::Sts;
use super::trust;
use crate::connector::Aws;
use crate::narrowing::Narrowing;
use crate::session::{Keys, Session};

/// Temporary credentials that somebody else made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StsToken {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The temporary key.
    #[serde(flatten)]
    pub key: AccessKey,
    /// The session token that came with the key.
    pub aws_session_token: Secret,
    /// When they end, as RFC 3339 (`2026-11-22T03:36:43Z`). Without it nobody but AWS knows, and what is
    /// issued carries no end.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl StsToken {
    /// Temporary credentials whose end is not known.
    #[must_use]
    pub fn new(network: Network, key: AccessKey, session_token: impl Into<Secret>) -> Self {
        Self { network, key, aws_session_token: session_token.into(), expires_at: None }
    }

    fn keys(&self) -> Keys {
        Keys { session_token: Some(self.aws_session_token.clone()), ..self.key.keys() }
    }
}

impl AuthMethod for StsToken {
    const ID: &'static str = "sts-token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "STS token",
        "Passes on temporary credentials that were made elsewhere: by `aws sts`, a portal, a colleague. They \
         end when they end; then the connector issues nothing until it is updated.",
        Life::Short,
        Identity::Service,
    )
    .temporary()
    .warning("hands on everything that the credentials may do, and cannot renew them");
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        problems.extend(check_secrets(&[
            ("aws_access_key_id", Some(&self.key.aws_access_key_id)),
            ("aws_secret_access_key", Some(&self.key.aws_secret_access_key)),
            ("aws_session_token", Some(&self.aws_session_token)),
        ]));
        problems
    }

    fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.as_ref().map(|it| it.0)
    }

    fn scope(&self) -> Option<&str> {
        Some(self.network.region.as_str())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let expiry = match self.expires_at() {
            Some(end) if end <= cx.now() => {
                return Err(Error::expired("the stored session token has ended")
                    .with_hint("update the connector with new temporary credentials"));
            }
            Some(end) => Expiry::At(end),
            None => Expiry::Never("the session token ends, but nobody said when: set `expires_at`".into()),
        };
        let session = Session::new(self.keys(), self.network.place(cx)?);
        Ok(Authenticated::new(session, expiry)
            .not_narrowed("credentials that exist already cannot be narrowed"))
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let place = self.network.place(cx)?;
        let caller = Sts::new(cx, &place, Some(&self.keys())).caller().await?;
        Ok(Some(trust::of_caller(&caller)))
    }
}
