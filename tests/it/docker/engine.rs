//! A real engine that pushes and pulls with logins from a source.

use std::collections::HashMap;

use connector_tests::docker::{Engine as RealEngine, Guard, PASSWORD, TokenService, USER, User};
use connector_tests::skip::skip;
use connectors::docker::bollard::auth::DockerCredentials;
use connectors::docker::resource::DockerRegistry;
use connectors::docker::{Docker, Engine};
use connectors::{Connector, ErrorKind, Terms};

use super::{context, lent, login, registry};

fn real_engine(test: &str) -> Option<RealEngine> {
    RealEngine::try_start().map_err(|why| skip(test, why)).ok()
}

async fn logged_in(engine: &RealEngine, connector: &Connector<Docker>) -> Engine {
    let handle = connector.resource::<DockerRegistry>("").await.expect("the only one");
    Engine::at(&engine.host(), handle.into_source()).await.expect("it answers")
}

/// S49, S51, S53: an image goes to a registry and comes back, with the login of a connector, for both ways in which
/// registries guard themselves; and a wrong login gets nowhere. The password holds what `bollard` garbles.
#[tokio::test(flavor = "multi_thread")]
async fn s49_s51_s53_an_engine_pushes_and_pulls_with_the_login_of_a_connector() {
    let test = "s49_s51_s53_an_engine_pushes_and_pulls_with_the_login_of_a_connector";
    let Some(real) = real_engine(test) else { return };
    let both = ["pull", "push"].as_slice();
    let alice = User::new(PASSWORD).may("team/app", both).may("team/read", &["pull"]);
    let service = TokenService::start([(USER, alice)]);
    for guard in [Guard::PasswordFile, service.guard()] {
        let Some(registry) = registry(test, &guard) else { return };
        let image = registry.image("team/app:1");
        real.import(&image);

        let wrong = logged_in(&real, &lent(login(&registry, USER, "wrong"))).await;
        assert_eq!(wrong.log_in().await.expect_err("wrong").kind(), ErrorKind::Refused);
        assert_eq!(wrong.push(&image).await.expect_err("wrong").kind(), ErrorKind::Refused);

        let good = logged_in(&real, &lent(login(&registry, USER, PASSWORD))).await;
        good.log_in().await.expect("the registry takes it");
        good.push(&image).await.expect("it may push");
        real.docker(&["rmi", &image]).expect_success();
        good.pull(&image).await.expect("it may pull");
        real.docker(&["image", "inspect", &image]).expect_success();
        // The engine itself keeps no login.
        real.docker(&["rmi", &image]).expect_success();
        assert!(!real.docker(&["pull", &image]).success(), "nobody else is logged in");

        let gone = good.pull(&registry.image("team/app:gone")).await.expect_err("nobody pushed it");
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
        let missing = good.push(&registry.image("team/app:nosuch")).await.expect_err("nobody made it");
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
        // C18: the engine would send the login to whatever registry the name says.
        for other in ["127.0.0.1:1/team/app:1", "team/app:1", "localhost/app"] {
            assert_eq!(good.push(other).await.expect_err(other).kind(), ErrorKind::InvalidInput);
        }
        if matches!(guard, Guard::Tokens { .. }) {
            let image = registry.image("team/read:1");
            real.import(&image);
            assert_eq!(good.push(&image).await.expect_err("pull only").kind(), ErrorKind::Refused);
        }
    }
}

/// The engine is the one that the context names; a client that was made from the dynamic way is the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_is_found_by_the_context_alone() {
    let test = "an_engine_is_found_by_the_context_alone";
    let Some(real) = real_engine(test) else { return };
    let Some(registry) = registry(test, &Guard::PasswordFile) else { return };
    let with = |docker_host: &str| {
        let environment = HashMap::from([("DOCKER_HOST".to_owned(), docker_host.to_owned())]);
        let lent = Terms::default().with_allow(connectors::core::Allow::LongLived);
        Connector::<Docker>::with_terms(
            context().with_environment(environment),
            login(&registry, USER, PASSWORD),
            lent,
        )
    };
    let handle = with(&real.host()).resource::<DockerRegistry>("").await.expect("the only one");
    let engine: Engine = handle.client().await.expect("it answers");
    engine.log_in().await.expect("the registry takes it");

    // What `bollard` alone would garble is refused before an engine goes on without a login.
    let error = handle.client::<DockerCredentials>().await.expect_err("its alphabet is another");
    assert!(error.hint().is_some_and(|it| it.contains("Engine")));

    for (address, kind) in [
        ("unix:///nonexistent/docker.sock", ErrorKind::Unreachable),
        ("tcp://127.0.0.1:1", ErrorKind::Unreachable),
        ("ssh://somewhere", ErrorKind::InvalidInput),
    ] {
        let handle = with(address).resource::<DockerRegistry>("").await.expect("the only one");
        let error = handle.client::<Engine>().await.expect_err(address);
        assert_eq!((error.kind(), error.hint().is_some()), (kind, true), "{address}");
    }
}
