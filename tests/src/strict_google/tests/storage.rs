use serde_json::json;

use super::*;

const READ_ONLY: &str = "https://www.googleapis.com/auth/devstorage.read_only";
const READ_WRITE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

fn names(body: &Value, field: &str) -> Vec<String> {
    let all = body[field].as_array().cloned().unwrap_or_default();
    all.iter().map(|it| it["name"].as_str().or(it.as_str()).unwrap_or_default().to_owned()).collect()
}

#[test]
fn buckets_and_objects_are_listed_page_by_page() {
    let (server, token) = with_alice();
    server.grant(ALICE, "roles/storage.admin", WHOLE);
    server.add_project("elsewhere");
    server.add_bucket_in("elsewhere", "not-here", &[]);
    for name in ["data-1", "data-2", "other"] {
        server.add_bucket(name, &[]);
    }
    server.add_bucket("full", &[("a/1", ""), ("a/2", ""), ("b", ""), ("c/d/e", "")]);
    let list =
        |query: &str| get(&server, &format!("/storage/v1/b?project=strict-project{query}"), &token).good();
    assert_eq!(names(&list(""), "items"), ["data-1", "data-2", "full", "other"]);
    assert_eq!(names(&list("&prefix=data"), "items"), ["data-1", "data-2"]);
    let first = list("&maxResults=3");
    assert_eq!(names(&first, "items").len(), 3);
    let next = first["nextPageToken"].as_str().expect("another page");
    let second = list(&format!("&maxResults=3&pageToken={next}"));
    assert_eq!((names(&second, "items"), &second["nextPageToken"]), (vec!["other".to_owned()], &Value::Null));
    server.limit_pages(Some(1));
    assert_eq!(names(&list(""), "items"), ["data-1"]);
    server.limit_pages(None);
    assert!(list("&prefix=none")["items"].is_null());
    // A project may be named by its number.
    get(&server, &format!("/storage/v1/b?project={PROJECT_NUMBER}"), &token).good();
    get(&server, "/storage/v1/b", &token).kept_out(400, "required", "project");
    get(&server, "/storage/v1/b?project=elsewhere", &token).kept_out(
        403,
        "forbidden",
        "storage.buckets.list",
    );
    get(&server, "/storage/v1/b?project=unknown", &token).kept_out(403, "forbidden", "storage.buckets.list");

    let objects = |query: &str| get(&server, &format!("/storage/v1/b/full/o?{query}"), &token).good();
    assert_eq!(names(&objects(""), "items"), ["a/1", "a/2", "b", "c/d/e"]);
    let folders = objects("delimiter=/");
    assert_eq!(
        (names(&folders, "items"), names(&folders, "prefixes")),
        (vec!["b".to_owned()], vec!["a/".to_owned(), "c/".to_owned()])
    );
    assert_eq!(names(&objects("delimiter=/&prefix=c/"), "prefixes"), ["c/d/"]);
    let page = objects("delimiter=/&maxResults=1");
    assert_eq!(
        (names(&page, "prefixes"), page["nextPageToken"].as_str()),
        (vec!["a/".to_owned()], Some("a/"))
    );
    let rest = objects("delimiter=/&pageToken=a/");
    assert_eq!(
        (names(&rest, "items"), names(&rest, "prefixes")),
        (vec!["b".to_owned()], vec!["c/".to_owned()])
    );
}

