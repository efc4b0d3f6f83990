use super::super::jwt::Jwt;
use super::*;

const VERSION: &str = "api-version=2018-02-01";
const RESOURCE: &str = "resource=https://management.azure.com";

fn imds(server: &StrictAzure, query: &str) -> Reply {
    let line = format!("GET /metadata/identity/oauth2/token?{query}");
    ask_identity(server, &line, &[("metadata", "true")])
}

#[test]
fn a_machine_gives_the_identity_that_is_named() {
    let server = StrictAzure::start();
    let ask = |more: &str| imds(&server, &format!("{VERSION}&{RESOURCE}{more}"));
    ask("").refused_plainly(400, "Identity not found");
    let own = server.set_system_identity();
    let told = ask("");
    let body = told.good();
    // Numbers are text here.
    assert_eq!((&body["expires_in"], &body["resource"]), (&json!("86399"), &json!(ARM)));
    assert_eq!(body["expires_on"], (server.now() + 86_399).to_string());
    assert_eq!(Jwt::read(&told.text("access_token")).expect("a token").claim("oid"), own.object_id);
    let group = server.add_group(SUBSCRIPTION, "lab");
    let other = server.assign_identity(&group, "other");
    for more in [
        format!("&client_id={}", other.client_id),
        format!("&object_id={}", other.object_id),
        format!("&msi_res_id={}", encoded(&other.resource_id)),
    ] {
        assert_eq!(ask(&more).text("client_id"), other.client_id, "{more}");
    }
    ask("&client_id=nobody").refused_plainly(400, "Identity not found");
    ask(&format!("&client_id={}&object_id={}", other.client_id, other.object_id))
        .refused_plainly(400, "Identity not found");

    let line = format!("GET /metadata/identity/oauth2/token?{VERSION}&{RESOURCE}");
    ask_identity(&server, &line, &[]).refused_plainly(400, "metadata header");
    ask_identity(&server, &line, &[("metadata", "true"), ("x-forwarded-for", "1.2.3.4")])
        .refused_plainly(400, "X-Forwarded-For");
    assert_eq!(imds(&server, RESOURCE).status, 400);
    imds(&server, VERSION).refused_plainly(400, "resource");
    imds(&server, &format!("{VERSION}&resource=https://example.com")).refused(
        400,
        "invalid_resource",
        500_011,
    );
    server.set_life(Some(Duration::from_secs(60)));
    assert_eq!(ask("").good()["expires_in"], "60");
    // The TLS port answers the same.
    super::ask(&server, &line, &[("metadata", "true")], "").good();
}

#[test]
fn which_of_several_has_to_be_said() {
    let server = StrictAzure::start();
    let group = server.add_group(SUBSCRIPTION, "lab");
    let ask = || imds(&server, &format!("{VERSION}&{RESOURCE}"));
    let one = server.assign_identity(&group, "one");
    assert_eq!(ask().text("client_id"), one.client_id);
    server.assign_identity(&group, "two");
    ask().refused_plainly(400, "Multiple user assigned identities");
}

#[test]
fn an_app_service_wants_its_header() {
    let server = StrictAzure::start();
    let own = server.set_system_identity();
    let line = format!("GET /msi/token?api-version=2019-08-01&{RESOURCE}");
    assert_eq!(ask_identity(&server, &line, &[]).status, 404);
    let (endpoint, header) = server.set_app_service();
    assert_eq!(endpoint, format!("{}/msi/token", server.identity().url()));
    let shown = [("x-identity-header", &*header)];
    let told = ask_identity(&server, &line, &shown);
    assert_eq!(told.text("client_id"), own.client_id);
    assert_eq!(told.good()["expires_in"], Value::Null);
    for headers in [vec![], vec![("x-identity-header", "wrong")]] {
        let refused = ask_identity(&server, &line, &headers);
        assert_eq!((refused.status, refused.json()["statusCode"].as_u64()), (401, Some(401)), "{refused:?}");
    }
    let old = format!("GET /msi/token?api-version=2017-09-01&{RESOURCE}");
    assert_eq!(ask_identity(&server, &old, &shown).status, 400);
    assert_eq!(ask_identity(&server, &format!("{line}&client_id=nobody"), &shown).status, 400);
}

#[test]
fn a_machine_elsewhere_shows_that_it_may_read_a_file() {
    let server = StrictAzure::start();
    let own = server.set_system_identity();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token.key");
    let path = path.to_str().expect("a path that is text");
    server.set_arc(path);
    let line = format!("GET /metadata/identity/oauth2/token?api-version=2020-06-01&{RESOURCE}");
    let ask = |key: Option<&str>| {
        let basic = key.map(|key| format!("Basic {key}"));
        let basic = basic.as_deref().map(|basic| ("authorization", basic));
        let headers: Vec<_> = [("metadata", "true")].into_iter().chain(basic).collect();
        ask_identity(&server, &line, &headers)
    };
    let challenge = ask(None);
    let realm = format!("Basic realm={path}");
    assert_eq!((challenge.status, challenge.header("www-authenticate")), (401, Some(&*realm)));
    let key = std::fs::read_to_string(path).expect("the server has written it");
    assert_eq!(ask(Some("wrong")).status, 401);
    assert_eq!(ask(Some(&key)).text("client_id"), own.client_id);
    assert_eq!(ask(Some(&key)).status, 401, "it is good once");
}

impl Reply {
    /// It is the metadata service's refusal with these words.
    #[track_caller]
    fn refused_plainly(&self, status: u16, words: &str) {
        let body = self.json();
        assert_eq!((self.status, body["error"].as_str()), (status, Some("invalid_request")), "{self:?}");
        assert!(body["error_description"].as_str().unwrap_or_default().contains(words), "{self:?}");
    }
}
