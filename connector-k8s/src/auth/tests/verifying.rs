//! Verifying: version, who we are, and whether we may.

use connector_core::{Access, Allow, Connector, Error, Terms};
use serde_json::{Value, json};

use super::super::{Kubeconfig, Password, Token};
use crate::resource::KubernetesCluster;
use crate::testing::{World, answer, assert_silent, grant, issue, method, refusal, token, with_account};

fn version() -> connector_core::Response {
    answer(200, &json!({ "major": "1", "minor": "37", "gitVersion": "v1.37.0" }))
}

fn who(name: &str) -> connector_core::Response {
    answer(
        201,
        &json!({ "kind": "SelfSubjectReview", "status": { "userInfo": { "username": name, "groups": ["g"] } } }),
    )
}

fn allowed(allowed: bool) -> connector_core::Response {
    answer(201, &json!({ "status": { "allowed": allowed, "reason": "hunter2" } }))
}

async fn reach(world: &World, config: Value, access: Access) -> Result<(), Error> {
    let terms = Terms::default().with_allow(Allow::Admin);
    let connector = Connector::with_terms(world.context(), method::<Token>(config), terms);
    let handle =
        connector.resource::<KubernetesCluster>(grant().with_access(access)).await.expect("a handle");
    let outcome = connector.reach(handle.resource(), handle.wanted()).await;
    outcome.inspect_err(assert_silent)
}

