//! What is issued: for how long, of whom, and what is not.

use std::time::Duration;

use connector_core::{Access, Allow, ErrorKind, Expiry, Grant, Terms, format_time};
use serde_json::{Value, json};

use super::super::{Kubeconfig, Password, Token};
use crate::credential::{Login, Trust};
use crate::testing::{
    CANARY, World, after, answer, assert_silent, certificate, given_at, grant, issue, method, plan, start,
    token, with_account,
};

/// S16, S21: one call, for exactly what was asked, of the service account and nobody else.
#[tokio::test]
async fn s21_a_token_of_a_service_account() {
    let world = World::new().answers(given_at(start(), 900));
    let config = with_account(json!({ "audiences": ["https://vault"] }));
    let asked = grant().with_duration(Duration::from_secs(900));
    let issued = issue(&world, method::<Token>(config), Terms::default(), asked).await.expect("a token");
    assert_eq!(
        world.lines(),
        ["POST https://demo.example.org:6443/api/v1/namespaces/apps/serviceaccounts/deployer/token"]
    );
    let sent = &world.sent()[0];
    assert_eq!(
        serde_json::from_slice::<Value>(sent.body()).expect("JSON"),
        json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": { "audiences": ["https://vault"], "expirationSeconds": 900 },
        })
    );
    let bearer = format!("Bearer {CANARY}-token");
    assert!(sent.headers().contains(&("authorization".to_owned(), bearer)));
    assert_eq!((issued.expiry.at(), issued.long_lived), (Some(after(900)), false));
    assert!(issued.narrowing().is_narrowed() && issued.narrowing().reason().contains("apps/deployer"));
    assert!(
        matches!(&issued.credential.login, Login::Token(it) if it.expose() == format!("{CANARY}-issued"))
    );
    assert!(!format!("{issued:?} {sent:?}").contains(CANARY));
}

/// C25, F2: the server's clock may be wrong by hours, and an answer may come late; what the server gives for
/// longer than asked is not told for longer.
#[tokio::test]
async fn c25_clocks_and_lives() {
    for (skew, given, told) in [(0, 3600, 3600), (7200, 3600, 3600), (0, 1200, 1200), (0, 31_536_000, 3600)] {
        let world = World::new().answers(given_at(after(skew), given));
        let asked = grant().with_duration(Duration::from_secs(3600));
        let issued = issue(&world, method::<Token>(with_account(json!({}))), Terms::default(), asked).await;
        let issued = issued.expect("a token");
        assert_eq!(issued.expiry.at(), Some(after(told)), "{skew} {given}");
        assert_eq!(issued.provider_expiry.at(), Some(after(given)), "{skew} {given}");
    }
    // Without a Date the token's own claims tell its life; without both, the earlier end counts.
    for (claims, told) in [(json!({ "iat": 10, "exp": 910 }), 900), (json!({}), 3600)] {
        let status = json!({ "token": crate::jwt::example(&claims), "expirationTimestamp": format_time(after(86_400)) });
        let mut dateless = answer(201, &json!({ "status": status }));
        dateless = connector_core::Response::new(201, Vec::new(), dateless.body().to_vec());
        let world = World::new().answers(dateless);
        let issued = issue(&world, method::<Token>(with_account(json!({}))), Terms::default(), grant()).await;
        assert_eq!(issued.expect("a token").expiry.at(), Some(after(told)));
    }
    // The connector's own token has five minutes left: nothing is told to outlive it.
    let own = crate::jwt::example(&json!({ "exp": 1_767_225_600 + 300 }));
    let world = World::new().answers(given_at(start(), 3600));
    let config = with_account(json!({ "token": own }));
    let issued =
        issue(&world, method::<Token>(config.clone()), Terms::default(), grant()).await.expect("a token");
    assert_eq!(issued.expiry.at(), Some(after(300)));
    world.advance(Duration::from_secs(301));
    let error = issue(&world, method::<Token>(config), Terms::default(), grant()).await.expect_err("ended");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Expired, 1));
}

/// S20: out of bounds is refused before any call.
#[tokio::test]
async fn s20_bounds() {
    for seconds in [1, 599, 86_401] {
        let world = World::new();
        let asked = grant().with_duration(Duration::from_secs(seconds));
        let error = issue(&world, method::<Token>(with_account(json!({}))), Terms::default(), asked).await;
        assert_eq!(error.expect_err("out of bounds").field_problems()[0].field, "duration");
        assert!(world.sent().is_empty());
    }
}

/// S31: what is stored is handed out only where that is allowed, and the answer says so.
#[tokio::test]
async fn s31_the_own_login() {
    let (pem, key) = certificate();
    let by_certificate = json!({
        "server": "https://demo", "cluster_name": "demo", "client_certificate": pem, "client_key": key,
    });
    let by_password =
        json!({ "server": "https://demo", "cluster_name": "demo", "username": "a", "password": CANARY });
    let never = |expiry: &Expiry| expiry.at().is_none();
    let allowed = || Terms::default().with_allow(Allow::LongLived);
    for allow in [false, true] {
        let terms = || if allow { allowed() } else { Terms::default() };
        let world = World::new();
        let outcomes = [
            issue(&world, method::<Token>(token(json!({}))), terms(), grant()).await,
            issue(&world, method::<Token>(by_certificate.clone()), terms(), grant()).await,
            issue(&world, method::<Password>(by_password.clone()), terms(), grant()).await,
        ];
        assert!(world.sent().is_empty(), "no call is needed");
        for (outcome, ends) in outcomes.into_iter().zip([false, true, false]) {
            match outcome {
                Err(error) if !allow => {
                    assert_eq!(error.kind(), ErrorKind::Refused);
                    assert!(error.hint().is_some_and(|it| it.contains("--allow long-lived")));
                    assert_silent(&error);
                }
                outcome => {
                    let issued = outcome.expect("allowed");
                    assert!(allow && issued.long_lived && !issued.narrowing().is_narrowed());
                    assert_eq!(never(&issued.expiry), !ends);
                }
            }
        }
    }
}

