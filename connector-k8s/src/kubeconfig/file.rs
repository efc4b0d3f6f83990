//! The file's form. Keys that are not known are passed over, as kubectl does.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use connector_core::{Error, Result, Secret};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// One kubeconfig, or several that were merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kubeconfig {
    pub(super) current_context: Option<String>,
    pub(super) clusters: Vec<Placed<ClusterEntry>>,
    pub(super) contexts: Vec<Placed<ContextEntry>>,
    pub(super) users: Vec<Placed<UserEntry>>,
}

/// An entry, its name, and the directory that its relative paths start from; `None` when it is in no file.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) name: String,
    pub(super) directory: Option<PathBuf>,
    pub(super) entry: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    current_context: Option<String>,
    #[serde(default)]
    clusters: Option<Vec<NamedCluster>>,
    #[serde(default)]
    contexts: Option<Vec<NamedContext>>,
    #[serde(default)]
    users: Option<Vec<NamedUser>>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: ClusterEntry,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: ContextEntry,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: Option<UserEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ClusterEntry {
    pub(super) server: Option<String>,
    pub(super) certificate_authority: Option<String>,
    pub(super) certificate_authority_data: Option<String>,
    pub(super) insecure_skip_tls_verify: Option<bool>,
    pub(super) tls_server_name: Option<String>,
    pub(super) proxy_url: Option<String>,
    pub(super) extensions: Option<Vec<Extension>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Extension {
    pub(super) name: String,
    #[serde(default)]
    pub(super) extension: Value,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ContextEntry {
    pub(super) cluster: Option<String>,
    pub(super) user: Option<String>,
    pub(super) namespace: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct UserEntry {
    pub(super) client_certificate: Option<String>,
    pub(super) client_certificate_data: Option<String>,
    pub(super) client_key: Option<String>,
    pub(super) client_key_data: Option<Secret>,
    pub(super) token: Option<Secret>,
    #[serde(rename = "tokenFile")]
    pub(super) token_file: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) r#as: Option<IgnoredAny>,
    pub(super) as_groups: Option<IgnoredAny>,
    pub(super) as_uid: Option<IgnoredAny>,
    pub(super) as_user_extra: Option<IgnoredAny>,
    pub(super) auth_provider: Option<IgnoredAny>,
    pub(super) exec: Option<Exec>,
}

impl std::fmt::Debug for UserEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserEntry([HIDDEN])")
    }
}

/// An exec plugin.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exec {
    pub(super) api_version: Option<String>,
    pub(super) command: String,
    pub(super) args: Option<Vec<String>>,
    pub(super) env: Option<Vec<Variable>>,
    pub(super) interactive_mode: Option<String>,
    #[serde(default)]
    pub(super) provide_cluster_info: bool,
}

/// Arguments and variables may hold secrets.
impl std::fmt::Debug for Exec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exec").field("command", &self.command).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Secret,
}

impl Kubeconfig {
    /// Reads one kubeconfig. `place` names it in errors; `directory` is where its relative paths start.
    ///
    /// # Errors
    /// Invalid input that names place and line, and quotes nothing.
    pub(crate) fn parse(text: &str, place: &str, directory: Option<&Path>) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let file: File = serde_saphyr::from_str(text).map_err(|error| match error.location() {
            Some(location) => Error::invalid(format!("{place}, line {}: not a kubeconfig", location.line())),
            None => Error::invalid(format!("{place} is not a kubeconfig")),
        })?;
        fn placed<T>(name: String, entry: T, directory: Option<&Path>) -> Placed<T> {
            Placed { name, entry, directory: directory.map(Path::to_owned) }
        }
        let clusters = file.clusters.unwrap_or_default().into_iter();
        let contexts = file.contexts.unwrap_or_default().into_iter();
        let users = file.users.unwrap_or_default().into_iter();
        let mut config =
            Self { current_context: file.current_context.filter(|it| !it.is_empty()), ..Self::default() };
        config.merge(Self {
            current_context: None,
            clusters: clusters.map(|it| placed(it.name, it.cluster, directory)).collect(),
            contexts: contexts.map(|it| placed(it.name, it.context, directory)).collect(),
            users: users.map(|it| placed(it.name, it.user.unwrap_or_default(), directory)).collect(),
        });
        Ok(config)
    }

    /// Adds what another one says and this one does not: who comes first wins, name by name.
    pub(crate) fn merge(&mut self, later: Self) {
        fn add<T>(ours: &mut Vec<Placed<T>>, theirs: Vec<Placed<T>>) {
            let mut names: HashSet<String> = ours.iter().map(|it| it.name.clone()).collect();
            ours.extend(theirs.into_iter().filter(|it| names.insert(it.name.clone())));
        }
        self.current_context = self.current_context.take().or(later.current_context);
        add(&mut self.clusters, later.clusters);
        add(&mut self.contexts, later.contexts);
        add(&mut self.users, later.users);
    }

    /// Whether there is nothing to choose.
    pub(crate) fn is_empty(&self) -> bool {
        self.contexts.is_empty()
    }

    /// The contexts, in the order in which they were read.
    pub(crate) fn context_names(&self) -> impl Iterator<Item = &str> {
        self.contexts.iter().map(|it| it.name.as_str())
    }
}
