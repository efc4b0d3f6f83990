//! Taking one login back, on the desk.

use std::path::PathBuf;

use connector_core::Result;

use super::journal::{FileEdit, Login, digest, digest_of};
use super::{Desk, shown};
use crate::edit;

/// What came of one file.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) path: PathBuf,
    /// Whether the file is gone again.
    pub(super) gone: bool,
    /// What was left because somebody changed it.
    pub(super) left: Vec<String>,
}

/// Takes a login back in the files on the desk. What a later login wrote in the same place stays; that one
/// then knows what stood there before both.
pub(super) fn take_back(logins: &mut [Login], at: usize, desk: &mut Desk) -> Result<Vec<Taken>> {
    let (earlier, later) = logins.split_at_mut(at + 1);
    let mut taken = Vec::new();
    for file in &earlier[at].files {
        let real = edit::real_path(&file.path)?;
        let same = later.iter_mut().flat_map(|it| &mut it.files);
        let mut same: Vec<&mut FileEdit> =
            same.filter(|it| edit::real_path(&it.path).is_ok_and(|it| it == real)).collect();
        let Some((_, text)) = desk.get_mut(&real) else { continue };
        let mut left = Vec::new();
        let was_there = text.is_some();
        if let Some(old) = text.take() {
            *text = in_text(old, file, &mut same, &mut left)?;
        }
        taken.push(Taken { path: file.path.clone(), gone: was_there && text.is_none(), left });
    }
    Ok(taken)
}

fn in_text(
    old: String,
    file: &FileEdit,
    later: &mut [&mut FileEdit],
    left: &mut Vec<String>,
) -> Result<Option<String>> {
    if later.is_empty()
        && digest(&old) == file.digest
        && let Some(text) = edit::take_back(&old, &file.reverse)
    {
        return Ok(Some(text).filter(|text| !(file.created && is_blank(text, file))));
    }
    let refuse = |text: &str, fault: edit::Fault| edit::refuse(&file.path, text, &fault);
    let mut text = old;
    for change in file.changes.iter().rev() {
        let over = later.iter_mut().flat_map(|it| &mut it.changes).find(|it| it.place == change.place);
        if let Some(over) = over {
            over.before.clone_from(&change.before);
            over.spelling.clone_from(&change.spelling);
            over.made
                .extend(change.made.iter().filter(|it| !over.made.contains(it)).cloned().collect::<Vec<_>>());
            continue;
        }
        let root = file.format.parse(&text).map_err(|fault| refuse(&text, fault))?;
        let found = root.find(&change.place).map_err(|fault| refuse(&text, fault))?.map(edit::Node::value);
        match found {
            None => {}
            Some(value) if digest_of(&value) != change.wrote => left.push(shown(&change.place)),
            Some(_) => {
                let edited = match &change.before {
                    Some(before) => edit::set(file.format, &text, &change.place, before),
                    None => edit::unset(file.format, &text, &change.place, &change.made),
                };
                text = edited.map_err(|fault| refuse(&text, fault))?.text;
                if let Some(spelling) = &change.spelling {
                    text = edit::respell(file.format, text, &change.place, spelling);
                }
            }
        }
    }
    match later.first_mut() {
        Some(next) => next.created |= file.created,
        None if file.created && is_blank(&text, file) => return Ok(None),
        None => {}
    }
    Ok(Some(text))
}

fn is_blank(text: &str, file: &FileEdit) -> bool {
    text.trim().is_empty() || file.format.is_bare(text)
}
