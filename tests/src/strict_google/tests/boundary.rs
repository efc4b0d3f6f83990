//! A token that was narrowed reaches its bucket and prefix, and nothing else.

use serde_json::json;

use super::*;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

fn rule(bucket: &str, role: &str, prefix: &str) -> Value {
    let mut rule = json!({
        "availableResource": format!("//storage.googleapis.com/projects/_/buckets/{bucket}"),
        "availablePermissions": [format!("inRole:roles/storage.{role}")],
    });
    if !prefix.is_empty() {
        let expression = format!(
            "resource.name.startsWith('projects/_/buckets/{bucket}/objects/{prefix}') || \
             api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('{prefix}')"
        );
        rule["availabilityCondition"] = json!({ "title": "prefix", "expression": expression });
    }
    rule
}

fn options(rules: &[Value]) -> String {
    json!({ "accessBoundary": { "accessBoundaryRules": rules } }).to_string()
}

/// The exchange with more fields.
fn exchange(server: &StrictGoogle, token: &str, options: &str, more: &[(&str, &str)]) -> Reply {
    let fields = [
        ("grant_type", GRANT),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
        ("options", options),
    ];
    form(server, "/v1/token", &[&fields, more].concat())
}

fn narrowed(server: &StrictGoogle, token: &str, rules: &[Value]) -> String {
    exchange(server, token, &options(rules), &[]).text("access_token")
}

fn with_buckets() -> (StrictGoogle, String) {
    let (server, token) = with_alice();
    server.grant(ALICE, "roles/storage.admin", WHOLE);
    server.add_bucket("data", &[("team-a/1.txt", "one"), ("team-a1.txt", "near"), ("team-b/2.txt", "two")]);
    server.add_bucket("other", &[("team-a/1.txt", "other")]);
    (server, token)
}

fn upload(server: &StrictGoogle, token: &str, name: &str) -> Reply {
    let line = format!("POST /upload/storage/v1/b/data/o?uploadType=media&name={}", encoded(name));
    call(server, &line, token, &json!("content"))
}

#[test]
fn a_narrowed_token_reads_its_prefix_and_no_sibling() {
    let (server, token) = with_buckets();
    let narrow = narrowed(&server, &token, &[rule("data", "objectViewer", "team-a/")]);
    assert!(server.is_narrowed(&narrow) && !server.is_narrowed(&token));
    let read = |path: &str| get(&server, &format!("/storage/v1/b/{path}"), &narrow);
    assert_eq!(read("data/o/team-a%2F1.txt?alt=media").body, "one");
    read("data/o/team-a%2F1.txt").good();
    read("data/o?prefix=team-a/").good();
    read("data/o?prefix=team-a/sub").good();
    for path in [
        "data/o/team-b%2F2.txt?alt=media",
        "data/o/team-a1.txt",
        "data/o?prefix=team-b/",
        "data/o?prefix=team-a",
        "data/o",
        "data",
        "other/o/team-a%2F1.txt",
        "other/o?prefix=team-a/",
    ] {
        read(path).kept_out(403, "forbidden", "access to the Google Cloud Storage");
        let whole = get(&server, &format!("/storage/v1/b/{path}"), &token);
        assert_eq!(whole.status, 200, "{path}: {whole:?}");
    }
    upload(&server, &narrow, "team-a/3.txt").kept_out(403, "forbidden", "storage.objects.create");
    get(&server, "/storage/v1/b?project=strict-project", &narrow).kept_out(403, "forbidden", "buckets.list");

    // It is for Cloud Storage alone.
    server.grant(ALICE, "roles/owner", WHOLE);
    let secrets = get(&server, "/v1/projects/strict-project/secrets", &narrow);
    secrets.denied(403, "PERMISSION_DENIED", "secretmanager.secrets.list");
    get(&server, "/v3/projects/strict-project", &narrow).denied(403, "PERMISSION_DENIED", "");
    server.add_service_account("robot");
    let robot = "projects/-/serviceAccounts/robot@strict-project.iam.gserviceaccount.com";
    server.grant(ALICE, "roles/iam.serviceAccountTokenCreator", robot);
    let line = format!("POST /v1/{robot}:generateAccessToken");
    let taken = |token: &str| call(&server, &line, token, &json!({ "scope": [CLOUD] }));
    taken(&token).good();
    taken(&narrow).denied(403, "PERMISSION_DENIED", "getAccessToken");
    assert_eq!(server.webhook().review(&token), Ok(ALICE.to_owned()));
    assert_eq!(server.webhook().review(&narrow), Err(()));
}

