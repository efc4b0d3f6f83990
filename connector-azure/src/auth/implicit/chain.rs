//! The order in which the surroundings are looked at. Only what is not set up is passed over.

use std::borrow::Cow;
use std::sync::Arc;

use connector_core::{
    Authenticated, Call, Context, EndpointUrl, Error, Origin, OriginState, Result, Secret, Step,
};

use super::az;
use crate::auth::common;
use crate::auth::managed_identity::{self, Machine};
use crate::auth::service_principal::{self, Application};
use crate::auth::workload_identity::{self, Subject};
use crate::certificate;
use crate::mint::Mint;
use crate::mint::machine::{self, Chosen, Endpoint, Failure};
use crate::names::{ClientId, Service, SubscriptionId, TenantId};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};
use crate::surroundings::{self, AUTHORITY, Authority, Federated, Key, Names};

/// What the config says of the identity.
pub(super) struct Wanted<'a> {
    pub(super) tenant: Option<TenantId>,
    pub(super) subscription: Option<SubscriptionId>,
    pub(super) client: Option<Cow<'a, ClientId>>,
    /// The config says which cloud is meant, so that the surroundings do not.
    pub(super) says_cloud: bool,
    /// The config says where the machine's identity is asked for.
    pub(super) says_endpoint: bool,
}

impl Wanted<'_> {
    pub(super) fn client(&self) -> Option<&ClientId> {
        self.client.as_deref()
    }

    /// Which of the machine's identities is meant.
    fn chosen(&self, cx: &Context) -> Result<Chosen> {
        let client = match self.client() {
            Some(client) => Some(client.clone()),
            None => surroundings::client_id(cx)?,
        };
        Ok(client.map_or(Chosen::Own, Chosen::Client))
    }
}

/// An application or a token of elsewhere in the environment, which need no call to be found.
pub(super) enum Set {
    Application(surroundings::Application),
    Federated(Federated),
}

const ENVIRONMENT: &str = "the environment";
const WORKLOAD: &str = "the workload identity in the environment";
pub(super) const AZ: &str = "the login of az";

fn application(cx: &Context, wanted: &Wanted<'_>) -> Result<Option<surroundings::Application>> {
    let Some(found) = surroundings::Application::read(cx, &Names::AZURE)? else { return Ok(None) };
    if wanted.client().is_some_and(|it| !it.as_str().eq_ignore_ascii_case(found.client.as_str())) {
        return Err(Error::refused(
            "AZURE_CLIENT_ID is another application than the `client_id` of the connector",
        )
        .with_hint("leave `client_id` out, or unset the variable that holds the secret or the certificate"));
    }
    Ok(Some(found))
}

fn set(cx: &Context, wanted: &Wanted<'_>) -> Result<Option<Set>> {
    if let Some(found) = application(cx, wanted).map_err(|error| broken(ENVIRONMENT, error))? {
        return Ok(Some(Set::Application(found)));
    }
    let found = surroundings::federated(cx, wanted.client()).map_err(|error| broken(WORKLOAD, error))?;
    Ok(found.map(Set::Federated))
}

pub(super) fn broken(place: &str, error: Error) -> Error {
    error.context(format!("{place} cannot be used, and nothing else is tried"))
}

/// The place of what is found in the environment: in its cloud, and in the subscription that a variable names.
fn placed(cx: &Context, mut place: Place, wanted: &Wanted<'_>, tenant: TenantId) -> Result<Place> {
    if !wanted.says_cloud {
        let Authority { cloud, url } = Authority::read(cx)?;
        place.cloud = cloud.unwrap_or(place.cloud);
        place.authority_url = url;
    }
    place.tenant = place.tenant.or(Some(tenant));
    place.subscription = match place.subscription {
        None => surroundings::subscription_id(cx)?,
        named => named,
    };
    Ok(place)
}

/// What the surroundings hold goes to the authority of a cloud, to the one that they name, or to this machine: a
/// connector that may use it may not have it sent elsewhere.
///
/// # Errors
/// Refused, where the config names another authority.
pub(super) fn check_authority(cx: &Context, place: &Place) -> Result<()> {
    let url = EndpointUrl::parse(place.url(Service::Authority))?;
    let is_named = || {
        let named = Authority::read(cx)?.url;
        Ok::<_, Error>(named.is_some_and(|it| it.authority().eq_ignore_ascii_case(url.authority())))
    };
    if Authority::is_of_cloud(&url) || machine::is_own(&url) || is_named()? {
        return Ok(());
    }
    Err(Error::refused("what this machine holds is not sent to an authority that only the connector names")
        .with_hint(format!("set {AUTHORITY} to it on this machine, if it is meant")))
}

