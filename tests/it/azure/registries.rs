//! Registries of ACR: a strict Azure that exchanges tokens, and docker's own flow with what comes of it.

use std::time::Duration;

use connector_core::{Access, Allow, ErrorKind, Grant, Issued};
use connector_tests::docker::Engine as RealEngine;
use connector_tests::loopback::Loopback;
use connector_tests::skip::skip;
use connector_tests::strict_azure::{SUBSCRIPTION, TENANT};
use connectors::azure::resource::DockerRegistry;
use connectors::docker::auth::Password;
use connectors::docker::bollard::auth::DockerCredentials;
use connectors::docker::{Docker, DockerCredential, Engine, Login};
use connectors::{Connector, Terms};
use serde_json::json;

use super::lab::Lab;

const HOST: &str = "strict.azurecr.io";
const HOUR: Duration = Duration::from_secs(3600);

/// A registry with some images, and its scope.
fn registry(lab: &Lab) -> String {
    let scope = lab.azure.add_registry(&lab.group, "Strict");
    for repository in ["app", "team/tool"] {
        lab.azure.add_image("strict", repository, "v1");
    }
    scope
}

fn grant(within: Option<&str>, access: Access) -> Grant {
    let whole = Grant::new("docker-registry", HOST).with_access(access);
    within.map_or(whole.clone(), |within| whole.with_within(within))
}

async fn issue(lab: &Lab, grant: Grant) -> std::sync::Arc<Issued<DockerCredential>> {
    let handle = lab.connector().resource::<DockerRegistry>(grant).await.expect("an id");
    handle.issue().await.expect("a login")
}

/// A login of the registry, shown at the port where it alone is: by a connector of docker's kind, which goes through the
/// registry's own flow.
fn docker(lab: &Lab, port: &Loopback, issued: &Issued<DockerCredential>) -> Connector<Docker> {
    let Login::Password { username, password } = &issued.credential.login else { panic!("another login") };
    let config = json!({
        "registry": port.address().to_string(),
        "username": username,
        "password": password.expose(),
        "ca_bundle": lab.azure.ca(),
    });
    let method: Password = serde_json::from_value(config).expect("a config");
    Connector::with_terms(lab.context(), method, Terms::default().with_allow(Allow::LongLived))
}

async fn looks_at(connector: &Connector<Docker>, repository: &str, access: Access) -> Result<(), ErrorKind> {
    let grant = Grant::default().with_within(repository).with_access(access);
    let handle = connector.resource::<connectors::docker::resource::DockerRegistry>(grant).await.expect("it");
    handle.reach().await.map_err(|error| error.kind())
}

/// S51: the registry's refresh token opens all that the identity may do there; a token for a repository opens that alone,
/// for the access that was asked for. Both are docker's user and password.
#[tokio::test(flavor = "multi_thread")]
async fn s3_s51_a_login_opens_a_registry_or_one_repository_of_it() {
    let lab = Lab::new();
    lab.grant("AcrPush", &registry(&lab));
    let port = lab.azure.open_registry("strict");
    let refused = Err(ErrorKind::Refused);

    let whole = issue(&lab, grant(None, Access::Read)).await;
    assert_eq!(lab.calls(), ["token", "POST /registry/strict/oauth2/exchange"]);
    assert!(!whole.narrowing().is_narrowed());
    let with = docker(&lab, &port, &whole);
    for repository in ["app", "team/tool"] {
        assert_eq!(looks_at(&with, repository, Access::Write).await, Ok(()), "{repository}");
    }

    let narrow = issue(&lab, grant(Some("app"), Access::Read)).await;
    let calls = lab.calls();
    assert_eq!(calls[1..], ["POST /registry/strict/oauth2/exchange", "POST /registry/strict/oauth2/token"]);
    assert!(narrow.narrowing().is_narrowed());
    let with = docker(&lab, &port, &narrow);
    assert_eq!(looks_at(&with, "app", Access::Read).await, Ok(()));
    assert_eq!(looks_at(&with, "app", Access::Write).await, refused, "to read was asked for");
    assert_eq!(looks_at(&with, "team/tool", Access::Read).await, refused, "another repository");
    let pushing = issue(&lab, grant(Some("team/tool"), Access::Write)).await;
    let with = docker(&lab, &port, &pushing);
    assert_eq!(looks_at(&with, "team/tool", Access::Write).await, Ok(()));
    assert_eq!(looks_at(&with, "app", Access::Read).await, refused, "another repository");

    // What was issued ends with the token that it was exchanged for, though the registry's own lives longer.
    assert!(whole.expiry.at() < whole.provider_expiry.at(), "{whole:?}");
    assert!(narrow.expiry.at() < narrow.provider_expiry.at(), "{narrow:?}");
    lab.advance(4 * HOUR);
    assert_eq!(looks_at(&docker(&lab, &port, &whole), "app", Access::Read).await, refused);
    assert_eq!(looks_at(&docker(&lab, &port, &narrow), "app", Access::Read).await, refused);
}

