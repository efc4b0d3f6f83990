//! Tenants, the applications that are registered, and the people in it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::der::Certificate;
use super::super::identity::Caller;
use super::super::state::{Named, State};
use super::device::Device;
use super::error::EntraError;
use super::user::{Code, Refresh};
use crate::strict_aws::issuer::Verifier;

/// The program that Azure's own libraries sign people in with.
pub(in super::super) const DEVELOPER: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// All that Entra knows.
#[derive(Debug, Default)]
pub(in super::super) struct Directory {
    /// By id.
    pub(in super::super) tenants: Named<Tenant>,
    /// By client id.
    pub(in super::super) apps: Named<App>,
    /// By tenant and name.
    pub(in super::super) people: Vec<Person>,
    /// Who is refused, and why.
    pub(in super::super) blocked: BTreeMap<String, Block>,
    /// Ids of assertions that were shown, so that none is shown twice.
    pub(super) seen: BTreeSet<String>,
    pub(in super::super) browser: Browser,
    pub(in super::super) devices: BTreeMap<String, Device>,
    /// How many of the next polls are told to slow down.
    pub(in super::super) slow_downs: usize,
    pub(super) codes: BTreeMap<String, Code>,
    pub(in super::super) refresh_tokens: BTreeMap<String, Refresh>,
    /// Whether a refresh token is good once only.
    pub(in super::super) spends_refresh_tokens: bool,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Tenant {
    pub(in super::super) id: String,
    /// The domain by which it may be named, too.
    pub(in super::super) domain: String,
}

/// A registered application.
#[derive(Debug, Default)]
pub(in super::super) struct App {
    pub(in super::super) id: String,
    /// Whether it runs on somebody's machine and has nothing to show of itself.
    pub(in super::super) is_public: bool,
    /// Its service principals: object ids by tenant.
    pub(in super::super) principals: BTreeMap<String, String>,
    /// Secrets with the time at which they end.
    pub(in super::super) secrets: Vec<(String, Option<i64>)>,
    pub(in super::super) certificates: Vec<Certificate>,
    /// Private keys of certificates that were made here, line by line.
    pub(in super::super) keys: Vec<String>,
    pub(in super::super) federated: Vec<Federated>,
}

/// An identity from elsewhere that an application may show in place of a secret.
#[derive(Debug, Clone)]
pub(in super::super) struct Federated {
    pub(in super::super) issuer: String,
    pub(in super::super) subject: String,
    pub(in super::super) audience: String,
    pub(in super::super) verifier: Verifier,
}

/// Somebody in a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Person {
    pub(in super::super) name: String,
    pub(in super::super) id: String,
    pub(in super::super) tenant: String,
}

/// Why somebody who has shown who they are is refused all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Block {
    /// A policy lets nobody in from here (`AADSTS53003`).
    ConditionalAccess,
    /// A second factor is wanted (`AADSTS50076`).
    MultiFactor,
    /// Nobody has consented to the program (`AADSTS65001`).
    Consent,
    /// The account is out of use (`AADSTS50057`, `AADSTS7000112`).
    Disabled,
}

/// Who sits before the browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) enum Browser {
    #[default]
    Nobody,
    SignsIn(String),
    Refuses,
}

impl State {
    /// The tenant of that id or domain.
    pub(super) fn tenant(&self, name: &str) -> Result<&Tenant, EntraError> {
        let is_shaped = |it: u8| it.is_ascii_alphanumeric() || b".-".contains(&it);
        if !name.bytes().all(is_shaped) || !name.contains(['.', '-']) {
            return Err(EntraError::request(
                900_023,
                format!(
                    "Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid external domain."
                ),
            ));
        }
        let by_domain =
            || self.directory.tenants.values().find(|tenant| tenant.domain.eq_ignore_ascii_case(name));
        self.directory.tenants.get(name).or_else(by_domain).ok_or_else(|| {
            EntraError::request(
                90_002,
                format!(
                    "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into \
                     the correct cloud. Check with your subscription administrator, this may happen if there are no \
                     active subscriptions for the tenant."
                ),
            )
        })
    }

    /// The application of that id, which has to be in the tenant. Azure's own programs are in every one.
    pub(super) fn app(&self, id: &str, tenant: &str) -> Result<&App, EntraError> {
        let app = self.directory.apps.get(id);
        app.filter(|app| app.id == DEVELOPER || app.principals.contains_key(tenant)).ok_or_else(|| {
            EntraError::new(
                400,
                "unauthorized_client",
                700_016,
                format!(
                    "Application with identifier '{id}' was not found in the directory '{tenant}'. This can happen if \
                     the application has not been installed by the administrator of the tenant or consented to by any \
                     user in the tenant. You may have sent your authentication request to the wrong tenant."
                ),
            )
        })
    }

    /// Somebody of a tenant by name. `organizations` and `common` stand for whatever tenant they are of.
    pub(in super::super) fn person(&self, tenant: &str, name: &str) -> Option<&Person> {
        let is_any = matches!(tenant, "common" | "organizations");
        let named = |person: &&Person| person.name.eq_ignore_ascii_case(name);
        self.directory.people.iter().filter(named).find(|person| is_any || person.tenant == tenant)
    }

    /// Refuses who is blocked.
    pub(in super::super) fn let_in(&self, caller: &Caller) -> Result<(), EntraError> {
        let Some(block) = self.directory.blocked.get(&caller.id) else { return Ok(()) };
        let app = &caller.app;
        Err(match block {
            Block::ConditionalAccess => EntraError::grant(
                53_003,
                "Access has been blocked by Conditional Access policies. The access policy does not allow token \
                 issuance.",
            )
            .with_suberror("message_only")
            .with_claims(),
            Block::MultiFactor => EntraError::grant(
                50_076,
                format!(
                    "Due to a configuration change made by your administrator, or because you moved to a new location, \
                     you must use multi-factor authentication to access '{}'.",
                    caller.audience
                ),
            )
            .with_suberror("basic_action")
            .with_claims(),
            Block::Consent => EntraError::grant(
                65_001,
                format!(
                    "The user or administrator has not consented to use the application with ID '{app}' named 'strict'. \
                     Send an interactive authorization request for this user and resource."
                ),
            )
            .with_suberror("consent_required"),
            Block::Disabled if caller.person.is_some() => {
                EntraError::grant(50_057, "The user account is disabled.")
            }
            Block::Disabled => EntraError::new(
                400,
                "unauthorized_client",
                7_000_112,
                format!("Application '{app}'(strict) is disabled."),
            ),
        })
    }
}
