//! Reads YAML with its spans, by a real parser.

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};
use serde_json::Value;

use super::tree::{Fault, Kind, Node, Pair, Parsed, Span};

const UNUSUAL: &str = "written in a way that is not edited here";

/// The tree of a YAML text of one document. No document at all is a tree of nothing.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    let options = granit_parser::options! { emit_comments: false };
    let mut reader = Reader { text, parser: Parser::new_from_str_with_options(text, options) };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if root.is_some() => {
                return Err(Fault { at: span.start, what: "a second YAML document in the same file" });
            }
            event => root = Some(reader.node(event, span)?),
        }
    }
    Ok(root.unwrap_or(Node { span: 0..0, kind: Kind::Scalar(Value::Null) }))
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Parsed<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let range = span.byte_range().filter(|it| it.end <= self.text.len());
                Ok((event, range.ok_or(Fault { at: 0, what: UNUSUAL })?))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                Err(Fault { at: at.min(self.text.len()), what: "not YAML" })
            }
            None => Ok((Event::StreamEnd, self.text.len()..self.text.len())),
        }
    }

    /// The node that begins with an event; reads to its end.
    fn node(&mut self, event: Event<'a>, span: Span) -> Parsed<Node> {
        match event {
            Event::Scalar(value, style, _, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let source = &self.text[span.clone()];
                let end = span.start
                    + if style == ScalarStyle::Plain { source.trim_end().len() } else { source.len() };
                let value = if plain { resolve(&value) } else { Value::String(value.into_owned()) };
                Ok(Node { span: span.start..end, kind: Kind::Scalar(value) })
            }
            Event::Alias(_) => Ok(Node { span, kind: Kind::Alias }),
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    match event {
                        Event::SequenceEnd => break span,
                        event => items.push(self.node(event, span)?),
                    }
                };
                let flow = style == StructureStyle::Flow;
                let inner = items.first().zip(items.last()).map(|(a, b)| a.span.start..b.span.end);
                Ok(Node { span: whole(flow, span, inner, end), kind: Kind::List { flow, items } })
            }
            Event::MappingStart(style, ..) => {
                let mut pairs: Vec<Pair> = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    if event == Event::MappingEnd {
                        break span;
                    }
                    pairs.push(self.pair(event, span)?);
                };
                let flow = style == StructureStyle::Flow;
                let inner = pairs.first().zip(pairs.last());
                let inner = inner.map(|(a, b)| a.key_span.start..b.value.span.end.max(b.key_span.end));
                Ok(Node { span: whole(flow, span, inner, end), kind: Kind::Map { flow, pairs } })
            }
            _ => Err(Fault { at: span.start, what: UNUSUAL }),
        }
    }

    fn pair(&mut self, event: Event<'a>, span: Span) -> Parsed<Pair> {
        let key = match &event {
            Event::Scalar(key, ..) => key.clone().into_owned(),
            // Keys that are no texts are nobody's settings; they are kept as they are.
            _ => format!("#{}", span.start),
        };
        let key_node = self.node(event, span)?;
        let (event, span) = self.next()?;
        let mut value = self.node(event, span)?;
        if value.span.is_empty() {
            // A value that is not written has no place of its own: it would stand after the colon.
            let at = colon(self.text, key_node.span.end).unwrap_or(key_node.span.end);
            value.span = at..at;
        }
        Ok(Pair { key, key_span: key_node.span, value })
    }
}

/// The byte after the colon that ends a key.
pub(super) fn colon(text: &str, key_end: usize) -> Option<usize> {
    let rest = text.get(key_end..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blank..].starts_with(':').then_some(key_end + blank + 1)
}

/// A flow collection has brackets; a block ends where the last thing in it does.
fn whole(flow: bool, start: Span, inner: Option<Span>, end: Span) -> Span {
    match inner {
        Some(inner) if !flow => inner,
        _ => start.start..end.end.max(start.end),
    }
}

/// What an unquoted word means to the programs that read kubeconfig files.
fn resolve(word: &str) -> Value {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => word.parse::<i64>().map_or_else(|_| Value::String(word.to_owned()), Value::from),
    }
}
