//! Projects, clusters, repositories and secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::strict_google::storage::crc32c;

#[test]
fn projects_are_found_by_whom_they_let() {
    let (server, token) = with_alice();
    let search = |query: &str| get(&server, &format!("/v3/projects:search{query}"), &token).good();
    assert_eq!(search("")["projects"], json!([]));
    let one = |path: &str| get(&server, path, &token);
    one("/v3/projects/strict-project").denied(
        403,
        "PERMISSION_DENIED",
        "The caller does not have permission",
    );
    one("/v3/projects/unknown").denied(403, "PERMISSION_DENIED", "The caller does not have permission");
    for name in ["more-1", "more-2"] {
        server.grant(ALICE, "roles/browser", &server.add_project(name));
    }
    server.grant(ALICE, "roles/browser", WHOLE);
    assert_eq!(search("")["projects"].as_array().map(Vec::len), Some(3));
    assert_eq!(search("?query=id:strict-project")["projects"][0]["projectId"], PROJECT);
    assert_eq!(search("?query=id:more-*")["projects"].as_array().map(Vec::len), Some(2));
    let first = search("?pageSize=2");
    let next = first["nextPageToken"].as_str().expect("another page");
    assert_eq!(search(&format!("?pageToken={next}"))["projects"].as_array().map(Vec::len), Some(1));
    let told = one(&format!("/v3/projects/{PROJECT_NUMBER}")).good();
    assert_eq!(told["name"], format!("projects/{PROJECT_NUMBER}"));
    assert_eq!(one("/v1/projects/strict-project").good()["projectNumber"], PROJECT_NUMBER.to_string());
    assert_eq!(one("/v1/projects").good()["projects"].as_array().map(Vec::len), Some(3));

    for version in ["v1", "v3"] {
        let test = |permissions: &[&str]| {
            let line = format!("POST /{version}/projects/strict-project:testIamPermissions");
            call(&server, &line, &token, &json!({ "permissions": permissions }))
        };
        let told = test(&["resourcemanager.projects.get", "container.clusters.list"]).good();
        assert_eq!(told["permissions"], json!(["resourcemanager.projects.get"]));
        assert_eq!(test(&["container.clusters.list"]).good(), json!({}));
        test(&["container.*"]).denied(400, "INVALID_ARGUMENT", "");
        test(&[]).denied(400, "INVALID_ARGUMENT", "");
    }
}

#[test]
fn what_is_no_method_is_told() {
    let (server, token) = with_alice();
    server.grant(ALICE, "roles/owner", WHOLE);
    for line in [
        "POST /v1/projects/strict-project/locations/-/clusters",
        "DELETE /v1/projects/strict-project/locations/us/clusters/demo",
        "GET /v1/projects/strict-project/locations/us/clusters/demo/nodePools",
        "POST /v1/projects/strict-project/locations/us/repositories/app",
        "DELETE /v1/projects/strict-project/locations/us/repositories/app",
        "POST /v1/projects/strict-project/secrets/db:destroy",
        "PUT /v1/projects/strict-project/secrets/db",
        "POST /v3/projects/strict-project",
        "DELETE /v3/projects/strict-project",
        "GET /v1/projects/-/serviceAccounts/robot:generateAccessToken",
        "POST /v1/projects/-/serviceAccounts/robot",
    ] {
        call(&server, line, &token, &json!({})).denied(404, "NOT_FOUND", "Method not found");
    }
}

#[test]
fn calls_that_are_made_side_by_side_can_be_told() {
    let (server, token) = with_alice();
    server.grant(ALICE, "roles/artifactregistry.reader", WHOLE);
    server.answer_together(3, "/repositories");
    std::thread::scope(|scope| {
        let list = |location: &str| {
            get(&server, &format!("/v1/projects/strict-project/locations/{location}/repositories"), &token)
                .good()
        };
        for location in ["us", "asia", "europe"] {
            scope.spawn(move || list(location));
        }
    });
    // All else is answered as ever.
    get(&server, "/v1/projects/strict-project/locations", &token).good();
}

