//! Reads JSON with its spans. Everything that the grammar allows is kept: doubled keys, any order, any spaces.

use serde_json::Value;

use super::tree::{Fault, Kind, Node, Pair, Parsed};

/// No program nests its settings deeper; a hostile file would exhaust the stack.
const DEPTH: usize = 64;

/// The tree of a JSON text.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    // az begins its files with a mark of their order of bytes.
    let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at };
    scanner.space();
    let node = scanner.value(0)?;
    scanner.space();
    if scanner.at < text.len() {
        Err(scanner.fault("something stands after the end of the JSON"))
    } else {
        Ok(node)
    }
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at.min(self.text.len()), what }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes the byte if it stands here.
    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Parsed<Node> {
        let start = self.at;
        let kind = match self.peek() {
            _ if depth > DEPTH => return Err(self.fault("nested too deeply")),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Kind::Scalar(Value::String(self.string()?)),
            Some(_) => self.word()?,
            None => return Err(self.fault("the JSON ends too early")),
        };
        Ok(Node { span: start..self.at, kind })
    }

    fn object(&mut self, depth: usize) -> Parsed<Kind> {
        self.at += 1;
        let mut pairs = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Kind::Map { flow: true, pairs });
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("expected a key in double quotes"));
            }
            let key = self.string()?;
            let key_span = start..self.at;
            self.space();
            if !self.take(b':') {
                return Err(self.expected("expected `:` after a key"));
            }
            self.space();
            pairs.push(Pair { key, key_span, value: self.value(depth + 1)? });
            self.space();
            if self.take(b'}') {
                return Ok(Kind::Map { flow: true, pairs });
            }
            if !self.take(b',') {
                return Err(self.expected("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Parsed<Kind> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Kind::List { flow: true, items });
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Kind::List { flow: true, items });
            }
            if !self.take(b',') {
                return Err(self.expected("expected `,` or `]`"));
            }
        }
    }

    fn expected(&self, what: &'static str) -> Fault {
        self.fault(if self.at < self.text.len() { what } else { "the JSON ends too early" })
    }

    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..0x20) => return Err(self.fault("a text is not closed on its line")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("the JSON ends within a text")),
            }
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at])
            .map_err(|_| Fault { at: start, what: "a text with a wrong escape" })
    }

    fn word(&mut self) -> Parsed<Kind> {
        let start = self.at;
        while matches!(self.peek(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        match serde_json::from_str::<Value>(&self.text[start..self.at]) {
            Ok(value) => Ok(Kind::Scalar(value)),
            Err(_) => Err(Fault { at: start, what: "not JSON" }),
        }
    }
}