/// S31: `explain` refuses what issuing would, and for a service account it shows the one call.
#[tokio::test]
async fn s31_a_plan_that_would_hand_out_the_login_is_refused() {
    let world = World::new();
    let text = json!({
        "clusters": [{ "name": "demo", "cluster": { "server": "https://demo" } }],
        "users": [{ "name": "u", "user": { "token": CANARY } }],
        "contexts": [{ "name": "c", "context": { "cluster": "demo", "user": "u" } }], "current-context": "c",
    })
    .to_string();
    let stored = |more: Value| {
        let mut config = json!({ "kubeconfig": text });
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        method::<Kubeconfig>(config)
    };
    let account = || json!({ "service_account": "deployer", "namespace": "apps" });
    let alone = async |terms: Terms| {
        [
            plan(&world, method::<Token>(token(json!({}))), terms.clone()).await,
            plan(&world, stored(json!({})), terms).await,
        ]
    };
    for refused in alone(Terms::default()).await {
        let error = refused.expect_err("the login itself");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().is_some_and(|it| it.contains("--allow long-lived")), "{error:?}");
    }
    for planned in alone(Terms::default().with_allow(Allow::LongLived)).await {
        assert!(planned.expect("allowed").is_empty());
    }
    for planned in [
        plan(&world, method::<Token>(with_account(json!({}))), Terms::default()).await,
        plan(&world, stored(account()), Terms::default()).await,
    ] {
        assert_eq!(planned.expect("one call").len(), 1);
    }
    assert!(world.sent().is_empty());
}

/// An administrator's credential is asked for by name, and allowed by name.
#[tokio::test]
async fn admin_needs_to_be_allowed() {
    let world = World::new().answers(given_at(start(), 3600));
    let asked = || grant().with_access(Access::Admin);
    let error = issue(&world, method::<Token>(with_account(json!({}))), Terms::default(), asked()).await;
    assert!(error.expect_err("not allowed").hint().is_some_and(|it| it.contains("--allow admin")));
    assert!(world.sent().is_empty());
    let terms = Terms::default().with_allow(Allow::Admin);
    assert!(issue(&world, method::<Token>(with_account(json!({}))), terms, asked()).await.is_ok());
}

/// What the config says of TLS is in the credential, and in each of our own requests.
#[tokio::test]
async fn whom_to_trust() {
    let (pem, key) = certificate();
    let only = json!({ "certificate_authority": pem, "tls_server_name": "kubernetes" });
    for (more, is_trust) in [
        (json!({}), (|it: &Trust| *it == Trust::System) as fn(&Trust) -> bool),
        (only, |it| matches!(it, Trust::Authority(_))),
        (json!({ "insecure": true }), |it| *it == Trust::Anybody),
    ] {
        let world = World::new().answers(given_at(start(), 3600));
        let issued =
            issue(&world, method::<Token>(with_account(more.clone())), Terms::default(), grant()).await;
        let issued = issued.expect("a token");
        let sent = world.sent();
        let tls = sent[0].tls().expect("TLS of its own");
        assert!(is_trust(&issued.credential.trust), "{more}");
        assert_eq!(tls.is_unverified(), more.get("insecure").is_some());
        assert_eq!(tls.roots_only().is_some(), more.get("certificate_authority").is_some());
        assert_eq!(tls.server_name(), issued.credential.tls_server_name.as_deref());
    }
    let mut config = with_account(json!({ "client_certificate": pem, "client_key": key }));
    config.as_object_mut().expect("an object").remove("token");
    let world = World::new().answers(given_at(start(), 3600));
    issue(&world, method::<Token>(config), Terms::default(), grant()).await.expect("a token");
    let sent = world.sent();
    assert!(sent[0].tls().and_then(|it| it.identity()).is_some());
    assert!(sent[0].headers().iter().all(|(name, _)| name != "authorization"));
}

/// S16: one connector, one cluster, by its name or by its server.
#[tokio::test]
async fn s16_the_one_cluster() {
    for (id, fits) in [
        ("", true),
        ("demo", true),
        ("https://demo.example.org:6443/", true),
        ("other", false),
        ("https://other.example.org", false),
        ("not a name", false),
    ] {
        let world = World::new().answers(given_at(start(), 3600));
        let asked = Grant::new("kubernetes-cluster", id);
        let outcome = issue(&world, method::<Token>(with_account(json!({}))), Terms::default(), asked).await;
        assert_eq!(outcome.is_ok(), fits, "{id}: {outcome:?}");
        assert_eq!(world.sent().is_empty(), !fits, "{id}");
    }
}
