//! A narrowed token reaches what was asked for and nothing beside it: the strict server enforces the boundary, and the
//! crate's own evaluator foretells each answer.

use connector_core::{Access, Context, Grant, KeyPrefix, Request};
use connectors::gcp::boundary::{self, Boundary};
use connectors::gcp::names::BucketName;
use connectors::gcp::resource::GcsBucket;

use super::Setting;

/// One thing to try: a permission, the request that needs it, and what the evaluator is asked.
struct Try {
    permission: &'static str,
    bucket: &'static str,
    object: Option<&'static str>,
    list_prefix: &'static str,
}

const fn of_object(permission: &'static str, bucket: &'static str, object: &'static str) -> Try {
    Try { permission, bucket, object: Some(object), list_prefix: "" }
}

const fn list(bucket: &'static str, prefix: &'static str) -> Try {
    Try { permission: "storage.objects.list", bucket, object: None, list_prefix: prefix }
}

const TRIES: [Try; 17] = [
    of_object("storage.objects.get", "data", "a/1.txt"),
    of_object("storage.objects.get", "data", "ab/2.txt"),
    of_object("storage.objects.get", "data", "a"),
    of_object("storage.objects.get", "data", "b/4.txt"),
    of_object("storage.objects.get", "data2", "a/1.txt"),
    of_object("storage.objects.create", "data", "a/new"),
    of_object("storage.objects.create", "data", "ab/new"),
    of_object("storage.objects.create", "data2", "a/new"),
    of_object("storage.objects.delete", "data", "a/new"),
    of_object("storage.objects.delete", "data", "b/4.txt"),
    list("data", ""),
    list("data", "a/"),
    list("data", "a"),
    list("data", "ab/"),
    list("data2", "a/"),
    Try { permission: "storage.buckets.get", bucket: "data", object: None, list_prefix: "" },
    Try { permission: "storage.buckets.get", bucket: "data2", object: None, list_prefix: "" },
];

impl Try {
    fn request(&self, url: &str) -> Request {
        let escaped = self.object.unwrap_or_default().replace('/', "%2F");
        let bucket = format!("{url}/storage/v1/b/{}", self.bucket);
        match self.permission {
            "storage.objects.get" => Request::get(format!("{bucket}/o/{escaped}?alt=media")),
            "storage.objects.create" => {
                let upload =
                    format!("{url}/upload/storage/v1/b/{}/o?uploadType=media&name={escaped}", self.bucket);
                Request::new("POST", upload).with_header("content-type", "text/plain").with_body("new")
            }
            "storage.objects.delete" => Request::new("DELETE", format!("{bucket}/o/{escaped}")),
            "storage.objects.list" => {
                Request::get(format!("{bucket}/o?prefix={}", self.list_prefix.replace('/', "%2F")))
            }
            _ => Request::get(bucket),
        }
    }

    /// Whether the server lets the token do it. What is not there was let through.
    async fn is_let(&self, cx: &Context, url: &str, token: &str) -> bool {
        let request = self.request(url).with_header("authorization", format!("Bearer {token}"));
        let answer = cx.send(request).await.expect("an answer");
        match answer.status() {
            200..=204 | 404 => true,
            403 => false,
            other => panic!("{} on {}: status {other}", self.permission, self.bucket),
        }
    }
}

/// S34, C24: the proof of narrowing, for each access level, for a bucket and for a part of it that is an object too.
#[tokio::test(flavor = "multi_thread")]
async fn s34_c24_a_narrowed_token_is_let_do_what_the_evaluator_says() {
    let setting = Setting::new();
    let (cx, url) = (setting.context(), setting.google.url());
    let connector = setting.connector();
    let mut seen = std::collections::BTreeSet::new();
    for access in [Access::Read, Access::Write, Access::Admin] {
        for within in [None, Some("a"), Some("a/")] {
            let mut grant = Grant::new("gcs-bucket", "gs://data").with_access(access);
            grant.within = within.map(str::to_owned);
            let handle = connector.resource::<GcsBucket>(grant).await.expect("a complete id");
            let issued = handle.issue().await.expect("a token");
            assert!(issued.narrowing().is_narrowed());
            let token = issued.credential.access_token.expose();
            assert!(setting.google.is_narrowed(token));
            let part = within.map(|it| KeyPrefix::parse(it).expect("a part"));
            let boundary = Boundary::new(BucketName::parse("data").expect("a name"), part, access);
            for attempt in &TRIES {
                let foretold = boundary.allows(boundary::Request {
                    permission: attempt.permission,
                    bucket: attempt.bucket,
                    object: attempt.object,
                    list_prefix: attempt.list_prefix,
                });
                let foretold = foretold.expect("a boundary that is understood");
                let is_let = attempt.is_let(&cx, &url, token).await;
                let Try { permission, bucket, object, list_prefix } = attempt;
                let what = format!("{access} {within:?}: {permission} {bucket} {object:?} {list_prefix:?}");
                assert_eq!(is_let, foretold, "{what}");
                assert!(!(foretold && *bucket == "data2"), "nothing of the other bucket: {what}");
                seen.insert((access, within, is_let));
            }
        }
    }
    assert_eq!(seen.len(), 18, "each cell has something that is let through and something that is not");
}

/// Verifying a part asks no more than a token for the part may, and a bucket without uniform access is told.
#[tokio::test(flavor = "multi_thread")]
async fn verifying_names_what_is_in_the_way() {
    let setting = Setting::new();
    let connector = setting.connector();
    let reach =
        async |grant: Grant| connector.resource::<GcsBucket>(grant).await.expect("an id").reach().await;
    reach(Grant::new("gcs-bucket", "gs://data")).await.expect("reached");
    reach(Grant::new("gcs-bucket", "gs://data/a/")).await.expect("a part is reached");
    let error = reach(Grant::new("gcs-bucket", "gs://nowhere")).await.expect_err("not there");
    assert!(error.to_string().contains("nowhere"), "{error}");
    setting.google.allow_object_rules("data2");
    let error = reach(Grant::new("gcs-bucket", "gs://data2")).await.expect_err("no uniform access");
    assert!(error.hint().is_some_and(|it| it.contains("uniform bucket-level access")), "{error:?}");
    setting.google.take_back(&setting.robot, "roles/storage.admin", super::WHOLE);
    setting.google.grant(&setting.robot, "roles/storage.objectViewer", super::WHOLE);
    let error = reach(Grant::new("gcs-bucket", "gs://data").with_access(Access::Write))
        .await
        .expect_err("reads only");
    assert!(error.causes().iter().any(|it| it.contains("storage.objects.create")), "{error:?}");
}