#[test]
fn clusters_are_listed_wherever_they_are() {
    let (server, token) = with_alice();
    let at = |address: &str| Cluster::at(address, "PEM");
    server.add_cluster(
        "europe-west1",
        "demo",
        at("203.0.113.1").with_dns_endpoint("gke-1.europe-west1.gke.goog"),
    );
    server.add_cluster("us-central1-a", "demo", at("203.0.113.2").private());
    server.add_cluster("us-east1", "young", at("").with_status("PROVISIONING"));
    let read = |path: &str| get(&server, &format!("/v1/projects/strict-project/locations/{path}"), &token);
    read("-/clusters").denied(403, "PERMISSION_DENIED", "container.clusters.list");
    read("us-east1/clusters/young").denied(403, "PERMISSION_DENIED", "container.clusters.get");
    server.grant(ALICE, "roles/container.viewer", WHOLE);
    let all = read("-/clusters").good();
    assert_eq!(all["clusters"].as_array().map(Vec::len), Some(3));
    let first = &all["clusters"][0];
    assert_eq!(
        (first["endpoint"].as_str(), first["status"].as_str()),
        (Some("203.0.113.1"), Some("RUNNING"))
    );
    assert_eq!(first["masterAuth"]["clusterCaCertificate"], STANDARD.encode("PEM"));
    let dns = &first["controlPlaneEndpointsConfig"]["dnsEndpointConfig"];
    assert_eq!(dns, &json!({ "endpoint": "gke-1.europe-west1.gke.goog", "allowExternalTraffic": true }));
    assert_eq!(all["clusters"][1]["privateClusterConfig"]["privateEndpoint"], "203.0.113.2");
    assert!(all["missingZones"].is_null());
    assert_eq!(read("europe-west1/clusters").good()["clusters"].as_array().map(Vec::len), Some(1));
    assert_eq!(read("us-central1-a/clusters/demo").good()["location"], "us-central1-a");
    assert!(read("us-east1/clusters/young").good()["endpoint"].is_null());
    read("us-east1/clusters/demo").denied(
        404,
        "NOT_FOUND",
        "Not found: projects/strict-project/locations/us-east1",
    );
    server.lose_zone("us-central1-a");
    let all = read("-/clusters").good();
    assert_eq!(
        (all["clusters"].as_array().map(Vec::len), &all["missingZones"]),
        (Some(2), &json!(["us-central1-a"]))
    );
    let other = get(&server, "/v1/projects/unknown/locations/-/clusters", &token);
    other.denied(403, "PERMISSION_DENIED", "container.clusters.list");
}

