//! What the program prints: data to standard output in the form that was asked for, all else to standard
//! error.

mod document;
mod progress;
mod reached;
mod table;
mod text;

use std::io::{ErrorKind, IsTerminal, Write};

use connector_core::{Error, Result};
use connectors::hub::Notice;
use serde::Serialize;
use serde_json::json;
use tracing::level_filters::LevelFilter;

pub(crate) use document::{document_table, document_value, labels, resource_name, resource_types, state};
pub(crate) use progress::{Progress, pause};
pub(crate) use reached::{reached_table, reached_value, reasons};
pub(crate) use table::{Cell, Table};
pub(crate) use text::{clean, expires_in, time_left, wrap};

use crate::args::OutputFormat;

/// How and where to print.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) format: OutputFormat,
    /// Columns of the terminal that standard output is; none in a pipe.
    pub(crate) terminal: Option<usize>,
    /// Whether standard output may be coloured.
    color: bool,
    /// Whether standard error may be coloured.
    color_errors: bool,
}

/// The widest that prose is set, also on a wider terminal.
const PROSE: usize = 100;

impl Output {
    /// Prints in `format`, to what the standard streams are.
    pub(crate) fn new(format: OutputFormat) -> Self {
        let colors = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        let terminal = std::io::stdout()
            .is_terminal()
            .then(|| terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0).max(40)));
        Self {
            format,
            terminal,
            color: colors && terminal.is_some(),
            color_errors: colors && std::io::stderr().is_terminal(),
        }
    }

    /// Columns for prose.
    pub(crate) fn prose_width(&self) -> usize {
        self.terminal.unwrap_or(80).min(PROSE)
    }

    /// Prints data: as text for people, or whole in the form that was asked for.
    pub(crate) fn show<T: Serialize>(&self, data: &T, text: impl FnOnce() -> String) -> Result<()> {
        let unprintable = || Error::unexpected("the answer cannot be written in this form");
        match self.format {
            OutputFormat::Table => self.print(&text()),
            OutputFormat::Json => self.print(&serde_json::to_string_pretty(data).map_err(|_| unprintable())?),
            OutputFormat::Yaml => self.print(&serde_saphyr::to_string(data).map_err(|_| unprintable())?),
        }
    }

    /// Prints text to standard output, with the end of a line. A reader that went away wants no more.
    pub(crate) fn print(&self, text: &str) -> Result<()> {
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        self.raw(&format!("{text}{end}"))
    }

    /// Prints text to standard output and nothing beside it.
    pub(crate) fn raw(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::unexpected(format!("cannot write to standard output: {}", error.kind())))
            }
            _ => Ok(()),
        }
    }

    /// Text that stands out in a terminal.
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.color { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Says what to know about what was done.
    pub(crate) fn warn(&self, text: &str) {
        self.tell("warning:", "33", text);
    }

    /// Says what went wrong beside the answer, which nothing in the data tells: to programs that read JSON as one
    /// object on one line, as an error would be.
    pub(crate) fn notice(&self, notice: &Notice) {
        if self.format == OutputFormat::Json {
            let Notice { connector, message, hint, .. } = notice;
            let line = json!({ "warning": { "message": message, "hint": hint, "connector": connector } });
            // Nobody is left to be told when this fails.
            let _ = writeln!(std::io::stderr(), "{line}");
            return;
        }
        self.warn(&notice.to_string());
        if let Some(hint) = &notice.hint {
            self.hint(hint);
        }
    }

    /// Says what could be done next, or better.
    pub(crate) fn hint(&self, text: &str) {
        self.tell("hint:", "36", text);
    }

    /// Says something beside the data.
    pub(crate) fn note(&self, text: &str) {
        self.tell("", "", text);
    }

    /// Programs that read JSON find the same in the data, and nothing but an error on standard error.
    fn tell(&self, word: &str, color: &str, text: &str) {
        if self.format == OutputFormat::Json {
            return;
        }
        let line = match (word.is_empty(), self.color_errors) {
            (true, _) => clean(text),
            (false, true) => format!("\x1b[1;{color}m{word}\x1b[0m {}", clean(text)),
            (false, false) => format!("{word} {}", clean(text)),
        };
        // Nobody is left to be told when this fails.
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Says on a terminal what is being waited for; gone when the returned value is.
    #[must_use]
    pub(crate) fn progress(&self, what: &str) -> Progress {
        // Lines of `-v` say what is being waited for.
        let silent = LevelFilter::current() == LevelFilter::OFF;
        let shows = silent && std::io::stderr().is_terminal() && self.format == OutputFormat::Table;
        Progress::start(shows.then(|| format!("{}…", clean(what))))
    }
}
