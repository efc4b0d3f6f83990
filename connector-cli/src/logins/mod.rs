//! Logins of the user's own programs, and hand-offs to containers: written into files all together or not at all, and
//! taken back.
//!
//! The journal is written before the files are. So whatever a crash leaves in them can be taken back; what
//! it kept from being written is simply not there when it is looked for. A login that gives way to a new one
//! is in the journal until the files are without it.

mod az;
mod journal;
mod look;
mod take_back;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use connector_core::{Error, Grant, Result};
use serde_json::Value;

pub(crate) use az::folder_of_az;
pub(crate) use journal::{Journal, Login, Route, routes};
pub(crate) use look::{Left, Standing, left};

use crate::app::App;
use crate::edit::{self, Format, Held, Mode, Place, Step};
use journal::{Change, FileEdit, digest, digest_of};
use take_back::Taken;

/// The kind of a hand-off to the containers of a compose project. A later one of the same connector into the same file
/// says all that there is of it from then on.
pub(crate) const COMPOSE: &str = "compose";

/// The right to change logins: while one has it, nobody else with the same home does.
#[derive(Debug)]
pub(crate) struct Turn {
    home: PathBuf,
    _lock: File,
}

impl Turn {
    /// Waits for it.
    ///
    /// # Errors
    /// Another process that does not let go.
    pub(crate) fn wait(home: &Path) -> Result<Self> {
        let lock = edit::wait_for(&home.join("logins.lock")).map_err(unchanged)?;
        Ok(Self { home: home.to_owned(), _lock: lock })
    }

    /// The logins of now.
    ///
    /// # Errors
    /// Those of [`Journal::read`].
    pub(crate) fn journal(&self) -> Result<Journal> {
        Journal::read(&self.home)
    }
}

/// A login that is to be written.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) connector: String,
    pub(crate) kind: &'static str,
    /// The context, the registry or the profile.
    pub(crate) name: String,
    pub(crate) grant: Grant,
    pub(crate) is_static: bool,
    pub(crate) username: Option<String>,
    pub(crate) files: Vec<FileWish>,
}

impl Wish {
    /// Whether this is a login to the same as that one.
    fn is_over(&self, old: &Login) -> bool {
        old.kind == self.kind && old.connector == self.connector && old.name == self.name
    }

    /// What is written where.
    fn places(&self) -> BTreeSet<(PathBuf, Place, String)> {
        let of = |file: &FileWish| -> Vec<_> {
            let path = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
            let values = file.values.iter();
            values
                .map(|it| (path.clone(), it.place.clone(), digest_of(&edit::without_nulls(&it.value))))
                .collect()
        };
        self.files.iter().flat_map(of).collect()
    }
}

/// What is to be written into one file.
#[derive(Debug)]
pub(crate) struct FileWish {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// Whether a secret stands among the values: then the file is closed to others while it is there.
    pub(crate) is_secret: bool,
    pub(crate) values: Vec<Wanted>,
}

/// One value to write.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) place: Place,
    pub(crate) value: Value,
    /// Whether it may take the place of somebody else's, which is kept and comes back.
    pub(crate) replaces: bool,
    /// How people call it.
    pub(crate) what: String,
}

/// A file that was written to or looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) path: PathBuf,
    /// Whether the file is new, or gone again.
    pub(crate) whole: bool,
    /// What was written, or is left because somebody changed it since.
    pub(crate) what: Vec<String>,
    /// The connector whose later login stands in the file where one was taken back.
    pub(crate) under: Option<String>,
}

/// Files that are worked on, by where they really are.
type Desk = BTreeMap<PathBuf, Work>;

/// One of them.
struct Work {
    held: Held,
    /// What is to be in it.
    text: Option<String>,
    mode: Mode,
}

impl Work {
    /// Closes the file to others; tells the mode that it had, where that let them in.
    fn close(&mut self) -> Option<u32> {
        let had = match self.mode {
            Mode::Again(mode) => Some(mode),
            Mode::Kept | Mode::Closed => self.held.mode(),
        };
        self.mode = Mode::Closed;
        had.filter(|it| it & 0o077 != 0)
    }

