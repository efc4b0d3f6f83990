//! The kit that every connector passes.

use connector_conformance::{Kit, World, canary};
use connector_core::{Http, Request, Response, Result, async_trait};
use connector_oauth2::BearerToken;
use serde_json::json;

use crate::client;
use crate::server::{API, Quirk, Server};

/// The strict server, which tells the kit what it issues.
struct Told {
    server: Server,
    world: World,
}

#[async_trait]
impl Http for Told {
    async fn send(&self, request: Request) -> Result<Response> {
        let answer = self.server.send(request).await;
        for (token, life) in self.server.take_issued() {
            self.world.issued(&token, life);
        }
        answer
    }
}

fn kit() -> Kit {
    Kit::of(connector_oauth2::REGISTRATIONS)
        .stable_ids(&[
            "type oauth2",
            "method oauth2/client-credentials",
            "method oauth2/refresh-token",
            "method oauth2/token",
            "resource oauth2/oauth2-api",
            "kind oauth2-bearer",
        ])
        .method(
            "oauth2",
            "client-credentials",
            client(json!({
                "scopes": ["orders:read", "orders:write"],
                "access_scopes": { "read": ["orders:read"], "write": ["orders:read", "orders:write"] },
                "audience": "orders", "assumed_life": 600,
            })),
        )
        .method("oauth2", "client-credentials", client(json!({})))
        .method(
            "oauth2",
            "refresh-token",
            client(json!({
                "refresh_token": canary("refresh_token"), "client_auth": "basic",
                "access_scopes": { "read": ["orders:read"] },
            })),
        )
        .method("oauth2", "refresh-token", client(json!({ "refresh_token": canary("refresh_token") })))
        .method(
            "oauth2",
            "token",
            json!({
                "access_token": canary("access_token"), "expires_at": "2026-01-01T01:00:00Z",
            }),
        )
        .resource(
            "oauth2",
            "oauth2-api",
            &[API, "https://api.example.test/v2/", "http://127.0.0.1:8080/a%20b"],
        )
        .kind::<BearerToken>()
        .world(|world| {
            let server = Server::new(world.clock()).with(Quirk::None);
            world.context().with_http(Told { server, world: world.clone() })
        })
}

#[tokio::test]
async fn it_conforms() {
    let report = kit().run().await;
    assert!(report.is_clean(), "{report}");
    // No method has a say in how long a token lives, no API is listed, and no SDK asks an endpoint for such tokens.
    let left: Vec<_> = report.not_checked().iter().map(|it| it.id()).collect();
    let expected =
        ["lifetime-bounds-hold", "asked-life-is-told", "listed-ids-are-canonical", "protocols-are-sound"];
    assert_eq!(left, expected);
}
