//! The part of the Common Expression Language that conditions of boundaries are made of, read and judged.
//!
//! `==`, `||`, `&&`, `!`, parentheses, texts in single or double quotes, `resource.name`, `resource.type`,
//! `api.getAttribute(name, default)`, and `startsWith`. What else stands there is refused: an expression that is not
//! understood allows nothing.

use connector_core::{Error, Result};

/// A text in the language's quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for character in text.chars() {
        if matches!(character, '\\' | '\'') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('\'');
    out
}

/// What an expression can ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// `resource.name`.
    pub(super) name: &'a str,
    /// `resource.type`.
    pub(super) kind: &'a str,
    /// The attribute `storage.googleapis.com/objectListPrefix`.
    pub(super) list_prefix: &'a str,
}

/// Judges an expression.
///
/// # Errors
/// Invalid input when it holds something that is not understood.
pub(super) fn holds(text: &str, facts: Facts<'_>) -> Result<bool> {
    let mut reader = Reader { rest: text, facts, depth: 0 };
    let value = reader.any()?;
    reader.skip();
    if reader.rest.is_empty() { Ok(value) } else { Err(not_understood()) }
}

fn not_understood() -> Error {
    Error::invalid("the condition holds something that is not understood")
}

/// More parentheses within each other than any condition needs.
const DEEPEST: usize = 32;

struct Reader<'a> {
    rest: &'a str,
    facts: Facts<'a>,
    depth: usize,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, word: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn needs(&mut self, word: &str) -> Result<()> {
        if self.takes(word) { Ok(()) } else { Err(not_understood()) }
    }

    /// `a || b || …`; both sides are read, whichever decides.
    fn any(&mut self) -> Result<bool> {
        let mut value = self.all()?;
        while self.takes("||") {
            value |= self.all()?;
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<bool> {
        let mut value = self.one()?;
        while self.takes("&&") {
            value &= self.one()?;
        }
        Ok(value)
    }

    fn one(&mut self) -> Result<bool> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(not_understood());
        }
        let value = if self.takes("!") {
            // It binds closer than `==`, so only what stands in parentheses is sure to be meant.
            self.skip();
            if !self.rest.starts_with(['(', '!']) {
                return Err(not_understood());
            }
            !self.one()?
        } else if self.takes("(") {
            let value = self.any()?;
            self.needs(")")?;
            value
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn comparison(&mut self) -> Result<bool> {
        let left = self.text()?;
        if self.takes(".startsWith(") {
            let start = self.text()?;
            self.needs(")")?;
            return Ok(left.starts_with(&start));
        }
        if self.takes("!=") {
            return Ok(left != self.text()?);
        }
        self.needs("==")?;
        Ok(left == self.text()?)
    }

    fn text(&mut self) -> Result<String> {
        if self.takes("resource.name") {
            return Ok(self.facts.name.to_owned());
        }
        if self.takes("resource.type") {
            return Ok(self.facts.kind.to_owned());
        }
        if self.takes("api.getAttribute(") {
            let name = self.literal()?;
            self.needs(",")?;
            let default = self.literal()?;
            self.needs(")")?;
            let known =
                name == "storage.googleapis.com/objectListPrefix" && !self.facts.list_prefix.is_empty();
            return Ok(if known { self.facts.list_prefix.to_owned() } else { default });
        }
        self.literal()
    }

    fn literal(&mut self) -> Result<String> {
        self.skip();
        let quote =
            self.rest.chars().next().filter(|it| matches!(it, '\'' | '"')).ok_or_else(not_understood)?;
        let mut out = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\\' | '\'' | '"'))) => out.push(escaped),
                    _ => return Err(not_understood()),
                },
                '\n' | '\r' => return Err(not_understood()),
                end if end == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(out);
                }
                other => out.push(other),
            }
        }
        Err(not_understood())
    }
}
