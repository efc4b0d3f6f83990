//! A Google in memory, as far as the kit needs one. It gives tokens to whoever shows what it knows, narrows them once,
//! and answers its services to those tokens only, on the kit's clock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_conformance::{World, canary, decode_form, form_field};
use connector_core::{Clock, Http, Request, Response, Result, async_trait, format_time, parse_time};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "deployer@my-project.iam.gserviceaccount.com";
pub(crate) const TARGET: &str = "target@my-project.iam.gserviceaccount.com";
pub(crate) const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/github";
/// The end of the token that was made elsewhere, sooner than an hour after the world begins.
pub(crate) const TOKEN_ENDS: &str = "2026-01-01T00:30:00Z";
const HOUR: Duration = Duration::from_secs(3600);

/// The key of [`ACCOUNT`], as its file holds it, and the half that Google has.
pub(crate) fn key() -> &'static (String, Vec<u8>) {
    static KEY: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("its form");
        let body = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        (pem, pair.public_key().as_ref().to_vec())
    })
}

struct Given {
    end: SystemTime,
    narrowed: bool,
}

pub(crate) struct Google {
    world: World,
    given: Mutex<HashMap<String, Given>>,
}

type Answer = (u16, Value);

fn refused(error: &str) -> Answer {
    (400, json!({ "error": error, "error_description": format!("Bad: {}", canary("echo")) }))
}

fn denied(status: u16) -> Answer {
    let status_word = if status == 401 { "UNAUTHENTICATED" } else { "PERMISSION_DENIED" };
    (status, json!({ "error": { "code": status, "status": status_word, "message": "no" } }))
}

impl Google {
    pub(crate) fn new(world: &World) -> Self {
        Self { world: world.clone(), given: Mutex::default() }
    }

    fn now(&self) -> SystemTime {
        self.world.clock().now()
    }

    fn given(&self) -> MutexGuard<'_, HashMap<String, Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token.
    fn make(&self, end: SystemTime, narrowed: bool) -> String {
        let mut given = self.given();
        let token = canary(&format!("issued-{}", given.len()));
        self.world.issued(&token, end.duration_since(self.now()).unwrap_or_default());
        given.insert(token.clone(), Given { end, narrowed });
        token
    }

    fn granted(&self) -> Answer {
        self.granted_for(HOUR)
    }

    fn granted_for(&self, life: Duration) -> Answer {
        let token = self.make(self.now() + life, false);
        (200, json!({ "access_token": token, "expires_in": life.as_secs(), "token_type": "Bearer" }))
    }

    /// The end of a token that is known and has not ended, and whether it is narrowed.
    fn known(&self, token: &str) -> Option<(SystemTime, bool)> {
        let given = self.given();
        // What the method `oauth2-token` is given was made elsewhere.
        if token == canary("token") {
            let end = parse_time(TOKEN_ENDS).expect("a time");
            return (end > self.now()).then_some((end, false));
        }
        given.get(token).filter(|it| it.end > self.now()).map(|it| (it.end, it.narrowed))
    }

    fn oauth(&self, form: &[(String, String)]) -> Answer {
        let field = |name| form_field(form, name).unwrap_or_default();
        let client_is_known =
            field("client_id") == "client" && field("client_secret") == canary("client_secret");
        match field("grant_type") {
            "urn:ietf:params:oauth:grant-type:jwt-bearer" if self.is_signed(field("assertion")) => {
                self.granted()
            }
            "refresh_token" if !client_is_known => refused("invalid_client"),
            "refresh_token" if field("refresh_token") == canary("refresh_token") => self.granted(),
            "authorization_code" if client_is_known && field("code") == canary("code") => {
                let (status, mut answer) = self.granted();
                answer["refresh_token"] = json!(canary("refresh_token"));
                (status, answer)
            }
            _ => refused("invalid_grant"),
        }
    }