    /// Gives the file the mode again that it had before it was closed, unless somebody set another one since.
    fn reopen(&mut self, mode: u32) {
        if self.held.mode() == Some(mode & 0o700) {
            self.mode = Mode::Again(mode);
        }
    }
}

/// Opens every file, in one order for all processes, so that none waits for another in a circle.
fn open<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<Desk> {
    let mut real = BTreeMap::new();
    for path in paths {
        real.insert(edit::real_path(path)?, path);
    }
    let mut desk = Desk::new();
    for (real, path) in real {
        let held = Held::open(path)?;
        let text = held.text().map(str::to_owned);
        desk.insert(real, Work { held, text, mode: Mode::Kept });
    }
    Ok(desk)
}

/// Writes all files, or leaves them all as they were.
fn commit(desk: &mut Desk) -> Result<()> {
    let mut written: Vec<(PathBuf, Option<String>, Mode)> = Vec::new();
    let mut failed = None;
    for (real, Work { held, text, mode }) in desk.iter_mut() {
        let old = held.text().map(str::to_owned);
        let old_mode = held.mode().map_or(Mode::Kept, Mode::Again);
        match held.write(text.as_deref(), *mode) {
            Ok(()) => written.push((real.clone(), old, old_mode)),
            Err(error) => {
                // A fault of the last step comes when the file is replaced already.
                let is_old = edit::read_if_there(real).is_ok_and(|it| it == old);
                failed = Some((error, is_old));
                break;
            }
        }
    }
    let Some((mut error, mut is_unchanged)) = failed else { return Ok(()) };
    for (real, old, old_mode) in written.into_iter().rev() {
        if let Some(Work { held, .. }) = desk.get_mut(&real)
            && held.write(old.as_deref(), old_mode).is_err()
        {
            is_unchanged = false;
            error = error.with_cause(format!("{} could not be put back either", real.display()));
        }
    }
    Err(if is_unchanged { unchanged(error) } else { error })
}

/// A fault that came before anything was written, or after all of it was put back.
fn unchanged(error: Error) -> Error {
    const SAID: &str = "nothing was changed";
    let hint = match error.hint() {
        Some(hint) if hint.contains(SAID) => return error,
        Some(hint) => format!("{hint}; {SAID}"),
        None => SAID.to_owned(),
    };
    error.with_hint(hint)
}

/// All that a login changes, before it is written.
struct Prepared {
    journal: Journal,
    /// The logins of now.
    before: Vec<Login>,
    /// Those that stay below the new one.
    kept: Vec<Login>,
    new: Login,
    desk: Desk,
    touched: Vec<Touched>,
}

/// Writes a login. One of the same connector to the same context, registry or profile lies below it until it
/// is taken back; one that wrote the same, or a credential of its own, goes.
///
/// # Errors
/// A file that cannot be read, edited or written; something in it that is somebody else's. Nothing is
/// changed then.
pub(crate) fn log_in(turn: &Turn, wish: &Wish) -> Result<Vec<Touched>> {
    let home = &*turn.home;
    let Prepared { mut journal, before, mut kept, new, mut desk, touched } = prepare(turn, wish)?;
    let is_replacing = kept.len() < before.len();
    kept.push(new.clone());
    // A crash may leave in the files what the old ones wrote, so they lie below the new one for now.
    journal.logins = before.clone();
    journal.logins.push(new);
    journal.write(home).map_err(unchanged)?;
    if let Err(error) = commit(&mut desk) {
        journal.logins = before;
        return Err(match journal.write(home) {
            Ok(()) => error,
            Err(second) => error.with_cause(second.message()),
        });
    }
    if is_replacing {
        journal.logins = kept;
        // Without this the old ones stay below it, and are found gone when they are taken back.
        let _ = journal.write(home);
    }
    Ok(touched)
}

/// What the files of a login would hold, without writing any of it.
///
/// # Errors
/// As [`log_in`].
pub(crate) fn preview(turn: &Turn, wish: &Wish) -> Result<Vec<(PathBuf, String)>> {
    let Prepared { desk, .. } = prepare(turn, wish)?;
    let text = |file: &FileWish| -> Result<String> {
        Ok(desk.get(&edit::real_path(&file.path)?).and_then(|it| it.text.clone()).unwrap_or_default())
    };
    wish.files.iter().map(|file| Ok((file.path.clone(), text(file)?))).collect()
}

