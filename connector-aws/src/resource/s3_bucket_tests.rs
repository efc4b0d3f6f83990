//! Tests of `s3-bucket`.

use connector_conformance::ids::{Found, check_accepted, check_refused, check_total, exact, part, partial};
use connector_core::{Access, ErrorKind, ResourceType, Wanted};

use super::S3Bucket;
use crate::names::Partition;
use crate::resource::testing::{answer, answering, call, sent, session, session_at, session_in};
use crate::testing::assert_silent;

fn bucket(text: &str) -> S3Bucket {
    match S3Bucket::parse(text) {
        Ok(connector_core::Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

fn read() -> Wanted {
    Wanted::new(Access::Read)
}

fn behind_arn(text: &str, part: &str) -> Found {
    Found::Partial(text.to_owned(), Some(part.to_owned()))
}

/// S17: every form of one bucket becomes `s3://{bucket}`.
#[test]
fn s17_accepted_forms() {
    check_accepted::<S3Bucket>(&[
        ("s3://zenfiles", exact("s3://zenfiles"), "canonical"),
        ("zenfiles", exact("s3://zenfiles"), "the name alone"),
        (
            "arn:aws:s3:::zenfiles",
            partial("arn:aws:s3:::zenfiles"),
            "an ARN says a partition: the session has to agree",
        ),
        ("s3://zenfiles/", exact("s3://zenfiles"), "a slash names no part"),
        ("s3://zenfiles/a/b", part("s3://zenfiles", "a/b"), "a path is the part"),
        ("s3://zenfiles/a/b/", part("s3://zenfiles", "a/b/"), "what lies under it alone"),
        ("arn:aws:s3:::zenfiles/a", behind_arn("arn:aws:s3:::zenfiles/a", "a"), "a path behind an ARN"),
        ("arn:aws:s3:::zenfiles/*", partial("arn:aws:s3:::zenfiles/*"), "as policies name all keys"),
        (
            "arn:aws:s3:::zenfiles/a/*",
            behind_arn("arn:aws:s3:::zenfiles/a/*", "a/"),
            "as policies name a prefix",
        ),
        ("arn:aws-cn:s3:::zenfiles/a", behind_arn("arn:aws-cn:s3:::zenfiles/a", "a"), "another partition"),
        ("arn:aws-us-gov:s3:::zenfiles", partial("arn:aws-us-gov:s3:::zenfiles"), "another partition"),
        ("my.bucket-1", exact("s3://my.bucket-1"), "dots are allowed"),
    ]);
}

/// S17: anything else is a validation error.
#[test]
fn s17_refused_forms() {
    check_refused::<S3Bucket>(&[
        ("", "bucket name", "nothing"),
        ("BAD_Bucket!", "bucket name", "upper case and underscore"),
        ("a..b", "bucket name", "two dots"),
        ("s3://a..b/x", "bucket name", "two dots behind s3://"),
        ("192.168.5.4", "bucket name", "shaped like an address"),
        ("arn:aws:s3:::192.168.5.4", "bucket name", "shaped like an address in an ARN"),
        ("Zenfiles", "bucket name", "upper case"),
        ("zenfiles\n", "bucket name", "a control character"),
        ("arn:aws:s3:::zenfiles\0", "control characters", "a control character in an ARN"),
        ("s3://", "bucket name", "no name"),
        ("s3:///a", "bucket name", "no name before the path"),
        ("S3://zenfiles", "s3://", "the scheme is written small"),
        ("zenfiles/a", "s3://", "a path without the scheme"),
        ("s3://zenfiles//a", "slash", "a key that begins with a slash"),
        ("s3://zenfiles/a/../b", "..", "a path that some clients resolve"),
        ("https://zenfiles.s3.amazonaws.com", "s3://", "a URL of the API"),
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/ap", "access point", "no bucket"),
        ("arn:aws:sqs:::zenfiles", "another service", "a queue"),
        ("arn:aws-mars:s3:::zenfiles", "partition", "a partition that does not exist"),
        ("arn:gcp:s3:::zenfiles", "partition", "another cloud"),
        ("arn:aws:s3:::", "no resource", "an ARN of nothing"),
        ("abc-s3alias", "bucket name", "an access point's alias"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<S3Bucket>(&[
        "zenfiles",
        "s3://zenfiles",
        "s3://zenfiles/a/b",
        "arn:aws:s3:::zenfiles",
        "arn:aws-cn:s3:::zenfiles/a/*",
    ]);
}

/// S17: an ARN of another partition than the connector's is refused, whichever of them is the unusual one.
#[tokio::test]
async fn s17_another_partition_is_refused_without_a_call() {
    let world = answering([]);
    let cx = world.context();
    for (text, region, other) in [
        ("arn:aws-cn:s3:::zenfiles", "cn-north-1", "eu-west-1"),
        ("arn:aws:s3:::zenfiles", "eu-west-1", "cn-north-1"),
        ("arn:aws-us-gov:s3:::zenfiles/a/*", "us-gov-west-1", "eu-west-1"),
    ] {
        let found = S3Bucket::resolve(text, &session_in(region), &call(&cx)).await.expect("its own");
        assert_eq!(found.id(), "s3://zenfiles");
        let error = S3Bucket::resolve(text, &session_in(other), &call(&cx)).await.expect_err("another one");
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
    assert_eq!(sent(&world), [""; 0]);
}

/// S34: the policy names the bucket; with a part, the keys under it and nothing beside them.
#[test]
fn s34_the_narrowing_names_the_bucket_and_the_part() {
    let policy = |wanted: &Wanted| {
        let narrowing = bucket("zenfiles").narrowing(wanted).expect("sayable").expect("a narrowing");
        narrowing.policy(Partition::Aws).expect("a policy").to_json()
    };
    let whole = policy(&read());
    assert!(whole.contains(r#""arn:aws:s3:::zenfiles/*""#) && !whole.contains("PutObject"), "{whole}");
    let part = policy(&Wanted::new(Access::Write).with_within("a"));
    assert!(part.contains(r#""arn:aws:s3:::zenfiles/a/*""#) && part.contains("PutObject"), "{part}");
    assert!(part.contains(r#""s3:prefix":"a/*""#) && !part.contains(r#"zenfiles/*""#), "{part}");
}

#[test]
fn a_part_that_cannot_be_is_refused_before_any_call() {
    for (wanted, field) in [
        (read().with_within("/a"), "within"),
        (read().with_within("a/../b"), "within"),
        (Wanted::new(Access::Admin).with_within("a"), "access"),
    ] {
        let error = bucket("zenfiles").narrowing(&wanted).expect_err("impossible");
        assert_eq!(error.field_problems()[0].field, field);
    }
}

fn page(names: &[&str], next: Option<&str>) -> connector_core::Response {
    let buckets: String = names.iter().map(|it| format!("<Bucket><Name>{it}</Name></Bucket>")).collect();
    let next = next.map(|it| format!("<ContinuationToken>{it}</ContinuationToken>")).unwrap_or_default();
    let body = format!("<ListAllMyBucketsResult><Buckets>{buckets}</Buckets>{next}</ListAllMyBucketsResult>");
    answer(200, &[], &body)
}

/// S15: listing goes on to the last page.
#[tokio::test]
async fn s15_listing_pages_to_the_end() {
    let world = answering([page(&["two", "one"], Some("next+1")), page(&["Old_Name", "three"], None)]);
    let cx = world.context();
    let listing = S3Bucket::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, ["s3://one", "s3://three", "s3://two"]);
    let sent = sent(&world);
    assert_eq!(sent.len(), 2);
    assert!(
        sent[0].starts_with("GET https://s3.eu-west-1.amazonaws.com/?")
            && sent[0].contains("max-buckets=1000")
    );
    assert!(sent[1].contains("continuation-token=next%2B1"), "{}", sent[1]);
}

/// What verifying would refuse is not offered, and is told of.
#[tokio::test]
async fn buckets_of_other_regions_are_counted_and_not_listed() {
    let bucket = |name: &str, region: &str| {
        format!("<Bucket><Name>{name}</Name><BucketRegion>{region}</BucketRegion></Bucket>")
    };
    let buckets =
        [bucket("here", "eu-west-1"), bucket("far", "us-east-1"), bucket("away", "us-east-1")].concat();
    let body = format!("<ListAllMyBucketsResult><Buckets>{buckets}</Buckets></ListAllMyBucketsResult>");
    let cx = answering([answer(200, &[], &body)]).context();
    let listing = S3Bucket::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, ["s3://here"]);
    assert!(listing.notes[0].contains("than eu-west-1") && listing.notes[0].ends_with(": 2"), "{listing:?}");
}

/// S27: not being allowed to list is told apart from there being nothing.
#[tokio::test]
async fn s27_a_listing_that_is_not_allowed_says_so() {
    let body = "<Error><Code>AccessDenied</Code><Message>hunter2</Message></Error>";
    let cx = answering([answer(403, &[], body)]).context();
    let error = S3Bucket::list(&session(), &call(&cx)).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("s3:ListBuckets"), "{error}");
    assert!(
        error.to_string().contains("s3:ListAllMyBuckets is missing"),
        "the action has another name: {error}"
    );
    assert_silent(&error);
}

/// S20: one call tells whether a bucket is reached, and each answer has its meaning.
#[tokio::test]
async fn s20_head_bucket_tells_why() {
    let here: &[(&str, &str)] = &[("x-amz-bucket-region", "eu-west-1")];
    let there: &[(&str, &str)] = &[("x-amz-bucket-region", "us-west-2")];
    let strange: &[(&str, &str)] = &[("x-amz-bucket-region", "hunter2 <b>")];
    for (status, headers, expected) in [
        (200, here, None),
        (200, &[], None),
        (
            200,
            there,
            Some((
                ErrorKind::InvalidInput,
                "`zenfiles` is in region us-west-2, the connector is for eu-west-1",
            )),
        ),
        (301, there, Some((ErrorKind::InvalidInput, "is in region us-west-2"))),
        (400, there, Some((ErrorKind::InvalidInput, "is in region us-west-2"))),
        (403, there, Some((ErrorKind::InvalidInput, "is in region us-west-2"))),
        (301, strange, Some((ErrorKind::InvalidInput, "is in another region"))),
        (403, here, Some((ErrorKind::Refused, "`zenfiles` is not reached"))),
        (403, &[], Some((ErrorKind::Refused, "s3:HeadBucket"))),
        (404, &[], Some((ErrorKind::NotFound, "there is no bucket `zenfiles`"))),
        (418, &[], Some((ErrorKind::Unreachable, "s3:HeadBucket"))),
    ] {
        let world = answering([answer(status, headers, "")]);
        let cx = world.context();
        let reached = bucket("zenfiles").reach(&read(), &session(), &call(&cx)).await;
        assert_eq!(sent(&world), ["HEAD https://zenfiles.s3.eu-west-1.amazonaws.com/"], "{status}");
        match (reached, expected) {
            (Ok(()), None) => {}
            (Err(error), Some((kind, says))) => {
                assert_eq!(error.kind(), kind, "{status}: {error}");
                assert!(error.to_string().contains(says), "{status}: {error}");
                assert_silent(&error);
            }
            (reached, expected) => panic!("{status}: {reached:?} instead of {expected:?}"),
        }
    }
}

/// S19: the hint names the region to use.
#[tokio::test]
async fn s19_a_bucket_elsewhere_names_its_region() {
    let cx = answering([answer(301, &[("x-amz-bucket-region", "us-west-2")], "")]).context();
    let error = bucket("zenfiles").reach(&read(), &session(), &call(&cx)).await.expect_err("elsewhere");
    assert_eq!(error.hint(), Some("use a connector with region=us-west-2"));
}

/// A session for a part may list that part only, so that is what is asked.
#[tokio::test]
async fn s20_a_part_is_looked_at_by_its_prefix() {
    let world = answering([
        answer(200, &[], "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"),
        answer(404, &[], "<Error><Code>NoSuchBucket</Code></Error>"),
    ]);
    let cx = world.context();
    let wanted = read().with_within("a b");
    let session = session_at("http://127.0.0.1:9000");
    bucket("zenfiles")
        .reach(&wanted, &session, &call(&cx))
        .await
        .expect("reached, though nothing is there yet");
    let error = bucket("zenfiles").reach(&wanted, &session, &call(&cx)).await.expect_err("no bucket");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let sent = sent(&world);
    assert!(sent[0].starts_with("GET http://127.0.0.1:9000/zenfiles/?list-type=2"), "{}", sent[0]);
    assert!(sent[0].contains("max-keys=1") && sent[0].contains("prefix=a%20b%2F"), "{}", sent[0]);
}

/// S33: issuing makes no call of its own.
#[tokio::test]
async fn s33_issuing_hands_the_session_on() {
    let world = answering([]);
    let cx = world.context();
    let issued = bucket("zenfiles").issue(&read(), &session(), &call(&cx)).await.expect("a credential");
    assert_eq!(issued.credential.access_key_id.expose(), "ASIAEXAMPLE");
    assert_eq!((issued.narrowed, issued.long_lived), (None, false));
    let mut stored = session();
    stored.long_lived = true;
    assert!(bucket("zenfiles").issue(&read(), &stored, &call(&cx)).await.expect("a credential").long_lived);
    assert_eq!(sent(&world), [""; 0]);
}

/// S5: the permissions of the catalogue, at each level.
#[test]
fn s5_permissions_grow_with_the_level() {
    let [read, write, admin] = Access::ALL.map(S3Bucket::permissions);
    for action in ["s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetObject"] {
        assert!(read.contains(&action), "{action}");
    }
    assert!(!read.contains(&"s3:PutObject"));
    assert!(write.contains(&"s3:PutObject") && write.contains(&"s3:DeleteObject"));
    assert!(write.iter().all(|it| admin.contains(it)) && admin.len() > write.len());
}
