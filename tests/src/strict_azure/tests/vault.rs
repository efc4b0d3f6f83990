use super::*;

const VAULT: &str = "https://vault.azure.net";

fn with_vault() -> (StrictAzure, String, String) {
    let server = StrictAzure::start();
    let oid = server.add_app(TENANT, ROBOT);
    let group = server.add_group(SUBSCRIPTION, "lab");
    let vault = server.add_vault(&group, "strict-vault");
    let token = server.token_for(&oid, VAULT);
    server.grant(&oid, "Key Vault Secrets User", &vault);
    (server, oid, token)
}

fn list(server: &StrictAzure, path: &str, token: &str) -> (Vec<String>, Option<String>) {
    let told = get(server, path, token).good();
    let all = told["value"].as_array().cloned().unwrap_or_default();
    let ids = all.iter().map(|it| it["id"].as_str().unwrap_or_default().to_owned()).collect();
    (ids, told["nextLink"].as_str().map(str::to_owned))
}

#[test]
fn secrets_are_read_by_name_and_by_version() {
    let (server, oid, token) = with_vault();
    let first = server.put_secret("strict-vault", "db", "one");
    let second = server.put_secret("strict-vault", "db", "two");
    let read =
        |end: &str| get(&server, &format!("/vault/strict-vault/secrets/db{end}api-version=7.4"), &token);
    assert_eq!(read("?").text("value"), "two");
    assert_eq!(read("/?").text("id"), format!("https://strict-vault.vault.azure.net/secrets/db/{second}"));
    assert_eq!(read(&format!("/{first}?")).text("value"), "one");
    read("/unknown?").denied(404, "SecretNotFound");
    get(&server, "/vault/strict-vault/secrets/none?api-version=7.4", &token).denied(404, "SecretNotFound");
    get(&server, "/vault/strict-vault/secrets/db", &token).denied(400, "BadParameter");
    let versions = list(&server, "/vault/strict-vault/secrets/db/versions?api-version=7.4", &token).0;
    assert_eq!(versions.len(), 2);
    server.disable_secret("strict-vault", "db");
    let disabled = read("?");
    disabled.denied(403, "Forbidden");
    assert_eq!(disabled.json()["error"]["innererror"]["code"], "SecretDisabled");

    let put = |name: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        let line = format!("PUT /vault/strict-vault/secrets/{name}?api-version=7.4");
        ask(&server, &line, &headers, body)
    };
    let refused = put("new", r#"{"value":"three"}"#);
    refused.denied(403, "Forbidden");
    assert_eq!(refused.json()["error"]["innererror"]["code"], "ForbiddenByRbac");
    server.grant(&oid, "Key Vault Secrets Officer", "/");
    assert_eq!(put("new", r#"{"value":"three","tags":{"a":"b"}}"#).good()["tags"]["a"], "b");
    assert_eq!(server.secret("strict-vault", "new").as_deref(), Some("three"));
    put("new_one", r#"{"value":"x"}"#).denied(400, "BadParameter");
    put("new", "{}").denied(400, "BadParameter");
    call(&server, "DELETE /vault/strict-vault/secrets/new?api-version=7.4", &token).good();
    assert_eq!(server.secret("strict-vault", "new"), None);
}

#[test]
fn lists_name_secrets_and_come_page_by_page() {
    let (server, oid, token) = with_vault();
    for name in ["a", "b", "c"] {
        server.put_secret("strict-vault", name, name);
    }
    let path = "/vault/strict-vault/secrets?api-version=7.4&maxresults=2";
    let (ids, next) = list(&server, path, &token);
    assert_eq!(ids, ["a", "b"].map(|it| format!("https://strict-vault.vault.azure.net/secrets/{it}")));
    let next = next.expect("another page");
    let rest = list(&server, next.strip_prefix(&server.url()).expect("an address here"), &token);
    assert_eq!((rest.0.len(), rest.1), (1, None));
    get(&server, "/vault/strict-vault/secrets?api-version=7.4&maxresults=26", &token)
        .denied(400, "BadParameter");
    // A role for one secret shows that one alone.
    server.take_back(&oid, "Key Vault Secrets User", VAULT_ID);
    server.grant(&oid, "Key Vault Secrets User", &format!("{VAULT_ID}/secrets/b"));
    get(&server, path, &token).denied(403, "Forbidden");
    get(&server, "/vault/strict-vault/secrets/a?api-version=7.4", &token).denied(403, "Forbidden");
    assert_eq!(get(&server, "/vault/strict-vault/secrets/b?api-version=7.4", &token).text("value"), "b");
}

const VAULT_ID: &str = "/subscriptions/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/resourceGroups/lab/providers/\
                        Microsoft.KeyVault/vaults/strict-vault";

#[test]
fn who_shows_nothing_is_told_where_a_token_is_had() {
    let (server, oid, token) = with_vault();
    let line = "GET /vault/strict-vault/secrets?api-version=7.4";
    let challenge = ask(&server, line, &[], "");
    challenge.denied(401, "Unauthorized");
    let expected =
        format!("Bearer authorization=\"{}/{TENANT}\", resource=\"https://vault.azure.net\"", server.url());
    assert_eq!(challenge.header("www-authenticate"), Some(&*expected));
    call(&server, line, &token).good();
    call(&server, line, &server.token_for(&oid, ARM)).denied(401, "Unauthorized");
    let foreign = server.token_in("22222222-2222-4333-8444-555555555555", &oid, VAULT);
    call(&server, line, &foreign).denied(401, "Unauthorized");
    server.advance(Duration::from_secs(3599));
    call(&server, line, &token).denied(401, "Unauthorized");
}
