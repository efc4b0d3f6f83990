//! Reads and edits the files of AWS's programs, by the rules of the strictest of their readers: one section
//! or key that stands there twice makes the whole file unreadable for it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::splice::Splice;
use super::tree::{Fault, Kind, Node, Pair, Parsed};

/// The tree: a map of sections, each a map of texts.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    let mut sections: Vec<Pair> = Vec::new();
    let (mut seen, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_end();
        let end = start + content.len();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(inner) = content.strip_prefix('[') {
            let Some((name, _)) = inner.split_once(']') else {
                return Err(Fault { at: start, what: "a section's name without its `]`" });
            };
            if !seen.insert(name.to_owned()) {
                return Err(Fault { at: start, what: "a section that stands there twice" });
            }
            keys.clear();
            let value = Node { span: end..end, kind: Kind::Map { flow: false, pairs: Vec::new() } };
            sections.push(Pair { key: name.to_owned(), key_span: start..end, value });
            continue;
        }
        let Some(Pair { value: Node { span, kind: Kind::Map { pairs, .. } }, .. }) = sections.last_mut()
        else {
            return Err(Fault { at: start, what: "a line before the first section" });
        };
        span.end = end;
        if content.starts_with([' ', '\t']) {
            // It goes on with the value above, of which ours have one line only.
            let Some(Pair { value, .. }) = pairs.last_mut() else {
                return Err(Fault { at: start, what: "a line that goes on with nothing" });
            };
            value.span.end = end;
            value.kind = Kind::Scalar(Value::String(text[value.span.clone()].to_owned()));
            continue;
        }
        let Some(mark) = content.find(['=', ':']) else {
            return Err(Fault {
                at: start,
                what: "a line that is neither a section, a comment nor `key = value`",
            });
        };
        let key = content[..mark].trim().to_lowercase();
        if !keys.insert(key.clone()) {
            return Err(Fault { at: start, what: "a key that stands there twice in its section" });
        }
        let value = content[mark + 1..].trim_start();
        let value =
            Node { span: end - value.len()..end, kind: Kind::Scalar(Value::String(value.to_owned())) };
        pairs.push(Pair { key, key_span: start..start + mark, value });
    }
    Ok(Node { span: 0..text.len(), kind: Kind::Map { flow: false, pairs: sections } })
}

/// Puts a section at the end, or in the place of the one that is there.
pub(super) fn set(text: &str, root: &Node, section: &str, value: &Value) -> Vec<Splice> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines = vec![format!("[{section}]")];
    for (key, value) in value.as_object().into_iter().flatten() {
        lines.push(format!("{key} = {}", value.as_str().unwrap_or_default()));
    }
    let whole = lines.join(newline);
    if let Some((_, _, span)) =
        root.children().into_iter().find(|(pair, ..)| pair.is_some_and(|it| it.key == section))
    {
        return vec![Splice::new(span, whole)];
    }
    // On a line of its own, with an empty one before it.
    let gap = match text {
        "" => "",
        _ if text.ends_with("\n\n") || text.ends_with("\n\r\n") => "",
        _ if text.ends_with('\n') => newline,
        _ => &format!("{newline}{newline}"),
    };
    vec![Splice::new(text.len()..text.len(), format!("{gap}{whole}{newline}"))]
}

/// Takes a section away, with the empty line before it.
pub(super) fn unset(text: &str, root: &Node, section: &str) -> Vec<Splice> {
    let Some((_, _, span)) =
        root.children().into_iter().find(|(pair, ..)| pair.is_some_and(|it| it.key == section))
    else {
        return Vec::new();
    };
    let end = text[span.end..].find('\n').map_or(text.len(), |it| span.end + it + 1);
    let before = &text[..span.start];
    let blank = ["\n\r\n", "\n\n"].iter().find(|it| before.ends_with(**it)).map_or(0, |it| it.len() - 1);
    vec![Splice::new(span.start - blank..end, String::new())]
}
