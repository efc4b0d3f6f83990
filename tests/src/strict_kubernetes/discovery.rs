use serde_json::{Value, json};

use super::objects::RESOURCES;
use super::state::State;
use crate::loopback::{Answer, Call};

/// Answers what is no resource: versions, health, and which groups and resources there are.
pub(super) fn answer(state: &State, call: &Call, path: &str) -> Option<Answer> {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    let found = match path {
        "/version" => version(state),
        "/healthz" | "/livez" | "/readyz" => {
            return Some(Answer::new(200, "text/plain; charset=utf-8", "ok"));
        }
        "/api" => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443" }],
        }),
        "/apis" => {
            let groups: Vec<_> = groups(state).iter().map(|(name, _)| group(name)).collect();
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
        }
        "/api/v1" => core(),
        "/openapi/v2" => {
            let only_protobuf = call.header("accept").is_some_and(|kinds| !takes_json(kinds));
            if only_protobuf {
                return Some(Answer::empty(406));
            }
            json!({
                "swagger": "2.0", "info": { "title": "Kubernetes", "version": version(state)["gitVersion"] },
                "paths": {}, "definitions": {},
            })
        }
        "/openapi/v3" if state.is_modern => json!({ "paths": {} }),
        _ => {
            let rest = path.strip_prefix("/apis/")?;
            let (name, version) = rest.split_once('/').map_or((rest, None), |(name, it)| (name, Some(it)));
            let (_, resources) = groups(state).into_iter().find(|(known, _)| *known == name)?;
            match version {
                None => group(name),
                Some("v1") => json!({
                    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{name}/v1"),
                    "resources": resources,
                }),
                Some(_) => return None,
            }
        }
    };
    Some(Answer::json(200, &found))
}

fn takes_json(kinds: &str) -> bool {
    kinds
        .split(',')
        .any(|kind| matches!(kind.split(';').next().map(str::trim), Some("application/json" | "*/*")))
}

fn version(state: &State) -> Value {
    let (minor, full) = if state.is_modern { ("32", "v1.32.4") } else { ("20", "v1.20.2") };
    json!({
        "major": "1", "minor": minor, "gitVersion": full, "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.23.6",
        "compiler": "gc", "platform": "linux/amd64",
    })
}

/// The groups beside the core, with their resources.
fn groups(state: &State) -> [(&'static str, Vec<Value>); 2] {
    let review = |plural: &str, kind: &str| {
        json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind,
            "verbs": ["create"],
        })
    };
    let authentication = match state.is_modern {
        true => vec![review("selfsubjectreviews", "SelfSubjectReview")],
        false => vec![],
    };
    let authorization = vec![
        review("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        review("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ];
    [("authentication.k8s.io", authentication), ("authorization.k8s.io", authorization)]
}

fn group(name: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/v1"), "version": "v1" });
    json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": [version], "preferredVersion": version,
    })
}

fn core() -> Value {
    let mut resources: Vec<_> = RESOURCES
        .iter()
        .map(|(name, kind, short, in_namespace)| {
            let mut resource = json!({
                "name": name, "singularName": kind.to_lowercase(), "namespaced": in_namespace, "kind": kind,
                "verbs": ["get", "list", "watch"],
            });
            if !short.is_empty() {
                resource["shortNames"] = json!([short]);
            }
            resource
        })
        .collect();
    resources.push(json!({
        "name": "serviceaccounts/token", "singularName": "", "namespaced": true, "group": "authentication.k8s.io",
        "version": "v1", "kind": "TokenRequest", "verbs": ["create"],
    }));
    json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": resources })
}
