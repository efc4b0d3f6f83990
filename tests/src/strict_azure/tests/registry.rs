use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::jwt::Jwt;
use super::*;

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

struct Setting {
    server: StrictAzure,
    oid: String,
    scope: String,
}

impl Setting {
    fn new() -> Self {
        let server = StrictAzure::start();
        let oid = server.add_app(TENANT, ROBOT);
        let group = server.add_group(SUBSCRIPTION, "lab");
        let scope = server.add_registry(&group, "strict");
        for repository in ["app", "team/tool", "zoo"] {
            server.add_image("strict", repository, "v1");
        }
        Self { server, oid, scope }
    }

    fn exchange(&self, more: &[(&str, &str)]) -> Reply {
        let token = self.server.token_for(&self.oid, REGISTRY);
        let usual = [
            ("grant_type", "access_token"),
            ("service", "strict.azurecr.io"),
            ("tenant", TENANT),
            ("access_token", &*token),
        ];
        let fields: Vec<_> = usual
            .iter()
            .map(|field| *more.iter().find(|(name, _)| *name == field.0).unwrap_or(field))
            .collect();
        form(&self.server, "/registry/strict/oauth2/exchange", &fields)
    }

    fn access(&self, refresh: &str, scope: &str) -> Reply {
        let fields = [
            ("grant_type", "refresh_token"),
            ("service", "strict.azurecr.io"),
            ("scope", scope),
            ("refresh_token", refresh),
        ];
        form(&self.server, "/registry/strict/oauth2/token", &fields)
    }

    fn ask(&self, line: &str, token: &str) -> Reply {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        call(&self.server, &format!("{method} /registry/strict{path}"), token)
    }
}

impl Reply {
    /// It is a registry's refusal with this code.
    #[track_caller]
    fn barred(&self, status: u16, code: &str) {
        let found = self.json()["errors"][0]["code"].as_str().map(str::to_owned);
        assert_eq!((self.status, found.as_deref()), (status, Some(code)), "{self:?}");
    }
}

#[test]
fn a_token_of_entra_is_exchanged_where_there_is_a_role() {
    let setting = Setting::new();
    let server = &setting.server;
    setting.exchange(&[]).barred(401, "UNAUTHORIZED");
    server.grant(&setting.oid, "AcrPull", &setting.scope);
    let refresh = setting.exchange(&[]).text("refresh_token");
    let jwt = Jwt::read(&refresh).expect("a token");
    assert_eq!((jwt.claim("aud"), jwt.time("exp")), ("strict.azurecr.io", Some(server.now() + 3 * 3600)));
    setting.exchange(&[("tenant", DOMAIN)]).good();
    setting.exchange(&[("tenant", "other")]).barred(401, "UNAUTHORIZED");
    setting.exchange(&[("service", "other.azurecr.io")]).barred(400, "INVALID_REQUEST");
    setting.exchange(&[("grant_type", "password")]).barred(400, "INVALID_REQUEST");
    let (manager, storage) = (server.token_for(&setting.oid, ARM), server.token_for(&setting.oid, STORAGE));
    setting.exchange(&[("access_token", &manager)]).good();
    setting.exchange(&[("access_token", &storage)]).barred(401, "UNAUTHORIZED");
    server.refuse_manager_tokens("strict");
    setting.exchange(&[("access_token", &manager)]).barred(401, "UNAUTHORIZED");
    // One kind is not the other.
    setting.exchange(&[("access_token", &refresh)]).barred(401, "UNAUTHORIZED");
    setting.ask("GET /v2/", &refresh).barred(401, "UNAUTHORIZED");
    let access = setting.access(&refresh, "repository:app:pull").text("access_token");
    setting.access(&access, "repository:app:pull").barred(401, "UNAUTHORIZED");
    setting.ask("GET /v2/", &access).good();
    server.advance(Duration::from_secs(75 * 60));
    setting.ask("GET /v2/", &access).barred(401, "UNAUTHORIZED");
    setting.access(&refresh, "repository:app:pull").good();
    server.advance(Duration::from_secs(3 * 3600));
    setting.access(&refresh, "repository:app:pull").barred(401, "UNAUTHORIZED");
}

