//! The compose project: which files it has, and what its services say already.

use std::path::{Path, PathBuf};

use connector_core::{Error, Result};
use serde_json::Value;

use crate::edit;

/// Names of a project's own file, the one that compose takes first.
const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of the file that compose reads beside it: it takes the first of them, and no other.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// The one that is made where there is none.
const OVERRIDE: &str = "docker-compose.override.yml";

/// A compose project.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    pub(super) override_file: PathBuf,
    /// The project's own file, where there is one.
    file: Option<PathBuf>,
    /// What it says; nothing where it cannot be read.
    services: Option<Value>,
}

impl Project {
    /// The project in the folder of an override file, or in the one where we are.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub(super) fn find(override_file: Option<&Path>) -> Result<Self> {
        let override_file = match override_file {
            Some(file) => file.to_owned(),
            None => OVERRIDES.iter().map(PathBuf::from).find(|it| it.exists()).unwrap_or(OVERRIDE.into()),
        };
        let folder = match override_file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let file = FILES.iter().map(|it| folder.join(it)).find(|it| it.is_file());
        let text = file.as_deref().map(edit::read_if_there).transpose()?.flatten();
        // With its references resolved, which an editor of files has to leave alone.
        let whole = text.and_then(|it| serde_saphyr::from_str::<Value>(&it).ok());
        let services = whole.map(|it| it.get("services").cloned().unwrap_or_default());
        Ok(Self { folder, override_file, file, services })
    }

    /// The project's own file, where what it says is not known.
    pub(super) fn unread(&self) -> Option<&Path> {
        self.file.as_deref().filter(|_| self.services.is_none())
    }

    /// Whether the Astro CLI runs it.
    pub(super) fn is_astro(&self) -> bool {
        self.folder.join(".astro").is_dir()
    }

    /// Refuses services that the project does not have.
    pub(super) fn check(&self, services: &[String]) -> Result<()> {
        let (Some(file), Some(Value::Object(known))) = (&self.file, &self.services) else { return Ok(()) };
        let Some(missing) = services.iter().find(|it| !known.contains_key(*it)) else { return Ok(()) };
        let known: Vec<&str> = known.keys().map(String::as_str).collect();
        let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Err(Error::field("service", format!("{file} has no service `{missing}`"))
            .with_hint(format!("its services: {}", known.join(" "))))
    }

    fn of(&self, service: &str, key: &str) -> Option<&Value> {
        self.services.as_ref()?.get(service)?.get(key).filter(|it| !it.is_null())
    }

    /// The network that a service shares instead of having its own.
    pub(super) fn network_mode(&self, service: &str) -> Option<&str> {
        self.of(service, "network_mode")?.as_str()
    }

    /// Whether a service names its networks. One that does not has the project's default one.
    pub(super) fn names_networks(&self, service: &str) -> bool {
        self.of(service, "networks").is_some()
    }

    /// The variables among these that a service sets for itself.
    pub(super) fn sets<'a>(&self, service: &str, names: &'a [String]) -> Vec<&'a str> {
        names.iter().map(String::as_str).filter(|it| self.variable(service, it).is_some()).collect()
    }

    /// A variable that a service sets for itself; empty where its value comes from elsewhere.
    pub(super) fn variable(&self, service: &str, name: &str) -> Option<String> {
        match self.of(service, "environment")? {
            Value::Object(map) => map.get(name).map(|it| it.as_str().unwrap_or_default().to_owned()),
            Value::Array(items) => items.iter().filter_map(Value::as_str).find_map(|it| {
                let (own, value) = it.split_once('=').unwrap_or((it, ""));
                (own == name).then(|| value.to_owned())
            }),
            _ => None,
        }
    }
}
