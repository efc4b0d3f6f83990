//! The line on the terminal that says what is being waited for.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// What stands on the line now: there is one terminal, whoever writes to it.
static LINE: Mutex<Option<String>> = Mutex::new(None);

/// A line on the terminal that goes away.
#[derive(Debug)]
pub(crate) struct Progress {
    shows: bool,
}

impl Progress {
    /// Shows the line, if there is one to show.
    pub(super) fn start(line: Option<String>) -> Self {
        let shows = line.is_some();
        if let Some(line) = &line {
            write(line);
            *LINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.clone());
        }
        Self { shows }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shows {
            *LINE.lock().unwrap_or_else(PoisonError::into_inner) = None;
            write(CLEAR);
        }
    }
}

/// Takes the line away while a person is asked or told something, and shows it again.
pub(crate) fn pause<T>(talk: impl FnOnce() -> T) -> T {
    let line = LINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if line.is_some() {
        write(CLEAR);
    }
    let done = talk();
    if let Some(line) = line {
        write(&line);
    }
    done
}

/// To the beginning of the line, and everything on it away.
const CLEAR: &str = "\r\x1b[2K";

fn write(text: &str) {
    // Nobody is left to be shown anything when this fails.
    let mut err = std::io::stderr();
    let _ = write!(err, "{text}").and_then(|()| err.flush());
}
