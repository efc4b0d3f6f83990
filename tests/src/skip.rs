//! Skips that are seen: each is printed with its reason and counted at the end of `cargo xtask test`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::paths;

/// One test, or a part of one, that could not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The test or step.
    pub what: String,
    /// Why it could not run.
    pub reason: String,
}

/// Says loudly that `what` does not run, and records it for the summary.
///
/// ```no_run
/// let Ok(faketime) = connector_tests::install::faketime() else {
///     return connector_tests::skip::skip("boto3_survives_an_expiry", "libfaketime cannot be had");
/// };
/// ```
pub fn skip(what: &str, reason: impl std::fmt::Display) {
    let line = format!("{}\t{}\n", what.replace(['\t', '\n'], " "), reason.to_string().replace('\n', " "));
    // Not `eprint!`, which the test harness keeps to itself for a test that passes.
    let _ = write!(io::stderr(), "\nSKIPPED {line}");
    let path = record();
    let file = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(&path)?.write_all(line.as_bytes()));
    if let Err(error) = file {
        panic!("a skip must be counted, but {} cannot be written: {error}", path.display());
    }
}

/// The skips recorded since [`forget`].
pub fn recorded() -> Vec<Skip> {
    let text = fs::read_to_string(record()).unwrap_or_default();
    text.lines()
        .map(|line| {
            let (what, reason) = line.split_once('\t').unwrap_or((line, ""));
            Skip { what: what.to_owned(), reason: reason.to_owned() }
        })
        .collect()
}

/// Starts a new count.
pub fn forget() {
    let _ = fs::remove_file(record());
}

fn record() -> PathBuf {
    paths::tools().join("skips.tsv")
}
