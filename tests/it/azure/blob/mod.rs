//! Containers of Blob Storage, against a strict Azure and against Azurite.

mod accounts;
mod azurite;
mod clients;
mod narrowing;

use std::time::{Duration, SystemTime};

use connector_core::{Connector, Context, Grant, Request, Secret, VirtualClock};
use connector_tests::strict_azure::{SUBSCRIPTION, StrictAzure, TENANT};
use connectors::azure::auth::{ConnectionString, ServicePrincipal};
use connectors::azure::{Azure, AzureCredential, Shown};
use connectors::system::{SystemHttp, Timeouts};
use serde_json::json;

/// The application that the connector is of.
const APP: &str = "66666666-7777-4888-8999-000000000000";

/// What a blob holds that may be read.
const CONTENT: &str = "what was asked for";

/// A server with an application, and two accounts: `zenfiles`, and `zenlake` with a hierarchical namespace. Each has the
/// containers `data` and `data2` with some blobs.
struct Setting {
    azure: StrictAzure,
    group: String,
    principal: String,
    secret: String,
    clock: VirtualClock,
}

impl Setting {
    /// An application that may do nothing yet.
    fn new() -> Self {
        let azure = StrictAzure::start();
        let group = azure.add_group(SUBSCRIPTION, "files");
        let principal = azure.add_app(TENANT, APP);
        let secret = azure.add_secret(APP);
        for account in ["zenfiles", "zenlake"] {
            azure.add_storage_account(&group, account);
            for container in ["data", "data2"] {
                azure.add_container(account, container);
                for name in ["a/1.txt", "ab/2.txt", "b/4.txt"] {
                    azure.put_blob(account, container, name, CONTENT);
                }
            }
        }
        azure.set_hierarchical("zenlake");
        Self { azure, group, principal, secret, clock: VirtualClock::at(SystemTime::now()) }
    }

    /// An application that owns all the data.
    fn owning() -> Self {
        let setting = Self::new();
        setting.grant("Reader");
        setting.grant("Storage Blob Data Owner");
        setting
    }

    fn grant(&self, role: &str) {
        self.azure.grant(&self.principal, role, &self.group);
    }

    fn take_back(&self, role: &str) {
        self.azure.take_back(&self.principal, role, &self.group);
    }

    /// The network alone: nothing of the machine is seen.
    fn context(&self) -> Context {
        context(&self.clock)
    }

    fn connector(&self) -> Connector<Azure> {
        let config = json!({
            "tenant_id": TENANT,
            "subscription_id": SUBSCRIPTION,
            "client_id": APP,
            "client_secret": self.secret,
            "endpoint_url": self.azure.url(),
            "ca_bundle": self.azure.ca(),
        });
        let method: ServicePrincipal = serde_json::from_value(config).expect("a config");
        Connector::new(self.context(), method)
    }

    /// A connector that holds the key of an account.
    fn with_key(&self, account: &str) -> Connector<Azure> {
        let key = self.azure.account_key(account);
        let config = json!({
            "connection_string": format!("AccountName={account};AccountKey={key};EndpointSuffix=core.windows.net"),
            "endpoint_url": self.azure.url(),
            "ca_bundle": self.azure.ca(),
        });
        let method: ConnectionString = serde_json::from_value(config).expect("a config");
        Connector::new(self.context(), method)
    }

    /// Both clocks go on.
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.azure.advance(by);
    }

    /// What was asked of the server since the last look: methods and paths.
    fn asked(&self) -> Vec<String> {
        self.azure.calls().take().iter().map(|it| format!("{} {}", it.method, it.path)).collect()
    }
}

fn context(clock: &VirtualClock) -> Context {
    Context::detached(clock.clone()).with_http(SystemHttp::new(Timeouts::default()))
}

fn grant(id: &str) -> Grant {
    Grant::new("blob-container", id)
}

fn signature(credential: &AzureCredential) -> &Secret {
    match &credential.shown {
        Shown::Signature(signature) => signature,
        other => panic!("no signature: {other:?}"),
    }
}

/// One thing to try with a signature.
#[derive(Clone, Copy, Debug)]
struct Try {
    /// The letter of what is done.
    permission: char,
    container: &'static str,
    /// The blob; of a list the prefix, if it has one.
    path: Option<&'static str>,
}

const fn tried(permission: char, container: &'static str, path: Option<&'static str>) -> Try {
    Try { permission, container, path }
}

impl Try {
    /// The request to an account that is at `url`.
    fn request(self, url: &str, signature: &Secret) -> Request {
        let path = self.path.unwrap_or_default();
        let blob = format!("{url}/{}/{path}?{}", self.container, signature.expose());
        let request = match self.permission {
            'l' => {
                let prefix = path.replace('/', "%2F");
                let query = format!("restype=container&comp=list&prefix={prefix}&{}", signature.expose());
                Request::get(format!("{url}/{}?{query}", self.container))
            }
            'r' => Request::get(blob),
            'd' => Request::new("DELETE", blob),
            'w' | 'c' => {
                Request::new("PUT", blob).with_header("x-ms-blob-type", "BlockBlob").with_body("new")
            }
            other => panic!("nobody tries {other}"),
        };
        request.with_header("x-ms-version", "2025-01-05")
    }

    /// Whether the server lets the signature do it. What is not there was let through.
    async fn is_let(self, cx: &Context, ca: &str, url: &str, signature: &Secret) -> bool {
        let request = self.request(url, signature).with_trust(ca.as_bytes().into());
        let answer = cx.send(request).await.expect("an answer");
        match answer.status() {
            200..=204 | 404 => true,
            403 => false,
            other => panic!("{self:?}: status {other}"),
        }
    }
}
