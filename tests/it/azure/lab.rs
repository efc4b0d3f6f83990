//! An application with a secret in a strict Azure, and the connectors that are made of it.

use std::time::{Duration, SystemTime};

use connector_core::{Allow, AuthMethod as _, Connector, Context, Terms, VirtualClock};
use connector_tests::strict_azure::{SUBSCRIPTION, StrictAzure, TENANT};
use connectors::azure::Azure;
use connectors::azure::auth::ServicePrincipal;
use connectors::system::{SystemHttp, Timeouts};
use serde_json::{Value, json};

/// The application.
pub(super) const APP: &str = "66666666-7777-4888-8999-000000000000";

/// An application that may do nothing yet, and a resource group.
pub(super) struct Lab {
    pub(super) azure: StrictAzure,
    /// The scope of the group, whose name has both cases.
    pub(super) group: String,
    /// The object id of the application.
    pub(super) robot: String,
    pub(super) secret: String,
    pub(super) clock: VirtualClock,
}

impl Lab {
    pub(super) fn new() -> Self {
        let azure = StrictAzure::start();
        let group = azure.add_group(SUBSCRIPTION, "My-Lab");
        let robot = azure.add_app(TENANT, APP);
        let secret = azure.add_secret(APP);
        Self { azure, group, robot, secret, clock: VirtualClock::at(SystemTime::now()) }
    }

    pub(super) fn grant(&self, role: &str, scope: &str) {
        self.azure.grant(&self.robot, role, scope);
    }

    /// The network alone: nothing of the machine is seen.
    pub(super) fn context(&self) -> Context {
        Context::detached(self.clock.clone()).with_http(SystemHttp::new(Timeouts::default()))
    }

    /// A connector whose owner allows nothing in particular.
    pub(super) fn connector(&self) -> Connector<Azure> {
        self.allowing(&[])
    }

    pub(super) fn allowing(&self, allow: &[Allow]) -> Connector<Azure> {
        self.with(json!({}), allow)
    }

    /// A connector with more in its config.
    pub(super) fn with(&self, more: Value, allow: &[Allow]) -> Connector<Azure> {
        let mut config = json!({
            "tenant_id": TENANT,
            "client_id": APP,
            "client_secret": self.secret,
            "endpoint_url": self.azure.url(),
            "ca_bundle": self.azure.ca(),
        });
        for (name, value) in more.as_object().cloned().unwrap_or_default() {
            config[name] = value;
        }
        let method: ServicePrincipal = serde_json::from_value(config).expect("a config");
        assert_eq!(method.check(), [], "the config is good");
        let terms = allow.iter().fold(Terms::default(), |terms, it| terms.with_allow(*it));
        Connector::with_terms(self.context(), method, terms)
    }

    /// What was called since the last time: tokens by the word, everything else by method and path.
    pub(super) fn calls(&self) -> Vec<String> {
        let called = self.azure.calls().take();
        let told = called.iter().map(|it| match it.path.ends_with("/oauth2/v2.0/token") {
            true => "token".to_owned(),
            false => format!("{} {}", it.method, it.path),
        });
        told.collect()
    }

    /// Both clocks move on.
    pub(super) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.azure.advance(by);
    }
}
