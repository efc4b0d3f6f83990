//! The login of `az`: lifted from its files where they can be read, else asked for by running it, where the connector
//! allows programs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use connector_core::{Allow, Authenticated, Call, Command, Context, Error, Expiry, Result, Secret, Step};
use serde::Deserialize;

use super::chain::{Wanted, check_authority, of_application, of_token};
use crate::auth::{az_client, common};
use crate::mint::person::{self, Client, Renewal};
use crate::mint::{self, Mint, Token, is_token};
use crate::names::{Audience, SubscriptionId, TenantId};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};
use crate::surroundings::{Az, Login, Subscription, Who};

/// What `az` is set to, and who is logged in to it; `None` where nobody is.
fn chosen<'a>(az: &'a Az, wanted: &Wanted<'_>) -> Option<&'a Subscription> {
    // One that az does not know may be one that it has not listed yet.
    let named = wanted.subscription.as_ref().and_then(|id| az.subscription(id.as_str()).ok());
    named.or_else(|| az.default_subscription())
}

/// The way to tokens of who logged in.
fn way(cx: &Context, az: &Az, subscription: &Subscription, wanted: &Wanted<'_>) -> Result<Arc<dyn Mint>> {
    let tenant = wanted.tenant.clone().unwrap_or_else(|| subscription.tenant.clone());
    Ok(match az.login(cx, subscription)? {
        Login::Person(refresh_token) => {
            Arc::new(Borrowed { client: Client { id: az_client(), tenant }, refresh_token })
        }
        Login::Application(id, key) => of_application(tenant, id, &key)?,
        Login::Federated(id, token) => of_token(tenant, id, token),
        Login::Machine(_) => {
            return Err(Error::not_configured(
                "az is logged in as this machine, which has no identity (any more)",
            ));
        }
        Login::Sealed(_) if cx.allows(Allow::Exec) => {
            let only = wanted.tenant.clone().map(Only::Tenant);
            let only = only.or_else(|| subscription.id.clone().map(Only::Subscription));
            Arc::new(Program { only: only.unwrap_or(Only::Tenant(tenant)) })
        }
        Login::Sealed(why) => {
            return Err(Error::not_configured(why).with_hint(
                "let the connector run az (`--allow exec`), or log in by a connector of method `user-account`",
            ));
        }
        Login::Gone => {
            return Err(Error::not_configured(format!(
                "az has no login (any more) of {}",
                subscription.who.shown()
            ))
            .with_hint("log in: az login"));
        }
    })
}

/// A session of who logged in with `az`, in the cloud and the subscription that `az` is set to.
///
/// # Errors
/// Not configured, where nobody did, or only `az` can tell; what is there and broken.
pub(super) async fn find(
    cx: &Call<'_>,
    place: Place,
    wanted: &Wanted<'_>,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    let Some(az) = Az::read(cx)? else { return Err(nobody()) };
    let Some(subscription) = chosen(&az, wanted) else { return Err(nobody()) };
    let place = placed(place, subscription, wanted)?;
    let way = way(cx, &az, subscription, wanted)?;
    check_authority(cx, &place)?;
    common::session(cx, place, way, narrowing).await
}

fn nobody() -> Error {
    Error::not_configured("nobody is logged in")
}

/// The place of a subscription that `az` knows.
fn placed(mut place: Place, subscription: &Subscription, wanted: &Wanted<'_>) -> Result<Place> {
    if !wanted.says_cloud {
        place.cloud = subscription.cloud.ok_or_else(|| {
            Error::invalid("az is set to a cloud of somebody's own").with_hint(
                "name its authority and its services: `authority_url` and `endpoints`, or `endpoint_url`",
            )
        })?;
    }
    place.tenant = place.tenant.or_else(|| Some(subscription.tenant.clone()));
    place.subscription = place.subscription.or_else(|| subscription.id.clone());
    Ok(place)
}

/// What `az` is set to, without asking anybody; where nothing can be used, why.
pub(super) fn look(cx: &Context, wanted: &Wanted<'_>) -> (Result<Option<String>>, String) {
    let absent = || "nobody is logged in".to_owned();
    let az = match Az::read(cx) {
        Ok(Some(az)) => az,
        Ok(None) => return (Ok(None), absent()),
        Err(error) => return (Err(error), String::new()),
    };
    let Some(found) = chosen(&az, wanted) else { return (Ok(None), absent()) };
    match way(cx, &az, found, wanted) {
        Ok(_) => {
            let name = found.id.as_ref().map_or("no subscription", |_| found.name.as_str());
            let shown = format!("{} in {name}, by the files in {}", found.who.shown(), az.shown());
            (Ok(Some(shown)), String::new())
        }
        Err(error) if error.is_not_configured() => (Ok(None), error.message().to_owned()),
        Err(error) => (Err(error), String::new()),
    }
}

