//! C20: a program that prints the token of elsewhere.

use std::sync::Arc;
use std::time::Duration;

use connector_core::{Allow, AuthMethod, Context, ErrorKind, Terms};
use serde_json::{Value, json};

use super::external_account::{AUDIENCE, JWT, external, file};
use crate::auth::ExternalAccount;
use crate::testing::{
    GENERATE_URL, TARGET, World, assert_silent, authenticate, field, form, generated, token, with,
};

const SAML: &str = "urn:ietf:params:oauth:token-type:saml2";

fn source() -> Value {
    file(json!({ "executable": { "command": "/bin/token --for 'a b' $HOME", "timeout_millis": 5000 } }))
}

fn program(more: Value) -> ExternalAccount {
    external(&with(source(), more), json!({}))
}

/// Its connector says `allow: [exec]`.
fn allowed(world: &World) -> Context {
    world.context().for_connector(Arc::new(Terms::default().with_allow(Allow::Exec)))
}

fn printed(more: Value) -> Value {
    with(json!({ "version": 1, "success": true, "token_type": JWT, "id_token": "hunter2-jwt" }), more)
}

/// It is run without a shell, with fixed words, in an environment that holds what the protocol names and nothing else.
#[tokio::test]
async fn c20_it_is_run_without_a_shell() {
    let world = World::new().prints(printed(json!({}))).answers(token("t", 3599));
    authenticate(&program(json!({})), &allowed(&world), None, None).await.expect("a session");
    assert_eq!(field(&form(&world, 0), "subject_token"), Some("hunter2-jwt"));
    let commands = world.commands();
    assert_eq!(commands.len(), 1);
    assert_eq!(
        (commands[0].program(), commands[0].args()),
        ("/bin/token", &["--for", "a b", "$HOME"].map(String::from)[..])
    );
    assert_eq!(commands[0].timeout(), Duration::from_secs(5));
    let env = |at: usize| -> Vec<_> {
        let commands = world.commands();
        commands[at].env().iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
    };
    let named = |name: &str, value: &str| (format!("GOOGLE_EXTERNAL_ACCOUNT_{name}"), value.to_owned());
    let mut expected = vec![named("AUDIENCE", AUDIENCE), named("TOKEN_TYPE", JWT), named("INTERACTIVE", "0")];
    assert_eq!(env(0), expected);

    let world2 = world.clone().prints(printed(json!({}))).answers(token("base", 3599));
    let world2 = world2.answers(generated("t", World::start(), 3600));
    let account = program(json!({ "service_account_impersonation_url": GENERATE_URL }));
    authenticate(&account, &allowed(&world2), None, None).await.expect("a session");
    expected.push(named("IMPERSONATED_EMAIL", TARGET));
    assert_eq!(env(1), expected);
}

/// C19: without `allow: [exec]` it is not run, and the hint says how to allow it.
#[tokio::test]
async fn c19_it_is_not_run_unless_allowed() {
    let world = World::new().prints(printed(json!({})));
    let account = program(json!({}));
    assert!(account.warning().unwrap_or_default().contains("--allow exec"));
    let error = authenticate(&account, &world.context(), None, None).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("--allow exec"), "{error:?}");
    assert_eq!((world.commands().len(), world.sent().len()), (0, 0));
}

/// A SAML assertion stands in a field of its own.
#[tokio::test]
async fn a_saml_assertion_has_its_own_field() {
    let answer =
        json!({ "version": 1, "success": true, "token_type": SAML, "saml_response": "hunter2-saml" });
    let world = World::new().prints(answer).answers(token("t", 3599));
    let account = program(json!({ "subject_token_type": SAML }));
    authenticate(&account, &allowed(&world), None, None).await.expect("a session");
    assert_eq!(field(&form(&world, 0), "subject_token"), Some("hunter2-saml"));
}

/// C28: what is no good answer is an error that quotes nothing, and nothing is sent for it.
#[tokio::test]
async fn c28_bad_answers_are_refused() {
    use ErrorKind::{Expired, InvalidInput, Refused};
    let start = 1_767_225_600;
    for (answer, kind, says) in [
        (json!("hunter2"), InvalidInput, "no answer of its protocol"),
        (json!({ "version": "hunter2", "success": true }), InvalidInput, "no answer of its protocol"),
        (json!({ "version": 1 }), InvalidInput, "no answer of its protocol"),
        (printed(json!({ "expiration_time": "hunter2" })), InvalidInput, "no answer of its protocol"),
        (printed(json!({ "version": 2 })), InvalidInput, "another version"),
        (
            json!({ "version": 1, "success": false, "code": "hunter2", "message": "hunter2" }),
            Refused,
            "gives no token",
        ),
        (printed(json!({ "expiration_time": start })), Expired, "has ended"),
        (printed(json!({ "token_type": SAML })), InvalidInput, "another type"),
        (printed(json!({ "token_type": null })), InvalidInput, "another type"),
        (printed(json!({ "id_token": "" })), InvalidInput, "prints no token"),
        (printed(json!({ "id_token": null, "saml_response": "hunter2" })), InvalidInput, "prints no token"),
    ] {
        let world = World::new().prints(&answer);
        let error = authenticate(&program(json!({})), &allowed(&world), None, None).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{answer}: {error:?}");
        assert!(error.message().contains(says), "{answer}: {error:?}");
        assert_eq!(world.sent().len(), 0);
        assert_silent(&error);
    }
    // It fails.
    let world = World::new();
    let error = authenticate(&program(json!({})), &allowed(&world), None, None).await.expect_err("it failed");
    assert!(error.message().contains("the program of the external account failed"), "{error:?}");
    // A token that still lives is taken.
    let world =
        World::new().prints(printed(json!({ "expiration_time": start + 1 }))).answers(token("t", 3599));
    authenticate(&program(json!({})), &allowed(&world), None, None).await.expect("a session");
}
