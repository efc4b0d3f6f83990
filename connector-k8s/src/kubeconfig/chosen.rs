//! What one context says: a cluster, a login, a namespace. What cannot be done as it says is refused: passing over
//! an impersonation, say, would give other rights than were written down.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Error, Result, Secret};
use serde_json::{Value, json};

use super::Kubeconfig;
use super::file::{ClusterEntry, Exec, Placed, UserEntry};
use crate::credential::{Certificate, Login, Password, Trust};
use crate::names::{Certificates, ClusterName, Namespace, ServerUrl, TlsServerName};
use crate::session::{Cluster, is_token};

/// One context with all that it names.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// The context's name.
    pub(crate) context: String,
    pub(crate) cluster: Cluster,
    pub(crate) user: UserLogin,
    pub(crate) namespace: Option<Namespace>,
    /// What the cluster says to exec plugins.
    pub(super) plugin_config: Value,
}

/// How the context's user logs in.
#[derive(Clone, Debug)]
pub(crate) enum UserLogin {
    Login(Login),
    Exec(Exec),
}

/// Reads the files that entries name; refuses them where there are none to read.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str, Option<&PathBuf>) -> Result<Vec<u8>>;

/// The name of the extension that exec plugins are told of.
const PLUGIN_EXTENSION: &str = "client.authentication.k8s.io/exec";

impl Kubeconfig {
    /// What a context says; the current one when none is named.
    ///
    /// # Errors
    /// Not found, with the contexts that there are; what is missing, contradictory or not supported.
    pub(crate) fn choose(&self, context: Option<&str>, read: ReadFile<'_>) -> Result<Chosen> {
        let known = || {
            let names: Vec<_> = self.context_names().take(20).map(shown).collect();
            if names.is_empty() {
                "it has no context".to_owned()
            } else {
                format!("contexts: {}", names.join(", "))
            }
        };
        let Some(name) = context.or(self.current_context.as_deref()) else {
            return Err(Error::invalid("the kubeconfig has no current context, and none is chosen")
                .with_hint(known()));
        };
        // What was asked for is not repeated: it may be something secret in the wrong place.
        let absent = || Error::not_found("the kubeconfig has no context of the name that is asked for");
        let context = self.contexts.iter().find(|it| it.name == name);
        let context = context.ok_or_else(|| absent().with_hint(known()))?;
        let missing =
            |what: &str| Error::invalid(format!("context `{}` names no {what} that is there", shown(name)));
        let cluster = self.clusters.iter().find(|it| Some(&it.name) == context.entry.cluster.as_ref());
        let cluster = cluster.ok_or_else(|| missing("cluster"))?;
        let user = self.users.iter().find(|it| Some(&it.name) == context.entry.user.as_ref());
        let user = user.ok_or_else(|| missing("user"))?;
        let namespace = context.entry.namespace.as_deref().filter(|it| !it.is_empty());
        let namespace = namespace.map(Namespace::parse).transpose();
        Ok(Chosen {
            context: name.to_owned(),
            user: login(user, read)?,
            namespace: namespace.map_err(|error| error.context(format!("context `{}`", shown(name))))?,
            plugin_config: plugin_config(&cluster.entry),
            cluster: place(cluster, read)?,
        })
    }
}

/// A name in a message: bounded, and in letters that look like what they are.
fn shown(text: &str) -> String {
    text.chars()
        .take(100)
        .map(|it| if it.is_ascii_graphic() || it == ' ' { it } else { '\u{fffd}' })
        .collect()
}

fn plugin_config(cluster: &ClusterEntry) -> Value {
    let extensions = cluster.extensions.iter().flatten();
    extensions
        .filter(|it| it.name == PLUGIN_EXTENSION)
        .map(|it| it.extension.clone())
        .next()
        .unwrap_or_default()
}

