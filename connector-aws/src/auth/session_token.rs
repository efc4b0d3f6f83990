//! Method `session-token`: a user's key, exchanged for temporary credentials with the same rights.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_sts::operation::get_session_token::builders::GetSessionTokenInputBuilder;
use connector_core::{
    AuthMethod, Authenticated, Call, Context, Error, Identity, Life, Lifetime, MethodAbout, Problem, Result,
    Step, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{AccessKey, Network, mfa_code};
use super::sts::{self, Sts};
use super::trust;
use crate::connector::Aws;
use crate::names::MfaSerial;
use crate::narrowing::Narrowing;
use crate::session::{Keys, Place, Session};
use crate::whose_key::{self, Owner, ROOT_WARNING};

mod kept;

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
    /// The MFA device whose code is asked for. One code opens a session that serves everything until it ends.
    #[serde(default)]
    pub mfa_serial: Option<MfaSerial>,
    /// It has been seen that the key is the root user's.
    #[serde(skip)]
    is_root: Arc<AtomicBool>,
}

impl SessionToken {
    /// A key to be exchanged.
    #[must_use]
    pub fn new(network: Network, key: AccessKey) -> Self {
        Self { network, key, mfa_serial: None, is_root: Arc::default() }
    }

    fn request(&self, cx: &Call<'_>) -> Result<GetSessionTokenInputBuilder> {
        let asked = cx.duration();
        if self.is_root() && asked.is_some_and(|it| it > ROOT.default) {
            return Err(Error::field(
                "duration",
                "the key is the root user's, and AWS gives root an hour at most",
            )
            .with_hint("ask for 1h or less; better, use the key of an IAM user"));
        }
        Ok(GetSessionTokenInputBuilder::default()
            .set_duration_seconds(sts::seconds(asked))
            .set_serial_number(self.mfa_serial.as_ref().map(ToString::to_string)))
    }

    /// AWS gives root an hour and does not say so. A life that was cut is the reason to look whose key it is.
    async fn look_whose_key(&self, cx: &Call<'_>, place: &Place, got: &Authenticated<Session>) {
        let hour = ROOT.default;
        let life = got.expiry.left(cx.began()).unwrap_or_default();
        let was_cut = cx.duration().is_some_and(|it| it > hour) && life <= hour + Duration::from_secs(60);
        let key_id = &self.key.aws_access_key_id;
        if !was_cut || matches!(whose_key::known(cx, key_id).await, Ok(Some(_)) | Err(_)) {
            return;
        }
        // The credentials are good in any case; not knowing costs only this call next time.
        if let Ok(caller) = Sts::new(cx, place, Some(&self.key.keys())).caller().await {
            let owner = Owner::of(&caller.arn);
            self.note(cx, owner).await;
            if owner == Owner::Root {
                // Where nobody is there to be told, it is kept all the same.
                let _ = cx.tell(ROOT_WARNING).await;
            }
        }
    }

    async fn note(&self, cx: &Call<'_>, owner: Owner) {
        self.is_root.store(owner == Owner::Root, Ordering::Relaxed);
        whose_key::note(cx, &self.key.aws_access_key_id, owner).await;
    }

    fn is_root(&self) -> bool {
        self.is_root.load(Ordering::Relaxed)
    }

    fn bounds(&self) -> Lifetime {
        if self.is_root() { ROOT } else { BOUNDS }
    }

    /// A session that remembers which key it was made of, so that more may be learnt of that key.
    fn session_of(&self, keys: Keys, place: &Place) -> Session {
        let mut session = Session::new(keys, place.clone());
        session.made_of = Some(self.key.aws_access_key_id.clone());
        session
    }
}

const BOUNDS: Lifetime = Lifetime::seconds(900, 43_200, 129_600);
/// For root an hour is the longest, too; what asks for more is refused with the reason.
const ROOT: Lifetime = Lifetime::seconds(900, 3600, 129_600);

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

    fn lifetime(&self) -> Option<Lifetime> {
        Some(self.bounds())
    }

    async fn recall(&self, cx: &Context) -> Result<()> {
        if !self.is_root() {
            let known = whose_key::known(cx, &self.key.aws_access_key_id).await?;
            self.is_root.store(known == Some(Owner::Root), Ordering::Relaxed);
        }
        Ok(())
    }

    fn scope(&self) -> Option<&str> {
        Some(self.network.region.as_str())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx)?;
        let mut request = self.request(cx)?;
        if let Some(kept) = self.kept_session(cx, &place).await? {
            return Ok(kept.not_narrowed(WIDE));
        }
        if let Some(serial) = &self.mfa_serial {
            let hint = "give the code with `--mfa-code`, or run `connector verify NAME` on a terminal: the session \
                that it opens serves all programs until it ends";
            request = request.token_code(mfa_code(cx, serial.as_str(), hint).await?.expose());
        }
        let mut out = Sts::new(cx, &place, Some(&self.key.keys())).session_token(request).await?;
        out.session = self.session_of(out.session.keys, &place);
        self.keep_session(cx, &place, &out).await;
        self.look_whose_key(cx, &place, &out).await;
        Ok(out.not_narrowed(WIDE))
    }

    fn plan(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Vec<Step>> {
        Ok(vec![sts::explain_session_token(&self.request(cx)?)])
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let place = self.network.place(cx)?;
        let caller = Sts::new(cx, &place, Some(&self.key.keys())).caller().await?;
        self.note(cx, Owner::of(&caller.arn)).await;
        Ok(Some(trust::of_caller(&caller)))
    }
}

const WIDE: &str = "GetSessionToken takes no policy: these credentials may do all that their user may";