#[test]
fn repositories_are_listed_location_by_location() {
    let (server, token) = with_alice();
    let name = server.add_repository("europe-west1", "app");
    for repository in ["one", "two"] {
        server.add_repository("us", repository);
    }
    server.add_repository_of(PROJECT, "us", "java", "MAVEN");
    server.add_image(&name, "server");
    let read = |path: &str| get(&server, &format!("/v1/projects/strict-project/locations{path}"), &token);
    read("").denied(403, "PERMISSION_DENIED", "artifactregistry.locations.list");
    read("/us/repositories").denied(403, "PERMISSION_DENIED", "artifactregistry.repositories.list");
    server.grant(ALICE, "roles/artifactregistry.reader", WHOLE);
    assert_eq!(read("").good()["locations"].as_array().map(Vec::len), Some(40));
    let page = read("?pageSize=39").good();
    let rest = read(&format!("?pageToken={}", page["nextPageToken"].as_str().expect("another page"))).good();
    assert_eq!(rest["locations"].as_array().map(Vec::len), Some(1));
    let all = read("/us/repositories").good();
    assert_eq!(all["repositories"].as_array().map(Vec::len), Some(3));
    assert_eq!(all["repositories"][0]["format"], "MAVEN");
    assert_eq!(all["repositories"][1]["registryUri"], "us-docker.pkg.dev/strict-project/one");
    let page = read("/us/repositories?pageSize=2").good();
    assert!(page["nextPageToken"].is_string(), "{page}");
    assert_eq!(read("/asia/repositories").good(), json!({}));
    read("/-/repositories").denied(400, "INVALID_ARGUMENT", "location");
    server.close_location("us");
    read("/us/repositories").denied(403, "PERMISSION_DENIED", "artifactregistry.repositories.list");
    read("/europe-west1/repositories").good();

    assert_eq!(read("/europe-west1/repositories/app").good()["name"], name);
    read("/europe-west1/repositories/none").denied(404, "NOT_FOUND", "Requested entity was not found.");
    let images = read("/europe-west1/repositories/app/dockerImages").good();
    let uri = images["dockerImages"][0]["uri"].as_str().unwrap_or_default();
    assert!(uri.starts_with("europe-west1-docker.pkg.dev/strict-project/app/server@sha256:"), "{images}");
    let test = |permissions: Value| {
        call(
            &server,
            &format!("POST /v1/{name}:testIamPermissions"),
            &token,
            &json!({ "permissions": permissions }),
        )
    };
    let (pull, push) =
        ("artifactregistry.repositories.downloadArtifacts", "artifactregistry.repositories.uploadArtifacts");
    assert_eq!(test(json!([pull, push])).good()["permissions"], json!([pull]));
    server.grant(ALICE, "roles/artifactregistry.writer", &name);
    assert_eq!(test(json!([pull, push])).good()["permissions"], json!([pull, push]));
    let domain = server.add_project("example.com:own");
    server.grant(ALICE, "roles/artifactregistry.reader", &domain);
    server.add_repository_of("example.com:own", "us-east1", "app", "DOCKER");
    let told =
        get(&server, "/v1/projects/example.com:own/locations/us-east1/repositories/app", &token).good();
    assert_eq!(told["registryUri"], "us-east1-docker.pkg.dev/example.com/own/app");
    server.set_locations(&["us"]);
    assert_eq!(read("").good()["locations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn secrets_are_read_and_renewed_by_whom_they_let() {
    let (server, token) = with_alice();
    let name = server.add_secret("db", "first");
    server.add_secret("web", "x");
    let read = |path: &str| get(&server, &format!("/v1/projects/strict-project/secrets{path}"), &token);
    let post = |action: &str, body: Value| {
        call(&server, &format!("POST /v1/projects/strict-project/secrets/{action}"), &token, &body)
    };
    read("").denied(403, "PERMISSION_DENIED", "secretmanager.secrets.list");
    read("/db").denied(403, "PERMISSION_DENIED", "secretmanager.secrets.get");
    read("/db/versions/latest:access").denied(403, "PERMISSION_DENIED", "secretmanager.versions.access");
    server.grant(ALICE, "roles/secretmanager.viewer", WHOLE);
    let all = read("").good();
    // Names carry the project's number.
    assert_eq!(all["secrets"][0]["name"], format!("projects/{PROJECT_NUMBER}/secrets/db"));
    let page = read("?pageSize=1").good();
    assert_eq!((page["secrets"].as_array().map(Vec::len), page["totalSize"].as_u64()), (Some(1), Some(2)));
    let next = encoded(page["nextPageToken"].as_str().expect("another page"));
    assert_eq!(read(&format!("?pageToken={next}")).good()["secrets"].as_array().map(Vec::len), Some(1));
    read("/none").denied(404, "NOT_FOUND", "not found");
    read("/db/versions/1").good();
    read("/db/versions/latest:access").denied(403, "PERMISSION_DENIED", "secretmanager.versions.access");

    server.grant(ALICE, "roles/secretmanager.secretAccessor", &name);
    let told = read("/db/versions/latest:access").good();
    assert_eq!(told["payload"]["data"], STANDARD.encode("first"));
    assert_eq!(told["payload"]["dataCrc32c"], crc32c(b"first").to_string());
    assert_eq!(told["name"], format!("projects/{PROJECT_NUMBER}/secrets/db/versions/1"));
    read("/web/versions/latest:access").denied(403, "PERMISSION_DENIED", "secretmanager.versions.access");
    read("/db/versions/2:access").denied(404, "NOT_FOUND", "Secret Version");
    let add = |data: &str, sum: Value| {
        post("db:addVersion", json!({ "payload": { "data": data, "dataCrc32c": sum } }))
    };
    let second = STANDARD.encode("second");
    add(&second, Value::Null).denied(403, "PERMISSION_DENIED", "secretmanager.versions.add");
    server.grant(ALICE, "roles/secretmanager.secretVersionAdder", &name);
    add(&second, "1".into()).denied(400, "INVALID_ARGUMENT", "checksum");
    add("?", Value::Null).denied(400, "INVALID_ARGUMENT", "Payload");
    add(&second, crc32c(b"second").to_string().into()).good();
    assert_eq!(server.secret(&name).as_deref(), Some(b"second".as_slice()));
    assert_eq!(read("/db/versions/latest:access").good()["payload"]["data"], second);
    let asked = json!(["secretmanager.versions.access", "secretmanager.secrets.delete"]);
    let told = post("db:testIamPermissions", json!({ "permissions": asked })).good();
    assert_eq!(told["permissions"], json!(["secretmanager.versions.access"]));
    let delete = || call(&server, "DELETE /v1/projects/strict-project/secrets/db", &token, &Value::Null);
    delete().denied(403, "PERMISSION_DENIED", "secretmanager.secrets.delete");
    server.grant(ALICE, "roles/secretmanager.admin", &name);
    delete().good();
    read("/db").denied(404, "NOT_FOUND", "not found");
    assert!(server.confidential().iter().any(|secret| secret == "x"));
}
