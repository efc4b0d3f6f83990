use super::*;

/// A server with an account, a container with blobs, and a program with its id and its token.
pub(super) fn with_data() -> (StrictAzure, String, String) {
    let server = StrictAzure::start();
    let oid = server.add_app(TENANT, ROBOT);
    let group = server.add_group(SUBSCRIPTION, "lab");
    server.add_storage_account(&group, "strictdata");
    for container in ["data", "other"] {
        server.add_container("strictdata", container);
        for name in ["a/1.txt", "a/2.txt", "b.txt"] {
            server.put_blob("strictdata", container, name, name);
        }
    }
    let token = server.token_for(&oid, STORAGE);
    (server, oid, token)
}

pub(super) const ACCOUNT: &str = "/subscriptions/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/resourceGroups/lab/providers/\
                                  Microsoft.Storage/storageAccounts/strictdata";

/// The names in a list, and where it goes on.
fn names(reply: &Reply) -> (Vec<String>, String) {
    reply.good();
    let parts = reply.body.split("<Name>").skip(1);
    let names = parts.filter_map(|part| part.split_once("</Name>")).map(|(name, _)| name.to_owned());
    let next = reply.body.split_once("<NextMarker>").and_then(|(_, rest)| rest.split_once('<'));
    (names.collect(), next.map(|(marker, _)| marker.to_owned()).unwrap_or_default())
}

#[test]
fn roles_rule_what_a_token_does() {
    let (server, oid, token) = with_data();
    let ask = |line: &str| call(&server, line, &token);
    let put = |line: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", &*bearer),
            ("x-ms-version", "2023-11-03"),
            ("x-ms-blob-type", "BlockBlob"),
            ("content-type", "text/plain"),
        ];
        super::ask(&server, line, &headers, "new")
    };
    ask("GET /blob/strictdata/data/b.txt").kept_out(403, "AuthorizationPermissionMismatch");
    let container = format!("{ACCOUNT}/blobServices/default/containers/data");
    server.grant(&oid, "Storage Blob Data Reader", &container);
    assert_eq!(ask("GET /blob/strictdata/data/b.txt").body, "b.txt");
    ask("GET /blob/strictdata/data?restype=container").good();
    ask("GET /blob/strictdata/other/b.txt").kept_out(403, "AuthorizationPermissionMismatch");
    ask("GET /blob/strictdata?comp=list").kept_out(403, "AuthorizationPermissionMismatch");
    put("PUT /blob/strictdata/data/c.txt").kept_out(403, "AuthorizationPermissionMismatch");
    ask("DELETE /blob/strictdata/data/b.txt").kept_out(403, "AuthorizationPermissionMismatch");
    ask("GET /blob/strictdata/data/none").kept_out(404, "BlobNotFound");
    server.grant(&oid, "Storage Blob Data Contributor", ACCOUNT);
    let written = put("PUT /blob/strictdata/data/dir/c%20d.txt");
    assert_eq!(written.status, 201, "{written:?}");
    assert_eq!(server.blob("strictdata", "data", "dir/c d.txt").as_deref(), Some(b"new".as_slice()));
    assert_eq!(ask("GET /blob/strictdata/data/dir/c%20d.txt").header("content-type"), Some("text/plain"));
    assert_eq!(ask("DELETE /blob/strictdata/data/b.txt").status, 202);
    assert_eq!(names(&ask("GET /blob/strictdata?comp=list")).0, ["data", "other"]);
    ask("GET /blob/strictdata/none?restype=container&comp=list").kept_out(404, "ContainerNotFound");
    ask("PUT /blob/strictdata/data?restype=container").kept_out(409, "ContainerAlreadyExists");
    assert_eq!(ask("PUT /blob/strictdata/fresh?restype=container").status, 201);
    ask("PUT /blob/strictdata/Fresh?restype=container").kept_out(400, "InvalidResourceName");
    assert_eq!(ask("DELETE /blob/strictdata/fresh?restype=container").status, 202);
    ask("GET /blob/unknown?comp=list").kept_out(404, "ResourceNotFound");
}