#[test]
fn objects_are_written_read_and_deleted() {
    let (server, token) = with_alice();
    server.grant(ALICE, "roles/storage.objectAdmin", WHOLE);
    server.add_bucket("data", &[]);
    let post = |query: &str, kind: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        ask(&server, &format!("POST /upload/storage/v1/b/data/o?{query}"), &headers, body)
    };
    let written = post("uploadType=media&name=dir%2Fa%20b", "text/plain", "hello").good();
    assert_eq!((written["size"].as_str(), written["contentType"].as_str()), (Some("5"), Some("text/plain")));
    // The checksum of `hello`.
    assert_eq!(written["crc32c"], "mnG7TA==");
    assert_eq!(server.object("data", "dir/a b").as_deref(), Some(b"hello".as_slice()));
    let only_new = |generation: u64| {
        post(
            &format!("uploadType=media&name=dir%2Fa%20b&ifGenerationMatch={generation}"),
            "text/plain",
            "hello",
        )
    };
    only_new(0).kept_out(412, "conditionNotMet", "pre-conditions");
    assert_eq!(only_new(1).good()["generation"], "2");
    let parts = "--x\r\ncontent-type: application/json\r\n\r\n{\"name\": \"two\"}\r\n--x\r\n\
                 content-type: text/css\r\n\r\nin\r\nlines\r\n--x--\r\n";
    let written = post("uploadType=multipart", "multipart/related; boundary=\"x\"", parts).good();
    assert_eq!(written["contentType"], "text/css");
    assert_eq!(server.object("data", "two").as_deref(), Some(b"in\r\nlines".as_slice()));
    let sums = "--x\r\ncontent-type: application/json\r\n\r\n{\"crc32c\": \"AAAAAA==\"}\r\n";
    let more = parts.replace("--x--", sums) + "--x--";
    post("uploadType=multipart", "multipart/related; boundary=x", &more).good();
    assert_eq!(server.object("data", "two").as_deref(), Some(b"in\r\nlines".as_slice()));
    let wrong = parts.replace("{", "{\"crc32c\": \"AAAAAA==\", ");
    post("uploadType=multipart", "multipart/related; boundary=x", &wrong).kept_out(400, "invalid", "crc32c");
    let cut = &parts[..parts.len() - 6];
    post("uploadType=multipart", "multipart/related; boundary=x", cut).kept_out(400, "invalid", "boundary");
    post("uploadType=media", "text/plain", "x").kept_out(400, "required", "Required");
    post("uploadType=other&name=x", "text/plain", "x").kept_out(400, "invalid", "uploadType");

    let started = post("uploadType=resumable&name=big", "application/json", "{}");
    let session = started.header("location").expect("a session").replace(&server.url(), "");
    let put =
        |range: &str, body: &str| ask(&server, &format!("PUT {session}"), &[("content-range", range)], body);
    assert_eq!(put("bytes 0-2/*", "abc").header("range"), Some("bytes=0-2"));
    assert_eq!(put("bytes */5", "").status, 308);
    put("bytes 4-4/5", "e").kept_out(503, "backendError", "do not follow");
    put("bytes 3-4/5", "de").good();
    assert_eq!(server.object("data", "big").as_deref(), Some(b"abcde".as_slice()));
    put("bytes 0-2/*", "abc").kept_out(410, "uploadGone", "");
    let started = post("uploadType=resumable&name=unknown", "application/json", "{}");
    let session = started.header("location").expect("a session").replace(&server.url(), "");
    ask(&server, &format!("PUT {session}"), &[("content-range", "bytes 0-*/*")], "all").good();
    assert_eq!(server.object("data", "unknown").as_deref(), Some(b"all".as_slice()));

    let media = "/download/storage/v1/b/data/o/dir%2Fa%20b?alt=media";
    let read = get(&server, media, &token);
    assert_eq!((read.body.as_str(), read.header("x-goog-hash")), ("hello", Some("crc32c=mnG7TA==")));
    let bearer = format!("Bearer {token}");
    let range = |range: &str| {
        ask(&server, &format!("GET {media}"), &[("authorization", &*bearer), ("range", range)], "")
    };
    let of = |query: &str| get(&server, &format!("/storage/v1/b/data/o/dir%2Fa%20b?{query}"), &token);
    of("generation=2&ifGenerationMatch=2").good();
    of("generation=1").kept_out(404, "notFound", "No such object");
    of("ifGenerationMatch=1").kept_out(412, "conditionNotMet", "");
    let part = range("bytes=1-3");
    assert_eq!(
        (part.status, part.body.as_str(), part.header("content-range")),
        (206, "ell", Some("bytes 1-3/5"))
    );
    range("bytes=5-").kept_out(416, "requestedRangeNotSatisfiable", "");
    assert_eq!(call(&server, "DELETE /storage/v1/b/data/o/two", &token, &Value::Null).status, 204);
    get(&server, "/storage/v1/b/data/o/two", &token).kept_out(404, "notFound", "No such object: data/two");
    let again = call(&server, "DELETE /storage/v1/b/data/o/two", &token, &Value::Null);
    again.kept_out(404, "notFound", "No such object");
}

