//! S41: the metadata service of Compute Engine, GKE and Cloud Run.

use connector_core::{AuthMethod, Clock, Error, ErrorKind, Expiry, Narrowed, Response};
use serde_json::{Value, json};

use super::bucket;
use super::implicit::{implicit, on};
use crate::testing::{
    CANARY, EMAIL, STS_URL, World, assert_silent, authenticate, call, field, form, header, token,
};

const BASE: &str = "http://metadata.google.internal/computeMetadata/v1";

/// An answer of the service, told by its header.
pub(super) fn metadata(status: u16, text: &str) -> Response {
    let flavor = vec![("metadata-flavor".to_owned(), "Google".to_owned())];
    Response::new(status, flavor, text.as_bytes().to_vec())
}

pub(super) fn given(seconds: u64) -> Response {
    let given = json!({ "access_token": "ya29.vm", "expires_in": seconds, "token_type": "Bearer" });
    metadata(200, &given.to_string())
}

/// A whole service: a token, and what is told beside it.
pub(super) fn service(world: World) -> World {
    world
        .answers(given(3599))
        .answers(metadata(200, "vm-project\n"))
        .answers(metadata(404, "<html>"))
        .answers(metadata(200, EMAIL))
}

/// The token, and whose and where it is; each request says the header without which nothing is answered.
#[tokio::test]
async fn s41_a_token_of_the_machine() {
    let world = service(World::new()).answers(token("narrow", 900));
    let cx = on(&world);
    let account = implicit(json!({}));
    let out = authenticate(&account, &cx, None, Some(&bucket())).await.expect("a session");
    let scopes = "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform%2C\
                  https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fuserinfo.email";
    let expected = [
        format!("GET {BASE}/instance/service-accounts/default/token?scopes={scopes}"),
        format!("GET {BASE}/project/project-id"),
        format!("GET {BASE}/universe/universe-domain"),
        format!("GET {BASE}/instance/service-accounts/default/email"),
        format!("POST {STS_URL}"),
    ];
    assert_eq!(world.lines(), expected);
    for request in &world.sent()[..4] {
        assert_eq!(header(request, "metadata-flavor"), Some("Google"));
        assert!(request.is_to_metadata() && request.timeout().is_some_and(|it| it.as_secs() <= 5));
    }
    assert!(!world.sent()[4].is_to_metadata());
    assert_eq!(field(&form(&world, 4), "subject_token"), Some("ya29.vm"));
    let issued = out.session.credential();
    assert_eq!((issued.project_id.as_deref(), issued.account.as_deref()), (Some("vm-project"), Some(EMAIL)));
    assert_eq!(issued.universe_domain, "googleapis.com");
    assert_eq!(out.expiry, Expiry::At(World::after(900)));
    assert!(matches!(out.narrowed, Some(Narrowed::By(_))));
    let steps = account.plan(&call(&account, &cx, None), Some(&bucket())).expect("a plan");
    assert_eq!(steps.iter().map(|it| it.call).collect::<Vec<_>>(), ["metadata:token", "sts:token"]);
}

/// The project of the config or of the variables is not asked for; another universe is taken, and narrows nothing.
#[tokio::test]
async fn what_is_said_is_not_asked_for() {
    for (world, more, expected) in [
        (World::new(), json!({ "project_id": "of-config" }), "of-config"),
        (World::new().var("GOOGLE_CLOUD_PROJECT", "of-variable"), json!({}), "of-variable"),
    ] {
        let world = world.answers(given(3599)).answers(metadata(200, "apis.example.goog"));
        let world = world.answers(metadata(404, ""));
        let out = authenticate(&implicit(more), &on(&world), None, None).await.expect("a session");
        let issued = out.session.credential();
        assert_eq!((issued.project_id.as_deref(), world.sent().len()), (Some(expected), 3));
        assert_eq!((issued.universe_domain.as_str(), issued.account), ("apis.example.goog", None));
    }
    let world = World::new().answers(given(3599)).answers(metadata(200, "vm-project"));
    let world = world.answers(metadata(200, "apis.example.goog")).answers(metadata(200, EMAIL));
    let error = authenticate(&implicit(json!({})), &on(&world), None, Some(&bucket())).await;
    assert_eq!(error.expect_err("it cannot be narrowed").kind(), ErrorKind::Refused);
}

