use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::request::{Target, selected_name};
use super::status::Status;
use super::watch::{self, Event, Watch};
use crate::clock;
use crate::loopback::{Answer, Call};
use crate::random;

/// The resources of the core group: name, kind, short name, and whether they lie in a namespace.
pub(super) const RESOURCES: [(&str, &str, &str, bool); 5] = [
    ("configmaps", "ConfigMap", "cm", true),
    ("namespaces", "Namespace", "ns", false),
    ("pods", "Pod", "po", true),
    ("secrets", "Secret", "", true),
    ("serviceaccounts", "ServiceAccount", "sa", true),
];

type Key = (&'static str, String, String);

/// Everything that lies in the cluster, and what happened to it.
#[derive(Debug, Default)]
pub(super) struct Objects {
    revision: u64,
    /// The latest revision whose events are gone.
    compacted: u64,
    all: BTreeMap<Key, Value>,
    events: Vec<Event>,
    pub(super) watches: Vec<Watch>,
}

impl Objects {
    /// `namespace` is ignored for what lies in none.
    pub(super) fn find(&self, resource: &str, namespace: &str, name: &str) -> Option<&Value> {
        let key = key(resource, namespace, name)?;
        self.all.get(&key)
    }

    /// Adds or replaces an object. `content` has what is its own: spec, data, status, labels below `metadata`.
    pub(super) fn put(&mut self, now: i64, resource: &str, namespace: &str, name: &str, content: Value) {
        let key = key(resource, namespace, name).expect("a test puts what this server knows");
        let (_, kind, ..) = known(resource).expect("a key is of a known resource");
        self.revision += 1;
        let before = self.all.get(&key);
        let kept = |field: &str| before.map(|object| object["metadata"][field].clone());
        let mut object = content;
        object["kind"] = kind.into();
        object["apiVersion"] = "v1".into();
        let metadata = &mut object["metadata"];
        metadata["name"] = name.into();
        if !key.1.is_empty() {
            metadata["namespace"] = namespace.into();
        }
        metadata["uid"] = kept("uid").unwrap_or_else(|| uid().into());
        metadata["creationTimestamp"] = kept("creationTimestamp").unwrap_or_else(|| clock::iso(now).into());
        metadata["resourceVersion"] = self.revision.to_string().into();
        let what = if before.is_some() { "MODIFIED" } else { "ADDED" };
        self.all.insert(key, object.clone());
        self.happened(what, resource, object);
    }

    /// Takes an object away; `false` when it was not there.
    pub(super) fn remove(&mut self, resource: &str, namespace: &str, name: &str) -> bool {
        let removed = key(resource, namespace, name).and_then(|key| self.all.remove(&key));
        let Some(mut object) = removed else { return false };
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.happened("DELETED", resource, object);
        true
    }

    /// Forgets what happened so far: who wants to go on from there is told that it is gone.
    pub(super) fn compact(&mut self) {
        self.events.clear();
        self.compacted = self.revision;
    }

    fn happened(&mut self, what: &'static str, resource: &str, object: Value) {
        let event = Event { revision: self.revision, what, resource: resource.to_owned(), object };
        self.watches.retain(|watch| watch.tell(&event));
        self.events.push(event);
    }

    pub(super) fn get(&self, target: &Target) -> Result<Answer, Status> {
        let object = self.find(&target.resource, &target.namespace, &target.name);
        let object = object.ok_or_else(|| Status::not_found("", &target.resource, &target.name))?;
        Ok(Answer::json(200, object))
    }

    /// A list, by pages where the call says how long one may be.
    pub(super) fn list(&self, target: &Target, call: &Call) -> Result<Answer, Status> {
        let (_, kind, ..) = known(&target.resource).expect("only known resources are listed");
        let parameter = |name: &str| call.parameter(name).filter(|value| !value.is_empty());
        let whole = |value: String| {
            value.parse::<usize>().map_err(|_| Status::bad_request("limit is not a whole number"))
        };
        let limit = parameter("limit").map(whole).transpose()?.filter(|limit| *limit > 0);
        let skipped = match parameter("continue") {
            None => 0,
            Some(token) => {
                let read = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let place = read.and_then(|text| text.parse::<usize>().ok());
                place.ok_or_else(|| Status::bad_request("continue key is not valid"))?
            }
        };
        let fits = Selection::of(target, call);
        let chosen: Vec<&Value> =
            self.all.iter().filter(|(key, object)| fits.takes(key.0, object)).map(|(_, it)| it).collect();
        let page: Vec<Value> =
            chosen.iter().skip(skipped).take(limit.unwrap_or(usize::MAX)).map(|it| in_list(it)).collect();
        let mut metadata = json!({ "resourceVersion": self.revision.to_string() });
        let end = skipped + page.len();
        if end < chosen.len() {
            metadata["continue"] = URL_SAFE_NO_PAD.encode(end.to_string()).into();
            metadata["remainingItemCount"] = (chosen.len() - end).into();
        }
        let list = json!({
            "kind": format!("{kind}List"), "apiVersion": "v1", "metadata": metadata, "items": page,
        });
        Ok(Answer::json(200, &list))
    }

    /// A stream of what happens from the asked revision on. Without one it begins with what is there.
    pub(super) fn watch(
        &mut self,
        target: &Target,
        call: &Call,
        facts: watch::Facts,
    ) -> Result<Answer, Status> {
        let asked = call.parameter("resourceVersion").unwrap_or_default();
        let asked = match asked.as_str() {
            "" | "0" => None,
            text => {
                let read = text.parse::<u64>();
                Some(read.map_err(|_| Status::bad_request(format!("invalid resource version {text:?}")))?)
            }
        };
        let selection = Selection::of(target, call);
        let (watch, answer) = Watch::open(selection, facts);
        match asked {
            // Once a watch is allowed, also its faults are told as events.
            Some(revision) if revision < self.compacted => {
                watch.fail(&Status::expired(revision, self.compacted));
                return Ok(answer);
            }
            Some(revision) => {
                let missed = self.events.iter().filter(|event| event.revision > revision);
                missed.for_each(|event| {
                    watch.tell(event);
                });
            }
            None => {
                let there = self.all.iter().map(|(key, object)| Event {
                    revision: self.revision,
                    what: "ADDED",
                    resource: key.0.to_owned(),
                    object: object.clone(),
                });
                there.for_each(|event| {
                    watch.tell(&event);
                });
            }
        }
        self.watches.push(watch);
        Ok(answer)
    }
}

/// Which objects a list or a watch is about.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    resource: String,
    namespace: String,
    name: Option<String>,
    labels: String,
}

