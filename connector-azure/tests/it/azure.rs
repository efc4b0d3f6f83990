//! An Azure in memory, as far as the kit needs one. It gives tokens for one service each to whoever shows what it knows,
//! and answers its services to their own tokens only, on the kit's clock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_conformance::{World, canary, decode_form, form_field};
use connector_core::{Clock, Error, Http, Request, Response, Result, async_trait, parse_time};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};

pub(crate) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
pub(crate) const SUBSCRIPTION: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
/// The program that people log in to where the config names none.
const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
/// The end of the token that was made elsewhere, sooner than the world's own would end.
pub(crate) const TOKEN_ENDS: &str = "2026-01-01T00:30:00Z";
const LIFE: Duration = Duration::from_secs(3599);

const ARM: &str = "https://management.azure.com";
const VAULT: &str = "https://vault.azure.net";
const AKS: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";
const REGISTRIES: &str = "https://containerregistry.azure.net";
const STORAGE: &str = "https://storage.azure.com";
const AUDIENCES: [&str; 6] = [ARM, VAULT, AKS, REGISTRIES, STORAGE, "https://my-cosmos.documents.azure.com"];
/// The blob service of the one storage account.
const BLOBS: &str = "https://mystorage.blob.core.windows.net";

/// The certificate of [`CLIENT`] with its key, as a file holds them, and the half that Azure has.
pub(crate) fn certificate() -> &'static (String, Vec<u8>) {
    static MADE: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let pair = RsaPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("its form");
        let body = STANDARD.encode(der.as_ref());
        let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        let signer = KeyPair::from_pem_and_sign_algo(&key, &PKCS_RSA_SHA256).expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an application");
        let certificate = params.self_signed(&signer).expect("a certificate").pem();
        (format!("{certificate}{key}"), pair.public_key().as_ref().to_vec())
    })
}

struct Given {
    audience: String,
    end: SystemTime,
}

pub(crate) struct Azure {
    world: World,
    given: Mutex<HashMap<String, Given>>,
    /// There is a metadata service.
    has_machine: bool,
}

type Answer = (u16, Value);

fn refused(error: &str, number: u32) -> Answer {
    let description = format!("AADSTS{number}: {}", canary("echo"));
    (400, json!({ "error": error, "error_description": description, "error_codes": [number] }))
}

fn denied(status: u16, code: &str) -> Answer {
    (status, json!({ "error": { "code": code, "message": canary("echo") } }))
}

fn not_found() -> Answer {
    denied(404, "ResourceNotFound")
}

impl Azure {
    pub(crate) fn new(world: &World) -> Self {
        Self { world: world.clone(), given: Mutex::default(), has_machine: true }
    }

    /// The same for a machine that is none of Azure's.
    pub(crate) fn without_machine(world: &World) -> Self {
        Self { has_machine: false, ..Self::new(world) }
    }

    fn now(&self) -> SystemTime {
        self.world.clock().now()
    }

