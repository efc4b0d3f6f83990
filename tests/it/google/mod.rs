//! Google Cloud: our own requests, native clients and Google's programs, against a strict Google.

mod agent;
mod clients;
mod login;
mod methods;
mod narrowing;
mod programs;

pub(crate) use login::browse;

use std::time::SystemTime;

use connector_core::{AuthMethod, Connector, Context, VirtualClock};
use connector_tests::strict_google::{PROJECT, StrictGoogle};
use connectors::gcp::Gcp;
use connectors::gcp::auth::ServiceAccount;
use connectors::system::{SystemHttp, Timeouts};
use serde_json::{Value, json};

/// Where a role reaches everything.
const WHOLE: &str = "projects/strict-project";

/// A server with an account that may do everything with storage, and two buckets with objects.
struct Setting {
    google: StrictGoogle,
    robot: String,
    clock: VirtualClock,
}

impl Setting {
    fn new() -> Self {
        let google = StrictGoogle::start();
        let robot = google.add_service_account("robot");
        google.add_bucket(
            "data",
            &[("a/1.txt", "one"), ("ab/2.txt", "two"), ("a", "three"), ("b/4.txt", "four")],
        );
        google.add_bucket("data2", &[("a/1.txt", "other")]);
        google.grant(&robot, "roles/storage.admin", WHOLE);
        Self { google, robot, clock: VirtualClock::at(SystemTime::now()) }
    }

    /// The network alone: nothing of the machine is seen.
    fn context(&self) -> Context {
        Context::detached(self.clock.clone()).with_http(SystemHttp::new(Timeouts::default()))
    }

    fn config(&self, more: Value) -> Value {
        let mut config = json!({ "project_id": PROJECT, "endpoint_url": self.google.url() });
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            config[key] = value;
        }
        config
    }

    fn method<M: AuthMethod<Connector = Gcp>>(&self, more: Value) -> M {
        let method: M = serde_json::from_value(self.config(more)).expect("a config");
        assert_eq!(method.check(), [], "the config is good");
        method
    }

    /// A connector with the key of the account.
    fn connector(&self) -> Connector<Gcp> {
        let key = self.google.key_json(&self.robot);
        Connector::new(self.context(), self.method::<ServiceAccount>(json!({ "service_account_json": key })))
    }

    /// How often the server was asked for tokens, by path.
    fn mints(&self) -> Vec<String> {
        let paths = ["/token", "/v1/token"];
        let calls = self.google.calls().take();
        let mints =
            calls.iter().filter(|it| paths.contains(&&*it.path) || it.path.ends_with(":generateAccessToken"));
        mints.map(|it| it.path.clone()).collect()
    }
}