impl Selection {
    fn of(target: &Target, call: &Call) -> Self {
        Self {
            resource: target.resource.clone(),
            namespace: target.namespace.clone(),
            name: selected_name(call),
            labels: call.parameter("labelSelector").unwrap_or_default(),
        }
    }

    pub(super) fn takes(&self, resource: &str, object: &Value) -> bool {
        let metadata = &object["metadata"];
        self.resource == resource
            && (self.namespace.is_empty() || metadata["namespace"] == *self.namespace)
            && self.name.as_ref().is_none_or(|name| metadata["name"] == **name)
            && self
                .labels
                .split(',')
                .filter(|part| !part.is_empty())
                .all(|part| fits(&metadata["labels"], part))
    }
}

/// One requirement of a label selector: `a=b`, `a==b`, `a!=b`, `a`, `!a`.
fn fits(labels: &Value, requirement: &str) -> bool {
    if let Some((name, value)) = requirement.split_once("!=") {
        labels[name.trim()] != value.trim()
    } else if let Some((name, value)) = requirement.split_once('=') {
        labels[name.trim()] == value.trim_start_matches('=').trim()
    } else if let Some(name) = requirement.strip_prefix('!') {
        labels[name.trim()].is_null()
    } else {
        !labels[requirement.trim()].is_null()
    }
}

/// Within a list, objects do not say their kind: the list does.
fn in_list(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

pub(super) fn known(resource: &str) -> Option<(&'static str, &'static str, &'static str, bool)> {
    RESOURCES.into_iter().find(|known| known.0 == resource)
}

fn key(resource: &str, namespace: &str, name: &str) -> Option<Key> {
    let (resource, .., in_namespace) = known(resource)?;
    Some((resource, if in_namespace { namespace.to_owned() } else { String::new() }, name.to_owned()))
}

fn uid() -> String {
    let hex = |length| random::text(length, b"0123456789abcdef");
    format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12))
}
