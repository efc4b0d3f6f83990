//! Where programs are: this one, for files that name it, and those that others look for.

use std::path::{Path, PathBuf};

use connector_core::{Error, Result};

/// The program of this name that is found on `PATH`, as others find it.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|it| it.join(&file)).find(|it| is_program(it))
}

#[cfg(unix)]
pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// This program, for files that name it: by the name on `PATH` that leads to it, which outlives an upgrade,
/// else by where it lies.
///
/// # Errors
/// When the system does not say, or not in text.
pub(crate) fn own() -> Result<String> {
    let own = std::env::current_exe().map_err(|error| unknown(&error.kind().to_string()))?;
    let same = |it: &PathBuf| it.is_absolute() && it.canonicalize().ok() == own.canonicalize().ok();
    let path = find("connector").filter(same).unwrap_or(own);
    path.into_os_string().into_string().map_err(|_| unknown("its path is no text"))
}

fn unknown(why: &str) -> Error {
    Error::unexpected(format!("this program does not know where it lies: {why}"))
}

/// A directory on `PATH` where a link for docker's helper belongs: the user's own, else the one of this
/// program, else the system's.
pub(crate) fn place_for_link(own: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let home = etcetera::home_dir().map(|it| it.join(".local/bin")).ok();
    let beside = Path::new(own).parent().map(Path::to_owned);
    let known = [home, beside].into_iter().flatten().find(|it| on_path.contains(it));
    known.unwrap_or_else(|| PathBuf::from("/usr/local/bin"))
}