    fn seconds(&self) -> u64 {
        self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn given(&self) -> MutexGuard<'_, HashMap<String, Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token for a service.
    fn make(&self, audience: &str, life: Duration) -> String {
        let mut given = self.given();
        let token = canary(&format!("issued-{}", given.len()));
        self.world.issued(&token, life);
        given.insert(token.clone(), Given { audience: audience.to_owned(), end: self.now() + life });
        token
    }

    /// Whether a request carries a good token for one of these services.
    fn is_for(&self, shown: &str, audiences: &[&str]) -> bool {
        // What the method `access-token` is given was made elsewhere, for Resource Manager.
        if shown == canary("token") {
            let end = parse_time(TOKEN_ENDS).expect("a time");
            return end > self.now() && audiences.contains(&ARM);
        }
        let given = self.given();
        given.get(shown).is_some_and(|it| it.end > self.now() && audiences.contains(&&*it.audience))
    }

    fn granted(&self, form: &[(String, String)], is_person: bool) -> Answer {
        let scopes = form_field(form, "scope").unwrap_or_default();
        let mut scopes = scopes.split(' ');
        let audience = scopes.next().and_then(|it| it.strip_suffix("/.default")).unwrap_or_default();
        let rest: Vec<_> = scopes.collect();
        let is_asked_well = if is_person { rest == ["offline_access"] } else { rest.is_empty() };
        if !is_asked_well || !AUDIENCES.contains(&audience) {
            return refused("invalid_scope", 70_011);
        }
        let token = self.make(audience, LIFE);
        let mut answer =
            json!({ "access_token": token, "expires_in": LIFE.as_secs(), "token_type": "Bearer" });
        if is_person {
            answer["refresh_token"] = json!(canary("refresh_token"));
        }
        (200, answer)
    }

    /// The token endpoint of a directory.
    fn token(&self, url: &str, tenant: &str, form: &[(String, String)]) -> Answer {
        let field = |name| form_field(form, name).unwrap_or_default();
        let is_person = field("client_id") == AZ;
        match field("grant_type") {
            "client_credentials" if tenant != TENANT => refused("invalid_request", 90_002),
            "client_credentials" if field("client_id") != CLIENT => refused("unauthorized_client", 700_016),
            "client_credentials" => {
                let is_proven = match form_field(form, "client_secret") {
                    Some(secret) => secret == canary("client_secret"),
                    None => {
                        let shown = field("client_assertion");
                        let is_elsewhere =
                            [canary("federated_token"), canary("subject")].iter().any(|it| it == shown);
                        field("client_assertion_type")
                            == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                            && (is_elsewhere || self.is_signed(url, shown))
                    }
                };
                if is_proven { self.granted(form, false) } else { refused("invalid_client", 7_000_215) }
            }
            "refresh_token" if is_person && field("refresh_token") == canary("refresh_token") => {
                self.granted(form, true)
            }
            "authorization_code"
                if is_person
                    && field("code") == canary("code")
                    && field("code_verifier").len() >= 43
                    && field("redirect_uri") == "http://localhost:45678" =>
            {
                self.granted(form, true)
            }
            _ => refused("invalid_grant", 9_002_313),
        }
    }

    /// Whether an assertion is by the application's key, for this endpoint, and for now.
    fn is_signed(&self, url: &str, assertion: &str) -> bool {
        let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else { return false };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        let message = format!("{header}.{claims}");
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &certificate().1);
        if public.verify(message.as_bytes(), &decode(signature)).is_err() {
            return false;
        }
        let [header, claims] =
            [header, claims].map(|it| serde_json::from_slice::<Value>(&decode(it)).unwrap_or_default());
        let (begin, end) = (claims["nbf"].as_u64().unwrap_or(u64::MAX), claims["exp"].as_u64().unwrap_or(0));
        header["alg"] == "PS256"
            && header["x5t#S256"].is_string()
            && claims["iss"] == CLIENT
            && claims["sub"] == CLIENT
            && claims["aud"] == url
            && begin <= self.seconds() + 300
            && self.seconds() < end
            && end - begin <= 600
    }

    /// The identity of the machine: a token that it keeps, so that some of its life is over.
    fn machine(&self, request: &Request, query: &str) -> Answer {
        let asked = decode_form(query.as_bytes());
        let field = |name| form_field(&asked, name).unwrap_or_default();
        let is_its_own = form_field(&asked, "client_id").is_none_or(|it| it == CLIENT);
        if header(request, "metadata") != Some("true") || field("api-version") != "2018-02-01" || !is_its_own
        {
            return (400, json!({ "error": "invalid_request", "error_description": "Identity not found" }));
        }
        if !AUDIENCES.contains(&field("resource")) {
            return (400, json!({ "error": "invalid_resource", "error_description": "AADSTS500011: no" }));
        }
        let left = LIFE * 5;
        let token = self.make(field("resource"), left);
        let end = self.seconds() + left.as_secs();
        let answer = json!({
            "access_token": token, "expires_in": (left.as_secs() + 999).to_string(), "expires_on": end.to_string(),
            "token_type": "Bearer", "resource": field("resource"), "client_id": CLIENT,
        });
        (200, answer)
    }

    /// A service, for a token of its own.
    fn service(&self, request: &Request, url: &str) -> Answer {
        let bearer =
            header(request, "authorization").and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
        let path = url.split_once('?').map_or(url, |(path, _)| path);
        if let Some(path) = path.strip_prefix(ARM) {
            return match self.is_for(bearer, &[ARM]) {
                true => manager(request.method(), path),
                false => denied(401, "InvalidAuthenticationToken"),
            };
        }
        if let Some(path) = path.strip_prefix("https://zen-vault.vault.azure.net") {
            return match (self.is_for(bearer, &[VAULT]), path) {
                (false, _) => denied(401, "Unauthorized"),
                (true, "/secrets") => (
                    200,
                    json!({ "value": [{ "id": "https://zen-vault.vault.azure.net/secrets/db-password" }] }),
                ),
                (true, "/secrets/db-password") => (200, json!({ "value": canary("stored") })),
                _ => denied(404, "SecretNotFound"),
            };
        }
        if let Some(path) = path.strip_prefix(BLOBS) {
            let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
            return self.blobs(request, path, &decode_form(query.as_bytes()), bearer);
        }
        match path.strip_prefix("https://zenfiles.azurecr.io") {
            Some(path) => self.registry(path, &decode_form(request.body()), bearer),
            None => not_found(),
        }
    }

