//! Hints name commands that work: those of a stored connector by its name, others for one that is not stored.

use std::sync::Arc;

use connector_core::{AuthMethod, Context, Error, Terms};
use serde_json::json;

use super::{ROLE, keyed};
use crate::auth::{IamRole, SessionToken, WebIdentity};
use crate::connector::Aws;
use crate::testing::{World, authenticate, method, refusal};

fn denied() -> World {
    World::new().answers(refusal(403, "AccessDenied", "not authorized"))
}

/// A connector that is being registered: it has a name, and no id yet.
fn registering(world: &World) -> Context {
    let mut terms = Terms::default();
    terms.name = "new".to_owned();
    world.context().for_connector(Arc::new(terms))
}

async fn refused<M: AuthMethod<Connector = Aws>>(method: &M, cx: &Context) -> Error {
    authenticate(method, cx, None, None).await.expect_err("refused")
}

#[tokio::test]
async fn a_role_that_does_not_trust_names_a_command_that_works() {
    let role: IamRole = method(keyed(json!({ "role_arn": ROLE })));
    let token: WebIdentity =
        method(json!({ "region": "eu-west-1", "role_arn": ROLE, "web_identity_token": "hunter2" }));
    let stored = denied();
    let new = denied();
    let errors = [
        (refused(&role, &stored.named("prod")).await, refused(&role, &registering(&new)).await),
        (refused(&token, &denied().named("prod")).await, refused(&token, &registering(&denied())).await),
    ];
    for (stored, new) in errors {
        assert!(
            stored.hint().unwrap_or_default().contains("`connector explain prod --trust-policy`"),
            "{stored:?}"
        );
        let hint = new.hint().unwrap_or_default();
        assert!(
            hint.contains("`--no-verify`") && hint.contains("`connector explain new --trust-policy`"),
            "{new:?}"
        );
    }
}

#[tokio::test]
async fn without_a_code_the_option_is_named_while_registering() {
    let token: SessionToken = method(keyed(json!({ "mfa_serial": "GAHT12345678" })));
    let error = refused(&token, &registering(&World::new())).await;
    assert_eq!(error.hint(), Some("give the code with `--mfa-code`"));
}
