//! Edits of YAML blocks: whole lines come and go.

use serde_json::Value;

use super::splice::Splice;
use super::tree::{Fault, Node, Parsed, Span};
use super::yaml::colon;

const UNUSUAL: &str = "written in a way that is not edited here";

/// Adds a pair below the last one.
pub(super) fn insert_pair(text: &str, map: &Node, key: &str, value: &Value) -> Parsed<Vec<Splice>> {
    let column = column(text, map.span.start);
    Ok(vec![added(text, map.span.end, pair(column, key, value))?])
}

/// Adds an item below the last one.
pub(super) fn insert_item(text: &str, list: &Node, value: &Value) -> Parsed<Vec<Splice>> {
    let children = list.children();
    let (_, _, last) = children.last().ok_or(Fault { at: list.span.start, what: UNUSUAL })?;
    let dash = dash(text, last.start)?;
    Ok(vec![added(text, last.end, item(column(text, dash), value))?])
}

/// Puts something below a key that has nothing, or empty brackets.
pub(super) fn fill(text: &str, key: &Span, old: &Node, value: &Value) -> Parsed<Vec<Splice>> {
    let after_colon = colon(text, key.end).ok_or(Fault { at: key.start, what: UNUSUAL })?;
    let lines = container(column(text, key.start), value);
    Ok(vec![
        Splice::new(after_colon..old.span.end.max(after_colon), ""),
        added(text, old.span.end.max(after_colon), lines)?,
    ])
}

/// Puts a value in the place of a pair's.
pub(super) fn replace_pair(
    text: &str,
    key: &Span,
    name: &str,
    old: &Node,
    value: &Value,
) -> Parsed<Vec<Splice>> {
    let is_short = !text[old.span.clone()].contains('\n') && !old.span.is_empty();
    if is_short && (old.is_flow() || old.children().is_empty()) && !value.is_object() && !value.is_array() {
        return Ok(vec![Splice::new(old.span.clone(), scalar(value))]);
    }
    let lines = lines(text, key.start, old.span.end.max(key.end))?;
    Ok(vec![replaced(text, lines, pair(column(text, key.start), name, value))])
}

/// Puts an item in the place of another one.
pub(super) fn replace_item(text: &str, old: &Node, value: &Value) -> Parsed<Vec<Splice>> {
    let dash = dash(text, old.span.start)?;
    let lines = lines(text, dash, old.span.end)?;
    Ok(vec![replaced(text, lines, item(column(text, dash), value))])
}

/// Takes the lines of a pair away.
pub(super) fn remove_pair(text: &str, key: &Span, value: &Node) -> Parsed<Vec<Splice>> {
    let end = colon(text, key.end).unwrap_or(key.end).max(value.span.end);
    Ok(vec![Splice::new(lines(text, key.start, end)?, "")])
}

/// Takes the lines of an item away.
pub(super) fn remove_item(text: &str, item: &Node) -> Parsed<Vec<Splice>> {
    Ok(vec![Splice::new(lines(text, dash(text, item.span.start)?, item.span.end)?, "")])
}

/// Says that a key has nothing in it any more.
pub(super) fn empty(text: &str, key: &Span, brackets: &str) -> Parsed<Splice> {
    let after_colon = colon(text, key.end).ok_or(Fault { at: key.start, what: UNUSUAL })?;
    Ok(Splice::new(after_colon..after_colon, format!(" {brackets}")))
}

/// Lines after the line on which something ends.
fn added(text: &str, after: usize, lines: String) -> Parsed<Splice> {
    let at = line_end(text, after);
    let beside = text[after..at].trim();
    if !beside.is_empty() && !beside.starts_with('#') {
        return Err(Fault { at: after, what: UNUSUAL });
    }
    let newline = newline(text);
    let gap = if at > 0 && !text[..at].ends_with('\n') { newline } else { "" };
    Ok(Splice::new(at..at, format!("{gap}{}", lines.replace('\n', newline))))
}

fn replaced(text: &str, old: Span, lines: String) -> Splice {
    let mut lines = lines.replace('\n', newline(text));
    if !text[old.clone()].ends_with('\n') {
        lines.truncate(lines.trim_end().len());
    }
    Splice::new(old, lines)
}

/// Whole lines, from the one that something begins to the one that it ends on.
fn lines(text: &str, start: usize, end: usize) -> Parsed<Span> {
    let line = text[..start].rfind('\n').map_or(0, |it| it + 1);
    let line_end = line_end(text, end);
    let beside = text[end..line_end].trim();
    if !text[line..start].trim().is_empty() || (!beside.is_empty() && !beside.starts_with('#')) {
        return Err(Fault { at: start, what: UNUSUAL });
    }
    Ok(line..line_end)
}

/// The byte after the line on which something ends. What ends with its line ends there.
fn line_end(text: &str, end: usize) -> usize {
    if end > 0 && text[..end].ends_with('\n') {
        return end;
    }
    text[end..].find('\n').map_or(text.len(), |it| end + it + 1)
}

/// The dash before an item, on the same line.
fn dash(text: &str, item: usize) -> Parsed<usize> {
    let before = text[..item].trim_end_matches(' ');
    match before.strip_suffix('-') {
        Some(before) => Ok(before.len()),
        None => Err(Fault { at: item, what: UNUSUAL }),
    }
}

fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |it| it + 1)
}

pub(super) fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// A pair as lines, as kubectl sets them: lists are not indented further than their key.
fn pair(column: usize, key: &str, value: &Value) -> String {
    let (blank, key) = (" ".repeat(column), scalar(&key.into()));
    match value {
        Value::Object(map) if !map.is_empty() => format!("{blank}{key}:\n{}", container(column, value)),
        Value::Array(items) if !items.is_empty() => format!("{blank}{key}:\n{}", container(column, value)),
        _ => format!("{blank}{key}: {}\n", scalar(value)),
    }
}

/// What stands below a key of this column.
fn container(column: usize, value: &Value) -> String {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| pair(column + 2, key, value)).collect(),
        Value::Array(items) => items.iter().map(|it| item(column, it)).collect(),
        _ => String::new(),
    }
}

fn item(column: usize, value: &Value) -> String {
    let blank = " ".repeat(column);
    match value {
        Value::Object(map) if !map.is_empty() => {
            let lines = container(column, value);
            format!("{blank}- {}", lines.trim_start_matches(' '))
        }
        _ => format!("{blank}- {}\n", scalar(value)),
    }
}

/// A value on one line: plain where every reader takes it for the same text, else in quotes.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    // What some readers take for something else than a text.
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/')
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_./:@=+".contains(&it))
        && !text.ends_with(':')
        && !reserved.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.clone() } else { value.to_string() }
}
