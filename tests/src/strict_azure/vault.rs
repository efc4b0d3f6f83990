//! Key vaults: their secrets, and the versions of these.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::arm::Place;
use super::audience::Service;
use super::entra::encoded;
use super::identity::{Caller, Refusal};
use super::roles::Plane;
use super::state::State;
use crate::loopback::{Answer, Call, decoded};
use crate::random;

/// How many entries a page has unless asked otherwise, and at most.
const PAGE: usize = 25;
const ACTIONS: &str = "Microsoft.KeyVault/vaults/secrets";

/// A vault.
#[derive(Debug, Clone, Default)]
pub(super) struct Vault {
    pub(super) place: Place,
    pub(super) tenant: String,
    /// Versions of secrets, oldest first.
    pub(super) secrets: BTreeMap<String, Vec<Version>>,
}

/// One value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) value: String,
    pub(super) created: i64,
    pub(super) is_enabled: bool,
    /// What kind of thing the value is, and what is noted beside it.
    about: Value,
}

impl Version {
    pub(super) fn new(value: &str, created: i64) -> Self {
        let (id, value) = (random::text(32, b"0123456789abcdef"), value.to_owned());
        Self { id, value, created, is_enabled: true, about: json!({}) }
    }
}

impl Vault {
    /// As the resource manager tells it.
    pub(super) fn shown(&self) -> Value {
        json!({ "properties": {
            "sku": { "family": "A", "name": "standard" }, "tenantId": self.tenant,
            "vaultUri": self.uri(), "enableRbacAuthorization": true, "enableSoftDelete": true,
            "provisioningState": "Succeeded", "accessPolicies": [],
        } })
    }

    fn uri(&self) -> String {
        format!("https://{}.vault.azure.net/", self.place.name)
    }

    /// A version as it is shown in lists.
    fn told(&self, name: &str, version: &Version, names_version: bool) -> Value {
        let end = if names_version { format!("/{}", version.id) } else { String::new() };
        let mut told = json!({
            "id": format!("{}secrets/{name}{end}", self.uri()),
            "attributes": {
                "enabled": version.is_enabled, "created": version.created, "updated": version.created,
                "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90,
            },
            "tags": version.about["tags"].as_object().cloned().unwrap_or_default(),
        });
        if version.about["contentType"].is_string() {
            told["contentType"] = version.about["contentType"].clone();
        }
        told
    }
}

/// Answers a call to `/vault/NAME/…`.
pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    operate(state, call).unwrap_or_else(|refusal| refusal)
}

fn refuse(status: u16, code: &str, message: impl Into<String>, inner: Option<&str>) -> Answer {
    let mut error = json!({ "code": code, "message": message.into() });
    if let Some(inner) = inner {
        error["innererror"] = json!({ "code": inner });
    }
    Answer::json(status, &json!({ "error": error }))
}

fn operate(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let segments: Vec<String> =
        call.path.trim_matches('/').split('/').skip(1).map(decoded).filter(|it| !it.is_empty()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (name, rest) = segments.split_first().ok_or_else(|| Answer::empty(404))?;
    let vault = state.vaults.get(name).ok_or_else(|| Answer::empty(404))?.clone();
    let caller = authenticate(state, call, &vault)?;
    let cx = Cx { state, call, vault: &vault, caller: &caller };
    if call.parameter("api-version").is_none_or(|version| version.is_empty()) {
        let message = "api-version must be specified";
        return Err(refuse(400, "BadParameter", message, None));
    }
    match (call.method.as_str(), rest) {
        ("GET", ["secrets"]) => cx.list(),
        ("GET", ["secrets", secret, "versions"]) => cx.versions(secret),
        ("GET", ["secrets", secret]) => cx.get(secret, None),
        ("GET", ["secrets", secret, version]) => cx.get(secret, Some(version)),
        ("PUT", ["secrets", secret]) => {
            cx.permit("setSecret/action", secret)?;
            let body = call.json();
            let is_name = (1..=127).contains(&secret.len())
                && secret.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
            let value = body["value"].as_str().filter(|_| is_name);
            let value = value.ok_or_else(|| {
                refuse(400, "BadParameter", "The request URI or its body is not as it must be.", None)
            })?;
            let mut version = Version::new(value, state.clock.now());
            version.about = json!({ "contentType": body["contentType"], "tags": body["tags"] });
            let mut told = vault.told(secret, &version, true);
            told["value"] = value.into();
            if let Some(known) = state.vaults.get_mut(name) {
                known.secrets.entry((*secret).to_owned()).or_default().push(version);
            }
            Ok(Answer::json(200, &told))
        }
        ("DELETE", ["secrets", secret]) => {
            cx.permit("delete", secret)?;
            let version = cx.find(secret, None)?;
            let told = vault.told(secret, version, true);
            if let Some(known) = state.vaults.get_mut(name) {
                known.secrets.remove(*secret);
            }
            Ok(Answer::json(200, &told))
        }
        _ => Err(refuse(404, "NotFound", "There is nothing at this address.", None)),
    }
}

/// Who calls. One that shows nothing is told where to get a token.
fn authenticate(state: &State, call: &Call, vault: &Vault) -> Result<Caller, Answer> {
    let tenant = &vault.tenant;
    let challenged = |message: String| {
        let authority = format!("{}/{tenant}", state.base);
        let challenge = format!("Bearer authorization=\"{authority}\", resource=\"https://vault.azure.net\"");
        refuse(401, "Unauthorized", message, None).with_header("www-authenticate", challenge)
    };
    let caller = state.bearer(call, Service::Vault).map_err(|refusal| {
        challenged(match refusal {
            Refusal::Missing => "AKV10000: Request is missing a Bearer or PoP token.".to_owned(),
            Refusal::Invalid => {
                "[BearerReadAccessTokenFailed] Error validating token: 'S2S12005'.".to_owned()
            }
            Refusal::Expired => "[TokenExpired] Error validating token: 'S2S12086'.".to_owned(),
            Refusal::Audience(found) => {
                format!("AKV10022: Invalid audience. Expected https://vault.azure.net, found: {found}.")
            }
        })
    })?;
    match caller.tenant == *tenant {
        true => Ok(caller),
        false => Err(challenged(format!(
            "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{tenant}/, found \
             https://sts.windows.net/{}/.",
            caller.tenant
        ))),
    }
}

/// One call, by somebody, to a vault as it was when the call came.
struct Cx<'a> {
    state: &'a State,
    call: &'a Call,
    vault: &'a Vault,
    caller: &'a Caller,
}

