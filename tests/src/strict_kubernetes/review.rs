use serde_json::{Value, json};

use super::identity::User;
use super::rbac;
use super::request::{Request, Target};
use super::state::State;
use crate::clock;

/// Who the caller is.
pub(super) fn of_caller(state: &State, user: &User) -> Value {
    json!({
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "creationTimestamp": clock::iso(state.clock.now()) },
        "status": { "userInfo": user.as_json() },
    })
}

/// Whether the caller may do one thing.
pub(super) fn of_access(state: &State, user: &User, body: &Value) -> Value {
    let spec = &body["spec"];
    let allowed = rbac::allows(&state.rules, user, &asked(spec));
    let mut status = json!({ "allowed": allowed });
    if allowed {
        status["reason"] = "RBAC: allowed by a rule of the test".into();
    }
    json!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "metadata": { "creationTimestamp": null }, "spec": spec, "status": status,
    })
}

/// All that the caller may do in a namespace.
pub(super) fn of_rules(state: &State, user: &User, body: &Value) -> Value {
    let namespace = body["spec"]["namespace"].as_str().unwrap_or_default();
    let (resources, paths) = rbac::review(&state.rules, user, namespace);
    json!({
        "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1",
        "metadata": { "creationTimestamp": null }, "spec": {},
        "status": { "resourceRules": resources, "nonResourceRules": paths, "incomplete": false },
    })
}

fn asked(spec: &Value) -> Request {
    if spec["resourceAttributes"].is_object() {
        let text = |name: &str| spec["resourceAttributes"][name].as_str().unwrap_or_default().to_owned();
        let target = Target {
            group: text("group"),
            version: text("version"),
            resource: text("resource"),
            subresource: text("subresource"),
            namespace: text("namespace"),
            name: text("name"),
        };
        return Request { verb: text("verb"), target: Some(target), path: String::new() };
    }
    let text = |name: &str| spec["nonResourceAttributes"][name].as_str().unwrap_or_default().to_owned();
    Request { verb: text("verb"), target: None, path: text("path") }
}
