//! Where a value comes from: the command line itself, a file, a variable, standard input.

use std::io::Read;
use std::path::Path;

use connector_core::{Error, Result};
use zeroize::Zeroizing;

/// The most that is read for one value, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where a value comes from.
pub(super) enum Source<'a> {
    Literal(&'a str),
    File(&'a str),
    Variable(&'a str),
    Stdin,
}

impl<'a> Source<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        if text == "-" {
            Self::Stdin
        } else if let Some(path) = text.strip_prefix('@') {
            Self::File(path)
        } else if let Some(name) = text.strip_prefix("env:") {
            Self::Variable(name)
        } else {
            Self::Literal(text)
        }
    }

    pub(super) fn read(self) -> Result<Zeroizing<String>> {
        match self {
            Self::Literal(text) => Ok(Zeroizing::new(text.to_owned())),
            Self::File(path) => read_file(Path::new(path)).map(without_line_end),
            Self::Variable(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
                Error::invalid(format!("the environment variable `{name}` is not set, or no text"))
            }),
            Self::Stdin => read_all(std::io::stdin().lock(), "standard input").map(without_line_end),
        }
    }
}

/// Reads a file of text, at most 1 MiB.
///
/// # Errors
/// [`NotFound`](connector_core::ErrorKind::NotFound) when there is none. No content is quoted.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<String>> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("no file {}", path.display())),
        kind => Error::invalid(format!("cannot read {}: {kind}", path.display())),
    })?;
    read_all(file, &path.display().to_string())
}

/// Reads text to its end, at most 1 MiB.
///
/// # Errors
/// What is larger, or no text. No content is quoted.
pub(crate) fn read_all(from: impl Read, name: &str) -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::invalid(format!("cannot read {name}: {}", error.kind())))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::invalid(format!("{name} is larger than 1 MiB")));
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Error::invalid(format!("{name} is not UTF-8 text")))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Editors end files with a line end that is no part of the value.
fn without_line_end(mut text: Zeroizing<String>) -> Zeroizing<String> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
