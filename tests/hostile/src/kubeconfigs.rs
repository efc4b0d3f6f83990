//! Kubeconfigs: what auto-configuration makes of them, what they are as the config of a method, and what an exec
//! plugin in them prints.

use std::collections::HashMap;
use std::path::PathBuf;

use connector_core::{Allow, Candidate, Context, Document, Grant, Hints};
use serde_json::{Map, Value, json};

use crate::envelopes::use_envelope;
use crate::world::{World, block_on};
use crate::{CANARY, judge, parts, registry, text};

/// Two kubeconfigs, which are merged and of which the first is also one by itself, and what every program prints,
/// each a part of the input.
pub fn kubeconfigs(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let mut parts = parts(text);
    let first = parts.next().unwrap_or_default();
    let second = parts.next().unwrap_or_default();
    let printed = parts.next().unwrap_or_default();
    let world = World::answering(Vec::new(), printed.as_bytes().to_vec());
    let files = [(FIRST, first), (SECOND, second), ("/home/alice/.kube/token", CANARY)];
    let files = files.map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()));
    let both = HashMap::from([("KUBECONFIG".to_owned(), format!("{FIRST}:{SECOND}"))]);
    let cx = world.context(HashMap::from(files)).with_environment(both);
    let values = [first, second].map(|it| serde_saphyr::from_str::<Value>(it).ok());
    let is_hidden = !values.iter().flatten().any(tells);
    // What is no YAML is none for every context and method.
    let most = if values[0].is_some() { usize::MAX } else { 1 };
    for (context, method) in CHOICES.into_iter().take(most) {
        detect(&cx, context, method, is_hidden);
    }
    for (context, account) in
        [(None, None), (Some("other"), None), (None, Some("deployer"))].into_iter().take(most)
    {
        let mut config = json!({ "kubeconfig": first });
        for (field, value) in [("context", context), ("service_account", account)] {
            if let Some(value) = value {
                config[field] = value.into();
            }
        }
        use_config(&cx, "kubeconfig", &config, is_hidden);
    }
}

const FIRST: &str = "/home/alice/.kube/config";
const SECOND: &str = "/home/alice/.kube/more";

/// The contexts of the seeds, and the methods.
const CHOICES: [(Option<&str>, Option<&str>); 6] = [
    (None, None),
    (Some("work"), None),
    (Some("other"), None),
    (None, Some("token")),
    (None, Some("kubeconfig")),
    (None, Some("password")),
];

fn detect(cx: &Context, context: Option<&str>, method: Option<&str>, is_hidden: bool) {
    let mut hints = Hints::default();
    (hints.context, hints.method) = (context.map(str::to_owned), method.map(str::to_owned));
    match block_on(registry().detect("kubernetes", cx, &hints)) {
        Ok(found) => found.iter().for_each(|it| use_candidate(cx, it, is_hidden)),
        Err(error) if is_hidden => judge(&error),
        Err(_) => {}
    }
}

fn use_candidate(cx: &Context, candidate: &Candidate, is_hidden: bool) {
    let told = format!("{candidate:?} {} {:?}", candidate.found, candidate.notes);
    assert!(!is_hidden || !told.contains(CANARY), "a candidate tells a secret: {told}");
    use_config(cx, candidate.method, &Value::Object(candidate.config.clone()), is_hidden);
}

/// Everything up to the credential.
fn use_config(cx: &Context, method: &str, config: &Value, is_hidden: bool) {
    let config: Map<String, Value> = config.as_object().cloned().unwrap_or_default();
    let mut document = Document::draft("ours", "kubernetes", method, config.clone());
    document.allow = [Allow::Exec, Allow::LongLived].into();
    let connector = match registry().open(&document, config) {
        Ok(connector) => connector,
        Err(error) if is_hidden => return judge(&error),
        Err(_) => return,
    };
    let shown = format!("{connector:?}");
    assert!(!is_hidden || !shown.contains(CANARY), "a connector shows a secret: {shown}");
    let cx = &cx.for_connector(std::sync::Arc::new(connector.terms().clone()));
    let grant = Grant::new("kubernetes-cluster", "");
    let issued = block_on(async {
        let handle = connector.resource(cx, grant).await?;
        let _ = handle.plan();
        handle.envelope().await
    });
    match issued {
        Ok(envelope) => use_envelope(&envelope),
        Err(error) if is_hidden => judge(&error),
        Err(_) => {}
    }
}

/// Whether a canary became a part of what is told: a name, an address, a key.
fn tells(value: &Value) -> bool {
    const SECRETS: [&str; 4] = ["token", "password", "client-key-data", "value"];
    match value {
        Value::String(text) => text.contains(CANARY),
        Value::Array(items) => items.iter().any(tells),
        Value::Object(map) => map.iter().any(|(key, value)| {
            let is_secret = SECRETS.contains(&key.as_str()) && value.is_string();
            key.contains(CANARY) || (!is_secret && tells(value))
        }),
        _ => false,
    }
}
