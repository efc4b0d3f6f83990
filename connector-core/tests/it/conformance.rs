//! The kit that every connector passes, on those of these tests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connector_conformance::{Kit, World, canary};
use connector_core::{Http, Request, Response, Result, async_trait};
use serde_json::json;

use crate::acme::{self, Keys, Someone};
use crate::third_party::{self, Ticket};

/// The cloud's endpoint: a new token for every call, that lives for as long as was asked.
struct Cloud {
    world: World,
    tokens: Arc<AtomicUsize>,
}

impl Cloud {
    fn new(world: &World) -> Self {
        Self { world: world.clone(), tokens: Arc::default() }
    }
}

#[async_trait]
impl Http for Cloud {
    async fn send(&self, request: Request) -> Result<Response> {
        let token = canary(&format!("token-{}", self.tokens.fetch_add(1, Ordering::SeqCst)));
        let asked = request.url().split_once("seconds=").and_then(|(_, seconds)| seconds.parse().ok());
        self.world.issued(&token, Duration::from_secs(asked.unwrap_or(3600)));
        Ok(Response::new(200, Vec::new(), token.into_bytes()))
    }
}

/// A provider crate with every behaviour of the contract.
#[tokio::test]
async fn acme_conforms() {
    let kit = Kit::of(acme::REGISTRATIONS)
        .method(
            "acme",
            "role",
            json!({
                "region": "moon-1", "key_id": canary("id"), "key_secret": canary("secret"),
                "role": ["first", "reader"], "mfa_serial": "device-1", "mode": "quick", "tags": { "team": "blue" },
            }),
        )
        .method("acme", "login", json!({ "key": canary("key") }))
        .method("acme", "key", json!({ "key": canary("key") }))
        .method("acme", "passed", json!({ "token": canary("token"), "expires_at": "2026-01-01T06:00:00Z" }))
        .method("acme", "ambient", json!({}))
        .resource("acme", "bucket", &["acme://data", "acme://logs/2026", "dat*"])
        .resource("acme", "database", &["db"])
        .parts("acme", "bucket", &["2026"])
        .kind::<Keys>()
        .world(|world| {
            let variables = HashMap::from([("ACME_TOKEN".to_owned(), canary("ambient"))]);
            world
                .context()
                .with_environment(world.environment(variables))
                .with_implicit(true)
                .with_person(Someone)
                .with_http(Cloud::new(world))
        });
    kit.assert().await;
}

/// The connector that README.md shows.
#[tokio::test]
async fn the_connector_of_the_readme_conforms() {
    let kit = Kit::of(third_party::REGISTRATIONS)
        .method("forge", "personal-key", json!({ "key": canary("key") }))
        .resource("forge", "repository", &["forge://compiler", "forge://linker"])
        .kind::<Ticket>()
        .stable_ids(&[
            "type forge",
            "method forge/personal-key",
            "resource forge/repository",
            "kind forge-ticket",
        ])
        .world(|world| world.context().with_http(Cloud::new(world)));
    kit.assert().await;
}
