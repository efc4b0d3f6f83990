//! S41: a token of elsewhere in place of a secret.

use connector_conformance::assert_silent;
use connector_core::{AuthMethod, Call, ErrorKind};
use serde_json::{Value, json};

use super::*;
use crate::names::Audience;
use crate::narrowing::Narrowing;

const FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

fn of_file() -> Value {
    json!({ "tenant_id": TENANT, "client_id": CLIENT, "federated_token_file": FILE })
}

/// S41, S49: one call with what Entra ID asks for; the file is read for each, since it is replaced.
#[tokio::test]
async fn s41_s49_the_file_is_read_for_each_token() {
    let world = World::new().answers(token("eyJ.token.1", 3599)).answers(token("eyJ.token.2", 3599));
    let method: WorkloadIdentity = method(of_file());
    for (text, sent) in
        [("eyJ.hunter2.first\n", "eyJ.hunter2.first"), ("eyJ.hunter2.next", "eyJ.hunter2.next")]
    {
        let world = world.clone().file(FILE, text);
        let narrowing = Narrowing::to(Audience::storage());
        authenticate(&method, &world.context(), Some(&narrowing)).await.expect("a session");
        let form = form(&world, world.sent().len() - 1);
        assert_eq!(
            public(&form, &["client_assertion"]),
            [
                ("grant_type", "client_credentials"),
                ("client_id", CLIENT),
                ("scope", "https://storage.azure.com/.default"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", "[HIDDEN]"),
            ]
        );
        assert_eq!(field(&form, "client_assertion"), Some(sent));
    }
    assert_eq!(world.lines(), vec![format!("POST {TOKEN_URL}"); 2]);
    let cx = world.context();
    let steps = method.plan(&Call::new(&cx, None), None).expect("a plan");
    assert_eq!(steps.len(), 1);
    assert!(!format!("{steps:?}").contains(CANARY), "{steps:?}");
}

/// What is no token is sent to nobody.
#[tokio::test]
async fn what_is_no_token_is_not_sent() {
    for text in ["", " \n", "two hunter2", "hunter2\nhunter2", "hunter2\u{1b}[2J", "hünter2"] {
        let world = World::new().file(FILE, text);
        let error = authenticate(&method::<WorkloadIdentity>(of_file()), &world.context(), None).await;
        let error = error.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert!(error.message().contains(FILE), "{error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
    }
    let error = authenticate(&method::<WorkloadIdentity>(of_file()), &World::new().context(), None).await;
    let error = error.expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(FILE), "{error:?}");
}

/// C16: what the directory says of the token is told with its fix.
#[tokio::test]
async fn c16_a_token_that_is_not_trusted_is_told() {
    for (number, says, fix) in
        [(700_213, "federated credential", "Federated credentials"), (700_024, "clock", "set the clock")]
    {
        let world = World::new().file(FILE, "hunter2").answers(aadsts(401, "invalid_client", number));
        let error = authenticate(&method::<WorkloadIdentity>(of_file()), &world.context(), None).await;
        let error = error.expect_err("refused");
        assert!(error.message().contains(says), "{error:?}");
        assert!(error.hint().is_some_and(|it| it.contains(fix)), "{error:?}");
        assert_silent(&error);
    }
}

/// The credential that the application has to have is told as `az` takes it. Kubernetes writes the audience as a list.
#[tokio::test]
async fn the_federated_credential_is_told() {
    for audience in [json!("api://AzureADTokenExchange"), json!(["api://AzureADTokenExchange"])] {
        let subject = "system:serviceaccount:prod:app";
        let claims = json!({ "iss": "https://oidc.example.org", "sub": subject, "aud": audience });
        let config = json!({ "tenant_id": TENANT, "client_id": CLIENT, "federated_token": jwt(&claims) });
        let method: WorkloadIdentity = method(config);
        let cx = World::new().context();
        let trust = method.trust(&Call::new(&cx, None)).await.expect("it is told").expect("there is one");
        assert_eq!(
            trust.policy,
            json!({
                "name": "connector", "issuer": "https://oidc.example.org", "subject": subject,
                "audiences": ["api://AzureADTokenExchange"],
            })
        );
        assert!(trust.target.contains(CLIENT), "{}", trust.target);
    }
    for claims in [json!({}), json!({ "iss": "hunter2", "aud": ["a", "b"], "sub": "x" }), json!("hunter2")] {
        let config = json!({ "tenant_id": TENANT, "client_id": CLIENT, "federated_token": jwt(&claims) });
        let method: WorkloadIdentity = method(config);
        let cx = World::new().context();
        let error = method.trust(&Call::new(&cx, None)).await.expect_err("no credential");
        assert_silent(&error);
    }
}

#[test]
fn configs_that_cannot_work_are_refused_by_field() {
    for (config, field, says) in [
        (json!({ "tenant_id": TENANT, "client_id": CLIENT }), "federated_token_file", "missing"),
        (with(of_file(), json!({ "federated_token": "hunter2" })), "federated_token", "leave one out"),
        (with(of_file(), json!({ "federated_token_file": "token" })), "federated_token_file", "absolute"),
        (
            json!({ "tenant_id": TENANT, "client_id": CLIENT, "federated_token": "a b" }),
            "federated_token",
            "blanks",
        ),
        (with(of_file(), json!({ "tenant_id": "organizations" })), "tenant_id", "many"),
    ] {
        let found = faults::<WorkloadIdentity>(config);
        assert!(found.iter().any(|(at, why)| at == field && why.contains(says)), "{field}: {found:?}");
        assert!(!format!("{found:?}").contains(CANARY), "{found:?}");
    }
}
