//! `logins.json` in the program's home: which logins were written into whose files, and how to take that
//! back. There is no secret in it: of what was written it keeps a digest, and what it keeps of the file
//! before that are settings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use connector_core::{Error, Grant, Result};
use connector_store::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::edit::{self, Format, Place, Reverse};

const VERSION: u32 = 1;

/// All logins that were not taken back, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    version: u32,
    /// Which registry is whose, made from the logins: docker's helper reads this and nothing else.
    docker: BTreeMap<String, Route>,
    pub(crate) logins: Vec<Login>,
}

/// Where docker's helper gets the login of a registry from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) connector: String,
    pub(crate) grant: Grant,
    pub(crate) username: String,
}

/// One login: what was asked for, and what was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) connector: String,
    /// The kind of the credential, such as `kubernetes`.
    pub(crate) kind: String,
    /// The context, the registry, the profile or the folder.
    pub(crate) name: String,
    pub(crate) grant: Grant,
    /// Whether the credential itself was written.
    #[serde(rename = "static")]
    pub(crate) is_static: bool,
    /// The user that a registry knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    pub(crate) files: Vec<FileEdit>,
}

impl Login {
    /// What was written where.
    pub(super) fn places(&self) -> BTreeSet<(PathBuf, Place, String)> {
        let of =
            |it: &FileEdit, change: &Change| (it.path.clone(), change.place.clone(), change.wrote.clone());
        self.files.iter().flat_map(|it| it.changes.iter().map(move |change| of(it, change))).collect()
    }
}

/// What was changed in one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileEdit {
    /// As it was named: a link may lead elsewhere by the time it is taken back.
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// Whether there was no such file.
    pub(crate) created: bool,
    /// Whether a secret was written. What an older version wrote may be one.
    #[serde(default = "yes", rename = "secret")]
    pub(crate) is_secret: bool,
    /// The mode that the file had before it was closed for that secret; it comes back when no secret is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<u32>,
    /// The file as it was left. While it is that, bytes are put back; else what they say.
    pub(crate) digest: String,
    pub(crate) reverse: Vec<Reverse>,
    pub(crate) changes: Vec<Change>,
}

fn yes() -> bool {
    true
}

/// One value that was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) place: Place,
    /// A digest of the value.
    pub(crate) wrote: String,
    /// Containers that were made for it.
    pub(crate) made: Vec<Place>,
    /// What stood there before.
    pub(crate) before: Option<Value>,
    /// How that was written, where it was on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) spelling: Option<String>,
}

/// A digest of a whole file.
pub(crate) fn digest(text: &str) -> String {
    Digest::of(["file", text]).to_string()
}

/// A digest of what a value says, however it is written.
pub(crate) fn digest_of(value: &Value) -> String {
    Digest::of(["value", &value.to_string()]).to_string()
}

impl Journal {
    fn path(home: &Path) -> PathBuf {
        home.join("logins.json")
    }

    /// Reads the journal. None yet is an empty one.
    ///
    /// # Errors
    /// A damaged one, one of a newer version.
    pub(crate) fn read(home: &Path) -> Result<Self> {
        let none = || Self { version: VERSION, docker: BTreeMap::new(), logins: Vec::new() };
        Ok(parse(&Self::path(home))?.unwrap_or_else(none))
    }

    /// Writes the journal, for good.
    ///
    /// # Errors
    /// No right to, no room.
    pub(crate) fn write(&mut self, home: &Path) -> Result<()> {
        let routed = self.logins.iter().filter(|it| it.kind == "docker" && !it.is_static).map(|it| {
            let route = Route {
                connector: it.connector.clone(),
                grant: it.grant.clone(),
                username: it.username.clone().unwrap_or_default(),
            };
            (it.name.clone(), route)
        });
        // Of several for one registry the newest counts.
        self.docker = routed.collect();
        let text =
            serde_json::to_vec(self).map_err(|_| Error::unexpected("the journal cannot be written"))?;
        edit::replace_private(&Self::path(home), &text)
    }
}

/// The registries that docker's helper answers for. No journal yet has none.
///
/// # Errors
/// A journal that cannot be read, a damaged one, one of a newer version.
pub(crate) fn routes(home: &Path) -> Result<BTreeMap<String, Route>> {
    #[derive(Deserialize)]
    struct Docker {
        docker: BTreeMap<String, Route>,
    }
    Ok(parse::<Docker>(&Journal::path(home))?.map(|it| it.docker).unwrap_or_default())
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(text) = edit::read_if_there(path)? else { return Ok(None) };
    let damaged = |_| {
        Error::store(format!("{} is damaged", path.display())).with_hint(
            "remove it: what was logged in stays in the programs' own files, to be removed by hand",
        )
    };
    let value: Value = serde_json::from_str(&text).map_err(damaged)?;
    if value["version"].as_u64().is_some_and(|it| it > u64::from(VERSION)) {
        return Err(Error::store(format!("{} is from a newer version of this program", path.display())));
    }
    serde_json::from_value(value).map(Some).map_err(damaged)
}
