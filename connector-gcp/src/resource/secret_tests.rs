//! Tests of `secret`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::{
    Access, Context, ErrorKind, Narrowed, Parsed, ResourceType, Response, SecretReader, VirtualClock, Wanted,
};
use serde_json::{Value, json};

use super::StoredSecret;
use crate::resource::testing::{call, connector, forbidden, refusal, refusal_with, session, session_of};

const NUMBERED: &str = "projects/123456789012/secrets/db-password";
const ID: &str = "projects/my-project/secrets/db-password";

fn stored(text: &str) -> StoredSecret {
    match StoredSecret::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

/// S17: every form of one secret becomes `projects/{project}/secrets/{secret}`.
#[test]
fn s17_accepted_forms() {
    let longest = "a".repeat(255);
    check_accepted::<StoredSecret>(&[
        (ID, exact(ID), "canonical"),
        (&format!("{ID}/versions/latest"), exact(ID), "the latest version is what is read"),
        (&format!("//secretmanager.googleapis.com/{ID}"), exact(ID), "IAM's name"),
        (
            "projects/example.com:zenfiles/secrets/DB_password-1",
            exact("projects/example.com:zenfiles/secrets/DB_password-1"),
            "a project of an organization",
        ),
        ("db-password", partial("db-password"), "the name alone: the session says the project"),
        (&longest, partial(&longest), "255 characters"),
        (NUMBERED, partial(NUMBERED), "as the console writes it: a call tells whose number that is"),
        (&format!("{NUMBERED}/versions/latest"), partial(NUMBERED), "its latest version"),
        (&format!("//secretmanager.googleapis.com/{NUMBERED}"), partial(NUMBERED), "as an asset's name"),
    ]);
}

#[test]
fn s17_refused_forms() {
    let name = "a secret name";
    let long = "a".repeat(256);
    check_refused::<StoredSecret>(&[
        ("", name, "nothing"),
        (&long, name, "256 characters"),
        ("db password", name, "a blank"),
        ("db.password", name, "a dot"),
        ("..", name, "dots would change the URL"),
        ("db?alt=media", name, "so would a question mark"),
        ("db:access", name, "a colon is a verb's"),
        ("pässword", name, "a letter of another alphabet"),
        ("db-password\n", name, "a control character"),
        ("projects/my-project/secrets/", name, "a full name of nothing"),
        ("projects/my-project/secrets/..", name, "dots in a full name"),
        ("projects/P/secrets/db", "a project id", "a project that is none"),
        ("projects/../secrets/db", "a project id", "dots in place of one"),
        ("projects/123456789012345678901/secrets/db", "a project id", "more digits than a number has"),
        ("projects/123456789012/secrets/..", name, "dots behind a number"),
        ("projects/123456789012/secrets/db/versions/5", "names a version", "another version, of a number"),
        ("projects/123456789012/secrets/", name, "nothing behind a number"),
        ("secrets/db", "number of parts", "no project"),
        ("db/versions/latest", "number of parts", "a name and a version"),
        (&format!("{ID}/versions/5"), "names a version", "another version than the one that is read"),
        (&format!("{ID}/versions/"), "names a version", "a version of nothing"),
        (&format!("{ID}/"), "number of parts", "a slash"),
        ("projects/my-project/locations/us/secrets/db", "number of parts", "a secret of one region"),
        (
            "https://secretmanager.googleapis.com/v1/projects/my-project/secrets/db",
            "number of parts",
            "a URL",
        ),
        ("//secretmanager.googleapis.com/db", "number of parts", "a name alone is nothing of a service's"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db", name, "another cloud"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<StoredSecret>(&[
        ID,
        "db-password",
        NUMBERED,
        "projects/example.com:zenfiles/secrets/DB_1/versions/latest",
    ]);
}

/// S18, S19: a name is completed with the session's project, and another project's is refused, without a call.
#[tokio::test]
async fn s18_a_name_is_completed_with_the_project() {
    let world = Scripted::new();
    let cx = world.context();
    let found = StoredSecret::resolve("db-password", &session(), &call(&cx)).await.expect("a secret");
    assert_eq!(found.id(), ID);
    let error =
        StoredSecret::resolve("db-password", &session_of(None), &call(&cx)).await.expect_err("whose?");
    assert_eq!(error.field_problems()[0].field, "project_id");
    for text in ["", "a/b"] {
        let error = StoredSecret::resolve(text, &session(), &call(&cx)).await.expect_err("no name");
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
    let (theirs, wanted) = (stored("projects/their-project/secrets/db"), Wanted::new(Access::Read));
    let errors = [
        theirs.reach(&wanted, &session(), &call(&cx)).await.expect_err("theirs"),
        theirs.issue(&wanted, &session(), &call(&cx)).await.expect_err("theirs"),
        theirs.check_scope("my-project").expect_err("theirs"),
    ];
    for error in errors {
        assert!(
            error.message().contains("of project their-project, the connector is for my-project"),
            "{error}"
        );
    }
    stored(ID).check_scope("my-project").expect("its own");
    assert!(world.sent().is_empty());
}

/// S18, S19: a project's number is that of the connector's project, which one call tells, or another's, which is refused.
#[tokio::test]
async fn s18_s19_a_number_is_compared_with_that_of_the_project() {
    let answer = |name: &str| json_answer(200, &json!({ "name": name, "projectId": "my-project" }));
    let resolve = async |answers: Vec<Response>| {
        let world = Scripted::answering(answers);
        let cx = world.context();
        let found = StoredSecret::resolve(NUMBERED, &session(), &call(&cx)).await;
        assert_eq!(
            world.lines()[0],
            "GET https://cloudresourcemanager.googleapis.com/v3/projects/my-project"
        );
        found.map(|it| it.id())
    };
    assert_eq!(resolve(vec![answer("projects/123456789012")]).await.expect("its own"), ID);
    let error = resolve(vec![answer("projects/999")]).await.expect_err("another one");
    assert_eq!(error.field_problems()[0].field, "resource_id");
    assert!(error.message().contains("another project than the connector"), "{error:?}");
    let denied = resolve(vec![forbidden()]).await.expect_err("not allowed");
    assert_eq!(denied.kind(), ErrorKind::Refused);
    let hint = denied.hint().unwrap_or_default();
    assert!(hint.contains("projects/my-project/secrets/") && hint.contains("roles/browser"), "{denied:?}");
    assert_silent(&denied);
    let garbage = resolve(vec![answer("my-project")]).await.expect_err("no number");
    assert_eq!(garbage.kind(), ErrorKind::Unreachable);
    let world = Scripted::new();
    let cx = world.context();
    StoredSecret::resolve(NUMBERED, &session_of(None), &call(&cx)).await.expect_err("whose?");
    assert!(world.sent().is_empty());
}

fn page(names: &[&str], next: Option<&str>) -> Response {
    let all: Vec<_> =
        names.iter().map(|it| json!({ "name": format!("projects/123456789012/secrets/{it}") })).collect();
    json_answer(200, &json!({ "secrets": all, "nextPageToken": next, "totalSize": 3 }))
}

/// S15: listing goes on to the last page, and says the project by its id where Google says its number.
#[tokio::test]
async fn s15_listing_pages_to_the_end() {
    let world = Scripted::answering([page(&["b"], Some("next+1")), page(&["a", "not a name"], None)]);
    let cx = world.context();
    let session = session_of(Some("example.com:zenfiles"));
    let listing = StoredSecret::list(&session, &call(&cx)).await.expect("a listing");
    assert_eq!(
        listing.ids,
        ["projects/example.com:zenfiles/secrets/a", "projects/example.com:zenfiles/secrets/b"]
    );
    let url =
        "GET https://secretmanager.googleapis.com/v1/projects/example.com%3Azenfiles/secrets?pageSize=1000";
    assert_eq!(world.lines(), [url.to_owned(), format!("{url}&pageToken=next%2B1")]);

    let world = Scripted::answering((0..9).map(|_| page(&["a"], Some("same"))));
    let error =
        StoredSecret::list(&self::session(), &call(&world.context())).await.expect_err("the same page");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 2));
}

/// S27: a service that is not switched on is told apart from a missing permission, each with what to do.
#[tokio::test]
async fn s27_why_a_listing_is_refused() {
    let disabled =
        json!([{ "reason": "SERVICE_DISABLED", "metadata": { "service": "secretmanager.googleapis.com" } }]);
    let denied = json!([{ "reason": "IAM_PERMISSION_DENIED", "metadata": { "permission": "secretmanager.secrets.list" } }]);
    for (details, says, hint) in [
        (disabled, "is not switched on", "gcloud services enable secretmanager.googleapis.com"),
        (denied, "lacks secretmanager.secrets.list", "a role that holds secretmanager.secrets.list"),
        (json!([]), "secretmanager.secrets.list is not allowed", "role"),
    ] {
        let cx = Scripted::answering([refusal_with(403, "PERMISSION_DENIED", &details)]).context();
        let error = StoredSecret::list(&session(), &call(&cx)).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains(says), "{error}");
        assert!(error.hint().is_some_and(|it| it.contains(hint)), "{error:?}");
        assert_silent(&error);
    }
}