fn place(cluster: &Placed<ClusterEntry>, read: ReadFile<'_>) -> Result<Cluster> {
    let of = |error: Error| error.context(format!("cluster `{}` of the kubeconfig", shown(&cluster.name)));
    let entry = &cluster.entry;
    let wrong = |message: &str| of(Error::invalid(message.to_owned()));
    if entry.proxy_url.as_ref().is_some_and(|it| !it.is_empty()) {
        return Err(
            wrong("has a `proxy-url`, which is not supported").with_hint("set HTTPS_PROXY in its place")
        );
    }
    let server = entry.server.as_deref().ok_or_else(|| wrong("has no `server`"))?;
    let server = ServerUrl::parse(server).map_err(of)?;
    if let Some(problem) = server.problem("server") {
        return Err(of(Error::problems(problem.to_string(), vec![problem])));
    }
    let authority = data_or_file(
        entry.certificate_authority_data.as_deref(),
        entry.certificate_authority.as_deref(),
        cluster.directory.as_ref(),
        read,
    );
    let trust = match (authority.map_err(of)?, entry.insecure_skip_tls_verify.unwrap_or_default()) {
        (Some(_), true) => {
            return Err(wrong(
                "says `insecure-skip-tls-verify` and names a certificate authority: only one can be",
            ));
        }
        (None, true) => Trust::Anybody,
        (None, false) => Trust::System,
        (Some(pem), false) => {
            let read = Certificates::parse(pem.expose())
                .ok_or_else(|| wrong("its certificate authority is no PEM"))?;
            Trust::Authority(read.as_str().to_owned())
        }
    };
    let tls_server_name = entry.tls_server_name.as_deref().filter(|it| !it.is_empty());
    Ok(Cluster {
        server,
        name: ClusterName::parse(&*cluster.name).map_err(of)?,
        trust,
        tls_server_name: tls_server_name.map(TlsServerName::parse).transpose().map_err(of)?,
    })
}

fn login(user: &Placed<UserEntry>, read: ReadFile<'_>) -> Result<UserLogin> {
    let of = |error: Error| error.context(format!("user `{}` of the kubeconfig", shown(&user.name)));
    let entry = &user.entry;
    let wrong = |message: &str| of(Error::invalid(message.to_owned()));
    if entry.r#as.is_some()
        || entry.as_groups.is_some()
        || entry.as_uid.is_some()
        || entry.as_user_extra.is_some()
    {
        return Err(wrong("acts as somebody else (`as`), which is not supported")
            .with_hint("use a login of that somebody, or a `service_account`"));
    }
    if entry.auth_provider.is_some() {
        return Err(
            wrong("has an `auth-provider`, which left Kubernetes in 1.26").with_hint("use an exec plugin")
        );
    }
    let directory = user.directory.as_ref();
    let some = |text: &Option<String>| text.clone().filter(|it| !it.is_empty());
    let certificate = data_or_file(
        some(&entry.client_certificate_data).as_deref(),
        some(&entry.client_certificate).as_deref(),
        directory,
        read,
    );
    let key = entry.client_key_data.as_ref().filter(|it| !it.is_empty()).map(Secret::expose);
    let key = data_or_file(key, some(&entry.client_key).as_deref(), directory, read);
    // In the order in which an API server looks at them.
    match (certificate.map_err(of)?, key.map_err(of)?) {
        (Some(certificate), Some(key)) => {
            let certificate = Certificates::parse(certificate.expose());
            let certificate = certificate.ok_or_else(|| wrong("its client certificate is no PEM"))?;
            if !is_key(&key) {
                return Err(wrong("its client key is no PEM"));
            }
            let certificate = certificate.as_str().to_owned();
            return Ok(UserLogin::Login(Login::Certificate(Certificate { certificate, key })));
        }
        (None, None) => {}
        _ => return Err(wrong("has a client certificate without its key, or a key without its certificate")),
    }
    let token = match (some(&entry.token_file), &entry.token) {
        // The file is the newer one where both are there.
        (Some(path), _) => {
            let text =
                Secret::new(String::from_utf8(read(&path, directory).map_err(of)?).unwrap_or_default());
            Some(Secret::new(text.expose().trim()))
        }
        (None, token) => token.clone().filter(|it| !it.is_empty()),
    };
    if let Some(token) = token {
        if !is_token(token.expose()) {
            return Err(wrong("its token is empty, or holds what no token has"));
        }
        return Ok(UserLogin::Login(Login::Token(token)));
    }
    if let (Some(username), Some(password)) = (some(&entry.username), &entry.password) {
        return Ok(UserLogin::Login(Login::Password(Password { username, password: password.clone() })));
    }
    match &entry.exec {
        Some(exec) => {
            let mut exec = exec.clone();
            exec.settle(directory).map_err(of)?;
            Ok(UserLogin::Exec(exec))
        }
        None => Err(wrong("has no way to log in: no certificate, token, password or exec plugin")),
    }
}