/// What is told beside the token has to be read: a universe that is not known would send the token to another one.
#[tokio::test]
async fn what_is_told_beside_the_token_has_to_be_read() {
    let project = || metadata(200, "vm-project");
    for (answers, says) in [
        (
            vec![
                project(),
                metadata(503, CANARY),
                metadata(503, CANARY),
                metadata(503, CANARY),
                metadata(200, EMAIL),
            ],
            "status 503",
        ),
        (vec![project(), metadata(200, "hunter2 x"), metadata(200, EMAIL)], "not Google Cloud"),
        (
            vec![project(), Response::new(404, Vec::new(), CANARY.into()), metadata(200, EMAIL)],
            "does not answer",
        ),
        (vec![metadata(200, "hunter2 x"), metadata(404, ""), metadata(200, EMAIL)], "not Google Cloud"),
        (
            vec![project(), metadata(404, ""), metadata(500, CANARY), metadata(500, ""), metadata(500, "")],
            "status 500",
        ),
    ] {
        let world = answers.into_iter().fold(World::new().answers(given(3599)), World::answers);
        let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        assert!(error.message().contains(says), "{error:?}");
        assert_silent(&error);
    }
    // On some machines the account has no address.
    let world = World::new().answers(given(3599)).answers(project()).answers(metadata(404, ""));
    let world = world.answers(metadata(200, "my-pool.svc.id.goog"));
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
    assert_eq!(out.session.credential().account, None);
}

/// The host is that of the variable that Google's libraries read.
#[tokio::test]
async fn the_host_is_the_variables() {
    let world = service(World::new().var("GCE_METADATA_HOST", "127.0.0.1:8123"));
    authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
    assert!(world.sent().iter().all(|it| it.origin() == "http://127.0.0.1:8123"), "{:?}", world.lines());
}

/// Only where nobody answers is nothing configured; what answers and is not the service, or refuses, is an error of its
/// own. Nothing is quoted.
#[tokio::test]
async fn what_is_no_token_is_told_apart() {
    let asked = |answer| World::new().answers(answer);
    let flawed = |body: Value| asked(metadata(200, &body.to_string()));
    for (world, kind, says) in [
        (
            World::new().fails(Error::unreachable("no route")),
            ErrorKind::NotConfigured,
            "no metadata service answers",
        ),
        (
            asked(Response::new(200, Vec::new(), CANARY.into())),
            ErrorKind::Unreachable,
            "not Google's metadata",
        ),
        (asked(metadata(404, CANARY)), ErrorKind::Refused, "no service account"),
        (asked(metadata(403, CANARY)), ErrorKind::Unreachable, "status 403"),
        (asked(metadata(200, CANARY)), ErrorKind::Unreachable, "not Google Cloud"),
        (flawed(json!({ "access_token": CANARY })), ErrorKind::Unreachable, "not Google Cloud"),
        (
            flawed(json!({ "access_token": "hunter2\r\nx", "expires_in": 1 })),
            ErrorKind::Unreachable,
            "not Google Cloud",
        ),
        (flawed(json!({ "access_token": "", "expires_in": 1 })), ErrorKind::Unreachable, "not Google Cloud"),
        (
            flawed(json!({ "access_token": CANARY, "expires_in": -1 })),
            ErrorKind::Unreachable,
            "not Google Cloud",
        ),
    ] {
        let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.message().contains(says), "{error:?}");
        assert_eq!(world.sent().len(), 1, "it is asked once");
        assert_silent(&error);
    }
}

/// A service that answers late, and then not at all.
struct Slow(World);

#[connector_core::async_trait]
impl connector_core::Http for Slow {
    async fn send(&self, request: connector_core::Request) -> connector_core::Result<Response> {
        self.0.advance(request.timeout().expect("a limit"));
        self.0.clone().fails(Error::unreachable("did not answer")).context().send(request).await
    }
}

/// S41: a service that is there and in trouble is asked again, and told as what it is; it is no machine without identity.
#[tokio::test]
async fn s41_trouble_is_no_missing_identity() {
    let busy = || metadata(503, CANARY);
    let world = service(World::new().answers(busy()).answers(busy()));
    authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
    assert_eq!(world.sent().len(), 6);
    let world = World::new().answers(busy()).answers(busy()).answers(busy());
    let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("trouble");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 3));
    assert!(error.is_transient() && error.message().contains("status 503"), "{error:?}");

    let world = World::new();
    let cx = on(&world).with_http(Slow(world.clone()));
    let error = authenticate(&implicit(json!({})), &cx, None, None).await.expect_err("no answer in time");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert!(error.is_transient() && error.message().contains("in time"), "{error:?}");
    assert_eq!(world.now().duration_since(World::start()).expect("later").as_secs(), 5);
}
