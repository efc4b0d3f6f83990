//! Tests of `docker-registry`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, part};
use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::{
    Access, Context, Credential, ErrorKind, Fields, Http, Narrowed, Parsed, Request, ResourceType, Response,
    Result, VirtualClock, Wanted, async_trait,
};
use connector_docker::{DockerCredential, Login};
use serde_json::{Value, json};

use super::DockerRegistry;
use crate::resource::testing::{call, connector, forbidden, refusal, session, session_of};

const ID: &str = "europe-west1-docker.pkg.dev/my-project/images";

fn registry(text: &str) -> DockerRegistry {
    match DockerRegistry::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

/// S17: every form of a registry becomes one; the hosts of Container Registry stay what they are.
#[test]
fn s17_accepted_forms() {
    let domain = "us-docker.pkg.dev/example.com/zenfiles/images";
    check_accepted::<DockerRegistry>(&[
        (ID, exact(ID), "canonical"),
        (&format!("{ID}/"), exact(ID), "a slash names no image"),
        (&format!("https://{ID}"), exact(ID), "a URL"),
        (&format!("https://{ID}/"), exact(ID), "a URL with a slash"),
        (&format!("{ID}/team/app"), part(ID, "team/app"), "a path is the image"),
        (&format!("https://{ID}/a.b_c-d/"), part(ID, "a.b_c-d"), "an image behind a URL"),
        ("projects/my-project/locations/europe-west1/repositories/images", exact(ID), "its full name"),
        (domain, exact(domain), "a project of an organization"),
        (&format!("{domain}/app"), part(domain, "app"), "an image of it"),
        ("projects/example.com:zenfiles/locations/us/repositories/images", exact(domain), "its full name"),
        ("gcr.io/my-project", exact("gcr.io/my-project"), "Container Registry"),
        ("us.gcr.io/my-project", exact("us.gcr.io/my-project"), "in America"),
        ("eu.gcr.io/my-project", exact("eu.gcr.io/my-project"), "in Europe"),
        ("https://asia.gcr.io/my-project/a/b", part("asia.gcr.io/my-project", "a/b"), "in Asia, an image"),
        ("gcr.io/example.com/zenfiles", exact("gcr.io/example.com/zenfiles"), "of an organization"),
        ("gcr.io/example.com/zenfiles/app", part("gcr.io/example.com/zenfiles", "app"), "an image of it"),
    ]);
}

#[test]
fn s17_refused_forms() {
    let host = "the host is none of Artifact Registry's";
    let long = "a".repeat(256);
    check_refused::<DockerRegistry>(&[
        ("", host, "nothing"),
        ("docker.io/library/nginx", host, "another registry"),
        ("images", host, "a name alone: in which location?"),
        (&format!("http://{ID}"), "https only", "not encrypted"),
        ("http://gcr.io/my-project", "https only", "not encrypted, either"),
        (&format!("ftp://{ID}"), host, "another scheme"),
        (&format!("https://me@{ID}"), "a region, a zone", "a user in front"),
        ("us-docker.pkg.dev:443/my-project/images", host, "a port: docker would keep the login under it"),
        ("us-docker.pkg.dev.evil.example/my-project/images", host, "a host that only begins well"),
        ("evil.example/us-docker.pkg.dev/my-project/images", host, "a host that is a path"),
        ("US-docker.pkg.dev/my-project/images", "a region, a zone", "upper case"),
        ("-docker.pkg.dev/my-project/images", "a region, a zone", "no location"),
        ("us-python.pkg.dev/my-project/images", host, "a repository of another format"),
        ("us-docker.pkg.dev", "names no repository", "the host alone"),
        ("us-docker.pkg.dev/my-project", "names no repository", "no repository"),
        (
            "us-docker.pkg.dev/example.com/zenfiles",
            "names no repository",
            "of an organization, no repository",
        ),
        ("us-docker.pkg.dev/p/images", "a project id", "a project that is none"),
        ("us-docker.pkg.dev/my-project/Images", "a repository name", "upper case in a repository"),
        ("us-docker.pkg.dev/my-project//app", "a repository name", "two slashes"),
        (&format!("{ID}/app:latest"), "no path of an image", "a tag"),
        (&format!("{ID}/app@sha256:00"), "no path of an image", "a digest"),
        (&format!("{ID}/App"), "no path of an image", "upper case in an image"),
        (&format!("{ID}/../other"), "no path of an image", "dots"),
        (&format!("{ID}/a/./b"), "no path of an image", "a dot"),
        (&format!("{ID}//app"), "no path of an image", "two slashes in front of an image"),
        (&format!("{ID}/-app"), "no path of an image", "a hyphen in front"),
        (&format!("{ID}/{long}"), "no path of an image", "256 characters"),
        ("gcr.io", "names no project", "Container Registry alone"),
        ("gcr.io/", "names no project", "with a slash"),
        ("gcr.io//app", "names no project", "with two"),
        ("gcr.io/example.com", "a project id", "an organization alone"),
        ("uk.gcr.io/my-project", host, "a part of the world that it does not have"),
        ("mirror.gcr.io/my-project", host, "the mirror of Docker Hub"),
        ("gcr.io.evil.example/my-project", host, "a host that only begins well"),
        ("projects/my-project/locations/us/repositories/", "a full name has", "a full name of nothing"),
        ("projects/my-project/locations/us/repositories/a/b", "a full name has", "a full name with a path"),
        ("projects/my-project/secrets/images", "a full name has", "another thing"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<DockerRegistry>(&[
        ID,
        "https://us-docker.pkg.dev/example.com/zenfiles/images/team/app",
        "projects/my-project/locations/us/repositories/images",
        "asia.gcr.io/my-project/app",
    ]);
}

/// The image is no boundary of a login: it is checked, and said not to narrow.
#[test]
fn s34_an_image_does_not_narrow() {
    let wanted = Wanted::new(Access::Write);
    assert_eq!(registry(ID).narrowing(&wanted).expect("nothing to say"), None);
    assert_eq!(registry(ID).narrowing(&wanted.clone().with_within("team/app")).expect("an image"), None);
    for within in ["", "/app", "app/", "a//b", "a/../b", "App", "app:1", "a b", "é"] {
        let error = registry(ID).narrowing(&wanted.clone().with_within(within)).expect_err(within);
        assert_eq!(error.field_problems()[0].field, "within", "{within}");
    }
    assert!(registry(ID).carried(&wanted).is_empty(), "what may be done is said by IAM");
}

#[test]
fn s18_a_scope_is_the_only_project() {
    let registry = registry("gcr.io/example.com/zenfiles");
    registry.check_scope("example.com:zenfiles").expect("its own");
    let error = registry.check_scope("my-project").expect_err("another one");
    assert_eq!(error.field_problems()[0].field, "resource_id");
}

fn locations(names: &[String], next: Option<&str>) -> Response {
    let all: Vec<_> = names.iter().map(|it| json!({ "locationId": it })).collect();
    json_answer(200, &json!({ "locations": all, "nextPageToken": next }))
}

fn repositories(at: &str, repositories: &[(&str, &str)], next: Option<&str>) -> Value {
    let name = |it: &str| format!("projects/my-project/locations/{at}/repositories/{it}");
    let all: Vec<_> =
        repositories.iter().map(|(it, format)| json!({ "name": name(it), "format": format })).collect();
    json!({ "repositories": all, "nextPageToken": next })
}

/// S15: both lists are followed to the end; repositories of other formats and names that cannot be are left out.
#[tokio::test]
async fn s15_listing_pages_to_the_end() {
    let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let first =
        repositories("eu", &[("b", "DOCKER"), ("wheels", "PYTHON"), ("Not A Name", "DOCKER")], Some("r+2"));
    let world = Scripted::answering([
        locations(&names(&["eu"]), Some("l+2")),
        locations(&names(&["hunter2?", "us"]), None),
        json_answer(200, &first),
        json_answer(200, &repositories("eu", &[("a", "DOCKER")], None)),
        json_answer(
            200,
            &repositories(
                "us",
                &[("gcr.io", "DOCKER"), ("us.gcr.io", "DOCKER"), ("uk.gcr.io", "DOCKER")],
                None,
            ),
        ),
    ]);
    let cx = world.context();
    let listing = DockerRegistry::list(&session(), &call(&cx)).await.expect("a listing");
    let eu = |name: &str| format!("eu-docker.pkg.dev/my-project/{name}");
    assert_eq!(listing.ids, [&eu("a"), &eu("b"), "gcr.io/my-project", "us.gcr.io/my-project"]);
    assert!(listing.failures.is_empty(), "a location that cannot be is none: {listing:?}");
    let base = "GET https://artifactregistry.googleapis.com/v1/projects/my-project/locations";
    assert_eq!(
        world.lines(),
        [
            format!("{base}?pageSize=1000"),
            format!("{base}?pageSize=1000&pageToken=l%2B2"),
            format!("{base}/eu/repositories?pageSize=1000"),
            format!("{base}/eu/repositories?pageSize=1000&pageToken=r%2B2"),
            format!("{base}/us/repositories?pageSize=1000"),
        ]
    );
}

/// Artifact Registry, with an answer for each location. A clone is the same one.
#[derive(Clone, Default)]
struct Regions {
    answers: HashMap<String, Response>,
    asking: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Http for Regions {
    async fn send(&self, request: Request) -> Result<Response> {
        let Some(at) = request.url().split("/locations/").nth(1).and_then(|it| it.split('/').next()) else {
            let mut names: Vec<_> = self.answers.keys().cloned().collect();
            names.sort();
            return Ok(locations(&names, None));
        };
        let asking = self.asking.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(asking, Ordering::SeqCst);
        // Whoever asks one after the other is through before the next one begins.
        tokio::task::yield_now().await;
        self.asking.fetch_sub(1, Ordering::SeqCst);
        Ok(self.answers[at].clone())
    }
}

/// S15, S27: locations are asked side by side; one that fails hides none of the others, and says how it failed.
#[tokio::test]
async fn s15_forty_locations_are_asked_side_by_side() {
    let mut answers: HashMap<_, _> = (10..50)
        .map(|at| {
            let at = format!("place-{at}");
            let listed = json_answer(200, &repositories(&at, &[("images", "DOCKER")], None));
            (at, listed)
        })
        .collect();
    answers.insert("place-20".into(), forbidden());
    answers.insert("place-30".into(), refusal(500, "INTERNAL"));
    answers.insert("place-40".into(), Response::new(200, vec![], b"<html>hunter2".to_vec()));
    let regions = Regions { answers, ..Regions::default() };
    let cx = Context::detached(Scripted::new()).with_http(regions.clone());
    let listing = DockerRegistry::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(regions.most.load(Ordering::SeqCst), 40, "all at the same time");
    assert_eq!(listing.ids.len(), 37);
    assert!(listing.ids.contains(&"place-10-docker.pkg.dev/my-project/images".to_owned()));
    let failures: Vec<_> = listing.failures.iter().map(|it| (it.place.as_str(), it.error.kind())).collect();
    let expected = [
        ("place-20", ErrorKind::Refused),
        ("place-30", ErrorKind::Unreachable),
        ("place-40", ErrorKind::Unreachable),
    ];
    assert_eq!(failures, expected);
    for failure in &listing.failures {
        assert!(failure.error.message().contains("artifactregistry.repositories.list"), "{failure:?}");
        assert_silent(&failure.error);
    }
}

/// C28: a list that gives the same page again and again is given up.
#[tokio::test]
async fn c28_an_endless_list_is_given_up() {
    let names = ["us".to_owned()];
    let world = Scripted::answering((0..9).map(|_| locations(&names, Some("same"))));
    let error = DockerRegistry::list(&session(), &call(&world.context())).await.expect_err("the same page");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 2));

    let page = || json_answer(200, &repositories("us", &[("images", "DOCKER")], Some("same")));
    let cx = Scripted::answering([locations(&names, None), page(), page(), page()]).context();
    let listing = DockerRegistry::list(&session(), &call(&cx)).await.expect("a listing");
    assert!(listing.ids.is_empty(), "half a list is none");
    assert_eq!(listing.failures[0].place, "us");

    let cx = Scripted::answering([forbidden()]).context();
    let error = DockerRegistry::list(&session(), &call(&cx)).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("artifactregistry.locations.list"), "{error}");
}

/// S20: one call asks for what the access level needs, and names what is missing.
#[tokio::test]
async fn s20_missing_permissions_are_named() {
    let all = ["downloadArtifacts", "uploadArtifacts", "deleteArtifacts", "update"]
        .map(|it| format!("artifactregistry.repositories.{it}"));
    for (access, needed) in [(Access::Read, 1), (Access::Write, 2), (Access::Admin, 4)] {
        let granted = |permissions: &[String]| json_answer(200, &json!({ "permissions": permissions }));
        let world = Scripted::answering([granted(&all[..needed]), granted(&all[1..needed])]);
        let cx = world.context();
        let reach = async || registry(ID).reach(&Wanted::new(access), &session(), &call(&cx)).await;
        reach().await.expect("all of them");
        let error = reach().await.expect_err("one is missing");
        assert_eq!(error.kind(), ErrorKind::Refused);
        let text = error.to_string();
        assert!(text.contains(&format!("lacks {}", all[0])) && text.contains(ID), "{text}");
        assert!(!all[1..needed].iter().any(|it| text.contains(it)), "what is there is not missing: {text}");
        let url = "https://artifactregistry.googleapis.com/v1/projects/my-project/locations/europe-west1/\
                   repositories/images:testIamPermissions";
        assert_eq!(world.lines()[0], format!("POST {url}"));
        let body: Value = serde_json::from_str(&world.bodies()[0]).expect("JSON");
        assert_eq!(body, json!({ "permissions": all[..needed] }));
        assert!(all[..needed].iter().all(|it| DockerRegistry::permissions(access).contains(&it.as_str())));
    }
}

/// S20: a host of Container Registry is a repository of that name in its part of the world.
#[tokio::test]
async fn s20_the_hosts_of_container_registry_are_repositories() {
    for (id, name) in [
        ("gcr.io/my-project", "my-project/locations/us/repositories/gcr.io"),
        ("us.gcr.io/my-project", "my-project/locations/us/repositories/us.gcr.io"),
        ("eu.gcr.io/my-project", "my-project/locations/europe/repositories/eu.gcr.io"),
        ("asia.gcr.io/my-project", "my-project/locations/asia/repositories/asia.gcr.io"),
        ("gcr.io/example.com/zenfiles", "example.com%3Azenfiles/locations/us/repositories/gcr.io"),
    ] {
        let world = Scripted::answering([refusal(404, "NOT_FOUND")]);
        let registry = registry(id);
        let session = session_of(Some(registry.project().as_str()));
        let cx = world.context();
        let error = registry.reach(&Wanted::new(Access::Read), &session, &call(&cx)).await.expect_err("none");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains(id), "{error}");
        assert_silent(&error);
        let url = format!("https://artifactregistry.googleapis.com/v1/projects/{name}:testIamPermissions");
        assert_eq!(world.lines(), [format!("POST {url}")]);
    }
}

/// S19: a registry of another project is refused before any call.
#[tokio::test]
async fn s19_another_project_is_refused_without_a_call() {
    let world = Scripted::new();
    let cx = world.context();
    for id in ["us-docker.pkg.dev/their-project/images", "gcr.io/their-project"] {
        let (registry, wanted) = (registry(id), Wanted::new(Access::Read));
        let errors = [
            registry.reach(&wanted, &session(), &call(&cx)).await.expect_err("theirs"),
            registry.issue(&wanted, &session(), &call(&cx)).await.expect_err("theirs"),
        ];
        for error in errors {
            assert_eq!(error.field_problems()[0].field, "resource_id");
            assert!(error.message().contains("of project their-project"), "{error}");
        }
    }
    assert!(world.sent().is_empty());
}

/// S51: a login is made without a call, is for the host that docker keeps it under, and ends with its session.
#[tokio::test]
async fn s51_a_login_is_the_session_by_another_name() {
    for (id, host) in [(ID, "europe-west1-docker.pkg.dev"), ("eu.gcr.io/my-project", "eu.gcr.io")] {
        let world = Scripted::new();
        let cx = Context::detached(VirtualClock::default()).with_http(world.clone());
        let handle = connector(cx.clone()).resource::<DockerRegistry>(id).await.expect("a handle");
        let issued = handle.issue().await.expect("a login");
        assert!(world.sent().is_empty());
        assert_eq!(issued.credential.registry, host);
        let Login::Password { username, password } = &issued.credential.login else {
            panic!("another login")
        };
        assert_eq!((username.as_str(), password.expose()), ("oauth2accesstoken", "hunter2-0"));
        assert_eq!(issued.expiry.left(cx.now()), Some(Duration::from_secs(3600)), "the session's own end");
        assert!(
            matches!(issued.narrowing(), Narrowed::No(why) if why.contains("access boundaries")),
            "{issued:?}"
        );
        assert!(!format!("{issued:?}").contains("hunter2"));
        let mut fields = Fields::default();
        issued.credential.export(&mut fields);
        assert!(DockerCredential::import(&fields).is_ok(), "it travels");
    }
}
