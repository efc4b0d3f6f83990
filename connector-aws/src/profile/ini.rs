//! Reads the INI dialect of `~/.aws/config` and `~/.aws/credentials`, as Python's `RawConfigParser` does,
//! which the `aws` program reads them with: whole-line comments only, `=` or `:`, keys without case,
//! indented lines that go on with the value above, a section or key that comes twice is an error.

use std::collections::BTreeMap;
use std::path::Path;

use connector_core::{Error, Result, Secret};

/// Larger files are refused unread.
const LARGEST: usize = 1 << 20;

/// Sections in the order of the file.
pub(super) type Sections = Vec<(String, BTreeMap<String, Value>)>;

/// The value of a key. Any of them may be a secret that somebody put into the wrong place.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Text, perhaps of several lines.
    Text(Secret),
    /// What stands indented under a key without a value: one more level of keys.
    Nested(BTreeMap<String, Secret>),
}

/// Reads a file.
///
/// # Errors
/// Invalid input that names the file and the line, never what stands there.
pub(super) fn read(path: &Path, text: &str) -> Result<Sections> {
    if text.len() > LARGEST {
        return Err(Error::invalid(format!("{} is larger than 1 MiB", path.display())));
    }
    let mut reader = Reader::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A line ends with LF, CRLF or CR alone.
    let lines = text.split('\n').flat_map(|it| it.strip_suffix('\r').unwrap_or(it).split('\r'));
    for (line, number) in lines.zip(1..) {
        reader.line(line, number).map_err(|fault| fault.at(path))?;
    }
    reader.finish().map_err(|fault| fault.at(path))
}

/// What is wrong with a line.
struct Fault {
    line: usize,
    what: String,
}

impl Fault {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }

    fn at(self, path: &Path) -> Error {
        Error::invalid(format!("{}, line {}: {}", path.display(), self.line, self.what))
            .with_hint("mend the file: the aws program cannot read it either")
    }
}

#[derive(Default)]
struct Reader {
    sections: Sections,
    /// Section → its first line.
    seen: BTreeMap<String, usize>,
    /// The keys of the present section, but for the last one.
    keys: BTreeMap<String, Lines>,
    /// The last key, which indented lines go on with. Held apart: to find it again for each line would compare it
    /// as often, and a key may be as long as the file.
    open: Option<(String, Lines)>,
    /// How far the last key or section was indented.
    indent: usize,
}

/// The lines of one value, with their numbers.
type Lines = Vec<(usize, String)>;

impl Reader {
    fn line(&mut self, line: &str, number: usize) -> Result<(), Fault> {
        let content = line.trim();
        if content.starts_with(['#', ';']) {
            return Ok(());
        }
        if content.is_empty() {
            if let Some((_, value)) = &mut self.open {
                value.push((number, String::new()));
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|it| it.is_whitespace()).count();
        let goes_on = indent > self.indent;
        if let Some((_, value)) = self.open.as_mut().filter(|_| goes_on) {
            value.push((number, content.to_owned()));
            return Ok(());
        }
        self.indent = indent;
        match header(content) {
            Some(name) => self.section(name, number),
            None if self.sections.is_empty() => Err(Fault::new(number, "stands before the first [section]")),
            None => self.key(content, number),
        }
    }

    fn section(&mut self, name: &str, number: usize) -> Result<(), Fault> {
        if let Some(first) = self.seen.insert(name.to_owned(), number) {
            return Err(Fault::new(number, format!("repeats the section of line {first}")));
        }
        self.close()?;
        self.sections.push((name.to_owned(), BTreeMap::new()));
        Ok(())
    }

    fn key(&mut self, content: &str, number: usize) -> Result<(), Fault> {
        let Some((key, value)) = content.split_once(['=', ':']) else {
            return Err(Fault::new(number, "is neither a [section], nor KEY = VALUE, nor a comment"));
        };
        let key = key.trim_end().to_lowercase();
        if key.is_empty() {
            return Err(Fault::new(number, "has no key before its ="));
        }
        self.keys.extend(self.open.take());
        if let Some(first) = self.keys.get(&key).and_then(|it| it.first()) {
            return Err(Fault::new(number, format!("repeats the key of line {}", first.0)));
        }
        self.open = Some((key, vec![(number, value.trim().to_owned())]));
        Ok(())
    }

    /// Ends the present section.
    fn close(&mut self) -> Result<(), Fault> {
        self.keys.extend(self.open.take());
        let keys = std::mem::take(&mut self.keys);
        if let Some((_, section)) = self.sections.last_mut() {
            for (key, lines) in keys {
                section.insert(key, value(lines)?);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Sections, Fault> {
        self.close()?;
        Ok(self.sections)
    }
}

/// What stands in brackets at the start of a line; what comes behind them has no meaning.
fn header(content: &str) -> Option<&str> {
    let end = content.rfind(']')?;
    content[..end].strip_prefix('[').filter(|it| !it.is_empty())
}

/// A value from its lines: nested keys when the first line is empty and others follow.
fn value(mut lines: Lines) -> Result<Value, Fault> {
    while lines.last().is_some_and(|(_, text)| text.is_empty()) && lines.len() > 1 {
        lines.pop();
    }
    if lines.len() > 1 && lines[0].1.is_empty() {
        let mut nested = BTreeMap::new();
        for (number, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
            let (key, value) = text.split_once('=').ok_or_else(|| {
                Fault::new(number, "stands under a key without a value, and is not KEY = VALUE")
            })?;
            nested.insert(key.trim().to_owned(), Secret::new(value.trim()));
        }
        return Ok(Value::Nested(nested));
    }
    let lines: Vec<String> = lines.into_iter().map(|(_, text)| text).collect();
    Ok(Value::Text(Secret::new(lines.join("\n"))))
}
