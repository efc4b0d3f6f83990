use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const COSMOS: &str = "https://cosmos.azure.com";

fn with_account() -> (StrictAzure, String, String) {
    let server = StrictAzure::start();
    let oid = server.add_app(TENANT, ROBOT);
    let group = server.add_group(SUBSCRIPTION, "lab");
    let account = server.add_cosmos(&group, "strictdb");
    server.add_cosmos_container("strictdb", "shop", "orders", "/customer");
    (server, oid, account)
}

impl Reply {
    /// It is Cosmos DB's refusal with this code.
    #[track_caller]
    fn rejected(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{self:?}");
    }
}

/// A call that a key has signed over these words, at a time that is so far off.
fn signed(
    server: &StrictAzure,
    line: &str,
    key: &str,
    (kind, link): (&str, &str),
    off: i64,
    more: &[(&str, &str)],
    body: &str,
) -> Reply {
    let date = clock::http_date(server.now() + off);
    let method = line.split(' ').next().unwrap_or_default().to_lowercase();
    let text = format!("{method}\n{kind}\n{link}\n{}\n\n", date.to_lowercase());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key).expect("base64"));
    let sig = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let shown = encoded(&format!("type=master&ver=1.0&sig={sig}"));
    let usual = [("authorization", &*shown), ("x-ms-date", &*date), ("x-ms-version", "2018-12-31")];
    ask(server, line, &[&usual, more].concat(), body)
}

#[test]
fn keys_sign_what_they_are_for() {
    let (server, _, _) = with_account();
    let (key, readonly) = server.cosmos_keys("strictdb");
    let dbs =
        |key: &str, off: i64| signed(&server, "GET /cosmos/strictdb/dbs", key, ("dbs", ""), off, &[], "");
    assert_eq!(dbs(&key, 0).good()["Databases"][0]["id"], "shop");
    dbs(&readonly, 0).good();
    dbs(&STANDARD.encode("other"), 0).rejected(401, "Unauthorized");
    dbs(&key, 901).rejected(403, "Forbidden");
    dbs(&key, -901).rejected(403, "Forbidden");
    dbs(&key, -890).good();
    let account = signed(&server, "GET /cosmos/strictdb/", &key, ("", ""), 0, &[], "").good();
    let endpoint = format!("{}/cosmos/strictdb/", server.url());
    assert_eq!(account["writableLocations"][0]["databaseAccountEndpoint"], endpoint);
    // It is signed for one thing.
    signed(&server, "GET /cosmos/strictdb/dbs/shop", &key, ("dbs", ""), 0, &[], "")
        .rejected(401, "Unauthorized");
    signed(&server, "GET /cosmos/strictdb/dbs/shop", &key, ("dbs", "dbs/shop"), 0, &[], "").good();
    ask(&server, "GET /cosmos/strictdb/dbs", &[], "").rejected(401, "Unauthorized");
    ask(&server, "GET /cosmos/strictdb/dbs", &[("authorization", "Bearer x")], "")
        .rejected(401, "Unauthorized");
    let make = |key: &str, id: &str| {
        let body = json!({ "id": id }).to_string();
        signed(&server, "POST /cosmos/strictdb/dbs", key, ("dbs", ""), 0, &[], &body)
    };
    make(&readonly, "new").rejected(403, "Forbidden");
    assert_eq!(make(&key, "new").status, 201);
    make(&key, "new").rejected(409, "Conflict");
    make(&key, "a/b").rejected(400, "BadRequest");
    server.refuse_cosmos_keys("strictdb");
    dbs(&key, 0).rejected(401, "Unauthorized");
}