#[tokio::test]
async fn the_calls_of_verifying() {
    let world = World::new().answers(version()).answers(who("alice")).answers(allowed(true));
    reach(&world, with_account(json!({})), Access::Read).await.expect("reached");
    let at = "https://demo.example.org:6443";
    assert_eq!(
        world.lines(),
        [
            format!("GET {at}/version"),
            format!("POST {at}/apis/authentication.k8s.io/v1/selfsubjectreviews"),
            format!("POST {at}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ]
    );
    let asked: Value = serde_json::from_slice(world.sent()[2].body()).expect("JSON");
    assert_eq!(
        asked["spec"]["resourceAttributes"],
        json!({
            "namespace": "apps", "verb": "create", "group": "", "version": "v1", "resource": "serviceaccounts",
            "subresource": "token", "name": "deployer",
        })
    );
    // Without a service account the login is all that there is to check.
    let world = World::new().answers(version()).answers(who("alice"));
    reach(&world, token(json!({})), Access::Write).await.expect("reached");
    let world = World::new().answers(version()).answers(who("alice")).answers(allowed(false));
    let error = reach(&world, token(json!({})), Access::Admin).await.expect_err("no administrator");
    assert!(error.to_string().contains("no administrator"), "{error}");
}

/// Servers before 1.28 have the review in another version, or not at all.
#[tokio::test]
async fn older_servers() {
    let absent = || refusal(404, "NotFound");
    let world =
        World::new().answers(version()).answers(absent()).answers(who("alice")).answers(allowed(true));
    reach(&world, with_account(json!({})), Access::Read).await.expect("1.27");
    assert!(world.lines()[2].ends_with("/v1beta1/selfsubjectreviews"));
    let world = World::new().answers(version()).answers(absent()).answers(absent()).answers(absent());
    let world = world.answers(allowed(false)).answers(allowed(true));
    reach(&world, with_account(json!({})), Access::Read).await.expect("1.20");
    assert_eq!(world.sent().len(), 6);
    // That an API is not there is told to administrators alone.
    let world = World::new().answers(version()).answers(refusal(403, "Forbidden"));
    let world = world.answers(allowed(false)).answers(allowed(true));
    reach(&world, with_account(json!({})), Access::Read).await.expect("1.20, for an ordinary user");
    // A version that everybody sees says nothing of the login.
    let world = World::new().answers(version()).answers(absent()).answers(absent()).answers(absent());
    let error = reach(&world.answers(refusal(403, "Forbidden")), token(json!({})), Access::Read).await;
    assert!(error.expect_err("nobody").to_string().contains("for nobody's"));
}

#[tokio::test]
async fn what_verifying_finds() {
    let ok = || World::new().answers(version());
    for (world, says) in [
        (World::new().answers(refusal(401, "Unauthorized")), "does not take the token"),
        (ok().answers(refusal(401, "Unauthorized")), "does not take the token"),
        (World::new().answers(answer(404, &json!({}))), "not Kubernetes"),
        (World::new().answers(answer(200, &json!({ "version": "hunter2" }))), "not Kubernetes"),
        (ok().answers(who("system:anonymous")), "for nobody's"),
        (ok().answers(who("alice")).answers(allowed(false)), "may not create tokens"),
    ] {
        let error = reach(&world, with_account(json!({})), Access::Read).await.expect_err(says);
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    let world = World::new().answers(refusal(403, "Forbidden")).answers(who("alice")).answers(allowed(true));
    reach(&world, with_account(json!({})), Access::Read).await.expect("a version that nobody may see");
}

/// A password that gets a 401 is told since when there are none; `insecure` is told with every listing.
#[tokio::test]
async fn basic_is_gone_and_insecure_is_told() {
    let config = json!({
        "server": "https://demo", "cluster_name": "demo", "username": "a", "password": "hunter2", "insecure": true,
    });
    let world = World::new().answers(refusal(401, "Unauthorized"));
    let connector = Connector::new(world.context(), method::<Password>(config));
    let error = connector.list::<KubernetesCluster>().await.expect_err("refused");
    assert!(error.to_string().contains("1.19"), "{error}");
    assert_silent(&error);
    let world =
        world.answers(version()).answers(who("system:anonymous")).answers(version()).answers(who("a"));
    let error = connector.list::<KubernetesCluster>().await.expect_err("passed over");
    assert!(error.to_string().contains("1.19"), "{error}");
    let listing = connector.list::<KubernetesCluster>().await.expect("a listing");
    assert_eq!(listing.ids, ["demo"]);
    assert!(listing.notes[0].contains("not verified"));
    // a:hunter2
    let basic = ("authorization".to_owned(), "Basic YTpodW50ZXIy".to_owned());
    assert!(world.sent()[0].headers().contains(&basic));
}

/// A password that is passed over: with `system:anonymous` allowed all but the version is forbidden (403), without
/// it all is refused (401). Both are told as what they are, also where a token is asked for.
#[tokio::test]
async fn a_password_that_is_passed_over_is_explained() {
    let forbidden = || refusal(403, "Forbidden");
    let config =
        json!({ "server": "https://demo", "cluster_name": "demo", "username": "a", "password": "hunter2" });
    for world in [
        World::new().answers(version()).answers(forbidden()).answers(forbidden()),
        World::new().answers(forbidden()).answers(forbidden()).answers(forbidden()),
        World::new().answers(version()).answers(refusal(401, "Unauthorized")),
    ] {
        let connector = Connector::new(world.context(), method::<Password>(config.clone()));
        let error = connector.list::<KubernetesCluster>().await.expect_err("passed over");
        assert!(error.to_string().contains("1.19") && error.hint().is_some(), "{error}");
        assert_silent(&error);
    }
    let file = json!({
        "current-context": "demo", "contexts": [{ "name": "demo", "context": { "cluster": "demo", "user": "a" } }],
        "clusters": [{ "name": "demo", "cluster": { "server": "https://demo" } }],
        "users": [{ "name": "a", "user": { "username": "a", "password": "hunter2" } }],
    });
    let config =
        json!({ "kubeconfig": file.to_string(), "service_account": "deployer", "namespace": "apps" });
    let world = World::new().answers(forbidden());
    let error = issue(&world, method::<Kubeconfig>(config), Terms::default(), grant()).await;
    let error = error.expect_err("forbidden");
    let shown = format!("{error} {}", error.causes().join(" "));
    assert!(shown.contains("1.19") && !shown.contains("is taken by"), "{shown}");
    assert_silent(&error);
}