/// Whether a text holds a private key in PEM form.
pub(crate) fn is_key(key: &Secret) -> bool {
    key.expose().contains("-----BEGIN ") && key.expose().contains("PRIVATE KEY-----")
}

/// What stands in the kubeconfig itself, in base64, or in a file that it names. The first wins.
fn data_or_file(
    data: Option<&str>,
    path: Option<&str>,
    directory: Option<&PathBuf>,
    read: ReadFile<'_>,
) -> Result<Option<Secret>> {
    let bytes = match (data.filter(|it| !it.is_empty()), path.filter(|it| !it.is_empty())) {
        (Some(data), _) => {
            let joined: String = data.split_ascii_whitespace().collect();
            STANDARD.decode(joined).map_err(|_| Error::invalid("data that is not base64"))?
        }
        (None, Some(path)) => read(path, directory)?,
        (None, None) => return Ok(None),
    };
    String::from_utf8(bytes)
        .map(|text| Some(Secret::new(text)))
        .map_err(|_| Error::invalid("data that is not text"))
}

impl Chosen {
    /// A kubeconfig of this context alone, with everything in it and nothing beside it.
    pub(crate) fn to_text(&self) -> Secret {
        let mut cluster = self.cluster_info();
        cluster.as_object_mut().expect("an object").remove("config");
        if !self.plugin_config.is_null() {
            cluster["extensions"] = json!([{ "name": PLUGIN_EXTENSION, "extension": self.plugin_config }]);
        }
        let user = match &self.user {
            UserLogin::Login(Login::Token(token)) => json!({ "token": token.expose() }),
            UserLogin::Login(Login::Certificate(it)) => json!({
                "client-certificate-data": STANDARD.encode(&it.certificate),
                "client-key-data": STANDARD.encode(it.key.expose()),
            }),
            UserLogin::Login(Login::Password(it)) => {
                json!({ "username": it.username, "password": it.password.expose() })
            }
            UserLogin::Exec(exec) => json!({ "exec": exec.to_json() }),
        };
        let mut context = json!({ "cluster": self.cluster.name.as_str(), "user": "user" });
        if let Some(namespace) = &self.namespace {
            context["namespace"] = namespace.as_str().into();
        }
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": self.context,
            "clusters": [{ "name": self.cluster.name.as_str(), "cluster": cluster }],
            "contexts": [{ "name": self.context, "context": context }],
            "users": [{ "name": "user", "user": user }],
        });
        Secret::new(text.to_string())
    }

    /// The cluster in the words of kubeconfigs, which exec plugins are told.
    pub(super) fn cluster_info(&self) -> Value {
        let Cluster { server, trust, tls_server_name, .. } = &self.cluster;
        let mut info = json!({ "server": server.as_str() });
        match trust {
            Trust::System => {}
            Trust::Authority(pem) => info["certificate-authority-data"] = STANDARD.encode(pem).into(),
            Trust::Anybody => info["insecure-skip-tls-verify"] = true.into(),
        }
        if let Some(name) = tls_server_name {
            info["tls-server-name"] = name.as_str().into();
        }
        if !self.plugin_config.is_null() {
            info["config"] = self.plugin_config.clone();
        }
        info
    }
}
