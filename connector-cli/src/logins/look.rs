//! What is left of a login in the files that it was written into. Looks, and changes nothing.

use std::path::PathBuf;

use serde_json::Value;

use super::journal::digest_of;
use super::{Login, Step};
use crate::edit;

/// One value that a login wrote, as it stands now.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) path: PathBuf,
    /// How people call the place.
    pub(crate) what: String,
    pub(crate) state: Standing,
    /// What stands there; nothing where that is gone, or a secret.
    pub(crate) value: Option<Value>,
}

/// Whether a value is what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is.
    Same,
    /// Somebody changed it since.
    Changed,
    /// It is not there.
    Gone,
    /// The file cannot be read, or has a fault.
    Unread,
}

/// What is left of everything that a login wrote, but for what `later` ones wrote in its place, and for what people
/// choose all the time.
pub(crate) fn left(login: &Login, later: &[Login]) -> Vec<Left> {
    let mut all = Vec::new();
    for file in &login.files {
        let text = edit::read_if_there(&file.path);
        let root = text.as_ref().map(|it| it.as_deref().map(|text| file.format.parse(text)));
        for change in &file.changes {
            let is_over = later
                .iter()
                .flat_map(|it| &it.files)
                .any(|it| it.path == file.path && it.changes.iter().any(|other| other.place == change.place));
            let is_chosen = change.place == [Step::Key("current-context".to_owned())];
            if is_over || is_chosen {
                continue;
            }
            let found = match &root {
                Err(_) | Ok(Some(Err(_))) => Err(()),
                Ok(None) => Ok(None),
                Ok(Some(Ok(root))) => root.find(&change.place).map_err(|_| ()),
            };
            let value = found.map(|it| it.map(edit::Node::value).filter(|it| !it.is_null()));
            let state = match &value {
                Err(()) => Standing::Unread,
                Ok(None) => Standing::Gone,
                Ok(Some(value)) if digest_of(&edit::without_nulls(value)) == change.wrote => Standing::Same,
                Ok(Some(_)) => Standing::Changed,
            };
            let value = value.ok().flatten().filter(|_| !file.is_secret);
            all.push(Left { path: file.path.clone(), what: super::shown(&change.place), state, value });
        }
    }
    all
}
