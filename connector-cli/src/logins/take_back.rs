//! Taking one login back, on the desk.

use std::path::PathBuf;

use connector_core::Result;

use super::journal::{Change, FileEdit, Login, digest, digest_of};
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
    /// The connector whose later login stands in the file.
    pub(super) under: Option<String>,
}

/// What other logins did to the same file.
struct Others<'a> {
    /// What was written before this login.
    earlier: Vec<&'a Change>,
    /// By whom it was edited after this login.
    later: Vec<(&'a str, &'a mut FileEdit)>,
}

/// Takes a login back in the files on the desk. What a later login wrote in the same place stays; that one
/// then knows what stood there before both.
pub(super) fn take_back(logins: &mut [Login], at: usize, desk: &mut Desk) -> Result<Vec<Taken>> {
    let all = take_back_texts(logins, at, desk)?;
    for (file, taken) in all.iter().enumerate() {
        // What somebody wrote in a secret's place may be one too.
        if let (Some(mode), true) = (leave_mode(logins, at, file)?, taken.left.is_empty())
            && let Some(work) = desk.get_mut(&edit::real_path(&taken.path)?)
        {
            work.reopen(mode);
        }
    }
    Ok(all)
}

/// The mode to give back to a file of a login that goes. While a secret of another login is in the file, that one
/// keeps the mode.
fn leave_mode(logins: &mut [Login], at: usize, file: usize) -> Result<Option<u32>> {
    let FileEdit { path, mode, .. } = &logins[at].files[file];
    let (real, mode) = (edit::real_path(path)?, *mode);
    let mut others = logins.iter_mut().enumerate().filter(|(other, _)| *other != at);
    let heir = others.find_map(|(_, it)| {
        let mut files = it.files.iter_mut();
        files.find(|it| it.is_secret && edit::real_path(&it.path).is_ok_and(|it| it == real))
    });
    Ok(match heir {
        Some(heir) => {
            heir.mode = heir.mode.or(mode);
            None
        }
        None => mode,
    })
}

/// The same for what is in the files; one for each of the login's, in their order.
fn take_back_texts(logins: &mut [Login], at: usize, desk: &mut Desk) -> Result<Vec<Taken>> {
    let (earlier, later) = logins.split_at_mut(at + 1);
    let mut all = Vec::new();
    for file in &earlier[at].files {
        let real = edit::real_path(&file.path)?;
        let is_same = |it: &FileEdit| edit::real_path(&it.path).is_ok_and(|it| it == real);
        let before = earlier[..at].iter().flat_map(|it| &it.files).filter(|it| is_same(it));
        let after = later.iter_mut().flat_map(|it| {
            let Login { connector, files, .. } = it;
            files.iter_mut().map(|it| (connector.as_str(), it))
        });
        let mut others = Others {
            earlier: before.flat_map(|it| &it.changes).collect(),
            later: after.filter(|(_, it)| is_same(it)).collect(),
        };
        let mut taken = Taken { path: file.path.clone(), gone: false, left: Vec::new(), under: None };
        if let Some(work) = desk.get_mut(&real)
            && let Some(old) = work.text.take()
        {
            work.text = in_text(old, file, &mut others, &mut taken)?;
            taken.gone = work.text.is_none();
        }
        all.push(taken);
    }
    Ok(all)
}

fn in_text(
    old: String,
    file: &FileEdit,
    others: &mut Others<'_>,
    taken: &mut Taken,
) -> Result<Option<String>> {
    let Others { earlier, later } = others;
    taken.under = later.first().map(|(connector, _)| (*connector).to_owned());
    if later.is_empty()
        && digest(&old) == file.digest
        && let Some(text) = edit::take_back(&old, &file.reverse)
    {
        return Ok(Some(text).filter(|text| !(file.created && is_blank(text, file))));
    }
    let refuse = |text: &str, fault: edit::Fault| edit::refuse(&file.path, text, &fault);
    let mut text = old;
    for change in file.changes.iter().rev() {
        let over = later.iter_mut().find_map(|(_, it)| {
            let at = it.changes.iter().position(|it| it.place == change.place)?;
            Some((&mut **it, at))
        });
        if let Some((file, at)) = over {
            // Its bytes would bring back what this login wrote, so it goes by what it says from now on.
            file.digest.clear();
            file.reverse.clear();
            let over = &mut file.changes[at];
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
            Some(value) if digest_of(&value) != change.wrote => {
                // After a crash this login may not have come to be written, or be gone already.
                let is_from = |it: &&Change| it.place == change.place && it.wrote == digest_of(&value);
                if change.before.as_ref() != Some(&value) && !earlier.iter().any(is_from) {
                    taken.left.push(shown(&change.place));
                }
            }
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
        Some((_, next)) => next.created |= file.created,
        None if file.created && is_blank(&text, file) => return Ok(None),
        None => {}
    }
    Ok(Some(text))
}

fn is_blank(text: &str, file: &FileEdit) -> bool {
    text.trim().is_empty() || file.format.is_bare(text)
}
