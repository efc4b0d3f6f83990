//! kubectl: a context whose user is our exec plugin.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Envelope, Error, Result};
use serde_json::{Map, Value, json};

use super::{Asked, Plan, helper_words, other_home, user_home};
use crate::app::App;
use crate::edit::{self, Format, Place, Step};
use crate::logins::{FileWish, Wanted, Wish};
use crate::programs;

const API_VERSION: &str = "client.authentication.k8s.io/v1";
const INSTALL_HINT: &str = "The program `connector` gives access to this cluster, and is not found. \
                            Install it, or remove this user from the kubeconfig.";

pub(super) fn plan(app: &App, asked: &Asked<'_>, envelope: &Envelope) -> Result<Plan> {
    let fields = &envelope.fields;
    let server = fields.text("server")?;
    if !server.starts_with("https://") {
        return Err(Error::refused(
            "the cluster's API server is not reached by https, and kubectl sends no credential then",
        )
        .with_connector(asked.name));
    }
    let name = format!("{}-{}", asked.name, fields.text("cluster")?);
    let mut cluster = Map::new();
    cluster.insert("server".into(), server.into());
    if let Some(pem) = fields.text_if("certificate_authority") {
        cluster.insert("certificate-authority-data".into(), STANDARD.encode(pem).into());
    }
    if fields.value("insecure").is_some_and(|it| it == true) {
        cluster.insert("insecure-skip-tls-verify".into(), true.into());
    }
    if let Some(tls_server_name) = fields.text_if("tls_server_name") {
        cluster.insert("tls-server-name".into(), tls_server_name.into());
    }
    let user = if asked.is_static { static_user(envelope)? } else { json!({ "exec": exec(app, asked)? }) };
    let files = Files::find()?;
    let entries = files.for_entries(&name);
    let stanza = |list: &str, what: &str, value: Value| Wanted {
        place: vec![Step::Key(list.to_owned()), Step::Named(name.clone())],
        value,
        replaces: false,
        what: format!("{what} `{name}`"),
    };
    let mut values = vec![
        stanza("clusters", "cluster", json!({ "name": name, "cluster": cluster })),
        stanza("contexts", "context", json!({ "name": name, "context": { "cluster": name, "user": name } })),
        stanza("users", "user", json!({ "name": name, "user": user })),
    ];
    let current = Wanted {
        place: vec![Step::Key("current-context".into())],
        value: name.clone().into(),
        replaces: true,
        what: "current-context".into(),
    };
    let chooses = files.for_current_context();
    let mut written = Vec::new();
    if chooses == entries {
        values.push(current);
    } else {
        let values = vec![current];
        written.push(FileWish { path: chooses, format: Format::Yaml, is_secret: false, values });
    }
    let is_secret = asked.is_static;
    written.insert(0, FileWish { path: entries, format: Format::Yaml, is_secret, values });
    Ok(Plan {
        wish: Wish {
            connector: asked.name.to_owned(),
            kind: "kubernetes",
            name: name.clone(),
            grant: asked.grant.clone(),
            is_static: asked.is_static,
            username: None,
            files: written,
        },
        tool: "kubectl",
        usage: format!("kubectl get pods (the context `{name}` is the current one now)"),
        renewed: super::RENEWED,
        notes: Vec::new(),
    })
}

/// The plugin, with every key that kubectl writes when it rewrites the file.
fn exec(app: &App, asked: &Asked<'_>) -> Result<Value> {
    let env = other_home(app)?.map(|home| json!([{ "name": "CONNECTOR_HOME", "value": home }]));
    Ok(json!({
        "apiVersion": API_VERSION,
        "command": programs::own()?,
        "args": helper_words("kubectl", asked),
        "env": env,
        "installHint": INSTALL_HINT,
        "interactiveMode": "Never",
        "provideClusterInfo": false,
    }))
}

fn static_user(envelope: &Envelope) -> Result<Value> {
    let fields = &envelope.fields;
    if let Some(token) = fields.secret_field("token") {
        return Ok(json!({ "token": token.expose() }));
    }
    Ok(json!({
        "client-certificate-data": STANDARD.encode(fields.text("client_certificate")?),
        "client-key-data": STANDARD.encode(fields.expect_secret("client_key")?.expose()),
    }))
}

/// The files that kubectl reads, the first of which wins.
struct Files(Vec<PathBuf>);

impl Files {
    fn find() -> Result<Self> {
        let list = std::env::var_os("KUBECONFIG").filter(|it| !it.is_empty());
        let named = list.iter().flat_map(std::env::split_paths).filter(|it| !it.as_os_str().is_empty());
        let mut files: Vec<PathBuf> = Vec::new();
        for file in named {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        if files.is_empty() {
            files.push(user_home()?.join(".kube/config"));
        }
        Ok(Self(files))
    }

    /// The file that has the context already, else the one that kubectl would add it to: the first that
    /// exists, else the last.
    fn for_entries(&self, name: &str) -> PathBuf {
        let stands = |list: &str| vec![Step::Key(list.to_owned()), Step::Named(name.to_owned())];
        let has =
            |file: &&PathBuf| ["contexts", "clusters", "users"].iter().any(|it| says(file, &stands(it)));
        self.0.iter().find(has).cloned().unwrap_or_else(|| self.usual())
    }

    /// The first file that chooses a context, since the others are not asked then.
    fn for_current_context(&self) -> PathBuf {
        let place = [Step::Key("current-context".into())].to_vec();
        self.0.iter().find(|it| says(it, &place)).cloned().unwrap_or_else(|| self.usual())
    }

    fn usual(&self) -> PathBuf {
        let first = self.0.iter().find(|it| it.exists()).or(self.0.last());
        first.cloned().unwrap_or_default()
    }
}

/// Whether a file says something at a place. A file that cannot be read is complained of when it is edited.
fn says(file: &Path, place: &Place) -> bool {
    let text = edit::read_if_there(file).ok().flatten().unwrap_or_default();
    let root = Format::Yaml.parse(&text).ok();
    let value = root.and_then(|it| it.find(place).ok().flatten().map(edit::Node::value));
    value.is_some_and(|it| !it.is_null() && it != "")
}
