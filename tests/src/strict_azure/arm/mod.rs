//! The resource manager: subscriptions, resource groups, what lies in them, and what may be done with it.

mod action;
mod cluster;
mod error;
mod kind;
mod permission;
mod shown;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::audience::Service;
use super::entra::encoded;
use super::identity::{Caller, Refusal};
use super::roles::Plane;
use super::state::{Named, State};
use crate::loopback::{Answer, Call, decoded};

pub use cluster::Cluster;
pub(super) use cluster::Placed;
pub(super) use error::ArmError;
use kind::Kind;

/// Everything that has a place.
#[derive(Debug, Default)]
pub(super) struct Manager {
    pub(super) subscriptions: Named<Subscription>,
    /// By id.
    pub(super) groups: Named<Group>,
    /// By id.
    pub(super) clusters: Named<Placed>,
    /// Subscriptions in which nobody may do anything, whatever their roles.
    pub(super) closed: BTreeSet<String>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tenant: String,
    /// `Enabled`, `Disabled`, `Warned`.
    pub(super) state: String,
}

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
}

/// Where a resource lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The whole id.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
}

/// The place where everything is unless told otherwise.
pub(super) const LOCATION: &str = "westeurope";

pub(super) fn is_for(call: &Call) -> bool {
    let first = call.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ["subscriptions", "tenants", "providers"].iter().any(|it| first.eq_ignore_ascii_case(it))
        || call.path == "/metadata/endpoints"
}

pub(super) fn answer(state: &State, call: &Call) -> Answer {
    if call.path == "/metadata/endpoints" {
        return Answer::json(200, &shown::endpoints(state));
    }
    operate(state, call).unwrap_or_else(|error| error.as_answer())
}

fn operate(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let segments: Vec<String> = call.path.trim_matches('/').split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let caller = authenticate(state, call, segments.get(1).copied())?;
    check_version(call)?;
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let cx = Cx { state, call, caller: &caller };
    match (call.method.as_str(), lower.as_slice()) {
        ("GET", ["tenants"]) => {
            let tenant = &caller.tenant;
            let told =
                json!({ "id": format!("/tenants/{tenant}"), "tenantId": tenant, "tenantCategory": "Home" });
            Ok(Answer::json(200, &json!({ "value": [told] })))
        }
        ("GET", ["subscriptions"]) => Ok(cx.subscriptions()),
        (_, ["subscriptions", ..]) => {
            let asked = cx.enter(&segments)?;
            cx.within(&asked)
        }
        _ => Err(ArmError::no_type(&call.path)),
    }
}

/// Who calls, for what is in a subscription.
fn authenticate(state: &State, call: &Call, subscription: Option<&str>) -> Result<Caller, ArmError> {
    let known = subscription.and_then(|id| state.manager.subscriptions.get(id));
    let authority = |tenant: &str| format!("{}/{tenant}", state.base);
    let own = known.map_or_else(|| authority("common"), |known| authority(&known.tenant));
    let caller = state.bearer(call, Service::ResourceManager);
    let caller = caller.map_err(|refusal: Refusal| ArmError::unauthenticated(&refusal, &own))?;
    match known {
        Some(known) if known.tenant != caller.tenant => {
            Err(ArmError::wrong_tenant(&caller.tenant, &known.tenant, &own))
        }
        _ => Ok(caller),
    }
}

/// A version is a day, with `-preview` behind it or not.
fn check_version(call: &Call) -> Result<(), ArmError> {
    let versions =
        call.query_pairs().into_iter().filter(|(name, _)| name.eq_ignore_ascii_case("api-version"));
    let versions: Vec<String> = versions.map(|(_, value)| value).filter(|value| !value.is_empty()).collect();
    let [version] = versions.as_slice() else {
        let words = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(ArmError::new(400, "MissingApiVersionParameter", words));
    };
    let day = version.strip_suffix("-preview").unwrap_or(version);
    let is_day = jiff::civil::Date::strptime("%Y-%m-%d", day).is_ok() && day.len() == 10;
    match is_day && ("2014-04-01".."2027-01-01").contains(&day) {
        true => Ok(()),
        false => Err(ArmError::new(
            400,
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '2025-04-01,2024-03-01'."
            ),
        )),
    }
}

/// One call, by somebody.
struct Cx<'a> {
    state: &'a State,
    call: &'a Call,
    caller: &'a Caller,
}

/// What a call within a subscription is about.
struct Asked<'a> {
    subscription: &'a Subscription,
    group: Option<&'a Group>,
    /// What follows, in the case in which it was asked.
    rest: Vec<&'a str>,
}

impl Asked<'_> {
    /// The id of the group, or else of the subscription.
    fn scope(&self) -> String {
        let whole = || format!("/subscriptions/{}", self.subscription.id);
        self.group.map_or_else(whole, |group| group.id.clone())
    }
}