fn key(key: &Key) -> Result<service_principal::Key> {
    Ok(match key {
        Key::Secret(secret) => service_principal::Key::Secret(secret.clone()),
        Key::Certificate(text) => service_principal::Key::Certificate(Arc::new(certificate::read(text)?)),
    })
}

/// An application, as a way to tokens.
pub(super) fn of_application(tenant: TenantId, client: ClientId, proof: &Key) -> Result<Arc<dyn Mint>> {
    Ok(Arc::new(Application { tenant, client, key: key(proof)? }))
}

/// A token of elsewhere, as a way to tokens.
pub(super) fn of_token(tenant: TenantId, client: ClientId, token: Secret) -> Arc<dyn Mint> {
    Arc::new(workload_identity::Federated { tenant, client, subject: Subject::Token(token) })
}

impl Set {
    fn way(&self, tenant: TenantId) -> Result<Arc<dyn Mint>> {
        match self {
            Self::Application(found) => of_application(tenant, found.client.clone(), &found.key),
            Self::Federated(found) => {
                let subject = Subject::File(found.file.clone());
                Ok(Arc::new(workload_identity::Federated { tenant, client: found.client.clone(), subject }))
            }
        }
    }

    fn tenant(&self) -> &TenantId {
        match self {
            Self::Application(found) => &found.tenant,
            Self::Federated(found) => &found.tenant,
        }
    }

    fn place(&self) -> &'static str {
        match self {
            Self::Application(_) => ENVIRONMENT,
            Self::Federated(_) => WORKLOAD,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Application(found) => found.shown(),
            Self::Federated(found) => format!("application {} by the token in {}", found.client, found.file),
        }
    }
}

/// Who this machine is, with a token for the service that is needed first.
///
/// # Errors
/// The first source that is there but broken; when none is there, all of them as causes.
pub(super) async fn find(
    cx: &Call<'_>,
    place: Place,
    wanted: &Wanted<'_>,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    if let Some(found) = set(cx, wanted)? {
        let broken = |error| broken(found.place(), error);
        let place = placed(cx, place, wanted, found.tenant().clone()).map_err(broken)?;
        check_authority(cx, &place).map_err(broken)?;
        let tenant = wanted.tenant.clone().unwrap_or_else(|| found.tenant().clone());
        let way = found.way(tenant).map_err(broken)?;
        return common::session(cx, place, way, narrowing).await.map_err(broken);
    }
    let endpoint = Endpoint::of(cx, &place).map_err(|error| broken(managed_identity::PLACE, error))?;
    let chosen = wanted.chosen(cx)?;
    let here = placed_in_cloud(cx, place.clone(), wanted)?;
    let audience = common::audience(&here, narrowing);
    let passed = match machine::token(cx, &here, &endpoint, &chosen, &audience).await {
        Ok(token) => {
            let way = Arc::new(Machine::at(endpoint, chosen));
            return Ok(common::with_token(here, audience, token, way));
        }
        // An endpoint that is known to be there is meant, too.
        Err(Failure::Absent(error)) if !endpoint.is_sure() => error,
        // An identity that is named is meant.
        Err(Failure::Nobody(error)) if chosen == Chosen::Own && goes_on(&endpoint, wanted) => error,
        Err(failure) => return Err(broken(managed_identity::PLACE, failure.into_error())),
    };
    match az::find(cx, place, wanted, narrowing).await {
        Err(error) if error.is_not_configured() => {
            let causes = [
                (
                    ENVIRONMENT,
                    "neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set".to_owned(),
                ),
                (WORKLOAD, "AZURE_FEDERATED_TOKEN_FILE is not set".to_owned()),
                (managed_identity::PLACE, passed.message().to_owned()),
                (AZ, error.message().to_owned()),
            ];
            let none = Error::not_configured("nothing here says who this machine is at Azure");
            let none = causes
                .into_iter()
                .fold(none, |none, (place, why)| none.with_cause(format!("{place}: {why}")));
            let usual = "log in with az login, or set up one of these, or choose a method that holds its own credentials";
            Err(none.with_hint(error.hint().unwrap_or(usual)))
        }
        Err(error) => Err(broken(AZ, error)),
        found => found,
    }
}

