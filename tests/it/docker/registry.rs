//! Logins, tried at a real registry: with a password file, and with a token service.

use connector_tests::docker::{Guard, PASSWORD, TokenService, USER, User};
use connectors::core::Access;
use connectors::docker::Docker;
use connectors::docker::auth::{Anonymous, IdentityToken};
use connectors::docker::resource::DockerRegistry;
use connectors::{Connector, ErrorKind, Grant, Result};

use super::{basic, connector, context, fill, host, login, registry};

async fn reach(connector: &Connector<Docker>, within: &str, access: Access) -> Result<()> {
    let mut grant = Grant::of_type("docker-registry").with_access(access);
    if !within.is_empty() {
        grant = grant.with_within(within);
    }
    connector.resource::<DockerRegistry>(grant).await?.reach().await
}

fn kind(result: Result<()>) -> Option<ErrorKind> {
    result.err().map(|it| it.kind())
}

/// S21, S22: right and wrong passwords, repositories that are there and are not, at a registry with a password file.
#[tokio::test(flavor = "multi_thread")]
async fn s21_s22_a_registry_with_a_password_file_judges_logins() {
    let test = "s21_s22_a_registry_with_a_password_file_judges_logins";
    let Some(registry) = registry(test, &Guard::PasswordFile) else { return };
    fill(&registry, "team/app", &basic()).await;

    let good = connector(login(&registry, USER, PASSWORD));
    for (within, access) in [("", Access::Read), ("team/app", Access::Read), ("team/app", Access::Write)] {
        reach(&good, within, access).await.expect(within);
    }
    let gone = reach(&good, "team/gone", Access::Read).await.expect_err("nobody pushed it");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    for (user, password) in [(USER, "wrong"), ("bob", PASSWORD)] {
        let error = reach(&connector(login(&registry, user, password)), "", Access::Read).await;
        let error = error.expect_err("a wrong login");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("does not take the user name and password"), "{error}");
    }
    let nobody = Connector::<Docker>::new(context(), Anonymous::new(host(&registry)));
    assert_eq!(kind(reach(&nobody, "", Access::Read).await), Some(ErrorKind::Refused));
    let token = Connector::<Docker>::new(context(), IdentityToken::new("a token", host(&registry)));
    assert_eq!(kind(reach(&token, "", Access::Read).await), Some(ErrorKind::Refused));
}

/// S21: a token service gives to each what he may; what its token is good for shows at the registry.
#[tokio::test(flavor = "multi_thread")]
async fn s21_a_registry_with_a_token_service_judges_logins() {
    let test = "s21_a_registry_with_a_token_service_judges_logins";
    let both = ["pull", "push"].as_slice();
    let alice = User::new(PASSWORD).may("team/app", both).may("team/read", &["pull"]).may("team/gone", both);
    let root = User::new("root").may("team/app", both).may("team/read", both).may("team/secret", both);
    let service = TokenService::start([(USER, alice), ("root", root)]);
    let Some(registry) = registry(test, &service.guard()) else { return };
    for repository in ["team/app", "team/read", "team/secret"] {
        fill(&registry, repository, &service.bearer("root", repository)).await;
    }

    let (read, write) = (Access::Read, Access::Write);
    let by_password = connector(login(&registry, USER, PASSWORD));
    let token = IdentityToken::new(service.refresh_token(USER), host(&registry));
    let by_token = Connector::<Docker>::new(context(), token);
    for alice in [&by_password, &by_token] {
        for (within, access) in [("", read), ("team/app", read), ("team/app", write), ("team/read", read)] {
            reach(alice, within, access).await.expect(within);
        }
        for (within, access, expected) in [
            ("team/read", write, ErrorKind::Refused),
            ("team/secret", read, ErrorKind::Refused),
            ("team/nosuch", read, ErrorKind::Refused),
            ("team/gone", read, ErrorKind::NotFound),
        ] {
            assert_eq!(kind(reach(alice, within, access).await), Some(expected), "{within} {access}");
        }
    }
    for user in [USER, "bob"] {
        let error = reach(&connector(login(&registry, user, "wrong")), "", read).await.expect_err("wrong");
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
    let revoked = IdentityToken::new("never given", host(&registry));
    let revoked = Connector::<Docker>::new(context(), revoked);
    assert_eq!(kind(reach(&revoked, "", read).await), Some(ErrorKind::Refused));
    let nobody = Connector::<Docker>::new(context(), Anonymous::new(host(&registry)));
    assert_eq!(kind(reach(&nobody, "", read).await), Some(ErrorKind::Refused));
    // No secret in a URL, and one token for each look.
    assert!(service.calls().all().iter().all(|call| !call.query.contains("refresh_token")));
}

/// A service that does not know the registry by the name that it says gives nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_names_itself_wrongly_is_an_error_that_says_where() {
    let test = "a_registry_that_names_itself_wrongly_is_an_error_that_says_where";
    let service = TokenService::start([(USER, User::new(PASSWORD))]);
    let Guard::Tokens { realm, issuer, certificate, .. } = service.guard() else {
        unreachable!("it guards by tokens")
    };
    let wrong = Guard::Tokens { realm, issuer, certificate, service: "another".into() };
    let Some(registry) = registry(test, &wrong) else { return };
    let error =
        reach(&connector(login(&registry, USER, PASSWORD)), "", Access::Read).await.expect_err("refused");
    assert!(error.message().contains("the token service 127.0.0.1:"), "{error}");
    assert!(error.message().contains("answered 400"), "{error}");
}