#[test]
fn storage_asks_for_a_token_a_scope_and_a_role() {
    let (server, token) = with_alice();
    let bucket = server.add_bucket("data", &[("one", "1")]);
    let read = |token: &str| get(&server, "/storage/v1/b/data/o/one", token);
    let write = |token: &str, name: &str| {
        call(
            &server,
            &format!("POST /upload/storage/v1/b/data/o?uploadType=media&name={name}"),
            token,
            &json!(1),
        )
    };
    let anonymous = ask(&server, "GET /storage/v1/b/data/o/one", &[], "");
    anonymous.kept_out(401, "required", "Anonymous caller does not have storage.objects.get access");
    read("ya29.unknown").kept_out(401, "authError", "Invalid Credentials");
    read(&token).kept_out(403, "forbidden", "alice@example.com does not have storage.objects.get access");
    server.grant(ALICE, "roles/storage.legacyObjectReader", &bucket);
    read(&token).good();
    // Without the right to list nobody is told what is missing.
    let missing = || get(&server, "/storage/v1/b/data/o/missing", &token);
    missing().kept_out(403, "forbidden", "storage.objects.list");
    server.grant(ALICE, "roles/storage.legacyBucketReader", &bucket);
    missing().kept_out(404, "notFound", "No such object");
    get(&server, "/storage/v1/b/data", &token).good();
    get(&server, "/storage/v1/b/data/storageLayout", &token).good();
    get(&server, "/storage/v1/b/unknown", &token).kept_out(
        404,
        "notFound",
        "The specified bucket does not exist.",
    );
    get(&server, "/storage/v1/b/unknown/o/x", &token).kept_out(404, "notFound", "bucket");

    server.grant(ALICE, "roles/storage.objectCreator", &bucket);
    write(&token, "two").good();
    write(&token, "one").kept_out(403, "forbidden", "storage.objects.delete");
    let looking = server.token_for(ALICE, &[READ_ONLY]);
    read(&looking).good();
    write(&looking, "three").kept_out(403, "forbidden", "insufficient authentication scopes");
    write(&server.token_for(ALICE, &[READ_WRITE]), "three").good();
    read(&server.token_for(ALICE, &[EMAIL])).kept_out(403, "forbidden", "insufficient authentication scopes");
    let patch = call(&server, "PATCH /storage/v1/b/data", &token, &json!({ "labels": {} }));
    patch.kept_out(403, "forbidden", "storage.buckets.update");

    let test = |query: &str| get(&server, &format!("/storage/v1/b/data/iam/testPermissions?{query}"), &token);
    let asked =
        "permissions=storage.objects.get&permissions=storage.objects.delete&permissions=storage.buckets.get";
    assert_eq!(test(asked).good()["permissions"], json!(["storage.objects.get", "storage.buckets.get"]));
    assert!(test("permissions=storage.objects.delete").good()["permissions"].is_null());
    test("permissions=made.up").kept_out(400, "invalid", "");
    test("").kept_out(400, "invalid", "");
    get(&server, "/storage/v1/b/unknown/iam/testPermissions?permissions=storage.objects.get", &token)
        .kept_out(404, "notFound", "bucket");
    get(&server, "/storage/v1/other", &token).kept_out(404, "notFound", "Not Found");
}
