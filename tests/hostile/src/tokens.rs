//! The answers of a token endpoint, through a connector of another company.

use std::collections::HashMap;

use connector_core::{Document, Grant, Response};
use serde_json::json;

use crate::envelopes::use_envelope;
use crate::world::{World, block_on};
use crate::{CANARY, judge, registry, text};

/// A character that chooses the status, and the answer.
pub fn tokens(input: &[u8]) {
    let Some((choice, body)) = input.split_first() else { return };
    let Some(body) = text(body) else { return };
    let status = [200, 400, 401, 500, 302][usize::from(choice.wrapping_sub(b'0')) % 5];
    for method in ["client-credentials", "refresh-token"] {
        let mut config = json!({
            "token_url": "https://login.example.test/token",
            "client_id": "nightly",
            "client_secret": CANARY,
        });
        if method == "refresh-token" {
            config["refresh_token"] = CANARY.into();
        }
        let config = config.as_object().cloned().expect("an object");
        let document = Document::draft("ours", "oauth2", method, config.clone());
        let connector = registry().open(&document, config).expect("a config of its method");
        let answer = Response::new(status, Vec::new(), body.as_bytes().to_vec());
        let cx = World::answering(vec![answer], Vec::new()).context(HashMap::new());
        let grant = Grant::new("oauth2-api", "https://api.example.test/v1");
        let issued = block_on(async { connector.resource(&cx, grant).await?.envelope().await });
        match issued {
            Ok(envelope) => use_envelope(&envelope),
            Err(error) => judge(&error),
        }
    }
}