    /// Blob Storage, which speaks XML: for its tokens, and for signatures that have not ended.
    fn blobs(&self, request: &Request, path: &str, query: &[(String, String)], bearer: &str) -> Answer {
        let field = |name| form_field(query, name).unwrap_or_default();
        let is_signed = !field("sig").is_empty() && parse_time(field("se")).is_ok_and(|it| it > self.now());
        let xml = |text: String| (200, Value::String(text));
        match (request.method(), path, field("comp")) {
            _ if header(request, "x-ms-version").is_none() => denied(400, "MissingRequiredHeader"),
            _ if !is_signed && !self.is_for(bearer, &[STORAGE]) => denied(403, "AuthenticationFailed"),
            ("GET", "/", "list") => {
                xml("<EnumerationResults><Containers><Container><Name>my-container</Name>\
                </Container></Containers><NextMarker/></EnumerationResults>"
                    .to_owned())
            }
            ("POST", "/", "userdelegationkey") => {
                let body = String::from_utf8_lossy(request.body());
                let said = |tag: &str| {
                    let rest = body.split_once(&format!("<{tag}>")).map(|(_, rest)| rest).unwrap_or_default();
                    rest.split_once('<').map(|(text, _)| text.to_owned()).unwrap_or_default()
                };
                let value = STANDARD.encode(canary(&format!("delegation-{}", self.given().len())));
                xml(format!(
                    "<?xml version=\"1.0\"?><UserDelegationKey><SignedOid>{CLIENT}</SignedOid><SignedTid>{TENANT}</SignedTid>\
                     <SignedStart>{}</SignedStart><SignedExpiry>{}</SignedExpiry><SignedService>b</SignedService>\
                     <SignedVersion>2022-11-02</SignedVersion><Value>{value}</Value></UserDelegationKey>",
                    said("Start"),
                    said("Expiry"),
                ))
            }
            ("GET", "/my-container", "list") => {
                xml("<EnumerationResults><Blobs/></EnumerationResults>".to_owned())
            }
            ("HEAD" | "DELETE", it, _) if it.starts_with("/my-container/") => denied(404, "BlobNotFound"),
            _ => denied(404, "ContainerNotFound"),
        }
    }

    fn registry(&self, path: &str, form: &[(String, String)], bearer: &str) -> Answer {
        const ENTERED: &str = "zenfiles.azurecr.io";
        let field = |name| form_field(form, name).unwrap_or_default();
        let no = (401, json!({ "errors": [{ "code": "UNAUTHORIZED", "message": canary("echo") }] }));
        match path {
            "/oauth2/exchange"
                if field("service") == ENTERED && self.is_for(field("access_token"), &[ARM, REGISTRIES]) =>
            {
                (200, json!({ "refresh_token": self.of_registry(ENTERED, &Value::Null, 3 * 3600) }))
            }
            "/oauth2/token" if self.is_for(field("refresh_token"), &[ENTERED]) => {
                let scope = field("scope").to_owned();
                let [_, name, actions] = scope.splitn(3, ':').collect::<Vec<_>>()[..] else { return no };
                let actions: Vec<_> = actions.split(',').collect();
                let access = json!([{ "type": "repository", "name": name, "actions": actions }]);
                (200, json!({ "access_token": self.of_registry(&scope, &access, 4500) }))
            }
            _ if path.starts_with("/v2/") && self.given().contains_key(bearer) => {
                (200, json!({ "tags": [] }))
            }
            _ => no,
        }
    }

    /// A token of the registry's own, which tells its end.
    fn of_registry(&self, audience: &str, access: &Value, seconds: u64) -> String {
        let number = self.given().len();
        let claims = json!({ "exp": self.seconds() + seconds, "access": access, "jti": canary(&format!("jti-{number}")) });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.c2ln", part(&json!({ "alg": "RS256" })), part(&claims));
        let life = Duration::from_secs(seconds);
        self.world.issued(&token, life);
        self.given().insert(token.clone(), Given { audience: audience.to_owned(), end: self.now() + life });
        token
    }
}

