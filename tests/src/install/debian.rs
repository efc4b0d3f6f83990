use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Unavailable, cannot_write, install_with, once};
use crate::paths;

/// Unpacks a Debian package into `target/tools/deb/NAME`, without root and without its maintainer scripts.
/// Answers with that folder; the package's files lie in it as they would below `/`.
pub fn debian(package: &str) -> Result<PathBuf, Unavailable> {
    let folder = paths::tools().join("deb").join(package);
    once(&folder, package, || {
        fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        download(package, &folder)?;
        unpack(package, &folder, &folder)
    })?;
    Ok(folder)
}

/// Unpacks the archive of `package` that lies in a folder.
pub(super) fn unpack(package: &str, folder: &Path, target: &Path) -> Result<(), Unavailable> {
    let archive = archive_in(folder, "deb")
        .ok_or_else(|| Unavailable::new(format!("apt-get downloaded no archive of `{package}`")))?;
    install_with(Command::new("dpkg").arg("-x").arg(archive).arg(target), "this needs Debian's dpkg")
}

pub(super) fn download(package: &str, folder: &Path) -> Result<(), Unavailable> {
    let hint = "this part needs Debian's apt-get with package lists (`apt-get update`)";
    let fetch = || {
        let mut command = Command::new("apt-get");
        install_with(command.args(["-q", "download", package]).current_dir(folder), hint)
    };
    fetch().or_else(|first| {
        // A new machine has no package lists yet. Only root may fetch them; anyone else keeps the first reason.
        install_with(Command::new("apt-get").args(["-q", "update"]), hint).map_err(|_| first)?;
        fetch()
    })
}

pub(super) fn archive_in(folder: &Path, kind: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.into_iter().find(|path| path.extension().is_some_and(|extension| extension == kind))
}

/// Shifts the clock of a program, by a preloaded library.
#[derive(Debug, Clone)]
pub struct Faketime {
    preload: PathBuf,
}

/// The clock-shifting library of Debian's `libfaketime`.
pub fn faketime() -> Result<Faketime, Unavailable> {
    let folder = debian("libfaketime")?;
    let preload = fs::read_dir(folder.join("usr/lib"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file())
        .ok_or_else(|| Unavailable::new("the package libfaketime holds no libfaketimeMT.so.1"))?;
    Ok(Faketime { preload })
}

impl Faketime {
    /// Lets `command` see a wall clock that is `seconds` ahead (behind, when negative). Its monotonic clock and
    /// its waits stay as they are.
    pub fn shift<'a>(&self, command: &'a mut Command, seconds: i64) -> &'a mut Command {
        command
            .env("LD_PRELOAD", &self.preload)
            .env("FAKETIME", format!("{seconds:+}"))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
    }

    /// Lets `command` read how far its clock is ahead from `file`, at every look at it: the file's content, such
    /// as `+3600`, may change while the program runs.
    pub fn follow<'a>(&self, command: &'a mut Command, file: &Path) -> &'a mut Command {
        self.shift(command, 0)
            .env_remove("FAKETIME")
            .env("FAKETIME_TIMESTAMP_FILE", file)
            .env("FAKETIME_NO_CACHE", "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{install, process, skip};

    const NOW: &str = "import time; print(int(time.time()))";

    fn python_time(prepare: impl FnOnce(&mut Command)) -> Option<i64> {
        let python = install::python().expect("the Python tools");
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = python.python(home.path());
        prepare(&mut command);
        process::run(&mut command).expect_success().stdout_text().trim().parse().ok()
    }

    #[test]
    fn a_python_client_runs_on_a_shifted_clock() {
        let faketime = match faketime() {
            Ok(faketime) => faketime,
            Err(reason) => return skip::skip("a_python_client_runs_on_a_shifted_clock", reason),
        };
        let real = python_time(|command| {
            command.args(["-c", NOW]);
        })
        .expect("a number");
        let shifted = python_time(|command| {
            faketime.shift(command.args(["-c", NOW]), 7200);
        });
        assert!((7200..7260).contains(&(shifted.expect("a number") - real)), "{shifted:?} beside {real}");

        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("clock");
        fs::write(&file, "-3600").expect("a file");
        // The script itself moves its clock while it runs.
        let script = "import os, time; before = time.time(); open(os.environ['FILE'], 'w').write('+3600'); \
                      print(int(time.time() - before))";
        let moved = python_time(|command| {
            faketime.follow(command.env("FILE", &file).args(["-c", script]), &file);
        });
        assert!((7200..7260).contains(&moved.expect("a number")), "{moved:?}");
    }
}
