use serde_json::{Value, json};

use super::identity::User;
use super::request::Target;
use super::state::State;
use super::status::Status;
use crate::clock;
use crate::random;

/// The audience of the API server itself.
pub(super) const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

const GROUP: &str = "authentication.k8s.io";
const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// A bearer token that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) user: User,
    /// Seconds since the epoch; `None` for a token that never ends.
    pub(super) ends: Option<i64>,
    pub(super) audiences: Vec<String>,
    /// The object with which the token ends: resource, namespace, name and uid.
    pub(super) bound: Option<(String, String, String, String)>,
}

impl Token {
    pub(super) fn is_good(&self, state: &State) -> bool {
        let is_bound = self.bound.as_ref().is_none_or(|(resource, namespace, name, uid)| {
            state.objects.find(resource, namespace, name).is_some_and(|it| it["metadata"]["uid"] == **uid)
        });
        self.ends.is_none_or(|ends| state.clock.now() < ends)
            && self.audiences.iter().any(|audience| audience == AUDIENCE)
            && is_bound
    }
}

/// Answers a `TokenRequest` for the service account that `target` names.
pub(super) fn request(state: &mut State, target: &Target, body: &Value) -> Result<Value, Status> {
    let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
    let account = state.objects.find("serviceaccounts", namespace, name).cloned();
    let account = account.ok_or_else(|| Status::not_found("", "serviceaccounts", name))?;
    let spec = &body["spec"];
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(3600);
    let rule = match seconds {
        ..SHORTEST => Some("may not specify a duration less than 10 minutes"),
        LONGEST.. => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(rule) = rule {
        let field = "spec.expirationSeconds";
        return Err(Status::invalid(GROUP, "TokenRequest", field, &seconds.to_string(), rule));
    }
    let audiences: Vec<String> = spec["audiences"]
        .as_array()
        .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .filter(|all: &Vec<String>| !all.is_empty())
        .unwrap_or_else(|| vec![AUDIENCE.to_owned()]);

    let mut user = service_account(namespace, name);
    user.uid = account["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let mut bound = ("serviceaccounts".to_owned(), namespace.to_owned(), name.to_owned(), user.uid.clone());
    let mut claims = json!({ "namespace": namespace, "serviceaccount": { "name": name, "uid": user.uid } });
    if spec["boundObjectRef"].is_object() {
        let (kind, to) = bound_object(state, namespace, &spec["boundObjectRef"])?;
        claims[&kind] = json!({ "name": to.2, "uid": to.3 });
        if kind == "pod" {
            for (fact, value) in [("name", &to.2), ("uid", &to.3)] {
                user.extra.insert(format!("authentication.kubernetes.io/pod-{fact}"), vec![value.clone()]);
            }
        }
        bound = to;
    }

    let life = state.longest_life.map_or(seconds, |longest| seconds.min(longest));
    let now = state.clock.now();
    let ends = now + life;
    let token = state.issuer.sign(&json!({
        "iss": AUDIENCE, "sub": user.name, "aud": audiences, "exp": ends, "iat": now, "nbf": now,
        "jti": random::token(16), "kubernetes.io": claims,
    }));
    let known = Token { user, ends: Some(ends), audiences: audiences.clone(), bound: Some(bound) };
    state.tokens.insert(token.clone(), known);
    let mut spec = json!({ "audiences": audiences, "expirationSeconds": life, "boundObjectRef": null });
    if body["spec"]["boundObjectRef"].is_object() {
        spec["boundObjectRef"] = body["spec"]["boundObjectRef"].clone();
    }
    Ok(json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "name": name, "namespace": namespace, "creationTimestamp": clock::iso(now) },
        "spec": spec,
        "status": { "token": token, "expirationTimestamp": clock::iso(ends) },
    }))
}

/// The user that a service account is.
pub(super) fn service_account(namespace: &str, name: &str) -> User {
    let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}")];
    User::new(&format!("system:serviceaccount:{namespace}:{name}"), &groups)
}

type Bound = (String, String, String, String);

/// The claim's name and the object, when it is there.
fn bound_object(state: &State, namespace: &str, reference: &Value) -> Result<(String, Bound), Status> {
    let text = |name: &str| reference[name].as_str().unwrap_or_default();
    let (resource, namespace) = match (text("apiVersion"), text("kind")) {
        ("v1" | "", "Pod") => ("pods", namespace),
        ("v1" | "", "Secret") => ("secrets", namespace),
        (version, kind) => {
            let text = format!("cannot bind token for serviceaccount to a type {version}, Kind={kind}");
            return Err(Status::bad_request(text));
        }
    };
    let (name, wanted) = (text("name"), text("uid"));
    let object = state.objects.find(resource, namespace, name);
    let object = object.ok_or_else(|| Status::not_found("", resource, name))?;
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    if !wanted.is_empty() && wanted != uid {
        let why =
            format!("the UID in the bound object reference ({wanted}) does not match the UID in record.");
        return Err(Status::conflict(resource, name, &why));
    }
    let bound = (resource.to_owned(), namespace.to_owned(), name.to_owned(), uid.to_owned());
    Ok((text("kind").to_lowercase(), bound))
}