/// S20: one call asks for what the access level needs, and names what is missing.
#[tokio::test]
async fn s20_missing_permissions_are_named() {
    let access = "secretmanager.versions.access";
    for (level, needed) in [(Access::Read, 1), (Access::Write, 2), (Access::Admin, 4)] {
        let all: Vec<_> = StoredSecret::permissions(level)
            .into_iter()
            .filter(|it| *it != "secretmanager.secrets.list")
            .collect();
        assert_eq!(all.len(), needed);
        let granted = |all: &[&str]| json_answer(200, &json!({ "permissions": all }));
        let world =
            Scripted::answering([granted(&all), granted(&all[1..]), refusal(404, "NOT_FOUND"), forbidden()]);
        let cx = world.context();
        let reach = async || stored(ID).reach(&Wanted::new(level), &session(), &call(&cx)).await;
        reach().await.expect("all of them");
        let error = reach().await.expect_err("one is missing");
        assert_eq!(error.kind(), ErrorKind::Refused);
        let text = error.to_string();
        assert!(text.contains(&format!("secret `{ID}` is not reached")) && text.contains(access), "{text}");
        assert!(!all[1..].iter().any(|it| text.contains(it)), "what is there is not missing: {text}");
        let error = reach().await.expect_err("not there");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains(ID), "{error}");
        let error = reach().await.expect_err("not allowed");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_silent(&error);
        let url = format!("https://secretmanager.googleapis.com/v1/{ID}:testIamPermissions");
        assert_eq!(world.lines()[0], format!("POST {url}"));
        let body: Value = serde_json::from_str(&world.bodies()[0]).expect("JSON");
        assert_eq!(body, json!({ "permissions": all }));
    }
}