/// What decides whose login it is.
pub(super) fn describe(cx: &Context, wanted: &Wanted<'_>) -> String {
    let described = || -> Result<Option<String>> {
        let Some(az) = Az::read(cx)? else { return Ok(None) };
        let Some(found) = chosen(&az, wanted) else { return Ok(None) };
        let who = match &found.who {
            Who::Machine(id) => format!("machine {id:?}"),
            other => other.shown(),
        };
        Ok(Some(format!("az {} {who} {} {:?} {:?}", az.shown(), found.tenant, found.id, found.cloud)))
    };
    match described() {
        Ok(found) => found.unwrap_or_else(|| "nothing".to_owned()),
        // That is told by who uses it, and nobody else.
        Err(_) => "az broken".to_owned(),
    }
}

/// The request for a token, without sending it.
pub(super) fn explain(
    cx: &Context,
    place: Place,
    wanted: &Wanted<'_>,
    narrowing: Option<&Narrowing>,
) -> Vec<Step> {
    let step = || -> Result<Option<Vec<Step>>> {
        let Some(az) = Az::read(cx)? else { return Ok(None) };
        let Some(found) = chosen(&az, wanted) else { return Ok(None) };
        let place = placed(place, found, wanted)?;
        let audience = common::audience(&place, narrowing);
        let tenant = wanted.tenant.clone().unwrap_or_else(|| found.tenant.clone());
        Ok(Some(match az.login(cx, found)? {
            Login::Person(_) => vec![person::explain(&Client { id: az_client(), tenant }, &audience)],
            Login::Application(id, key) => common::explain(&place, id.as_str(), key.field(), narrowing),
            Login::Federated(id, _) => common::explain(&place, id.as_str(), "client_assertion", narrowing),
            Login::Sealed(_) if cx.allows(Allow::Exec) => {
                vec![Step::new(COMMAND, vec![("resource".to_owned(), audience.as_str().to_owned())])]
            }
            Login::Machine(_) | Login::Sealed(_) | Login::Gone => return Ok(None),
        }))
    };
    step().ok().flatten().unwrap_or_default()
}

/// The login of a person that is az's: used in its place, and kept nowhere else. What comes in its place is not written
/// into az's files; the old one stays good beside it.
struct Borrowed {
    client: Client,
    refresh_token: Secret,
}

#[async_trait]
impl Mint for Borrowed {
    async fn token(&self, cx: &Call<'_>, place: &Place, audience: &Audience) -> Result<Token> {
        match person::renew(cx, place, &self.client, &self.refresh_token, audience).await {
            Renewal::Made(made) => Ok(made.token),
            Renewal::Over(error) => {
                Err(error.context("the login of az has ended, or is not enough").with_hint(format!(
                    "log in again: az login --tenant {} --scope {}",
                    self.client.tenant,
                    audience.scope()
                )))
            }
            Renewal::Failed(error) => Err(error),
        }
    }
}

const COMMAND: &str = "az account get-access-token";

/// `az` itself, which is asked for tokens.
struct Program {
    only: Only,
}

/// For what a token is: `az` takes one of them.
enum Only {
    Tenant(TenantId),
    Subscription(SubscriptionId),
}

/// What it prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    access_token: Option<Secret>,
    /// Seconds since 1970. Older programs told the time of the machine's own zone only, which tells nothing.
    #[serde(rename = "expires_on", default)]
    expires_on: Option<u64>,
}

#[async_trait]
impl Mint for Program {
    async fn token(&self, cx: &Call<'_>, _: &Place, audience: &Audience) -> Result<Token> {
        let only = match &self.only {
            Only::Tenant(tenant) => ["--tenant", tenant.as_str()],
            Only::Subscription(id) => ["--subscription", id.as_str()],
        };
        let mut command = Command::new(if cfg!(windows) { "az.cmd" } else { "az" })
            .with_args(["account", "get-access-token", "--output", "json", "--resource", audience.as_str()])
            .with_args(only)
            .with_timeout(LIMIT);
        if let Some(folder) = cx.var("AZURE_CONFIG_DIR") {
            command = command.with_env("AZURE_CONFIG_DIR", Secret::new(folder));
        }
        let output = cx.run(command).await.map_err(|error| {
            error.context(format!("`{COMMAND}` gave no token")).or_hint("is it logged in? az login")
        })?;
        let garbage = || Error::unreachable(format!("`{COMMAND}` printed no token")).transient(false);
        let printed: Printed = serde_json::from_slice(output.expose()).map_err(|_| garbage())?;
        let secret = printed.access_token.filter(is_token).ok_or_else(garbage)?;
        let told =
            printed.expires_on.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it)));
        let own = mint::claims(&secret).and_then(|it| it.end());
        let end = told.into_iter().chain(own).min().ok_or_else(|| {
            Error::unreachable(format!("`{COMMAND}` does not say when the token ends"))
                .transient(false)
                .with_hint("update az: version 2.54 and later say it")
        })?;
        Ok(Token { secret, expiry: Expiry::At(end) })
    }
}

/// `az` is slow to start.
const LIMIT: Duration = Duration::from_secs(30);
