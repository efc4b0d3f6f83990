//! Logging in to the portal by a code that a person confirms in the browser, and renewing that login.

use std::time::Duration;

use aws_sdk_ssooidc::config::Region as SdkRegion;
use aws_sdk_ssooidc::operation::create_token::CreateTokenOutput;
use connector_core::{Call, Context, Error, Result, Secret};

use super::Sso;
use super::tokens::{Client, Tokens, kept_name};
use crate::error::{self, hint_for};
use crate::session::Place;
use crate::wire;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH_GRANT: &str = "refresh_token";
const CREATE_TOKEN: &str = "sso-oidc:CreateToken";

/// How often is asked whether the code was confirmed, unless the portal says.
const INTERVAL: Duration = Duration::from_secs(5);

/// The login to one portal.
pub(super) struct Login<'a> {
    pub(super) portal: &'a Sso,
    pub(super) place: &'a Place,
}

impl Login<'_> {
    /// A token that is good now: kept, taken over, renewed, or by a new login.
    pub(super) async fn token(&self, cx: &Context) -> Result<Secret> {
        let known = self.known(cx).await?;
        if let Some(fresh) = known.iter().find(|it| it.is_fresh(cx.now())) {
            return Ok(fresh.access_token.clone());
        }
        match self.renew_from(cx, &known).await {
            Ok(token) => Ok(token),
            // What is good for some minutes yet is better than nothing.
            Err(error) => {
                let valid = known.into_iter().find(|it| it.is_valid(cx.now()));
                valid.map(|it| it.access_token).ok_or(error)
            }
        }
    }

    /// A token in place of one that the portal does not take any more.
    pub(super) async fn renew(&self, cx: &Context) -> Result<Secret> {
        let known = self.known(cx).await?;
        self.renew_from(cx, &known).await
    }

    /// The logins that are at hand: what was kept, then what the config began with.
    async fn known(&self, cx: &Context) -> Result<Vec<Tokens>> {
        let texts = [cx.kept(&self.kept_name()).await?, self.portal.login.clone()];
        let known = texts.into_iter().flatten().filter_map(|text| Tokens::parse(&text).ok());
        Ok(known.filter(|it| it.is_for(&self.portal.start_url)).collect())
    }

    async fn renew_from(&self, cx: &Context, known: &[Tokens]) -> Result<Secret> {
        for (client, refresh_token) in known.iter().filter_map(|it| it.renewal(cx.now())) {
            if let Some(tokens) = self.refresh(cx, client, refresh_token).await? {
                cx.keep(&self.kept_name(), tokens.to_json()).await?;
                return Ok(tokens.access_token);
            }
        }
        let client = known.iter().filter_map(|it| it.client.clone()).find(|it| it.is_valid(cx.now()));
        let tokens = self.log_in(cx, client).await?;
        cx.keep_login(&self.kept_name(), tokens.to_json()).await?;
        Ok(tokens.access_token)
    }

    fn kept_name(&self) -> String {
        kept_name(&self.portal.start_url, self.portal.sso_region.as_str())
    }

    /// A new token for an old login; `None` when that login is over.
    async fn refresh(&self, cx: &Context, client: &Client, refresh_token: &Secret) -> Result<Option<Tokens>> {
        let call = Call::new(cx, None);
        let request =
            self.client(cx).create_token().grant_type(REFRESH_GRANT).refresh_token(refresh_token.expose());
        let request = request.client_id(client.id.expose()).client_secret(client.secret.expose());
        match request.send().await {
            Ok(answer) => self.tokens(&call, answer, client, Some(refresh_token)).map(Some),
            Err(error) => {
                let over = error.as_service_error().is_some_and(|it| {
                    it.is_invalid_grant_exception()
                        || it.is_expired_token_exception()
                        || it.is_invalid_client_exception()
                        || it.is_unauthorized_client_exception()
                        || it.is_access_denied_exception()
                });
                if over { Ok(None) } else { Err(error::from_sdk(cx, CREATE_TOKEN, error)) }
            }
        }
    }

    /// Asks a person to confirm a code in the browser, and waits for it.
    async fn log_in(&self, cx: &Context, client: Option<Client>) -> Result<Tokens> {
        let portal = &self.portal.start_url;
        // Before any call: without a person, none is made.
        cx.tell(&format!("Logging in to {portal}")).await.map_err(|error| {
            error.context(format!("there is no login to {portal}, or it has ended")).with_hint(
                match cx.terms().id.as_str() {
                    "" => "register on a terminal to log in".to_owned(),
                    _ => hint_for(cx, "run `connector verify NAME` on a terminal to log in"),
                },
            )
        })?;
        let client = match client {
            Some(client) => client,
            None => self.register(cx).await?,
        };
        let began = cx.now();
        const AUTHORIZE: &str = "sso-oidc:StartDeviceAuthorization";
        let request = self.client(cx).start_device_authorization().start_url(portal);
        let request = request.client_id(client.id.expose()).client_secret(client.secret.expose());
        let answer = request.send().await.map_err(|error| error::from_sdk(cx, AUTHORIZE, error))?;
        let (Some(device_code), Some(user_code)) = (answer.device_code(), answer.user_code()) else {
            return Err(error::incomplete(AUTHORIZE));
        };
        let Some(address) = answer.verification_uri_complete().or(answer.verification_uri()) else {
            return Err(error::incomplete(AUTHORIZE));
        };
        cx.tell(&format!("Open {address} in a browser and confirm the code {user_code}")).await?;
        let end = began + Duration::from_secs(u64::try_from(answer.expires_in()).unwrap_or_default());
        let mut interval = match u64::try_from(answer.interval()) {
            Ok(seconds @ 1..=60) => Duration::from_secs(seconds),
            _ => INTERVAL,
        };
        while cx.now() + interval < end {
            cx.clock().sleep(interval).await;
            let call = Call::new(cx, None);
            let request = self.client(cx).create_token().grant_type(DEVICE_GRANT).device_code(device_code);
            let request = request.client_id(client.id.expose()).client_secret(client.secret.expose());
            let error = match request.send().await {
                Ok(answer) => return self.tokens(&call, answer, &client, None),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(it) if it.is_authorization_pending_exception() => {}
                Some(it) if it.is_slow_down_exception() => interval += Duration::from_secs(5),
                Some(it) if it.is_expired_token_exception() => break,
                Some(it) if it.is_access_denied_exception() => {
                    return Err(Error::refused("the login was declined in the browser"));
                }
                _ => return Err(error::from_sdk(cx, CREATE_TOKEN, error)),
            }
        }
        Err(Error::refused("nobody confirmed the code in time").with_hint(match cx.terms().id.as_str() {
            "" => "register again".to_owned(),
            _ => hint_for(cx, "run `connector verify NAME` again"),
        }))
    }

    async fn register(&self, cx: &Context) -> Result<Client> {
        const REGISTER: &str = "sso-oidc:RegisterClient";
        let request = self.client(cx).register_client().client_name("connector").client_type("public");
        let request =
            request.scopes("sso:account:access").grant_types(DEVICE_GRANT).grant_types(REFRESH_GRANT);
        let answer = request.send().await.map_err(|error| error::from_sdk(cx, REGISTER, error))?;
        let end = u64::try_from(answer.client_secret_expires_at()).ok().filter(|it| *it > 0);
        match (answer.client_id, answer.client_secret) {
            (Some(id), Some(secret)) => Ok(Client {
                id: Secret::new(id),
                secret: Secret::new(secret),
                // Beyond what a clock shows is as good as never.
                expires_at: end
                    .and_then(|it| std::time::SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it))),
            }),
            _ => Err(error::incomplete(REGISTER)),
        }
    }

    fn tokens(
        &self,
        call: &Call<'_>,
        answer: CreateTokenOutput,
        client: &Client,
        refresh_token: Option<&Secret>,
    ) -> Result<Tokens> {
        let access_token = answer.access_token.ok_or_else(|| error::incomplete(CREATE_TOKEN))?;
        let life = Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or_default());
        Ok(Tokens {
            start_url: Some(self.portal.start_url.clone()),
            access_token: Secret::new(access_token),
            expires_at: call.began() + life,
            // A portal that sends no new one goes on taking the old one.
            refresh_token: answer.refresh_token.map(Secret::new).or_else(|| refresh_token.cloned()),
            client: Some(client.clone()),
        })
    }

    fn client(&self, cx: &Context) -> aws_sdk_ssooidc::Client {
        let region = SdkRegion::new(self.portal.sso_region.as_str().to_owned());
        aws_sdk_ssooidc::Client::new(&wire::config(cx, self.place, None, region))
    }
}