#[test]
fn lists_have_prefixes_folders_and_pages() {
    let (server, oid, token) = with_data();
    server.grant(&oid, "Storage Blob Data Reader", ACCOUNT);
    let list = |more: &str| {
        names(&get(&server, &format!("/blob/strictdata/data?restype=container&comp=list{more}"), &token))
    };
    assert_eq!(list("").0, ["a/1.txt", "a/2.txt", "b.txt"]);
    assert_eq!(list("&delimiter=/").0, ["a/", "b.txt"]);
    assert_eq!(list("&prefix=a/").0, ["a/1.txt", "a/2.txt"]);
    let (page, next) = list("&maxresults=2");
    assert_eq!((page.len(), next.as_str()), (2, "b.txt"));
    assert_eq!(list(&format!("&maxresults=2&marker={next}")), (vec!["b.txt".to_owned()], String::new()));
    server.limit_pages(Some(1));
    assert_eq!(list("&delimiter=/"), (vec!["a/".to_owned()], "b.txt".to_owned()));
    let wrong = "/blob/strictdata/data?restype=container&comp=list&maxresults=0";
    get(&server, wrong, &token).kept_out(400, "InvalidQueryParameterValue");
}

#[test]
fn tokens_are_for_storage_and_of_the_tenant() {
    let (server, oid, token) = with_data();
    server.grant(&oid, "Storage Blob Data Reader", ACCOUNT);
    let line = "GET /blob/strictdata/data/b.txt";
    call(&server, line, &token).good();
    let bearer = format!("Bearer {token}");
    ask(&server, line, &[("authorization", &bearer)], "").kept_out(403, "AuthenticationFailed");
    let with =
        |version: &str| ask(&server, line, &[("authorization", &bearer), ("x-ms-version", version)], "");
    with("2017-07-29").kept_out(403, "AuthenticationFailed");
    with("newest").kept_out(400, "InvalidHeaderValue");
    let nobody = ask(&server, line, &[("x-ms-version", "2023-11-03")], "");
    nobody.kept_out(401, "NoAuthenticationInformation");
    assert!(nobody.header("www-authenticate").is_some_and(|it| it.contains("resource_id=https://storage")));
    for audience in [ARM, "https://other.blob.core.windows.net"] {
        let other = server.token_for(&oid, audience);
        call(&server, line, &other).kept_out(401, "InvalidAuthenticationInfo");
    }
    call(&server, line, &server.token_for(&oid, "https://strictdata.blob.core.windows.net")).good();
    let foreign = server.token_in("22222222-2222-4333-8444-555555555555", &oid, STORAGE);
    call(&server, line, &foreign).kept_out(401, "InvalidAuthenticationInfo");
    server.advance(Duration::from_secs(3599));
    call(&server, line, &token).kept_out(401, "InvalidAuthenticationInfo");
}

#[test]
fn blobs_are_written_whole_or_in_blocks_under_conditions() {
    let (server, oid, token) = with_data();
    server.grant(&oid, "Storage Blob Data Owner", ACCOUNT);
    let bearer = format!("Bearer {token}");
    let put = |query: &str, more: &[(&str, &str)], body: &str| {
        let usual = [("authorization", &*bearer), ("x-ms-version", "2023-11-03")];
        let line = format!("PUT /blob/strictdata/data/big{query}");
        ask(&server, &line, &[&usual, more].concat(), body)
    };
    let block = ("x-ms-blob-type", "BlockBlob");
    put("", &[], "x").kept_out(400, "InvalidHeaderValue");
    assert_eq!(put("?comp=block&blockid=MQ%3D%3D", &[], "one ").status, 201);
    call(&server, "GET /blob/strictdata/data/big", &token).kept_out(404, "BlobNotFound");
    assert_eq!(put("?comp=block&blockid=Mg%3D%3D", &[], "two").status, 201);
    let list = "<?xml version='1.0'?><BlockList><Latest>MQ==</Latest><Latest>Mg==</Latest></BlockList>";
    put("?comp=blocklist", &[], &list.replace("Mg==", "Mw==")).kept_out(400, "InvalidBlockList");
    assert_eq!(put("?comp=blocklist", &[("x-ms-meta-who", "me")], list).status, 201);
    let read = call(&server, "GET /blob/strictdata/data/big", &token);
    assert_eq!((read.body.as_str(), read.header("x-ms-meta-who")), ("one two", Some("me")));
    put("", &[block, ("if-none-match", "*")], "x").kept_out(409, "BlobAlreadyExists");
    put("", &[block, ("if-match", "\"0x1\"")], "x").kept_out(412, "ConditionNotMet");
    assert_eq!(put("", &[block, ("if-match", read.header("etag").unwrap_or_default())], "x").status, 201);
    let ranged = [("authorization", &*bearer), ("x-ms-version", "2023-11-03"), ("x-ms-range", "bytes=2-4")];
    let part = ask(&server, "GET /blob/strictdata/data/a/1.txt", &ranged, "");
    assert_eq!((part.status, part.body.as_str()), (206, "1.t"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/7"));
    let head = call(&server, "HEAD /blob/strictdata/data/a/1.txt", &token);
    assert_eq!((head.header("content-length"), head.body.as_str()), (Some("7"), ""));
}