impl Cx<'_> {
    /// `secret` is empty for the whole vault.
    fn permit(&self, action: &str, secret: &str) -> Result<(), Answer> {
        let place = &self.vault.place;
        let end = if secret.is_empty() { String::new() } else { format!("/secrets/{secret}") };
        let (scope, action) = (format!("{}{end}", place.id), format!("{ACTIONS}/{action}"));
        let Caller { id, app, tenant, .. } = self.caller;
        if self.state.may(id, Plane::Data, &action, &scope) {
            return Ok(());
        }
        let message = format!(
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role \
             definitions were changed recently, please observe propagation time.\r\nCaller: appid={app};oid={id};\
             iss=https://sts.windows.net/{tenant}/\r\nAction: '{action}'\r\nResource: '{}'\r\nAssignment: (not found)\
             \r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: {};location={}\r\n",
            scope.to_lowercase(),
            place.name,
            place.location
        );
        Err(refuse(403, "Forbidden", message, Some("ForbiddenByRbac")))
    }

    fn find(&self, secret: &str, version: Option<&str>) -> Result<&Version, Answer> {
        let versions = self.vault.secrets.get(secret).map(Vec::as_slice).unwrap_or_default();
        let found = match version {
            None => versions.last(),
            Some(id) => versions.iter().find(|version| version.id == id),
        };
        found.ok_or_else(|| {
            let message = format!(
                "A secret with (name/id) {secret} was not found in this key vault. If you recently deleted this secret \
                 you may be able to recover it using the correct recovery command. For help resolving this issue, \
                 please see https://go.microsoft.com/fwlink/?linkid=2125182"
            );
            refuse(404, "SecretNotFound", message, None)
        })
    }

    fn get(&self, secret: &str, version: Option<&str>) -> Result<Answer, Answer> {
        self.permit("getSecret/action", secret)?;
        let version = self.find(secret, version)?;
        if !version.is_enabled {
            let message = "Operation get is not allowed on a disabled secret.";
            return Err(refuse(403, "Forbidden", message, Some("SecretDisabled")));
        }
        let mut told = self.vault.told(secret, version, true);
        told["value"] = version.value.as_str().into();
        Ok(Answer::json(200, &told))
    }

    fn list(&self) -> Result<Answer, Answer> {
        self.permit("readMetadata/action", "")?;
        let all = self.vault.secrets.iter();
        let latest = all.filter_map(|(name, versions)| versions.last().map(|version| (name, version)));
        self.paged(latest.map(|(name, it)| (name.clone(), self.vault.told(name, it, false))).collect())
    }

    fn versions(&self, secret: &str) -> Result<Answer, Answer> {
        self.permit("readMetadata/action", secret)?;
        self.find(secret, None)?;
        let all = self.vault.secrets.get(secret).into_iter().flatten().enumerate();
        let told = all.map(|(number, it)| (format!("{number:06}"), self.vault.told(secret, it, true)));
        self.paged(told.collect())
    }

    fn paged(&self, all: Vec<(String, Value)>) -> Result<Answer, Answer> {
        let size = self.call.parameter("maxresults").map_or(Some(PAGE), |text| text.parse().ok());
        let size = size
            .filter(|size| (1..=PAGE).contains(size))
            .ok_or_else(|| refuse(400, "BadParameter", "Property maxresults has an invalid value.", None))?;
        let start = self.call.parameter("$skiptoken");
        let start = start.and_then(|token| URL_SAFE_NO_PAD.decode(token).ok());
        let start = start.and_then(|bytes| String::from_utf8(bytes).ok());
        let (page, next) = self.state.page(all, size, start.as_deref());
        let link = next.map(|next| {
            let version = self.call.parameter("api-version").unwrap_or_default();
            let next = URL_SAFE_NO_PAD.encode(next);
            let (base, path) = (&self.state.base, &self.call.path);
            format!("{base}{path}?api-version={}&$skiptoken={next}&maxresults={size}", encoded(&version))
        });
        Ok(Answer::json(200, &json!({ "value": page, "nextLink": link })))
    }
}
