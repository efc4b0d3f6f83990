//! `oauth2-api`: an HTTP API, by the URL that all calls to it begin with.

use connector_core::{Call, Error, Issued, Parsed, Request, ResourceAbout, ResourceType, Result, Wanted};

use crate::names::ApiUrl;
use crate::{BearerToken, Level, OAuth2, Session};

/// An API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OAuth2Api(ApiUrl);

impl OAuth2Api {
    /// What all calls begin with.
    #[must_use]
    pub fn url(&self) -> &ApiUrl {
        &self.0
    }
}

impl ResourceType for OAuth2Api {
    const ID: &'static str = "oauth2-api";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "API behind OAuth 2.0",
        "An HTTP API that takes bearer tokens. Its clients send the token to nothing but URLs below its own.",
    )
    .forms(&[("https://HOST/PATH", "what all calls begin with; without a query, and without a slash at the end")])
    .targets("what the server's scopes mean")
    .narrows("the scopes that the connector has for the access level; which APIs take the token is the server's to say");
    type Connector = OAuth2;
    type Credential = BearerToken;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let url = text.parse().map_err(|error: Error| Error::field("resource_id", error.message()))?;
        Ok(Parsed::exact(Self(url)))
    }

    fn id(&self) -> String {
        self.0.to_string()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Level>> {
        match wanted.within {
            Some(_) => Err(Error::field(
                "within",
                "`oauth2-api` has no parts: scopes are chosen by the access level",
            )),
            None => Ok(Some(Level(wanted.access))),
        }
    }

    /// Asks for the API's own URL: whatever it answers, it must not refuse the token (RFC 6750 §3.1).
    async fn reach(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        let bearer = format!("Bearer {}", session.token.expose());
        let answer = cx.send(Request::get(self.0.as_str()).with_header("authorization", bearer)).await?;
        match answer.status() {
            401 => Err(Error::refused(format!("{} does not take the token", self.0))),
            403 => Err(Error::refused(format!("{} takes the token, and its scopes are not enough", self.0))),
            _ => Ok(()),
        }
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<BearerToken>> {
        let token = BearerToken {
            access_token: session.token.clone(),
            api: self.0.clone(),
            scope: session.scope.clone(),
        };
        Ok(Issued::new(token, session.ends.clone()))
    }
}