#[test]
fn access_is_what_was_asked_for_and_what_the_role_allows() {
    let setting = Setting::new();
    let server = &setting.server;
    let challenge = setting.ask("GET /v2/app/manifests/v1", "");
    challenge.barred(401, "UNAUTHORIZED");
    let bare = ask(server, "GET /registry/strict/v2/", &[], "");
    let expected = format!(
        "Bearer realm=\"{}/registry/strict/oauth2/token\",service=\"strict.azurecr.io\"",
        server.url()
    );
    assert_eq!(bare.header("www-authenticate"), Some(&*expected));
    server.grant(&setting.oid, "AcrPull", &setting.scope);
    let refresh = setting.exchange(&[]).text("refresh_token");
    let token = |scope: &str| setting.access(&refresh, scope).text("access_token");
    let pull = token("repository:app:pull,push");
    let manifest = setting.ask("GET /v2/app/manifests/v1", &pull);
    assert_eq!(manifest.good()["schemaVersion"], 2);
    assert!(manifest.header("docker-content-digest").is_some_and(|it| it.starts_with("sha256:")));
    let config = manifest.good()["config"]["digest"].as_str().unwrap_or_default().to_owned();
    assert_eq!(setting.ask(&format!("GET /v2/app/blobs/{config}"), &pull).body, "{}");
    setting.ask("GET /v2/app/manifests/none", &pull).barred(404, "MANIFEST_UNKNOWN");
    let other = setting.ask("GET /v2/team/tool/manifests/v1", &pull);
    other.barred(401, "UNAUTHORIZED");
    assert!(other.header("www-authenticate").is_some_and(|it| it.ends_with("error=\"insufficient_scope\"")));
    setting.ask("GET /v2/team/tool/manifests/v1", &token("repository:team/tool:pull")).good();
    setting.ask("POST /v2/app/blobs/uploads/", &pull).barred(401, "UNAUTHORIZED");
    setting.access(&refresh, "nonsense").barred(400, "INVALID_REQUEST");

    let catalog = token("registry:catalog:*");
    setting.ask("GET /acr/v1/_catalog", &pull).barred(401, "UNAUTHORIZED");
    let first = setting.ask("GET /acr/v1/_catalog?n=2", &catalog);
    assert_eq!(first.good()["repositories"], json!(["app", "team/tool"]));
    let link = first.header("link").expect("another page").to_owned();
    let path = link.trim_start_matches('<').split('>').next().unwrap_or_default();
    let second = call(server, &format!("GET {path}"), &catalog);
    assert_eq!((&second.good()["repositories"], second.header("link")), (&json!(["zoo"]), None));
    let tags = setting.ask("GET /v2/app/tags/list", &pull).good();
    assert_eq!(tags["tags"], json!(["v1"]));

    server.grant(&setting.oid, "AcrPush", &setting.scope);
    let push = token("repository:fresh:pull,push");
    let begun = setting.ask("POST /v2/fresh/blobs/uploads/", &push);
    let place = begun.header("location").expect("a place").replace(&server.url(), "");
    let bearer = format!("Bearer {push}");
    let send = |line: &str, body: &str| ask(server, line, &[("authorization", &bearer)], body);
    assert_eq!(send(&format!("PATCH {place}"), "hel").header("range"), Some("0-2"));
    send(&format!("PUT {place}?digest=sha256:0"), "lo").barred(400, "DIGEST_INVALID");
    let begun = setting.ask("POST /v2/fresh/blobs/uploads/", &push);
    let place = begun.header("location").expect("a place").replace(&server.url(), "");
    // The sum of `hello`.
    let sum = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(send(&format!("PUT {place}?digest={sum}"), "hello").status, 201);
    assert_eq!(setting.ask(&format!("GET /v2/fresh/blobs/{sum}"), &push).body, "hello");
    assert_eq!(send("PUT /registry/strict/v2/fresh/manifests/v9", "{}").status, 201);
    assert_eq!(setting.ask("GET /v2/fresh/manifests/v9", &push).body, "{}");
}

#[test]
fn docker_shows_a_refresh_token_or_a_password() {
    let setting = Setting::new();
    let server = &setting.server;
    server.grant(&setting.oid, "AcrPull", &setting.scope);
    let refresh = setting.exchange(&[]).text("refresh_token");
    let opened = server.open_registry("strict");
    let host = opened.address().to_string();
    let login = |name: &str, password: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        let line = format!("GET /oauth2/token?service={host}&scope=repository:app:pull&account={name}");
        ask_at(server, opened.address(), &line, &[("authorization", &basic)], "")
    };
    let bare = ask_at(server, opened.address(), "GET /v2/", &[], "");
    let expected = format!("Bearer realm=\"https://{host}/oauth2/token\",service=\"{host}\"");
    assert_eq!(bare.header("www-authenticate"), Some(&*expected));
    let token = format!("Bearer {}", login(NOBODY, &refresh).text("access_token"));
    let pulled =
        ask_at(server, opened.address(), "GET /v2/app/manifests/v1", &[("authorization", &token)], "");
    pulled.good();
    login(NOBODY, "wrong").barred(401, "UNAUTHORIZED");
    // So does an access token, for what it is for and no more.
    server.grant(&setting.oid, "AcrPush", &setting.scope);
    let narrow = setting.access(&refresh, "repository:app:pull").text("access_token");
    let basic = format!("Basic {}", STANDARD.encode(format!("{NOBODY}:{narrow}")));
    let again = |scope: &str| {
        let line = format!("GET /oauth2/token?service={host}&scope={scope}");
        let told = ask_at(server, opened.address(), &line, &[("authorization", &basic)], "");
        Jwt::read(&told.text("access_token")).expect("a token").claims["access"][0]["actions"].clone()
    };
    assert_eq!(again("repository:app:pull,push"), json!(["pull"]));
    assert_eq!(again("repository:team/tool:pull"), json!([]));
    assert_eq!(again("registry:catalog:*"), json!([]));
    let secret = server.add_secret(ROBOT);
    login(ROBOT, &secret).good();
    login(ROBOT, "wrong").barred(401, "UNAUTHORIZED");
    login("strict", "wrong").barred(401, "UNAUTHORIZED");
    let password = server.set_registry_admin("strict");
    login("strict", &password).good();
    assert_eq!(opened.calls().count(), 11);

    let path = format!("{}/listCredentials?api-version=2023-07-01", setting.scope);
    let manager = server.token_for(&setting.oid, ARM);
    call(server, &format!("POST {path}"), &manager).denied(403, "AuthorizationFailed");
    server.grant(&setting.oid, "Contributor", &setting.scope);
    assert_eq!(call(server, &format!("POST {path}"), &manager).good()["passwords"][0]["value"], password);
    let group = setting.scope.split("/providers").next().expect("a group");
    let plain = server.add_registry(group, "plain");
    server.grant(&setting.oid, "Contributor", &plain);
    let path = format!("{plain}/listCredentials?api-version=2023-07-01");
    call(server, &format!("POST {path}"), &manager).denied(400, "UnAuthorizedForCredentialOperations");
    let told = get(server, &format!("{plain}?api-version=2023-07-01"), &manager).good();
    assert_eq!(told["properties"]["loginServer"], "plain.azurecr.io");
}