/// S32, S49: a client asks for the next login when one has ended; nothing long-lived is in any of them.
#[tokio::test(flavor = "multi_thread")]
async fn s32_s49_bollard_is_given_the_next_login() {
    let lab = Lab::new();
    lab.grant("AcrPull", &registry(&lab));
    let handle = lab.connector().resource::<DockerRegistry>(grant(None, Access::Read)).await.expect("an id");
    let mut seen = Vec::new();
    for _ in 0..3 {
        for _ in 0..2 {
            let login: DockerCredentials = handle.client().await.expect("a login");
            assert_eq!(login.serveraddress.as_deref(), Some(HOST));
            assert_eq!(login.username.as_deref(), Some("00000000-0000-0000-0000-000000000000"));
            seen.push(login.password.expect("the registry's token"));
        }
        assert_eq!(lab.calls().len(), 2, "one token and one exchange per life");
        lab.advance(HOUR);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|it| *it != lab.secret && lab.azure.issued().contains(it)));
}

/// A real engine pushes and pulls with the login, and is refused where it is too narrow.
#[tokio::test(flavor = "multi_thread")]
async fn s53_an_engine_pushes_and_pulls_with_a_login_for_one_repository() {
    let test = "s53_an_engine_pushes_and_pulls_with_a_login_for_one_repository";
    let real = match RealEngine::try_start() {
        Ok(real) => real,
        Err(why) => return skip(test, why),
    };
    let lab = Lab::new();
    lab.grant("AcrPush", &registry(&lab));
    let port = lab.azure.open_registry("strict");
    let logged_in = async |issued: &Issued<DockerCredential>| {
        let connector = docker(&lab, &port, issued);
        let handle =
            connector.resource::<connectors::docker::resource::DockerRegistry>("").await.expect("it");
        Engine::at(&real.host(), handle.into_source()).await.expect("it answers")
    };
    let image = |name: &str| format!("{}/{name}", port.address());
    let pushing = logged_in(&*issue(&lab, grant(Some("fresh/app"), Access::Write)).await).await;
    pushing.log_in().await.expect("the registry takes it");
    for name in ["fresh/app:1", "other:1"] {
        real.import(&image(name));
    }
    pushing.push(&image("fresh/app:1")).await.expect("it may push");
    assert_eq!(pushing.push(&image("other:1")).await.expect_err("another").kind(), ErrorKind::Refused);
    real.docker(&["rmi", &image("fresh/app:1")]).expect_success();

    let pulling = logged_in(&*issue(&lab, grant(Some("fresh/app"), Access::Read)).await).await;
    pulling.pull(&image("fresh/app:1")).await.expect("it may pull");
    assert_eq!(pulling.push(&image("fresh/app:1")).await.expect_err("to read").kind(), ErrorKind::Refused);
    let whole = logged_in(&*issue(&lab, grant(None, Access::Write)).await).await;
    whole.push(&image("other:1")).await.expect("all that the identity may");
    real.docker(&["rmi", &image("fresh/app:1"), &image("other:1")]).expect_success();
    whole.pull(&image("other:1")).await.expect("it may pull");
}

/// S20: roles, names and places, by what the registry and Resource Manager really refuse.
#[tokio::test(flavor = "multi_thread")]
async fn s20_what_a_registry_lacks_is_named() {
    let lab = Lab::new();
    let scope = registry(&lab);
    let connector = lab.connector();
    let reach = async |within: Option<&str>, access: Access| {
        connector.resource::<DockerRegistry>(grant(within, access)).await.expect("an id").reach().await
    };
    let error = reach(None, Access::Read).await.expect_err("no role");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some_and(|it| it.contains("AcrPull")), "{error:?}");
    lab.grant("AcrPull", &scope);
    reach(None, Access::Read).await.expect("reached");
    reach(Some("team/tool"), Access::Read).await.expect("reached");
    for within in [None, Some("app")] {
        let error = reach(within, Access::Write).await.expect_err("may not push");
        assert!(error.hint().is_some_and(|it| it.contains("AcrPush")), "{error:?}");
    }
    assert_eq!(reach(Some("gone"), Access::Read).await.expect_err("none").kind(), ErrorKind::NotFound);
    lab.grant("AcrPush", &scope);
    reach(None, Access::Write).await.expect("reached");
    let error = reach(None, Access::Admin).await.expect_err("may not delete");
    assert!(error.hint().is_some_and(|it| it.contains("AcrDelete")), "{error:?}");
    lab.grant("AcrDelete", &scope);
    reach(Some("app"), Access::Admin).await.expect("reached");

    // Registries may be told to take no tokens for Resource Manager.
    lab.azure.refuse_manager_tokens("strict");
    reach(None, Access::Read).await.expect("a token of its own kind is taken");
}