impl<'a> Cx<'a> {
    fn permit(&self, action: &str, scope: &str) -> Result<(), ArmError> {
        let Caller { id, app, .. } = self.caller;
        let denied = || ArmError::denied(app, id, action, scope);
        let subscription = scope.trim_start_matches("/subscriptions/").split('/').next().unwrap_or_default();
        let is_closed = self.state.manager.closed.contains(&subscription.to_ascii_lowercase());
        match !is_closed && self.state.may(id, Plane::Control, action, scope) {
            true => Ok(()),
            false => Err(denied()),
        }
    }

    /// The subscription and the group of a path; both have to be there. One who may do nothing is not told.
    fn enter(&self, segments: &[&'a str]) -> Result<Asked<'a>, ArmError> {
        let manager = &self.state.manager;
        let id = segments.get(1).copied().unwrap_or_default();
        let subscription = manager.subscriptions.get(id).ok_or_else(|| ArmError::no_subscription(id))?;
        let rest = segments.get(2..).unwrap_or_default();
        let group = match rest {
            [kind, name, ..] if kind.eq_ignore_ascii_case("resourcegroups") => {
                let scope = format!("/subscriptions/{}/resourceGroups/{name}", subscription.id);
                let Some(group) = manager.groups.get(&scope) else {
                    self.permit("Microsoft.Resources/subscriptions/resourceGroups/read", &scope)?;
                    return Err(ArmError::no_group(name));
                };
                Some(group)
            }
            _ => None,
        };
        let rest = if group.is_some() { rest.get(2..).unwrap_or_default() } else { rest };
        Ok(Asked { subscription, group, rest: rest.to_vec() })
    }

    fn within(&self, asked: &Asked<'_>) -> Result<Answer, ArmError> {
        let method = self.call.method.as_str();
        let lower: Vec<String> = asked.rest.iter().map(|segment| segment.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        if let ("GET", [.., "providers", "microsoft.authorization", "permissions"]) =
            (method, lower.as_slice())
        {
            return permission::list(self, asked);
        }
        match (method, lower.as_slice(), asked.group) {
            ("GET", [], None) => {
                self.permit("Microsoft.Resources/subscriptions/read", &asked.scope())?;
                Ok(Answer::json(200, &shown::subscription(asked.subscription)))
            }
            ("GET", [], Some(group)) => {
                self.permit("Microsoft.Resources/subscriptions/resourceGroups/read", &group.id)?;
                Ok(Answer::json(200, &shown::group(group)))
            }
            ("GET", ["resourcegroups"], None) => Ok(self.groups(asked)),
            (_, ["providers", provider, kind, ..], _) => {
                let kind = Kind::of(provider, kind).ok_or_else(|| ArmError::no_type(&self.call.path))?;
                action::answer(self, asked, kind, asked.rest.get(3..).unwrap_or_default())
            }
            _ => Err(ArmError::no_type(&self.call.path)),
        }
    }

    /// The subscriptions of the caller's tenant in which it has any role.
    fn subscriptions(&self) -> Answer {
        let all = self.state.manager.subscriptions.values();
        let mine = all.filter(|it| {
            let scope = format!("/subscriptions/{}", it.id);
            it.tenant == self.caller.tenant && self.state.has_a_role_in(&self.caller.id, &scope)
        });
        self.paged(mine.map(|it| (it.id.to_lowercase(), shown::subscription(it))).collect())
    }

    /// The groups that the caller may see: it has to be allowed one by one.
    fn groups(&self, asked: &Asked<'_>) -> Answer {
        let start = format!("{}/", asked.scope()).to_lowercase();
        let all = self.state.manager.groups.values().filter(|it| it.id.to_lowercase().starts_with(&start));
        let action = "Microsoft.Resources/subscriptions/resourceGroups/read";
        let mine = all.filter(|group| self.permit(action, &group.id).is_ok());
        self.paged(mine.map(|group| (group.id.to_lowercase(), shown::group(group))).collect())
    }

    /// One page of a list, with the address of the next one.
    fn paged(&self, all: Vec<(String, Value)>) -> Answer {
        let start = self.call.parameter("$skiptoken");
        let start = start.and_then(|token| URL_SAFE_NO_PAD.decode(token).ok());
        let start = start.and_then(|bytes| String::from_utf8(bytes).ok());
        let (page, next) = self.state.page(all, 1000, start.as_deref());
        let mut body = json!({ "value": page });
        if let Some(next) = next {
            let kept = self.call.query_pairs().into_iter().filter(|(name, _)| name != "$skiptoken");
            let kept: Vec<String> = kept.map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
            body["nextLink"] = format!(
                "{}{}?{}&%24skiptoken={}",
                self.state.base,
                self.call.path,
                kept.join("&"),
                URL_SAFE_NO_PAD.encode(next)
            )
            .into();
        }
        Answer::json(200, &body)
    }
}

/// The refusal of who asks too often.
pub(super) fn throttled() -> Answer {
    ArmError::too_many("The request is being throttled. Please try again after the time in 'Retry-After'.")
        .as_answer()
}
