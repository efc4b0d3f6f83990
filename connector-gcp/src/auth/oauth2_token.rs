//! Method `oauth2-token`: an access token that somebody else made.

use std::time::SystemTime;

use connector_core::{
    AuthMethod, Authenticated, Call, Error, Expiry, Identity, Life, MethodAbout, Problem, Result, Secret,
    Step, Timestamp,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{Network, OfFile};
use super::finish;
use super::token::Minted;
use crate::connector::Gcp;
use crate::mint::{self, Token, Told, is_token};
use crate::names::Email;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// An access token that somebody else made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Oauth2Token {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The access token, such as `gcloud auth print-access-token` prints.
    pub token: Secret,
    /// When it ends, as RFC 3339 (`2026-11-22T03:36:43Z`). Without it Google is asked, by one call more; of tokens that
    /// the Security Token Service made, Google tells nothing.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The e-mail address of the account that it is of, for clients that want to know it.
    #[serde(default)]
    pub service_account_email: Option<Email>,
}

impl Oauth2Token {
    /// A token whose end is not known.
    #[must_use]
    pub fn new(network: Network, token: impl Into<Secret>) -> Self {
        Self { network, token: token.into(), expires_at: None, service_account_email: None }
    }
}

const NEW_ONE: &str = "update the connector with a new one";

impl AuthMethod for Oauth2Token {
    const ID: &'static str = "oauth2-token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "OAuth 2.0 token",
        "Passes on an access token that was made elsewhere. It ends when it ends, an hour after it was made; then the \
         connector issues nothing until it is updated. For a bucket it is narrowed when it has the scope \
         cloud-platform; one that is known to lack it is handed on as it is.",
        Life::Short,
        Identity::Service,
    )
    .temporary()
    .narrows(finish::NARROWS)
    .warning("hands on everything that the token may do, and cannot renew it");
    type Connector = Gcp;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check_with(None);
        if self.token.expose().contains("PRIVATE KEY") {
            problems.push(Problem::new("token", "this is a private key: use method `service-account`"));
        } else if !is_token(&self.token) {
            problems.push(Problem::new(
                "token",
                "empty, or holds blanks, line ends or other characters that no token has",
            ));
        }
        problems
    }

    fn narrows(&self) -> Option<&'static str> {
        finish::narrows(&[], self.network.universe_is_default(None))
    }

    fn scope(&self) -> Option<&str> {
        self.network.project().map(|it| it.as_str())
    }

    fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.as_ref().map(|it| it.0)
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx, &OfFile::default())?;
        let (expiry, is_whole, of_answer) = match self.expires_at() {
            Some(end) if end <= cx.now() => {
                return Err(Error::expired("the stored access token has ended").with_hint(NEW_ONE));
            }
            Some(end) => (Expiry::At(end), None, None),
            None => match mint::tell(cx, &place, &self.token).await {
                Ok(Told::Good { expiry, is_whole, account }) => (expiry, Some(is_whole), account),
                Ok(Told::Unknown) => {
                    return Err(Error::expired("the stored access token has ended, or was taken back")
                        .with_hint(format!(
                            "{NEW_ONE}; for one that the Security Token Service made set `expires_at`, because \
                             Google tells nothing of those"
                        )));
                }
                Ok(Told::Nothing) => (
                    Expiry::Never("the access token ends, but nobody said when: set `expires_at`".into()),
                    None,
                    None,
                ),
                Err(error) => {
                    return Err(error.with_hint("try again later, or set `expires_at`: then nobody is asked"));
                }
            },
        };
        let account = self.service_account_email.as_ref().or(of_answer.as_ref()).map(ToString::to_string);
        let minted = Minted::new(Token { secret: self.token.clone(), expiry }, account);
        let minted =
            Minted { is_whole, ..minted.with_wider("store a token that has the scope cloud-platform") };
        finish::session(cx, place, minted, narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let place = self.network.place(cx, &OfFile::default())?;
        Ok(finish::explain(&place, narrowing)?.into_iter().collect())
    }
}
