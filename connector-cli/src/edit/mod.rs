//! Edits of files that belong to somebody else: kubeconfig, the settings of docker, of AWS's programs, of
//! gcloud, of az, and a project's compose and `.env` files.
//!
//! A file is read into a tree with byte spans, some spans are replaced, and the result is read again: what
//! was not to be changed has to be there as it was, or nothing is written. So comments, order, unknown keys
//! and spaces stay. Each edit says how to take it back: byte for byte while the file is as it was left, and
//! by what it says once somebody else wrote to it.

#[cfg(unix)]
mod acl;
mod block;
mod change;
mod dotenv;
mod file;
mod flow;
mod ini;
mod json;
mod lock;
mod splice;
mod step;
mod text;
mod tree;
mod yaml;

#[cfg(all(test, unix))]
mod crash;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::path::Path;

use connector_core::Error;
use serde::{Deserialize, Serialize};

pub(crate) use change::{respell, set, unset, without_nulls};
pub(crate) use file::{Held, Mode, read_if_there, real_path, replace_private};
pub(crate) use lock::wait_for;
pub(crate) use splice::{Reverse, take_back};
pub(crate) use text::TEXT;
pub(crate) use tree::{Fault, Node, Place, Step};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// docker's and podman's settings, az's profile and cache.
    Json,
    /// kubeconfig files.
    Yaml,
    /// The files of AWS's programs, of gcloud and of az.
    Ini,
    /// compose files.
    Compose,
    /// `.env` files.
    Dotenv,
    /// One text and nothing else.
    Text,
}

impl Format {
    /// Reads a text.
    pub(crate) fn parse(self, text: &str) -> Result<Node, Fault> {
        match self {
            Self::Json => json::parse(text),
            Self::Yaml | Self::Compose => yaml::parse(text),
            Self::Ini => ini::parse(text),
            Self::Dotenv => dotenv::parse(text),
            Self::Text => Ok(text::parse(text)),
        }
    }

    /// What a file begins as.
    pub(crate) fn skeleton(self) -> &'static str {
        match self {
            Self::Json => "{}\n",
            Self::Yaml => "apiVersion: v1\nkind: Config\npreferences: {}\n",
            Self::Compose => "services: {}\n",
            Self::Ini | Self::Dotenv | Self::Text => "",
        }
    }

    /// Whether nothing is left of a file but what it began as.
    pub(crate) fn is_bare(self, text: &str) -> bool {
        let Ok(root) = self.parse(text) else { return false };
        let serde_json::Value::Object(left) = root.value() else {
            return root.is_vacant() && text.trim().is_empty();
        };
        // A comment is somebody's.
        let has_comment = text.contains('#') || (self == Self::Ini && text.contains(';'));
        !has_comment
            && left.iter().all(|(key, value)| match key.as_str() {
                "apiVersion" => value == "v1",
                "kind" => value == "Config",
                "preferences" | "services" => value.as_object().is_some_and(serde_json::Map::is_empty),
                _ => false,
            })
    }
}

/// A fault of a file, by its line. Nothing of what stands there is quoted.
pub(crate) fn refuse(path: &Path, text: &str, fault: &Fault) -> Error {
    let line = crate::values::line_at(text, fault.at);
    Error::invalid(format!("{}, line {line}: {}", path.display(), fault.what))
        .with_hint("mend the file and try again; nothing was changed")
}
