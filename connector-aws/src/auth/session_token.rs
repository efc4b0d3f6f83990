//! Method `session-token`: a user's key, exchanged for temporary credentials with the same rights.

use aws_sdk_sts::operation::get_session_token::builders::GetSessionTokenInputBuilder;
use connector_core::{
    AuthMethod, Authenticated, Call, Context, Error, Identity, Life, Lifetime, MethodAbout, Problem, Result,
    Secret, Step, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{AccessKey, Network, mfa_code};
use super::sts::{self, Sts};
use super::trust;
use crate::connector::Aws;
use crate::names::MfaSerial;
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// A user's key, exchanged for temporary credentials.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SessionToken {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The user's key.
    #[serde(flatten)]
    pub key: AccessKey,
    /// The MFA device whose code is asked for at each exchange.
    #[serde(default)]
    pub mfa_serial: Option<MfaSerial>,
}

impl SessionToken {
    /// A key to be exchanged.
    #[must_use]
    pub fn new(network: Network, key: AccessKey) -> Self {
        Self { network, key, mfa_serial: None }
    }

    fn request(&self, seconds: Option<i32>) -> GetSessionTokenInputBuilder {
        GetSessionTokenInputBuilder::default()
            .set_duration_seconds(seconds)
            .set_serial_number(self.mfa_serial.as_ref().map(ToString::to_string))
    }

    /// What to ask for, once it is known whose key it is. Nobody said how long when it is the default that
    /// is asked for, so that gives way.
    async fn seconds(&self, cx: &Call<'_>) -> Result<Option<i32>> {
        let asked = cx.duration();
        if asked.is_none_or(|it| it <= ROOT.max) || !self.is_root(cx).await?.unwrap_or(false) {
            return Ok(sts::seconds(asked));
        }
        if asked == Some(BOUNDS.default) {
            return Ok(sts::seconds(Some(ROOT.max)));
        }
        Err(Error::field("duration", "the key is the root user's, and AWS gives root an hour at most")
            .with_hint("ask for 1h or less; better, use the key of an IAM user"))
    }

    /// AWS gives root an hour and does not say so. A life that was cut is the reason to look whose key it is.
    async fn look_whose_key(
        &self,
        cx: &Call<'_>,
        place: &Place,
        asked: Option<i32>,
        got: &Authenticated<Session>,
    ) {
        let hour = ROOT.max.as_secs();
        let life = got.expiry.left(cx.began()).unwrap_or_default().as_secs();
        let was_cut = asked.is_some_and(|it| it > 3600) && life <= hour + 60;
        if !was_cut || matches!(self.is_root(cx).await, Ok(Some(_)) | Err(_)) {
            return;
        }
        // The credentials are good in any case; not knowing costs only this call next time.
        if let Ok(caller) = Sts::new(cx, place, Some(&self.key.keys())).caller().await {
            let word = if caller.is_root() { "root" } else { "user" };
            let id = self.key.aws_access_key_id.expose();
            let _ = cx.keep(WHOSE_KEY, Secret::new(format!("{word} {id}"))).await;
        }
    }

    /// Whether the key is the root user's, as far as that has been seen of this key: the connector may have
    /// been given another one since.
    async fn is_root(&self, cx: &Context) -> Result<Option<bool>> {
        let kept = cx.kept(WHOSE_KEY).await?;
        let known = kept.as_ref().and_then(|it| it.expose().split_once(' '));
        let known = known.filter(|(_, id)| *id == self.key.aws_access_key_id.expose());
        Ok(known.map(|(word, _)| word == "root"))
    }
}

const BOUNDS: Lifetime = Lifetime::seconds(900, 43_200, 129_600);
const ROOT: Lifetime = Lifetime::seconds(900, 3600, 3600);
/// Under which is kept whose key it is, and the key's id.
const WHOSE_KEY: &str = "whose-key";

impl AuthMethod for SessionToken {
    const ID: &'static str = "session-token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Session token",
        "Exchanges a user's key for temporary credentials that may do all that the user may (without MFA no IAM \
         calls, and of STS only AssumeRole and GetCallerIdentity). The key itself stays with the connector.",
        Life::Long,
        Identity::User,
    )
    .temporary()
    .lifetime(BOUNDS)
    .lifetime_note("1h at most for the root user's key, once GetCallerIdentity has shown that it is root's")
    .warning(
        "what is issued inherits the full permission set of its user, all of the account for root; prefer \
         iam-role or federation-token, which narrow",
    );
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        [self.network.check(), self.key.check_long_lived()].concat()
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx)?;
        let seconds = self.seconds(cx).await?;
        let mut request = self.request(seconds);
        if let Some(serial) = &self.mfa_serial {
            let code = mfa_code(cx, serial.as_str()).await?;
            request = request.token_code(code.expose());
        }
        let out = Sts::new(cx, &place, Some(&self.key.keys())).session_token(request).await?;
        self.look_whose_key(cx, &place, seconds, &out).await;
        Ok(out.not_narrowed(
            "GetSessionToken takes no policy: these credentials may do all that their user may",
        ))
    }

    fn plan(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Vec<Step>> {
        Ok(vec![sts::explain_session_token(&self.request(sts::seconds(cx.duration())))])
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let place = self.network.place(cx)?;
        let caller = Sts::new(cx, &place, Some(&self.key.keys())).caller().await?;
        Ok(Some(trust::of_caller(&caller)))
    }
}