/// A name is completed by Resource Manager where it may be asked, and taken as it is where not; lists come page by page,
/// and a closed subscription hides nothing.
#[tokio::test(flavor = "multi_thread")]
async fn s15_s18_registries_are_listed_and_completed() {
    const OTHER: &str = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    const CLOSED: &str = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    let lab = Lab::new();
    let scope = registry(&lab);
    let id = async |text: &str| {
        let handle = lab.connector().resource::<DockerRegistry>(text).await.expect(text);
        handle.grant().resource_id.clone().unwrap_or_default()
    };
    assert_eq!(id("STRICT").await, HOST, "nobody may look");
    for (subscription, name) in [(OTHER, "another"), (CLOSED, "closed")] {
        let subscription_scope = lab.azure.add_subscription(TENANT, subscription, name);
        let group = lab.azure.add_group(subscription, "lab");
        lab.azure.add_registry(&group, name);
        lab.azure.add_registry(&group, &format!("{name}2"));
        lab.grant("Reader", &subscription_scope);
    }
    lab.azure.close_subscription(CLOSED);
    lab.grant("Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    lab.azure.limit_pages(Some(1));
    let listed = lab.connector().list::<DockerRegistry>().await.expect("a list");
    assert_eq!(listed.ids, ["another.azurecr.io", "another2.azurecr.io", HOST]);
    let failed: Vec<_> = listed.failures.iter().map(|it| (it.place.as_str(), it.error.kind())).collect();
    assert_eq!(failed, [(CLOSED, ErrorKind::Refused)]);
    assert_eq!(id("Strict").await, HOST);
    assert_eq!(id(&scope).await, HOST, "by its id in Resource Manager");
    let one = lab.with(json!({ "subscription_id": OTHER }), &[]);
    let error = one.resource::<DockerRegistry>(scope.as_str()).await.expect_err("another subscription");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// The admin user's password is given where both switches, `admin` and the registry say so; it is never asked for else.
#[tokio::test(flavor = "multi_thread")]
async fn the_admin_user_is_nobodys_default() {
    let lab = Lab::new();
    let scope = registry(&lab);
    lab.grant("Contributor", &scope);
    lab.grant("AcrDelete", &scope);
    let admin = || grant(None, Access::Admin);
    // Opened anew each time: a refusal answers for a moment.
    let issue = async || {
        let both = lab.allowing(&[Allow::Admin, Allow::LongLived]);
        both.resource::<DockerRegistry>(admin()).await.expect("an id").issue().await
    };
    let error = issue().await.expect_err("nobody may look");
    assert!(error.message().contains("is not looked up"), "{error}");
    lab.grant("Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    let error = issue().await.expect_err("there is none");
    assert!(
        error.message().contains("the admin user of registry `strict.azurecr.io` is disabled"),
        "{error}"
    );
    let password = lab.azure.set_registry_admin("strict");
    let issued = issue().await.expect("a login");
    let Login::Password { username, password: given } = &issued.credential.login else {
        panic!("a password")
    };
    assert_eq!((username.as_str(), given.expose()), ("Strict", password.as_str()));
    assert!(issued.long_lived && issued.provider_expiry.at().is_none());
    let port = lab.azure.open_registry("strict");
    assert_eq!(looks_at(&docker(&lab, &port, &issued), "app", Access::Write).await, Ok(()));

    lab.calls();
    for allow in [&[][..], &[Allow::Admin], &[Allow::LongLived]] {
        let handle = lab.allowing(allow).resource::<DockerRegistry>(admin()).await.expect("an id");
        let issued = handle.issue().await.expect("a login that may delete");
        assert!(!issued.long_lived, "{allow:?}");
    }
    assert!(lab.calls().iter().all(|it| !it.contains("listCredentials")));
}
