//! Tests of `gcs-bucket`.

use std::time::Duration;

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, part};
use connector_conformance::{Scripted, assert_silent, json_answer};
use connector_core::{Access, ErrorKind, Narrowed, Parsed, ResourceType, Response, VirtualClock, Wanted};
use serde_json::{Value, json};

use super::GcsBucket;
use crate::resource::testing::{call, connector, forbidden, refusal, refusal_with, session, session_of};

fn bucket(text: &str) -> GcsBucket {
    match GcsBucket::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

fn read() -> Wanted {
    Wanted::new(Access::Read)
}

/// S17: every form of one bucket becomes `gs://{bucket}`.
#[test]
fn s17_accepted_forms() {
    let longest = "a".repeat(63);
    let dotted = [longest.as_str(), &longest, &longest, "a.example.com.of.a.very.long"].join(".");
    check_accepted::<GcsBucket>(&[
        ("gs://zenfiles", exact("gs://zenfiles"), "canonical"),
        ("zenfiles", exact("gs://zenfiles"), "the name alone"),
        ("gs://zenfiles/", exact("gs://zenfiles"), "a slash names no part"),
        ("gs://zenfiles/a/b", part("gs://zenfiles", "a/b"), "a path is the part"),
        ("gs://zenfiles/a/b/", part("gs://zenfiles", "a/b/"), "what lies under it alone"),
        ("gs://zenfiles/日本", part("gs://zenfiles", "日本"), "objects have names in every script"),
        ("files.example.com", exact("gs://files.example.com"), "a domain"),
        ("my_bucket-1", exact("gs://my_bucket-1"), "underscores are allowed here"),
        ("123", exact("gs://123"), "digits alone"),
        (&longest, exact(&format!("gs://{longest}")), "63 characters"),
        (&dotted, exact(&format!("gs://{dotted}")), "222 at most with dots"),
    ]);
    assert!(dotted.len() <= 222 && dotted.len() > 215, "{}", dotted.len());
}

/// S17: anything else is a validation error that says which rule is broken.
#[test]
fn s17_refused_forms() {
    let long = "a".repeat(64);
    check_refused::<GcsBucket>(&[
        ("", "3 characters at least", "nothing"),
        ("ab", "3 characters at least", "two characters"),
        (&long, "63 characters at most", "64 characters"),
        (&format!("{long}.com"), "between its dots", "64 characters before a dot"),
        (&["abc"; 60].join("."), "222 with dots", "too long with dots"),
        ("Zenfiles", "no upper-case", "upper case"),
        ("zen files", "alone", "a blank"),
        ("zenfiles\n", "alone", "a control character"),
        ("zenfiles\0", "alone", "another one"),
        ("zénfiles", "alone", "a letter of another alphabet"),
        ("-zenfiles", "begins and ends", "a hyphen in front"),
        ("zenfiles_", "begins and ends", "an underscore behind"),
        ("a..b", "between its dots", "two dots"),
        ("gs://a..b/x", "between its dots", "two dots behind gs://"),
        ("192.168.5.4", "not an IP address", "shaped like an address"),
        ("google-files", "begin with `goog`", "a name that Google keeps"),
        ("gs://", "3 characters at least", "no name"),
        ("gs:///a", "3 characters at least", "no name before the path"),
        ("GS://zenfiles", "gs://", "the scheme is written small"),
        ("s3://zenfiles", "gs://", "another cloud"),
        ("zenfiles/a", "gs://", "a path without the scheme"),
        ("gs://zenfiles//a", "slash", "an object that begins with a slash"),
        ("gs://zenfiles/a/../b", "..", "a path that some clients resolve"),
        ("gs://zenfiles/a\nb", "control characters", "a control character in the path"),
        ("https://storage.googleapis.com/zenfiles", "gs://", "a URL of the API"),
        ("//storage.googleapis.com/projects/_/buckets/zenfiles", "gs://", "IAM's own name"),
        ("projects/_/buckets/zenfiles", "gs://", "the name of the new API"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<GcsBucket>(&[
        "zenfiles",
        "gs://zenfiles",
        "gs://zenfiles/a/b",
        "gs://files.example.com/a/",
    ]);
}

/// S34: the boundary names the bucket, with a part its objects, and the roles of what is asked.
#[test]
fn s34_the_narrowing_names_the_bucket_and_the_part() {
    let options = |wanted: &Wanted| {
        let narrowing = bucket("zenfiles").narrowing(wanted).expect("sayable").expect("a narrowing");
        narrowing.boundary().to_json()
    };
    let whole = options(&read());
    assert!(whole.contains(r#""//storage.googleapis.com/projects/_/buckets/zenfiles""#), "{whole}");
    assert!(
        whole.contains("roles/storage.objectViewer") && !whole.contains("availabilityCondition"),
        "{whole}"
    );
    let part = options(&Wanted::new(Access::Write).with_within("a"));
    assert!(
        part.contains("roles/storage.objectUser") && part.contains("buckets/zenfiles/objects/a/"),
        "{part}"
    );
    for within in ["/a", "a/../b", "", "a\nb"] {
        let error = bucket("zenfiles").narrowing(&read().with_within(within)).expect_err(within);
        assert_eq!(error.field_problems()[0].field, "within");
    }
}

/// S35: what a token carries and what is kept from it are all that the access level needs, and told apart.
#[test]
fn s35_what_is_carried_and_withheld_is_told() {
    let bucket = bucket("zenfiles");
    for access in [Access::Read, Access::Write, Access::Admin] {
        for within in [None, Some("a/")] {
            let wanted = within.map_or(Wanted::new(access), |it| Wanted::new(access).with_within(it));
            let carried = bucket.carried(&wanted);
            let withheld: Vec<_> =
                bucket.withheld(&wanted).iter().flat_map(|it| it.actions.clone()).collect();
            for permission in GcsBucket::permissions(access) {
                let (one, other) = (carried.contains(&permission), withheld.contains(&permission));
                assert!(one != other, "{access:?} {within:?}: {permission} is either carried or withheld");
            }
            assert!(withheld.contains(&"storage.buckets.list"), "listing tells of other buckets");
            let of_bucket = carried.iter().any(|it| it.starts_with("storage.buckets."));
            assert_eq!(of_bucket, within.is_none(), "{access:?} {within:?}: {carried:?}");
            let writes = carried.contains(&"storage.objects.create");
            assert_eq!(writes, access >= Access::Write, "{access:?}");
        }
    }
    let admin = GcsBucket::permissions(Access::Admin);
    for access in [Access::Read, Access::Write] {
        assert!(
            GcsBucket::permissions(access).iter().all(|it| admin.contains(it)),
            "levels include each other"
        );
    }
}

fn page(names: &[&str], next: Option<&str>) -> Response {
    let items: Vec<_> = names.iter().map(|it| json!({ "name": it })).collect();
    let mut page = json!({ "items": items });
    if let Some(next) = next {
        page["nextPageToken"] = next.into();
    }
    json_answer(200, &page)
}

/// S15: listing goes on to the last page, and what cannot be asked for is left out.
#[tokio::test]
async fn s15_listing_pages_to_the_end() {
    let pages =
        [page(&["two", "one"], Some("next+1")), page(&["Old_NAME", "three"], Some("n2")), page(&[], None)];
    let world = Scripted::answering(pages);
    let cx = world.context();
    let listing = GcsBucket::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, ["gs://one", "gs://three", "gs://two"]);
    assert!(listing.failures.is_empty());
    let usual = "GET https://storage.googleapis.com/storage/v1/b?project=my-project&maxResults=1000\
                 &fields=items%28name%29%2CnextPageToken";
    assert_eq!(
        world.lines(),
        [usual, &format!("{usual}&pageToken=next%2B1"), &format!("{usual}&pageToken=n2")]
    );
    let sent = world.sent();
    assert!(sent.iter().all(|it| !it.url().contains("hunter2")));
    let bearer =
        sent[0].headers().iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
    assert_eq!(bearer, Some("Bearer hunter2-token"));
}

/// S15: a project without buckets answers with nothing at all, which is a list, too.
#[tokio::test]
async fn s15_an_empty_project_has_an_empty_list() {
    let cx = Scripted::answering([json_answer(200, &json!({}))]).context();
    assert!(GcsBucket::list(&session(), &call(&cx)).await.expect("a listing").ids.is_empty());
    let cx = Scripted::answering([page(&["one"], Some(""))]).context();
    assert_eq!(GcsBucket::list(&session(), &call(&cx)).await.expect("a listing").ids, ["gs://one"]);
}

/// C28: a list that gives the same page again and again is given up at once, and one without an end after all.
#[tokio::test]
async fn c28_an_endless_list_is_given_up() {
    let world = Scripted::answering((0..9).map(|_| page(&["one"], Some("same"))));
    let error = GcsBucket::list(&session(), &call(&world.context())).await.expect_err("the same page");
    assert_eq!((error.kind(), error.is_transient(), world.sent().len()), (ErrorKind::Unreachable, false, 2));
    assert!(error.message().contains("storage.buckets.list"), "{error}");

    let world = Scripted::answering((0..=5000).map(|at| page(&[], Some(&at.to_string()))));
    let error = GcsBucket::list(&session(), &call(&world.context())).await.expect_err("no end");
    assert!(error.message().contains("does not come to an end") && !error.is_transient(), "{error}");
    assert_eq!(world.sent().len(), 5001);
}

/// S27: not being allowed to list is told apart from there being nothing.
#[tokio::test]
async fn s27_a_listing_that_is_not_allowed_says_so() {
    let cx = Scripted::answering([forbidden()]).context();
    let error = GcsBucket::list(&session(), &call(&cx)).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("storage.buckets.list"), "{error}");
    assert_silent(&error);

    let world = Scripted::new();
    let error = GcsBucket::list(&session_of(None), &call(&world.context())).await.expect_err("of no project");
    assert_eq!(error.field_problems()[0].field, "project_id");
    assert!(world.sent().is_empty(), "nothing is asked without a project");
}

fn granted(permissions: &[&str]) -> Response {
    json_answer(200, &json!({ "kind": "storage#testIamPermissionsResponse", "permissions": permissions }))
}

/// S20: one call asks for what the access level needs, and names what is missing.
#[tokio::test]
async fn s20_missing_permissions_are_named() {
    let all = [
        "storage.objects.get",
        "storage.objects.list",
        "storage.objects.create",
        "storage.objects.delete",
        "storage.buckets.update",
    ];
    for (access, needed) in [(Access::Read, 2), (Access::Write, 4), (Access::Admin, 5)] {
        let world = Scripted::answering([granted(&all[..needed]), granted(&all[1..needed]), granted(&[])]);
        let cx = world.context();
        let reach = async || bucket("zenfiles").reach(&Wanted::new(access), &session(), &call(&cx)).await;
        reach().await.expect("all of them");
        let error = reach().await.expect_err("one is missing");
        assert_eq!(error.kind(), ErrorKind::Refused);
        let text = error.to_string();
        assert!(
            text.contains("`zenfiles` is not reached") && text.contains("lacks storage.objects.get"),
            "{text}"
        );
        assert!(!text.contains("storage.objects.list"), "what is there is not missing: {text}");
        assert!(error.hint().is_some_and(|it| it.contains("uniform bucket-level access")), "{error:?}");
        let error = reach().await.expect_err("none").to_string();
        assert!(all[..needed].iter().all(|it| error.contains(it)), "{error}");
        let asked = all[..needed].join("&permissions=");
        let url = format!(
            "https://storage.googleapis.com/storage/v1/b/zenfiles/iam/testPermissions?permissions={asked}"
        );
        assert_eq!(world.lines()[0], format!("GET {url}"));
    }
    // The API answers a token without any of them with nothing.
    let cx = Scripted::answering([json_answer(200, &json!({}))]).context();
    assert!(bucket("zenfiles").reach(&read(), &session(), &call(&cx)).await.is_err());
}

/// S20: a token for a part can list that part, and be asked nothing else.
#[tokio::test]
async fn s20_a_part_is_reached_by_a_list_with_its_prefix() {
    for (within, prefix) in [("a/b", "a%2Fb%2F"), ("a/b/", "a%2Fb%2F"), ("日", "%E6%97%A5%2F")] {
        let world = Scripted::answering([json_answer(200, &json!({}))]);
        let cx = world.context();
        bucket("zenfiles").reach(&read().with_within(within), &session(), &call(&cx)).await.expect("reached");
        let url = format!(
            "https://storage.googleapis.com/storage/v1/b/zenfiles/o?prefix={prefix}&maxResults=1&fields=items%28name%29"
        );
        assert_eq!(world.lines(), [format!("GET {url}")]);
    }
    let cx = Scripted::answering([forbidden()]).context();
    let error =
        bucket("zenfiles").reach(&read().with_within("a"), &session(), &call(&cx)).await.expect_err("no");
    assert!(error.to_string().contains("storage.objects.list"), "{error}");
    assert_silent(&error);
    let world = Scripted::new();
    let error =
        bucket("zenfiles").reach(&read().with_within("/a"), &session(), &call(&world.context())).await;
    assert_eq!(error.expect_err("no part").field_problems()[0].field, "within");
    assert!(world.sent().is_empty());
}

/// S20: each answer has its meaning, and quotes nothing.
#[tokio::test]
async fn s20_why_a_bucket_is_not_reached() {
    for (answers, kind, says) in [
        (vec![refusal(404, "NOT_FOUND")], ErrorKind::NotFound, "there is no bucket `zenfiles`"),
        (vec![forbidden()], ErrorKind::Refused, "`zenfiles` is not reached"),
        (vec![refusal(401, "UNAUTHENTICATED")], ErrorKind::Refused, "the token is not taken"),
        (vec![refusal(400, "INVALID_ARGUMENT")], ErrorKind::InvalidInput, "not taken as it is asked"),
        (vec![refusal(503, "UNAVAILABLE"); 3], ErrorKind::Unreachable, "Google is in trouble"),
        (vec![json_answer(200, &Value::from("hunter2"))], ErrorKind::Unreachable, "not Google Cloud"),
        (
            vec![Response::new(200, vec![], b"<html>hunter2".to_vec())],
            ErrorKind::Unreachable,
            "not Google Cloud",
        ),
        (vec![Response::new(302, vec![], b"hunter2".to_vec())], ErrorKind::Unreachable, "which is not gone"),
    ] {
        let world = Scripted::answering(answers);
        let cx = world.context();
        let error = bucket("zenfiles").reach(&read(), &session(), &call(&cx)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(
            error.to_string().contains("storage.buckets.testIamPermissions") || kind == ErrorKind::NotFound
        );
        assert_silent(&error);
    }
}

/// S20: what helps is told: uniform access where a right is missing, and what Google says where it says more.
#[tokio::test]
async fn s20_uniform_access_is_hinted_at_for_plain_denials_only() {
    let detail =
        |reason: &str| json!([{ "reason": reason, "metadata": { "service": "storage.googleapis.com" } }]);
    for (answer, hint, uniform) in [
        (forbidden(), "gs://zenfiles", true),
        (refusal_with(403, "PERMISSION_DENIED", &detail("IAM_PERMISSION_DENIED")), "gs://zenfiles", true),
        (refusal(401, "UNAUTHENTICATED"), "verify the connector", false),
        (
            refusal_with(403, "PERMISSION_DENIED", &detail("SERVICE_DISABLED")),
            "gcloud services enable",
            false,
        ),
        (refusal_with(403, "PERMISSION_DENIED", &detail("BILLING_DISABLED")), "Billing", false),
        (
            refusal_with(403, "PERMISSION_DENIED", &detail("USER_PROJECT_DENIED")),
            "serviceUsageConsumer",
            false,
        ),
    ] {
        let cx = Scripted::answering([answer]).context();
        let error = bucket("zenfiles").reach(&read(), &session(), &call(&cx)).await.expect_err(hint);
        let told = error.hint().unwrap_or_default();
        assert!(told.contains(hint), "{error:?}");
        assert_eq!(told.contains("uniform bucket-level access"), uniform, "{error:?}");
    }
}

/// For a person's login, whose client decides where calls are counted, the way to say a project is told.
#[tokio::test]
async fn a_persons_calls_are_counted_for_a_project_of_theirs() {
    for reason in ["SERVICE_DISABLED", "USER_PROJECT_DENIED"] {
        for (account, hinted) in
            [(Some("me@example.org"), true), (None, true), (Some("x@p-12345.iam.gserviceaccount.com"), false)]
        {
            let answer = refusal_with(403, "PERMISSION_DENIED", &json!([{ "reason": reason }]));
            let cx = Scripted::answering([answer]).context();
            let mut session = session();
            session.account = account.map(str::to_owned);
            let error = bucket("zenfiles").reach(&read(), &session, &call(&cx)).await.expect_err(reason);
            let told =
                error.hint().is_some_and(|it| it.contains("for a person's login set `quota_project_id`"));
            assert_eq!(told, hinted, "{error:?}");
        }
    }
}

/// S19, S34: what is issued is the session's token, narrowed to the bucket, with the session's own end.
#[tokio::test]
async fn s34_what_is_issued_is_the_narrowed_session() {
    let clock = VirtualClock::default();
    let cx = connector_core::Context::detached(clock);
    let handle = connector(cx.clone()).resource::<GcsBucket>("gs://zenfiles/a").await.expect("a handle");
    assert_eq!(handle.wanted().within.as_deref(), Some("a"));
    let issued = handle.issue().await.expect("a credential");
    assert_eq!(issued.credential.access_token.expose(), "hunter2-0");
    assert_eq!(issued.credential.project_id.as_deref(), Some("my-project"));
    assert_eq!(issued.expiry.left(cx.now()), Some(Duration::from_secs(3600)), "the session's own end");
    assert!(matches!(issued.narrowing(), Narrowed::By(by) if by.contains("gs://zenfiles")), "{issued:?}");
    assert!(!format!("{issued:?}").contains("hunter2"));
}
