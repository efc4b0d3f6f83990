//! Tests of `gcp-generic`.

use std::time::Duration;

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact};
use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::{Access, Context, ErrorKind, Parsed, ResourceType, VirtualClock, Wanted};
use serde_json::json;

use super::GcpGeneric;
use crate::names::{EndpointUrl, ProjectId, Service};
use crate::resource::testing::{call, connector, forbidden, refusal, session, session_of};

fn project(text: &str) -> GcpGeneric {
    match GcpGeneric::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

/// S17: both forms of a project become its id.
#[test]
fn s17_accepted_forms() {
    let longest = format!("a{}", "0".repeat(29));
    check_accepted::<GcpGeneric>(&[
        ("my-project", exact("my-project"), "canonical"),
        ("projects/my-project", exact("my-project"), "as the APIs write it"),
        ("example.com:zenfiles", exact("example.com:zenfiles"), "of an organization"),
        ("projects/example.com:zenfiles", exact("example.com:zenfiles"), "the same"),
        ("a-1234", exact("a-1234"), "6 characters"),
        (&longest, exact(&longest), "30 characters"),
    ]);
}

#[test]
fn s17_refused_forms() {
    let rule = "6 to 30 lower-case letters";
    let long = "a".repeat(31);
    check_refused::<GcpGeneric>(&[
        ("", rule, "nothing"),
        ("files", rule, "5 characters"),
        (&long, rule, "31 characters"),
        ("My-Project", rule, "upper case"),
        ("my_project", rule, "an underscore"),
        ("1-project", rule, "a digit in front"),
        ("my-project-", rule, "a hyphen behind"),
        ("123456789012", rule, "a project's number"),
        ("projects/", rule, "a project of no name"),
        ("projects/projects/my-project", rule, "twice"),
        ("my-project/", rule, "a slash"),
        ("my-project\n", rule, "a control character"),
        ("files:files1", rule, "an organization without a domain"),
        ("example.com:zenfiles:more", rule, "two colons"),
        ("-.com:filesfiles", rule, "a domain that is none"),
        ("organizations/123456789012", rule, "an organization"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<GcpGeneric>(&["my-project", "projects/my-project", "projects/example.com:zenfiles"]);
}

/// S18: a connector has one project, and needs no call to say which.
#[tokio::test]
async fn s18_there_is_one_project() {
    let world = Scripted::new();
    let cx = world.context();
    assert_eq!(GcpGeneric::resolve("", &session(), &call(&cx)).await.expect("its own").id(), "my-project");
    let error = GcpGeneric::resolve("", &session_of(None), &call(&cx)).await.expect_err("none");
    assert_eq!(error.field_problems()[0].field, "project_id");
    assert_eq!(GcpGeneric::only("my-project").expect("one").id(), "my-project");
    assert!(GcpGeneric::only("an account").is_none());
    project("my-project").check_scope("my-project").expect("its own");
    let (theirs, wanted) = (project("their-project"), Wanted::new(Access::Read));
    for error in [
        theirs.check_scope("my-project").expect_err("theirs"),
        theirs.reach(&wanted, &session(), &call(&cx)).await.expect_err("theirs"),
        theirs.issue(&wanted, &session(), &call(&cx)).await.expect_err("theirs"),
    ] {
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
    assert!(world.sent().is_empty());
}

/// S15, S20: one call shows that the token is good for the project.
#[tokio::test]
async fn s20_the_project_is_seen() {
    for (id, path) in [("my-project", "my-project"), ("example.com:zenfiles", "example.com%3Azenfiles")] {
        let world = Scripted::answering([json_answer(200, &json!({})), json_answer(200, &json!({}))]);
        let cx = world.context();
        let session = session_of(Some(id));
        project(id).reach(&Wanted::new(Access::Read), &session, &call(&cx)).await.expect("reached");
        assert_eq!(GcpGeneric::list(&session, &call(&cx)).await.expect("a listing").ids, [id]);
        assert_eq!(
            world.lines(),
            vec![format!("GET https://cloudresourcemanager.googleapis.com/v3/projects/{path}"); 2]
        );
    }
    let unknown = || json_answer(400, &json!({ "error": "invalid_token" }));
    for (answer, kind) in [
        (forbidden(), ErrorKind::Refused),
        (refusal(401, "UNAUTHENTICATED"), ErrorKind::Refused),
        (refusal(404, "NOT_FOUND"), ErrorKind::NotFound),
        (json_answer(200, &json!("hunter2")), ErrorKind::Unreachable),
    ] {
        let cx = Scripted::answering([answer, unknown()]).context();
        let error = GcpGeneric::list(&session(), &call(&cx)).await.expect_err("not seen");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("projects.get"), "{error}");
        assert!(error.to_string().contains("project `my-project` is not reached"), "{error}");
        assert_silent(&error);
    }
}

/// S15, S20: an account that may not look at the project may be good for much of it; Google tells whether its token is.
#[tokio::test]
async fn s20_a_good_token_that_may_not_look_at_the_project_is_good() {
    let told = || json_answer(200, &json!({ "expires_in": "900", "scope": "openid" }));
    let world = Scripted::answering([forbidden(), told(), forbidden(), told()]);
    let cx = world.context();
    let listed = GcpGeneric::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listed.ids, ["my-project"]);
    assert!(listed.notes.len() == 1 && listed.notes[0].contains("may not look at the project"), "{listed:?}");
    let own = project("my-project");
    own.reach(&Wanted::new(Access::Read), &session(), &call(&cx)).await.expect("the token is good");
    assert_eq!(world.lines()[1], "POST https://oauth2.googleapis.com/tokeninfo");
    // A project that is not there is no matter of the token.
    let world = Scripted::answering([refusal(404, "NOT_FOUND"), told()]);
    GcpGeneric::list(&session(), &call(&world.context())).await.expect_err("not there");
    assert_eq!(world.sent().len(), 1);
}

/// S18, S49: every call goes to the connector's place, and is counted for the project that it says.
#[tokio::test]
async fn s49_calls_go_to_the_connectors_place() {
    let usual = session();
    let mut elsewhere = session();
    elsewhere.place.universe = "example.cloud".parse().expect("a universe");
    let mut local = session();
    local.place.endpoint_url = Some(EndpointUrl::parse("http://127.0.0.1:9000/").expect("an endpoint"));
    let mut single = session();
    single.place.endpoint_url.clone_from(&local.place.endpoint_url);
    let own = EndpointUrl::parse("http://127.0.0.1:9001/projects").expect("an endpoint");
    single.place.endpoints.insert(Service::ResourceManager, own);
    single.place.quota_project = Some(ProjectId::parse("their-project").expect("a project"));
    for (session, url, counted) in [
        (usual, "https://cloudresourcemanager.googleapis.com", None),
        (elsewhere, "https://cloudresourcemanager.example.cloud", None),
        (local, "http://127.0.0.1:9000", None),
        (single, "http://127.0.0.1:9001/projects", Some("their-project")),
    ] {
        let world = Scripted::answering([json_answer(200, &json!({}))]);
        GcpGeneric::list(&session, &call(&world.context())).await.expect("a listing");
        assert_eq!(world.lines(), [format!("GET {url}/v3/projects/my-project")]);
        let sent = world.sent();
        let header = |name: &str| {
            let mut headers = sent[0].headers().iter();
            headers.find(|(it, _)| it == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(header("authorization"), Some("Bearer hunter2-token"));
        assert_eq!(header("x-goog-user-project"), counted);
    }
}

/// S34: what is issued is the session's token as it is, said to be so, with the session's own end.
#[tokio::test]
async fn s34_what_is_issued_is_all_that_the_connector_may() {
    let cx = Context::detached(VirtualClock::default());
    let handle = connector(cx.clone()).resource::<GcpGeneric>("projects/my-project").await.expect("a handle");
    let issued = handle.issue().await.expect("a credential");
    assert_eq!(issued.credential.access_token.expose(), "hunter2-0");
    assert!(!issued.narrowing().is_narrowed());
    assert_eq!(issued.expiry.left(cx.now()), Some(Duration::from_secs(3600)));
    assert_eq!(project("my-project").narrowing(&Wanted::new(Access::Read)).expect("nothing to say"), None);
    assert!(project("my-project").carried(&Wanted::new(Access::Admin)).is_empty());
}