/// S34: a token for a secret may do all that its account may, and says so; it ends with its session.
#[tokio::test]
async fn s34_a_token_for_a_secret_is_not_narrowed_and_says_so() {
    let cx = Context::detached(VirtualClock::default());
    let handle = connector(cx.clone()).resource::<StoredSecret>("db-password").await.expect("a handle");
    let issued = handle.issue().await.expect("a credential");
    assert_eq!(issued.credential.access_token.expose(), "hunter2-0");
    assert_eq!(issued.expiry.left(cx.now()), Some(Duration::from_secs(3600)));
    assert!(
        matches!(issued.narrowing(), Narrowed::No(why) if why.contains("Cloud Storage alone")),
        "{issued:?}"
    );
    assert_eq!(stored(ID).narrowing(&Wanted::new(Access::Read)).expect("nothing to say"), None);
    assert!(
        stored(ID).narrowing(&Wanted::new(Access::Read).with_within("a")).is_err(),
        "a secret has no parts"
    );
    assert!(stored(ID).carried(&Wanted::new(Access::Read)).is_empty());
}

fn accessed(data: &[u8]) -> Response {
    let payload = json!({ "data": STANDARD.encode(data), "dataCrc32c": "0" });
    json_answer(
        200,
        &json!({ "name": "projects/123456789012/secrets/db-password/versions/7", "payload": payload }),
    )
}

async fn reader(world: &Scripted, clock: VirtualClock) -> SecretReader {
    let cx = Context::detached(clock).with_http(world.clone());
    let handle = connector(cx).resource::<StoredSecret>(ID).await.expect("a handle");
    handle.client::<SecretReader>().await.expect("a reader")
}

/// S64: a secret is read with a credential for it, shows nowhere else, and is read anew with the next credential.
#[tokio::test]
async fn s64_a_secret_is_read_by_its_own_credential() {
    let world = Scripted::answering([accessed(b"hunter2"), accessed("pässword\n".as_bytes()), accessed(b"")]);
    let clock = VirtualClock::default();
    let reader = reader(&world, clock.clone()).await;
    let secret = reader.read().await.expect("the value");
    assert_eq!(secret.expose(), "hunter2");
    assert!(!format!("{reader:?}{secret:?}").contains("hunter2"));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(reader.read().await.expect("the value").expose(), "pässword\n", "byte for byte");
    assert_eq!(reader.read().await.expect("the value").expose(), "", "an empty one is a value, too");
    let url = format!("https://secretmanager.googleapis.com/v1/{ID}/versions/latest:access");
    assert_eq!(world.lines(), vec![format!("GET {url}"); 3]);
    let bearers: Vec<_> = world
        .sent()
        .iter()
        .flat_map(|it| it.headers().to_vec())
        .filter(|(name, _)| name == "authorization")
        .map(|(_, value)| value)
        .collect();
    assert_eq!(bearers, ["Bearer hunter2-0", "Bearer hunter2-1", "Bearer hunter2-1"]);
}

/// S64: what is no text is not printed, and what stands in the way is said; a value shows in neither.
#[tokio::test]
async fn s64_what_cannot_be_read_says_why() {
    let named = |payload: Value| json_answer(200, &json!({ "payload": payload }));
    for (answer, kind, says) in [
        (accessed(b"hunter2\xff"), ErrorKind::Refused, "is no text"),
        (named(json!({ "data": "hunter2!" })), ErrorKind::Unreachable, "secretmanager.versions.access"),
        (json_answer(200, &json!({ "hunter2": 1 })), ErrorKind::Unreachable, "secretmanager.versions.access"),
        (refusal(404, "NOT_FOUND"), ErrorKind::NotFound, "there is no secret"),
        (forbidden(), ErrorKind::Refused, "is not reached"),
        // A version that is disabled.
        (refusal(400, "FAILED_PRECONDITION"), ErrorKind::InvalidInput, "secretmanager.versions.access"),
    ] {
        let world = Scripted::answering([answer]);
        let error = reader(&world, VirtualClock::default()).await.read().await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_silent(&error);
    }
    let world = Scripted::answering([named(json!({}))]);
    let secret = reader(&world, VirtualClock::default()).await.read().await.expect("an empty value");
    assert_eq!(secret.expose(), "", "JSON of Google's leaves empty fields out");
}