/// Resource Manager, to whom it knows.
fn manager(method: &str, path: &str) -> Answer {
    let of = format!("/subscriptions/{SUBSCRIPTION}");
    let in_group = |kind: &str, name: &str| format!("{of}/resourceGroups/my-group/providers/{kind}/{name}");
    let (clusters, registries) =
        ("Microsoft.ContainerService/managedClusters", "Microsoft.ContainerRegistry/registries");
    let one = json!({ "subscriptionId": SUBSCRIPTION, "displayName": "Production", "state": "Enabled" });
    let cluster = json!({ "id": in_group(clusters, "demo"), "name": "demo", "properties": {} });
    let registry = json!({
        "id": in_group(registries, "zenfiles"), "name": "zenfiles",
        "properties": { "loginServer": "zenfiles.azurecr.io", "adminUserEnabled": false },
    });
    let list = |value: Value| (200, json!({ "value": [value] }));
    match (method, path) {
        ("GET", "/subscriptions") => list(one),
        ("GET", it) if it == of => (200, one),
        ("GET", it) if it == format!("{of}/providers/{clusters}") => list(cluster),
        ("GET", it) if it == in_group(clusters, "demo") => (200, cluster),
        ("POST", it) if it == format!("{}/listClusterUserCredential", in_group(clusters, "demo")) => {
            let value = STANDARD.encode(kubeconfig().to_string());
            (200, json!({ "kubeconfigs": [{ "name": "clusterUser", "value": value }] }))
        }
        ("GET", it) if it == format!("{of}/providers/{registries}") => list(registry),
        ("GET", it) if it == in_group(registries, "zenfiles") => (200, registry),
        ("GET", it) if it == format!("{of}/providers/Microsoft.DocumentDB/databaseAccounts") => {
            let id = in_group("Microsoft.DocumentDB/databaseAccounts", "my-cosmos");
            list(json!({ "id": id, "name": "my-cosmos", "kind": "GlobalDocumentDB" }))
        }
        ("GET", it) if it == format!("{of}/providers/Microsoft.Storage/storageAccounts") => list(
            json!({ "id": in_group("Microsoft.Storage/storageAccounts", "mystorage"), "name": "mystorage" }),
        ),
        ("GET", it) if it == format!("{of}/providers/Microsoft.KeyVault/vaults") => {
            list(json!({ "id": in_group("Microsoft.KeyVault/vaults", "zen-vault"), "name": "zen-vault" }))
        }
        _ => not_found(),
    }
}

/// The kubeconfig of a cluster that logs in with Entra ID.
fn kubeconfig() -> Value {
    let authority = STANDARD.encode("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "demo",
        "clusters": [{ "name": "demo", "cluster": {
            "server": "https://demo-dns-1234.hcp.westeurope.azmk8s.io:443", "certificate-authority-data": authority,
        } }],
        "contexts": [{ "name": "demo", "context": { "cluster": "demo", "user": "clusterUser_my-group_demo" } }],
        "users": [{ "name": "clusterUser_my-group_demo", "user": { "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin",
            "args": ["get-token", "--server-id", AKS, "--tenant-id", TENANT, "--login", "devicecode"],
        } } }],
    })
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().iter().find(|(it, _)| it == name).map(|(_, value)| value.as_ref())
}

#[async_trait]
impl Http for Azure {
    async fn send(&self, request: Request) -> Result<Response> {
        let url = request.url().to_owned();
        let (status, answer) =
            if let Some(query) = url.strip_prefix("http://169.254.169.254/metadata/identity/oauth2/token?") {
                if !self.has_machine {
                    return Err(Error::unreachable("nobody is at this address"));
                }
                self.machine(&request, query)
            } else if let Some(path) = url.strip_prefix("https://login.microsoftonline.com/") {
                match path.strip_suffix("/oauth2/v2.0/token") {
                    Some(tenant) => self.token(&url, tenant, &decode_form(request.body())),
                    None => refused("invalid_request", 900_144),
                }
            } else {
                self.service(&request, &url)
            };
        // The codes of Blob Storage stand in a header, since a look has no body.
        let code =
            answer["error"]["code"].as_str().map(|code| ("x-ms-error-code".to_owned(), code.to_owned()));
        let body = match answer {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(Response::new(status, code.into_iter().collect(), body.into_bytes()))
    }
}