/// Whether there may be no identity behind an endpoint, so that az's login is looked at: machines have a metadata service
/// without one, and platforms tell of their endpoints only where there is one.
fn goes_on(endpoint: &Endpoint, wanted: &Wanted<'_>) -> bool {
    matches!(endpoint, Endpoint::Imds { .. }) && !wanted.says_endpoint
}

/// A machine's own identity is of the cloud that the config or the environment says.
fn placed_in_cloud(cx: &Context, mut place: Place, wanted: &Wanted<'_>) -> Result<Place> {
    if !wanted.says_cloud {
        place.cloud = Authority::read(cx)?.cloud.unwrap_or(place.cloud);
    }
    if place.subscription.is_none() {
        place.subscription = surroundings::subscription_id(cx)?;
    }
    Ok(place)
}

/// What decides whose identity it is, for the cache key.
pub(super) fn describe(cx: &Context, place: &Place, wanted: &Wanted<'_>) -> Result<String> {
    let authority = if wanted.says_cloud { Authority::default() } else { Authority::read(cx)? };
    let subscription = surroundings::subscription_id(cx)?;
    let who = match set(cx, wanted)? {
        Some(found) => {
            let (tenant, shown) = (found.tenant(), found.shown());
            format!("{} {tenant} {shown}", found.place())
        }
        None if wanted.says_endpoint => format!("the config's endpoint {:?}", wanted.chosen(cx)?),
        None => {
            let endpoint = Endpoint::of(cx, place)?;
            let machine = format!("{} {:?}", endpoint.identity(), wanted.chosen(cx)?);
            match goes_on(&endpoint, wanted) {
                false => machine,
                // Only a call tells whether it has an identity.
                true => format!("{machine} or {}", az::describe(cx, wanted)),
            }
        }
    };
    Ok(format!("{who} {subscription:?} {authority:?}"))
}

/// The requests, without sending them.
pub(super) fn explain(
    cx: &Call<'_>,
    place: Place,
    wanted: &Wanted<'_>,
    narrowing: Option<&Narrowing>,
) -> Result<Vec<Step>> {
    if let Some(found) = set(cx, wanted)? {
        let place = placed(cx, place, wanted, found.tenant().clone())?;
        check_authority(cx, &place)?;
        let (client, proof) = match &found {
            Set::Application(it) => (&it.client, it.key.field()),
            Set::Federated(it) => (&it.client, "client_assertion"),
        };
        return Ok(common::explain(&place, client.as_str(), proof, narrowing));
    }
    let endpoint = Endpoint::of(cx, &place)?;
    let here = placed_in_cloud(cx, place.clone(), wanted)?;
    let mut steps = vec![machine::explain(&wanted.chosen(cx)?, &common::audience(&here, narrowing))];
    if goes_on(&endpoint, wanted) {
        steps.extend(az::explain(cx, place, wanted, narrowing));
    }
    Ok(steps)
}

/// The places, with what is there now.
pub(super) fn origins(cx: &Context, place: &Place, wanted: &Wanted<'_>) -> Vec<Origin> {
    let mut decided = false;
    let mut out = Vec::new();
    let mut push = |place: &'static str, found: Result<Option<String>>, state: OriginState, absent: &str| {
        let (state, detail) = match found {
            Ok(None) => (OriginState::Absent, absent.to_owned()),
            Ok(Some(shown)) if decided => (OriginState::Hidden, shown),
            Err(error) if decided => (OriginState::Hidden, format!("cannot be used: {}", error.message())),
            Ok(Some(shown)) => (state, shown),
            Err(error) => (OriginState::Broken, error.message().to_owned()),
        };
        decided |= matches!(state, OriginState::Used | OriginState::Broken);
        out.push(Origin::new(place, state, detail));
    };
    let found = application(cx, wanted).map(|found| found.map(|it| it.shown()));
    let absent = "neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set";
    push(ENVIRONMENT, found, OriginState::Used, absent);
    let found = surroundings::federated(cx, wanted.client());
    let found = found.map(|found| found.map(|it| Set::Federated(it).shown()));
    push(WORKLOAD, found, OriginState::Used, "AZURE_FEDERATED_TOKEN_FILE is not set");
    let endpoint = Endpoint::of(cx, place);
    let state = match &endpoint {
        Ok(endpoint) if !goes_on(endpoint, wanted) => OriginState::Used,
        _ => OriginState::Asked,
    };
    push(managed_identity::PLACE, endpoint.map(|it| Some(it.shown())), state, "");
    let (found, absent) = az::look(cx, wanted);
    push(AZ, found, OriginState::Used, &absent);
    out
}