#[test]
fn items_are_kept_by_partition() {
    let (server, _, _) = with_account();
    let (key, _) = server.cosmos_keys("strictdb");
    let place = "dbs/shop/colls/orders";
    let path = format!("/cosmos/strictdb/{place}/docs");
    let add = |partition: &str, more: &[(&str, &str)]| {
        let own = [("x-ms-documentdb-partitionkey", partition)];
        let body = json!({ "id": "1", "customer": "ann", "n": 7 }).to_string();
        signed(&server, &format!("POST {path}"), &key, ("docs", place), 0, &[&own, more].concat(), &body)
    };
    assert_eq!(add(r#"["ann"]"#, &[]).status, 201);
    add(r#"["ann"]"#, &[]).rejected(409, "Conflict");
    assert_eq!(add(r#"["ann"]"#, &[("x-ms-documentdb-is-upsert", "True")]).status, 200);
    add(r#"["bob"]"#, &[]).rejected(400, "BadRequest");
    let one = |method: &str, partition: &str| {
        let own = [("x-ms-documentdb-partitionkey", partition)];
        let link = format!("{place}/docs/1");
        signed(&server, &format!("{method} {path}/1"), &key, ("docs", &link), 0, &own, "")
    };
    assert_eq!(one("GET", r#"["ann"]"#).good()["n"], 7);
    one("GET", r#"["bob"]"#).rejected(404, "NotFound");
    let query = |text: &str| {
        let own = [("x-ms-documentdb-isquery", "True"), ("content-type", "application/query+json")];
        let body = json!({ "query": text }).to_string();
        signed(&server, &format!("POST {path}"), &key, ("docs", place), 0, &own, &body)
    };
    assert_eq!(query("SELECT * FROM c").good()["_count"], 1);
    query("SELECT c.n FROM c WHERE c.id = '1'").rejected(400, "BadRequest");
    assert_eq!(one("DELETE", r#"["ann"]"#).status, 204);
    one("DELETE", r#"["ann"]"#).rejected(404, "NotFound");
}

#[test]
fn tokens_do_what_their_data_role_allows() {
    let (server, oid, account) = with_account();
    let ask_with = |line: &str, token: &str| {
        let shown = encoded(&format!("type=aad&ver=1.0&sig={token}"));
        let own = [("authorization", &*shown), ("x-ms-documentdb-partitionkey", r#"["ann"]"#)];
        ask(&server, line, &own, r#"{"id":"1","customer":"ann"}"#)
    };
    let token = server.token_for(&oid, COSMOS);
    let read = "GET /cosmos/strictdb/dbs";
    let create = "POST /cosmos/strictdb/dbs/shop/colls/orders/docs";
    // A role of the resource manager is none of the account's own.
    server.grant(&oid, "Owner", &account);
    ask_with(read, &token).rejected(403, "Forbidden");
    server.grant(&oid, "Cosmos DB Built-in Data Reader", &account);
    ask_with(read, &token).good();
    ask_with(create, &token).rejected(403, "Forbidden");
    server.grant(&oid, "Cosmos DB Built-in Data Contributor", &format!("{account}/dbs/shop"));
    assert_eq!(ask_with(create, &token).status, 201);
    ask_with("POST /cosmos/strictdb/dbs", &token).rejected(403, "Forbidden");
    let own = server.token_for(&oid, "https://strictdb.documents.azure.com");
    ask_with(read, &own).good();
    for audience in [ARM, "https://other.documents.azure.com"] {
        ask_with(read, &server.token_for(&oid, audience)).rejected(401, "Unauthorized");
    }
    server.advance(Duration::from_secs(3599));
    ask_with(read, &token).rejected(401, "Unauthorized");

    let manager = server.token_for(&oid, ARM);
    let keys = format!("POST {account}/listKeys?api-version=2024-05-15");
    assert_eq!(call(&server, &keys, &manager).text("primaryMasterKey"), server.cosmos_keys("strictdb").0);
    let connections = format!("POST {account}/listConnectionStrings?api-version=2024-05-15");
    let told = call(&server, &connections, &manager).good();
    let text = told["connectionStrings"][0]["connectionString"].as_str().unwrap_or_default();
    assert!(
        text.starts_with("AccountEndpoint=https://strictdb.documents.azure.com:443/;AccountKey="),
        "{text}"
    );
}

/// Some clients go to the root of a host, and read the list of a container's parts until nothing is new.
#[test]
fn an_account_answers_at_the_root_of_a_port() {
    let (server, oid, account) = with_account();
    server.grant(&oid, "Cosmos DB Built-in Data Reader", &account);
    let opened = server.open_cosmos("strictdb");
    let token = encoded(&format!("type=aad&ver=1.0&sig={}", server.token_for(&oid, COSMOS)));
    let shown = [("authorization", &*token)];
    let ask = |line: &str, more: &[(&str, &str)]| {
        ask_at(&server, opened.address(), line, &[&shown, more].concat(), "")
    };
    let endpoint = format!("https://{}/", opened.address());
    assert_eq!(ask("GET /", &[]).good()["readableLocations"][0]["databaseAccountEndpoint"], endpoint);
    let parts = "GET /dbs/shop/colls/orders/pkranges";
    let list = ask(parts, &[]);
    let tag = list.header("etag").expect("a tag").to_owned();
    assert_eq!(list.good()["_count"], 1);
    assert_eq!(ask(parts, &[("if-none-match", &tag)]).status, 304);
    ask(parts, &[("if-none-match", "\"0\"")]).good();
    ask("GET /cosmos/strictdb/", &[]).rejected(404, "NotFound");
    server.take_back(&oid, "Cosmos DB Built-in Data Reader", &account);
    ask("GET /", &[]).rejected(403, "Forbidden");
}
