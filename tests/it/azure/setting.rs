//! A strict Azure, and connectors that see nothing else.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connector_core::{AuthMethod, Connector, Context, Grant, Issued, Result, VirtualClock};
use connector_tests::strict_azure::{SUBSCRIPTION, StrictAzure, TENANT};
use connectors::azure::resource::AzureGeneric;
use connectors::azure::{Azure, AzureCredential};
use connectors::system::{SystemHttp, Timeouts};
use serde_json::{Value, json};

/// The application of these tests.
pub(super) const ROBOT: &str = "66666666-7777-4888-8999-000000000000";
/// The program that people log in to where the config names none.
pub(super) const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
pub(super) const ALICE: &str = "alice@strict.onmicrosoft.com";
pub(super) const ARM: &str = "https://management.azure.com";
pub(super) const VAULT: &str = "https://vault.azure.net";
/// What a federated token is for.
pub(super) const EXCHANGE: &str = "api://AzureADTokenExchange";

/// A server, and a clock that only a test moves.
pub(super) struct Setting {
    pub(super) azure: StrictAzure,
    pub(super) clock: VirtualClock,
}

impl Setting {
    pub(super) fn new() -> Self {
        Self { azure: StrictAzure::start(), clock: VirtualClock::at(SystemTime::now()) }
    }

    /// Time goes by, here and there.
    pub(super) fn advance(&self, by: Duration) {
        self.azure.advance(by);
        self.clock.advance(by);
    }

    /// The network alone: nothing of the machine is seen.
    pub(super) fn context(&self) -> Context {
        Context::detached(self.clock.clone()).with_http(SystemHttp::new(Timeouts::default()))
    }

    /// A machine with these variables and files, whose identity may be used.
    pub(super) fn machine(&self, variables: &[(&str, &str)], files: &[(&str, &str)]) -> Context {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: HashMap<_, _> = variables.iter().map(text).collect();
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()));
        let cx = self.context().with_environment(variables).with_files(files.collect::<HashMap<_, _>>());
        cx.with_implicit(true)
    }

    /// One server for all of Azure's, whose certificate is trusted.
    pub(super) fn config(&self, more: Value) -> Value {
        let mut config = json!({
            "endpoint_url": self.azure.url(), "ca_bundle": self.azure.ca(), "subscription_id": SUBSCRIPTION,
        });
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        config
    }

    pub(super) fn method<M: AuthMethod<Connector = Azure>>(&self, more: Value) -> M {
        let method: M = serde_json::from_value(self.config(more)).expect("a config");
        assert_eq!(method.check(), [], "the config is good");
        method
    }

    pub(super) fn connector<M: AuthMethod<Connector = Azure>>(
        &self,
        cx: Context,
        more: Value,
    ) -> Connector<Azure> {
        Connector::new(cx, self.method::<M>(more))
    }

    /// The application with a secret, which may read the subscription.
    pub(super) fn robot(&self) -> (String, Value) {
        let id = self.azure.add_app(TENANT, ROBOT);
        self.azure.grant(&id, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
        let secret = self.azure.add_secret(ROBOT);
        (id, json!({ "tenant_id": TENANT, "client_id": ROBOT, "client_secret": secret }))
    }

    /// Somebody who may read the subscription.
    pub(super) fn alice(&self) -> String {
        let id = self.azure.add_person(TENANT, ALICE);
        self.azure.grant(&id, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
        id
    }

    /// Whose the token in a credential is, and for what.
    pub(super) fn owner(&self, issued: &Issued<AzureCredential>) -> (String, String) {
        let (token, audience) = issued.credential.token().expect("a token");
        let (id, told) = self.azure.owner(token.expose()).expect("a token of the server");
        assert_eq!(told, audience, "it says what it is for");
        (id, told)
    }

    /// The calls so far, in order: method and path. They are counted anew from here.
    pub(super) fn calls(&self) -> Vec<String> {
        let calls = self.azure.calls().take().into_iter().chain(self.azure.identity().calls().take());
        calls.map(|it| format!("{} {}", it.method, it.path)).collect()
    }
}

/// A token for Resource Manager, or for another service.
pub(super) async fn issue(
    connector: &Connector<Azure>,
    service: Option<&str>,
) -> Result<Arc<Issued<AzureCredential>>> {
    let grant = Grant::from(SUBSCRIPTION);
    let grant = match service {
        Some(service) => grant.with_within(service),
        None => grant,
    };
    connector.resource::<AzureGeneric>(grant).await?.issue().await
}
