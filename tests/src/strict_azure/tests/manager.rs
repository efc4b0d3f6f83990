use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::strict_kubernetes::Login;

const VERSION: &str = "api-version=2024-05-01";
const CLUSTERS: &str = "providers/Microsoft.ContainerService/managedClusters";

/// A server with a program, its id and its token.
fn with_robot() -> (StrictAzure, String, String) {
    let server = StrictAzure::start();
    let oid = server.add_app(TENANT, ROBOT);
    let token = server.token_for(&oid, ARM);
    (server, oid, token)
}

fn names(body: &Value) -> Vec<String> {
    let all = body["value"].as_array().cloned().unwrap_or_default();
    all.iter().map(|it| it["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn tokens_are_for_the_resource_manager_and_of_the_tenant() {
    let (server, oid, token) = with_robot();
    let path = format!("/subscriptions/{SUBSCRIPTION}?{VERSION}");
    server.grant(&oid, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    let told = get(&server, &path, &token).good();
    assert_eq!((told["tenantId"].as_str(), told["state"].as_str()), (Some(TENANT), Some("Enabled")));
    let missing = ask(&server, &format!("GET {path}"), &[], "");
    missing.denied(401, "AuthenticationFailed");
    let authority = format!("Bearer authorization_uri=\"{}/{TENANT}\"", server.url());
    assert!(missing.header("www-authenticate").is_some_and(|it| it.starts_with(&authority)), "{missing:?}");
    get(&server, &path, "no.token").denied(401, "InvalidAuthenticationToken");
    let other = server.token_for(&oid, STORAGE);
    get(&server, &path, &other).denied(401, "InvalidAuthenticationTokenAudience");
    server.revoke(&token);
    get(&server, &path, &token).denied(401, "InvalidAuthenticationToken");
    let token = server.token_for(&oid, &format!("{ARM}/"));
    get(&server, &path, &token).good();
    let foreign = server.token_in("22222222-2222-4333-8444-555555555555", &oid, ARM);
    get(&server, &path, &foreign).denied(401, "InvalidAuthenticationTokenTenant");
    server.throttle(1, 17);
    let busy = get(&server, &path, &token);
    busy.denied(429, "TooManyRequests");
    assert_eq!(busy.header("retry-after"), Some("17"));
    server.advance(Duration::from_secs(3599));
    get(&server, &path, &token).denied(401, "ExpiredAuthenticationToken");

    let token = server.token_for(&oid, ARM);
    for (query, code) in [
        ("", "MissingApiVersionParameter"),
        ("?api-version=", "MissingApiVersionParameter"),
        ("?api-version=latest", "InvalidApiVersionParameter"),
        ("?api-version=2044-01-01", "InvalidApiVersionParameter"),
    ] {
        get(&server, &format!("/subscriptions{query}"), &token).denied(400, code);
    }
    get(&server, "/subscriptions?API-Version=2022-12-01", &token).good();
    get(&server, &format!("/subscriptions/unknown?{VERSION}"), &token).denied(404, "SubscriptionNotFound");
    let tenants = get(&server, &format!("/tenants?{VERSION}"), &token).good();
    assert_eq!(tenants["value"][0]["tenantId"], TENANT);
}

#[test]
fn roles_hold_at_their_scope_and_below() {
    let (server, oid, token) = with_robot();
    let group = server.add_group(SUBSCRIPTION, "Lab");
    let other = server.add_group(SUBSCRIPTION, "other");
    let cluster = || Cluster::at("https://demo.hcp.westeurope.azmk8s.io:443", "CA");
    let demo = server.add_cluster(&group, "demo", cluster());
    server.add_cluster(&other, "hidden", cluster());
    let ask = |path: &str| get(&server, &format!("{path}?{VERSION}"), &token);
    assert_eq!(names(&ask("/subscriptions").good()), Vec::<String>::new());
    ask(&format!("/subscriptions/{SUBSCRIPTION}")).denied(403, "AuthorizationFailed");
    server.grant(&oid, "Reader", &group);
    // One that may see a part is told of the whole, but not what else is in it.
    assert_eq!(ask("/subscriptions").good()["value"][0]["subscriptionId"], SUBSCRIPTION);
    assert_eq!(names(&ask(&format!("/subscriptions/{SUBSCRIPTION}/resourcegroups")).good()), ["Lab"]);
    ask(&format!("/subscriptions/{SUBSCRIPTION}/{CLUSTERS}")).denied(403, "AuthorizationFailed");
    assert_eq!(names(&ask(&format!("{group}/{CLUSTERS}")).good()), ["demo"]);
    // Case means nothing.
    let told = ask(&demo.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")).good();
    assert_eq!(told["id"], demo);
    assert_eq!(told["properties"]["aadProfile"]["tenantID"], TENANT);
    ask(&format!("{group}/{CLUSTERS}/unknown")).denied(404, "ResourceNotFound");
    ask(&format!("{other}/{CLUSTERS}/hidden")).denied(403, "AuthorizationFailed");
    ask(&format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/none")).denied(403, "AuthorizationFailed");
    server.grant(&oid, "Reader", &format!("/subscriptions/{SUBSCRIPTION}"));
    ask(&format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/none/{CLUSTERS}"))
        .denied(404, "ResourceGroupNotFound");
    assert_eq!(names(&ask(&format!("/subscriptions/{SUBSCRIPTION}/{CLUSTERS}")).good()), ["demo", "hidden"]);
    ask(&format!("{group}/providers/Microsoft.Unheard/of")).denied(404, "InvalidResourceType");

    let permissions = ask(&format!("{demo}/providers/Microsoft.Authorization/permissions")).good();
    assert_eq!(permissions["value"].as_array().map(Vec::len), Some(2));
    assert_eq!(permissions["value"][0]["actions"], json!(["*/read"]));
    server.close_subscription(SUBSCRIPTION);
    ask(&demo).denied(403, "AuthorizationFailed");
    assert_eq!(ask("/subscriptions").good()["value"].as_array().map(Vec::len), Some(1));
}

#[test]
fn lists_come_page_by_page() {
    let (server, oid, token) = with_robot();
    let group = server.add_group(SUBSCRIPTION, "lab");
    server.grant(&oid, "Reader", "/");
    for name in ["a", "b", "c"] {
        server.add_cluster(&group, name, Cluster::at("https://x", "CA"));
    }
    server.limit_pages(Some(2));
    let first = get(&server, &format!("/subscriptions/{SUBSCRIPTION}/{CLUSTERS}?{VERSION}"), &token).good();
    assert_eq!(names(&first), ["a", "b"]);
    let next = first["nextLink"].as_str().expect("another page");
    let path = next.strip_prefix(&server.url()).expect("an address here");
    let second = get(&server, path, &token).good();
    assert_eq!((names(&second), &second["nextLink"]), (vec!["c".to_owned()], &Value::Null));
}

#[test]
fn kubeconfigs_are_for_who_may_have_them() {
    let (server, oid, token) = with_robot();
    let group = server.add_group(SUBSCRIPTION, "lab");
    let by_entra = Cluster::at("https://a", "CA").with_admin(Login::Token("admin-token".to_owned()));
    let demo = server.add_cluster(&group, "demo", by_entra);
    let plain = Cluster::at("https://b", "CA").without_entra(Login::Token("user-token".to_owned()));
    let plain = server.add_cluster(&group, "plain", plain);
    let closed =
        server.add_cluster(&group, "closed", Cluster::at("https://c", "CA").without_local_accounts());
    let post = |id: &str, action: &str, more: &str| {
        call(&server, &format!("POST {id}/{action}?{VERSION}{more}"), &token)
    };
    let text = |reply: &Reply| {
        let value = reply.good()["kubeconfigs"][0]["value"].as_str().unwrap_or_default().to_owned();
        String::from_utf8(STANDARD.decode(value).expect("base64")).expect("text")
    };
    let (user, admin) = ("listClusterUserCredential", "listClusterAdminCredential");
    post(&demo, user, "").denied(403, "AuthorizationFailed");
    server.grant(&oid, "Azure Kubernetes Service Cluster User Role", &group);
    let told = text(&post(&demo, user, "&format=exec"));
    assert!(told.contains("kubelogin") && told.contains("6dae42f8-4368-4678-94ff-3960e28e3630"), "{told}");
    assert!(text(&post(&demo, user, "&format=azure")).contains("auth-provider"));
    assert!(text(&post(&plain, user, "")).contains("user-token"));
    post(&demo, user, "&format=other").denied(400, "InvalidParameter");
    post(&demo, admin, "").denied(403, "AuthorizationFailed");
    server.grant(&oid, "Azure Kubernetes Service Cluster Admin Role", &group);
    assert!(text(&post(&demo, admin, "")).contains("admin-token"));
    post(&closed, admin, "").denied(400, "BadRequest");
    get(&server, &format!("{demo}/{user}?{VERSION}"), &token).denied(404, "InvalidResourceType");
}

#[test]
fn storage_accounts_tell_their_containers_and_keys() {
    let (server, oid, token) = with_robot();
    let group = server.add_group(SUBSCRIPTION, "lab");
    let account = server.add_storage_account(&group, "strictdata");
    server.add_container("strictdata", "one");
    server.add_container("strictdata", "two");
    server.grant(&oid, "Reader", &group);
    let ask = |path: &str| get(&server, &format!("{path}?{VERSION}"), &token);
    let told = ask(&account).good();
    assert_eq!(told["properties"]["allowSharedKeyAccess"], true);
    assert_eq!(told["properties"]["primaryEndpoints"]["blob"], "https://strictdata.blob.core.windows.net/");
    let containers = format!("{account}/blobServices/default/containers");
    assert_eq!(names(&ask(&containers).good()), ["one", "two"]);
    ask(&format!("{containers}/one")).good();
    ask(&format!("{containers}/none")).denied(404, "ContainerNotFound");
    let keys = || call(&server, &format!("POST {account}/listKeys?{VERSION}"), &token);
    keys().denied(403, "AuthorizationFailed");
    server.grant(&oid, "Storage Account Key Operator Service Role", &account);
    assert_eq!(keys().good()["keys"][0]["value"], server.account_key("strictdata"));
}