/// Whether the files hold all of a login already, and the journal knows it.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn is_written(turn: &Turn, wish: &Wish) -> Result<bool> {
    let logins = turn.journal()?.logins;
    let is_same = |it: &&Login| wish.is_over(it) && wish.grant == it.grant && wish.places() == it.places();
    if logins.iter().rfind(|it| wish.is_over(it)).filter(is_same).is_none() {
        return Ok(false);
    }
    for file in &wish.files {
        let text = edit::read_if_there(&file.path)?.unwrap_or_default();
        let Ok(root) = file.format.parse(&text) else { return Ok(false) };
        let is_there = |it: &Wanted| {
            let found = root.find(&it.place).ok().flatten().map(edit::Node::value);
            found == Some(edit::without_nulls(&it.value))
        };
        if !file.values.iter().all(is_there) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn prepare(turn: &Turn, wish: &Wish) -> Result<Prepared> {
    let mut journal = turn.journal()?;
    let before = journal.logins.clone();
    let is_replaced = |it: &Login| {
        wish.is_over(it) && (it.is_static || wish.kind == COMPOSE || wish.places() == it.places())
    };
    let replaced: Vec<usize> = (0..before.len()).filter(|at| is_replaced(&before[*at])).collect();
    let old = replaced.iter().flat_map(|at| before[*at].files.iter().map(|it| &it.path));
    let mut desk = open(wish.files.iter().map(|it| &it.path).chain(old)).map_err(unchanged)?;
    let mut superseded = Vec::new();
    for at in replaced.into_iter().rev() {
        take_back::take_back(&mut journal.logins, at, &mut desk)?;
        superseded.extend(journal.logins.remove(at).files);
    }
    let mut files = Vec::new();
    let mut touched = Vec::new();
    for file in &wish.files {
        let (edit, created) = write_into(&mut desk, file, wish, &journal.logins, &superseded)?;
        touched.push(Touched {
            path: file.path.clone(),
            whole: created,
            what: file.values.iter().map(|it| it.what.clone()).collect(),
            under: None,
        });
        files.push(edit);
    }
    let new = Login {
        connector: wish.connector.clone(),
        kind: wish.kind.to_owned(),
        name: wish.name.clone(),
        grant: wish.grant.clone(),
        is_static: wish.is_static,
        username: wish.username.clone(),
        files,
    };
    let kept = std::mem::take(&mut journal.logins);
    Ok(Prepared { journal, before, kept, new, desk, touched })
}

/// Edits one file on the desk.
fn write_into(
    desk: &mut Desk,
    file: &FileWish,
    wish: &Wish,
    live: &[Login],
    superseded: &[FileEdit],
) -> Result<(FileEdit, bool)> {
    let real = edit::real_path(&file.path)?;
    let FileWish { path, format, is_secret, values } = file;
    let work = desk.get_mut(&real).ok_or_else(|| Error::unexpected("a file that was not opened"))?;
    let mode = if *is_secret { work.close() } else { None };
    let Work { held, text, .. } = work;
    let was_there = held.text().is_some();
    // What an earlier login made for itself belongs to this one too: whoever goes last takes it away.
    let is_same = |it: &&FileEdit| edit::real_path(&it.path).is_ok_and(|it| it == real);
    let earlier: Vec<&FileEdit> =
        live.iter().flat_map(|it| &it.files).chain(superseded).filter(is_same).collect();
    let created = earlier.iter().any(|it| it.created) || text.is_none();
    let inherited: Vec<Place> =
        earlier.iter().flat_map(|it| &it.changes).flat_map(|it| it.made.clone()).collect();
    let is_ours = |place: &Place, value: &Value| {
        let own = live.iter().filter(|it| wish.is_over(it)).flat_map(|it| &it.files).filter(is_same);
        own.flat_map(|it| &it.changes).any(|it| it.place == *place && it.wrote == digest_of(value))
    };
    let mut reverse = Vec::new();
    let mut now = match text.take() {
        Some(text) if !text.trim().is_empty() => text,
        blank => {
            let blank = blank.unwrap_or_default();
            reverse.push(edit::Reverse::whole(file.format.skeleton().len(), blank));
            format.skeleton().to_owned()
        }
    };
    let mut changes = Vec::new();
    for Wanted { place, value, replaces, what } in values {
        let refuse = |text: &str, fault: edit::Fault| edit::refuse(path, text, &fault);
        let edited = edit::set(*format, &now, place, value).map_err(|fault| refuse(&now, fault))?;
        let is_free = edited.before.as_ref().is_none_or(|it| match it {
            Value::Object(map) => map.is_empty(),
            other => other.is_null(),
        }) || edited.before.as_ref().is_some_and(|it| is_ours(place, it));
        // A project may say the same already, by somebody's own hand.
        let is_said = wish.kind == COMPOSE && edited.before.as_ref() == Some(&edit::without_nulls(value));
        if !is_free && !is_said && !replaces {
            return Err(not_ours(wish, path, what));
        }
        let mut made = edited.made;
        made.extend(inherited.iter().filter(|it| place.starts_with(it) && it.len() < place.len()).cloned());
        made.sort();
        made.dedup();
        let wrote = digest_of(&edit::without_nulls(value));
        let (before, spelling) = (edited.before, edited.spelling);
        changes.push(Change { place: place.clone(), wrote, made, before, spelling });
        reverse.splice(0..0, edited.reverse);
        now = edited.text;
    }
    let edit = FileEdit {
        path: std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        format: *format,
        created,
        is_secret: *is_secret,
        mode,
        digest: digest(&now),
        reverse,
        changes,
    };
    *text = Some(now);
    Ok((edit, !was_there))
}

/// Something that is in the way, and whose it is.
fn not_ours(wish: &Wish, path: &Path, what: &str) -> Error {
    let (whose, hint) = match wish.kind {
        COMPOSE => ("is not of this hand-off", "remove it there, or put this in its place with `--force`"),
        _ => (
            "is not from this connector",
            "rename or remove it there, or log in with a connector of another name",
        ),
    };
    Error::invalid(format!("{} has a {what} that {whose}", path.display()))
        .with_hint(format!("{hint}; nothing was changed"))
}

/// What came of taking logins back.
#[derive(Debug)]
pub(crate) struct TakenBack {
    pub(crate) login: Login,
    pub(crate) files: Vec<Touched>,
}

/// Takes back the logins that are chosen; newest first.
///
/// # Errors
/// A file that cannot be read, edited or written; nothing is changed then.
pub(crate) fn log_out(home: &Path, choose: impl Fn(&[Login]) -> Vec<usize>) -> Result<Vec<TakenBack>> {
    if !home.is_dir() {
        return Ok(Vec::new());
    }
    let turn = Turn::wait(home)?;
    let mut journal = turn.journal()?;
    let mut chosen = choose(&journal.logins);
    chosen.sort_unstable_by(|a, b| b.cmp(a));
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let paths = chosen.iter().flat_map(|at| journal.logins[*at].files.iter().map(|it| it.path.clone()));
    let paths: Vec<PathBuf> = paths.collect();
    let mut desk = open(&paths).map_err(unchanged)?;
    let mut done = Vec::new();
    for at in chosen {
        let taken: Vec<Taken> = take_back::take_back(&mut journal.logins, at, &mut desk)?;
        let login = journal.logins.remove(at);
        let files = taken.into_iter().map(|it| Touched {
            path: it.path,
            whole: it.gone,
            what: it.left,
            under: it.under,
        });
        done.push(TakenBack { files: files.collect(), login });
    }
    commit(&mut desk)?;
    drop(desk);
    journal.write(home)?;
    done.iter_mut().for_each(|it| az::tidy(home, it, &journal.logins));
    Ok(done)
}

/// Says that files of other programs still ask for a connector by a name that is gone.
pub(crate) fn remind(app: &App, connector: &str) {
    let journal = Journal::read(app.home());
    if journal.is_ok_and(|it| it.logins.iter().any(|it| it.connector == connector)) {
        app.output.warn(&format!(
            "your programs still ask for `{connector}`: `connector logout {connector}` takes its logins back"
        ));
    }
}

/// What people call a place: its last word.
fn shown(place: &Place) -> String {
    let words = place.iter().map(|step| match step {
        Step::Key(word) | Step::Named(word) | Step::Target(word) => word.as_str(),
    });
    words.collect::<Vec<_>>().join(" ")
}
