//! A token service as a registry's owner runs one, and strict: it gives to whom it knows, for the registry that it
//! knows, what its list says, and nothing that is asked beside that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Guard;
use crate::loopback::{Answer, Call, Calls, Loopback};
use crate::random;

/// Somebody whom the service knows.
#[derive(Debug, Clone)]
pub struct User {
    /// The password.
    pub password: String,
    /// What may be done in which repository.
    pub rights: BTreeMap<String, Vec<&'static str>>,
}

impl User {
    /// Somebody who may do nothing yet.
    pub fn new(password: &str) -> Self {
        Self { password: password.to_owned(), rights: BTreeMap::new() }
    }

    /// May do `actions` (`pull`, `push`) in a repository.
    #[must_use]
    pub fn may(mut self, repository: &str, actions: &[&'static str]) -> Self {
        self.rights.insert(repository.to_owned(), actions.to_vec());
        self
    }
}

/// A running token service.
#[derive(Debug)]
pub struct TokenService {
    server: Loopback,
    certificate: String,
    desk: Arc<Desk>,
}

/// The name of the registry at the service.
const SERVICE: &str = "registry.test";
/// The name of the service in its tokens.
const ISSUER: &str = "tokens.test";

type RefreshTokens = Mutex<BTreeMap<String, String>>;

#[derive(Debug)]
struct Desk {
    key: RsaKeyPair,
    /// The certificate of the key, base64 of its DER form.
    chain: String,
    users: BTreeMap<String, User>,
    refresh_tokens: RefreshTokens,
}

impl TokenService {
    /// Starts a service that knows these users.
    pub fn start(users: impl IntoIterator<Item = (&'static str, User)>) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("an RSA key can be made");
        let request =
            rcgen::CertificateParams::new(vec![ISSUER.to_owned()]).expect("a name for a certificate");
        let certificate = request.self_signed(&pair).expect("a key signs its own certificate");
        let desk = Arc::new(Desk {
            key: RsaKeyPair::from_pkcs8(&pair.serialize_der()).expect("the key is an RSA key"),
            chain: STANDARD.encode(certificate.der()),
            users: users.into_iter().map(|(name, user)| (name.to_owned(), user)).collect(),
            refresh_tokens: RefreshTokens::default(),
        });
        let serving = Arc::clone(&desk);
        let server = Loopback::start(move |call: &Call| serving.serve(call));
        Self { server, certificate: certificate.pem(), desk }
    }

    /// How a registry is told of it.
    pub fn guard(&self) -> Guard {
        Guard::Tokens {
            realm: format!("{}/token", self.server.url()),
            service: SERVICE.to_owned(),
            issuer: ISSUER.to_owned(),
            certificate: self.certificate.clone(),
        }
    }

    /// A refresh token for a user, as a login gives one.
    pub fn refresh_token(&self, user: &str) -> String {
        self.desk.issue_refresh_token(user)
    }

    /// A token that lets a user do in a repository what he may.
    pub fn bearer(&self, user: &str, repository: &str) -> String {
        let rights = &self.desk.users[user].rights;
        let scope = format!("repository:{repository}:pull,push");
        format!("Bearer {}", self.desk.sign(user, granted(&scope, rights).into_iter().collect()))
    }

    /// What it was asked.
    pub fn calls(&self) -> &Calls {
        self.server.calls()
    }
}

impl Desk {
    fn issue_refresh_token(&self, user: &str) -> String {
        let token = random::secret(40);
        self.refresh_tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token.clone(), user.to_owned());
        token
    }

    fn serve(&self, call: &Call) -> Answer {
        match self.answer(call) {
            Ok(answer) => Answer::json(200, &answer),
            Err((status, code)) => Answer::json(status, &json!({ "errors": [{ "code": code }] })),
        }
    }

    fn answer(&self, call: &Call) -> Result<Value, (u16, &'static str)> {
        if call.path != "/token" {
            return Err((404, "NOT_FOUND"));
        }
        let (user, parameters) = match call.method.as_str() {
            "GET" => (self.by_password(call)?, call.query_pairs()),
            "POST" => (self.by_refresh_token(call)?, call.form()),
            _ => return Err((405, "UNSUPPORTED")),
        };
        let all =
            |name: &'static str| parameters.iter().filter(move |(it, _)| it == name).map(|(_, value)| value);
        if all("service").collect::<Vec<_>>() != [SERVICE] {
            return Err((400, "UNKNOWN_SERVICE"));
        }
        // Engines name themselves only where they ask for a refresh token, or bring one.
        let is_named = all("client_id").count() == 1;
        let has_to_be = call.method == "POST" || all("offline_token").count() > 0;
        if (has_to_be && !is_named) || all("account").any(|it| *it != user) {
            return Err((400, "INVALID_REQUEST"));
        }
        let rights = &self.users.get(&user).ok_or((401, "UNAUTHORIZED"))?.rights;
        let access = all("scope").map(|it| granted(it, rights)).collect::<Option<Vec<_>>>();
        let token = self.sign(&user, access.ok_or((400, "INVALID_SCOPE"))?);
        let mut answer = json!({ "token": token, "access_token": token, "expires_in": 300 });
        if all("offline_token").any(|it| it == "true") {
            answer["refresh_token"] = self.issue_refresh_token(&user).into();
        }
        Ok(answer)
    }

    fn by_password(&self, call: &Call) -> Result<String, (u16, &'static str)> {
        let said = || {
            let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
            let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
            let (user, password) = text.split_once(':')?;
            let known = self.users.get(user).is_some_and(|it| it.password == password);
            known.then(|| user.to_owned())
        };
        said().ok_or((401, "UNAUTHORIZED"))
    }

    fn by_refresh_token(&self, call: &Call) -> Result<String, (u16, &'static str)> {
        // In the URL every proxy on the way would log it.
        if !call.query.is_empty() || call.parameter("grant_type").as_deref() != Some("refresh_token") {
            return Err((400, "INVALID_REQUEST"));
        }
        let tokens = self.refresh_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = call.parameter("refresh_token").unwrap_or_default();
        tokens.get(&token).cloned().ok_or((401, "UNAUTHORIZED"))
    }

    fn sign(&self, user: &str, access: Vec<Value>) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [self.chain] });
        let claims = json!({
            "iss": ISSUER, "sub": user, "aud": SERVICE, "iat": now, "nbf": now - 10, "exp": now + 300,
            "jti": random::secret(16), "access": access,
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .expect("an RSA key signs");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What of a scope is given; `None` for one that is not written by the rules.
fn granted(scope: &str, rights: &BTreeMap<String, Vec<&'static str>>) -> Option<Value> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let may = rights.get(name).cloned().unwrap_or_default();
    let given: Vec<&str> = actions.split(',').filter(|it| may.contains(it)).collect();
    Some(json!({ "type": "repository", "name": name, "actions": given }))
}