    /// Whether an assertion is by the account's key, for this endpoint, and for now.
    fn is_signed(&self, assertion: &str) -> bool {
        let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else { return false };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        let message = format!("{header}.{claims}");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key().1);
        if public.verify(message.as_bytes(), &decode(signature)).is_err() {
            return false;
        }
        let [header, claims] =
            [header, claims].map(|it| serde_json::from_slice::<Value>(&decode(it)).unwrap_or_default());
        let now = self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let (made, end) = (claims["iat"].as_u64().unwrap_or(u64::MAX), claims["exp"].as_u64().unwrap_or(0));
        header["alg"] == "RS256"
            && header["kid"] == "0123456789abcdef"
            && claims["iss"] == ACCOUNT
            && claims["aud"] == "https://oauth2.googleapis.com/token"
            && claims["scope"].as_str().is_some_and(|it| !it.is_empty())
            && made <= now + 300
            && now < end
            && end - made <= 3600
    }

    fn exchange(&self, form: &[(String, String)]) -> Answer {
        const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
        let field = |name| form_field(form, name).unwrap_or_default();
        if field("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange"
            || field("requested_token_type") != ACCESS_TOKEN
        {
            return refused("invalid_request");
        }
        if field("subject_token_type") != ACCESS_TOKEN {
            let is_subject = match field("subject_token_type") {
                "urn:ietf:params:oauth:token-type:jwt" => field("subject_token") == canary("subject"),
                "urn:ietf:params:aws:token-type:aws4_request" => is_for_aws(field("subject_token")),
                _ => false,
            };
            let is_known = is_subject && field("audience") == AUDIENCE && !field("scope").is_empty();
            return if is_known { self.granted() } else { refused("invalid_grant") };
        }
        // Narrowing: a token that was not narrowed, by one to ten rules of Cloud Storage.
        let options: Value = serde_json::from_str(field("options")).unwrap_or_default();
        let rules = options["accessBoundary"]["accessBoundaryRules"].as_array().cloned().unwrap_or_default();
        let is_rule = |rule: &Value| {
            rule["availableResource"]
                .as_str()
                .is_some_and(|it| it.starts_with("//storage.googleapis.com/projects/_/buckets/"))
                && rule["availablePermissions"].as_array().is_some_and(|it| !it.is_empty())
        };
        if !(1..=10).contains(&rules.len()) || !rules.iter().all(is_rule) {
            return refused("invalid_request");
        }
        match self.known(field("subject_token")) {
            // Its life is that of the token that it was made of, and nothing is said of it.
            Some((end, false)) => {
                let token = self.make(end, true);
                (
                    200,
                    json!({ "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer" }),
                )
            }
            _ => refused("invalid_grant"),
        }
    }

    fn generate(&self, url: &str, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let seconds =
            body["lifetime"].as_str().and_then(|it| it.strip_suffix('s')?.parse().ok()).unwrap_or(0);
        let has_scopes = body["scope"].as_array().is_some_and(|it| !it.is_empty());
        if !url.ends_with(&format!("/{TARGET}:generateAccessToken")) || !has_scopes {
            return denied(403);
        }
        if !(1..=43_200).contains(&seconds) {
            return (400, json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT" } }));
        }
        let end = self.now() + Duration::from_secs(seconds);
        (200, json!({ "accessToken": self.make(end, false), "expireTime": format_time(end) }))
    }

    fn metadata(&self, path: &str) -> (u16, String) {
        let path = path.split('?').next().unwrap_or_default();
        match path {
            "/computeMetadata/v1/instance/service-accounts/default/token" => {
                // What is left of a token that it keeps.
                let (status, answer) = self.granted_for(HOUR / 3);
                (status, answer.to_string())
            }
            "/computeMetadata/v1/instance/service-accounts/default/email" => (200, ACCOUNT.to_owned()),
            "/computeMetadata/v1/project/project-id" => (200, "my-project".to_owned()),
            "/computeMetadata/v1/universe/universe-domain" => (200, "googleapis.com".to_owned()),
            _ => (404, String::new()),
        }
    }

    /// A service, for a token that is known. A narrowed one is good for objects alone.
    fn service(&self, request: &Request, url: &str) -> Answer {
        let bearer = header(request, "authorization").and_then(|it| it.strip_prefix("Bearer "));
        let Some((_, narrowed)) = bearer.and_then(|token| self.known(token)) else { return denied(401) };
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if path.starts_with("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/") {
            return if narrowed { denied(403) } else { self.generate(path, request.body()) };
        }
        if path.starts_with("https://storage.googleapis.com/storage/v1/b/zen") {
            let asked = decode_form(query.as_bytes());
            let asked: Vec<_> =
                asked.iter().filter(|(name, _)| name == "permissions").map(|(_, value)| value).collect();
            return (200, json!({ "permissions": asked }));
        }
        if narrowed {
            return denied(403);
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let of_project = "projects/my-project";
        let answer = match path.strip_prefix("https://").unwrap_or(path) {
            "storage.googleapis.com/storage/v1/b" => {
                json!({ "items": [{ "name": "zen" }, { "name": "zen2" }] })
            }
            it if it == format!("cloudresourcemanager.googleapis.com/v3/{of_project}") => {
                json!({ "projectId": "my-project", "state": "ACTIVE" })
            }
            it if it == format!("container.googleapis.com/v1/{of_project}/locations/-/clusters") => {
                json!({ "clusters": [cluster()] })
            }
            it if it
                == format!(
                    "container.googleapis.com/v1/{of_project}/locations/europe-west1/clusters/demo"
                ) =>
            {
                cluster()
            }
            it if it == format!("artifactregistry.googleapis.com/v1/{of_project}/locations") => {
                json!({ "locations": [{ "locationId": "europe-west1" }, { "locationId": "us" }] })
            }
            it if it.starts_with(&format!("artifactregistry.googleapis.com/v1/{of_project}/locations/"))
                && it.ends_with("/repositories") =>
            {
                json!({ "repositories": [
                    { "name": "projects/my-project/locations/us/repositories/images", "format": "DOCKER" },
                    { "name": "projects/my-project/locations/us/repositories/gcr.io", "format": "DOCKER" },
                    { "name": "projects/my-project/locations/us/repositories/wheels", "format": "PYTHON" },
                ] })
            }
            it if it == format!("secretmanager.googleapis.com/v1/{of_project}/secrets") => {
                json!({ "secrets": [{ "name": "projects/123456789012/secrets/db-password" }] })
            }
            it if it.ends_with(":testIamPermissions") => json!({ "permissions": body["permissions"] }),
            _ => return (404, json!({ "error": { "code": 404, "status": "NOT_FOUND" } })),
        };
        (200, answer)
    }
}

/// Whether a token is a request to AWS of the key that is known, signed for this audience alone. Whether the signature
/// is right, AWS would say.
fn is_for_aws(token: &str) -> bool {
    let form = decode_form(format!("token={token}").as_bytes());
    let request: Value =
        serde_json::from_str(form_field(&form, "token").unwrap_or_default()).unwrap_or_default();
    let headers = request["headers"].as_array().cloned().unwrap_or_default();
    let header = |name: &str| headers.iter().find(|it| it["key"] == name).and_then(|it| it["value"].as_str());
    request["url"] == "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
        && request["method"] == "POST"
        && header("host") == Some("sts.eu-west-1.amazonaws.com")
        && header("x-goog-cloud-target-resource") == Some(AUDIENCE)
        && header("Authorization").is_some_and(|it| {
            it.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
                && it.contains(";x-goog-cloud-target-resource, Signature=")
        })
        && !token.contains("aws-secret")
}

fn cluster() -> Value {
    let authority = STANDARD.encode("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    json!({
        "name": "demo", "location": "europe-west1", "status": "RUNNING", "endpoint": "203.0.113.7",
        "masterAuth": { "clusterCaCertificate": authority },
    })
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().iter().find(|(it, _)| it == name).map(|(_, value)| value.as_ref())
}

#[async_trait]
impl Http for Google {
    async fn send(&self, request: Request) -> Result<Response> {
        let url = request.url().to_owned();
        if let Some(path) = url.strip_prefix("http://metadata.google.internal") {
            let (status, text) = match header(&request, "metadata-flavor") {
                Some("Google") => self.metadata(path),
                _ => (403, String::new()),
            };
            let flavor = vec![("metadata-flavor".to_owned(), "Google".to_owned())];
            return Ok(Response::new(status, flavor, text.into_bytes()));
        }
        let form = || decode_form(request.body());
        let (status, answer) = match &*url {
            "https://oauth2.googleapis.com/token" => self.oauth(&form()),
            "https://sts.googleapis.com/v1/token" => self.exchange(&form()),
            "https://sts.googleapis.com/v1/oauthtoken" => {
                let basic = STANDARD.encode(format!("client:{}", canary("client_secret")));
                let is_client = header(&request, "authorization") == Some(&*format!("Basic {basic}"));
                let form = form();
                let is_login = form_field(&form, "refresh_token") == Some(&*canary("refresh_token"));
                if is_client && is_login { self.granted() } else { refused("invalid_grant") }
            }
            url => self.service(&request, url),
        };
        Ok(Response::new(status, Vec::new(), answer.to_string().into_bytes()))
    }
}
