//! An `aws` connector ends in the same clients.

use connectors::docker::bollard::auth::DockerCredentials;
use connectors::{Grant, Hub, hub};

use crate::stage::Stage;

/// S30, S34, S49, S51: a registry of ECR is a login for `bollard`, minted from a session that is narrowed to the one
/// repository, and shared with nobody who asked for another one.
#[test]
fn s30_s34_s49_s51_an_ecr_registry_ends_in_the_clients_of_docker() {
    let test = "s30_s34_s49_s51_an_ecr_registry_ends_in_the_clients_of_docker";
    let Some(stage) = Stage::new(test) else { return };
    stage.register_role("data", &[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let login = |within: &str| -> DockerCredentials {
        let grant = Grant::new("docker-registry", registry).with_within(within);
        runtime.block_on(async {
            let hub = Hub::open(hub::Options::new(stage.cli.connector_home())).await.expect("the same store");
            hub.client("data", grant).await.expect("it needs nobody's leave: it is short-lived")
        })
    };
    for repository in &stage.world.repositories {
        stage.wire.calls().take();
        let login = login(repository);
        assert_eq!(login.username.as_deref(), Some("AWS"));
        assert_eq!(login.serveraddress.as_deref(), Some(registry));
        assert!(login.password.is_some_and(|it| !it.is_empty()));
        assert_eq!(stage.wire.calls().actions(), ["AssumeRole", "GetAuthorizationToken"]);
        let policy = stage.wire.calls().of("AssumeRole")[0].parameter("Policy").expect("narrowed");
        assert!(policy.contains(&format!("repository/{repository}\"")), "{policy}");
        for other in stage.world.repositories.iter().filter(|it| *it != repository) {
            assert!(!policy.contains(&format!("repository/{other}\"")), "{policy}");
        }
    }
}