#[test]
fn a_narrowed_token_writes_what_its_roles_and_its_owner_may() {
    let (server, token) = with_buckets();
    let narrow = |role: &str| narrowed(&server, &token, &[rule("data", role, "team-a/")]);
    let creator = narrow("objectCreator");
    upload(&server, &creator, "team-a/new.txt").good();
    upload(&server, &creator, "team-b/new.txt").kept_out(403, "forbidden", "storage.objects.create");
    upload(&server, &creator, "team-a/1.txt").kept_out(403, "forbidden", "storage.objects.delete");
    upload(&server, &narrow("objectUser"), "team-a/1.txt").good();
    let delete =
        |token: &str| call(&server, "DELETE /storage/v1/b/data/o/team-a%2F1.txt", token, &Value::Null);
    delete(&creator).kept_out(403, "forbidden", "storage.objects.delete");
    assert_eq!(delete(&narrow("objectAdmin")).status, 204);

    let admin = narrowed(&server, &token, &[rule("data", "admin", "")]);
    let patch =
        |token: &str| call(&server, "PATCH /storage/v1/b/data", token, &json!({ "labels": { "a": "b" } }));
    assert_eq!(patch(&admin).good()["labels"]["a"], "b");
    patch(&narrow("objectAdmin")).kept_out(403, "forbidden", "storage.buckets.update");
    let test = "/storage/v1/b/data/iam/testPermissions?permissions=storage.objects.get&permissions=storage.buckets.get";
    let viewer = narrowed(&server, &token, &[rule("data", "objectViewer", "")]);
    assert_eq!(get(&server, test, &viewer).good()["permissions"], json!(["storage.objects.get"]));

    // A boundary gives nothing that its owner does not have.
    server.take_back(ALICE, "roles/storage.admin", WHOLE);
    upload(&server, &creator, "team-a/again.txt").kept_out(403, "forbidden", "storage.objects.create");
    server.grant(ALICE, "roles/storage.objectCreator", "projects/_/buckets/data");
    upload(&server, &creator, "team-a/again.txt").good();
}

#[test]
fn a_bucket_with_rules_of_its_objects_is_closed_to_narrowed_tokens() {
    let (server, token) = with_buckets();
    let narrow = narrowed(&server, &token, &[rule("data", "objectViewer", "")]);
    let read = |token: &str| get(&server, "/storage/v1/b/data/o/team-a%2F1.txt", token);
    read(&narrow).good();
    server.allow_object_rules("data");
    read(&narrow).kept_out(403, "forbidden", "storage.objects.get");
    read(&token).good();
}

#[test]
fn an_exchange_is_for_whole_tokens_and_real_boundaries() {
    let (server, token) = with_buckets();
    let good = options(&[rule("data", "objectViewer", "team-a/")]);
    let told = exchange(&server, &token, &good, &[]).good();
    assert_eq!(
        (told["issued_token_type"].as_str(), told["token_type"].as_str()),
        (Some(ACCESS_TOKEN), Some("Bearer"))
    );
    assert!(told["expires_in"].is_null(), "{told}");
    let narrow = told["access_token"].as_str().expect("a token");
    server.tell_narrowed_life();
    server.advance(Duration::from_secs(600));
    let told = exchange(&server, &token, &good, &[]).good();
    assert!(told["expires_in"].as_i64().is_some_and(|seconds| (2990..=3000).contains(&seconds)), "{told}");
    // Encoded once more than a form does.
    exchange(&server, &token, &encoded(&good), &[]).good();

    exchange(&server, narrow, &good, &[]).refused(400, "invalid_request", "already has an access boundary");
    for field in ["audience", "scope"] {
        exchange(&server, &token, &good, &[(field, "x")]).refused(400, "invalid_request", field);
    }
    exchange(&server, "ya29.unknown", &good, &[]).refused(400, "invalid_grant", "not valid");
    let storage = server.token_for(ALICE, &["https://www.googleapis.com/auth/devstorage.read_only"]);
    exchange(&server, &storage, &good, &[]).refused(400, "invalid_scope", "cloud-platform");
    exchange(&server, &token, "", &[]).refused(400, "invalid_request", "options");
    exchange(&server, &token, "{", &[]).refused(400, "invalid_request", "it is no JSON");
    let eleven = vec![rule("data", "objectViewer", ""); 11];
    exchange(&server, &token, &options(&eleven), &[]).refused(400, "invalid_request", "more than 10 rules");
    let foreign =
        rule("data", "objectViewer", "").to_string().replace("roles/storage.objectViewer", "roles/viewer");
    let foreign = serde_json::from_str(&foreign).expect("a rule");
    exchange(&server, &token, &options(&[foreign]), &[]).refused(
        400,
        "invalid_request",
        "no role of Cloud Storage",
    );
    let quoted = rule("data", "objectViewer", "it's");
    exchange(&server, &token, &options(&[quoted]), &[]).refused(400, "invalid_request", "a condition");

    // It ends with its source, and with its owner.
    let read = || get(&server, "/storage/v1/b/data/o?prefix=team-a/", narrow);
    read().good();
    server.disable(ALICE);
    read().kept_out(401, "authError", "Invalid Credentials");
    exchange(&server, &token, &good, &[]).refused(400, "invalid_grant", "not valid");
    server.enable(ALICE);
    server.advance(Duration::from_secs(3000));
    read().kept_out(401, "authError", "Invalid Credentials");
    exchange(&server, &token, &good, &[]).refused(400, "invalid_grant", "not valid");
}
